"""Keep two runs out of one results folder, with a lock that the system frees when the process ends."""

import errno
import fcntl
import logging
import os

from flystage.core.errors import FlystageError

log = logging.getLogger("flystage")
RESULTS = "FLYSTAGE_RESULTS"  # the environment variable that names the results folder for jobs
NO_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)  # errors of file systems without locks
HELD = []  # open files: closing one would free its lock


def hold(folder):
    """Lock `folder` until this process ends. The system then frees the lock, even after kill -9.

    Raises FlystageError when another process holds it.
    """
    os.makedirs(folder, exist_ok=True)
    HELD.append(_locked(folder, ".running", f"Another run is working on {folder}. Wait until it has ended."))


def refuse_orphans(folder):
    """Raise FlystageError if a job of a killed run still works in `folder`. Call it after `hold`."""
    orphans = f"A job of a run that was killed is still working on {folder}. Wait until it has ended."
    _locked(folder, ".working", orphans).close()


def at_work():
    """Mark the results folder, for `refuse_orphans`, as used by a job until this process ends."""
    if RESULTS in os.environ:
        HELD.append(_locked(os.environ[RESULTS], ".working", "", fcntl.LOCK_SH))


def _locked(folder, name, refusal, kind=fcntl.LOCK_EX | fcntl.LOCK_NB):
    # Over NFS a file must be open for reading to be locked by many, and for writing to be locked by one.
    file = open(os.path.join(folder, name), "a+", encoding="utf-8")  # noqa: SIM115
    try:
        fcntl.flock(file, kind)
    except BlockingIOError as error:
        file.close()
        raise FlystageError(refusal) from error
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        if name == ".running":  # warn once per run
            log.warning(
                "The file system of %s has no locks. Make sure that only one run at a time works there.", folder
            )
    return file
