"""Test the spreadsheet: text, numbers, and pictures in the first column."""

import cv2
import numpy as np
import openpyxl
import pandas as pd

from flystage.prediction import spreadsheet
from flystage.prediction.spreadsheet import write_xlsx


def table_of(rows, folder):
    cv2.imwrite(str(folder / "a.png"), np.random.default_rng(1).integers(0, 255, (90, 40)).astype(np.uint8))
    empty = [""] * (rows - 1)
    png = [str(folder / "a.png"), *empty]
    return pd.DataFrame(
        {
            "image": "=1+1",
            "stage_1": "051",
            "p_1": 0.5,
            "time": np.nan,
            "unlike": pd.Series([1, *empty], dtype=object),
            "png": png,
        }
    )


def read(path):
    (sheet,) = openpyxl.load_workbook(path).worksheets
    return sheet


def test_text_stays_text_and_numbers_are_numbers(tmp_path):
    write_xlsx(table_of(2, tmp_path), tmp_path / "t.xlsx")
    sheet = read(tmp_path / "t.xlsx")
    assert [cell.value for cell in sheet[1]] == ["picture", "image", "stage_1", "p_1", "time", "unlike"]
    assert [cell.value for cell in sheet[2]] == [None, "=1+1", "051", 0.5, None, 1]
    assert [cell.data_type for cell in sheet[2]][1:3] == ["s", "s"] and sheet[3][5].value is None
    assert sheet.freeze_panes == "A2" and sheet.auto_filter.ref == "A1:F3"


def test_pictures_only_up_to_a_few_hundred_rows(tmp_path, monkeypatch):
    table = table_of(3, tmp_path)
    write_xlsx(table, tmp_path / "t.xlsx")
    (picture,) = read(tmp_path / "t.xlsx")._images
    assert (picture.width, picture.height) == (27, 60) and picture.anchor._from.row == 1
    monkeypatch.setattr(spreadsheet, "MOST_PICTURES", 2)
    write_xlsx(table, tmp_path / "more.xlsx")
    sheet = read(tmp_path / "more.xlsx")
    assert not sheet._images and sheet["A1"].value == "image"


def test_empty_table(tmp_path):
    write_xlsx(table_of(1, tmp_path).iloc[:0], tmp_path / "t.xlsx")
    assert read(tmp_path / "t.xlsx").max_row == 1


def test_narrow_picture_has_a_thumbnail(tmp_path):
    picture = np.zeros((2000, 1500), np.uint8)
    picture[:, 700] = 90
    table = table_of(1, tmp_path)
    cv2.imwrite(table["png"][0], picture)
    write_xlsx(table, tmp_path / "t.xlsx")
    (thumbnail,) = read(tmp_path / "t.xlsx")._images
    assert (thumbnail.width, thumbnail.height) == (1, 60)


def test_workbook_replaces_invalid_characters_and_keeps_formulas_as_text(tmp_path):
    table = pd.DataFrame({"image": ["=1+1", "a\x1b\x0bb\uffff", "051"], "stage_1": ["-15min", "a;=b", "-15"]})
    write_xlsx(table, tmp_path / "t.xlsx")
    rows = list(read(tmp_path / "t.xlsx").iter_rows(min_row=2))
    assert [[cell.value for cell in row] for row in rows] == [["=1+1", "-15min"], ["a��b�", "a;=b"], ["051", "-15"]]
    assert all(cell.data_type == "s" for row in rows for cell in row)
    assert [[cell.number_format for cell in row] for row in rows] == [
        ["@", "@"],
        ["General", "@"],
        ["General", "General"],
    ]
