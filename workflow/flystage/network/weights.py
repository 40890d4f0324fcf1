"""The backbone's starting weights: torchvision's ImageNet weights, a file of the user's, or random ones."""

import hashlib
import logging
from pathlib import Path

import torch

from flystage.core.errors import FlystageError
from flystage.core.files import written_whole
from flystage.network.backbones import IMAGENET_MEAN, IMAGENET_STD, Backbone, built_for

log = logging.getLogger("flystage")


def fetch_weights(name, source, seed, path):
    """Write the backbone's starting weights, checked, to `path`.

    name: torchvision's name of the network. source: "imagenet", "none" or a file with a state_dict of that network
    (torchvision's own or one written by this workflow). seed: of the random weights.
    The file holds {"name", "source", "id", "mean", "std", "size", "state"}, loadable with weights_only=True; id is a checksum
    of everything that decides a feature vector. Raises FlystageError when the weights cannot be had or do not fit.
    """
    mean, std, size = IMAGENET_MEAN, IMAGENET_STD, None
    torch.manual_seed(seed)
    if source == "none":
        backbone = Backbone(name)
        log.warning("weights: none. The backbone is random; use ImageNet weights for real work.")
    else:
        if source == "imagenet":
            state, mean, std, size = _imagenet(name)
        else:
            state = _from_file(source)
        backbone = Backbone(name, mean, std, size)
        try:
            backbone.body.load_state_dict(
                {key: value for key, value in state.items() if not key.startswith(f"{backbone.last}.")}
            )
        except RuntimeError as error:
            raise FlystageError(f"model.weights: {source} does not fit a {name} ({_first_line(error)}).") from error
    state = backbone.state_dict()
    with written_whole(path) as temporary:
        torch.save(
            {
                "name": name,
                "source": source,
                "id": backbone_id(name, state),
                "mean": list(mean),
                "std": list(std),
                "size": backbone.size,
                "state": state,
            },
            temporary,
        )


def load_weights(path):
    """The file that `fetch_weights` wrote, as a dict on the CPU."""
    return torch.load(path, map_location="cpu", weights_only=True, mmap=True)


def backbone_id(name, state):
    """A checksum (16 hexadecimal digits) of a backbone: its name and the exact values of its state_dict."""
    digest = hashlib.sha256(name.encode())
    for key in sorted(state):
        digest.update(key.encode())
        digest.update(state[key].detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _imagenet(name):
    """(state_dict, mean, std, size) of torchvision's default ImageNet weights, downloaded once, their hash checked."""
    import torchvision  # takes seconds, and reading weights that are there does not need it

    weights = torchvision.models.get_model_weights(name).DEFAULT
    try:
        state = weights.get_state_dict(progress=True, check_hash=True)
    except (OSError, RuntimeError) as error:  # URLError is an OSError; a wrong hash is a RuntimeError
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        raise FlystageError(
            f"The ImageNet weights of {name} could not be downloaded ({_first_line(error)}): on a machine with internet fetch"
            f" {weights.url}, then put it into {folder} or set model.weights to the file."
        ) from error
    preset = weights.transforms()
    return state, tuple(preset.mean), tuple(preset.std), weights.meta["min_size"][0] if built_for(name) else None


def _from_file(source):
    try:
        state = torch.load(source, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that is not its own
        raise FlystageError(f"model.weights: {source} is not a file of weights ({_first_line(error)}).") from error
    if isinstance(state, dict) and isinstance(state.get("state"), dict):  # written by this workflow
        state = {key.removeprefix("body."): value for key, value in state["state"].items() if key.startswith("body.")}
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise FlystageError(
            f"model.weights: {source} holds no state_dict; save it with torch.save(network.state_dict(), file)."
        )
    return state


def _first_line(error):
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
