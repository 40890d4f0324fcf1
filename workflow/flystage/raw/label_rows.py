"""Read the rows of tables that people made: find the columns, fill merged cells, and tell what a cell cannot mean."""

import re
from bisect import bisect_right
from collections import Counter, defaultdict

from flystage.core.cells import as_meant
from flystage.core.errors import FlystageError
from flystage.raw.label_names import matches
from flystage.raw.stages import one_form
from flystage.raw.table_cells import DATE, NEVER_COMPUTED, TIME, TRUTH, Cell, sheets_of

IMAGE_NAMES = ("image", "file", "filename", "file name", "file_name", "path", "filepath", "name")
OTHER_NAMES = {"stage": "choice"}  # what Label Studio calls it
NAMES = ("stage", "embryo")  # columns whose cells are names
FILLED_DOWN = (*NAMES, "frame", "use", "origin")
# Words for a missing value, as pandas, R, spreadsheets and databases write them.
NO_VALUE = ("na", "nan", "-nan", "none", "null", "nil", "nat", "n/a", "n.a.", "#na", "<na>", "#n/a n/a")
# Spreadsheets write an error in the language of the person.
ERROR = re.compile(
    r"#(?:N/[A-Z]|N[VDB]|[^\W\d_][^\W_]*(?:/0)?[!?]|[^\W\d_]+/0!?)|Err:\d+|-?1\.#(?:IND|QNAN)|#+", re.IGNORECASE
)
MONTHS = "jan|feb|mar|mär|mrz|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez"
DAY = re.compile(
    rf"\d{{1,2}}[-. /]{{1,2}}(?:{MONTHS})[^\W\d_]*\.?(?:[-. /]+\d{{2,4}})?|(?:{MONTHS})[^\W\d_]*[-. /]+\d{{2,4}}"
    r"|\d{4}-\d\d-\d\d(?:[ T]00:00(?::00)?)?",
    re.IGNORECASE,
)
FULL_DAY = re.compile(r"\d{1,2}([-./])\d{1,2}\1\d{4}|\d{1,2}([./])\d{1,2}\2\d{2}")  # in a CSV: 03/12/26, 12.03.2026
SHORTENED, LONG = "a shortened number", re.compile(r"\d(?:[.,]\d+)?E[+-]\d+")  # a long number in a CSV of a spreadsheet
# What people type for an unknown value or "as above". A warning names it, because it may also be a name.
UNCLEAR = "what may be no name"
NO_NAME = re.compile(r"[^\w+]+|n\.? ?d\.|unknown|undefined|missing|\\N|\(blank\)|pd\.NA", re.IGNORECASE)
KINDS_OF_TEXTS = (  # kind and pattern of texts in a CSV, which has no kinds of cells
    (DATE, re.compile(f"{DAY.pattern}|{FULL_DAY.pattern}", re.IGNORECASE)),
    (SHORTENED, LONG),
    (TIME, re.compile(r"\d{1,3}:\d\d(?::\d\d(?:\.\d+)?)?")),
    (TRUTH, re.compile("true|false|wahr|falsch|vrai|faux", re.IGNORECASE)),
    (UNCLEAR, NO_NAME),
)
EXAMPLES = 5


def is_no_value(text):
    """Return whether the text of a cell says that there is no value: NA, nan, None, null, #N/A, #DIV/0! and the like."""
    return text.casefold() in NO_VALUE or bool(ERROR.fullmatch(text))


