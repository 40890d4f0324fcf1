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
BATCH = 16  # images; every batch is filled up to it, so a vector does not depend on its neighbours


def feature_vectors(pngs, backbone, cache_folder, threads):
    """Feature vectors of PNG files, float32 array (len(pngs), features), row i for pngs[i].

    backbone: {"name", "id", "mean", "std", "state"} as `fetch_weights` writes it. cache_folder: holds vectors that were
    computed before and the backbone as an ONNX graph; may be empty. threads: of the computation.
    Raises FlystageError when a PNG is missing or damaged.
    """
    if len(pngs) == 0:
        raise FlystageError("There are no PNGs to compute features of; the manifest is empty.")
    cache_folder = Path(cache_folder)
    with VectorCache(cache_folder / "vectors.sqlite") as cache:
        keys = [f"{backbone['id']}:{hashlib.sha256(_read(png)).hexdigest()}" for png in pngs]
        known = cache.find(list(dict.fromkeys(keys)))
        wanted = {key: png for key, png in zip(keys, pngs, strict=True) if key not in known}
        log.info("%d PNGs, %d vectors known, %d to compute", len(keys), len(known), len(wanted))
        if wanted:
            session = _session(backbone, _decoded(next(iter(wanted.values()))).shape[0], cache_folder, threads)
            with tqdm(total=len(wanted), unit="image", desc="features", disable=None) as progress:
                for part in _batches(list(wanted)):
                    pictures = np.stack([_decoded(wanted[key]) for key in part])
                    vectors = _run(session, pictures)
                    cache.keep(part, vectors)
                    known.update(zip(part, vectors, strict=True))
                    progress.update(len(part))
    return np.stack([known[key] for key in keys])


def write_split_vectors(manifest, backbone, cache_folder, threads, path):
    """Write the vectors of a manifest's PNGs to `path` as .npy: row i belongs to row i of the manifest.

    manifest: path of the CSV. The rest: see `feature_vectors`.
    """
    vectors = feature_vectors(read_manifest(manifest)["png"].tolist(), backbone, cache_folder, threads)
    with written_whole(path) as temporary:
        np.save(temporary, vectors)


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
            f"The prepared image {png} cannot be read ({error.strerror}); make it again with `snakemake --cores all --forcerun prepare`."
        ) from error


def _decoded(png):
    picture = cv2.imread(str(png), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise FlystageError(
            f"The prepared image {png} is damaged; make it again with `snakemake --cores all --forcerun prepare`."
        )
    return picture
