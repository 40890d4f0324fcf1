"""One look for all figures: one width, one type size, colours that the colour-blind tell apart; saved as PNG and as SVG."""

import textwrap
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.transforms import Bbox

from flystage.core.files import written_whole

WIDTH = 5.2  # inches: half a page on a wide screen, the whole of a phone
TYPE = 9.5  # points
LETTER = 0.62  # width of a letter, in type sizes
DIGITS = 6  # of a place in the figure, whose side is 1
LONGEST = 22  # letters of a stage's name that are drawn
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
        "text.parse_math": False,  # a $ in the name of a stage is no mathematics
        "svg.fonttype": "none",  # text stays text
    }
)


def panels(height, rows=1, columns=1, **options):
    """(figure, its axes as an array of rows): of the one width and `height` inches. options: of `plt.subplots`."""
    return plt.subplots(rows, columns, figsize=(WIDTH, height), layout="constrained", **({"squeeze": False} | options))


def save(figure, path):
    """Write a figure as the PNG `path`, and as an SVG beside it; the same figure always gives the same bytes."""
    path = Path(path)
    _lay_out(figure)
    with written_whole(path) as temporary:
        figure.savefig(temporary, format="png")
    # The salt makes the names inside an SVG its own: a page holds many, and knows one of a name.
    with matplotlib.rc_context({"svg.hashsalt": path.stem}), written_whole(path.with_suffix(".svg")) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)


def _lay_out(figure):
    """Once for both files, and rounded: the last digits of the layout's solver differ from one time to the next."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for part in figure.subfigs:
        part.bbox_relative.set_points(part.bbox_relative.get_points().round(DIGITS))
    for axes in figure.axes:
        axes.set_position(Bbox(axes.get_position(original=True).get_points().round(DIGITS)))


def stage_ticks(axis, stages, share=0.8):
    """Ticks with the names of stages at 0, 1, 2 ... of an x or y axis that never run into one another.

    They are turned where they are words that do not fit, and thinned out where there are many; long names are cut. stages: the
    Stages. share: of the figure's side that the axis takes.
    """
    names = [textwrap.shorten(name, LONGEST, placeholder="…") if " " in name else name for name in stages.names]
    names = [name if len(name) <= LONGEST else name[: LONGEST - 1] + "…" for name in names]
    width, height = axis.axes.figure.get_size_inches()
    room = 72 * share / len(names)  # points for each, of an inch of the side
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
