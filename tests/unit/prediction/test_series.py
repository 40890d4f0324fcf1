"""Test how images are grouped into movies, and how movies are read in time."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flystage.prediction.series import frames_of_series, read_in_time
from flystage.raw.stages import Stages

PATTERN = r"(?P<embryo>E\d+)(?:_t(?P<frame>\d+))?(?:_z(?P<slice>\d+))?"
STAGES = Stages(["051", "060", "069"], [51, 60, 69], "min")


def table_of(*images):
    """Return a table of names, or (name, frame), or (name, frame, status)."""
    rows = [(image, "", "used") if isinstance(image, str) else (*image, "used")[:3] for image in images]
    return pd.DataFrame(rows, columns=["image", "frame", "status"])


def series(table, how="auto", pattern=PATTERN, folders=("new",)):
    embryos, numbers = frames_of_series(table, list(folders), pattern, how)
    return list(zip(embryos, [None if np.isnan(number) else number for number in numbers], strict=True))


def test_time_points_of_a_file_are_frames():
    table = table_of(("new/a/film.tif", "1"), ("new/a/film.tif", "2"), ("new/a/film.tif", "3", "rejected"), "new/x.tif")
    assert series(table, pattern=None) == [("a/film", 1), ("a/film", 2), ("", None), ("", None)]


def test_names_give_embryo_and_frame():
    table = table_of("new/E1_t009.tif", "new/E1_t010_z1.tif", "new/E1_t010_z2.tif", "new/E2_z3.tif", "new/other.tif")
    assert series(table) == [("E1", 9), ("E1", 10), ("E1", 10), ("E2", None), ("", None)]


def test_two_movie_files_of_one_embryo_are_two_movies():
    table = table_of(("new/E1_a.tif", "1"), ("new/E1_a.tif", "2"), ("new/E1_b.tif", "1"), ("new/E2.tif", "1"))
    assert series(table) == [("E1_a", 1), ("E1_a", 2), ("E1_b", 1), ("E2", 1)]


def test_pattern_with_a_slash_matches_folders():
    table = table_of("new/E7/img_03.tif")
    assert series(table, pattern=r"(?P<embryo>E\d+)/img_(?P<frame>\d+)") == [("E7", 3)]


def test_frame_that_is_not_a_number_gives_no_order():
    assert series(table_of("new/E1_tx.tif"), pattern=r"(?P<embryo>E\d)_t(?P<frame>\w)") == [("E1", None)]


def test_files_in_a_folder_are_frames_in_natural_order():
    table = table_of("new/m1/img10.tif", "new/m1/img2.tif", "new/img1.tif", ("new/m1/film.tif", "1"))
    assert series(table, "folder", None) == [("m1", 1), ("m1", 0), ("new", 0), ("m1/film", 1)]
    assert series(table, "auto", None)[:3] == [("", None)] * 3
    numbered = table_of("new/m1/E1_t30.tif", "new/m1/E1_t2.tif")
    assert series(numbered, "folder") == [("m1", 30), ("m1", 2)]


def test_series_none_finds_no_movies():
    assert series(table_of("new/E1_t1.tif", ("new/film.tif", "1")), "none") == [("", None)] * 2


def told(probabilities, numbers, tmp_path, stages=STAGES, usual=None, embryos=None):
    probabilities = np.array(probabilities)
    table = pd.DataFrame({"status": "used", "stage_1": [stages.names[place] for place in probabilities.argmax(axis=1)]})
    times = stages.expected_times(probabilities)
    table = table.assign(expected_time=times, time_low=times - 5, time_high=times + 5)
    embryos = np.array(embryos or ["E/1"] * len(table), dtype=object)
    return read_in_time(table, probabilities, (embryos, np.array(numbers, float)), stages, usual, tmp_path / "series")


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
