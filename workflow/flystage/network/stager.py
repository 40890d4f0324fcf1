"""The head, which turns a vector into scores of the stages, and the stager, which is backbone and head in one."""

import torch
from torch import nn
from torch.nn import functional


class Head(nn.Module):
    """Features -> hidden layers -> one score (logit) per stage.

    Each vector is brought to zero mean and unit variance, which takes out the brightness of its picture; each feature is
    standardised by the training images; and the result is brought to unit variance again, so that a picture unlike all
    training images cannot blow up the scores. hidden: widths of the hidden layers. mean, std: of each feature over the
    training images, tensors (features,).
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
        """float32 tensor (..., features) -> float32 tensor (..., stages)."""
        return self.layers(self.standardised(vectors))

    def standardised(self, vectors):
        """What the layers are given, of the same shape as the vectors."""
        evened = functional.layer_norm(vectors, vectors.shape[-1:])
        return functional.layer_norm((evened - self.mean) / self.std, vectors.shape[-1:])


class Stager(nn.Module):
    """Backbone and head in one: 8-bit grey pictures -> scores per stage. This is what a checkpoint holds."""

    def __init__(self, backbone, head):
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, pictures):
        return self.head(self.backbone(pictures))


def averaged(scores, temperature=1.0):
    """Probabilities from the scores of several views of each picture: their geometric mean, summing to 1.

    scores: tensor (views, images, stages). temperature: divides the mean log-probabilities, see `fitted_temperature`.
    Returns a float64 tensor (images, stages). The mean of log-probabilities weighs each view alike; it is the
    log-linear opinion pool (Genest and Zidek, Statistical Science 1, 1986).
    """
    return torch.softmax(torch.log_softmax(scores.double(), dim=-1).mean(dim=0) / temperature, dim=-1)
