"""Test that prepared pictures are cropped to what they show and made smaller."""

import cv2
import numpy as np
import pytest

from flystage.images.pngs import filled_box, small_jpeg, without_margin


def test_the_margin_is_removed_and_the_rest_is_unchanged():
    picture = np.full((20, 30), 7, np.uint8)
    picture[5:8, 10:14] = 90
    picture[12, 22] = 6
    assert filled_box(picture) == (5, 10, 13, 23)
    np.testing.assert_array_equal(without_margin(picture), picture[5:13, 10:23])


def test_an_empty_picture_is_not_cropped():
    assert filled_box(np.zeros((4, 6), np.uint8)) == (0, 0, 4, 6)


@pytest.mark.parametrize(("shape", "small"), [((40, 100), (8, 20)), ((9, 5), (9, 5)), ((1, 400, 3), (1, 20, 3))])
def test_a_jpeg_is_reduced_and_never_enlarged(shape, small):
    jpeg = small_jpeg(np.full(shape, 90, np.uint8), 20)
    assert cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_UNCHANGED).shape == small
