"""Fixtures: a checkpoint of a small network, and its graph."""

import pytest
import torch

from flystage.export.onnx_stager import write_onnx
from flystage.network.checkpoint import calibrate_checkpoint, load_checkpoint, save_checkpoint
from flystage.network.stager import Head
from flystage.network.weights import fetch_weights, load_weights
from flystage.raw.stages import Stages

STAGES = Stages.as_given(["051", "060", "069", "078"])
IMAGE = {
    "size": 64, "field": "auto", "normalize": {"method": "multiply", "factor": 6}, "white": "auto", "page": "middle",
    "channel": "auto", "max_pixels": 10_000, "angles": [90, 180, 270],
}  # fmt: skip


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """Return a calibrated checkpoint with random weights."""
    folder = tmp_path_factory.mktemp("checkpoint")
    fetch_weights("resnet18", "none", 1, folder / "backbone.pt")
    torch.manual_seed(2)
    backbone = load_weights(folder / "backbone.pt")
    save_checkpoint(folder / "trained.pt", backbone, Head(512, [8], len(STAGES)), STAGES, IMAGE, {"note": "A note."})
    sets = {"asked": 0.9, "promised": 0.8, "threshold": 0.2, "contiguous": True}
    record = {"calibration": {"temperature": 0.2}, "sets": sets, "interval": None}
    calibrate_checkpoint(load_checkpoint(folder / "trained.pt"), record, None, folder / "checkpoint.pt")
    return load_checkpoint(folder / "checkpoint.pt")


@pytest.fixture(scope="session")
def graph(checkpoint, tmp_path_factory):
    path = tmp_path_factory.mktemp("graph") / "stager.onnx"
    write_onnx(checkpoint, 4, path)
    return path
