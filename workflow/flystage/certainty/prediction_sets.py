"""Sets of stages that hold the true one with a promised probability, for an image of an embryo that was never seen.

Hierarchical conformal prediction (Lee, Barber and Willett, 2023, arXiv 2306.06342): images of one embryo are not exchangeable
with those of another, embryos are. Each of K calibration embryos has mass 1 / (K + 1), shared by its images alike; the rest
stands for the new embryo and lies at infinity, so K embryos can promise K / (K + 1) at most.
"""

from collections import Counter

import numpy as np

ROUNDING = 1e-9
LITTLE = 1.05  # how much larger sets may become on average by having no gaps


def promised_level(asked, embryos):
    """The probability that so many embryos can promise: `asked`, or what is nearest below."""
    return float(min(asked, embryos / (embryos + 1)))


def set_threshold(true, embryos, level):
    """The least probability with which a stage is taken into the set.

    true: out-of-fold probability of the true stage, array (images,). embryos: of each image. level: at most what so many embryos
    can promise. The largest threshold that keeps mass `level` of the images, weighted as the module says.
    """
    _, index, images = np.unique(embryos, return_inverse=True, return_counts=True)
    order = np.argsort(-true, kind="stable")
    mass = np.cumsum((1 / ((len(images) + 1) * images))[index][order])
    return float(true[order][np.searchsorted(mass, level - ROUNDING)])


def upper_limit(distances, embryos, asked):
    """What the distances of a new embryo's images stay below with probability `asked`, or what is nearest below of what is promised.

    distances: of held-out images, array (images,). embryos: of each.
    """
    return -set_threshold(-distances, embryos, promised_level(asked, len(np.unique(embryos))))


def share_within_limits_of_others(distances, embryos, asked):
    """The share of images whose distance is at most the `upper_limit` of the other embryos. Of two embryos or more."""
    within = [
        distances[embryos == name] <= upper_limit(distances[embryos != name], embryos[embryos != name], asked)
        for name in np.unique(embryos)
    ]
    return float(np.concatenate(within).mean())


def stages_in_set(probabilities, threshold, contiguous):
    """Which stages are in the set of each image, bool array (images, stages): those of that probability or more, and the first.

    contiguous: the stages between two of a set are in it too.
    """
    held = probabilities >= threshold
    held[np.arange(len(held)), probabilities.argmax(axis=1)] = True
    if contiguous:
        held = np.logical_or.accumulate(held, axis=1) & np.logical_or.accumulate(held[:, ::-1], axis=1)[:, ::-1]
    return held


def prediction_sets(probabilities, labels, embryos, asked, ordered):
    """What is promised, and what sets hold and cost, as plain values.

    probabilities: out-of-fold, array (images, stages). labels: of the true stages. embryos: of each image. asked: the probability.
    ordered: whether the stages have an order; then sets are without gaps where this makes them at most 5 % larger.
    "threshold" comes from all embryos, for images to come. "covered", sizes: of each embryo with the threshold of the others.
    With one embryo there are no figures, and the answer is None.
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
