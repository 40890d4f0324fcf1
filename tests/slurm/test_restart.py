"""Test that a run whose Snakemake was stopped or killed can be repeated, as docs/slurm.md describes."""

import json
import os
import re
import shlex
import signal

from slurm_project import ON_GPUS

HANG = {"FATES": json.dumps({"train": ["time.sleep(600)"] * 9})}


def started_until_training(project):
    """Start Snakemake and wait until the training job runs. Return the process and Slurm's id of the job."""
    begun = len(project.seen("train"))
    driver = project.started(over=ON_GPUS, env=HANG)
    project.cluster.wait_for(lambda: len(project.seen("train")) > begun, 300)
    return driver, project.seen("train")[-1]["job"]


def in_queue(project):
    return [job for job, *_ in project.cluster.jobs("PENDING", "RUNNING", "COMPLETING")]


def test_jobs_end_at_ctrl_c_and_must_be_cancelled_after_kill_9(finished, copy_of_finished):
    project, cluster = copy_of_finished, copy_of_finished.cluster
    (project.results / "model/trained.pt").unlink()

    driver, _ = started_until_training(project)
    os.kill(driver.pid, signal.SIGINT)
    assert driver.wait(timeout=600) != 0
    cluster.wait_for(lambda: in_queue(project) == [])

    driver, job = started_until_training(project)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    assert in_queue(project) == [job]

    begun = len(project.seen())
    refused = project.snakemake(over=ON_GPUS)
    assert refused.returncode != 0 and "Traceback" not in refused.out
    (command,) = re.findall(r"'(scancel .*?)'", refused.out)
    assert command == f"scancel {job}"
    assert in_queue(project) == [job] and len(project.seen()) == begun  # no job was submitted or ran

    cluster.run(*shlex.split(command))
    cluster.wait_for(lambda: in_queue(project) == [])
    process = project.snakemake(over=ON_GPUS)
    assert process.returncode == 0, process.out
    assert [line["name"] for line in project.seen()][begun:].count("train") == 1
    assert project.differing(finished) == []
