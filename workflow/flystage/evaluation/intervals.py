"""95 % intervals which respect that images of one embryo resemble each other."""

import numpy as np
from scipy.special import (  # quantiles of the beta and the t distribution; scipy.stats takes 2 s to import
    betaincinv,
    stdtrit,
)

CONFIDENCE = 0.95
LEAST_CORRELATION = 0.1  # within an embryo; docs/method.md has the coverage that was simulated with it


def _cluster_variance(values, clusters):
    """Variance of the mean of `values` when whole clusters are drawn, and the number of clusters.

    The linearised (ratio) estimator with m / (m - 1): Cochran, Sampling Techniques, 3rd ed., section 11.
    """
    names, index = np.unique(clusters, return_inverse=True)
    residuals = np.bincount(index, weights=values - values.mean()) / len(values)
    m = len(names)
    return (m / (m - 1) * np.sum(residuals**2) if m > 1 else np.nan), m


def proportion_interval(correct, clusters):
    """Interval of the share of True in `correct`, array (images,) of bool, with the embryo of each image in `clusters`.

    Korn and Graubard (Survey Methodology 24, 1998): a Clopper-Pearson interval on an effective number of images, which
    is smaller the more images of one embryo agree, and adjusted to the few embryos there are by the ratio of t quantiles.
    Few embryos can seem to agree by luck, and where all or no images are right their variance cannot be estimated at
    all, so images of one embryo are never taken to resemble each other less than LEAST_CORRELATION says.
    Returns (low, high), both within 0 and 1.
    """
    correct = np.asarray(correct, dtype=float)
    share, images = correct.mean(), len(correct)
    variance, embryos = _cluster_variance(correct, clusters)
    effective = images / (1 + (images / embryos - 1) * LEAST_CORRELATION)
    if embryos == 1:
        effective = 1.0  # how embryos differ is unknown
    else:
        if variance > 0:
            effective = min(effective, share * (1 - share) / variance)
        quantile = (1 + CONFIDENCE) / 2
        effective *= (stdtrit(max(images - 1, 1), quantile) / stdtrit(embryos - 1, quantile)) ** 2
    hits, tail = share * effective, (1 - CONFIDENCE) / 2
    low = 0.0 if share == 0 else betaincinv(hits, effective - hits + 1, tail)
    high = 1.0 if share == 1 else betaincinv(hits + 1, effective - hits, 1 - tail)
    return float(low), float(high)


def mean_interval(values, clusters, highest):
    """Interval of the mean of non-negative `values`, array (images,): Student's t with embryos - 1 degrees of freedom.

    highest: the largest mean possible, at which the interval ends. With one embryo it is (0, highest): nothing is known
    of how embryos differ. Returns (low, high).
    """
    low, high = difference_interval(values, clusters)
    if low is None:
        return 0.0, float(highest)
    return max(low, 0.0), min(high, float(highest))


def difference_interval(differences, clusters):
    """Interval of the mean of `differences`, array (images,) of either sign, each between two answers to the same image.

    Student's t with embryos - 1 degrees of freedom: what two methods find hard in an embryo is taken out before embryos are
    compared. Returns (low, high); (None, None) with one embryo, where nothing is known of how embryos differ.
    """
    differences = np.asarray(differences, dtype=float)
    variance, embryos = _cluster_variance(differences, clusters)
    if embryos == 1:
        return None, None
    half = stdtrit(embryos - 1, (1 + CONFIDENCE) / 2) * np.sqrt(variance)
    return float(differences.mean() - half), float(differences.mean() + half)
