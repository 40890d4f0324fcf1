"""Choose the planes of a stack that are used."""

import math

import numpy as np

from flystage.core.errors import UnusableTiff


def planes_to_use(axes, shape, page, frame, unclear=""):
    """Return which planes of a stack the setting image.page and a time point select.

    axes, shape: of the planes, see Stack. page: "first", "middle" (of an even number the later of the two), "last", "max"
    or a number from 1. It counts along the depth, whatever the name of that axis. It counts time points if each has only one
    plane and no frame is given. frame: the time point, a number from 1, or None for the middle one. unclear: why the axes are
    unknown, or "". There is no middle then.
    Returns (int array (planes, channels), with several planes only for "max", number of planes in the file, number of time
    points, a note on what was chosen or ""). Raises UnusableTiff.
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
            raise UnusableTiff(f"has {times} time point(s), but time point {frame} was requested")
        numbers = numbers[frame - 1]
    elif numbers.shape[1] == 1:
        numbers = numbers[:, 0]
    else:
        note = f"time point {times // 2 + 1} of {times}" if times > 1 else ""
        numbers = numbers[times // 2]
    if unclear and page == "middle":
        raise UnusableTiff(f"{unclear}: set image.page to a number")
    lengths = [shape[place] for place in depth_axes if shape[place] > 1]
    if page == "middle" and len(lengths) > 1:
        raise UnusableTiff(
            f"its planes have {len(lengths)} axes ({' x '.join(map(str, lengths))}) and the file does not say which is the depth:"
            " set image.page to a number"
        )
    if page != "max":
        numbers = numbers[[_place(page, len(numbers))]]
    return numbers, planes, times, note


def _place(page, pages):
    if isinstance(page, int):
        if page > pages:
            raise UnusableTiff(f"has {pages} page(s), but image.page is {page}")
        return page - 1
    return {"first": 0, "middle": pages // 2, "last": pages - 1}[page]
