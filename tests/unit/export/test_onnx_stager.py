"""Test that the graph gives the answers of the checkpoint and explains them."""

import json
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
import torch

from flystage.export.onnx_stager import write_onnx
from flystage.network.checkpoint import load_checkpoint, save_checkpoint
from flystage.network.offsets import EmbryoOffset
from flystage.network.stager import Head
from flystage.network.weights import fetch_weights, load_weights
from flystage.prediction.inference import answers_of, stage_probabilities
from flystage.raw.stages import Stages
from flystage.run.code_versions import LIBRARY


def session_of(path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def pictures_of(folder, number, size):
    """Write random PNGs and return their paths and pixels, array (number, size, size)."""
    pictures = np.random.default_rng(0).integers(0, 256, (number, size, size), dtype=np.uint8)
    pngs = [str(folder / f"{place}.png") for place in range(number)]
    for png, picture in zip(pngs, pictures, strict=True):
        cv2.imwrite(png, picture)
    return pngs, pictures


@pytest.mark.parametrize("number", [1, 5])
def test_graph_gives_the_answers_of_the_checkpoint(checkpoint, graph, tmp_path, number):
    pngs, pictures = pictures_of(tmp_path, number, 64)
    (found,) = session_of(graph).run(None, {"pictures": pictures})
    assert found.dtype == np.float32 and found.shape == (number, 4)
    np.testing.assert_allclose(found, stage_probabilities(checkpoint, pngs, tmp_path, 1, 4), atol=1e-5)
    one_view = stage_probabilities(checkpoint, pngs, tmp_path, 1, 1)
    assert np.abs(found - one_view).max() > 1e-3  # so the graph uses all four views


def test_graph_hides_the_folders_of_the_code(graph):
    content = graph.read_bytes()
    for place in (LIBRARY, Path(torch.__file__).parent, Path.home()):
        assert str(place).encode() not in content
    assert b"forward" not in content  # name of a function in the code


def test_metadata_explain_the_answers(checkpoint, graph):
    facts = session_of(graph).get_modelmeta().custom_metadata_map
    assert json.loads(facts["stages"]) == ["051", "060", "069", "078"] and json.loads(facts["unit"]) == "min"
    assert json.loads(facts["times"]) == [51, 60, 69, 78] and json.loads(facts["preparation"]) == checkpoint["image"]
    assert json.loads(facts["sets"])["threshold"] == 0.2 and json.loads(facts["temperature"]) == 0.2
    assert facts["views"] == "4" and facts["backbone"] == "resnet18" and facts["note"] == "A note."


def test_graph_of_a_timm_network_with_patches(checkpoint, tmp_path):
    fetch_weights("timm/test_vit", "none", 1, tmp_path / "backbone.pt", 64)
    backbone = load_weights(tmp_path / "backbone.pt")
    torch.manual_seed(1)
    head = Head(64, [], 3)
    image = checkpoint["image"] | {"normalize": {"method": "percentile", "low": 1, "high": 99}, "angles": []}
    save_checkpoint(tmp_path / "checkpoint.pt", backbone, head, Stages(["a", "b", "c"]), image, {})
    checkpoint = load_checkpoint(tmp_path / "checkpoint.pt")
    write_onnx(checkpoint, 4, tmp_path / "stager.onnx")
    pngs, pictures = pictures_of(tmp_path, 3, 64)
    (found,) = session_of(tmp_path / "stager.onnx").run(None, {"pictures": pictures})
    np.testing.assert_allclose(found, stage_probabilities(checkpoint, pngs, tmp_path, 1, 4), atol=1e-5)


def test_graph_of_a_pooled_network_answers_without_the_offset(checkpoint, tmp_path):
    fetch_weights("timm/test_resnet", "none", 1, tmp_path / "backbone.pt", None, "mean_std")
    torch.manual_seed(1)
    head = Head(192, [4], 3, parts=2)
    head.offset = EmbryoOffset(192, 6, [4], 3, 8.0)
    for buffer in head.offset.buffers():
        buffer.copy_(torch.randn(buffer.shape))
    image = checkpoint["image"] | {"angles": [90, 180, 270]}
    stages = Stages(["a", "b", "c"])
    save_checkpoint(tmp_path / "checkpoint.pt", load_weights(tmp_path / "backbone.pt"), head, stages, image, {})
    checkpoint = load_checkpoint(tmp_path / "checkpoint.pt")
    write_onnx(checkpoint, 4, tmp_path / "stager.onnx")
    pngs, pictures = pictures_of(tmp_path, 3, 64)
    (found,) = session_of(tmp_path / "stager.onnx").run(None, {"pictures": pictures})
    answers = answers_of(checkpoint, pngs, tmp_path, 1, 4, ["e"] * 3)
    np.testing.assert_allclose(found, answers.alone, atol=1e-5)
    assert answers.adapted.all() and np.abs(found - answers.probabilities).max() > 1e-3
