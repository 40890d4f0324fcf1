"""Build the catalog, one row per image, from the prepared images of all buckets, and reject duplicates."""

import logging

import numpy as np
import pandas as pd

from flystage.core.errors import FlystageError
from flystage.core.tables import read_text
from flystage.dataset.splitting import SPLITS
from flystage.images.preparing import FILE_FACTS, READING_FACTS, UNROTATED_FACTS
from flystage.raw.labels import GIVEN
from flystage.raw.masks import may_be_labels
from flystage.raw.naming import picture_name

log = logging.getLogger("flystage")
CATALOG = [
    *("path", "frame", "stage", "embryo", "split", "status", "reason", "sha256", "origin"),
    *(*FILE_FACTS, *READING_FACTS, *UNROTATED_FACTS),
]
COPIES = ("same bytes", "same picture")  # beginnings of the reasons for rejected copies
NAMED_FILES = 5  # bad files per error message


def read_tables(paths):
    """Return the CSVs of `prepare` as one table with all values as text."""
    return pd.concat([read_text(path) for path in paths], ignore_index=True)


def build_catalog(prepared, found, origins=()):
    """Return the catalog: one row per raw TIF, or per used time point of one.

    prepared: table of `prepare` (one row per PNG or rejected TIF). found: rows (path, stage, embryo, status, reason, frame, origin)
    of images that were set aside unopened. origins: (path, frame, origin) of stages whose origin is not "given".
    Duplicate pictures are used once, even if they were saved again or compressed. Under one stage the TIF with the shortest path
    is kept ("a.tif", not "a copy.tif", or the first of equal lengths). Under different stages all copies are rejected.
    The table has the columns of the catalog and is sorted by path and time point.
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
    """Raise FlystageError if no usable image is left, if too many are bad, or if a split has no image. Warn of label masks."""
    used = catalog[catalog["status"] == "used"]
    rejected = catalog[catalog["status"] == "rejected"]
    bad = rejected[~rejected["reason"].str.startswith(COPIES)]
    if used.empty:
        raise FlystageError(
            f"None of the {len(catalog)} TIFs found is usable ({_listing(rejected)}). Correct or replace them."
        )
    _warn_of_masks(used)
    share = len(bad) / (len(bad) + len(used))
    if share > max_bad:
        raise FlystageError(
            f"{len(bad)} of {len(bad) + len(used)} images cannot be used, which is more than max_bad: {max_bad:g} allows"
            f" ({_listing(bad)}). Correct or replace them, or increase max_bad."
        )
    for split in SPLITS:
        if split not in set(used["split"]):
            listed = _listing(rejected[rejected["split"] == split])
            raise FlystageError(
                f"All images of the {split} split were rejected ({listed}). Correct or replace these files, or add embryos."
            )


def _warn_of_masks(used):
    levels = pd.to_numeric(used["levels"], errors="coerce").fillna(0)
    masks = [may_be_labels(dtype, number) for dtype, number in zip(used["dtype"], levels, strict=True)]
    if any(masks):
        log.warning(
            "%d image(s) are whole numbers of 32 bits with few values, as label masks are (%s). flystage uses them as pictures."
            " If they are masks, move them out of the raw folders.",
            sum(masks),
            ", ".join(used.loc[masks, "path"].head(NAMED_FILES)),
        )


def _listing(rejected):
    named = [f"{row.path}: {row.reason}" for row in rejected.head(NAMED_FILES).itertuples()]
    return "; ".join(named + [f"and {len(rejected) - NAMED_FILES} more"] * (len(rejected) > NAMED_FILES))
