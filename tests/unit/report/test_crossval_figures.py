"""The figures of cross-validation show its numbers with the right sign, unit and colour."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from flystage.raw.stages import Stages
from flystage.report import crossval_figures
from flystage.report.drawing import BLUE, GREY, RED, SPLIT_COLOURS

STAGES = Stages(["051", "060", "069"], [51, 60, 69], "min")


def points(each):
    return np.asarray(each.get_xdata()).tolist(), np.asarray(each.get_ydata()).round(6).tolist()


def share(accuracy, low, high, chance=None):
    return {"accuracy": accuracy, "ci95": [low, high], "chance": chance}


def test_the_network_is_drawn_with_baselines_and_chance(figure_of):
    network = {
        "top_k": {"1": share(0.6, 0.5, 0.7, 0.1)},
        "mae": {"value": 5, "ci95": [4, 7], "chance": 40, "unit": "min"},
    }
    simple = {"pixels": {"top_k": {"1": share(0.3, 0.2, 0.5)}, "mae": {"value": 20, "ci95": [15, 30]}},
              "chance": {"top_k": {"1": {"accuracy": 0.1}}, "mae": {"value": None}}}  # fmt: skip
    shares, errors = figure_of(crossval_figures.beside_simple_methods, network, simple).axes
    drawn = [(each.get_color(), *points(each)) for each in shares.lines]
    assert drawn == [
        (BLUE, [50, 70], [0, 0]), (BLUE, [60], [0]), (GREY, [20, 50], [1, 1]), (GREY, [30], [1]), (GREY, [10], [2]),
        (GREY, [10, 10], [0, 1]),
    ]  # fmt: skip
    assert [points(each)[0] for each in errors.lines] == [[4, 7], [5], [15, 30], [20], [40, 40]]
    assert (shares.get_xlabel(), errors.get_xlabel()) == ("top-1 accuracy, %", "mean error, min")
    assert [text.get_text() for text in shares.get_yticklabels()] == ["network", "pixels", "chance"]
    assert shares.get_ylim()[0] > shares.get_ylim()[1], "the network is not at the top"


def test_embryos_are_sorted_and_have_the_colour_of_their_split(figure_of):
    rows = [{"embryo": name, "split": split, "top_1": top_1, "mae": mae}
            for name, split, top_1, mae in [("a", "train", 0.9, 2), ("b", "test", 0.3, 9), ("c", "val", 0.5, 4)]]  # fmt: skip
    shares, errors = figure_of(crossval_figures.spread_by_embryo, rows, "min").axes
    drawn = {each.get_color(): points(each) for each in shares.lines}
    assert drawn == {
        SPLIT_COLOURS["test"]: ([1], [30]),
        SPLIT_COLOURS["val"]: ([2], [50]),
        SPLIT_COLOURS["train"]: ([3], [90]),
    }
    assert {each.get_color(): points(each) for each in errors.lines}[SPLIT_COLOURS["test"]] == ([3], [9])
    assert len(figure_of(crossval_figures.spread_by_embryo, rows, None).axes) == 1


@pytest.fixture
def predictions():
    rows = [("a", "051", 3), ("a", "060", -9), ("b", "051", 5), ("b", "060", -3), ("b", "069", 6)]
    return pd.DataFrame(rows, columns=["embryo", "stage", "time_error"])


def test_errors_in_time_are_those_of_each_embryo_and_their_mean(figure_of, predictions):
    (axes,) = figure_of(crossval_figures.error_by_time, predictions, STAGES).axes
    lines = [np.asarray(each.get_ydata()).tolist() for each in axes.lines[:3]]
    assert lines[0][:2] == [3, -9] and np.isnan(lines[0][2]) and lines[1:] == [[5, -3, 6], [4, -6, 6]]
    assert axes.lines[2].get_label() == "mean of all embryos" and axes.get_ylabel() == "error, min"


def test_the_bias_of_a_stage_is_red_if_suggestions_are_too_late(figure_of, predictions):
    (axes,) = figure_of(crossval_figures.bias_by_stage, predictions, STAGES).axes
    assert [(bar.get_height(), bar.get_facecolor()) for bar in axes.patches] == [
        (4, to_rgba(RED)), (-6, to_rgba(BLUE)), (6, to_rgba(RED)),
    ]  # fmt: skip
    spread = [segment[:, 1].round(6).tolist() for segment in axes.collections[0].get_segments()]
    assert spread[0] == [pytest.approx(4 - 2**0.5), pytest.approx(4 + 2**0.5)] and spread[2] == [6, 6]


def test_reliability_is_accuracy_over_confidence_before_and_after(figure_of):
    one = [{"confidence": 0.9, "accuracy": 0.6, "images": 10}, {"confidence": 0.4, "accuracy": 0.3, "images": 30}]
    two = [{"confidence": 0.6, "accuracy": 0.6, "images": 40}]
    (axes,) = figure_of(crossval_figures.reliability, {"reliability_before": one, "reliability_after": two}).axes
    drawn = [(each.get_color(), *points(each)) for each in axes.lines if len(each.get_xdata())]
    assert drawn == [(GREY, [0, 100], [0, 100]), (RED, [90, 40], [60, 30]), (BLUE, [60], [60])]
    small, large = axes.collections[0].get_sizes()
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert large > small and [name.split()[0] for name in legend[1:]] == ["before", "after"]


def test_prediction_sets_are_counted_and_coverage_has_its_promise(figure_of):
    sets = {"sizes": {"1": 5, "3": 2}, "promised": 0.9, "covered_by_embryo": [{"covered": 1.0}, {"covered": 0.8}]}
    sizes, embryos = figure_of(crossval_figures.sets_of_stages, sets).axes
    assert [(round(bar.get_x() + bar.get_width() / 2), bar.get_height()) for bar in sizes.patches] == [(1, 5), (3, 2)]
    assert points(embryos.lines[0]) == ([1, 2], [80, 100]) and points(embryos.lines[1])[1] == [90, 90]


def test_the_learning_curve_has_its_spread_and_the_mean_error_below(figure_of):
    curve = [{"embryos": n, "top_1": {"value": v, "low": v - 0.1, "high": v + 0.1}, "mae": {"value": 9 - n, "low": 8 - n, "high": 10 - n}}
             for n, v in ((2, 0.4), (5, 0.7))]  # fmt: skip
    shares, errors = figure_of(crossval_figures.learning_curve, curve, "h").axes
    assert [points(each) for each in shares.lines] == [([2, 5], [40, 70])]
    band = {tuple(corner) for corner in shares.collections[0].get_paths()[0].vertices.round(6).tolist()}
    assert {(2, 30), (2, 50), (5, 60), (5, 80)} <= band
    assert points(errors.lines[0]) == ([2, 5], [7, 4]) and errors.get_ylabel() == "mean error, h"
    assert len(figure_of(crossval_figures.learning_curve, curve, None).axes) == 1


@pytest.mark.parametrize(
    ("record", "unit", "drawn"),
    [
        ({}, None, []),
        ({}, "min", ["error_by_time", "bias_by_stage"]),
        ({"learning_curve": [{"embryos": 2}]}, None, []),
        ({"calibration": {"reliability_before": []}}, None, []),
        ({"sets": {"why": "Too few embryos."}}, None, []),
    ],
)
def test_figures_without_data_are_not_drawn(figure_of, predictions, tmp_path, record, unit, drawn):
    stages = Stages(STAGES.names, STAGES.times if unit else None, unit)
    paths = crossval_figures.draw(record, predictions, None, None, stages, tmp_path)
    assert [path.stem for path in paths] == drawn
