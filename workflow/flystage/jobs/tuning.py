"""Which hyperparameters a trial tries, and which trial was best."""

import math

from flystage.core.errors import FlystageError
from flystage.training.history import best_epoch


def trial_settings(trial, learning_rate, batch_size):
    """{"learning_rate", "batch_size"} of trial number `trial`, from 0.

    The point number trial + 1 of the unscrambled two-dimensional Sobol sequence, so a trial's settings depend neither on
    the number of trials nor on any seed. learning_rate: [lowest, highest], log-uniform. batch_size: list of choices.
    """
    from torch.quasirandom import SobolEngine  # torch takes seconds to import, and choosing the best does not need it

    across, down = SobolEngine(dimension=2).fast_forward(trial + 1).draw(1)[0].tolist()
    lowest, highest = learning_rate
    return {
        "learning_rate": lowest * (highest / lowest) ** across,
        "batch_size": batch_size[min(int(down * len(batch_size)), len(batch_size) - 1)],
    }


def trial_record(trial, settings, history):
    """What is kept of a trial: its settings, and the loss, accuracy and number of its best epoch.

    history: as `fit` returns it. val_loss is None for a trial that diverged.
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


def best_trial(records):
    """The record with the lowest validation loss; the lower trial number wins a tie.

    Raises FlystageError when every trial diverged (val_loss None).
    """
    finite = [record for record in records if record["val_loss"] is not None]
    if not finite:
        raise FlystageError("Every tuning trial diverged: lower both ends of tune.learning_rate.")
    return min(finite, key=lambda record: (record["val_loss"], record["trial"]))
