"""Assign embryos to splits with a pure function, and keep its result in the split lock."""

import codecs
import csv
import hashlib
import io
import math
import os
from collections import Counter, defaultdict
from pathlib import Path

from flystage.core.cells import as_cell, as_meant, delimiter_of
from flystage.core.errors import FlystageError
from flystage.core.files import written_whole

SPLITS = ("train", "val", "test")
READ = ("embryo", "split", "path", "sha256", "frame")  # columns that are found in any case


def assign(images, locked, fractions, seed, training_only=frozenset()):
    """Split by embryo. Return {embryo: split} for every embryo in `images`.

    images: iterable of (embryo, stage), one pair per image. locked: {embryo: split} that must not change.
    fractions: {split: share of the images, summing to 1}. seed: decides between embryos of equal size.
    training_only: embryos that go to train unless they are locked. They do not affect the split of the others.

    New embryos are assigned from the largest to the smallest. Each goes to the split in which its stages are furthest below
    target: the largest sum over its images of (target - present) of the image's stage. The last embryos go to splits that are
    still empty. The result depends only on names and counts, so it is the same on every machine.
    It is idempotent: assign(images, assign(images, locked)) == assign(images, locked).
    Raises FlystageError if there are fewer embryos than splits, or if a split stays empty.
    """
    stages_of = defaultdict(Counter)
    for embryo, stage in images:
        stages_of[embryo][stage] += 1
    if len(stages_of) < len(SPLITS):
        raise FlystageError(
            f"{len(stages_of)} embryo(s) cannot be split into train, val and test, which need one embryo each. Add embryos, or correct"
            " the embryo group of name_pattern."
        )
    aside = {embryo for embryo in training_only if embryo in stages_of and locked.get(embryo, "train") == "train"}
    split_of = {embryo: locked[embryo] for embryo in sorted(stages_of) if embryo in locked and embryo not in aside}
    few = len(stages_of) - len(aside) < len(SPLITS)
    to_serve = SPLITS[1:] if few and aside else SPLITS  # the embryos set aside are then the only training data
    total = sum((stages for embryo, stages in stages_of.items() if embryo not in aside), Counter())
    present = {split: Counter() for split in SPLITS}
    for embryo, split in split_of.items():
        present[split].update(stages_of[embryo])

    def turn(embryo):
        return -stages_of[embryo].total(), hashlib.sha256(f"{seed}:{embryo}".encode()).hexdigest()

    new = sorted((embryo for embryo in stages_of if embryo not in locked and embryo not in aside), key=turn)
    for position, embryo in enumerate(new):
        empty = (
            [split for split in to_serve if split not in split_of.values()]
            if position >= len(new) - len(SPLITS)
            else []
        )
        must_fill = len(empty) >= len(new) - position
        split_of[embryo] = max(
            empty if must_fill else SPLITS,
            key=lambda split: math.fsum(  # exact, so that the order of the images does not matter
                count * (fractions[split] * total[stage] - present[split][stage])
                for stage, count in stages_of[embryo].items()
            ),
        )
        present[split_of[embryo]].update(stages_of[embryo])
    split_of |= dict.fromkeys(sorted(aside), "train")
    missing = [split for split in SPLITS if split not in split_of.values()]
    if missing and aside:
        raise FlystageError(
            f"No embryo is left for {' and '.join(missing)}. {len(aside)} of {len(stages_of)} embryos have labels that began as"
            " suggestions and are used only for training. Add embryos that were labelled without suggestions, or see split.test_reviewed."
        )
    if missing:
        raise FlystageError(
            f"The split lock leaves no embryo for {' and '.join(missing)}. Add embryos, or delete the lock and the results to make a"
            " new split."
        )
    return split_of


def read_lock(path):
    """Return the split lock, a CSV with the columns embryo and split, as {embryo: split}, or {} without a file.

    Locks saved by a spreadsheet can be read: with semicolons or tabs, empty lines, other columns, or another encoding.
    Raises FlystageError if the file is not such a table.
    """
    if not os.path.exists(path):
        return {}
    return {row["embryo"]: row["split"] for row in rows_with_split(path, f"The split lock {path} is damaged")}


def rows_with_split(path, damaged, without_split=()):
    """Return the rows of a CSV with the columns embryo and split, as dicts of text, with one split per embryo.

    damaged: the beginning of the error message for a damaged file. without_split: values of split in rows to skip.
    Raises FlystageError if the file is not such a table.
    """
    try:
        text = _decoded(Path(path).read_bytes())
        if text.startswith("sep="):  # written by some spreadsheets
            text = text.partition("\n")[2]
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter_of(text))
        names = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = [name.lower() if name.lower() in READ else name for name in names]
        if not {"embryo", "split"} <= set(reader.fieldnames):
            raise FlystageError(f"{damaged}: line 1 must name the columns embryo and split. Restore it from a copy.")
        rows, splits = [], {}
        for row in reader:
            cells = [
                cell for cell in row.values() if isinstance(cell, str)
            ]  # skip the list of cells beyond the last column
            if not any(cell.strip() for cell in cells):
                continue
            row = {name: as_meant(cell) for name, cell in row.items()}
            row["split"] = (row["split"] or "").strip().lower()
            if row["split"] in without_split:
                continue
            if row["split"] not in SPLITS or splits.setdefault(row["embryo"], row["split"]) != row["split"]:
                raise FlystageError(
                    f"{damaged} at line {reader.line_num}: embryo {row['embryo']!r} must be in exactly one of train, val, test."
                    " Restore it from a copy, or delete it. Without it, flystage restores the split from the catalog of the last run."
                )
            rows.append(row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FlystageError(f"{damaged}: it cannot be read ({error}). Restore it from a copy.") from error
    return rows


def _decoded(content):
    """Return the text of a CSV in UTF-8, or in UTF-16 with byte-order mark or Windows code page 1252, as spreadsheets write it."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        if b"\0" in content:
            raise
        return content.decode("cp1252")


def extend_lock(path, split_of):
    """Add the embryos of `split_of` that the lock lacks, atomically. Existing rows keep their order.

    Other columns, which a person may have added, stay. Raises FlystageError if the lock has another split for an embryo, or cannot be
    written.
    """
    locked = {}
    for row in rows_with_split(path, f"The split lock {path} is damaged") if os.path.exists(path) else ():
        locked.setdefault(row["embryo"], row)
    for embryo, split in split_of.items():
        if embryo in locked and locked[embryo]["split"] != split:
            raise FlystageError(
                f"The split lock {path} changed during the run (embryo {embryo!r}). Run the same command again."
            )
    new = sorted(set(split_of) - set(locked))
    if not new:
        return
    try:
        with written_whole(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            rows = [*locked.values(), *({"embryo": embryo, "split": split_of[embryo]} for embryo in new)]
            columns = [name for name in dict.fromkeys(["embryo", "split", *rows[0]]) if name is not None]
            writer.writerow(map(as_cell, columns))
            for row in rows:
                beyond = row.get(None, [])  # cells beyond the last column
                writer.writerow(map(as_cell, [*(row.get(name) or "" for name in columns), *beyond]))
    except OSError as error:
        raise FlystageError(
            f"The split lock {path} cannot be written ({error.strerror}). Set split.lock to a writable, permanent place."
        ) from error
