"""Benchmarks of the whole workflow: a cold run, a run with nothing to do, one more movie, and the memory of each step."""

import re
import sys
from functools import partial

import pandas as pd

import runs
import scripts_alone
from raw_images import LARGE, MOVIE, MOVIES_23, SMALL_PICTURE, STUDY, link, movies, raw_folder
from row import Row, in_turns

UP_TO_MANIFESTS = ("--until", "dataset")
# Small PNGs and a short tuning, because these runs measure the cost of many files, not the work on each.
QUICK = {
    "image": {"size": 32},
    "model": {"backbone": "resnet50", "weights": "none"},
    "tune": {"trials": 2, "epochs": 1},
    "train": {"epochs": 1},
}


def cold_runs(folder):
    """Yield the rows on a cold run up to the manifests, with full-size TIFs and default settings."""
    defaults = runs.default_config()
    for images in (STUDY, MOVIES_23):
        over = {"raw": [str(raw_folder(folder / f"raw-{images}", images))], "split": {"lock": "lock.csv"}}
        config = defaults | over | {"split": defaults["split"] | over["split"]}
        cold, alone = in_turns(
            2, partial(cold_run, folder / "cold", over), partial(scripts_run, folder / "alone", config)
        )
        yield Row(
            f"cold run to the manifests, {images:,} TIFs",
            cold,
            "s",
            "its scripts without Snakemake",
            alone,
            "at most",
            1.25,
        )


def cold_run(place, over):
    runs.snakemake(runs.emptied(place), over, *UP_TO_MANIFESTS)


def scripts_run(place, config):
    scripts_alone.up_to_the_manifests(runs.emptied(place), config)


def nothing_to_do(folder):
    """Yield the rows on a run with nothing to do, and on the memory of every step."""
    peaks = {}
    for images, limit in ((STUDY, 2), (MOVIES_23, 2.5), (LARGE, 4)):
        over = QUICK | {"raw": [str(raw_folder(folder / f"raw-small-{images}", images, SMALL_PICTURE))]}
        place = folder / f"small-{images}"
        place.mkdir(exist_ok=True)
        runs.snakemake(place, over)
        version, idle = in_turns(5, partial(runs.version, place), partial(runs.snakemake, place, over))
        if "Nothing to be done" not in (place / "output.txt").read_text(encoding="utf-8"):
            sys.exit(f"The second run in {place} had something to do. Read output.txt in that folder.")
        yield Row(f"nothing to do, {images:,} TIFs", idle, "s", "snakemake --version", version, "at most", limit)
        peaks[images] = peak_memory(place / "results/logs")
    for step, row in pd.DataFrame(peaks).iterrows():
        yield Row(f"peak memory of {step}, {LARGE:,} TIFs", row[LARGE], "MiB", f"at {STUDY:,} TIFs", row[STUDY])
    highest = max(peaks[LARGE].values())
    yield Row("highest peak memory", highest, "MiB", "the aim", 4096, "at most")


def peak_memory(logs):
    """Return {step: peak memory in MiB} from the logs of its jobs."""
    peaks = {}
    for log in logs.rglob("*.log"):
        step = log.parent.name if log.parent != logs else log.stem
        (peak,) = re.findall(r"peak memory (\d+) MiB", log.read_text(encoding="utf-8"))
        peaks[step] = max(peaks.get(step, 0), int(peak))
    return peaks


def one_movie_more(folder):
    """Yield the rows on adding one movie to 23, up to manifests and features."""
    drawn = folder / "drawn-1110"
    raw = raw_folder(runs.emptied(folder / "raw-growing"), MOVIES_23)
    place = runs.emptied(folder / "growing")
    over = QUICK | {"raw": [str(raw)], "image": {"size": 128}, "model": {"backbone": "resnet18", "weights": "none"}}
    up_to = ("--until", "features")
    cold = runs.snakemake(place, over, *up_to)
    before = count_pngs(place)
    nothing_new = runs.snakemake(place, over, *up_to, "--forcerun", "dataset")
    link(sorted(set(movies(drawn, 1, 24)) - set(movies(drawn, 1, 23))), drawn, raw)
    more = runs.snakemake(place, over, *up_to)
    share = count_pngs(place) / before - 1
    yield Row("start-up: both steps without new images", nothing_new, "s", "a cold run to the features", cold)
    what, beside = f"one more movie of {MOVIE} TIFs, without start-up", f"{share:.1%} of the cold run"
    yield Row(what, more - nothing_new, "s", beside, share * cold, "at most", 1.5)


def count_pngs(place):
    return sum(len(pd.read_csv(place / f"results/manifests/{split}.csv")) for split in ("train", "val", "test"))
