"""Run the workflow or other scripts in a separate folder, and measure the time."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from row import seconds
from small_project import REPOSITORY

LIBRARY = os.environ | {"PYTHONPATH": str(REPOSITORY / "workflow")}
SNAKEMAKE = Path(sys.executable).with_name("snakemake")


def default_config():
    return yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))


def emptied(folder):
    """Delete and create a folder, and return it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def python(code, folder=None):
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=LIBRARY, check=True)


def program(name, *arguments):
    """Run a script of the folder others and return its output."""
    command = [sys.executable, Path(__file__).parent / "others" / name, *map(str, arguments)]
    return subprocess.run(command, env=LIBRARY, check=True, capture_output=True, text=True).stdout


def snakemake(folder, config, *arguments):
    """Run the workflow in `folder` on all cores and return the wall time in seconds. A failure ends the benchmark."""
    (folder / "over.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [SNAKEMAKE, "--snakefile", REPOSITORY / "Snakefile", "--cores", "all", *arguments]
    return _timed([*command, "--configfile", "over.yaml"], folder)


def version(folder):
    """Return the wall time of `snakemake --version` in seconds."""
    return _timed([SNAKEMAKE, "--version"], folder)


def _timed(command, folder):
    output = folder / "output.txt"

    def run():
        with open(output, "w", encoding="utf-8") as file:
            subprocess.run(command, cwd=folder, stdout=file, stderr=subprocess.STDOUT, check=True)

    try:
        return seconds(run)
    except subprocess.CalledProcessError:
        sys.exit(f"{output.read_text(encoding='utf-8')[-3000:]}\nThis run failed: {' '.join(map(str, command))}")
