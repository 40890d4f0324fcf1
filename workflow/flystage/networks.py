"""The network: a backbone that turns a PNG into a vector, and a head that turns the vector into stages."""

import torch
from torch import nn
from torch.nn import functional

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Backbone(nn.Module):
    """A torchvision ResNet without its classifier, which takes 8-bit grey pictures as they lie on disk.

    The scaling that the weights were trained with (mean and standard deviation per colour channel, on the 0-1 scale) is
    part of the network, so nobody can forget it.
    """

    def __init__(self, name, mean=IMAGENET_MEAN, std=IMAGENET_STD):
        import torchvision  # takes seconds to import, and only those who build a backbone need it

        super().__init__()
        self.body = torchvision.models.get_model(name, weights=None)
        self.width = self.body.fc.in_features
        self.body.fc = nn.Identity()
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, pictures):
        """uint8 tensor (images, height, width) -> float32 tensor (images, width of the backbone)."""
        scaled = pictures.unsqueeze(1).to(self.mean.dtype) / 255
        return self.body((scaled - self.mean) / self.std)


class Head(nn.Module):
    """Features -> hidden layers -> one score (logit) per stage.

    Each vector is brought to zero mean and unit variance, which takes out the brightness of its picture; each feature is
    standardised by the training images; and the result is brought to unit variance again, so that a picture unlike all
    training images cannot blow up the scores. mean, std: of each feature over the training images, tensors (features,).
    """

    def __init__(self, features, hidden, stages, dropout=0.0):
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("std", torch.ones(features))
        layers, width = [], features
        for units in hidden:
            layers += [nn.Linear(width, units), nn.GELU(), nn.Dropout(dropout)]
            width = units
        self.layers = nn.Sequential(*layers, nn.Linear(width, stages))

    def standardise_by(self, vectors):
        """Take mean and standard deviation from the training vectors, tensor (images, features)."""
        total = squares = 0
        for part in vectors.split(4096):  # the vectors of 20,000 TIFs would fill the memory twice more
            evened = functional.layer_norm(part, part.shape[1:]).double()
            total, squares = total + evened.sum(dim=0), squares + (evened**2).sum(dim=0)
        mean = total / len(vectors)
        variance = (squares - len(vectors) * mean**2) / max(len(vectors) - 1, 1)
        self.mean.copy_(mean)
        self.std.copy_(variance.clamp_min(1e-12).sqrt())

    def forward(self, vectors):
        """float32 tensor (images, features) -> float32 tensor (images, stages)."""
        evened = functional.layer_norm(vectors, vectors.shape[1:])
        standard = (evened - self.mean) / self.std
        return self.layers(functional.layer_norm(standard, vectors.shape[1:]))


class Stager(nn.Module):
    """Backbone and head in one: 8-bit grey pictures -> scores per stage. This is what a checkpoint holds."""

    def __init__(self, backbone, head):
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, pictures):
        return self.head(self.backbone(pictures))
