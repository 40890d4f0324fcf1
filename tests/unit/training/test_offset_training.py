"""Test the training of embryo offsets: planted offsets are found, and help with new embryos."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from flystage.network.averaging import averaged
from flystage.network.offsets import adapted
from flystage.raw.stages import Stages
from flystage.training.head import HeadInputs, train_head
from flystage.training.offset_training import FEWEST_EMBRYOS, KAPPA, means_and_offsets, train_offset
from flystage.training.recipe import Recipe

STAGES = Stages.as_given(["051", "060", "069", "078"])
TRAIN = {"mode": "frozen", "seed": 1, "loss": "ordered", "spread": 0.75, "weight_decay": 0.01, "patience": 5}
RECIPE = Recipe([8], 0.0, TRAIN, learning_rate=0.01, batch_size=32, epochs=8)


def planted(embryos, images, spread=1.0, seed=0, noise=0.1):
    """Return (vectors, labels, embryo, means, offsets), tensors: of images of random stages, with an offset per embryo."""
    random = torch.Generator().manual_seed(seed)
    means = 3 * torch.eye(4, 6)
    offsets = spread * torch.randn(embryos, 6, generator=random)
    offsets -= offsets.mean(dim=0)  # an offset of all embryos is part of the means
    embryo = torch.arange(embryos).repeat_interleave(images)
    labels = torch.randint(0, 4, (len(embryo),), generator=random)
    vectors = means[labels] + offsets[embryo] + noise * torch.randn(len(embryo), 6, generator=random)
    return vectors, labels, embryo, means, offsets


def test_planted_means_and_offsets_are_recovered():
    vectors, labels, embryo, means, offsets = planted(30, 60)
    found_means, found = means_and_offsets(vectors, labels, embryo, torch.ones(len(labels)), 4)
    torch.testing.assert_close(found, offsets * 60 / (60 + KAPPA), atol=0.12, rtol=0)
    torch.testing.assert_close(found_means, means, atol=0.12, rtol=0)


def test_offsets_of_few_images_are_shrunk_more():
    vectors, labels, embryo, _, _ = planted(10, 60)
    rows = (embryo != 0) | (torch.arange(len(embryo)) < 4)  # four images of the first embryo remain
    _, every = means_and_offsets(vectors, labels, embryo, torch.ones(len(labels)), 4)
    _, found = means_and_offsets(vectors[rows], labels[rows], embryo[rows], torch.ones(int(rows.sum())), 4)
    assert found[0].norm() < 0.5 * every[0].norm()
    assert torch.cosine_similarity(found[0], every[0], dim=0) > 0.9


def test_rotations_of_an_image_count_as_one():
    vectors, labels, embryo, _, _ = planted(6, 10)
    once = means_and_offsets(vectors, labels, embryo, torch.ones(60), 4)
    many = [each.repeat_interleave(4, dim=0) for each in (vectors, labels, embryo)]
    for one, other in zip(once, means_and_offsets(*many, torch.full((240,), 0.25), 4), strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_stage_without_images_has_the_mean_of_all():
    vectors, labels, embryo, _, _ = planted(6, 20)
    means, offsets = means_and_offsets(vectors, labels, embryo, torch.ones(120), 5)
    assert torch.isfinite(means).all() and torch.isfinite(offsets).all()
    torch.testing.assert_close(means[4], (vectors - offsets[embryo]).mean(dim=0), atol=0.2, rtol=0)


def offset_of(vectors, labels, embryos, weights=None):
    """Return the EmbryoOffset of a training on these vectors, or None, and the trained Head."""
    inputs = HeadInputs.of((vectors, labels), None, 1)
    weights = np.ones(len(labels)) if weights is None else weights
    head, _ = train_head(inputs, STAGES, RECIPE)
    return train_offset(inputs, embryos, weights, STAGES, RECIPE), head.eval()


@pytest.mark.parametrize("embryos", [FEWEST_EMBRYOS - 1, FEWEST_EMBRYOS])
def test_too_few_embryos_give_no_offset(embryos):
    vectors, labels, embryo, _, _ = planted(embryos, 4)
    offset, _ = offset_of(vectors, labels, [f"e{number}" for number in embryo.tolist()])
    assert (offset is None) == (embryos < 5)


def test_rotations_of_a_single_image_do_not_make_an_embryo_of_several():
    vectors, labels, embryo, _, _ = planted(5, 4)
    weights = np.where(embryo == 2, 0.25, 1.0)  # four views of one image
    assert offset_of(vectors, labels, embryo.numpy(), weights)[0] is None


def test_offset_is_reproducible_and_depends_on_the_embryos():
    vectors, labels, embryo, _, _ = planted(6, 8)
    names = np.array([f"e{number}" for number in embryo.tolist()])
    names.flags.writeable = False
    first, again, other = (
        offset_of(vectors, labels, each)[0].state_dict() for each in (names, names, names[::-1].copy())
    )
    assert all(torch.equal(value, again[key]) for key, value in first.items())
    shuffled = np.random.default_rng(0).permutation(names)
    other = offset_of(vectors, labels, shuffled)[0].state_dict()
    assert not torch.allclose(first["means"], other["means"], atol=1e-3)


def test_offset_helps_with_new_embryos_that_are_moved():
    vectors, labels, embryo, _, _ = planted(24, 16, spread=1.6)
    offset, head = offset_of(vectors[:256], labels[:256], embryo[:256].numpy())
    asked, true = vectors[256:][None], labels[256:].numpy()
    with torch.inference_mode():
        first = averaged(head(asked))
        reduced = offset.reduced(head.standardised(asked))
    answers, changed = adapted(offset, reduced, first, [f"e{number}" for number in embryo[256:].tolist()])
    alone = (first.numpy().argmax(axis=1) == true).mean()
    assert changed.all() and (answers.argmax(axis=1) == true).mean() > alone + 0.03


def test_head_without_hidden_layers_has_an_offset_too():
    vectors, labels, embryo, _, _ = planted(5, 8)
    inputs = HeadInputs.of((vectors, labels), None, 1)
    offset = train_offset(inputs, embryo.numpy(), np.ones(40), STAGES, replace(RECIPE, hidden=()))
    assert [tuple(value.shape) for value in offset.layers.parameters()] == [(4, inputs.components.shape[1]), (4,)]
