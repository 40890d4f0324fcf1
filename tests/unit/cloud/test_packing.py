"""Tests that a packed job's name depends on its content and that it reveals nothing about this machine."""

import csv
import json

import pytest

from flystage.cloud import packing, storage
from flystage.jobs.training_job import TrainingJob


def test_the_number_of_reading_processes_does_not_change_a_jobs_name():
    texts = [packing._text({"epochs": 3, "workers": workers, "threads": workers}) for workers in (1, 2)]
    assert packing.decisive(texts[0]) == packing.decisive(texts[1]) != packing.decisive(packing._text({"epochs": 4}))


@pytest.fixture
def home(tmp_path):
    """Return a folder with all files of a job. Its path contains the name of a person."""
    folder = tmp_path / "home/jane"
    folder.mkdir(parents=True)
    for name in ("backbone.pt", "stages.csv", "checkpoint.pt", "a.png", "b.png"):
        (folder / name).write_bytes(name.encode())
    for split, png in (("train", "a.png"), ("val", "b.png")):
        row = {
            "png": folder / png,
            "stage": "051",
            "label": 0,
            "embryo": "e1",
            "angle": 0,
            "source": folder / "raw/a.tif",
        }
        with open(folder / f"{split}.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, row)
            writer.writeheader()
            writer.writerow(row)
    return folder


def everything_sent(account):
    """Return {key: content} of all objects in the bucket."""
    listed = account.s3.list_objects_v2(Bucket=account.bucket).get("Contents", [])
    return {
        entry["Key"]: account.s3.get_object(Bucket=account.bucket, Key=entry["Key"])["Body"].read() for entry in listed
    }


def test_a_training_job_contains_no_local_paths(account, home, tmp_path):
    inputs = {"train_manifest": home / "train.csv", "val_manifest": home / "val.csv", "stages": home / "stages.csv"}
    params = {
        "model": {"hidden": [8], "dropout": 0.0}, "train": {"mode": "frozen", "seed": 1}, "image": {"size": 64}, "note": "",
        "cache": str(home / "cache"),
    }  # fmt: skip
    hyperparameters = {"learning_rate": 0.1, "batch_size": 8}
    resume = str(home / "resume")
    job = TrainingJob.of_rule(inputs | {"backbone": home / "backbone.pt"}, params, hyperparameters, 3, resume=resume)
    (tmp_path / "scratch").mkdir()
    text, objects = packing.packed_learning(account, job, tmp_path / "scratch")
    packing.channels(account, text, objects)
    sent = everything_sent(account)
    assert len(sent) == 6 + 1 + 2  # files, the job, lists of objects
    assert not [key for key, content in sent.items() if "jane" in key or b"jane" in content or b"raw/" in content]
    described = json.loads(text)
    assert described["cache"] == "cache" and described["resume"] is None and described["images"] == "../images"
    manifest = sent[account.key("objects", described["train_manifest"].removeprefix("../images/"))].decode()
    assert storage.content_name(home / "a.png") in manifest and storage.content_name(home / "b.png") not in manifest


def test_a_scoring_job_contains_no_local_paths(account, home):
    text, objects = packing.packed_scoring(account, home / "checkpoint.pt", [home / "b.png", home / "a.png"], 4)
    packing.channels(account, text, objects)
    sent = everything_sent(account)
    assert len(sent) == 3 + 1 + 2
    assert not [key for key, content in sent.items() if "jane" in key or b"jane" in content]
    assert json.loads(text)["pngs"] == [storage.content_name(home / name) for name in ("b.png", "a.png")]
