"""Test that times of stages are read from names and the configuration."""

import pytest

from flystage.raw.times import time_in, times_given, times_of
from raw_files import sentence


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("051", (51, None)), ("4.7hpf", (4.7, "h")), ("-15min", (-15, "min")), ("\N{MINUS SIGN}1 min", (-1, "min")),
        ("1,5h", (1.5, "h")),
        ("36 hpf", (36, "h")), ("2dpf", (2, "d")), ("3 days", (3, "d")), ("5hAEL", (5, "h")), ("90 Minutes", (90, "min")),
        ("2_h", (2, "h")),
        ("stage5", None), ("HH10", None), ("prim-5", None), ("Stage(060)", None), ("36O", None), ("5 somites", None),
        ("", None), ("3-12", None),
    ],
)  # fmt: skip
def test_a_time_is_a_number_with_or_without_a_unit(text, time):
    assert time_in(text) == time


@pytest.mark.parametrize(
    ("names", "unit", "times"),
    [
        (["051", "060"], "min", [51, 60]),
        (["4.7hpf", "24hpf"], "h", [4.7, 24]),
        (["36hpf", "2dpf"], "h", [36, 48]),
        (["90min", "2h"], "min", [90, 120]),
        (["30", "2h"], "h", [30, 2]),
    ],
)
def test_names_that_are_numbers_have_times_in_one_unit(names, unit, times):
    assert times_of(names, "auto") == (dict(zip(names, times, strict=True)), unit)


def test_a_number_with_an_ambiguous_unit_has_no_time():
    assert times_of(["36hpf", "2dpf", "48"], "auto") == ({}, None)


def test_a_requested_unit_reads_longer_names_and_converts():
    assert times_of(["Stage(060)", "2h", "3", "late"], "min") == ({"Stage(060)": 60, "2h": 120, "3": 3}, "min")
    assert times_of(["90min", "2"], "h") == ({"90min": 1.5, "2": 2}, "h")
    assert times_of(["051", "060"], "none") == ({}, None)


def test_given_times_are_in_their_own_unit_or_that_of_the_setting():
    assert times_given({"dome": 4.3, "shield": 6}, "h") == ({"dome": 4.3, "shield": 6}, "h")
    assert times_given({"dome": 4.3, "shield": 6}, "auto") == ({"dome": 4.3, "shield": 6}, "min")
    assert times_given({"dome": "4.3 h", "shield": "6h"}, "auto") == ({"dome": 4.3, "shield": 6}, "h")
    assert times_given({"dome": "4.3 h", "prim": "1 dpf"}, "h") == ({"dome": 4.3, "prim": 24}, "h")
    assert times_given({"dome": "4.3 h", "prim": "1 dpf", "end": 30}, "auto") == (
        {"dome": 4.3, "prim": 24, "end": 30},
        "h",
    )
    assert "'soon' is not a time for stage dome" in sentence(times_given, {"dome": "soon", "shield": 6}, "h")
