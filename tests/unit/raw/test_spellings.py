"""Test that one embryo or stage under two spellings of a number or a date is one, or is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flystage.raw.labels import Label
from flystage.raw.spellings import one_spelling, whole_number
from raw_files import sentence


def labels(*embryos, stage="051"):
    return [
        Label(f"t.csv, line {line}", f"{line}.tif", stage, embryo, None, True) for line, embryo in enumerate(embryos, 2)
    ]


@pytest.mark.parametrize(
    ("name", "names", "other"),
    [
        ("1.0", {"1", "2"}, "1"),
        ("51.0", {"051", "060"}, "051"),
        ("51.0", {"051", "51"}, "51"),
        ("1,0", {"1"}, "1"),
        ("1.000", {"1"}, "1"),
        ("0.0", {"0"}, "0"),
        ("51.0", {"051", "0051"}, None),
        ("1.5", {"1", "15"}, None),
        ("1.0", {"10", "2"}, None),
        ("v1.0", {"v1", "1"}, None),
        ("1", {"1.0"}, None),
    ],
)
def test_the_whole_number_of_a_name(name, names, other):
    assert whole_number(name, names | {name}) == other


def test_an_embryo_that_pandas_wrote_as_a_fraction_is_the_same():
    told_labels, told = one_spelling(labels("1", "1.0", "2.0", "A"), (), ())
    assert [label.embryo for label in told_labels] == ["1", "1", "2.0", "A"]
    assert len(told) == 1 and "1 row(s)" in told[0] and "t.csv, line 3: 1.0" in told[0]
    assert [label.embryo for label in one_spelling(labels("1.0", "2.0"), (), {"01", "2"})[0]] == ["01", "2"]
    assert [label.stage for label in one_spelling(labels("e", stage="51.0"), {"051"}, ())[0]] == ["051"]


def test_a_name_that_files_really_have_is_kept():
    rows = labels("1.0", "1", stage="5.0")
    assert one_spelling(rows, {"5", "5.0"}, {"1", "1.0"}) == (rows, [])


@given(st.lists(st.sampled_from(["1", "1.0", "01", "2.0", "2", "3.5", "x", ""]), max_size=6))
def test_no_number_has_two_spellings_afterwards(embryos):
    changed, _ = one_spelling(labels(*embryos), (), ())
    names = {label.embryo for label in changed}
    assert [bool(label.embryo) for label in changed] == [bool(embryo) for embryo in embryos]
    assert not ({"1", "1.0"} <= names or {"2", "2.0"} <= names)
    assert one_spelling(changed, (), ()) == (changed, [])


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("3-12", "2026-12-03"), ("12-3", "2026-12-03"), ("3-12", "2026-12-03 00:00:00"), ("3-12", "3-Dec"), ("3-12", "03. Dez"),
        ("3/12", "2026-03-12"), ("1-50", "Jan-50"), ("1-50", "1950-01-01"), ("03-12", "3-Dec"), ("4-6", "04-Jun"),
        ("3-12", "12.03.2026"), ("3-12", "03/12/26"), ("12-26", "01/12/26"), ("1-50", "1/1/1950"),
    ],
)  # fmt: skip
def test_a_date_beside_what_it_was_typed_as_is_refused(name, day):
    for rows, files in ((labels(name, day), ()), (labels(day, name), ()), (labels(day), {name})):
        text = sentence(one_spelling, rows, (), files)
        assert repr(name) in text and repr(day) in text and "as text" in text


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("3-11", "2026-12-03"),
        ("e3", "2026-12-03"),
        ("3-12", "4-Dec"),
        ("3-12", "e-Dec"),
        ("3-12", "3.11.2026"),
        ("3-12", "3-12-4"),
    ],
)
def test_other_names_may_stand_beside_dates(name, day):
    assert one_spelling(labels(name, day), (), ())[1] == []
