"""Test the warnings of files that may be read wrongly."""

import numpy as np
import pytest
import tifffile

from flystage.images.sampling import looked_at
from flystage.raw.naming import RawImage
from flystage.run.look_files import file_warnings

IMAGE = {
    "size": 48, "field": "auto", "normalize": {"method": "percentile", "low": 1, "high": 99}, "white": "auto", "page": "middle",
    "channel": "auto", "max_pixels": 10**6, "float_white": None, "series": "auto",
}  # fmt: skip
NOISE = np.random.default_rng(9).integers(0, 60_000, (4, 40, 48)).astype(np.uint16)
PARTS = np.kron(np.arange(12).reshape(3, 4), np.ones((16, 16), int))


@pytest.fixture
def warned(tmp_path):
    """Function({name: array}, settings) -> warnings of the TIFs of these names."""

    def warn(files, **settings):
        images = []
        for name, pixels in files.items():
            tifffile.imwrite(tmp_path / name, pixels)
            images.append(RawImage(str(tmp_path / name), "051", "e01"))
        image = IMAGE | settings
        return file_warnings(images, looked_at(images, image)[0], image)

    return warn


def test_usual_pictures_give_no_warning(warned):
    assert warned({"a.tif": NOISE[0], "b.tif": (NOISE[1] >> 8).astype(np.uint8), "c.tif": NOISE[2] / 60_000}) == []


def test_masks_are_named(warned):
    (named, seen) = warned(
        {"a.tif": NOISE[0], "a_cp_masks.tif": PARTS.astype(np.uint16), "b.tif": PARTS.astype(np.int32)}
    )
    assert "1 file(s)" in named and "a_cp_masks.tif" in named
    assert "1 file(s)" in seen and "b.tif" in seen and "a_cp_masks" not in seen


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_depths_that_may_be_mixed_as_colours_are_told(warned):
    (warning,) = warned({"a.tif": NOISE[:3], "b.tif": NOISE[0]})
    assert "1 of 2" in warning and "a.tif" in warning and "image.channel" in warning
    assert warned({"a.tif": NOISE[:3], "b.tif": NOISE[0]}, channel=2) == []
