"""A few images of each stage, really opened before a run: what they hold, and what preparing makes of them."""

import os
from collections import defaultdict
from itertools import chain, zip_longest
from typing import NamedTuple

import numpy as np

from flystage.core.errors import UnusableTiff
from flystage.images.preparing import encoded_png, grey_levels, guessed_white, normalised, raw_plane, turned, white_of

SATURATING = 0.2  # an image with a larger share of saturating pixels shows little


class Look(NamedTuple):
    """What opening one image showed.

    image: the RawImage. reason: why it cannot be used, or "". facts: as `read_grey` gives them, with minimum, maximum, levels (the
    median over the pixels is `median`) and clipped; {} for an image that cannot be read. picture: uint8 array (size, size), as it
    will be stored, or None. bytes: of its PNG.
    """

    image: tuple
    reason: str
    facts: dict
    picture: np.ndarray | None
    bytes: int


def sample(images, per_stage, at_most):
    """A fixed choice of images: of each stage `per_stage`, spread over its folders, and not more than `at_most` of all.

    images: RawImages that are to be used. Returns a list of them, sorted by stage.
    """
    by_stage = defaultdict(lambda: defaultdict(list))
    for image in sorted(images):
        by_stage[image.stage][os.path.dirname(image.path)].append(image)
    chosen = []
    for folders in by_stage.values():
        spread = [_spread(images, per_stage) for images in folders.values()]
        in_turn = [image for image in chain(*zip_longest(*_spread(spread, per_stage))) if image]
        chosen.append(in_turn[:per_stage])
    # The first of every stage, then the second of every stage ...
    in_turn = [image for image in chain(*zip_longest(*chosen)) if image]
    few = _spread(in_turn, at_most) if len(chosen) > at_most else in_turn[:at_most]
    return sorted(few, key=lambda image: image.stage)


def _spread(things, number):
    """So many of a list, evenly spread over it, the middle of it if it is one."""
    if len(things) <= number:
        return things
    return [things[int((place + 0.5) * len(things) / number)] for place in range(number)]


def looked_at(images, settings):
    """(a Look at each of the images, the white that is guessed for all floats and wide integers of the data set or None).

    images: RawImages. settings: the configuration's `image` section, with float_white, an earlier guess or None.
    The white is the smallest of the usual ones above nearly all pixels of all these images: one hot pixel must not decide it.
    """
    read, nearly_highest = [], []
    for image in images:
        try:
            plane, facts = raw_plane(image.path, settings, int(image.frame) if image.frame else None)
        except UnusableTiff as reason:
            read.append((image, str(reason), None, {}))
        except OSError as error:
            read.append((image, f"cannot be read ({error.strerror})", None, {}))
        else:
            read.append((image, "", plane, facts))
            if facts["white"] is None:
                nearly_highest.append(float(np.percentile(plane, 99.9)))
    guess = settings["float_white"] or (guessed_white(max(nearly_highest)) if nearly_highest else None)
    looks = [_look(*each, settings | {"float_white": guess}) for each in read]
    return looks, guess if nearly_highest and settings["white"] == "auto" else None


def _look(image, reason, plane, facts, settings):
    if reason:
        return Look(image, reason, {}, None, 0)
    facts = facts | {"median": float(np.median(plane)), "minimum": plane.min().item(), "maximum": plane.max().item()}
    try:
        grey, clipped = normalised(plane, white_of(facts, settings, facts["maximum"]), settings["normalize"])
        picture = turned(grey, [0], settings["size"], settings["field"])[0]
    except UnusableTiff as reason:
        return Look(image, str(reason), facts, None, 0)
    facts |= {
        "clipped": clipped,
        "levels": grey_levels(plane, facts["maximum"]),
        "left": grey_levels(picture, picture.max()),
    }
    return Look(image, "", facts, picture, len(encoded_png(picture)))
