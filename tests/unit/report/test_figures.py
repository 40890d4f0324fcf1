"""Figures of whatever names people and strangers give: text in them is text, and each is drawn."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest

from flystage.prediction.time_path import TimeCourse
from flystage.raw.stages import Stages
from flystage.report import crossval_figures, figures

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
STAGES = Stages(HOSTILE, None, "stages")
SIZE = len(HOSTILE)


def predictions():
    embryos = [HOSTILE[place % 4] for place in range(SIZE)]
    return pd.DataFrame(
        {"stage": HOSTILE, "predicted": HOSTILE[::-1], "embryo": embryos, "time_error": np.linspace(-1, 1, SIZE)}
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
    figures.time_against_frame(rows, course, np.array([1, 2]), STAGES, HOSTILE[0], path)


PICTURE = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64)
SMALL = (PICTURE[:32, :32] % 256).astype(np.uint8)
FIGURES = {
    "images per stage": lambda path: figures.images_per_stage(
        pd.DataFrame({"split": "train", "stage": HOSTILE}), STAGES, HOSTILE[0], path
    ),
    "sample": lambda path: figures.sample_before_after("/".join(HOSTILE), PICTURE, 3072, [SMALL], [0], path),
    "confusion": lambda path: figures.confusion(np.eye(SIZE, dtype=int), STAGES, path, title=HOSTILE[0]),
    "variants": lambda path: figures.comparison(comparison(), 1, "$", path),
    "series": series,
    "simple methods": lambda path: crossval_figures.beside_simple_methods(
        measured(), dict.fromkeys(HOSTILE, measured()), path
    ),
    "error by time": lambda path: crossval_figures.error_by_time(predictions(), STAGES, path),
    "bias by stage": lambda path: crossval_figures.bias_by_stage(predictions(), STAGES, path),
    "embryos": lambda path: crossval_figures.spread_by_embryo(
        [{"embryo": name, "top_1": 0.5, "mae": 1.0, "split": "train"} for name in HOSTILE], "$\\x$", path
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("kind", FIGURES)
def test_a_figure_of_hostile_names_is_drawn_and_their_signs_are_no_mathematics(tmp_path, kind):
    FIGURES[kind](tmp_path / "figure.png")
    drawn = ElementTree.parse(tmp_path / "figure.svg")
    words = "".join(drawn.getroot().itertext())
    named = {"embryos": "mean error, $\\x$", "simple methods": "a^$ 1", "variants": "mean error, $"}
    assert named.get(kind, "$\\foo$") in words
    assert (tmp_path / "figure.png").stat().st_size > 5000
