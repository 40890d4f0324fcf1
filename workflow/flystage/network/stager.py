"""Define the head, which turns a vector into scores of the stages, and the stager, which joins backbone and head."""

import torch
from torch import nn

from flystage.network.layers import hidden_layers
from flystage.network.pooling import evened


class Head(nn.Module):
    """Features -> hidden layers -> one score (logit) per stage.

    First each part of a vector is standardised, which removes the brightness of its picture. Then each feature is standardised by the
    training images. Then each part is standardised again, so that a picture unlike all training images cannot inflate the
    scores. hidden: widths of the hidden layers. mean, std: of each feature over the training images, tensors (features,).
    parts: equal parts of a vector, see `evened`.
    """

    def __init__(self, features, hidden, stages, dropout=0.0, parts=1):
        super().__init__()
        self.hidden, self.parts = tuple(hidden), parts
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("std", torch.ones(features))
        self.layers = hidden_layers(features, hidden, stages, dropout)
        self.offset = None  # an EmbryoOffset, for images whose embryo is known

    def standardise_by(self, vectors):
        """Set mean and std from the training vectors, tensor (images, features)."""
        total = squares = 0
        for part in vectors.split(4096):  # at once, two copies of all vectors would have to fit in memory
            even = evened(part, self.parts).double()
            total, squares = total + even.sum(dim=0), squares + (even**2).sum(dim=0)
        mean = total / len(vectors)
        variance = (squares - len(vectors) * mean**2) / max(len(vectors) - 1, 1)
        self.mean.copy_(mean)
        self.std.copy_(variance.clamp_min(1e-12).sqrt())

    def forward(self, vectors):
        """Map a float32 tensor (..., features) to a float32 tensor (..., stages)."""
        return self.layers(self.standardised(vectors))

    def standardised(self, vectors):
        """Return the standardised input of the layers, of the same shape as the vectors."""
        return evened((evened(vectors, self.parts) - self.mean) / self.std, self.parts)


class Stager(nn.Module):
    """Backbone and head in one: 8-bit grey pictures -> scores per stage. A checkpoint contains its weights."""

    def __init__(self, backbone, head):
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, pictures):
        return self.head(self.backbone(pictures))
