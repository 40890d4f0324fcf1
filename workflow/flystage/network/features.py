"""Compute one feature vector per PNG with a frozen backbone, each only once."""

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
from flystage.network.weights import content_of

log = logging.getLogger("flystage")
PART = 32 * 16  # PNGs in memory at a time
AS_THEY_ARE = (0,)
QUARTER_TURNS = {1: AS_THEY_ARE, 2: (0, 2), 4: (0, 1, 2, 3)}  # by the number of views


def feature_vectors(pngs, backbone, cache_folder, threads):
    """Return the feature vectors of PNG files, float32 array (len(pngs), features), row i for pngs[i].

    backbone: as `fetch_weights` writes it. cache_folder: keeps computed vectors and the backbone as an ONNX graph; may be empty.
    threads: number of CPU threads. A vector depends only on its picture and the backbone. Raises FlystageError if a PNG is missing
    or damaged.
    """
    return vectors_of_views(pngs, backbone, cache_folder, threads, AS_THEY_ARE)[0]


def vectors_of_views(pngs, backbone, cache_folder, threads, turns):
    """Return the feature vectors of rotated PNG files, float32 array (turns, len(pngs), features).

    turns: numbers of counter-clockwise quarter turns, from 0. They are exact, without resampling. The rest: see `feature_vectors`.
    """
    parts = list(vectors_in_parts(pngs, backbone, cache_folder, threads, turns))
    return np.concatenate(parts, axis=1)


def turns_to_ask(views, angles):
    """Return the quarter turns for test-time augmentation: those of `views` that the network was trained on.

    views: a key of QUARTER_TURNS. angles: of the training images, in degrees. Views at other angles make results worse. On the
    demo, four views of a network trained without rotations lowered top-1 from 55 to 50 %.
    """
    return tuple(turn for turn in QUARTER_TURNS[views] if turn == 0 or 90 * turn in angles)


def write_split_vectors(manifest, backbone, cache_folder, threads, path):
    """Write the vectors of a manifest's PNGs to `path` as .npy. Row i belongs to row i of the manifest.

    manifest: path of the CSV. The rest: see `feature_vectors`.
    """
    pngs = read_manifest(manifest)["png"].tolist()
    with written_whole(path) as temporary:
        rows, done = None, 0
        for (part,) in vectors_in_parts(pngs, backbone, cache_folder, threads, AS_THEY_ARE):
            if rows is None:  # write directly into the file, so that only one part is in memory
                shape = (len(pngs), part.shape[1])
                rows = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float32, shape=shape)
            rows[done : done + len(part)] = part
            done += len(part)
        rows.flush()


def vectors_in_parts(pngs, backbone, cache_folder, threads, turns):
    """Yield arrays (turns, up to PART, features), in the order of the PNGs. Each PNG is read once.

    turns: see `vectors_of_views`.
    """
    if len(pngs) == 0:
        raise FlystageError(
            "The manifest does not contain any PNGs, so there are no features to compute. Check the catalog for reasons."
        )
    cache_folder, embed, computed, kind = Path(cache_folder), None, 0, kind_of_embedder()
    content = content_of(backbone)
    with (
        VectorCache(cache_folder / "vectors.sqlite") as cache,
        ThreadPoolExecutor(threads) as readers,
        tqdm(total=len(pngs) * len(turns), unit="picture", desc="features", disable=None) as progress,
    ):
        for start in range(0, len(pngs), PART):
            part = pngs[start : start + PART]
            files = dict(zip(part, readers.map(read_png, part), strict=True))
            digests, pictures = _digests(files, turns, cache, readers)
            keys = {view: f"{content}-{kind}:{digest}" for view, digest in digests.items()}
            vectors = cache.find(list(dict.fromkeys(keys.values())))
            unknown = {key: view for view, key in keys.items() if key not in vectors}
            progress.update(sum(key in vectors for key in keys.values()))
            wanted = [png for png in dict.fromkeys(png for png, _ in unknown.values()) if png not in pictures]
            decoded = readers.map(lambda png: decoded_png(png, files[png]), wanted)  # noqa: B023  (consumed in this pass)
            pictures |= zip(wanted, decoded, strict=True)
            of_first = next(iter(unknown.values()), (None,))[0]
            if unknown and embed is None:
                embed = embedder(kind, backbone, len(pictures[of_first]), cache_folder, threads)
            for batch in _batches(list(unknown), embed.batch if embed else 1):
                views = [unknown[key] for key in batch]
                batch_vectors = embedded(embed, np.stack([np.rot90(pictures[png], turn) for png, turn in views]))
                cache.keep(batch, batch_vectors)
                vectors.update(zip(batch, batch_vectors, strict=True))
            progress.update(sum(key in unknown for key in keys.values()))
            computed += len(unknown)
            yield np.stack([[vectors[keys[png, turn]] for png in part] for turn in turns])
    total = len(pngs) * len(turns)
    log.info("%d PNGs, %d vectors known, %d computed", len(pngs), total - computed, computed)


def _digests(files, turns, cache, readers):
    """Return ({(png, turn): digest of the pixels}, {png: picture} of the PNGs that were decoded for it).

    files: {png: bytes}. Vectors are kept by pixels and not by files, so a stored rotation by 90 degrees and a view of the
    unrotated PNG share one vector. The cache remembers the digests, so a known PNG is not decoded.
    """
    checksums = {png: hashlib.sha256(data).hexdigest() for png, data in files.items()}
    names = {(png, turn): f"{checksum}:{turn}" for png, checksum in checksums.items() for turn in turns}
    known = cache.find_digests(list(dict.fromkeys(names.values())))
    unknown = list(dict.fromkeys(png for (png, _), name in names.items() if name not in known))
    decoded = readers.map(lambda png: decoded_png(png, files[png]), unknown)
    pictures = dict(zip(unknown, decoded, strict=True))
    found = {}
    for (png, turn), name in names.items():
        if name not in known:
            view = np.ascontiguousarray(np.rot90(pictures[png], turn))
            found[name] = hashlib.sha256(repr(view.shape).encode() + view.tobytes()).hexdigest()
    cache.keep_digests(found)
    known |= found
    return {view: known[name] for view, name in names.items()}, pictures


def _batches(keys, size):
    return [keys[start : start + size] for start in range(0, len(keys), size)]


def embedded(embed, pictures):
    """Return the vectors of pictures, computed in a full batch, so that a vector does not depend on the number of pictures."""
    missing = embed.batch - len(pictures)
    filled = np.concatenate([pictures, np.repeat(pictures[-1:], missing, axis=0)]) if missing else pictures
    return embed(filled)[: len(pictures)]
