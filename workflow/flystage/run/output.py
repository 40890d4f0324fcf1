"""Cope with an output whose reader has gone, as after `| head -5` or q in less."""

import contextlib
import os
import signal
import threading


class Unbroken:
    """A text stream whose methods never raise. Once its reader has gone, `reader_gone` is true and all further text is dropped.

    Snakemake logs from the threads of its jobs. An exception there loses the end of a job, and the run waits for it forever.
    """

    def __init__(self, stream):
        self.stream, self.reader_gone = stream, False

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def write(self, text):
        self._attempt(self.stream.write, text)

    def flush(self):
        self._attempt(self.stream.flush)

    def _attempt(self, action, *arguments):
        try:
            action(*arguments)
        except BrokenPipeError:
            self.reader_gone = True
            _to_nowhere(self.stream)
        except (OSError, ValueError):
            pass  # a full disk or a closed terminal: the work itself can go on


def unbroken(handler, stop):
    """Let a logging handler write to its stream without raising. Return the handler.

    stop: called once, in the thread that logs, after a message that nobody reads any more.
    """
    stream, emit = Unbroken(handler.stream), handler.emit
    handler.stream = stream
    told = []

    def emit_and_stop(record):
        try:
            emit(record)
        except Exception:
            handler.handleError(record)
        if stream.reader_gone and not told:
            told.append(True)
            stop()

    handler.emit = emit_and_stop
    return handler


def stop_as_ctrl_c_does():
    """Interrupt this process and all that it started, as Ctrl-C in a terminal does. May be called in any thread."""
    import psutil  # a dependency of Snakemake

    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGINT)
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


def _to_nowhere(stream):
    """Let the file of a stream keep nothing, so that nobody else fails at it, such as Python when it ends."""
    with contextlib.suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)
