"""The prepared images of all buckets -> the catalog, one row per picture. Here the same picture is found out."""

import numpy as np
import pandas as pd

from flystage.core.errors import FlystageError
from flystage.core.tables import read_text
from flystage.dataset.splitting import SPLITS
from flystage.images.preparing import FILE_FACTS, READING_FACTS, UNROTATED_FACTS
from flystage.raw.labels import GIVEN
from flystage.raw.naming import picture_name

CATALOG = [
    *("path", "frame", "stage", "embryo", "split", "status", "reason", "sha256", "origin"),
    *(*FILE_FACTS, *READING_FACTS, *UNROTATED_FACTS),
]
COPIES = ("same bytes", "same picture")  # how the reasons of rejected copies begin
NAMED_FILES = 5  # how many bad files an error message names


def read_tables(paths):
    """The CSVs of `prepare` as one table, every value as text."""
    return pd.concat([read_text(path) for path in paths], ignore_index=True)


def build_catalog(prepared, found, origins=()):
    """One row per raw TIF, or per time point that is used of one.

    prepared: table of `prepare` (one row per PNG or rejected TIF). found: rows (path, stage, embryo, status, reason, frame, origin)
    of those that were set aside unopened. origins: (path, frame, origin) of the stages that are not given without a suggestion.
    The same picture counts once, in the same bytes or in others (saved again, compressed): under one stage the TIF with
    the shortest path stays ("a.tif", not "a copy.tif"; the first of equals) and the others are rejected, under two stages
    all are rejected.
    Returns a table with the columns of the catalog, sorted by path and time point.
    """
    facts = prepared[prepared["angle"].isin(["0", ""])]
    known = {(path, frame): origin for path, frame, origin in origins}
    facts = facts.assign(
        origin=[known.get(picture, GIVEN) for picture in zip(facts["path"], facts["frame"], strict=True)]
    )
    unopened = pd.DataFrame(found, columns=["path", "stage", "embryo", "status", "reason", "frame", "origin"])
    catalog = pd.concat([facts, unopened], ignore_index=True)[CATALOG].fillna("")
    place = catalog["frame"].replace("", "0").astype(int)
    catalog = catalog.iloc[np.lexsort([place, catalog["path"]])].reset_index(drop=True)
    usable = catalog[catalog["status"] == "used"]
    usable = usable.sort_values("path", key=lambda paths: paths.str.len(), kind="stable")
    checksums = usable["picture"].where(usable["picture"] != "", usable["sha256"] + usable["frame"])
    for _, same in usable[checksums.duplicated(keep=False)].groupby(checksums):
        if same["stage"].nunique() > 1:
            for index in same.index:
                others = same.drop(index)
                other = others[others["stage"] != same.loc[index, "stage"]].iloc[0]
                copy, name = _kind_of_copy(same.loc[index], other), picture_name(*other[["path", "frame"]])
                _reject(catalog, index, f"{copy} under another stage: {name} (stage {other['stage']})")
        else:
            first = same.iloc[0]
            name = picture_name(*first[["path", "frame"]])
            for index in same.index[1:]:
                elsewhere = "" if same.loc[index, "embryo"] == first["embryo"] else f", embryo {first['embryo']}"
                _reject(catalog, index, f"{_kind_of_copy(same.loc[index], first)} as {name}{elsewhere}")
    return catalog


def _kind_of_copy(row, other):
    return COPIES[0] if (row["sha256"], row["frame"]) == (other["sha256"], other["frame"]) else COPIES[1]


def _reject(catalog, index, reason):
    catalog.loc[index, ["status", "reason"]] = ["rejected", reason]


def check_catalog(catalog, max_bad):
    """Raise FlystageError when nothing usable is left, too large a share is bad, or a split has no image."""
    used = catalog[catalog["status"] == "used"]
    rejected = catalog[catalog["status"] == "rejected"]
    bad = rejected[~rejected["reason"].str.startswith(COPIES)]
    if used.empty:
        raise FlystageError(f"No usable image is left of {len(catalog)} TIFs found ({_listing(rejected)}).")
    share = len(bad) / (len(bad) + len(used))
    if share > max_bad:
        raise FlystageError(
            f"{len(bad)} of {len(bad) + len(used)} images cannot be used, more than max_bad: {max_bad:g} allows;"
            f" mend them or raise max_bad ({_listing(bad)})."
        )
    for split in SPLITS:
        if split not in set(used["split"]):
            listed = _listing(rejected[rejected["split"] == split])
            raise FlystageError(
                f"Every image of the {split} split was rejected ({listed}); mend these files or add embryos."
            )


def _listing(rejected):
    named = [f"{row.path}: {row.reason}" for row in rejected.head(NAMED_FILES).itertuples()]
    return "; ".join(named + [f"and {len(rejected) - NAMED_FILES} more"] * (len(rejected) > NAMED_FILES))
