"""Cope with unreliable dates of files: the clocks of microscopes, file servers and nodes differ, but Snakemake compares them."""

import base64
import logging
import os
import time

log = logging.getLogger("flystage")
TIMESTAMP = ".snakemake_timestamp"  # in a folder that a rule made; its date counts as that of the folder
LONGEST_WAIT = 60  # seconds
LONGEST_NAME = 255  # bytes; Snakemake splits longer names of records


def without_record(output):
    """Return whether a result exists for which Snakemake has no record in the current folder."""
    record = base64.urlsafe_b64encode(output.encode()).decode()
    return len(record) < LONGEST_NAME and os.path.exists(output) and not os.path.exists(f".snakemake/metadata/{record}")


def is_outdated(output, sources):
    """Return whether one of the files `sources` is newer than the file `output`. Dates in the future are ignored."""
    now, made = time.time(), _date(output)
    return made is not None and any(made < date <= now for date in map(_date, sources) if date is not None)


def date_back(folder):
    """Set dates in the future below `folder` to now, so that files made from these results are not older than they are.

    In a folder that a rule made, only the file with its date is checked.
    """
    now = time.time()
    for place, folders, files in os.walk(folder):
        if TIMESTAMP in files:
            folders.clear()
            files = [TIMESTAMP]
        for path in (os.path.join(place, name) for name in files):
            if (_date(path) or 0) > now:
                os.utime(path, (now, now), follow_symlinks=False)


def wait_for_clock(inputs):
    """Wait until this computer's clock has passed the dates of a job's inputs, so that its outputs are not older.

    The clocks of a cluster's nodes differ by seconds. If they differ by more than LONGEST_WAIT, log a warning instead.
    """
    ahead = max((date for date in map(_date, inputs) if date is not None), default=0) - time.time()
    if ahead > LONGEST_WAIT:
        log.warning(
            "The clock of %s is %.0f seconds behind its inputs. Synchronise the clocks.", os.uname().nodename, ahead
        )
    elif ahead > 0:
        time.sleep(ahead)


def _date(path):
    """Return the time of change, in seconds, of a file or of a folder that a rule made; None if it does not exist."""
    for carrier in (os.path.join(path, TIMESTAMP), path):
        try:
            return os.lstat(carrier).st_mtime
        except OSError:
            continue
    return None
