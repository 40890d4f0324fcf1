"""Test the settings of trials, and the choice of the best trial."""

import math

import numpy as np
import pytest

from flystage.certainty.calibration import tempered
from flystage.core.errors import FlystageError
from flystage.jobs.tuning import best_trial, record_by_embryo, trial_record, trial_settings

RATES, SIZES = [1e-4, 1e-2], [32, 64, 128, 256]


def test_settings_of_a_trial_do_not_depend_on_the_order_of_calls():
    forwards = [trial_settings(trial, RATES, SIZES) for trial in range(20)]
    backwards = [trial_settings(trial, RATES, SIZES) for trial in reversed(range(20))]
    assert forwards == backwards[::-1]


def test_settings_of_the_first_trials_stay_the_same():
    # Other settings would rerun, and so change, every earlier tuning.
    first, second = (trial_settings(trial, RATES, SIZES) for trial in (0, 1))
    assert first == {"learning_rate": pytest.approx(1e-3), "batch_size": 128}
    assert second == {"learning_rate": pytest.approx(1e-4 * 100**0.75), "batch_size": 64}


def test_settings_are_in_range_and_evenly_spread_on_a_log_scale():
    trials = [trial_settings(trial, RATES, SIZES) for trial in range(63)]
    places = [math.log(trial["learning_rate"] / 1e-4, 100) for trial in trials]
    assert min(places) >= 0 and max(places) <= 1
    for quarter in range(4):
        assert 15 <= sum(quarter <= 4 * place + 1e-9 < quarter + 1 for place in places) <= 16
    counts = {size: sum(trial["batch_size"] == size for trial in trials) for size in SIZES}
    assert set(counts.values()) <= {15, 16}
    assert len({(trial["learning_rate"], trial["batch_size"]) for trial in trials}) == 63


@pytest.mark.parametrize(
    ("rates", "sizes", "expected"),
    [
        ([1e-4, 1e-2], [32, 64, 128, 256], (1e-3, 128)),
        ([1e-5, 1e-1], [256, 128], (1e-3, 128)),
        ([2e-3, 1e-2], [32, 64], (2e-3, 64)),
        ([1e-5, 5e-4], [256, 512], (5e-4, 256)),
        ([1e-3, 1e-3], [160, 96], (1e-3, 96)),  # both are equally near
    ],
)
def test_first_trial_has_the_fixed_or_nearest_allowed_settings(rates, sizes, expected):
    assert tuple(trial_settings(0, rates, sizes).values()) == expected


def test_range_of_one_value_and_a_single_choice():
    assert trial_settings(5, [0.01, 0.01], [7]) == {"learning_rate": pytest.approx(0.01), "batch_size": 7}


def history(*losses):
    return [
        {"epoch": number, "train_loss": 1.0, "val_loss": loss, "val_top1": 0.1 * number}
        for number, loss in enumerate(losses, 1)
    ]


def test_record_has_the_best_epoch():
    settings = {"learning_rate": 0.01, "batch_size": 32}
    assert trial_record(4, settings, history(2.0, 1.5, 1.5, math.nan)) == {
        "trial": 4, "learning_rate": 0.01, "batch_size": 32, "val_loss": 1.5, "val_top1": 0.2, "best_epoch": 2, "epochs": 4,
    }  # fmt: skip


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_record_of_a_diverged_trial_has_no_loss(loss):
    assert trial_record(0, {}, history(loss, loss))["val_loss"] is None


SETTINGS = {"learning_rate": 0.01, "batch_size": 32, "epochs": 4}
EMBRYOS = np.array(["b", "a", "a", "a", "a"])
LABELS = np.array([0, 1, 0, 1, 2])


def probabilities():
    """Return probabilities of three stages for five images."""
    found = np.random.default_rng(2).dirichlet([1, 1, 1], len(LABELS))
    found[np.arange(4), LABELS[:4]] += 0.7
    return found / found.sum(axis=1, keepdims=True)


def test_loss_by_embryo_weighs_every_image_alike():
    record = record_by_embryo(3, SETTINGS, probabilities(), LABELS, EMBRYOS)
    assert record["embryos"] == ["a", "b"] and record["images"] == [4, 1]
    assert record["val_loss"] == pytest.approx(np.dot(record["losses"], [4, 1]) / 5)
    assert record["val_loss"] != pytest.approx(np.mean(record["losses"]), rel=1e-3)
    assert record["val_top1"] == pytest.approx(0.8, abs=0.21) and record["best_epoch"] == record["epochs"] == 4
    order = [3, 0, 4, 2, 1]
    other = record_by_embryo(3, SETTINGS, probabilities()[order], LABELS[order], EMBRYOS[order])
    assert other["losses"] == pytest.approx(record["losses"])


