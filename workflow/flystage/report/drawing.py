"""Give all figures one width, one type size and colours for colour-blind readers; save them as PNG and SVG."""

import textwrap
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.transforms import Bbox

from flystage.core.files import written_whole

WIDTH = 5.2  # inches: half the page on a wide screen, the full width on a phone
TYPE = 9.5  # points
LETTER = 0.62  # width of a letter, in type sizes
DIGITS = 6  # decimals of a position, as a fraction of the figure
LONGEST = 22  # letters; longer stage names are cut
BLUE, RED, GREEN, YELLOW, GREY = "#4477aa", "#ee6677", "#228833", "#ccbb44", "#888888"  # Paul Tol's bright scheme
SPLIT_COLOURS = {"train": BLUE, "val": YELLOW, "test": RED}
plt.rcParams.update(
    {
        "figure.dpi": 200,
        "font.size": TYPE,
        "axes.titlesize": TYPE,
        "axes.titlelocation": "left",
        "axes.labelsize": TYPE,
        "legend.fontsize": TYPE,
        "legend.frameon": False,
        "xtick.labelsize": TYPE,
        "ytick.labelsize": TYPE,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "text.parse_math": False,  # a $ in the name of a stage does not start a formula
        "svg.fonttype": "none",  # text stays text
    }
)


def panels(height, rows=1, columns=1, **options):
    """Return (figure, its axes as an array of rows), WIDTH by `height` inches. options: of `plt.subplots`."""
    return plt.subplots(rows, columns, figsize=(WIDTH, height), layout="constrained", **({"squeeze": False} | options))


def save(figure, path):
    """Write a figure as the PNG `path` and as an SVG next to it. The same figure always gives the same bytes."""
    path = Path(path)
    _lay_out(figure)
    with written_whole(path) as temporary:
        figure.savefig(temporary, format="png")
    # The salt makes the ids of each SVG unique, because one page embeds many.
    with matplotlib.rc_context({"svg.hashsalt": path.stem}), written_whole(path.with_suffix(".svg")) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)


def _lay_out(figure):
    """Fix the layout for both files, rounded because the last digits of the layout solver vary between runs."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for part in figure.subfigs:
        part.bbox_relative.set_points(part.bbox_relative.get_points().round(DIGITS))
    for axes in figure.axes:
        axes.set_position(Bbox(axes.get_position(original=True).get_points().round(DIGITS)))


def stage_ticks(axis, stages, share=0.8):
    """Set ticks with the names of stages at 0, 1, 2 ... of an x or y axis, so that they never overlap.

    Words that do not fit are rotated, long names are cut, and some ticks are skipped where there are many. stages: the Stages.
    share: the share of the figure's side that the axis takes.
    """
    names = [textwrap.shorten(name, LONGEST, placeholder="…") if " " in name else name for name in stages.names]
    names = [name if len(name) <= LONGEST else name[: LONGEST - 1] + "…" for name in names]
    width, height = axis.axes.figure.get_size_inches()
    room = 72 * share / len(names)  # points for each name, per inch of the side
    longest = TYPE * LETTER * max(map(len, names)) + TYPE / 2
    upright = TYPE * 1.25
    if axis.axis_name == "y":
        needed, turn = upright / (room * height), 0
    else:
        flat, turned = longest / (room * width), upright / (room * width)
        numbers = stages.times is not None and max(map(len, names)) <= 5
        needed, turn = (flat, 0) if flat <= 1 or numbers else (turned, 90)
        if turn:
            axis.axes.figure.set_size_inches(width, height + longest / 72)
    step = max(1, int(-(-needed // 1)))
    axis.set_ticks(range(0, len(names), step), names[::step], rotation=turn)
    axis.set_tick_params(length=3)
