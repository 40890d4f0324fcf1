"""Read one plane and one channel of a TIF at native depth, or give the reason why it is unusable."""

import errno
import io
import logging
from contextlib import contextmanager
from functools import cached_property

import numpy as np
import tifffile

from flystage.core.errors import UnusableTiff
from flystage.images.greyscale import calibration_of, quarter_turns, to_channels, to_grey
from flystage.images.planes import decode_page, planes_to_use, refuse_unreadable
from flystage.images.stacks import choose_stack, find_stacks, open_tiff

SMALL = 2**24  # bytes: smaller files are read at once, which is faster, especially over a network
MOST_AT_ONCE = 2**24  # bytes of notes, or of the offsets of strips and tiles
MOST_READS = 5 * 2**20  # for listing the pages of a file with the maximum number of pages
SAVE_AGAIN = "if other programs open it, save it again with one of them"

TOO_LARGE = "too large for the memory of this machine: save a smaller part of it"
logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # its messages become reasons of UnusableTiff


def read_grey(
    source, page="middle", channel="auto", max_pixels=100_000_000, *, series="auto", white="auto", frame=None
):
    """Decode a TIF to one grey plane at native depth, reading only its headers and the requested page.

    source: the file's path, the file open for reading in binary mode, its bytes, or an OpenedTif from `opened`.
    page: which plane of a stack, "first", "middle" (of an even number the later of the two), "last" or a number from 1, or
    "max", the maximum over all planes of the time point. It counts along the depth. It counts time points only if each has
    one plane and no frame is given.
    channel: "auto" (the luma of RGB, the first channel of anything else), "max" (over channels), or a number from 1.
    max_pixels: a page with more pixels is not decoded.
    series: which picture of a file with several, a number from 1, or "auto" for the full one at the greatest depth.
    white: the value from which white-is-zero is subtracted, or "auto" for the maximum of the pixel type.
    frame: which time point, a number from 1, or None for the middle one (of an even number the later of the two).

    Returns (plane, facts). plane is a 2-D array (height, width), rotated as its Orientation tag requests. It has the file's
    dtype unless channels were mixed, colours looked up or ImageJ's calibration applied. facts is a dict: width and height of
    the plane, dtype, channels and pages (planes of all time points) of the file, note (choices made in reading, or ""), and
    white, the white level of the file's format (None for floats and wide integers, whose format does not define it).
    Raises UnusableTiff with the reason, or OSError if the disk cannot read the file.
    """
    with opened(source) as file:
        stack = choose_stack(file.stacks, series)
        keyframe = stack.keyframe
        refuse_unreadable(keyframe, max_pixels)
        turns = quarter_turns(keyframe)
        numbers, planes, _, note = planes_to_use(stack.axes, stack.shape, page, frame)
        calibration = calibration_of(file.tif)
        notes, white_of_file, picture = {note}, None, None
        for plane_numbers in numbers:
            channels = []
            for number in plane_numbers:
                page = stack.page(int(number))
                with file.unbounded():
                    decoded = decode_page(page, keyframe)
                decoded, white_of_file, note = to_channels(decoded, keyframe, white, calibration)
                channels.append(decoded)
                notes.add(note)
            whole = channels[0] if len(channels) == 1 else np.concatenate(channels)  # which copies
            picture = whole if picture is None else np.maximum(picture, whole)
        plane = np.rot90(to_grey(picture, keyframe.photometric, channel), turns)
        facts = {
            "width": plane.shape[1],
            "height": plane.shape[0],
            "dtype": str(keyframe.dtype),
            "channels": keyframe.samplesperpixel * numbers.shape[1],
            "pages": planes,
            "note": "; ".join(sorted(notes - {""})),
            "white": white_of_file,
        }
        return np.ascontiguousarray(plane), facts


def refuse_by_headers(source, max_pixels, series="auto"):
    """Raise UnusableTiff if the headers of a file show that it is unusable, without reading pixels.

    source, max_pixels, series: as for `read_grey`. Raises OSError if the disk cannot read the file.
    """
    with opened(source) as file:
        refuse_unreadable(choose_stack(file.stacks, series).keyframe, max_pixels)


def time_points(source, series="auto"):
    """Return the number of time points that a TIF declares, or 1 if it declares none, without reading pixels.

    source, series: as for `read_grey`. Raises UnusableTiff with the reason, or OSError if the disk cannot read the file.
    """
    with opened(source) as file:
        stack = choose_stack(file.stacks, series)
        return planes_to_use(stack.axes, stack.shape, "first", None)[2]


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


class OpenedTif:
    """A TIF whose file is open. Its pages are listed only once, even if many are read."""

    def __init__(self, file, name):
        self.file = file
        self.tif, self.in_set = open_tiff(file, name)

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
        return find_stacks(self.tif, self.in_set)


@contextmanager
def opened(source):
    """Yield an OpenedTif, from which `read_grey` can read all time points of a movie.

    source: as for `read_grey`. A source that is already open stays open. All errors within become an UnusableTiff, except those of
    the disk.
    """
    if isinstance(source, OpenedTif):
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
