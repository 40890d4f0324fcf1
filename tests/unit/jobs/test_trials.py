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

from flystage.core.errors import FlystageError
from flystage.jobs import trials
from flystage.jobs.training_job import TrainingJob
from flystage.jobs.trials import run_trials
from flystage.jobs.tuning import trial_record, trial_settings
from flystage.raw.stages import Stages
from flystage.training.head import HeadInputs, load_vectors, train_head
from flystage.training.recipe import Recipe

TRAIN = {"mode": "frozen", "seed": 1, "loss": "ordered", "spread": 1.0, "weight_decay": 0.01, "patience": 5}
TUNE = {"learning_rate": [0.001, 0.1], "batch_size": [4, 8], "epochs": 3, "folds": 0}


@pytest.fixture
def job(tmp_path):
    """Write vectors of two stages and their manifests, and return a job with them."""
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
        return train_head(inputs, stages, recipe)

    monkeypatch.setattr(trials, "train_head", spying)
    return seen


TWO_PROCESSES = """
import json, os, signal, sys
from flystage.core.errors import FlystageError
from flystage.jobs import trials
from flystage.jobs.training_job import TrainingJob
from flystage.jobs.tuning import trial_settings

job, (tune, cache) = TrainingJob.read(sys.argv[1]), map(json.loads, sys.argv[2:])
doomed, train_head = trial_settings(1, tune["learning_rate"], tune["batch_size"]), trials.train_head

def dying(inputs, stages, recipe):
    if recipe.hyperparameters == doomed:
        os.kill(os.getpid(), signal.SIGKILL)
    return train_head(inputs, stages, recipe)

trials.train_head = dying
try:
    trials.run_trials(job, tune, 4, cache, 2)
except FlystageError as error:
    answer = {"error": str(error), "kept": len(os.listdir(cache))}
trials.train_head = train_head
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
    _, history = train_head(HeadInputs.of(*splits, 1), Stages.as_given(["051", "060"]), recipe)
    assert answer["records"][3] == trial_record(3, settings, history)


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

    monkeypatch.setattr(trials, "train_head", failing)
    with pytest.raises(FlystageError, match="no such thing"):
        run_trials(job, TUNE, 4, tmp_path / "cache", 2)


def test_folds_score_every_embryo_and_average_all_epochs(job, tmp_path, monkeypatch):
    seen, of = [], HeadInputs.of

    def looking(train, val, seed):
        seen.append((len(train[1]), len(val[1])))
        return of(train, val, seed)

    monkeypatch.setattr(HeadInputs, "of", looking)
    records = run_trials(job, TUNE | {"folds": 5}, 2, tmp_path / "cache", 1)
    assert seen == [(24, 8)] * 4  # there are only four embryos, with eight images each
    assert [record["folds"] for record in records] == [4, 4]
    by_split = run_trials(job, TUNE, 2, tmp_path / "cache", 1)
    assert "folds" not in by_split[0] and by_split[0]["val_loss"] != records[0]["val_loss"]


def test_folds_are_scored_only_on_unrotated_images(job, tmp_path, monkeypatch):
    manifest = pd.read_csv(job.train_manifest)
    manifest.assign(angle=[0, 90] * 12).to_csv(job.train_manifest, index=False)
    seen, of = [], HeadInputs.of

    def looking(train, val, seed):
        seen.append((len(train[1]), len(val[1])))
        return of(train, val, seed)

    monkeypatch.setattr(HeadInputs, "of", looking)
    run_trials(job, TUNE | {"folds": 4}, 1, tmp_path / "cache", 1)
    assert sorted(seen) == [(24, 4)] * 3 + [(24, 8)]
