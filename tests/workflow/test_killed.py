"""kill -9 at any moment, then the same command again: the results of a run that was never killed."""

import fcntl
import os
import shutil
import signal

import pytest

from small_project import DATA_SET, kill_when, wait_until


def test_a_run_killed_three_times_ends_as_if_it_had_not_been(finished, project):
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
def test_an_ended_run_goes_on(finished, project, ending):
    shutil.copytree(finished.raw, project.raw)
    process = project.started("--until", "dataset")
    assert wait_until(process, lambda: any(project.results.glob("images/*/*.png")))
    send, its_signal = ENDINGS[ending]
    send(process.pid, its_signal)
    assert process.wait(timeout=600) != 0
    assert not (project.folder / "raw.split.csv").exists()
    if ending == "Ctrl-C":
        assert "Failed" not in project.said
        assert project.said.endswith("Stopped. Run the same command again to continue.\n"), project.said
    again = project.snakemake("--until", "dataset")
    assert again.returncode == 0, again.out
    assert project.differing(finished, *DATA_SET) == []


def test_a_second_run_beside_the_first_is_refused(finished, project):
    shutil.copytree(finished.raw, project.raw)
    project.results.mkdir()
    with open(project.results / ".running", "w") as running:
        fcntl.flock(running, fcntl.LOCK_EX)
        refused = project.snakemake("--until", "dataset")
    assert refused.returncode != 0
    assert "Another run is working on results" in refused.out
    assert not (project.results / "images").exists()
    assert project.snakemake("--until", "dataset").returncode == 0
