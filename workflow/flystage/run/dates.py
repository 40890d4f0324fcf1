"""Dates of files, which tell little: clocks of microscopes, file servers and nodes differ, and Snakemake compares them all."""

import base64
import logging
import os
import time

log = logging.getLogger("flystage")
TIMESTAMP = ".snakemake_timestamp"  # in a folder that a rule made: its date is that of the folder
LONGEST_WAIT = 60  # seconds
LONGEST_NAME = 255  # bytes; Snakemake's records of longer ones lie in pieces


def without_record(output):
    """Whether a result exists of which Snakemake, seen from this folder, does not know how it was made."""
    record = base64.urlsafe_b64encode(output.encode()).decode()
    return len(record) < LONGEST_NAME and os.path.exists(output) and not os.path.exists(f".snakemake/metadata/{record}")


def is_outdated(output, sources):
    """Whether one of the files `sources` was changed after the file `output` was made, by dates that are not in the future."""
    now, made = time.time(), _date(output)
    return made is not None and any(made < date <= now for date in map(_date, sources) if date is not None)


def date_back(folder):
    """Give results below `folder` that are dated in the future the date of now: what is made of them is not older then.

    Of a folder that a rule made only the file with its date is looked at.
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

    Clocks of a cluster's nodes differ by seconds. By more than a minute they must be set right, which is told.
    """
    ahead = max((date for date in map(_date, inputs) if date is not None), default=0) - time.time()
    if ahead > LONGEST_WAIT:
        log.warning(
            "The clock of %s is %.0f seconds behind that of its inputs: set it right.", os.uname().nodename, ahead
        )
    elif ahead > 0:
        time.sleep(ahead)


def _date(path):
    """The time of change of a file or of a folder that a rule made, in seconds; None when there is none."""
    for carrier in (os.path.join(path, TIMESTAMP), path):
        try:
            return os.lstat(carrier).st_mtime
        except OSError:
            continue
    return None
