"""Stages that people gave by hand, to be accepted: exports of the page of suggestions, or spreadsheets of their own."""

import os
from typing import NamedTuple

from flystage.core.errors import FlystageError
from flystage.raw.labels import BLIND, REVIEWED, YES, Label, label_of, named_rows

OF_THE_PAGE = ("suggestion", "checkpoint", "blind")  # columns that its exports have, and people's own tables do not
COLUMNS = ("stage", "embryo", "frame", "use", "origin", "sha256", "reason", "who", "when", *OF_THE_PAGE)


class Export(NamedTuple):
    """One row to accept. label: its Label. sha256: of the file's bytes, "" where the table has none. who, when, reason: as given."""

    label: Label
    sha256: str
    who: str
    when: str
    reason: str


def read_exports(paths):
    """The rows of tables to accept, a list of Export. paths: CSVs or workbooks, as `read_labels` takes them.

    A row of the page's exports began as a suggestion (reviewed) or was staged before it was shown (blind); what a person's own
    table has is given, or what its column origin says. Raises FlystageError when there is none, or one cannot be read.
    """
    if not paths:
        raise FlystageError(
            "Nothing to accept: set accept to the tables, for example accept: [labels.csv], as the page of suggestions exports them."
        )
    exports = []
    for path in paths:
        if not os.path.isfile(path):
            raise FlystageError(f"There is no table {path}; correct accept in the configuration.")
        for line, row in named_rows(path, COLUMNS):
            of_the_page = all(column in row for column in OF_THE_PAGE)
            label = label_of(f"{path}, line {line}", row)
            if of_the_page:
                label = label._replace(origin=REVIEWED if row["blind"].casefold() not in YES[1:] else BLIND)
            texts = [row.get(column, "") for column in ("sha256", "who", "when", "reason")]
            exports.append(Export(label, texts[0].lower(), *texts[1:]))
    return exports
