"""Compare variants of the settings: find their images, compute their figures and write the page."""

import logging
from pathlib import Path

import pandas as pd
import yaml

from flystage.core.disclosure import file_shown
from flystage.core.tables import read_predictions
from flystage.dataset.manifests import picture_of
from flystage.evaluation.metrics import metrics
from flystage.evaluation.paired import paired_differences
from flystage.report.templates import inline_svg, render

log = logging.getLogger("flystage")


def manifest_of_images(manifest, prepared, angles):
    """Return the manifest of the same raw images with the PNGs of a variant.

    manifest: of one split of the run. prepared: the tables of `prepare_bucket` for the variant. angles: to use, in degrees.
    Raw images that the variant cannot prepare are skipped with a warning.
    """
    known = manifest.set_index(picture_of(manifest["png"]))[["label", "origin"]]
    known = known[~known.index.duplicated()]
    pngs = prepared[prepared["angle"].isin([str(angle) for angle in angles])]
    pngs = pngs.set_index(picture_of(pngs["png"]))
    pngs = pngs[pngs.index.isin(known.index)]
    table = pngs[["png", "stage", "embryo", "angle", "path"]].rename(columns={"path": "source"})
    table = table.join(known)
    missing = len(known) - table.index.nunique()
    if missing:
        log.warning(
            "%d of %d images cannot be prepared with the settings of this variant. It skips them.", missing, len(known)
        )
    return table[list(manifest.columns)].reset_index(drop=True)


def comparison(validation, folds, variants, stages, top_k):
    """Return a table with one row per variant and way of measuring, with each figure's interval and chance.

    validation, folds: paths of prediction tables in folders named by variant, of the validation images and of
    cross-validation. variants: {name: what it changes}. stages: the Stages. top_k: list of k.
    Columns: variant, changes, measured_on (validation or folds), images, embryos. Then top_<k>, within_one and mae (in the stages'
    unit), each also as _low, _high and _chance. Then the difference of each figure to the first variant with the same measured_on:
    <figure>_minus_first, _minus_first_low and _minus_first_high, paired by image and embryo (empty for the first).
    """
    rows, order = [], list(variants)
    for measured_on, paths in (("validation", validation), ("folds", folds)):
        by_name = {Path(path).parent.name: read_predictions(path) for path in paths}
        first = min(by_name, key=order.index, default=None)
        for name, predictions in by_name.items():
            measured = metrics(predictions, stages, top_k)
            row = {
                "variant": name,
                "changes": _in_words(variants[name]),
                "measured_on": measured_on,
                "images": measured["images"],
                "embryos": measured["embryos"],
            }
            for k, share in measured["top_k"].items():
                row |= _with_interval(f"top_{k}", share["accuracy"], share)
            row |= _with_interval("within_one", measured["within_one"]["accuracy"], measured["within_one"])
            row |= _with_interval("mae", measured["mae"]["value"], measured["mae"])
            if name != first:
                differences = paired_differences(predictions, by_name[first], stages, top_k)
                for figure, difference in differences.items():
                    row |= _minus_first(figure, difference)
            rows.append(row)
    return pd.DataFrame(rows).sort_values(
        "variant", key=lambda names: names.map(order.index), kind="stable", ignore_index=True
    )


def _with_interval(name, value, figure):
    low, high = figure["ci95"]
    return {name: value, f"{name}_low": low, f"{name}_high": high, f"{name}_chance": figure["chance"]}


def _minus_first(name, difference):
    low, high = difference["ci95"]
    of_first = f"{name}_minus_first"
    return {of_first: difference["value"], f"{of_first}_low": low, f"{of_first}_high": high}


def by_how_much_validation_flatters(table, k):
    """Return top-k accuracy on the validation images minus that of cross-validation, averaged over variants with both; else None.

    table: as `comparison` returns it.
    """
    both = table.pivot(index="variant", columns="measured_on", values=f"top_{k}")
    if not {"validation", "folds"} <= set(both):
        return None
    differences = (both["validation"] - both["folds"]).dropna()
    return None if differences.empty else float(differences.mean())


def _in_words(changes):
    if "weights" in (model := changes.get("model") or {}):
        changes = changes | {"model": model | {"weights": file_shown(model["weights"])}}
    text = yaml.safe_dump(changes, default_flow_style=True, sort_keys=False, width=10_000).strip()
    return text.removeprefix("{").removesuffix("}") or "nothing"


def write_page(table, unit, top_k, note, figure, template, path):
    """Write the page of a comparison.

    table: as `comparison` returns it. unit: of the mean error, or None. figure: path of the PNG; the page shows the SVG next to it.
    """
    render(
        template,
        path,
        rows=table.to_dict("records"),
        changes=dict(zip(table["variant"], table["changes"], strict=True)),
        top_k=sorted(top_k),
        note=note,
        unit=unit,
        first={row["measured_on"]: row["variant"] for row in reversed(table.to_dict("records"))},
        flatters=by_how_much_validation_flatters(table, min(top_k)),
        figure=inline_svg(Path(figure).with_suffix(".svg"), "Accuracy and error of the variants"),
    )
