"""Define the head, which turns a vector into scores of the stages, and the stager, which joins backbone and head."""

import torch
from torch import nn
from torch.nn import functional


class Head(nn.Module):
    """Features -> hidden layers -> one score (logit) per stage.

    First each vector is standardised, which removes the brightness of its picture. Then each feature is standardised by the
    training images. Then each vector is standardised again, so that a picture unlike all training images cannot inflate the
    scores. hidden: widths of the hidden layers. mean, std: of each feature over the training images, tensors (features,).
    """

    def __init__(self, features, hidden, stages, dropout=0.0):
        super().__init__()
        self.hidden = tuple(hidden)
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("std", torch.ones(features))
        layers, width = [], features
        for units in hidden:
            layers += [nn.Linear(width, units), nn.GELU(), nn.Dropout(dropout)]
            width = units
        self.layers = nn.Sequential(*layers, nn.Linear(width, stages))

    def standardise_by(self, vectors):
        """Set mean and std from the training vectors, tensor (images, features)."""
        total = squares = 0
        for part in vectors.split(4096):  # at once, two copies of all vectors would have to fit in memory
            evened = functional.layer_norm(part, part.shape[1:]).double()
            total, squares = total + evened.sum(dim=0), squares + (evened**2).sum(dim=0)
        mean = total / len(vectors)
        variance = (squares - len(vectors) * mean**2) / max(len(vectors) - 1, 1)
        self.mean.copy_(mean)
        self.std.copy_(variance.clamp_min(1e-12).sqrt())

    def forward(self, vectors):
        """Map a float32 tensor (..., features) to a float32 tensor (..., stages)."""
        return self.layers(self.standardised(vectors))

    def standardised(self, vectors):
        """Return the standardised input of the layers, of the same shape as the vectors."""
        evened = functional.layer_norm(vectors, vectors.shape[-1:])
        return functional.layer_norm((evened - self.mean) / self.std, vectors.shape[-1:])


class Stager(nn.Module):
    """Backbone and head in one: 8-bit grey pictures -> scores per stage. A checkpoint contains its weights."""

    def __init__(self, backbone, head):
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, pictures):
        return self.head(self.backbone(pictures))


def averaged(scores, temperature=1.0):
    """Average the scores of several views of each picture to probabilities: their geometric mean, scaled to sum to 1.

    scores: tensor (views, images, stages). temperature: divides the mean log-probabilities, see `fitted_temperature`.
    Returns a float64 tensor (images, stages). The mean of log-probabilities gives each view the same weight. It is the
    log-linear opinion pool (Genest and Zidek, Statistical Science 1, 1986).
    """
    return torch.softmax(torch.log_softmax(scores.double(), dim=-1).mean(dim=0) / temperature, dim=-1)
