"""Test predictions for unlabelled images: preparing, movies, and the columns of the table."""

import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from flystage.core.errors import UnusableTiff
from flystage.images import tiff
from flystage.images.pngs import decoded_png, read_png
from flystage.images.preparing import prepare
from flystage.prediction import unlabelled
from flystage.prediction.inference import Answers
from flystage.prediction.unlabelled import PREPARED, in_order, prepare_unlabelled, preprocessing, suggest_stages
from flystage.raw.stages import Stages

IMAGE = {
    "size": 64, "field": "auto", "normalize": {"method": "multiply", "factor": 6}, "white": "auto", "page": "middle",
    "channel": "auto", "max_pixels": 1_000_000, "angles": [],
}  # fmt: skip
EMBRYO = np.random.default_rng(1).integers(0, 9000, (42, 110)).astype(np.uint16)
MOVIE = np.random.default_rng(2).integers(0, 9000, (5, 42, 110)).astype(np.uint16)
STAGES = Stages.as_given(["051", "060", "069"])


def test_tif_is_prepared_once_and_again_when_the_settings_change(tmp_path):
    path, pngs = tmp_path / "a.tif", tmp_path / "pngs"
    pngs.mkdir()
    tifffile.imwrite(path, EMBRYO)
    (tmp_path / "bad.tif").write_bytes(b"")
    first = prepare_unlabelled([str(path), str(tmp_path / "bad.tif"), str(tmp_path / "gone.tif")], IMAGE, pngs)
    assert list(first.columns) == PREPARED and first["frame"].tolist() == ["", "", ""]
    assert first["status"].tolist() == ["used", "rejected", "rejected"] and first["reason"][1] == "empty file"
    png = Path(first["png"][0])
    stamp = png.stat().st_mtime_ns
    assert prepare_unlabelled([str(path)], IMAGE, pngs)["png"][0] == str(png) and png.stat().st_mtime_ns == stamp


OTHERS = {  # settings of other checkpoints, each of which gives another picture of the same TIF
    "size": 48, "field": 400, "normalize": {"method": "multiply", "factor": 3}, "white": 9999, "page": "first", "channel": 2,
    "float_white": 255, "series": 2, "max_blank": 0.1, "min_levels": 20,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_png_of_other_settings_is_not_reused(tmp_path, monkeypatch, name):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, EMBRYO)
    asked = []
    monkeypatch.setattr(unlabelled, "time_points", lambda tif, series: 1)
    monkeypatch.setattr(unlabelled, "prepare", lambda tif, image, *_: ([asked.append(image) or EMBRYO[:8, :8]], {}))
    first = prepare_unlabelled([str(path)], IMAGE, tmp_path)["png"][0]
    second = prepare_unlabelled([str(path)], IMAGE | {name: OTHERS[name]}, tmp_path)["png"][0]
    assert second != first and asked == [IMAGE, IMAGE | {name: OTHERS[name]}]
    assert (
        prepare_unlabelled([str(path)], IMAGE | {"angles": [90]}, tmp_path)["png"][0] == first
    )  # angles do not change this PNG
    assert len(asked) == 2


