"""Test that prediction sets contain the true stage as often as promised, for images of new embryos."""

import numpy as np
import pytest

from flystage.certainty.prediction_sets import prediction_sets, promised_level, set_threshold, stages_in_set


def embryos_of(number, images=17):
    return np.repeat(np.arange(number), images)


def true_probabilities(random, embryos, correlation):
    """Return the probability of the true stage of each image, correlated within embryos."""
    shared = random.normal(size=embryos.max() + 1)[embryos]
    mixed = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * random.normal(size=len(embryos))
    return 1 / (1 + np.exp(-1 - mixed))


@pytest.mark.parametrize("correlation", [0.1, 0.5])
@pytest.mark.parametrize(("number", "lowest", "highest"), [(9, 0.88, 1), (15, 0.88, 0.97), (25, 0.88, 0.96)])
def test_coverage_of_a_new_embryo_is_at_least_90_percent(number, lowest, highest, correlation):
    """The coverage is the mean over many draws. With few embryos, it is higher than requested."""
    random, covered = np.random.default_rng(7), []
    for _ in range(1500):
        true = true_probabilities(random, embryos_of(number + 1), correlation)
        known = embryos_of(number + 1) < number
        threshold = set_threshold(true[known], embryos_of(number), 0.9)
        covered.append((true[~known] >= threshold).mean())
    assert lowest <= np.mean(covered) <= highest


def test_few_embryos_promise_a_lower_level():
    assert promised_level(0.9, 9) == promised_level(0.9, 30) == 0.9
    assert promised_level(0.9, 4) == 0.8 and promised_level(0.8, 4) == 0.8
    assert promised_level(0.95, 18) == pytest.approx(18 / 19)


def test_threshold_equals_values_computed_by_hand():
    true, embryos = np.array([0.9, 0.1, 0.8, 0.6]), np.array(["a", "a", "b", "b"])
    # each image has mass 1 / (3 * 2), so the largest threshold that keeps half the mass is that of the third image
    assert set_threshold(true, embryos, 0.5) == 0.6
    assert set_threshold(true, embryos, 2 / 3) == 0.1
    assert set_threshold(true, embryos, 1 / 6) == 0.9


def test_embryos_have_the_same_weight_with_any_number_of_images():
    many, few = np.full(100, 0.9), np.full(2, 0.2)
    assert set_threshold(np.concatenate([many, few]), np.repeat([0, 1], [100, 2]), 0.6) == 0.2


def test_sets_are_never_empty_and_contiguous_sets_have_no_gaps():
    probabilities = np.array([[0.4, 0.05, 0.35, 0.2], [0.3, 0.3, 0.2, 0.2]])
    assert stages_in_set(probabilities, 0.3, False).tolist() == [[True, False, True, False], [True, True, False, False]]
    assert stages_in_set(probabilities, 0.3, True).tolist() == [[True, True, True, False], [True, True, False, False]]
    assert stages_in_set(probabilities, 0.9, False).sum(axis=1).tolist() == [1, 1]


def answers(number, gap=False, seed=3):
    """Return probabilities over six stages around the true one. gap: whether to add some three stages away."""
    random, embryos = np.random.default_rng(seed), embryos_of(number)
    labels = random.integers(0, 6, len(embryos))
    distance = np.abs(np.arange(6) - (labels + random.normal(0, 0.7, len(labels)))[:, None])
    weights = np.exp(-(distance**2)) + (0.4 * (np.arange(6) == (labels[:, None] + 3) % 6) if gap else 0)
    return weights / weights.sum(axis=1, keepdims=True), labels, embryos.astype(str)


def test_record_of_prediction_sets():
    found = prediction_sets(*answers(12), 0.9, True)
    assert found["promised"] == found["asked"] == 0.9 and found["embryos"] == 12 and found["contiguous"]
    assert found["covered"] > 0.88 and 1 <= found["mean_size"] < 6
    assert sum(found["sizes"].values()) == 12 * 17
    assert np.mean([one["covered"] for one in found["covered_by_embryo"]]) == pytest.approx(found["covered"])
    assert prediction_sets(*answers(12), 0.9, False)["contiguous"] is False


def test_gaps_stay_if_filling_them_makes_sets_much_larger():
    found = prediction_sets(*answers(12, gap=True), 0.95, True)
    assert not found["contiguous"] and found["mean_size_without_gaps"] > 1.05 * found["mean_size_with_gaps"]


def test_few_embryos_promise_less_and_one_embryo_nothing():
    found = prediction_sets(*answers(4), 0.9, True)
    assert found["promised"] == 0.8 and found["asked"] == 0.9
    assert prediction_sets(*answers(1), 0.9, True) is None
