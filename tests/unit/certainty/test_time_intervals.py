"""Test that time intervals contain the true time as often as promised, for images of new embryos."""

import numpy as np
import pytest

from flystage.certainty.time_intervals import time_bounds, time_intervals
from flystage.raw.stages import Stages

STAGES = Stages(["051", "060", "069", "078", "087"], [51, 60, 69, 78, 87], "min")


def answers(random, embryos, images=20):
    """Return probabilities, labels and embryos. The error of each embryo has a common part."""
    names = np.repeat(np.arange(embryos), images)
    labels = random.integers(0, 5, len(names))
    seen = labels + random.normal(0, 0.7, embryos)[names] + random.normal(0, 0.5, len(names))
    weights = np.exp(-((np.arange(5) - seen[:, None]) ** 2))
    return weights / weights.sum(axis=1, keepdims=True), labels, names.astype(str)


@pytest.mark.parametrize(("embryos", "highest"), [(9, 1), (25, 0.965)])
def test_coverage_of_new_embryos_is_at_least_the_requested_one(embryos, highest):
    random, covered = np.random.default_rng(5), []
    for _ in range(150):
        probabilities, labels, names = answers(random, embryos + 1)
        known = names != str(embryos)
        its = time_intervals(probabilities[known], STAGES, labels[known], names[known], 0.9)
        low, high = time_bounds(STAGES.expected_times(probabilities[~known]), its["reach"], STAGES)
        true = np.array(STAGES.times)[labels[~known]]
        covered.append(((low <= true) & (true <= high)).mean())
    assert 0.88 <= np.mean(covered) <= highest


def test_record_of_time_intervals():
    its = time_intervals(*by_hand(), 0.5)
    # each image has mass 1 / (2 * 3), so half the mass is that of the three nearest images
    assert its == {
        "asked": 0.5,
        "promised": 0.5,
        "reach": pytest.approx(9),
        "covered": 0.75,
        "embryos": 2,
        "unit": "min",
    }
    assert time_intervals(*by_hand(), 0.9)["promised"] == pytest.approx(2 / 3)


def by_hand():
    """Return errors of 0 and 9 min in one embryo, 9 and 18 min in the other.

    The other's reach covers all of one and half of the other.
    """
    return np.eye(5)[[0, 1, 1, 2]], STAGES, np.zeros(4, int), np.array(["a", "a", "b", "b"])


def test_no_intervals_without_times_or_with_one_embryo():
    probabilities, _, labels, names = by_hand()
    assert time_intervals(probabilities, Stages(STAGES.names, None, "stages"), labels, names, 0.5) is None
    assert time_intervals(probabilities[:2], STAGES, labels[:2], names[:2], 0.5) is None


def test_bounds_stay_within_the_times_of_the_stages():
    low, high = time_bounds(np.array([52.0, 70.0, 86.0]), 5.0, STAGES)
    assert low.tolist() == [51, 65, 81] and high.tolist() == [57, 75, 87]
