"""Test that training on two nodes gives the same record as training in two processes."""

import json

import pytest

from small_project import merged

FINETUNED = {"train": {"mode": "finetuned", "finetune": {"head_epochs": 2}}, "tune": {"trials": 1, "epochs": 1}}


def trial(project):
    return json.loads((project.results / "tuning/trial_0.json").read_text())


def test_training_on_two_nodes_equals_training_in_two_processes(copy_of_finished, copy_of_locally):
    project, on_nodes = copy_of_finished, {"hardware": {"gpu": True, "nodes": 2}}
    wanted = ["--until", "tune", "--default-resources", "gpu_type=pretend"]
    process = project.snakemake(*wanted, over=merged(FINETUNED, on_nodes))
    assert process.returncode == 0, process.out
    (job,) = [job for job, _, comment, _ in project.cluster.jobs() if comment == "rule_tune_wildcards_0"][-1:]
    asked_for = project.cluster.run("squeue", "-h", "-t", "all", f"--jobs={job}", "-o", "%D|%C|%b|%T")
    assert asked_for == "2|4|gres:gpu:pretend:1|COMPLETED"
    assert {line["gpus"] for line in project.seen("trial_0")} == {"0"}

    process = copy_of_locally.snakemake("--until", "tune", over=merged(FINETUNED, {"hardware": {"processes": 2}}))
    assert process.returncode == 0, process.out
    assert trial(project) == pytest.approx(trial(copy_of_locally), rel=1e-4)
    log, expected = ((each.results / "logs/tune/trial_0.log").read_text() for each in (project, copy_of_locally))
    assert log.count("epoch ") == expected.count("epoch ") > 0
