"""Say what makes the answers of a checkpoint mean less than they seem: known images, and other stages."""

import logging
import os

from flystage.core.tables import read_text
from flystage.raw.stages import natural_key

log = logging.getLogger("flystage")
EXAMPLES = 4  # stages that a sentence names


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


def _listed(names):
    names = sorted(names, key=natural_key)
    return ", ".join(names[:EXAMPLES]) + f" and {len(names) - EXAMPLES} more" * (len(names) > EXAMPLES)
