"""A training's last whole epoch on disk, from which it goes on after a kill."""

import logging
from pathlib import Path

import torch
import torch.distributed as dist

from flystage.core.files import written_whole

log = logging.getLogger("flystage")


class ResumePoint:
    """One file in `folder`. key: says which training it belongs to; a point with another key is passed over."""

    def __init__(self, folder, key):
        self.path, self.key = Path(folder) / "resume.pt", key

    def keep(self, training):
        """Write the state after an epoch, whole or not at all; process 0 does it for all."""
        if training.here.rank == 0:
            with written_whole(self.path) as temporary:
                torch.save({"key": self.key} | _state(training), temporary)

    def restore(self, training):
        """Put a training where its last whole epoch left it; process 0 reads for all."""
        states = [self._read() if training.here.rank == 0 else None]
        if training.here.world > 1:
            dist.broadcast_object_list(states)
        state = states[0]
        if state is None:
            return
        training.network.load_state_dict(state["network"])
        training.optimiser.load_state_dict(state["optimiser"])
        if training.average:
            training.average.load_state_dict(state["average"])
        training.history, training.best_state = state["history"], state["best_state"]
        training.best_loss, training.best_epoch = state["best_loss"], state["best_epoch"]
        log.info("going on after epoch %d of an interrupted training", len(training.history))

    def forget(self):
        """Delete the file, when what it led to is kept elsewhere."""
        self.path.unlink(missing_ok=True)

    def _read(self):
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            return None
        except Exception as error:  # torch raises many kinds for a damaged file
            log.info("The resume point %s cannot be read and is passed over (%s)", self.path, type(error).__name__)
            return None
        return state if isinstance(state, dict) and state.get("key") == self.key else None


def _state(training):
    return {
        "network": training.network.state_dict(),
        "optimiser": training.optimiser.state_dict(),
        "average": training.average.state_dict() if training.average else None,
        "history": training.history,
        "best_state": training.best_state,
        "best_loss": training.best_loss,
        "best_epoch": training.best_epoch,
    }
