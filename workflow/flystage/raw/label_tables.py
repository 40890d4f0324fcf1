"""Add rows to a person's table of labels and keep every row, column and cell in it."""

import csv
import os
import shutil
import zipfile
from itertools import chain

from flystage.core.cells import as_cell, as_meant, delimiter_of, in_workbook, quoting_of
from flystage.core.errors import FlystageError
from flystage.core.files import existing_folder, written_whole
from flystage.raw.label_rows import places_of
from flystage.raw.table_cells import can_be_extended, csv_rows, is_workbook

COLUMNS = ("image", "stage", "embryo", "frame", "use", "sha256", "origin", "who", "when")
ONLY_IF_NEEDED = "settled"  # a column that is added only for a row that has a value in it
MOST_CELLS = 2**23  # of a sheet, including empty cells between others


def check_can_be_extended(path):
    """Raise FlystageError if rows cannot be added to a table of this kind."""
    if not can_be_extended(path):
        raise FlystageError(
            f"labels: {path} can be read but not written. Set labels: [raw.labels.csv, {path}]. Then accept writes to raw.labels.csv."
        )


def place_of(where, paths):
    """Return (path, sheet or "", line) of a row. where: as in its Label. paths: the tables, of which one contains it."""
    before, _, line = where.rpartition(", line ")
    path = max((path for path in paths if before == path or before.startswith(f"{path}, sheet ")), key=len)
    return path, before.removeprefix(path).removeprefix(", sheet "), int(line)


def add_to_table(path, rows, filled=None, changed=None):
    """Append rows to a table of labels, atomically. A missing table is created, and missing columns are added after all others.

    path: of a CSV or an Excel workbook. Rows are added as text to its first sheet with labels. rows: list of
    {column of COLUMNS: text}. filled: {(sheet or "", line): {column: text}} for empty cells of existing rows. changed: the same,
    for cells to be written over. Raises FlystageError if the table cannot be written.
    """
    check_can_be_extended(path)
    place = existing_folder(os.path.dirname(os.path.realpath(path)))
    if not os.access(place, os.W_OK) or os.path.exists(path) and not os.access(path, os.W_OK):
        raise FlystageError(
            f"The table {path} cannot be written. Correct its permissions, or set labels to another table."
        )
    (_extend_workbook if is_workbook(path) else _extend_csv)(path, rows, filled or {}, changed or {})


def _places(header, width, texts):
    """Return (header with all of COLUMNS, {column: index}). width: of the widest row, after which new columns are added.

    texts: the {column: text} to write.
    """
    needed = [*COLUMNS, ONLY_IF_NEEDED] if any(ONLY_IF_NEEDED in row for row in texts) else COLUMNS
    places = places_of(header, [*COLUMNS, ONLY_IF_NEEDED])
    lacking = [column for column in needed if column not in places]
    if lacking:
        header = [*header, *[""] * (width - len(header)), *lacking]
    return header, places | {column: len(header) - len(lacking) + place for place, column in enumerate(lacking)}


def _extend_csv(path, rows, filled, changed):
    exists = os.path.exists(path)
    table = list(csv_rows(path)) if exists else []
    beginning, mark, line_end = "", True, "\r\n"
    if exists:
        with open(path, "rb") as file:
            content = file.read()
        mark, beginning = content.startswith(b"\xef\xbb\xbf"), content.decode("utf-8-sig").partition("\n")[0]
        line_end = "\r\n" if beginning.endswith("\r") else "\n"
    width = max((len(cells) for _, cells in table), default=0)
    header, places = _places(table[0][1] if table else [], width, [*rows, *filled.values(), *changed.values()])
    written = [header]
    for line, cells in table[1:]:
        over = {places[name]: as_cell(text) for name, text in changed.get(("", line), {}).items()}
        cells = [over.get(place, cell) for place, cell in enumerate(cells)]
        texts = {places[name]: as_cell(text) for name, text in filled.get(("", line), {}).items()}
        written.append(_filled(cells, texts | over))
    for row in rows:
        written.append(_filled([], {places[name]: as_cell(text) for name, text in row.items()}, len(header)))
    options = {"delimiter": delimiter_of(beginning), "lineterminator": line_end}
    with written_whole(path) as temporary:
        with open(temporary, "w", newline="", encoding="utf-8-sig" if mark else "utf-8") as file:
            csv.writer(file, quoting=quoting_of(chain(*written)), **options).writerows(written)
        if exists:
            shutil.copymode(path, temporary)


