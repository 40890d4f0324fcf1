"""Get the starting weights of torchvision's classifiers."""

from pathlib import Path

import torch

from flystage.core.errors import FlystageError, first_line
from flystage.network.backbones import IMAGENET_MEAN, IMAGENET_STD, SIZE_ARGUMENT, Backbone
from flystage.network.classifiers import INSTEAD


def started(name, source, file, size):
    """Return (Backbone of torchvision, licence of its weights). file: as `read_weights` returns it, or None. size: ignored. The rest:
    see `fetch_weights`.

    Raises FlystageError if the weights are unavailable or do not fit.
    """
    if source == "none":
        return Backbone(name), ""
    mean, std, size, licence = IMAGENET_MEAN, IMAGENET_STD, None, ""
    if file is None:
        import torchvision  # takes seconds, and weights from a file do not need it

        weights = torchvision.models.get_model_weights(name).DEFAULT
        preset, licence = weights.transforms(), "BSD-3-Clause"
        mean, std = tuple(preset.mean), tuple(preset.std)
        size = weights.meta["min_size"][0] if name.split("_")[0] in SIZE_ARGUMENT else None
        state = _downloaded(name, weights)
    else:
        state, size, licence = file["state"], file["size"], file["licence"] or ""
    backbone = Backbone(name, mean, std, size)
    last = f"{backbone.body.last}."
    try:
        backbone.body.load_state_dict({key: value for key, value in state.items() if not key.startswith(last)})
    except RuntimeError as error:
        raise FlystageError(
            f"model.weights: {source} does not fit a {name} ({first_line(error)}). Set model.backbone to the network of the file."
        ) from error
    return backbone, licence


def _downloaded(name, weights):
    """Return the state_dict of published weights, downloaded once and with their hash checked."""
    try:
        return weights.get_state_dict(progress=True, check_hash=True)
    except (OSError, RuntimeError) as error:  # URLError is an OSError; a wrong hash is a RuntimeError
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        raise FlystageError(
            f"The ImageNet weights of {name} could not be downloaded ({first_line(error)}). On a machine with internet, download"
            f" {weights.url}. Then copy it into {folder} or set model.weights to the file. {INSTEAD}."
        ) from error
