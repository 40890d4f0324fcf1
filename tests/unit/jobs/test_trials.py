"""Test trials in one job: parallel processes, cached records, folds, and killed processes."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from flystage.certainty.calibration import fitted_temperature, tempered
from flystage.core.errors import FlystageError
from flystage.jobs import trials
from flystage.jobs.training_job import TrainingJob
from flystage.jobs.trials import run_trials
from flystage.jobs.tuning import record_by_embryo, trial_settings
from flystage.raw.stages import Stages
from flystage.training.head import HeadInputs, load_vectors, train_layers
from flystage.training.recipe import Recipe

TRAIN = {"mode": "frozen", "seed": 1, "loss": "ordered", "spread": 1.0, "weight_decay": 0.01, "patience": 5}
TUNE = {"learning_rate": [0.001, 0.1], "batch_size": [4, 8], "epochs": 3, "folds": 0}


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Write vectors of two stages and their manifests, and return a job with them."""
    monkeypatch.setattr(trials, "load_weights", lambda path: {"parts": 1})
    for split, images in (("train", 24), ("val", 8)):
        labels = np.arange(images) % 2
        vectors = np.random.default_rng(images).normal(0, 1, (images, 12)).astype(np.float32)
        vectors[:, 0] += 2 * labels
        np.save(tmp_path / f"{split}.npy", vectors)
        rows = {
            "png": "-",
            "stage": "-",
            "label": labels,
            "embryo": [f"{split}{number // 8}" for number in range(images)],
            "angle": 0,
            "source": "-",
        }
        pd.DataFrame(rows).to_csv(tmp_path / f"{split}.csv", index=False)
    pd.DataFrame({"label": [0, 1], "stage": ["051", "060"], "time": [51, 60], "unit": "min"}).to_csv(
        tmp_path / "stages.csv", index=False
    )
    files = [str(tmp_path / name) for name in ("train.csv", "val.csv", "stages.csv")]
    return TrainingJob(Recipe([6], 0.2, TRAIN, None, None, 3), *files, "no backbone is looked at",
                       str(tmp_path / "train.npy"), str(tmp_path / "val.npy"))  # fmt: skip


@pytest.fixture
def trained(monkeypatch):
    """Return the list of settings that this process trains."""
    seen = []

    def spying(inputs, stages, recipe):
        seen.append(recipe.hyperparameters)
        return train_layers(inputs, stages, recipe)

    monkeypatch.setattr(trials, "train_layers", spying)
    return seen


TWO_PROCESSES = """
import json, os, signal, sys
from flystage.core.errors import FlystageError
from flystage.jobs import trials
from flystage.jobs.training_job import TrainingJob
from flystage.jobs.tuning import trial_settings

job, (tune, cache) = TrainingJob.read(sys.argv[1]), map(json.loads, sys.argv[2:])
doomed, train_layers = trial_settings(1, tune["learning_rate"], tune["batch_size"]), trials.train_layers

def dying(inputs, stages, recipe):
    if recipe.hyperparameters == doomed:
        os.kill(os.getpid(), signal.SIGKILL)
    return train_layers(inputs, stages, recipe)

trials.load_weights = lambda path: {"parts": 1}
trials.train_layers = dying
try:
    trials.run_trials(job, tune, 4, cache, 2)
except FlystageError as error:
    answer = {"error": str(error), "kept": len(os.listdir(cache))}
trials.train_layers = train_layers
print(json.dumps(answer | {"records": trials.run_trials(job, tune, 4, cache, 2)}))
"""


def test_killed_process_loses_only_its_own_trial_and_results_stay_the_same(job, tmp_path):
    job.write(tmp_path / "job.json")
    # This runs in a new process, because a process that has trained cannot be forked.
    command = [
        sys.executable,
        "-c",
        TWO_PROCESSES,
        str(tmp_path / "job.json"),
        json.dumps(TUNE),
        json.dumps(f"{tmp_path}/two"),
    ]
    environment = os.environ | {"PYTHONPATH": str(Path(trials.__file__).parents[2])}
    process = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    answer = json.loads(process.stdout)
    assert re.search(r"exit code -9\b", answer["error"]) and 1 <= answer["kept"] < 4
    assert answer["records"] == run_trials(job, TUNE, 4, tmp_path / "one", 1)
    splits = [load_vectors(job.train_vectors, job.train_manifest), load_vectors(job.val_vectors, job.val_manifest)]
    settings = trial_settings(3, TUNE["learning_rate"], TUNE["batch_size"])
    recipe = job.recipe.with_hyperparameters(**settings)
    inputs = HeadInputs.of(*splits, 1)
    _, layers, history = train_layers(replace(inputs, val=None), Stages.as_given(["051", "060"]), recipe)
    with torch.inference_mode():
        probabilities = torch.softmax(layers.eval()(inputs.val[0]).double(), dim=-1).numpy()
    expected = record_by_embryo(3, settings | {"epochs": 3}, probabilities, inputs.val[1].numpy(), ["val0"] * 8)
    assert answer["records"][3] == expected and len(history) == 3


