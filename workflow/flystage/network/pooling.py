"""Pool the last feature map of a network into one vector: its mean and its spread over the picture.

A classifier's vector is the mean of its last feature map. The standard deviation over the picture says how unevenly a
feature is distributed, which raises the accuracy (docs/experiments.md). Networks with a 1x1 convolution behind their last block
are pooled before it: the convolution widens the map for ImageNet's thousand classes.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from flystage.network.classifiers import name_in_timm

MEAN, MEAN_STD = "mean", "mean_std"
POOLINGS = (MEAN, MEAN_STD)
LEAST_VARIANCE = 1e-8  # keeps the gradient finite where a feature is constant; adding it instead would be optimised out of ONNX graphs
SIDE = 64  # pixels of the picture that measures the map of a network for pictures of any size


def evened(vectors, parts):
    """Return vectors with each of their equal parts brought to zero mean and unit variance.

    vectors: float tensor (..., features). parts: number of parts, such as means and standard deviations, which differ in scale.
    """
    shape = vectors.shape
    split = vectors.reshape(*shape[:-1], parts, shape[-1] // parts)
    return functional.layer_norm(split, split.shape[-1:]).reshape(shape)


def pooled(features, prefix, channels_last):
    """Return the vector of each feature map, float tensor (images, parts * channels).

    features: (images, channels, height, width), the same with channels last, or tokens (images, tokens, channels). prefix: number
    of tokens before those of the picture; the first of them, the class token, is a part of its own.
    """
    if features.ndim == 3:
        patches = features[:, prefix:].transpose(1, 2)
    else:
        patches = (features.permute(0, 3, 1, 2) if channels_last else features).flatten(2)
    mean = patches.mean(dim=2)
    spread = ((patches - mean[:, :, None]) ** 2).mean(dim=2).clamp_min(LEAST_VARIANCE).sqrt()
    return torch.cat([*([features[:, 0]] if prefix else []), mean, spread], dim=1)


@dataclass(frozen=True)
class FeatureMap:
    """What the last feature map of a network looks like.

    prefix, channels_last: see `pooled`. width: length of the pooled vectors. parts: their equal parts, see `evened`.
    """

    prefix: int
    channels_last: bool
    width: int
    parts: int

    @classmethod
    def of(cls, name, body, size):
        """Measure the map with an empty picture.

        name: of the network. body: see `Backbone`. size: side of its pictures in pixels, or None. Raises ValueError if the network
        has no feature map.
        """
        training = body.training
        body.eval()
        example = torch.zeros((1, 3, size or SIDE, size or SIDE), device=next(body.parameters()).device)
        with torch.no_grad():
            features = last_map(name, body, example)
        body.train(training)
        if features.ndim not in (3, 4):
            raise ValueError(f"a {name} has no feature map")
        prefix = 0
        if features.ndim == 3:
            prefix = getattr(body, "num_prefix_tokens", 0) if name_in_timm(name) else 1
        channels = getattr(body, "num_features", None)
        channels_last = features.ndim == 4 and features.shape[3] == channels and features.shape[1] != channels
        return cls(prefix, channels_last, pooled(features, prefix, channels_last).shape[1], 3 if prefix else 2)


def last_map(name, body, pictures):
    """Return the last feature map of scaled pictures, float tensor (images, 3, height, width); see `pooled` for its shapes.

    The layers are looked up each time, because training may replace or copy them.
    """
    run = _map_of_timm(body) if name_in_timm(name) else _map_of_torchvision(body, name)
    return run(pictures)


def _map_of_timm(body):
    """Return the function from pictures to the last feature map of a network of timm."""
    if not all(hasattr(body, part) for part in ("conv_stem", "bn1", "blocks", "conv_head")):
        return body.forward_features
    activation = getattr(body, "act1", nn.Identity())

    def run(pictures):
        return body.blocks(activation(body.bn1(body.conv_stem(pictures))))

    return run


def _map_of_torchvision(body, name):
    """Return the function from pictures to the last feature map of a network of torchvision."""
    family = name.split("_")[0]
    if name.startswith(("resnet", "resnext", "wide_resnet")):
        stem = [body.conv1, body.bn1, body.relu, body.maxpool]
        return _one_by_one(*stem, body.layer1, body.layer2, body.layer3, body.layer4)
    if family == "regnet":
        return _one_by_one(body.stem, body.trunk_output)
    if family == "shufflenet":
        return _one_by_one(body.conv1, body.maxpool, body.stage2, body.stage3, body.stage4)
    if name.startswith("mnasnet"):
        return _one_by_one(*body.layers[:-3])  # the last three widen the map: convolution, normalisation, activation
    if family == "maxvit":
        return _one_by_one(body.stem, *body.blocks)
    if family == "swin":
        return _one_by_one(body.features, body.norm, body.permute)
    if family == "vit":

        def run(pictures):
            tokens = body._process_input(pictures)
            return body.encoder(torch.cat([body.class_token.expand(len(tokens), -1, -1), tokens], dim=1))

        return run
    if name.startswith(("mobilenet", "efficientnet")):
        return _one_by_one(*body.features[:-1])
    if name.startswith("densenet"):
        return _one_by_one(body.features, functional.relu)
    return _one_by_one(body.features)


def _one_by_one(*layers):
    def run(pictures):
        for layer in layers:
            pictures = layer(pictures)
        return pictures

    return run
