"""Compare the times that movies say of themselves with the setting `frames`, before a run."""

import math
import os
from statistics import median

from flystage.images.reading import facts_if_readable
from flystage.raw.times import UNITS, unit_of_bare_numbers

OPENED = 24  # files whose headers are read
DIFFERS = 1.1  # factor between two intervals that counts as another one
UNEVEN = 1.5  # factor between the longest step and the usual one


def movie_doubts(images, config):
    """Return warnings on movies, a list of sentences.

    images: RawImages that are used. config: the checked configuration, of which frames, time_unit and image.series are read. Only the
    headers of OPENED files are read.
    """
    if not config["frames"]:
        return []
    unit = unit_of_bare_numbers(config["time_unit"])
    every = config["frames"]["every"]
    others, uneven, stacks = [], [], []
    paths = sorted({(image.path, bool(image.frame)) for image in images})
    for path, is_movie in paths[:: math.ceil(len(paths) / OPENED) or 1]:
        facts = facts_if_readable(path, config["image"]["series"])
        if facts is None:
            continue
        if not is_movie and facts.depth > 1:
            stacks.append(f"{os.path.basename(path)}: {facts.depth}")
        if not is_movie or not facts.times:
            continue
        steps = [after - before for before, after in zip(facts.times, facts.times[1:], strict=False)]
        usual = median(steps) / 60 / UNITS[unit]
        if max(usual, every) > DIFFERS * min(usual, every):
            others.append(f"{os.path.basename(path)}: {usual:.3g} {unit}")
        if max(steps) > UNEVEN * median(steps):
            uneven.append(f"{os.path.basename(path)}: up to {max(steps) / 60 / UNITS[unit]:.3g} {unit}")
    found = []
    if others:
        found.append(
            f"frames.every is {every:g} {unit}, but {len(others)} files say another time between their time points ({others[0]}). Their"
            " stages are wrong if the files are right. Correct frames, or name the stages in a table (labels)."
        )
    if uneven:
        found.append(
            f"The time points of {len(uneven)} files are not evenly spaced ({uneven[0]}). frames gives them even times, so later stages are"
            " wrong. Name the stages in a table (labels) with the column frame."
        )
    if stacks:
        found.append(
            f"{len(stacks)} files have planes in depth and no time points ({stacks[0]} planes). Each counts as one picture. If the planes"
            " are meant as time points, save the files with time points."
        )
    return found
