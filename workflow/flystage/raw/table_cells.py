"""Read the cells of tables, CSVs and workbooks, as the reader of a sheet sees them."""

import csv
import datetime
import os
import re
import zipfile
from typing import NamedTuple

from flystage.core.cells import delimiter_of
from flystage.core.errors import FlystageError
from flystage.raw.number_formats import shown_day, shown_number, shown_time

LARGEST = 2**26  # bytes of an uncompressed table, enough for hundreds of thousands of rows
PARTS = (".xml", ".rels", ".vml")
EXCEL, OPEN = (".xlsx", ".xlsm"), (".ods",)
MOST_CELLS = 2**23  # of a sheet, which may repeat a cell without end
# Kinds of cells that are not what a person typed, or that no table of labels needs.
DATE, TIME, TRUTH, PERCENT, NEVER_COMPUTED = "a date", "a clock time", "TRUE or FALSE", "a percentage", "a formula"


class Cell(NamedTuple):
    """text: as the sheet shows it, a date as year-month-day. kind: "" for texts and numbers, else one of the kinds above."""

    text: str
    kind: str = ""


class Sheet(NamedTuple):
    """A sheet of a table. name: "" for a CSV. rows: list of (line, list of Cell). merged: list of (first line, last line, column).

    Columns count from 0. hidden: whether the workbook hides the sheet.
    """

    name: str
    rows: list
    merged: list
    hidden: bool = False


def is_workbook(path):
    """Return whether a table has the ending of a workbook."""
    return path.lower().endswith(EXCEL + OPEN)


def can_be_extended(path):
    """Return whether rows can be added to a table: to a CSV and to a workbook of Excel."""
    return not path.lower().endswith(OPEN)


def sheets_of(path):
    """Return the sheets of a table, a list of Sheet. Raises FlystageError if the table cannot be read or is too large."""
    _refuse_large(path)
    if not is_workbook(path):
        return [Sheet("", [(line, list(map(Cell, cells))) for line, cells in csv_rows(path)], [])]
    try:
        return _sheets_of_open_document(path) if path.lower().endswith(OPEN) else _sheets_of_excel(path)
    except FlystageError:
        raise
    except Exception as error:  # the libraries raise many kinds of error for a damaged workbook
        raise FlystageError(
            f"labels: {path} cannot be read as a workbook ({str(error)[:200]}). Save it again, or save it as “CSV UTF-8”."
        ) from error


def _refuse_large(path):
    """Refuse a table larger than LARGEST bytes. A compressed workbook states the size of each part, and no more is uncompressed."""
    try:
        size = os.path.getsize(path)
        if size <= LARGEST and is_workbook(path):
            with zipfile.ZipFile(path) as workbook:
                size = sum(part.file_size for part in workbook.infolist() if part.filename.lower().endswith(PARTS))
    except (OSError, zipfile.BadZipFile):
        return  # reading raises the error
    if size > LARGEST:
        raise FlystageError(
            f"labels: {path} has {size / 2**20:.0f} MiB, but a table of labels may have at most {LARGEST / 2**20:.0f} MiB. Correct labels"
            " in the configuration, or delete the rows without an image."
        )


