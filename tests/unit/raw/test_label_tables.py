"""Test that adding rows to a table of labels never loses a row, column or cell."""

import csv
import os

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font

from flystage.core.cells import as_cell
from flystage.raw.label_tables import COLUMNS, add_to_table, place_of
from flystage.raw.labels import read_labels
from flystage.raw.stages import one_form
from raw_files import sentence

NEW = {
    "image": "new/a.tif",
    "stage": "051",
    "embryo": "m1",
    "use": "yes",
    "sha256": "ab",
    "origin": "reviewed",
    "who": "=ann",
}
TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"), max_size=6)

SHOWN = TEXT.map(lambda text: "".join(filter(str.isprintable, text)))
NAME = st.text(st.sampled_from("=+-@'\",;ab01 é"), max_size=8).map(one_form).filter(bool)


def cells(path, delimiter=","):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.reader(file, delimiter=delimiter))


def test_a_missing_table_is_created_for_spreadsheets(tmp_path):
    path = str(tmp_path / "raw.labels.csv")
    add_to_table(path, [NEW])
    assert (tmp_path / "raw.labels.csv").read_bytes() == (
        "\ufeffimage,stage,embryo,frame,use,sha256,origin,who,when\r\nnew/a.tif,051,m1,,yes,ab,reviewed,'=ann,\r\n".encode()
    )
    assert [tuple(label[1:]) for label in read_labels([path])] == [("new/a.tif", "051", "m1", None, True, "reviewed")]


@pytest.mark.parametrize(
    ("delimiter", "line_end", "mark"), [(",", "\n", ""), (";", "\r\n", "\ufeff"), ("\t", "\n", "")]
)
def test_a_table_keeps_its_delimiter_line_ends_and_encoding(tmp_path, delimiter, line_end, mark):
    path = tmp_path / "mine.csv"
    lines = [["Stage", "file", "remark"], ["060", "b.tif", "blurred"], [], ["069", "c.tif", "x", "no heading"]]
    text = mark + "".join(delimiter.join(line) + line_end for line in lines)
    path.write_text(text, encoding="utf-8", newline="")
    os.chmod(path, 0o640)
    add_to_table(str(path), [NEW])
    content = path.read_bytes().decode()
    assert content.startswith(mark + delimiter.join(["Stage", "file", "remark", "", "embryo", "frame"]))
    assert content.count("\r\n") == (5 if line_end == "\r\n" else 0) and path.stat().st_mode & 0o777 == 0o640
    assert cells(path, delimiter)[1:4] == lines[1:]
    assert [label.image for label in read_labels([str(path)])] == ["b.tif", "c.tif", "new/a.tif"]
    assert read_labels([str(path)])[1].embryo == ""  # a cell without a column name is not an embryo


