"""Intervals are wide enough for few embryos with many similar images."""

import numpy as np
import pytest
from scipy.stats import beta

from flystage.evaluation.intervals import mean_interval, proportion_interval


def test_limits_are_within_0_and_1_and_contain_the_estimate():
    random = np.random.default_rng(0)
    for _ in range(300):
        embryos = random.integers(1, 12)
        clusters = random.integers(0, embryos, random.integers(1, 60))
        correct = random.random(len(clusters)) < random.random()
        low, high = proportion_interval(correct, clusters)
        assert 0 <= low <= correct.mean() <= high <= 1
        assert high - low > 0.01


def test_one_image_per_embryo_gives_the_clopper_pearson_interval():
    """Exactly if all are correct: tables give 0.6915 for 10. Otherwise with one embryo less, as their variance is estimated."""
    assert proportion_interval([True] * 10, range(10)) == pytest.approx((0.6915, 1), abs=1e-4)
    assert proportion_interval([False] * 10, range(10)) == pytest.approx((0, 1 - 0.6915), abs=1e-4)
    low, high = proportion_interval([True] * 8 + [False] * 2, range(10))
    assert low == pytest.approx(beta.ppf(0.025, 7.2, 1.8 + 1), abs=1e-6)  # 7.2 of 9 right
    assert high == pytest.approx(beta.ppf(0.975, 7.2 + 1, 1.8), abs=1e-6)


def test_all_correct_images_count_for_less_than_their_number():
    low, high = proportion_interval([True] * 100, np.repeat(range(5), 20))
    # 100 images at a correlation of 0.1 are worth 34.5, and (t99 / t4)^2 = 0.511 of that with five embryos
    effective = 100 / (1 + 19 * 0.1) * (1.98422 / 2.77645) ** 2
    assert high == 1 and low == pytest.approx(0.025 ** (1 / effective), abs=1e-4)
    low, high = proportion_interval([False] * 100, np.repeat(range(5), 20))
    assert low == 0 and high == pytest.approx(1 - 0.025 ** (1 / effective), abs=1e-4)


def test_one_more_correct_image_changes_the_interval_little():
    """The last step, from one wrong image to none, is as small as the others."""
    embryos = np.repeat(range(5), 17)
    lows = [proportion_interval(np.arange(85) >= wrong, embryos)[0] for wrong in range(6)]
    assert all(0 < better - worse < 0.1 for better, worse in zip(lows, lows[1:], strict=False))


def test_images_of_one_embryo_count_less_the_more_they_agree():
    agree = proportion_interval(np.repeat([True, False] * 4, 10), np.repeat(range(8), 10))
    differ = proportion_interval(np.tile([True, False], 40), np.repeat(range(8), 10))
    assert agree[1] - agree[0] > 2 * (differ[1] - differ[0])


def test_fewer_embryos_with_as_many_images_give_a_wider_interval():
    random = np.random.default_rng(3)
    widths = []
    for embryos in (24, 12, 6, 3):
        each = []
        for _ in range(60):
            correct = np.concatenate([random.random(120 // embryos) < random.beta(4, 4) for _ in range(embryos)])
            low, high = proportion_interval(correct, np.repeat(range(embryos), 120 // embryos))
            each.append(high - low)
        widths.append(np.mean(each))
    assert widths == sorted(widths) and widths[-1] > 2 * widths[0]


@pytest.mark.parametrize("right", [0, 30, 60])
def test_one_embryo_gives_a_very_wide_interval(right):
    low, high = proportion_interval(np.arange(60) < right, np.zeros(60))
    assert high - low > 0.95


@pytest.mark.parametrize("embryos", [4, 6, 10])
@pytest.mark.parametrize("share", [0.3, 0.6])
def test_the_interval_of_a_share_covers_the_truth(embryos, share):
    random = np.random.default_rng(embryos)
    alike = 0.2  # correlation between images of one embryo
    a, b = share * (1 - alike) / alike, (1 - share) * (1 - alike) / alike
    clusters = np.repeat(range(embryos), 30)
    covered = 0
    for _ in range(1000):
        correct = random.random(len(clusters)) < random.beta(a, b, embryos)[clusters]
        low, high = proportion_interval(correct, clusters)
        covered += low <= share <= high
    assert covered / 1000 >= 0.93


def test_the_interval_of_a_mean_agrees_with_one_by_hand():
    # Embryo means 1, 2, 3, of two images each: standard error 1 / sqrt(3), t(2) = 4.3027
    low, high = mean_interval([1, 1, 2, 2, 3, 3], [7, 7, 8, 8, 9, 9], highest=100)
    half = 4.302653 / np.sqrt(3)
    assert (low, high) == pytest.approx((max(0, 2 - half), 2 + half), rel=1e-5)


def test_the_interval_of_a_mean_ends_at_the_largest_possible_value():
    assert mean_interval([1.0, 30.0], ["a", "b"], highest=40) == (0.0, 40.0)
    assert mean_interval([5.0, 6.0], ["a", "a"], highest=40) == (0.0, 40.0)  # one embryo


def test_the_interval_of_a_mean_covers_the_truth():
    random = np.random.default_rng(5)
    clusters = np.repeat(range(6), 20)
    covered = 0
    for _ in range(1000):
        values = 50 + random.normal(0, 5, 6)[clusters] + random.normal(0, 5, len(clusters))
        low, high = mean_interval(values, clusters, highest=1000)
        covered += low <= 50 <= high
    assert covered / 1000 >= 0.93
