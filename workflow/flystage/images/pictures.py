"""Define what a reader of a file format offers: pictures, each a stack of planes along named axes."""

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from flystage.core.errors import UnusableTiff

SMALLEST_SIDE = 8  # pixels: an embryo is not visible in a smaller picture
MAY_BE_DEPTHS = "planes are called colours"  # in the note of such a plane
LONGEST_SIDE = 32_767  # pixels: shrinking a longer one can fail in OpenCV


class Facts(NamedTuple):
    """What the headers of a file say about one of its pictures.

    dtype: numpy's name of the number type. bits: significant bits of a value if the file names them, or None.
    width, height: pixels of a plane. axes, shape: of its planes, e.g. "TZC" and (10, 5, 2). T counts time points, C channels,
    any other letter a depth. times: seconds of each time point from the start, a tuple, or None if unknown.
    pixel_size: micrometres, or None if unknown. channel_names: of the axis C, a tuple, or () if unknown.
    """

    dtype: str
    bits: int | None
    width: int
    height: int
    axes: str
    shape: tuple
    times: tuple | None
    pixel_size: float | None
    channel_names: tuple

    @property
    def depth(self):
        """Number of planes of each time point and channel."""
        return math.prod(length for axis, length in zip(self.axes, self.shape, strict=True) if axis not in "TC")


class Plane(NamedTuple):
    """A decoded plane. channels: array (channels, height, width), brighter pixels with higher numbers. colours: whether the
    channels are red, green and blue. white: the white level of the format, or None. note: choices made in reading, or "".
    """

    channels: np.ndarray
    colours: bool
    white: int | None
    note: str


class Picture(ABC):
    """One picture of an open file. Its planes are read one at a time, so memory is in proportion to a plane.

    axes, shape, dtype, width, height, pixel_size: as in Facts. note: what was decided about its axes, or "". unclear: why its axes
    are unknown, or "".
    """

    axes: str
    shape: tuple
    dtype: str
    width: int
    height: int
    pixel_size: float | None = None
    note: str = ""
    unclear: str = ""

    @abstractmethod
    def facts(self):
        """Return the Facts. Only headers are read."""

    @abstractmethod
    def refuse_unreadable(self, max_pixels):
        """Raise UnusableTiff if the headers show that planes cannot be read, or have more than max_pixels pixels."""

    @abstractmethod
    def plane(self, number, white):
        """Return a Plane. number: from 0, along `axes` in C order. white: see `read_grey`. Raises UnusableTiff."""


class PictureFile(ABC):
    """An open file. A format implements this class and Picture. Its errors become an UnusableTiff in `opened`."""

    @abstractmethod
    def picture(self, series):
        """Return the Picture to use. series: its number from 1, or "auto". Raises UnusableTiff if the choice is unclear."""


def refuse_size(width, height, max_pixels):
    """Raise UnusableTiff if a plane is too large or too small, in pixels."""
    if height * width > max_pixels:
        raise UnusableTiff(f"too large: {width} x {height} pixels, image.max_pixels is {max_pixels}")
    if max(height, width) > LONGEST_SIDE:
        raise UnusableTiff(f"too large: {width} x {height} pixels, at most {LONGEST_SIDE} per side are supported")
    if min(height, width) < SMALLEST_SIDE:
        raise UnusableTiff(f"too small: {width} x {height} pixels")