def test_png_of_an_older_reading_is_not_reused(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", EMBRYO)
    first = prepare_unlabelled([str(tmp_path / "a.tif")], IMAGE, tmp_path)["png"][0]
    monkeypatch.setattr(unlabelled, "READING", unlabelled.READING + 1)
    assert prepare_unlabelled([str(tmp_path / "a.tif")], IMAGE, tmp_path)["png"][0] != first


def test_each_time_point_of_a_movie_is_an_image(tmp_path, monkeypatch):
    path = tmp_path / "film.tif"
    dark = MOVIE.copy()
    dark[2] = 7
    tifffile.imwrite(path, dark, imagej=True, metadata={"axes": "TYX"})
    listed, find_stacks = [], tiff.find_stacks
    monkeypatch.setattr(tiff, "find_stacks", lambda *arguments: listed.append(1) or find_stacks(*arguments))
    table = prepare_unlabelled([str(path)], IMAGE, tmp_path)
    assert len(listed) == 1  # else a movie of 1,000 frames lists its pages 1,000 times
    assert table["frame"].tolist() == ["1", "2", "3", "4", "5"] and table["sha256"].nunique() == 1
    assert table["status"].tolist() == ["used", "used", "rejected", "used", "used"]
    assert "same value" in table["reason"][2] and "7" in table["reason"][2]
    for frame, png in zip(table["frame"], table["png"], strict=True):
        if png:
            expected = prepare(path, IMAGE, [0], int(frame))[0][0]
            np.testing.assert_array_equal(decoded_png(png, read_png(png)), expected)
    stamps = {png: Path(png).stat().st_mtime_ns for png in table["png"] if png}
    pd.testing.assert_frame_equal(prepare_unlabelled([str(path)], IMAGE, tmp_path), table)
    assert stamps == {png: Path(png).stat().st_mtime_ns for png in stamps}


def test_file_that_fails_midway_keeps_its_readable_frames(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "film.tif", MOVIE, imagej=True, metadata={"axes": "TYX"})

    def failing(source, image, angles, frame):
        if frame == 3:
            raise OSError(5, "Input/output error")
        if frame == 2:
            raise UnusableTiff("damaged")
        return prepare(source, image, angles, frame)

    monkeypatch.setattr(unlabelled, "prepare", failing)
    table = prepare_unlabelled([str(tmp_path / "film.tif")], IMAGE, tmp_path)
    assert table[["frame", "status", "reason"]].values.tolist() == [
        ["1", "used", ""], ["2", "rejected", "damaged"], ["3", "rejected", "cannot be read (Input/output error)"],
    ]  # fmt: skip


def said(monkeypatch, calibration, unlike=None, stages=STAGES, changed=(False, False), embryos=None):
    probabilities = np.array([[0.6, 0.1, 0.3], [0.1, 0.8, 0.1]])

    def answers(checkpoint, pngs, cache, threads, views, known):
        assert known == (None if embryos is None else [embryos[0], embryos[2]])  # only those of used images
        return Answers(probabilities, probabilities, np.array(changed), unlike)

    monkeypatch.setattr(unlabelled, "answers_of", answers)
    prepared = pd.DataFrame([(name, "", "used", "", "0f", "-") for name in "abc"], columns=PREPARED)
    prepared.loc[1, ["status", "png"]] = "rejected", ""
    checkpoint = stages.record() | {
        "calibration": {"temperature": 1.0, "sets": None, "interval": None, "adapted": None} | calibration,
    }
    return suggest_stages(prepared, checkpoint, 2, 1, "cache", 1, embryos)[0]


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        (None, ["", "", ""]),
        ({"threshold": 0.15, "contiguous": False}, ["051, 069", "", "060"]),
        ({"threshold": 0.15, "contiguous": True}, ["051, 060, 069", "", "060"]),
    ],
)
def test_prediction_sets_follow_the_checkpoint(monkeypatch, sets, expected):
    assert said(monkeypatch, {"sets": sets})["set"].tolist() == expected


ALONE = {"sets": {"threshold": 0.25, "contiguous": False}, "interval": {"reach": 4.0}}
ADAPTED = {"temperature": 1.0, "sets": {"threshold": 0.05, "contiguous": False}, "interval": {"reach": 2.0}}


@pytest.mark.parametrize(
    ("changed", "adapted", "sets", "low"),
    [
        ((False, False), ADAPTED, ["051, 069", "", "060"], [53.3, 56.0]),
        ((True, False), ADAPTED, ["051, 060, 069", "", "060"], [55.3, 56.0]),
        ((False, True), ADAPTED, ["051, 069", "", "051, 060, 069"], [53.3, 58.0]),
        ((True, True), ADAPTED, ["051, 060, 069", "", "051, 060, 069"], [55.3, 58.0]),
        ((True, False), None, ["", "", "060"], [np.nan, 56.0]),
        ((True, False), ADAPTED | {"sets": None}, ["", "", "060"], [55.3, 56.0]),
        ((False, True), ADAPTED | {"interval": None}, ["051, 069", "", "051, 060, 069"], [53.3, np.nan]),
    ],
)
def test_adapted_rows_have_the_sets_and_times_of_adapted_images(monkeypatch, changed, adapted, sets, low):
    table = said(monkeypatch, ALONE | {"adapted": adapted}, changed=changed, embryos=["e1", "e2", ""])
    assert table["set"].tolist() == sets
    np.testing.assert_allclose(table["time_low"].tolist()[::2], low)


