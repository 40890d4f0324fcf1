"""Compute 95 % intervals that allow for the resemblance of images of one embryo."""

import numpy as np
from scipy.special import (  # quantiles of the beta and the t distribution; scipy.stats takes 2 s to import
    betaincinv,
    stdtrit,
)

CONFIDENCE = 0.95
LEAST_CORRELATION = 0.1  # within an embryo; docs/method.md has the coverage simulated with it


def cluster_variance(values, clusters):
    """Return the variance of the mean of `values` when whole clusters are drawn, and their number. It is NaN for one cluster.

    The linearised (ratio) estimator with m / (m - 1): Cochran, Sampling Techniques, 3rd ed., section 11.
    """
    names, index = np.unique(clusters, return_inverse=True)
    residuals = np.bincount(index, weights=values - values.mean()) / len(values)
    m = len(names)
    return (m / (m - 1) * np.sum(residuals**2) if m > 1 else np.nan), m


def proportion_interval(correct, clusters):
    """Return the interval of the share of True in `correct`, array (images,) of bool. clusters: the embryo of each image.

    Korn and Graubard (Survey Methodology 24, 1998): a Clopper-Pearson interval on an effective number of images. This number is
    smaller the more images of one embryo agree, and the ratio of t quantiles adjusts it to the few embryos.
    Few embryos can seem independent by luck. If all or no images are correct, their variance cannot be estimated at all. The
    correlation within an embryo is therefore never taken as less than LEAST_CORRELATION.
    Returns (low, high), both within 0 and 1.
    """
    correct = np.asarray(correct, dtype=float)
    share, images = correct.mean(), len(correct)
    variance, embryos = cluster_variance(correct, clusters)
    effective = images / (1 + (images / embryos - 1) * LEAST_CORRELATION)
    if embryos == 1:
        effective = 1.0  # the variance between embryos is unknown
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
    """Return the interval of the mean of non-negative `values`, array (images,): Student's t with embryos - 1 degrees of freedom.

    highest: the largest mean possible, which caps the interval. With one embryo it is (0, highest), because the variance between
    embryos is unknown. Returns (low, high).
    """
    low, high = difference_interval(values, clusters)
    if low is None:
        return 0.0, float(highest)
    return max(low, 0.0), min(high, float(highest))


def difference_interval(differences, clusters):
    """Return the interval of the mean of `differences`, array (images,), each between two methods on the same image.

    Student's t with embryos - 1 degrees of freedom. The differences remove what both methods find hard in an embryo.
    Returns (low, high); (None, None) with one embryo, because the variance between embryos is unknown.
    """
    differences = np.asarray(differences, dtype=float)
    variance, embryos = cluster_variance(differences, clusters)
    if embryos == 1:
        return None, None
    half = stdtrit(embryos - 1, (1 + CONFIDENCE) / 2) * np.sqrt(variance)
    return float(differences.mean() - half), float(differences.mean() + half)
