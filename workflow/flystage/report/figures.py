"""The figures of the results folder, one function each: tables and numbers in, a PNG out."""

import textwrap

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from flystage.core.files import written_whole
from flystage.core.tables import kept_epoch

SPLIT_COLOURS = {
    "train": "#4477aa",
    "val": "#ccbb44",
    "test": "#ee6677",
}  # Paul Tol's bright scheme, safe for the colour-blind
plt.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110})


def _save(figure, path):
    with written_whole(path) as temporary:
        figure.savefig(temporary, bbox_inches="tight", format="png")
    plt.close(figure)


def _stage_axis(axes, stages):
    axes.set_xticks(range(len(stages)), stages.names, rotation=90 if len(stages) > 8 else 0)
    axes.set_xlabel("stage")


def images_per_stage(table, stages, title, path):
    """Stacked bars, images per stage and split. table: one row per image, with the columns split and stage. stages: the Stages."""
    counts = table.groupby(["split", "stage"]).size()
    figure, axes = plt.subplots(figsize=(max(6.0, 0.38 * len(stages)), 3.4))
    bottom = np.zeros(len(stages))
    for split, colour in SPLIT_COLOURS.items():
        height = np.array([counts.get((split, stage), 0) for stage in stages.names], dtype=float)
        axes.bar(range(len(stages)), height, bottom=bottom, color=colour, label=f"{split} ({height.sum():.0f})")
        bottom += height
    _stage_axis(axes, stages)
    axes.set_ylabel("images")
    axes.set_ylim(0, bottom.max() * 1.25)
    axes.set_title(title, loc="left")
    axes.legend(ncols=3, frameon=False, loc="upper right")
    _save(figure, path)


