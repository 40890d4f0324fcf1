"""Draw the figures of cross-validation from its tables and records, each as a PNG and an SVG."""

import textwrap
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from flystage.report import figures
from flystage.report.drawing import BLUE, GREEN, GREY, RED, SPLIT_COLOURS, panels, save, stage_ticks

NETWORK = "network"  # its name among the baselines


def draw(crossval, predictions, confusion, curve, stages, folder):
    """Draw every figure that has data. Return the paths of the PNGs.

    crossval: the record of crossval.json, empty without cross-validation. predictions: its table, or that of the test images.
    confusion, curve: counts and top-k of these, see `figures.confusion` and `figures.top_k`. stages: the Stages. folder: where
    to write the figures.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []

    def draw_if(there, function, name, *arguments):
        if there:
            drawn.append(folder / f"{name}.png")
            function(*arguments, drawn[-1])

    measured, unit = crossval.get("crossval"), stages.unit
    draw_if(unit, error_by_time, "error_by_time", predictions, stages)
    draw_if(unit, bias_by_stage, "bias_by_stage", predictions, stages)
    if measured:
        title = "cross-validation"
        draw_if(True, partial(figures.confusion, title=title), "confusion_matrix_crossval", confusion, stages)
        draw_if(True, partial(figures.top_k, title=title), "top_k_crossval", curve)
        baselines = crossval.get("baselines")
        draw_if(baselines, beside_simple_methods, "simple_methods", measured, baselines)
    embryos, calibration, sets = (crossval.get(key) for key in ("by_embryo", "calibration", "sets"))
    draw_if(embryos, spread_by_embryo, "embryos", embryos, unit)
    draw_if(calibration and calibration.get("reliability_before"), reliability, "reliability", calibration)
    draw_if(sets and sets.get("sizes"), sets_of_stages, "sets", sets)
    points = crossval.get("learning_curve")
    draw_if(points and len(points) > 1, learning_curve, "learning_curve", points, unit)
    return drawn


def beside_simple_methods(crossval, baselines, path):
    """Draw top-1 and mean error of the network and the baselines, with intervals. crossval, baselines: as in crossval.json."""
    methods = {NETWORK: crossval} | baselines
    first = "1" if "1" in crossval["top_k"] else next(iter(crossval["top_k"]))
    shown = [(f"top-{first} accuracy, %", 100, lambda each: (each.get("top_k") or {}).get(first), "accuracy")]
    if crossval["mae"] and crossval["mae"]["value"] is not None:
        shown.append((f"mean error, {crossval['mae']['unit']}", 1, lambda each: each.get("mae"), "value"))
    figure, rows = panels(0.9 + 0.42 * len(methods), columns=len(shown), sharey=True)
    for axes, (label, scale, figure_of, key) in zip(rows[0], shown, strict=True):
        for place, (name, each) in enumerate(methods.items()):
            measured = figure_of(each)
            if not measured or measured.get(key) is None:
                continue
            colour, marker = (BLUE, "o") if name == NETWORK else (GREY, "s")
            ends = measured.get("ci95") or [None, None]
            if None not in ends:
                axes.plot([scale * end for end in ends], [place, place], color=colour, linewidth=2)
            axes.plot(scale * measured[key], place, color=colour, marker=marker)
        axes.axvline(scale * figure_of(crossval)["chance"], color=GREY, linestyle=":")
        axes.set_xlabel(label)
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.grid(axis="y", color="#eeeeee")
        axes.set_axisbelow(True)
    rows[0][0].set_yticks(range(len(methods)), ["\n".join(textwrap.wrap(name, 20)) for name in methods])
    rows[0][0].set_ylim(len(methods) - 0.4, -0.6)
    save(figure, path)


def spread_by_embryo(rows, unit, path):
    """Draw the sorted top-1 accuracy and mean error of embryos. rows: as by_embryo of crossval.json. unit: of the error, or None."""
    table = pd.DataFrame(rows)
    shown = [("top_1", 100, "top-1 accuracy, %")]
    if unit and table["mae"].notna().any():
        shown.append(("mae", 1, f"mean error, {unit}"))
    figure, axes_of = panels(2.8, columns=len(shown))
    for axes, (column, scale, label) in zip(axes_of[0], shown, strict=True):
        ordered = table.sort_values([column, "embryo"]).reset_index(drop=True)
        for split, marker in zip(SPLIT_COLOURS, "osD", strict=True):
            its = ordered[ordered["split"] == split]
            if len(its):
                axes.plot(
                    its.index + 1, scale * its[column], marker, color=SPLIT_COLOURS[split], markersize=5, label=split
                )
        axes.set_xlabel("embryos, sorted")
        axes.set_ylabel(label)
        axes.set_ylim(*((-3, 103) if scale == 100 else (0, None)))
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    figure.legend(*axes_of[0][0].get_legend_handles_labels(), ncols=3, loc="outside upper left")
    save(figure, path)


def error_by_time(predictions, stages, path):
    """Draw expected minus true time by true stage: a thin line for each embryo, a thick line for their mean."""
    figure, [[axes]] = panels(3.4)
    errors = _errors(predictions, stages)
    for number, (_, line) in enumerate(errors.items()):
        axes.plot(line, color=BLUE, linewidth=0.7, alpha=0.55, label="one embryo" if number == 0 else None)
    axes.plot(errors.mean(axis=1), color="black", linewidth=2.2, label="mean of all embryos")
    axes.axhline(0, color=GREY, linestyle="--", linewidth=1)
    stage_ticks(axes.xaxis, stages)
    axes.set_xlabel(f"true stage ({stages.unit})" if stages.times else "true stage")
    axes.set_ylabel(f"error, {stages.unit}")
    axes.set_ylim(top=axes.get_ylim()[1] + 0.18 * np.ptp(axes.get_ylim()))
    axes.legend(ncols=2, loc="upper left")
    save(figure, path)


def bias_by_stage(predictions, stages, path):
    """Draw the mean of expected minus true time of each stage, with the standard deviation of the embryos' means."""
    errors = _errors(predictions, stages)
    mean, spread = errors.mean(axis=1), errors.std(axis=1).fillna(0)
    figure, [[axes]] = panels(3.0)
    colours = [RED if value > 0 else BLUE for value in mean]
    axes.bar(errors.index, mean, color=colours, width=0.7)
    axes.vlines(errors.index, mean - spread, mean + spread, color="black", linewidth=1)
    axes.axhline(0, color="black", linewidth=0.8)
    stage_ticks(axes.xaxis, stages)
    axes.set_xlabel(f"true stage ({stages.unit})" if stages.times else "true stage")
    axes.set_ylabel(f"mean signed error, {stages.unit}")
    save(figure, path)