def test_only_empty_cells_are_filled(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("image,stage,remark\na.tif,,see\nb.tif,060,\n", encoding="utf-8")
    add_to_table(str(path), [], {("", 2): {"image": "other", "stage": "051", "who": "ann"}, ("", 3): {"stage": "069"}})
    header, first, second = cells(path)
    assert first[:3] == ["a.tif", "051", "see"] and first[header.index("who")] == "ann"
    assert second == ["b.tif", "060", ""]


def test_a_workbook_keeps_rows_sheets_and_format_and_text_stays_text(tmp_path):
    path, workbook = tmp_path / "mine.xlsx", Workbook()
    sheet = workbook.active
    for row in (["image", "stage", "double"], ["b.tif", "060", "=2*3"], ["c.tif", None, None]):
        sheet.append(row)
    sheet["A1"].font = Font(bold=True)
    workbook.create_sheet("other")["B2"] = "kept"
    workbook.save(path)
    add_to_table(str(path), [NEW | {"stage": "=051"}], {("", 3): {"stage": "069"}})
    again = load_workbook(path)
    sheet = again.worksheets[0]
    values = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert values[0] == ["image", "stage", "double", *COLUMNS[2:]]
    assert values[1][:3] == ["b.tif", "060", "=2*3"] and values[2][:2] == ["c.tif", "069"]
    assert values[3][:2] == ["new/a.tif", "=051"] and sheet["B4"].data_type == "s" and sheet["B2"].data_type == "s"
    assert sheet["C2"].data_type == "f" and sheet["A1"].font.bold and again["other"]["B2"].value == "kept"
    assert [label.stage for label in read_labels([str(path)])] == ["060", "069", "=051"]


def test_cells_are_written_over_only_if_asked(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("image,stage,remark\na.tif,051,see\nb.tif,060,\n", encoding="utf-8")
    add_to_table(str(path), [], {}, {("", 3): {"stage": "069", "who": "ann"}})
    header, first, second = cells(path)
    assert first[:3] == ["a.tif", "051", "see"] and second[:2] == ["b.tif", "069"]
    assert second[header.index("who")] == "ann"


def workbook_of_sheets(path):
    workbook = Workbook()
    workbook.active.append(["read me"])
    for title, image in (("one", "a.tif"), ("two", "b.tif")):
        sheet = workbook.create_sheet(title)
        sheet.append(["image", "stage"])
        sheet.append([image, None])
    workbook.save(path)


def test_rows_and_cells_are_written_to_their_sheet(tmp_path):
    path = str(tmp_path / "mine.xlsx")
    workbook_of_sheets(path)
    second = read_labels([path])[1].where
    assert place_of(second, ["mine", path]) == (path, "two", 2)
    add_to_table(path, [NEW], {place_of(second, [path])[1:]: {"stage": "060"}})
    assert [(label.image, label.stage) for label in read_labels([path])] == [
        ("a.tif", ""), ("new/a.tif", "051"), ("b.tif", "060"),
    ]  # fmt: skip
    assert load_workbook(path).worksheets[0]["A1"].value == "read me"


def test_a_label_is_not_written_into_merged_cells(tmp_path):
    path, workbook = str(tmp_path / "mine.xlsx"), Workbook()
    for row in (["image", "stage"], ["a.tif", "051"], ["b.tif", None]):
        workbook.active.append(row)
    workbook.active.merge_cells("B2:B5")
    workbook.save(path)
    before = (tmp_path / "mine.xlsx").read_bytes()
    text = sentence(add_to_table, path, [], {}, {("", 3): {"stage": "060"}})
    assert "line 3" in text and "merged" in text and (tmp_path / "mine.xlsx").read_bytes() == before
    add_to_table(path, [NEW])  # below the merged cells
    assert [(label.image, label.stage) for label in read_labels([path])][-1] == ("new/a.tif", "051")


def test_an_open_document_is_read_but_not_written(tmp_path):
    assert "labels: [raw.labels.csv, mine.ods]" in sentence(add_to_table, "mine.ods", [NEW])


def test_the_row_of_a_table_is_found_by_its_place():
    paths = ["a.csv", "a.csv, sheet b", "c, line 2.xlsx"]
    assert place_of("a.csv, line 12", paths) == ("a.csv", "", 12)
    assert place_of("a.csv, sheet b, line 3", paths[:1]) == ("a.csv", "b", 3)
    assert place_of("c, line 2.xlsx, sheet x, line 4, line 5", paths) == ("c, line 2.xlsx", "x, line 4", 5)


def test_the_column_settled_is_added_only_if_it_is_needed(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("image,stage\n", encoding="utf-8")
    add_to_table(str(path), [NEW])
    assert "settled" not in cells(path)[0]
    add_to_table(str(path), [NEW | {"settled": '[["Bob","2026"]]'}])
    assert cells(path)[0][-1] == "settled" and cells(path)[2][-1] == '[["Bob","2026"]]'


WAYS = settings(max_examples=60, derandomize=True, deadline=None, phases=[Phase.explicit, Phase.generate])
ROWS = st.lists(st.lists(TEXT, max_size=5), max_size=5)
HEADER = ["image", "note", "stage"]


def check_that_all_is_there(before, after, added):
    """before, after: cells of a table. added: rows of (image, stage) that it must contain."""
    assert [now[: len(was)] for was, now in zip(before, after, strict=False)] == before
    places = {name: place for place, name in enumerate(after[0]) if name}
    assert set(places) == {*HEADER, *COLUMNS}
    assert min(places[name] for name in COLUMNS[2:]) == max(map(len, before))
    assert [(row[0], row[2]) for row in after[len(after) - len(added) :]] == added


@WAYS
@given(ROWS, st.sampled_from([",", ";", "\t"]), st.lists(st.tuples(TEXT, TEXT), max_size=3))
def test_a_csv_never_loses_a_row_or_column(tmp_path_factory, rows, delimiter, new):
    path, before = tmp_path_factory.mktemp("table") / "t.csv", [HEADER, *rows]
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(before)
    add_to_table(str(path), [{"image": image, "stage": stage} for image, stage in new])
    check_that_all_is_there(before, cells(path, delimiter), [(as_cell(image), as_cell(stage)) for image, stage in new])


@WAYS
@given(ROWS, st.lists(st.tuples(SHOWN.filter(bool), SHOWN), max_size=3))
def test_a_workbook_never_loses_a_row_or_column(tmp_path_factory, rows, new):
    path, workbook = tmp_path_factory.mktemp("table") / "t.xlsx", Workbook()
    before = [HEADER, *[["".join(filter(str.isprintable, cell)) for cell in row] for row in rows]]
    for line, row in enumerate(before, 1):
        for place, text in enumerate(row, 1):
            if text:
                cell = workbook.active.cell(line, place, text)
                cell.data_type = "s"
    workbook.save(path)
    add_to_table(str(path), [{"image": image, "stage": stage} for image, stage in new])
    sheet = load_workbook(path).worksheets[0]
    after = [[cell.value or "" for cell in row] for row in sheet.iter_rows()]
    for row in before:
        while row and not row[-1]:  # empty values at the end have no cell
            row.pop()
    while not before[-1]:
        before.pop()
    check_that_all_is_there(before, after, new)


@settings(WAYS, max_examples=15)
@given(st.lists(st.tuples(NAME, NAME), min_size=1, max_size=3), st.sampled_from(["t.csv", "t.xlsx"]))
@example([("'=a.tif", "'051"), ("=a;=b", "a'=\"b"), ("-15", "-15"), ("-15min", "a,'=b")], "t.csv")
@example([("'=a.tif", "'051"), ("=a;=b", "a'=\"b"), ("-15", "-15"), ("-15min", "a,'=b")], "t.xlsx")
def test_added_rows_are_read_unchanged(tmp_path_factory, new, name):
    path = str(tmp_path_factory.mktemp("table") / name)
    add_to_table(path, [{"image": image, "stage": stage} for image, stage in new])
    assert [(label.image, label.stage) for label in read_labels([path])] == new


def test_a_table_that_cannot_be_written_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "t.csv cannot be written" in sentence(add_to_table, str(tmp_path / "t.csv"), [NEW])


def test_characters_that_a_workbook_cannot_hold_are_replaced(tmp_path):
    path = str(tmp_path / "t.xlsx")
    add_to_table(path, [NEW | {"who": "a\x1bb"}])
    sheet = load_workbook(path).worksheets[0]
    assert "a\N{REPLACEMENT CHARACTER}b" in [cell.value for cell in sheet[2]]
