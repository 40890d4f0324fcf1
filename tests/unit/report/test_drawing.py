"""All figures share one style, draw text literally and have the same bytes each time."""

import xml.etree.ElementTree as ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.layout_engine import ConstrainedLayoutEngine

from flystage.prediction.time_path import TimeCourse
from flystage.raw.stages import Stages
from flystage.report import crossval_figures, figures
from flystage.report.drawing import WIDTH, panels, save, stage_ticks

KINDS = {
    "few numbers": Stages(["051", "060", "069"], [51, 60, 69], "min"),
    "many numbers": Stages([f"{n:03d}" for n in range(60)], range(60), "min"),
    "words": Stages(["pre-blastoderm", "cellularisation", "gastrulation", "germ-band extension"], None, "stages"),
    "a long word": Stages(["a" * 80, "b"], None, "stages"),
    "many words": Stages([f"stage number {n} of many" for n in range(60)], None, "stages"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", ["xaxis", "yaxis"])
def test_names_of_stages_never_overlap(kind, side):
    stages = KINDS[kind]
    figure, [[axes]] = panels(3.0)
    axes.plot(range(len(stages)), range(len(stages)))
    axis = getattr(axes, side)
    stage_ticks(axis, stages)
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in axis.get_ticklabels()]
    plt.close(figure)
    assert len(boxes) >= min(len(stages), 2)
    assert not any(a.overlaps(b) for at, a in enumerate(boxes) for b in boxes[at + 1 :])


def test_few_stages_are_all_named_and_signs_are_drawn_literally(tmp_path):
    names = ["a^$ 1", "$\\foo$", "<b>&", "x_{2"]
    figure, [[axes]] = panels(3.0)
    axes.plot(range(4))
    stage_ticks(axes.xaxis, Stages(names))
    save(figure, tmp_path / "figure.png")
    drawn = (tmp_path / "figure.svg").read_text(encoding="utf-8")
    for name in ("a^$ 1", "$\\foo$", "&lt;b&gt;&amp;", "x_{2"):
        assert f">{name}</text>" in drawn


def test_a_figure_has_one_width_and_the_same_bytes_each_time(tmp_path):
    for name in ("a", "b"):
        figure, [[axes]] = panels(2.0)
        axes.plot(range(4))
        save(figure, tmp_path / name / "figure.png")
    for kind in ("png", "svg"):
        assert (tmp_path / f"a/figure.{kind}").read_bytes() == (tmp_path / f"b/figure.{kind}").read_bytes()
    drawn = (tmp_path / "a/figure.svg").read_text(encoding="utf-8")
    assert f'width="{72 * WIDTH:g}pt"' in drawn and "dc:date" not in drawn


def test_the_last_digits_of_a_layout_do_not_change_the_files(tmp_path, monkeypatch):
    lay_out, picture = ConstrainedLayoutEngine.execute, np.zeros((64, 64), np.uint8)

    def with_other_last_digits(engine, figure):
        lay_out(engine, figure)
        for box in (
            *(axes._originalPosition for axes in figure.axes),
            *(part.bbox_relative for part in figure.subfigs),
        ):
            box.set_points(box.get_points() * (1 + 1e-13))

    for name in ("a", "b"):
        path = tmp_path / name / "figure.png"
        figures.sample_before_after("Stage(051)-a.tif", np.eye(40), 1, [picture] * 2, [0, 90], path)
        monkeypatch.setattr(ConstrainedLayoutEngine, "execute", with_other_last_digits)
    for kind in ("png", "svg"):
        assert (tmp_path / f"a/figure.{kind}").read_bytes() == (tmp_path / f"b/figure.{kind}").read_bytes()


HOSTILE = [
    "$\\foo$",
    "a^$ 1",
    "x_{2",
    "\\frac{1}{0}",
    "$$",
    "<b>&",
    "שלב",
    "期間",
    "_",
    "x" * 300,
    "..",
    "=1+1",
    "%s {0} %",
    "a b " * 40,
]
HOSTILE_STAGES = Stages(HOSTILE, None, "stages")
HOW_MANY = len(HOSTILE)


def predictions():
    embryos = [HOSTILE[place % 4] for place in range(HOW_MANY)]
    return pd.DataFrame(
        {"stage": HOSTILE, "predicted": HOSTILE[::-1], "embryo": embryos, "time_error": np.linspace(-1, 1, HOW_MANY)}
    )


def measured():
    share = {"accuracy": 0.5, "ci95": [0.4, 0.6], "chance": 0.1}
    return {"top_k": {"1": share}, "mae": {"value": 1.0, "ci95": [0.5, 1.5], "chance": 3.0, "unit": "stages"}}


def comparison():
    names = [f"{name}{end}" for name in ("top_1", "mae") for end in ("", "_low", "_high", "_chance")]
    return pd.DataFrame([{"variant": name, "measured_on": "folds"} | dict.fromkeys(names, 0.5) for name in HOSTILE])


def series(path):
    rows = pd.DataFrame(
        {"number": [1.0, 2], "expected_time": "", "time_low": np.nan, "time_high": np.nan, "stage_1": HOSTILE[:2]}
    )
    course = TimeCourse(np.array([0, 1]), np.array([0.0, 1]), 1.0, (0.5, 2.0))
    figures.time_against_frame(rows, course, np.array([1, 2]), HOSTILE_STAGES, HOSTILE[0], path)


PICTURE = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64)
SMALL = (PICTURE[:32, :32] % 256).astype(np.uint8)
FIGURES = {
    "images per stage": lambda path: figures.images_per_stage(
        pd.DataFrame({"split": "train", "stage": HOSTILE}), HOSTILE_STAGES, HOSTILE[0], path
    ),
    "sample": lambda path: figures.sample_before_after("/".join(HOSTILE), PICTURE, 3072, [SMALL], [0], path),
    "confusion": lambda path: figures.confusion(np.eye(HOW_MANY, dtype=int), HOSTILE_STAGES, path, title=HOSTILE[0]),
    "variants": lambda path: figures.comparison(comparison(), 1, "$", path),
    "series": series,
    "simple methods": lambda path: crossval_figures.beside_simple_methods(
        measured(), dict.fromkeys(HOSTILE, measured()), path
    ),
    "error by time": lambda path: crossval_figures.error_by_time(predictions(), HOSTILE_STAGES, path),
    "bias by stage": lambda path: crossval_figures.bias_by_stage(predictions(), HOSTILE_STAGES, path),
    "embryos": lambda path: crossval_figures.spread_by_embryo(
        [{"embryo": name, "top_1": 0.5, "mae": 1.0, "split": "train"} for name in HOSTILE], "$\\x$", path
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("kind", FIGURES)
def test_hostile_names_are_drawn_literally(tmp_path, kind):
    FIGURES[kind](tmp_path / "figure.png")
    drawn = ElementTree.parse(tmp_path / "figure.svg")
    words = "".join(drawn.getroot().itertext())
    named = {"embryos": "mean error, $\\x$", "simple methods": "a^$ 1", "variants": "mean error, $"}
    assert named.get(kind, "$\\foo$") in words
    assert (tmp_path / "figure.png").stat().st_size > 5000
