"""Classifiers of torchvision and timm work as backbones, frozen with ONNX and torch, and fine-tuned."""

import cv2
import numpy as np
import pytest
import timm
import torch
import torchvision
from torchvision.models import vision_transformer

from flystage.network.backbones import loaded_backbone
from flystage.network.classifiers import CLASSIFIERS
from flystage.network.embedders import OnnxEmbedder, embedder
from flystage.network.stager import Head
from flystage.network.weights import fetch_weights, load_weights
from flystage.raw.stages import Stages
from flystage.training.finetuning import finetune
from flystage.training.processes import Here
from flystage.training.recipe import Recipe

FAMILIES = {  # the smallest of each, and how long its vectors are
    "resnet18": 512,
    "vgg11": 4096,
    "densenet121": 1024,
    "mobilenet_v3_small": 1024,
    "efficientnet_b0": 1280,
    "convnext_tiny": 768,
    "vit_b_16": 768,
    "swin_t": 768,
    "efficientnet_lite0": 1280,
    "timm/convnext_atto": 320,
    "timm/vit_small_patch14_dinov2": 384,
    "timm/vit_small_patch16_dinov3": 384,
    "timm/eva02_tiny_patch14_224": 192,
    "timm/vit_base_patch32_siglip_256": 768,
}
SIZES = {"vit_b_16": 224, **dict.fromkeys([name for name in FAMILIES if "patch" in name], 0)}  # 0: that of the pictures
STAGES = Stages.as_given(["051", "060"])
TRAIN = {
    "mode": "finetuned", "seed": 1, "loss": "ordered", "spread": 1.0, "weight_decay": 0.01, "patience": 9,
    "finetune": {
        "deepest": 0.5, "batch_norm": "learned", "precision": "fp32", "average": 0.0,
        "augment": {"rotation": 180, "shift": 0.02, "scale": 0.05, "brightness": 0.1, "noise": 0.01},
    },
}  # fmt: skip


def test_the_list_of_classifiers_agrees_with_torchvision():
    others = ("squeezenet", "googlenet", "inception")
    listed = torchvision.models.list_models(module=torchvision.models)
    assert list(CLASSIFIERS) == [name for name in listed if not name.startswith(others)]


@pytest.fixture
def shallow(monkeypatch):
    """Use vision transformers with two blocks instead of twelve, because all blocks are alike."""
    timm_model, transformer = timm.create_model, vision_transformer._vision_transformer

    def two_blocks(name, **options):
        return timm_model(name, **options, **({"depth": 2} if "patch" in name else {}))

    monkeypatch.setattr(timm, "create_model", two_blocks)
    monkeypatch.setattr(
        vision_transformer, "_vision_transformer", lambda **options: transformer(**options | {"num_layers": 2})
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_each_family_works_frozen_and_finetuned(name, shallow, tmp_path, monkeypatch):
    monkeypatch.setattr(OnnxEmbedder, "batch", 2)  # these are large networks
    size = 64 if "patch16" in name or "patch32" in name else 56
    fetch_weights(name, "none", 1, tmp_path / "backbone.pt", size)
    backbone = load_weights(tmp_path / "backbone.pt")
    network = loaded_backbone(backbone)
    assert network.width == FAMILIES[name]
    assert backbone["size"] == (SIZES[name] or size if name in SIZES else None)

    pixels = np.random.default_rng(0)
    pictures = np.stack([cv2.resize(pixels.integers(0, 256, (6, 6), dtype=np.uint8), (size, size)) for _ in range(2)])
    by_torch = embedder("torch", backbone, size, tmp_path, 1)(pictures)
    by_onnx = embedder("onnx", backbone, size, tmp_path, 1)(pictures)
    assert by_onnx.shape == (2, FAMILIES[name])
    scale = np.abs(by_torch).max()
    np.testing.assert_allclose(by_onnx / scale, by_torch / scale, atol=1e-4)
    # The pictures differ, and so do their vectors; those of a random DINOv2 hardly, whose blocks are scaled by 1e-5 at first.
    assert (np.ptp(by_torch, axis=0) > 1e-5 * scale).any()

    pngs = [tmp_path / f"{number}.png" for number in range(2)]
    for png, picture in zip(pngs, pictures, strict=True):
        cv2.imwrite(str(png), picture)
    data = pngs, torch.arange(2)
    recipe = Recipe([], 0.0, TRAIN, learning_rate=1e-3, batch_size=2, epochs=1)
    tuned, _, history = finetune(backbone, Head(network.width, [], 2), data, data, STAGES, recipe, Here())
    assert np.isfinite(history[0]["val_loss"])
    before, after = backbone["state"], tuned["state"]
    assert before.keys() == after.keys() and tuned["id"] != backbone["id"]
    trained = [key for key, _ in network.named_parameters()]
    moved = [key for key in trained if not torch.equal(before[key], after[key])]
    assert len(moved) > 0.8 * len(trained)  # some parameters have no gradient on two pictures
    assert any(key in moved for key in trained[:3]) and any(
        key in moved for key in trained[-3:]
    )  # first and last layers
    loaded_backbone(tuned)
