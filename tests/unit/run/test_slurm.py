"""Jobs that a killed run left in Slurm's queue are found by the name of the run."""

import os

import pytest

from flystage.core.errors import FlystageError
from flystage.run.slurm import refusal, refuse_left_overs

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


CALL = (
    "sbatch --parsable --job-name flystage_1 --output '/a log/%j.log' --export=ALL --comment rule_train -A 'lab' -p gpu -t 720"
    ' --mem 16000 --ntasks=1 --cpus-per-task=8 --gpus=1 --no-requeue --wrap="python -m snakemake --mem 3"'
)


def told(error, call=CALL):
    message = f"SLURM sbatch failed. The error message was '{error}'.\n    sbatch call:\n        {call}\n"
    return refusal(f"{message}For further error details see the cluster/cloud log and the log files.", ["train"])


@pytest.mark.parametrize(
    ("error", "facts"),
    [
        ("Requested time limit is invalid (missing or exceeds some limit)", ["-t 720 -p gpu", "runtime", "train"]),
        ("Invalid generic resource (gres) specification", ["--gpus 1", "gpu_type", "hardware: {gpu: false}"]),
        ("Invalid account or account/partition combination specified", ["-A lab -p gpu", "slurm_account"]),
        ("invalid partition specified: gpu", ["-p gpu", "slurm_partition"]),
        ("User's group not permitted to use this partition", ["-p gpu", "slurm_partition"]),
        ("Invalid qos specification", ["slurm-qos"]),
        (
            "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
            ["-t 720", "runtime"],
        ),
        ("Memory specification can not be satisfied", ["--mem 16000", "mem_mb", "train"]),
        ("Requested node configuration is not available", ["--cpus-per-task 8 --mem 16000", "--cores"]),
        ("Invalid feature specification", ["constraint"]),
        ("something new", ["train", "set-resources"]),
    ],
)
def test_a_refusal_names_what_slurm_said_what_was_asked_and_the_setting(error, facts):
    refused = told(f"sbatch: error: Batch job submission failed: {error}")
    assert refused.sentence.startswith(f"Slurm refuses the job: {error}.") and not refused.passing
    assert all(fact in refused.sentence for fact in facts), refused.sentence
    assert "\n" not in refused.sentence and "sbatch" not in refused.sentence


def test_a_refusal_of_several_lines_is_one_sentence():
    said = "sbatch: error: Memory specification can not be satisfied\nsbatch: error: Batch job submission failed: No node fits"
    assert told(said).sentence.startswith(
        "Slurm refuses the job: Memory specification can not be satisfied No node fits."
    )


@pytest.mark.parametrize(
    "error",
    [
        "Unable to contact slurm controller (connect failure)",
        "Socket timed out on send/recv operation",
        "Slurm temporarily unable to accept job, sleeping and retrying",
    ],
)
def test_a_refusal_that_passes_is_tried_again(error):
    assert told(f"sbatch: error: {error}").passing


def test_a_missing_program_is_named():
    assert "login node" in told("/bin/sh: 1: sbatch: not found").sentence


@pytest.mark.parametrize(
    "message", [None, "", "SLURM-job '12' failed, SLURM status is: 'TIMEOUT'. For further error details"]
)
def test_a_job_that_ran_was_not_refused(message):
    assert refusal(message, ["train"]) is None
