"""Differences between two methods are paired by image, with intervals over embryos."""

import pytest

from flystage.evaluation.paired import paired_differences
from flystage.raw.stages import Stages

STAGES = Stages(["051", "060", "069"], [51, 60, 69], "min")


def test_differences_agree_with_ones_by_hand(answered):
    labels = [0, 1, 2, 0] * 2
    right, one_wrong_each = answered(labels, labels), answered(labels, [2, 1, 2, 0] * 2)
    found = paired_differences(right, one_wrong_each, STAGES, [1, 3])
    assert found["top_1"]["value"] == pytest.approx(1 / 4) and found["top_3"]["value"] == 0
    assert found["within_one"]["value"] == pytest.approx(1 / 4)
    assert found["mae"]["value"] == pytest.approx(-18 / 4)
    assert found["mae"]["ci95"] == pytest.approx([-18 / 4] * 2)  # every embryo says the same
    other_way = paired_differences(one_wrong_each, right, STAGES, [1])
    assert other_way["top_1"]["value"] == pytest.approx(-1 / 4)


def test_images_of_both_methods_are_paired_in_any_order(answered):
    labels = [0, 1, 2, 0, 1, 2, 0, 1]
    first, second = answered(labels, labels), answered(labels, [0] * 8)
    expected = paired_differences(first, second, STAGES, [1])
    shuffled = second.sample(frac=1, random_state=1)
    assert paired_differences(first, shuffled, STAGES, [1]) == expected
    alone = paired_differences(first, second[second["stage"] != "069"], STAGES, [1])
    assert alone["top_1"]["value"] == pytest.approx(3 / 6)


def test_no_order_gives_no_error_and_one_embryo_no_interval(answered):
    stages = Stages(["a", "b", "c"])
    found = paired_differences(answered([0, 1], [0, 1], stages), answered([0, 1], [0, 0], stages), stages, [1])
    assert found["mae"] == {"value": None, "ci95": [None, None]}
    assert found["top_1"] == {"value": 0.5, "ci95": [None, None]}
