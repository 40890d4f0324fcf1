"""Compute prediction sets: stages that contain the true one with a promised probability, for an image of a new embryo.

This is hierarchical conformal prediction (Lee, Barber and Willett, 2023, arXiv 2306.06342). Embryos are exchangeable,
but the images of one embryo are not exchangeable with those of another. Each of K calibration embryos has mass
1 / (K + 1), shared equally by its images. The remaining mass represents the new embryo at infinity, so K embryos can
promise at most K / (K + 1).
"""

from collections import Counter

import numpy as np

ROUNDING = 1e-9
LITTLE = 1.05  # largest growth of the mean size of prediction sets when their gaps are filled


def promised_level(asked, embryos):
    """Return the probability that this number of embryos can promise: `asked`, or the highest one below it."""
    return float(min(asked, embryos / (embryos + 1)))


def set_threshold(true, embryos, level):
    """Return the lowest probability at which a stage joins the prediction set.

    This is the largest threshold that keeps the mass `level` of the images, weighted as in the module docstring.
    true: out-of-fold probability of the true stage, array (images,). embryos: of each image. level: at most the
    `promised_level`.
    """
    _, index, images = np.unique(embryos, return_inverse=True, return_counts=True)
    order = np.argsort(-true, kind="stable")
    mass = np.cumsum((1 / ((len(images) + 1) * images))[index][order])
    return float(true[order][np.searchsorted(mass, level - ROUNDING)])


def upper_limit(distances, embryos, asked):
    """Return the limit that distances of a new embryo's images do not exceed with the `promised_level` for `asked`.

    distances: of held-out images, array (images,). embryos: of each.
    """
    return -set_threshold(-distances, embryos, promised_level(asked, len(np.unique(embryos))))


def share_within_limits_of_others(distances, embryos, asked):
    """Return the share of images whose distance is at most the `upper_limit` of the other embryos.

    Needs two embryos or more.
    """
    within = [
        distances[embryos == name] <= upper_limit(distances[embryos != name], embryos[embryos != name], asked)
        for name in np.unique(embryos)
    ]
    return float(np.concatenate(within).mean())


def stages_in_set(probabilities, threshold, contiguous):
    """Return which stages are in the prediction set of each image, bool array (images, stages).

    The set has the stages at or above the threshold, and always the most probable one.
    probabilities: array (images, stages).
    contiguous: whether to add all stages between two stages of the set.
    """
    held = probabilities >= threshold
    held[np.arange(len(held)), probabilities.argmax(axis=1)] = True
    if contiguous:
        held = np.logical_or.accumulate(held, axis=1) & np.logical_or.accumulate(held[:, ::-1], axis=1)[:, ::-1]
    return held


def prediction_sets(probabilities, labels, embryos, asked, ordered):
    """Return the promise, coverage and size of prediction sets, as plain values. None with fewer than two embryos.

    probabilities: out-of-fold, array (images, stages). labels: of the true stages, int array (images,).
    embryos: of each image.
    asked: requested probability. ordered: whether the stages have an order. Ordered sets have no gaps if this makes
    them at most 5 % larger. "threshold" comes from all embryos, for new images. "covered" and the sizes use, for each
    embryo, the threshold of the others.
    """
    names = np.unique(embryos)
    if len(names) < 2:
        return None
    true = probabilities[np.arange(len(labels)), labels]
    level = promised_level(asked, len(names))
    thresholds = np.empty(len(labels))
    for name in names:
        others = embryos != name
        its_level = promised_level(asked, len(names) - 1)
        thresholds[~others] = set_threshold(true[others], embryos[others], its_level)
    kinds = {gapless: stages_in_set(probabilities, thresholds[:, None], gapless) for gapless in (False, True)}
    contiguous = bool(ordered and kinds[True].sum() <= LITTLE * kinds[False].sum())
    held = kinds[contiguous]
    sizes, covered = held.sum(axis=1), held[np.arange(len(labels)), labels]
    return {
        "asked": asked,
        "promised": level,
        "threshold": set_threshold(true, embryos, level),
        "contiguous": contiguous,
        "embryos": len(names),
        "mean_size": float(sizes.mean()),
        "mean_size_with_gaps": float(kinds[False].sum(axis=1).mean()),
        "mean_size_without_gaps": float(kinds[True].sum(axis=1).mean()),
        "covered": float(covered.mean()),
        "covered_by_embryo": [
            {
                "embryo": str(name),
                "covered": float(covered[embryos == name].mean()),
                "mean_size": float(sizes[embryos == name].mean()),
            }
            for name in names
        ],
        "sizes": {str(size): images for size, images in sorted(Counter(sizes.tolist()).items())},
    }
