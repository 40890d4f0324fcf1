"""Detect out-of-distribution pictures, because a network assigns a stage to every picture.

Each vector is first standardised, as in the head. The distance of a picture is the mean distance to its nearest
training vectors. Of several measures, this one separated other species best from held-out embryos (docs/method.md).
The threshold comes from embryos that were not used for training.
"""

import numpy as np
import torch

from flystage.certainty.prediction_sets import share_within_limits_of_others, upper_limit
from flystage.dataset.manifests import read_manifest
from flystage.network.checkpoint import backbone_of
from flystage.network.features import feature_vectors
from flystage.network.pooling import evened

NEAREST = 3  # training vectors
MOST = 4096  # training vectors to keep, so that a checkpoint stays small
PASS = 0.95  # share of held-out images that must be below the threshold
FEWEST = 3  # embryos needed for a threshold


def chosen_rows(count):
    """Return the rows of the training vectors to keep, int array: all up to MOST, else evenly spread ones."""
    return np.unique(np.linspace(0, count - 1, min(count, MOST)).astype(int))


def reference_of(vectors, parts):
    """Return the reference for distances, a float16 tensor (vectors, features). vectors: tensor, see `chosen_rows`."""
    return evened(vectors.float(), parts).half()


def distances_to(reference, vectors, parts):
    """Return the mean distance of each vector to its nearest reference vectors, float64 array (images,).

    vectors: tensor (images, features).
    """
    near = torch.cdist(evened(vectors.float(), parts), reference.float())
    return near.topk(min(NEAREST, len(reference)), largest=False).values.double().mean(dim=1).numpy()


def held_out_likeness(distances, embryos):
    """Return the threshold of usual distances and its figures as plain values, None with fewer than FEWEST embryos.

    distances: of held-out images, array (images,). embryos: of each image.
    The share PASS of the images is below the threshold, where each embryo has the same weight. Few embryos promise a
    smaller share (see `set_threshold`). "passed" is the share of images below the threshold of the other embryos.
    """
    number = len(np.unique(embryos))
    if number < FEWEST:
        return None
    return {
        "threshold": upper_limit(distances, embryos, PASS),
        "embryos": number,
        "images": len(distances),
        "passed": share_within_limits_of_others(distances, embryos, PASS),
    }


def likeness_of_network(checkpoint, files, record, cache_folder, threads):
    """Return what a checkpoint needs to detect out-of-distribution pictures: {"reference", "threshold"}.

    None without a training on this machine, or with too few embryos for a threshold.
    checkpoint: the dict from `load_checkpoint`. files: dict of paths. It has train and val (manifests) if the training
    was on this machine, and train_vectors and val_vectors if the backbone was frozen. The vectors of a fine-tuned
    network are computed.
    record: evaluation/crossval.json as a dict, or None. Without its threshold, the validation embryos give one.
    cache_folder, threads: see `feature_vectors`.
    """
    if "train" not in files:
        return None
    manifests = {split: read_manifest(files[split]) for split in ("train", "val")}
    rows = {"train": chosen_rows(len(manifests["train"])), "val": np.arange(len(manifests["val"]))}

    def vectors(split):
        if f"{split}_vectors" in files:
            found = np.load(files[f"{split}_vectors"], mmap_mode="r")[rows[split]]
        else:
            pngs = manifests[split]["png"].to_numpy()[rows[split]].tolist()
            found = feature_vectors(pngs, backbone_of(checkpoint), cache_folder, threads)
        return torch.from_numpy(np.array(found))

    parts = checkpoint["backbone"]["parts"]
    reference = reference_of(vectors("train"), parts)
    held_out = record and record["likeness"]
    if not held_out:
        held_out = held_out_likeness(
            distances_to(reference, vectors("val"), parts), manifests["val"]["embryo"].to_numpy()
        )
    return held_out and {"reference": reference, "threshold": held_out["threshold"]}


def unlikeness(likeness, vectors, parts):
    """Return distances divided by the threshold, float64 array (images,). Above 1, a picture is out-of-distribution.

    likeness: see `likeness_of_network`. vectors: tensor (images, features).
    """
    return distances_to(likeness["reference"], vectors, parts) / max(likeness["threshold"], 1e-9)
