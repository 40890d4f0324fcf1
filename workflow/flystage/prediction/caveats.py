"""Say what makes the answers of a checkpoint mean less than they seem: known images, and other stages."""

import logging
import math
import os
from statistics import median

from flystage.core.errors import UnusableTiff
from flystage.core.tables import read_text
from flystage.dataset.cameras import LARGER
from flystage.images.reading import facts_of
from flystage.raw.stages import natural_key

log = logging.getLogger("flystage")
EXAMPLES = 4  # stages that a sentence names
SAMPLED = 24  # files whose headers are read


def warn_of_the_known(table, catalog):
    """Warn of images to predict that the run of the checkpoint has already used.

    table: from `prepare_unlabelled`. catalog: path of the catalog of that run, or None. Images are recognised by their bytes.
    """
    if catalog is None or not os.path.exists(catalog):
        return
    known = read_text(catalog)
    split_of = dict(zip(known["sha256"], known["split"], strict=True))
    files = table[table["status"] == "used"].drop_duplicates("image")
    split = files["sha256"].map(split_of)
    learned, tested = int(split.isin(["train", "val"]).sum()), int((split == "test").sum())
    if learned:
        log.warning(
            "The network learned from %d of the %d images to predict. How well it stages these says nothing about new embryos.",
            learned, len(files),
        )  # fmt: skip
    elif tested:
        log.warning("%d of the %d images to predict are test images of this project.", tested, len(files))


def warn_of_other_stages(stages, names):
    """Warn if a checkpoint and the data have different stages. stages: of the checkpoint. names: of the data's stages, or None."""
    if not names:
        return
    gone, new = set(stages.names) - set(names), set(names) - set(stages.names)
    if not gone and not new:
        return
    said = [f"It knows {_listed(gone)}, which the data no longer have."] * bool(gone)
    said += [f"It does not know {_listed(new)}, so it never suggests them."] * bool(new)
    log.warning(
        "The checkpoint has other stages than the data. %s To train it on the data, run `snakemake --cores all`.",
        " ".join(said),
    )


def note_stacks(table, series, page):
    """Note how many files to predict hold several planes in depth and no time points, as these may be meant as movies.

    table: from `prepare_unlabelled`. series, page: settings of `image` in the checkpoint. The headers of SAMPLED files are read.
    """
    files = table.loc[(table["status"] == "used") & (table["frame"] == ""), "image"]
    stacks = [image for image in files[:: max(1, len(files) // SAMPLED)] if _planes_in_depth(image, series) > 1]
    if stacks:
        log.info(
            "Note: Files such as %s have planes in depth and no time points. Each is one picture, of the plane image.page: %s. If the"
            " planes are time points, save them as such.",
            os.path.basename(stacks[0]), page,
        )  # fmt: skip


def warn_of_another_scale(table, series, catalog):
    """Warn if the pixels of the images to predict have another size than those of the run that made the checkpoint.

    table: from `prepare_unlabelled`. series: setting of `image`. catalog: see `warn_of_the_known`. Headers of SAMPLED files are read.
    """
    if catalog is None or not os.path.exists(catalog):
        return
    known = read_text(catalog)
    before = [float(size) for size in known.get("pixel_size", []) if size]
    files = list(dict.fromkeys(table.loc[table["status"] == "used", "image"]))
    found = [_facts(image, series) for image in files[:: max(1, len(files) // SAMPLED)]]
    now = [facts.pixel_size for facts in found if facts and facts.pixel_size]
    if before and now and not 1 / LARGER <= median(now) / median(before) <= LARGER:
        log.warning(
            "The files to predict say %.3g µm per pixel, and those of the training %.3g µm. Embryos then differ in size in the pictures."
            " Resample the images to the pixel size of the training.",
            median(now), median(before),
        )  # fmt: skip


def _planes_in_depth(image, series):
    """Return the number of planes in depth of a file; 0 if its headers cannot be read."""
    facts = _facts(image, series)
    if facts is None:
        return 0
    return math.prod(length for axis, length in zip(facts.axes, facts.shape, strict=True) if axis not in "TC")


def _facts(image, series):
    try:
        return facts_of(image, series)
    except (UnusableTiff, OSError):
        return None


def _listed(names):
    names = sorted(names, key=natural_key)
    return ", ".join(names[:EXAMPLES]) + f" and {len(names) - EXAMPLES} more" * (len(names) > EXAMPLES)
