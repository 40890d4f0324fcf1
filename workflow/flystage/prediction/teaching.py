"""Which images to label next: those that the network doubts and that lie far from what is labelled already, each taken once."""

import numpy as np
import pandas as pd

from flystage.network.checkpoint import backbone_of
from flystage.network.features import feature_vectors

PICTURES = 10_000  # whose vectors are held in memory for it
MOST = 1000  # images are taken one by one; what is left follows by its doubt times its distance


def with_teaching(table, checkpoint, cache_folder, threads):
    """The table with a column teaches, see `teaching`; without it where the checkpoint holds no training vectors, or of more than PICTURES.

    table: of suggestions, with png. checkpoint: as `load_checkpoint` gives it. cache_folder, threads: see `feature_vectors`.
    """
    used, likeness = table["status"] == "used", checkpoint["likeness"]
    if not likeness or not 0 < used.sum() <= PICTURES:
        return table
    vectors = feature_vectors(table.loc[used, "png"].tolist(), backbone_of(checkpoint), cache_folder, threads)
    column = pd.Series(np.nan, table.index)
    column[used] = teaching(vectors, table.loc[used, "doubt"], likeness["reference"].float().numpy()).round(4)
    return table.assign(teaches=column)


def teaching(vectors, doubts, labelled):
    """How much the label of each image would teach, float64 array (images,) from 1, the first to label, towards 0.

    vectors: float array (images, features) of the images without a label. doubts: of each, from 0 to 1. labelled: float array of the
    vectors of those that have one; it may be empty.
    One image after the other is taken where doubt times the distance to the nearest one that is labelled or was taken is largest: the
    greedy k-center of core-sets (Sener and Savarese, ICLR 2018, arXiv 1708.00489), weighted by doubt. So of a movie's many pictures of
    one moment the first is near the top, and the others are not.
    """
    vectors, doubts = _evened(vectors), np.asarray(doubts, dtype=float)
    squares = (vectors**2).sum(axis=1)

    def distances_to(point):
        return np.sqrt(np.maximum(squares - 2 * vectors @ point + point @ point, 0))

    nearest = np.full(len(vectors), np.inf)
    for point in _evened(labelled):
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


def _evened(vectors):
    """Vectors of zero mean and unit variance each, as the head sees them."""
    vectors = np.asarray(vectors, dtype=np.float32)
    spread = vectors.std(axis=1, keepdims=True)
    return (vectors - vectors.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1)
