"""Store the last complete epoch of a training, so that it can resume after an interruption."""

import logging
from pathlib import Path

import torch
import torch.distributed as dist

from flystage.core.files import written_whole

log = logging.getLogger("flystage")


class ResumePoint:
    """A file in `folder` with the state of a training. key: identifies the training.

    A file with another key is ignored.
    """

    def __init__(self, folder, key):
        self.path, self.key = Path(folder) / "resume.pt", key

    def keep(self, training):
        """Write the state after an epoch, as an atomic write. Process 0 does this for all processes."""
        if training.here.rank == 0:
            with written_whole(self.path) as temporary:
                torch.save({"key": self.key} | _state(training), temporary)

    def restore(self, training):
        """Restore the state after the last complete epoch, if there is one. Process 0 reads it for all processes."""
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
        """Delete the file once the result of the training is stored elsewhere."""
        self.path.unlink(missing_ok=True)

    def _read(self):
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            return None
        except Exception as error:  # torch raises many kinds of errors for a damaged file
            log.info(
                "The resume point %s is unreadable (%s). Training starts from the beginning.",
                self.path,
                type(error).__name__,
            )
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
