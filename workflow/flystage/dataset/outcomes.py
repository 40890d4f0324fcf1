"""What became of each row that was accepted: the tables and sentences about it."""

import os
from collections import Counter
from typing import NamedTuple

import pandas as pd

from flystage.core.tables import write_csv
from flystage.raw.doubts import look_alikes
from flystage.raw.exports import Export
from flystage.raw.naming import picture_name
from flystage.raw.stages import natural_key
from flystage.raw.times import time_in

ADDED, FILLED, CHANGED, KNOWN = "added", "filled in", "changed", "known already"
OLDER, UNDECIDED = "replaced by another answer", "no stage yet"
CONTRADICTS, NEW_STAGE, MISSING, BARRED = "contradicts", "new stage", "image not found", "left out"
OUTCOMES = (ADDED, FILLED, CHANGED, KNOWN, OLDER, CONTRADICTS, NEW_STAGE, MISSING, BARRED, UNDECIDED)
WRITTEN = (ADDED, FILLED, CHANGED)
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


def said(label):
    """Return what a label says about its image: a stage, or that the image is rejected."""
    return label.stage if label.use else "rejected"


def write_outcomes(outcomes, folder):
    """Write outcome.csv, and contradictions.csv with one row per conflict."""
    columns = ["image", "frame", "stage", "embryo", "origin", "outcome", "reason", "where", "who"]
    both = ["image", "frame", "stage", "where", "who", "other_stage", "other_where"]
    for rows, names, file in ((outcomes, columns, "outcome.csv"), (conflicts(outcomes), both, "contradictions.csv")):
        write_csv(pd.DataFrame(map(_as_row, rows), columns=names), os.path.join(folder, file))


def _as_row(row):
    return {
        "image": row.image.path if row.image else row.label.image,
        "frame": "" if row.label.frame is None else row.label.frame,
        "stage": said(row.label),
        "embryo": row.label.embryo,
        "origin": row.label.origin,
        "outcome": row.outcome,
        "reason": row.reason or row.export.reason,
        "where": row.label.where,
        "who": row.export.who,
        "other_stage": row.there,
        "other_where": row.other,
    }


def conflicts(outcomes):
    """Return the outcomes that contradict something, each pair of rows once."""
    once = {}
    for row in outcomes:
        if row.outcome == CONTRADICTS:
            once.setdefault((row.image.path, row.label.frame, frozenset((row.label.where, row.other))), row)
    return list(once.values())


def sentences_about(outcomes, table, folder, stages, in_order=False):
    """Return the sentences for the terminal. stages: the names that are known. in_order: whether the setting lists them in order."""
    counts = Counter(row.outcome for row in outcomes)
    shown = ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES if counts[outcome])
    lines = [f"{len(outcomes)} rows: {shown or 'nothing'}. The outcome of each row is in {folder}/outcome.csv."]
    added = [row for row in outcomes if row.outcome in WRITTEN]
    if added:
        origins = Counter(row.label.origin if row.label.use else "rejected" for row in added)
        lines.append(f"Written to {table}: {', '.join(f'{count} {origin}' for origin, count in origins.items())}.")
        embryos = Counter(row.label.embryo or row.image.embryo for row in added if row.label.use)
        lines += listed([f"{name} ({count} images)" for name, count in embryos.items()], "embryo(s)")
    else:
        lines.append("No label is added, so the table of labels is unchanged.")
    against = [
        f"{picture_name(row.image.path, row.label.frame)}: {row.label.where} says {said(row.label)}, {row.other} says {row.there}"
        for row in conflicts(outcomes)
    ]
    lines += listed(against, "conflict(s) change nothing", f". Both sides are in {folder}/contradictions.csv")
    lines += _asked(outcomes, stages, in_order)
    for outcome in (MISSING, BARRED):
        told = [f"{row.label.where}: {row.label.image}, {row.reason}" for row in outcomes if row.outcome == outcome]
        lines += listed(told, f"row(s) {outcome}")
    rejected = [
        f"{row.label.image} ({row.export.reason or 'no reason given'})" for row in outcomes if not row.label.use
    ]
    lines += listed(rejected, "row(s) reject their image")
    named = [f"{row.label.where}: {row.image.path}" for row in outcomes if row.image and not row.export.sha256]
    return lines + listed(named, "row(s) without sha256 were matched only by the name of the image")


def _asked(outcomes, stages, in_order):
    """Return the sentences about stages that no image had before. in_order: whether the setting `stages` lists names in order."""
    rows = [row for row in outcomes if row.outcome == NEW_STAGE]
    if not rows:
        return []
    new = {row.label.stage for row in rows}
    new = {name for name in new if not _perhaps(name, stages)} or new
    names = sorted(new if in_order else {*stages, *new}, key=natural_key)
    shown = [f"{row.label.where}: {row.label.stage}{_perhaps(row.label.stage, stages)}" for row in rows]
    quoted = ", ".join(f'"{name}"' for name in names)
    told = listed(shown, "row(s) name a stage that no image had before, so they are not written")
    if in_order:  # naming all of them on the command line would change their order, or drop their times
        return [
            *told,
            "Correct typing errors in the table. If these stages are new, add them to the setting stages, at their place in"
            f" development: {quoted}",
        ]
    return [
        *told,
        "Correct typing errors in the table. If these stages are new, list them, for example by adding this to the same command:"
        f" --config 'stages=[{quoted}]'",
    ]


def _perhaps(stage, stages):
    """Return a guess which known stage is meant, or ""."""
    group = next((group for group in look_alikes([stage, *stages]) if stage in group), [stage])
    time = time_in(stage)
    meant = [name for name in group if name != stage] or [
        name for name in sorted(stages) if time and (time_in(name) or (None,))[0] == time[0]
    ]
    return f" (perhaps {meant[0]})" if meant else ""


def listed(items, what, more=""):
    """Return [a sentence with the number and the first few items], or [] without items."""
    if not items:
        return []
    rest = f"; and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return [f"{len(items)} {what}: {'; '.join(items[:SHOWN])}{rest}{more}."]


def to_set(config, table, images, by_path, outcomes):
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
