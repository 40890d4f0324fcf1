"""Features, predicting and tuning beside bare loops of torch."""

import os
import time

import cv2
import numpy as np
import torch
from torch.nn import functional

import runs
from flystage.core.tables import read_json
from flystage.images.preparing import encoded_png, prepare
from flystage.network.backbones import loaded_backbone
from flystage.network.checkpoint import save_checkpoint
from flystage.network.features import feature_vectors
from flystage.network.stager import Head
from flystage.network.weights import fetch_weights, load_weights
from flystage.raw.stages import Stages
from flystage.training.head import load_vectors
from raw_images import SMALL_PICTURE, STUDY, link, movies, raw_folder
from row import Row, in_turns, seconds

CORES = os.cpu_count()
SETTINGS = runs.default_config()
FEATURE_IMAGES, NEW_IMAGES, BATCH = 320, 1_000, 16


def features_and_predicting(folder):
    """Yield the rows on ResNet50 features and on predicting, both on the CPU at the default size."""
    place = runs.emptied(folder / "learning")
    fetch_weights("resnet50", "none", 1, place / "backbone.pt")
    backbone = load_weights(place / "backbone.pt")
    pngs = []
    for path in movies(folder / "drawn-1110", 1, 3)[:FEATURE_IMAGES]:
        pngs.append(place / f"{path.stem}.png")
        pngs[-1].write_bytes(encoded_png(prepare(path.read_bytes(), SETTINGS["image"], [0])[0][0]))
    first = seconds(lambda: feature_vectors(pngs[:BATCH], backbone, place / "cache", CORES))
    (place / "cache/vectors.sqlite").unlink()
    bare, expected = bare_loop(backbone, pngs)
    start = time.perf_counter()
    vectors = feature_vectors(pngs, backbone, place / "cache", CORES)
    rate = len(pngs) / (time.perf_counter() - start)
    bare_rate = len(pngs) / bare
    yield Row("features", rate, "images/s", "a bare eager loop", bare_rate, "at least", 1.5)
    difference = float(np.abs(vectors - expected).max())
    yield Row("largest difference of a feature", difference, "", "the aim", 1e-4, "at most")
    yield Row("the first 16 features ever, graph made", first, "s", "16 features", BATCH / rate)

    drawn = movies(folder / "drawn-1110", 1, 7)[:NEW_IMAGES]
    link(drawn, folder / "drawn-1110", place / "new")
    stages = Stages.in_class_order(f"{minute:03d}" for minute in range(51, 204, 9))
    head = Head(2048, SETTINGS["model"]["hidden"], len(stages))
    save_checkpoint(place / "checkpoint.pt", backbone, head, stages, SETTINGS["image"], {"note": ""})
    config = {"predict": {"images": ["new"], "checkpoint": "checkpoint.pt"}}
    predicting = NEW_IMAGES / runs.snakemake(place, config, "predict")
    what = f"predicting {NEW_IMAGES:,} new TIFs, all included"
    yield Row(what, predicting, "images/s", "a bare eager loop", bare_rate, "at least")


def bare_loop(backbone, pngs):
    """Seconds that eager torch (channels last, all cores) takes for pictures that are tensors already; and the features."""
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


def tuning(folder):
    """Yield the rows on 16 trials on cached features of the study's number of TIFs."""
    raw = raw_folder(folder / f"raw-small-{STUDY}", STUDY, SMALL_PICTURE)
    place = runs.emptied(folder / "tuning")
    config = {"raw": [str(raw)], "image": {"size": 32}, "model": {"backbone": "resnet50", "weights": "none"}}
    runs.snakemake(place, config | {"split": {"lock": "lock.csv"}}, "--until", "features")
    wall = runs.snakemake(place, config | {"split": {"lock": "lock.csv"}}, "--until", "best")
    results = place / "results"
    trials = [read_json(results / f"tuning/trial_{trial}.json") for trial in range(SETTINGS["tune"]["trials"])]
    vectors, labels = load_vectors(results / "features/train.npy", results / "manifests/train.csv")
    steps = sum(trial["epochs"] * optimiser_steps(vectors, labels, trial) for trial in trials)
    what = f"{len(trials)} trials, {STUDY:,} TIFs, {CORES} cores"
    yield Row(what, wall, "s", "their optimiser steps alone, one core", steps, "at most", 3)
    (start,) = in_turns(3, start_of_a_trial)
    yield Row("start of a trial: imports", start, "s", "all of that trial, on average", wall * CORES / len(trials))


def start_of_a_trial():
    runs.python(
        "from flystage.jobs import tuning; from flystage.training import head; import torch; torch.optim.AdamW([torch.zeros(1)])"
    )


def optimiser_steps(vectors, labels, trial):
    """Seconds that the optimiser steps of one epoch take, forward and backward included, on one core."""
    torch.set_num_threads(1)
    head = Head(vectors.shape[1], SETTINGS["model"]["hidden"], int(labels.max()) + 1, SETTINGS["model"]["dropout"])
    optimiser = torch.optim.AdamW(head.parameters(), lr=trial["learning_rate"])
    batches = list(zip(vectors.split(trial["batch_size"]), labels.split(trial["batch_size"]), strict=True))
    start = time.perf_counter()
    for inputs, answers in batches:
        optimiser.zero_grad()
        functional.cross_entropy(head(inputs), answers).backward()
        optimiser.step()
    return time.perf_counter() - start
