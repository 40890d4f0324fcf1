"""Take the offset of an embryo out of its images: what all its pictures have in common whatever their stage.

Embryos differ in size, brightness and position, which moves all vectors of one embryo in the same direction. The offset of a new
embryo is estimated from its images and from what the first head says of them, without any label.
"""

import numpy as np
import torch
from torch import nn

from flystage.network.averaging import averaged
from flystage.network.layers import hidden_layers

ROUNDS = 2  # of estimating the offset and answering again
FEWEST_IMAGES = 2  # of an embryo; a single image cannot tell its offset from its stage


class EmbryoOffset(nn.Module):
    """A second head, for principal components of vectors without the offset of their embryo.

    features, components: lengths of a vector and of its components. hidden: widths of the hidden layers. kappa: number of images
    that an embryo's offset is shrunk by. Buffers: components, float32 tensor (features, components); means, of the training images
    of each stage without their embryos' offsets, float32 tensor (stages, components).
    """

    def __init__(self, features, components, hidden, stages, kappa):
        super().__init__()
        self.kappa = kappa
        self.register_buffer("components", torch.zeros(features, components))
        self.register_buffer("means", torch.zeros(stages, components))
        self.layers = hidden_layers(components, hidden, stages)

    def reduced(self, standardised):
        """Return the components of standardised vectors, float32 tensor (..., components)."""
        return standardised @ self.components

    def probabilities(self, reduced, first):
        """Return the probabilities of the images of one embryo, float64 tensor (images, stages).

        reduced: components of their vectors, tensor (views, images, components). first: probabilities of the first head, tensor
        (images, stages). Each round estimates the offset as the mean distance of the images to the means of their probable stages,
        shrunk by kappa images, and answers again.
        """
        images, answer = reduced.mean(dim=0), first
        for _ in range(ROUNDS):
            distances = images - answer.to(images.dtype) @ self.means
            offset = distances.sum(dim=0) / (len(images) + self.kappa)
            answer = averaged(self.layers(reduced - offset))
        return answer


def adapted(offset, reduced, first, embryos):
    """Return (probabilities, which images are adapted): float64 array (images, stages), bool array (images,).

    offset: an EmbryoOffset. reduced, first: see `EmbryoOffset.probabilities`, of images of any embryos. embryos: of each image, "" if
    it is unknown. Images of unknown embryos, and those of embryos with fewer than FEWEST_IMAGES, keep the first answer. No label is
    used.
    """
    answers, embryos = first.clone(), np.asarray(embryos, dtype=object)
    changed = np.zeros(len(embryos), dtype=bool)
    with torch.inference_mode():
        for embryo in dict.fromkeys(embryos.tolist()):
            rows = np.flatnonzero(embryos == embryo)
            if embryo and len(rows) >= FEWEST_IMAGES:
                answers[rows] = offset.probabilities(reduced[:, rows], first[rows])
                changed[rows] = True
    return answers.numpy(), changed
