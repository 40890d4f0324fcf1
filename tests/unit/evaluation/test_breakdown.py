"""The figures by embryo and by stage agree with ones computed by hand."""

import pytest

from flystage.evaluation.breakdown import by_embryo, stage_support
from flystage.raw.stages import Stages

STAGES = Stages(["051", "060", "069"], [51, 60, 69], "min")


def test_by_embryo_and_by_stage(answered):
    labels = [0, 1, 2, 0, 0, 1, 2, 0]
    table = answered(labels, [0, 1, 2, 0, 2, 1, 1, 0])
    table["embryo"] = ["b"] * 4 + ["a"] * 4
    first, second = by_embryo(table, STAGES)
    assert first == {
        "embryo": "a", "split": "val", "images": 4, "top_1": 0.5, "within_one": 0.75, "mae": pytest.approx(27 / 4),
    }  # fmt: skip
    assert second["top_1"] == second["within_one"] == 1 and second["mae"] == 0
    support = stage_support(table, STAGES)
    assert [(one["stage"], one["images"], one["embryos"], one["accuracy"]) for one in support] == [
        ("069", 2, 2, 0.5), ("051", 4, 2, 0.75), ("060", 2, 2, 1.0),
    ]  # fmt: skip
