"""Test the cross-validation of a run: predictions, figures, and chance for shuffled stages."""

import copy
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from flystage.certainty.calibration import calibration, tempered
from flystage.certainty.prediction_sets import prediction_sets
from flystage.certainty.time_intervals import time_intervals
from flystage.evaluation.metrics import metrics
from flystage.jobs import crossval as of_crossval
from flystage.jobs.crossval import KEYS, cross_validate, fixed_recipe, null_run, number_of_folds
from flystage.jobs.held_out import ALONE, NETWORK, answers
from flystage.raw.stages import Stages


def test_number_of_folds():
    assert [number_of_folds("auto", embryos) for embryos in (3, 24, 25, 300)] == [3, 24, 12, 12]
    assert number_of_folds(5, 24) == 5 and number_of_folds(5, 3) == 3


@pytest.fixture(scope="module")
def once(images_of, stages, recipe):
    return cross_validate(images_of(8), stages, recipe, "auto", [1, 2], 0.8, 1)


@pytest.fixture
def found(once):
    """Return a copy, which a test may change."""
    return copy.deepcopy(once)


def test_every_image_is_classified_once_and_figures_match_the_table(found, images_of, stages):
    table, record = found
    manifest = images_of(8).manifest
    for column in ("source", "stage", "embryo", "png", "split"):
        assert table[column].tolist() == manifest[column].tolist()
    assert table.groupby("embryo")["fold"].nunique().max() == 1 and table["fold"].nunique() == 8
    measured = metrics(table, stages, [1, 2])
    assert {key: record["crossval"][key] for key in measured} == measured
    assert record["crossval"]["folds"] == 8
    assert re.search(r"0\.02\b.* 16\b.* 6 epochs.* [Nn]o embryo", record["crossval"]["hyperparameters"])
    assert measured["top_k"]["1"]["accuracy"] > 0.7


def test_record_contains_all_figures(found, images_of):
    _, record = found
    assert set(record) == set(KEYS) and json.loads(json.dumps(record, allow_nan=False)) == record
    assert list(record["baselines"]) == [
        "chance", "commonest stage", "nearest neighbour on pixels", "logistic regression on pixels", "logistic regression on features",
    ]  # fmt: skip
    chance = record["baselines"].pop("chance")
    assert "better_by" not in chance and chance["top_k"]["2"] == {"accuracy": 0.5, "ci95": [0.5, 0.5], "chance": 0.5}
    for figures in record["baselines"].values():
        assert set(figures) == {"top_k", "within_one", "mae", "better_by"}
        assert figures["better_by"]["mae"]["value"] == pytest.approx(
            figures["mae"]["value"] - record["crossval"]["mae"]["value"], abs=0.01
        )
    assert record["baselines"]["commonest stage"]["better_by"]["top_1"]["ci95"][0] > 0.3
    same = record["random_split"].pop("network_same_method")
    assert same == {key: record["baselines"]["logistic regression on features"][key] for key in same}
    interval, likeness = record["interval"], record["likeness"]
    assert interval["promised"] == 0.8 and 0 < interval["reach"] < 27 and interval["covered"] >= 0.7
    assert likeness["embryos"] == 8 and likeness["images"] == 64 and likeness["threshold"] > 0
    assert record["sets"]["promised"] == 0.8 and [one["embryo"] for one in record["by_embryo"]] == sorted(
        set(images_of(8).embryos)
    )
    assert [point["embryos"] for point in record["learning_curve"]] == [2, 4, 6]
    assert len(record["stage_support"]) == 4 and record["alone"] is None


def test_cross_validation_is_reproducible_in_several_processes(found, images_of, stages, recipe, elsewhere):
    table, record = elsewhere(cross_validate, images_of(8), stages, recipe, "auto", [1, 2], 0.8, 2)
    pd.testing.assert_frame_equal(table, found[0])
    assert record == found[1]


def test_stages_without_order_have_no_mean_error(images_of, recipe):
    _, record = cross_validate(images_of(4), Stages(["051", "060", "069", "078"]), recipe, 3, [1], 0.9, 1)
    assert record["crossval"]["mae"]["value"] is None and record["by_embryo"][0]["mae"] is None
    assert record["learning_curve"][0]["mae"] is None and record["sets"]["contiguous"] is False
    assert record["interval"] is None and record["likeness"]["embryos"] == 4
    assert json.dumps(record, allow_nan=False)


