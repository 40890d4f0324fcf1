"""The table of variants: differences to the first are paired, and how much validation flatters is said."""

import numpy as np
import pytest

from flystage.core.tables import write_csv
from flystage.evaluation.comparing import by_how_much_validation_flatters, comparison
from flystage.raw.stages import Stages

STAGES = Stages(["051", "060", "069"], [51, 60, 69], "min")
LABELS = [0, 1, 2, 0, 1, 2, 0, 1]


@pytest.fixture
def compared(answered, tmp_path):
    """(names of variants in order, {(variant, way of measuring): suggested labels}) -> the table."""

    def compared(variants, suggested):
        paths = {"validation": [], "folds": []}
        for (name, measured_on), labels in suggested.items():
            path = tmp_path / name / f"{measured_on}.csv"
            write_csv(answered(LABELS, labels).drop(columns=["png", "split"]), path)
            paths[measured_on].append(str(path))
        return comparison(*paths.values(), dict.fromkeys(variants, {}), STAGES, [1])

    return compared


def test_differences_to_the_first_variant_are_paired(compared):
    wrong = [2, 1, 2, 0, 0, 2, 0, 1]  # one of four in each embryo
    table = compared(["b", "a"], {("a", "folds"): wrong, ("b", "folds"): LABELS})
    assert table["variant"].tolist() == ["b", "a"]
    assert np.isnan(table.loc[0, "top_1_minus_first"])
    difference = table.loc[1, ["top_1_minus_first", "top_1_minus_first_low", "top_1_minus_first_high"]].tolist()
    assert difference == pytest.approx([-0.25] * 3)
    assert table.loc[1, "mae_minus_first"] == pytest.approx((18 + 9) / 8)


def test_how_much_validation_flatters(compared):
    half = [0, 1, 2, 0, 0, 0, 1, 0]
    table = compared(["a"], {("a", "validation"): LABELS, ("a", "folds"): half})
    assert by_how_much_validation_flatters(table, 1) == pytest.approx(0.5)
    assert by_how_much_validation_flatters(compared(["a"], {("a", "validation"): LABELS}), 1) is None