def sample_before_after(name, plane, white, pictures, angles, path):
    """One raw image as a viewer shows it, its histogram, and the PNGs made from it.

    name: of the raw image. plane: 2-D raw array. white: the value a viewer shows as white. pictures: uint8 arrays, one per
    angle in degrees.
    """
    size, (height, width) = pictures[0].shape[0], plane.shape
    half = int(np.ceil(size * height / np.hypot(height, width) / 2))
    middle = pictures[0][size // 2 - half : size // 2 + half]  # the unrotated PNG without its empty margin
    figure = plt.figure(figsize=(10, 6.5), layout="constrained")
    figure.suptitle("\n".join(textwrap.wrap(name, 110)), fontsize=10)
    top, bottom = figure.subfigures(2, 1, height_ratios=[1.9, 1])
    (raw, after), histograms = top.subplots(2, 2)
    raw.imshow(plane, cmap="gray", vmin=0, vmax=white)
    raw.set_title(f"before: {plane.dtype}, {plane.min():g} to {plane.max():g}")
    after.imshow(middle, cmap="gray", vmin=0, vmax=255)
    after.set_title(f"after: 8 bit, {pictures[0].min()} to {pictures[0].max()}")
    for axes, values, limit, label in zip(
        histograms, (plane, pictures[0]), (white, 255), ("raw value", "PNG value"), strict=True
    ):
        axes.hist(values.ravel(), bins=128, range=(0, limit), color="#555555", log=True)
        axes.set_xlabel(label)
        axes.set_ylabel("pixels")
    turned = np.atleast_1d(bottom.subplots(1, len(pictures)))
    for axes, picture, angle in zip(turned, pictures, angles, strict=True):
        axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
        axes.set_title(f"{angle}°")
    for axes in (raw, after, *turned):
        axes.set_axis_off()
    _save(figure, path)


def training_curve(history, path):
    """Loss and top-1 accuracy by epoch. history: table with epoch, train_loss; val_loss, val_top1 and phase if it has them."""
    kept = kept_epoch(history)["epoch"]
    validated = "val_loss" in history
    figure, panels = plt.subplots(1, 2 if validated else 1, figsize=(9 if validated else 5, 3.2), squeeze=False)
    loss, *accuracies = panels[0]
    loss.plot(history["epoch"], history["train_loss"], color=SPLIT_COLOURS["train"], label="train (loss as optimised)")
    loss.set_ylabel("loss")
    if validated:
        loss.plot(history["epoch"], history["val_loss"], color=SPLIT_COLOURS["val"], label="val (cross-entropy)")
    for accuracy in accuracies:
        accuracy.plot(history["epoch"], 100 * history["val_top1"], color=SPLIT_COLOURS["val"], label="val")
        accuracy.set_ylabel("top-1 accuracy, %")
        accuracy.set_ylim(0, 100)
    for axes in panels[0]:
        axes.axvline(kept, color="#888888", linestyle=":", label="kept")
        if "phase" in history:
            last_of_head = history.loc[history["phase"] == "head", "epoch"].max()
            axes.axvspan(last_of_head + 0.5, history["epoch"].max() + 0.5, color="#f2f2f2", label="whole network")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(frameon=False)
    _save(figure, path)


def tuning(trials, best, path):
    """Validation loss of every trial over learning rate and batch size. trials: records; best: the trial number kept."""
    trials = pd.DataFrame(trials).dropna(subset="val_loss")  # a trial that diverged has no loss to show
    figure, axes = plt.subplots(figsize=(6.4, 3.4))
    points = axes.scatter(
        trials["learning_rate"], trials["batch_size"], c=trials["val_loss"], s=70, cmap="viridis_r", edgecolor="white"
    )
    kept = trials[trials["trial"] == best]
    axes.scatter(kept["learning_rate"], kept["batch_size"], s=220, facecolor="none", edgecolor="#ee6677", linewidth=2)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yscale("log", base=2)
    sizes = sorted(set(trials["batch_size"]))
    axes.set_yticks(sizes, [str(size) for size in sizes])
    axes.set_xlabel("learning rate")
    axes.set_ylabel("batch size")
    axes.set_title("best trial ringed", loc="left")
    figure.colorbar(points, label="validation loss")
    _save(figure, path)


def confusion(table, stages, path):
    """Rows: true stage, columns: first suggestion, each row in per cent. table: square array of counts. stages: the Stages."""
    share = 100 * table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    side = max(4.5, 0.36 * len(stages) + 1.5)
    figure, axes = plt.subplots(figsize=(side + 0.8, side))
    picture = axes.imshow(share, cmap="Blues", vmin=0, vmax=100)
    for row, column in zip(*np.nonzero(table), strict=True):
        axes.text(
            column, row, table[row, column], ha="center", va="center", fontsize=7,
            color="white" if share[row, column] > 55 else "black",
        )  # fmt: skip
    _stage_axis(axes, stages)
    axes.set_xlabel("first suggestion")
    axes.set_yticks(range(len(stages)), stages.names)
    axes.set_ylabel("true stage")
    axes.set_title("test images (numbers: images)", loc="left")
    figure.colorbar(picture, label="% of the true stage's images", shrink=0.7)
    _save(figure, path)


def top_k(curve, path):
    """Accuracy by k with its interval, beside chance. curve: table with k, accuracy, low, high, chance."""
    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    axes.fill_between(
        curve["k"], 100 * curve["low"], 100 * curve["high"], color="#ee6677", alpha=0.2, label="95 % interval"
    )
    axes.plot(curve["k"], 100 * curve["accuracy"], color="#ee6677", marker="o", label="test images")
    axes.plot(curve["k"], 100 * curve["chance"], color="#888888", linestyle="--", label="chance")
    axes.set_xlabel("k: the true stage is among the first k suggestions")
    axes.set_ylabel("top-k accuracy, %")
    axes.set_ylim(0, 101)
    axes.legend(frameon=False, loc="lower right")
    _save(figure, path)


def comparison(table, k, unit, path):
    """Top-k accuracy and mean error of variants, one below the other, with intervals and chance.

    table: as `comparing.comparison` gives it. k: of the accuracy shown. unit: of the mean error, or None.
    """
    variants = list(dict.fromkeys(table["variant"]))
    names = [f"top_{k}", *(["mae"] if unit else [])]
    titles = {f"top_{k}": f"top-{k} accuracy, %", "mae": f"mean error, {unit}"}
    figure, panels = plt.subplots(
        1,
        len(names),
        figsize=(4.8 * len(names), 1.2 + 0.5 * len(variants)),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    ways = {"validation": ("validation", SPLIT_COLOURS["val"], -0.13), "folds": ("cross-validation", "#4477aa", 0.13)}
    for axes, name in zip(panels[0], names, strict=True):
        scale = 100 if name.startswith("top") else 1
        for way, (label, colour, offset) in ways.items():
            rows = table[table["measured_on"] == way]
            if rows.empty:
                continue
            value, low, high = (scale * rows[column].astype(float) for column in (name, f"{name}_low", f"{name}_high"))
            place = rows["variant"].map(variants.index) + offset
            axes.errorbar(value, place, xerr=[value - low, high - value], fmt="o", color=colour, capsize=3, label=label)
            for _, row in rows.iterrows():
                y = variants.index(row["variant"]) + offset
                axes.plot(
                    [scale * row[f"{name}_chance"]] * 2,
                    [y - 0.12, y + 0.12],
                    color="#888888",
                    linestyle=":",
                    linewidth=2,
                )
        axes.set_xlabel(titles[name])
        axes.set_xlim(left=0)
    panels[0][0].set_yticks(range(len(variants)), variants)
    panels[0][0].invert_yaxis()
    panels[0][0].plot([], [], color="#888888", linestyle=":", label="chance")
    figure.legend(*panels[0][0].get_legend_handles_labels(), ncols=3, frameon=False, loc="outside upper right")
    _save(figure, path)
