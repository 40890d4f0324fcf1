"""Test that batches contain every image once per epoch, in an order that seed and epoch decide."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from flystage.training.batches import VectorBatches, order_in_steps
from flystage.training.processes import Here


def test_batches_contain_all_images_in_the_order_of_seed_and_epoch():
    vectors, labels = torch.arange(10.0)[:, None], torch.arange(10)

    def order(seed, epoch):
        parts = list(VectorBatches(vectors, labels, 4, Here(), seed).epoch(epoch))
        assert [total for *_, total in parts] == [len(part) for _, part, *_ in parts] == [4, 4, 2]
        assert all(torch.equal(inputs[:, 0], part.float()) for inputs, part, *_ in parts)
        return torch.cat([part for _, part, *_ in parts]).tolist()

    assert order(None, 1) == list(range(10))
    assert order(1, 1) == order(1, 1) and sorted(order(1, 1)) == list(range(10))
    assert len({tuple(order(seed, epoch)) for seed in (1, 2) for epoch in (1, 2)}) == 4


@given(
    images=st.integers(1, 200), batch_size=st.integers(1, 40), fewest=st.integers(1, 12), more=st.integers(0, 12),
    seed=st.none() | st.integers(0, 5), number=st.integers(1, 50),
)  # fmt: skip
def test_every_full_pass_has_each_image_once_within_the_steps(images, batch_size, fewest, more, seed, number):
    steps, passes = (fewest, fewest + more), -(-images // batch_size)
    order = order_in_steps(images, batch_size, steps, seed, number)
    batches = order.split(batch_size)
    assert len(batches) == min(max(passes, fewest), fewest + more)
    for part in order.split(images):
        assert len(set(part.tolist())) == len(part) and part.min() >= 0 and part.max() < images
    if len(batches) == passes:
        assert sorted(order.tolist()) == list(range(images))  # one pass, whose last batch may be smaller
    else:
        assert {len(batch) for batch in batches} == {batch_size}
    counts = torch.bincount(order, minlength=images)
    assert counts.max() - counts.min() <= 1
    assert torch.equal(order, order_in_steps(images, batch_size, steps, seed, number))


def test_few_images_repeat_in_other_orders_and_many_stop():
    first, second = order_in_steps(10, 4, (5, 9), 1, 1).split(10)
    assert len(second) == 10 and not torch.equal(first, second)
    assert not torch.equal(first, order_in_steps(10, 4, (5, 9), 1, 2)[:10])
    assert len(order_in_steps(1000, 4, (5, 9), 1, 1)) == 36
    assert not torch.equal(order_in_steps(1000, 4, (5, 9), 1, 1), order_in_steps(1000, 4, (5, 9), 1, 2))


@given(images=st.integers(1, 60), batch_size=st.integers(1, 20), world=st.integers(1, 4))
def test_all_processes_take_the_same_number_of_steps(images, batch_size, world):
    data = torch.zeros(images, 1), torch.arange(images)
    for steps in (None, (3, 6)):
        every = [VectorBatches(*data, batch_size, Here(rank, world), 1, steps) for rank in range(world)]
        taken = [list(batches.epoch(2)) for batches in every]
        assert {len(part) for part in taken} == {len(batches) for batches in every} and len(set(map(len, every))) == 1
        counted = sum(int(counts.sum()) for part in taken for *_, counts, _ in part)
        assert counted == sum(total for *_, total in taken[0])
