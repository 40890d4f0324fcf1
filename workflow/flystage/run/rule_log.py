"""What a rule says while it runs: records to its log file and the terminal, mistakes as one sentence."""

import errno
import logging
import resource
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

from flystage.core.disclosure import without_credentials
from flystage.core.errors import FlystageError, first_line
from flystage.run.dates import wait_for_clock
from flystage.run.locks import at_work

logging.raiseExceptions = False  # a log that cannot be written, on a full disk, is no fault of its own
log = logging.getLogger("flystage")
AT_THE_END = "at_the_end"  # a warning with this attribute is not told at once, but when the run has ended


@contextmanager
def rule_log(path, inputs=()):
    """Write everything the rule logs to the file `path`, at the end its peak memory, and warnings to the terminal as well.

    inputs: paths of the files that the rule reads; it does not end before the clock has passed their dates.

    A FlystageError or a full disk ends the process with a sentence and exit code 1; any other exception is a fault of the program:
    its traceback goes to the log file.
    """
    at_work()
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    to_file = logging.FileHandler(path, mode="w", encoding="utf-8")
    to_file.setFormatter(_Discreet("%(asctime)s %(levelname)s %(message)s"))
    to_terminal = logging.StreamHandler(sys.stderr)
    to_terminal.setLevel(logging.WARNING)
    to_terminal.setFormatter(_Sentence())
    to_terminal.addFilter(lambda record: not getattr(record, AT_THE_END, False))
    log.setLevel(logging.INFO)
    log.handlers = [to_file, to_terminal]
    try:
        yield log
    except FlystageError as error:
        log.error("%s", error)
        sys.exit(1)
    except Exception as error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            log.error("%s (%s): free some space and run again.", error.strerror, error.filename or path)
        else:
            name, text = type(error).__name__, first_line(error)
            log.exception("A fault in flystage itself (%s: %s); please report it with this log: %s", name, text, path)
        sys.exit(1)
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)  # bytes
        log.info("peak memory %.0f MiB", peak / 2**20)
        wait_for_clock(inputs)
    finally:
        with suppress(OSError):
            to_file.close()


class _Discreet(logging.Formatter):
    """What libraries say of a failed download or login may hold the login."""

    def format(self, record):
        return without_credentials(super().format(record))


class _Sentence(logging.Formatter):
    def format(self, record):
        return without_credentials(record.getMessage())  # without the traceback, which is in the file
