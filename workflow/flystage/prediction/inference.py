"""From PNGs to the probability of each stage, with a checkpoint and nothing else."""

import numpy as np
import torch

from flystage.core.errors import FlystageError
from flystage.network.checkpoint import angles_of, backbone_of, head_of
from flystage.network.features import turns_to_ask, vectors_in_parts
from flystage.network.stager import averaged
from flystage.prediction.likeness import unlikeness


def stage_probabilities(checkpoint, pngs, cache_folder, threads, views):
    """Probability of each stage at the checkpoint's temperature, float64 array (len(pngs), stages), columns in class order.

    checkpoint: as `load_checkpoint` gives it. views: in how many each picture is asked about, see `turns_to_ask`. cache_folder,
    threads: see `feature_vectors`.
    """
    return staged_and_compared(checkpoint, pngs, cache_folder, threads, views)[0]


def staged_and_compared(checkpoint, pngs, cache_folder, threads, views):
    """(what `stage_probabilities` gives, `unlikeness` of each picture as it is or None where the checkpoint cannot tell).

    However many PNGs there are, the memory holds the vectors of a few hundred.
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
    """The same array. Raises FlystageError where one is no number: weights that are finite one by one can still overflow together."""
    if not np.isfinite(probabilities).all():
        raise FlystageError(
            "The checkpoint's network gives numbers that are none (NaN): its weights cannot be used; copy or train it again."
        )
    return probabilities
