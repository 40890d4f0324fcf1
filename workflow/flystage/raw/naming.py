"""Find the stage, embryo and time point of each raw TIF from names and tables of labels, before it is opened."""

import os
import re
from collections import Counter
from typing import NamedTuple

from flystage.core.errors import FlystageError, UnusableTiff
from flystage.raw.finding import find_tifs, readable, why_unreadable
from flystage.raw.label_names import files_by_name
from flystage.raw.labels import GIVEN, labels_by_path, read_labels
from flystage.raw.spellings import WHOLE, one_spelling
from flystage.raw.stages import chosen_stages, listed_names, one_form

EXAMPLES = 5  # names per message
MOST_ALONE = 0.5  # share of the embryos in names that may have only one image


class RawImage(NamedTuple):
    """One image as found: a TIF, or one time point of a TIF.

    frame: "" or the number of the time point, from 1. status: "" if usable so far, else "rejected" or "excluded" with a reason.
    origin: of its stage, one of ORIGINS.
    """

    path: str
    stage: str
    embryo: str
    status: str = ""
    reason: str = ""
    frame: str = ""
    origin: str = GIVEN


def picture_name(path, frame):
    """Return the name of an image in sentences and figures: its path, and its time point if it belongs to a movie."""
    return f"{path}, time point {frame}" if frame else path


class Found(NamedTuple):
    """The result of `find_images`.

    images: list of RawImage. unmatched: paths of TIFs whose names do not fit the pattern. embryos_known: whether names or tables
    say which embryo an image shows. warnings: list of sentences.
    """

    images: list
    unmatched: list
    embryos_known: bool
    warnings: list


def find_images(config, time_points=None):
    """Return all raw images with stage and embryo, sorted by path and time point, as a Found.

    config: the checked configuration, of which raw, name_pattern, unmatched, labels, not_in_labels, frames, stages, time_unit and
    single_images are used. time_points: function(path) -> number of time points of a TIF, for `frames`.
    A TIF whose name does not give a stage takes the name of its folder as the stage. One whose name does not give an embryo
    counts as its own embryo, named by its path. Raises FlystageError if names and settings do not fit together, and the errors
    of `find_tifs`, `read_labels` and `chosen_stages`.
    """
    found = find_tifs(config["raw"])
    pattern = re.compile(config["name_pattern"]) if config["name_pattern"] else None
    named = [from_name(path, relative, pattern) for path, relative in found]
    labels, warnings = _from_tables(config, found, named) if config["labels"] else (None, [])
    by_name = labels is None or config["not_in_labels"] == "by_name"
    labelled_folders = {os.path.dirname(path) for path in labels or ()}
    images, unmatched, renamed, by_pattern, nameless = [], [], [], [], []
    for (path, relative), (image, groups) in zip(found, named, strict=True):
        rows = labels.get(path) if labels is not None else None
        if labels is not None and rows is None:
            says_stage = groups and groups.get("stage") or os.path.dirname(path) not in labelled_folders
            rows = None if by_name and says_stage else []
        pictures = [_at_first_sight(picture) for picture in _pictures(image, rows, config, time_points)]
        usable = any(not picture.status for picture in pictures)
        if rows and groups and groups.get("stage"):
            renamed += [(row, image.stage) for row in rows if _zeros_lost(row.stage, image.stage)]
        if usable and (rows is None or any(not row.embryo for row in rows)):  # the embryo must come from the name
            if groups is None:
                unmatched.append(path)
                if config["unmatched"] == "exclude":
                    reason = "its name does not fit name_pattern"
                    pictures = [picture._replace(status="excluded", reason=reason) for picture in pictures]
            elif one_form(groups.get("embryo") or ""):
                by_pattern += [picture.embryo for picture in pictures if not picture.status]
        if usable and image.embryo == own_name(relative) and any(not picture.frame for picture in pictures):
            nameless += [
                (path, row) for row in rows or [None] if row is None or row.use and row.stage and not row.embryo
            ]
        images += pictures
    if renamed:
        row, stage = renamed[0]
        warnings.append(
            f"labels: {len(renamed)} row(s) lost leading zeros, probably in a spreadsheet ({row.where}: stage {row.stage}, but {stage} in"
            " the name). flystage uses the stages of the table. If they are wrong, format the column as text and type them again."
        )
    if by_name or by_pattern:  # only a table gives the stages otherwise, so the pattern need not match
        _refuse_unmatched(unmatched, len(found), config)
    _refuse_single_images(Counter(by_pattern), config)
    warnings += _without_embryo(nameless, labels, config)
    embryos_known = bool(
        by_pattern
        or (labels and any(row.embryo for rows in labels.values() for row in rows))
        or any(image.frame for image in images)
    )
    return Found(_of_wanted_stages(images, config), unmatched, embryos_known, warnings)


