"""Choose the hyperparameters of each trial, and the best trial."""

import math

import numpy as np

from flystage.certainty.calibration import fitted_temperature, tempered
from flystage.core.errors import FlystageError
from flystage.evaluation.intervals import cluster_variance
from flystage.training.history import best_epoch

# The settings of trial 0. With 8 and with 24 embryos no tuned settings were better than these (docs/experiments.md).
FIXED = {"learning_rate": 1e-3, "batch_size": 128}


def trial_settings(trial, learning_rate, batch_size):
    """Return {"learning_rate", "batch_size"} of trial number `trial`, counted from 0.

    Trial 0 has the FIXED settings, or the nearest that are allowed. Trial i is point i + 1 of the unscrambled two-dimensional Sobol
    sequence, because point 1 is the middle of the ranges, which is trial 0 in the default ranges. So a trial's settings depend
    neither on the number of trials nor on any seed. learning_rate: [lowest, highest], log-uniform. batch_size: list of choices.
    """
    lowest, highest = learning_rate
    if trial == 0:
        return {
            "learning_rate": min(max(FIXED["learning_rate"], lowest), highest),
            "batch_size": min(batch_size, key=lambda size: (abs(size - FIXED["batch_size"]), size)),
        }
    from torch.quasirandom import SobolEngine  # torch takes seconds to import, and choosing the best does not need it

    across, down = SobolEngine(dimension=2).fast_forward(trial + 1).draw(1)[0].tolist()
    return {
        "learning_rate": lowest * (highest / lowest) ** across,
        "batch_size": batch_size[min(int(down * len(batch_size)), len(batch_size) - 1)],
    }


def trial_record(trial, settings, history):
    """Return the record of a trial that the validation split scored: settings; loss, accuracy and number of its best epoch.

    history: from `train_head`. val_loss is None if the trial diverged.
    """
    best = best_epoch(history)
    finite = math.isfinite(best["val_loss"])
    return {
        "trial": trial,
        **settings,
        "val_loss": best["val_loss"] if finite else None,
        "val_top1": best["val_top1"],
        "best_epoch": best["epoch"],
        "epochs": len(history),
    }


def record_by_embryo(trial, settings, probabilities, labels, embryos):
    """Return the record of a trial that trained for all its epochs and whose scored images belong to several embryos.

    settings: learning_rate, batch_size and epochs. probabilities: of each stage, array (images, stages), out of fold. labels: of the
    true stages. embryos: of each image. "val_loss" is the mean cross-entropy of the true stage at the temperature that suits the
    trial best, so that a head is not chosen for how sure it is of itself; calibration follows later. None if the trial diverged.
    "losses" has the mean of each of "embryos", with its number of "images". "best_epoch" is the last one.
    """
    names, image = np.unique(embryos, return_inverse=True)
    images = np.bincount(image)
    record = {"trial": trial, **settings, "best_epoch": settings["epochs"]}
    record |= {"embryos": names.tolist(), "images": images.tolist()}
    if not np.isfinite(probabilities).all():
        return record | {"val_loss": None, "val_top1": 0.0, "losses": None}
    true = tempered(probabilities, fitted_temperature(probabilities, labels))[np.arange(len(labels)), labels]
    losses = -np.log(np.maximum(true, 1e-300))
    return record | {
        "val_loss": float(losses.mean()),
        "val_top1": float((probabilities.argmax(axis=1) == labels).mean()),
        "losses": (np.bincount(image, weights=losses) / images).tolist(),
    }


def best_trial(records):
    """Return the record of the settings to train with, without its losses by embryo.

    These are the settings of trial 0. Another trial displaces them only if its loss is lower by more than the standard error of the
    difference over embryos, because the lowest loss on a few embryos is partly luck. "displaced" says whether it was. Records without
    losses by embryo come from SageMaker or from fine-tuning. Of these the lowest validation loss wins, and the lower trial number wins
    a tie.
    Raises FlystageError if every trial diverged (val_loss None).
    """
    finite = [record for record in records if record["val_loss"] is not None]
    if not finite:
        raise FlystageError(
            "Every tuning trial diverged. Lower both ends of tune.learning_rate in your configuration file."
        )
    best = min(finite, key=lambda record: (record["val_loss"], record["trial"]))
    default = min(records, key=lambda record: record["trial"])
    if best.get("losses") and default["trial"] == 0:
        if default["losses"]:
            lower = np.repeat(np.subtract(default["losses"], best["losses"]), best["images"])  # of each image
            variance, _ = cluster_variance(lower, np.repeat(best["embryos"], best["images"]))
            best = best if lower.mean() > np.sqrt(variance) else default  # NaN, of one embryo, displaces nothing
        best = best | {"displaced": best["trial"] != 0}
    return {key: value for key, value in best.items() if key not in ("losses", "embryos", "images")}
