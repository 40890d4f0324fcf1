"""Test the settings of trials, and the choice of the best trial."""

import math

import pytest

from flystage.core.errors import FlystageError
from flystage.jobs.tuning import best_trial, trial_record, trial_settings

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


def record(trial, loss):
    return {"trial": trial, "val_loss": loss}


def test_lowest_loss_wins_and_lower_number_wins_a_tie():
    assert best_trial([record(0, 2.0), record(1, 1.0), record(2, 3.0)])["trial"] == 1
    assert best_trial([record(3, 1.0), record(1, 1.0), record(2, 1.0)])["trial"] == 1


def test_diverged_trials_are_never_the_best():
    assert best_trial([record(0, None), record(1, 5.0)])["trial"] == 1
    with pytest.raises(FlystageError, match=r"[Ee]very.*diverged.*tune\.learning_rate"):
        best_trial([record(0, None), record(1, None)])