def _from_tables(config, found, named):
    """Return ({path: [Label]}, warnings) of the tables of labels. Raises FlystageError if no row names a TIF.

    named: what `from_name` returns for each file found.
    """
    told, listed, files = [], listed_names(config["stages"]), files_by_name(found)
    rows = read_labels(config["labels"], files, listed, told)
    stages = {image.stage for image, _ in named if image.stage}
    embryos = {image.embryo for image, groups in named if groups and one_form(groups.get("embryo") or "")}
    rows, spelt = one_spelling(rows, {*listed, *stages}, embryos)
    labels, warnings = labels_by_path(rows, found, files)
    if not labels and config["not_in_labels"] != "by_name":
        reason = warnings[0].removeprefix("labels: ") if warnings else "It has no row with the name of an image."
        raise FlystageError(f"labels: {_names(config['labels'])} names none of the {len(found)} TIFs. {reason}")
    return labels, [*told, *spelt, *warnings]


def _without_embryo(nameless, labels, config):
    """Return warnings about images without an embryo in a data set whose others have one. Each counts as its own embryo.

    nameless: list of (path, Label or None without a table). labels: {path: [Label]}, or None. Raises FlystageError if they
    stand in a table that names the embryos of other rows, unless the setting single_images allows it.
    """
    named = [row for rows in (labels or {}).values() for row in rows if row.embryo and row.use]
    if not named or not nameless:
        return []
    tables = {_table_of(row) for row in named}
    beside = [row for _, row in nameless if row and _table_of(row) in tables]
    if beside and config["single_images"] == "stop":
        raise FlystageError(
            f"labels: {len(beside)} row(s) name no embryo ({beside[0].where}: {beside[0].image}), but others do ({named[0].where}:"
            f" {named[0].embryo}). Images of one embryo would go into several splits. Write the embryo into each row. If each of these"
            " images shows another embryo, set single_images: allow."
        )
    path, row = nameless[0]
    return [
        f"labels: {len(nameless)} image(s) have no embryo ({f'{row.where}: ' if row else ''}{os.path.basename(path)}), but others do. Each"
        " counts as its own embryo. If several show one embryo, accuracy is overestimated. Name their embryos in the table."
    ]


def _table_of(label):
    return label.where.rpartition(", line ")[0]


def _names(paths):
    return " or ".join(os.path.basename(path) for path in paths)


def from_name(path, relative, pattern):
    """Return (RawImage, {group of the pattern: text} or None if the pattern does not match), from name and folder only.

    relative: the path below its raw folder. pattern: compiled, or None.
    """
    relative = relative.replace(os.sep, "/")
    folder, groups = os.path.dirname(relative), groups_of(relative, pattern)
    stage, embryo = (one_form((groups or {}).get(group) or "") for group in ("stage", "embryo"))
    return RawImage(path, stage or one_form(os.path.basename(folder)), embryo or own_name(relative)), groups


def groups_of(relative, pattern):
    """Return {group of the pattern: text} of a path with /, {} without a pattern, None if it does not match.

    A pattern with a slash describes the path, any other the name.
    """
    if not pattern:
        return {}
    match = pattern.search(relative if "/" in pattern.pattern else relative.rsplit("/", 1)[-1])
    return match.groupdict() if match else None


def own_name(relative):
    """Return the name of the embryo of an image whose name does not give one. relative: the path below its raw folder."""
    return os.path.splitext(one_form(relative.replace(os.sep, "/")))[0]


def _pictures(image, rows, config, time_points):
    """Return the images of a TIF: the whole TIF, its time points, or one per row of a table. rows: None without a table."""
    if rows is not None:
        outside = image._replace(status="excluded", reason=f"not in {_names(config['labels'])}")
        return [_labelled(image, row) for row in rows] or [outside]
    if config["frames"] and time_points and not why_unreadable(image.path):
        return _in_time(image, config["frames"], time_points)
    return [image]


def _labelled(image, row):
    """Return the image with the values of a row of a table of labels."""
    frame = "" if row.frame is None else str(row.frame)
    image = image._replace(stage=row.stage, embryo=row.embryo or image.embryo, frame=frame, origin=row.origin)
    if not row.use:
        return image._replace(status="excluded", reason=f"use: no ({row.where})")
    if not row.stage:
        return image._replace(status="excluded", reason=f"no stage ({row.where})")
    return image


