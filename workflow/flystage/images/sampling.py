"""Open a few images of each stage before a run and report what they contain and how they look when prepared."""

import os
from collections import defaultdict
from itertools import chain, zip_longest
from typing import NamedTuple

import numpy as np

from flystage.core.errors import UnusableTiff
from flystage.images.preparing import (
    brightness,
    encoded_png,
    grey_levels,
    guessed_white,
    normalised,
    raw_plane,
    turned,
    white_of,
)
from flystage.images.regions import regions_of

SATURATING = 0.2  # share of saturated pixels above which an image shows little


class Look(NamedTuple):
    """The result of opening one image.

    image: the RawImage. reason: why it is unusable, or "". facts: those of `read_grey`, with minimum, maximum, brightness, levels and
    flat (share of pixels equal to their right neighbour) of the pixels, embryos and cut (see `Regions`), clipped and left (grey
    levels of the picture), or {} if it cannot be read. picture: uint8 array (size, size) as it will be stored, or None. bytes: size
    of its PNG.
    """

    image: tuple
    reason: str
    facts: dict
    picture: np.ndarray | None
    bytes: int


def sample(images, per_stage, at_most):
    """Choose `per_stage` images of each stage, spread over its folders, but at most `at_most` in total. The choice is fixed.

    images: RawImages that are used. Returns a list of them, sorted by stage.
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
    """Return `number` items spread evenly over a list, or its middle if `number` is 1."""
    if len(things) <= number:
        return things
    return [things[int((place + 0.5) * len(things) / number)] for place in range(number)]


def looked_at(images, settings):
    """Return (a Look at each image, the estimated white level for all floats and wide integers of the data set or None).

    images: RawImages. settings: the configuration's `image` section, with float_white, an earlier estimate or None.
    The white level is the smallest usual one above 99.9 % of the pixels, so that a hot pixel does not decide it.
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
    facts = facts | regions_of(plane)._asdict() | {"minimum": plane.min().item(), "maximum": plane.max().item()}
    facts |= {"levels": grey_levels(plane, facts["maximum"]), "flat": float((plane[:, 1:] == plane[:, :-1]).mean())}
    try:
        white = white_of(facts, settings, facts["maximum"])
        facts["brightness"] = brightness(plane, white)
        grey, clipped = normalised(plane, white, settings["normalize"])
        picture = turned(grey, [0], settings["size"], settings["field"])[0]
    except UnusableTiff as reason:
        return Look(image, str(reason), facts, None, 0)
    facts |= {"clipped": clipped, "left": grey_levels(picture, picture.max())}
    return Look(image, "", facts, picture, len(encoded_png(picture)))
