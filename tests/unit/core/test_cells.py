"""Test that cells of tables keep their text and contain nothing that a spreadsheet would run."""

import csv
import io
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flystage.core.cells import PLAIN_NUMBER, as_cell, as_meant, delimiter_of, quoting_of

RUN = tuple("=+-@\t\r\n＝＋－＠")
HOSTILE = st.text(st.sampled_from("=+-@＝＠'\"|!;,\t\r\n a1.e"), max_size=12)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"), ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"), ("@SUM(1)", "'@SUM(1)"), ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"), ("＝1+1", "'＝1+1"), ("-15min", "'-15min"), ("-15-1", "'-15-1"), ("'=1", "''=1"), ("''-a", "'''-a"),
        ("a;=1", "a;'=1"), ("a\n@b", "a\n'@b"), ("a,'+b", "a,''+b"), ("--1", "'--1"), ("-٣a", "'-٣a"),
    ],
)  # fmt: skip
def test_formulas_get_an_apostrophe(text, cell):
    assert (as_cell(text), as_meant(cell)) == (cell, text)


@pytest.mark.parametrize(
    "text",
    [
        "", "051", "-15", "-1.5", "+3", "-1e-05", "+2E+3", "a=1", "1-cell", "raw/-a.tif", "'", "'tis", "'051", "O'Neill", "a, -b",
        "Stage(060)-20230811-Cycle00-embryo03-3.tif", "$", "a\tb", "x;y", '"quoted"', "ü-é", "a--b",
    ],
)  # fmt: skip
def test_ordinary_names_and_numbers_are_unchanged(text):
    assert as_cell(text) == as_meant(text) == text


@settings(max_examples=100, deadline=None)
@given(HOSTILE | st.text(max_size=8))
@example("=a;'=b")
def test_any_text_survives_and_no_part_of_it_is_a_formula(text):
    cell = as_cell(text)
    assert as_meant(cell) == text
    if not PLAIN_NUMBER.fullmatch(text):
        for mark in ",;\t":
            for line in re.split(
                r"[\r\n]", cell
            ):  # splitlines() also breaks at characters that no spreadsheet breaks at
                assert not any(part.startswith(tuple("=+-@＝＠")) for part in line.split(mark))
        assert not cell.startswith(RUN)


@settings(max_examples=50, deadline=None)
@given(st.lists(HOSTILE, min_size=1, max_size=3), st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n"]))
@example(["a\rb"], ",", "\n")
def test_no_cell_breaks_its_line(cells, mark, line_end):
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=mark, lineterminator=line_end, quoting=quoting_of(cells)).writerow([*cells, "last"])
    file.seek(0)
    assert list(csv.reader(file, delimiter=mark)) == [[*cells, "last"]]


def test_the_delimiter_is_the_most_frequent_mark_of_the_first_line():
    assert [delimiter_of(text) for text in ("a;b,c;d\n,,,,", "a\tb", "a,b", "")] == [";", "\t", ",", ","]
    assert quoting_of(["a,b", "c\n"]) == csv.QUOTE_MINIMAL
