"""Train the second head, which answers without the offset of an embryo."""

from dataclasses import replace

import numpy as np
import torch

from flystage.network.offsets import FEWEST_IMAGES, EmbryoOffset
from flystage.training.head import train_layers

KAPPA = 8.0  # images; 5 to 10 gave the same (docs/experiments.md)
FITS = 5  # of means of stages and offsets of embryos in turn
FEWEST_EMBRYOS = 5  # to train on; with three it looked worse


def train_offset(inputs, embryos, weights, stages, recipe):
    """Train an EmbryoOffset on the same images as a head. Return None with fewer than FEWEST_EMBRYOS embryos of several images.

    inputs: HeadInputs. embryos: of each training vector, array of text. weights: of each training vector, float array: those of
    one image sum to 1. stages: the Stages. recipe: see `Recipe`.
    """
    names, embryo = np.unique(np.asarray(embryos).astype(str), return_inverse=True)
    weights = torch.tensor(np.asarray(weights), dtype=torch.float32)  # a copy, as tables hand out read-only arrays
    images = torch.zeros(len(names)).index_add_(0, torch.as_tensor(embryo), weights)
    if (images > FEWEST_IMAGES - 0.5).sum() < FEWEST_EMBRYOS:
        return None
    vectors, labels = inputs.train
    means, offsets = means_and_offsets(vectors, labels, torch.as_tensor(embryo), weights, len(stages))
    adapted = replace(inputs, train=(vectors - offsets[embryo], labels), val=None)
    _, layers, _ = train_layers(adapted, stages, recipe)
    features, components = inputs.components.shape
    offset = EmbryoOffset(features, components, recipe.hidden, len(stages), KAPPA)
    offset.components.copy_(inputs.components)
    offset.means.copy_(means)
    offset.layers.load_state_dict({key: value.cpu() for key, value in layers.state_dict().items()})
    return offset.eval()


def means_and_offsets(vectors, labels, embryo, weights, stages):
    """Return the mean of each stage without the offsets of embryos, and the offset of each embryo, tensors (.., components).

    vectors: tensor (rows, components). labels, embryo: int64 tensors (rows,). weights: tensor (rows,). Each is fitted with the other
    held, FITS times; an offset is shrunk by KAPPA images. A stage without images has the mean of all.
    """
    embryos = int(embryo.max()) + 1
    images = torch.zeros(embryos).index_add_(0, embryo, weights)[:, None]
    of_stage = torch.zeros(stages).index_add_(0, labels, weights)[:, None]
    offsets = torch.zeros(embryos, vectors.shape[1])
    for _ in range(FITS):
        weighed = (vectors - offsets[embryo]) * weights[:, None]
        sums = torch.zeros(stages, vectors.shape[1]).index_add_(0, labels, weighed)
        means = torch.where(of_stage > 0, sums / of_stage.clamp_min(1e-9), weighed.sum(dim=0) / weights.sum())
        distances = (vectors - means[labels]) * weights[:, None]
        offsets = torch.zeros_like(offsets).index_add_(0, embryo, distances) / (images + KAPPA)
    return means, offsets
