"""Test how images are grouped into movies."""

import logging
import re

import numpy as np
import pandas as pd
import pytest
import tifffile

from flystage.prediction.movies import frames_of_series, with_own_times
from flystage.raw.stages import natural_key

PATTERN = r"(?P<embryo>E\d+)(?:_t(?P<frame>\d+))?(?:_z(?P<slice>\d+))?"


def table_of(*images):
    """Return a table of names, or (name, frame), or (name, frame, status)."""
    rows = [(image, "", "used") if isinstance(image, str) else (*image, "used")[:3] for image in images]
    return pd.DataFrame(rows, columns=["image", "frame", "status"])


def series(table, how="auto", pattern=PATTERN, folders=("new",)):
    found = frames_of_series(table, list(folders), pattern, how)
    return list(zip(found.embryos, [None if np.isnan(number) else number for number in found.numbers], strict=True))


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


@pytest.fixture
def said(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("flystage"), "propagate", True)
    caplog.set_level(logging.WARNING, logger="flystage")
    return lambda: " ".join(record.getMessage() for record in caplog.records)


def test_frame_that_is_not_a_number_gives_no_order_and_is_said(said):
    assert series(table_of("new/E1_tx.tif"), pattern=r"(?P<embryo>E\d)_t(?P<frame>\w)") == [("E1", None)]
    assert "'x'" in said() and "E1_tx.tif" in said() and "name_pattern" in said()


def test_equal_names_in_two_folders_are_two_movies(said):
    table = table_of("new/day1/E3_t1.tif", "new/day1/E3_t2.tif", "new/day2/E3_t01.tif", "new/day2/E4_t1.tif")
    assert series(table) == [("day1/E3", 1), ("day1/E3", 2), ("day2/E3", 1), ("E4", 1)]
    assert "E3" in said() and "E4" not in said()


def test_folders_that_share_no_frame_hold_one_movie_and_it_is_said(said):
    table = table_of("new/a/E3_t1.tif", "new/b/E3_t2.tif")
    assert series(table) == [("E3", 1), ("E3", 2)] and "one movie" in said()


def test_a_pattern_of_the_path_joins_folders(said):
    table = table_of("new/z1/E3_t1.tif", "new/z2/E3_t1.tif")
    assert series(table, pattern="/" + PATTERN) == [("E3", 1)] * 2 and said() == ""


@pytest.mark.parametrize("how", ["auto", "folder"])
@pytest.mark.parametrize("folders", [("a", "b"), ("x/a", "x/b"), ("a/m", "b/m")])
def test_films_of_one_name_in_two_folders_are_two_movies(how, folders):
    table = table_of(*((f"{folder}/film.tif", frame) for folder in folders for frame in "12"))
    found = series(table, how, None, folders)
    assert [number for _, number in found] == [1, 2, 1, 2]
    assert len({embryo for embryo, _ in found[:2]}) == len({embryo for embryo, _ in found[2:]}) == 1
    assert found[0][0] != found[2][0]


def test_folders_of_one_name_in_two_folders_are_two_movies():
    table = table_of(*(f"{folder}/m1/{number}.tif" for folder in "ab" for number in (1, 2)))
    assert series(table, "folder", None, ("a", "b")) == [("a/m1", 0), ("a/m1", 1), ("b/m1", 0), ("b/m1", 1)]


def test_a_film_and_pictures_of_one_name_are_two_movies():
    table = table_of(("new/E1.tif", "1"), ("new/E1.tif", "2"), "new/E1_t1.tif", "new/E1_t2.tif")
    assert series(table) == [("E1.tif", 1), ("E1.tif", 2), ("E1", 1), ("E1", 2)]


def test_films_that_differ_in_their_ending_are_two_movies():
    table = table_of(("new/film.tif", "1"), ("new/film.tiff", "1"))
    assert series(table, pattern=None) == [("film.tif", 1), ("film.tiff", 1)]


def test_frames_against_the_order_of_names_are_said(said):
    pattern = r"(?P<embryo>E\d+)_\d(?P<frame>\d)"
    series(table_of("new/E1_15.tif", "new/E1_16.tif", "new/E1_21.tif"), pattern=pattern)
    assert "E1" in said() and "order" in said()


def test_a_clock_is_read_over_midnight_in_silence(said):
    names = [f"new/E1_{time}.tif" for time in ("20230811-234600", "20230812-000400", "20230812-002200")]
    for pattern in (r"(?P<embryo>E\d)_\d{8}-(?P<frame>\d{6})", r"(?P<embryo>E\d)_(?P<frame>\d{8}-\d{6})"):
        table = table_of(*names)
        assert [number for _, number in series(table, pattern=pattern)] == [0, 1, 2]
        assert frames_of_series(table, ["new"], pattern, "auto").seconds == {"E1": 18 * 60}
    assert said() == ""


