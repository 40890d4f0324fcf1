"""The part of a picture that registration or rotation left empty: found, measured and filled."""

import cv2
import numpy as np

from flystage.core.errors import UnusableTiff


def filled(plane, most):
    """A picture whose empty border is filled with its background, and the share of its pixels that were empty.

    plane: 2-D array (height, width); of floats, NaN is empty. most: the largest share that may be, from 0 to 1. The background
    is the median of the pixels beside the empty ones and along the edge.
    Returns (plane, share). Raises UnusableTiff for NaN inside the picture, infinities, and more empty pixels than `most`.
    """
    if plane.dtype.kind != "f" or (np.abs(plane) < np.finfo(np.float32).max).all():  # false for NaN as well
        return plane, 0.0
    empty = np.isnan(plane)
    if not (np.abs(plane[~empty]) < np.finfo(np.float32).max).all():
        raise UnusableTiff("holds values that are not numbers (NaN or infinity)")
    share = float(empty.mean())
    if share > most:
        raise UnusableTiff(f"{share:.0%} of its pixels are not numbers (NaN), image.max_blank is {most:g}")
    edge = np.ones(plane.shape, bool)
    edge[1:-1, 1:-1] = False
    _, areas = cv2.connectedComponents(empty.astype(np.uint8), connectivity=8)
    if empty.all() or not np.isin(areas[empty], areas[edge & empty]).all():
        raise UnusableTiff("holds values inside the picture that are not numbers (NaN)")
    beside = cv2.dilate(empty.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    background = np.median(plane[(beside | edge) & ~empty])
    return np.where(empty, background.astype(plane.dtype), plane), share
