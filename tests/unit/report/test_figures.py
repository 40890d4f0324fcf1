"""Each figure shows its numbers at the place and in the unit that its axes name."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from flystage.raw.stages import Stages
from flystage.report import figures
from flystage.report.drawing import BLUE, RED, SPLIT_COLOURS, YELLOW

STAGES = Stages(["051", "060", "069"], [51, 60, 69], "min")


def line(axes, label):
    """Return x and y of the line with that label."""
    (found,) = [each for each in axes.lines if each.get_label() == label]
    return np.asarray(found.get_xdata()).tolist(), np.asarray(found.get_ydata()).tolist()


def test_images_are_stacked_by_split_and_counted_in_the_legend(figure_of):
    rows = [("train", "051")] * 3 + [("train", "069")] + [("val", "051")] * 2 + [("test", "060")]
    figure = figure_of(figures.images_per_stage, pd.DataFrame(rows, columns=["split", "stage"]), STAGES, "title")
    (axes,) = figure.axes
    bars = {
        container.get_label(): [(bar.get_y(), bar.get_height()) for bar in container] for container in axes.containers
    }
    assert bars == {
        "train (4)": [(0, 3), (0, 0), (0, 1)], "val (2)": [(3, 2), (0, 0), (1, 0)], "test (1)": [(5, 0), (0, 1), (1, 0)],
    }  # fmt: skip
    colours = [container[0].get_facecolor() for container in axes.containers]
    assert colours == [to_rgba(SPLIT_COLOURS[split]) for split in ("train", "val", "test")]
    assert axes.get_xlabel() == "stage (min)"


def test_the_rows_of_the_confusion_matrix_are_true_stages_in_percent(figure_of):
    table = np.array([[3, 1, 0], [0, 0, 0], [2, 0, 6]])
    axes = figure_of(figures.confusion, table, STAGES).axes[0]
    shown = axes.images[0].get_array()
    np.testing.assert_allclose(shown, [[75, 25, 0], [0, 0, 0], [25, 0, 75]])
    written = {(text.get_position(), text.get_text()) for text in axes.texts}
    assert written == {((0, 0), "3"), ((1, 0), "1"), ((0, 2), "2"), ((2, 2), "6")}  # (column, row)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("first suggestion", "true stage")
    assert axes.yaxis_inverted(), "the first stage is not at the top"


@pytest.mark.parametrize(("stages", "most", "written"), [(20, 99, True), (21, 99, False), (20, 100, False)])
def test_cells_show_numbers_only_where_they_have_room(figure_of, stages, most, written):
    table = np.eye(stages, dtype=int) * most
    axes = figure_of(figures.confusion, table, Stages([f"{n:02}" for n in range(stages)])).axes[0]
    assert bool(axes.texts) == written


def test_top_k_is_drawn_with_chance_and_its_interval(figure_of):
    curve = pd.DataFrame({"k": [1, 2, 3], "accuracy": [0.5, 0.7, 1], "low": [0.3, 0.6, 0.9], "high": [0.6, 0.9, 1],
                          "chance": [1 / 3, 2 / 3, 1]})  # fmt: skip
    (axes,) = figure_of(figures.top_k, curve).axes
    assert line(axes, "test images") == ([1, 2, 3], [50, 70, 100])
    assert line(axes, "chance") == ([1, 2, 3], pytest.approx([100 / 3, 200 / 3, 100]))
    (band,) = axes.collections
    corners = {tuple(corner) for corner in band.get_paths()[0].vertices.round(6).tolist()}
    assert {(1, 30), (2, 60), (1, 60), (2, 90)} <= corners and not [corner for corner in corners if corner[0] == 3]


def test_the_training_curve_marks_the_epoch_that_was_kept(figure_of):
    history = pd.DataFrame(
        {"epoch": [1, 2, 3], "train_loss": [3, 2, 1], "val_loss": [2, 1, 1.5], "val_top1": [0.1, 0.6, 0.5]}
    )
    losses, validation, top_1 = figure_of(figures.training_curve, history).axes
    assert losses.lines[1].get_ydata().tolist() == [3, 2, 1] and losses.get_ylabel().startswith("training loss")
    assert validation.lines[1].get_ydata().tolist() == [2, 1, 1.5] and "cross-entropy" in validation.get_ylabel()
    assert top_1.lines[1].get_ydata().tolist() == [10, 60, 50] and top_1.get_ylabel().endswith("top-1, %")
    assert line(losses, "epoch kept")[0] == [2, 2]


def test_the_best_trial_has_a_ring_and_diverged_trials_are_skipped(figure_of):
    trials = [{"trial": number, "learning_rate": rate, "batch_size": size, "val_loss": loss}
              for number, rate, size, loss in [(0, 0.1, 32, 2.0), (1, 0.01, 64, 1.0), (2, 1.0, 8, None)]]  # fmt: skip
    axes = figure_of(figures.tuning, trials, 1).axes[0]
    points, ring = axes.collections
    assert points.get_offsets().tolist() == [[0.1, 32], [0.01, 64]] and points.get_array().tolist() == [2, 1]
    assert ring.get_offsets().tolist() == [[0.01, 64]] and tuple(ring.get_edgecolor()[0]) == to_rgba(RED)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("learning rate", "batch size")


def run(number, **values):
    names = [f"{way}_{figure}{end}" for way in ("test", "crossval") for figure in ("top_1", "mae")
             for end in ("", "_low", "_high")]  # fmt: skip
    names += [f"{way}_known_{figure}_{when}" for way in ("test", "crossval") for figure in ("top_1", "mae")
              for when in ("before", "now")]  # fmt: skip
    return dict.fromkeys(names) | {"run": number} | values


def test_runs_are_drawn_in_order_with_rings_for_shared_embryos(figure_of):
    first = run(
        1, test_top_1=0.5, test_top_1_low=0.4, test_top_1_high=0.7, test_mae=9, test_mae_low=5, test_mae_high=12
    )
    second = first | {"run": 2, "test_top_1": 0.6, "test_known_top_1_before": 0.5, "test_known_top_1_now": 0.55}
    shares, errors = figure_of(figures.runs, [first, second], "min").axes
    assert shares.get_title(loc="left") == "top-1 accuracy, %" and errors.get_title(loc="left") == "mean error, min"
    (bars,) = shares.containers
    assert bars[0].get_ydata().tolist() == [50, 60] and bars[0].get_xdata().tolist() == [0.9, 1.9]
    assert [segment[:, 1].round(6).tolist() for segment in bars[2][0].get_segments()] == [[40, 70], [40, 70]]
    ring = shares.lines[-1]
    assert ring.get_xdata().tolist() == [0.9, 1.9] and ring.get_ydata().round(6).tolist() == [50, 55]
    assert errors.containers[0][0].get_ydata().tolist() == [9, 9]
    (alone,) = figure_of(figures.runs, [first], None).axes
    low, high = alone.get_xlim()
    assert [tick for tick in alone.get_xticks() if low <= tick <= high] == [first["run"]]


def test_variants_are_drawn_with_intervals_and_chance(figure_of):
    table = pd.DataFrame(
        {"variant": ["a", "b", "b"], "measured_on": ["validation", "validation", "folds"], "top_1": [0.5, 0.6, 0.4],
         "top_1_low": [0.4, 0.5, 0.3], "top_1_high": [0.7, 0.8, 0.6], "top_1_chance": 0.25, "mae": [3, 2, 4],
         "mae_low": [2, 1, 3], "mae_high": [5, 4, 6], "mae_chance": 9}
    )  # fmt: skip
    shares, errors = figure_of(figures.comparison, table, 1, "h").axes
    validation, folds = shares.containers
    assert (validation.get_label(), folds.get_label()) == ("validation", "cross-validation")
    assert validation[0].get_color() == YELLOW and folds[0].get_color() == BLUE
    assert validation[0].get_xdata().tolist() == [50, 60] and folds[0].get_xdata().tolist() == [40]
    assert validation[0].get_ydata().tolist() == [-0.13, 0.87] and folds[0].get_ydata().tolist() == [1.13]
    assert [segment[:, 0].tolist() for segment in folds[2][0].get_segments()] == [[30, 60]]
    assert errors.containers[1][0].get_xdata().tolist() == [4] and errors.get_xlabel() == "mean error, h"
    dotted = [each for each in shares.lines if each.get_linestyle() == ":" and len(each.get_xdata())]
    assert [np.asarray(each.get_xdata()).tolist() for each in dotted] == [[25, 25]] * 3
    assert shares.yaxis_inverted() and [text.get_text() for text in shares.get_yticklabels()] == ["a", "b"]


def test_a_sample_is_shown_as_in_a_viewer_without_its_empty_margin(figure_of):
    plane = np.arange(40 * 90, dtype=np.uint16).reshape(40, 90)
    picture = np.zeros((64, 64), np.uint8)
    picture[20:44] = 200
    figure = figure_of(figures.sample_before_after, "raw/a.tif", plane, 4095, [picture] * 3, [0, 45, 90])
    raw, after, *_ = figure.axes
    assert raw.images[0].get_clim() == (0, 4095) and "uint16" in raw.get_title(loc="left")
    assert "0 to 3599" in raw.get_title(loc="left") and "0 to 200" in after.get_title(loc="left")
    assert after.images[0].get_array().shape == (26, 64)  # 64 * 40 / sqrt(40^2 + 90^2), the image's height in the PNG
    assert [axes.get_title(loc="left") for axes in figure.axes[4:7]] == ["0°", "45°", "90°"]
