"""Find the pictures in a TIF, each a stack of planes along named axes, and choose the one to use."""

import math
from xml.etree import ElementTree

import numpy as np
import tifffile

from flystage.core.errors import UnusableTiff
from flystage.images.misfits import imagej_misfit, shaped_misfit
from flystage.images.ndtiff import is_ndtiff, ndtiff_stacks
from flystage.images.shaped import one_page, page_by_page, said_of_samples, with_samples
from flystage.images.tiff_directories import MASK, REDUCED, find_directories
from flystage.images.tiff_stack import Stack, stack_of_pages

# Kinds of files whose notes on planes tifffile can read. This module groups the pages of all others.
KNOWN = (
    *("shaped", "lsm", "mmstack", "ome", "imagej", "fluoview", "stk", "sis", "svs", "scn", "qpi", "ndpi", "bif", "avs"),
    *("eer", "philips", "scanimage", "nih", "mdgel"),
)
BEFORE_IMAGEJ = ("lsm", "mmstack", "ome")  # their notes count if a file has ImageJ's too
MOST_PLANES = 2**22  # of one picture
MOST_NOTES = 2**20  # elements of OME's notes
COUNTS = ("SizeZ", "SizeC", "SizeT", "PlaneCount")  # of planes, in OME's notes
FULL_SIZE = 0.5  # a picture with a smaller share of the largest one's pixels is a preview or a label


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


def find_stacks(tif, in_set, path=""):
    """Return the Stacks of an open tifffile.TiffFile in the order of the file, with all series, resolutions and sub-directories.

    in_set: whether it is one file of an OME set, from `open_tiff`. path: of the file, or "" if unknown. Raises UnusableTiff.
    """
    directories, chain = find_directories(tif)
    stacks, covered = _described(tif, in_set, path, directories, chain)
    left = [directory for directory in directories if directory.offset not in covered]
    return stacks + _grouped(tif, left, {directory.offset for directory in directories[:chain]})


def _described(tif, in_set, path, directories, chain):
    """Return (Stacks that the notes of a file describe, offsets of their directories)."""
    alike = [page for page in directories[:chain] if _kind(page) == _kind(directories[0])]
    if is_ndtiff(tif):
        return ndtiff_stacks(tif, alike, path), {page.offset for page in alike}
    misfit = None
    if tif.is_shaped:
        misfit = shaped_misfit(tif, alike) or (page_by_page(tif, alike) if len(alike) == len(directories) else None)
    elif tif.is_imagej and not any(getattr(tif, f"is_{kind}") for kind in BEFORE_IMAGEJ):
        misfit = imagej_misfit(tif, alike, len(alike) == chain)
    if misfit:
        return [misfit], {page.offset for page in alike}
    if not any(getattr(tif, f"is_{kind}", False) for kind in KNOWN):
        return [], set()
    series = [(number, level) for number, one in enumerate(tif.series) for level in one.levels]
    if not series or series[0][1].kind in ("generic", "uniform"):
        return [], set()
    subfiles = {directory.offset: directory.subfile for directory in directories}
    stacks, covered = [], set()
    for number, one in series:
        stack, offsets = _of_series(tif, one, in_set, [page.offset for page in directories[:chain]], subfiles)
        stacks.append(stack._replace(series=number))
        covered.update(offsets)
    return stacks, covered


def _kind(directory):
    return directory.layout, directory.subfile & (REDUCED | MASK)


def _of_series(tif, series, in_set, chain, subfiles):
    """Return (Stack, offsets of its directories) of a series of tifffile."""
    keyframe = series.keyframe
    leading = series.ndim - keyframe.ndim
    axes, shape = series.axes[:leading], series.shape[:leading]
    samples = said_of_samples(keyframe, series.axes[leading]) if series.kind == "shaped" else ""
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
        return with_samples(Stack(keyframe, axes, shape, page, subfile), samples), chain[first : first + planes]
    if planes > len(series.pages):
        raise UnusableTiff(f"a stack of {planes} pages of which only {len(series.pages)} are described")
    pages = list(series.pages)
    offsets = [page.offset for page in pages if page is not None]
    own_times, note = None, ""
    if in_set:
        axes, shape, pages, own_times = _of_this_file(axes, shape, pages)
    elif len(offsets) == 1 < planes:  # one page of a stack, with the notes of the stack
        axes, shape, pages = "", (), [page for page in pages if page is not None]
    elif len(offsets) < planes:
        note = f"its notes describe {planes} planes, but it has {len(offsets)}"
    stack = Stack(keyframe, axes, shape, pages.__getitem__, subfile, own_times=own_times, note=note)
    return with_samples(stack, samples), offsets


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
        groups.setdefault(_kind(directory), []).append(directory)
    for group in groups.values():
        try:
            stacks.append(stack_of_pages(tif, group))
        except tifffile.TiffFileError:
            if group[0].offset in chain:
                raise
    return stacks


def choose_stack(stacks, series):
    """Return the Stack to use. series: its number from 1, or "auto" for the full picture at the greatest depth.

    auto ignores pictures that the file marks as a mask or as reduced, and those far smaller than the largest. Of the rest it
    takes the greatest depth, then grey before colour, then the largest. Raises UnusableTiff if several remain. Of a file that was
    written page by page auto takes all pages, and a number one of them.
    """
    if not stacks:
        raise UnusableTiff("no image in the file")
    if series != "auto":
        number = stacks[0].pages or len(stacks)
        if series > number:
            raise UnusableTiff(f"contains {number} picture(s), but image.series is {series}")
        return one_page(stacks[0], series - 1) if stacks[0].pages else stacks[series - 1]
    left = [stack for stack in stacks if not _belongs_to_another(stack)] or stacks
    largest = max(_pixels(stack) for stack in left)
    left = [stack for stack in left if _pixels(stack) >= FULL_SIZE * largest]
    best = max(left, key=_rank)
    alike = [stack for stack in left if _rank(stack) == _rank(best) or _either_may_be_labels(stack, best)]
    if len(alike) == 2 and _stopped(*alike):
        return alike[0]._replace(
            note=f"{math.prod(alike[1].shape)} page(s) that its notes do not describe were left out"
        )
    if len(alike) > 1:
        numbers = ", ".join(str(place) for place, stack in enumerate(stacks, 1) if any(stack is one for one in alike))
        raise UnusableTiff(
            f"contains {len(alike)} pictures of {best.keyframe.imagewidth} x {best.keyframe.imagelength} pixels: set image.series to"
            f" the number of the one to use ({_brief(numbers)})"
        )
    return best


def _stopped(stack, rest):
    """Return whether the rest of the pages is part of a time point, which an acquisition had begun when it was stopped."""
    of_a_time = math.prod(size for axis, size in zip(stack.axes, stack.shape, strict=True) if axis != "T")
    undescribed = stack.series is not None and rest.series is None and not rest.keyframe.description
    return undescribed and _rank(stack) == _rank(rest) and math.prod(rest.shape) < of_a_time


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
