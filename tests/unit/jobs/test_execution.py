"""Test one training job: equal results in several processes, with workers, and after an interruption."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import embryos
from flystage.core.errors import FlystageError
from flystage.images.preparing import prepare_bucket
from flystage.jobs import execution
from flystage.jobs.launching import run_job
from flystage.jobs.training_job import TrainingJob
from flystage.network.checkpoint import load_checkpoint
from flystage.network.weights import fetch_weights
from flystage.prediction.inference import stage_probabilities
from flystage.training import resuming
from flystage.training.history import best_epoch
from flystage.training.recipe import Recipe

STAGES = {"051": 51.0, "123": 123.0, "195": 195.0}
IMAGE = {
    "size": 48, "field": "auto", "normalize": {"method": "multiply", "factor": 6}, "white": "auto", "page": "middle",
    "channel": "auto", "max_pixels": 10**6,
}  # fmt: skip
SETTINGS = {
    "mode": "finetuned", "patience": 9, "loss": "ordered", "spread": 0.75, "weight_decay": 0.01, "seed": 1,
    "finetune": {
        "head_epochs": 3, "deepest": 0.3, "batch_norm": "fixed", "precision": "fp32", "average": 0.0,
        "augment": {"rotation": 180, "shift": 0.02, "scale": 0.05, "brightness": 0.1, "noise": 0.01},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Write manifests of a few synthetic embryos, the stage table and random starting weights."""
    folder = tmp_path_factory.mktemp("job")
    raw = embryos.write_embryos(
        folder / "raw", embryos=4, minutes=(51, 123, 195), size=(222, 84), processes=1, droppings=False
    )
    for split, numbers in (("train", "123"), ("val", "4")):
        paths = [path for path in sorted(map(str, raw)) if path.split("embryo0")[1][0] in numbers]
        rows = [(path, path.split("Stage(")[1][:3], "e", "") for path in paths]
        prepare_bucket(rows, split, IMAGE, [0], folder / split, folder / f"{split}-table.csv")
        table = pd.read_csv(folder / f"{split}-table.csv", dtype=str)
        table["label"] = table["stage"].map(list(STAGES).index)
        table["source"] = table["path"]
        table[["png", "stage", "label", "embryo", "angle", "source"]].to_csv(folder / f"{split}.csv", index=False)
    pd.DataFrame({"stage": STAGES.keys(), "label": range(3), "time": STAGES.values(), "unit": "min"}).to_csv(
        folder / "stages.csv", index=False
    )
    fetch_weights("timm/test_resnet", "none", 1, folder / "backbone.pt")
    return folder


@pytest.fixture
def job(files, monkeypatch):
    """Return a job for changes, and let programs find the library as in the workflow."""
    monkeypatch.setenv("PYTHONPATH", str(Path(execution.__file__).parents[2]))
    return new_job(files)


def new_job(files):
    return TrainingJob(
        recipe=Recipe([16], 0.0, SETTINGS, learning_rate=1e-3, batch_size=4, epochs=3),
        train_manifest=str(files / "train.csv"),
        val_manifest=str(files / "val.csv"),
        stages=str(files / "stages.csv"),
        backbone=str(files / "backbone.pt"),
        image=IMAGE,
        cache=str(files / "cache"),
    )


def with_recipe(job, mode="finetuned", finetune=(), **changes):
    """Return the job with a changed recipe. finetune: changes of the fine-tuning settings."""
    train = SETTINGS | {"mode": mode, "finetune": SETTINGS["finetune"] | dict(finetune)}
    return replace(job, recipe=replace(job.recipe, train=train, **changes))


def losses(history):
    return np.array([[row["train_loss"], row["val_loss"]] for row in history])


@pytest.fixture(scope="module")
def alone(files):
    """Return the history of the job in one process."""
    return execution.learn(new_job(files))[2]


def test_head_trains_first_and_then_the_whole_network(alone):
    assert [row["phase"] for row in alone] == ["head"] * 3 + ["network"] * 3
    assert [row["epoch"] for row in alone] == [1, 2, 3, 4, 5, 6]
    assert np.isfinite(losses(alone)).all()


@pytest.mark.parametrize("processes", [2, 4])
def test_several_processes_give_the_history_of_one(job, alone, tmp_path, processes):
    (tmp_path / "model").mkdir()
    history = run_job(job, processes, tmp_path / "model/checkpoint.pt", tmp_path / "model/history.csv")
    difference = np.abs(losses(history) - losses(alone)).max()
    assert difference < 1e-4
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["checkpoint.pt", "history.csv"]
    assert len(load_checkpoint(tmp_path / "model/checkpoint.pt")["stages"]) == 3


@pytest.mark.parametrize("validated", [True, False])
def test_offset_is_trained_on_the_images_and_epochs_of_the_head(job, files, tmp_path, monkeypatch, validated):
    train, val = pd.read_csv(files / "train.csv"), pd.read_csv(files / "val.csv").assign(embryo="other")
    pd.concat([train, train.assign(angle=90)]).to_csv(tmp_path / "train.csv", index=False)
    val.to_csv(tmp_path / "val.csv", index=False)
    seen = []
    monkeypatch.setattr(execution, "train_offset", lambda *given: seen.append(given) or "the offset")
    job = replace(with_recipe(job, "frozen"), train_manifest=str(tmp_path / "train.csv"), validated=validated)
    job = replace(job, val_manifest=str(tmp_path / "val.csv"))
    _, head, history = execution.learn(job)
    ((inputs, embryos, weights, _, recipe),) = seen
    assert head.offset == "the offset" and recipe.epochs == best_epoch(history)["epoch"]
    expected = pd.concat([train, train] if validated else [train, train, val])
    assert embryos.tolist() == expected["embryo"].astype(str).tolist() and len(inputs.train[1]) == len(expected)
    assert weights.tolist() == [0.5] * (2 * len(train)) + [1.0] * (len(expected) - 2 * len(train))


