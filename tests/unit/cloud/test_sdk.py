"""Tests of the pattern by which SageMaker's tuning reads the objective from the log."""

import re

import pytest

from flystage.cloud import sdk


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("epoch 3 train_loss=0.1 val_loss=0.2 val_top1=0.5000 best_val_loss=0.23456", "0.23456"),
        ("best_val_loss=1e-05", "1e-05"),
        ("best_val_loss=2", "2"),
        ("best_val_loss=1.5E+3 and more", "1.5E+3"),
    ],
)
def test_the_objective_is_read_from_a_log_line(line, value):
    assert re.findall(sdk.OBJECTIVE_REGEX, line) == [value]


@pytest.mark.parametrize("line", ["val_loss=0.2", "train_loss=0.1", "best_val_loss=nan", "best_val_loss=inf"])
def test_other_values_are_not_read_as_the_objective(line):
    assert not re.search(sdk.OBJECTIVE_REGEX, line)
