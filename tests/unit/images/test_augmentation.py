"""Test that random changes of training pictures are small, depend only on the seed, and never mirror."""

import cv2
import numpy as np
import pytest

from flystage.images.augmentation import augmented

NOTHING = {"rotation": 0, "shift": 0, "scale": 0, "brightness": 0, "noise": 0}
SIZE = 96


def embryo():
    """A picture with a head, a tail, a back and a belly, on a background that is not black."""
    picture = np.full((SIZE, SIZE), 20, np.uint8)
    cv2.ellipse(picture, (48, 48), (30, 14), 0, 0, 360, 120, -1)
    cv2.circle(picture, (66, 42), 5, 250, -1)
    return picture


def changed(seed, **settings):
    return augmented(embryo(), NOTHING | settings, np.random.default_rng(seed))


def alike(one, other):
    return np.corrcoef(one.ravel(), other.ravel())[0, 1]


def test_zero_settings_leave_the_picture_unchanged():
    np.testing.assert_array_equal(changed(1), embryo())


@pytest.mark.parametrize(
    "setting", [{"rotation": 180}, {"shift": 0.1}, {"scale": 0.2}, {"brightness": 0.3}, {"noise": 0.05}]
)
def test_each_change_depends_only_on_the_seed(setting):
    first, again, other = changed(1, **setting), changed(1, **setting), changed(2, **setting)
    assert first.dtype == np.uint8 and first.shape == (SIZE, SIZE)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other) and not np.array_equal(first, embryo())


def test_a_picture_is_never_mirrored():
    turned = [
        cv2.warpAffine(picture, cv2.getRotationMatrix2D((47.5, 47.5), angle, 1), (SIZE, SIZE), borderValue=20)
        for picture in (embryo(), cv2.flip(embryo(), 0))
        for angle in range(0, 360, 3)
    ]
    for seed in range(40):
        picture = changed(seed, rotation=180, shift=0.02, scale=0.05, brightness=0.1, noise=0.01)
        likeness = [alike(picture, other) for other in turned]
        assert max(likeness[:120]) > max(likeness[120:])


def test_all_angles_occur_and_new_pixels_are_background():
    places = set()
    for seed in range(60):
        picture = changed(seed, rotation=180)
        y, x = np.unravel_index(cv2.GaussianBlur(picture, (5, 5), 0).argmax(), picture.shape)
        places.add((y > 48, x > 48))
        assert abs(int(picture[0, 0]) - 20) <= 1 and picture.min() >= 19
    assert len(places) == 4


def test_bright_pixels_saturate_without_overflow():
    for seed in range(20):
        picture = changed(seed, brightness=0.5, noise=0.1)
        assert picture[48, 40] > 30
