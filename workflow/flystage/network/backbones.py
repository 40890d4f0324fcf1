"""The backbone: a network of torchvision or timm that turns a picture into a vector."""

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from flystage.core.errors import FlystageError, first_line
from flystage.network.classifiers import name_in_timm
from flystage.network.pooling import MEAN, FeatureMap, last_map, pooled

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
SIZE_ARGUMENT = {"vit": "image_size", "maxvit": "input_size"}  # torchvision's families with a fixed picture size
SIZE = 224  # pixels, for these families unless their weights have another size


class Backbone(nn.Module):
    """A classifier without its last layer, which takes 8-bit grey pictures as they are stored.

    The scaling that the weights were trained with (mean and standard deviation per colour channel, on the 0-1 scale) is part of
    the network, so it cannot be forgotten. So is the picture size of networks that take only one size.
    name: of a torchvision classifier, efficientnet_lite0, or timm/<timm's name>. size: side of the input in pixels, for networks
    with a fixed size. pooling: "mean", the vector of the classifier itself, or "mean_std", see `pooled`.
    width: length of the vectors. parts: equal parts of a vector, see `evened`. Raises ValueError if the network has no feature map.
    """

    def __init__(self, name, mean=IMAGENET_MEAN, std=IMAGENET_STD, size=None, pooling=MEAN):
        super().__init__()
        build = timm_body if name_in_timm(name) else torchvision_body
        self.body, self.width, self.size = build(name, size)
        self.name, self.pooling, self.parts = name, pooling, 1
        if pooling != MEAN:
            self.map = FeatureMap.of(name, self.body, self.size)
            self.width, self.parts = self.map.width, self.map.parts
        self.scaling = {"mean": list(mean), "std": list(std)}  # exact values, which the float32 buffers round
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, pictures):
        """uint8 tensor (images, height, width) -> float32 tensor (images, width of the backbone)."""
        scaled = pictures.unsqueeze(1).to(self.mean.dtype) / 255
        if self.size and pictures.shape[-1] != self.size:
            scaled = functional.interpolate(scaled, size=(self.size, self.size), mode="bilinear", antialias=True)
        pictures = (scaled - self.mean) / self.std
        if self.pooling == MEAN:
            return self.body(pictures)
        return pooled(last_map(self.name, self.body, pictures), self.map.prefix, self.map.channels_last)


class _OnlyShapes(TorchFunctionMode):
    """Make large tensors without memory while it is active, because a network named in a foreign file may be huge."""

    MAKE = (torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        return function(*args, **(kwargs or {}) | ({"device": "meta"} if function in self.MAKE else {}))


def check_fit(backbone):
    """Check that a record's state fits a network of its name, size and scaling. Return the length of the network's vectors.

    backbone: as `fetch_weights` writes it, with fields and tensors already checked one by one. Needs no memory for the network.
    Raises ValueError with a few words.
    """
    name, size, state = backbone["name"], backbone["size"], backbone["state"]
    try:
        with _OnlyShapes():
            network = Backbone(name, backbone["mean"], backbone["std"], size, backbone["pooling"])
    except Exception as error:  # torchvision and timm raise many kinds for what they cannot build
        raise ValueError(f"there is no network {name!r} for pictures of {size} pixels ({first_line(error)})") from error
    expected = network.state_dict()
    if size != network.size:
        raise ValueError(f"a {name} has the size {network.size}, not {size}")
    if backbone["parts"] != network.parts:
        raise ValueError(f"a {name} has vectors of {network.parts} parts, not {backbone['parts']}")
    check_shapes(state, expected, name)
    if not (torch.equal(state["mean"], expected["mean"]) and torch.equal(state["std"], expected["std"])):
        raise ValueError("its mean and std differ from its tensors")
    return network.width


def check_shapes(state, expected, network):
    """Raise ValueError, in a few words, if two state_dicts differ in names, shapes or types. network: words for its kind."""
    if expected.keys() != state.keys():
        odd = sorted(expected.keys() ^ state.keys())[0]
        raise ValueError(
            f"{odd[:80]!r} is {'missing' if odd in expected else 'unknown'} among the weights of a {network}"
        )
    for key, value in expected.items():
        if (value.shape, value.dtype) != (state[key].shape, state[key].dtype):
            raise ValueError(f"{key!r} does not have the shape and type that it has in a {network}")


def loaded_backbone(backbone):
    """Return the Backbone of a record as `fetch_weights` writes it, with its weights. Raises FlystageError if they do not fit."""
    try:
        check_fit(backbone)
    except ValueError as error:
        raise FlystageError(
            f"The weights of the backbone are unusable, because {error}. Make or copy them again."
        ) from error
    network = Backbone(*(backbone[key] for key in ("name", "mean", "std", "size", "pooling")))
    network.load_state_dict(backbone["state"])
    return network


def torchvision_body(name, size=None):
    """Return (a torchvision classifier whose last linear layer does nothing, length of its vectors, its fixed size or None)."""
    import torchvision  # takes seconds to import, and only building a backbone needs it

    family, options, fixed = name.split("_")[0], {}, None
    if family in SIZE_ARGUMENT:
        fixed = size or SIZE
        options[SIZE_ARGUMENT[family]] = fixed if family == "vit" else (fixed, fixed)
    body = torchvision.models.get_model(name, weights=None, **options)
    body.last = [layer for layer, module in body.named_modules() if isinstance(module, nn.Linear)][-1]
    width = body.get_submodule(body.last).in_features
    body.set_submodule(body.last, nn.Identity())
    return body, width, fixed


def timm_body(name, size=None, **weights):
    """Return (a timm classifier without its last layer, length of its vectors, its fixed size or None).

    size: of the pictures, for networks with a fixed size. weights: arguments of `timm.create_model` that name their source. It
    adapts weights of another size to this one. Raises ValueError if timm has no such network.
    """
    import timm

    published = timm.get_pretrained_cfg(name_in_timm(name))
    if published is None:
        raise ValueError("timm does not have it")
    fixed = (size or published.input_size[-1]) if published.fixed_input_size else None
    options = {"img_size": fixed} if fixed else {}
    body = timm.create_model(name_in_timm(name), num_classes=0, **options, **weights)
    return body, getattr(body, "head_hidden_size", body.num_features), fixed
