"""Test the ranking of images to label next, by doubt and by distance from labelled images."""

import numpy as np
import pandas as pd
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from flystage.prediction import teaching as module
from flystage.prediction.teaching import teaching, with_teaching

RANDOM = np.random.default_rng(0)
CENTRES = RANDOM.normal(0, 1, (4, 30))


def near(centre, count):
    return CENTRES[centre] + RANDOM.normal(0, 0.01, (count, 30))


def test_of_similar_pictures_only_one_ranks_high():
    vectors = np.concatenate([near(0, 10), near(1, 3), near(2, 1)])
    values = teaching(vectors, np.full(14, 0.5), near(3, 5))
    first = set(np.argsort(-values)[:3].tolist())
    assert len(first & set(range(10))) == len(first & {10, 11, 12}) == len(first & {13}) == 1


def test_doubt_and_distance_to_labelled_images_count():
    vectors, doubts = np.concatenate([near(0, 1), near(1, 1)]), np.array([0.2, 0.9])
    assert teaching(vectors, doubts, near(2, 1)).tolist() == [0.5, 1.0]
    assert teaching(vectors, np.array([0.6, 0.6]), near(1, 3)).tolist() == [1.0, 0.5]
    assert teaching(vectors, np.array([0.0, 0.0]), near(1, 3)).tolist() == [1.0, 0.5]


@settings(max_examples=30, derandomize=True, deadline=None)
@given(st.integers(0, 12), st.integers(0, 3), st.integers(0, 99))
def test_every_image_has_its_own_rank(images, labelled, seed):
    random = np.random.default_rng(seed)
    vectors = random.normal(0, 1, (images, 5)).repeat(2, axis=0)[:images]
    values = teaching(vectors, random.random(images), random.normal(0, 1, (labelled, 5)))
    assert sorted(values) == [1 - place / images for place in range(images - 1, -1, -1)]
    order = random.permutation(images)
    assert len(set(teaching(vectors[order], random.random(images), np.empty((0, 5))))) == images


def test_the_scale_of_a_part_of_the_vectors_does_not_count():
    vectors, labelled, doubts = RANDOM.normal(0, 1, (9, 8)), RANDOM.normal(0, 1, (3, 8)), RANDOM.random(9)
    scale = np.repeat([1.0, 50.0], 4)
    ranks = teaching(vectors, doubts, labelled, 2)
    np.testing.assert_array_equal(teaching(vectors * scale + scale, doubts, labelled * scale, 2), ranks)
    assert (teaching(vectors * scale, doubts, labelled * scale) != teaching(vectors, doubts, labelled)).any()


def test_images_beyond_the_limit_rank_by_doubt_times_distance(monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    vectors = np.concatenate([near(0, 1), near(1, 1), near(2, 3)])
    values = teaching(vectors, np.array([0.9, 0.5, 0.1, 0.3, 0.2]), near(3, 1))
    assert np.argsort(-values).tolist() == [0, 1, 3, 4, 2]


def test_used_images_are_ranked_if_the_checkpoint_has_training_vectors(monkeypatch):
    vectors = {"a.png": near(0, 1)[0], "c.png": near(1, 1)[0]}
    monkeypatch.setattr(module, "backbone_of", lambda checkpoint: "backbone")
    monkeypatch.setattr(module, "feature_vectors", lambda pngs, *_: np.stack([vectors[png] for png in pngs]))
    table = pd.DataFrame(
        {"status": ["used", "rejected", "used"], "png": ["a.png", "", "c.png"], "doubt": [0.5, np.nan, 0.5]}
    )
    checkpoint = {"backbone": {"parts": 1}, "likeness": {"reference": torch.tensor(near(1, 4)).half()}}
    ranked = with_teaching(table, checkpoint, "cache", 1)
    assert ranked["teaches"].tolist()[::2] == [1.0, 0.5] and np.isnan(ranked["teaches"][1])
    assert with_teaching(table, {"likeness": None}, "cache", 1) is table
    assert with_teaching(table.iloc[1:2], checkpoint, "cache", 1)["status"].tolist() == ["rejected"]
    monkeypatch.setattr(module, "PICTURES", 1)
    assert "teaches" not in with_teaching(table, checkpoint, "cache", 1)