def csv_rows(path):
    """Yield (line, list of text) of a CSV. Raises FlystageError if it cannot be read."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter_of(first))
            for cells in reader:
                yield reader.line_num, cells
    except (OSError, csv.Error) as error:
        raise FlystageError(
            f"labels: {path} cannot be read ({error}). Correct labels in the configuration, or the file."
        ) from error
    except UnicodeDecodeError as error:
        raise FlystageError(f"labels: {path} is not UTF-8. Save it as “CSV UTF-8” or as .xlsx.") from error


def _sheets_of_excel(path):
    from openpyxl import load_workbook  # takes a third of a second, so only for workbooks

    workbook = load_workbook(path, read_only=True, data_only=True)
    sheets, to_compute = [], _to_compute(path)
    for sheet in workbook.worksheets:
        sheet.reset_dimensions()  # damaged sheets may claim 17 billion cells
        uncomputed, merged = _formulas_and_merged(sheet, to_compute)
        rows = []
        for line, cells in enumerate(sheet.iter_rows(), start=1):
            shown = [_of_excel(cell) for cell in cells]
            for place in uncomputed.get(line, ()):
                shown += [Cell("")] * (place + 1 - len(shown))
                shown[place] = Cell("", NEVER_COMPUTED)
            if any(any(cell) for cell in shown) or line == 1:
                rows.append((line, shown))
        sheets.append(Sheet(sheet.title, rows, merged, sheet.sheet_state != "visible"))
    return sheets


def _to_compute(path):
    """Return whether a workbook asks to be computed when it is opened.

    So do those of xlsxwriter, also through pandas, which writes 0 as the value of every formula. openpyxl asks for it by default,
    so its own answer is no help.
    """
    with zipfile.ZipFile(path) as workbook:
        content = workbook.read("xl/workbook.xml") if "xl/workbook.xml" in workbook.namelist() else b""
    return re.search(rb"""<(?:\w+:)?calcPr\s[^>]*fullCalcOnLoad\s*=\s*["'](?:1|true)["']""", content) is not None


def _formulas_and_merged(sheet, to_compute):
    """Return ({line: columns of formulas without a value}, merged cells), which openpyxl does not give for a sheet read row by row.

    to_compute: see `_to_compute`. Then a formula with the value 0 counts as never computed.
    """
    from xml.etree.ElementTree import iterparse

    from openpyxl.utils.cell import column_index_from_string, coordinate_from_string, range_boundaries

    uncomputed, merged = {}, []
    with sheet._get_source() as source:
        for _, element in iterparse(source):
            name = element.tag.rpartition("}")[2]
            if name == "c":
                parts = {part.tag.rpartition("}")[2]: part for part in element}
                if (
                    "f" in parts
                    and "is" not in parts
                    and getattr(parts.get("v"), "text", None) in ((None, "", "0") if to_compute else (None, ""))
                    and element.get("t") != "str"
                ):
                    column, line = coordinate_from_string(element.get("r"))
                    uncomputed.setdefault(line, []).append(column_index_from_string(column) - 1)
            elif name == "mergeCell":
                left, top, _, bottom = range_boundaries(element.get("ref"))
                merged.append((top, bottom, left - 1))
            if name in ("row", "mergeCell"):
                element.clear()
    return uncomputed, merged


def _of_excel(cell):
    value = cell.value
    if value is None:
        return Cell("")
    if isinstance(value, bool):
        return Cell(str(value).upper(), TRUTH)
    if isinstance(value, (int, float)):
        return Cell(shown_number(value, cell.number_format), PERCENT if "%" in cell.number_format else "")
    if isinstance(value, datetime.datetime):
        return _of_day(value, shown_day(value, cell.number_format))
    if isinstance(value, (datetime.time, datetime.timedelta)):
        return Cell(shown_time(value), TIME)
    return Cell(str(value))


def _of_day(value, shown):
    """Return the Cell of a date. shown: how the sheet shows it, if a person can have typed that, else None."""
    if shown:
        return Cell(shown)
    midnight = value.time() == datetime.time()
    return Cell(value.date().isoformat() if midnight else value.isoformat(" "), DATE)


def _sheets_of_open_document(path):
    from odfdo import Document  # takes a quarter of a second, so only for these files

    document = Document(path)
    tables = document.body.get_elements("descendant::table:table")
    return [Sheet(table.name, *_of_open_table(table), _is_hidden(document, table.style)) for table in tables]


def _is_hidden(document, style):
    """Return whether a sheet with a style of this name, or None, is hidden."""
    style = document.get_style("table", style) if style else None
    parts = style.get_elements("style:table-properties") if style else ()
    return any(str(part.get_attribute("table:display")).casefold() == "false" for part in parts)


def _of_open_table(table):
    """Return (rows, merged) of a sheet. Cells and rows may be repeated. Repeated empty ones are only counted."""
    rows, merged, line, number = [], [], 1, 0
    for row in table.get_elements("descendant::table:table-row"):
        cells, spans = _of_open_row(row)
        repeated = int(row.get_attribute("table:number-rows-repeated") or 1)
        if any(any(cell) for cell in cells) or line == 1:
            number += (len(cells) + 1) * repeated
            if number > MOST_CELLS:
                raise FlystageError(f"labels: sheet {table.name} has more than {MOST_CELLS} cells. Save it as a CSV.")
            rows += [(line + more, cells) for more in range(repeated)]
        merged += [(line, line + height - 1, column) for column, height in spans]
        line += repeated
    return rows, merged


def _of_open_row(row):
    """Return (cells, [(column, number of merged rows)]) of a row, without empty cells at its end."""
    cells, spans, empty = [], [], 0
    for element in row.get_elements("table:table-cell|table:covered-table-cell"):
        cell, repeated = _of_open_cell(element), int(element.get_attribute("table:number-columns-repeated") or 1)
        if height := int(element.get_attribute("table:number-rows-spanned") or 1) - 1:
            spans.append((len(cells) + empty, height + 1))
        if any(cell):
            if len(cells) + empty + repeated > 2**14:
                raise FlystageError("labels: a row has more than 16384 cells. Save the table as a CSV.")
            cells += [Cell("")] * empty + [cell] * repeated
            empty = 0
        else:
            empty += repeated
    return cells, spans


def _of_open_cell(element):
    kind, formula = element.get_attribute("office:value-type"), element.get_attribute("table:formula")
    shown = "\n".join(paragraph.inner_text for paragraph in element.get_elements("text:p"))
    if kind is None and formula and not shown:
        return Cell("", NEVER_COMPUTED)
    if kind == "date":
        value = element.get_attribute("office:date-value")
        try:
            return _of_day(datetime.datetime.fromisoformat(value), shown if _two_numbers(shown) else None)
        except (TypeError, ValueError):
            return Cell(shown, DATE)
    if kind == "boolean":
        return Cell(
            str(element.get_attribute("office:boolean-value")).upper(), TRUTH
        )  # shown in the language of the person
    return Cell(shown, {"time": TIME, "percentage": PERCENT}.get(kind, ""))


def _two_numbers(text):
    first, _, second = text.replace("/", "-").replace(".", "-").strip("-").partition("-")
    return first.isdecimal() and second.isdecimal() and max(len(first), len(second)) < 3
