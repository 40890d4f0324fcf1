"""Vectors hold the mean and the spread of the last feature map, for every family of networks."""

import copy

import numpy as np
import pytest
import torch

from flystage.core.errors import FlystageError
from flystage.network.backbones import Backbone, check_fit, loaded_backbone
from flystage.network.embedders import OnnxEmbedder, embedder
from flystage.network.pooling import FeatureMap, evened, last_map, pooled
from flystage.network.stager import Head, Stager
from flystage.network.weights import fetch_weights, load_weights
from flystage.training.processes import Here

MAP = np.random.default_rng(0).normal(2, 3, (4, 5, 6, 7)).astype(np.float32)  # images, channels, height, width
PICTURES = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (2, 96, 96), dtype=np.uint8))


def by_numpy(features):
    """Return the mean and the standard deviation over the last axis, of an array (images, channels, places)."""
    return np.concatenate([features.mean(axis=2), features.std(axis=2)], axis=1)


def test_vectors_are_means_and_standard_deviations_of_maps():
    expected = by_numpy(MAP.reshape(4, 5, 42))
    np.testing.assert_allclose(pooled(torch.from_numpy(MAP), 0, False), expected, rtol=1e-5)
    last = torch.from_numpy(MAP.transpose(0, 2, 3, 1).copy())
    np.testing.assert_allclose(pooled(last, 0, True), expected, rtol=1e-5)


