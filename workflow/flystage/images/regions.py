"""Find whether a picture shows several embryos, or one that the border cuts, from its connected regions.

The thresholds were chosen so that none of 653 pictures with one whole embryo gives a warning (demo, zebrafish, *Drosophila*, medaka,
stickleback and *C. elegans*). docs/experiments.md has the shares that are found.
"""

from typing import NamedTuple

import cv2
import numpy as np

SIDE = 256  # pixels of the longer side of the picture that is searched
BLUR = 0.02  # of SIDE: standard deviation that joins the parts of an embryo
SEPARATE = 0.6  # least share of the variance between foreground and background, below which nothing is said
LEAST = 0.03  # of the picture's area: smaller regions are no embryo
NEAR = 0.15  # of the way from the background to the mean of the foreground: the threshold that separates embryos
SECOND = 0.5  # of the largest region's area
SOLID = 0.85  # least share of its convex hull that an embryo covers
CUT = 0.9  # share of a region's extent that lies on a border


class Regions(NamedTuple):
    """embryos: number of regions that look like whole embryos. cut: whether the largest region looks cut by a border."""

    embryos: int
    cut: bool


def regions_of(plane):
    """Return the Regions of a plane, 2-D array of numbers. Foreground may be darker or brighter than the border.

    The threshold is that of Otsu (IEEE Transactions on Systems, Man, and Cybernetics 9, 1979). A picture whose threshold separates
    little has no embryo.
    """
    picture = _small(plane)
    if picture is None:
        return Regions(0, False)
    _, mask = cv2.threshold(picture, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    if np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).mean() > 0.5:
        mask = 1 - mask
    if _separation(picture, mask) <= SEPARATE:
        return Regions(0, False)
    labels, facts = _filled_regions(mask)
    areas = facts[1:, cv2.CC_STAT_AREA]
    if not len(areas) or areas.max() < LEAST * picture.size:
        return Regions(0, False)
    largest = 1 + int(areas.argmax())
    return Regions(_embryos(*_filled_regions(_whole(picture, mask))), _is_cut(labels == largest, facts[largest]))


def _whole(picture, mask):
    """Return a mask with a threshold near the background, at which dark bands within an embryo do not divide it."""
    edges = [(each[0], each[-1], each[:, 0], each[:, -1]) for each in (picture, mask)]
    border, inside = (np.concatenate(each) for each in edges)
    background, embryo = float(np.median(border[inside == 0])), float(picture[mask > 0].mean())
    threshold = background + NEAR * (embryo - background)
    return ((picture > threshold) if embryo > background else (picture < threshold)).astype(np.uint8)


def _filled_regions(mask):
    """Return (label of each pixel, OpenCV's facts about each label) of the connected regions without holes."""
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(mask), outlines, -1, 1, -1)
    _, labels, facts, _ = cv2.connectedComponentsWithStats(filled)
    return labels, facts


def _embryos(labels, facts):
    """Return the number of large regions if all of them are solid, else 1."""
    areas = facts[1:, cv2.CC_STAT_AREA]
    large = [1 + place for place in np.flatnonzero(areas >= max(LEAST * labels.size, SECOND * areas.max(initial=0)))]
    return max(1, len(large)) if all(_solidity(labels == label) >= SOLID for label in large) else 1


def _small(plane):
    """Return the picture at SIDE pixels with its percentiles stretched and blurred, uint8; None if it has no contrast."""
    height, width = plane.shape
    scale = SIDE / max(height, width)
    size = max(8, round(width * scale)), max(8, round(height * scale))
    small = cv2.resize(plane.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    low, high = np.percentile(small, [0.5, 99.5])
    if not high > low:
        return None
    stretched = np.clip((small - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    return cv2.GaussianBlur(stretched, (0, 0), SIDE * BLUR)


def _separation(picture, mask):
    """Return the share of the variance of the pixels that is between foreground and background."""
    values = picture.astype(float)
    inside, outside = values[mask > 0], values[mask == 0]
    if not len(inside) or not len(outside) or not values.var():
        return 0.0
    between = len(inside) * len(outside) / values.size**2 * (inside.mean() - outside.mean()) ** 2
    return between / values.var()


def _solidity(region):
    outline, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return region.sum() / max(cv2.contourArea(cv2.convexHull(outline[0])), 1)


def _is_cut(region, facts):
    """Return whether a region reaches a border with nearly its whole width. facts: of OpenCV."""
    width, height = facts[cv2.CC_STAT_WIDTH], facts[cv2.CC_STAT_HEIGHT]
    across = max(region[0].sum(), region[-1].sum()) / width, max(region[:, 0].sum(), region[:, -1].sum()) / height
    return bool(max(across) >= CUT)
