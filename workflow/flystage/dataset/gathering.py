"""What there is to work on, from names, tables and the split lock alone: images, who goes into which split, who into which job."""

import os
from typing import NamedTuple

from flystage.dataset import buckets, earlier, splitting
from flystage.dataset.lock_places import check_lock_place, lock_path
from flystage.raw.naming import find_images


class DataSet(NamedTuple):
    """A data set before any image is opened.

    found: the Found. lock: path of the split lock. split_of: {embryo: split}. rows: {bucket: [(path, stage, embryo, frame)]} of the
    images to use. sentences: what a user should know of the split. earlier: the EarlierImages of the last run.
    """

    found: tuple
    lock: str
    split_of: dict
    rows: dict
    sentences: list
    earlier: list

    @property
    def set_aside(self):
        """What is not to be opened, as tuples for `build_catalog`."""
        return [tuple(image) for image in self.found.images if image.status]


def gather(config, catalog):
    """The DataSet of a configuration. catalog: path of an earlier run's catalog, which may be missing.

    With `frames` in the configuration the headers of all TIFs are read, otherwise none is opened.
    Raises FlystageError when names and settings do not fit together, or the split cannot be made or kept.
    """
    time_points = None
    if config["frames"]:
        from flystage.images.tiff import time_points  # half a second, for those who have movies
    found = find_images(config, time_points)
    lock = lock_path(config["split"]["lock"], config["raw"])
    usable = [image for image in found.images if not image.status]
    paths = [(image.path, image.embryo) for image in usable]
    locked, before, sentences = earlier.known_splits(paths, lock, catalog)
    names = [(image.embryo, image.stage) for image in usable]
    split_of = splitting.assign(names, locked, config["split"], config["split"]["seed"])
    if sentences or set(split_of) - set(locked) or not os.path.exists(lock):
        check_lock_place(lock)
    sentences = [sentence for sentence in (*sentences, earlier.sentence_of_moves(paths, split_of, before)) if sentence]
    # Where every image is its own embryo, each would get a bucket, and a job, of its own.
    number = config["buckets"] if found.embryos_known else max(1, config["buckets"] // 8)
    rows = {}
    for image in usable:
        bucket = buckets.bucket_of(image.embryo, split_of[image.embryo], number)
        rows.setdefault(bucket, []).append((image.path, image.stage, image.embryo, image.frame))
    return DataSet(found, lock, split_of, rows, sentences, before)
