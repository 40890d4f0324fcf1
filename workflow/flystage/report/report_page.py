"""Write the report of a run, report.html, with all its figures and their limits."""

import logging
import platform
import tomllib
from collections import defaultdict
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import yaml

from flystage.core.disclosure import file_shown, places_shown, without_credentials
from flystage.core.files import written_whole
from flystage.core.records import read_json
from flystage.core.tables import kept_epoch, read_history, read_predictions, read_runs, read_text
from flystage.dataset.cameras import camera_doubts
from flystage.dataset.gathering import TRAINING_ONLY
from flystage.dataset.manifests import read_manifest, read_stages
from flystage.dataset.splitting import SPLITS
from flystage.report.examples import looked_at, thumbnail, worst_errors
from flystage.report.methods_text import methods_text
from flystage.report.templates import inline_svg, quoting, render
from flystage.report.verdict import verdict
from flystage.run.rule_log import AT_THE_END

log = logging.getLogger("flystage")
PROJECT = Path(__file__).parents[3] / "pyproject.toml"
PACKAGES = (
    "snakemake", "torch", "torchvision", "onnxruntime", "numpy", "pandas", "scipy",
    "scikit-learn", "opencv-python-headless", "tifffile", "imagecodecs", "matplotlib",
)  # fmt: skip
CONSTANT = 0.005  # standard deviation between images below which probabilities count as constant
SATURATED = 0.05  # mean clipped share above which the report warns


def write_report(files, drawn, config, page, methods):
    """Write the report page, and a paragraph for a methods section.

    files: paths by name: catalog, stages, manifests (train, val, test), network (as `fetch_weights` describes it), best, trials,
    history, predictions, metrics, runs (history.csv), figures, template. Optional: crossval, crossval_table, null (the null run)
    and occlusion.
    drawn: paths of more figures. config: the configuration to show. page, methods: where to write them.
    """
    catalog = read_text(files["catalog"])
    used = catalog[catalog["status"] == "used"]
    stages = read_stages(files["stages"])
    manifests = {split: read_manifest(path) for split, path in zip(SPLITS, files["manifests"], strict=True)}
    records = {name: read_json(files[name]) for name in ("metrics", "crossval", "null", "occlusion") if name in files}
    measured, crossval = records["metrics"], defaultdict(lambda: None, records.get("crossval", {}))
    predictions = read_predictions(files["predictions"])
    network, best, history = read_json(files["network"]), read_json(files["best"]), read_history(files["history"])
    warnings = _warnings(used, predictions, stages, measured, config)
    for warning in warnings:
        log.warning("%s", warning, extra={AT_THE_END: True})
    versions = {"flystage": _own_version(), "Python": platform.python_version()}
    versions |= {package: _version(package) for package in PACKAGES}
    counts = {
        split: {
            "embryos": int(manifest["embryo"].nunique()),
            "tifs": int((used["split"] == split).sum()),
            "pngs": len(manifest),
        }
        for split, manifest in manifests.items()
    }
    shown = crossval["crossval"] or measured
    sentence, good = verdict(shown, crossval["baselines"], crossval["learning_curve"])
    failing = (
        read_predictions(files["crossval_table"])
        if crossval["crossval"]
        else _with_pngs(predictions, manifests["test"])
    )
    records |= {
        "stages": _stage_counts(used, manifests, stages),
        "splits": _embryos(used, manifests),
        "counts": counts,
        "test_embryos": _by_embryo(predictions),
        "catalog": {"found": len(catalog)} | catalog["status"].value_counts().to_dict(),
        "worst": worst_errors(failing, stages),
        "runs": read_runs(files["runs"]),
        "origins": used["origin"].value_counts().to_dict(),
    }
    shown_config, place = _for_readers(config), places_shown(config["raw"])
    paragraph = methods_text(shown_config, stages, counts, network, best, measured, records.get("crossval"), versions)
    with written_whole(methods) as temporary:
        temporary.write_text(paragraph, encoding="utf-8")
    render(
        files["template"],
        page,
        n=quoting(records),
        records=records,
        metrics=measured,
        crossval=crossval,
        sentence=sentence,
        good=good,
        doubts=[doubt | {"picture": thumbnail(doubt.get("png"))} for doubt in crossval["label_doubts"] or []],
        looks=looked_at(records["occlusion"]["images"]) if "occlusion" in records else [],
        network=network,
        best=best,
        trials=[read_json(path) for path in files["trials"]],
        kept=kept_epoch(history).to_dict(),
        epochs=len(history),
        stages=stages,
        rejected=catalog.loc[catalog["status"] == "rejected", ["path", "stage", "reason"]].to_dict("records"),
        excluded=_counted(catalog.loc[catalog["status"] == "excluded", "reason"]),
        place=place,
        preparation=_preparation(used),
        warnings=warnings,
        figures={Path(path).stem: path for path in [*files["figures"], *drawn] if str(path).endswith(".png")},
        figure=lambda path, words: inline_svg(Path(path).with_suffix(".svg"), words),
        settings=yaml.safe_dump(shown_config, sort_keys=False, allow_unicode=True),
        versions=versions,
        png_size=config["image"]["size"],
        note=shown_config["note"],
        training_only=TRAINING_ONLY[config["split"]["test_reviewed"]],
        trained_on=date.fromtimestamp(Path(files["history"]).stat().st_mtime).isoformat(),
        methods=paragraph,
    )