def test_only_new_trials_train_unless_the_recipe_or_data_change(job, tmp_path, trained):
    first = run_trials(job, TUNE, 2, tmp_path / "cache", 1)
    assert len(trained) == 2
    more = run_trials(job, TUNE, 3, tmp_path / "cache", 1)
    assert len(trained) == 3 and more[:2] == first
    assert run_trials(job, TUNE, 1, tmp_path / "cache", 1) == first[:1] and len(trained) == 3
    other = replace(job, recipe=replace(job.recipe, dropout=0.0))
    run_trials(other, TUNE, 2, tmp_path / "cache", 1)
    assert len(trained) == 5
    labels = pd.read_csv(job.train_manifest)
    labels.assign(label=1 - labels["label"]).to_csv(job.train_manifest, index=False)
    run_trials(job, TUNE, 2, tmp_path / "cache", 1)
    assert len(trained) == 7


def test_error_in_a_process_is_raised_in_the_parent(job, tmp_path, monkeypatch):
    def failing(*_):
        raise FlystageError("There is no such thing.")

    monkeypatch.setattr(trials, "train_layers", failing)
    with pytest.raises(FlystageError, match="no such thing"):
        run_trials(job, TUNE, 4, tmp_path / "cache", 2)


def test_other_embryos_of_the_same_images_are_not_taken_from_the_cache(job, tmp_path, trained):
    run_trials(job, TUNE, 1, tmp_path / "cache", 1)
    table = pd.read_csv(job.val_manifest)
    table.assign(embryo=["a", "b"] * 4).to_csv(job.val_manifest, index=False)
    (record,) = run_trials(job, TUNE, 1, tmp_path / "cache", 1)
    assert record["embryos"] == ["a", "b"] and len(trained) == 2


@pytest.fixture
def seen(monkeypatch):
    """Return the list of (training labels, scored labels, parts) of each fold, as int tensors."""
    found, of = [], HeadInputs.of

    def looking(train, val, seed, parts):
        found.append((train[1], val[1], parts))
        return of(train, val, seed, parts)

    monkeypatch.setattr(HeadInputs, "of", looking)
    return found


def test_folds_score_every_embryo_after_all_epochs(job, tmp_path, seen):
    records = run_trials(job, TUNE | {"folds": 5}, 2, tmp_path / "cache", 1)
    # There are only four embryos, with eight images each.
    assert [(len(trained), len(scored)) for trained, scored, _ in seen] == [(24, 8)] * 4
    assert [record["folds"] for record in records] == [4, 4]
    assert [record["best_epoch"] for record in records] == [record["epochs"] for record in records] == [3, 3]
    assert records[0]["embryos"] == ["train0", "train1", "train2", "val0"] and records[0]["images"] == [8] * 4
    by_split = run_trials(job, TUNE, 2, tmp_path / "cache", 1)
    assert "folds" not in by_split[0] and by_split[0]["val_loss"] != records[0]["val_loss"]
    assert by_split[0]["embryos"] == ["val0"]


@pytest.mark.parametrize(("few", "folds"), [(48, 4), (4, 4), (3, None)])
def test_automatic_folds_need_few_embryos(job, tmp_path, monkeypatch, few, folds):
    monkeypatch.setattr(trials, "FEW", few)
    (record,) = run_trials(job, TUNE | {"folds": "auto"}, 1, tmp_path / "cache", 1)
    assert record.get("folds") == folds


def test_parts_of_vectors_reach_the_heads_of_trials(job, tmp_path, monkeypatch, seen):
    monkeypatch.setattr(trials, "load_weights", lambda path: {"parts": 3})
    (record,) = run_trials(job, TUNE, 1, tmp_path / "cache", 1)
    assert [parts for *_, parts in seen] == [3]
    monkeypatch.setattr(trials, "load_weights", lambda path: {"parts": 1})
    assert run_trials(job, TUNE, 1, tmp_path / "cache", 1)[0]["val_loss"] != record["val_loss"]


