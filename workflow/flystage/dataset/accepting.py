"""Merge labels from people into the table of labels: match rows to images by content, find contradictions, add the rest."""

import hashlib
import os
import re
import shutil
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pandas as pd
from tqdm import tqdm

from flystage.core.tables import read_text, write_csv
from flystage.dataset.earlier import known_splits
from flystage.dataset.gathering import TRAINING_ONLY
from flystage.dataset.lock_places import lock_path, made_labels
from flystage.raw.exports import Export, read_exports
from flystage.raw.finding import find_tifs, readable, why_unreadable
from flystage.raw.label_tables import add_to_table
from flystage.raw.labels import BLIND, GIVEN, REVIEWED, as_named, files_by_name, labels_by_path, read_labels
from flystage.raw.naming import from_name, picture_name, stage_in_time

ADDED, FILLED, KNOWN, UNDECIDED = "added", "filled in", "known already", "no stage yet"
CONTRADICTS, MISSING, BARRED = "contradicts", "image not found", "left out"
OUTCOMES = (ADDED, FILLED, KNOWN, CONTRADICTS, MISSING, BARRED, UNDECIDED)
SHOWN = 8  # items per sentence


class Image(NamedTuple):
    """A TIF that rows may name. stage: from its name or folder, or "". said_by: which of the two. embryo: from its name."""

    path: str
    relative: str
    sha256: str
    stage: str
    said_by: str
    embryo: str
    in_raw: bool


class Outcome(NamedTuple):
    """The outcome of a row. image: its Image, or None if not found. other, there: for a contradiction, the place of the other
    label and its value.
    """

    export: Export
    image: Image | None
    outcome: str
    reason: str = ""
    other: str = ""
    there: str = ""

    @property
    def label(self):
        return self.export.label


def accept(config, catalog, folder, threads):
    """Check the tables of the setting `accept` against the images and merge them into the labels. Return sentences for the terminal.

    config: the checked configuration. catalog: path of an earlier run's catalog, which may be missing. folder: for outcome.csv (one
    row per row of the tables), contradictions.csv (both sides) and copies of the labels before the change.
    Rows are matched to images by content, and by name only if a table has no sha256. Rows that contradict one another, the labels,
    or the name or folder of an image change nothing. Neither do rows that are known already.
    Raises FlystageError if a table cannot be read, or the labels cannot be written.
    """
    exports = read_exports(config["accept"])
    table = config["labels"][0] if config["labels"] else made_labels(config["raw"])
    tables = list(dict.fromkeys([table, *(config["labels"] or [])]))
    labels = read_labels([path for path in tables if path != table or os.path.exists(path)])
    stages = _stages_before(catalog, labels)
    exports, sentences = _with_their_zeros(exports, stages)
    images = _images(config, stages | {export.label.stage for export in exports}, threads)
    found = [(image.path, image.relative) for image in images]
    by_path, warnings = labels_by_path(labels, found)
    outcomes = _outcomes(exports, images, by_path, config)
    outcomes = _without_barred(outcomes, config, catalog)
    rows, filled = _changes(outcomes, by_path, files_by_name(found))
    _write_outcomes(outcomes, folder)
    for path in tables:
        added = rows if path == table else []
        if added or filled.get(path):
            if os.path.exists(path):
                shutil.copy2(path, os.path.join(folder, f"before-{os.path.basename(path)}"))
            add_to_table(path, added, filled.get(path))
    told = [*sentences, *warnings, *_told(outcomes, table, folder), *_to_set(config, table, images, by_path, outcomes)]
    return [readable(sentence) for sentence in told]


def _stages_before(catalog, labels):
    """Return the stages that an earlier run used or that the labels contain, a set."""
    used = read_text(catalog).query("status == 'used'")["stage"] if os.path.exists(catalog) else []
    return {*used, *(label.stage for label in labels if label.stage)}


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
    return mended, _listed(told, "row(s) lost leading zeros, probably in a spreadsheet")


def _images(config, stages, threads):
    """Return the TIFs in `raw` and `predict.images`, a list of Image sorted by path."""
    in_raw = {path for path, _ in find_tifs(config["raw"])}
    others = [folder for folder in config["predict"]["images"] if os.path.isdir(folder)]
    found = [(path, relative) for path, relative in find_tifs([*config["raw"], *others]) if readable(path) == path]
    pattern = re.compile(config["name_pattern"]) if config["name_pattern"] else None
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


