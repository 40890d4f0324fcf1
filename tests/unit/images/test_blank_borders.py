"""Test that empty borders are filled and measured, and that holes in the picture are refused."""

import numpy as np
import pytest

from flystage.core.errors import UnusableTiff
from flystage.images.blank_borders import filled

PICTURE = np.full((40, 50), 7, np.float32)
PICTURE[10:30, 10:40] = 90
PICTURE[12, 12] = 8


def with_nan(*places):
    picture = PICTURE.copy()
    for place in places:
        picture[place] = np.nan
    return picture


@pytest.mark.parametrize("most", [0, 0.25])
def test_a_picture_without_empty_pixels_is_unchanged(most):
    for picture in (PICTURE, PICTURE.astype(np.uint16), PICTURE.astype(np.float64)):
        plane, share = filled(picture, most)
        assert plane is picture and share == 0


@pytest.mark.parametrize(
    "picture",
    [
        with_nan(np.s_[:3]),
        with_nan(np.s_[:, -4:]),
        with_nan(np.s_[:2], np.s_[:, :2], np.s_[-2:], np.s_[:, -2:]),
        np.where(np.add.outer(np.arange(40), np.arange(50)) < 9, np.nan, PICTURE),  # the corner of a rotated picture
        with_nan((0, 9)),
    ],
    ids=["rows", "columns", "all around", "corner", "one pixel"],
)
def test_an_empty_border_is_filled_with_the_background(picture):
    plane, share = filled(picture, 0.25)
    assert share == np.isnan(picture).mean() > 0
    np.testing.assert_array_equal(plane, np.where(np.isnan(picture), np.float32(7), picture))
    assert plane.dtype == picture.dtype


@pytest.mark.parametrize("picture", [with_nan((20, 20)), with_nan(np.s_[:3], (20, 20)), with_nan(np.s_[15:20, 15:20])])
def test_holes_in_the_picture_are_refused(picture):
    with pytest.raises(UnusableTiff, match="inside the picture.*NaN"):
        filled(picture, 0.25)


def test_too_many_empty_pixels_are_refused():
    picture = with_nan(np.s_[:12])  # 30 %
    with pytest.raises(UnusableTiff, match=r"30%.*NaN.*image\.max_blank is 0\.25"):
        filled(picture, 0.25)
    assert filled(picture, 0.3)[1] == pytest.approx(0.3)
    for most in (0.25, 1):
        with pytest.raises(UnusableTiff, match="NaN"):
            filled(np.full((40, 50), np.nan), most)


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300])
def test_infinities_are_refused_everywhere(value):
    picture = with_nan(np.s_[:3]).astype(np.float64)
    picture[-1, -1] = value
    with pytest.raises(UnusableTiff, match="not numbers"):
        filled(picture, 0.25)
