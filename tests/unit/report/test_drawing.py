"""The one look of all figures: names of stages, sizes, and the same bytes each time."""

import matplotlib.pyplot as plt
import pytest

from flystage.raw.stages import Stages
from flystage.report.drawing import WIDTH, panels, save, stage_ticks

KINDS = {
    "few numbers": Stages(["051", "060", "069"], [51, 60, 69], "min"),
    "many numbers": Stages([f"{n:03d}" for n in range(60)], range(60), "min"),
    "words": Stages(["pre-blastoderm", "cellularisation", "gastrulation", "germ-band extension"], None, "stages"),
    "a long word": Stages(["a" * 80, "b"], None, "stages"),
    "many words": Stages([f"stage number {n} of many" for n in range(60)], None, "stages"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", ["xaxis", "yaxis"])
def test_names_of_stages_never_run_into_one_another(kind, side):
    stages = KINDS[kind]
    figure, [[axes]] = panels(3.0)
    axes.plot(range(len(stages)), range(len(stages)))
    axis = getattr(axes, side)
    stage_ticks(axis, stages)
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in axis.get_ticklabels()]
    plt.close(figure)
    assert len(boxes) >= min(len(stages), 2)
    assert not any(a.overlaps(b) for at, a in enumerate(boxes) for b in boxes[at + 1 :])


def test_few_stages_are_all_named_and_signs_are_no_mathematics(tmp_path):
    names = ["a^$ 1", "$\\foo$", "<b>&", "x_{2"]
    figure, [[axes]] = panels(3.0)
    axes.plot(range(4))
    stage_ticks(axes.xaxis, Stages(names))
    save(figure, tmp_path / "figure.png")
    drawn = (tmp_path / "figure.svg").read_text(encoding="utf-8")
    for name in ("a^$ 1", "$\\foo$", "&lt;b&gt;&amp;", "x_{2"):
        assert f">{name}</text>" in drawn


def test_a_figure_has_one_width_and_the_same_bytes_each_time(tmp_path):
    for name in ("a", "b"):
        figure, [[axes]] = panels(2.0)
        axes.plot(range(4))
        save(figure, tmp_path / name / "figure.png")
    for kind in ("png", "svg"):
        assert (tmp_path / f"a/figure.{kind}").read_bytes() == (tmp_path / f"b/figure.{kind}").read_bytes()
    drawn = (tmp_path / "a/figure.svg").read_text(encoding="utf-8")
    assert f'width="{72 * WIDTH:g}pt"' in drawn and "dc:date" not in drawn
