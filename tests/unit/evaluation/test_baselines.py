"""The baselines are correct on easy tasks, and rank stages as documented."""

import cv2
import numpy as np
import pytest

from flystage.evaluation.baselines import (
    SIDE,
    commonest_stage,
    logistic_regression,
    nearest_neighbour,
    shrunken,
)


@pytest.fixture
def inputs():
    """Return inputs of three well separated stages, and their labels."""
    labels = np.arange(60) % 3
    return np.random.default_rng(1).normal(0, 0.3, (60, 4)) + 3 * np.eye(3, 4)[labels], labels


@pytest.mark.parametrize("method", [nearest_neighbour, logistic_regression])
def test_well_separated_stages_are_classified_correctly(inputs, method):
    known, labels = inputs
    found = method(known[:40], labels[:40], known[40:], 3)
    assert found.shape == (20, 3) and found.dtype == np.float64
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found.argmax(axis=1) == labels[40:]).all()
    np.testing.assert_array_equal(found, method(known[:40], labels[:40], known[40:], 3))


def test_a_stage_without_training_images_comes_last(inputs):
    known, labels = inputs
    for method in (nearest_neighbour, logistic_regression):
        found = method(known, labels, known[:5], 4)
        assert found.shape == (5, 4) and (found.argmin(axis=1) == 3).all()


def test_several_views_are_classified_in_one_call(inputs):
    known, labels = inputs
    views = np.stack([known[:5], known[5:10]])
    found = logistic_regression(known, labels, views, 3)
    np.testing.assert_allclose(found[1], logistic_regression(known, labels, known[5:10], 3))


def test_neighbours_are_ranked_by_distance():
    found = nearest_neighbour(np.array([[0.0], [2.0], [9.0]]), np.array([0, 1, 2]), np.array([[7.0], [1.2]]), 3)
    assert np.argsort(-found, axis=1).tolist() == [[2, 1, 0], [1, 0, 2]]
    assert found.max(axis=1).min() > 0.99


def test_of_equally_common_stages_the_first_leads():
    found = commonest_stage(np.array([0, 1, 1, 2, 2]), 2, 4)
    assert found.shape == (2, 4) and np.argsort(-found[0]).tolist() == [1, 2, 0, 3]
    assert found.sum() == pytest.approx(2)


def test_shrunken_pictures_do_not_depend_on_brightness(tmp_path):
    picture = np.random.default_rng(2).integers(0, 100, (64, 64)).astype(np.uint8)
    for name, light in (("dark", picture), ("bright", picture * 2), ("black", picture * 0)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), light)
    found = shrunken([tmp_path / f"{name}.png" for name in ("dark", "bright", "black")])
    assert found.shape == (3, SIDE**2) and np.isfinite(found).all()
    np.testing.assert_allclose(found[0], found[1], atol=0.1)
