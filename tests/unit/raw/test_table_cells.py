"""Test that cells of CSVs and workbooks are read as the reader of a sheet sees them."""

import datetime
import zipfile

import pytest
from odfdo import Cell as OpenCell
from odfdo import Document, Element, Row, Table
from openpyxl import Workbook

from flystage.raw import table_cells
from flystage.raw.table_cells import DATE, NEVER_COMPUTED, PERCENT, TIME, TRUTH, sheets_of
from raw_files import packed, sentence

SHEET = (
    b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="2">',
    b"</row></sheetData></worksheet>",
)
DAY = datetime.datetime(2026, 6, 4)


def excel(path, *cells, sheet="S"):
    """Write a workbook with one column. cells: (value, number format)."""
    workbook = Workbook()
    workbook.active.title = sheet
    workbook.active["A1"] = "stage"
    for line, (value, number_format) in enumerate(cells, 2):
        cell = workbook.active.cell(line, 1, value)
        cell.number_format = number_format
    workbook.save(path)
    return str(path)


def open_document(path, *rows, name="S", repeated=None):
    """Write an OpenDocument sheet. rows: lists of OpenCells or texts."""
    document = Document("spreadsheet")
    document.body.clear()
    table = Table(name)
    for cells in rows:
        row = Row()
        for cell in cells:
            row.append_cell(cell if isinstance(cell, OpenCell) else OpenCell(cell))
        table.append_row(row)
    document.body.append(table)
    document.save(str(path))
    return str(path)


def column(path, number=0):
    """Return (text, kind) of a column of the first sheet, without its header."""
    return [tuple(cells[number]) if number < len(cells) else ("", "") for _, cells in sheets_of(path)[0].rows[1:]]


@pytest.mark.parametrize(
    ("value", "number_format", "shown"),
    [
        (51, "000", ("051", "")),
        (4.7, '0.0"hpf"', ("4.7hpf", "")),
        (2, '0" dpf"', ("2 dpf", "")),
        ("4-6", "General", ("4-6", "")),
        (DAY, "d-m", ("4-6", "")),
        (DAY, "d-mmm", ("2026-06-04", DATE)),
        (DAY.replace(hour=5), "yyyy-mm-dd h:mm", ("2026-06-04 05:00:00", DATE)),
        (datetime.time(14, 30), "h:mm", ("14:30", TIME)),
        (datetime.timedelta(hours=30), "[h]:mm", ("30:00", TIME)),
        (True, "General", ("TRUE", TRUTH)),
        (0.3, "0%", ("30%", PERCENT)),
        ("=B2", "General", ("", NEVER_COMPUTED)),
        ("#N/A", "General", ("#N/A", "")),
    ],
)
def test_a_workbook_is_read_as_it_is_shown(tmp_path, value, number_format, shown):
    assert column(excel(tmp_path / "t.xlsx", (value, number_format))) == [shown]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (OpenCell(51, text="051"), ("051", "")),
        (OpenCell("051"), ("051", "")),
        (OpenCell(4.7, text="4.7hpf"), ("4.7hpf", "")),
        (OpenCell(DAY, text="4-6"), ("4-6", "")),
        (OpenCell(DAY, text="04. Jun"), ("2026-06-04", DATE)),
        (OpenCell(datetime.timedelta(hours=1, minutes=20), text="01:20"), ("01:20", TIME)),
        (OpenCell(True, text="WAHR"), ("TRUE", TRUTH)),
        (OpenCell(0.3, cell_type="percentage"), ("30 %", PERCENT)),
        (OpenCell(formula="of:=[.B2]"), ("", NEVER_COMPUTED)),
        (OpenCell("x", formula="of:=[.B2]"), ("x", "")),
        (OpenCell(), ("", "")),
    ],
)
def test_an_open_document_is_read_as_it_is_shown(tmp_path, cell, shown):
    path = open_document(tmp_path / "t.ods", ["stage", "note"], [cell, "end"])
    assert column(path) == [shown]


def test_merged_cells_are_known_in_both_kinds_of_workbook(tmp_path):
    workbook = Workbook()
    for row in (["image", "stage"], ["a", "051"], ["b", None], ["c", None]):
        workbook.active.append(row)
    workbook.active.merge_cells("B2:B4")
    workbook.save(tmp_path / "t.xlsx")
    document = Document("spreadsheet")
    document.body.clear()
    table = Table("S")
    table.set_values([["image", "stage"], ["a", "051"], ["b", None], ["c", None]])
    table.set_span((1, 1, 1, 3))
    document.body.append(table)
    document.save(str(tmp_path / "t.ods"))
    for name in ("t.xlsx", "t.ods"):
        (sheet,) = sheets_of(str(tmp_path / name))
        assert sheet.merged == [(2, 4, 1)]


