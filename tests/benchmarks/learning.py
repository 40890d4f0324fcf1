"""Benchmarks of features, prediction, tuning and a complete run, compared with bare loops and other scripts."""

import os
import resource
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cv2
import numpy as np
import onnxruntime
import pandas as pd
import torch

import embryos
import runs
from flystage.core.records import read_json
from flystage.core.tables import read_history
from flystage.images.preparing import encoded_png, prepare
from flystage.jobs.training_job import TrainingJob
from flystage.network.backbones import loaded_backbone
from flystage.network.checkpoint import save_checkpoint
from flystage.network.features import feature_vectors
from flystage.network.stager import Head
from flystage.network.weights import fetch_weights, load_weights
from flystage.raw.stages import Stages
from raw_images import link, movies
from row import Row, in_turns, seconds

CORES = os.cpu_count()
SETTINGS = runs.default_config()
FEATURE_IMAGES, NEW_IMAGES, BATCH = 320, 1_000, 16
FORMERLY = [40, 15]  # of a trial: most epochs, and most epochs without a better validation loss
FILES = {
    "train_manifest": "manifests/train.csv", "val_manifest": "manifests/val.csv", "stages": "stages.csv",
    "backbone": "model/backbone.pt", "train_vectors": "features/train.npy", "val_vectors": "features/val.npy",
}  # fmt: skip


def features_and_predicting(folder):
    """Yield the rows on features and on prediction, both on the CPU."""
    place = runs.emptied(folder / "learning")
    yield from features_of(place / "resnet50", folder, "resnet50", "none", SETTINGS["image"]["size"])
    yield from features_of(place / "lite0", folder, "efficientnet_lite0", "bundled", 320)

    backbone = load_weights(place / "resnet50/backbone.pt")
    drawn = movies(folder / "drawn-1110", 1, 7)[:NEW_IMAGES]
    link(drawn, folder / "drawn-1110", place / "new")
    stages = Stages.as_given(f"{minute:03d}" for minute in range(51, 204, 9))
    head = Head(2048, SETTINGS["model"]["hidden"], len(stages))
    save_checkpoint(place / "checkpoint.pt", backbone, head, stages, SETTINGS["image"], {"note": ""})
    config = {"predict": {"images": ["new"], "checkpoint": "checkpoint.pt"}, "evaluate": {"views": 1}}
    predicting = NEW_IMAGES / runs.snakemake(place, config, "predict")
    pngs = sorted((place / "resnet50").glob("*.png"))
    bare_rate = len(pngs) / bare_loop(backbone, pngs)[0]
    what = f"predicting {NEW_IMAGES:,} new TIFs in one view, everything included"
    yield Row(what, predicting, "images/s", "a bare eager loop", bare_rate, "at least")


def features_of(place, folder, name, weights, size):
    """Yield the rows on the features of a network, compared with bare loops of eager torch and of ONNX Runtime.

    size: of the pictures, in pixels.
    """
    place.mkdir()
    fetch_weights(name, weights, 1, place / "backbone.pt")
    backbone, pngs = load_weights(place / "backbone.pt"), []
    for path in movies(folder / "drawn-1110", 1, 3)[:FEATURE_IMAGES]:
        pngs.append(place / f"{path.stem}.png")
        pngs[-1].write_bytes(encoded_png(prepare(path.read_bytes(), SETTINGS["image"] | {"size": size}, [0])[0][0]))
    feature_vectors(pngs[:BATCH], backbone, place / "cache", CORES)  # creates the graph

    def ours():
        (place / "cache/vectors.sqlite").unlink()
        return feature_vectors(pngs, backbone, place / "cache", CORES)

    seconds_of_ours, bare_graph = in_turns(
        3, ours, partial(bare_onnx_loop, next((place / "cache").glob("*.onnx")), pngs)
    )
    eager, expected = bare_loop(backbone, pngs)
    rate, what = len(pngs) / seconds_of_ours, f"features of {name}, {size} pixels"
    yield Row(what, rate, "images/s", "a bare eager loop", len(pngs) / eager, "at least", 1.5)
    yield Row(what, rate, "images/s", "a bare loop of ONNX Runtime", len(pngs) / bare_graph, "at least", 0.9)
    difference = float(np.abs(ours() - expected).max())
    yield Row("largest difference of a feature", difference, "", "the aim", 1e-4, "at most")


