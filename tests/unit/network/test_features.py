"""Vectors of PNGs are exact, computed once, and independent of other pictures."""

import random
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from flystage.core.errors import FlystageError
from flystage.images.preparing import turned
from flystage.network import features
from flystage.network.backbones import loaded_backbone
from flystage.network.embedders import embedder
from flystage.network.features import feature_vectors, turns_to_ask, vectors_of_views, write_split_vectors
from flystage.network.vector_cache import VectorCache
from flystage.network.weights import fetch_weights, load_weights

SIZE = 32


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "backbone.pt"
    fetch_weights("resnet18", "none", 1, path)
    return load_weights(path)


@pytest.fixture(scope="module")
def graph(backbone, tmp_path_factory):
    """Export the backbone as ONNX, once for all tests."""
    folder = tmp_path_factory.mktemp("graph")
    embedder("onnx", backbone, SIZE, folder, 1)
    (path,) = folder.glob("*.onnx")
    return path


@pytest.fixture
def cache(graph, tmp_path):
    """Return a cache folder with the graph but without vectors."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / graph.name).write_bytes(graph.read_bytes())
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def pngs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pngs")
    pixels = np.random.default_rng(0)
    for number in range(37):  # more than two batches, and the last one not full
        picture = cv2.GaussianBlur(pixels.integers(0, 256, (SIZE, SIZE)).astype(np.uint8), (0, 0), 1)
        cv2.imwrite(str(folder / f"{number:02d}.png"), picture)
    return sorted(map(str, folder.iterdir()))


@pytest.fixture(scope="module")
def expected(backbone, graph, pngs):
    return feature_vectors(pngs, backbone, graph.parent, 1)


def no_session(*_):
    raise AssertionError("nothing was to be computed")


def test_onnx_agrees_with_torch(backbone, pngs, expected):
    network = loaded_backbone(backbone)
    pictures = np.stack([cv2.imread(png, cv2.IMREAD_GRAYSCALE) for png in pngs])
    with torch.inference_mode():
        by_torch = network.eval()(torch.from_numpy(pictures)).numpy()
    assert expected.shape == (37, 512) and expected.dtype == np.float32
    np.testing.assert_allclose(expected, by_torch, atol=1e-4)
    assert np.ptp(expected, axis=0).max() > 0.01  # the pictures differ, and so do their vectors


def test_a_vector_does_not_depend_on_other_pictures_or_the_order(backbone, cache, pngs, expected):
    order = list(range(37))
    random.Random(0).shuffle(order)
    shuffled = feature_vectors([pngs[number] for number in order], backbone, cache, 1)
    np.testing.assert_array_equal(shuffled, expected[order])  # bit for bit
    (cache / "vectors.sqlite").unlink()
    for number in (0, 36):
        np.testing.assert_array_equal(feature_vectors([pngs[number]], backbone, cache, 1), expected[[number]])


def test_a_second_call_computes_nothing(backbone, cache, pngs, expected, monkeypatch):
    feature_vectors(pngs, backbone, cache, 1)
    monkeypatch.setattr(features, "embedder", no_session)
    np.testing.assert_array_equal(feature_vectors(pngs, backbone, cache, 1), expected)


def test_one_more_picture_computes_one_more_vector(backbone, cache, pngs, monkeypatch):
    feature_vectors(pngs[:-1], backbone, cache, 1)
    run, computed = features.embedded, []
    monkeypatch.setattr(
        features, "embedded", lambda embed, pictures: computed.append(len(pictures)) or run(embed, pictures)
    )
    feature_vectors(pngs, backbone, cache, 1)
    assert computed == [1]


def test_the_same_picture_under_two_names_is_computed_once(backbone, cache, pngs, tmp_path, monkeypatch):
    copy = tmp_path / "copy.png"
    copy.write_bytes(Path(pngs[0]).read_bytes())
    run, computed = features.embedded, []
    monkeypatch.setattr(
        features, "embedded", lambda embed, pictures: computed.append(len(pictures)) or run(embed, pictures)
    )
    vectors = feature_vectors([pngs[0], str(copy), pngs[0]], backbone, cache, 1)
    assert computed == [1] and len(vectors) == 3
    np.testing.assert_array_equal(vectors[0], vectors[1])


def test_other_weights_do_not_use_cached_vectors(backbone, cache, pngs, monkeypatch):
    feature_vectors(pngs[:1], backbone, cache, 1)
    monkeypatch.setattr(features, "embedder", no_session)
    with pytest.raises(AssertionError):
        feature_vectors(pngs[:1], other_weights(backbone), cache, 1)


def other_weights(backbone):
    """Return a backbone with the same record as this one but other weights."""
    state = {key: 2 * value if key.endswith("conv1.weight") else value for key, value in backbone["state"].items()}
    return backbone | {"state": state}


def test_a_false_record_does_not_give_access_to_cached_vectors_and_graphs(backbone, pngs, expected, tmp_path):
    stranger = other_weights(backbone)
    assert stranger["id"] == backbone["id"]
    theirs = feature_vectors(pngs[:2], stranger, tmp_path / "cache", 1)
    np.testing.assert_array_equal(feature_vectors(pngs[:2], backbone, tmp_path / "cache", 1), expected[:2])
    assert np.abs(theirs - expected[:2]).max() > 0.01


def test_an_id_is_never_part_of_a_path(backbone, pngs, expected, tmp_path):
    cache = tmp_path / "deep/cache"
    evil = backbone | {"id": "../../evil"}
    np.testing.assert_array_equal(feature_vectors(pngs[:1], evil, cache, 1), expected[:1])
    written = {path.relative_to(tmp_path).parts[:2] for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {("deep", "cache")}


@pytest.mark.parametrize("damage", ["deleted", "text", "cut", "flipped"])
def test_a_damaged_vector_cache_only_costs_time(backbone, cache, pngs, expected, damage):
    feature_vectors(pngs, backbone, cache, 1)
    file = cache / "vectors.sqlite"
    data = bytearray(file.read_bytes())
    if damage == "deleted":
        file.unlink()
    elif damage == "text":
        file.write_bytes(b"no database\n" * 99)
    elif damage == "cut":
        file.write_bytes(data[: len(data) // 2])
    else:
        data[5000::997] = bytes(len(data[5000::997]))
        file.write_bytes(data)
    for _ in range(2):
        np.testing.assert_array_equal(feature_vectors(pngs, backbone, cache, 1), expected)


def test_a_damaged_graph_only_costs_time(backbone, cache, pngs, expected):
    (graph,) = cache.glob("*.onnx")
    graph.write_bytes(graph.read_bytes()[:-1000])
    np.testing.assert_array_equal(feature_vectors(pngs, backbone, cache, 1), expected)


def test_torch_uses_full_single_precision_and_restores_the_setting(backbone, cache):
    """A GPU would use TF32, which changed vectors in the second decimal when it was measured."""
    embed, seen = embedder("torch", backbone, SIZE, cache, 1), []
    embed.network.register_forward_hook(lambda *_: seen.append(torch.backends.cudnn.allow_tf32))
    before = torch.backends.cudnn.allow_tf32
    embed(np.zeros((embed.batch, SIZE, SIZE), np.uint8))
    assert seen == [False] and torch.backends.cudnn.allow_tf32 == before


def sentence(pngs, backbone, cache):
    with pytest.raises(FlystageError) as refused:
        feature_vectors(pngs, backbone, cache, 1)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_missing_or_damaged_png_is_named(backbone, cache, pngs, tmp_path):
    missing, damaged = tmp_path / "missing.png", tmp_path / "damaged.png"
    damaged.write_bytes(Path(pngs[0]).read_bytes()[:40])
    assert re.search(f"{missing} .*No such file", sentence([pngs[0], str(missing)], backbone, cache))
    assert re.search(f"{damaged} .*damaged", sentence([pngs[0], str(damaged)], backbone, cache))
    assert re.search(f"{damaged} .*damaged", sentence([str(damaged)], backbone, cache))


def test_an_empty_png_is_named(backbone, cache, tmp_path):
    empty = tmp_path / "empty.png"
    empty.touch()
    assert re.search(f"{empty} .*damaged", sentence([str(empty)], backbone, cache))


def test_a_manifest_without_pngs_is_one_message(backbone, cache):
    assert re.search("manifest .* PNGs", sentence([], backbone, cache))


@pytest.mark.parametrize("part", [2, 512])
def test_the_vectors_of_a_manifest_are_written_in_its_order(
    backbone, cache, pngs, expected, tmp_path, monkeypatch, part
):
    monkeypatch.setattr(features, "PART", part)
    manifest = tmp_path / "val.csv"
    rows = "".join(f"{pngs[number]},051,0,e1,0,a.tif\n" for number in (5, 3, 9))
    manifest.write_text("png,stage,label,embryo,angle,source\n" + rows, encoding="utf-8")
    write_split_vectors(manifest, backbone, cache, 1, tmp_path / "val.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "val.npy"), expected[[5, 3, 9]])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "val.csv", "val.npy"]


def test_views_are_exact_quarter_turns_each_computed_once(backbone, cache, pngs, expected, tmp_path, monkeypatch):
    few = pngs[:5]
    views = vectors_of_views(few, backbone, cache, 1, (0, 1, 2, 3))
    assert views.shape == (4, 5, 512)
    np.testing.assert_array_equal(views[0], expected[:5])
    for turn in (1, 2, 3):
        turned = []
        for png in few:
            turned.append(str(tmp_path / f"{turn}-{Path(png).name}"))
            cv2.imwrite(turned[-1], np.rot90(cv2.imread(png, cv2.IMREAD_GRAYSCALE), turn))
        np.testing.assert_array_equal(views[turn], feature_vectors(turned, backbone, cache, 1))
    monkeypatch.setattr(features, "embedder", no_session)
    np.testing.assert_array_equal(vectors_of_views(few, backbone, cache, 1, (0, 2)), views[[0, 2]])


def counted(monkeypatch):
    """Return a list that gets the number of pictures of each computation."""
    run, computed = features.embedded, []
    monkeypatch.setattr(
        features, "embedded", lambda embed, pictures: computed.append(len(pictures)) or run(embed, pictures)
    )
    return computed


def test_stored_rotations_and_views_share_their_vectors(backbone, cache, tmp_path, monkeypatch):
    grey = cv2.GaussianBlur(np.random.default_rng(5).uniform(0, 255, (20, 26)).astype(np.float32), (0, 0), 1)
    angles = [0, 45, 90, 135, 180, 270]
    stored = [str(tmp_path / f"{angle}.png") for angle in angles]
    for png, picture in zip(stored, turned(grey, angles, SIZE), strict=True):
        cv2.imwrite(png, picture)
    computed = counted(monkeypatch)
    vectors = feature_vectors(stored, backbone, cache, 1)
    views = vectors_of_views(stored[:1], backbone, cache, 1, (0, 1, 2, 3))
    assert sum(computed) == 6
    np.testing.assert_array_equal(views[:, 0], vectors[[0, 2, 4, 5]])
    assert len(np.unique(vectors, axis=0)) == 6
    (cache / "vectors.sqlite").unlink()
    computed.clear()
    vectors_of_views(stored[:1], backbone, cache, 1, (0, 1, 2, 3))
    feature_vectors(stored, backbone, cache, 1)
    assert sum(computed) == 6  # in the other order too


def test_the_same_pixels_in_another_file_are_computed_once(backbone, cache, pngs, tmp_path, monkeypatch):
    other = tmp_path / "other.png"
    cv2.imwrite(str(other), cv2.imread(pngs[0], cv2.IMREAD_GRAYSCALE), [cv2.IMWRITE_PNG_COMPRESSION, 0])
    assert other.read_bytes() != Path(pngs[0]).read_bytes()
    computed = counted(monkeypatch)
    vectors = feature_vectors([pngs[0], str(other)], backbone, cache, 1)
    assert computed == [1]
    np.testing.assert_array_equal(vectors[0], vectors[1])


def test_a_known_png_is_not_decoded(backbone, cache, pngs, expected, monkeypatch):
    feature_vectors(pngs, backbone, cache, 1)
    monkeypatch.setattr(features, "decoded_png", no_session)
    np.testing.assert_array_equal(feature_vectors(pngs, backbone, cache, 1), expected)


def test_pictures_with_damaged_digests_keep_their_own_vectors(backbone, cache, pngs, expected):
    feature_vectors(pngs, backbone, cache, 1)
    with VectorCache(cache / "vectors.sqlite") as known:
        views = [view for (view,) in known.connection.execute("SELECT view FROM pictures")]
        assert len(views) == len(pngs)
        known.keep_digests(dict.fromkeys(views))
    np.testing.assert_array_equal(feature_vectors(pngs, backbone, cache, 1), expected)


def test_views_are_only_turns_that_the_network_was_trained_on():
    assert turns_to_ask(4, [45, 90, 135, 180, 270]) == (0, 1, 2, 3)
    assert turns_to_ask(4, [90, 180]) == (0, 1, 2) and turns_to_ask(2, [90]) == (0,)
    assert turns_to_ask(4, []) == turns_to_ask(1, [90]) == (0,)
