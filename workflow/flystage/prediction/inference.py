"""Compute the probability of each stage for PNGs. The checkpoint is the only other input."""

import numpy as np
import torch

from flystage.core.errors import FlystageError
from flystage.network.checkpoint import angles_of, backbone_of, head_of
from flystage.network.features import turns_to_ask, vectors_in_parts
from flystage.network.stager import averaged
from flystage.prediction.likeness import unlikeness


def stage_probabilities(checkpoint, pngs, cache_folder, threads, views):
    """Return calibrated stage probabilities, float64 array (len(pngs), stages), with the stages in class order.

    checkpoint: the dict from `load_checkpoint`. views: number of rotations per picture, see `turns_to_ask`.
    cache_folder, threads: see `feature_vectors`.
    """
    return staged_and_compared(checkpoint, pngs, cache_folder, threads, views)[0]


def staged_and_compared(checkpoint, pngs, cache_folder, threads, views):
    """Return the result of `stage_probabilities`, and the `unlikeness` of each unrotated picture.

    The unlikeness is None if the checkpoint has no training vectors. At most a few hundred vectors are in memory at a
    time.
    """
    head, likeness = head_of(checkpoint), checkpoint["likeness"]
    turns = turns_to_ask(views, angles_of(checkpoint))
    probabilities, unlike = [], []
    for part in vectors_in_parts(pngs, backbone_of(checkpoint), cache_folder, threads, turns):
        vectors = torch.from_numpy(part)
        with torch.inference_mode():
            probabilities.append(averaged(head(vectors), checkpoint["calibration"]["temperature"]).numpy())
        if likeness:
            unlike.append(unlikeness(likeness, vectors[0]))
    return finite(np.concatenate(probabilities)), np.concatenate(unlike) if likeness else None


def finite(probabilities):
    """Return the same array.

    Raises FlystageError if it contains NaN or infinity, as finite weights can overflow together.
    """
    if not np.isfinite(probabilities).all():
        raise FlystageError(
            "The network in this checkpoint returns NaN, so its weights are unusable. Copy the checkpoint again or train again."
        )
    return probabilities
