"""Simple ways to answer, which a network must beat: from the training images' inputs and labels to probabilities of others.

Inputs are arrays (images, numbers), labels int arrays (images,); answers are float64 arrays (asked images, stages).
"""

import warnings

import cv2
import numpy as np

from flystage.images.pngs import decoded_png, read_png

SIDE = 20  # pixels of a shrunken picture
FAR = 1e-3  # weight of a stage whose nearest image lies one place further away
SHRINKAGE = 0.1  # C of the logistic regressions, the best for them on the demo; docs/method.md has what others gave
TOLERANCE = 1e-2  # of their gradient; a hundredth of it took three times as long, and answered the same within a point


def shrunken(pngs):
    """The pictures of PNG files shrunk to SIDE x SIDE pixels, each of zero mean and unit variance: float64 array (pngs, SIDE**2)."""
    rows = []
    for png in pngs:
        small = cv2.resize(decoded_png(png, read_png(png)), (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(float)
        rows.append((small.ravel() - small.mean()) / max(small.std(), 1e-6))
    return np.array(rows)


def commonest_stage(labels, asked, stages):
    """The share of each stage among the training images, for so many asked images; of stages as common, the first comes first."""
    shares = np.bincount(labels, minlength=stages) / len(labels) + 1e-9 * np.arange(stages, 0, -1)
    return np.tile(shares / shares.sum(), (asked, 1))


def nearest_neighbour(inputs, labels, asked, stages):
    """Stages in the order of how near their nearest training image is (Euclidean); nearly all weight is on the first."""
    squared = (asked**2).sum(axis=1)[:, None] + (inputs**2).sum(axis=1)[None, :] - 2 * asked @ inputs.T
    nearest = np.full((len(asked), stages), np.inf)
    for label in np.unique(labels):
        nearest[:, label] = squared[:, labels == label].min(axis=1)
    places = np.argsort(np.argsort(nearest, axis=1, kind="stable"), axis=1)
    weights = FAR ** places.astype(float)
    return weights / weights.sum(axis=1, keepdims=True)


def logistic_regression(inputs, labels, asked, stages):
    """Multinomial logistic regression with a quadratic penalty (scikit-learn's, lbfgs).

    asked: array (..., numbers), the answer is (..., stages). A stage without training images has probability 0.
    The same inputs give the same answer on the same machine.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    found = np.zeros((*asked.shape[:-1], stages))
    # One thread: the result must not depend on their number, and processes side by side share the cores.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=SHRINKAGE, max_iter=200, tol=TOLERANCE).fit(inputs, labels)
        flat = model.predict_proba(asked.reshape(-1, asked.shape[-1]))
    found[..., model.classes_] = flat.reshape(*asked.shape[:-1], -1)
    return found
