"""Merge labels from people into the table of labels: match rows to images by content, find contradictions, add the rest."""

import hashlib
import math
import os
import re
import shutil
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

from tqdm import tqdm

from flystage.core.tables import read_text
from flystage.dataset.earlier import known_splits
from flystage.dataset.gathering import TRAINING_ONLY
from flystage.dataset.later_answers import in_force, replaces
from flystage.dataset.lock_places import lock_path, made_labels
from flystage.dataset.outcomes import (
    ADDED,
    BARRED,
    CHANGED,
    CONTRADICTS,
    FILLED,
    KNOWN,
    MISSING,
    NEW_STAGE,
    OLDER,
    UNDECIDED,
    WRITTEN,
    Image,
    Outcome,
    listed,
    said,
    sentences_about,
    to_set,
    write_outcomes,
)
from flystage.raw.exports import read_exports, settled_text
from flystage.raw.finding import find_tifs, readable, why_unreadable
from flystage.raw.label_names import as_named, files_by_name, matches
from flystage.raw.label_tables import add_to_table, check_can_be_extended, place_of
from flystage.raw.labels import BLIND, GIVEN, REVIEWED, labels_by_path, read_labels
from flystage.raw.naming import from_name, stage_in_time
from flystage.raw.spellings import one_spelling
from flystage.raw.stages import listed_names, one_form
from flystage.raw.times import time_in


def accept(config, catalog, folder, threads):
    """Check the tables of the setting `accept` against the images and merge them into the labels. Return sentences for the terminal.

    config: the checked configuration. catalog: path of an earlier run's catalog, which may be missing. folder: for outcome.csv (one
    row per row of the tables), contradictions.csv (both sides) and copies of the labels before the change.
    Rows are matched to images by content, and by name only if a table has no sha256. Rows that contradict one another, the labels,
    or the name or folder of an image change nothing. Neither do rows that are known already, or whose stage no image had before
    and the setting `stages` does not list. A later answer of one person replaces the earlier one.
    Raises FlystageError if a table cannot be read, or the labels cannot be written.
    """
    in_raw, found = _found(config)
    files, allowed, told = files_by_name(found), listed_names(config["stages"]), []
    exports = read_exports(config["accept"], files, allowed, told)
    table = config["labels"][0] if config["labels"] else made_labels(config["raw"])
    tables = list(dict.fromkeys([table, *(config["labels"] or [])]))
    existing = [path for path in tables if path != table or os.path.exists(path)]
    labels = read_labels(existing, files, allowed, told)
    answers = {row.label.where: row for row in (read_exports(existing, files, allowed) if existing else ())}
    pattern = re.compile(config["name_pattern"]) if config["name_pattern"] else None
    stages, embryos = _names_before(catalog, labels, [pair for pair in found if pair[0] in in_raw], pattern)
    labels, spelt = one_spelling(labels, stages | allowed, embryos)
    told += spelt
    mended, spelt = one_spelling(
        [row.label for row in exports], stages | allowed, embryos | {row.embryo for row in labels}
    )
    exports = [row._replace(label=label) for row, label in zip(exports, mended, strict=True)]
    exports, restored = _with_their_zeros(exports, stages)
    images = _images(found, in_raw, pattern, stages | {row.label.stage for row in exports}, threads)
    by_path, warnings = labels_by_path(labels, found, files)
    outcomes = _outcomes(exports, images, files, by_path, answers, config)
    outcomes = _without_new_stages(outcomes, stages, allowed, config["frames"])
    outcomes = _without_barred(outcomes, config, catalog)
    rows, filled, changed = _changes(outcomes, by_path, files, tables)
    write_outcomes(outcomes, folder)
    touched = [path for path in tables if path == table and rows or path in filled or path in changed]
    for path in touched:
        check_can_be_extended(path)
    for path in touched:
        if os.path.exists(path):
            shutil.copy2(path, os.path.join(folder, f"before-{os.path.basename(path)}"))
        add_to_table(path, rows if path == table else [], filled.get(path), changed.get(path))
    in_order = isinstance(config["stages"], (list, dict))
    told += [*spelt, *restored, *warnings, *sentences_about(outcomes, table, folder, stages, in_order)]
    return [readable(sentence) for sentence in told + to_set(config, table, images, by_path, outcomes)]


