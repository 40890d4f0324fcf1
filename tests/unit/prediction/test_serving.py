"""Test the answers of an endpoint, and the HTTP status of bad requests, without an endpoint."""

import io
import json

import cv2
import numpy as np
import pytest
import tifffile
import torch

from flystage.certainty.calibration import tempered
from flystage.images.preparing import encoded_png, prepare
from flystage.network.checkpoint import calibrate_checkpoint, load_checkpoint, save_checkpoint
from flystage.network.offsets import EmbryoOffset
from flystage.network.stager import Head
from flystage.network.weights import fetch_weights, load_weights
from flystage.prediction import serving
from flystage.prediction.inference import answers_of, stage_probabilities
from flystage.raw.stages import Stages

STAGES, SIZE = Stages.as_given(["051", "060", "069", "078"]), 64
IMAGE = {
    "size": SIZE, "field": "auto", "normalize": {"method": "multiply", "factor": 6}, "white": "auto", "page": "middle",
    "channel": "auto", "max_pixels": 10_000, "angles": [90, 180, 270],
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a checkpoint, as in a container."""
    folder = tmp_path_factory.mktemp("model")
    fetch_weights("resnet18", "none", 1, folder / "backbone.pt")
    torch.manual_seed(2)
    head = Head(512, [8], len(STAGES))
    save_checkpoint(
        folder / "checkpoint.pt",
        load_weights(folder / "backbone.pt"),
        head,
        STAGES,
        IMAGE,
        {},
    )
    return folder


@pytest.fixture(scope="module")
def model(folder):
    return serving.model_fn(folder)


@pytest.fixture
def model_of_views(folder, monkeypatch):
    monkeypatch.setenv(serving.VIEWS, "4")
    return serving.model_fn(folder)


@pytest.fixture
def tif():
    file = io.BytesIO()
    tifffile.imwrite(file, np.random.default_rng(3).integers(0, 9000, (40, 60)).astype(np.uint16))
    return file.getvalue()


@pytest.fixture
def png(tif):
    return encoded_png(prepare(tif, IMAGE, [0])[0][0])


def answer(data, kind, model, accept="application/json"):
    return json.loads(serving.answer(data, kind, accept, model))


@pytest.mark.parametrize("views", [1, 4])
def test_answer_equals_that_of_the_workflow(model, model_of_views, folder, png, tmp_path, views):
    (tmp_path / "a.png").write_bytes(png)
    checkpoint = load_checkpoint(folder / "checkpoint.pt")
    expected = stage_probabilities(checkpoint, [str(tmp_path / "a.png")], tmp_path / "cache", 1, views)[0]
    given = answer(png, "image/png", model_of_views if views == 4 else model)
    assert Stages.of_record(given) == STAGES
    np.testing.assert_allclose(given["probabilities"], expected, rtol=1e-4, atol=1e-6)
    assert sum(given["probabilities"]) == pytest.approx(1)


def test_answer_uses_neither_the_offset_nor_its_calibration(png, tmp_path):
    fetch_weights("timm/test_resnet", "none", 1, tmp_path / "backbone.pt", None, "mean_std")
    torch.manual_seed(1)
    head = Head(192, [8], len(STAGES), parts=2)
    head.offset = EmbryoOffset(192, 6, [8], len(STAGES), 8.0)
    backbone, path = load_weights(tmp_path / "backbone.pt"), tmp_path / "checkpoint.pt"
    save_checkpoint(tmp_path / "trained.pt", backbone, head, STAGES, IMAGE, {})
    record = {"calibration": {"temperature": 5.0}, "sets": None, "interval": None}
    record |= {"alone": {"calibration": {"temperature": 2.0}, "sets": None, "interval": None}}
    calibrate_checkpoint(load_checkpoint(tmp_path / "trained.pt"), record, None, path)
    (tmp_path / "a.png").write_bytes(png)
    expected = stage_probabilities(load_checkpoint(path), [str(tmp_path / "a.png")], tmp_path / "cache", 1, 1)[0]
    given = answer(png, "image/png", serving.model_fn(tmp_path))["probabilities"]
    np.testing.assert_allclose(given, expected, rtol=1e-4, atol=1e-6)
    plain = answers_of(load_checkpoint(tmp_path / "trained.pt"), [str(tmp_path / "a.png")], tmp_path / "cache", 1, 1)
    np.testing.assert_allclose(given, tempered(plain.alone, 2.0)[0], rtol=1e-4, atol=1e-6)


def test_answer_uses_the_temperature_of_the_checkpoint(folder, png, tmp_path):
    record = {"calibration": {"temperature": 3.0}, "sets": None, "interval": None}
    calibrate_checkpoint(load_checkpoint(folder / "checkpoint.pt"), record, None, tmp_path / "checkpoint.pt")
    (tmp_path / "a.png").write_bytes(png)
    flat = answer(png, "image/png", serving.model_fn(tmp_path))["probabilities"]
    sharp = answer(png, "image/png", serving.model_fn(folder))["probabilities"]
    np.testing.assert_allclose(flat, tempered(np.array([sharp]), 3.0)[0], rtol=1e-4)
    checkpoint = load_checkpoint(tmp_path / "checkpoint.pt")
    expected = stage_probabilities(checkpoint, [str(tmp_path / "a.png")], tmp_path / "cache", 1, 1)[0]
    np.testing.assert_allclose(flat, expected, rtol=1e-4, atol=1e-6)


def test_tif_is_prepared_like_the_training_images(model, tif, png):
    assert answer(tif, "image/tiff", model) == answer(png, "image/png", model)


def test_top_k_has_the_requested_length(model, png):
    given = answer(png, "image/png; charset=binary", model, "application/json; top_k=2")
    order = np.argsort(-np.array(given["probabilities"]))[:2]
    assert given["top_k"] == [{"stage": STAGES.names[place], "p": given["probabilities"][place]} for place in order]
    assert len(answer(png, "IMAGE/PNG", model, "*/*")["top_k"]) == len(STAGES)


BAD = {
    "nothing": (lambda png, tif: (b"", "image/png", 400), "empty"),
    "no type": (lambda png, tif: (png, None, 415), "PNG as image/png or a TIF as image/tiff"),
    "another type": (lambda png, tif: (png, "text/csv", 415), "PNG as image/png or a TIF as image/tiff"),
    "a TIF called a PNG": (lambda png, tif: (tif, "image/png", 400), "not a PNG"),
    "a PNG called a TIF": (lambda png, tif: (png, "image/tiff", 400), "TIF"),
    "a PNG cut off": (lambda png, tif: (png[:40], "image/png", 400), "damaged"),
    "a PNG of its beginning": (lambda png, tif: (png[:9], "image/png", 400), "each side must have 64"),
    "a TIF cut off": (lambda png, tif: (tif[:-9], "image/tiff", 400), "TIF"),
    "a PNG of another size": (
        lambda png, tif: (cv2.imencode(".png", np.ones((9, 9), np.uint8))[1].tobytes(), "image/png", 400),
        "9 x 9 pixels, but each side must have 64",
    ),
    "a large TIF": (
        lambda png, tif: (cv2.imencode(".tif", np.arange(40_000, dtype=np.uint16).reshape(200, 200))[1].tobytes(), "image/tiff", 400),
        "too large",
    ),
    "too many bytes": (lambda png, tif: (png + bytes(7 * 2**20), "image/png", 413), "6291456"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_requests_get_a_client_error_and_a_reason(model, png, tif, case):
    make, reason = BAD[case]
    data, kind, status = make(png, tif)
    with pytest.raises(serving.BadRequestError, match=reason) as refused:
        serving.answer(data, kind, "application/json", model)
    assert refused.value.status == status


def test_request_that_accepts_no_json_is_refused(model, png):
    with pytest.raises(serving.BadRequestError) as refused:
        serving.answer(png, "image/png", "text/csv", model)
    assert refused.value.status == 406
