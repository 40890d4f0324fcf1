"""Tests of suggestions for unlabelled images and of exports, made only from a checkpoint."""

import re
import shutil
import zipfile

import numpy as np
import onnxruntime
import openpyxl
import pandas as pd
import pytest
import tifffile
import torch

import embryos
from flystage.certainty.calibration import tempered
from flystage.network.checkpoint import load_checkpoint
from review_files import data_of
from small_project import write_raw


@pytest.fixture
def elsewhere(finished, project):
    """Return a folder that contains only unlabelled images and the checkpoint of the training run."""
    shutil.copy(finished.results / "model/checkpoint.pt", project.folder / "mine.pt")
    embryos.write_embryos(
        project.folder / "unlabelled",
        embryos=1,
        minutes=(60, 96),
        size=(222, 84),
        first_embryo=9,
        processes=1,
        unlabelled=True,
    )
    (project.folder / "unlabelled" / "broken.tif").write_bytes(b"II*\0 and no more")
    (project.folder / "unlabelled" / "._image-001.tif").write_bytes(b"a junk file")
    project.over = {
        "raw": ["no_such_folder"],
        "predict": {"images": ["unlabelled"], "checkpoint": "mine.pt", "top_k": 2},
    }
    return project


def predict(project):
    """Run `predict` and return the table of suggestions and the output."""
    process = project.snakemake("predict", over=project.over)
    assert process.returncode == 0, process.out
    text = ("stage_1", "stage_2", "stage_in_time", "frame", "unlike", "embryo")
    table = pd.read_csv(project.results / "predict/predictions.csv", dtype=dict.fromkeys(text, str))
    return table.set_index("image"), process.out


def test_unlabelled_images_are_classified_and_unusable_ones_listed(elsewhere):
    table, said = predict(elsewhere)
    assert list(table.index) == ["unlabelled/broken.tif", "unlabelled/image-001.tif", "unlabelled/image-002.tif"]
    assert table["status"].tolist() == ["rejected", "used", "used"]
    assert (
        "not a TIF" in table.loc["unlabelled/broken.tif", "reason"]
        or "damaged" in table.loc["unlabelled/broken.tif", "reason"]
    )
    used = table[table["status"] == "used"]
    assert set(used["stage_1"]) <= {"051", "087", "123", "159"}
    assert (used["p_1"] >= used["p_2"]).all() and (used["p_1"] + used["p_2"] <= 1.0001).all()
    assert used["expected_time"].between(51, 159).all() and (used["unit"] == "min").all()
    assert (used["time_low"] <= used["expected_time"]).all() and (used["expected_time"] <= used["time_high"]).all()
    assert used["unlike"].isin(["0", "1"]).all() and ((used["unlikeness"] > 1) == (used["unlike"] == "1")).all()
    np.testing.assert_allclose(used["doubt"], 1 - used["p_1"], atol=1e-9)
    assert used[["frame", "embryo", "stage_in_time", "time_in_time"]].isna().all(axis=None)
    assert used["sha256"].str.fullmatch("[0-9a-f]{64}").all()
    empty = ["stage_1", "p_1", "expected_time", "unit", "unlike", "unlikeness", "doubt", "stage_in_time"]
    assert table.loc["unlabelled/broken.tif", empty].isna().all()
    (sheet,) = openpyxl.load_workbook(elsewhere.results / "predict/predictions.xlsx").worksheets
    rows = [[cell.value for cell in row] for row in sheet]
    assert rows[0] == ["picture", "image", *table.columns] and len(sheet._images) == 2
    assert [row[7] for row in rows[1:]] == [None, *used["stage_1"]]
    page = (elsewhere.results / "predict/predictions.html").read_text(encoding="utf-8")
    shown = data_of(elsewhere.results / "predict/predictions.html")["rows"]
    assert (
        [row["looked"][:23] for row in shown]
        == [row["picture"][:23] for row in shown]
        == ["data:image/jpeg;base64,"] * 2
    )
    assert "broken.tif" in page and "Synthetic embryos of the tests." in page

    assert re.search(
        r"^2 of 3 images\b.*\n.*\b1 of 3 files rejected\b.*\n  unlabelled/broken\.tif: ", said, re.MULTILINE
    )
    last = said.splitlines()[-1]
    assert all(f"results/predict/predictions.{ending}" in last for ending in ("html", "csv", "xlsx"))

    assert "Nothing to be done" in elsewhere.snakemake("predict", over=elsewhere.over).out

    embryos.write_embryos(
        elsewhere.folder / "unlabelled" / "more",
        embryos=1,
        minutes=(105,),
        size=(222, 84),
        first_embryo=9,
        processes=1,
        unlabelled=True,
    )
    again, _ = predict(elsewhere)
    pd.testing.assert_frame_equal(again.drop("unlabelled/more/image-001.tif"), table)
    log = (elsewhere.results / "logs/predict.log").read_text()
    assert "3 PNGs, 6 vectors known, 3 computed" in log