def _found(config):
    """Return (paths in `raw`, [(path, path below its folder)] of the TIFs in `raw` and `predict.images`)."""
    in_raw = {path for path, _ in find_tifs(config["raw"])}
    others = [folder for folder in config["predict"]["images"] if os.path.isdir(folder)]
    return in_raw, [pair for pair in find_tifs([*config["raw"], *others]) if readable(pair[0]) == pair[0]]


def _names_before(catalog, labels, found, pattern):
    """Return (stages, embryos) that an earlier run used, that the labels contain, or that names and folders give: two sets.

    A stage of an earlier run counts only if its image is still there, because a person may have renamed the stage.
    """
    named = [from_name(path, relative, pattern) for path, relative in found]
    used = {"stage": [], "embryo": []}
    if os.path.exists(catalog):
        table = read_text(catalog).query("status == 'used'")
        there = {path for path, _ in found}
        used = {"embryo": table["embryo"], "stage": table["stage"][[path in there for path in table["path"]]]}
    stages = {*used["stage"], *(label.stage for label in labels), *(image.stage for image, _ in named)}
    by_name = (image.embryo for image, groups in named if groups and one_form(groups.get("embryo") or ""))
    return stages - {""}, {*used["embryo"], *by_name}


def _with_their_zeros(exports, stages):
    """Return (exports, sentences) with leading zeros restored in stages, if exactly one known stage matches the number."""
    numbers = defaultdict(set)
    for stage in stages:
        if stage.isdecimal():
            numbers[int(stage)].add(stage)
    mended, told = [], []
    for export in exports:
        stage = export.label.stage
        meant = numbers[int(stage)] if stage.isdecimal() and stage not in stages else ()
        if len(meant) == 1:
            (name,) = meant
            told.append(f"{export.label.where}: {stage} is read as {name}")
            export = export._replace(label=export.label._replace(stage=name))
        mended.append(export)
    return mended, listed(told, "row(s) lost leading zeros, probably in a spreadsheet")


def _images(found, in_raw, pattern, stages, threads):
    """Return the found TIFs, a list of Image sorted by path. stages: names of folders that say a stage."""
    with ThreadPoolExecutor(threads) as pool:
        checksums = pool.map(_sha256, [path for path, _ in found])
        checksums = list(tqdm(checksums, total=len(found), unit="TIF", desc="reading", disable=None, leave=False))
    images = []
    for (path, relative), sha256 in zip(found, checksums, strict=True):
        named, groups = from_name(path, relative, pattern)
        said_by = "its name" if groups and groups.get("stage") else "its folder" if named.stage in stages else ""
        stage = named.stage if said_by else ""
        images.append(Image(path, relative, sha256, stage, said_by, named.embryo, path in in_raw))
    return images


