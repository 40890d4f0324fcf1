"""What a training history says: one row per epoch with epoch, train_loss; val_loss, val_top1 if it was validated; phase if it had two."""

import math

import numpy as np

from flystage.core.errors import FlystageError


def best_epoch(history):
    """The row of the history that was kept: the first with the lowest validation loss; without validation the last."""
    if "val_loss" not in history[-1]:
        return history[-1]
    return min(history, key=lambda row: row["val_loss"] if math.isfinite(row["val_loss"]) else math.inf)


def mean_history(histories, images):
    """The mean of several trainings' histories, epoch by epoch up to the end of the shortest, as one history.

    images: how many were validated in each, which is its weight.
    """
    weights = np.array(images) / sum(images)
    return [
        {"epoch": rows[0]["epoch"]}
        | {name: float(weights @ [row[name] for row in rows]) for name in ("train_loss", "val_loss", "val_top1")}
        for rows in zip(*histories, strict=False)
    ]


def joined(head, network):
    """The history of a fine-tuning, of the head alone and then of the whole network, epochs numbered through."""
    rows = [row | {"phase": "head"} for row in head]
    return rows + [row | {"epoch": len(head) + row["epoch"], "phase": "network"} for row in network]


def check_converged(history, learning_rate):
    """Raise FlystageError when the epoch that was kept has no finite loss."""
    kept = best_epoch(history)
    if not math.isfinite(kept.get("val_loss", kept["train_loss"])):
        raise FlystageError(
            f"Training diverged at a learning rate of {learning_rate:g}: no epoch had a finite loss; lower the upper"
            " end of tune.learning_rate."
        )
