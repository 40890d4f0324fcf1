"""Make and read manifests, the stage table and split folders, which say to which stage and split each PNG belongs."""

import errno
import hashlib
import logging
import os
import re
import shutil
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from flystage.core.files import written_whole
from flystage.core.tables import read_text
from flystage.dataset.splitting import SPLITS
from flystage.raw.labels import GIVEN
from flystage.raw.stages import Stages

log = logging.getLogger("flystage")
NO_FAULT_OF_LINKS = (errno.ENOSPC, errno.EDQUOT, errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EROFS)
# Characters that lead out of a folder, here or on another system, or that are displayed wrongly.
AFAR = re.compile(r"[/\\\x00-\x1f\x7f]")
FAULT_OF_NAMES = (errno.EEXIST, errno.EINVAL, errno.ENAMETOOLONG, errno.EILSEQ)
PICTURE = ["path", "frame"]  # columns that identify an image
MANIFEST = ["png", "stage", "label", "embryo", "angle", "source"]
LEARNED = ["stage", "label", "embryo", "angle"]  # columns that a training uses, apart from the origin


def build_manifests(prepared, catalog, wanted_stages="all", time_unit="auto"):
    """Return ({split: manifest}, stage table).

    wanted_stages, time_unit: as for `Stages.as_given`.

    A manifest has one row per PNG of a used TIF: png, stage, label (index of the stage in class order, from 0), embryo,
    angle in degrees and source (the raw TIF). In a split with any origin other than "given" it also has origin. The stage
    table has label, stage, time (empty for stages without times), unit and images (number of used ones).
    """
    used = catalog[catalog["status"] == "used"]
    stages = Stages.as_given(used["stage"], wanted_stages, time_unit)
    pngs = prepared[prepared["png"] != ""].merge(used[[*PICTURE, "origin"]], on=PICTURE)
    pngs = pngs.assign(source=pngs["path"], label=pngs["stage"].map(stages.labels), angle=pngs["angle"].astype(int))
    pngs["frame"] = pngs["frame"].replace("", "0").astype(int)
    pngs = pngs.sort_values(["label", "embryo", "source", "frame", "angle"])
    manifests = {}
    for split in SPLITS:
        its = pngs[pngs["split"] == split]
        manifests[split] = its[[*MANIFEST, "origin"] if (its["origin"] != GIVEN).any() else MANIFEST]
    counts = used["stage"].value_counts()
    stage_table = pd.DataFrame(
        {
            "label": range(len(stages)),
            "stage": stages.names,
            "time": stages.times or np.nan,
            "unit": stages.unit or "",
            "images": [counts[stage] for stage in stages.names],
        }
    )
    return manifests, stage_table


def write_content(manifest, prepared, path):
    """Write the checksum of what a training sees in a manifest. It ignores folders, names and dates of the raw TIFs.

    It covers the bytes of the PNGs in their order, their stages, embryos, angles and origins, and which of them show one image.
    manifest: table. prepared: tables of `prepare` with its PNGs.
    """
    bytes_of = prepared.loc[prepared["png"] != ""].set_index("png")["png_sha256"]
    seen = manifest[LEARNED].assign(
        origin=manifest.get("origin", GIVEN),
        image=pd.factorize(picture_of(manifest["png"]))[0],
        png=bytes_of.loc[manifest["png"]].to_numpy(),
    )
    with written_whole(path) as temporary:
        temporary.write_text(f"{hashlib.sha256(seen.to_csv(index=False).encode()).hexdigest()}\n", encoding="utf-8")


def link_split_folders(manifests, folder):
    """Link every PNG as folder/{split}/{stage}/name.png with relative links, an ImageFolder that any tool can read.

    On a file system without symbolic links they are hard links or copies, with one warning. A stage whose name cannot be the name
    of a folder, such as ".." or "13/14", gets another folder name, with a warning.
    """
    ways = [_symbolic_link, os.link, shutil.copyfile]
    folders = _folders_of({stage for manifest in manifests.values() for stage in manifest["stage"]}, folder)
    for split, manifest in manifests.items():
        # Empty classes get a folder too, so that class numbers agree between the splits.
        for stage_folder in folders.values():
            Path(folder, split, stage_folder).mkdir(parents=True, exist_ok=True)
        for stage, pngs in manifest.groupby("stage")["png"]:
            target = Path(folder, split, folders[stage])
            for png in pngs:
                _put(png, target / os.path.basename(png), ways)
    if ways[0] is not _symbolic_link:
        kind = "hard links" if ways[0] is os.link else "copies, which take additional disk space"
        log.warning("The file system of %s does not support symbolic links, so the images in it are %s.", folder, kind)


def _folders_of(stages, folder):
    """Return {stage: folder name}, all different on the file system of `folder`, which is tested by creating them once."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    names = {}
    with tempfile.TemporaryDirectory(dir=folder, prefix=".names-") as tried:
        for stage in sorted(stages):
            name, number = stage, zlib.crc32(stage.encode())
            while not _is_made(tried, name):
                harmless = re.sub(r"[^A-Za-z0-9._()-]", "_", stage)[:100].lstrip(".-") or "stage"
                name, number = f"{harmless}-{number:08x}", number + 1
            names[stage] = name
            if name != stage:
                log.warning(
                    "The folder of stage %.60r in %s is named %s, because the stage is not a valid folder name.",
                    stage,
                    folder,
                    name,
                )
    return names


def _is_made(folder, name):
    """Return whether a new folder with this name could be created in `folder`. On some disks a exists if A exists."""
    if name in ("", ".", "..") or AFAR.search(name):
        return False
    try:
        os.mkdir(os.path.join(folder, name))
    except OSError as error:
        if error.errno not in FAULT_OF_NAMES:
            raise
        return False
    return True


def _put(png, place, ways):
    """Link or copy a PNG to another place in the first way that the file system supports. Remove unsupported ways from `ways`."""
    while True:
        try:
            ways[0](png, place)
            return
        except OSError as error:
            if len(ways) == 1 or error.errno in NO_FAULT_OF_LINKS:
                raise
            del ways[0]


def _symbolic_link(png, link):
    link.symlink_to(os.path.relpath(png, link.parent))


def read_manifest(path):
    """Return a manifest with png, stage, embryo, source and origin as text, label and angle as numbers."""
    table = read_text(path).astype({"label": int, "angle": int})
    return table if "origin" in table else table.assign(origin=GIVEN)


def read_stages(path):
    """Return the Stages of a stage table."""
    table = read_text(path)
    times = pd.to_numeric(table["time"])
    return Stages(table["stage"], None if times.isna().any() else times, table["unit"].iloc[0] or None)


def picture_of(pngs):
    """Return which image, a TIF or a time point, each PNG shows: its name without the angle. pngs: Series of paths."""
    return pngs.str.rsplit("/", n=1).str[-1].str.rsplit("-", n=1).str[0]


def unrotated_pngs(paths):
    """Return the paths of the unrotated PNGs of several manifests, in their order."""
    manifest = pd.concat([read_manifest(path) for path in paths])
    return manifest.loc[manifest["angle"] == 0, "png"].tolist()
