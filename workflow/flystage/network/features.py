"""One feature vector per PNG from a frozen backbone, each computed once."""

import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

from flystage.core.errors import FlystageError
from flystage.core.files import written_whole
from flystage.dataset.manifests import read_manifest
from flystage.images.pngs import decoded_png, read_png
from flystage.network.embedders import embedder, kind_of_embedder
from flystage.network.vector_cache import VectorCache

log = logging.getLogger("flystage")
PART = 32 * 16  # PNGs that are held in memory at a time


def feature_vectors(pngs, backbone, cache_folder, threads):
    """Feature vectors of PNG files, float32 array (len(pngs), features), row i for pngs[i].

    backbone: {"name", "id", "mean", "std", "size", "state"} as `fetch_weights` writes it. cache_folder: holds vectors that
    were computed before and the backbone as an ONNX graph; may be empty. threads: of the computation.
    A vector depends on its picture and the backbone alone. Raises FlystageError when a PNG is missing or damaged.
    """
    return np.concatenate(list(_vectors_in_parts(pngs, backbone, cache_folder, threads)))


def write_split_vectors(manifest, backbone, cache_folder, threads, path):
    """Write the vectors of a manifest's PNGs to `path` as .npy: row i belongs to row i of the manifest.

    manifest: path of the CSV. The rest: see `feature_vectors`.
    """
    pngs = read_manifest(manifest)["png"].tolist()
    with written_whole(path) as temporary:
        rows, done = None, 0
        for part in _vectors_in_parts(pngs, backbone, cache_folder, threads):
            if rows is None:  # straight into the file: the memory holds one part at a time
                shape = (len(pngs), part.shape[1])
                rows = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float32, shape=shape)
            rows[done : done + len(part)] = part
            done += len(part)
        rows.flush()


def _vectors_in_parts(pngs, backbone, cache_folder, threads):
    """Yield arrays (up to PART, features), in the order of the PNGs. Each PNG is read once."""
    if len(pngs) == 0:
        raise FlystageError("There are no PNGs to compute features of; the manifest is empty.")
    cache_folder, embed, computed, kind = Path(cache_folder), None, 0, kind_of_embedder()
    with (
        VectorCache(cache_folder / "vectors.sqlite") as cache,
        ThreadPoolExecutor(threads) as readers,
        tqdm(total=len(pngs), unit="PNG", desc="features", disable=None) as progress,
    ):
        for start in range(0, len(pngs), PART):
            part = pngs[start : start + PART]
            files = dict(zip(part, readers.map(read_png, part), strict=True))
            keys = {png: f"{backbone['id']}-{kind}:{hashlib.sha256(data).hexdigest()}" for png, data in files.items()}
            vectors = cache.find(list(keys.values()))
            unknown = {key: png for png, key in keys.items() if key not in vectors}
            progress.update(len(files) - len(unknown))
            pictures = readers.map(lambda png: decoded_png(png, files[png]), unknown.values())  # noqa: B023  (used up here)
            new = dict(zip(unknown, pictures, strict=True))
            if new and embed is None:
                embed = embedder(kind, backbone, len(next(iter(new.values()))), cache_folder, threads)
            for batch in _batches(list(new), embed.batch if embed else 1):
                batch_vectors = _embedded(embed, np.stack([new[key] for key in batch]))
                cache.keep(batch, batch_vectors)
                vectors.update(zip(batch, batch_vectors, strict=True))
                progress.update(len(batch))
            computed += len(new)
            yield np.stack([vectors[keys[png]] for png in part])
    log.info("%d PNGs, %d vectors known, %d computed", len(pngs), len(pngs) - computed, computed)


def _batches(keys, size):
    return [keys[start : start + size] for start in range(0, len(keys), size)]


def _embedded(embed, pictures):
    """Vectors of pictures, filled up to a whole batch, so that a vector does not depend on its neighbours."""
    missing = embed.batch - len(pictures)
    filled = np.concatenate([pictures, np.repeat(pictures[-1:], missing, axis=0)]) if missing else pictures
    return embed(filled)[: len(pictures)]
