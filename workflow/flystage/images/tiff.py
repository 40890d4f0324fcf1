"""Reading one TIF at its native depth, down to one page and one channel, with a reason for each that cannot be used."""

import io
import logging
import math
import struct

import numpy as np
import tifffile

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601: the grey of an RGB picture
SMALLEST_SIDE = 8  # pixels; a smaller picture shows no embryo
LONGEST_SIDE = 32_767  # pixels; shrinking a longer one can exhaust OpenCV
# None, CCITT, LZW, JPEG, deflate, PackBits, LZMA, ZSTD. Not those that hold whole pictures of any size: JPEG 2000, PNG ...
COMPRESSIONS = {1, 2, 3, 4, 5, 7, 8, 32773, 32946, 34925, 34926, 50000}
MOST_VALUES = 4  # per pixel, of a page of the largest size allowed: RGBA

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what it complains of comes back as our reason


class UnusableTiff(Exception):  # noqa: N818  a verdict on a file, no fault
    """This file cannot be used; the text says why, in a few words that fit a table cell."""


def read_grey(data, page="middle", channel="auto", max_pixels=100_000_000):
    """Decode a TIF to one grey plane at native depth.

    data: the file's bytes.
    page: which page of a stack, "first", "middle", "last" or a number from 1; or "max", the maximum over all pages.
    channel: "auto" (the luma of RGB, the first channel of anything else), "max" (over channels), or a number from 1.
    max_pixels: a page of more pixels than that is not decoded.

    Returns (plane, facts). plane is a 2-D array (height, width), of the file's own dtype unless channels were mixed or a
    palette looked up. facts is a dict: width, height, dtype, channels, pages of the file, and white, the value that the
    file's format calls white (None for floats and wide integers, whose format does not say).
    Raises UnusableTiff with the reason.
    """
    if not data:
        raise UnusableTiff("empty file")
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as tif:
            _refuse_broken_chain(tif, len(data))
            if not tif.series:
                raise UnusableTiff("no image in the file")
            return _read_series(tif.series[0], data, page, channel, max_pixels)
    except UnusableTiff:
        raise
    except tifffile.TiffFileError as error:
        raise UnusableTiff(f"not a TIF ({_brief(error)})") from error
    except MemoryError as error:
        raise UnusableTiff("too large for the memory") from error
    except Exception as error:  # a damaged file can fail anywhere inside a decoder
        raise UnusableTiff(f"damaged or not supported ({_brief(error)})") from error


def _refuse_broken_chain(tif, file_size):
    """Refuse a chain of pages that leads back to itself, which tifffile would follow for ever, or beyond the file's end.

    The latter is a stack that was cut off: tifffile would take it for a shorter one, with another middle.
    """
    file, sizes, offset, visited = tif.filehandle, tif.tiff, tif.pages.first.offset, set()
    while offset and offset not in visited:
        visited.add(offset)
        if offset >= file_size:
            raise UnusableTiff("truncated: its chain of pages leads beyond its end")
        try:
            file.seek(offset)
            (tags,) = struct.unpack(sizes.tagnoformat, file.read(sizes.tagnosize))
            file.seek(tags * sizes.tagsize, whence=1)
            (offset,) = struct.unpack(sizes.offsetformat, file.read(sizes.offsetsize))
        except (struct.error, OSError, ValueError):
            return  # the chain is cut short, and so tifffile will find it
    if offset:
        raise UnusableTiff("damaged: its chain of pages leads back to itself")


def _read_series(series, data, page, channel, max_pixels):
    keyframe = series.keyframe
    height, width = keyframe.imagelength, keyframe.imagewidth
    if height * width > max_pixels:
        raise UnusableTiff(f"too large: {width} x {height} pixels, image.max_pixels is {max_pixels}")
    values = max(math.prod(keyframe.shape), math.prod(keyframe.chunks))  # a chunk is a strip or a tile
    if max(height, width) > LONGEST_SIDE or values > MOST_VALUES * max_pixels:
        raise UnusableTiff(f"too large: {width} x {height} pixels in {values} values")
    if min(height, width) < SMALLEST_SIDE:
        raise UnusableTiff(f"too small: {width} x {height} pixels")
    if keyframe.compression not in COMPRESSIONS:
        raise UnusableTiff(f"compression number {int(keyframe.compression)} is not supported")
    if series.dtype.kind not in "buif":
        raise UnusableTiff(f"pixels of type {series.dtype} are not supported")

    # A file is a stack of pages; an axis C among the leading ones counts channels that lie on pages of their own.
    leading = series.ndim - keyframe.ndim
    axes, shape = series.axes[:leading], series.shape[:leading]
    if math.prod(shape) > len(series.pages):  # ImageJ writes a large stack with only its first page described
        raise UnusableTiff(f"a stack of {math.prod(shape)} pages of which only {len(series.pages)} are described")
    page_numbers = np.arange(math.prod(shape)).reshape(shape)
    if "C" in axes:
        page_numbers = np.moveaxis(page_numbers, axes.index("C"), -1).reshape(-1, shape[axes.index("C")])
    else:
        page_numbers = page_numbers.reshape(-1, 1)

    def decoded(numbers):
        pages = [_decode_page(series.pages[number], keyframe, data) for number in numbers]
        return pages[0] if len(pages) == 1 else np.concatenate(pages)  # which copies

    if page == "max":
        planes = decoded(page_numbers[0])
        for numbers in page_numbers[1:]:
            planes = np.maximum(planes, decoded(numbers))
    else:
        planes = decoded(page_numbers[_page_index(page, len(page_numbers))])

    facts = {
        "width": width,
        "height": height,
        "dtype": str(series.dtype),
        "channels": keyframe.samplesperpixel * page_numbers.shape[1],
        "pages": len(page_numbers),
        "white": 65535 if keyframe.photometric == tifffile.PHOTOMETRIC.PALETTE else _white(keyframe),
    }
    return _one_channel(planes, keyframe.photometric, channel), facts


