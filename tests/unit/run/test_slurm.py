"""Jobs that a killed run left in Slurm's queue are found by the name of the run."""

import os

import pytest

from flystage.core.errors import FlystageError
from flystage.run.slurm import refuse_left_overs

RUN = "flystage_0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """Return a function that puts a `squeue` on PATH, which gives a fixed answer for the jobs of RUN."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")

    def answering(answer="", code=0):
        program = tmp_path / "bin" / "squeue"
        lines = [f'case "$*" in *--name={RUN}) printf "{answer}";; esac', f"exit {code}"]
        if code:
            lines.insert(0, 'echo "slurm_load_jobs error: Unable to contact slurm controller" >&2')
        program.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        program.chmod(0o755)

    return answering


def test_a_run_is_refused_until_jobs_of_the_last_run_have_ended(tmp_path, queue):
    refuse_left_overs(tmp_path, RUN)
    queue("12\\n9\\n9\\n")
    for _ in range(2):  # a refused run does not become the last run
        with pytest.raises(FlystageError, match="'scancel 9 12'"):
            refuse_left_overs(tmp_path, "another")
    queue("")
    refuse_left_overs(tmp_path, "another")
    queue("9\\n")  # of RUN, which is no longer the last one
    refuse_left_overs(tmp_path, None)


def test_runs_without_slurm_do_not_call_squeue(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    for _ in range(2):
        refuse_left_overs(tmp_path, None)


@pytest.mark.parametrize("there", [True, False], ids=["silent", "not installed"])
def test_a_failing_squeue_is_one_message(tmp_path, queue, monkeypatch, there):
    refuse_left_overs(tmp_path, RUN)
    if there:
        queue(code=1)
    else:
        monkeypatch.setenv("PATH", "")
    with pytest.raises(FlystageError, match="squeue does not answer") as error:
        refuse_left_overs(tmp_path, RUN)
    assert ("Unable to contact slurm controller" if there else "No such file") in str(error.value)
    assert ".last_run_on_slurm" in str(error.value)