def named_rows(path, columns, files=None, stages=()):
    """Return ([(where, {column: text})], sentences) of the rows of a table that name an image.

    columns: those to read besides image, with stage. where: table, sheet and line. files: see `files_by_name`, to find the column
    that names them. stages: names that a stage may have although they mean no value, as "NA". Cells are trimmed, and the apostrophe
    that `as_cell` adds is removed. Columns that the table lacks are not in the dicts.
    Raises FlystageError if the table cannot be read, lacks image or stage, has two columns of one name, or contains what cannot be meant.
    """
    sheets = sheets_of(path)
    fitting = tables_among(sheets, columns)
    if not fitting:
        header = sheets[0].rows[0][1] if sheets and sheets[0].rows else []
        _refuse_header(path, header, places_of([cell.text for cell in header], columns))
    told = _Told(path)
    rest = [
        sheet.name
        for sheet in sheets
        if sheet not in fitting and any(any(cell) for _, row in sheet.rows for cell in row)
    ]
    if rest:
        told.sentences.append(
            f"labels: {path} has sheets that are not read ({', '.join(rest[:EXAMPLES])}{', ...' * (len(rest) > EXAMPLES)}). Those read have"
            " the columns image and stage in line 1 and are not hidden."
        )
    rows = []
    for sheet in fitting:
        place = path if sheet is sheets[0] else f"{path}, sheet {sheet.name}"
        rows += _rows_of(sheet, place, columns, files, stages, told)
    return rows, told.all()


def tables_among(sheets, columns):
    """Return the sheets whose first line names image and stage. Hidden ones count only if there is no other."""
    fitting = [
        sheet
        for sheet in sheets
        if sheet.rows and {"image", "stage"} <= set(places_of([cell.text for cell in sheet.rows[0][1]], columns))
    ]
    return [sheet for sheet in fitting if not sheet.hidden] or fitting


def _refuse_header(path, header, places):
    missing = [column for column in ("image", "stage") if column not in places]
    names = ", ".join(filter(None, (one_form(cell.text) for cell in header))) or "nothing"
    raise FlystageError(
        f"labels: the header of {path} (line 1) lacks {' and '.join(missing)}. It contains {names.casefold()}. Write the columns"
        " image and stage, and optionally embryo, frame and use."
    )


def places_of(header, columns):
    """Return {column: index in the header, from 0} for image and each of `columns` that the header names. header: list of text."""
    names = [one_form(cell).casefold() for cell in header]
    places = {column: names.index(column) for column in columns if column in names}
    for column, other in OTHER_NAMES.items():
        if column in columns and column not in places and other in names:
            places[column] = names.index(other)
    if named := next((name for name in IMAGE_NAMES if name in names), None):
        places["image"] = names.index(named)
    return places


def _rows_of(sheet, place, columns, files, stages, told):
    """Return [(where, {column: text})] of one sheet."""
    header, lines = sheet.rows[0][1], sheet.rows[1:]
    places = places_of([cell.text for cell in header], columns)
    _refuse_twice(place, header, places)
    others = [
        cell.text
        for cell in header
        if re.sub(r"\.\d+$", "", one_form(cell.text).casefold()) in places and "." in cell.text
    ]
    if others:
        told.sentences.append(
            f"labels: {place} has the columns {', '.join(others)}, which are not read. pandas renames a second column of one name so. If"
            " they are labels of another person, write them into a table of their own."
        )
    images = _image_places(header, lines, files)
    if images[0] != places["image"]:
        told.sentences.append(
            f"labels: {place} names the images in the column {header[images[0]].text}. The column {header[places['image']].text} does not"
            " name them, so it is not used."
        )
    value_of = _merged_values(sheet)
    rows = []
    for line, cells in lines:
        row = {}
        where = f"{place}, line {line}"
        named = [(index, _trimmed(cells[index])) for index in images if index < len(cells)]
        image = next((cell for _, cell in named if any(cell)), Cell(""))
        if image.kind == NEVER_COMPUTED:
            _refuse_never_computed(where, "image")
        if not image.text:
            continue
        for column, index in places.items():
            cell = _trimmed(cells[index]) if index < len(cells) else Cell("")
            if column in FILLED_DOWN and not any(cell):
                cell = _trimmed(value_of(line, index))
                told.filled[column] += any(cell)
            row[column] = image.text if column == "image" else _meant(where, column, cell, stages, told)
        rows.append((where, row))
    return rows


def _merged_values(sheet):
    """Return function(line, column) -> the Cell whose value merged cells show there, an empty one outside merged cells."""
    by_line, of_column = dict(sheet.rows), defaultdict(list)
    for top, bottom, column in sorted(sheet.merged):
        if top > 1:  # not those of a header
            of_column[column].append((top, bottom))

    def value(line, column):
        ranges = of_column.get(column, ())
        place = bisect_right(ranges, (line,)) - 1  # the last one that begins above the line
        above = by_line.get(ranges[place][0], ()) if place >= 0 and line <= ranges[place][1] else ()
        return above[column] if column < len(above) else Cell("")

    return value


