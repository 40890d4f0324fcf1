"""Test which of several answers about one image counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flystage.dataset.later_answers import in_force, replaces
from flystage.raw.exports import Export


def answer(who, when, *settled):
    return Export(None, "", who, when, "", settled)


@pytest.mark.parametrize(
    ("one", "other", "counts"),
    [
        (answer("Ann", "2026-11-08T10:00:00Z"), answer("Ann", "2026-11-01T10:00:00Z"), True),
        (answer("Ann", "2026-11-01T10:00:00Z"), answer("Ann", "2026-11-08T10:00:00Z"), False),
        (answer("ann ", "2026-11-08T10:00:00.123Z"), answer("Ann", "2026-11-08"), True),
        (answer("Ann", "2026-11-08T10:00:00Z"), answer("Ann", "2026-11-08T11:00:00+02:00"), True),
        (answer("Ann", "2026-11-08"), answer("Ann", "2026-11-08"), False),
        (answer("Ann", "2026-11-08"), answer("Bob", "2026-11-01"), False),
        (answer("", "2026-11-08"), answer("", "2026-11-01"), False),
        (answer("Ann", "yesterday"), answer("Ann", "2026-11-01"), False),
        (answer("Ann", "2026-11-08"), answer("Ann", ""), False),
        (answer("Ann", "2026-11-01", ("Bob", "2026-11-08")), answer("Bob", "2026-11-08"), True),
        (answer("Ann", "2026-11-01", ("Bob", "2026-11-08")), answer("Bob", "2026-11-07"), True),
        (answer("Ann", "2026-11-01", ("Bob", "2026-11-08")), answer("Bob", "2026-11-09"), False),
        (answer("Ann", "2026-11-01", ("Bob", "2026-11-08")), answer("Eve", "2026-11-08"), False),
        (answer("Ann", "2026-11-01", ("Bob", "2026-11-08")), answer("Bob", "2026-11-08", ("Ann", "2026-11-01")), False),
    ],
)
def test_a_later_or_chosen_answer_counts(one, other, counts):
    assert replaces(one, other) is counts


def test_choices_in_a_circle_are_left_to_people():
    names = ("Ann", "Bob", "Eve")
    circle = {who: answer(who, "2026-11-01", (names[place - 1], "2026-11-01")) for place, who in enumerate(names)}
    assert in_force(circle) == {}


ANSWERS = st.builds(
    answer, st.sampled_from(["Ann", "Bob", ""]), st.sampled_from(["2026-01-01", "2026-01-02", ""]),
    st.tuples(st.sampled_from(["Ann", "Bob"]), st.sampled_from(["2026-01-01", "2026-01-02"])),
)  # fmt: skip


@given(st.lists(ANSWERS, min_size=1, max_size=5))
def test_some_answer_always_counts(answers):
    replaced = in_force(dict(enumerate(answers)))
    assert len(replaced) < len(answers)
    assert all(replaces(later, answers[place]) for place, later in replaced.items())
