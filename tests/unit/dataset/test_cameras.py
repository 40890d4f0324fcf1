"""Test that images of several cameras give one warning that names them, and that one camera gives none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flystage.dataset.cameras import camera_doubts

STAGES = ["051", "060", "069", "078"]


def rows(change=lambda stage, embryo: {}, stages=STAGES, embryos=6, folder="raw"):
    """Return rows of alike images. change: function(place of the stage, number of the embryo) -> what differs."""
    usual = {"dtype": "uint16", "width": 96, "height": 80, "brightness": 30.0, "pixel_size": 0.5}
    return [
        usual
        | {
            "path": f"{folder}/{stage}_{embryo}.tif",
            "stage": stage,
            "embryo": f"E{embryo}",
            "brightness": 30.0 + embryo,
        }
        | change(place, embryo)
        for place, stage in enumerate(stages)
        for embryo in range(embryos)
    ]


def test_one_camera_gives_no_warning():
    assert camera_doubts(rows(), STAGES) == []


@pytest.mark.parametrize(
    ("what", "facts"),
    [
        ({"dtype": "uint8"}, ["type", "uint8", "uint16"]),
        ({"channels": 3}, ["type", "uint16 in 3 channels"]),
        ({"width": 48}, ["size", "48 x 80", "96 x 80"]),
        ({"brightness": 320.0}, ["brighter", "image.normalize"]),
        ({"pixel_size": 1.0}, ["0.5 µm", "1 µm", "image.field"]),
    ],
)
@pytest.mark.parametrize(
    ("apart", "named"),
    [
        (lambda stage, embryo: stage >= 2, ["069", "078"]),
        (lambda stage, embryo: stage == 0, ["051"]),
        (lambda stage, embryo: embryo == 3, ["E3"]),
        (lambda stage, embryo: embryo % 2, ["E1", "E3", "E5"]),
    ],
)
def test_another_camera_for_some_stages_or_embryos_is_told_once(what, facts, apart, named):
    (found,) = camera_doubts(rows(lambda stage, embryo: what if apart(stage, embryo) else {}), STAGES)
    assert all(fact in found for fact in [*facts, ", ".join(named)]), found


def test_a_folder_of_another_camera_is_told():
    found = camera_doubts([*rows(), *rows(lambda *_: {"dtype": "uint8"}, embryos=1, folder="new")], STAGES)
    assert len(found) == 1 and "1 folders (new)" in found[0]


def test_sizes_that_differ_everywhere_are_no_camera():
    assert camera_doubts(rows(lambda stage, embryo: {"width": 80 + 7 * stage + embryo}), STAGES) == []


def test_stages_with_images_of_both_cameras_do_not_teach_the_camera():
    found = camera_doubts(rows(lambda stage, embryo: {"dtype": "uint8"} if embryo % 2 else {}), STAGES)
    assert len(found) == 1 and "stages" not in found[0].partition("The network")[0]


@given(st.lists(st.floats(0.5, 0.52), min_size=24, max_size=24), st.lists(st.floats(20, 40), min_size=24, max_size=24))
def test_noise_is_no_camera(sizes, brightness):
    images = rows()
    for image, size, bright in zip(images, sizes, brightness, strict=True):
        image |= {"pixel_size": size, "brightness": bright}
    assert camera_doubts(images, STAGES) == []


def test_unknown_facts_are_left_out():
    assert (
        camera_doubts(rows(lambda stage, _: {"pixel_size": None, "brightness": None if stage else 0.0}), STAGES) == []
    )