def test_the_log_counts_images_with_others_of_their_embryo(monkeypatch, caplog):
    caplog.set_level("INFO", logger="flystage")
    said(monkeypatch, ALONE, changed=(False, False))
    assert "of their embryo" not in caplog.text
    said(monkeypatch, ALONE | {"adapted": ADAPTED}, changed=(True, False), embryos=["e1", "e1", "e2"])
    assert "1 of 2 images" in caplog.text


def test_times_have_intervals_and_unlike_images_are_marked(monkeypatch):
    table = said(monkeypatch, {"interval": {"reach": 4.0}}, np.array([0.9, 1.2]))
    used = table[table["status"] == "used"]
    assert used["expected_time"].tolist() == [57.3, 60.0] and used["doubt"].tolist() == [0.4, 0.2]
    assert used["time_low"].tolist() == [53.3, 56.0] and used["time_high"].tolist() == [61.3, 64.0]
    assert used["unlike"].tolist() == [0, 1] and used["unlikeness"].tolist() == [0.9, 1.2]
    rejected = table.loc[1].drop(["image", "frame", "status", "reason", "sha256", "png"])
    assert all(value == "" or value != value for value in rejected)


def test_columns_that_an_older_checkpoint_lacks_are_empty(monkeypatch, tmp_path):
    table = said(monkeypatch, {}).assign(embryo="", stage_in_time="", time_in_time=np.nan)
    in_order(table).to_csv(tmp_path / "t.csv", index=False)
    rows = pd.read_csv(tmp_path / "t.csv", dtype=str, keep_default_na=False)
    assert list(rows.columns) == [
        "image", "frame", "status", "reason", "sha256", "embryo", "stage_1", "p_1", "stage_2", "p_2", "set", "expected_time",
        "time_low", "time_high", "unit", "unlike", "unlikeness", "stage_in_time", "time_in_time", "doubt", "png",
    ]  # fmt: skip
    assert rows["expected_time"].tolist() == ["57.3", "", "60.0"] and rows["unit"].tolist() == ["min", "", "min"]
    for name in ("time_low", "time_high", "unlike", "unlikeness"):
        assert (rows[name] == "").all()


def test_stages_without_times_give_no_expected_time(monkeypatch):
    table = said(monkeypatch, {"interval": None}, stages=Stages(["a", "b", "c"], None, "stages"))
    assert table["expected_time"].isna().all() and (table["unit"] == "").all()


def test_huge_file_that_is_not_a_tif_is_rejected_without_reading_it(tmp_path):
    huge, good = tmp_path / "a.tif", tmp_path / "b.tif"
    huge.write_bytes(b"")
    os.truncate(huge, 20 * 2**30)
    tifffile.imwrite(good, EMBRYO)
    begun = time.monotonic()
    table = prepare_unlabelled([str(huge), str(good)], IMAGE, tmp_path / "pngs")
    assert table["status"].tolist() == ["rejected", "used"]
    assert table["reason"][0].startswith("not a TIF") and table["sha256"][0] == ""
    assert time.monotonic() - begun < 5  # reading it through would take longer


def test_the_white_level_of_a_prediction_can_differ_from_the_training():
    checkpoint = {"image": {"white": "auto", "size": 64}}
    assert preprocessing(checkpoint, "auto") == checkpoint["image"]
    assert preprocessing(checkpoint, 4095) == {"white": 4095, "size": 64}


def test_a_dark_image_is_rejected_with_advice_that_works(tmp_path):
    plane = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) % 500
    tifffile.imwrite(tmp_path / "dark.tif", plane)
    settings = IMAGE | {"normalize": {"method": "multiply", "factor": 1}}
    table = prepare_unlabelled([tmp_path / "dark.tif"], settings, tmp_path)
    assert table["status"].item() == "rejected"
    assert "predict.white" in table["reason"].item() and "image.white" not in table["reason"].item()
    table = prepare_unlabelled([tmp_path / "dark.tif"], preprocessing({"image": settings}, 511), tmp_path)
    assert table["status"].item() == "used"
