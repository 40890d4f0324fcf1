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
    monkeypatch.setattr(inference, "head_of", lambda _: lambda vectors: vectors)
    monkeypatch.setattr(inference, "angles_of", lambda checkpoint: checkpoint["angles"])
    monkeypatch.setattr(inference, "unlikeness", lambda likeness, vectors: likeness * vectors[:, 0].numpy())
    return turns_asked


def checkpoint(temperature=0.5, likeness=None, angles=(90, 180, 270)):
    return {"calibration": {"temperature": temperature}, "likeness": likeness, "angles": angles}


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
    assert inference.staged_and_compared(checkpoint(), *arguments)[1] is None
    np.testing.assert_allclose(
        inference.staged_and_compared(checkpoint(likeness=2), *arguments)[1], 2 * VECTORS[0, :, 0]
    )
