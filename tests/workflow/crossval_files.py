"""Write made-up results of cross-validation: files with the right columns and keys and consistent values."""

import json

import numpy as np
import pandas as pd

from flystage.evaluation.metrics import metrics, predictions_table

BASELINES = {  # {baseline: standard deviation of its answers, in stages, or None for equal probabilities}
    "chance": None,
    "commonest stage": None,
    "nearest neighbour on pixels": 2.6,
    "logistic regression on pixels": 1.9,
    "logistic regression on features": 0.95,
}


def answers(labels, embryos, stages, rng, spread=0.9, drift=0.5):
    """Return probabilities (images, stages) of a network that sees each embryo as a little older or younger than it is."""
    shift = {embryo: rng.normal(0, drift) for embryo in sorted(set(embryos))}
    centre = labels + np.array([shift[embryo] for embryo in embryos]) + rng.normal(0, spread, len(labels))
    weight = np.exp(-((np.arange(len(stages)) - centre[:, None]) ** 2) / (2 * 0.7**2)) + 1e-6
    return weight / weight.sum(axis=1, keepdims=True)


def write_crossval(folder, manifests, stages, top_k=(1, 3, 6), seed=0, spread=0.9, folds=6):
    """Write crossval.csv, crossval.json and null.json with made-up answers into `folder`. Return the record of crossval.json.

    manifests: {split: table of unrotated PNGs}. spread: standard deviation of the answers, in stages.
    """
    rng = np.random.default_rng(seed)
    table = pd.concat([manifest.assign(split=split) for split, manifest in manifests.items()], ignore_index=True)
    labels, embryos = table["label"].to_numpy(), table["embryo"].to_numpy()
    predictions = predictions_table(table, answers(labels, embryos, stages, rng, spread), stages)
    names = sorted(set(embryos))
    predictions = predictions.assign(
        split=table["split"], fold=[names.index(each) % folds for each in embryos], png=table["png"]
    )
    measured = metrics(predictions, stages, top_k)
    record = {
        "crossval": measured
        | {
            "folds": folds,
            "hyperparameters": "Learning rate and batch size were those of the run, chosen on the validation embryos.",
        },
        "baselines": {},
        "by_embryo": _by_embryo(predictions),
        "learning_curve": [
            _point(count, len(names), measured) for count in sorted({2, 4, len(names) // 2, len(names) - 1})
        ],
        "date": "2026-01-01",
        "seconds": 12.0,
    }
    for name, spread_of in BASELINES.items():
        guessed = (
            answers(labels, embryos, stages, rng, spread_of)
            if spread_of
            else np.full((len(labels), len(stages)), 1 / len(stages))
        )
        its = predictions_table(table, guessed, stages)
        figures = metrics(its, stages, top_k)
        record["baselines"][name] = {key: figures[key] for key in ("top_k", "within_one", "mae")}
        if name != "chance":
            record["baselines"][name]["better_by"] = _better_by(predictions, its, stages)
    same = record["baselines"]["logistic regression on features"]
    leaky = metrics(predictions_table(table, answers(labels, embryos, stages, rng, 0.4, 0.1), stages), stages, top_k)
    record["random_split"] = {key: leaky[key] for key in ("top_k", "within_one", "mae")} | {
        "network_same_method": {key: same[key] for key in ("top_k", "within_one", "mae")}
    }
    record |= _of_probabilities(predictions, stages, names)
    certainty = {"calibration": record["calibration"], "sets": record["sets"], "interval": None}
    record["alone"] = same | certainty
    folder.mkdir(parents=True, exist_ok=True)
    predictions.to_csv(folder / "crossval.csv", index=False)
    (folder / "crossval.json").write_text(json.dumps(record, indent=2))
    nothing = metrics(predictions_table(table, rng.dirichlet(np.ones(len(stages)), len(labels)), stages), stages, top_k)
    keys = ("top_k", "within_one", "mae", "embryos", "images")
    (folder / "null.json").write_text(json.dumps({key: nothing[key] for key in keys}))
    return record


def _by_embryo(predictions):
    return [
        {
            "embryo": embryo,
            "split": images["split"].iloc[0],
            "images": len(images),
            "top_1": float((images["rank"] == 1).mean()),
            "within_one": float((images["rank"] <= 2).mean()),
            "mae": _mean(images["time_error"].abs()),
        }
        for embryo, images in predictions.groupby("embryo")
    ]


def _mean(values):
    return None if np.isnan(values.mean()) else float(values.mean())


def _better_by(own, other, stages):
    right = ((own["rank"] == 1) * 1.0 - (other["rank"] == 1)).groupby(own["embryo"]).mean()
    nearer = (other["time_error"].abs() - own["time_error"].abs()).groupby(own["embryo"]).mean()
    found = {"top_1": right} | ({"mae": nearer} if stages.unit else {})
    halves = {name: 2.1 * values.std() / np.sqrt(len(values)) for name, values in found.items()}
    return {
        name: {"value": values.mean(), "ci95": [values.mean() - halves[name], values.mean() + halves[name]]}
        for name, values in found.items()
    }


def _point(count, most, measured):
    share = (count / most) ** 0.3

    def spread(value, width, largest=1.0):
        return {"value": value, "low": max(value - width, 0.0), "high": min(value + width, largest)}

    first = next(iter(measured["top_k"]))
    point = {"embryos": count, "repeats": 5}
    point["top_1"] = spread(share * measured["top_k"][first]["accuracy"], 0.12)
    point["top_3"] = spread(share * measured["top_k"].get("3", measured["top_k"][first])["accuracy"], 0.08)
    point["within_one"] = spread(share * measured["within_one"]["accuracy"], 0.08)
    error = measured["mae"]["value"]
    point["mae"] = None if error is None else spread(error / share, 0.15 * error, 1e9)
    return point


def _of_probabilities(predictions, stages, names):
    """Return made-up calibration, prediction sets, doubtful labels and the support of each stage."""
    probabilities = predictions[[f"p_{stage}" for stage in stages.names]].to_numpy()
    sure, right = probabilities.max(axis=1), (predictions["rank"] == 1).to_numpy()
    given = np.array([row[f"p_{row['stage']}"] for _, row in predictions.iterrows()])
    order = -np.sort(-probabilities, axis=1)
    size = 1 + (np.cumsum(order, axis=1) < 0.97).sum(axis=1)
    held = predictions["rank"].to_numpy() <= size
    doubts = predictions.assign(p_given=given).query("predicted != stage").sort_values("p_given").head(24)
    columns = ["source", "stage", "predicted", "p_given", "embryo", "png"]
    support = predictions.groupby("stage").agg(
        images=("rank", "size"), embryos=("embryo", "nunique"), accuracy=("rank", lambda rank: (rank == 1).mean())
    )
    return {
        "calibration": {
            "temperature": 1.31,
            "ece_before": 0.112,
            "ece_after": 0.041,
            "reliability_before": _bins(sure, right),
            "reliability_after": _bins(sure**1.31, right),
        },
        "sets": {
            "asked": 0.9,
            "promised": 0.9 if len(names) >= 9 else round(len(names) / (len(names) + 1), 3),
            "threshold": 0.97,
            "embryos": len(names),
            "mean_size": float(size.mean()),
            "covered": float(held.mean()),
            "covered_by_embryo": [
                {
                    "embryo": name,
                    "covered": float(held[predictions["embryo"] == name].mean()),
                    "mean_size": float(size[predictions["embryo"] == name].mean()),
                }
                for name in names
            ],
            "sizes": {str(value): int((size == value).sum()) for value in sorted(set(size))},
        },
        "label_doubts": doubts[columns].to_dict("records"),
        "stage_support": support.reset_index().sort_values(["accuracy", "stage"]).to_dict("records"),
    }


def _bins(sure, right):
    which = np.minimum((10 * sure).astype(int), 9)
    return [
        {
            "confidence": float(sure[which == each].mean()),
            "accuracy": float(right[which == each].mean()),
            "images": int((which == each).sum()),
        }
        for each in sorted(set(which))
    ]
