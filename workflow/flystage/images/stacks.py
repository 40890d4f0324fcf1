"""Find the pictures in a TIF, each a stack of planes along named axes, and choose the one to use."""

import math
import struct
from collections.abc import Callable
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
import tifffile

from flystage.core.errors import UnusableTiff

# Kinds of files whose notes on planes tifffile can read. This module groups the pages of all others.
KNOWN = (
    *("shaped", "lsm", "mmstack", "ome", "imagej", "fluoview", "stk", "sis", "svs", "scn", "qpi", "ndpi", "bif", "avs"),
    *("eer", "philips", "scanimage", "nih", "mdgel"),
)
SUBFILE, OLD_SUBFILE, SUBIFDS = 254, 255, 330  # tags
REDUCED, MASK = 1, 4  # bits of SUBFILE
# Tags that are equal for all pages of a stack: size, depth, compression, colours, tiles, kind of numbers, predictor ...
LAYOUT = (256, 257, 258, 259, 262, 277, 284, 317, 322, 323, 338, 339, 530)
MOST_TAGS, MOST_VALUES = 4096, 1000  # of a page, and of one tag, so that a damaged count does not take memory
MOST_PLANES, MOST_PAGES = 2**22, 2**20  # of one picture, and of a file
MOST_NOTES = 2**20  # elements of OME's notes
COUNTS = ("SizeZ", "SizeC", "SizeT", "PlaneCount")  # of planes, in OME's notes
FULL_SIZE = 0.5  # a picture with a smaller share of the largest one's pixels is a preview or a label


class Stack(NamedTuple):
    """One picture of a file. keyframe: the page that describes all its planes. axes, shape: of the planes, e.g. "TZC" and
    (10, 5, 2). page: function from the number of a plane, from 0, to its page, or None if it was never written. series: number
    of its series in tifffile's list, or None. own_times: numbers of its time points in the notes if it has only some of them."""

    keyframe: tifffile.TiffPage
    axes: str
    shape: tuple
    page: Callable
    subfile: int
    series: int | None = None
    own_times: tuple | None = None


class Directory(NamedTuple):
    """Facts about a page before tifffile reads it: its offset, subfile type, sub-directories and layout."""

    offset: int
    subfile: int
    subifds: tuple
    layout: tuple


def open_tiff(file, name):
    """Return (tifffile.TiffFile, whether it is one file of an OME set) of an open binary file, without opening other files.

    name: of the file, or "" if unknown. In a set the notes of one file describe the planes of all files. Only the notes on this
    file are kept. Raises tifffile.TiffFileError.
    """
    # This name prevents readers from finding neighbouring files. is_ndtiff would need an index file in the folder.
    options = {"name": "alone.tif", "is_ndtiff": False}
    tif = tifffile.TiffFile(file, **options)
    if not tif.is_ome or not tif.ome_metadata:
        return tif, False
    own, in_set = _own_notes(tif.ome_metadata, str(name))
    if own != tif.ome_metadata:
        file.seek(0)
        tif = tifffile.TiffFile(file, **options, **({"omexml": own} if own else {"is_ome": False}))
    return tif, in_set


def _own_notes(notes, path):
    """Return (OME notes without those on other files, or "" if they are ambiguous, whether there are other files).

    Raises UnusableTiff for notes that claim far more planes than a file can contain, because tifffile would make lists of them.
    """
    if notes.count("<") > 2 * MOST_NOTES:
        raise UnusableTiff(f"its OME notes have more than {MOST_NOTES} elements")
    try:
        root = ElementTree.fromstring(notes)
    except ElementTree.ParseError:
        return notes, False
    if root.find("{*}BinaryOnly") is not None:
        return "", False  # the notes are in another file
    for element in root.iter():
        claimed = math.prod(_whole(element.get(name)) for name in COUNTS)
        if claimed > MOST_PLANES:
            raise UnusableTiff(f"its OME notes claim {claimed} planes")
    planes = [(pixels, plane) for pixels in root.iter() for plane in pixels.findall("{*}TiffData")]
    places = [plane.find("{*}UUID") for _, plane in planes]
    keys = [None if place is None else (place.text, place.get("FileName", "").lower()) for place in places]
    own = set(keys) - {None}
    in_set = len(own) > 1
    if not own or (not in_set and min(own)[0] == root.get("UUID")):
        return notes, False
    if in_set:
        name = path.replace("\\", "/").rsplit("/", 1)[-1].lower()
        own = {key for key in own if key[1] == name} or {key for key in own if key[0] == root.get("UUID")}
        if not own:
            return "", False  # it was renamed, so its planes are unknown
    for (pixels, plane), place, key in zip(planes, places, keys, strict=True):
        if key in own:
            plane.remove(place)
        elif key is not None:
            pixels.remove(plane)
    return ElementTree.tostring(root, encoding="unicode"), in_set


