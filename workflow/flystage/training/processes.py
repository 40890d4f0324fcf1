"""Coordinate processes that train together: their numbers, and the values that they exchange."""

import os
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from flystage.network.pooling import MEAN


@dataclass(frozen=True)
class Here:
    """This process (number `rank`) among `world` processes that share each batch. Only process 0 writes files.

    device: for the computation. workers: number of processes that read pictures ahead for this one.
    """

    rank: int = 0
    world: int = 1
    device: torch.device = torch.device("cpu")
    workers: int = 0

    def shares(self, order, batch_size):
        """Yield this process's indices, which of them count, and the length of the batch, for each batch of `order`.

        order: int tensor. All processes must take every step together. A process with an empty share gets one image
        that does not count.
        """
        for part in order.split(batch_size):
            mine = part[self.rank :: self.world]
            if len(mine):
                yield mine, torch.ones(len(mine)), len(part)
            else:
                yield part[:1], torch.zeros(1), len(part)

    def summed(self, *values):
        """Return each value summed over all processes, a list of float."""
        if self.world == 1:
            return [float(value) for value in values]
        total = torch.tensor([float(value) for value in values], dtype=torch.float64).to(self.device)
        dist.all_reduce(total)
        return total.tolist()

    def gathered(self, value):
        """Return the value of each process, in their order, a list."""
        if self.world == 1:
            return [value]
        values = [None] * self.world
        dist.all_gather_object(values, value)
        return values

    def together(self, network):
        """Return the network for training steps, which averages the gradients of all processes."""
        if self.world == 1:
            return network
        # Pooling before the last layers of a backbone leaves these without a gradient.
        unused = getattr(getattr(network, "backbone", None), "pooling", MEAN) != MEAN
        return torch.nn.parallel.DistributedDataParallel(network, find_unused_parameters=unused)


@contextmanager
def process_group(workers=0):
    """Yield Here: a single process, or one of torch's elastic launcher (torchrun). With GPUs, each has its own.

    workers: see `Here`.
    """
    gpu = torch.cuda.is_available()
    if not dist.is_torchelastic_launched():
        yield Here(device=torch.device("cuda" if gpu else "cpu"), workers=workers)
        return
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if gpu else torch.device("cpu")
    if gpu:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if gpu else "gloo")
    try:
        yield Here(dist.get_rank(), dist.get_world_size(), device, workers)
    finally:
        dist.destroy_process_group()