def _errors(predictions, stages):
    """Return a table of the mean error in time: a row per stage (its place), a column per embryo."""
    table = predictions.assign(place=predictions["stage"].map(stages.labels))
    table = table.pivot_table(index="place", columns="embryo", values="time_error", aggfunc="mean")
    return table.reindex(range(len(stages)))


def reliability(calibration, path):
    """Draw accuracy by confidence, before and after calibration. calibration: as in crossval.json."""
    figure, [[axes]] = panels(3.6)
    axes.plot([0, 100], [0, 100], color=GREY, linestyle="--", label="perfect calibration")
    for key, name, colour, marker in (
        ("reliability_before", "before", RED, "s"),
        ("reliability_after", "after", BLUE, "o"),
    ):
        bins = pd.DataFrame(calibration.get(key) or [])
        if len(bins):
            axes.plot(100 * bins["confidence"], 100 * bins["accuracy"], color=colour, linewidth=1)
            area = 12 + 110 * bins["images"] / bins["images"].sum()
            axes.scatter(
                100 * bins["confidence"], 100 * bins["accuracy"], s=area, color=colour, marker=marker, alpha=0.85
            )
            axes.plot([], [], color=colour, marker=marker, label=f"{name} calibration")
    axes.set_xlabel("confidence in the first suggestion, %")
    axes.set_ylabel("accuracy, %")
    axes.set_xlim(0, 102)
    axes.set_ylim(0, 102)
    axes.legend(loc="upper left")
    save(figure, path)


def sets_of_stages(sets, path):
    """Draw the sizes of prediction sets, and their coverage by embryo. sets: as in crossval.json."""
    figure, [[sizes, embryos]] = panels(2.8, columns=2)
    counts = {int(size): images for size, images in sets["sizes"].items()}
    sizes.bar(counts.keys(), counts.values(), color=BLUE)
    sizes.set_xlabel("stages in the prediction set")
    sizes.set_ylabel("images")
    sizes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    covered = sorted(100 * row["covered"] for row in sets["covered_by_embryo"])
    embryos.plot(range(1, len(covered) + 1), covered, "o", color=BLUE, markersize=5)
    embryos.axhline(100 * sets["promised"], color=GREY, linestyle="--", label="promised")
    embryos.set_xlabel("embryos, sorted")
    embryos.set_ylabel("coverage, %")
    embryos.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    embryos.set_ylim(0, 103)
    embryos.legend(loc="lower right")
    save(figure, path)


def learning_curve(points, unit, path):
    """Draw accuracy and mean error by the number of training embryos, with their spread. points: as in crossval.json."""
    shown = [
        ("top_1", "top-1", BLUE, "o"),
        ("top_3", "top-3", GREEN, "s"),
        ("within_one", "within one stage", RED, "^"),
    ]
    with_error = unit and all(point.get("mae") for point in points)
    figure, rows = panels(5.0 if with_error else 3.2, rows=2 if with_error else 1, sharex=True)
    embryos = [point["embryos"] for point in points]
    for key, label, colour, marker in shown:
        if all(point.get(key) for point in points):
            _band(rows[0][0], embryos, [point[key] for point in points], 100, label, colour, marker)
    rows[0][0].set_ylabel("accuracy, %")
    rows[0][0].set_ylim(0, 103)
    rows[0][0].legend(ncols=3, loc="lower left", bbox_to_anchor=(-0.02, 1.0), borderaxespad=0, columnspacing=1.2)
    if with_error:
        _band(rows[1][0], embryos, [point["mae"] for point in points], 1, None, BLUE, "o")
        rows[1][0].set_ylabel(f"mean error, {unit}")
        rows[1][0].set_ylim(bottom=0)
    rows[-1][0].set_xlabel("training embryos")
    rows[-1][0].xaxis.set_major_locator(MaxNLocator(6, integer=True))
    save(figure, path)


def _band(axes, x, values, scale, label, colour, marker):
    value, low, high = ([scale * each[key] for each in values] for key in ("value", "low", "high"))
    axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(x, value, color=colour, marker=marker, markersize=4, label=label)
