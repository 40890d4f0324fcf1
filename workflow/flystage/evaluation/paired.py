"""Compare two methods on the same images: by how much one is better, with an interval over embryos."""

import numpy as np

from flystage.evaluation.intervals import difference_interval

IMAGE = ["source", "stage", "embryo", "number"]


def paired_differences(first, second, stages, top_k):
    """Return the figures of one method minus those of another, over the images that both classified.

    first, second: tables as `predictions_table` returns them, in any order. stages: the Stages. top_k: list of k.
    Returns {"top_<k>", "within_one", "mae": {"value", "ci95"}}. mae, the mean absolute error, is in the stages' unit; it is None
    without an order of the stages. Intervals of a single embryo are None.
    """
    first, second = (_by_image(predictions, stages) for predictions in (first, second))
    both = first.index.intersection(second.index)
    first, second = first.loc[both], second.loc[both]
    embryos = both.get_level_values("embryo").to_numpy()
    figures = {f"top_{k}": lambda table, k=k: table["rank"] <= k for k in sorted(top_k)}
    figures["within_one"] = lambda table: table["steps"] <= 1
    found = {name: _difference(of(first), of(second), embryos) for name, of in figures.items()}
    if stages.places is None:
        return found | {"mae": {"value": None, "ci95": [None, None]}}
    return found | {"mae": _difference(first["time_error"].abs(), second["time_error"].abs(), embryos)}


def _by_image(predictions, stages):
    """Index the predictions by image. Pictures of the same file and stage are distinguished by their order."""
    number = predictions.groupby(["source", "stage"]).cumcount()
    steps = (predictions["stage"].map(stages.labels) - predictions["predicted"].map(stages.labels)).abs()
    return predictions.assign(number=number, steps=steps).set_index(IMAGE)


def _difference(first, second, embryos):
    differences = first.to_numpy(dtype=float) - second.to_numpy(dtype=float)
    return {"value": float(np.mean(differences)), "ci95": list(difference_interval(differences, embryos))}
