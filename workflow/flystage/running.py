"""Keeping two runs out of one results folder, with a lock that dies with its process however it ends."""

import fcntl
import os

from flystage.errors import FlystageError

HELD = []  # open files: closing one would free its lock


def hold(folder):
    """Lock `folder` until this process ends; the system then frees it, even after kill -9.

    Raises FlystageError when another process holds it.
    """
    os.makedirs(folder, exist_ok=True)
    file = open(os.path.join(folder, ".running"), "w", encoding="utf-8")  # noqa: SIM115
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise FlystageError(f"Another run is working on {folder}; wait until it has ended.") from error
    HELD.append(file)
