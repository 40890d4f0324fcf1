"""Read people's tables of labels: which stage, embryo and time point a TIF shows, and whether to use it."""

import csv
import os
import zipfile
from collections import defaultdict
from pathlib import PureWindowsPath
from typing import NamedTuple

from flystage.core.cells import as_meant, delimiter_of
from flystage.core.errors import FlystageError
from flystage.raw.stages import one_form

IMAGE_NAMES = ("image", "file", "filename", "file name", "path", "name")
COLUMNS = ("stage", "embryo", "frame", "use", "origin")
YES, NO = ("", "yes", "y", "true", "1", "1.0"), ("no", "n", "false", "0", "0.0")
# Origin of a stage: labelled without a suggestion, after seeing one, or before seeing one. Labels given after seeing a suggestion
# overestimate the accuracy of its network.
GIVEN, REVIEWED, BLIND = ORIGINS = ("given", "reviewed", "blind")
LARGEST = 2**26  # bytes of an uncompressed table, enough for hundreds of thousands of rows
SHEETS = (".xml", ".rels", ".vml")
EXAMPLES = 5  # rows per message


class Label(NamedTuple):
    """One row of a table. where: table and line. frame: a time point from 1, or None for the whole image. origin: one of ORIGINS."""

    where: str
    image: str
    stage: str
    embryo: str
    frame: int | None
    use: bool
    origin: str = GIVEN


def read_labels(paths):
    """Return the rows of label tables that name an image, a list of Label.

    paths: CSVs (separated by comma, semicolon or tab, in UTF-8 with or without byte-order mark) or .xlsx workbooks, whose first
    sheet is read. Raises FlystageError with the line if a table cannot be read, lacks a column or contains a wrong value.
    """
    return [label_of(f"{path}, line {line}", row) for path in paths for line, row in named_rows(path, COLUMNS)]


def label_of(where, row):
    """Return the Label of a row of `named_rows`. Raises FlystageError with the line if a value is wrong."""
    frame, use, origin = row.get("frame", ""), row.get("use", "").casefold(), row.get("origin", "").casefold() or GIVEN
    if use not in YES + NO:
        raise FlystageError(f"{where}: use is {row['use']!r}. Write yes or no.")
    if frame and not (frame.removesuffix(".0").isdecimal() and float(frame) >= 1):
        raise FlystageError(f"{where}: frame is {frame!r}. Write the number of a time point, counted from 1.")
    if origin not in ORIGINS:
        raise FlystageError(f"{where}: origin is {row['origin']!r}. Write {', '.join(ORIGINS[:-1])} or {ORIGINS[-1]}.")
    number = int(float(frame)) if frame else None
    return Label(where, row["image"], row["stage"], row.get("embryo", ""), number, use in YES, origin)


def named_rows(path, columns):
    """Yield (line, {column: text}) for each row of a table that names an image. columns: those to read besides image, with stage.

    Cells are trimmed, and the apostrophe that `as_cell` adds is removed. Columns that the table lacks are not in the dicts.
    Raises FlystageError if the table cannot be read, or lacks image or stage.
    """
    rows = cells_of(path)
    header = next(rows, (1, []))[1]
    places = places_of(header, columns)
    missing = [column for column in ("image", "stage") if column not in places]
    if missing:
        names = ", ".join(filter(None, map(one_form, header))) or "nothing"
        raise FlystageError(
            f"labels: the header of {path} (line 1) lacks {' and '.join(missing)}. It contains {names.casefold()}. Write the columns"
            " image and stage, and optionally embryo, frame and use."
        )
    for line, cells in rows:
        row = {column: _trimmed(cells[place]) if place < len(cells) else "" for column, place in places.items()}
        if row["image"]:
            yield line, row


def places_of(header, columns):
    """Return {column: index in the header, from 0} for image and each of `columns` that the header names. header: list of text."""
    names = [one_form(cell).casefold() for cell in header]
    places = {column: names.index(column) for column in columns if column in names}
    if named := next((name for name in IMAGE_NAMES if name in names), None):
        places["image"] = names.index(named)
    return places


def _trimmed(cell):
    """Return the trimmed text of a cell, without the apostrophe that `as_cell` adds."""
    return one_form(as_meant(one_form(cell)))


def is_workbook(path):
    """Return whether a table has the ending of a workbook."""
    return path.lower().endswith((".xlsx", ".xlsm"))


def cells_of(path):
    """Return an iterator of (line, cells) of a CSV or of the first sheet of a workbook. Cells are text. Raises FlystageError."""
    _refuse_large(path)
    return _workbook(path) if is_workbook(path) else _csv(path)