def _zeros_lost(label, stage):
    label = WHOLE.sub(r"\1", label) if label != stage else label
    return label != stage and label.isdecimal() and stage.isdecimal() and int(label) == int(stage)


def _in_time(image, frames, time_points):
    """Return one image per time point with its time as its stage, or the image itself if it has only one time point."""
    try:
        number = time_points(image.path)
    except (UnusableTiff, OSError):
        return [image]  # preparing gives the reason
    if number < 2:
        return [image]
    return [image._replace(stage=stage_in_time(frames, place), frame=str(place)) for place in range(1, number + 1)]


def stage_in_time(frames, number):
    """Return the name of the stage of a time point of a movie. frames: the setting. number: of the time point, from 1."""
    return f"{round(frames['first'] + (number - 1) * frames['every'], 6):g}"


def _refuse_unmatched(unmatched, found, config):
    listed = ", ".join(repr(os.path.basename(path)) for path in unmatched[:EXAMPLES])
    if config["name_pattern"] and len(unmatched) == found:
        raise FlystageError(
            f"name_pattern does not fit any of the {found} TIFs, for example {listed}. Correct it. To see a pattern that fits, run"
            " `snakemake --cores 1 suggest`."
        )
    if unmatched and config["unmatched"] == "stop":
        raise FlystageError(
            f"name_pattern does not fit {len(unmatched)} of {found} TIFs, for example {listed}. Correct it, or leave these TIFs out with"
            " unmatched: exclude."
        )


def _refuse_single_images(counts, config):
    """Stop if most embryos have one image, because the pattern probably takes a slice or a time as part of the embryo: a leak.

    counts: {embryo that the pattern found in names: number of images}. Raises FlystageError.
    """
    alone = [embryo for embryo, count in counts.items() if count == 1]
    if config["single_images"] == "stop" and len(counts) > 3 and len(alone) > MOST_ALONE * len(counts):
        raise FlystageError(
            f"{len(alone)} of {len(counts)} embryos have a single image (for example {alone[0]!r}). The embryo group of name_pattern"
            " probably matches more than the embryo, so images of one embryo would go into several splits. Correct it. If you imaged each"
            " embryo only once, set single_images: allow."
        )


def _of_wanted_stages(images, config):
    staged = {image.stage for image in images if image.stage and image.status != "excluded"}
    if not staged:
        example = next((image for image in images if image.status == "excluded"), images[0])
        if config["frames"] and not any(image.frame for image in images):
            raise FlystageError(
                f"frames is set, but none of the {len(images)} TIFs has time points, for example {os.path.basename(example.path)!r}. Planes"
                " in depth are no time points. If they are meant as such, save the file with time points, in ImageJ with Image > Properties"
                " (slices 1, frames as many as there are planes)."
            )
        advice = (
            f"Write stages into {_names(config['labels'])}."
            if config["labels"]
            else "Put the images into one folder per stage, give name_pattern a group (?P<stage>...), or set labels to a table."
        )
        reason = f" ({example.reason})" if example.reason else ""
        raise FlystageError(f"No TIF has a stage, for example {os.path.basename(example.path)!r}{reason}. {advice}")
    chosen = chosen_stages(config["stages"], staged, config["time_unit"])
    if len(chosen) < 2:
        raise FlystageError(
            f"Only one stage ({', '.join(chosen)}) has images, but training needs two. Add images, or correct stages."
        )
    images = [
        image._replace(status="excluded", reason=f"stage {image.stage} is not selected")
        if not image.status and image.stage not in chosen
        else image
        for image in images
    ]
    if all(image.status for image in images):
        reasons = Counter(image.reason for image in images).most_common(3)
        listed = ", ".join(f"{count} x {reason}" for reason, count in reasons)
        raise FlystageError(f"None of the {len(images)} TIFs can be used ({listed}). Correct the files or their names.")
    return images


def _at_first_sight(image):
    """Return the image, rejected if it is unusable for a reason that is known without opening it."""
    shown = image._replace(**{field: readable(getattr(image, field)) for field in ("path", "stage", "embryo")})
    if shown != image:
        return shown._replace(status="rejected", reason="its name is not valid UTF-8 or has a line break; rename it")
    if image.status:
        return image
    if "{" in image.path:
        return image._replace(
            status="rejected", reason="its path has a {, which Snakemake takes for a wildcard; rename it"
        )
    if not image.stage:
        return image._replace(status="rejected", reason="no stage: not in its name, and not in a stage folder")
    if reason := why_unreadable(image.path):
        return image._replace(status="rejected", reason=reason)
    return image
