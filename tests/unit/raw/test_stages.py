"""Stages: their minutes, their order, and which of them are wanted."""

import math

import numpy as np
import pytest

from flystage.core.errors import FlystageError
from flystage.raw.stages import Stages, chosen_stages, ordered_stages, stage_minutes

FOUND = ["051", "054", "057", "060", "069", "late"]


def sentence(wanted, found):
    with pytest.raises(FlystageError) as refused:
        chosen_stages(wanted, found)
    assert "\n" not in str(refused.value) and str(refused.value).endswith(".")
    return str(refused.value)


@pytest.mark.parametrize(
    ("stage", "minutes"), [("060", 60), ("Stage(060)", 60), ("7.5 min", 7.5), ("late", None), ("", None), ("t12b3", 12)]
)
def test_minutes_are_the_first_number_of_the_name(stage, minutes):
    assert stage_minutes(stage) == minutes


def test_order_is_numeric_when_every_name_has_a_number_else_alphabetical():
    assert ordered_stages(["100", "9", "051", "51", "9"]) == ["9", "051", "51", "100"]
    assert ordered_stages(["100", "9", "late"]) == ["100", "9", "late"]
    assert ordered_stages(["late", "early"]) == ["early", "late"]


def test_all_is_all_and_a_list_is_its_names():
    assert chosen_stages("all", FOUND) == set(FOUND)
    assert chosen_stages(["060", "late"], FOUND) == {"060", "late"}


def test_a_number_means_minutes_and_text_means_the_name():
    assert chosen_stages([60, 51.0], FOUND) == {"060", "051"}
    assert chosen_stages([60], ["060", "Stage(60)"]) == {"060", "Stage(60)"}
    assert "'60' has no images" in sentence(["60"], FOUND)
    assert "48 has no images" in sentence([48, 51], FOUND)
    assert "found: 051, 054" in sentence([48, 51], ["054", "051"])


def test_a_range_takes_the_stages_on_its_grid():
    found = [f"{minutes:03d}" for minutes in range(51, 205, 3)]
    chosen = ordered_stages(chosen_stages({"from": 51, "to": 195, "every": 9}, found))
    assert len(chosen) == 17 and chosen[:2] == ["051", "060"] and chosen[-1] == "195"
    assert chosen_stages({"from": 54, "to": 60, "every": 3}, FOUND) == {"054", "057", "060"}


def test_a_range_may_begin_before_and_end_after_the_images():
    assert chosen_stages({"from": 0, "to": 999, "every": 3}, ["051", "054", "late"]) == {"051", "054"}


def test_a_gap_in_a_range_is_told():
    assert "63 minutes is on the grid from 51 to 69 every 3 but has no images" in sentence(
        {"from": 51, "to": 69, "every": 3}, FOUND
    )


def test_a_range_without_images_is_told():
    assert "no image lies on the grid from 52 to 53 every 1 minutes" in sentence(
        {"from": 52, "to": 53, "every": 1}, FOUND
    )


def test_a_long_list_of_stages_is_cut():
    text = sentence(["x", "y"], [str(number) for number in range(500)])
    assert text.endswith("59, ...).")


def test_the_expected_time_is_the_weighted_mean():
    probabilities = np.array([[1, 0, 0], [0.5, 0.25, 0.25]])
    np.testing.assert_allclose(Stages(["a", "b", "c"], [51, 60, 90], "min").expected_times(probabilities), [51, 63])
    assert all(math.isnan(time) for time in Stages(["a", "b", "c"]).expected_times(probabilities))


def test_stages_are_in_class_order_and_have_minutes_where_all_names_do():
    stages = Stages.in_class_order(["100", "9", "051", "9"])
    assert stages == Stages(("9", "051", "100"), (9.0, 51.0, 100.0), "min")
    assert stages.labels == {"9": 0, "051": 1, "100": 2} and len(stages) == 3
    assert Stages.in_class_order(["late", "9"]) == Stages(["9", "late"])


def test_stages_survive_their_record():
    for stages in (Stages(["a", "b"]), Stages(["1 h", "2 h"], [60, 120], "min")):
        assert Stages.of_record(stages.record()) == stages


@pytest.mark.parametrize(
    ("names", "times", "unit"),
    [
        (["a", "a"], None, None),
        (["a", "b"], [1.0], "min"),
        (["a", "b"], [1.0, math.nan], "min"),
        (["a", "b"], [1.0, 2.0], None),
        (["a", "b"], None, "min"),
        (["a", "b"], [1.0, 2.0], "weeks"),
    ],
)
def test_stages_that_do_not_fit_together_are_refused(names, times, unit):
    with pytest.raises(ValueError):
        Stages(names, times, unit)
