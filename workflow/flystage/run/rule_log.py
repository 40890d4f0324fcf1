"""Write what a rule logs to its log file and the terminal, and users' errors without a traceback."""

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
from flystage.run.standard_error import open_standard_error

logging.raiseExceptions = False  # a full disk must not raise a second error in the log
log = logging.getLogger("flystage")
AT_THE_END = "at_the_end"  # a warning with this attribute is shown only after the run


@contextmanager
def rule_log(path, inputs=()):
    """Write everything the rule logs to the file `path`, with its peak memory at the end. Warnings also go to the terminal.

    inputs: paths of the files that the rule reads. The rule waits at its end until the clock has passed their dates.

    A FlystageError or a full disk ends the process with a message and exit code 1. Any other exception is an error in the program.
    It also ends the process with exit code 1, and its traceback goes to the log file.
    """
    open_standard_error()
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
    except BrokenPipeError:
        log.error("Nobody reads the output of this command any more. Run it again without `| head` or the like.")
        sys.exit(1)
    except Exception as error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            log.error("%s (%s). Free some space and run again.", error.strerror, error.filename or path)
        else:
            name, text = type(error).__name__, first_line(error)
            log.exception("Internal error in flystage (%s: %s). Please report it with this log: %s", name, text, path)
        sys.exit(1)
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)  # bytes
        log.info("peak memory %.0f MiB", peak / 2**20)
        wait_for_clock(inputs)
    finally:
        with suppress(OSError):
            to_file.close()


class _Discreet(logging.Formatter):
    """Remove credentials, which libraries may include in messages on a failed download or login."""

    def format(self, record):
        return without_credentials(super().format(record))


class _Sentence(logging.Formatter):
    def format(self, record):
        return without_credentials(record.getMessage())  # the traceback is in the log file only
