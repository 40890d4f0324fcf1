"""Test temperature, reliability and calibration error against known values."""

import numpy as np
import pytest

from flystage.certainty.calibration import calibration, calibration_error, fitted_temperature, reliability, tempered


def drawn(sharpness, images=4000, seed=1):
    """Return probabilities that are overconfident by a temperature of `sharpness`, and their labels."""
    random = np.random.default_rng(seed)
    honest = random.dirichlet(np.full(5, 0.5), images)
    labels = (honest.cumsum(axis=1) > random.random((images, 1))).argmax(axis=1)
    return tempered(honest, 1 / sharpness), labels


@pytest.mark.parametrize("sharpness", [0.5, 1, 2])
def test_fitted_temperature_is_the_true_one(sharpness):
    probabilities, labels = drawn(sharpness)
    assert fitted_temperature(probabilities, labels) == pytest.approx(sharpness, rel=0.1)


def test_calibration_corrects_overconfidence():
    probabilities, labels = drawn(2)
    found = calibration(probabilities, labels, np.arange(len(labels)) % 5)
    assert found["ece_before"] > 0.1 > 0.03 > found["ece_after"]
    assert sum(one["images"] for one in found["reliability_after"]) == len(labels)


def test_each_fold_gets_the_temperature_of_the_other_folds():
    """One fold is overconfident and the other calibrated, so each gets the temperature of the other."""
    parts = [drawn(2, seed=1), drawn(1, seed=2)]
    probabilities, labels = (np.concatenate(each) for each in zip(*parts, strict=True))
    found = calibration(probabilities, labels, np.repeat([0, 1], 4000))
    exchanged = [tempered(parts[fold][0], fitted_temperature(*parts[1 - fold])) for fold in (0, 1)]
    assert found["reliability_after"] == reliability(np.concatenate(exchanged), labels)
    assert found["temperature"] == fitted_temperature(probabilities, labels)


def test_temperature_keeps_the_order_and_1_changes_nothing():
    probabilities, _ = drawn(1, 50)
    np.testing.assert_allclose(tempered(probabilities, 1), probabilities)
    for temperature in (0.3, 3):
        changed = tempered(probabilities, temperature)
        np.testing.assert_allclose(changed.sum(axis=1), 1)
        np.testing.assert_array_equal(changed.argsort(axis=1), probabilities.argsort(axis=1))


def test_perfect_predictions_give_a_finite_temperature():
    found = calibration(np.eye(3)[[0, 1, 2, 0]], np.array([0, 1, 2, 0]), np.array([0, 0, 1, 1]))
    assert np.isfinite(found["temperature"]) and found["ece_before"] == found["ece_after"] == 0


def test_reliability_equals_values_computed_by_hand():
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.4, 0.6], [1.0, 0.0]])
    bins = reliability(probabilities, np.array([0, 1, 1, 0]))
    assert [one["images"] for one in bins] == [1, 3]
    assert bins[0] == {"confidence": pytest.approx(0.6), "accuracy": 1, "images": 1}
    assert bins[1] == {"confidence": pytest.approx(2.9 / 3), "accuracy": pytest.approx(2 / 3), "images": 3}
    assert calibration_error(bins) == pytest.approx(0.4 / 4 + 3 * 0.3 / 4)
