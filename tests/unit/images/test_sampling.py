"""Test which images are opened before a run and what is reported about them."""

import numpy as np
import pytest
import tifffile

from flystage.images.sampling import looked_at, sample
from flystage.raw.naming import RawImage

IMAGE = {
    "size": 48, "field": "auto", "normalize": {"method": "multiply", "factor": 6}, "white": "auto", "page": "middle", "channel": "auto",
    "max_pixels": 10**6, "float_white": None,
}  # fmt: skip


def images(*paths):
    return [RawImage(path, path.split("/")[1], "e") for path in paths]


def test_images_of_all_stages_and_folders_are_chosen():
    found = images(
        *(f"{movie}/{stage}/{number}.tif" for movie in "abc" for stage in ("051", "060") for number in range(9))
    )
    chosen = sample(found, 3, 100)
    assert [image.path[:5] for image in chosen] == ["a/051", "b/051", "c/051", "a/060", "b/060", "c/060"]
    assert sample(list(reversed(found)), 3, 100) == chosen


def test_the_number_of_images_is_limited_and_covers_all_stages_first():
    found = images(*(f"a/{stage:03d}/{number}.tif" for stage in range(20) for number in range(5)))
    assert len({image.stage for image in sample(found, 2, 24)}) == 20 and len(sample(found, 2, 24)) == 24
    few = sample(found, 2, 5)
    assert len(few) == 5 and few[0].stage < "005" and few[-1].stage > "014"


@pytest.fixture
def written(tmp_path):
    """Function(plane, name) that writes a TIF and returns it as a RawImage."""

    def write(plane, name="a.tif"):
        tifffile.imwrite(tmp_path / name, plane)
        return RawImage(str(tmp_path / name), "051", "e")

    return write


def ramp(top, dtype):
    return (np.linspace(0, 1, 60 * 80).reshape(60, 80) * top).astype(dtype)


def test_a_look_reports_facts_and_the_prepared_picture(written):
    (look,), white = looked_at([written(ramp(65535, np.uint16))], IMAGE)
    assert (look.reason, look.facts["dtype"], look.facts["width"], look.facts["height"]) == ("", "uint16", 80, 60)
    assert look.facts["clipped"] == pytest.approx(5 / 6, abs=0.01)  # factor 6: all above a sixth
    assert (look.facts["minimum"], look.facts["maximum"]) == (0, 65535) and look.facts["brightness"] == pytest.approx(
        127.5, abs=0.1
    )
    assert look.facts["levels"] == 4800 and look.picture.shape == (48, 48) and look.bytes > 0
    assert white is None


def test_unusable_images_get_a_reason_instead_of_an_error(written, tmp_path):
    (tmp_path / "empty.tif").write_bytes(b"")
    broken, flat = RawImage(str(tmp_path / "empty.tif"), "051", "e"), written(np.zeros((20, 20), np.uint8))
    (first, second, third), _ = looked_at([broken, RawImage("gone.tif", "051", "e"), flat], IMAGE)
    assert first.reason == "empty file" and first.picture is None and first.facts == {}
    assert second.reason.startswith("cannot be read")
    assert third.reason == ""  # preparing rejects it later


def test_a_hot_pixel_does_not_decide_the_white_level(written):
    planes = []
    for number, hot in enumerate((0.16, 1.0, 1.001, 500.0)):
        plane = ramp(0.16, np.float32)
        plane[5, 5] = hot
        planes.append(written(plane, f"{number}.tif"))
    looks, white = looked_at(planes, IMAGE)
    assert white == 1 and all(look.facts["clipped"] < 0.01 for look in looks)


def test_a_setting_overrides_an_earlier_estimate_of_white(written):
    image = written(ramp(0.9, np.float32))
    (look,), white = looked_at([image], IMAGE | {"float_white": 255})
    assert white == 255 and look.facts["clipped"] == 0
    assert looked_at([image], IMAGE | {"white": 2})[1] is None
