"""Test that processes share each batch: every image counts once, and all take every step."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from flystage.training.processes import Here, process_group


@given(images=st.integers(1, 60), batch_size=st.integers(1, 20), world=st.integers(1, 7))
def test_shares_of_all_processes_make_up_each_batch(images, batch_size, world):
    order = torch.randperm(images)
    shares = [list(Here(rank, world).shares(order, batch_size)) for rank in range(world)]
    assert len({len(steps) for steps in shares}) == 1
    for batch, *steps in zip(order.split(batch_size), *shares, strict=True):
        counted = [index for indices, counts, _ in steps for index in indices[counts.bool()].tolist()]
        assert sorted(counted) == sorted(batch.tolist())
        assert all(len(indices) == len(counts) > 0 and total == len(batch) for indices, counts, total in steps)


def test_single_process_needs_no_group():
    with process_group() as here:
        assert (here.rank, here.world) == (0, 1)
        assert here.summed(1, torch.tensor(2.5)) == [1.0, 2.5]
        assert here.gathered("mine") == ["mine"]
