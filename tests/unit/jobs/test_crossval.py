"""Test the cross-validation of a run: predictions, figures, and chance for shuffled stages."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from flystage.evaluation.metrics import metrics
from flystage.jobs import crossval as of_crossval
from flystage.jobs.crossval import KEYS, cross_validate, null_run, number_of_folds, recipe_of_run
from flystage.jobs.held_out import answers
from flystage.raw.stages import Stages


def test_number_of_folds():
    assert [number_of_folds("auto", embryos) for embryos in (3, 24, 25, 300)] == [3, 24, 12, 12]
    assert number_of_folds(5, 24) == 5 and number_of_folds(5, 3) == 3


@pytest.fixture
def found(images_of, stages, recipe):
    return cross_validate(images_of(8), stages, recipe, "auto", [1, 2], 0.8, 1)


def test_every_image_is_classified_once_and_figures_match_the_table(found, images_of, stages):
    table, record = found
    manifest = images_of(8).manifest
    for column in ("source", "stage", "embryo", "png", "split"):
        assert table[column].tolist() == manifest[column].tolist()
    assert table.groupby("embryo")["fold"].nunique().max() == 1 and table["fold"].nunique() == 8
    measured = metrics(table, stages, [1, 2])
    assert {key: record["crossval"][key] for key in measured} == measured
    assert record["crossval"]["folds"] == 8 and "validation embryos" in record["crossval"]["hyperparameters"]
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
    assert len(record["stage_support"]) == 4


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
    recipe = replace(recipe, train=recipe.train | {"epochs": 30})
    same, told = cross_validate(images_of(8), stages, recipe, "auto", [1, 2], 0.8, 1, other)
    pd.testing.assert_frame_equal(same, table)
    assert told["learning_curve"] is None
    words = told["crossval"].pop("hyperparameters")
    assert "settings of fine-tuning, and the next fold chooses the epoch of at most 30" in words
    del record["crossval"]["hyperparameters"]
    assert told["likeness"] is None  # each fold's network has different vectors
    assert {**told, "learning_curve": record["learning_curve"], "likeness": record["likeness"]} == record


def test_shuffled_stages_give_chance(images_of, stages, recipe):
    found = null_run(images_of(12), stages, recipe, "auto", [1, 3], 1)
    low, high = found["top_k"]["1"]["ci95"]
    assert low < 0.25 < high and found["embryos"] == 12 and found["images"] == 96
    assert set(found) == {"top_k", "within_one", "mae", "embryos", "images"}


def test_recipe_has_the_epochs_that_the_run_kept(recipe):
    history = pd.DataFrame({"epoch": [1, 2, 3], "val_loss": [2.0, 1.0, 1.5]})
    model, best = {"hidden": [8], "dropout": 0.0}, {"learning_rate": 0.02, "batch_size": 16}
    assert recipe_of_run(model, recipe.train, best, history) == replace(recipe, epochs=2)
    assert recipe_of_run(model, recipe.train, best, history[["epoch"]]).epochs == 3


def test_image_level_split_is_too_optimistic_for_marked_embryos(images_of, stages, recipe):
    images, random = images_of(8), np.random.default_rng(3)
    # Only the two images of the same stage and embryo resemble each other, so a network can learn nothing else.
    pair = (images.manifest["embryo"].str[1:].astype(int) * 4 + images.manifest["label"]).to_numpy()
    seen = (random.normal(0, 1, (32, 40))[pair] + random.normal(0, 0.1, (len(images), 40))).astype(np.float32)
    images = replace(images, vectors=torch.from_numpy(seen[images.image]), asked=np.stack([seen] * 2))
    _, record = cross_validate(images, stages, recipe, "auto", [1], 0.9, 1)
    leaky = record["random_split"]
    assert leaky["top_k"]["1"]["accuracy"] > leaky["network_same_method"]["top_k"]["1"]["accuracy"] + 0.3
