"""Read one plane and one channel of an image file at native depth, or give the reason why it is unusable.

This works on the interface of `pictures`, whatever the format of the file.
"""

import numpy as np

from flystage.core.errors import UnusableTiff
from flystage.images.greyscale import to_grey
from flystage.images.planes import planes_to_use
from flystage.images.tiff import opened


def read_grey(
    source, page="middle", channel="auto", max_pixels=100_000_000, *, series="auto", white="auto", frame=None
):
    """Decode a file to one grey plane at native depth, reading only its headers and the requested page.

    source: the file's path, the file open for reading in binary mode, its bytes, or a PictureFile from `opened`.
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
    the plane, dtype, channels and pages (planes of all time points) of the file, note (choices made in reading, or ""),
    pixel_size (micrometres, or None), and white, the white level of the file's format (None for floats and wide integers,
    whose format does not define it).
    Raises UnusableTiff with the reason, or OSError if the disk cannot read the file.
    """
    with opened(source) as file:
        picture = file.picture(series)
        picture.refuse_unreadable(max_pixels)
        numbers, planes, _, note = planes_to_use(picture.axes, picture.shape, page, frame, picture.unclear)
        notes, projected = {picture.note, note}, None
        for numbers_of_channels in numbers:
            read = [picture.plane(int(number), white) for number in numbers_of_channels]
            channels = [plane.channels for plane in read]
            notes.update(plane.note for plane in read)
            whole = channels[0] if len(channels) == 1 else np.concatenate(channels)  # which copies
            projected = whole if projected is None else np.maximum(projected, whole)
        plane = to_grey(projected, len(channels[0]) if read[0].colours else 1, channel)
        size = picture.pixel_size
        facts = {
            "width": plane.shape[1],
            "height": plane.shape[0],
            "dtype": picture.dtype,
            "channels": len(projected),
            "pages": planes,
            "note": "; ".join(sorted(notes - {""})),
            "pixel_size": size and float(f"{size:.4g}"),
            "white": read[0].white,
        }
        return np.ascontiguousarray(plane), facts


def refuse_by_headers(source, max_pixels, series="auto"):
    """Raise UnusableTiff if the headers of a file show that it is unusable, without reading pixels.

    source, max_pixels, series: as for `read_grey`. Raises OSError if the disk cannot read the file.
    """
    with opened(source) as file:
        file.picture(series).refuse_unreadable(max_pixels)


def time_points(source, series="auto"):
    """Return the number of time points that a file declares, or 1 if it declares none, without reading pixels.

    source, series: as for `read_grey`. Raises UnusableTiff with the reason, or OSError if the disk cannot read the file.
    """
    with opened(source) as file:
        picture = file.picture(series)
        return planes_to_use(picture.axes, picture.shape, "first", None)[2]


def facts_of(source, series="auto"):
    """Return the Facts of a file: number type, size, axes, times, pixel size, names of channels. Only headers are read.

    source, series: as for `read_grey`. Raises UnusableTiff with the reason, or OSError if the disk cannot read the file.
    """
    with opened(source) as file:
        return file.picture(series).facts()


def facts_if_readable(source, series="auto"):
    """Return the Facts of a file as `facts_of` does, or None if they cannot be read. Preparing gives the reason."""
    try:
        return facts_of(source, series)
    except (UnusableTiff, OSError):
        return None
