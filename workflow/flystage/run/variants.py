"""Make the configurations of the variants of `compare`, and find what variants can share."""

import hashlib
import json
import re

from flystage.core.errors import FlystageError
from flystage.raw.finding import readable
from flystage.run.settings import checked, size_of_network

CHANGEABLE = ("image", "model", "train", "tune")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


def configurations(as_given, config, schema_path):
    """Return {name: complete checked configuration} of all variants.

    as_given: the configuration as Snakemake read it. config: the same, checked. schema_path: see `checked`.
    Raises FlystageError for a name that cannot be a folder's, a setting that a variant cannot change, or a value that is
    not allowed.
    """
    variants = config["compare"]["variants"]
    if not variants:
        raise FlystageError(
            "Configuration, compare.variants: there is nothing to compare. Name some variants, for example "
            "{plain: {}, cross_entropy: {train: {loss: cross_entropy}}}."
        )
    return {name: _configuration(name, over, as_given, schema_path) for name, over in variants.items()}


def _configuration(name, over, as_given, schema_path):
    where = f"Configuration, compare.variants, {readable(name)}"
    if not NAME.fullmatch(name):
        raise FlystageError(
            f"{where}: a name may only contain letters, digits and . _ + - and must start with a letter or digit. Rename it."
        )
    others = [section for section in over if section not in CHANGEABLE]
    if others:
        raise FlystageError(f"{where}: a variant can only change {', '.join(CHANGEABLE)}. Remove {others[0]} from it.")
    try:
        run_alone = {"crossval": {"folds": 0}}  # variants are cross-validated by compare.folds
        return checked(merged(as_given, over | run_alone), schema_path)
    except FlystageError as error:
        raise FlystageError(f"{where}: {str(error).removeprefix('Configuration, ')}") from error


def merged(base, over):
    """Merge two nested dicts as Snakemake merges configuration files."""
    return base | {
        key: merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
        for key, value in over.items()
    }


def data_key(config):
    """Return a short name for the PNGs of a configuration. Variants that can share them have the same name."""
    return _key(config["image"])


def weights_key(config):
    """Return a short name for the starting weights of a configuration. Variants that can share them have the same name."""
    model = config["model"]
    return _key(
        [model["backbone"], model["weights"], model["pooling"], config["train"]["seed"], size_of_network(config)]
    )


def _key(settings):
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:10]


def images_are_made(variant, run):
    """Return whether the run makes all PNGs of the variant: with the same settings, perhaps at more angles.

    variant, run: checked configurations.
    """
    alike = variant["image"] | {"angles": None} == run["image"] | {"angles": None}
    return alike and set(variant["image"]["angles"]) <= set(run["image"]["angles"])
