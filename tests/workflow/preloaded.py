"""Snakemake as a fork of a process that has imported it already, which takes two thirds of the time of a dry run.

Nothing but modules of others is imported there: the Snakefile and the library are read anew by each fork, in an environment, a
folder, and a session of its own, as by a process that a terminal starts.
"""

import multiprocessing
import os
import signal
import subprocess
import sys

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(["snakemake.cli", "smart_open", "pandas"])
OURS = ("flystage", "small_project", "embryos")


def fork_snakemake(command, folder, environment, said):
    """Start a command line of Snakemake and return at once. said: the file for all that it says. Returns what Popen would."""
    arguments = list(map(str, command))
    process = FORKING.Process(target=_snakemake, args=(arguments, str(folder), environment, str(said)))
    process.start()
    return Forked(process)


class Forked:
    """A process with those methods of Popen that the tests use."""

    def __init__(self, process):
        self.process, self.pid, self.kill = process, process.pid, process.kill

    def poll(self):
        return self.process.exitcode

    returncode = property(poll)

    def wait(self, timeout=None):
        self.process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("snakemake", timeout)
        return self.returncode


def _snakemake(arguments, folder, environment, said):
    os.setsid()
    terminal = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(terminal, 1)
    os.dup2(terminal, 2)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = [*filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)), *filter(_of_python, sys.path)]
    sys.argv = arguments
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for deadly in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(deadly, signal.SIG_DFL)
    assert not [name for name in sys.modules if name.partition(".")[0] in OURS]
    from snakemake.cli import main

    main(arguments[1:])


def _of_python(path):
    return os.path.realpath(path).startswith((os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix)))
