"""Starting weights are random, from a file, or downloaded and checked, or the run stops with one message."""

import hashlib
import http.server
import re
import struct
import threading
import urllib.error
import urllib.request
from types import SimpleNamespace

import pytest
import torch
import torchvision

from flystage.core.errors import FlystageError
from flystage.network.backbones import IMAGENET_MEAN, IMAGENET_STD, Backbone
from flystage.network.weights import backbone_id, content_of, fetch_weights, load_weights


@pytest.fixture(scope="module")
def resnet():
    """Return a state_dict as of torchvision, with the classifier of ImageNet."""
    torch.manual_seed(7)
    return torchvision.models.resnet18(weights=None).state_dict()


def sentence(*arguments):
    with pytest.raises(FlystageError) as refused:
        fetch_weights(*arguments)
    assert "\n" not in str(refused.value) and str(refused.value).endswith(".")
    return str(refused.value)


def same_body(written, state):
    body = {key.removeprefix("body."): value for key, value in written["state"].items() if key.startswith("body.")}
    assert set(body) == {key for key in state if not key.startswith("fc.")}
    return all(torch.equal(value, state[key]) for key, value in body.items())


def test_random_weights_depend_only_on_the_seed(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.rand(5)
        fetch_weights("resnet18", "none", seed, tmp_path / name)
    a, b, c = (load_weights(tmp_path / name) for name in "abc")
    assert a["id"] == b["id"] != c["id"]
    assert (a["name"], a["source"]) == ("resnet18", "none")
    assert a["mean"] == list(IMAGENET_MEAN) and a["std"] == list(IMAGENET_STD)


def test_the_id_depends_on_the_name_and_every_value():
    state = {"w": torch.arange(4.0), "b": torch.zeros(2)}
    first = backbone_id("resnet18", state)
    assert len(first) == 16 and int(first, 16) >= 0
    assert backbone_id("resnet18", dict(reversed(state.items()))) == first
    assert backbone_id("resnet34", state) != first
    assert backbone_id("resnet18", state | {"b": torch.tensor([0, 1e-7])}) != first


def test_a_file_of_torchvision_loads_without_its_classifier(tmp_path, resnet):
    torch.save(resnet, tmp_path / "mine.pth")
    fetch_weights("resnet18", str(tmp_path / "mine.pth"), 1, tmp_path / "backbone.pt")
    written = load_weights(tmp_path / "backbone.pt")
    assert same_body(written, resnet)
    assert not any("fc" in key for key in written["state"])
    network = Backbone("resnet18", written["mean"], written["std"])
    network.load_state_dict(written["state"])
    assert network.eval()(torch.zeros((1, 32, 32), dtype=torch.uint8)).shape == (1, 512)


def test_a_file_written_by_flystage_loads_with_the_same_id(tmp_path):
    fetch_weights("resnet18", "none", 3, tmp_path / "first.pt")
    fetch_weights("resnet18", str(tmp_path / "first.pt"), 1, tmp_path / "second.pt")
    assert load_weights(tmp_path / "first.pt")["id"] == load_weights(tmp_path / "second.pt")["id"]


def test_the_weights_of_another_network_are_refused(tmp_path, resnet):
    torch.save(resnet, tmp_path / "mine.pth")
    text = sentence("resnet34", str(tmp_path / "mine.pth"), 1, tmp_path / "backbone.pt")
    assert re.search("model.weights: .*mine.pth .*resnet34", text)
    assert not (tmp_path / "backbone.pt").exists()


def test_weights_of_other_shapes_are_refused(tmp_path, resnet):
    torch.save(resnet | {"conv1.weight": torch.zeros(64, 1, 7, 7)}, tmp_path / "grey.pth")
    text = sentence("resnet18", str(tmp_path / "grey.pth"), 1, tmp_path / "backbone.pt")
    assert re.search("model.weights: .*grey.pth .*resnet18", text)


@pytest.mark.parametrize("content", [b"", b"no weights at all", b"\x80\x02}", b"PK\x03\x04" + bytes(50)], ids=repr)
def test_other_files_are_refused_as_weights(tmp_path, content):
    (tmp_path / "mine.pth").write_bytes(content)
    text = sentence("resnet18", str(tmp_path / "mine.pth"), 1, tmp_path / "backbone.pt")
    assert re.search("model.weights: .*mine.pth is not a .*file of weights", text)


@pytest.mark.parametrize(
    "content", [[1, 2], {"epoch": 3}, torch.zeros(2), {"state": 3}], ids=["list", "numbers", "tensor", "state"]
)
def test_a_file_without_a_state_dict_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "mine.pth")
    text = sentence("resnet18", str(tmp_path / "mine.pth"), 1, tmp_path / "backbone.pt")
    assert "mine.pth" in text and "model.weights" in text


