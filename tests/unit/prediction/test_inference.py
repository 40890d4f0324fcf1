"""Test the probabilities from a checkpoint: temperature, rotations and unlikeness."""

import numpy as np
import pytest
import torch

from flystage.prediction import inference

VECTORS = np.random.default_rng(1).normal(size=(4, 5, 3)).astype(np.float32)  # turns, pictures, features


@pytest.fixture
def asked(monkeypatch):
    """Return the list of requested rotations. The vectors come in two parts, and the head returns them as scores."""
    turns_asked = []

    def in_parts(pngs, backbone, cache, threads, turns):
        turns_asked.append(turns)
        assert (pngs, backbone, cache, threads) == (["p"] * 5, "backbone", "cache", 2)
        yield VECTORS[list(turns)][:, :3]
        yield VECTORS[list(turns)][:, 3:]

    monkeypatch.setattr(inference, "vectors_in_parts", in_parts)
    monkeypatch.setattr(inference, "backbone_of", lambda _: "backbone")
    monkeypatch.setattr(inference, "head_of", lambda checkpoint: Echo(checkpoint["offset"]))
    monkeypatch.setattr(inference, "angles_of", lambda checkpoint: checkpoint["angles"])
    monkeypatch.setattr(
        inference, "unlikeness", lambda likeness, vectors, parts: likeness * parts * vectors[:, 0].numpy()
    )
    return turns_asked


class Echo:
    """A head that returns its vectors as scores."""

    def __init__(self, offset):
        self.offset = offset

    def standardised(self, vectors):
        return vectors

    layers = standardised


class Swap:
    """An offset that gives each embryo the mean answer of its images, with the stages in reverse."""

    def reduced(self, standardised):
        return 2 * standardised

    def probabilities(self, reduced, first):
        assert reduced.shape[1] == len(first) >= 2
        return first.mean(dim=0).flip(0).expand(len(first), -1)


def checkpoint(temperature=0.5, likeness=None, angles=(90, 180, 270), offset=None, adapted=None):
    calibration = {"temperature": temperature, "adapted": adapted and {"temperature": adapted}}
    parts = {"backbone": {"parts": 1}, "offset": offset}
    return {"calibration": calibration, "likeness": likeness, "angles": angles, **parts}


def expected(turns, temperature):
    logs = torch.log_softmax(torch.from_numpy(VECTORS[list(turns)]).double(), dim=-1).mean(dim=0).numpy() / temperature
    return np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("views", "angles", "turns"),
    [(4, (90, 180, 270), (0, 1, 2, 3)), (4, (180,), (0, 2)), (2, (90,), (0,)), (1, (90,), (0,))],
)
def test_views_are_trained_rotations_at_the_checkpoints_temperature(asked, views, angles, turns):
    arguments = ["p"] * 5, "cache", 2, views
    found = inference.stage_probabilities(checkpoint(angles=angles), *arguments)
    np.testing.assert_allclose(found, expected(turns, 0.5))
    assert asked == [turns]
    warmer = inference.stage_probabilities(checkpoint(temperature=2, angles=angles), *arguments)
    np.testing.assert_allclose(warmer, expected(turns, 2))


def test_unlikeness_comes_from_the_unrotated_picture_or_is_none(asked):
    arguments = ["p"] * 5, "cache", 2, 4
    assert inference.answers_of(checkpoint(), *arguments).unlikeness is None
    found = inference.answers_of(checkpoint(likeness=2), *arguments).unlikeness
    np.testing.assert_allclose(found, 2 * VECTORS[0, :, 0])


def tempered_by_hand(probabilities, temperature):
    powers = probabilities ** (1 / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("adapted", "temperature"), [(3.0, 3.0), (None, 1.0)])
def test_images_of_a_known_embryo_answer_together(asked, adapted, temperature):
    """The embryo e has images 0, 3 and 4 of both parts; f has one image, and that of image 2 is unknown."""
    arguments = ["p"] * 5, "cache", 2, 4
    found = inference.answers_of(checkpoint(offset=Swap(), adapted=adapted), *arguments, ["e", "f", "", "e", "e"])
    assert found.adapted.tolist() == [True, False, False, True, True]
    alone = expected((0, 1, 2, 3), 0.5)
    np.testing.assert_allclose(found.alone, alone)
    np.testing.assert_allclose(found.probabilities[[1, 2]], alone[[1, 2]])
    together = expected((0, 1, 2, 3), 1.0)[[0, 3, 4]].mean(axis=0, keepdims=True)[:, ::-1]
    by_hand = np.repeat(tempered_by_hand(together, temperature), 3, axis=0)
    np.testing.assert_allclose(found.probabilities[[0, 3, 4]], by_hand)


@pytest.mark.parametrize("embryos", [None, [""] * 5, ["a", "b", "c", "d", "e"]])
def test_images_without_others_of_their_embryo_answer_alone(asked, embryos):
    found = inference.answers_of(checkpoint(offset=Swap(), adapted=3.0), ["p"] * 5, "cache", 2, 4, embryos)
    np.testing.assert_array_equal(found.probabilities, found.alone)
    assert not found.adapted.any()


def test_a_checkpoint_without_offset_answers_each_image_alone(asked):
    found = inference.answers_of(checkpoint(), ["p"] * 5, "cache", 2, 4, ["e"] * 5)
    np.testing.assert_array_equal(found.probabilities, found.alone)
    assert not found.adapted.any()