def test_prediction_and_evaluation_agree_for_the_same_image(finished, elsewhere):
    evaluated = pd.read_csv(finished.results / "evaluation/predictions.csv", dtype={"predicted": str})
    row = evaluated.iloc[0]
    shutil.copy(finished.folder / row["source"], elsewhere.folder / "unlabelled" / "anonymous.tif")
    table, _ = predict(elsewhere)
    predicted = table.loc["unlabelled/anonymous.tif"]
    assert predicted["stage_1"] == row["predicted"]
    columns = [name for name in evaluated if name.startswith("p_")]
    temperature = load_checkpoint(elsewhere.folder / "mine.pt")["calibration"]["temperature"]
    calibrated = tempered(row[columns].to_numpy(dtype=float)[None], temperature)[0]
    np.testing.assert_allclose(predicted["p_1"], calibrated[columns.index(f"p_{row['predicted']}")], atol=1e-4)


def test_a_checkpoint_is_exported_without_training_images(elsewhere):
    process = elsewhere.snakemake("export", over=elsewhere.over)
    assert process.returncode == 0, process.out
    last = process.out.splitlines()[-1]
    assert "results/model/stager.onnx" in last and "results/model/stager.zip" in last
    graph = onnxruntime.InferenceSession(elsewhere.results / "model/stager.onnx")
    (found,) = graph.run(None, {"pictures": np.full((2, *graph.get_inputs()[0].shape[1:]), 9, np.uint8)})
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    names = zipfile.ZipFile(elsewhere.results / "model/stager.zip").namelist()
    assert "stager.onnx" in names and not [name for name in names if "unlabelled" in name]
    assert "Nothing to be done" in elsewhere.snakemake("export", over=elsewhere.over).out


def test_frames_of_a_movie_are_classified_as_a_series(elsewhere):
    folder = elsewhere.folder / "movies"
    frames = list(write_raw(elsewhere.folder / "drawn", embryos=1, first_embryo=9, droppings=False))
    planes = np.stack([tifffile.imread(path) for path in frames])
    folder.mkdir()
    tifffile.imwrite(folder / "film.tif", planes, imagej=True, metadata={"axes": "TYX"})
    for number, path in enumerate(frames):
        shutil.copy(path, folder / f"E7_t{3 * number}.tif")
    elsewhere.over["predict"]["images"] = ["movies"]
    elsewhere.over["name_pattern"] = r"(?P<embryo>E\d{1})_t(?P<frame>\d+)"
    table, _ = predict(elsewhere)
    assert table.index.tolist() == [f"movies/E7_t{number}.tif" for number in (0, 3, 6, 9)] + ["movies/film.tif"] * 4
    assert table["embryo"].tolist() == ["E7"] * 4 + ["film"] * 4
    assert table["frame"].isna().tolist() == [True] * 4 + [False] * 4
    film = table.loc["movies/film.tif"]
    assert film["frame"].tolist() == ["1", "2", "3", "4"]
    assert film["p_1"].tolist() == table["p_1"].tolist()[:4]  # the same pictures
    for rows in (film, table.iloc[:4]):
        assert rows["stage_in_time"].is_monotonic_increasing and rows["time_in_time"].is_monotonic_increasing
    figures = sorted(
        path.name.split("-")[0] + path.suffix for path in (elsewhere.results / "predict/series").glob("*-*")
    )
    assert figures == ["E7.png", "E7.svg", "film.png", "film.svg"]

    elsewhere.over["predict"]["series"] = "none"
    alone, _ = predict(elsewhere)
    assert alone["stage_in_time"].isna().all() and alone["stage_1"].tolist() == table["stage_1"].tolist()
    assert not list((elsewhere.results / "predict/series").glob("*-*"))


def test_an_older_checkpoint_leaves_unknown_columns_empty(elsewhere):
    path = elsewhere.folder / "mine.pt"
    old = torch.load(path, weights_only=True) | {"format": 5}
    del old["likeness"], old["calibration"]["interval"]
    torch.save(old, path)
    table, _ = predict(elsewhere)
    used = table[table["status"] == "used"]
    assert used[["time_low", "time_high", "unlike", "unlikeness"]].isna().all(axis=None)
    assert used["expected_time"].notna().all() and used["set"].notna().all()