def _filled(cells, texts, width=0):
    """Return a row with texts in its empty cells. texts: {index: text}. width: minimum number of cells."""
    cells = cells + [""] * (max([width, *[place + 1 for place in texts]]) - len(cells))
    return [cell if cell.strip() else texts.get(place, cell) for place, cell in enumerate(cells)]


def _extend_workbook(path, rows, filled, changed):
    from openpyxl import Workbook, load_workbook

    macros = path.lower().endswith(".xlsm")
    workbook = load_workbook(path, keep_vba=macros) if os.path.exists(path) else Workbook()
    main = _main_sheet(workbook)
    for sheet in workbook.worksheets:
        names = {sheet.title, ""} if sheet is workbook.worksheets[0] else {sheet.title}
        texts, over = (
            {line: row for (name, line), row in cells.items() if name in names} for cells in (filled, changed)
        )
        if sheet is main or texts or over:
            _extend_sheet(path, sheet, rows if sheet is main else [], texts, over)
    try:
        with written_whole(path) as temporary:
            workbook.save(temporary)
    except zipfile.LargeZipFile as error:
        raise FlystageError(
            f"The table {path} is too large for a workbook ({error}). Save it as a CSV and set labels to it."
        ) from error


def _main_sheet(workbook):
    """Return the first sheet that names image and stage in its first line, as `tables_among` does, else the first sheet."""
    fitting = [
        sheet
        for sheet in workbook.worksheets
        if {"image", "stage"}
        <= set(places_of(["" if cell.value is None else str(cell.value) for cell in sheet[1]], COLUMNS))
    ]
    return next(iter([sheet for sheet in fitting if sheet.sheet_state == "visible"] or fitting), workbook.worksheets[0])


def _extend_sheet(path, sheet, rows, filled, changed):
    """Write rows after the last one, and texts into cells. filled, changed: {line: {column: text}}, see `add_to_table`."""
    from openpyxl.cell.cell import MergedCell
    from openpyxl.utils import get_column_letter

    if sheet.max_row * sheet.max_column > MOST_CELLS:
        raise FlystageError(
            f"Sheet {sheet.title} of {path} extends to {get_column_letter(sheet.max_column)}{sheet.max_row}, which is too large. Delete"
            " cells far away from the table, or save it as a CSV."
        )
    table = list(sheet.iter_rows())
    used = [max((cell.column for cell in cells if cell.value is not None), default=0) for cells in table]
    last = max((cells[0].row for cells, width in zip(table, used, strict=True) if width), default=0)
    last = max([last, *(merged.max_row for merged in sheet.merged_cells.ranges)])
    there = ["" if cell.value is None else str(cell.value) for cell in (table[0] if table else ())][
        : max(used, default=0)
    ]
    header, places = _places(there, max(used, default=0), [*rows, *filled.values(), *changed.values()])
    for place in range(len(there), len(header)):
        sheet.cell(1, place + 1, header[place] or None)
    texts = {(line, places[name]): text for line, row in filled.items() for name, text in row.items()}
    over = {(line, places[name]): text for line, row in changed.items() for name, text in row.items()}
    texts |= {
        (max(last, 1) + number, places[name]): text for number, row in enumerate(rows, 1) for name, text in row.items()
    }
    for (line, place), text in (texts | over).items():
        cell = sheet.cell(line, place + 1)
        if isinstance(cell, MergedCell):
            raise FlystageError(
                f"{path}, line {line}: a label cannot be written into merged cells. Separate the cells, and type the value into each row."
            )
        if (line, place) in over or text and cell.value is None:
            # Text, so that 051 stays 051 and no spreadsheet runs a formula.
            meant = (
                text if as_meant(text) == text else as_cell(text)
            )  # an apostrophe that `as_meant` would remove is doubled
            cell.value, cell.data_type, cell.number_format = in_workbook(meant), "s", "@"
