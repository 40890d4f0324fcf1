"""Read the notes in which tifffile tells the shape of what it wrote, page by page or in planes that it calls colours."""

import json
import math

import tifffile

from flystage.images.pictures import MAY_BE_DEPTHS
from flystage.images.tiff_directories import descriptions
from flystage.images.tiff_stack import stack_of_pages


def page_by_page(tif, pages):
    """Return the Stack of all pages if each describes only itself, as loops over planes write them, or None.

    tif: an open tifffile.TiffFile. pages: the Directory of each page, of equal layout. Pages with names of their own may be channels,
    and pages of several planes may be stacks, so these are no stack. A shared axis of length 1, such as T, is that of the stack.
    """
    keyframe = tif.pages.first
    first = _notes(tif, pages[0])
    if len(pages) < 2 or first is None:
        return None
    leading = len(first["shape"]) - keyframe.ndim
    of_one = (
        first["shape"][max(leading, 0) :] == list(keyframe.shape) and math.prod(first["shape"][: max(leading, 0)]) == 1
    )
    if not 0 <= leading <= 1 or not of_one:
        return None
    for page in pages[1:]:
        notes = _notes(tif, page)
        if notes is None or any(notes.get(key) != first.get(key) for key in ("shape", "axes", "name")):
            return None
    axes = first.get("axes")
    named = isinstance(axes, str) and len(axes) == len(first["shape"])
    stack = stack_of_pages(tif, pages)._replace(axes=axes[0] if named and leading else "I", pages=len(pages))
    return with_samples(stack, said_of_samples(keyframe, axes[leading] if named else "S"))


def _notes(tif, page):
    """Return tifffile's notes on a page, with a shape of whole numbers, or None if there are none."""
    for text in descriptions(tif, page):
        if text.startswith(b'{"shape":'):
            try:
                notes = json.loads(text.rstrip(b"\0"))
            except ValueError:
                return None
            usable = isinstance(notes["shape"], list) and all(isinstance(size, int) for size in notes["shape"])
            return notes if usable else None
    return None


def one_page(stack, number):
    """Return the Stack of one page of a file that was written page by page. number: from 0."""
    return stack._replace(axes=stack.axes[1:], shape=stack.shape[1:], page=lambda _: stack.page(number), pages=0)


def said_of_samples(keyframe, axis):
    """Return what tifffile says of the samples of planar colours: the name of their axis, "?" if nothing, "" for other pages.

    axis: the name that it gives them, "S" also if it gives none. tifffile writes a stack of exactly 3 planes as the red, green and blue
    of one page, unless its caller names the axes.
    """
    if keyframe.photometric != tifffile.PHOTOMETRIC.RGB or keyframe.axes != "SYX":
        return ""
    return axis if '"axes":' in (keyframe.shaped_description or "") else "?"


def with_samples(stack, said):
    """Return a Stack in which samples with an axis of their own are planes. said: see `said_of_samples`."""
    number = stack.keyframe.samplesperpixel
    if said == "?":
        note = f"its {number} {MAY_BE_DEPTHS} (RGB), as tifffile calls any {number}: if they are depths, set image.channel to 2"
        return stack._replace(note=note)
    if said in ("", "S"):
        return stack
    return stack._replace(axes=stack.axes + said, shape=(*stack.shape, number), parts=number)
