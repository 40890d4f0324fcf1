"""Interrupt a run from any of its threads. Jobs do not import this, because it needs a dependency of Snakemake."""

import contextlib
import signal
import threading

import psutil


def stop_as_ctrl_c_does():
    """Interrupt this process and all that it started, as Ctrl-C in a terminal does. May be called in any thread."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGINT)
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
