"""Compute the probability of each stage for PNGs. The checkpoint is the only other input."""

from typing import NamedTuple

import numpy as np
import torch

from flystage.certainty.calibration import tempered
from flystage.core.errors import FlystageError
from flystage.network.averaging import averaged
from flystage.network.checkpoint import angles_of, backbone_of, head_of
from flystage.network.features import turns_to_ask, vectors_in_parts
from flystage.network.offsets import adapted
from flystage.prediction.likeness import unlikeness


class Answers(NamedTuple):
    """What a checkpoint says of pictures, one entry per picture.

    probabilities: of each stage, float64 array (pictures, stages), columns in class order, calibrated. alone: the same without the
    embryo's other images. adapted: whether those took part, bool array. unlikeness: see `unlikeness`, of the unrotated picture; None
    if the checkpoint has no training vectors.
    """

    probabilities: np.ndarray
    alone: np.ndarray
    adapted: np.ndarray
    unlikeness: np.ndarray | None


def stage_probabilities(checkpoint, pngs, cache_folder, threads, views):
    """Return the calibrated probability of each stage, float64 array (len(pngs), stages), each picture alone; see `answers_of`."""
    return answers_of(checkpoint, pngs, cache_folder, threads, views).probabilities


def answers_of(checkpoint, pngs, cache_folder, threads, views, embryos=None):
    """Return the Answers of a checkpoint.

    checkpoint: the dict from `load_checkpoint`. views: number of rotations per picture, see `turns_to_ask`. cache_folder, threads: see
    `feature_vectors`. embryos: of each picture, "" if unknown, to take their offsets out (see `adapted`); None: each picture alone.
    Memory holds the vectors of a few hundred PNGs, and of pictures with a known embryo their components.
    """
    head, likeness = head_of(checkpoint), checkpoint["likeness"]
    offset = head.offset if embryos is not None else None
    turns = turns_to_ask(views, angles_of(checkpoint))
    first, unlike, reduced = [], [], []
    for part in vectors_in_parts(pngs, backbone_of(checkpoint), cache_folder, threads, turns):
        vectors = torch.from_numpy(part)
        with torch.inference_mode():
            standardised = head.standardised(vectors)
            first.append(averaged(head.layers(standardised)))
            if offset is not None:
                reduced.append(offset.reduced(standardised))
        if likeness:
            unlike.append(unlikeness(likeness, vectors[0], checkpoint["backbone"]["parts"]))
    first = torch.cat(first)
    alone = tempered(finite(first.numpy()), checkpoint["calibration"]["temperature"])
    probabilities, changed = alone.copy(), np.zeros(len(alone), dtype=bool)
    if offset is not None:
        found, changed = adapted(offset, torch.cat(reduced, dim=1), first, embryos)
        calibration = checkpoint["calibration"].get("adapted") or {"temperature": 1.0}
        probabilities[changed] = tempered(finite(found), calibration["temperature"])[changed]
    return Answers(probabilities, alone, changed, np.concatenate(unlike) if likeness else None)


def finite(probabilities):
    """Return the same array.

    Raises FlystageError if it contains NaN or infinity, as finite weights can overflow together.
    """
    if not np.isfinite(probabilities).all():
        raise FlystageError(
            "The network in this checkpoint returns NaN, so its weights are unusable. Copy the checkpoint again or train again."
        )
    return probabilities