def test_a_clock_that_jumps_is_said(said):
    names = [f"new/E1_{time}.tif" for time in ("0100", "0110", "0120", "0220", "0230")]
    series(table_of(*names), pattern=r"(?P<embryo>E\d)_(?P<frame>\d{4})")
    assert "evenly" in said() and "E1" in said()


@pytest.mark.parametrize(
    "names",
    [
        [f"img_channel{c:03d}_time{t:09d}_z{z:03d}" for t in range(3) for c in (0, 1) for z in (0, 1)],
        ["img", "img_z001", "img_channel001", "img_channel001_z001", "img_time000000001", "img_time000000001_z001"],
        [f"img_{t:09d}_BF_{z:03d}" for t in range(3) for z in (0, 1)],
        [f"t{t}_z{z}" for t in range(3) for z in range(2)],
        [f"C{c}-movie_t{t}" for t in range(3) for c in (1, 2)],
    ],
)
def test_planes_of_a_moment_in_separate_files_are_one_moment(said, names):
    found = series(table_of(*(f"Pos0/{name}.tif" for name in names)), "folder", None, ["Pos0"])
    moments = [re.sub(r"_?(channel|z)\d+|C\d-|_00\d$", "", name) for name in names]
    expected = [sorted(set(moments), key=natural_key).index(moment) for moment in moments]
    assert [number for _, number in found] == expected
    assert "depth" in said() and "Pos0" in said()


@pytest.mark.parametrize("form", ["E1_w{}_t{}", "exp_w{}DAPI_s1_t{}", "E1_t{1}_{0}"])
def test_channels_with_a_name_are_one_moment(said, form):
    channels = ("BF", "GFP") if "_{0}" in form else (1, 2)
    names = [form.format(channel, time) for channel in channels for time in (1, 2, 10)]
    found = series(table_of(*(f"Pos0/{name}.tif" for name in names)), "folder", None, ["Pos0"])
    assert [number for _, number in found] == [0, 1, 2, 0, 1, 2]
    assert "channel" in said() and "Pos0" in said()


@pytest.mark.parametrize(
    "names",
    [["z1", "z2", "z10"], ["a_c1", "a_c2"], ["E1_abc1", "E1_abc2"], ["E1_w1", "E1_w2"], ["E1_GFP_t1", "E1_GFP_t2"]],
)
def test_names_without_another_number_stay_frames(names):
    found = series(table_of(*(f"Pos0/{name}.tif" for name in names)), "folder", None, ["Pos0"])
    assert [number for _, number in found] == list(range(len(names)))


def test_files_in_a_folder_are_frames_in_natural_order():
    table = table_of("new/m1/img10.tif", "new/m1/img2.tif", "new/img1.tif", ("new/m1/film.tif", "1"))
    assert series(table, "folder", None) == [("m1", 1), ("m1", 0), ("new", 0), ("m1/film", 1)]
    assert series(table, "auto", None)[:3] == [("", None)] * 3
    numbered = table_of("new/m1/E1_t30.tif", "new/m1/E1_t2.tif")
    assert series(numbered, "folder") == [("m1", 30), ("m1", 2)]


def test_series_none_finds_no_movies():
    assert series(table_of("new/E1_t1.tif", ("new/film.tif", "1")), "none") == [("", None)] * 2


def test_a_dropped_time_point_of_a_film_leaves_a_gap(tmp_path):
    planes = np.random.default_rng(0).integers(0, 900, (4, 24, 32)).astype(np.uint16)
    said = {
        "DeltaT": [0, 180, 540, 720],
        "DeltaTUnit": ["s"] * 4,
        "TheT": [0, 1, 2, 3],
        "TheC": [0] * 4,
        "TheZ": [0] * 4,
    }
    tifffile.imwrite(tmp_path / "said.ome.tif", planes, ome=True, metadata={"axes": "TYX", "Plane": said})
    tifffile.imwrite(tmp_path / "silent.tif", planes, imagej=True, metadata={"axes": "TYX"})
    table = table_of(*((str(tmp_path / name), frame) for name in ("said.ome.tif", "silent.tif") for frame in "1234"))
    found = frames_of_series(table, [str(tmp_path)], None, "auto")
    series = with_own_times(found, table, "auto")
    assert series.numbers.tolist() == [1, 2, 4, 5, 1, 2, 3, 4] and found.numbers.tolist() == [1, 2, 3, 4] * 2
    assert series.seconds == {"said.ome": 180} and set(series.films) == {"said.ome", "silent"}
