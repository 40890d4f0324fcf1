"""Write and read cells of a CSV so that no spreadsheet runs their text as a formula, and find the delimiter of a CSV."""

import csv
import re

# Characters that start a formula in a spreadsheet, including their full-width forms. A spreadsheet that assumes another delimiter,
# or breaks lines within quotes, starts a new cell there too. Leading blanks do not prevent this. A leading apostrophe marks text.
BEGINNING = r"[=+\-@＝＋－＠]"
AT_START = re.compile(rf"'*(?:{BEGINNING}|[\t\r\n])")
INSIDE = re.compile(rf"([,;\t\r\n])(?='*{BEGINNING})")
ESCAPED = re.compile(rf"([,;\t\r\n])'(?='*{BEGINNING})")
NOT_IN_WORKBOOKS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
PLAIN_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?", re.ASCII)


def as_cell(text):
    """Return text for a cell of a CSV, with an apostrophe before each part that a spreadsheet would run as a formula.

    Numbers such as -15, and values that are not text, are returned unchanged.
    """
    if not isinstance(text, str) or PLAIN_NUMBER.fullmatch(text):
        return text
    cell = INSIDE.sub(r"\1'", text)
    return f"'{cell}" if AT_START.match(cell) else cell


def as_meant(cell):
    """Undo `as_cell`."""
    if not isinstance(cell, str) or "'" not in cell:
        return cell
    text = cell[1:] if cell[0] == "'" and AT_START.match(cell) else cell
    return ESCAPED.sub(r"\1", text)


def in_workbook(text):
    """Return text for a cell of a workbook, with control characters replaced. Text in a workbook is never run as a formula."""
    return NOT_IN_WORKBOOKS.sub("\N{REPLACEMENT CHARACTER}", text)


def quoting_of(cells):
    """Return the csv.QUOTE_ constant for these cells. Before 3.13, Python does not quote a lone carriage return, which breaks its line."""
    return csv.QUOTE_ALL if any("\r" in cell for cell in cells) else csv.QUOTE_MINIMAL


def delimiter_of(text):
    """Return the delimiter of a CSV: comma, semicolon or tab, whichever its first line has most of. text: of the file or of that line."""
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)
