"""Test that tables keep every name and number and contain nothing that a spreadsheet would run."""

import csv

import numpy as np
import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flystage.core.tables import read_predictions, read_text, write_csv

NAMES = st.text(st.sampled_from("=+-@'\",;\n\r\t a1é$"), max_size=8)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=4), st.floats(allow_nan=False, allow_infinity=False))
@example([("=cmd|' /C calc'!A0", "a\rb"), ("", "NA")], -0.5)
def test_texts_survive_unchanged_and_are_not_formulas(tmp_path_factory, rows, number):
    path = tmp_path_factory.mktemp("table") / "t.csv"
    write_csv(pd.DataFrame(rows, columns=["name", "=note"]).assign(value=number), path)
    again = read_text(path)
    assert list(zip(again["name"], again["=note"], strict=True)) == rows
    assert [float(value) for value in again["value"]] == [number] * len(rows)
    with open(path, newline="", encoding="utf-8") as file:
        cells = [cell for row in csv.reader(file) for cell in row[:2]]
    assert not any(cell.startswith(("=", "@", "\t", "\r", "-a", "+a")) for cell in cells)


def test_ordinary_tables_are_written_as_pandas_writes_them(tmp_path):
    table = pd.DataFrame(
        {
            "path": ["raw/051/a b.tif", 'raw/"q",x.tif', "raw/-1.tif"],
            "stage": ["051", "-15", "1,5h"],
            "error": [-1.25, np.nan, 3],
            "mixed": pd.Series(["", 1, None], dtype=object),
            "whole": pd.Series([1, None, 2], dtype=object),
            "right": [True, False, True],
        }
    )
    write_csv(table, tmp_path / "t.csv")
    table.to_csv(tmp_path / "plain.csv", index=False, lineterminator="\n")
    assert (tmp_path / "t.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()
    write_csv(table.iloc[:0], tmp_path / "t.csv")
    assert read_text(tmp_path / "t.csv").columns.tolist() == list(table)


def test_predictions_keep_stage_names(tmp_path):
    stages, path = ["=1+1", "a;=b", "051"], tmp_path / "predictions.csv"
    table = pd.DataFrame({"source": ["=x.tif"] * 3, "stage": stages, "embryo": ["'=e", "@e", "e"], "predicted": stages})
    table = table.assign(rank=1, time_error=[-1.5, np.nan, 2], **{f"p_{stage}": 1 / 3 for stage in stages})
    write_csv(table, path)
    pd.testing.assert_frame_equal(read_predictions(path), table)
    assert "a;=b" not in path.read_text(encoding="utf-8")
