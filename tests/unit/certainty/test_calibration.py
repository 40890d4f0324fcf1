"""Temperature, reliability and calibration error: found again where they are known."""

import numpy as np
import pytest

from flystage.certainty.calibration import calibration, calibration_error, fitted_temperature, reliability, tempered


def drawn(sharpness, images=4000, seed=1):
    """Probabilities that are too sure by a temperature of `sharpness`, and labels drawn from the honest ones."""
    random = np.random.default_rng(seed)
    honest = random.dirichlet(np.full(5, 0.5), images)
    labels = (honest.cumsum(axis=1) > random.random((images, 1))).argmax(axis=1)
    return tempered(honest, 1 / sharpness), labels


@pytest.mark.parametrize("sharpness", [0.5, 1, 2])
def test_the_temperature_is_found_again(sharpness):
    probabilities, labels = drawn(sharpness)
    assert fitted_temperature(probabilities, labels) == pytest.approx(sharpness, rel=0.1)


def test_calibration_mends_what_is_too_sure():
    probabilities, labels = drawn(2)
    found = calibration(probabilities, labels, np.arange(len(labels)) % 5)
    assert found["ece_before"] > 0.1 > 0.03 > found["ece_after"]
    assert sum(one["images"] for one in found["reliability_after"]) == len(labels)


def test_a_fold_has_the_temperature_of_the_others():
    """Of two folds, one too sure and one as it should be, each gets what the other needs."""
    parts = [drawn(2, seed=1), drawn(1, seed=2)]
    probabilities, labels = (np.concatenate(each) for each in zip(*parts, strict=True))
    found = calibration(probabilities, labels, np.repeat([0, 1], 4000))
    exchanged = [tempered(parts[fold][0], fitted_temperature(*parts[1 - fold])) for fold in (0, 1)]
    assert found["reliability_after"] == reliability(np.concatenate(exchanged), labels)
    assert found["temperature"] == fitted_temperature(probabilities, labels)


def test_tempering_keeps_the_order_and_1_changes_nothing():
    probabilities, _ = drawn(1, 50)
    np.testing.assert_allclose(tempered(probabilities, 1), probabilities)
    for temperature in (0.3, 3):
        changed = tempered(probabilities, temperature)
        np.testing.assert_allclose(changed.sum(axis=1), 1)
        np.testing.assert_array_equal(changed.argsort(axis=1), probabilities.argsort(axis=1))


def test_what_is_sure_and_right_stays_finite():
    found = calibration(np.eye(3)[[0, 1, 2, 0]], np.array([0, 1, 2, 0]), np.array([0, 0, 1, 1]))
    assert np.isfinite(found["temperature"]) and found["ece_before"] == found["ece_after"] == 0


def test_reliability_by_hand():
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.4, 0.6], [1.0, 0.0]])
    bins = reliability(probabilities, np.array([0, 1, 1, 0]))
    assert [one["images"] for one in bins] == [1, 3]
    assert bins[0] == {"confidence": pytest.approx(0.6), "accuracy": 1, "images": 1}
    assert bins[1] == {"confidence": pytest.approx(2.9 / 3), "accuracy": pytest.approx(2 / 3), "images": 3}
    assert calibration_error(bins) == pytest.approx(0.4 / 4 + 3 * 0.3 / 4)
