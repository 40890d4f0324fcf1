"""The processes that train together: which of them this one is, and what they tell one another."""

import os
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class Here:
    """This process among `world` that share each batch. Process 0 alone writes files.

    device: that it computes on. workers: processes that read pictures ahead for it.
    """

    rank: int = 0
    world: int = 1
    device: torch.device = torch.device("cpu")
    workers: int = 0

    def shares(self, order, batch_size):
        """Yield for each batch of `order` (int tensor): this process's indices, which of them count, and the batch's length.

        Processes must take every step together: one whose share is empty gets an image that does not count.
        """
        for part in order.split(batch_size):
            mine = part[self.rank :: self.world]
            if len(mine):
                yield mine, torch.ones(len(mine)), len(part)
            else:
                yield part[:1], torch.zeros(1), len(part)

    def summed(self, *values):
        """Each value summed over all processes, a list of float."""
        if self.world == 1:
            return [float(value) for value in values]
        total = torch.tensor([float(value) for value in values], dtype=torch.float64).to(self.device)
        dist.all_reduce(total)
        return total.tolist()

    def gathered(self, value):
        """What each process holds, in their order: a list of plain values or arrays."""
        if self.world == 1:
            return [value]
        values = [None] * self.world
        dist.all_gather_object(values, value)
        return values

    def together(self, network):
        """The network for training steps: it averages the gradients of all processes."""
        return torch.nn.parallel.DistributedDataParallel(network) if self.world > 1 else network


@contextmanager
def process_group(workers=0):
    """Yield Here: alone, or as torch's elastic launcher (torchrun) says. With GPUs each process has one. workers: see `Here`."""
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
