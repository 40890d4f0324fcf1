"""Why a TIF is refused, in a sentence that fits a cell of a table."""

import pytest

from flystage.core.errors import UnusableTiff
from flystage.images.tiff import read_grey


def reason(source, **options):
    """The reason with which `read_grey` refuses a TIF."""
    with pytest.raises(UnusableTiff) as refused:
        read_grey(source, **options)
    text = str(refused.value)
    assert "\n" not in text and len(text) < 200
    return text
