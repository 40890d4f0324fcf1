"""Warn if stages or embryos come from different cameras, because a network may learn the camera instead of the stage."""

import math
import os
from collections import Counter, defaultdict
from statistics import median

from flystage.core.wording import first_few
from flystage.raw.stages import natural_key

EXAMPLES = 4  # names per sentence
MOSTLY = 0.8  # share of a group's images of one kind that makes the group one of this kind
MANY_KINDS = 0.3  # kinds per image beyond which every image has its own, as in cropped images
BRIGHTER = 2.5  # factor of brightness that counts as another camera or exposure
LARGER = 1.1  # factor between pixel sizes that changes the size of embryos visibly
LEARNS = "The network may learn the camera instead of the stage."


def camera_doubts(rows, stages):
    """Return sentences on images of different types, sizes, brightness and pixel sizes, a list.

    rows: one dict per image with path, stage, embryo, dtype, width and height, and with channels, bits (significant ones), brightness
    (on any scale that all images share) and pixel_size (micrometres), each None if it is unknown. stages: names in class order.
    Differences between stages are the most serious. Those between folders, then embryos, are reported only if stages do not differ.
    """
    found = []
    for what, kind in (("type", _type), ("size", _size)):
        found += _kinds(rows, what, kind, stages)
    return [*found, *_brightness(rows, stages), *_pixel_sizes(rows, stages)]


def _type(row):
    bits = f" with {row['bits']} bits" if row.get("bits") else ""
    channels = f" in {row['channels']} channels" if int(row.get("channels") or 1) > 1 else ""
    return f"{row['dtype']}{bits}{channels}"


def _size(row):
    return f"{row['width']} x {row['height']}"


def _groupings(rows, stages):
    """Yield (word, {name of the group: its rows}) for stages, folders and embryos."""
    for word, name_of, order in (
        ("stages", lambda row: row["stage"], list(stages).index),
        ("folders", lambda row: os.path.dirname(row["path"]), natural_key),
        ("embryos", lambda row: row["embryo"], natural_key),
    ):
        groups = defaultdict(list)
        for row in rows:
            groups[name_of(row)].append(row)
        yield word, {name: groups[name] for name in sorted(groups, key=order)}


def _kinds(rows, what, kind, stages):
    kinds = Counter(map(kind, rows))
    if len(kinds) < 2 or len(kinds) > max(3, MANY_KINDS * len(rows)):
        return
    usual = kinds.most_common(1)[0][0]  # the first of equally many
    for word, groups in _groupings(rows, stages):
        of_group = {name: Counter(map(kind, its)) for name, its in groups.items()}
        pure = {
            name: its.most_common(1)[0][0]
            for name, its in of_group.items()
            if its.most_common(1)[0][1] >= MOSTLY * its.total()
        }
        if usual not in pure.values():
            continue
        if odd := [name for name, one in pure.items() if one != usual]:
            others = sorted({pure[name] for name in odd})
            yield (
                f"The images of {_named(word, odd)} have another {what} ({first_few(others, EXAMPLES)}) than the usual {usual}. {LEARNS}"
                " Use images of one camera, or give every stage images of both."
            )
            return


def _brightness(rows, stages):
    rows = [row for row in rows if (row.get("brightness") or 0) > 0]
    for word, groups in _groupings(rows, stages):
        level = {name: median(row["brightness"] for row in its) for name, its in groups.items()}
        order = sorted(level, key=level.get)
        gaps = [level[after] / level[before] for before, after in zip(order, order[1:], strict=False)]
        if not gaps or max(gaps) <= BRIGHTER:
            continue
        place = gaps.index(max(gaps)) + 1
        darker, brighter = order[:place], order[place:]
        first = next(iter(groups))
        odd = min(darker, brighter, key=lambda side: (len(side), first in side))
        rest = brighter if odd is darker else darker
        here, there = (median(level[name] for name in names) for names in (odd, rest))
        factor = max(here, there) / min(here, there)
        yield (
            f"The images of {_named(word, [name for name in groups if name in odd])} are {factor:.2g} times"
            f" {'brighter' if here > there else 'darker'} than the others (median {here:.3g}, usual {there:.3g}). {LEARNS} If the"
            " exposure differs, set image.normalize: {method: percentile}."
        )
        return


def _pixel_sizes(rows, stages):
    rows = [row for row in rows if row.get("pixel_size")]
    sizes = [row["pixel_size"] for row in rows]
    if not sizes or max(sizes) <= LARGER * min(sizes):
        return
    kinds = Counter(f"{size:.3g}" for size in sizes)
    usual = kinds.most_common(1)[0][0]
    where = ""
    for word, groups in _groupings(rows, stages):
        odd = [name for name, its in groups.items() if not any(_alike(row["pixel_size"], float(usual)) for row in its)]
        if odd:
            where = f" in {_named(word, odd)}"
            break
    others = sorted((one for one in kinds if not _alike(float(one), float(usual))), key=float)
    yield (
        f"The files say that their pixels differ in size: {usual} µm usually and {first_few(others, EXAMPLES)} µm{where}. Embryos then"
        " differ in size in the pictures. Resample the images to one pixel size. If only their numbers of pixels differ, set"
        " image.field."
    )


def _alike(one, other):
    return abs(math.log(one / other)) <= math.log(LARGER)


def _named(word, names):
    """Return a number of groups in words, with examples: "stages 123 to 195", or "3 folders (a, b, c)"."""
    if word == "stages" and len(names) > 2:
        return (
            f"{len(names)} stages ({names[0]} to {names[-1]})"
            if len(names) > EXAMPLES
            else f"stages {first_few(names, EXAMPLES)}"
        )
    return f"{len(names)} {word} ({first_few(names, EXAMPLES)})"
