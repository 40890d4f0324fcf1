"""Jobs that a killed run has left in Slurm's queue are found by the name of that run."""

import os

import pytest

from flystage.core.errors import FlystageError
from flystage.run.slurm import refuse_left_overs

RUN = "flystage_0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """A function that puts a `squeue` on PATH: it answers so, when it is asked for the jobs of RUN by its name."""
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


def test_a_run_is_refused_until_the_jobs_of_the_last_one_are_gone(tmp_path, queue):
    refuse_left_overs(tmp_path, RUN)
    queue("12\\n9\\n9\\n")
    for _ in range(2):  # a run that is refused does not take the place of the last one
        with pytest.raises(FlystageError, match="'scancel 9 12'"):
            refuse_left_overs(tmp_path, "another")
    queue("")
    refuse_left_overs(tmp_path, "another")
    queue("9\\n")  # of RUN, which is no longer the last one
    refuse_left_overs(tmp_path, None)


def test_runs_without_slurm_ask_nobody(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    for _ in range(2):
        refuse_left_overs(tmp_path, None)


@pytest.mark.parametrize("there", [True, False], ids=["silent", "not installed"])
def test_slurm_that_does_not_answer_is_told_in_one_sentence(tmp_path, queue, monkeypatch, there):
    refuse_left_overs(tmp_path, RUN)
    if there:
        queue(code=1)
    else:
        monkeypatch.setenv("PATH", "")
    with pytest.raises(FlystageError, match="does not say whether jobs of it are still at work") as error:
        refuse_left_overs(tmp_path, RUN)
    assert ("Unable to contact slurm controller" if there else "squeue") in str(error.value)
    assert ".last_run_on_slurm" in str(error.value)
