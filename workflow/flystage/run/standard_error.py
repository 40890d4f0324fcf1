"""Open the standard error output if it is closed from the beginning."""

import contextlib
import os
import sys


def open_standard_error():
    """Open the standard error output as a file that keeps nothing, if it is closed. Else the next file to open takes its number,
    and libraries would write their messages into it.
    """
    if sys.stderr is not None:
        return
    with contextlib.suppress(OSError):
        os.fstat(2)
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  the number is taken already
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    if nothing != 2:
        os.dup2(nothing, 2)
        os.close(nothing)
    os.set_inheritable(2, True)
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
