"""kill -9 at any moment, then the same command again: the results of a run that was never killed."""

import fcntl
import os
import shutil
import signal
import time

COMPARED = ["manifests/*.csv", "stages.csv", "tuning/*.json", "model/history.csv", "evaluation/*"]


def contents(project):
    """The results that must not depend on how a run went, by name."""
    return {
        str(path.relative_to(project.results)): path.read_bytes()
        for pattern in COMPARED
        for path in sorted(project.results.glob(pattern))
    }


def kill_when(project, sign):
    """Start a run and kill its whole process group as soon as `sign()` is true. Returns whether it was killed."""
    process = project.started()
    deadline = time.monotonic() + 300
    while process.poll() is None and not sign():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    if process.poll() is not None:
        return False
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return True


def test_a_run_killed_three_times_ends_as_if_it_had_not_been(finished, project):
    shutil.copytree(finished.raw, project.raw)
    results = project.results
    moments = {
        "preparing": lambda: any(results.glob("images/*/*.png")),
        "computing features": lambda: "to compute" in text(results / "logs/features.log"),
        "evaluating": lambda: (results / "logs/evaluate.log").exists(),
    }
    for moment, sign in moments.items():
        assert kill_when(project, sign), f"the run ended before it was {moment}"
    assert not (results / "report.html").exists()
    process = project.snakemake()
    assert process.returncode == 0, process.out
    assert contents(project) == contents(finished)
    assert "Nothing to be done" in project.snakemake("--dry-run").out


def text(path):
    return path.read_text() if path.exists() else ""


def test_ctrl_c_ends_a_run_and_the_next_one_goes_on(finished, project):
    shutil.copytree(finished.raw, project.raw)
    process = project.started("--until", "dataset")
    while not any(project.results.glob("images/*/*.png")):
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=60) != 0
    assert not (project.folder / "raw.split.csv").exists()
    again = project.snakemake("--until", "dataset")
    assert again.returncode == 0, again.out
    manifests = {name: content for name, content in contents(finished).items() if name.startswith("manifests")}
    assert {name: contents(project)[name] for name in manifests} == manifests


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