def _image_places(header, lines, files):
    """Return the indices of the columns that may name images, the one that does so most often first."""
    names = [one_form(cell.text).casefold() for cell in header]
    places = [names.index(name) for name in IMAGE_NAMES if name in names]
    if len(places) < 2 or not files:
        return places

    def fitting(index):
        return len(matches([_trimmed(cells[index]).text for _, cells in lines if index < len(cells)], files)[0])

    return sorted(places, key=fitting, reverse=True)  # stable, so the first of equal ones stays first


def _trimmed(cell):
    """Return a cell with its text trimmed, without the apostrophe that `as_cell` adds."""
    return cell._replace(text=one_form(as_meant(one_form(cell.text))))


def _refuse_twice(place, header, places):
    names = Counter(one_form(cell.text).casefold() for cell in header)
    used = {one_form(header[index].text).casefold() for index in places.values()}
    twice = sorted(name for name in used if names[name] > 1)
    if twice:
        raise FlystageError(
            f"labels: {place} has {names[twice[0]]} columns named {twice[0]}, and only one can count. Rename the others, or write one table"
            " for each person."
        )


def _refuse_never_computed(where, column):
    raise FlystageError(
        f"labels: {where}: {column} is a formula that was never computed, so its value is not in the file. Open the file in a spreadsheet"
        " program, save it there and start again."
    )


def _meant(where, column, cell, stages, told):
    """Return the text that a cell means, "" for no value. Raises FlystageError for what cannot be meant."""
    if cell.kind == NEVER_COMPUTED:
        _refuse_never_computed(where, column)
    if column not in FILLED_DOWN or not cell.text:
        return cell.text
    if is_no_value(cell.text) and not (column == "stage" and cell.text in stages):
        if column == "use" and ERROR.fullmatch(cell.text):
            return cell.text  # an image that nobody can decide about is not used in silence: `label_of` refuses it
        told.no_value[column, cell.text].append(where)
        return ""
    if column in NAMES:
        if cell.kind == DATE and column == "stage":
            raise FlystageError(
                f"labels: {where}: {column} is a date ({cell.text}). A spreadsheet has probably changed a name such as 4-6 into a date."
                " Format the column as text, and type the names again."
            )
        kind = cell.kind or next((kind for kind, text in KINDS_OF_TEXTS if text.fullmatch(cell.text)), "")
        if kind and cell.text not in stages:
            told.odd[column, kind].append(f"{where}: {cell.text}")
    return cell.text


class _Told:
    """What to tell about a table. no_value: {(column, text): places}. odd: {(column, kind): places}. filled: {column: number}."""

    def __init__(self, path):
        self.path, self.sentences = path, []
        self.no_value, self.odd, self.filled = defaultdict(list), defaultdict(list), Counter()

    def all(self):
        """Return the sentences about the table."""
        told = list(self.sentences)
        for column, number in (+self.filled).items():
            told.append(
                f"labels: {self.path} has merged cells. Their value fills {number} cell(s) of the column {column}."
            )
        for (column, text), places in self.no_value.items():
            advice = f" If {text} is the name of a stage, list it in quotes in stages." if column == "stage" else ""
            told.append(
                f"labels: {len(places)} cell(s) of the column {column} say {text}, which is no value ({places[0]}).{advice}"
            )
        usual = "flystage takes the text that the sheet shows as a name. Format the column as text if it is wrong."
        advice = {
            DATE: "If a spreadsheet changed a name such as 4-6, format the column as text and type it again.",
            SHORTENED: "Different numbers may look alike. Format the column as text, type them again and save the table again.",
            UNCLEAR: "flystage takes it as a name. If it means that there is no value, or the value above, correct these cells.",
        }
        for (column, kind), places in self.odd.items():
            told.append(
                f"labels: {len(places)} cell(s) of the column {column} contain {kind} ({places[0]}). {advice.get(kind, usual)}"
            )
        return told