def _outcomes(exports, images, by_path, config):
    """Return a list of Outcome in the order of the exports. by_path: existing labels, {path: [Label]}."""
    names = files_by_name((image.path, image.relative) for image in images)
    by_content, by_place = defaultdict(list), {image.path: image for image in images}
    for image in images:
        by_content[image.sha256].append(image)
    outcomes, pictures, copies_of, numbered = [], defaultdict(list), {}, set()
    for place, export in enumerate(exports):
        label = export.label
        if label.use and not label.stage:
            outcomes.append(Outcome(export, None, UNDECIDED))
            continue
        paths = sorted(names.get(as_named(label.image), ()))
        copies = (
            by_content[export.sha256]
            if export.sha256
            else [by_place[path] for path in paths]
            if len(paths) == 1
            else []
        )
        if not copies:
            outcomes.append(Outcome(export, None, MISSING, _why_missing(export, paths)))
            continue
        image = min(
            copies, key=lambda each, paths=paths: (each.path not in by_path, not each.in_raw, each.path not in paths)
        )
        outcomes.append(
            Outcome(export, image, ADDED, "" if export.sha256 else "matched by its name, because the row has no sha256")
        )
        pictures[image.path, label.frame].append(place)
        copies_of[image.path] = copies
        if label.frame is not None:
            numbered.add(image.path)
    embryo_of = {}
    for (path, frame), places in pictures.items():
        labels, rows = by_path.get(path, []), [outcomes[place] for place in places]
        if frame is None and path in numbered and not labels:
            verdict = rows[0]._replace(outcome=CONTRADICTS, other="other rows", there="time points of it")
        else:
            verdict = _verdict(rows[0], labels, copies_of[path], config)
        judged = _against_each_other(rows) or [row._replace(**_of_picture(verdict)) for row in rows]
        if judged[0].outcome in (ADDED, FILLED):
            own = judged[0].label.embryo or judged[0].image.embryo
            if labels and (labels[0].embryo or len(labels) > 1 or judged[0].outcome == ADDED):
                own = labels[0].embryo  # rows of one file all name the same embryo, or none
            judged = _once(judged, embryo_of.setdefault(path, own))
        for place, outcome in zip(places, judged, strict=True):
            outcomes[place] = outcome
    return outcomes


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
    others = [next((each for each in rows if _said(each.label) != _said(row.label)), None) for row in rows]
    return [
        row._replace(outcome=CONTRADICTS, other=other.label.where, there=_said(other.label))
        for row, other in zip(rows, others, strict=True)
        if other
    ]


def _of_picture(verdict):
    return {"outcome": verdict.outcome, "other": verdict.other, "there": verdict.there}


def _said(label):
    return label.stage if label.use else "rejected"


def _verdict(row, labels, copies, config):
    """Return the outcome of the rows about an image. labels: existing ones of its file. copies: all Images with this content."""
    frame = row.label.frame
    there = next((label for label in labels if label.frame == frame), None)
    if there and there.use and not there.stage:
        return row._replace(outcome=FILLED)
    if there:
        if _said(there) == _said(row.label):
            return row._replace(outcome=KNOWN)
        return row._replace(outcome=CONTRADICTS, other=there.where, there=_said(there))
    if labels and None in (frame, labels[0].frame):
        what = "the whole file" if labels[0].frame is None else "time points of it"
        return row._replace(outcome=CONTRADICTS, other=labels[0].where, there=what)
    for copy in copies:
        stage, said_by = _named(copy, frame, config)
        if stage not in ("", _said(row.label)):
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


def _once(rows, embryo):
    """Add one of several equal rows about an image, the one whose origin is least independent, with this embryo."""
    chosen = min(rows, key=lambda row: (REVIEWED, BLIND, GIVEN).index(row.label.origin))
    label = chosen.label._replace(embryo=embryo)
    added = chosen._replace(export=chosen.export._replace(label=label))
    return [added if row is chosen else row._replace(outcome=KNOWN, reason=f"same as {label.where}") for row in rows]


def _without_barred(outcomes, config, catalog):
    """Leave out suggestions for embryos in validation or test, because accuracy would be overestimated. Return all outcomes."""
    pictures = [
        (row.image.path, row.label.embryo or row.image.embryo) for row in outcomes if row.outcome in (ADDED, FILLED)
    ]
    splits, _, _ = known_splits(pictures, lock_path(config["split"]["lock"], config["raw"]), catalog)
    barred = TRAINING_ONLY[config["split"]["test_reviewed"]]

    def judged(row):
        if row.outcome not in (ADDED, FILLED) or not row.label.use or row.label.origin not in barred:
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


