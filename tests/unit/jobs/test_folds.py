"""Test folds of whole embryos: every image is classified once, by a head that did not train on its embryo."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from flystage.core.errors import FlystageError
from flystage.jobs import folds as of_folds
from flystage.jobs.folds import folds_of, predictions_by_fold, predictions_of_whole_network
from flystage.jobs.training_job import TrainingJob
from flystage.raw.stages import Stages
from flystage.training.head import HeadInputs
from flystage.training.recipe import Recipe

STAGES = Stages.as_given(["051", "060"])
TRAIN = {"mode": "frozen", "seed": 1, "loss": "ordered", "spread": 1.0, "weight_decay": 0.01, "patience": 5}
RECIPE = Recipe([], 0.0, TRAIN, learning_rate=0.05, batch_size=8, epochs=20)


@given(sizes=st.lists(st.integers(1, 30), min_size=3, max_size=20), folds=st.integers(3, 8))
def test_folds_have_whole_embryos_and_about_the_same_size(sizes, folds):
    folds = min(folds, len(sizes))
    embryos = [f"e{number}" for number, size in enumerate(sizes) for _ in range(size)]
    fold_of = folds_of(embryos, folds)
    assert fold_of == folds_of(embryos[::-1], folds) and set(fold_of) == set(embryos)
    filled = np.bincount([fold_of[embryo] for embryo in embryos], minlength=folds)
    assert filled.min() > 0 and filled.max() - filled.min() <= max(sizes)


def write_split(folder, name, embryos, angles, reviewed=()):
    """Write vectors that separate two stages, with a mark of the embryo, and their manifest. Return both paths.

    reviewed: names of embryos, or of their sources.
    """
    rows = [
        {"png": "-", "stage": stage, "label": label, "embryo": embryo, "angle": angle, "source": f"{embryo}-{stage}",
         "origin": "reviewed" if {embryo, f"{embryo}-{stage}"} & set(reviewed) else "given"}
        for embryo in embryos for label, stage in enumerate(STAGES.names) for angle in angles
    ]  # fmt: skip
    manifest = pd.DataFrame(rows)
    manifest.to_csv(folder / f"{name}.csv", index=False)
    vectors = np.random.default_rng(0).normal(0, 0.1, (len(rows), 8)).astype(np.float32)
    vectors[:, 0] += manifest["label"] * 4
    vectors[:, 1] += manifest["embryo"].str[1:].astype(float)
    np.save(folder / f"{name}.npy", vectors)
    return folder / f"{name}.npy", folder / f"{name}.csv"


def views_of(splits):
    """Return the vectors of the unrotated images of all splits in two equal views, array (2, images, 8)."""
    parts = [np.load(vectors)[pd.read_csv(manifest)["angle"] == 0] for vectors, manifest in splits]
    return np.stack([np.concatenate(parts)] * 2)


def test_every_image_is_classified_once_without_its_embryo_in_training(tmp_path, monkeypatch):
    splits = [
        write_split(tmp_path, "train", ["e1", "e2", "e3", "e4"], [0, 90]),
        write_split(tmp_path, "val", ["e5", "e6"], [0]),
    ]
    seen, made = [], HeadInputs.of

    def looking(train, val, seed, parts):
        seen.append((set(train[0][:, 1].round().int().tolist()), len(train[1]), val))
        return made(train, val, seed, parts)

    monkeypatch.setattr(HeadInputs, "of", looking)
    torch.manual_seed(5)
    table = predictions_by_fold(splits, views_of(splits), STAGES, RECIPE, 3)
    assert sorted(table["source"]) == sorted(f"e{number}-{stage}" for number in range(1, 7) for stage in STAGES.names)
    assert (table["rank"] == 1).mean() > 0.9
    assert len(seen) == 3
    for number, (trained, _, chose) in enumerate(seen):
        staged = {int(embryo[1:]) for embryo in table["embryo"][4 * number : 4 * number + 4]}
        assert len(staged) == 2 and trained == set(range(1, 7)) - staged and chose is None


def test_heads_of_folds_train_for_all_epochs_of_the_recipe(tmp_path, monkeypatch):
    splits = [write_split(tmp_path, "train", ["e1", "e2", "e3"], [0, 90]), write_split(tmp_path, "val", ["e4"], [0])]
    epochs, train = [], of_folds.train_head

    def training(*arguments):
        head, history = train(*arguments)
        epochs.append(len(history))
        return head, history

    monkeypatch.setattr(of_folds, "train_head", training)
    recipe = replace(RECIPE, epochs=7, train=TRAIN | {"patience": 1})
    predictions_by_fold(splits, views_of(splits), STAGES, recipe, 4)
    assert epochs == [7] * 4


def test_parts_of_vectors_reach_the_heads_of_folds(tmp_path, monkeypatch):
    splits = [write_split(tmp_path, "train", ["e1", "e2"], [0]), write_split(tmp_path, "val", ["e3"], [0])]
    seen, train = [], of_folds.train_head
    monkeypatch.setattr(
        of_folds, "train_head", lambda inputs, *rest: seen.append(inputs.standard.parts) or train(inputs, *rest)
    )
    predictions_by_fold(splits, views_of(splits), STAGES, RECIPE, 3, parts=2)
    assert seen == [2] * 3


def test_embryos_of_reviewed_suggestions_train_and_are_not_classified(tmp_path, monkeypatch):
    splits = [
        write_split(tmp_path, "train", ["e1", "e2", "e3", "e7"], [0, 90], reviewed=["e7"]),
        write_split(tmp_path, "val", ["e4"], [0]),
    ]
    seen, made = [], HeadInputs.of

    def looking(train, val, seed, parts):
        seen.append((set(train[0][:, 1].round().int().tolist()), len(train[1]), val))
        return made(train, val, seed, parts)

    monkeypatch.setattr(HeadInputs, "of", looking)
    table = predictions_by_fold(splits, views_of(splits), STAGES, RECIPE, 9, ["reviewed", "blind"])
    assert sorted(set(table["embryo"])) == ["e1", "e2", "e3", "e4"]
    assert len(seen) == 4 and all(7 in trained and chose is None for trained, _, chose in seen)


def test_reviewed_images_of_an_embryo_with_given_ones_are_not_classified(tmp_path, monkeypatch):
    splits = [
        write_split(tmp_path, "train", ["e1", "e2", "e3"], [0, 90], reviewed=["e2-060"]),
        write_split(tmp_path, "val", ["e4"], [0], reviewed=["e4-051"]),
    ]
    seen, made = [], HeadInputs.of

    def looking(train, val, seed, parts):
        seen.append((set(train[0][:, 1].round().int().tolist()), len(train[1]), val))
        return made(train, val, seed, parts)

    monkeypatch.setattr(HeadInputs, "of", looking)
    table = predictions_by_fold(splits, views_of(splits), STAGES, RECIPE, 4, ["reviewed", "blind"])
    assert sorted(table["source"]) == ["e1-051", "e1-060", "e2-051", "e3-051", "e3-060", "e4-060"]
    assert sorted(seen[number][1] for number in range(4)) == [10, 10, 10, 12]  # reviewed images train in other folds
    for trained, _, chose in seen:
        assert len(trained) == 3 and chose is None


def test_two_embryos_are_too_few(tmp_path):
    splits = [write_split(tmp_path, "train", ["e1"], [0]), write_split(tmp_path, "val", ["e2"], [0])]
    with pytest.raises(FlystageError, match=r"three embryos.* 2\b.*compare\.folds to 0"):
        predictions_by_fold(splits, views_of(splits), STAGES, RECIPE, 5)


def test_all_views_count(tmp_path):
    splits = [write_split(tmp_path, "train", ["e1", "e2", "e3"], [0, 90]), write_split(tmp_path, "val", ["e4"], [0])]
    asked = views_of(splits)
    certain = predictions_by_fold(splits, asked[:1], STAGES, RECIPE, 4)
    swapped = asked.copy()
    swapped[1, 0::2], swapped[1, 1::2] = asked[1, 1::2], asked[1, 0::2]  # the second view shows the other stage
    doubtful = predictions_by_fold(splits, swapped, STAGES, RECIPE, 4)
    columns = ["p_051", "p_060"]
    assert (certain["rank"] == 1).all()
    pairs = doubtful[columns].to_numpy().reshape(4, 2, 2)  # embryo, stage, probabilities
    np.testing.assert_allclose(pairs[:, 0], pairs[:, 1])  # both stages have the same two views
    np.testing.assert_allclose(pairs.sum(axis=2), 1)


@pytest.fixture
def whole_network(tmp_path, monkeypatch):
    """Return a function: (fold, folds, origins) -> (its predictions, {"train", "val"} manifests). Nothing is trained.

    One image of each of two embryos is reviewed.
    """
    names = {"train": ["e1", "e2", "e3"], "val": ["e4"], "test": ["e5"]}
    reviewed = ["e2-060", "e4-051"]
    paths = [
        write_split(tmp_path, split, names[split], [0, 90] if split == "train" else [0], reviewed)[1] for split in names
    ]
    pd.DataFrame({"stage": STAGES.names, "label": range(2), "time": [51, 60], "unit": "min"}).to_csv(
        tmp_path / "stages.csv", index=False
    )
    job = TrainingJob(RECIPE, str(paths[0]), str(paths[1]), str(tmp_path / "stages.csv"), "backbone.pt")
    seen = {}

    def trained(job, checkpoint, history_path, processes):
        seen.update({split: pd.read_csv(getattr(job, f"{split}_manifest")) for split in ("train", "val")})
        assert job.train_vectors is None and processes == 2

    monkeypatch.setattr(of_folds, "run_job", trained)
    monkeypatch.setattr(of_folds, "load_checkpoint", lambda path: path.name)
    monkeypatch.setattr(of_folds, "stage_probabilities", lambda network, pngs, *_: np.tile([0.7, 0.3], (len(pngs), 1)))

    def staged(number, folds, training_only=()):
        seen.clear()
        (tmp_path / "fold").mkdir(exist_ok=True)
        folder = tmp_path / "fold"
        table = predictions_of_whole_network(job, paths, number, folds, 4, folder, training_only, processes=2)
        return table, seen

    return staged


def test_whole_network_does_not_train_on_the_fold_it_classifies(whole_network):
    staged = []
    for number in range(5):
        table, seen = whole_network(number, 5)
        train, val = (set(seen[split]["embryo"]) for split in ("train", "val"))
        assert len(train) == 3 and len(val) == 1 and not set(table["embryo"]) & (train | val) and not train & val
        assert set(seen["val"]["angle"]) == {0}
        staged += table["embryo"].tolist()
        assert table["rank"].tolist() == [1, 2] and {"png", "p_051", "time_error"} <= set(table)
    assert sorted(staged) == [f"e{number}" for number in range(1, 6) for _ in STAGES.names]


def test_reviewed_images_do_not_choose_the_epoch_of_a_whole_network(whole_network):
    chose, staged = [], []
    for number in range(5):
        table, seen = whole_network(number, 5, ["reviewed", "blind"])
        chose += seen["val"]["source"].tolist()
        staged += table["source"].tolist()
        assert set(seen["val"]["origin"]) == {"given"} and set(seen["val"]["angle"]) == {0}
        apart = set(table["embryo"]) | set(seen["val"]["embryo"])
        assert set(seen["train"]["embryo"]) == {f"e{name}" for name in range(1, 6)} - apart
        assert ("reviewed" in set(seen["train"]["origin"])) == (not {"e2", "e4"} <= apart)
    expected = sorted({f"e{name}-{stage}" for name in range(1, 6) for stage in STAGES.names} - {"e2-060", "e4-051"})
    assert sorted(chose) == sorted(staged) == expected


def test_fold_without_embryos_gives_an_empty_table(whole_network):
    table, seen = whole_network(6, 7)  # an embryo may be found but unusable
    assert table.empty and not seen and {"png", "p_051"} <= set(table)
