"""Test the learning curve: growing training sets, and other embryos held out."""

import numpy as np
import pytest

from flystage.jobs.held_out import answers
from flystage.jobs.learning_curve import REPEATS, curve_tasks, learning_curve, sizes


@pytest.mark.parametrize(
    ("embryos", "expected"), [(3, []), (4, [2, 3]), (8, [2, 4, 6]), (24, [2, 4, 8, 18]), (36, [2, 4, 8, 16, 27])]
)
def test_sizes_double_up_to_all_embryos(embryos, expected):
    assert sizes(embryos) == expected


def test_learning_curve(images_of, stages, recipe):
    images = images_of(8, noise=1.0)
    tasks = curve_tasks(images.embryos, 1, np.ones(len(images), dtype=bool))
    assert len(tasks) == 3 * REPEATS
    for learned, staged, _ in tasks:
        assert not set(images.embryos[learned]) & set(images.embryos[staged]) and len(set(images.embryos[staged])) == 2
    assert set(images.embryos[tasks[0][0]]) < set(images.embryos[tasks[1][0]])
    found = learning_curve(images.manifest, tasks, answers(images, tasks, stages, recipe, 1), stages, [1, 3])
    assert [point["embryos"] for point in found] == [2, 4, 6]
    for point in found:
        assert point["repeats"] == REPEATS
        for name in ("top_1", "top_3", "within_one", "mae"):
            assert point[name]["low"] <= point[name]["value"] <= point[name]["high"]
    assert found[-1]["mae"]["value"] < found[0]["mae"]["value"]
    again = learning_curve(images.manifest, tasks, answers(images, tasks, stages, recipe, 1), stages, [1, 3])
    assert again == found and not np.isnan(found[0]["mae"]["value"])


def test_learning_curve_leaves_out_embryos_without_scored_images():
    embryos = np.repeat([f"e{number}" for number in range(6)], 2)
    tasks = curve_tasks(embryos, 1, embryos != "e3")
    assert {embryo for learned, staged, _ in tasks for embryo in embryos[learned | staged]} == {
        "e0",
        "e1",
        "e2",
        "e4",
        "e5",
    }
