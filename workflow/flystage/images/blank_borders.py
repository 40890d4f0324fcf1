"""Find, measure and fill the border of a picture that registration or rotation left empty."""

import cv2
import numpy as np

from flystage.core.errors import UnusableTiff


def filled(plane, most):
    """Fill the empty border of a picture with its background. Return (plane, share of pixels that were empty).

    plane: 2-D array (height, width), in which NaN is empty. most: maximum share of empty pixels, from 0 to 1. The background is
    the median of the pixels next to empty ones and along the edge.
    Raises UnusableTiff for NaN inside the picture, infinities, and more empty pixels than `most`.
    """
    if plane.dtype.kind != "f" or (np.abs(plane) < np.finfo(np.float32).max).all():  # also false for NaN
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
