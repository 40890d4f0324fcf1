"""Figures have the right chance level, so that guessing does not look good."""

import json

import numpy as np
import pandas as pd
import pytest

from flystage.evaluation.metrics import confusion_matrix, metrics, predictions_table, top_k_curve
from flystage.raw.stages import Stages

STAGES = Stages.as_given(["051", "060", "069"])


def manifest(labels, stages=STAGES):
    return pd.DataFrame(
        {
            "source": [f"{number}.tif" for number in range(len(labels))],
            "stage": [stages.names[label] for label in labels],
            "label": labels,
            "embryo": [f"e{number % 3}" for number in range(len(labels))],
        },
        index=range(10, 10 + len(labels)),
    )


BY_HAND = predictions_table(
    manifest([0, 0, 1, 2]),
    np.array([[0.6, 0.3, 0.1], [0.1, 0.2, 0.7], [0.25, 0.5, 0.25], [0.4, 0.4, 0.2]]),
    STAGES,
)


def test_a_row_of_predictions_agrees_with_one_by_hand():
    assert list(BY_HAND.columns) == [
        "source", "stage", "embryo", "rank", "time_error", "minutes_error", "predicted", "expected_time", "p_051", "p_060", "p_069",
    ]  # fmt: skip
    assert BY_HAND["source"].tolist() == ["0.tif", "1.tif", "2.tif", "3.tif"]
    assert BY_HAND["rank"].tolist() == [1, 3, 1, 3]
    assert BY_HAND["predicted"].tolist() == ["051", "069", "060", "051"]
    assert BY_HAND["expected_time"].tolist() == [55.5, 65.4, 60.0, 58.2]
    assert BY_HAND["minutes_error"].tolist() == BY_HAND["time_error"].tolist() == [4.5, 14.4, 0.0, -10.8]
    assert BY_HAND.loc[1, ["p_051", "p_060", "p_069"]].tolist() == [0.1, 0.2, 0.7]


def test_metrics_agree_with_ones_by_hand():
    result = metrics(BY_HAND, STAGES, [3, 1])
    assert list(result) == ["stages", "images", "embryos", "top_k", "within_one", "mae", "per_stage"]
    assert (result["stages"], result["images"], result["embryos"]) == (["051", "060", "069"], 4, 3)
    assert list(result["top_k"]) == ["1", "3"]
    assert result["top_k"]["1"]["accuracy"] == 0.5 and result["top_k"]["1"]["chance"] == pytest.approx(1 / 3)
    assert result["top_k"]["3"]["accuracy"] == 1 and result["top_k"]["3"]["chance"] == 1
    assert result["within_one"]["accuracy"] == 0.5  # off by 0, 2, 0, 2
    assert result["within_one"]["chance"] == pytest.approx((2 + 2 + 3 + 2) / 4 / 3)
    assert result["mae"]["value"] == pytest.approx((4.5 + 14.4 + 0 + 10.8) / 4)
    assert result["mae"]["unit"] == "min"
    assert result["mae"]["chance"] == pytest.approx((9 + 9 + 0 + 9) / 4)  # always saying 60
    first = result["per_stage"]["051"]
    assert (first["images"], first["embryos"], first["accuracy"], first["mae"]) == (
        2,
        2,
        0.5,
        pytest.approx(9.45),
    )
    for part in (*result["top_k"].values(), result["within_one"], first):
        low, high = part["ci95"]
        assert 0 <= low <= part["accuracy"] <= high <= 1
    low, high = result["mae"]["ci95"]
    assert 0 <= low <= result["mae"]["value"] <= high <= 18
    json.dumps(result, allow_nan=False)


def test_a_neighbour_counts_as_within_one_and_means_are_not_medians():
    stages = Stages(["051", "060", "087"], [51, 60, 87], "min")  # unequally far apart
    table = predictions_table(manifest([0, 0, 0, 1, 2], stages), np.eye(3)[[0, 1, 2, 2, 2]], stages)
    result = metrics(table, stages, [1])
    assert result["top_k"]["1"]["accuracy"] == 0.4 and result["within_one"]["accuracy"] == 0.8  # off by 0, 1, 2, 1, 0
    assert result["mae"]["value"] == pytest.approx((0 + 9 + 36 + 27 + 0) / 5)
    assert result["mae"]["chance"] == pytest.approx((3 * 15 + 6 + 21) / 5)  # always saying 66
    assert result["per_stage"]["051"]["mae"] == pytest.approx((0 + 9 + 36) / 3)
    assert result["per_stage"]["060"] == result["per_stage"]["060"] | {
        "images": 1,
        "embryos": 1,
        "accuracy": 0,
        "mae": 27,
    }


