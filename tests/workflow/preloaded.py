"""Run Snakemake and its jobs as forks of a process that has imported their dependencies. A small run takes a third of the time.

The parent imports only modules of other packages. Each fork reads the Snakefile, the scripts and the library itself, in its own
environment, folder and session, like a process that a terminal starts. The fixture `finished` and the demo run without forks.
"""

import atexit
import ctypes
import importlib
import multiprocessing
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

FORKING = multiprocessing.get_context("forkserver")
OF_JOBS = [
    "torch",
    "torchvision",
    "timm",
    "matplotlib.pyplot",
    "scipy.stats",
    "sklearn.linear_model",
    "cv2",
    "tifffile",
    "openpyxl",
    "jinja2",
    "onnxscript",
]
FORKING.set_forkserver_preload(["snakemake.cli", "smart_open", "pandas", *OF_JOBS])
OURS = ("flystage", "small_project", "embryos")
# A program that Snakemake starts instead of Python. It passes a script to the process of `_fork_jobs` and ends with its status.
PYTHON_OF_JOBS = """#!{python} -ISE
import os, signal, socket, sys
if sys.argv[1:] and sys.argv[1].endswith(".py"):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the signal reaches the job itself and ends it
    with socket.socket(socket.AF_UNIX) as jobs:
        jobs.connect({address!r})
        said = "\\0".join([os.getcwd(), *sys.argv[1:], "", *(f"{{name}}={{value}}" for name, value in os.environ.items())])
        socket.send_fds(jobs, [len(said.encode(errors="surrogateescape")).to_bytes(8, "big")], [0, 1, 2])
        jobs.sendall(said.encode(errors="surrogateescape"))
        os._exit(int(jobs.recv(8) or b"137"))
os.execv({python!r}, [{python!r}, *sys.argv[1:]])
"""


def fork_snakemake(command, folder, environment, said, disks_of=None):
    """Start a command line of Snakemake and return at once a Forked. said: path of the file for its output.

    disks_of: number of a process whose mounted disks the run sees.
    """
    place = tempfile.TemporaryDirectory(
        prefix="flystage-jobs-"
    )  # a short path, because a socket's address must be short
    arguments = list(map(str, command))
    known = (arguments, str(folder), environment, str(said), place.name, disks_of)
    process = FORKING.Process(target=_snakemake, args=known)
    process.start()
    return Forked(process, place)


class Forked:
    """A process with the methods of Popen that the tests use."""

    def __init__(self, process, place):
        self.process, self.pid, self.kill = process, process.pid, process.kill
        self.place = place  # the folder is deleted with this object

    def poll(self):
        return self.process.exitcode

    returncode = property(poll)

    def wait(self, timeout=None):
        self.process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("snakemake", timeout)
        return self.returncode


def _snakemake(arguments, folder, environment, said, place, disks_of):
    os.setsid()
    terminal = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(terminal, 1)
    os.dup2(terminal, 2)
    if disks_of:
        _go_to_disks(disks_of)
    _begin(folder, environment, arguments)
    running = _fork_jobs(place)
    _customise(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from snakemake.cli import main

    try:
        main(arguments[1:])
    finally:
        os.close(running)


def _go_to_disks(process):
    system = ctypes.CDLL(None, use_errno=True)
    for kind in ("mnt",) if os.geteuid() == 0 else ("user", "mnt"):
        with open(f"/proc/{process}/ns/{kind}", "rb") as namespace:
            if system.setns(namespace.fileno(), 0):
                raise OSError(ctypes.get_errno(), f"setns to the {kind} of process {process}")


def _begin(folder, environment, arguments):
    """Set folder, environment, module path and signals as in a new process."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = [*filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)), *filter(_of_python, sys.path)]
    sys.argv = arguments
    for deadly in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(deadly, signal.SIG_DFL)
    multiprocessing.set_start_method(None, force=True)  # Python's default, not that of the parent process
    assert not [name for name in sys.modules if name.partition(".")[0] in OURS]


def _customise(environment):
    """Import sitecustomize, as Python does at its start, if a test has put one on the path."""
    if "PYTHONPATH" in environment:
        with suppress(ImportError):
            importlib.import_module("sitecustomize")


def _of_python(path):
    return os.path.realpath(path).startswith((os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix)))


def _fork_jobs(place):
    """Fork a process in Snakemake's process group, whose forks run the scripts of the jobs. It ends with Snakemake.

    Return the file descriptor that must stay open until then.
    """
    python, address = Path(place, "python"), str(Path(place, "jobs"))
    python.write_text(PYTHON_OF_JOBS.format(python=sys.executable, address=address), encoding="utf-8")
    python.chmod(0o755)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen()
    ended, running = os.pipe()
    if os.fork():
        listening.close()
        os.close(ended)
        sys.executable = str(python)
        return running
    os.close(running)
    for of_others in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(of_others, signal.SIG_IGN)
    while ended not in select.select([listening, ended], [], [])[0]:
        job, _ = listening.accept()
        if os.fork() == 0:
            _run_job(job)
        job.close()
    os._exit(0)


def _run_job(job):
    size, terminal, *_ = socket.recv_fds(job, 8, 3)
    for number, end in enumerate(terminal):
        os.dup2(end, number)
    size = int.from_bytes(size, "big")
    said = job.recv(size, socket.MSG_WAITALL).decode(errors="surrogateescape").split("\0")
    folder, *script = said[: said.index("")]
    environment = dict(entry.split("=", 1) for entry in said[len(script) + 2 :])
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _begin(folder, environment, script)
        _take_threads(environment)
        multiprocessing.process._parent_process = None  # a real job is not a child of a Python process
        _customise(environment)
        runpy.run_path(script[0], run_name="__main__")
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        code = 130 if isinstance(error, KeyboardInterrupt) else 1
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        with suppress(OSError):  # the waiting process was killed
            job.sendall(str(code).encode())
        os._exit(code)


def _take_threads(environment):
    """Set the numbers of threads, because the loaded libraries no longer read their variables."""
    import torch
    from threadpoolctl import threadpool_limits

    if threads := int(environment.get("OMP_NUM_THREADS", 0)):
        torch.set_num_threads(threads)
        threadpool_limits(threads)
