"""Keeping two runs out of one results folder, with a lock that dies with its process however it ends."""

import fcntl
import os

from flystage.errors import FlystageError

RESULTS = "FLYSTAGE_RESULTS"  # the environment variable that tells jobs where they work
HELD = []  # open files: closing one would free its lock


def hold(folder):
    """Lock `folder` until this process ends; the system then frees it, even after kill -9.

    Raises FlystageError when another process holds it, or a job works there whose own run was killed.
    """
    os.makedirs(folder, exist_ok=True)
    HELD.append(_locked(folder, ".running", f"Another run is working on {folder}; wait until it has ended."))
    orphans = f"A job of a run that was killed is still working on {folder}; wait until it has ended."
    _locked(folder, ".working", orphans).close()


def at_work():
    """Tell `hold` that a job works here, until this process ends."""
    if RESULTS in os.environ:
        HELD.append(_locked(os.environ[RESULTS], ".working", "", fcntl.LOCK_SH))


def _locked(folder, name, refusal, kind=fcntl.LOCK_EX | fcntl.LOCK_NB):
    file = open(os.path.join(folder, name), "w", encoding="utf-8")  # noqa: SIM115
    try:
        fcntl.flock(file, kind)
    except BlockingIOError as error:
        file.close()
        raise FlystageError(refusal) from error
    return file