def test_a_stage_without_test_images_has_a_row_without_figures():
    table = predictions_table(manifest([0, 2]), np.eye(3)[[0, 2]], STAGES)
    result = metrics(table, STAGES, [1])
    assert result["per_stage"]["060"] == {
        "images": 0, "embryos": 0, "accuracy": None, "ci95": [None, None], "chance": 1 / 3, "mae": None,
    }  # fmt: skip
    json.dumps(result, allow_nan=False)


def test_perfect_predictions_have_perfect_figures():
    labels = [0, 1, 2] * 4
    result = metrics(predictions_table(manifest(labels), np.eye(3)[labels], STAGES), STAGES, [1])
    assert result["top_k"]["1"]["accuracy"] == result["within_one"]["accuracy"] == 1
    assert result["mae"]["value"] == 0
    assert all(stage["accuracy"] == 1 for stage in result["per_stage"].values())


@pytest.mark.parametrize("kind", ["all alike", "one stage", "any", "two tied"])
def test_guessing_is_not_better_than_chance(kind):
    stages = Stages.as_given(f"{51 + 9 * number:03d}" for number in range(17))
    answer = {
        "all alike": np.full(17, 1 / 17),
        "one stage": np.eye(17)[4],
        "any": np.random.default_rng(0).dirichlet(np.ones(17)),
        "two tied": np.repeat([0.5, 0], [2, 15]),
    }[kind]
    labels = list(range(17)) * 2
    table = predictions_table(manifest(labels, stages), np.tile(answer, (34, 1)), stages)
    result = metrics(table, stages, range(1, 18))
    for part in result["top_k"].values():
        assert part["accuracy"] <= part["chance"] + 1e-12
    assert result["top_k"]["17"]["accuracy"] == 1
    assert result["mae"]["value"] >= result["mae"]["chance"] - 1e-3


def test_probabilities_of_nan_are_never_correct():
    table = predictions_table(manifest([0, 1, 2]), np.full((3, 3), np.nan), STAGES)
    assert table["rank"].tolist() == [3, 3, 3]


def test_stages_without_order_have_no_error():
    stages = Stages(["early", "late", "middle"])
    table = predictions_table(manifest([0, 1, 2], stages), np.eye(3), stages)
    result = metrics(table, stages, [1])
    assert result["mae"] == {"value": None, "ci95": [None, None], "chance": None, "unit": None}
    assert all(stage["mae"] is None for stage in result["per_stage"].values())
    assert table[["time_error", "minutes_error", "expected_time"]].isna().all(axis=None)
    json.dumps(result, allow_nan=False)


def test_k_above_the_number_of_stages_counts_as_all():
    assert metrics(BY_HAND, STAGES, [6])["top_k"]["6"] | {"ci95": 0} == {"accuracy": 1, "ci95": 0, "chance": 1}


def test_the_confusion_matrix_has_true_stages_in_rows():
    np.testing.assert_array_equal(confusion_matrix(BY_HAND, STAGES), [[1, 0, 1], [0, 1, 0], [1, 0, 0]])


def test_the_top_k_curve_and_chance_rise_to_one():
    curve = top_k_curve(BY_HAND, STAGES)
    assert curve["k"].tolist() == [1, 2, 3]
    assert curve["accuracy"].tolist() == [0.5, 0.5, 1]
    np.testing.assert_allclose(curve["chance"], [1 / 3, 2 / 3, 1])
    assert (curve["low"] <= curve["accuracy"]).all() and (curve["accuracy"] <= curve["high"]).all()


def test_errors_are_in_the_unit_of_the_stages():
    stages = Stages(["1 h", "3 h"], [1, 3], "h")
    table = predictions_table(manifest([0, 1], stages), np.array([[0.5, 0.5], [0.25, 0.75]]), stages)
    assert table["time_error"].tolist() == [1, -0.5] and table["minutes_error"].tolist() == [60, -30]
    assert table["expected_time"].tolist() == [2, 2.5]
    result = metrics(table, stages, [1])
    assert (result["mae"]["value"], result["mae"]["chance"], result["mae"]["unit"]) == (0.75, 1, "h")
    assert result["per_stage"]["3 h"]["mae"] == 0.5


def test_errors_of_stages_without_times_count_stages():
    stages = Stages(["dome", "shield", "bud"], None, "stages")
    table = predictions_table(manifest([0, 2, 1], stages), np.eye(3)[[0, 0, 2]], stages)
    assert table["time_error"].tolist() == [0, -2, 1]
    assert table[["minutes_error", "expected_time"]].isna().all(axis=None)
    result = metrics(table, stages, [1])
    assert (result["mae"]["value"], result["mae"]["chance"], result["mae"]["unit"]) == (
        1,
        pytest.approx(2 / 3),
        "stages",
    )
    assert result["within_one"]["accuracy"] == pytest.approx(2 / 3)  # exactly right: one of three
