"""Empty files by the names that microscopes give, and the one sentence that a mistake must end in."""

import pytest

from flystage.core.errors import FlystageError


def name(stage, embryo=1, part=1):
    return f"Stage({stage})-20230811-Cycle00-embryo{embryo:02d}-{part}.tif"


def touch(folder, *paths):
    """Make empty files below a folder. Returns the folder as text."""
    for path in paths:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    return str(folder)


def sentence(function, *arguments, **named):
    """The one sentence that a call must end in."""
    with pytest.raises(FlystageError) as refused:
        function(*arguments, **named)
    text = str(refused.value)
    assert "\n" not in text and text.endswith((".", "?"))
    return text
