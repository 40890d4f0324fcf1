"""Load the images of a whole run, and classify held-out images by methods that learn from the others."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
import torch

from flystage.dataset.manifests import picture_of, read_manifest
from flystage.dataset.splitting import SPLITS
from flystage.evaluation.baselines import commonest_stage, logistic_regression, nearest_neighbour, shrunken
from flystage.jobs.side_by_side import side_by_side
from flystage.network.averaging import averaged
from flystage.network.features import turns_to_ask, vectors_of_views
from flystage.network.offsets import adapted
from flystage.network.weights import load_weights
from flystage.prediction.likeness import chosen_rows, distances_to, reference_of
from flystage.training.head import HeadInputs, load_vectors, train_head
from flystage.training.offset_training import train_offset

NETWORK, ALONE, CHANCE, DISTANCES = "network", "network, each image alone", "chance", "distances"
LOGISTIC = "logistic regression on features"
MEMORY = 8 * 2**30  # bytes that parallel processes may use for copies of vectors


@dataclass(frozen=True)
class Images:
    """All used images of a run, from all splits.

    manifest: one row per unrotated image, with split. asked: their vectors in each view, float32 array (views, images,
    features).
    vectors, labels: data for training, tensors (PNGs, features) and (PNGs,). They have the stored rotations of the
    training embryos and the unrotated images of the others. image: row in the manifest of each PNG, int array (PNGs,).
    pixels: see `shrunken`. parts: of a vector, see `evened`. adapt: whether an embryo's offset is taken out, see `adapted`.
    """

    manifest: pd.DataFrame
    asked: np.ndarray
    vectors: torch.Tensor
    labels: torch.Tensor
    image: np.ndarray
    pixels: np.ndarray
    parts: int = 1
    adapt: bool = False

    @classmethod
    def of_run(cls, files, cache_folder, threads, views, angles, adapt):
        """Load the images from the files of a run.

        files: dict with the paths of the manifests (train, val, test), the vectors (train_vectors, val_vectors) and
        the backbone.
        cache_folder, threads: see `feature_vectors`. views, angles: see `turns_to_ask`. The vectors of training images
        include their quarter turns. Those of other images are computed unless they are in the cache.
        """
        torch.set_num_threads(1)  # forked processes would wait endlessly for a thread pool
        turns = turns_to_ask(views, angles)
        tables = {split: read_manifest(files[split]).assign(split=split) for split in SPLITS}
        loaded = {split: load_vectors(files[f"{split}_vectors"], files[split])[0] for split in ("train", "val")}
        backbone, of_views = load_weights(files["backbone"]), {}
        for split in ("val", "test"):
            pngs = tables[split]["png"].tolist()
            of_views[split] = vectors_of_views(pngs, backbone, cache_folder, threads, turns)
        angle = tables["train"]["angle"].to_numpy()
        of_views["train"] = np.stack([loaded["train"].numpy()[angle == 90 * turn] for turn in turns])
        loaded["test"] = torch.from_numpy(of_views["test"][0])
        every = pd.concat([tables[split] for split in SPLITS], ignore_index=True)
        manifest = every[every["angle"] == 0].reset_index(drop=True)
        row = pd.Series(manifest.index, index=picture_of(manifest["png"]))
        return cls(
            manifest,
            np.concatenate([of_views[split] for split in SPLITS], axis=1),
            torch.cat([loaded[split] for split in SPLITS]),
            torch.tensor(every["label"].to_numpy()),
            row[picture_of(every["png"])].to_numpy(),
            shrunken(manifest["png"]),
            backbone["parts"],
            adapt,
        )

    def __len__(self):
        return len(self.manifest)

    @property
    def embryos(self):
        """Return the embryo of each image, array of text."""
        return self.manifest["embryo"].to_numpy()

    def shuffled(self, seed):
        """Return the images with training labels shuffled within each embryo. The manifest keeps the true stages."""
        labels, random = self.manifest["label"].to_numpy().copy(), np.random.default_rng(seed)
        for embryo in np.unique(self.embryos):
            here = np.flatnonzero(self.embryos == embryo)
            labels[here] = labels[random.permutation(here)]
        return replace(self, labels=torch.tensor(labels[self.image]))


class HeldOut:
    """Images to learn from and other images to classify. Inputs shared by several methods are computed only once.

    images: the Images. learned, staged: which images to learn from and which to classify, bool arrays (images,).
    stages: the Stages.
    recipe: of heads, which train to its last epoch.
    """

    def __init__(self, images, learned, staged, stages, recipe):
        self.images, self.learned, self.staged = images, learned, staged
        self.stages, self.recipe = stages, recipe

    @cached_property
    def inputs(self):
        """HeadInputs of the images to learn from, with all their stored rotations."""
        rows = self.learned[self.images.image]
        return HeadInputs.of(
            (self.images.vectors[rows], self.images.labels[rows]), None, self.recipe.train["seed"], self.images.parts
        )

    @cached_property
    def _head(self):
        """(the trained Head, its EmbryoOffset or None)."""
        head, _ = train_head(self.inputs, self.stages, self.recipe)
        offset = None
        if self.images.adapt:
            image = self.images.image[self.learned[self.images.image]]
            weights = 1 / np.bincount(image)[image]
            offset = train_offset(self.inputs, self.images.embryos[image], weights, self.stages, self.recipe)
        return head.eval(), offset

    @cached_property
    def _first(self):
        with torch.inference_mode():
            return averaged(self._head[0](self._asked()))

    def _network(self):
        head, offset = self._head
        if offset is None:
            return self._first.numpy()
        with torch.inference_mode():
            reduced = offset.reduced(head.standardised(self._asked()))
        return adapted(offset, reduced, self._first, self.images.embryos[self.staged])[0]

    def _alone(self):
        return self._first.numpy()

    def _asked(self):
        return torch.from_numpy(self.images.asked[:, self.staged])

    def _features(self):
        components, labels = self.inputs.train
        with torch.inference_mode():
            asked = self.inputs.standard.standardised(self._asked()) @ self.inputs.components
        found = logistic_regression(components.numpy(), labels.numpy(), asked.numpy(), len(self.stages))
        return averaged(torch.from_numpy(np.log(np.maximum(found, 1e-300)))).numpy()

    def _distances(self):
        vectors = self.images.vectors[self.learned[self.images.image]]
        return distances_to(
            reference_of(vectors[chosen_rows(len(vectors))], self.images.parts), self._asked()[0], self.images.parts
        )

    def _labels(self):
        """Return the labels of the images to learn from, without rotations."""
        return self.images.manifest["label"].to_numpy()[self.learned]

    def _commonest(self):
        return commonest_stage(self._labels(), int(self.staged.sum()), len(self.stages))

    def _pixels(self, method):
        pixels = self.images.pixels
        return method(pixels[self.learned], self._labels(), pixels[self.staged], len(self.stages))

    def _neighbour(self):
        return self._pixels(nearest_neighbour)

    def _logistic_on_pixels(self):
        return self._pixels(logistic_regression)


# Each method returns the probabilities of the classified images, float64 array (images, stages).
METHODS = {
    NETWORK: HeldOut._network,
    "commonest stage": HeldOut._commonest,
    "nearest neighbour on pixels": HeldOut._neighbour,
    "logistic regression on pixels": HeldOut._logistic_on_pixels,
    LOGISTIC: HeldOut._features,
}
# DISTANCES returns the distance of each image from those to learn from, float64 array (images,).
ASKED = METHODS | {ALONE: HeldOut._alone, DISTANCES: HeldOut._distances}


def answers(images, tasks, stages, recipe, processes):
    """Classify held-out images by several methods. Return a list with a dict {method: probabilities} for each task.

    images: the Images. tasks: list of (images to learn from, images to classify, names of ASKED). The first two are
    bool arrays (images,). stages, recipe: see `HeldOut`. processes: number of parallel processes, fewer if the vectors
    need too much memory.
    """
    import sklearn.linear_model  # noqa: F401  imported once before forking, because it takes seconds

    found = [None] * len(tasks)

    def run(number):
        learned, staged, methods = tasks[number]
        held_out = HeldOut(images, learned, staged, stages, recipe)
        return number, {method: ASKED[method](held_out) for method in methods}

    # The largest tasks come first, so that no process has a long task left at the end.
    todo = sorted(range(len(tasks)), key=lambda number: -int(tasks[number][0].sum()))
    copies = 3 * images.vectors.nbytes
    for number, answer in side_by_side(run, todo, max(1, min(processes, MEMORY // copies))):
        found[number] = answer
    return found