def test_folds_are_scored_only_on_unrotated_images(job, tmp_path, seen):
    manifest = pd.read_csv(job.train_manifest)
    manifest.assign(angle=[0, 90] * 12).to_csv(job.train_manifest, index=False)
    run_trials(job, TUNE | {"folds": 4}, 1, tmp_path / "cache", 1)
    assert sorted((len(trained), len(scored)) for trained, scored, _ in seen) == [(24, 4)] * 3 + [(24, 8)]


def review(path, rows):
    """Give these rows of a manifest the origin "reviewed", and the others "given"."""
    manifest = pd.read_csv(path)
    manifest["origin"] = np.where(np.isin(np.arange(len(manifest)), rows), "reviewed", "given")
    manifest.to_csv(path, index=False)


@pytest.mark.parametrize(("folds", "images"), [(0, [5]), (2, [8, 5, 5]), (4, [8, 5, 5]), ("auto", [8, 5, 5])])
def test_reviewed_images_never_score_a_trial(job, tmp_path, monkeypatch, seen, folds, images):
    review(job.train_manifest, [*range(8), 17, 18, 20])  # the whole first embryo, and part of the last
    review(job.val_manifest, [0, 3, 6])
    of_reviewed = torch.cat(
        [torch.tensor(pd.read_csv(path)["origin"] == "reviewed") for path in (job.train_manifest, job.val_manifest)]
    )
    labels = torch.arange(32)  # the vectors' numbers stand for their labels, and no head is trained
    monkeypatch.setattr(trials, "load_vectors", lambda vectors, path: (torch.from_numpy(np.load(vectors)),
                        labels[:24] if "train" in path else labels[24:]))  # fmt: skip
    monkeypatch.setattr(trials, "_held_out", lambda inputs, *_: np.full((len(inputs.val[1]), 32), 1 / 32))
    (record,) = run_trials(job, TUNE | {"folds": folds}, 1, tmp_path / "cache", 1, ["reviewed", "blind"])
    assert record["images"] == images and "train0" not in record["embryos"]
    of = np.array([f"train{number // 8}" for number in range(24)] + ["val0"] * 8)
    for trained, scored, _ in seen:
        assert not of_reviewed[scored].any()
        assert not set(of[trained]) & set(of[scored])
        assert set(range(8)) <= set(trained.tolist())  # an embryo without given images trains in every fold


@pytest.mark.parametrize(("few", "folds"), [(48, "auto"), (1, "auto"), (1, 3)])
def test_reviewed_validation_images_do_not_score_if_there_are_others(job, tmp_path, monkeypatch, few, folds):
    monkeypatch.setattr(trials, "FEW", few)
    review(job.train_manifest, [])
    review(job.val_manifest, range(8))
    (record,) = run_trials(job, TUNE | {"folds": folds}, 1, tmp_path / "cache", 1, ["reviewed", "blind"])
    assert record["embryos"] == ["train0", "train1", "train2"] and record["folds"] == 3


def test_reviewed_images_score_if_the_validation_split_has_no_others(job, tmp_path):
    review(job.train_manifest, range(24))
    review(job.val_manifest, range(8))
    (record,) = run_trials(job, TUNE | {"folds": "auto"}, 1, tmp_path / "cache", 1, ["reviewed", "blind"])
    assert record["embryos"] == ["val0"] and record["images"] == [8] and "folds" not in record


def test_images_of_unequal_folds_weigh_alike_in_the_loss(job, tmp_path, monkeypatch):
    manifest = pd.read_csv(job.train_manifest)
    manifest["embryo"] = ["a"] * 20 + ["b"] * 4
    manifest.to_csv(job.train_manifest, index=False)
    made = []

    def held_out(inputs, *_):
        """Be nearly right in the large fold, and wrong in the others."""
        labels = inputs.val[1].numpy()
        right = 0.3 + 0.01 * np.arange(len(labels)) + 0.4 * (len(labels) == 20)
        made.append(right)
        return np.where(np.eye(2)[labels] == 1, right[:, None], 1 - right[:, None])

    monkeypatch.setattr(trials, "_held_out", held_out)
    (record,) = run_trials(job, TUNE | {"folds": 3}, 1, tmp_path / "cache", 1)
    right = np.concatenate(made)
    two = np.stack([right, 1 - right], axis=1)
    zeros = np.zeros(32, dtype=int)
    losses = -np.log(tempered(two, fitted_temperature(two, zeros))[:, 0])
    assert record["images"] == [20, 4, 8] and record["val_loss"] == pytest.approx(losses.mean(), rel=1e-4)
    assert record["val_loss"] != pytest.approx(np.mean(record["losses"]), rel=0.05)
