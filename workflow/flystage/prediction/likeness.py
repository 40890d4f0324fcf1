"""How far a picture lies from those that a network learned from: a network names one of its stages for any picture whatever.

The distance is the mean of those to the nearest training vectors, after each vector was brought to zero mean and unit variance, as in
the head. Of several kept measures it parted other species from held-out embryos best (docs/method.md). The threshold comes from embryos
that took no part.
"""

import numpy as np
import torch
from torch.nn import functional

from flystage.certainty.prediction_sets import share_within_limits_of_others, upper_limit
from flystage.dataset.manifests import read_manifest
from flystage.network.checkpoint import backbone_of
from flystage.network.features import feature_vectors

NEAREST = 3  # training vectors
MOST = 4096  # of them are kept, so that a checkpoint stays small
PASS = 0.95  # of held-out images are to be below the threshold
FEWEST = 3  # embryos that a threshold can come from


def chosen_rows(count):
    """Which training vectors are kept of so many, int array: all up to MOST, else evenly spread over the manifest."""
    return np.unique(np.linspace(0, count - 1, min(count, MOST)).astype(int))


def reference_of(vectors):
    """What distances are taken to: a tensor (vectors, features) of half the size. vectors: tensor, see `chosen_rows`."""
    return _evened(vectors).half()


def distances_to(reference, vectors):
    """Distance of each vector to the nearest ones of a reference, float64 array (images,). vectors: tensor (images, features)."""
    near = torch.cdist(_evened(vectors), reference.float())
    return near.topk(min(NEAREST, len(reference)), largest=False).values.double().mean(dim=1).numpy()


def _evened(vectors):
    return functional.layer_norm(vectors.float(), vectors.shape[-1:])


def held_out_likeness(distances, embryos):
    """The threshold up to which a distance is usual, and how it does, as plain values; None with fewer than FEWEST embryos.

    distances: of held-out images, array (images,). embryos: of each. The threshold lets PASS of the images pass, each embryo
    counting alike, or the share that so few embryos can promise (see `set_threshold`). "passed" is the share of images that pass
    the threshold of the other embryos.
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
    """What a checkpoint needs to tell pictures that are unlike its training images: "reference" and "threshold"; None where nothing
    can be told.

    checkpoint: as `load_checkpoint` gives it. files: a dict with the paths train and val (manifests) where the training was on this
    machine, and train_vectors and val_vectors where its backbone was frozen; a fine-tuned network's own vectors are computed. record:
    evaluation/crossval.json as a dict, or None; where it has no threshold the validation embryos give one. cache_folder, threads: see
    `feature_vectors`.
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

    reference = reference_of(vectors("train"))
    held_out = record and record["likeness"]
    if not held_out:
        held_out = held_out_likeness(distances_to(reference, vectors("val")), manifests["val"]["embryo"].to_numpy())
    return held_out and {"reference": reference, "threshold": held_out["threshold"]}


def unlikeness(likeness, vectors):
    """Distance of each vector divided by the threshold, float64 array (images,): above 1 a picture is unlike the training images.

    likeness: see `likeness_of_network`. vectors: tensor (images, features).
    """
    return distances_to(likeness["reference"], vectors) / max(likeness["threshold"], 1e-9)
