"""Read training histories.

A history has one row per epoch: epoch and train_loss, val_loss and val_top1 if validated, and phase if fine-tuned.
"""

import math

from flystage.core.errors import FlystageError


def best_epoch(history):
    """Return the row of the kept epoch: the first with the lowest validation loss, or the last without validation."""
    if "val_loss" not in history[-1]:
        return history[-1]
    return min(history, key=lambda row: row["val_loss"] if math.isfinite(row["val_loss"]) else math.inf)


def joined(head, network):
    """Join the histories of the head and of the whole network into one, with consecutive epoch numbers."""
    rows = [row | {"phase": "head"} for row in head]
    return rows + [row | {"epoch": len(head) + row["epoch"], "phase": "network"} for row in network]


def check_converged(history, learning_rate):
    """Raise FlystageError if the loss of the kept epoch is not finite."""
    kept = best_epoch(history)
    if not math.isfinite(kept.get("val_loss", kept["train_loss"])):
        raise FlystageError(
            f"Training diverged at a learning rate of {learning_rate:g}, because no epoch had a finite loss. Lower the upper end of"
            " tune.learning_rate in your configuration file."
        )
