"""The backbone: a network of torchvision that turns a picture into a vector."""

import torch
from torch import nn
from torch.nn import functional

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
SIZE_ARGUMENT = {"vit": "image_size", "maxvit": "input_size"}  # families built for pictures of one size
SIZE = 224  # pixels, of those families where their weights do not say otherwise


def built_for(name):
    """The family of networks of one input size that a torchvision name belongs to, or None for networks of any size."""
    family = name.split("_")[0]
    return family if family in SIZE_ARGUMENT else None


class Backbone(nn.Module):
    """A torchvision classifier without its last linear layer, which takes 8-bit grey pictures as they lie on disk.

    The scaling that the weights were trained with (mean and standard deviation per colour channel, on the 0-1 scale) is
    part of the network, so nobody can forget it; so is the size of the pictures where a network takes one size alone.
    name: of the classifier in torchvision. size: side of its input in pixels, for those of one size.
    """

    def __init__(self, name, mean=IMAGENET_MEAN, std=IMAGENET_STD, size=None):
        import torchvision  # takes seconds to import, and only those who build a backbone need it

        super().__init__()
        family, options, self.size = built_for(name), {}, None
        if family:
            self.size = size or SIZE
            options[SIZE_ARGUMENT[family]] = self.size if family == "vit" else (self.size, self.size)
        self.body = torchvision.models.get_model(name, weights=None, **options)
        self.last = [layer for layer, module in self.body.named_modules() if isinstance(module, nn.Linear)][-1]
        self.width = self.body.get_submodule(self.last).in_features
        self.body.set_submodule(self.last, nn.Identity())
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