HOSTILE = {
    "'conv1.weight' ... NaN": lambda state: state | {"conv1.weight": torch.full((64, 3, 7, 7), torch.nan)},
    "'conv1.weight' ... more values": lambda state: {"conv1.weight": torch.zeros(1).expand(10**12)},
    "'conv1.weight' ... plain tensor": lambda state: {"conv1.weight": torch.eye(3).to_sparse()},
    "named tensors": lambda state: {1: torch.zeros(1)},
    "size ... 'evil'": lambda state: {"size": "evil", "state": state},
    "licence ... 3": lambda state: {"backbone": {"licence": 3}, "state": state},
    " [1] ": lambda state: {"backbone": [1], "state": state},
}


@pytest.mark.parametrize("facts", HOSTILE)
def test_impossible_weights_are_refused_and_named(tmp_path, resnet, facts):
    torch.save(HOSTILE[facts](resnet), tmp_path / "mine.pth")
    text = sentence("resnet18", str(tmp_path / "mine.pth"), 1, tmp_path / "backbone.pt")
    assert re.search("mine.pth.*" + ".*".join(map(re.escape, facts.split(" ... "))), text), text
    assert not (tmp_path / "backbone.pt").exists()


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 99, struct.pack("<Q", 2**40) + b"{}"], ids=["empty", "ones", "long"]
)
def test_a_damaged_safetensors_file_is_one_message(tmp_path, content):
    (tmp_path / "mine.safetensors").write_bytes(content)
    text = sentence("resnet18", str(tmp_path / "mine.safetensors"), 1, tmp_path / "backbone.pt")
    assert "safetensors file" in text and "truncated" in text


def test_the_source_names_a_file_and_its_checksum_without_its_folder(tmp_path, resnet):
    torch.save(resnet, tmp_path / "mine.pth")
    about = fetch_weights("resnet18", str(tmp_path / "mine.pth"), 1, tmp_path / "backbone.pt")
    digest = hashlib.sha256((tmp_path / "mine.pth").read_bytes()).hexdigest()
    assert about["source"] == load_weights(tmp_path / "backbone.pt")["source"] == f"mine.pth (sha256 {digest[:16]})"
    assert str(tmp_path).encode() not in (tmp_path / "backbone.pt").read_bytes()


def test_starting_weights_with_a_false_record_are_refused(tmp_path):
    path = tmp_path / "backbone.pt"
    for change, words in (
        ({"id": "0123456789abcdef"}, "its id .* its weights"),
        ({"id": "../../evil"}, "id .*'../../evil'"),
        ({"state": None}, "weights are missing"),
        ({"name": "resnet34"}, "its id .* its weights"),
        ({"pooling": "x"}, "pooling is 'x'"),
        ({"parts": 7}, "parts is 7"),
    ):
        fetch_weights("resnet18", "none", 1, path)
        torch.save(torch.load(path, weights_only=True) | change, path)
        with pytest.raises(FlystageError, match=words) as refused:
            load_weights(path)
        assert str(path) in str(refused.value) and "\n" not in str(refused.value)


def test_backbones_with_other_vectors_have_another_checksum():
    state = {"w": torch.arange(4.0), "b": torch.zeros(2)}
    backbone = {"name": "resnet18", "id": "0" * 16, "size": None, "pooling": "mean", "state": state}
    others = [
        backbone | {"pooling": "mean_std"},
        backbone | {"name": "resnet34"},
        backbone | {"size": 64},
        backbone | {"state": state | {"b": torch.tensor([0, 1e-7])}},
        backbone | {"state": state | {"w": state["w"].view(torch.int32)}},
        backbone | {"state": state | {"w": state["w"].reshape(2, 2)}},
        backbone | {"state": {"v": state["w"], "b": state["b"]}},
    ]
    contents = [content_of(each) for each in (backbone, *others)]
    assert len(set(contents)) == len(contents) and all(len(content) == 32 for content in contents)
    assert content_of(backbone | {"id": "../../evil", "state": dict(reversed(state.items()))}) == contents[0]


