"""Test that a run on SageMaker gives the same manifests, records, history and predictions as a local one."""

import json
import re

import numpy as np
import pandas as pd
import yaml

from cloud_project import SMALL_TIMM
from flystage.jobs.execution import learn
from flystage.jobs.training_job import TrainingJob
from flystage.jobs.tuning import trial_record, trial_settings
from flystage.network.checkpoint import load_checkpoint
from flystage.prediction.inference import stage_probabilities
from small_project import REPOSITORY, merged


def like_local(number, ranges):
    """Return the settings of a trial that the local workflow would choose, in place of SageMaker's choice."""
    (rate,) = ranges["ContinuousParameterRanges"]
    (batch,) = ranges["CategoricalParameterRanges"]
    assert (rate["Name"], batch["Name"], rate["ScalingType"]) == ("learning_rate", "batch_size", "Logarithmic")
    settings = trial_settings(
        number, [float(rate["MinValue"]), float(rate["MaxValue"])], [int(value) for value in batch["Values"]]
    )
    return {name: str(value) for name, value in settings.items()}


def record(project, name):
    return json.loads((project.results / name).read_text())


def learned_here(project, cache, hyperparameters, epochs, validated):
    """Return the history of the same training on this machine."""
    config = merged(yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8")), SMALL_TIMM)
    files = {f"{split}_manifest": project.results / f"manifests/{split}.csv" for split in ("train", "val")}
    files |= {"stages": project.results / "stages.csv", "backbone": project.results / "model/backbone.pt"}
    job = TrainingJob.of_rule(
        files,
        {"model": config["model"], "train": config["train"], "cache": str(cache)},
        hyperparameters,
        epochs,
        validated=validated,
        images=str(project.folder),
    )
    return learn(job)[2]


def assert_records_and_history_as_here(project, cache):
    records = [record(project, f"tuning/trial_{trial}.json") for trial in range(2)]
    for trial, here in enumerate(records):
        hyperparameters = {name: here[name] for name in ("learning_rate", "batch_size")}
        there = trial_record(trial, hyperparameters, learned_here(project, cache, hyperparameters, 3, True))
        assert list(here) == list(there)
        for key, value in there.items():
            np.testing.assert_allclose(here[key], value, rtol=1e-4, err_msg=f"trial {trial}: {key}")
    best = record(project, "tuning/best.json")
    assert best == min(records, key=lambda trial: trial["val_loss"])
    expected = learned_here(project, cache, best, best["best_epoch"], False)
    history = pd.read_csv(project.results / "model/history.csv")
    np.testing.assert_allclose(history, pd.DataFrame(expected), rtol=1e-4)


def assert_predictions_are_the_checkpoints(project, tmp_path):
    checkpoint = load_checkpoint(project.results / "model/checkpoint.pt")
    manifest = pd.read_csv(project.results / "manifests/test.csv", dtype=str)
    pngs = [str(project.folder / png) for png in manifest["png"]]
    expected = stage_probabilities(checkpoint, pngs, tmp_path / "cache", 1, 4)
    table = pd.read_csv(project.results / "evaluation/predictions.csv", dtype={"stage": str, "predicted": str})
    assert table["source"].tolist() == manifest["source"].tolist()
    predicted = table[[f"p_{stage}" for stage in checkpoint["stages"]]].to_numpy()
    np.testing.assert_allclose(predicted, expected, rtol=1e-4, atol=1e-6)


def training_image(cloud):
    (request,) = cloud.asked("CreateTrainingJob")
    return request["AlgorithmSpecification"]["TrainingImage"]


def test_a_run_on_sagemaker_and_its_reruns_give_the_local_results(new_cloud, local, tmp_path):
    cloud, emulator, project = new_cloud, new_cloud.emulator, new_cloud.project
    emulator.sampler = like_local
    everything = {"tune": "sagemaker", "train": "sagemaker", "evaluate": "endpoint"}
    process = cloud.run(**everything, aws={"inference_image": "auto"})
    assert process.returncode == 0, process.out

    # the same as locally
    assert project.contents("results/manifests", "results/catalog") == local.contents(
        "results/manifests", "results/catalog"
    )
    assert_records_and_history_as_here(project, tmp_path / "cache of trainings")
    assert_predictions_are_the_checkpoints(project, tmp_path)
    assert not (project.results / "features").exists()  # no local step needs them

    # log, requests and leftovers
    for rule, said in {
        "tune": r"SageMaker, tuning: .*\b2 job\(s\), 2 at a time, of 1 x ml\.g4dn\.xlarge \(spot\), 2 h\b",
        "train": r"SageMaker, training: .*\b1 job\(s\) of 1 x ml\.g4dn\.xlarge \(spot\), 12 h\b",
        "evaluate": r"SageMaker, scoring: .*endpoint of 1 x ml\.m5\.xlarge\b.*\b8 images",
    }.items():
        assert re.search(said, cloud.log(rule).splitlines()[0]) and re.search(said, process.out)
    assert "algo-1 | epoch 1 train_loss=" in cloud.log("train")
    assert cloud.nothing_is_left() and not cloud.stored("checkpoints")
    for request in cloud.asked("CreateTrainingJob"):
        assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 12 * 3600, "MaxWaitTimeInSeconds": 24 * 3600}
    (tuning,) = cloud.asked("CreateHyperParameterTuningJob")
    assert tuning["TrainingJobDefinition"]["StoppingCondition"]["MaxRuntimeInSeconds"] == 2 * 3600
    for operation in (
        "CreateHyperParameterTuningJob",
        "CreateTrainingJob",
        "CreateModel",
        "CreateEndpointConfig",
        "CreateEndpoint",
    ):
        (request,) = cloud.asked(operation)
        tags = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        assert tags == {"project": "flies", "flystage": "flies/flystage"}, operation
    assert not [call for call in emulator.calls if call == "s3 HEAD"][
        3:
    ]  # one request for the bucket per rule, and none for an object
    assert not [call for call in emulator.calls if call.startswith("iam") and "Simulate" not in call]
    everything_written = "".join(path.read_text(errors="replace") for path in project.results.rglob("*.log"))
    everything_written += (project.results / "report.html").read_text() + process.out
    assert (
        "not-to-be-seen" not in everything_written
        and "arn:aws:iam" not in (project.results / "report.html").read_text()
    )

    assert re.fullmatch(
        r"\d+\.dkr\.ecr\.eu-central-1\.amazonaws\.com/pytorch-training:2\.10[\w.-]*", training_image(cloud)
    )
    (model,) = cloud.asked("CreateModel")
    assert "/pytorch-inference:2.6" in model["PrimaryContainer"]["Image"]

    # a rerun has nothing to do, and a forced one uses the existing results and uploads nothing
    assert "Nothing to be done" in cloud.run(**everything).out
    emulator.calls.clear()
    history = (project.results / "model/history.csv").read_bytes()
    process = cloud.run("--forcerun", "tune", "--until", "train", **everything)
    assert process.returncode == 0, process.out
    assert "already finished" in cloud.log("tune") and "already finished" in cloud.log("train")
    assert not [call for call in emulator.calls if "Create" in call or call == "s3 PUT" and "jobs/" in call]
    assert (project.results / "model/history.csv").read_bytes() == history

    # scoring by a job instead
    process = cloud.run(**everything | {"evaluate": "sagemaker"})
    assert process.returncode == 0, process.out
    assert_predictions_are_the_checkpoints(project, tmp_path)
    assert re.search(r"SageMaker, scoring: .*\b1 job\(s\) of 1 x ml\.m5\.xlarge, 1 h\b", cloud.log("evaluate"))
    assert cloud.nothing_is_left()
