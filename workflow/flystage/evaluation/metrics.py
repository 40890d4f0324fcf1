"""Compute how well images were classified: every figure with chance and an interval."""

import numpy as np
import pandas as pd

from flystage.evaluation.intervals import mean_interval, proportion_interval
from flystage.raw.times import UNITS


def predictions_table(manifest, probabilities, stages):
    """Return a table with one row per test image.

    manifest: table with source, stage, label, embryo. probabilities: array (images, stages), columns in class order.
    stages: the Stages. Columns: source, stage, embryo, rank (of the true stage, 1 is best; a tie counts against it), time_error
    (expected minus true time, in the stages' unit; counted in stages where they have no times), minutes_error (the same in
    minutes), predicted (the first suggestion), expected_time, and p_<stage> each. Values that need times or an order are empty
    without them.
    """
    labels = manifest["label"].to_numpy()
    true = probabilities[np.arange(len(labels)), labels]
    places = np.full(len(stages), np.nan) if stages.places is None else stages.places
    error = probabilities @ places - places[labels]
    minutes = np.nan if stages.times is None else UNITS[stages.unit]
    table = pd.DataFrame(
        {
            "source": manifest["source"].to_numpy(),
            "stage": manifest["stage"].to_numpy(),
            "embryo": manifest["embryo"].to_numpy(),
            "rank": (~(probabilities < true[:, None])).sum(axis=1),  # not >=, which would give NaN the rank 0
            "time_error": np.round(error, 3),
            "minutes_error": np.round(error * minutes, 3),
            "predicted": np.asarray(stages.names)[probabilities.argmax(axis=1)],
            "expected_time": np.round(stages.expected_times(probabilities), 3),
        }
    )
    columns = [f"p_{name}" for name in stages.names]
    return pd.concat([table, pd.DataFrame(probabilities, columns=columns)], axis=1)


def _share(correct, embryos, chance):
    return {
        "accuracy": float(np.mean(correct)),
        "ci95": list(proportion_interval(correct, embryos)),
        "chance": float(chance),
    }


def top_k_share(predictions, k, stages):
    """Return the share of images whose true stage is among the first k suggestions: accuracy, ci95, chance (k of n stages)."""
    return _share(predictions["rank"] <= k, predictions["embryo"], min(k, len(stages)) / len(stages))


def metrics(predictions, stages, top_k):
    """Return all figures of the evaluation as a dict of plain values (metrics.json).

    predictions: see `predictions_table`. stages: the Stages. top_k: list of k.
    Chance: for top-k and within one stage, random guessing among all stages; for the mean absolute error, mae, always guessing
    the mean of all stages, which is the best constant guess. mae is in the stages' unit, or counts stages where they have an
    order but no times. Without an order, its values are None.
    """
    true = predictions["stage"].map(stages.labels).to_numpy()
    first = predictions["predicted"].map(stages.labels).to_numpy()
    embryos = predictions["embryo"].to_numpy()
    neighbours = np.minimum(true + 1, len(stages) - 1) - np.maximum(true - 1, 0) + 1
    return {
        "stages": list(stages.names),
        "images": len(predictions),
        "embryos": int(predictions["embryo"].nunique()),
        "top_k": {str(k): top_k_share(predictions, k, stages) for k in sorted(top_k)},
        "within_one": _share(np.abs(first - true) <= 1, embryos, np.mean(neighbours) / len(stages)),
        "mae": _mean_error(predictions, stages),
        "per_stage": {name: _one_stage(predictions[true == label], stages) for name, label in stages.labels.items()},
    }


def with_crossval(measured, record):
    """Add the figures of cross-validation: crossval, baselines, random_split; None for missing ones.

    record: evaluation/crossval.json as a dict, or None.
    """
    return measured | {key: (record or {}).get(key) for key in ("crossval", "baselines", "random_split")}


def _mean_error(predictions, stages):
    places = stages.places
    if places is None:
        return {"value": None, "ci95": [None, None], "chance": None, "unit": None}
    errors = predictions["time_error"].abs()
    true = predictions["stage"].map(dict(zip(stages.names, places, strict=True)))
    return {
        "value": float(errors.mean()),
        "ci95": list(mean_interval(errors, predictions["embryo"], np.ptp(places))),
        "chance": float((true - places.mean()).abs().mean()),
        "unit": stages.unit,
    }


def _one_stage(rows, stages):
    """Return the figures of the test images of one stage. Without images they are None."""
    if rows.empty:
        return {
            "images": 0,
            "embryos": 0,
            "accuracy": None,
            "ci95": [None, None],
            "chance": 1 / len(stages),
            "mae": None,
        }
    errors = rows["time_error"].abs().mean()
    return {
        "images": len(rows),
        "embryos": int(rows["embryo"].nunique()),
        **top_k_share(rows, 1, stages),
        "mae": None if np.isnan(errors) else float(errors),
    }


def confusion_matrix(predictions, stages):
    """Return counts, int array (stages, stages): rows are true stages, columns first suggestions."""
    table = np.zeros((len(stages), len(stages)), dtype=int)
    np.add.at(table, (predictions["stage"].map(stages.labels), predictions["predicted"].map(stages.labels)), 1)
    return table


def top_k_curve(predictions, stages):
    """Return a table with k from 1 to all stages: k, accuracy, low, high, chance."""
    rows = []
    for k in range(1, len(stages) + 1):
        share = top_k_share(predictions, k, stages)
        low, high = share["ci95"]
        rows.append({"k": k, "accuracy": share["accuracy"], "low": low, "high": high, "chance": share["chance"]})
    return pd.DataFrame(rows)
