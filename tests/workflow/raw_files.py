"""Helpers: empty files with the names that microscopes give, and the message of a user's error."""

import zipfile

import pytest
from openpyxl import Workbook

from flystage.core.errors import FlystageError


def name(stage, embryo=1, part=1):
    return f"Stage({stage})-20230811-Cycle00-embryo{embryo:02d}-{part}.tif"


def touch(folder, *paths):
    """Make empty files below a folder. Return the folder as text."""
    for path in paths:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    return str(folder)


def sentence(function, *arguments, **named):
    """Return the message of the FlystageError that a call must raise. It must be one line and end with a full stop."""
    with pytest.raises(FlystageError) as refused:
        function(*arguments, **named)
    text = str(refused.value)
    assert "\n" not in text and text.endswith((".", "?"))
    return text


def packed(path, rows, part="xl/worksheets/sheet1.xml"):
    """Write a workbook whose first sheet, or another part, has the content of `rows` in sequence."""
    Workbook().save(path)
    with zipfile.ZipFile(path) as workbook:
        parts = {name: workbook.read(name) for name in workbook.namelist() if name != part}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as workbook:
        for name, content in parts.items():
            workbook.writestr(name, content)
        with workbook.open(part, "w") as file:
            for row in rows:
                file.write(row)
    return str(path)
