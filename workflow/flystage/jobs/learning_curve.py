"""Compute the learning curve: accuracy by the number of training embryos, which shows what more data would bring."""

import numpy as np

from flystage.evaluation.metrics import metrics, predictions_table
from flystage.jobs.held_out import NETWORK

REPEATS = 3
HELD_OUT = 0.25  # share of the embryos that are classified


def sizes(embryos):
    """Return the numbers of training embryos: 2, 4, 8 ... up to two thirds of those not held out, and all of these.

    The result is [] with fewer than four embryos. embryos: number of embryos.
    """
    most = embryos - _staged(embryos)
    return [] if embryos < 4 else sorted({2**power for power in range(1, 20) if 2**power <= most / 1.5} | {most})


def _staged(embryos):
    return max(1, round(HELD_OUT * embryos))


def curve_tasks(embryos, seed, measured_by):
    """Return the tasks for `answers`. Each repeat holds out other embryos and learns from a growing part of the rest.

    embryos: of each image, array of text. seed: of the random choice of embryos. measured_by: see `scored`. The curve
    leaves out embryos without such images.
    """
    random, tasks = np.random.default_rng(seed), []
    names = np.unique(embryos[measured_by])
    for _ in range(REPEATS):
        staged, others = np.split(random.permutation(names), [_staged(len(names))])
        for size in sizes(len(names)):
            tasks.append((np.isin(embryos, others[:size]), np.isin(embryos, staged) & measured_by, [NETWORK]))
    return tasks


def learning_curve(manifest, tasks, found, stages, top_k):
    """Return a list of {"embryos", "top_<k>", "within_one", "mae", "repeats"}, by number of embryos.

    manifest: of the Images. tasks, found: from `curve_tasks` and `answers`. stages: the Stages. top_k: list of k.
    Each figure is {"value": mean of the repeats, "low": lowest, "high": highest}. mae is None without an order of the
    stages.
    """
    figures = {}
    for (learned, staged, _), answer in zip(tasks, found, strict=True):
        predictions = predictions_table(manifest[staged].reset_index(drop=True), answer[NETWORK], stages)
        measured = metrics(predictions, stages, top_k)
        values = {f"top_{k}": share["accuracy"] for k, share in measured["top_k"].items()}
        values |= {"within_one": measured["within_one"]["accuracy"], "mae": measured["mae"]["value"]}
        figures.setdefault(manifest.loc[learned, "embryo"].nunique(), []).append(values)
    return [
        {"embryos": size}
        | {name: _spread([values[name] for values in repeats]) for name in repeats[0]}
        | {"repeats": len(repeats)}
        for size, repeats in sorted(figures.items())
    ]


def _spread(values):
    if values[0] is None:
        return None
    return {"value": float(np.mean(values)), "low": min(values), "high": max(values)}
