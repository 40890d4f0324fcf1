"""Read people's tables of labels: which stage, embryo and time point a TIF shows, and whether to use it."""

import json
import os
from collections import defaultdict
from typing import NamedTuple

from flystage.core.errors import FlystageError
from flystage.raw.label_names import files_by_name, matches
from flystage.raw.label_rows import named_rows

COLUMNS = ("stage", "embryo", "frame", "use", "origin")
YES, NO = ("", "yes", "y", "true", "1", "1.0"), ("no", "n", "false", "0", "0.0")
# Origin of a stage: labelled without a suggestion, after seeing one, or before seeing one. Labels given after seeing a suggestion
# overestimate the accuracy of its network.
GIVEN, REVIEWED, BLIND = ORIGINS = ("given", "reviewed", "blind")
EXAMPLES = 5  # rows per message


class Label(NamedTuple):
    """One row of a table. where: table and line. frame: a time point from 1, or None for the whole image. origin: one of ORIGINS."""

    where: str
    image: str
    stage: str
    embryo: str
    frame: int | None
    use: bool
    origin: str = GIVEN


def read_labels(paths, files=None, stages=(), warnings=None):
    """Return the rows of label tables that name an image, a list of Label.

    paths: CSVs (separated by comma, semicolon or tab, in UTF-8 with or without byte-order mark) or workbooks (.xlsx, .ods), of
    which all sheets with the columns image and stage are read. files, stages: see `named_rows`. warnings: list to which
    sentences about the tables are added. Raises FlystageError with the line if a table cannot be read, lacks a column or
    contains a wrong value.
    """
    labels = []
    for path in paths:
        rows, sentences = named_rows(path, COLUMNS, files, stages)
        labels += [label_of(where, row) for where, row in rows]
        if warnings is not None:
            warnings += sentences
    return labels


def label_of(where, row):
    """Return the Label of a row of `named_rows`. Raises FlystageError with the line if a value is wrong."""
    frame, use, origin = row.get("frame", ""), row.get("use", "").casefold(), row.get("origin", "").casefold() or GIVEN
    if use not in YES + NO:
        raise FlystageError(f"{where}: use is {row['use']!r}. Write yes or no.")
    if frame and not (frame.removesuffix(".0").isdecimal() and float(frame) >= 1):
        raise FlystageError(f"{where}: frame is {frame!r}. Write the number of a time point, counted from 1.")
    if _is_record(row["stage"]):
        raise FlystageError(f"{where}: stage is {row['stage']!r}. Write one name. An image has one stage.")
    if origin not in ORIGINS:
        raise FlystageError(f"{where}: origin is {row['origin']!r}. Write {', '.join(ORIGINS[:-1])} or {ORIGINS[-1]}.")
    number = int(float(frame)) if frame else None
    return Label(where, row["image"], row["stage"], row.get("embryo", ""), number, use in YES, origin)


def labels_by_path(labels, found, files=None):
    """Return ({path: [Label]}, warnings): the labels of each TIF, and a sentence about rows that match no file, or several files.

    labels: see `read_labels`. found: list of (path, path below its raw folder). files: from `files_by_name`, if it is known. A row
    names a file by its path below the raw folder, with or without that folder's name, by its name, or by its whole path. It may use
    / or \\, and omit the ending. Otherwise the end of its name counts, see `matches`.
    Raises FlystageError if two rows contradict each other about an image or the embryo of a movie.
    """
    path_of, by_end, several = matches([label.image for label in labels], files or files_by_name(found))
    by_path, nowhere, unclear, ending = defaultdict(list), [], [], []
    for label in labels:
        if label.image in path_of:
            by_path[path_of[label.image]].append(label)
            if label.image in by_end:
                ending.append(f"{label.where}: {label.image} is {by_end[label.image]}")
        elif label.image in several:
            unclear.append(f"{label.where}: {label.image} could be {' or '.join(several[label.image][:2])}")
        else:
            nowhere.append(f"{label.where}: {label.image}")
    for path, rows in by_path.items():
        by_path[path] = _agreeing(path, rows)
    example = f". A TIF is {found[0][1]}" if found else ""
    warnings = [
        *_counted(nowhere, "no TIF and will be skipped", f"{example}. Correct the names in the table"),
        *_counted(
            unclear,
            "several TIFs, or the TIF of another row, and will be skipped",
            ". Write the path below the raw folder",
        ),
        *_counted(ending, "a TIF only by the end of the name", "", 1),
    ]
    return dict(by_path), warnings


def _counted(rows, what, advice, examples=EXAMPLES):
    """Return [a sentence about rows that match something], or [] without rows."""
    if not rows:
        return []
    counted = "1 row matches" if len(rows) == 1 else f"{len(rows)} rows match"
    listed = ", ".join(rows[:examples]) + ", ..." * (len(rows) > examples)
    return [f"labels: {counted} {what} ({listed}){advice}."]


def _agreeing(path, rows):
    """Return the rows of one file, one per time point. Raises FlystageError if they contradict each other."""
    by_frame = {}
    for row in rows:
        first = by_frame.setdefault(row.frame, row)
        if first._replace(where="", image="", origin="") != row._replace(where="", image="", origin=""):
            raise FlystageError(
                f"labels: {first.where} and {row.where} contradict each other about {os.path.basename(path)}. Keep only one."
            )
    frames = list(by_frame.values())
    if len(frames) > 1 and None in by_frame:
        raise FlystageError(
            f"labels: {by_frame[None].where} does not give a frame of {os.path.basename(path)}, but other rows do. Write its frame."
        )
    other = next((row for row in frames if row.embryo != frames[0].embryo), None)
    if other:
        raise FlystageError(
            f"labels: {frames[0].where} and {other.where} name different embryos ({frames[0].embryo or 'none'}, {other.embryo or 'none'})"
            f" for time points of {os.path.basename(path)}. A movie shows one embryo, so write one name."
        )
    return frames


def _is_record(text):
    """Return whether a text is a JSON list or record, as Label Studio writes several answers about one image."""
    if text[:1] not in ("{", "["):
        return False
    try:
        return isinstance(json.loads(text), (dict, list))
    except ValueError:
        return False
