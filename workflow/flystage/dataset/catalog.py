"""The prepared images of all buckets -> catalog, manifests and split folders. Here the same bytes are found out."""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from flystage.errors import FlystageError
from flystage.images import FILE_FACTS, UNROTATED_FACTS
from flystage.splitting import SPLITS
from flystage.stages import ordered_stages, stage_minutes
from flystage.tables import read_text

CATALOG = ["path", "stage", "embryo", "split", "status", "reason", "sha256", *FILE_FACTS, *UNROTATED_FACTS]
MANIFEST = ["png", "stage", "label", "embryo", "angle", "source"]
NAMED_FILES = 5  # how many bad files an error message names


def read_tables(paths):
    """The CSVs of `prepare` as one table, every value as text."""
    return pd.concat([read_text(path) for path in paths], ignore_index=True)


def build_catalog(prepared, found):
    """One row per raw TIF.

    prepared: table of `prepare` (one row per PNG or rejected TIF). found: rows (path, stage, embryo, status, reason) of
    the TIFs that were set aside unopened.
    The same bytes count once: under one stage the TIF with the shortest path stays ("a.tif", not "a copy.tif"; the first
    of equals) and the others are rejected, under two stages all are rejected.
    Returns a table with the columns of the catalog, sorted by path.
    """
    facts = prepared[prepared["angle"].isin(["0", ""])]
    unopened = pd.DataFrame(found, columns=["path", "stage", "embryo", "status", "reason"])
    catalog = pd.concat([facts, unopened], ignore_index=True)[CATALOG].fillna("")
    catalog = catalog.sort_values("path", ignore_index=True)
    usable = catalog[catalog["status"] == "used"]
    usable = usable.sort_values("path", key=lambda paths: paths.str.len(), kind="stable")
    for _, same in usable[usable.duplicated("sha256", keep=False)].groupby("sha256"):
        stages = ordered_stages(same["stage"])
        if len(stages) > 1:
            for index in same.index:
                others = same.drop(index)
                other = others[others["stage"] != same.loc[index, "stage"]].iloc[0]
                _reject(catalog, index, f"same bytes under another stage: {other['path']} (stage {other['stage']})")
        else:
            first = same.iloc[0]
            for index in same.index[1:]:
                elsewhere = "" if same.loc[index, "embryo"] == first["embryo"] else f", embryo {first['embryo']}"
                _reject(catalog, index, f"same bytes as {first['path']}{elsewhere}")
    return catalog


def _reject(catalog, index, reason):
    catalog.loc[index, ["status", "reason"]] = ["rejected", reason]


def check_catalog(catalog, max_bad):
    """Raise FlystageError when nothing usable is left, too large a share is bad, or a split has no image."""
    used = catalog[catalog["status"] == "used"]
    rejected = catalog[catalog["status"] == "rejected"]
    bad = rejected[~rejected["reason"].str.startswith("same bytes")]
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


def build_manifests(prepared, catalog):
    """({split: manifest}, stage table).

    A manifest has one row per PNG of a used TIF: png, stage, label (the stage's place in class order, from 0), embryo,
    angle in degrees, source (the raw TIF). The stage table has label, stage, minutes and images (used TIFs).
    """
    used = catalog[catalog["status"] == "used"]
    stages = ordered_stages(used["stage"])
    label = {stage: place for place, stage in enumerate(stages)}
    pngs = prepared[prepared["path"].isin(used["path"]) & (prepared["png"] != "")]
    pngs = pngs.assign(source=pngs["path"], label=pngs["stage"].map(label), angle=pngs["angle"].astype(int))
    pngs = pngs.sort_values(["label", "embryo", "source", "angle"])
    manifests = {split: pngs.loc[pngs["split"] == split, MANIFEST] for split in SPLITS}
    counts = used["stage"].value_counts()
    stage_table = pd.DataFrame(
        {
            "label": range(len(stages)),
            "stage": stages,
            "minutes": [stage_minutes(stage) for stage in stages],
            "images": [counts[stage] for stage in stages],
        }
    )
    if stage_table["minutes"].isna().any():
        stage_table["minutes"] = np.nan
    return manifests, stage_table


def link_split_folders(manifests, folder):
    """Link every PNG as folder/{split}/{stage}/name.png with relative links: an ImageFolder that any tool reads."""
    stages = {stage for manifest in manifests.values() for stage in manifest["stage"]}
    for split, manifest in manifests.items():
        for stage in stages:  # an empty class keeps its folder, so class numbers agree between the splits
            Path(folder, split, stage).mkdir(parents=True, exist_ok=True)
        for stage, pngs in manifest.groupby("stage")["png"]:
            target = Path(folder, split, stage)
            for png in pngs:
                link = target / os.path.basename(png)
                link.symlink_to(os.path.relpath(png, target))
