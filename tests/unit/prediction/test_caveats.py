"""Test what is said about known images and other stages before a prediction is trusted."""

import logging

import numpy as np
import pandas as pd
import pytest
import tifffile

from flystage.core.tables import write_csv
from flystage.prediction.caveats import (
    catalog_of,
    facts_of_some,
    note_stacks,
    warn_of_another_scale,
    warn_of_other_stages,
    warn_of_the_known,
)
from flystage.raw.stages import Stages


@pytest.fixture
def said(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("flystage"), "propagate", True)
    return lambda: " ".join(record.getMessage() for record in caplog.records)


def known(tmp_path, *checksums):
    """Warn of files with these checksums, of a run with the checksums t (train), v (val) and e (test)."""
    catalog = tmp_path / "catalog.csv"
    write_csv(pd.DataFrame({"sha256": ["t", "v", "e", ""], "split": ["train", "val", "test", ""]}), catalog)
    rows = [
        (f"{number}.tif", "used" if checksum else "rejected", checksum) for number, checksum in enumerate(checksums)
    ]
    table = pd.DataFrame(rows, columns=["image", "status", "sha256"])
    warn_of_the_known(table, catalog_of(str(catalog)))


@pytest.mark.parametrize(
    ("checksums", "expected"),
    [
        ("tv12", "learned from 2 of the 4"),
        ("te1", "learned from 1 of the 3"),
        ("e1", "1 of the 2 images"),
        ("12", ""),
        ("", ""),
    ],
)
def test_images_of_the_run_are_told(tmp_path, said, checksums, expected):
    known(tmp_path, *checksums, "")
    assert expected in said() and bool(expected) == bool(said())


def test_time_points_of_a_file_count_once(tmp_path, said):
    known(tmp_path)
    table = pd.DataFrame([("a.tif", "used", "t")] * 3, columns=["image", "status", "sha256"])
    warn_of_the_known(table, catalog_of(str(tmp_path / "catalog.csv")))
    assert "1 of the 1" in said()


def test_without_a_catalog_nothing_is_said(tmp_path, said):
    for catalog in (None, str(tmp_path / "none.csv")):
        warn_of_the_known(pd.DataFrame({"image": ["a"], "status": ["used"], "sha256": ["t"]}), catalog_of(catalog))
    assert said() == ""


@pytest.mark.parametrize(
    ("names", "facts"),
    [
        (["051", "060"], []),
        (None, []),
        (["051", "063"], ["It knows 060", "not know 063"]),
        (["051"], ["It knows 060"]),
        (["051", "060", "069"], ["not know 069"]),
    ],
)
def test_other_stages_are_told(said, names, facts):
    warn_of_other_stages(Stages(["051", "060"], [51, 60], "min"), names)
    assert all(fact in said() for fact in facts) and bool(facts) == bool(said())


@pytest.mark.parametrize(("axes", "noted"), [("ZYX", True), ("TYX", False), ("CYX", False)])
def test_planes_in_depth_are_noted(tmp_path, caplog, monkeypatch, axes, noted):
    monkeypatch.setattr(logging.getLogger("flystage"), "propagate", True)
    caplog.set_level(logging.INFO, logger="flystage")
    planes = np.random.default_rng(0).integers(0, 900, (3, 24, 32)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", planes, imagej=True, metadata={"axes": axes})
    rows = [(str(tmp_path / name), "used", "") for name in ("a.tif", "none.tif")]
    note_stacks(facts_of_some(pd.DataFrame(rows, columns=["image", "status", "frame"]), "auto"), "middle")
    assert ("Note: " in caplog.text and "a.tif" in caplog.text) == noted


@pytest.mark.parametrize(
    ("size", "before", "warned"), [(1.0, "0.5", True), (0.52, "0.5", False), (None, "0.5", False), (1.0, "", False)]
)
def test_another_pixel_size_than_in_the_training_is_reported(tmp_path, said, size, before, warned):
    notes = {"resolution": (1 / size, 1 / size), "metadata": {"unit": "um"}} if size else {}
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((24, 32), np.uint16), imagej=True, **notes)
    write_csv(pd.DataFrame({"sha256": ["t"], "split": ["train"], "pixel_size": [before]}), tmp_path / "catalog.csv")
    table = pd.DataFrame([(str(tmp_path / "a.tif"), "used", "")], columns=["image", "status", "frame"])
    warn_of_another_scale(facts_of_some(table, "auto"), catalog_of(str(tmp_path / "catalog.csv")))
    assert ("1 µm" in said() and "0.5 µm" in said()) == warned == bool(said())
