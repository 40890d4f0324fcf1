"""Preparing beside the study's way of doing it, and beside the least that any program must do."""

import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import cv2
import numpy as np
import tifffile

import runs
from flystage.images import preparing
from raw_images import movies
from row import Row, in_turns

CORES = os.cpu_count()
IMAGE = runs.default_config()["image"]
ANGLES = [0, *IMAGE["angles"]]


def the_studys_way(paths, folder):
    """Every step through a file at full size, as the notebook of the study did it."""
    for path in paths:
        for angle in ANGLES:
            rotated, multiplied = folder / f"{path.stem}-{angle}.tif", folder / f"{path.stem}-{angle}-6.tif"
            tifffile.imwrite(rotated, on_a_grown_canvas(tifffile.imread(path), angle))
            brighter = np.clip(tifffile.imread(rotated).astype(np.float32) * 6, 0, 65535).astype(np.uint16)
            tifffile.imwrite(multiplied, brighter)
            cv2.imwrite(str(folder / f"{path.stem}-{angle}.png"), (tifffile.imread(multiplied) >> 8).astype(np.uint8))


def on_a_grown_canvas(plane, angle):
    height, width = plane.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    grown_width, grown_height = int(height * sin + width * cos), int(height * cos + width * sin)
    matrix[:, 2] += (grown_width - width) / 2, (grown_height - height) / 2
    return cv2.warpAffine(plane, matrix, (grown_width, grown_height))


def the_floor(paths, folder):
    """Decode, resample, encode, and nothing else: no check, no fact, no checksum."""
    for path in paths:
        grey = tifffile.imread(path).astype(np.float32) * np.float32(255 * 6 / 65535)
        for angle, picture in zip(ANGLES, preparing.turned(grey, ANGLES, IMAGE["size"], IMAGE["field"]), strict=True):
            (folder / f"{path.stem}-{angle}.png").write_bytes(preparing.encoded_png(picture))


def ours(paths, folder):
    rows = [(str(path), "060", "embryo") for path in paths]
    preparing.prepare_bucket(rows, "train", IMAGE, ANGLES, folder / "pngs", folder / "table.csv")


def benchmark(folder):
    """Yield the rows on preparing: TIFs per second on all cores, six PNGs each."""
    paths = movies(folder / "drawn-1110", 1, 1)
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:

        def on_all_cores(way, number):
            places = [runs.emptied(folder / "prepared" / f"{way.__name__}-{core}") for core in range(CORES)]
            parts = [paths[core:number:CORES] for core in range(CORES)]
            list(pool.map(way, parts, places))

        on_all_cores(ours, CORES)  # imports
        whole, few = len(paths), len(paths) // 5
        study, _ = in_turns(3, partial(on_all_cores, the_studys_way, few), partial(on_all_cores, ours, whole))
        floor, ours_whole = in_turns(7, partial(on_all_cores, the_floor, whole), partial(on_all_cores, ours, whole))
    rate = whole / ours_whole
    yield Row("preparing", rate, "TIFs/s", "the study's way", few / study, "at least", 15)
    yield Row("preparing", rate, "TIFs/s", "a bare loop", whole / floor, "at least", 0.85)
    (start,) = in_turns(5, start_of_a_job)
    yield Row("start of a job that prepares", start, "s", "the aim", 1, "at most", 1)


def start_of_a_job():
    """What a job of `prepare` imports before it works: Snakemake's part, the script's, the first decoder."""
    runs.python(
        "from snakemake.logging import logger; from snakemake.iocontainers import Snakemake;"
        "from flystage.images.preparing import prepare_bucket; from flystage.run.rule_log import rule_log; import imagecodecs"
    )
