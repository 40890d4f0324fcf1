"""Test the training loop: it keeps the best epoch and is reproducible."""

import math
from dataclasses import replace

import pytest
import torch

from flystage.core.errors import FlystageError
from flystage.network.stager import Head
from flystage.raw.stages import Stages
from flystage.training import head as of_head
from flystage.training.batches import VectorBatches
from flystage.training.head import HeadInputs, train_head, train_layers
from flystage.training.history import best_epoch, check_converged
from flystage.training.loop import Training, validate
from flystage.training.processes import Here
from flystage.training.recipe import Recipe

STAGES = Stages.as_given(["051", "060", "069"])
TRAIN = {"mode": "frozen", "seed": 1, "loss": "ordered", "spread": 1.0, "weight_decay": 0.01, "patience": 50}
RECIPE = Recipe([16], 0.2, TRAIN, learning_rate=0.01, batch_size=16, epochs=5)


@pytest.fixture(autouse=True)
def one_thread():
    """Use one thread, because several slow down such small networks when the cores are busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def clusters(images, seed, noise=0.5):
    """Return vectors that separate three stages, with noise, and their labels."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(images) % 3
    return torch.eye(3, 8)[labels] * 2 + noise * torch.randn(images, 8, generator=random), labels


def inputs(train, val):
    return HeadInputs.of(train, val, seed=1)


class Scripted(torch.nn.Module):
    """A network whose only weight counts the training steps. Its validation loss follows a script by this count."""

    def __init__(self, right):
        super().__init__()
        self.steps = torch.nn.Parameter(torch.zeros(()))
        self.right = right  # scores of the true stage, by number of steps

    def forward(self, inputs):
        step = self.steps.round().int().item()
        score = self.right[min(step, len(self.right) - 1)] if not self.training else 0.0
        scores = torch.zeros(len(inputs), 3)
        scores[:, 0] = score
        return scores + 0 * self.steps


class Counting(torch.optim.SGD):
    def __init__(self, parameters, **_):
        super().__init__(parameters, lr=1.0)

    def step(self):
        with torch.no_grad():
            self.param_groups[0]["params"][0] += 1


def scripted_fit(right, epochs, patience):
    network = Scripted(right)
    data = torch.zeros(4, 8), torch.zeros(4, dtype=torch.int64)
    batches = VectorBatches(*data, 4, Here())
    recipe = replace(RECIPE, train=TRAIN | {"patience": patience}, epochs=epochs)
    training = Training(network, Counting(network.parameters()), torch.eye(3), recipe)
    return network, training.run(batches, batches)


def test_training_ends_with_the_network_of_the_best_epoch():
    network, history = scripted_fit([0, 1, 3, 2, 2.5], epochs=4, patience=9)
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    assert best_epoch(history)["epoch"] == 2
    assert network.steps.item() == 2
    assert history[1]["val_loss"] == pytest.approx(math.log(1 + 2 * math.exp(-3)), rel=1e-5)


def test_training_stops_when_patience_runs_out():
    _, history = scripted_fit([0, 1, 3, 2, 2, 2, 9], epochs=100, patience=3)
    assert len(history) == 5  # epoch 2 is the best, then three epochs are not better
    _, history = scripted_fit([0, 1, 1, 1, 1, 1], epochs=100, patience=2)
    assert len(history) == 3  # an equal loss is not better
    assert best_epoch(history)["epoch"] == 1


def test_nan_losses_do_not_replace_a_finite_loss():
    network, history = scripted_fit([0, math.nan, 2, math.nan], epochs=3, patience=9)
    assert network.steps.item() == 2
    assert best_epoch(history)["epoch"] == 2
    check_converged(history, 0.1)


def test_diverged_training_raises_an_error_with_the_setting_to_change():
    network, history = scripted_fit([0, math.nan], epochs=20, patience=3)
    assert len(history) == 3
    with pytest.raises(FlystageError, match=r"diverged.* 0\.1\b.*tune\.learning_rate"):
        check_converged(history, 0.1)


def test_absurd_learning_rate_diverges():
    absurd = replace(RECIPE, train=TRAIN | {"patience": 3}, learning_rate=1e30, epochs=9)
    _, history = train_head(inputs(clusters(48, 0), clusters(24, 1)), STAGES, absurd)
    assert len(history) == 3
    with pytest.raises(FlystageError):
        check_converged(history, 1e30)


def test_training_is_reproducible_and_depends_on_the_seed():
    def head(**settings):
        torch.rand(3)  # earlier random numbers of the process must not matter
        return train_head(inputs(clusters(48, 0), clusters(24, 1)), STAGES, replace(RECIPE, train=TRAIN | settings))

    (first, history), (second, again), (other, _) = head(), head(), head(seed=2)
    assert history == again
    for key, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[key])
    assert not torch.equal(first.layers[0].weight, other.layers[0].weight)


def test_training_learns_separable_stages():
    head, history = train_head(inputs(clusters(150, 0), clusters(60, 1)), STAGES, replace(RECIPE, epochs=40))
    assert best_epoch(history)["val_top1"] > 0.9
    assert set(history[0]) == {"epoch", "train_loss", "val_loss", "val_top1"}
    loss, top1 = validate(head, VectorBatches(*clusters(60, 1), 7, Here()).epoch(1))
    assert (loss, top1) == pytest.approx((best_epoch(history)["val_loss"], best_epoch(history)["val_top1"]), rel=1e-4)