def _whole(text):
    """Return a number in notes, or 1 without one."""
    return int(text) if text and len(text) < 20 and text.isdecimal() else 1


def find_directories(tif):
    """Find the Directory of every page of an open tifffile.TiffFile: the chain of pages first, then their sub-directories.

    Returns (list of Directory, length of the chain). Raises UnusableTiff for a chain that leads back to itself, which tifffile
    would follow without end. It also does so for a chain beyond the end of the file: a truncated stack has another middle.
    """
    size, offset, found = tif.filehandle.size, tif.pages.first.offset, {}
    while offset:
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


def _directory(tif, offset):
    file, form = tif.filehandle, tif.tiff
    file.seek(offset)
    (count,) = struct.unpack(form.tagnoformat, file.read(form.tagnosize))
    if count > MOST_TAGS:
        raise ValueError(count)
    data = file.read(count * form.tagsize)
    link = file.read(form.offsetsize)  # some programs omit the last one
    following = struct.unpack(form.offsetformat, link)[0] if len(link) == form.offsetsize else 0
    number = form.offsetformat[1]
    tags = {}
    for code, kind, values, content in struct.iter_unpack(f"{form.byteorder}HH{number}{form.offsetsize}s", data):
        if code in LAYOUT or code in (SUBFILE, OLD_SUBFILE, SUBIFDS):
            tags[code] = _values(file, form, kind, values, content)
    subfile = (tags.get(SUBFILE) or (0,))[0]
    if tags.get(OLD_SUBFILE) == (2,):
        subfile |= REDUCED
    layout = tuple(tags.get(code) for code in LAYOUT)
    return Directory(offset, subfile, tags.get(SUBIFDS) or (), layout), following


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


def find_stacks(tif, in_set):
    """Return the Stacks of an open tifffile.TiffFile in the order of the file, with all series, resolutions and sub-directories.

    in_set: whether it is one file of an OME set, from `open_tiff`. Raises UnusableTiff.
    """
    directories, chain = find_directories(tif)
    stacks, covered = [], set()
    if any(getattr(tif, f"is_{kind}", False) for kind in KNOWN):
        series = [(number, level) for number, one in enumerate(tif.series) for level in one.levels]
        if series and series[0][1].kind not in ("generic", "uniform"):
            subfiles = {directory.offset: directory.subfile for directory in directories}
            for number, one in series:
                stack, offsets = _of_series(tif, one, in_set, [d.offset for d in directories[:chain]], subfiles)
                stacks.append(stack._replace(series=number))
                covered.update(offsets)
    left = [directory for directory in directories if directory.offset not in covered]
    return stacks + _grouped(tif, left, {directory.offset for directory in directories[:chain]})


def _of_series(tif, series, in_set, chain, subfiles):
    """Return (Stack, offsets of its directories) of a series of tifffile."""
    keyframe = series.keyframe
    leading = series.ndim - keyframe.ndim
    axes, shape = series.axes[:leading], series.shape[:leading]
    planes, start = math.prod(shape), series.dataoffset
    if planes > MOST_PLANES:
        raise UnusableTiff(f"claims {planes} planes: split it, if that is true")
    subfile = subfiles.get(keyframe.offset, keyframe.subfiletype)
    if start is not None and planes > 1:  # consecutive planes, also found if only the first one is described
        if start + planes * keyframe.nbytes > tif.filehandle.size:
            raise UnusableTiff("truncated: part of the image is missing")

        def page(number):
            offsets = tuple(offset + number * keyframe.nbytes for offset in keyframe.dataoffsets)
            return tifffile.TiffFrame(
                tif, number, keyframe=keyframe, dataoffsets=offsets, databytecounts=keyframe.databytecounts
            )

        first = chain.index(keyframe.offset) if keyframe.offset in chain else 0
        return Stack(keyframe, axes, shape, page, subfile), chain[first : first + planes]
    if planes > len(series.pages):
        raise UnusableTiff(f"a stack of {planes} pages of which only {len(series.pages)} are described")
    pages = list(series.pages)
    offsets = [page.offset for page in pages if page is not None]
    own_times = None
    if in_set:
        axes, shape, pages, own_times = _of_this_file(axes, shape, pages)
    return Stack(keyframe, axes, shape, pages.__getitem__, subfile, own_times=own_times), offsets


