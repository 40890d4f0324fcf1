"""Benchmark of preparing images, compared with the least work that any program must do."""

import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import tifffile

import runs
from flystage.images import preparing
from raw_images import movies
from row import Row, in_turns

CORES = os.cpu_count()
IMAGE = runs.default_config()["image"]
ANGLES = [0, *IMAGE["angles"]]


def the_floor(paths, folder):
    """Only decode, resample and encode the images, without checks, facts or checksums."""
    for path in paths:
        grey = tifffile.imread(path).astype(np.float32) * np.float32(255 * 6 / 65535)
        for angle, picture in zip(ANGLES, preparing.turned(grey, ANGLES, IMAGE["size"], IMAGE["field"]), strict=True):
            (folder / f"{path.stem}-{angle}.png").write_bytes(preparing.encoded_png(picture))


def ours(paths, folder):
    rows = [(str(path), "060", "embryo", "") for path in paths]
    preparing.prepare_bucket(rows, "train", IMAGE, ANGLES, folder / "pngs", folder / "table.csv")


def benchmark(folder):
    """Yield the rows on preparing: TIFs per second on all cores, with six PNGs per TIF."""
    paths = movies(folder / "drawn-1110", 1, 1)
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:

        def on_all_cores(way, number):
            places = [runs.emptied(folder / "prepared" / f"{way.__name__}-{core}") for core in range(CORES)]
            parts = [paths[core:number:CORES] for core in range(CORES)]
            list(pool.map(way, parts, places))

        on_all_cores(ours, CORES)  # import the modules before the measurement
        whole = len(paths)
        floor, ours_whole = in_turns(7, partial(on_all_cores, the_floor, whole), partial(on_all_cores, ours, whole))
    rate = whole / ours_whole
    yield Row("preparing", rate, "TIFs/s", "a bare loop", whole / floor, "at least", 0.85)
    (start,) = in_turns(5, start_of_a_job)
    yield Row("start of a job that prepares", start, "s", "the aim", 1, "at most", 1)


def start_of_a_job():
    """Import the modules that a job of `prepare` imports before its work: Snakemake's, the script's and the first decoder."""
    runs.python(
        "from snakemake.logging import logger; from snakemake.iocontainers import Snakemake;"
        "from flystage.images.preparing import prepare_bucket; from flystage.run.rule_log import rule_log; import imagecodecs"
    )
