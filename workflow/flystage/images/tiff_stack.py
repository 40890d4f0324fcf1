"""Describe a picture in a TIF as a stack of pages along named axes."""

from collections.abc import Callable
from typing import NamedTuple

import tifffile


class Stack(NamedTuple):
    """One picture of a file. keyframe: the page that describes all its planes. axes, shape: of the planes, e.g. "TZC" and
    (10, 5, 2). page: function from the number of a page, from 0, to the page, or None if it was never written.
    parts: number of planes per page, more than 1 if the samples of a page are planes of the last axis.
    series: number of its series in tifffile's list, or None if no notes describe it. own_times: numbers of its time points in the
    notes if it has only some of them. names: of its channels, or (). note: what was decided about its axes, or "".
    unclear: why its axes are unknown, or "". pages: number of its pages if each is also a picture of its own, or 0.
    """

    keyframe: tifffile.TiffPage
    axes: str
    shape: tuple
    page: Callable
    subfile: int
    parts: int = 1
    series: int | None = None
    own_times: tuple | None = None
    names: tuple = ()
    note: str = ""
    unclear: str = ""
    pages: int = 0


def stack_of_pages(tif, directories):
    """Return the Stack of all pages of a tifffile.TiffFile at some places. directories: a Directory of each, of equal layout."""
    keyframe = tif.pages.first
    if directories[0].offset != keyframe.offset:
        tif.filehandle.seek(directories[0].offset)
        keyframe = tifffile.TiffPage(tif, 0)

    def page(number):
        if number == 0:
            return keyframe
        return tifffile.TiffFrame(tif, number, offset=directories[number].offset, keyframe=keyframe)

    several = len(directories) > 1
    return Stack(keyframe, "I" * several, (len(directories),) * several, page, directories[0].subfile)
