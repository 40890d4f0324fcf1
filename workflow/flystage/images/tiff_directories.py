"""List the pages of a TIF before tifffile reads them, so that false links and counts take neither time nor memory."""

import struct
from typing import NamedTuple

from flystage.core.errors import UnusableTiff

SUBFILE, OLD_SUBFILE, NOTE, STRIPS, SUBIFDS = 254, 255, 270, 273, 330  # tags
REDUCED, MASK = 1, 4  # bits of SUBFILE
# Tags that are equal for all pages of a stack: size, depth, compression, colours, tiles, kind of numbers, predictor ...
LAYOUT = (256, 257, 258, 259, 262, 277, 284, 317, 322, 323, 338, 339, 530)
MOST_TAGS, MOST_VALUES = 4096, 1000  # of a page, and of one tag, so that a damaged count does not take memory
MOST_PAGES = 2**20  # of a file


class Directory(NamedTuple):
    """Facts about a page before tifffile reads it: its offset, subfile type, sub-directories and layout, and the offset of its
    pixels if they are in one strip, or None."""

    offset: int
    subfile: int
    subifds: tuple
    layout: tuple
    pixels: int | None


def find_directories(tif):
    """Find the Directory of every page of an open tifffile.TiffFile: the chain of pages first, then their sub-directories.

    Returns (list of Directory, length of the chain). Raises UnusableTiff for a chain that leads back to itself, which tifffile
    would follow without end. It also does so for a chain beyond the end of the file: a truncated stack has another middle.
    A chain that leads exactly to the end has ended, because Bio-Formats writes this link when it splits a file.
    """
    size, offset, found = tif.filehandle.size, tif.pages.first.offset, {}
    while offset not in (0, size):
        if offset in found:
            raise UnusableTiff("damaged: its chain of pages leads back to itself")
        if offset >= size:
            raise UnusableTiff("truncated: its chain of pages leads beyond its end")
        if len(found) == MOST_PAGES:
            raise UnusableTiff(f"has more than {MOST_PAGES} pages: split it")
        try:
            found[offset], offset = _directory(tif, offset)
        except (struct.error, ValueError) as error:
            raise UnusableTiff("not a TIF, or cut off: one of its pages cannot be read") from error
    chain = len(found)
    waiting = [below for directory in found.values() for below in directory.subifds]
    while waiting:
        offset = waiting.pop(0)
        if offset in found or not 8 <= offset < size:
            continue
        try:
            found[offset], _ = _directory(tif, offset)
        except (struct.error, ValueError):
            continue
        waiting += found[offset].subifds
    return list(found.values()), chain


def descriptions(tif, directory):
    """Return the short descriptions of a page, a list of bytes. directory: its Directory."""
    entries, _ = _entries(tif, directory.offset)
    found = [
        _values(tif.filehandle, tif.tiff, 1, count, content) for code, _, count, content in entries if code == NOTE
    ]
    return [bytes(one) for one in found if one]


def _directory(tif, offset):
    entries, following = _entries(tif, offset)
    tags = {}
    for code, kind, values, content in entries:
        if code in LAYOUT or code in (SUBFILE, OLD_SUBFILE, SUBIFDS) or (code == STRIPS and values == 1):
            tags[code] = _values(tif.filehandle, tif.tiff, kind, values, content)
    subfile = (tags.get(SUBFILE) or (0,))[0]
    if tags.get(OLD_SUBFILE) == (2,):
        subfile |= REDUCED
    layout = tuple(tags.get(code) for code in LAYOUT)
    (pixels,) = tags.get(STRIPS) or (None,)
    return Directory(offset, subfile, tags.get(SUBIFDS) or (), layout, pixels), following


def _entries(tif, offset):
    """Return ([(code, kind, number of values, their bytes or place)] of a page, the offset of the next page or 0)."""
    file, form = tif.filehandle, tif.tiff
    file.seek(offset)
    (count,) = struct.unpack(form.tagnoformat, file.read(form.tagnosize))
    if count > MOST_TAGS:
        raise ValueError(count)
    data = file.read(count * form.tagsize)
    link = file.read(form.offsetsize)  # some programs omit the last one
    following = struct.unpack(form.offsetformat, link)[0] if len(link) == form.offsetsize else 0
    number = form.offsetformat[1]
    return list(struct.iter_unpack(f"{form.byteorder}HH{number}{form.offsetsize}s", data)), following


def _values(file, form, kind, count, content):
    letter = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}.get(kind)
    if letter is None or not 0 < count <= MOST_VALUES:
        return ()
    layout = f"{form.byteorder}{count}{letter}"
    if struct.calcsize(layout) > len(content):
        (place,) = struct.unpack(form.offsetformat, content)
        file.seek(place)
        content = file.read(struct.calcsize(layout))
    return struct.unpack_from(layout, content)
