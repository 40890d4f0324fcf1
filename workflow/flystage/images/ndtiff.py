"""Read the axes of an NDTiff, as Micro-Manager 2 and pycromanager write it, from the file NDTiff.index in its folder."""

import math
import os
import struct
from collections import defaultdict

import tifffile

from flystage.core.errors import UnusableTiff
from flystage.images.tiff_stack import stack_of_pages

INDEX = "NDTiff.index"
SIGNATURE = 483_729  # at byte 8
AXES = {"time": "T", "z": "Z", "channel": "C"}  # all others, such as position, are separate pictures
MOST_BYTES = 2**27  # of an index: about half a million planes
MOST_PLANES = 2**20  # of one picture


def is_ndtiff(tif):
    """Return whether an open tifffile.TiffFile is an NDTiff."""
    tif.filehandle.seek(8)
    return tif.filehandle.read(4) == struct.pack(f"{tif.byteorder}I", SIGNATURE)


def ndtiff_stacks(tif, pages, path):
    """Return the Stacks of an NDTiff, one for each position. pages: a Directory of each page. path: of the file, or "".

    Without its index, or with that of other files, all pages are one Stack with unclear axes. Raises UnusableTiff.
    """
    planes = _of_this_file(path, {page.pixels: page for page in pages})
    if not planes:
        stack = stack_of_pages(tif, pages)
        told = f"an NDTiff without a fitting {INDEX} in its folder, which names the axes of its {len(pages)} pages"
        return [stack._replace(unclear=told) if len(pages) > 1 else stack]
    groups = defaultdict(dict)
    for axes, page in planes:
        rest = tuple(sorted((name, str(value)) for name, value in axes.items() if name.lower() not in AXES))
        place = {AXES[name.lower()]: value for name, value in axes.items() if name.lower() in AXES}
        groups[rest, page.layout][tuple(place.get(axis) for axis in "TZC")] = page
    return [_stack(tif, group) for group in groups.values()]


def _of_this_file(path, by_pixels):
    """Return [(axes of a plane, its Directory)] in the order of the index, or [] if it is missing or is that of other files."""
    index = os.path.join(os.path.dirname(path), INDEX) if path else ""
    if not os.path.isfile(index) or os.path.getsize(index) > MOST_BYTES:
        return []
    by_file = defaultdict(list)
    for axes, name, offset, *_ in tifffile.tifffile.read_ndtiff_index(index):
        usable = isinstance(axes, dict) and all(isinstance(value, int | str) for value in axes.values())
        by_file[name].append((axes if usable else None, by_pixels.get(offset)))
    own = os.path.basename(path)
    planes = by_file.get(own, [])
    if not planes and len(by_file) == 1 and not os.path.exists(os.path.join(os.path.dirname(path), *by_file)):
        (planes,) = by_file.values()  # it was renamed
    fits = all(axes is not None and page is not None for axes, page in planes) and len(planes) == len(by_pixels)
    return planes if fits else []


def _stack(tif, group):
    """Return the Stack of one position. group: {(time, depth, channel): Directory}, in the order in which they were written."""
    values = [_in_order(list(dict.fromkeys(place))) for place in zip(*group, strict=True)]
    if math.prod(map(len, values)) > MOST_PLANES:
        raise UnusableTiff(f"its {INDEX} names {math.prod(map(len, values))} planes: split it, if that is true")
    pages = list(group.values())
    written = stack_of_pages(tif, pages)
    numbers = {place: number for number, place in enumerate(group)}
    order = [numbers.get((time, depth, channel)) for time in values[0] for depth in values[1] for channel in values[2]]

    def page(number):
        return None if order[number] is None else written.page(order[number])

    kept = [(axis, len(found)) for axis, found in zip("TZC", values, strict=True) if len(found) > 1]
    names = tuple(values[2]) if all(isinstance(name, str) for name in values[2]) else ()
    return written._replace(
        axes="".join(axis for axis, _ in kept), shape=tuple(size for _, size in kept), page=page, names=names
    )


def _in_order(values):
    """Sort numbers. Names keep the order in which they were written."""
    return sorted(values) if all(isinstance(value, int) for value in values) else values
