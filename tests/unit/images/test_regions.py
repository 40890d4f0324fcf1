"""Test that several embryos in a picture are counted, and that one cut by the border is recognised."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flystage.images.regions import Regions, regions_of


def picture(*embryos, side=120, dark=False, noise=4, seed=0):
    """Return a plane with ellipses. embryos: (x, y, half width, half height), as shares of the side."""
    y, x = np.mgrid[:side, :side] / side
    plane = np.random.default_rng(seed).normal(40, noise, (side, side))
    for at_x, at_y, a, b in embryos:
        plane[((x - at_x) / a) ** 2 + ((y - at_y) / b) ** 2 < 1] += 120
    return 220 - plane if dark else plane


ONE, LEFT, RIGHT = (0.5, 0.5, 0.4, 0.2), (0.26, 0.5, 0.2, 0.12), (0.76, 0.5, 0.2, 0.12)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    ("embryos", "found"),
    [
        ([ONE], Regions(1, False)),
        ([LEFT, RIGHT], Regions(2, False)),
        ([(0.25, 0.25, 0.2, 0.1), (0.7, 0.3, 0.2, 0.1), (0.5, 0.75, 0.2, 0.1)], Regions(3, False)),
        ([(0.0, 0.5, 0.4, 0.2)], Regions(1, True)),
        ([(0.5, 1.0, 0.4, 0.3)], Regions(1, True)),
        ([ONE, (0.9, 0.9, 0.05, 0.05)], Regions(1, False)),  # debris
    ],
)
def test_regions_of_drawn_embryos(embryos, found, dark):
    assert regions_of(picture(*embryos, dark=dark)) == found


@pytest.mark.parametrize("bands", [2, 3, 4, 6])
@pytest.mark.parametrize("phase", [0, 1.5, 3])
def test_dark_bands_do_not_divide_an_embryo(bands, phase):
    y, x = np.mgrid[:96, :96] / 96 - 0.5
    embryo = ((x / 0.42) ** 2 + (y / 0.25) ** 2 < 1) * (0.5 + 0.3 * np.cos(2 * np.pi * bands * x + phase))
    assert regions_of(0.05 + embryo).embryos == 1


def test_an_embryo_that_only_touches_a_border_is_whole():
    assert regions_of(picture((0.5, 0.5, 0.5, 0.2))) == Regions(1, False)


@pytest.mark.parametrize("plane", [np.zeros((40, 60)), np.random.default_rng(0).normal(100, 5, (80, 80)), np.eye(9)])
def test_a_picture_without_an_embryo_says_nothing(plane):
    assert regions_of(plane).cut is False and regions_of(plane).embryos < 2


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    st.floats(0.35, 0.65),
    st.floats(0.35, 0.65),
    st.floats(0.15, 0.3),
    st.floats(0.1, 0.3),
    st.floats(1, 200),
    st.integers(0, 99),
)
def test_one_whole_embryo_is_one_at_any_place_scale_and_brightness(x, y, a, b, factor, seed):
    assert regions_of(picture((x, y, a, b), seed=seed) * factor) == Regions(1, False)
