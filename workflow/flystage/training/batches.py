"""Batches of an epoch, of vectors or pictures, in an order and with changes that depend on seed and epoch alone."""

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from flystage.images.augmentation import augmented
from flystage.images.pngs import decoded_png, read_png


def order_of_epoch(images, seed, number):
    """The order of the images in epoch `number`, int64 tensor (images,); as they stand when seed is None."""
    if seed is None:
        return torch.arange(images)
    return torch.randperm(images, generator=torch.Generator().manual_seed(seed * 100_003 + number))


class VectorBatches:
    """Feature vectors held in memory, handed out in batches, in an order that depends on seed and epoch alone.

    vectors: float32 tensor (images, features). labels: int64 tensor (images,). seed None: always in the given order.
    here: see `Here`; each process gets its share of every batch.
    """

    def __init__(self, vectors, labels, batch_size, here, seed=None):
        self.vectors, self.labels, self.batch_size, self.here, self.seed = vectors, labels, batch_size, here, seed

    def __len__(self):
        return -(-len(self.labels) // self.batch_size)

    def epoch(self, number):
        """Yield (vectors, labels, which of them count, length of the whole batch) for epoch `number`."""
        order = order_of_epoch(len(self.labels), self.seed, number)
        for part, counted, total in self.here.shares(order, self.batch_size):
            yield self.vectors[part], self.labels[part], counted, total


class Pictures(Dataset):
    """PNGs by (epoch, number). The same epoch and number give the same picture in any process."""

    def __init__(self, pngs, seed, augment):
        self.pngs, self.seed, self.augment = pngs, seed, augment

    def __getitem__(self, epoch_and_number):
        epoch, number = epoch_and_number
        picture = decoded_png(self.pngs[number], read_png(self.pngs[number]))
        if self.augment:
            picture = augmented(picture, self.augment, np.random.default_rng((self.seed, epoch, number)))
        return torch.from_numpy(picture)


class PictureBatches:
    """PNGs handed out in batches as `VectorBatches` does it with vectors.

    pngs: list of paths. labels: int64 tensor (images,). seed None: always in the given order. augment: see `augmented`, or
    None. here: see `Here`; its worker processes read ahead, or without any the PNGs are read when asked for.
    """

    def __init__(self, pngs, labels, batch_size, here, seed=None, augment=None):
        self.labels, self.batch_size, self.here, self.seed = labels, batch_size, here, seed
        self.number = 1
        self.loader = DataLoader(
            Pictures(pngs, seed, augment),
            batch_sampler=self,
            num_workers=here.workers,
            persistent_workers=here.workers > 0,
            generator=torch.Generator(),  # the loader draws from it, and not from the random numbers of dropout
            pin_memory=here.device.type == "cuda",
        )

    def __len__(self):
        return -(-len(self.labels) // self.batch_size)

    def __iter__(self):
        """What the loader reads: for each batch its (epoch, number) pairs."""
        for numbers, _, _ in self._shares():
            yield [(self.number, number) for number in numbers.tolist()]

    def _shares(self):
        order = order_of_epoch(len(self.labels), self.seed, self.number)
        return self.here.shares(order, self.batch_size)

    def epoch(self, number):
        """Yield (pictures, labels, which of them count, length of the whole batch) for epoch `number`."""
        self.number = number
        for pictures, (numbers, counted, total) in zip(self.loader, self._shares(), strict=True):
            yield pictures, self.labels[numbers], counted, total
