"""A small project in which the tests run the real Snakefile."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import yaml

import embryos
from flystage.run.variants import merged
from preloaded import fork_snakemake

REPOSITORY = Path(__file__).parents[2]
MINUTES = (51, 87, 123, 159)
SMALL = {
    "split": {"train": 0.5, "val": 0.25, "test": 0.25},
    "buckets": 4,
    "image": {"size": 64, "angles": [90, 180]},
    "model": {"backbone": "timm/test_resnet", "weights": "none", "hidden": [32, 16]},
    "tune": {"trials": 2, "epochs": 3, "batch_size": [16, 32]},
    "train": {"epochs": 4},
    "predict": {"occluded": 2},
    "note": "Synthetic embryos of the tests.",
}
# Files that must not depend on the course of a run. Left out are networks, whose archives name a temporary file, and times.
COMPARED = (
    "catalog.csv",
    "stages.csv",
    "manifests/*",
    "images/*.csv",
    "split/*/*/*.png",
    "features/*.npy",
    "tuning/*.json",
    "model/history.csv",
    "evaluation/*",
    "figures/*.*",
    "figures/crossval/*",
    "report.html",
    "report/methods.txt",
    "predict/predictions.csv",
    "predict/predictions.html",  # the .xlsx holds the time at which it was written
    "predict/series/*",
)
DATA_SET = ("raw.split", "results/catalog", "results/stages", "results/manifests", "results/images", "results/split")


@dataclass
class Project:
    """A folder outside the repository with raw images, a configuration and results."""

    folder: Path
    repository: Path = REPOSITORY
    disks_of: int | None = None  # number of a process whose mounted disks a run sees
    preloaded: ClassVar[bool] = False  # whether Snakemake and its jobs are forks, see the module preloaded

    @property
    def raw(self):
        return self.folder / "raw"

    @property
    def results(self):
        return self.folder / "results"

    @property
    def log(self):
        """Return Snakemake's log of the last run, which holds more than the terminal."""
        return max((self.folder / ".snakemake/log").iterdir()).read_text(encoding="utf-8")

    def command(self, *arguments, over=None, more_config=()):
        """Return the command line that runs the repository's Snakefile in this folder on two cores."""
        config = merged({"raw": ["raw"], "results": "results", **SMALL}, over or {})
        text = yaml.safe_dump(config)
        overlay = self.folder / f"over-{zlib.crc32(text.encode()):08x}.yaml"  # tests may run at the same time
        overlay.write_text(text, encoding="utf-8")
        return [
            Path(sys.executable).with_name("snakemake"), "--snakefile", self.repository / "Snakefile", "--cores", "2",
            *arguments, "--configfile", overlay.name, *more_config,
        ]  # fmt: skip

    def snakemake(self, *arguments, over=None, more_config=(), env=None, anew=False):
        """Run the workflow to its end. Return the finished process, with its output in `out`.

        env: added variables. The last parameter starts a new process without preloaded modules, as a user does.
        """
        command = self.command(*arguments, over=over, more_config=more_config)
        with tempfile.TemporaryDirectory() as folder:
            process = self._start(command, env, said := Path(folder, "said.txt"), anew)
            try:
                process.wait(timeout=1800)
            except (
                BaseException
            ):  # after a timeout or an interrupt: the process has its own session, so it must be ended here
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise
            process.out = said.read_text(encoding="utf-8")
        return process

    def started(self, *arguments, over=None, env=None):
        """Start the workflow in a new process group and return at once. Its output goes to `said`."""
        return self._start(self.command(*arguments, over=over), env, self.folder / "said.txt")

    def _start(self, command, env, said, anew=False):
        env = os.environ | (env or {})
        if self.preloaded and not anew:
            return fork_snakemake(command, self.folder, env, said, self.disks_of)
        with open(said, "w") as file:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=env,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=as_from_a_terminal,
            )

    @property
    def said(self):
        """Return the output so far of the workflow that was `started`."""
        return (self.folder / "said.txt").read_text(encoding="utf-8")

    def contents(self, *beginnings):
        """Return {name: bytes} of the split lock and of the results that must not depend on the course of a run.

        beginnings: starts of the names to return. By default all are returned.
        """
        paths = [path for pattern in COMPARED for path in self.results.glob(pattern)]
        paths += self.folder.glob("*.split.csv")
        whole = [
            path for path in sorted(paths) if not path.name.startswith(".")
        ]  # without unfinished files of a killed job
        names = {str(path.relative_to(self.folder)): path for path in whole}
        return {name: path.read_bytes() for name, path in names.items() if name.startswith(beginnings or "")}

    def differing(self, other, *beginnings):
        """Return a sorted list of the names whose contents differ in another project, see `contents`."""
        ours, theirs = self.contents(*beginnings), other.contents(*beginnings)
        return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))


def as_from_a_terminal():
    """Stop ignoring these signals. Processes inherit that from nohup or from the background of a shell."""
    for ignored in (signal.SIGHUP, signal.SIGINT):
        signal.signal(ignored, signal.SIG_DFL)


def wait_until(process, sign):
    """Wait until `sign()` is true or the process ends. Return whether `sign()` became true while the process ran."""
    deadline = time.monotonic() + 1800
    while process.poll() is None and not sign():
        assert time.monotonic() < deadline, "neither the sign nor the end of the process came within the time limit"
        time.sleep(0.02)
    return process.poll() is None


def kill_when(process, sign):
    """kill -9 the whole process group as soon as `sign()` is true. Return whether it was still running."""
    if not wait_until(process, sign):
        return False
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return True


def write_raw(folder, **wanted):
    """Write a small raw folder of synthetic embryos, see `embryos.write_embryos`."""
    defaults = {"embryos": 5, "minutes": MINUTES, "size": (222, 84), "processes": 1}
    return embryos.write_embryos(folder, **(defaults | wanted))
