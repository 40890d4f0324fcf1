"""Gather the data set from names, tables and the split lock only: the images, the split and the job of each embryo."""

import os
from typing import NamedTuple

from flystage.dataset import buckets, earlier, splitting
from flystage.dataset.lock_places import check_lock_place, lock_path
from flystage.raw.labels import BLIND, GIVEN, REVIEWED
from flystage.raw.naming import find_images

# Origins of stages that are used only for training, by the setting split.test_reviewed.
TRAINING_ONLY = {"none": (REVIEWED, BLIND), "blind": (REVIEWED,)}
NAMED = 3  # examples in a sentence


class DataSet(NamedTuple):
    """A data set before any image is opened.

    found: the Found. lock: path of the split lock. split_of: {embryo: split}. rows: {bucket: [(path, stage, embryo, frame)]} of the
    images to use. sentences: warnings about the split. earlier: the EarlierImages of the last run.
    """

    found: tuple
    lock: str
    split_of: dict
    rows: dict
    sentences: list
    earlier: list

    @property
    def set_aside(self):
        """The images that are not opened, as tuples for `build_catalog`."""
        return [tuple(image) for image in self.found.images if image.status]

    @property
    def origins(self):
        """(path, time point, origin) of the stages whose origin is not "given", for `build_catalog`."""
        return [(image.path, image.frame, image.origin) for image in self.found.images if image.origin != GIVEN]


def gather(config, catalog):
    """Return the DataSet of a configuration. catalog: path of an earlier run's catalog, which may be missing.

    No TIF is opened, unless `frames` is set: then the headers of all TIFs are read.
    Raises FlystageError if names and settings do not fit together, or the split cannot be made or saved.
    """
    time_points = None
    if config["frames"]:
        from flystage.images.reading import time_points  # takes half a second, so only for movies
    found = find_images(config, time_points)
    lock = lock_path(config["split"]["lock"], config["raw"])
    usable = [image for image in found.images if not image.status]
    paths = [(image.path, image.embryo) for image in usable]
    locked, before, sentences = earlier.known_splits(paths, lock, catalog)
    names = [(image.embryo, image.stage) for image in usable]
    suggested = [image for image in usable if image.origin in TRAINING_ONLY[config["split"]["test_reviewed"]]]
    training_only = {image.embryo for image in suggested}
    split_of = splitting.assign(names, locked, config["split"], config["split"]["seed"], training_only)
    found, told = _without_suggested(found, suggested, split_of)
    usable = [image for image in found.images if not image.status]
    sentences += told
    if sentences or set(split_of) - set(locked) or not os.path.exists(lock):
        check_lock_place(lock)
    sentences = [sentence for sentence in (*sentences, earlier.sentence_of_moves(paths, split_of, before)) if sentence]
    # If each image is its own embryo, there would be too many small buckets and jobs.
    number = config["buckets"] if found.embryos_known else max(1, config["buckets"] // 8)
    rows = {}
    for image in usable:
        bucket = buckets.bucket_of(image.embryo, split_of[image.embryo], number)
        rows.setdefault(bucket, []).append((image.path, image.stage, image.embryo, image.frame))
    return DataSet(found, lock, split_of, rows, sentences, before)


def _without_suggested(found, suggested, split_of):
    """Return (Found, sentences) without images whose stage began as a suggestion and whose embryo is in validation or test.

    Such an embryo was already in its split. Testing on suggestions would overestimate the accuracy of the network that made them.
    """
    barred = {image for image in suggested if split_of[image.embryo] != "train"}
    if not barred:
        return found, []
    images = [
        image._replace(
            status="excluded", reason=f"its stage began as a suggestion, and its embryo is in {split_of[image.embryo]}"
        )
        if image in barred
        else image
        for image in found.images
    ]
    embryos = sorted({image.embryo for image in barred})
    return found._replace(images=images), [
        f"{len(barred)} images whose stages began as suggestions are left out, because their embryos ({', '.join(embryos[:NAMED])})"
        " are in validation or test. Using them would overestimate accuracy."
    ]
