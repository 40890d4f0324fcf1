"""Read tables of labels to accept: exports of the page of suggestions, or spreadsheets that people wrote."""

import json
import os
from typing import NamedTuple

from flystage.core.errors import FlystageError
from flystage.raw.label_rows import named_rows
from flystage.raw.labels import BLIND, REVIEWED, YES, Label, label_of

OF_THE_PAGE = ("suggestion", "checkpoint", "blind")  # columns that only exports of the page have
COLUMNS = ("stage", "embryo", "frame", "use", "origin", "sha256", "reason", "who", "when", "settled", *OF_THE_PAGE)


class Export(NamedTuple):
    """One row to accept. label: its Label. sha256: checksum of the file's bytes, or "" if not given. who, when, reason: as given.

    settled: (who, when) of the answers that a person turned down for this one on the review page.
    """

    label: Label
    sha256: str
    who: str
    when: str
    reason: str
    settled: tuple = ()


def read_exports(paths, files=None, stages=(), warnings=None):
    """Return the rows of tables to accept, a list of Export. The arguments are those of `read_labels`.

    In an export of the page the origin is blind if the person labelled before seeing the suggestion, else reviewed. In any other
    table it is the column origin, or given. Raises FlystageError if there is no table, or one cannot be read.
    """
    if not paths:
        raise FlystageError(
            "Nothing to accept. Set accept to tables that the page of suggestions exported, for example accept: [labels.csv]."
        )
    exports = []
    for path in paths:
        if not os.path.isfile(path):
            raise FlystageError(
                f"The table {path} does not exist, so its labels cannot be accepted. Correct accept in the configuration."
            )
        rows, sentences = named_rows(path, COLUMNS, files, stages)
        if warnings is not None:
            warnings += sentences
        for where, row in rows:
            of_the_page = all(column in row for column in OF_THE_PAGE)
            label = label_of(where, row)
            if of_the_page:
                label = label._replace(origin=REVIEWED if row["blind"].casefold() not in YES[1:] else BLIND)
            texts = [row.get(column, "") for column in ("sha256", "who", "when", "reason")]
            exports.append(Export(label, texts[0].lower(), *texts[1:], _settled(row.get("settled", ""))))
    return exports


def _settled(text):
    """Return the (who, when) pairs of the column settled, none if it is not a list of them."""
    try:
        pairs = json.loads(text) if text else []
    except ValueError:
        return ()
    if not isinstance(pairs, list):
        return ()
    return tuple(
        tuple(pair)
        for pair in pairs
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
    )


def settled_text(pairs):
    """Return the text of the column settled."""
    return json.dumps([list(pair) for pair in pairs], ensure_ascii=False, separators=(",", ":"))
