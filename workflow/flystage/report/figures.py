"""Draw the figures of the data set, the training, the test images and variants, each as a PNG and an SVG."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from flystage.core.tables import kept_epoch
from flystage.report.drawing import BLUE, GREY, RED, SPLIT_COLOURS, WIDTH, YELLOW, panels, save, stage_ticks

FEW_STAGES = 20  # the cells of a confusion matrix have room for a number up to this many stages


def images_per_stage(table, stages, title, path):
    """Draw stacked bars: images per stage and split. table: one row per image, with columns split and stage. stages: the Stages."""
    counts = table.groupby(["split", "stage"]).size()
    figure, [[axes]] = panels(3.0)
    bottom = np.zeros(len(stages))
    for (split, colour), hatch in zip(SPLIT_COLOURS.items(), (None, "///", "..."), strict=True):
        height = np.array([counts.get((split, stage), 0) for stage in stages.names], dtype=float)
        label = f"{split} ({height.sum():.0f})"
        axes.bar(
            range(len(stages)),
            height,
            bottom=bottom,
            color=colour,
            edgecolor="white",
            linewidth=0,
            hatch=hatch,
            label=label,
        )
        bottom += height
    stage_ticks(axes.xaxis, stages)
    axes.set_xlabel(_stage_axis(stages))
    axes.set_ylabel("images")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(title, pad=22)
    axes.legend(ncols=3, loc="lower left", bbox_to_anchor=(-0.02, 0.98), borderaxespad=0, columnspacing=1.2)
    save(figure, path)


def _stage_axis(stages):
    return f"stage ({stages.unit})" if stages.times else "stage"


def sample_before_after(name, plane, white, pictures, angles, path):
    """Draw one raw image as a viewer shows it, its histogram, and the PNGs made from it.

    name: of the raw image. plane: 2-D raw array. white: the value a viewer shows as white. pictures: uint8 arrays, one per
    angle in degrees.
    """
    size, (height, width) = pictures[0].shape[0], plane.shape
    half = int(np.ceil(size * height / np.hypot(height, width) / 2))
    middle = pictures[0][size // 2 - half : size // 2 + half]  # the unrotated PNG without its empty margin
    figure = plt.figure(figsize=(WIDTH, 5.6), layout="constrained")
    figure.suptitle("\n".join(textwrap.wrap(name, 66)), fontsize="medium", x=0.01, ha="left")
    rows = -(-len(pictures) // 4)
    top, bottom = figure.subfigures(2, 1, height_ratios=[3, rows])
    (raw, after), histograms = top.subplots(2, 2)
    raw.imshow(plane, cmap="gray", vmin=0, vmax=white)
    raw.set_title(f"before: {plane.dtype},\n{plane.min():g} to {plane.max():g}")
    after.imshow(middle, cmap="gray", vmin=0, vmax=255)
    after.set_title(f"after: 8 bit,\n{pictures[0].min()} to {pictures[0].max()}")
    for axes, values, limit, label in zip(
        histograms, (plane, pictures[0]), (white, 255), ("raw value", "PNG value"), strict=True
    ):
        axes.hist(values.ravel(), bins=128, range=(0, limit), color="#555555", log=True)
        axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        axes.set_yticks([10**power for power in range(0, 10, 2)], [f"{10**power:,}" for power in range(0, 10, 2)])
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_ylim(0.5, 2 * values.size)
        axes.set_xlabel(label)
        axes.set_ylabel("pixels")
    turned = bottom.subplots(rows, min(4, len(pictures)), squeeze=False).ravel()
    for axes, picture, angle in zip(turned, pictures, angles, strict=False):
        axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
        axes.set_title(f"{angle}°")
    for axes in (raw, after, *turned):
        axes.set_axis_off()
    save(figure, path)


def training_curve(history, path):
    """Draw losses and top-1 accuracy by epoch. history: table with epoch and train_loss, perhaps val_loss, val_top1 and phase.

    The training loss and the cross-entropy of validation cannot be compared, so they have separate axes.
    """
    kept = kept_epoch(history)["epoch"]
    shown = [("train_loss", 1, "training loss\n(as optimised)", SPLIT_COLOURS["train"])]
    if "val_loss" in history:
        shown += [("val_loss", 1, "validation\ncross-entropy", SPLIT_COLOURS["val"])]
        shown += [("val_top1", 100, "validation\ntop-1, %", SPLIT_COLOURS["val"])]
    figure, rows = panels(0.7 + 1.25 * len(shown), rows=len(shown), sharex=True)
    for [axes], (column, scale, label, colour) in zip(rows, shown, strict=True):
        axes.axvline(kept, color=GREY, linestyle=":", label="epoch kept")
        if "phase" in history:
            last_of_head = history.loc[history["phase"] == "head", "epoch"].max()
            axes.axvspan(last_of_head + 0.5, history["epoch"].max() + 0.5, color="#f2f2f2", label="fine-tuning")
        axes.plot(history["epoch"], scale * history[column], color=colour)
        axes.set_ylabel(label)
        axes.set_ylim(*((0, 101) if column == "val_top1" else (0, None)))
        axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    rows[0][0].legend(ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0)
    figure.align_ylabels()
    save(figure, path)


def tuning(trials, best, path):
    """Draw the validation loss of every trial by learning rate and batch size. trials: records. best: number of the best trial."""
    trials = pd.DataFrame(trials).dropna(subset="val_loss")  # a trial that diverged has no loss
    figure, [[axes]] = panels(3.2)
    points = axes.scatter(
        trials["learning_rate"], trials["batch_size"], c=trials["val_loss"], s=70, cmap="viridis_r", edgecolor="white"
    )
    kept = trials[trials["trial"] == best]
    axes.scatter(kept["learning_rate"], kept["batch_size"], s=220, facecolor="none", edgecolor=RED, linewidth=2)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3), numticks=8))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_yscale("log", base=2)
    sizes = sorted(set(trials["batch_size"]))
    axes.set_yticks(sizes, [str(size) for size in sizes])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("learning rate")
    axes.set_ylabel("batch size")
    axes.set_title("ring: best trial")
    figure.colorbar(points, label="validation loss")
    save(figure, path)


def confusion(table, stages, path, title="test images"):
    """Draw a confusion matrix: rows are true stages, columns first suggestions, each row in per cent.

    table: square array of counts. stages: the Stages.
    """
    share = 100 * table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    figure, [[axes]] = panels(4.6)
    picture = axes.imshow(share, cmap="Blues", vmin=0, vmax=100)
    if len(stages) <= FEW_STAGES and table.max() < 100:
        for row, column in zip(*np.nonzero(table), strict=True):
            axes.text(
                column, row, table[row, column], ha="center", va="center", fontsize="small",
                color="white" if share[row, column] > 55 else "black",
            )  # fmt: skip
    stage_ticks(axes.xaxis, stages, share=0.62)
    stage_ticks(axes.yaxis, stages, share=0.62)
    axes.set_xlabel("first suggestion")
    axes.set_ylabel("true stage")
    axes.set_title(title)
    figure.colorbar(picture, label="% of the images of the true stage", shrink=0.8)
    save(figure, path)


def top_k(curve, path, title="test images"):
    """Draw accuracy by k with its interval and chance. curve: table with k, accuracy, low, high, chance."""
    figure, [[axes]] = panels(3.2)
    open_ended = curve[curve["chance"] < 1]  # all stages together always contain the true one
    axes.fill_between(
        open_ended["k"],
        100 * open_ended["low"],
        100 * open_ended["high"],
        color=BLUE,
        alpha=0.2,
        linewidth=0,
        label="95 % interval",
    )
    axes.plot(curve["k"], 100 * curve["accuracy"], color=BLUE, marker="o", markersize=4, label=title)
    axes.plot(curve["k"], 100 * curve["chance"], color=GREY, linestyle="--", label="chance")
    axes.set_xlabel("k: the true stage is among the first k suggestions")
    axes.set_ylabel("top-k accuracy, %")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(0, 101)
    axes.legend(loc="lower right")
    save(figure, path)


def runs(history, unit, path):
    """Draw top-1 accuracy and mean error of all runs, with intervals. Rings: only embryos that the previous run measured too.

    history: list of dicts, see `read_runs`. unit: of the mean error, or None.
    """
    shown = {"top_1": ("top-1 accuracy, %", 100)} | ({"mae": (f"mean error, {unit}", 1)} if unit else {})
    figure, rows = panels(3.2, columns=len(shown))
    ways = {"test": ("test split", YELLOW, -0.1), "crossval": ("cross-validation", BLUE, 0.1)}
    for axes, (name, (title, scale)) in zip(rows[0], shown.items(), strict=True):
        for way, (label, colour, offset) in ways.items():
            there = [run for run in history if run[f"{way}_{name}"] is not None]
            value, low, high = (
                np.array([scale * run[f"{way}_{name}{end}"] for run in there]) for end in ("", "_low", "_high")
            )
            place = np.array([run["run"] + offset for run in there])
            if there:
                axes.errorbar(
                    place, value, yerr=[value - low, high - value], fmt="o-", color=colour, capsize=3, label=label
                )
            for run in there:
                ends = [run[f"{way}_known_{name}_{when}"] for when in ("before", "now")]
                if None not in ends:
                    places, values = [run["run"] - 1 + offset, run["run"] + offset], [scale * end for end in ends]
                    axes.plot(places, values, "o:", color=colour, fillstyle="none", markersize=9)
        axes.set_title(title)
        axes.set_xlabel("run")
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))  # also for a single run
        axes.set_xlim(history[0]["run"] - 0.5, history[-1]["run"] + 0.5)
    figure.legend(*rows[0][0].get_legend_handles_labels(), ncols=2, loc="outside upper right")
    save(figure, path)


def comparison(table, k, unit, path):
    """Draw top-k accuracy and mean error of variants, one below the other, with intervals and chance.

    table: as `comparing.comparison` returns it. k: of the accuracy shown. unit: of the mean error, or None.
    """
    variants = list(dict.fromkeys(table["variant"]))
    names = [f"top_{k}", *(["mae"] if unit else [])]
    titles = {f"top_{k}": f"top-{k} accuracy, %", "mae": f"mean error, {unit}"}
    figure, rows = panels(1.2 + 0.5 * len(variants), columns=len(names), sharey=True)
    ways = {"validation": ("validation", YELLOW, -0.13), "folds": ("cross-validation", BLUE, 0.13)}
    for axes, name in zip(rows[0], names, strict=True):
        scale = 100 if name.startswith("top") else 1
        for way, (label, colour, offset) in ways.items():
            measured = table[table["measured_on"] == way]
            if measured.empty:
                continue
            value, low, high = (
                scale * measured[column].astype(float) for column in (name, f"{name}_low", f"{name}_high")
            )
            place = measured["variant"].map(variants.index) + offset
            axes.errorbar(value, place, xerr=[value - low, high - value], fmt="o", color=colour, capsize=3, label=label)
            for chance, y in zip(scale * measured[f"{name}_chance"], place, strict=True):
                axes.plot([chance] * 2, [y - 0.12, y + 0.12], color=GREY, linestyle=":", linewidth=2)
        axes.set_xlabel(titles[name])
        axes.set_xlim(left=0)
    rows[0][0].set_yticks(range(len(variants)), ["\n".join(textwrap.wrap(name, 16)) for name in variants])
    rows[0][0].invert_yaxis()
    rows[0][0].plot([], [], color=GREY, linestyle=":", label="chance")
    figure.legend(*rows[0][0].get_legend_handles_labels(), ncols=3, loc="outside upper right")
    save(figure, path)


def time_against_frame(rows, course, frames, stages, title, path):
    """Draw the time of each frame of a movie, from the frame only with its interval and from all frames together.

    rows: table with number (of the frame), expected_time, time_low, time_high (may be empty) and stage_1. course: the TimeCourse of
    `frames`, the numbers of the frames. stages: the Stages. Without times, the y axis has their names.
    """
    timed = stages.times is not None
    alone = rows["expected_time"].astype(float) if timed else rows["stage_1"].map(stages.labels)
    figure, [[axes]] = panels(3.2)
    bounds = rows[["time_low", "time_high"]].astype(float)
    if timed and bounds.notna().all(axis=None):
        axes.vlines(
            rows["number"], *bounds.to_numpy().T, color=GREY, alpha=0.35, linewidth=1.5, label="interval of the frame"
        )
    axes.plot(rows["number"], alone, ".", color=GREY, markersize=5, label="single frame")
    axes.plot(frames, course.times, color=BLUE, linewidth=2, label="all frames together")
    axes.set_xlabel("frame")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if timed:
        axes.set_ylabel(f"time, {stages.unit}")
    else:
        stage_ticks(axes.yaxis, stages)
    low, high = (f"{rate:.3g}" for rate in course.interval)
    axes.set_title(f"{textwrap.shorten(title, 60)}: {course.rate:.3g} {stages.unit} per frame ({low} to {high})")
    axes.legend(loc="upper left")
    save(figure, path)