def _refuse_large(path):
    """Refuse a table larger than LARGEST bytes. A compressed workbook states the size of each part, and no more is uncompressed."""
    try:
        size = os.path.getsize(path)
        if size <= LARGEST and is_workbook(path):
            with zipfile.ZipFile(path) as workbook:
                size = sum(part.file_size for part in workbook.infolist() if part.filename.lower().endswith(SHEETS))
    except (OSError, zipfile.BadZipFile):
        return  # reading raises the error
    if size > LARGEST:
        raise FlystageError(
            f"labels: {path} has {size / 2**20:.0f} MiB, but a table of labels may have at most {LARGEST / 2**20:.0f} MiB. Correct labels"
            " in the configuration, or delete the rows without an image."
        )


def _csv(path):
    """Yield (line, cells) of a CSV."""
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


def _workbook(path):
    """Yield (line, cells) of the first sheet of a workbook, with numbers as a spreadsheet shows them."""
    from openpyxl import load_workbook  # takes a third of a second, so only for workbooks

    try:
        sheet = load_workbook(path, read_only=True, data_only=True).worksheets[0]
        sheet.reset_dimensions()  # damaged sheets may claim 17 billion cells
        for line, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            yield line, ["" if cell is None else _text(cell) for cell in cells]
    except Exception as error:  # openpyxl raises many kinds of error for a damaged workbook
        raise FlystageError(
            f"labels: {path} cannot be read as a workbook ({str(error)[:200]}). Save it again, or save it as “CSV UTF-8”."
        ) from error


def _text(cell):
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def labels_by_path(labels, found):
    """Return ({path: [Label]}, warnings): the labels of each TIF, and a sentence about rows that match no file, or several files.

    labels: see `read_labels`. found: list of (path, path below its raw folder). A row names a file by its path below the raw
    folder, with or without that folder's name, by its name, or by its whole path. It may use / or \\, and omit the ending.
    Raises FlystageError if two rows contradict each other about an image or the embryo of a movie.
    """
    files = files_by_name(found)
    by_path, nowhere, several = defaultdict(list), [], []
    for label in labels:
        fitting = files.get(as_named(label.image), ())
        if len(fitting) == 1:
            by_path[next(iter(fitting))].append(label)
        else:
            (several if fitting else nowhere).append(f"{label.where}: {label.image}")
    for path, rows in by_path.items():
        by_path[path] = _agreeing(path, rows)
    warnings = []
    for rows, what, advice in (
        (nowhere, "no TIF", "Correct the names in the table"),
        (several, "several TIFs", "Write the path below the raw folder"),
    ):
        if rows:
            counted = "1 row matches" if len(rows) == 1 else f"{len(rows)} rows match"
            listed = ", ".join(rows[:EXAMPLES]) + ", ..." * (len(rows) > EXAMPLES)
            warnings.append(f"labels: {counted} {what} and will be skipped ({listed}). {advice}.")
    return dict(by_path), warnings


def files_by_name(found):
    """Return {name in the form of `as_named`: set of paths} of all names that a table may use for a file. found: see `labels_by_path`."""
    files = defaultdict(set)
    for path, relative in found:
        folder = os.path.basename(path.removesuffix(relative).rstrip(os.sep))
        for name in (path, os.path.abspath(path), os.path.join(folder, relative), relative, os.path.basename(path)):
            files[as_named(name)].add(path)
            files[as_named(os.path.splitext(name)[0])].add(path)
    return files


def as_named(name):
    """Return the name of a file in one form: with /, in one Unicode form, without a leading ./."""
    return PureWindowsPath(one_form(name)).as_posix().removeprefix("./")


def _agreeing(path, rows):
    """Return the rows of one file, one per time point. Raises FlystageError if they contradict each other."""
    by_frame = {}
    for row in rows:
        first = by_frame.setdefault(row.frame, row)
        if first._replace(where="", image="", origin="") != row._replace(where="", image="", origin=""):
            raise FlystageError(
                f"labels: {first.where} and {row.where} contradict each other about {os.path.basename(path)}. Keep only one."
            )
    frames = list(by_frame.values())
    if len(frames) > 1 and None in by_frame:
        raise FlystageError(
            f"labels: {by_frame[None].where} does not give a frame of {os.path.basename(path)}, but other rows do. Write its frame."
        )
    other = next((row for row in frames if row.embryo != frames[0].embryo), None)
    if other:
        raise FlystageError(
            f"labels: {frames[0].where} and {other.where} name different embryos ({frames[0].embryo or 'none'}, {other.embryo or 'none'})"
            f" for time points of {os.path.basename(path)}. A movie shows one embryo, so write one name."
        )
    return frames
