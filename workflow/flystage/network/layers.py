"""Build the layers of both heads."""

from torch import nn


def hidden_layers(width, hidden, stages, dropout=0.0):
    """Return the layers from a vector to the scores of the stages, an nn.Sequential.

    width: length of the vector. hidden: widths of the hidden layers. stages: number of scores. dropout: share of the units to leave
    out in training.
    """
    layers = []
    for units in hidden:
        layers += [nn.Linear(width, units), nn.GELU(), nn.Dropout(dropout)]
        width = units
    return nn.Sequential(*layers, nn.Linear(width, stages))
