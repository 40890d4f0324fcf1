"""Suggest settings for a first run as YAML: a name_pattern from file names, and a normalisation from a few images."""

import yaml

from flystage.core.errors import FlystageError
from flystage.images.sampling import SATURATING, looked_at, sample
from flystage.raw.naming import find_images
from flystage.raw.suggesting import suggested_pattern

OPENED = 24
DARK = 128  # of 255: if all pixels of a picture are below, it uses less than half of the range


def suggested_settings(config):
    """Return YAML text with settings that fit the folders, and comments that explain them.

    config: the checked configuration, of which only the folders and `image` are used. Raises FlystageError as `find_tifs` does.
    """
    pattern, said = suggested_pattern(config["raw"])
    settings = {"raw": config["raw"], "name_pattern": pattern}
    free = {"labels": None, "unmatched": "exclude", "single_images": "allow", "frames": None, "stages": "all"}
    try:
        found = find_images(config | free | {"name_pattern": pattern})
    except FlystageError as error:
        said.append(f"With these settings: {error}")
    else:
        usable = [image for image in found.images if not image.status]
        normalize, why = _normalisation(usable, config["image"])
        settings["image"] = {"normalize": normalize}
        said.append(why)
        if pattern:
            embryos = {image.embryo for image in usable}
            said.append(
                f"With these settings: {len(usable)} images of {len({image.stage for image in usable})} stages and {len(embryos)} embryos."
            )
    said.append(
        "These settings are a guess. Save them as suggested.yaml and run `snakemake --cores 1 check --configfile suggested.yaml`."
    )
    comments = "\n".join(f"# {sentence}" for sentence in said)
    return f"{comments}\n{yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=10_000)}"


def _normalisation(images, image):
    """Return (settings, a sentence with the reason) from a few images. The configured normalisation is tried first."""
    looks, _ = looked_at(sample(images, 1, OPENED), image | {"float_white": None})
    measured = [each for each in looks if "clipped" in each.facts]
    as_it_is = image["normalize"]
    if not measured:
        reason = f" ({looks[0].reason})" if looks and looks[0].reason else ""
        return as_it_is, f"Normalisation: unchanged, because none of {len(looks)} images could be opened{reason}."
    saturating = sum(each.facts["clipped"] > SATURATING for each in measured)
    dark = sum(each.picture.max() < DARK for each in measured)
    opened = f"of the {len(measured)} images opened"
    if not saturating and not dark:
        return as_it_is, f"Normalisation: unchanged, because none {opened} saturates or stays dark."
    what = f"{saturating} images saturate in more than {SATURATING:.0%} of their pixels and {dark} stay dark"
    return {"method": "percentile"}, f"Normalisation: by percentiles, because with the present one {what}, {opened}."
