"""Unlabelled images: prepared once each, with the sets that the checkpoint promises."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from flystage.prediction import unlabelled
from flystage.prediction.unlabelled import prepare_unlabelled, suggest_stages
from flystage.raw.stages import Stages

IMAGE = {
    "size": 2048, "field": "auto", "normalize": {"method": "multiply", "factor": 6}, "white": "auto", "page": "middle",
    "channel": "auto", "max_pixels": 1_000_000, "angles": [],
}  # fmt: skip


def test_a_tif_is_prepared_once_and_again_when_the_settings_change(tmp_path):
    path, pngs, image = tmp_path / "a.tif", tmp_path / "pngs", IMAGE | {"size": 64}
    pngs.mkdir()
    tifffile.imwrite(path, np.random.default_rng(1).integers(0, 9000, (42, 110)).astype(np.uint16))
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