def _of_this_file(axes, shape, pages):
    """Return axes, shape and pages without those in other files, and the numbers of the time points that are left or None."""
    there = np.array([page is not None for page in pages]).reshape(shape)
    own = [page for page in pages if page is not None]
    kept = [np.unique(places) for places in np.nonzero(there)]
    if math.prod(map(len, kept)) == len(own):
        times = tuple(map(int, kept[axes.index("T")])) if "T" in axes else None
        return axes, tuple(map(len, kept)), own, times
    return "I", (len(own),), own, None  # not a grid: in the order of the file


def _grouped(tif, directories, chain):
    """Return one Stack per group of pages with equal layout. chain: offsets that must be pages. Other invalid ones are left out."""
    groups, stacks = {}, []
    for directory in directories:
        groups.setdefault((directory.layout, directory.subfile & (REDUCED | MASK)), []).append(directory)
    for group in groups.values():
        try:
            stacks.append(_of_group(tif, group))
        except tifffile.TiffFileError:
            if group[0].offset in chain:
                raise
    return stacks


def _of_group(tif, group):
    keyframe = tif.pages.first
    if group[0].offset != keyframe.offset:
        tif.filehandle.seek(group[0].offset)
        keyframe = tifffile.TiffPage(tif, 0)

    def page(number):
        return (
            keyframe if number == 0 else tifffile.TiffFrame(tif, number, offset=group[number].offset, keyframe=keyframe)
        )

    several = len(group) > 1
    return Stack(keyframe, "I" * several, (len(group),) * several, page, group[0].subfile)


def choose_stack(stacks, series):
    """Return the Stack to use. series: its number from 1, or "auto" for the full picture at the greatest depth.

    auto ignores pictures that the file marks as a mask or as reduced, and those far smaller than the largest. Of the rest it
    takes the greatest depth, then grey before colour, then the largest. Raises UnusableTiff if several remain.
    """
    if not stacks:
        raise UnusableTiff("no image in the file")
    if series != "auto":
        if series > len(stacks):
            raise UnusableTiff(f"contains {len(stacks)} picture(s), but image.series is {series}")
        return stacks[series - 1]
    left = [stack for stack in stacks if not _belongs_to_another(stack)] or stacks
    largest = max(_pixels(stack) for stack in left)
    left = [stack for stack in left if _pixels(stack) >= FULL_SIZE * largest]
    best = max(left, key=_rank)
    alike = [stack for stack in left if _rank(stack) == _rank(best) or _either_may_be_labels(stack, best)]
    if len(alike) > 1:
        numbers = ", ".join(str(place) for place, stack in enumerate(stacks, 1) if any(stack is one for one in alike))
        raise UnusableTiff(
            f"contains {len(alike)} pictures of {best.keyframe.imagewidth} x {best.keyframe.imagelength} pixels: set image.series to"
            f" the number of the one to use ({_brief(numbers)})"
        )
    return best


def _belongs_to_another(stack):
    return stack.subfile & (REDUCED | MASK) or stack.keyframe.photometric == tifffile.PHOTOMETRIC.MASK


def _pixels(stack):
    return stack.keyframe.imagelength * stack.keyframe.imagewidth


def _rank(stack):
    dtype = stack.keyframe.dtype
    depth = 0 if dtype is None or dtype.kind == "b" else dtype.itemsize
    return depth, stack.keyframe.samplesperpixel == 1, _pixels(stack)


def _either_may_be_labels(stack, best):
    """Return whether `best` may contain numbers of segmented parts, because cameras do not write 32-bit integers."""
    dtype = best.keyframe.dtype
    return (
        dtype is not None
        and dtype.kind in "iu"
        and dtype.itemsize >= 4
        and _rank(stack)[0] > 0
        and _rank(stack)[1:] == _rank(best)[1:]
    )


def _brief(numbers):
    return numbers if len(numbers) <= 30 else f"{numbers[:27]}..."
