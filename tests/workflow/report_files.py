"""Write a made-up results folder for a report, without a run, for any stages."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import yaml

from crossval_files import answers, write_crossval
from flystage.core.records import read_json, write_json
from flystage.core.tables import read_predictions, read_runs, write_csv
from flystage.dataset.manifests import read_stages
from flystage.evaluation import metrics
from flystage.evaluation.run_history import add_run
from flystage.report import crossval_figures, figures
from flystage.report.report_page import write_report

REPOSITORY = Path(__file__).parents[2]
FACTS = {
    "sha256": "00", "width": "90", "height": "40", "dtype": "uint16", "channels": "1", "pages": "1", "minimum": "0", "maximum": "900",
    "levels": "800", "clipped": "0.0", "blank": "0.0",
    "brightness": "30", "pixel_size": "", "picture": "00", "note": "", "png_minimum": "0", "png_maximum": "250",
    "png_levels": "200",
}  # fmt: skip


def write_results(results, stages, embryos=9, seed=0, spread=0.9, crossval=True):
    """Write the outputs of the rules before `report`, with their figures. Return {name: path} as `write_report` takes it."""
    rng = np.random.default_rng(seed)
    for folder in ("manifests", "model", "tuning", "evaluation", "images", "figures"):
        (results / folder).mkdir(parents=True)
    splits = ["test" if number % 4 == 3 else "val" if number % 4 == 2 else "train" for number in range(embryos)]
    rows = []
    for number, split in enumerate(splits):
        for label, stage in enumerate(stages.names):
            name = f"embryo{number:02d}-{label:02d}"
            png = results / "images" / f"{name}-000.png"
            picture = np.zeros((64, 64), np.uint8)
            cv2.ellipse(picture, (32, 32), (26, 10 + label % 8), 0, 0, 360, 40 + 2 * (label % 60), -1)
            cv2.imwrite(
                str(png), np.where(picture > 0, picture + rng.integers(0, 30, picture.shape), 0).astype(np.uint8)
            )
            rows.append({"png": str(png), "stage": stage, "label": label, "embryo": f"embryo{number:02d}", "angle": 0,
                         "source": f"raw/{name}.tif", "origin": "reviewed" if number == 0 else "given", "split": split})  # fmt: skip
    table = pd.DataFrame(rows)
    manifests = {split: table[table["split"] == split].drop(columns="split") for split in ("train", "val", "test")}
    for split, manifest in manifests.items():
        write_csv(manifest, results / f"manifests/{split}.csv")
    catalog = pd.DataFrame({"path": table["source"], "frame": "", "stage": table["stage"], "embryo": table["embryo"],
                            "split": table["split"], "status": "used", "reason": "", "origin": table["origin"]} | FACTS)  # fmt: skip
    bad = {"path": ["raw/a <b>.tif"], "stage": stages.names[0], "status": "rejected", "reason": "empty file"}
    write_csv(pd.concat([catalog, pd.DataFrame(bad)]).fillna(""), results / "catalog.csv")
    write_csv(
        pd.DataFrame(
            {
                "label": range(len(stages)),
                "stage": stages.names,
                "time": stages.times or np.nan,
                "unit": stages.unit or "",
                "images": 9,
            }
        ),
        results / "stages.csv",
    )
    test = manifests["test"]
    probabilities = answers(test["label"].to_numpy(), test["embryo"].to_numpy(), stages, rng, spread)
    write_csv(metrics.predictions_table(test, probabilities, stages), results / "evaluation/predictions.csv")
    predictions = read_predictions(results / "evaluation/predictions.csv")
    alone = answers(test["label"].to_numpy(), test["embryo"].to_numpy(), stages, rng, 1.2 * spread)
    alone = metrics.metrics(metrics.predictions_table(test, alone, stages), stages, [1, 3, 6])
    write_json(metrics.metrics(predictions, stages, [1, 3, 6]) | {"alone": alone}, results / "evaluation/metrics.json")
    figures.confusion(metrics.confusion_matrix(predictions, stages), stages, results / "figures/confusion_matrix.png")
    figures.top_k(metrics.top_k_curve(predictions, stages), results / "figures/top_k.png")
    used = catalog[["split", "stage"]]
    figures.images_per_stage(used, stages, "raw images used", results / "figures/images_per_stage_before_rotation.png")
    figures.images_per_stage(used, stages, "PNGs", results / "figures/images_per_stage_after_rotation.png")
    network = {
        "name": "resnet18",
        "source": "none",
        "licence": "",
        "id": "abc",
        "mean": [0.5],
        "std": [0.5],
        "size": 64,
        "pooling": "mean_std",
        "parts": 2,
    }
    write_json(network, results / "model/backbone.json")
    trials = [{"trial": i, "learning_rate": 10 ** -(2 + i / 3), "batch_size": 32 * 2 ** (i % 3), "val_loss": 1.5 + 0.1 * i,
               "best_epoch": 4} for i in range(5)]  # fmt: skip
    for trial in trials:
        write_json(trial, results / f"tuning/trial_{trial['trial']}.json")
    write_json(trials[0], results / "tuning/best.json")
    history = pd.DataFrame({"epoch": range(1, 9), "train_loss": np.linspace(3, 1.4, 8), "val_loss": np.linspace(2.5, 0.9, 8),
                            "val_top1": np.linspace(0.1, 0.6, 8)})  # fmt: skip
    write_csv(history, results / "model/history.csv")
    figures.tuning(trials, 0, results / "figures/tuning.png")
    figures.training_curve(history, results / "figures/training_curve.png")
    plane = rng.integers(0, 900, (40, 90)).astype(np.uint16)
    pictures = [cv2.imread(rows[0]["png"], cv2.IMREAD_GRAYSCALE)] * 6
    angles = [0, 45, 90, 135, 180, 270]
    figures.sample_before_after(
        rows[0]["source"], plane, 4095, pictures, angles, results / "figures/sample_before_after.png"
    )
    files = {
        "catalog": results / "catalog.csv",
        "stages": results / "stages.csv",
        "manifests": [results / f"manifests/{split}.csv" for split in manifests],
        "network": results / "model/backbone.json",
        "best": results / "tuning/best.json",
        "trials": sorted(results.glob("tuning/trial_*.json")),
        "history": results / "model/history.csv",
        "predictions": results / "evaluation/predictions.csv",
        "metrics": results / "evaluation/metrics.json",
        "runs": results / "history.csv",
        "figures": sorted([*results.glob("figures/*.png"), results / "figures/runs.png"]),
        "template": REPOSITORY / "workflow/report/report.html.j2",
    }
    runs = []
    for number in range(2):
        kept = {"test": results / "evaluation/predictions.csv"}
        known = catalog if number else catalog[catalog["embryo"] != "embryo00"]
        runs = add_run(kept, known, stages, results / ".history", f"2026-01-0{number + 1}")
    write_csv(runs, results / "history.csv")
    figures.runs(read_runs(results / "history.csv"), stages.unit, results / "figures/runs.png")
    looked = [{"source": row["source"], "stage": row["stage"], "predicted": stages.names[0], "embryo": row["embryo"], "png": row["png"],
               "group": "right", "believed": 0.7, "box": [20, 6, 44, 58], "drops": [[0.1, -0.1, 0.3], [0, 0.5, 0]]}
              for row in test.head(3).to_dict("records")]  # fmt: skip
    write_json({"images": looked}, results / "evaluation/occlusion.json")
    files["occlusion"] = results / "evaluation/occlusion.json"
    if crossval:
        write_crossval(results / "evaluation", manifests, stages, seed=seed, spread=spread)
        names = {"crossval": "crossval.json", "crossval_table": "crossval.csv", "null": "null.json"}
        files |= {name: results / "evaluation" / file for name, file in names.items()}
    return files


def write_page(results, files, /, **changes):
    """Write the report of a folder from `write_results`, as the rule's script does. changes: of the configuration. Return its path."""
    stages = read_stages(files["stages"])
    crossval = read_json(files["crossval"]) if "crossval" in files else {}
    predictions = read_predictions(files["crossval_table" if crossval.get("crossval") else "predictions"])
    confusion, curve = metrics.confusion_matrix(predictions, stages), metrics.top_k_curve(predictions, stages)
    drawn = crossval_figures.draw(crossval, predictions, confusion, curve, stages, results / "figures/crossval")
    return write_page_of(results, files, drawn, **changes)


def write_page_of(results, files, drawn, /, **changes):
    """Write the same with existing figures of cross-validation. drawn: paths of their PNGs."""
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))
    config |= {"note": "Made up."} | changes
    write_report(files, drawn, config, results / "report.html", results / "report/methods.txt")
    return results / "report.html"
