"""Which planes of a stack to use, and each of them decoded as it lies in the file, or the reason why it cannot be."""

import math
import struct

import numpy as np
import tifffile

from flystage.core.errors import UnusableTiff

SMALLEST_SIDE = 8  # pixels; a smaller picture shows no embryo
LONGEST_SIDE = 32_767  # pixels; shrinking a longer one can exhaust OpenCV
# None, CCITT, LZW, JPEG, deflate, PackBits, LZMA, ZSTD. Not those that hold whole pictures of any size: JPEG 2000, PNG ...
COMPRESSIONS = {1, 2, 3, 4, 5, 7, 8, 32773, 32946, 34925, 34926, 50000}
MOST_VALUES, MOST_BYTES = 4, 8  # per pixel, of a page of the largest size allowed: RGBA with 16 bits
NO_GAIN = 2  # a compression that makes of a picture so many times as many bytes, and more, is none


def refuse_unreadable(keyframe, max_pixels):
    """Raise UnusableTiff for pages that are too large, too small or of a kind that cannot be read, before any is read.

    keyframe: the page that describes them. max_pixels: the most that a page may have.
    """
    height, width = keyframe.imagelength, keyframe.imagewidth
    if height * width > max_pixels:
        raise UnusableTiff(f"too large: {width} x {height} pixels, image.max_pixels is {max_pixels}")
    values = max(math.prod(keyframe.shape), math.prod(keyframe.chunks))  # a chunk is a strip or a tile
    if max(height, width) > LONGEST_SIDE or values > MOST_VALUES * max_pixels:
        raise UnusableTiff(f"too large: {width} x {height} pixels in {values} values")
    if values * max(1, getattr(keyframe.dtype, "itemsize", 1)) > MOST_BYTES * max_pixels:
        raise UnusableTiff(
            f"too large: {width} x {height} pixels of type {keyframe.dtype}, image.max_pixels ({max_pixels}) allows {MOST_BYTES}"
            " times as many bytes"
        )
    if min(height, width) < SMALLEST_SIDE:
        raise UnusableTiff(f"too small: {width} x {height} pixels")
    if keyframe.compression not in COMPRESSIONS:
        number = int(keyframe.compression)
        known = {int(one): f"{one.name} " for one in tifffile.COMPRESSION}.get(number, "")
        raise UnusableTiff(
            f"{known}compression (number {number}) is not supported: save it uncompressed, or with LZW, deflate or ZSTD"
        )
    if keyframe.dtype is None or keyframe.dtype.kind not in "buif":
        raise UnusableTiff(
            f"pixels of type {keyframe.dtype or 'unknown'} are not supported: save it with 8 or 16 bits, or as float"
        )
    # Without the tag colours lie at half resolution; some programs forget it, but then there are bytes for all.
    subsampling = keyframe.tags.valueof(530, (2, 2)) if keyframe.photometric == tifffile.PHOTOMETRIC.YCBCR else (1, 1)
    whole = 530 not in keyframe.tags and sum(keyframe.databytecounts) >= keyframe.nbytes
    if tuple(subsampling) != (1, 1) and keyframe.compression not in (6, 7) and not whole:
        raise UnusableTiff("YCbCr with its colours at lower resolution is not supported: save it as RGB or grey")


