"""Baselines, which a network must beat: simple methods that learn from training images and return probabilities for others.

Inputs are arrays (images, numbers), labels int arrays (images,). `asked` are the inputs of the images to classify. The methods
return float64 arrays (asked images, stages).
"""

import warnings

import cv2
import numpy as np

from flystage.images.pngs import decoded_png, read_png

SIDE = 20  # pixels of a shrunken picture
FAR = 1e-3  # factor between the weights of a stage and of the next nearer one
SHRINKAGE = 0.1  # C of the logistic regressions, the best on the demo; docs/method.md has the results of other values
TOLERANCE = (
    1e-2  # of their gradient; a hundredth of it took three times as long and changed results by less than a point
)


def shrunken(pngs):
    """Shrink the pictures of PNG files to SIDE x SIDE pixels and standardise each. Return a float64 array (pngs, SIDE**2)."""
    rows = []
    for png in pngs:
        small = cv2.resize(decoded_png(png, read_png(png)), (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(float)
        rows.append((small.ravel() - small.mean()) / max(small.std(), 1e-6))
    return np.array(rows)


def commonest_stage(labels, asked, stages):
    """Return the share of each stage among the training images for each of `asked` images. Of equal stages the first leads."""
    shares = np.bincount(labels, minlength=stages) / len(labels) + 1e-9 * np.arange(stages, 0, -1)
    return np.tile(shares / shares.sum(), (asked, 1))


def nearest_neighbour(inputs, labels, asked, stages):
    """Rank the stages by the Euclidean distance of their nearest training image. The first gets nearly all the weight."""
    squared = (asked**2).sum(axis=1)[:, None] + (inputs**2).sum(axis=1)[None, :] - 2 * asked @ inputs.T
    nearest = np.full((len(asked), stages), np.inf)
    for label in np.unique(labels):
        nearest[:, label] = squared[:, labels == label].min(axis=1)
    places = np.argsort(np.argsort(nearest, axis=1, kind="stable"), axis=1)
    weights = FAR ** places.astype(float)
    return weights / weights.sum(axis=1, keepdims=True)


def logistic_regression(inputs, labels, asked, stages):
    """Fit a multinomial logistic regression with a quadratic penalty (scikit-learn, lbfgs).

    asked: array (..., numbers). Returns an array (..., stages). A stage without training images has probability 0.
    The same inputs give the same result on the same machine.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    found = np.zeros((*asked.shape[:-1], stages))
    # One thread, because the result must not depend on the number of threads, and parallel processes share the cores.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=SHRINKAGE, max_iter=200, tol=TOLERANCE).fit(inputs, labels)
        flat = model.predict_proba(asked.reshape(-1, asked.shape[-1]))
    found[..., model.classes_] = flat.reshape(*asked.shape[:-1], -1)
    return found