def _sha256(path):
    """Return the SHA-256 of a file's bytes, or "" if it cannot be read."""
    if why_unreadable(path):
        return ""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _outcomes(exports, images, files, by_path, answers, config):
    """Return a list of Outcome in the order of the exports.

    files: see `files_by_name`. by_path: existing labels, {path: [Label]}. answers: {place of an existing label: its Export}.
    """
    paths_of, by_end, several = _by_name(exports, files)
    by_content, by_place = defaultdict(list), {image.path: image for image in images}
    for image in images:
        by_content[image.sha256].append(image)
    outcomes, pictures, copies_of, numbered = [], defaultdict(list), {}, set()
    for place, export in enumerate(exports):
        label = export.label
        if label.use and not label.stage:
            outcomes.append(Outcome(export, None, UNDECIDED))
            continue
        path = paths_of.get(label.image)
        copies = by_content[export.sha256] if export.sha256 else [by_place[path]] if path else []
        if not copies:
            could_be = [path] if path else several.get(label.image, [])
            outcomes.append(Outcome(export, None, MISSING, _why_missing(export, could_be)))
            continue
        image = min(copies, key=lambda each, path=path: (each.path not in by_path, not each.in_raw, each.path != path))
        how = "the end of its name" if label.image in by_end else "its name"
        outcomes.append(
            Outcome(export, image, ADDED, "" if export.sha256 else f"matched by {how}, because the row has no sha256")
        )
        pictures[image.path, label.frame].append(place)
        copies_of[image.path] = copies
        if label.frame is not None:
            numbered.add(image.path)
    embryo_of = {}
    for (path, frame), places in pictures.items():
        rows = [outcomes[place] for place in places]
        for place, later in in_force(dict(zip(places, (row.export for row in rows), strict=True))).items():
            outcomes[place] = outcomes[place]._replace(outcome=OLDER, reason=f"see {later.label.where}")
        origin = min((row.label.origin for row in rows), key=(REVIEWED, BLIND, GIVEN).index)
        places = [place for place in places if outcomes[place].outcome != OLDER]
        labels, rows = by_path.get(path, []), [outcomes[place] for place in places]
        if frame is None and path in numbered and not labels:
            verdict = rows[0]._replace(outcome=CONTRADICTS, other="other rows", there="time points of it")
        else:
            verdict = _verdict(rows, labels, copies_of[path], answers, config)
        judged = _against_each_other(rows) or [row._replace(**_of_picture(verdict)) for row in rows]
        if judged[0].outcome in WRITTEN:
            own = judged[0].label.embryo or judged[0].image.embryo
            if labels and (labels[0].embryo or len(labels) > 1 or judged[0].outcome == ADDED):
                own = labels[0].embryo  # rows of one file all name the same embryo, or none
            judged = _once(judged, embryo_of.setdefault(path, own), origin)
        for place, outcome in zip(places, judged, strict=True):
            outcomes[place] = outcome
    return outcomes


def _by_name(exports, files):
    """Return the result of `matches` for the rows without a checksum. Those with one are matched by their whole name only."""
    paths, by_end, several = matches([row.label.image for row in exports if not row.sha256], files)
    for row in exports:
        alike = sorted(files.get(as_named(row.label.image), ()))
        if row.sha256 and alike:
            (several if len(alike) > 1 else paths)[row.label.image] = alike if len(alike) > 1 else alike[0]
    return paths, by_end, several


def _why_missing(export, paths):
    if not export.sha256:
        return (
            f"several images have this name: {', '.join(paths[:2])}"
            if paths
            else "no image has this name, and the row has no sha256"
        )
    return f"{paths[0]} has this name but different content" if paths else "no image has this content"


def _against_each_other(rows):
    """Return the rows about one image as contradictions if they give different stages, else an empty list."""
    others = [next((each for each in rows if said(each.label) != said(row.label)), None) for row in rows]
    return [
        row._replace(outcome=CONTRADICTS, other=other.label.where, there=said(other.label))
        for row, other in zip(rows, others, strict=True)
        if other
    ]


def _of_picture(verdict):
    return {"outcome": verdict.outcome, "other": verdict.other, "there": verdict.there}


def _verdict(rows, labels, copies, answers, config):
    """Return the outcome of the rows about an image. labels: existing ones of its file. copies: all Images with this content.

    answers: see `_outcomes`.
    """
    row, frame = rows[0], rows[0].label.frame
    there = next((label for label in labels if label.frame == frame), None)
    if there and there.use and not there.stage:
        return row._replace(outcome=FILLED)
    if there:
        if said(there) == said(row.label):
            return row._replace(outcome=KNOWN)
        if any(replaces(each.export, answers[there.where]) for each in rows):
            return row._replace(outcome=CHANGED)
        if replaces(answers[there.where], row.export):
            return row._replace(outcome=OLDER, other=there.where)
        return row._replace(outcome=CONTRADICTS, other=there.where, there=said(there))
    if labels and None in (frame, labels[0].frame):
        what = "the whole file" if labels[0].frame is None else "time points of it"
        return row._replace(outcome=CONTRADICTS, other=labels[0].where, there=what)
    for copy in copies:
        stage, said_by = _named(copy, frame, config)
        if stage not in ("", said(row.label)):
            return row._replace(outcome=CONTRADICTS, other=f"{said_by} ({copy.path})", there=stage)
    read_by_name = row.image.in_raw and (not config["labels"] or config["not_in_labels"] == "by_name")
    return row._replace(outcome=KNOWN) if read_by_name and _named(row.image, frame, config)[0] else row


