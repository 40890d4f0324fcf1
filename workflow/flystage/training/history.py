"""What a training history says: one row per epoch with epoch, train_loss, val_loss, val_top1; and phase if there were two."""

import math

from flystage.core.errors import FlystageError


def best_epoch(history):
    """The row of the history that was kept: the first with the lowest validation loss."""
    return min(history, key=lambda row: row["val_loss"] if math.isfinite(row["val_loss"]) else math.inf)


def joined(head, network):
    """The history of a fine-tuning, of the head alone and then of the whole network, epochs numbered through."""
    rows = [row | {"phase": "head"} for row in head]
    return rows + [row | {"epoch": len(head) + row["epoch"], "phase": "network"} for row in network]


def check_converged(history, learning_rate):
    """Raise FlystageError when no epoch of the history had a finite validation loss."""
    if not math.isfinite(best_epoch(history)["val_loss"]):
        raise FlystageError(
            f"Training diverged at a learning rate of {learning_rate:g}: no epoch had a finite validation loss; lower the upper"
            " end of tune.learning_rate."
        )