def test_loss_by_embryo_ignores_how_sure_a_head_is_of_itself():
    losses = [
        record_by_embryo(0, SETTINGS, tempered(probabilities(), temperature), LABELS, EMBRYOS)["losses"]
        for temperature in (0.5, 1, 2)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3) and losses[2] == pytest.approx(losses[1], rel=1e-3)


def test_diverged_trial_has_no_loss_by_embryo():
    diverged = probabilities()
    diverged[2, 1] = np.nan
    record = record_by_embryo(0, SETTINGS, diverged, LABELS, EMBRYOS)
    assert record["val_loss"] is None and record["losses"] is None


def by_embryo(trial, losses, images):
    """Return the record of a trial from the losses of its embryos; None for a diverged one."""
    mean = None if losses is None else float(np.dot(losses, images) / sum(images))
    return {
        "trial": trial,
        "val_loss": mean,
        "losses": losses,
        "embryos": list("abcdefgh"[: len(images)]),
        "images": images,
    }


@pytest.mark.parametrize(
    ("first", "second", "images", "chosen"),
    [
        pytest.param([2, 2, 2], [1.9, 1.9, 1.9], [4, 4, 4], 1, id="equally better on all embryos"),
        pytest.param([1, 1, 4], [1, 1, 1], [4, 4, 4], 0, id="by the standard error exactly"),
        pytest.param([1.1, 1.1, 4], [1, 1, 1], [4, 4, 4], 1, id="by a little more than the standard error"),
        pytest.param([1, 1, 4], [1.1, 1, 1], [4, 4, 4], 0, id="by a little less than the standard error"),
        pytest.param([2, 2], [1, 2.5], [9, 1], 1, id="embryo of most images decides"),
        pytest.param([2, 2, 2, 2], [1, 1, 1, 2.5], [9, 9, 9, 1], 1, id="small embryo counts little"),
        pytest.param([2, 2, 2, 2], [1.5, 1.5, 1.5, 3.3], [9, 9, 9, 9], 0, id="large embryo counts more"),
        pytest.param([9], [1], [40], 0, id="one embryo"),
        pytest.param([1, 2], [1, 2], [4, 4], 0, id="tie"),
        pytest.param([1, 1], [2, 2], [4, 4], 0, id="worse"),
        pytest.param(None, [3, 3], [4, 4], 1, id="trial 0 diverged"),
        pytest.param(None, [3], [4], 1, id="trial 0 diverged with one embryo"),
        pytest.param([3, 3], None, [4, 4], 0, id="other diverged"),
    ],
)
def test_trial_0_is_displaced_only_beyond_the_standard_error(first, second, images, chosen):
    records = [by_embryo(0, first, images), by_embryo(1, second, images)]
    for given in (records, records[::-1]):
        best = best_trial(given)
        assert best == {"trial": chosen, "val_loss": records[chosen]["val_loss"], "displaced": chosen == 1}


def test_lowest_loss_is_compared_with_trial_0_and_lower_number_wins_a_tie():
    records = [by_embryo(trial, [loss] * 3, [4, 4, 4]) for trial, loss in enumerate([2.0, 1.5, 1.0, 1.0])]
    assert best_trial(records)["trial"] == 2
    with pytest.raises(FlystageError, match="diverged"):
        best_trial([by_embryo(trial, None, [4]) for trial in range(2)])


def record(trial, loss):
    return {"trial": trial, "val_loss": loss}


def test_lowest_loss_wins_and_lower_number_wins_a_tie():
    assert best_trial([record(0, 2.0), record(1, 1.0), record(2, 3.0)])["trial"] == 1
    assert best_trial([record(3, 1.0), record(1, 1.0), record(2, 1.0)])["trial"] == 1


def test_diverged_trials_are_never_the_best():
    assert best_trial([record(0, None), record(1, 5.0)])["trial"] == 1
    with pytest.raises(FlystageError, match=r"[Ee]very.*diverged.*tune\.learning_rate"):
        best_trial([record(0, None), record(1, None)])
