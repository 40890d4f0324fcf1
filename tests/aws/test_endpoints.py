"""Tests that an endpoint gives the right answers and is always deleted, however the run ends."""

import os
import re
import signal
import subprocess
import time

import boto3
import numpy as np
import pandas as pd
import pytest
import yaml
from botocore.exceptions import ClientError

from cloud_project import AWS
from emulator import Denial
from flystage.cloud.account import Account
from flystage.cloud.endpoint import endpoint
from flystage.cloud.scoring import model_archive
from flystage.network.checkpoint import load_checkpoint
from flystage.prediction.inference import stage_probabilities
from small_project import REPOSITORY, merged, wait_until

STAGED = ["--until", "evaluate"]


def started(cloud, *arguments, **compute):
    return subprocess.Popen(
        cloud.project.command(*STAGED, *arguments, over=cloud.over(**compute)), cwd=cloud.project.folder,
        env=os.environ | cloud.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def test_an_endpoint_classifies_pngs_and_tifs_and_gives_a_status_for_bad_bytes(
    finetuned, emulator, credentials, tmp_path, monkeypatch
):
    for name, value in credentials.items():
        monkeypatch.setenv(name, value)
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    settings = merged(config["aws"], AWS)
    account = Account(settings)
    checkpoint_path = finetuned.results / "model/trained.pt"
    data, _ = model_archive(account, checkpoint_path, "resnet18")
    model = {
        "image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/image:1", "data": data,
        "environment": {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code", "FLYSTAGE_VIEWS": "4"},
    }  # fmt: skip
    row = pd.read_csv(finetuned.results / "manifests/test.csv", dtype=str).iloc[0]
    png, tif = (finetuned.folder / row[name] for name in ("png", "source"))
    runtime = boto3.client("sagemaker-runtime", region_name=AWS["region"])
    place = {"instance": "ml.m5.xlarge", "max_hours": 0.05}

    with endpoint(account, "flystage-score-test", model, place, tmp_path / "state.json") as name:
        assert (tmp_path / "state.json").exists()

        def ask(body, kind, accept="application/json"):
            answer = runtime.invoke_endpoint(EndpointName=name, Body=body, ContentType=kind, Accept=accept)
            assert answer["ContentType"] == "application/json"
            return pd.read_json(answer["Body"], typ="series")

        checkpoint = load_checkpoint(checkpoint_path)
        expected = stage_probabilities(checkpoint, [str(png)], tmp_path / "cache", 1, 4)[0]  # as FLYSTAGE_VIEWS says
        from_png, from_tif = ask(png.read_bytes(), "image/png"), ask(tif.read_bytes(), "image/tiff")
        np.testing.assert_allclose(from_png["probabilities"], expected, rtol=1e-4, atol=1e-6)
        assert from_tif["probabilities"] == from_png["probabilities"]
        assert from_png["stages"] == checkpoint["stages"]
        three = ask(png.read_bytes(), "image/png", "application/json; top_k=3")["top_k"]
        assert [entry["stage"] for entry in three] == [
            checkpoint["stages"][place] for place in np.argsort(-expected)[:3]
        ]

        for body, kind, accept, status in (
            (b"no picture", "image/png", "application/json", 400),
            (png.read_bytes()[:-30], "image/png", "application/json", 400),
            (tif.read_bytes()[:-30], "image/tiff", "application/json", 400),
            (b"", "image/tiff", "application/json", 400),
            (png.read_bytes(), "application/octet-stream", "application/json", 415),
            (png.read_bytes(), "image/png", "text/csv", 406),
        ):
            with pytest.raises(ClientError) as refused:
                ask(body, kind, accept)
            assert refused.value.response["OriginalStatusCode"] == status
        assert (
            ask(png.read_bytes(), "image/png")["probabilities"] == from_png["probabilities"]
        )  # the server still works
    assert not (emulator.state.endpoints or emulator.state.configs or emulator.state.models)
    assert not (tmp_path / "state.json").exists()


def test_an_endpoint_that_does_not_start_is_deleted_with_a_message(cloud):
    cloud.emulator.endpoint_fate = "failed"
    process = cloud.run(*STAGED, evaluate="endpoint")
    assert process.returncode != 0 and "Traceback" not in process.out
    reason = r"\(The primary container for production variant AllTraffic did not pass the ping"
    assert re.search(rf"endpoint flystage-score-\w+ did not .*{reason}", process.out)
    assert cloud.nothing_is_left()

    cloud.emulator.creating_seconds = 12  # SageMaker does not delete the endpoint during this time
    process = cloud.run(*STAGED, evaluate="endpoint", aws={"evaluate": {"max_hours": 0.001}})
    assert process.returncode != 0 and "Traceback" not in process.out
    assert re.search(r"endpoint flystage-score-\w+ did not .* 0\.001 h \(.*Creating\)", process.out)
    assert re.search(r"endpoint flystage-score-\w+ and cannot delete", cloud.log("evaluate"))
    assert cloud.nothing_is_left()


def test_an_error_during_scoring_deletes_the_endpoint(cloud):
    cloud.emulator.denials = [Denial("InvokeEndpoint", "AccessDeniedException", 99)]
    with_key_and_vpc = {"kms_key": "alias/flies", "subnets": ["subnet-1"], "security_groups": ["sg-1"]}
    process = cloud.run(*STAGED, evaluate="endpoint", aws=with_key_and_vpc)
    assert process.returncode != 0 and "InvokeEndpoint (not today)" in process.out
    (model,), (config,) = cloud.asked("CreateModel"), cloud.asked("CreateEndpointConfig")
    assert model["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert config["KmsKeyId"] == "alias/flies"
    assert "Traceback" not in process.out and cloud.nothing_is_left()


ENDINGS = {
    "Ctrl-C": lambda process: os.killpg(process.pid, signal.SIGINT),
    "SIGTERM to all": lambda process: os.killpg(process.pid, signal.SIGTERM),
    "SIGTERM to Snakemake": lambda process: process.terminate(),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_way_to_stop_a_run_deletes_the_endpoint(cloud, ending):
    cloud.emulator.creating_seconds = 3
    process = started(cloud, evaluate="endpoint")
    assert wait_until(process, lambda: cloud.emulator.state.endpoints)
    ENDINGS[ending](process)
    out, _ = process.communicate(timeout=90)
    for _ in range(300):  # a job that outlives Snakemake still deletes it
        if cloud.nothing_is_left():
            break
        time.sleep(0.1)
    assert cloud.nothing_is_left(), out


def test_the_next_run_and_the_clean_up_delete_an_endpoint_left_by_kill_9(cloud):
    process = started(cloud, evaluate="endpoint")
    assert wait_until(process, lambda: cloud.emulator.state.endpoints)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not cloud.nothing_is_left()
    (left,) = cloud.emulator.state.endpoints
    again = cloud.run(*STAGED, evaluate="endpoint")
    assert again.returncode == 0, again.out
    assert re.search(rf"deletes the endpoint {left}\b.* earlier run", cloud.log("evaluate"))
    assert cloud.nothing_is_left()

    process = started(cloud, "--forcerun", "evaluate", evaluate="endpoint")
    assert wait_until(process, lambda: cloud.emulator.state.endpoints)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (cloud.project.results / ".endpoint.json").unlink()  # as if the results were deleted
    sagemaker = cloud.emulator.client("sagemaker")
    sagemaker.create_model(
        ModelName="flystage-of-somebody-else", ExecutionRoleArn=AWS["role"], PrimaryContainer={"Image": "image"}
    )
    cleaned = cloud.run("aws_cleanup", evaluate="endpoint")
    assert cleaned.returncode == 0, cleaned.out
    assert f"deletes {left}" in cleaned.out
    assert list(cloud.emulator.state.models) == ["flystage-of-somebody-else"]
    assert not cloud.emulator.state.endpoints and not cloud.emulator.state.configs
