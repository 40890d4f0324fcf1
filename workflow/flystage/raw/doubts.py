"""Warn about doubtful names: one thing under several names, typing errors, names without a time, unknown embryos."""

import os
import re
import unicodedata
from collections import defaultdict
from statistics import median

from flystage.raw.stages import natural_key, times_by_stage
from flystage.raw.times import UNITS, time_in

EXAMPLES = 5  # names per sentence
RARE = 0.2  # of the median number of images of a stage
LETTERS_FOR_DIGITS = str.maketrans("oil", "011")


def look_alikes(names):
    """Return groups of names that could mean one thing, a list of sorted lists: "embryo3" and "embryo03", "051" and "O51".

    Names of a group differ only in leading zeros, a .0 at the end, case, spaces and punctuation, letters that look like digits,
    Unicode form, or the word "stage".
    """
    groups = defaultdict(set)
    for name in names:
        groups[_skeleton(name)].add(name)
    return sorted(sorted(group) for group in groups.values() if len(group) > 1)


def _skeleton(name):
    text = unicodedata.normalize("NFKC", name).casefold()
    text = re.sub(r"(?<=[\d\W_])[oil]+(?=\d)|^[oil]+(?=\d)|(?<=\d)[oil]+(?![^\W\d_])", _digits, text)
    tokens = re.findall(r"^[-+](?=\d)|[^\W\d_]+|\d+(?:[.,]\d+)?|\+", text)
    tokens = [re.sub(r"^0+(?=\d)|(?<=\d)[.,]0+$", "", token) for token in tokens]
    return tuple(tokens[1:] if len(tokens) > 1 and tokens[0] == "stage" else tokens)


def _digits(match):
    return match.group().translate(LETTERS_FOR_DIGITS)


def doubts(images, stages, embryos_known, split_of, settings):
    """Return warnings about doubtful names of images, a list of sentences, the most serious first.

    images: RawImages that are used. stages: their Stages. embryos_known: see `Found`. split_of: {embryo: split}. settings: the
    configuration, of which raw, name_pattern, stages and time_unit are read.
    """
    return [
        *_embryo_doubts(embryos_known, split_of),
        *(_merged_embryos(images, settings["raw"], settings["name_pattern"]) if embryos_known else ()),
        *_stage_doubts(images, stages, settings),
    ]


def _embryo_doubts(known, split_of):
    if not known:
        yield (
            "The names do not say which embryo an image shows, so each image counts as its own embryo. Images of one embryo then go into"
            " several splits, and accuracy is overestimated. Give name_pattern a group (?P<embryo>...), or give labels a column embryo."
        )
        return
    embryos = sorted(set(split_of))
    for group in look_alikes(embryos)[:EXAMPLES]:
        apart = len({split_of[embryo] for embryo in group}) > 1
        yield (
            f"The embryos {_listed(group)} may be one embryo under several names."
            + (" They are in different splits, so test images may show a training embryo." if apart else "")
            + " Rename the files, or name the embryo in a table (labels)."
        )
    training = [embryo for embryo in embryos if split_of[embryo] == "train"]
    if len(training) == 1:
        yield f"Only one embryo ({training[0]}) is in training, so the network learns this embryo instead of the stages. Add embryos."


def _merged_embryos(images, folders, pattern):
    """Warn of embryos that may be several: they lie in several raw folders, or one stage has the same file name in several folders.

    A pattern with a slash describes the path, so it says which folders belong together.
    """
    roots, places, staged = defaultdict(set), defaultdict(set), False
    for image in images:
        folder, name = os.path.split(image.path)
        inside = [root for root in folders if image.path.startswith(os.path.join(root, ""))]
        roots[image.embryo].add(max(inside, key=len, default=""))
        places[image.embryo, image.stage, image.frame, name].add(folder)
        staged |= os.path.basename(folder) == image.stage
    found = {embryo: sorted(each) for embryo, each in roots.items() if len(each) > 1}
    for (embryo, *_), each in places.items():
        if len(each) > 1 and "/" not in (pattern or ""):
            found.setdefault(embryo, sorted(each))
    if found:
        embryo = min(found, key=natural_key)
        # With the folder of a stage in its name, one embryo would become several, in several splits.
        advice = (
            "give them different file names, such as day1_E01 and day2_E01, or name embryos in a table (labels)."
            if staged
            else "set raw to the folder above and let the embryo group of name_pattern include the folder, as in"
            " (?P<embryo>[^/]+/E\\d+), or name embryos in a table (labels)."
        )
        yield (
            f"{len(found)} embryos have images in several folders, for example {embryo} in {' and '.join(found[embryo][:2])}. Each name"
            f" counts as one embryo. If they are different embryos, figures and their intervals are wrong. Then {advice}"
        )


def _stage_doubts(images, stages, settings):
    names = stages.names
    groups = look_alikes(names)
    for group in groups[:EXAMPLES]:
        yield f"The stages {_listed(group)} may be one stage under several names, but are kept apart. Rename the files or folders."
    by_time = defaultdict(list)
    for name, time in zip(names, stages.times or (), strict=bool(stages.times)):
        by_time[time].append(name)
    alike = {name for group in groups for name in group}
    for time, group in by_time.items():
        if len(group) > 1 and not alike >= set(group):
            yield (
                f"The stages {_listed(group)} have the same time ({time:g} {stages.unit}), but are kept apart."
                " If they are one stage, rename the files or folders."
            )
    if stages.times is None and settings["time_unit"] == "auto" and settings["stages"] == "all":
        odd = [name for name in names if time_in(name) is None]
        if odd and len(odd) <= len(names) / 2:
            yield (
                f"No stage has a time, because {_listed(odd)} {'is not a number' if len(odd) == 1 else 'are not numbers'} like the other"
                " names. Rename them, leave them out with stages, or set time_unit."
            )
    if stages.unit is None:
        yield (
            f"The names do not give the order of the stages, so it is alphabetical ({_listed(names)}). List them in the order of"
            " development with stages: [...], or with times as stages: {name: time}."
        )
    elif stages.times and isinstance(settings["stages"], list) and list(stages.times) != sorted(stages.times):
        yield "The stages are not listed in the order of their times. flystage keeps their order. Correct stages if it is wrong."
    if stages.times and not times_by_stage(settings["stages"]) and settings["time_unit"] not in UNITS:
        numbers = [name for name in names if (time_in(name) or (0, ""))[1] is None]
        if numbers and len(numbers) < len(names):
            yield (
                f"Stages without a unit ({_listed(numbers)}) are assumed to be in {stages.unit}, the unit of the others."
                " Set time_unit if this is wrong."
            )
    counts, embryos = defaultdict(int), defaultdict(set)
    for image in images:
        counts[image.stage] += 1
        embryos[image.stage].add(image.embryo)
    usual = median(counts.values())
    rare = [name for name in names if counts[name] < RARE * usual or len(embryos[name]) < 3]
    if rare:
        shown = [f"{name} ({counts[name]} of {len(embryos[name])})" for name in rare]
        yield (
            f"These stages are rare (images of embryos): {', '.join(shown[:EXAMPLES])}{', ...' * (len(shown) > EXAMPLES)}."
            " A stage with fewer than three embryos cannot be in training, validation and test. Add embryos, or leave it out with stages."
        )


def _listed(names):
    names = sorted(names, key=natural_key)
    return ", ".join(map(repr, names[:EXAMPLES])) + ", ..." * (len(names) > EXAMPLES)
