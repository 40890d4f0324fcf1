"""How sure a network is of itself against how often it is right: one temperature, and what it mends."""

import numpy as np

BINS = 10
LOWEST, HIGHEST = 0.05, 20.0  # temperatures that are looked at


def tempered(probabilities, temperature):
    """Probabilities, array (images, stages), with their logarithms divided by the temperature and normalised again.

    Above 1 they come closer to one another, below 1 they part; the order of the stages stays.
    """
    logarithms = np.log(np.maximum(probabilities, 1e-300)) / temperature
    weights = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def fitted_temperature(probabilities, labels):
    """The temperature with the lowest mean cross-entropy (Guo et al., On Calibration of Modern Neural Networks, ICML 2017).

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
    """The temperature, and reliability before and after, as plain values.

    folds: of each image, int array (images,). The temperature is fitted on all images. For the figures "after" each fold has the
    temperature of the other folds, so that they do not flatter.
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
    """Mean confidence in the first suggestion and how often it is right, in BINS bins of equal width; empty ones are left out.

    Returns a list of {"confidence", "accuracy", "images"}.
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
    """Expected calibration error of a `reliability`: the mean distance between confidence and accuracy, weighted by images
    (Naeini, Cooper and Hauskrecht, AAAI 2015).
    """
    images = sum(one["images"] for one in bins)
    return float(sum(one["images"] * abs(one["confidence"] - one["accuracy"]) for one in bins) / images)
