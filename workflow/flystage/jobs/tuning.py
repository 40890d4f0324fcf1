"""Choose the hyperparameters of a trial, and the best trial."""

import math

from flystage.core.errors import FlystageError
from flystage.training.history import best_epoch


def trial_settings(trial, learning_rate, batch_size):
    """Return {"learning_rate", "batch_size"} of trial number `trial`, from 0.

    They come from point number trial + 1 of the unscrambled two-dimensional Sobol sequence. So they do not depend on
    the number of trials or on a seed. learning_rate: [lowest, highest], log-uniform. batch_size: list of choices.
    """
    # This import takes seconds, and `best_trial` does not need it.
    from torch.quasirandom import SobolEngine

    across, down = SobolEngine(dimension=2).fast_forward(trial + 1).draw(1)[0].tolist()
    lowest, highest = learning_rate
    return {
        "learning_rate": lowest * (highest / lowest) ** across,
        "batch_size": batch_size[min(int(down * len(batch_size)), len(batch_size) - 1)],
    }


def trial_record(trial, settings, history):
    """Return the record of a trial: its settings, and the loss, accuracy and number of its best epoch.

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


def best_trial(records):
    """Return the record with the lowest validation loss. In a tie, the lower trial number wins.

    Raises FlystageError if every trial diverged (val_loss None).
    """
    finite = [record for record in records if record["val_loss"] is not None]
    if not finite:
        raise FlystageError(
            "Every tuning trial diverged, so no trial is the best. Lower both ends of tune.learning_rate."
        )
    return min(finite, key=lambda record: (record["val_loss"], record["trial"]))
