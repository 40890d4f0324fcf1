"""Tests that a killed or stopped run, repeated with the same command, gives the results of an undisturbed run."""

import fcntl
import os
import re
import shutil
import signal
import subprocess

import pytest

from small_project import DATA_SET, as_from_a_terminal, kill_when, wait_until


def test_a_run_killed_three_times_gives_the_same_results(finished, project):
    shutil.copytree(finished.raw, project.raw)
    results = project.results
    moments = {
        "preparing": lambda: any(results.glob("images/*/*.png")),
        "computing features": lambda: (results / "cache/vectors.sqlite").exists(),
        "evaluating": lambda: (results / "logs/evaluate.log").exists(),
    }
    for moment, sign in moments.items():
        assert kill_when(project.started(), sign), f"the run ended before it was {moment}"
    assert not (results / "report.html").exists()
    process = project.snakemake()
    assert process.returncode == 0, process.out
    assert project.differing(finished) == []
    assert "Nothing to be done" in project.snakemake("--dry-run").out


ENDINGS = {
    "Ctrl-C": (os.killpg, signal.SIGINT),
    "closed terminal": (os.killpg, signal.SIGHUP),
    "SIGTERM": (os.kill, signal.SIGTERM),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_stopped_run_continues_with_the_same_command(finished, project, ending):
    shutil.copytree(finished.raw, project.raw)
    process = project.started("--until", "dataset")
    assert wait_until(process, lambda: any(project.results.glob("images/*/*.png")))
    send, its_signal = ENDINGS[ending]
    send(process.pid, its_signal)
    assert process.wait(timeout=600) != 0
    assert not (project.folder / "raw.split.csv").exists()
    if ending == "Ctrl-C":
        assert "Failed" not in project.said
        assert re.search(r"^Stopped.* again .*\n\Z", project.said, re.MULTILINE | re.IGNORECASE), project.said
    again = project.snakemake("--until", "dataset")
    assert again.returncode == 0, again.out
    assert project.differing(finished, *DATA_SET) == []


def test_a_run_whose_output_nobody_reads_any_more_ends_and_frees_its_lock(finished):
    """As after `| head -4`, or q in less."""
    command = finished.command("check")
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(command, cwd=finished.folder, preexec_fn=as_from_a_terminal, **pipe)
    for line in process.stdout:
        if line.startswith("[1/1]"):
            break
    process.stdout.close()
    assert process.wait(timeout=600) != 0
    with open(finished.results / ".running", "w") as running:
        fcntl.flock(running, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert finished.snakemake("check").returncode == 0


def test_a_second_run_in_the_same_results_folder_is_refused(finished, project):
    shutil.copytree(finished.raw, project.raw)
    project.results.mkdir()
    with open(project.results / ".running", "w") as running:
        fcntl.flock(running, fcntl.LOCK_EX)
        refused = project.snakemake("--until", "dataset")
    assert refused.returncode != 0
    assert re.search(r"\b[Aa]nother run\b.* results\b", refused.out)
    assert not (project.results / "images").exists()
    assert project.snakemake("--until", "dataset").returncode == 0
