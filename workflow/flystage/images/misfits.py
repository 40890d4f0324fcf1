"""Read the axes of stacks whose notes do not fit their pages, as after joining, splitting or converting them.

libtiff's tools, ImageMagick, libvips and others keep the notes of the first page, whatever pages they write.
"""

import json
import math

from flystage.images.tiff_stack import stack_of_pages

SIZES = {"T": "frames", "Z": "slices", "C": "channels"}
WORDS = {"T": "time points", "Z": "depths", "C": "channels"}
# ImageJ's names of the order of pages, fastest axis first, and the axes from slowest to fastest
ORDERS = {"czt": "TZC", "ctz": "ZTC", "zct": "TCZ", "ztc": "CTZ", "tcz": "ZCT", "tzc": "CZT"}


def imagej_misfit(tif, pages, alone):
    """Return the Stack of an ImageJ file whose notes claim another number of planes than there are pages, or None if they fit.

    pages: the Directory of each page of the first page's layout. The pages are taken as they are, see `_of_pages`. alone: whether
    the file has no other pages. tifffile cannot read a stack followed by others.
    """
    notes = tif.imagej_metadata or {}
    sizes = {axis: notes.get(key, 1) for axis, key in SIZES.items()}
    if not all(isinstance(size, int) and size > 0 for size in sizes.values()):
        return None
    axes = [axis for axis in ORDERS.get(str(notes.get("order", "czt")).lower(), "TZC") if sizes[axis] > 1]
    claimed = math.prod(sizes.values())
    if sizes["C"] == tif.pages.first.samplesperpixel and len(pages) == claimed // sizes["C"]:
        axes = [axis for axis in axes if axis != "C"]  # colours of a page, counted as channels
    shape = [sizes[axis] for axis in axes]
    if not alone and len(pages) == math.prod(shape):
        return stack_of_pages(tif, pages)._replace(axes="".join(axes), shape=tuple(shape))
    if not alone and not axes:
        return stack_of_pages(tif, pages)
    return _of_pages(tif, pages, "".join(axes), shape, "ImageJ")


def shaped_misfit(tif, pages):
    """Return the Stack of a file of tifffile whose notes claim more planes than there are pages, or None. pages: as above."""
    keyframe = tif.pages.first
    notes = json.loads(keyframe.shaped_description)
    shape, axes = notes.get("shape"), notes.get("axes")
    if "truncated" in notes or not isinstance(shape, list) or not all(isinstance(size, int) for size in shape):
        return None
    leading = len(shape) - keyframe.ndim
    if leading < 1 or tuple(shape[leading:]) != keyframe.shape or len(pages) >= math.prod(shape[:leading]):
        return None
    names = axes if isinstance(axes, str) and len(axes) == len(shape) else "Q" * len(shape)
    named = [(name, size) for name, size in zip(names, shape[:leading], strict=False) if size > 1]
    return _of_pages(tif, pages, "".join(name for name, _ in named), [size for _, size in named], "tifffile")


def _of_pages(tif, pages, axes, shape, program):
    """Return the Stack of all pages, or None if axes and shape, which the notes of a program claim, fit them.

    A single axis keeps its name. Whole repetitions of several axes keep all names. A part of several axes is unclear.
    """
    claimed, there = math.prod(shape), len(pages)
    if there == claimed or not axes or (there == 1 and _all_in_one(tif, claimed)):
        return None
    stack = stack_of_pages(tif, pages)
    if there == 1:
        return stack
    said = " x ".join(f"{size} {WORDS.get(axis, 'planes')}" for axis, size in zip(axes, shape, strict=True))
    told = f"its {program} note says {said}, but it has {there} pages"
    if len(axes) == 1 and (axes != "C" or there < claimed):
        return stack._replace(axes=axes, note=told)
    if there % claimed:
        return stack._replace(unclear=told)
    times = there // claimed
    if axes[0] == "T":  # files joined one after the other
        return stack._replace(axes=axes, shape=(shape[0] * times, *shape[1:]), note=told)
    return stack._replace(axes="I" + axes, shape=(times, *shape), note=told)


def _all_in_one(tif, planes):
    """Return whether the planes follow the first page without pages of their own, as in ImageJ's stacks beyond 4 GB."""
    keyframe = tif.pages.first
    return keyframe.is_final and keyframe.dataoffsets[0] + planes * keyframe.nbytes <= tif.filehandle.size
