"""Helper: the reason why a TIF is unusable, short enough for a cell of a table."""

import pytest

from flystage.core.errors import UnusableTiff
from flystage.images.reading import read_grey


def reason(source, **options):
    """Return the reason with which `read_grey` rejects a TIF."""
    with pytest.raises(UnusableTiff) as refused:
        read_grey(source, **options)
    text = str(refused.value)
    assert "\n" not in text and len(text) < 200
    return text
