"""Tests that every failure of a job gives a message, leaves nothing behind and is not paid for twice."""

import os
import re
import signal
import subprocess

import numpy as np
import pandas as pd
import pytest
import yaml
from botocore.config import Config

from cloud_project import AWS, FINETUNED
from emulator import ACCOUNT, Denial, Mishap
from flystage.cloud import account, learning
from flystage.core.errors import FlystageError
from flystage.core.records import read_json
from flystage.jobs.training_job import TrainingJob
from small_project import REPOSITORY, merged, wait_until

TRAIN = ["--until", "train"]
WITH_KEY_AND_VPC = {"kms_key": "alias/flies", "subnets": ["subnet-1"], "security_groups": ["sg-1"]}


def uploaded_job(cloud, number=-1):
    return cloud.asked("CreateTrainingJob")[number]


def test_a_failed_job_gives_its_reason_and_is_repeated_under_a_new_name(cloud):
    cloud.emulator.mishaps = [Mishap("train", "fail")]
    process = cloud.run(*TRAIN, train="sagemaker")
    assert process.returncode != 0 and "Traceback" not in process.out
    assert re.search(r"flystage-train-\w{12}\b.*\bFailed: AlgorithmError: CUDA out of memory", process.out)
    assert "algo-1 | CUDA out of memory" in process.out  # the end of its log
    assert cloud.nothing_is_left() and not (cloud.project.results / "model/trained.pt").exists()

    cloud.emulator.denials = [
        Denial("DescribeTrainingJob", "ThrottlingException", 2),
        Denial("CreateTrainingJob", "ThrottlingException", 1),
        Denial("GetLogEvents", "ThrottlingException", 1),
        Denial("s3 GET", "SlowDown", 2),
    ]
    process = cloud.run(*TRAIN, train="sagemaker")
    assert process.returncode == 0, process.out
    names = [request["TrainingJobName"] for request in cloud.asked("CreateTrainingJob")]
    assert names == [names[0], f"{names[0]}-2"]
    assert re.search(rf"{names[0]}\b.*\bFailed: AlgorithmError: CUDA out of memory", cloud.log("train"))
    assert not any(denial.times for denial in cloud.emulator.denials)


def test_a_stopped_job_gives_a_message_and_is_repeated(cloud):
    cloud.emulator.mishaps = [Mishap("train", "stop", after="Starting training script")]
    process = cloud.run(*TRAIN, train="sagemaker")
    assert process.returncode != 0 and "Traceback" not in process.out
    assert re.search(r"flystage-train-\w{12}\b.*\bStopped\b", process.out)
    assert cloud.nothing_is_left()
    process = cloud.run(*TRAIN, train="sagemaker")
    assert process.returncode == 0, process.out
    names = [request["TrainingJobName"] for request in cloud.asked("CreateTrainingJob")]
    assert names == [names[0], f"{names[0]}-2"]


def history(project):
    return pd.read_csv(project.results / "model/history.csv").select_dtypes("number")


def test_a_training_resumes_after_a_spot_interruption(finetuned_cloud, finetuned):
    cloud = finetuned_cloud
    cloud.emulator.mishaps = [Mishap("train", "interrupt", after=r"epoch 3 ")]
    process = cloud.run(*TRAIN, train="sagemaker", more=FINETUNED)
    assert process.returncode == 0, process.out
    assert uploaded_job(cloud)["EnableManagedSpotTraining"] is True
    before, after = cloud.log("train").split("InProgress (Interrupted)")
    assert re.search(r"\| epoch 3 ", before) and not re.search(r"\| epoch 6 ", before)
    going_on = re.search(r"after epoch (\d)\b[^\n]*interrupted training(.*)", after, re.DOTALL)
    last = int(going_on[1])
    assert last >= 2  # the third may be logged but not yet saved
    assert [int(epoch) for epoch in re.findall(r"\| epoch (\d) ", going_on[2])] == list(range(last + 1, 7))
    np.testing.assert_allclose(history(cloud.project), history(finetuned), rtol=1e-3)
    assert not cloud.stored("checkpoints")