def test_the_record_of_weights_states_pooling_and_parts(tmp_path):
    path = tmp_path / "backbone.pt"
    about = fetch_weights("timm/test_resnet", "none", 1, path)
    assert (about["pooling"], about["parts"]) == ("mean", 1)
    pooled = fetch_weights("timm/test_resnet", "none", 1, path, pooling="mean_std")
    assert (pooled["pooling"], pooled["parts"]) == ("mean_std", 2) and pooled["id"] == about["id"]
    known = load_weights(path)
    assert known["pooling"] == "mean_std" and known["parts"] == 2
    # Weights of earlier versions have neither field.
    older = tmp_path / "older.pt"
    torch.save({key: value for key, value in known.items() if key not in ("pooling", "parts")}, older)
    assert (load_weights(older)["pooling"], load_weights(older)["parts"]) == ("mean", 1)


def test_a_network_without_feature_map_is_refused_with_a_fix(tmp_path):
    text = sentence("timm/crossvit_9_240", "none", 1, tmp_path / "backbone.pt", None, "mean_std")
    assert "model.pooling" in text and "crossvit_9_240" in text and "to mean." in text
    assert not (tmp_path / "backbone.pt").exists()


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Return an empty folder for torch's downloads."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "hub" / "checkpoints"


def test_without_internet_the_message_names_file_folder_and_setting(tmp_path, hub, monkeypatch):
    def offline(*_, **__):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(urllib.request, "urlopen", offline)
    monkeypatch.setattr(torch.hub, "urlopen", offline)
    text = sentence("resnet18", "imagenet", 1, tmp_path / "backbone.pt")
    assert torchvision.models.get_model_weights("resnet18").DEFAULT.url in text
    assert str(hub) in text and "model.weights" in text and "Name or service not known" in text
    assert not (tmp_path / "backbone.pt").exists()


@pytest.fixture
def served(tmp_path, hub, monkeypatch, resnet):
    """Return a function that serves the state_dict locally under a name with a hash, and returns the list of requests."""
    folder = tmp_path / "served"
    folder.mkdir()
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_):
            requests.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def serve(promised=None, cut=0):
        torch.save(resnet, folder / "state")
        data = (folder / "state").read_bytes()
        name = f"resnet18-{promised or hashlib.sha256(data).hexdigest()[:8]}.pth"
        (folder / name).write_bytes(data[: len(data) - cut])
        url = f"http://127.0.0.1:{server.server_port}/{name}"
        real = torchvision.models.get_model_weights("resnet18").DEFAULT
        weights = SimpleNamespace(
            url=url,
            transforms=real.transforms,
            get_state_dict=lambda **options: torch.hub.load_state_dict_from_url(url, **options),
        )
        monkeypatch.setattr(torchvision.models, "get_model_weights", lambda _: SimpleNamespace(DEFAULT=weights))
        return requests

    yield serve
    server.shutdown()
    server.server_close()


def test_imagenet_weights_are_downloaded_once_and_checked(tmp_path, hub, served, resnet):
    requests = served()
    for name in ("first.pt", "second.pt"):
        fetch_weights("resnet18", "imagenet", 1, tmp_path / name)
        written = load_weights(tmp_path / name)
        assert written["source"] == "imagenet" and same_body(written, resnet)
        assert written["mean"] == [0.485, 0.456, 0.406] and written["std"] == [0.229, 0.224, 0.225]
    assert len(requests) == 1 and len(list(hub.iterdir())) == 1


def test_a_wrong_hash_is_one_message_and_leaves_no_file(tmp_path, hub, served):
    served(promised="00000000")
    text = sentence("resnet18", "imagenet", 1, tmp_path / "backbone.pt")
    assert "invalid hash value" in text and "model.weights" in text
    assert not list(hub.iterdir()) and not (tmp_path / "backbone.pt").exists()


def test_a_truncated_download_is_one_message(tmp_path, hub, served):
    served(promised="abcdef12", cut=1000)
    assert "could not be downloaded" in sentence("resnet18", "imagenet", 1, tmp_path / "backbone.pt")
    assert not list(hub.iterdir())


def test_a_damaged_earlier_download_is_one_message(tmp_path, hub, served):
    served()
    fetch_weights("resnet18", "imagenet", 1, tmp_path / "first.pt")
    (file,) = hub.iterdir()
    file.write_bytes(file.read_bytes()[:1000])
    text = sentence("resnet18", "imagenet", 1, tmp_path / "second.pt")
    assert str(file.parent) in text