def planes_to_use(axes, shape, page, frame):
    """Which planes of a stack image.page and a time point choose.

    axes, shape: of the planes, see Stack. page: "first", "middle" (of an even number the later of the two), "last", "max"
    or a number from 1: counted along the depth, whatever its axis is called. Where a file has time points of one plane
    each and no frame is given, it counts these. frame: the time point, a number from 1; None: the middle one.
    Returns (int array (planes, channels), of several planes for "max" alone; number of planes in the file; number of time
    points; a note on what was decided, or ""). Raises UnusableTiff.
    """
    numbers = np.arange(math.prod(shape)).reshape(shape)
    named = [axis for axis in "TC" if axis in axes]
    depth_axes = [place for place, axis in enumerate(axes) if axis not in named]
    numbers = numbers.transpose([axes.index(axis) for axis in named if axis == "T"] + depth_axes
                                + [axes.index(axis) for axis in named if axis == "C"])  # fmt: skip
    times = shape[axes.index("T")] if "T" in axes else 1
    channels = shape[axes.index("C")] if "C" in axes else 1
    numbers = numbers.reshape(times, -1, channels)
    planes, note = times * numbers.shape[1], ""
    if frame is not None:
        if not 1 <= frame <= times:
            raise UnusableTiff(f"has {times} time point(s), number {frame} is asked for")
        numbers = numbers[frame - 1]
    elif numbers.shape[1] == 1:
        numbers = numbers[:, 0]
    else:
        note = f"time point {times // 2 + 1} of {times}" if times > 1 else ""
        numbers = numbers[times // 2]
    lengths = [shape[place] for place in depth_axes if shape[place] > 1]
    if page == "middle" and len(lengths) > 1:
        raise UnusableTiff(
            f"its planes lie along {len(lengths)} axes ({' x '.join(map(str, lengths))}) and none of them is known as the depth:"
            " set image.page to a number"
        )
    if page != "max":
        numbers = numbers[[_place(page, len(numbers))]]
    return numbers, planes, times, note


def _place(page, pages):
    if isinstance(page, int):
        if page > pages:
            raise UnusableTiff(f"has {pages} page(s), image.page asks for number {page}")
        return page - 1
    return {"first": 0, "middle": pages // 2, "last": pages - 1}[page]


def decode_page(page, keyframe):
    """One page as it lies in the file, an array (channels, height, width).

    page: TiffPage or TiffFrame of an open file, None where it was never written. keyframe: the page that describes it.
    Raises UnusableTiff.
    """
    if page is None or len(page.dataoffsets) < math.prod(keyframe.chunked):  # else read as zeros
        raise UnusableTiff("incomplete: part of the image was never written")
    file = keyframe.parent.filehandle
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        if count == 0 or offset + count > file.size:
            raise UnusableTiff("truncated: part of the image is missing")
        if keyframe.compression == tifffile.COMPRESSION.JPEG:
            height, width = _jpeg_size(file, offset, offset + count)
            if height * width > 2 * math.prod(keyframe.chunks):
                raise UnusableTiff(f"damaged: a JPEG of {width} x {height} pixels within a smaller picture")
    size, stored = page.size * np.mean(keyframe.bitspersample) / 8, sum(page.databytecounts)
    if keyframe.compression == tifffile.COMPRESSION.NONE and not keyframe.is_tiled:
        if not size <= stored < 2 * size:  # rows are filled up to whole bytes
            raise UnusableTiff("damaged: as many bytes as it has do not fit its width, height and depth")
    elif stored > NO_GAIN * math.prod(keyframe.chunked) * math.prod(keyframe.chunks) * 8 + 2**16:
        raise UnusableTiff("damaged: it has far more bytes than its width, height and depth need")
    planes = page.asarray()
    if planes.dtype == bool:
        planes = planes.astype(np.uint8)
    if "S" not in keyframe.axes:
        planes = planes[np.newaxis]
    elif keyframe.axes == "YXS":
        planes = np.moveaxis(planes, -1, 0)
    if planes.ndim != 3:
        raise UnusableTiff(f"axes {keyframe.axes} within one page are not supported: save it as one plane to a page")
    return planes


def _jpeg_size(file, place, end):
    """(height, width) that a JPEG in a file says of itself; (0, 0) when it does not."""
    place += 2
    while place + 9 <= end:
        file.seek(place)
        head = file.read(9)
        if head[0] != 0xFF:
            break
        if 0xC0 <= head[1] <= 0xCF and head[1] not in (0xC4, 0xC8, 0xCC):
            return struct.unpack_from(">HH", head, 5)
        place += 2 + int.from_bytes(head[2:4])
    return 0, 0
