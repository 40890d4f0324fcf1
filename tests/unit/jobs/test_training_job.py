"""Test the record of a training job: its file, its paths, and the refusal of invalid values."""

import json
from dataclasses import replace

import pytest

from flystage.jobs.training_job import TrainingJob
from flystage.training.recipe import Recipe

TRAIN = {"mode": "frozen", "seed": 1, "finetune": {"head_epochs": 7}}
RECIPE = Recipe([16, 8], 0.1, TRAIN, learning_rate=0.01, batch_size=16, epochs=3)
JOB = TrainingJob(RECIPE, "m/train.csv", "m/val.csv", "/abs/stages.csv", "backbone.pt", resume="cache/resume")


def test_job_is_read_as_written_with_paths_relative_to_its_file(tmp_path):
    (tmp_path / "there").mkdir()
    JOB.write(tmp_path / "there/job.json")
    read = TrainingJob.read(tmp_path / "there/job.json")
    assert read == JOB.seen_from(tmp_path / "there")
    assert read.recipe == RECIPE and read.train_manifest == str(tmp_path / "there/m/train.csv")
    assert read.stages == "/abs/stages.csv" and read.train_vectors is None
    assert read.images == str(tmp_path / "there") and read.resume == str(tmp_path / "there/cache/resume")
    json.dumps(JOB.record(), allow_nan=False)


def test_job_from_the_inputs_and_parameters_of_a_rule():
    inputs = {"train_manifest": "t", "val_manifest": "v", "stages": "s", "backbone": "b", "best": "not looked at"}
    params = {"code": "x", "model": {"hidden": [16, 8], "dropout": 0.1}, "train": TRAIN, "cache": "c", "note": "n"}
    best = {"learning_rate": 0.01, "batch_size": 16, "trial": 4}
    job = TrainingJob.of_rule(inputs, params, best, 3, threads=2, workers=1)
    assert job == TrainingJob(RECIPE, "t", "v", "s", "b", note="n", threads=2, workers=1, cache="c")
    vectors = {"train_vectors": "tv", "val_vectors": "vv"}
    assert TrainingJob.of_rule(inputs | vectors, params, best, 3).val_vectors == "vv"
    assert TrainingJob.of_rule(inputs, params, {}, 3).recipe.learning_rate is None  # SageMaker's tuning chooses it


def test_resources_and_folders_do_not_decide_the_result():
    assert replace(JOB, threads=8, workers=4, cache="x", resume=None, images="y").decisive() == JOB.decisive()
    for recipe in (replace(RECIPE, epochs=4), replace(RECIPE, train=TRAIN | {"seed": 2}), replace(RECIPE, dropout=0)):
        assert replace(JOB, recipe=recipe).decisive() != JOB.decisive()
    assert replace(JOB, image={"size": 64}).decisive() != JOB.decisive()


@pytest.mark.parametrize(
    "wrong", [{"train_vectors": "x"}, {"threads": 0}, {"workers": -1}], ids=lambda wrong: next(iter(wrong))
)
def test_invalid_job_is_refused(wrong):
    with pytest.raises(ValueError):
        replace(JOB, **wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"train": {"mode": "no"}},
    ],
    ids=str,
)
def test_invalid_recipe_is_refused(wrong):
    with pytest.raises(ValueError):
        replace(RECIPE, **wrong)


def test_given_hyperparameters_replace_those_of_the_recipe():
    assert RECIPE.with_hyperparameters(0.5, None).hyperparameters == {"learning_rate": 0.5, "batch_size": 16}
    assert RECIPE.with_hyperparameters(None, 4).hyperparameters == {"learning_rate": 0.01, "batch_size": 4}


def test_head_of_a_fine_tuning_has_its_own_number_of_epochs():
    assert RECIPE.of_head() == RECIPE
    assert replace(RECIPE, train=TRAIN | {"mode": "finetuned"}).of_head().epochs == 7
