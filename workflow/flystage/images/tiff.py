"""Open a TIF and read its pictures plane by plane, with bounded memory, or give the reason why it is unusable."""

import errno
import io
import logging
import os
from contextlib import contextmanager
from functools import cached_property

import numpy as np
import tifffile

from flystage.core.errors import UnusableTiff
from flystage.images.greyscale import calibration_of, quarter_turns, to_channels
from flystage.images.pictures import Facts, Picture, PictureFile, Plane
from flystage.images.stacks import choose_stack, find_stacks, open_tiff
from flystage.images.tiff_notes import Notes
from flystage.images.tiff_pages import decode_page, refuse_unreadable

SMALL = 2**24  # bytes: smaller files are read at once, which is faster, especially over a network
MOST_AT_ONCE = 2**24  # bytes of notes, or of the offsets of strips and tiles
MOST_READS = 5 * 2**20  # for listing the pages of a file with the maximum number of pages
SAVE_AGAIN = "if other programs open it, save it again with one of them"

ON_THEIR_SIDE = (5, 6, 7, 8)  # Orientation tags that exchange width and height
TOO_LARGE = "too large for the memory of this machine: save a smaller part of it"
logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # its messages become reasons of UnusableTiff


class BoundedFile:
    """A file open for reading, whose false headers cannot take memory without limit.

    While `bounded`, reading more than MOST_AT_ONCE bytes at once, or more than MOST_READS times, raises UnusableTiff.
    """

    def __init__(self, file):
        self.file, self.bounded, self.reads = file, True, 0

    def _refuse(self, size):
        self.reads += 1
        if self.bounded and not 0 <= size <= MOST_AT_ONCE:
            raise UnusableTiff(
                f"its notes, or the list of its parts, claim {size} bytes, but at most {MOST_AT_ONCE} are read"
            )
        if self.bounded and self.reads > MOST_READS:
            raise UnusableTiff("its notes, or the list of its parts, are endless")

    def read(self, size=-1):
        self._refuse(size)
        return self.file.read(size)

    def readinto(self, buffer):
        self._refuse(memoryview(buffer).nbytes)
        return self.file.readinto(buffer)

    def seek(self, *place):
        return self.file.seek(*place)

    def tell(self):
        return self.file.tell()


class TifPicture(Picture):
    """One picture of a TIF. stack: its Stack. file: the OpenedTif."""

    def __init__(self, file, stack):
        self.file, self.stack = file, stack
        self.axes, self.shape = stack.axes, stack.shape
        self.dtype = str(stack.keyframe.dtype)
        size = stack.keyframe.imagewidth, stack.keyframe.imagelength
        on_its_side = stack.keyframe.tags.valueof(274, 1) in ON_THEIR_SIDE
        self.width, self.height = size[::-1] if on_its_side else size
        self.unclear, self.note = stack.unclear, "; ".join(filter(None, (stack.note, stack.unclear)))

    @cached_property
    def notes(self):
        """The Notes of this picture, which are long in a movie of OME."""
        return Notes(self.file.tif, self.stack)

    @cached_property
    def pixel_size(self):
        return self.notes.pixel_size

    def facts(self):
        notes = self.notes
        return Facts(
            *(self.dtype, notes.bits, self.width, self.height, self.axes, self.shape),
            *(notes.times, notes.pixel_size, notes.channel_names),
        )

    def refuse_unreadable(self, max_pixels):
        refuse_unreadable(self.stack.keyframe, max_pixels)
        quarter_turns(self.stack.keyframe)

    def plane(self, number, white):
        keyframe, parts = self.stack.keyframe, self.stack.parts
        page = self.stack.page(number // parts)
        with self.file.unbounded():
            decoded = decode_page(page, keyframe)
        if parts > 1:
            decoded = decoded[[number % parts]]
        of_axis = self._channel(number) if parts == 1 else 0
        channels, colours, white_of_file, note = to_channels(
            decoded, keyframe, white, self.file.calibration, of_axis, self.file.tables
        )
        return Plane(np.rot90(channels, quarter_turns(keyframe), (1, 2)), colours, white_of_file, note)

    def _channel(self, number):
        """Return the place of a plane on the axis C, from 0, or None without this axis."""
        if "C" not in self.axes:
            return None
        return int(np.unravel_index(number, self.shape)[self.axes.index("C")])


class OpenedTif(PictureFile):
    """A TIF whose file is open. Its pages are listed only once, even if many are read."""

    def __init__(self, file, name):
        self.file, self.path = file, str(name) if isinstance(name, str | os.PathLike) else ""
        self.tif, self.in_set = open_tiff(file, name)
        self.pictures = {}  # by the setting image.series, so that the notes of a movie are read once

    @contextmanager
    def unbounded(self):
        """Lift the limits within a block that reads a picture, whose size `decode_page` limits."""
        self.file.bounded = False
        try:
            yield
        finally:
            self.file.bounded = True

    @cached_property
    def stacks(self):
        """The Stacks in this file, a list."""
        return find_stacks(self.tif, self.in_set, self.path)

    @cached_property
    def calibration(self):
        """(offset, step) of ImageJ's calibration, or None."""
        return calibration_of(self.tif)

    @cached_property
    def tables(self):
        """ImageJ's colour tables of its channels, a list of arrays (3, 256), or []."""
        return (self.tif.imagej_metadata or {}).get("LUTs", []) if self.tif.is_imagej else []

    def picture(self, series):
        if series not in self.pictures:
            self.pictures[series] = TifPicture(self, choose_stack(self.stacks, series))
        return self.pictures[series]


@contextmanager
def opened(source):
    """Yield a PictureFile, from which `read_grey` can read all time points of a movie.

    source: as for `read_grey`. A source that is already open stays open. All errors within become an UnusableTiff, except those of
    the disk.
    """
    if isinstance(source, PictureFile):
        with _told_as_reason():
            yield source
        return
    own = not hasattr(source, "seek")
    file = source if not own else io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb")  # noqa: SIM115
    try:
        with _told_as_reason():
            if not file.seek(0, io.SEEK_END):
                raise UnusableTiff("empty file")
            small = file.tell() <= SMALL
            file.seek(0)
            yield OpenedTif(BoundedFile(io.BytesIO(file.read()) if small else file), getattr(file, "name", ""))
    finally:
        if own:
            file.close()


@contextmanager
def _told_as_reason():
    try:
        with np.errstate(divide="ignore", invalid="ignore"):  # which tifffile raises for odd tags
            yield
    except UnusableTiff:
        raise
    except tifffile.TiffFileError as error:
        raise UnusableTiff(f"not a TIF ({_brief(error)})") from error
    except MemoryError as error:
        raise UnusableTiff(TOO_LARGE) from error
    except NotImplementedError as error:
        raise UnusableTiff(f"not supported ({_brief(error)}): {SAVE_AGAIN}") from error
    except Exception as error:  # a damaged file can fail anywhere inside a decoder
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # an error of the disk, not of the file
        raise UnusableTiff(f"damaged or not supported ({_brief(error)}): {SAVE_AGAIN}") from error


def _brief(error):
    text = " ".join(str(error).split())
    if len(text) < 8:  # such as the key of a KeyError
        text = f"{type(error).__name__} {text}".strip()
    return text if len(text) <= 100 else text[:97] + "..."
