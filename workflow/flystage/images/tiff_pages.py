"""Decode a page of a TIF, or give the reason why that is impossible."""

import math
import struct

import numpy as np
import tifffile

from flystage.core.errors import UnusableTiff
from flystage.images.pictures import refuse_size

# None, CCITT, LZW, JPEG, deflate, PackBits, LZMA, ZSTD. Formats with whole pictures of any size, as JPEG 2000 and PNG, are left out.
COMPRESSIONS = {1, 2, 3, 4, 5, 7, 8, 32773, 32946, 34925, 34926, 50000}
MOST_VALUES, MOST_BYTES = 4, 8  # per pixel, of a page of the largest size allowed: RGBA with 16 bits
NO_GAIN = 2  # a compressed picture has less than this many times its uncompressed bytes


def refuse_unreadable(keyframe, max_pixels):
    """Raise UnusableTiff for pages that are too large, too small or of an unsupported kind, before any page is read.

    keyframe: the page that describes them. max_pixels: maximum number of pixels of a page.
    """
    height, width = keyframe.imagelength, keyframe.imagewidth
    refuse_size(width, height, max_pixels)
    values = max(math.prod(keyframe.shape), math.prod(keyframe.chunks))  # a chunk is a strip or a tile
    if values > MOST_VALUES * max_pixels:
        raise UnusableTiff(f"too large: {width} x {height} pixels in {values} values")
    if values * max(1, getattr(keyframe.dtype, "itemsize", 1)) > MOST_BYTES * max_pixels:
        raise UnusableTiff(
            f"too large: {width} x {height} pixels of type {keyframe.dtype}, image.max_pixels ({max_pixels}) allows {MOST_BYTES}"
            " times as many bytes"
        )
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
    # Without the tag, colours have half resolution. Some programs omit it although all bytes are there.
    subsampling = keyframe.tags.valueof(530, (2, 2)) if keyframe.photometric == tifffile.PHOTOMETRIC.YCBCR else (1, 1)
    whole = 530 not in keyframe.tags and sum(keyframe.databytecounts) >= keyframe.nbytes
    if tuple(subsampling) != (1, 1) and keyframe.compression not in (6, 7) and not whole:
        raise UnusableTiff("YCbCr with its colours at lower resolution is not supported: save it as RGB or grey")


def decode_page(page, keyframe):
    """Return one page as stored in the file, an array (channels, height, width).

    page: TiffPage or TiffFrame of an open file, or None if it was never written. keyframe: the page that describes it.
    Raises UnusableTiff.
    """
    if page is None or len(page.dataoffsets) < math.prod(keyframe.chunked):  # tifffile would read zeros
        raise UnusableTiff("incomplete: part of the image was never written")
    file = keyframe.parent.filehandle
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        if offset == 0 == count:  # a strip or tile that a sparse file leaves out
            raise UnusableTiff("incomplete: part of the image was never written")
        if count == 0 or offset + count > file.size:
            raise UnusableTiff("truncated: part of the image is missing")
        if keyframe.compression == tifffile.COMPRESSION.JPEG:
            height, width = _jpeg_size(file, offset, offset + count)
            if height * width > 2 * math.prod(keyframe.chunks):
                raise UnusableTiff(f"damaged: a JPEG of {width} x {height} pixels within a smaller picture")
    size, stored = page.size * np.mean(keyframe.bitspersample) / 8, sum(page.databytecounts)
    if keyframe.compression == tifffile.COMPRESSION.NONE and not keyframe.is_tiled:
        if not size <= stored < 2 * size:  # rows are padded to whole bytes
            raise UnusableTiff("damaged: its number of bytes does not fit its width, height and depth")
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
    """Return (height, width) in the header of a JPEG in a file, or (0, 0) if it has no such header."""
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