def test_reviewed_suggestions_train_but_do_not_count_in_figures(images_of, stages, recipe, monkeypatch):
    images, learned = images_of(8), []
    images.manifest.loc[images.manifest["embryo"] == "e01", "origin"] = "reviewed"
    images.manifest.loc[0, "origin"] = "reviewed"  # one image of another embryo
    monkeypatch.setattr(
        of_crossval, "answers", lambda images, tasks, *rest: learned.append(tasks) or answers(images, tasks, *rest)
    )
    table, record = cross_validate(images, stages, recipe, "auto", [1], 0.8, 1, training_only=["reviewed", "blind"])
    scored = images.manifest[images.manifest["origin"] == "given"]
    assert table["source"].tolist() == scored["source"].tolist() and len(table) == 55
    assert record["crossval"]["embryos"] == 7 and record["crossval"]["folds"] == 7
    assert "e01" not in {row["embryo"] for row in record["by_embryo"]}
    of_folds = learned[0][:7]
    suggested = (images.manifest["embryo"] == "e01").to_numpy()
    assert all(learned[suggested].all() and not staged[suggested].any() for learned, staged, _ in of_folds)
    assert sorted(learned[0] for learned, _, _ in of_folds) == [False] + [True] * 6  # the image follows its embryo
    everything, _ = cross_validate(images, stages, recipe, "auto", [1], 0.8, 1)
    assert len(everything) == 64


def test_too_few_embryos_give_the_reason_and_no_figures(images_of, stages, recipe):
    table, record = cross_validate(images_of(2), stages, recipe, "auto", [1], 0.9, 1)
    assert table.empty and "p_051" in table and "png" in table
    assert re.search(r"\b3 embryos.*\b2\b", record.pop("why"))
    assert record == dict.fromkeys(KEYS)


def test_predictions_of_whole_networks_replace_those_of_heads(found, images_of, stages, recipe):
    table, record = found
    other = table.drop(columns=["split", "fold"]).sample(frac=1, random_state=1)  # folds arrive in any order
    recipe = replace(recipe, epochs=30)
    same, of_networks = cross_validate(images_of(8, adapt=True), stages, recipe, "auto", [1, 2], 0.8, 1, other)
    pd.testing.assert_frame_equal(same, table)
    assert of_networks["learning_curve"] is None
    words = of_networks["crossval"].pop("hyperparameters")
    assert re.search(r"0\.02\b.*\b16\b.*next fold.*\b30\b.*validation embryos", words)
    del record["crossval"]["hyperparameters"]
    assert of_networks["likeness"] is None  # each fold's network has different vectors
    assert {**of_networks, "learning_curve": record["learning_curve"], "likeness": record["likeness"]} == record


def test_shuffled_stages_give_chance(images_of, stages, recipe):
    found = null_run(images_of(12), stages, recipe, "auto", [1, 3], 1)
    low, high = found["top_k"]["1"]["ci95"]
    assert low < 0.25 < high and found["embryos"] == 12 and found["images"] == 96
    assert set(found) == {"top_k", "within_one", "mae", "embryos", "images"}


@pytest.mark.parametrize("noise", [0.5, 30.0])  # with much noise, vectors say nothing of the stage
def test_shuffled_stages_give_chance_without_offsets_of_embryos(images_of, stages, recipe, noise):
    found = null_run(images_of(12, noise, adapt=True), stages, recipe, 4, [1], 1)
    low, high = found["top_k"]["1"]["ci95"]
    assert low < 0.25 < high and found["images"] == 96


def test_fixed_recipe_has_the_settings_of_trial_0_for_all_epochs(recipe):
    tune = {"learning_rate": [1e-4, 1e-2], "batch_size": [32, 64, 128, 256], "epochs": 10, "folds": "auto"}
    model = {"hidden": [8], "dropout": 0.0}
    expected = replace(recipe, learning_rate=1e-3, batch_size=128, epochs=10)
    assert fixed_recipe(model, recipe.train, tune) == expected
    narrow = fixed_recipe(model, recipe.train, tune | {"learning_rate": [0.02, 0.1], "batch_size": [16]})
    assert narrow == replace(recipe, epochs=10)


