"""Test the detection of out-of-distribution pictures: held-out embryos pass, other pictures do not."""

import numpy as np
import pandas as pd
import pytest
import torch

from flystage.core.tables import write_csv
from flystage.prediction import likeness
from flystage.prediction.likeness import (
    chosen_rows,
    distances_to,
    held_out_likeness,
    likeness_of_network,
    reference_of,
    unlikeness,
)

RANDOM = np.random.default_rng(2)
CENTRE = RANDOM.normal(0, 3, 40)
CHECKPOINT = {"backbone": {"parts": 1}}


def vectors(count, centre=CENTRE):
    return torch.from_numpy((centre + RANDOM.normal(0, 1, (count, 40))).astype(np.float32))


def test_distance_is_the_mean_to_the_nearest_at_any_brightness():
    reference = reference_of(vectors(50), 1)
    asked = vectors(7)
    evened = lambda each: (each - each.mean(1, keepdims=True)) / each.std(1, keepdims=True)  # noqa: E731
    by_hand = np.linalg.norm(evened(asked.numpy())[:, None] - reference.numpy().astype(float)[None], axis=2)
    found = distances_to(reference, asked, 1)
    np.testing.assert_allclose(found, np.sort(by_hand, axis=1)[:, :3].mean(axis=1), rtol=0.01)
    np.testing.assert_allclose(distances_to(reference, 5 * asked + 3, 1), found, rtol=1e-3)
    assert reference.dtype == torch.float16 and distances_to(reference[:1], asked, 1).shape == (7,)


def test_the_parts_of_a_vector_have_the_same_weight():
    first, second = vectors(30), vectors(30)
    joined = torch.cat([first, 50 * second + 2], dim=1)
    reference, asked = reference_of(joined[:20], 2), joined[20:]
    parts = [(reference_of(each[:20], 1).float(), each[20:]) for each in (first, second)]
    evened = [
        ((asked - asked.mean(1, keepdims=True)) / asked.std(1, correction=0, keepdims=True)) for _, asked in parts
    ]
    squares = sum(torch.cdist(own, known) ** 2 for own, (known, _) in zip(evened, parts, strict=True))
    expected = squares.sqrt().topk(3, largest=False).values.mean(dim=1)
    np.testing.assert_allclose(distances_to(reference, asked, 2), expected, rtol=0.01)


def test_held_out_images_pass_and_others_do_not():
    embryos = np.repeat([f"e{number}" for number in range(25)], 10)
    reference = reference_of(vectors(200), 1)
    told = held_out_likeness(distances_to(reference, vectors(250), 1), embryos)
    assert told["passed"] == pytest.approx(0.95, abs=0.04) and told["embryos"] == 25 and told["images"] == 250
    known = {"reference": reference, "threshold": told["threshold"]}
    assert (unlikeness(known, vectors(200), 1) <= 1).mean() > 0.9
    assert (unlikeness(known, vectors(50, RANDOM.normal(0, 3, 40)), 1) > 1).all()


def test_each_embryo_has_the_same_weight():
    distances = np.concatenate([np.full(1000, 1.0), *[np.full(10, 2.0)] * 30])
    embryos = np.concatenate([np.full(1000, "large"), np.repeat([f"e{number}" for number in range(30)], 10)])
    assert held_out_likeness(distances, embryos)["threshold"] == 2


def test_too_few_embryos_give_no_threshold():
    assert held_out_likeness(np.ones(20), np.repeat(["a", "b"], 10)) is None


def test_kept_vectors_are_spread_evenly(monkeypatch):
    monkeypatch.setattr(likeness, "MOST", 5)
    assert chosen_rows(9).tolist() == [0, 2, 4, 6, 8] and chosen_rows(4).tolist() == [0, 1, 2, 3]


@pytest.fixture
def files(tmp_path):
    """Write manifests and vectors of a run. Its validation embryos give another threshold than crossval.json."""
    paths = {}
    for split, count in (("train", 60), ("val", 12)):
        manifest = pd.DataFrame({"png": [f"{split}{place}.png" for place in range(count)], "label": 0, "angle": 0})
        write_csv(manifest.assign(stage="051", embryo=np.arange(count) // 3, source=""), tmp_path / f"{split}.csv")
        np.save(tmp_path / f"{split}.npy", vectors(count).numpy())
        paths |= {split: tmp_path / f"{split}.csv", f"{split}_vectors": tmp_path / f"{split}.npy"}
    return paths


def test_checkpoint_gets_training_vectors_and_cross_validation_threshold(files):
    found = likeness_of_network(CHECKPOINT, files, {"likeness": {"threshold": 4.5, "passed": 1.0}}, "cache", 1)
    assert found["threshold"] == 4.5
    torch.testing.assert_close(found["reference"], reference_of(torch.from_numpy(np.load(files["train_vectors"])), 1))


@pytest.mark.parametrize("record", [None, {"likeness": None}])
def test_without_cross_validation_the_validation_embryos_give_the_threshold(files, record):
    found = likeness_of_network(CHECKPOINT, files, record, "cache", 1)
    distances = distances_to(found["reference"], torch.from_numpy(np.load(files["val_vectors"])), 1)
    assert (
        found["threshold"] == distances.max()
    )  # four embryos promise at most 80 %, so the limit is the largest distance


def test_vectors_of_a_fine_tuned_network_are_computed(files, monkeypatch):
    asked = {}

    def own(pngs, backbone, *_):
        asked[pngs[0]] = backbone
        return vectors(len(pngs)).numpy()

    monkeypatch.setattr(likeness, "feature_vectors", own)
    monkeypatch.setattr(likeness, "backbone_of", lambda checkpoint: checkpoint["own"])
    without = {split: files[split] for split in ("train", "val")}
    found = likeness_of_network(CHECKPOINT | {"own": "finetuned"}, without, None, "cache", 1)
    assert asked == {"train0.png": "finetuned", "val0.png": "finetuned"} and found["reference"].shape == (60, 40)


def test_training_on_another_machine_gives_no_threshold():
    assert likeness_of_network({}, {}, {"likeness": {"threshold": 1.0}}, "cache", 1) is None
