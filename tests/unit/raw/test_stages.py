"""Test the times and order of stages and which of them are selected."""

import math

import numpy as np
import pytest

from flystage.core.errors import FlystageError
from flystage.raw.stages import Stages, chosen_stages, one_form

FOUND = ["051", "054", "057", "060", "069", "late"]


def sentence(wanted, found):
    with pytest.raises(FlystageError) as refused:
        chosen_stages(wanted, found)
    assert "\n" not in str(refused.value) and str(refused.value).endswith(".")
    return str(refused.value)


@pytest.mark.parametrize(
    ("names", "ordered", "unit"),
    [
        (["stage10", "stage5", "stage14"], ["stage5", "stage10", "stage14"], "stages"),
        (["HH10+", "HH8"], ["HH8", "HH10+"], "stages"),
        (["stage5b", "stage10a", "stage5a"], ["stage5a", "stage5b", "stage10a"], "stages"),
        (["prim-15", "prim-5"], ["prim-5", "prim-15"], "stages"),
        (["14-somite", "5-somite"], ["5-somite", "14-somite"], "stages"),
        (["100", "9", "late"], ["9", "100", "late"], None),
        (["late", "early"], ["early", "late"], None),
        (["64-cell", "1-cell", "30% epiboly"], ["1-cell", "30% epiboly", "64-cell"], None),
    ],
)
def test_names_without_times_are_in_natural_order(names, ordered, unit):
    assert Stages.as_given(names) == Stages(ordered, None, unit)


def test_a_list_keeps_its_order_and_counts_in_stages():
    words = ["1-cell", "64-cell", "30% epiboly", "50% epiboly", "5-somite", "14-somite", "prim-5"]
    assert Stages.as_given(sorted(words), words) == Stages(words, None, "stages")
    assert Stages.as_given(["dome", "1-cell"], [*words[:2], "dome"]).names == ("1-cell", "dome")
    assert Stages.as_given(["060", "051"], ["060", "051"]) == Stages(["060", "051"], [60, 51], "min")
    assert Stages.as_given(["060", "051"], [60, 51]).names == ("060", "051")


def test_a_mapping_gives_times_which_give_the_order():
    given = {"shield": 6, "1-cell": 0.2, "dome": 4.3}
    assert Stages.as_given(given, given, "h") == Stages(["1-cell", "dome", "shield"], [0.2, 4.3, 6], "h")
    assert Stages.as_given(["dome", "1-cell"], given, "h").times == (0.2, 4.3)
    assert Stages.as_given(["051", "060"], {51: 1, "060": 2}, "d") == Stages(["051", "060"], [1, 2], "d")


def test_times_are_in_the_requested_unit():
    assert Stages.as_given(["4.7hpf", "1dpf"]) == Stages(["4.7hpf", "1dpf"], [4.7, 24], "h")
    assert Stages.as_given(["-15min", "15min", "0min"]).names == ("-15min", "0min", "15min")
    assert Stages.as_given(["051", "060"], "all", "none") == Stages(["051", "060"], None, "stages")
    assert Stages.as_given(["Stage(60)", "Stage(9)"], "all", "min") == Stages(["Stage(9)", "Stage(60)"], [9, 60], "min")
    with pytest.raises(FlystageError, match="time_unit: min.*'late'"):
        Stages.as_given(["051", "late"], "all", "min")


def test_names_are_compared_in_one_form():
    assert one_form(" Mu\u0308ller ") == "M\u00fcller"
    assert chosen_stages([" fru\u0308h", "sp\u00e4t"], ["fr\u00fch", "sp\u00e4t"]) == {"fr\u00fch", "sp\u00e4t"}


def test_distances_are_in_times_or_in_stages_or_undefined():
    assert Stages(["a", "b"], [1, 5], "h").places.tolist() == [1, 5]
    assert Stages(["a", "b", "c"], None, "stages").places.tolist() == [0, 1, 2]
    assert Stages(["a", "b"]).places is None


def test_all_selects_all_stages_and_a_list_its_names():
    assert chosen_stages("all", FOUND) == set(FOUND)
    assert chosen_stages(["060", "late"], FOUND) == {"060", "late"}


def test_a_number_selects_by_time_and_text_by_name():
    assert chosen_stages([60, 51.0], FOUND) == {"060", "051"}
    assert chosen_stages([60], ["060", "Stage(60)"]) == {"060", "Stage(60)"}
    assert chosen_stages([90], ["60min", "1.5h", "90 min"]) == {
        "1.5h",
        "90 min",
    }  # in the common unit, not the number in the name
    assert "'60' has no images" in sentence(["60"], FOUND)
    assert "48 has no images" in sentence([48, 51], FOUND)
    assert ": 051, 054." in sentence([48, 51], ["054", "051"])


def test_a_stage_with_two_times_is_refused_and_one_listed_twice_is_used_once():
    text = sentence({"051": 0.2, 60: 2, 51: 3}, FOUND)
    assert text.startswith("stages: 51 ") and "stage 051 " in text
    assert chosen_stages({"051": 2, 51: 2}, FOUND) == chosen_stages(["051", 51], FOUND) == {"051"}


def test_a_range_selects_the_stages_on_its_grid():
    found = [f"{minutes:03d}" for minutes in range(51, 205, 3)]
    chosen = sorted(chosen_stages({"from": 51, "to": 195, "every": 9}, found))
    assert len(chosen) == 17 and chosen[:2] == ["051", "060"] and chosen[-1] == "195"
    assert chosen_stages({"from": 54, "to": 60, "every": 3}, FOUND) == {"054", "057", "060"}


def test_a_range_may_begin_before_and_end_after_the_images():
    assert chosen_stages({"from": 0, "to": 999, "every": 3}, ["051", "054", "late"]) == {"051", "054"}


def test_a_gap_in_a_range_is_an_error():
    assert "63 min is on the grid from 51 to 69 every 3" in sentence({"from": 51, "to": 69, "every": 3}, FOUND)


def test_a_range_without_images_is_an_error():
    assert "no image is on the grid from 52 to 53 every 1 min" in sentence({"from": 52, "to": 53, "every": 1}, FOUND)


def test_a_long_list_of_stages_is_shortened():
    text = sentence(["x", "y"], [str(number) for number in range(500)])
    assert "59, ..." in text and "60" not in text


def test_the_expected_time_is_the_weighted_mean():
    probabilities = np.array([[1, 0, 0], [0.5, 0.25, 0.25]])
    np.testing.assert_allclose(Stages(["a", "b", "c"], [51, 60, 90], "min").expected_times(probabilities), [51, 63])
    assert all(math.isnan(time) for time in Stages(["a", "b", "c"]).expected_times(probabilities))


def test_stages_named_by_numbers_are_ordered_and_timed_in_minutes():
    stages = Stages.as_given(["100", "9", "051", "9"])
    assert stages == Stages(("9", "051", "100"), (9.0, 51.0, 100.0), "min")
    assert stages.labels == {"9": 0, "051": 1, "100": 2} and len(stages) == 3


def test_a_record_of_an_earlier_version_with_minutes_is_read():
    assert Stages.of_record({"stages": ["051", "060"], "minutes": [51, 60]}) == Stages(["051", "060"], [51, 60], "min")
    assert Stages.of_record({"stages": ["a", "b"], "minutes": None}) == Stages(["a", "b"])


def test_stages_are_restored_from_their_record():
    for stages in (Stages(["a", "b"]), Stages(["a", "b"], None, "stages"), Stages(["1 h", "2 h"], [60, 120], "min")):
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