def _with_pngs(predictions, test):
    """Return the predictions of the test images with the png of each, or "" where their order is not that of the manifest."""
    same = list(test["source"]) == list(predictions["source"])
    return predictions.assign(png=test["png"].to_numpy() if same else "")


def _for_readers(config):
    """Return the configuration without credentials and without the full paths of folders elsewhere on this machine."""

    def plain(value):
        if isinstance(value, dict):
            return {key: plain(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [plain(entry) for entry in value]
        return without_credentials(value) if isinstance(value, str) else value

    return plain(
        config
        | {"raw": list(map(places_shown(config["raw"]), config["raw"])), "results": file_shown(config["results"])}
        | {"labels": config["labels"] and list(map(file_shown, config["labels"]))}
        | {"split": config["split"] | {"lock": file_shown(config["split"]["lock"])}}
        | {"model": config["model"] | {"weights": file_shown(config["model"]["weights"])}}
    )


def _own_version():
    return tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"]


def _version(package):
    try:
        return version(package)
    except PackageNotFoundError:  # with one conda environment per kind of rule
        return "in the environment of its rules"


def _counted(values):
    """Return [(value, count)], the most frequent first."""
    return list(values.value_counts().items())


def _stage_counts(used, manifests, stages):
    """Return one row per stage: used TIFs and stored PNGs in each split."""
    tifs = used.groupby(["stage", "split"]).size()
    pngs = {split: manifest["stage"].value_counts() for split, manifest in manifests.items()}
    return [
        {
            "stage": stage,
            "tifs": [int(tifs.get((stage, split), 0)) for split in SPLITS],
            "pngs": [int(pngs[split].get(stage, 0)) for split in SPLITS],
        }
        for stage in stages.names
    ]


def _embryos(used, manifests):
    """Return {split: [{"embryo", "images", "stages"}]}, embryos in alphabetical order."""
    return {
        split: [
            {"embryo": embryo, "images": len(images), "stages": int(images["stage"].nunique())}
            for embryo, images in used[used["split"] == split].groupby("embryo")
        ]
        for split in manifests
    }


def _by_embryo(predictions):
    """Return one row per test embryo: images, top-1 share, mean error in the stages' unit."""
    return [
        {
            "embryo": embryo,
            "images": len(images),
            "top_1": float((images["rank"] == 1).mean()),
            "mae": float(images["time_error"].abs().mean()),
        }
        for embryo, images in predictions.groupby("embryo")
    ]


def _preparation(used):
    """Return minimum, median and maximum of the recorded facts, before and after preparing."""

    def span(column):
        numbers = used[column].astype(float)
        return numbers.min(), numbers.median(), numbers.max()

    return {
        "dtypes": _counted(used["dtype"]),
        "sizes": _counted(used["width"] + " x " + used["height"]),
        "channels": _counted(used["channels"]),
        "before": {name: span(name) for name in ("minimum", "maximum", "levels")},
        "after": {name: span(f"png_{name}") for name in ("minimum", "maximum", "levels")},
        "clipped": span("clipped"),
    }


def _facts_of(used):
    """Return the rows for `camera_doubts` of a catalog's used images, all of text."""
    names = ["path", "stage", "embryo", "dtype", "width", "height", "channels"]
    numbers = {name: used[name].replace("", "nan").astype(float) for name in ("brightness", "pixel_size")}
    return used[names].assign(**numbers).replace(float("nan"), None).to_dict("records")


def _warnings(used, predictions, stages, measured, config):
    """Return the warnings that a reader needs before trusting the figures."""
    warnings = []
    embryos = measured["embryos"]
    warnings.append(
        f"The test split has {embryos} embryo{'s' if embryos != 1 else ''} and {measured['images']} images."
        " Images of one embryo resemble each other, so the number of embryos determines how wide the intervals are."
        + (" With fewer than five embryos no firm statement is possible." if embryos < 5 else "")
    )
    if predictions[[f"p_{stage}" for stage in stages.names]].std().max() < CONSTANT:
        warnings.append(
            "The network gives nearly the same answer for every test image, so it did not learn anything that transfers to new embryos."
        )
    best = max(measured["top_k"].values(), key=lambda share: share["ci95"][0] - share["chance"])
    if best["ci95"][0] <= best["chance"]:
        warnings.append(
            "No top-k interval is above chance. These test images do not show that the network can classify unseen embryos."
        )
    if config["model"]["weights"] == "none":
        warnings.append(
            "The backbone has random weights, so its features mean little. For real work, set model.weights: imagenet."
        )
    train_stages = set(used.loc[used["split"] == "train", "stage"])
    for split, purpose in (("train", "network was not trained on"), ("test", "report does not measure")):
        lacking = [stage for stage in stages.names if stage not in set(used.loc[used["split"] == split, "stage"])]
        if lacking:
            warnings.append(f"No {split} image shows stage {', '.join(lacking)}, so the {purpose} it.")
    if len(train_stages) < len(stages):
        warnings.append(
            "The network cannot suggest a stage reliably without training images. Add embryos that show this stage."
        )
    alone = (used.groupby("embryo").size() == 1).mean()
    if alone > 0.5 and not config["labels"]:  # a table of labels names the embryos
        warnings.append(
            f"{100 * alone:.0f} % of the embryos have a single image. Check that the group embryo of name_pattern identifies embryos."
            " Otherwise images of one embryo may be in several splits, and every accuracy here is overestimated."
        )
    clipped = used["clipped"].astype(float).mean()
    if clipped > SATURATED:
        warnings.append(
            f"On average {100 * clipped:.0f} % of the pixels of an image saturate, so detail is lost. Lower image.normalize.factor or"
            " set image.normalize.method: percentile."
        )
    warnings += camera_doubts(_facts_of(used), stages.names)
    if (used["width"] + "x" + used["height"]).nunique() > 1 and config["image"]["field"] == "auto":
        warnings.append(
            "The raw images differ in size, and image.field: auto gives each its own scale. Set image.field to a number of raw pixels"
            " to use one scale for all."
        )
    if stages.unit is None:
        warnings.append(
            "The names of the stages do not show their order. Stages are therefore in alphabetical order, errors in time are not"
            " computed, and “within one stage” means within one place of that order. List the stages in their order under stages in"
            " the configuration."
        )
    elif stages.times is None:
        warnings.append("The stages do not have times. Errors are counted in stages, as if all were equally far apart.")
    return warnings
