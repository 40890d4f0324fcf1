"""What stands in a cell of a CSV: what separates it from the next, and text that no spreadsheet runs as a formula."""

import csv
import re

# What a spreadsheet runs, also in full width. One that opens a CSV with another separator than it has, or within quotes a line break,
# begins a cell there too. Blanks before it do not help. An apostrophe does: it says that text follows.
BEGINNING = r"[=+\-@＝＋－＠]"
AT_START = re.compile(rf"'*(?:{BEGINNING}|[\t\r\n])")
INSIDE = re.compile(rf"([,;\t\r\n])(?='*{BEGINNING})")
ESCAPED = re.compile(rf"([,;\t\r\n])'(?='*{BEGINNING})")
NOT_IN_WORKBOOKS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
PLAIN_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?", re.ASCII)


def as_cell(text):
    """Text as it stands in a CSV: with an apostrophe before what a spreadsheet would run; numbers such as -15 stay as they are.

    What is no text is returned as it is.
    """
    if not isinstance(text, str) or PLAIN_NUMBER.fullmatch(text):
        return text
    cell = INSIDE.sub(r"\1'", text)
    return f"'{cell}" if AT_START.match(cell) else cell


def as_meant(cell):
    """What `as_cell` made a cell of."""
    if not isinstance(cell, str) or "'" not in cell:
        return cell
    text = cell[1:] if cell[0] == "'" and AT_START.match(cell) else cell
    return ESCAPED.sub(r"\1", text)


def in_workbook(text):
    """Text as a cell of a workbook can hold it, where it is no formula whatever it begins with: without control characters."""
    return NOT_IN_WORKBOOKS.sub("\N{REPLACEMENT CHARACTER}", text)


def quoting_of(cells):
    """How a CSV with these cells is to be quoted: before 3.13 Python lets a lone carriage return tear its line."""
    return csv.QUOTE_ALL if any("\r" in cell for cell in cells) else csv.QUOTE_MINIMAL


def delimiter_of(text):
    """Comma, semicolon or tab, as the first line of a CSV tells. text: of the file, or its first line."""
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)
