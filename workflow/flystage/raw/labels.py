"""Tables of labels that people keep beside their images: which stage, embryo and time point a TIF shows, and whether to use it."""

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
# How a stage came about: without a suggestion, from one that a person looked at, or before it was shown. The last are kept apart:
# what began as a suggestion of a network flatters it.
GIVEN, REVIEWED, BLIND = ORIGINS = ("given", "reviewed", "blind")
LARGEST = 2**26  # bytes of a table, unpacked: hundreds of thousands of rows
SHEETS = (".xml", ".rels", ".vml")
EXAMPLES = 5  # how many rows a message names


class Label(NamedTuple):
    """One row of a table. `where` names table and line; frame is a time point from 1, or None for the image as a whole.

    origin: one of ORIGINS.
    """

    where: str
    image: str
    stage: str
    embryo: str
    frame: int | None
    use: bool
    origin: str = GIVEN


def read_labels(paths):
    """The rows of label tables, a list of Label; rows without an image are left out.

    paths: CSVs (separated by comma, semicolon or tab; UTF-8, with or without byte-order mark) or .xlsx workbooks, whose first
    sheet is read. Raises FlystageError, with the line, when a table cannot be read, lacks a column or holds a wrong value.
    """
    return [label_of(f"{path}, line {line}", row) for path in paths for line, row in named_rows(path, COLUMNS)]


def label_of(where, row):
    """The Label of a row of `named_rows`. Raises FlystageError, with the line, when it holds a wrong value."""
    frame, use, origin = row.get("frame", ""), row.get("use", "").casefold(), row.get("origin", "").casefold() or GIVEN
    if use not in YES + NO:
        raise FlystageError(f"{where}: use is {row['use']!r}; write yes or no.")
    if frame and not (frame.removesuffix(".0").isdecimal() and float(frame) >= 1):
        raise FlystageError(f"{where}: frame is {frame!r}; write the number of a time point, from 1.")
    if origin not in ORIGINS:
        raise FlystageError(f"{where}: origin is {row['origin']!r}; write {', '.join(ORIGINS[:-1])} or {ORIGINS[-1]}.")
    number = int(float(frame)) if frame else None
    return Label(where, row["image"], row["stage"], row.get("embryo", ""), number, use in YES, origin)


def named_rows(path, columns):
    """Yield (line, {column: text}) of the rows of a table that name an image. columns: those wanted beside image, stage among them.

    Cells are trimmed, and without the apostrophe that keeps a spreadsheet from running them. What a table lacks is not in the dicts.
    Raises FlystageError when the table cannot be read, or lacks image or stage.
    """
    rows = cells_of(path)
    header = next(rows, (1, []))[1]
    places = places_of(header, columns)
    missing = [column for column in ("image", "stage") if column not in places]
    if missing:
        names = ", ".join(filter(None, map(one_form, header))) or "nothing"
        raise FlystageError(
            f"labels: the first line of {path} must name the columns image and stage (embryo, frame and use if wanted);"
            f" {' and '.join(missing)} is missing, it has {names.casefold()}."
        )
    for line, cells in rows:
        row = {column: _trimmed(cells[place]) if place < len(cells) else "" for column, place in places.items()}
        if row["image"]:
            yield line, row


def places_of(header, columns):
    """{column: its place in a header, from 0} of those of `columns`, and of the image, that it names. header: list of text."""
    names = [one_form(cell).casefold() for cell in header]
    places = {column: names.index(column) for column in columns if column in names}
    if named := next((name for name in IMAGE_NAMES if name in names), None):
        places["image"] = names.index(named)
    return places


def _trimmed(cell):
    """A cell's text, without what keeps a spreadsheet from running it."""
    return one_form(as_meant(one_form(cell)))


def is_workbook(path):
    """Whether a table is a workbook, by its ending."""
    return path.lower().endswith((".xlsx", ".xlsm"))


def cells_of(path):
    """Yield (line, cells) of a table, a CSV or the first sheet of a workbook; cells are text. Raises FlystageError."""
    _refuse_large(path)
    return _workbook(path) if is_workbook(path) else _csv(path)


