"""Compute figures of out-of-fold predictions by embryo and by stage."""

import numpy as np


def by_embryo(table, stages):
    """Return a list of {"embryo", "split", "images", "top_1", "within_one", "mae"}, in the order of the names.

    table: predictions as `predictions_table` returns them, with split. stages: the Stages. mae is None without an order of stages.
    """
    steps = (table["stage"].map(stages.labels) - table["predicted"].map(stages.labels)).abs()
    return [
        {
            "embryo": embryo,
            "split": rows["split"].iloc[0],
            "images": len(rows),
            "top_1": float((rows["rank"] <= 1).mean()),
            "within_one": float((steps[rows.index] <= 1).mean()),
            "mae": None if stages.places is None else float(rows["time_error"].abs().mean()),
        }
        for embryo, rows in table.groupby("embryo")
    ]


def stage_support(table, stages):
    """Return a list of {"stage", "images", "embryos", "accuracy"}, the weakest stage first. table, stages: see `by_embryo`."""
    rows = [
        {
            "stage": stage,
            "images": len(images),
            "embryos": int(images["embryo"].nunique()),
            "accuracy": float(np.mean(images["rank"] <= 1)),
        }
        for stage, images in table.groupby("stage")
    ]
    return sorted(rows, key=lambda row: (row["accuracy"], row["images"], stages.labels[row["stage"]]))
