"""Calibrate probabilities with one temperature, and measure how well they agree with observed frequencies."""

import numpy as np

BINS = 10
LOWEST, HIGHEST = 0.05, 20.0  # range of temperatures to try


def tempered(probabilities, temperature):
    """Divide the logarithms of probabilities, array (images, stages), by the temperature and normalise again.

    A temperature above 1 makes the probabilities more equal, below 1 less. The order of the stages stays.
    """
    logarithms = np.log(np.maximum(probabilities, 1e-300)) / temperature
    weights = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def fitted_temperature(probabilities, labels):
    """Return the temperature with the lowest mean cross-entropy.

    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017.
    probabilities: array (images, stages). labels: of the true stages, int array (images,).
    """
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(labels))

    def loss(logarithm):
        true = tempered(probabilities, np.exp(logarithm))[rows, labels]
        return -np.mean(np.log(np.maximum(true, 1e-300)))

    found = minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded")
    return float(np.exp(found.x))


def calibration(probabilities, labels, folds):
    """Return the temperature, and the reliability before and after calibration, as plain values.

    probabilities: array (images, stages). labels, folds: of each image, int arrays (images,). The temperature is
    fitted on all images. For the figures "after", each fold has the temperature of the other folds, so that these
    figures are not too optimistic.
    """
    after = np.empty_like(probabilities)
    for fold in np.unique(folds):
        here = folds == fold
        after[here] = tempered(probabilities[here], fitted_temperature(probabilities[~here], labels[~here]))
    bins_before, bins_after = reliability(probabilities, labels), reliability(after, labels)
    return {
        "temperature": fitted_temperature(probabilities, labels),
        "ece_before": calibration_error(bins_before),
        "ece_after": calibration_error(bins_after),
        "reliability_before": bins_before,
        "reliability_after": bins_after,
    }


def reliability(probabilities, labels):
    """Compare the confidence in the first suggestion with its accuracy, in BINS bins of equal width.

    probabilities: array (images, stages). labels: int array (images,).
    Returns a list of {"confidence", "accuracy", "images"}, without empty bins. The first two are means.
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return [
        {
            "confidence": float(confidence[place == number].mean()),
            "accuracy": float(right[place == number].mean()),
            "images": int((place == number).sum()),
        }
        for number in np.unique(place)
    ]


def calibration_error(bins):
    """Return the expected calibration error (Naeini, Cooper and Hauskrecht, AAAI 2015).

    This is the mean distance between confidence and accuracy, weighted by images. bins: from `reliability`.
    """
    images = sum(one["images"] for one in bins)
    return float(sum(one["images"] * abs(one["confidence"] - one["accuracy"]) for one in bins) / images)