def test_head_without_hidden_layers_is_linear():
    head, _ = train_head(inputs(clusters(48, 0), clusters(24, 1)), STAGES, replace(RECIPE, hidden=[], epochs=2))
    assert [tuple(value.shape) for value in head.layers.parameters()] == [(3, 8), (3,)]


def test_constant_features_do_not_break_training():
    vectors, labels = clusters(48, 0)
    vectors[:, 5] = 4.0
    _, history = train_head(inputs((vectors, labels), (vectors, labels)), STAGES, replace(RECIPE, epochs=3))
    check_converged(history, 0.01)


def test_head_standardises_vectors_and_ignores_brightness():
    vectors, _ = clusters(300, 0)
    head = Head(8, [], 3)
    head.standardise_by(vectors)
    evened = (vectors - vectors.mean(dim=1, keepdim=True)) / vectors.std(dim=1, keepdim=True, correction=0)
    torch.testing.assert_close(head.mean, evened.mean(dim=0), atol=1e-3, rtol=0)
    torch.testing.assert_close(head.std, evened.std(dim=0), atol=1e-3, rtol=0)
    torch.testing.assert_close(head(3 * vectors + 2), head(vectors), atol=1e-3, rtol=0)
    assert head(1e6 * torch.eye(8)).abs().max() < 10  # scores stay small far from all training vectors


def test_head_trained_on_components_gives_the_same_answers_for_vectors(monkeypatch):
    monkeypatch.setattr("flystage.training.head.COMPONENTS", 4)
    train, val = clusters(150, 0), clusters(60, 1)
    of_components = inputs(train, val)
    assert of_components.train[0].shape == (150, 4) and of_components.val[0].shape == (60, 4)
    head, history = train_head(of_components, STAGES, replace(RECIPE, epochs=40))
    assert best_epoch(history)["val_top1"] > 0.9
    loss, top1 = validate(head, VectorBatches(*val, 7, Here()).epoch(1))
    assert (loss, top1) == pytest.approx((best_epoch(history)["val_loss"], best_epoch(history)["val_top1"]), rel=1e-4)
    assert head.layers[0].weight.shape == (16, 8)
    again = inputs(train, val)
    assert torch.equal(
        of_components.components, again.components
    )  # earlier random numbers of the process must not matter


def test_components_that_are_rounding_errors_are_left_out():
    vectors, labels = clusters(6, 0)  # six images have at most five directions
    of_few = inputs((vectors, labels), (vectors, labels))
    assert of_few.components.shape[0] == 8 and of_few.components.shape[1] <= 6
    shaken = inputs((vectors + 1e-5 * torch.randn(6, 8), labels), (vectors, labels))
    losses = [train_head(each, STAGES, RECIPE)[1][-1]["val_loss"] for each in (of_few, shaken)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_training_without_validation_keeps_the_last_epoch():
    train = clusters(48, 0)
    _, validated = train_head(inputs(train, clusters(24, 1)), STAGES, replace(RECIPE, epochs=7))
    head, history = train_head(inputs(train, None), STAGES, replace(RECIPE, train=TRAIN | {"patience": 1}, epochs=7))
    assert [set(row) for row in history] == [{"epoch", "train_loss"}] * 7 and best_epoch(history)["epoch"] == 7
    assert [row["train_loss"] for row in history] == [row["train_loss"] for row in validated]
    assert validate(head, VectorBatches(*train, 48, Here()).epoch(1))[1] > 0.8
    check_converged(history, 0.01)
    with pytest.raises(FlystageError, match="diverged"):
        check_converged([{"epoch": 1, "train_loss": math.nan}], 0.01)


@pytest.mark.parametrize(("images", "steps", "made"), [(6, (4, 9), 4), (48, (4, 9), 6), (192, (4, 9), 9)])
def test_number_of_steps_has_a_minimum_and_a_maximum(images, steps, made, monkeypatch):
    taken = []

    class Counted(torch.optim.AdamW):
        def step(self):
            taken.append(1)
            return super().step()

    monkeypatch.setattr(of_head, "STEPS", steps)
    monkeypatch.setattr(torch.optim, "AdamW", Counted)
    settings = replace(RECIPE, batch_size=8, epochs=2)
    _, history = train_head(inputs(clusters(images, 0), clusters(24, 1)), STAGES, settings)
    assert len(taken) == 2 * made and len(history) == 2


def test_a_handful_of_images_is_learned(monkeypatch):
    few, settings = clusters(9, 0), replace(RECIPE, batch_size=128, epochs=4)
    head, history = train_head(inputs(few, None), STAGES, settings)
    assert validate(head, VectorBatches(*few, 60, Here()).epoch(1))[1] == 1
    monkeypatch.setattr(of_head, "STEPS", (1, 200))
    assert train_head(inputs(few, None), STAGES, settings)[1][-1]["train_loss"] > history[-1]["train_loss"] + 0.05


def test_layers_on_components_answer_as_the_head_on_vectors():
    train, val = clusters(48, 0), clusters(24, 1)
    made = inputs(train, val)
    _, layers, history = train_layers(made, STAGES, RECIPE)
    head, again = train_head(made, STAGES, RECIPE)
    assert history == again
    with torch.inference_mode():
        torch.testing.assert_close(layers.eval()(made.val[0]), head.eval()(val[0]), atol=1e-3, rtol=1e-3)
