"""Check the data before a run: images, stages, splits, a few opened images, disk space and permissions."""

import os
import shutil
import tempfile
from collections import Counter, defaultdict
from typing import NamedTuple

from flystage.core.files import existing_folder
from flystage.dataset.cameras import camera_doubts
from flystage.dataset.splitting import SPLITS
from flystage.dataset.white import read_white, remember_white
from flystage.images.sampling import SATURATING, looked_at, sample
from flystage.raw.doubts import doubts
from flystage.raw.stages import Stages
from flystage.raw.times import time_in
from flystage.run.look_files import file_warnings
from flystage.run.look_movies import movie_doubts

EXAMPLES = 4
STAGES_SHOWN = 40
MOST_OF_A_STAGE = 12  # images to open


class Findings(NamedTuple):
    """The results of the data check. lines: a summary to print. faults: errors to fix before running. warnings: doubts. stages: the
    Stages. stage_rows: [{"stage", "time", "images", "embryos"}]. looks: see `looked_at`.
    """

    lines: list
    faults: list
    warnings: list
    stages: Stages
    stage_rows: list
    looks: list


def look(config, data_set, per_stage=2, at_most=24):
    """Check a data set before anything is prepared. Return Findings.

    config: the checked configuration. data_set: its DataSet. per_stage, at_most: how many images are opened, see `sample`. If there
    are few stages, more images of each are opened.
    Writes only the estimate of the white level, next to the lock, see `remember_white`.
    """
    found, split_of, lock = data_set.found, data_set.split_of, data_set.lock
    usable = [image for image in found.images if not image.status]
    stages = Stages.as_given({image.stage for image in usable}, config["stages"], config["time_unit"])
    rows = _stage_rows(usable, stages)
    known = {(image.path, image.frame) for image in data_set.earlier}
    new = [image for image in usable if (image.path, image.frame) not in known]
    looks, guess = looked_at(
        sample(usable, max(per_stage, min(MOST_OF_A_STAGE, at_most // len(stages))), at_most),
        config["image"] | {"float_white": read_white(lock)},
    )
    if guess is not None:
        guess = remember_white(lock, guess)
    angles = len({0, *config["image"]["angles"]})
    pngs = sum(angles if split_of[image.embryo] == "train" else 1 for image in new)
    sizes = [each.bytes for each in looks if each.bytes]
    needed = pngs * sum(sizes) / len(sizes) if sizes else 0
    faults = [
        *_saturating(looks, config),
        *_cannot_be_written(config["results"], needed),
    ]
    warnings = [
        *found.warnings,
        *doubts(usable, stages, found.embryos_known, split_of, config),
        *file_warnings(usable, looks, config["image"]),
        *_unusable(looks),
        *movie_doubts(usable, config),
        *_several_or_cut(looks),
        *camera_doubts(_facts(looks), stages.names),
    ]
    lines = [
        *_found_lines(found, known, new),
        *_stage_lines(stages, rows, config),
        *_embryo_lines(usable, split_of, found.embryos_known),
        *_opened_lines(looks, guess),
        _room_line(config["results"], pngs, needed),
        *_elsewhere_lines(config),
    ]
    return Findings(lines, faults, warnings, stages, rows, looks)


def _stage_rows(usable, stages):
    counts, embryos = Counter(image.stage for image in usable), defaultdict(set)
    for image in usable:
        embryos[image.stage].add(image.embryo)
    times = stages.times or [None] * len(stages)
    return [
        {"stage": name, "time": time, "images": counts[name], "embryos": len(embryos[name])}
        for name, time in zip(stages.names, times, strict=True)
    ]


def _found_lines(found, known, new):
    folders = Counter(os.path.dirname(image.path) or "." for image in found.images)
    listed = [f"{folder}: {count}" for folder, count in folders.most_common(EXAMPLES)]
    more = f", and {len(folders) - EXAMPLES} more folders" if len(folders) > EXAMPLES else ""
    status = Counter(image.status or "to use" for image in found.images)
    yield f"{len(found.images)} images found ({', '.join(listed)}{more}): {_counted(status)}."
    for reason, count in Counter(image.reason for image in found.images if image.status).most_common(EXAMPLES):
        example = next(image for image in found.images if image.reason == reason)
        yield f"  {count} x {reason}, for example {os.path.basename(example.path)}"
    if known:
        yield f"{len(new)} of them are new since the last run."


def _counted(counts):
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _stage_lines(stages, rows, config):
    kind = {None: "in alphabetical order because their order is unknown", "stages": "in their order, without times"}
    unit = stages.unit
    if unit in kind:
        order = kind[unit]
    else:
        guessed = config["time_unit"] == "auto" and all(name.replace(".", "").isdecimal() for name in stages.names)
        order = f"times in {unit}" + (
            " (names without a unit count as minutes, set time_unit to change this)" if guessed else ""
        )
    yield f"{len(stages)} stages, {order}. Images/embryos of each:"
    shown = [
        f"{row['stage']}{'' if row['time'] is None else _time(row, unit)} {row['images']}/{row['embryos']}"
        for row in rows
    ]
    yield "  " + ", ".join(shown[:STAGES_SHOWN]) + (", ..." if len(shown) > STAGES_SHOWN else "")


def _time(row, unit):
    said = time_in(row["stage"]) == (row["time"], unit) or time_in(row["stage"]) == (row["time"], None)
    return "" if said else f" ({row['time']:g} {unit})"


def _embryo_lines(usable, split_of, known):
    counts = Counter(image.embryo for image in usable)
    in_split = Counter(split_of[embryo] for embryo in counts)
    span = f"{min(counts.values())} to {max(counts.values())} images each"
    splits = ", ".join(f"{in_split[split]} {split}" for split in SPLITS)
    yield (
        f"{len(counts)} embryos, {span}: {splits}."
        if known
        else f"Embryos are unknown, so each of {len(counts)} images counts as one: {splits}."
    )


def _opened_lines(looks, guess):
    read = [each for each in looks if each.facts]
    if not read:
        return
    kinds = Counter(f"{each.facts['dtype']}, {each.facts['width']} x {each.facts['height']}" for each in read)
    clipped = [each.facts["clipped"] for each in read if "clipped" in each.facts]
    saturating = f". {100 * sum(clipped) / len(clipped):.0f} % of their pixels saturate" if clipped else ""
    yield f"{len(looks)} images opened: {', '.join(f'{kind} ({count})' for kind, count in kinds.most_common(EXAMPLES))}{saturating}."
    if guess:
        yield (
            f"The white level of floats and 32-bit integers is taken as {guess:g} for the whole data set. Set image.white to change it."
        )


def _room_line(results, pngs, needed):
    free = shutil.disk_usage(existing_folder(results)).free
    return f"{pngs} PNGs to write, about {needed / 2**20:.1f} MiB. {free / 2**30:.1f} GiB are free."


def _saturating(looks, config):
    with_figures = [each for each in looks if "clipped" in each.facts]
    bad = [each for each in with_figures if each.facts["clipped"] > SATURATING]
    if len(bad) <= config["max_saturated"] * len(with_figures):
        return
    normalize = config["image"]["normalize"]
    method = f"multiply by {normalize['factor']:g}" if normalize["method"] == "multiply" else normalize["method"]
    yield (
        f"{len(bad)} of {len(with_figures)} images opened saturate in more than {SATURATING:.0%} of their pixels with"
        f" image.normalize: {method} (for example {bad[0].image.path}, {bad[0].facts['clipped']:.0%}). Set image.normalize:"
        " {method: percentile} or a lower factor. To use the images as they are, raise max_saturated."
    )


def _cannot_be_written(results, needed):
    place = existing_folder(results)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        yield f"The results folder {results} is not writable ({error.strerror}). Set results to a folder that is."
        return
    free = shutil.disk_usage(place).free
    if needed > free:
        yield (
            f"The disk of {results} has {free / 2**30:.1f} GiB free, but about {needed / 2**30:.1f} GiB will be written. Free some"
            " space, set results to another disk, or lower image.size."
        )


def steps_on_aws(config):
    """Return the steps (tune, train, evaluate) that the configuration sends to AWS."""
    return [step for step, place in config["compute"].items() if place != "local"]


def _elsewhere_lines(config):
    weights, backbone = config["model"]["weights"], config["model"]["backbone"]
    kind = {
        "none": "random, for testing only",
        "bundled": "from a package",
        "imagenet": "downloaded once, before anything is prepared",
        "pretrained": "downloaded once, before anything is prepared",
    }
    yield f"Network: {backbone}, weights {kind.get(weights, f'from {weights}')}."
    if away := steps_on_aws(config):
        yield f"On AWS, bucket {config['aws']['bucket']}: {', '.join(away)}."


def _unusable(looks):
    reasons = [each for each in looks if each.reason]
    if reasons:
        shown = "; ".join(f"{each.image.path}: {each.reason}" for each in reasons[:EXAMPLES])
        yield f"{len(reasons)} of {len(looks)} images opened are unusable ({shown}{'; ...' if len(reasons) > EXAMPLES else ''})."


def _several_or_cut(looks):
    """Warn of pictures that show several embryos, or one that is cut off, which connected regions tell."""
    several = [each.image.path for each in looks if each.facts.get("embryos", 0) > 1]
    cut = [each.image.path for each in looks if each.facts.get("cut")]
    for paths, what in (
        (several, "seem to show several embryos"),
        (cut, "seem to show an embryo that the border cuts off"),
    ):
        if paths:
            yield (
                f"{len(paths)} of {len(looks)} images opened {what} ({', '.join(paths[:EXAMPLES])}{', ...' * (len(paths) > EXAMPLES)})."
                " An image needs one whole embryo. Crop or exclude others, for example with use: no in a table (labels)."
            )


def _facts(looks):
    """Return the rows for `camera_doubts` of the images that could be opened."""
    return [
        {"path": each.image.path, "stage": each.image.stage, "embryo": each.image.embryo} | each.facts
        for each in looks
        if each.facts
    ]
