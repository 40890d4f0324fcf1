"""Unlabelled images: prepared once each, and shown on a page whatever their shape."""

import base64
import re
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import tifffile

import flystage
from flystage.prediction import unlabelled
from flystage.prediction.unlabelled import prepare_unlabelled, suggest_stages, write_page
from flystage.raw.stages import Stages

TEMPLATE = Path(flystage.__file__).parents[1] / "report/predictions.html.j2"
IMAGE = {
    "size": 2048, "field": "auto", "normalize": {"method": "multiply", "factor": 6}, "white": "auto", "page": "middle",
    "channel": "auto", "max_pixels": 1_000_000, "angles": [],
}  # fmt: skip
CHECKPOINT = {
    "backbone": {"name": "resnet18", "source": "none", "licence": "", "id": "x", "size": None},
    "training": {"note": ""},
    **Stages.as_given(["051", "060"]).record(),
}


def hot_column():
    plane = np.zeros((400, 300), np.uint16)
    plane[:, 150] = 9000
    return plane


PLANES = {
    "hot column": hot_column(),
    "hot row": hot_column().T,
    "hot pixel": np.where(np.arange(120_000).reshape(400, 300) == 60_150, 9000, 0).astype(np.uint16),
    "embryo": np.random.default_rng(1).integers(0, 9000, (42, 110)).astype(np.uint16),
}


@pytest.mark.parametrize("name", PLANES)
def test_a_picture_of_any_shape_has_a_thumbnail(tmp_path, name):
    tifffile.imwrite(tmp_path / "a.tif", PLANES[name])
    table = prepare_unlabelled([str(tmp_path / "a.tif")], IMAGE, tmp_path)
    assert table["status"].tolist() == ["used"]
    table = table.assign(stage_1="051", p_1=0.9, expected_time=52.0)
    write_page(table, "mine.pt", CHECKPOINT, TEMPLATE, tmp_path / "page.html")
    (jpeg,) = re.findall(r"data:image/jpeg;base64,([^\"]+)", (tmp_path / "page.html").read_text(encoding="utf-8"))
    height, width = cv2.imdecode(np.frombuffer(base64.b64decode(jpeg), np.uint8), cv2.IMREAD_GRAYSCALE).shape
    assert width <= 180 and height <= 360 and max(height / 360, width / 180) == pytest.approx(1, abs=0.01)
    if name == "embryo":
        assert (width, height) == (180, pytest.approx(180 * 42 / 110, abs=2))


def test_a_tif_is_prepared_once_and_again_when_the_settings_change(tmp_path):
    path, pngs, image = tmp_path / "a.tif", tmp_path / "pngs", IMAGE | {"size": 64}
    pngs.mkdir()
    tifffile.imwrite(path, PLANES["embryo"])
    (tmp_path / "bad.tif").write_bytes(b"")
    first = prepare_unlabelled([str(path), str(tmp_path / "bad.tif"), str(tmp_path / "gone.tif")], image, pngs)
    assert first["status"].tolist() == ["used", "rejected", "rejected"] and first["reason"][1] == "empty file"
    png = Path(first["png"][0])
    stamp = png.stat().st_mtime_ns
    assert prepare_unlabelled([str(path)], image, pngs)["png"][0] == str(png) and png.stat().st_mtime_ns == stamp
    assert prepare_unlabelled([str(path)], image | {"white": 9999}, pngs)["png"][0] != str(png)


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        (None, ["", "", ""]),
        ({"threshold": 0.15, "contiguous": False}, ["051, 069", "", "060"]),
        ({"threshold": 0.15, "contiguous": True}, ["051, 060, 069", "", "060"]),
    ],
)
def test_sets_are_those_that_the_checkpoint_promises(monkeypatch, sets, expected):
    probabilities = np.array([[0.6, 0.1, 0.3], [0.1, 0.8, 0.1]])
    monkeypatch.setattr(unlabelled, "stage_probabilities", lambda *_: probabilities)
    prepared = pd.DataFrame({"image": list("abc"), "status": ["used", "rejected", "used"], "reason": "", "png": "-"})
    checkpoint = Stages.as_given(["051", "060", "069"]).record() | {"calibration": {"temperature": 1.0, "sets": sets}}
    table = suggest_stages(prepared, checkpoint, 2, 1, "cache", 1)
    assert table["set"].tolist() == expected
    assert list(table.columns[4:]) == ["stage_1", "p_1", "stage_2", "p_2", "set", "expected_time", "unit"]
