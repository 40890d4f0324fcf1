"""A small project to run the real Snakefile in."""

import subprocess
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

import yaml

import embryos

REPOSITORY = Path(__file__).parents[2]
MINUTES = (51, 87, 123, 159)
SMALL = {
    "split": {"train": 0.5, "val": 0.25, "test": 0.25},
    "buckets": 4,
    "image": {"size": 64, "angles": [90, 180]},
    "model": {"backbone": "resnet18", "weights": "none", "hidden": [32, 16]},
    "tune": {"trials": 2, "epochs": 3, "batch_size": [16, 32]},
    "train": {"epochs": 4},
    "note": "Synthetic embryos of the tests.",
}


def merged(base, over):
    """Two nested dicts as Snakemake merges configuration files."""
    return base | {
        key: merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
        for key, value in over.items()
    }


@dataclass
class Project:
    """A folder with raw images, a configuration and results, away from the repository."""

    folder: Path

    @property
    def raw(self):
        return self.folder / "raw"

    @property
    def results(self):
        return self.folder / "results"

    def command(self, *arguments, over=None, more_config=()):
        """The command line that runs the repository's Snakefile here, on two cores."""
        config = merged({"raw": ["raw"], "results": "results", **SMALL}, over or {})
        text = yaml.safe_dump(config)
        overlay = self.folder / f"over-{zlib.crc32(text.encode()):08x}.yaml"  # tests may run side by side
        overlay.write_text(text, encoding="utf-8")
        return [
            Path(sys.executable).with_name("snakemake"), "--snakefile", REPOSITORY / "Snakefile", "--cores", "2",
            *arguments, "--configfile", overlay.name, *more_config,
        ]  # fmt: skip

    def snakemake(self, *arguments, over=None, more_config=()):
        """Run the workflow to its end. Returns the finished process; `out` is all it printed."""
        command = self.command(*arguments, over=over, more_config=more_config)
        process = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=600)
        process.out = process.stdout + process.stderr
        return process

    def started(self, *arguments):
        """Start the workflow in a process group of its own and return at once."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def write_raw(folder, **wanted):
    """A small raw folder of synthetic embryos; see `embryos.write_embryos`."""
    defaults = {"embryos": 5, "minutes": MINUTES, "size": (222, 84), "processes": 1}
    return embryos.write_embryos(folder, **(defaults | wanted))
