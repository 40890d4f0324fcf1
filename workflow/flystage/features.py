"""One feature vector per PNG from a frozen backbone, each computed once."""

import hashlib
import logging
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from tqdm import tqdm

from flystage.errors import FlystageError
from flystage.tables import read_manifest
from flystage.vectors import VectorCache
from flystage.whole import written_whole

log = logging.getLogger("flystage")
PROVIDERS = ["CPUExecutionProvider"]
PART = 32 * 16  # PNGs that are held in memory at a time
BATCH = 16  # images; every batch is filled up to it, so a vector does not depend on its neighbours


def feature_vectors(pngs, backbone, cache_folder, threads):
    """Feature vectors of PNG files, float32 array (len(pngs), features), row i for pngs[i].

    backbone: {"name", "id", "mean", "std", "state"} as `fetch_weights` writes it. cache_folder: holds vectors that were
    computed before and the backbone as an ONNX graph; may be empty. threads: of the computation.
    Raises FlystageError when a PNG is missing or damaged.
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
    cache_folder, session, computed = Path(cache_folder), None, 0
    with (
        VectorCache(cache_folder / "vectors.sqlite") as cache,
        tqdm(total=len(pngs), unit="PNG", desc="features", disable=None) as progress,
    ):
        for start in range(0, len(pngs), PART):
            files = {png: _read(png) for png in pngs[start : start + PART]}
            keys = {png: f"{backbone['id']}:{hashlib.sha256(data).hexdigest()}" for png, data in files.items()}
            vectors = cache.find(list(keys.values()))
            new = {key: _decoded(png, files[png]) for png, key in keys.items() if key not in vectors}
            progress.update(len(files) - len(new))
            for batch in _batches(list(new)):
                session = session or _session(backbone, new[batch[0]].shape[0], cache_folder, threads)
                batch_vectors = _run(session, np.stack([new[key] for key in batch]))
                cache.keep(batch, batch_vectors)
                vectors.update(zip(batch, batch_vectors, strict=True))
                progress.update(len(batch))
            computed += len(new)
            yield np.stack([vectors[keys[png]] for png in pngs[start : start + PART]])
    log.info("%d PNGs, %d vectors known, %d computed", len(pngs), len(pngs) - computed, computed)


def _batches(keys):
    return [keys[start : start + BATCH] for start in range(0, len(keys), BATCH)]


def _run(session, pictures):
    """Vectors of up to BATCH pictures, uint8 array (pictures, height, width)."""
    count = len(pictures)
    filled = np.concatenate([pictures, np.repeat(pictures[-1:], BATCH - count, axis=0)]) if count < BATCH else pictures
    return session.run(None, {"pictures": filled})[0][:count]


def _session(backbone, size, cache_folder, threads):
    """The backbone ready to run on the CPU. ONNX Runtime is 1.6 times as fast there as torch, and starts at once."""
    graph = cache_folder / f"{backbone['id']}-{size}.onnx"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    if graph.exists():
        try:
            return onnxruntime.InferenceSession(str(graph), options, providers=PROVIDERS)
        except Exception as error:  # ONNX Runtime has no class of its own for a damaged file
            log.info("The cached graph %s cannot be loaded and is made again (%s)", graph, error)
    _export(backbone, size, graph)
    return onnxruntime.InferenceSession(str(graph), options, providers=PROVIDERS)


def _export(backbone, size, graph):
    import torch

    from flystage.networks import Backbone

    network = Backbone(backbone["name"], backbone["mean"], backbone["std"])
    network.load_state_dict(backbone["state"])
    example = torch.zeros((BATCH, size, size), dtype=torch.uint8)
    with written_whole(graph) as temporary:
        torch.onnx.export(
            network.eval(), (example,), str(temporary), input_names=["pictures"], external_data=False, verbose=False
        )


def _read(png):
    try:
        return Path(png).read_bytes()
    except OSError as error:
        raise FlystageError(
            f"The prepared image {png} cannot be read ({error.strerror}): delete its folder {Path(png).parent} and run again."
        ) from error


def _decoded(png, data):
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
    if picture is None:
        raise FlystageError(f"The prepared image {png} is damaged: delete its folder {Path(png).parent} and run again.")
    return picture