def test_two_hosts_train_together(finetuned_cloud):
    cloud = finetuned_cloud
    process = cloud.run(
        *TRAIN, train="sagemaker", more=FINETUNED, aws=WITH_KEY_AND_VPC | {"train": {"count": 2, "spot": False}}
    )
    assert process.returncode == 0, process.out
    request, log = uploaded_job(cloud), cloud.log("train")
    assert request["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert request["OutputDataConfig"]["KmsKeyId"] == "alias/flies"
    stored = cloud.emulator.client("s3").head_object(Bucket=AWS["bucket"], Key=cloud.stored("objects")[0])
    assert (stored["ServerSideEncryption"], stored["SSEKMSKeyId"]) == ("aws:kms", "alias/flies")
    assert request["ResourceConfig"]["InstanceCount"] == 2 and request["EnableManagedSpotTraining"] is False
    assert "algo-1 | " in log and "algo-2 | " in log and "torchrun --nnodes=2" in log
    together = history(cloud.project)
    over = cloud.over(more=merged(FINETUNED, {"hardware": {"processes": 2}}))
    process = cloud.project.snakemake("--forcerun", "train", *TRAIN, over=over)
    assert process.returncode == 0, process.out
    np.testing.assert_allclose(together, history(cloud.project), rtol=1e-3)


def test_a_killed_run_joins_its_job_instead_of_starting_another(cloud):
    over = cloud.over(train="sagemaker")
    process = subprocess.Popen(
        cloud.project.command(*TRAIN, over=over), cwd=cloud.project.folder, env=os.environ | cloud.environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    assert wait_until(process, lambda: cloud.emulator.state.training)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    again = cloud.run(*TRAIN, train="sagemaker")
    assert again.returncode == 0, again.out
    assert "already running" in cloud.log("train")
    assert len(cloud.asked("CreateTrainingJob")) == 1


def test_a_failed_trial_gives_a_message_and_the_others_count(cloud):
    cloud.emulator.mishaps = [Mishap("tune-.*-001-", "fail")]
    process = cloud.run("--until", "best", tune="sagemaker")
    assert process.returncode == 0, process.out
    assert "trial 0" in process.out and "CUDA out of memory" in cloud.log("tune")
    failed, good, best = (
        read_json(cloud.project.results / f"tuning/{name}.json") for name in ("trial_0", "trial_1", "best")
    )
    assert failed["val_loss"] is None and good["val_loss"] > 0 and best == good

    records = [cloud.project.results / f"tuning/trial_{trial}.json" for trial in (0, 1)]
    for record in records:
        record.unlink()
    cloud.forget("model.tar.gz")  # as a lifecycle rule of the bucket does
    process = cloud.run("--until", "best", tune="sagemaker")
    assert process.returncode == 0, process.out
    assert re.search(r"flystage-tune-\w{12}\b.* missing from the bucket", cloud.log("tune"))
    assert all(read_json(record)["val_loss"] > 0 for record in records)


def test_a_failed_tuning_job_gives_a_message_and_is_repeated(cloud):
    cloud.emulator.mishaps = [Mishap("tune", "fail"), Mishap("tune", "fail")]
    process = cloud.run("--until", "best", tune="sagemaker")
    assert process.returncode != 0 and "Traceback" not in process.out
    assert re.search(r"flystage-tune-\w{12}\b.*\bFailed: All training jobs failed", process.out)
    assert "algo-1 | CUDA out of memory" in process.out
    process = cloud.run("--until", "best", tune="sagemaker")
    assert process.returncode == 0, process.out
    names = [request["HyperParameterTuningJobName"] for request in cloud.asked("CreateHyperParameterTuningJob")]
    assert names == [names[0], f"{names[0]}-2"] and len(names[1]) <= 32


def test_a_refusal_of_aws_stops_the_run_with_a_message(cloud):
    cloud.emulator.denials = [Denial("CreateTrainingJob", "AccessDeniedException", 9)]
    process = cloud.run(*TRAIN, train="sagemaker")
    assert process.returncode != 0 and "Traceback" not in process.out
    assert re.search(r"CreateTrainingJob \(not today\).*docs/aws\.md", process.out)
    assert not cloud.emulator.state.training and "not-to-be-seen" not in process.out


# {case: (refusals of AWS, settings that differ, variables that differ, pattern of the message)}.
REFUSED = {
    "may not look": ([Denial("s3 HEAD", "AccessDenied", 9)], {}, {}, r"\bHeadBucket\b.*docs/aws\.md"),
    "may not upload": (
        [Denial("s3 PUT", "AccessDenied", 99)],
        {},
        {},
        r"\bPutObject \(not today\).*docs/aws\.md",
    ),
    "a quota": (
        [Denial("CreateTrainingJob", "ResourceLimitExceeded", 9)],
        {},
        {},
        r"\bquota\b.*\(not today\)",
    ),
    "no such bucket": ([], {"bucket": "nowhere-at-all"}, {}, r"\bnowhere-at-all\b.*\baws\.bucket\b"),
    "no such role": (
        [],
        {"role": f"arn:aws:iam::{ACCOUNT}:role/nobody"},
        {},
        r"\baws\.role\b.*role/nobody",
    ),
    "no trust": ([], {"role": f"arn:aws:iam::{ACCOUNT}:role/lambda"}, {}, r"\baws\.role\b.*role/lambda"),
    "no credentials": (
        [],
        {},
        {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
        r"\bcredentials\b.*aws configure",
    ),
    "old credentials": (
        [Denial("s3 PUT", "ExpiredToken", 99)],
        {},
        {},
        r"\bcredentials \(ExpiredToken\)",
    ),
    "no network": ([], {}, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, r"http://127\.0\.0\.1:9.*\bnetwork\b"),
    "no region": ([], {"region": "auto"}, {}, r"\baws\.region\b.*AWS_DEFAULT_REGION"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_every_refusal_of_aws_gives_one_line(local, emulator, credentials, monkeypatch, tmp_path, case):
    denials, aws, environment, sentence = REFUSED[case]
    emulator.make_role("lambda", "lambda.amazonaws.com")
    emulator.denials = denials
    for name, value in (credentials | environment).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(account, "CALLS", Config(retries={"max_attempts": 1}, connect_timeout=1))
    monkeypatch.chdir(local.folder)  # the paths in manifests are relative to it
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    inputs = {
        "train_manifest": "results/manifests/train.csv", "val_manifest": "results/manifests/val.csv",
        "stages": "results/stages.csv", "backbone": "results/model/backbone.pt",
    }  # fmt: skip
    params = {"model": {"hidden": [], "dropout": 0}, "train": {"mode": "frozen"}, "cache": "cache"}
    job = TrainingJob.of_rule(inputs, params, {"learning_rate": 0.1, "batch_size": 8}, 1)
    with pytest.raises(FlystageError) as refused:
        learning.train(
            job,
            merged(merged(config["aws"], AWS), aws),
            "resnet18",
            tmp_path / "checkpoint.pt",
            tmp_path / "history.csv",
        )
    assert re.search(sentence, str(refused.value)) and "\n" not in str(refused.value)
    assert not emulator.state.training and not (tmp_path / "checkpoint.pt").exists()
