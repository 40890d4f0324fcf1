"""Test that batches contain every image once per epoch, in an order that seed and epoch decide."""

import torch

from flystage.training.batches import VectorBatches
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
