"""Test how movies are read in time."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flystage.prediction.movies import Series
from flystage.prediction.series import read_in_time, usual_rates
from flystage.raw.stages import Stages

STAGES = Stages(["051", "060", "069"], [51, 60, 69], "min")


def told(probabilities, numbers, tmp_path, stages=STAGES, usual=None, embryos=None):
    probabilities = np.array(probabilities)
    table = pd.DataFrame({"status": "used", "stage_1": [stages.names[place] for place in probabilities.argmax(axis=1)]})
    times = stages.expected_times(probabilities)
    table = table.assign(expected_time=times, time_low=times - 5, time_high=times + 5)
    embryos = np.array(embryos or ["E/1"] * len(table), dtype=object)
    series = Series(embryos, np.array(numbers, float), {}, {})
    return read_in_time(table, probabilities, series, stages, usual or {}, tmp_path / "series")


def test_movie_is_read_in_time_and_drawn(tmp_path):
    sure = 0.05 + 0.85 * np.eye(3)
    table, series = told(sure[[0, 1, 0, 1, 2]], [3, 4, 5, 6, 7], tmp_path)
    assert table["stage_in_time"].is_monotonic_increasing and table["time_in_time"].is_monotonic_increasing
    assert table["stage_1"].tolist() == ["051", "060", "051", "060", "069"]  # unchanged
    its = series["E/1"]
    assert its["interval"][0] <= its["rate"] <= its["interval"][1]
    svg = (tmp_path / "series").glob("*.svg")
    assert [str(path) for path in svg] == [its["figure"]] and "min per frame" in Path(its["figure"]).read_text()
    assert its["figure"].removesuffix("svg") + "png" in map(str, (tmp_path / "series").iterdir())


def test_frames_in_any_order_and_slices_of_one_moment_agree(tmp_path):
    sure = 0.05 + 0.85 * np.eye(3)
    table, _ = told(sure[[2, 0, 1, 0]], [9, 1, 5, 5], tmp_path)
    assert table["stage_in_time"].tolist()[:2] == ["069", "051"]
    assert (
        table["stage_in_time"][2] == table["stage_in_time"][3] and table["time_in_time"][2] == table["time_in_time"][3]
    )


@pytest.mark.parametrize(
    ("stages", "numbers"),
    [
        (STAGES, [1]),
        (STAGES, [4, 4]),
        (STAGES, [np.nan, np.nan]),
        (Stages(["a", "b", "c"]), [1, 2]),
        (Stages(["a", "b", "c"], [3, 2, 1], "h"), [1, 2]),
    ],
)
def test_images_or_stages_without_order_are_not_read(tmp_path, stages, numbers):
    table, series = told(np.eye(3)[: len(numbers)], numbers, tmp_path, stages)
    assert series == {} and (table["stage_in_time"] == "").all() and table["time_in_time"].isna().all()
    assert (tmp_path / "series").is_dir()


def test_ordered_stages_without_times_are_read(tmp_path):
    table, series = told(np.eye(3)[[0, 1, 2]], [1, 2, 3], tmp_path, Stages(["a", "b", "c"], None, "stages"))
    assert table["stage_in_time"].tolist() == ["a", "b", "c"] and table["time_in_time"].isna().all()
    assert "stages per frame" in Path(series["E/1"]["figure"]).read_text()


def frames_at(*places):
    """Return probabilities of frames that are sure of a stage, or between two: array (frames, 3)."""
    between = np.array([np.interp(range(3), [place - 1, place, place + 1], [0, 1, 0]) for place in places])
    return 0.02 + 0.94 * between


def test_a_movie_at_another_rate_is_read_at_its_own_and_told(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("flystage"), "propagate", True)
    stages = Stages([str(time) for time in range(0, 200, 10)], list(range(0, 200, 10)), "min")
    sure = 0.001 + 0.98 * np.eye(20)
    free = told(sure, range(20), tmp_path / "a", stages)[1]["E/1"]
    near = told(sure, range(20), tmp_path / "b", stages, usual={"E/1": 10.0})[1]["E/1"]
    assert caplog.records == [] and near["rate"] != free["rate"]
    far = told(sure, range(20), tmp_path / "c", stages, usual={"E/1": 2})[1]["E/1"]
    (record,) = caplog.records
    assert far == free | {"figure": far["figure"]} and "E/1 (" in record.getMessage() and "not 2" in record.getMessage()


def test_frames_in_a_wrong_order_are_told(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("flystage"), "propagate", True)
    stages = Stages([str(time) for time in range(8)], list(range(8)), "h")
    sure = 0.01 + 0.92 * np.eye(8)
    told(sure, range(8), tmp_path / "right", stages)
    assert caplog.records == []
    told(sure[[4, 5, 6, 7, 0, 1, 2, 3]], range(8), tmp_path / "wrong", stages)
    assert "E/1" in caplog.text and "contradict" in caplog.text


@pytest.mark.parametrize(
    ("every", "time_unit", "expected"),
    [
        (3, "auto", {"film": 0.05, "said": 0.5, "clock": 0.25}),
        (3, "h", {"film": 3, "said": 0.5, "clock": 0.25}),
        (3, "none", {"said": 0.5, "clock": 0.25}),
        (None, "h", {"said": 0.5, "clock": 0.25}),
    ],
)
def test_usual_rates_are_in_the_unit_of_the_stages(every, time_unit, expected):
    series = Series(
        np.array([]), np.array([]), {"clock": 900.0, "said": 1800.0}, {"film": "film.tif", "said": "said.tif"}
    )
    stages = Stages(["4h", "5h"], [4, 5], "h")
    assert usual_rates(series, every, time_unit, stages) == expected
    assert usual_rates(series, every, time_unit, Stages(["a", "b"], None, "stages")) == {}
