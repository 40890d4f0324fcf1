"""Tests that trials which fail in different ways are repeated on other nodes while the run continues."""

import json

import pytest

from small_project import merged

# Trials of a fine-tuning are separate jobs.
FIVE_TRIALS = {
    "train": {"mode": "finetuned", "finetune": {"head_epochs": 1}},
    "tune": {"trials": 5, "epochs": 1},
    "hardware": {"workers": 0},
}
HANG = "time.sleep(600)"
# On a busy machine, an attempt with a limit of one minute may end before it starts. So check the limit, not the attempt.
HANG_FOR_A_MINUTE = """
import os, subprocess
limit = subprocess.check_output(["squeue", "-h", "-j", os.environ["SLURM_JOB_ID"], "-o", "%l"], text=True)
time.sleep(600 if limit.strip() == "1:00" else 0)
"""
TOO_MUCH = "filled = b'x' * 2_000_000_000; time.sleep(15)"  # more than the limit of the first attempt, less than that of the second
FAIL = "from flystage.core.errors import FlystageError; raise FlystageError('The test makes this trial fail.')"
FATES = {
    "trial_0": [TOO_MUCH, TOO_MUCH],
    "trial_1": [HANG_FOR_A_MINUTE] * 2,  # until its time limit
    "trial_2": [HANG],  # until the test cancels it
    "trial_3": [HANG],  # until the test kills its node
    "trial_4": [FAIL, FAIL, FAIL],
}
# At the first attempt, only trial 3 runs on node n3, and the limit of trial 1 is one minute.
RESOURCES = [
    "tune:mem_mb=2200*attempt",
    "tune:runtime=1 if wildcards.trial == '1' and attempt == 1 else 30",
    "tune:slurm_extra=('--exclude=n3' if wildcards.trial != '3' else '--nodelist=n3' if attempt == 1 else '')",
]


@pytest.fixture(scope="module")
def unlucky(copy_of_finished):
    """Yield the project after a run in which every trial fails at least once."""
    project, cluster = copy_of_finished, copy_of_finished.cluster
    arguments = ["--keep-going", "--until", "best", "--set-resources", *RESOURCES]
    driver = project.started(*arguments, over=FIVE_TRIALS, env={"FATES": json.dumps(FATES)})
    try:
        cluster.wait_for(lambda: {"trial_2", "trial_3"} <= {line["name"] for line in project.seen()}, 300)
        cluster.run("scancel", project.seen("trial_2")[0]["job"])
        assert project.seen("trial_3")[0]["node"] == "n3"
        cluster.kill_node("n3")
        project.code = driver.wait(timeout=580)
        yield project
    finally:
        if driver.poll() is None:
            driver.kill()
            driver.wait()
        cluster.start_node("n3")


def states(project, trial):
    """Return Slurm's final states of the attempts of a trial."""
    return [state for _, state, comment, _ in project.cluster.jobs() if comment == f"rule_tune_wildcards_{trial}"]


def recorded(project, trial):
    return (project.results / f"tuning/trial_{trial}.json").exists()


def test_every_trial_is_a_separate_job(unlucky):
    assert len({unlucky.seen(f"trial_{trial}")[0]["job"] for trial in range(5)}) == 5


def test_the_next_attempt_gets_more_memory(unlucky):
    assert states(unlucky, 0) in (["FAILED", "COMPLETED"], ["OUT_OF_MEMORY", "COMPLETED"])
    memory = unlucky.cluster.run("squeue", "-h", "-t", "all", "--sort=i", "-o", "%k %m").splitlines()
    assert [line.split()[1] for line in memory if line.startswith("rule_tune_wildcards_0 ")] == ["2200M", "4400M"]
    assert recorded(unlucky, 0)


def test_the_next_attempt_gets_more_time(unlucky):
    assert states(unlucky, 1) == ["TIMEOUT", "COMPLETED"]
    assert recorded(unlucky, 1)


def test_a_cancelled_job_is_repeated(unlucky):
    assert states(unlucky, 2) == ["CANCELLED", "COMPLETED"]
    assert recorded(unlucky, 2)


def test_a_job_is_repeated_on_another_node_after_a_node_failure(unlucky):
    assert states(unlucky, 3) == ["NODE_FAIL", "COMPLETED"]
    first, second = unlucky.seen("trial_3")
    assert first["node"] == "n3" and second["node"] in ("n1", "n2")
    assert recorded(unlucky, 3)


def test_a_failing_job_gives_a_message_and_its_logs_are_kept(unlucky):
    assert unlucky.code != 0
    assert states(unlucky, 4) == ["FAILED"] * 3  # retries: 2
    assert not recorded(unlucky, 4)
    sentence = "The test makes this trial fail."
    assert sentence in unlucky.said and "Traceback" not in unlucky.said
    assert sentence in (unlucky.results / "logs/tune/trial_4.log").read_text()
    kept = list((unlucky.folder / ".snakemake/slurm_logs/rule_tune/4").glob("*.log"))
    assert len(kept) == 3 and sentence in kept[0].read_text()


def test_the_same_command_continues_after_the_problem_is_fixed(unlucky, copy_of_locally):
    begun = len(unlucky.seen())
    process = unlucky.snakemake("--until", "best", over=FIVE_TRIALS)
    assert process.returncode == 0, process.out
    assert [line["name"] for line in unlucky.seen()][begun:] == ["trial_4", "best"]
    expected = copy_of_locally.snakemake("--until", "tune", over=merged(FIVE_TRIALS, {"tune": {"trials": 3}}))
    assert expected.returncode == 0, expected.out
    trials = copy_of_locally.contents("results/tuning/trial_")
    assert len(trials) == 3 and trials.items() <= unlucky.contents("results/tuning").items()
