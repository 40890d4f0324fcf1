"""Say what makes the answers of a checkpoint mean less than they seem: known images, and other stages."""

import logging
import os
from statistics import median

from flystage.core.tables import read_text
from flystage.core.wording import first_few
from flystage.dataset.cameras import LARGER
from flystage.images.reading import facts_if_readable
from flystage.raw.stages import natural_key

log = logging.getLogger("flystage")
EXAMPLES = 4  # stages that a sentence names
SAMPLED = 24  # files whose headers are read


def catalog_of(path):
    """Return the catalog of the run that made the checkpoint, a table of text, or None. path: of the catalog, or None if unknown."""
    return read_text(path) if path and os.path.exists(path) else None


def warn_of_the_known(table, known):
    """Warn of images to predict that the run of the checkpoint has already used.

    table: from `prepare_unlabelled`. known: from `catalog_of`. Images are recognised by their bytes.
    """
    if known is None:
        return
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


def note_stacks(facts, page):
    """Note that files to predict hold several planes in depth and no time points, as these may be meant as movies.

    facts: from `facts_of_some`. page: setting image.page of the checkpoint.
    """
    stacks = [image for image, its, is_film in facts if not is_film and its.depth > 1]
    if stacks:
        log.info(
            "Note: Files such as %s have planes in depth and no time points. Each is one picture, of the plane image.page: %s. If the"
            " planes are time points, save them as such.",
            os.path.basename(stacks[0]), page,
        )  # fmt: skip


def warn_of_another_scale(facts, known):
    """Warn if the pixels of the images to predict have another size than those of the run that made the checkpoint.

    facts: from `facts_of_some`. known: from `catalog_of`.
    """
    before = [float(size) for size in known.get("pixel_size", []) if size] if known is not None else []
    now = [its.pixel_size for _, its, _ in facts if its.pixel_size]
    if before and now and not 1 / LARGER <= median(now) / median(before) <= LARGER:
        log.warning(
            "The files to predict say %.3g µm per pixel, and those of the training %.3g µm. Embryos then differ in size in the pictures."
            " Resample the images to the pixel size of the training.",
            median(now), median(before),
        )  # fmt: skip


def facts_of_some(table, series):
    """Return (image, its Facts, whether it has time points) of about SAMPLED files to predict whose headers can be read, a list.

    table: from `prepare_unlabelled`. series: setting image.series of the checkpoint.
    """
    used = table[table["status"] == "used"].drop_duplicates("image")
    some = used.iloc[:: max(1, len(used) // SAMPLED)]
    found = [
        (image, facts_if_readable(image, series), frame != "")
        for image, frame in zip(some["image"], some["frame"], strict=True)
    ]
    return [each for each in found if each[1]]


def _listed(names):
    return first_few(sorted(names, key=natural_key), EXAMPLES)