def _page_index(page, pages):
    if isinstance(page, int):
        if page > pages:
            raise UnusableTiff(f"has {pages} page(s), image.page asks for number {page}")
        return page - 1
    return {"first": 0, "middle": pages // 2, "last": pages - 1}[page]


def _decode_page(page, keyframe, data):
    """One page as (channels, height, width), a palette looked up, alpha dropped, and white-is-zero turned round."""
    if page is None or len(page.dataoffsets) < math.prod(keyframe.chunked):  # else read as zeros
        raise UnusableTiff("incomplete: part of the image was never written")
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        if count == 0 or offset + count > len(data):
            raise UnusableTiff("truncated: part of the image is missing")
        if keyframe.compression == tifffile.COMPRESSION.JPEG:
            height, width = _jpeg_size(data[offset : offset + count])
            if height * width > 2 * math.prod(keyframe.chunks):
                raise UnusableTiff(f"damaged: a JPEG of {width} x {height} pixels within a smaller picture")
    if keyframe.compression == tifffile.COMPRESSION.NONE and not keyframe.is_tiled:
        size = page.size * np.mean(keyframe.bitspersample) / 8
        if not size <= sum(page.databytecounts) < 2 * size:  # rows are filled up to whole bytes
            raise UnusableTiff("damaged: as many bytes as it has do not fit its width, height and depth")
    planes = page.asarray()
    if planes.dtype == bool:
        planes = planes.astype(np.uint8)
    if "S" not in keyframe.axes:
        planes = planes[np.newaxis]
    elif keyframe.axes == "YXS":
        planes = np.moveaxis(planes, -1, 0)
    if planes.ndim != 3:
        raise UnusableTiff(f"axes {keyframe.axes} within one page are not supported")

    photometric = keyframe.photometric
    if photometric == tifffile.PHOTOMETRIC.PALETTE:
        return keyframe.colormap[:, planes[0]]
    if photometric in (tifffile.PHOTOMETRIC.RGB, tifffile.PHOTOMETRIC.YCBCR):
        return planes[:3]
    if photometric not in (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.MINISWHITE):
        raise UnusableTiff(f"colours of type {photometric.name} are not supported")
    alpha = sum(kind in (1, 2) for kind in keyframe.extrasamples)
    planes = planes[: max(1, len(planes) - alpha)]
    if photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        white = _white(keyframe)
        if white is None:
            raise UnusableTiff("white is zero, but its pixels have no stated range")
        planes = (white - planes).astype(planes.dtype)
    return planes


def _jpeg_size(jpeg):
    """(height, width) that a JPEG says of itself; (0, 0) when it does not."""
    place = 2
    while place + 9 <= len(jpeg) and jpeg[place] == 0xFF:
        marker = jpeg[place + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return struct.unpack_from(">HH", jpeg, place + 5)
        place += 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
    return 0, 0


def _white(keyframe):
    bits, kind = keyframe.bitspersample, keyframe.dtype.kind
    if kind in "bui" and isinstance(bits, int) and bits <= 16:
        return 2 ** (bits - (kind == "i")) - 1
    return None


def _one_channel(planes, photometric, channel):
    if len(planes) == 1:
        return planes[0]
    if isinstance(channel, int):
        if channel > len(planes):
            raise UnusableTiff(f"has {len(planes)} channels, image.channel asks for number {channel}")
        return planes[channel - 1]
    if channel == "max":
        return planes.max(axis=0)
    if photometric in (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.MINISWHITE):
        return planes[0]
    if (planes == planes[0]).all():
        return planes[0]  # a grey picture stored as RGB: nothing to mix, nothing to round
    return np.tensordot(LUMA, planes.astype(np.float32), axes=1)


def _brief(error):
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 120 else text[:117] + "..."