def _changes(outcomes, by_path, names):
    """Return (rows to add, {table: {line: cells to fill}}). names: see `files_by_name`."""
    rows, filled = [], defaultdict(dict)
    for row in outcomes:
        if row.outcome not in (ADDED, FILLED):
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
        if row.outcome == ADDED:
            rows.append(cells)
        else:
            there = next(each for each in by_path[path] if each.frame == label.frame)
            table, _, line = there.where.rpartition(", line ")
            filled[table][int(line)] = cells
    return rows, filled


def _write_outcomes(outcomes, folder):
    rows = [
        {
            "image": row.image.path if row.image else row.label.image,
            "frame": "" if row.label.frame is None else row.label.frame,
            "stage": _said(row.label),
            "embryo": row.label.embryo,
            "origin": row.label.origin,
            "outcome": row.outcome,
            "reason": row.reason or row.export.reason,
            "where": row.label.where,
            "who": row.export.who,
            "other_stage": row.there,
            "other_where": row.other,
        }
        for row in outcomes
    ]
    others = ["other_stage", "other_where"]
    columns = ["image", "frame", "stage", "embryo", "origin", "outcome", "reason", "where", "who", *others]
    table = pd.DataFrame(rows, columns=columns)
    write_csv(table.drop(columns=others), os.path.join(folder, "outcome.csv"))
    both = ["image", "frame", "stage", "where", "who", *others]
    write_csv(table.loc[table["outcome"] == CONTRADICTS, both], os.path.join(folder, "contradictions.csv"))


def _told(outcomes, table, folder):
    counts = Counter(row.outcome for row in outcomes)
    shown = ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES if counts[outcome])
    lines = [f"{len(outcomes)} rows: {shown or 'nothing'}. The outcome of each row is in {folder}/outcome.csv."]
    added = [row for row in outcomes if row.outcome in (ADDED, FILLED)]
    if added:
        origins = Counter(row.label.origin if row.label.use else "rejected" for row in added)
        lines.append(f"Written to {table}: {', '.join(f'{count} {origin}' for origin, count in origins.items())}.")
        embryos = Counter(row.label.embryo or row.image.embryo for row in added if row.label.use)
        lines += _listed([f"{name} ({count} images)" for name, count in embryos.items()], "embryo(s)")
    else:
        lines.append("No label is added, so the table of labels is unchanged.")
    against = [
        f"{picture_name(row.image.path, row.label.frame)}: {row.label.where} says {_said(row.label)}, {row.other} says {row.there}"
        for row in outcomes
        if row.outcome == CONTRADICTS
    ]
    lines += _listed(
        against, "row(s) contradict something and change nothing", f". Both sides are in {folder}/contradictions.csv"
    )
    for outcome in (MISSING, BARRED):
        told = [f"{row.label.where}: {row.label.image}, {row.reason}" for row in outcomes if row.outcome == outcome]
        lines += _listed(told, f"row(s) {outcome}")
    rejected = [
        f"{row.label.image} ({row.export.reason or 'no reason given'})" for row in outcomes if not row.label.use
    ]
    lines += _listed(rejected, "row(s) reject their image")
    named = [f"{row.label.where}: {row.image.path}" for row in outcomes if row.image and not row.export.sha256]
    return lines + _listed(named, "row(s) without sha256 were matched only by the name of the image")


def _listed(items, what, more=""):
    """Return [a sentence with the number and the first few items], or [] without items."""
    if not items:
        return []
    rest = f"; and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return [f"{len(items)} {what}: {'; '.join(items[:SHOWN])}{rest}{more}."]


def _to_set(config, table, images, by_path, outcomes):
    """Return the lines that the configuration needs so that the labels are used."""
    labelled = {*by_path, *(row.image.path for row in outcomes if row.outcome == ADDED)}
    if not labelled:
        return []
    lines = [] if config["labels"] else [f"  labels: {table}", "  not_in_labels: by_name"]
    outside = [image.path for image in images if image.path in labelled and not image.in_raw]
    folders = [
        folder
        for folder in config["predict"]["images"]
        if any(os.path.abspath(path).startswith(os.path.abspath(folder) + os.sep) for path in outside)
    ]
    if folders:
        lines.append(f"  raw: [{', '.join([*config['raw'], *folders])}]")
    if not lines:
        return ["Next, run `snakemake --cores all` to learn from these labels."]
    return ["Add these lines to the configuration, then run `snakemake --cores all`:", *lines]