def test_workers_that_read_ahead_change_nothing(job, alone):
    assert execution.learn(replace(job, workers=2))[2] == alone


class KilledError(Exception):
    """Replaces kill -9, which a test cannot survive."""


@pytest.mark.parametrize(
    ("mode", "changes", "workers"),
    [
        ("frozen", {}, 0),
        ("finetuned", {}, 0),
        ("finetuned", {"batch_norm": "learned"}, 2),  # workers draw their own random numbers
        ("finetuned", {"average": 0.9, "precision": "bf16"}, 0),
    ],
)
def test_interrupted_training_gives_the_same_result(job, tmp_path, monkeypatch, mode, changes, workers):
    job = with_recipe(replace(job, workers=workers), mode, changes, dropout=0.3, epochs=4)
    backbone, head, history = execution.learn(job)
    job = replace(job, resume=str(tmp_path / "resume"))
    keep, kept = resuming.ResumePoint.keep, []

    def keep_and_die(point, training):
        keep(point, training)
        kept.append(len(training.history))
        if len(kept) in (1, 3):
            raise KilledError

    monkeypatch.setattr(resuming.ResumePoint, "keep", keep_and_die)
    for _ in range(2):
        with pytest.raises(KilledError):
            execution.learn(job)
    again_backbone, again_head, again = execution.learn(job)
    assert kept == [1, 2, 3, 4]  # no epoch twice
    assert again == history
    for one, other in ((backbone["state"], again_backbone["state"]), (head.state_dict(), again_head.state_dict())):
        assert all(torch.equal(value, other[key]) for key, value in one.items())


def test_foreign_or_damaged_resume_points_are_ignored(job, tmp_path):
    job = replace(job, resume=str(tmp_path))
    first = execution.learn(job)[2]
    other = execution.learn(with_recipe(job, learning_rate=3e-3))[2]
    assert losses(other)[0, 0] != losses(first)[0, 0]
    (tmp_path / "resume.pt").write_bytes((tmp_path / "resume.pt").read_bytes()[:5000])
    assert execution.learn(job)[2] == first


def test_mixed_precision_gives_nearly_the_same_losses(job, alone):
    history = execution.learn(with_recipe(job, finetune={"precision": "bf16"}))[2]
    np.testing.assert_allclose(losses(history), losses(alone), rtol=0.05)
    assert losses(history)[-1, 0] != losses(alone)[-1, 0]


def test_checkpoint_of_fine_tuning_has_the_validated_loss(job, files, tmp_path):
    job = with_recipe(job, finetune={"batch_norm": "learned", "head_epochs": 1}, epochs=8, batch_size=3)
    history = run_job(job, 1, tmp_path / "checkpoint.pt", tmp_path / "history.csv")
    checkpoint = load_checkpoint(tmp_path / "checkpoint.pt")
    manifest = pd.read_csv(files / "val.csv")
    probabilities = stage_probabilities(checkpoint, manifest["png"].tolist(), tmp_path, 1, 1)
    loss = -np.log(probabilities[np.arange(len(manifest)), manifest["label"]]).mean()
    assert loss == pytest.approx(best_epoch(history)["val_loss"], rel=1e-3)


def test_program_reads_the_job_and_takes_hyperparameters(job, files, tmp_path):
    relative = {name: f"{name.removesuffix('_manifest')}.csv" for name in ("train_manifest", "val_manifest", "stages")}
    relative |= {"backbone": "backbone.pt", "cache": "cache"}
    replace(with_recipe(job, mode="frozen"), **relative).write(files / "job.json")
    command = [
        sys.executable,
        "-m",
        "flystage.jobs.execution",
        "--job",
        files / "job.json",
        "--output",
        tmp_path / "model",
    ]
    process = subprocess.run(
        [*command, "--learning_rate", "0.002", "--batch-size", "2", "--who_asked", "nobody"],
        capture_output=True, text=True, cwd=tmp_path, check=True,
    )  # fmt: skip
    checkpoint = load_checkpoint(tmp_path / "model/checkpoint.pt")
    assert checkpoint["training"]["best"] == {"learning_rate": 0.002, "batch_size": 2}
    assert "best_val_loss=" in process.stdout
    assert len(pd.read_csv(tmp_path / "model/history.csv")) == 3


def test_missing_png_gives_the_same_error_from_several_processes(job, tmp_path):
    manifest = pd.read_csv(job.train_manifest)
    manifest.loc[2, "png"] = "nowhere/gone.png"
    manifest.to_csv(tmp_path / "train.csv", index=False)
    for processes in (1, 2):
        with pytest.raises(FlystageError, match=r"nowhere/gone\.png"):
            run_job(replace(job, train_manifest=str(tmp_path / "train.csv")), processes)
