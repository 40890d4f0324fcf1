"""Jobs that a killed run has left in Slurm's queue are found through Snakemake's log of that run."""

import os

import pytest

from flystage.errors import FlystageError
from flystage.slurm import jobs_in_queue, refuse_left_overs

RUN = "flystage_0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """A function that puts a `squeue` on PATH: it answers so, when it is asked for the jobs of RUN by its name."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")

    def answering(answer="", code=0):
        program = tmp_path / "bin" / "squeue"
        lines = [f'case "$*" in *--name={RUN}*) printf "{answer}";; esac', f"exit {code}"]
        if code:
            lines.insert(0, 'echo "slurm_load_jobs error: Unable to contact slurm controller" >&2')
        program.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        program.chmod(0o755)

    return answering


def log_of(folder, text):
    path = folder / "snakemake.log"
    path.write_text(text)
    return path


def test_jobs_of_the_run_that_wrote_the_log(tmp_path, queue):
    log = log_of(tmp_path, f"Building DAG of jobs...\nSLURM run ID: {RUN}\nUsing shell: /usr/bin/bash\n")
    queue("12\\n9\\n9\\n")
    assert jobs_in_queue(log) == ["9", "12"]
    queue("")
    assert jobs_in_queue(log) == []


def test_a_run_without_slurm_asks_nobody(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert jobs_in_queue(log_of(tmp_path, "Provided cores: 2\n")) == []
    assert jobs_in_queue(tmp_path / "gone.log") == []


@pytest.mark.parametrize("there", [True, False], ids=["silent", "not installed"])
def test_slurm_that_does_not_answer_is_told_in_one_sentence(tmp_path, queue, monkeypatch, there):
    log = log_of(tmp_path, f"SLURM run ID: {RUN}\n")
    if there:
        queue(code=1)
    else:
        monkeypatch.setenv("PATH", "")
    with pytest.raises(FlystageError, match="does not say whether jobs of it are still at work") as error:
        jobs_in_queue(log)
    assert ("Unable to contact slurm controller" if there else "squeue") in str(error.value)
    assert str(log) in str(error.value)


def test_a_run_is_refused_until_the_jobs_of_the_last_one_are_gone(tmp_path, queue):
    first, second = log_of(tmp_path, f"SLURM run ID: {RUN}\n"), tmp_path / "second.log"
    refuse_left_overs(tmp_path, first)
    queue("9\\n12\\n")
    for _ in range(2):  # a refused run does not take the place of the last one
        with pytest.raises(FlystageError, match="'scancel 9 12'"):
            refuse_left_overs(tmp_path, second)
    queue("")
    refuse_left_overs(tmp_path, second)
    queue("9\\n")
    refuse_left_overs(tmp_path, second)  # the second run left nothing, and its log is gone