@pytest.mark.parametrize("prefix", [0, 1, 5])
def test_vectors_of_tokens_begin_with_the_class_token(prefix):
    tokens = MAP.reshape(4, 5, 42).transpose(0, 2, 1).copy()
    expected = by_numpy(tokens[:, prefix:].transpose(0, 2, 1))
    found = pooled(torch.from_numpy(tokens), prefix, False).numpy()
    if prefix:
        np.testing.assert_array_equal(found[:, :5], tokens[:, 0])
        found = found[:, 5:]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_each_part_of_a_vector_is_evened_alone():
    vectors = np.random.default_rng(2).normal(5, 9, (3, 2, 24)).astype(np.float32)
    for parts in (1, 2, 3):
        found = evened(torch.from_numpy(vectors), parts).numpy().reshape(3, 2, parts, 24 // parts)
        split = vectors.reshape(3, 2, parts, 24 // parts)
        expected = (split - split.mean(axis=3, keepdims=True)) / split.std(axis=3, keepdims=True)
        np.testing.assert_allclose(found, expected, atol=1e-5)


# Width of the vectors and number of their parts; one small network of each family that is quick to build.
NETWORKS = {
    "resnet18": (1024, 2),
    "regnet_y_400mf": (880, 2),
    "shufflenet_v2_x0_5": (384, 2),
    "mnasnet0_5": (320, 2),
    "mobilenet_v2": (640, 2),
    "mobilenet_v3_small": (192, 2),
    "densenet121": (2048, 2),
    "alexnet": (512, 2),
    "efficientnet_lite0": (640, 2),
    "timm/test_resnet": (192, 2),
    "timm/test_vit": (192, 3),
    "timm/test_vit3": (288, 3),
    "timm/test_efficientnet": (128, 2),
    "timm/mobilenetv3_small_050": (576, 2),
    "timm/test_mambaout": (128, 2),  # channels last
}


def with_signal(network):
    """Return the network in evaluation mode, with the statistics of batch normalisation from PICTURES.

    Without them, random weights let almost nothing of a picture through.
    """
    norms = [layer for layer in network.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    for layer in norms:
        layer.momentum = 1.0
    with torch.no_grad():
        network.eval()
        for layer in norms:
            layer.train()
        network(PICTURES)
    return network.eval()


@pytest.mark.parametrize("name", NETWORKS)
def test_each_family_gives_mean_and_spread(name, tmp_path):
    about = fetch_weights(name, "none", 1, tmp_path / "backbone.pt", 96, "mean_std")
    backbone = load_weights(tmp_path / "backbone.pt")
    width, parts = NETWORKS[name]
    network = with_signal(loaded_backbone(backbone))
    assert (network.width, network.parts, about["parts"], check_fit(backbone)) == (width, parts, parts, width)
    with torch.inference_mode():
        vectors = network(PICTURES)
        scaled = (PICTURES.unsqueeze(1) / 255 - network.mean) / network.std
        features = last_map(name, network.body, scaled)
        if network.map.channels_last:
            features = features.permute(0, 3, 1, 2)
        places = features[:, network.map.prefix :].transpose(1, 2) if parts == 3 else features.flatten(2)
    assert vectors.shape == (2, width) and vectors.dtype == torch.float32
    np.testing.assert_allclose(vectors[:, -2 * places.shape[1] :], by_numpy(places.numpy()), rtol=1e-3, atol=2e-4)
    # The map has several places with different values, and the two pictures differ.
    assert places.shape[2] > 1 and vectors[:, -places.shape[1] :].max() > 1e-3
    assert (vectors[0] - vectors[1]).abs().max() > 1e-4
    with pytest.raises(ValueError, match=f"vectors of {parts} parts"):
        check_fit(backbone | {"parts": parts % 3 + 1})


@pytest.mark.parametrize("name", ["mnasnet0_5", "timm/test_vit"])
def test_onnx_and_torch_give_the_same_pooled_vectors(name, tmp_path, monkeypatch):
    """The features of the first are almost constant, so the smallest variance counts."""
    monkeypatch.setattr(OnnxEmbedder, "batch", 2)
    fetch_weights(name, "none", 1, tmp_path / "backbone.pt", 96, "mean_std")
    backbone, pictures = load_weights(tmp_path / "backbone.pt"), PICTURES.numpy()
    by_torch = embedder("torch", backbone, 96, tmp_path, 1)(pictures)
    by_onnx = embedder("onnx", backbone, 96, tmp_path, 1)(pictures)
    np.testing.assert_allclose(by_onnx, by_torch, atol=1e-4 * np.abs(by_torch).max())


def test_pooling_by_the_mean_is_the_vector_of_the_classifier():
    torch.manual_seed(0)
    plain = Backbone("resnet18").eval()
    both = Backbone("resnet18", pooling="mean_std").eval()
    both.load_state_dict(plain.state_dict())
    with torch.inference_mode():
        torch.testing.assert_close(both(PICTURES)[:, :512], plain(PICTURES), atol=1e-5, rtol=1e-4)
    assert (plain.width, plain.parts, both.width, both.parts) == (512, 1, 1024, 2)


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "timm/test_efficientnet", "timm/test_vit"])
def test_a_copy_of_a_backbone_uses_its_own_weights(name):
    network = Backbone(name, size=96 if "vit" in name else None, pooling="mean_std").eval()
    with torch.inference_mode():
        before = network(PICTURES)
        twin = copy.deepcopy(network)
        torch.testing.assert_close(twin(PICTURES), before, rtol=0, atol=0)
        for parameter in twin.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
        assert (twin(PICTURES) - before).abs().max() > 1e-3
        torch.testing.assert_close(network(PICTURES), before, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["resnet18", "timm/test_vit"])
def test_gradients_are_finite_for_a_constant_picture(name):
    network = Backbone(name, size=96 if "vit" in name else None, pooling="mean_std").eval()
    network(torch.full((2, 96, 96), 100, dtype=torch.uint8)).sum().backward()
    found = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    assert found and all(torch.isfinite(gradient).all() for gradient in found)
    constant = torch.full((1, 3, 4, 4), 2.0, requires_grad=True)
    pooled(constant, 0, False).sum().backward()
    assert torch.isfinite(constant.grad).all()


@pytest.mark.parametrize(("pooling", "unused"), [("mean", False), ("mean_std", True)])
def test_layers_behind_the_map_may_lack_gradients_in_processes(monkeypatch, pooling, unused):
    """Without this, a training in several processes stops at its second step."""
    asked = []
    monkeypatch.setattr(torch.nn.parallel, "DistributedDataParallel", lambda network, **how: asked.append(how))
    backbone = Backbone("timm/test_efficientnet", pooling=pooling)
    stager = Stager(backbone, Head(backbone.width, [], 2, parts=backbone.parts))
    Here(world=2).together(stager)
    assert asked == [{"find_unused_parameters": unused}]
    assert Here().together(stager) is stager
    stager(PICTURES).sum().backward()
    assert any(parameter.grad is None for parameter in stager.parameters()) == unused


def test_measuring_a_map_does_not_change_the_network():
    body = Backbone("timm/test_resnet").body.train()
    before = copy.deepcopy(body.state_dict())
    assert FeatureMap.of("timm/test_resnet", body, None) == FeatureMap(0, False, 192, 2)
    assert body.training and all(torch.equal(value, before[key]) for key, value in body.state_dict().items())


def test_a_record_of_a_network_without_feature_map_is_one_message(tmp_path):
    fetch_weights("timm/crossvit_9_240", "none", 1, tmp_path / "backbone.pt")
    backbone = load_weights(tmp_path / "backbone.pt") | {"pooling": "mean_std", "parts": 2}
    with pytest.raises(FlystageError, match="weights of the backbone are unusable"):
        loaded_backbone(backbone)