def bare_onnx_loop(graph, pngs):
    """Compute the vectors of PNGs, which are decoded from memory one after the other."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = CORES
    session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    files = [np.frombuffer(png.read_bytes(), np.uint8) for png in pngs]
    for start in range(0, len(files), BATCH):
        pictures = [cv2.imdecode(file, cv2.IMREAD_GRAYSCALE) for file in files[start : start + BATCH]]
        session.run(None, {"pictures": np.stack(pictures)})


def bare_loop(backbone, pngs):
    """Return (seconds, features) of eager torch, channels last and on all cores, for pictures that are already tensors."""
    torch.set_num_threads(CORES)
    network = loaded_backbone(backbone).eval().to(memory_format=torch.channels_last)
    pictures = torch.from_numpy(np.stack([cv2.imread(str(png), cv2.IMREAD_GRAYSCALE) for png in pngs]))
    pictures = pictures.unsqueeze(1).to(torch.float32) / 255
    pictures = ((pictures - network.mean) / network.std).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        network.body(pictures[:BATCH])
        start = time.perf_counter()
        vectors = [network.body(batch) for batch in pictures.split(BATCH)]
        return time.perf_counter() - start, torch.cat(vectors).numpy()


def to_the_report(folder):
    """Yield the rows on a complete run and its trials with pretrained weights, compared with scripts of a colleague."""
    size = (embryos.WIDTH, embryos.HEIGHT)
    raw = folder / "raw-544"
    embryos.write_embryos(raw, embryos=32, minutes=range(51, 204, 9), slices=1, size=size, droppings=False)
    place = runs.emptied(folder / "to-the-report")
    config = {
        "raw": [str(raw)],
        "split": {"lock": "lock.csv"},
        "model": {"backbone": "efficientnet_lite0", "weights": "bundled"},
    }
    ours = runs.snakemake(place, config)
    results, image_size = place / "results", str(SETTINGS["image"]["size"])
    weights = results / "model/backbone.pt"
    clever = seconds(runs.program, "clever_script.py", raw, image_size, weights)
    yield Row(
        "raw TIFs to report, 544 TIFs", ours, "s", "the clever script", clever, "at most", 1.5
    )  # others/clever_script.py

    trials = [read_json(path) for path in sorted((results / "tuning").glob("trial_*.json"))]
    epochs = sum(trial["epochs"] for trial in trials) + len(read_history(results / "model/history.csv"))
    epoch = float(runs.program("plain_script.py", results / "split", weights, 64).split()[-2])
    yield Row(
        "the plain script, computed for all epochs of the run",
        epochs * epoch,
        "s",
        "raw TIFs to report",
        ours,
        "at least",
        20,
    )
    spent = sum(cpu_seconds_of_rule(results, rule) for rule in ("crossval", "checkpoint", "report"))
    what = "cross-validation with baselines, calibration and the report, CPU time"
    yield Row(what, spent, "s", "the aim", 40, "at most")
    yield from tuning(results, trials)


def cpu_seconds_of_rule(results, rule):
    """Return the CPU time of a rule's only job in seconds, as Snakemake measured it."""
    return float(pd.read_csv(results / f"benchmarks/{rule}.tsv", sep="\t")["cpu_time"].iloc[-1])


def tuning(results, trials):
    """Yield the row on the CPU time of all trials on cached features."""
    job = TrainingJob.of_rule(
        {name: results / path for name, path in FILES.items()},
        SETTINGS | {"cache": str(results / "cache")},
        {},
        SETTINGS["tune"]["epochs"],
    )
    job.write(results / "job.json")
    shutil.rmtree(results / "cache/trials")
    code = (
        "from flystage.jobs import trials, training_job; trials.run_trials(training_job.TrainingJob.read('job.json'),"
        f" {SETTINGS['tune']!r}, {len(trials)}, 'cache/trials', {CORES})"
    )
    now = cpu_seconds(runs.python, code, results)
    settings = [[trial["learning_rate"], trial["batch_size"]] for trial in trials]
    folders = [results / "features", results / "manifests"]

    def formerly():
        with ThreadPoolExecutor(CORES) as pool:
            list(pool.map(lambda each: runs.program("former_trial.py", *folders, *each, *FORMERLY), settings))

    before = cpu_seconds(formerly)
    vectors = np.load(results / "features/train.npy", mmap_mode="r")
    what = f"{len(trials)} trials on {len(vectors):,} x {vectors.shape[1]:,} features, CPU time"
    yield Row(what, now, "s", "a process for each trial, all features", before, "at most", 0.2)


def cpu_seconds(function, *arguments):
    """Return the CPU time in seconds of the processes that a call starts and waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    function(*arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