def _named(image, frame, config):
    """Return (stage of an image without any table or "", where it comes from)."""
    if frame is None:
        return image.stage, image.said_by
    if config["frames"] and image.in_raw:
        return stage_in_time(config["frames"], frame), "the setting frames"
    return "", ""


def _once(rows, embryo, origin):
    """Add one of several equal rows about an image, the one whose origin is least independent, with this embryo and origin."""
    chosen = min(rows, key=lambda row: (REVIEWED, BLIND, GIVEN).index(row.label.origin))
    label = chosen.label._replace(embryo=embryo, origin=origin)
    added = chosen._replace(export=chosen.export._replace(label=label))
    return [added if row is chosen else row._replace(outcome=KNOWN, reason=f"same as {label.where}") for row in rows]


def _without_new_stages(outcomes, stages, allowed, frames):
    """Ask for stages that no image had before, because they may be typing errors. Return all outcomes.

    stages: names that are known. Without any, all are allowed. allowed: names that the setting `stages` lists.
    """

    def asked(row):
        if row.outcome not in WRITTEN or not row.label.use or not stages or row.label.stage in stages | allowed:
            return row
        if frames and (time := time_in(row.label.stage)):
            steps = (time[0] - frames["first"]) / frames["every"]
            if steps > -0.5 and math.isclose(steps, round(steps), abs_tol=1e-6):
                return row  # a time point of a movie may have it
        return row._replace(outcome=NEW_STAGE, reason="no image had this stage before")

    return [asked(row) for row in outcomes]


def _without_barred(outcomes, config, catalog):
    """Leave out suggestions for embryos in validation or test, because accuracy would be overestimated. Return all outcomes."""
    pictures = [(row.image.path, row.label.embryo or row.image.embryo) for row in outcomes if row.outcome in WRITTEN]
    splits, _, _ = known_splits(pictures, lock_path(config["split"]["lock"], config["raw"]), catalog)
    barred = TRAINING_ONLY[config["split"]["test_reviewed"]]

    def judged(row):
        if row.outcome not in WRITTEN or not row.label.use or row.label.origin not in barred:
            return row
        embryo = row.label.embryo or row.image.embryo
        split = splits.get(embryo, "train")
        if split == "train":
            return row
        return row._replace(
            outcome=BARRED,
            reason=f"its stage began as a suggestion, and embryo {embryo} is always in the {split} split",
        )

    return [judged(row) for row in outcomes]


def _changes(outcomes, by_path, names, tables):
    """Return (rows to add, {table: {place: cells to fill}}, {table: {place: cells to write over}}). names: see `files_by_name`."""
    rows, filled, changed = [], defaultdict(dict), defaultdict(dict)
    for row in outcomes:
        if row.outcome not in WRITTEN:
            continue
        label, path = row.label, row.image.path
        whole = next((name for name in (path, os.path.abspath(path)) if names[as_named(name)] == {path}), path)
        cells = {
            "image": as_named(whole),
            "stage": label.stage,
            "embryo": label.embryo,
            "frame": "" if label.frame is None else str(label.frame),
            "use": "yes" if label.use else "no",
            "sha256": row.image.sha256,
            "origin": label.origin,
            "who": row.export.who,
            "when": row.export.when,
        }
        if row.export.settled:
            cells["settled"] = settled_text(row.export.settled)
        if row.outcome == ADDED:
            rows.append(cells)
            continue
        there = next(each for each in by_path[path] if each.frame == label.frame)
        table, *place = place_of(there.where, tables)
        if row.outcome == FILLED:
            filled[table][tuple(place)] = cells
        else:
            cells["origin"] = min(label.origin, there.origin, key=(REVIEWED, BLIND, GIVEN).index)
            over = [name for name in ("stage", "use", "origin", "who", "when", "settled") if cells.get(name)]
            changed[table][tuple(place)] = {name: cells[name] for name in over}
    return rows, filled, changed
