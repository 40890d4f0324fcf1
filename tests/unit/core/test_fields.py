"""Test that allowed fields of untrusted records pass and that all others are refused with a short reason."""

import functools
import math

import pytest
import torch

from flystage.core.fields import (
    MOST_VALUES,
    check_fields,
    either,
    is_plain,
    line,
    number,
    one_of,
    optional,
    positive,
    several,
    shown,
    text,
    whole,
)

HUGE = 1 << 20_000  # more digits than Python writes out
LAUGHS = functools.reduce(lambda inner, _: [inner] * 10, range(30), "ha")  # 10^30 values in 30 lists
CYCLE = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    ("rule", "fits", "does_not"),
    [
        (whole(1, 3), [1, 3], [0, 4, True, 1.0, "1", None, HUGE, torch.tensor(1)]),
        (number(0, 1), [0, 1, 0.5, -0.0], [-1e-9, 1.1, True, math.nan, math.inf, "1", None, 1 << 2000]),
        (positive(2), [2, 1e-300], [0, -1, 2.1, math.nan, math.inf, False]),
        (one_of(None, "auto", True), [None, "auto", True], [1, 1.0, "", "Auto", False, torch.ones(3)]),
        (line(3), ["", "abc", "ä"], ["abcd", "a\nb", "\0", "\x7f", "\u2028", "\ud800", 3, None, b"abc"]),
        (line(9, "[0-9a-f]+"), ["0f"], ["", "0g", "0f\n"]),
        (text(), ["a\nb\t"], ["\0", "\ud800", "a" * 100_001, ["a"]]),
        (several(whole(1, 3), 1, 2), [[1], [3, 3]], [[], [1, 2, 3], [4], (1,), "12", None, [[1]], torch.ones(1)]),
        (either(one_of("auto"), positive(9)), ["auto", 2], [0, "two", None]),
    ],
    ids=lambda value: "",
)  # fmt: skip
def test_a_rule_accepts_only_what_fits(rule, fits, does_not):
    assert all(rule.fits(value) for value in fits)
    assert not [value for value in does_not if rule.fits(value)]


RULES = {"size": whole(1, 9), "deep": {"name": line(5)}, "note": optional(text())}


def test_the_message_names_the_first_field_that_does_not_fit():
    check_fields({"size": 3, "deep": {"name": "a"}, "more": object()}, RULES)
    for facts, record in {
        ("size is 0", "whole number", "from 1 to 9"): {"size": 0},
        ("size is missing",): {"deep": {"name": "a"}},
        ("deep.name is missing",): {"size": 3, "deep": {}},
        ("deep is None", "record"): {"size": 3},
        ("deep.name is 'abcdef'", "up to 5"): {"size": 3, "deep": {"name": "abcdef"}},
        ("note is 3", "text"): {"size": 3, "deep": {"name": "a"}, "note": 3},
        ("it is a list of 2", "record"): [1, "a"],
        ("it is a dict", "record"): {1: 2},
    }.items():
        with pytest.raises(ValueError) as raised:
            check_fields(record, RULES)
        assert all(fact in str(raised.value) for fact in facts)


@pytest.mark.parametrize("value", [None, [1, 2.0, "a", (True,)], {"a": {"b": []}}, [0] * (MOST_VALUES - 1)])
def test_plain_values_are_accepted(value):
    assert is_plain(value)


@pytest.mark.parametrize(
    "value",
    [torch.ones(1), {"a": torch.ones(1)}, {1: 2}, [b"a"], {1, 2}, LAUGHS, CYCLE, [0] * MOST_VALUES],
    ids=["tensor", "tensor inside", "key", "bytes", "set", "laughs", "cycle", "long"],
)
def test_other_values_are_refused_however_they_are_nested(value):
    assert not is_plain(value)


@pytest.mark.parametrize(
    "value", [LAUGHS, CYCLE, torch.zeros(1).expand(10**12), HUGE, "a" * 10**6, [math.nan, 1]], ids=range(6)
)
def test_any_value_is_shown_in_a_few_words(value):
    assert 0 < len(shown(value)) < 80 and "\n" not in shown(value)
