"""Split an epoch into batches of vectors or pictures. Their order and augmentation depend only on seed and epoch."""

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from flystage.images.augmentation import augmented
from flystage.images.pngs import decoded_png, read_png


def order_of_epoch(images, seed, number):
    """Return the order of the images in epoch `number`, int64 tensor (images,).

    With seed None, the order stays as given.
    """
    if seed is None:
        return torch.arange(images)
    return torch.randperm(images, generator=torch.Generator().manual_seed(seed * 100_003 + number))


def number_of_batches(images, batch_size, steps=None):
    """Return the number of batches of an epoch. steps: see `order_in_steps`."""
    passes = -(-images // batch_size)
    return passes if steps is None else min(max(passes, steps[0]), steps[1])


def order_in_steps(images, batch_size, steps, seed, number):
    """Return the images of the batches of epoch `number`, int64 tensor: a pass over all, shortened or repeated to fit `steps`.

    steps: (fewest, most) batches of an epoch, or None for one pass. A training of few images makes as many steps as one of many, so
    its cost does not grow with the images, and a handful of images is not left untrained.
    """
    batches = number_of_batches(images, batch_size, steps)
    if batches == number_of_batches(images, batch_size):
        return order_of_epoch(images, seed, number)
    wanted = batches * batch_size
    passes = range(-(-wanted // images))
    return torch.cat([order_of_epoch(images, seed, number * 1_000 + part) for part in passes])[:wanted]


class VectorBatches:
    """Batches of feature vectors in memory. Their order depends only on seed and epoch.

    vectors: float32 tensor (images, features). labels: int64 tensor (images,). With seed None, the order is always as
    given.
    here: see `Here`. Each process gets its share of every batch. steps: see `order_in_steps`.
    """

    def __init__(self, vectors, labels, batch_size, here, seed=None, steps=None):
        self.vectors, self.labels, self.batch_size, self.here, self.seed = vectors, labels, batch_size, here, seed
        self.steps = steps

    def __len__(self):
        return number_of_batches(len(self.labels), self.batch_size, self.steps)

    def epoch(self, number):
        """Yield (vectors, labels, which of them count, length of the whole batch) for epoch `number`."""
        order = order_in_steps(len(self.labels), self.batch_size, self.steps, self.seed, number)
        for part, counted, total in self.here.shares(order, self.batch_size):
            yield self.vectors[part], self.labels[part], counted, total


class Pictures(Dataset):
    """PNGs by (epoch, number). The same epoch and number give the same picture in every process."""

    def __init__(self, pngs, seed, augment):
        self.pngs, self.seed, self.augment = pngs, seed, augment

    def __getitem__(self, epoch_and_number):
        epoch, number = epoch_and_number
        picture = decoded_png(self.pngs[number], read_png(self.pngs[number]))
        if self.augment:
            picture = augmented(picture, self.augment, np.random.default_rng((self.seed, epoch, number)))
        return torch.from_numpy(picture)


class PictureBatches:
    """Batches of PNGs, like `VectorBatches` for vectors.

    pngs: list of paths. labels: int64 tensor (images,). With seed None, the order is always as given. augment: see
    `augmented`, or None. here: see `Here`. Its worker processes read ahead. Without workers, each PNG is read when it
    is needed.
    """

    def __init__(self, pngs, labels, batch_size, here, seed=None, augment=None):
        self.labels, self.batch_size, self.here, self.seed = labels, batch_size, here, seed
        self.number = 1
        self.loader = DataLoader(
            Pictures(pngs, seed, augment),
            batch_sampler=self,
            num_workers=here.workers,
            persistent_workers=here.workers > 0,
            generator=torch.Generator(),  # so that the loader does not use up the random numbers of dropout
            pin_memory=here.device.type == "cuda",
        )

    def __len__(self):
        return number_of_batches(len(self.labels), self.batch_size)

    def __iter__(self):
        """Yield the (epoch, number) pairs of each batch, for the loader."""
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
