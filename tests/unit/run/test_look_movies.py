"""Test that the times a movie says of itself are compared with the setting frames."""

import numpy as np
import pytest
import tifffile

from flystage.raw.naming import RawImage
from flystage.run.look_movies import movie_doubts

PLANES = np.random.default_rng(0).integers(0, 900, (4, 24, 32)).astype(np.uint16)


def doubts(path, frame="1", every=3, unit="min", series="auto"):
    config = {"frames": every and {"first": 51, "every": every}, "time_unit": unit, "image": {"series": series}}
    return " ".join(movie_doubts([RawImage(str(path), "051", "E1", frame=frame)], config))


def imagej(path, **notes):
    tifffile.imwrite(path, PLANES, imagej=True, metadata={"axes": "TYX", **notes})
    return path


@pytest.mark.parametrize(
    ("seconds", "every", "unit", "wrong"),
    [
        (180, 3, "min", False), (180, 3, "auto", False), (185, 3, "min", False), (1080, 3, "min", True), (1080, 0.3, "h", False),
        (60, 1, "h", True), (60, None, "min", False),
    ],
)  # fmt: skip
def test_another_interval_is_reported(tmp_path, seconds, every, unit, wrong):
    said = doubts(imagej(tmp_path / "E1.tif", finterval=seconds), every=every, unit=unit)
    assert ("frames.every" in said and "E1.tif" in said) == wrong and (wrong or said == "")


def test_a_movie_without_times_gives_no_warning(tmp_path):
    assert doubts(imagej(tmp_path / "E1.tif")) == ""


def test_a_dropped_frame_is_reported(tmp_path):
    times = [0, 180, 540, 720]
    planes = {"DeltaT": times, "DeltaTUnit": ["s"] * 4, "TheT": [0, 1, 2, 3], "TheC": [0] * 4, "TheZ": [0] * 4}
    tifffile.imwrite(tmp_path / "E1.ome.tif", PLANES, ome=True, metadata={"axes": "TYX", "Plane": planes})
    said = doubts(tmp_path / "E1.ome.tif")
    assert "not evenly" in said and "6 min" in said and "labels" in said


def test_time_saved_as_depth_is_reported(tmp_path):
    path = tmp_path / "E1.tif"
    tifffile.imwrite(path, PLANES, imagej=True, metadata={"axes": "ZYX"})
    assert "E1.tif: 4" in doubts(path, frame="")
    assert doubts(path, frame="", every=None) == ""


def test_a_damaged_or_missing_movie_is_left_to_preparing(tmp_path):
    (tmp_path / "bad.tif").write_bytes(b"II*\0")
    assert doubts(tmp_path / "bad.tif") == "" and doubts(tmp_path / "none.tif") == ""