def test_sets_and_intervals_come_from_calibrated_probabilities(images_of, stages, recipe):
    table, record = cross_validate(images_of(8, noise=1.5), stages, recipe, 4, [1], 0.7, 1)
    probabilities = table[[f"p_{name}" for name in stages.names]].to_numpy()
    labels, embryos = table["stage"].map(stages.labels).to_numpy(), table["embryo"].to_numpy()
    assert record["calibration"] == calibration(probabilities, labels, table["fold"].to_numpy())
    temperature = record["calibration"]["temperature"]
    assert abs(np.log(temperature)) > 0.1
    for its, calibrated in ((temperature, True), (1.0, False)):
        its_probabilities = tempered(probabilities, its)
        sets = prediction_sets(its_probabilities, labels, embryos, 0.7, True)
        interval = time_intervals(its_probabilities, stages, labels, embryos, 0.7)
        assert (sets["threshold"] == record["sets"]["threshold"]) is calibrated
        assert (interval["reach"] == record["interval"]["reach"]) is calibrated
        assert (sets == record["sets"] and interval == record["interval"]) is calibrated


@pytest.fixture(scope="module")
def adapting(images_of, stages, recipe):
    """Return (table, record, {method: out-of-fold probabilities}) of images with an offset per embryo."""
    images, of_tasks = images_of(8, noise=1.0, adapt=True), []
    with pytest.MonkeyPatch.context() as patch:

        def answering(images, tasks, *rest):
            given = answers(images, tasks, *rest)
            of_tasks.extend(zip(tasks, given, strict=True))
            return given

        patch.setattr(of_crossval, "answers", answering)
        table, record = cross_validate(images, stages, recipe, 4, [1, 2], 0.7, 1)
    probabilities = {method: np.full((64, 4), np.nan) for method in (NETWORK, ALONE)}
    for (_, staged, _), given in of_tasks:
        for method in probabilities:
            if ALONE in given:
                probabilities[method][staged] = given[method]
    return table, record, probabilities


def test_figures_of_images_alone_are_reported_with_their_calibration(adapting, stages):
    table, record, probabilities = adapting
    alone, columns = record["alone"], [f"p_{name}" for name in stages.names]
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert set(alone) == {"top_k", "within_one", "mae", "better_by", "calibration", "sets", "interval"}
    np.testing.assert_allclose(table[columns], probabilities[NETWORK])
    labels, embryos = table["stage"].map(stages.labels).to_numpy(), table["embryo"].to_numpy()
    found = calibration(probabilities[ALONE], labels, table["fold"].to_numpy())
    assert alone["calibration"] == found != record["calibration"]
    calibrated = tempered(probabilities[ALONE], found["temperature"])
    assert alone["sets"] == prediction_sets(calibrated, labels, embryos, 0.7, True) != record["sets"]
    assert alone["interval"] == time_intervals(calibrated, stages, labels, embryos, 0.7) != record["interval"]
    right = probabilities[ALONE].argmax(axis=1) == labels
    assert alone["top_k"]["1"]["accuracy"] == pytest.approx(right.mean())
    gain = record["crossval"]["top_k"]["1"]["accuracy"] - alone["top_k"]["1"]["accuracy"]
    assert alone["better_by"]["top_1"]["value"] == pytest.approx(gain, abs=0.01)


def test_too_few_embryos_for_offsets_give_no_figures_of_images_alone(images_of, stages, recipe):
    _, record = cross_validate(images_of(5, adapt=True), stages, recipe, "auto", [1], 0.7, 1)  # folds train on four
    assert record["alone"] is None and record["calibration"] is not None


def test_image_level_split_is_too_optimistic_for_marked_embryos(images_of, stages, recipe):
    images, random = images_of(8), np.random.default_rng(3)
    # Only the two images of the same stage and embryo resemble each other, so a network can learn nothing else.
    pair = (images.manifest["embryo"].str[1:].astype(int) * 4 + images.manifest["label"]).to_numpy()
    seen = (random.normal(0, 1, (32, 40))[pair] + random.normal(0, 0.1, (len(images), 40))).astype(np.float32)
    images = replace(images, vectors=torch.from_numpy(seen[images.image]), asked=np.stack([seen] * 2))
    _, record = cross_validate(images, stages, recipe, "auto", [1], 0.9, 1)
    leaky = record["random_split"]
    assert leaky["top_k"]["1"]["accuracy"] > leaky["network_same_method"]["top_k"]["1"]["accuracy"] + 0.3
