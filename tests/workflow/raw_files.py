"""Helpers: empty files with the names that microscopes give, and the message of a user's error."""

import pytest

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