def _refuse_large(path):
    """A workbook is packed, and says of each part how large it is; no more of it is unpacked than that."""
    try:
        size = os.path.getsize(path)
        if size <= LARGEST and is_workbook(path):
            with zipfile.ZipFile(path) as workbook:
                size = sum(part.file_size for part in workbook.infolist() if part.filename.lower().endswith(SHEETS))
    except (OSError, zipfile.BadZipFile):
        return  # reading says why
    if size > LARGEST:
        raise FlystageError(
            f"labels: {path} holds {size / 2**20:.0f} MiB, and a table of labels at most {LARGEST / 2**20:.0f}; correct the setting, or"
            " delete what is no row of an image."
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
        raise FlystageError(f"labels: {path} cannot be read ({error}); correct the setting or the file.") from error
    except UnicodeDecodeError as error:
        raise FlystageError(f"labels: {path} is not UTF-8; save it as “CSV UTF-8”, or as .xlsx.") from error


def _workbook(path):
    """Yield (line, cells) of the first sheet of a workbook, numbers written as a reader sees them."""
    from openpyxl import load_workbook  # a third of a second, for those who have one

    try:
        sheet = load_workbook(path, read_only=True, data_only=True).worksheets[0]
        sheet.reset_dimensions()  # which a damaged one gives as 17 thousand million cells
        for line, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            yield line, ["" if cell is None else _text(cell) for cell in cells]
    except Exception as error:  # a damaged workbook can fail anywhere inside the library
        raise FlystageError(
            f"labels: {path} cannot be read as a workbook ({str(error)[:200]}); save it again, or as “CSV UTF-8”."
        ) from error


def _text(cell):
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def labels_by_path(labels, found):
    """({path: [Label]}, warnings): the labels of each TIF, and a sentence for rows that fit no file, or several.

    labels: see `read_labels`. found: list of (path, path below its raw folder). A row names a file by its path below the raw
    folder, with or without that folder's name, by its name, or by its whole path; slashes may lean either way, and the ending may be
    missing.
    Raises FlystageError when two rows say different things of one image, or of one movie's embryo.
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
        (nowhere, "no TIF", "correct the names in the table"),
        (several, "several TIFs", "write the path below the raw folder"),
    ):
        if rows:
            counted = "1 row fits" if len(rows) == 1 else f"{len(rows)} rows fit"
            listed = "; ".join(rows[:EXAMPLES]) + "; ..." * (len(rows) > EXAMPLES)
            warnings.append(f"labels: {counted} {what} and is not used ({listed}); {advice}.")
    return dict(by_path), warnings


def files_by_name(found):
    """{name as `as_named` gives it: set of paths} of all names by which a table may mean a file. found: see `labels_by_path`."""
    files = defaultdict(set)
    for path, relative in found:
        folder = os.path.basename(path.removesuffix(relative).rstrip(os.sep))
        for name in (path, os.path.abspath(path), os.path.join(folder, relative), relative, os.path.basename(path)):
            files[as_named(name)].add(path)
            files[as_named(os.path.splitext(name)[0])].add(path)
    return files


def as_named(name):
    """A file's name in one form: slashes lean one way, one Unicode form, no ./ before it."""
    return PureWindowsPath(one_form(name)).as_posix().removeprefix("./")


def _agreeing(path, rows):
    """The rows of one file, each time point once."""
    by_frame = {}
    for row in rows:
        first = by_frame.setdefault(row.frame, row)
        if first._replace(where="", image="", origin="") != row._replace(where="", image="", origin=""):
            raise FlystageError(
                f"labels: {first.where} and {row.where} disagree about {os.path.basename(path)}; keep one of them."
            )
    frames = list(by_frame.values())
    if len(frames) > 1 and None in by_frame:
        raise FlystageError(
            f"labels: {by_frame[None].where} gives no frame of {os.path.basename(path)}, of which other rows name frames; give one."
        )
    other = next((row for row in frames if row.embryo != frames[0].embryo), None)
    if other:
        raise FlystageError(
            f"labels: {frames[0].where} and {other.where} give the time points of {os.path.basename(path)} to different embryos"
            f" ({frames[0].embryo or 'none'}, {other.embryo or 'none'}); one movie shows one embryo."
        )
    return frames
