"""Rank the images to label next: uncertain ones that are far from all labelled images come first."""

import numpy as np
import pandas as pd

from flystage.network.checkpoint import backbone_of
from flystage.network.features import feature_vectors

PICTURES = 10_000  # most images to rank, because their vectors must fit in memory
MOST = 1000  # images ranked one by one. The rest follows by doubt times distance


def with_teaching(table, checkpoint, cache_folder, threads):
    """Return the table with a column teaches, see `teaching`.

    The column is missing if the checkpoint has no training vectors, or if the table has more than PICTURES used images.
    table: of suggestions, with png. checkpoint: the dict from `load_checkpoint`. cache_folder, threads: see
    `feature_vectors`.
    """
    used, likeness = table["status"] == "used", checkpoint["likeness"]
    if not likeness or not 0 < used.sum() <= PICTURES:
        return table
    vectors = feature_vectors(table.loc[used, "png"].tolist(), backbone_of(checkpoint), cache_folder, threads)
    column = pd.Series(np.nan, table.index)
    column[used] = teaching(
        vectors, table.loc[used, "doubt"], likeness["reference"].float().numpy(), checkpoint["backbone"]["parts"]
    ).round(4)
    return table.assign(teaches=column)


def teaching(vectors, doubts, labelled, parts=1):
    """Return how useful the label of each image is, float64 array (images,) from 1 (label first) towards 0.

    vectors: float array (images, features) of the unlabelled images. doubts: of each, 0 to 1.
    labelled: float array (labelled images, features), may be empty.
    Each step takes the image with the largest doubt times distance. The distance is to the nearest labelled or already
    taken image. This is the greedy k-center of core-sets (Sener and Savarese, ICLR 2018, arXiv 1708.00489), weighted
    by doubt. So of many similar pictures in a movie, only the first ranks high.
    """
    vectors, doubts = _evened(vectors, parts), np.asarray(doubts, dtype=float)
    squares = (vectors**2).sum(axis=1)

    def distances_to(point):
        return np.sqrt(np.maximum(squares - 2 * vectors @ point + point @ point, 0))

    nearest = np.full(len(vectors), np.inf)
    for point in _evened(labelled, parts):
        nearest = np.minimum(nearest, distances_to(point))
    if not np.isfinite(nearest).all():
        nearest = distances_to(vectors.mean(axis=0))
    order, left = [], np.ones(len(vectors), dtype=bool)
    for _ in range(min(MOST, len(vectors))):
        taken = int(np.where(left, doubts * nearest, -1).argmax())
        order.append(taken)
        left[taken] = False
        nearest = np.minimum(nearest, distances_to(vectors[taken]))
    rest = np.flatnonzero(left)
    order += rest[np.argsort(-(doubts * nearest)[rest], kind="stable")].tolist()
    values = np.empty(len(vectors))
    values[order] = 1 - np.arange(len(order)) / max(len(order), 1)
    return values


def _evened(vectors, parts):
    """Return each part of each vector with zero mean and unit variance, as in the head. parts: see `evened`."""
    vectors = np.asarray(vectors, dtype=np.float32)
    split = vectors.reshape(len(vectors), parts, vectors.shape[1] // parts)
    spread = split.std(axis=2, keepdims=True)
    return ((split - split.mean(axis=2, keepdims=True)) / np.where(spread > 0, spread, 1)).reshape(vectors.shape)
