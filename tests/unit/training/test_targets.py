"""Test the target distributions: neighbouring stages count as smaller errors."""

import math

import pytest
import torch

from flystage.raw.stages import Stages
from flystage.training.targets import target_distributions

TIMED, UNTIMED = Stages.as_given(["051", "060", "069"]), Stages(["early", "late", "later"])


@pytest.mark.parametrize("spread", [0.3, 1.0, 5.0])
def test_ordered_targets_fall_equally_on_both_sides(spread):
    stages = Stages.as_given(f"{51 + 9 * number:03d}" for number in range(17))
    targets = target_distributions(stages, "ordered", spread)
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(17))
    middle = targets[8]
    torch.testing.assert_close(middle, middle.flip(0))
    assert (middle[8:].diff() <= 0).all() and middle.argmax() == 8
    assert middle[9] / middle[8] == pytest.approx(math.exp(-1 / (2 * spread**2)), rel=1e-4)


def test_distance_between_unequal_stages_is_in_minutes():
    row = target_distributions(Stages.as_given(["0", "3", "6", "30"]), "ordered", 1.0)[2]
    assert row[1] > 0.2 and row[3] < 1e-6


@pytest.mark.parametrize(
    ("stages", "loss"), [(UNTIMED, "ordered"), (TIMED, "cross_entropy"), (UNTIMED, "cross_entropy")]
)
def test_without_an_order_all_weight_is_on_the_true_stage(stages, loss):
    assert torch.equal(target_distributions(stages, loss, 1.0), torch.eye(3))


def test_stages_in_order_without_times_are_one_step_apart():
    in_order = target_distributions(Stages(["dome", "shield", "bud"], None, "stages"), "ordered", 1.0)
    torch.testing.assert_close(in_order, target_distributions(TIMED, "ordered", 1.0))


def test_stages_listed_out_of_order_use_their_times():
    targets = target_distributions(Stages(["b", "a", "c"], [2, 1, 3], "h"), "ordered", 1.0)
    assert targets[0, 1] == pytest.approx(targets[0, 2].item()) and targets[1, 0] > targets[1, 2]
