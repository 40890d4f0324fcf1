"""The backbone: a network of torchvision or timm that turns a picture into a vector."""

import torch
from torch import nn
from torch.nn import functional

from flystage.network.classifiers import name_in_timm

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
SIZE_ARGUMENT = {"vit": "image_size", "maxvit": "input_size"}  # torchvision's families built for pictures of one size
SIZE = 224  # pixels, of those families where their weights do not say otherwise


class Backbone(nn.Module):
    """A classifier without its last layer, which takes 8-bit grey pictures as they lie on disk.

    The scaling that the weights were trained with (mean and standard deviation per colour channel, on the 0-1 scale) is
    part of the network, so nobody can forget it; so is the size of the pictures where a network takes one size alone.
    name: torchvision's of the classifier, efficientnet_lite0, or timm/<timm's name>. size: side of its input in pixels, for those
    of one size.
    """

    def __init__(self, name, mean=IMAGENET_MEAN, std=IMAGENET_STD, size=None):
        super().__init__()
        build = timm_body if name_in_timm(name) else torchvision_body
        self.body, self.width, self.size = build(name, size)
        self.scaling = {"mean": list(mean), "std": list(std)}  # to the last digit, which the buffers are not
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, pictures):
        """uint8 tensor (images, height, width) -> float32 tensor (images, width of the backbone)."""
        scaled = pictures.unsqueeze(1).to(self.mean.dtype) / 255
        if self.size and pictures.shape[-1] != self.size:
            scaled = functional.interpolate(scaled, size=(self.size, self.size), mode="bilinear", antialias=True)
        return self.body((scaled - self.mean) / self.std)


def loaded_backbone(backbone):
    """The Backbone of a record as `fetch_weights` writes it, its weights loaded."""
    network = Backbone(backbone["name"], backbone["mean"], backbone["std"], backbone["size"])
    network.load_state_dict(backbone["state"])
    return network


def torchvision_body(name, size=None):
    """(a classifier of torchvision whose last linear layer does nothing, length of its vectors, its size or None)."""
    import torchvision  # takes seconds to import, and only those who build a backbone need it

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
    """(a classifier of timm without its last layer, length of its vectors, its size or None).

    size: of the pictures, for networks that are built for pictures of one size. weights: where they come from, as
    `timm.create_model` takes it, which fits weights of another size to this one.
    """
    import timm

    published = timm.get_pretrained_cfg(name_in_timm(name))
    fixed = (size or published.input_size[-1]) if published.fixed_input_size else None
    options = {"img_size": fixed} if fixed else {}
    body = timm.create_model(name_in_timm(name), num_classes=0, **options, **weights)
    return body, getattr(body, "head_hidden_size", body.num_features), fixed
