"""Test that an embryo's offset is taken out of its own images only, and without labels."""

import inspect

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from flystage.network.averaging import averaged
from flystage.network.offsets import EmbryoOffset, adapted

STAGES, COMPONENTS = 3, 4


def offset_of(kappa=2.0, hidden=(5,)):
    """Return an EmbryoOffset with random weights and means."""
    torch.manual_seed(3)
    offset = EmbryoOffset(6, COMPONENTS, hidden, STAGES, kappa)
    offset.means.copy_(torch.randn(STAGES, COMPONENTS))
    offset.components.copy_(torch.randn(6, COMPONENTS))
    return offset.eval()


def pictures(images, views=2, seed=0):
    """Return (components of the views, first answers) of random images."""
    random = torch.Generator().manual_seed(seed)
    first = torch.softmax(torch.randn(images, STAGES, generator=random).double(), dim=-1)
    return torch.randn(views, images, COMPONENTS, generator=random), first


def test_lone_images_and_unknown_embryos_keep_the_first_answer():
    reduced, first = pictures(6)
    before = first.clone()
    answers, changed = adapted(offset_of(), reduced, first, ["a", "", "b", "a", "", ""])
    assert changed.tolist() == [True, False, False, True, False, False]
    np.testing.assert_array_equal(answers[~changed], before[torch.from_numpy(~changed)].numpy())
    assert not np.isclose(answers[changed], before.numpy()[changed], atol=1e-3).all(axis=1).any()
    assert torch.equal(first, before)  # the argument stays as it was
    np.testing.assert_allclose(answers.sum(axis=1), 1)


def test_images_of_unknown_embryos_do_not_share_an_offset():
    reduced, first = pictures(4)
    answers, changed = adapted(offset_of(), reduced, first, [""] * 4)
    assert not changed.any() and np.array_equal(answers, first.numpy())


@settings(max_examples=30)
@given(names=st.lists(st.sampled_from(["", "a", "b", "c"]), min_size=1, max_size=12), random=st.randoms())
def test_answers_do_not_depend_on_the_order_of_the_images(names, random):
    reduced, first = pictures(len(names))
    answers, changed = adapted(offset_of(), reduced, first, names)
    order = random.sample(range(len(names)), len(names))
    other, also = adapted(offset_of(), reduced[:, order], first[order], [names[row] for row in order])
    np.testing.assert_array_equal(also, changed[order])
    np.testing.assert_allclose(other, answers[order], atol=1e-5)


@pytest.mark.parametrize("embryo", ["a", "b"])
def test_other_embryos_in_the_batch_change_nothing(embryo):
    names = np.array(["a", "b", "c", "b", "a", "", "a"])
    reduced, first = pictures(len(names))
    answers, _ = adapted(offset_of(), reduced, first, names)
    rows = np.flatnonzero(names == embryo)
    alone, changed = adapted(offset_of(), reduced[:, rows], first[rows], names[rows])
    assert changed.all()
    np.testing.assert_allclose(answers[rows], alone, atol=1e-6)


def test_no_label_can_be_given():
    assert list(inspect.signature(adapted).parameters) == ["offset", "reduced", "first", "embryos"]
    assert list(inspect.signature(EmbryoOffset.probabilities).parameters) == ["self", "reduced", "first"]


def test_offset_shrunk_by_endless_images_changes_nothing_but_the_head():
    reduced, first = pictures(5)
    offset = offset_of(kappa=1e12)
    answers, _ = adapted(offset, reduced, first, ["a"] * 5)
    with torch.inference_mode():
        np.testing.assert_allclose(answers, averaged(offset.layers(reduced)).numpy(), atol=1e-5)


@pytest.mark.parametrize("images", [2, 9])
def test_embryo_that_is_moved_gets_the_answers_of_one_that_is_not(images):
    offset = offset_of(kappa=0.0, hidden=())
    offset.means.copy_(20 * torch.eye(STAGES, COMPONENTS))
    with torch.no_grad():
        offset.layers[0].weight.copy_(torch.eye(STAGES, COMPONENTS))
        offset.layers[0].bias.zero_()
    labels = torch.arange(images) % STAGES
    first = torch.eye(STAGES, dtype=torch.float64)[labels]  # the first head knows the stages
    still = offset.means[labels][None]
    moved = still + torch.tensor([0.0, 15.0, -3.0, 8.0])
    answers, changed = adapted(offset, moved, first, ["a"] * images)
    assert changed.all()
    np.testing.assert_allclose(answers, adapted(offset, still, first, ["a"] * images)[0], atol=1e-5)
    np.testing.assert_array_equal(answers.argmax(axis=1), labels)


def test_components_of_vectors_are_a_projection():
    offset = offset_of()
    vectors = torch.randn(2, 3, 6)
    torch.testing.assert_close(offset.reduced(vectors), vectors @ offset.components)