def test_repeated_cells_and_rows_of_an_open_document_are_counted(tmp_path, monkeypatch):
    far, last = OpenCell("far"), OpenCell("b")
    gap = OpenCell()
    gap.repeated = 3
    empty = Row()
    empty.repeated = 1_000_000
    document = Document("spreadsheet")
    document.body.clear()
    table = Table("S")
    for cells in (["a", gap, far], None, [last]):
        row = empty if cells is None else Row()
        for cell in cells or ():
            row.append_cell(cell if isinstance(cell, OpenCell) else OpenCell(cell))
        table.append_row(row)
    document.body.append(table)
    path = str(tmp_path / "t.ods")
    document.save(path)
    (sheet,) = sheets_of(path)
    assert [(line, [cell.text for cell in cells]) for line, cells in sheet.rows] == [
        (1, ["a", "", "", "", "far"]),
        (1_000_002, ["b"]),
    ]
    many = Row()
    many.append_cell(OpenCell("x"))
    many.repeated = 10**9
    table.append_row(many)
    document.save(path)
    assert "cells" in sentence(sheets_of, path)


def test_a_computed_empty_text_is_no_uncomputed_formula(tmp_path):
    cells = (
        b'<c r="A2" t="str"><f>IF(1,"","x")</f><v></v></c>', b'<c r="B2"><f>B9</f><v>5</v></c>', b'<c r="C2"><f>B9</f></c>',
    )  # fmt: skip
    path = packed(tmp_path / "t.xlsx", [SHEET[0], *cells, SHEET[1]])
    ((_, cells),) = [row for row in sheets_of(path)[0].rows if row[0] == 2]
    assert [cell.kind for cell in cells] == ["", "", NEVER_COMPUTED] and cells[1].text == "5"


def test_a_0_that_xlsxwriter_wrote_for_a_formula_was_never_computed(tmp_path):
    cells = b'<c r="A2"><f>LEFT(B2,3)</f><v>0</v></c>', b'<c r="B2"><v>0</v></c>', b'<c r="C2"><f>B9</f><v>5</v></c>'
    path = packed(tmp_path / "t.xlsx", [SHEET[0], *cells, SHEET[1]])  # openpyxl asks to be computed, as xlsxwriter does
    ((_, cells),) = [row for row in sheets_of(path)[0].rows if row[0] == 2]
    assert [cell.kind for cell in cells] == [NEVER_COMPUTED, "", ""]


def test_a_formula_whose_value_is_0_counts_in_a_computed_workbook(tmp_path):
    path = packed(tmp_path / "t.xlsx", [SHEET[0], b'<c r="A2"><f>B2</f><v>0</v></c>', SHEET[1]])
    with zipfile.ZipFile(path) as workbook:
        parts = {name: workbook.read(name) for name in workbook.namelist()}
    with zipfile.ZipFile(path, "w") as workbook:  # as a spreadsheet program saves it
        for name, content in parts.items():
            workbook.writestr(name, content.replace(b' fullCalcOnLoad="1"', b""))
    ((_, (cell,)),) = [row for row in sheets_of(path)[0].rows if row[0] == 2]
    assert cell == ("0", "")


def test_a_hidden_sheet_of_an_open_document_is_known(tmp_path):
    document = Document("spreadsheet")
    document.body.clear()
    style = '<style:style style:name="away" style:family="table"><style:table-properties table:display="false"/></style:style>'
    document.insert_style(Element.from_tag(style), automatic=True)
    for name, table_style in (("seen", None), ("old", "away")):
        table = Table(name)
        table.set_values([["image", "stage"]])
        if table_style:
            table.style = table_style
        document.body.append(table)
    document.save(str(tmp_path / "t.ods"))
    assert [(sheet.name, sheet.hidden) for sheet in sheets_of(str(tmp_path / "t.ods"))] == [
        ("seen", False),
        ("old", True),
    ]


def test_a_damaged_open_document_is_an_error(tmp_path):
    (tmp_path / "t.ods").write_text("no document")
    assert "t.ods cannot be read as a workbook" in sentence(sheets_of, str(tmp_path / "t.ods"))


def test_a_large_open_document_is_refused(tmp_path, monkeypatch):
    path = open_document(tmp_path / "t.ods", ["image", "stage"])
    monkeypatch.setattr(table_cells, "LARGEST", 1000)
    assert "MiB" in sentence(sheets_of, path)
