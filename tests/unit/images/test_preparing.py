"""Test that TIFs become PNGs at full depth, without cropping, distortion or mirroring."""

import hashlib
import io
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from flystage.core.errors import FlystageError, UnusableTiff
from flystage.core.tables import read_text
from flystage.images import preparing
from flystage.images.preparing import (
    COLUMNS,
    UNROTATED_FACTS,
    before_and_after,
    grey_levels,
    guessed_white,
    normalised,
    png_name,
    prepare,
    prepare_bucket,
    turned,
)

MULTIPLY = {"method": "multiply", "factor": 6, "low": 0.5, "high": 99.8}
PERCENTILE = MULTIPLY | {"method": "percentile"}
IMAGE = {
    "size": 96,
    "field": "auto",
    "normalize": MULTIPLY,
    "white": "auto",
    "page": "middle",
    "channel": "auto",
    "max_pixels": 1_000_000,
}
ANGLES = [0, 45, 90, 135, 180, 270]


def tif(pixels, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def cv2_error(code):
    error = cv2.error("OpenCV says so")
    error.code = code
    return error


def embryo(height=42, width=110):
    """A 16-bit ellipse on black, brighter at one end and with a mark off both axes, so that every mirror image differs."""
    y, x = np.mgrid[:height, :width]
    inside = ((x - width / 2) / (0.45 * width)) ** 2 + ((y - height / 2) / (0.42 * height)) ** 2 < 1
    picture = inside * (2000.0 + 30 * x)
    picture[(abs(x - 0.25 * width) < 5) & (abs(y - 0.3 * height) < 5)] = 8000
    return picture.astype(np.uint16)


def test_normalisation_keeps_the_full_depth():
    gradient = np.linspace(0, 8191, 1024).astype(np.uint16)  # an eighth of the range, like the real images
    plane = np.tile(gradient, (64, 1))
    grey, clipped = normalised(plane, 65535, MULTIPLY)
    kept = np.unique(np.rint(grey).astype(np.uint8)).size
    eight_bits_first = np.unique((plane >> 8).astype(np.uint8) * 6).size
    assert eight_bits_first == 32
    assert kept == 192  # 0 to 191
    assert clipped == 0


def test_the_png_keeps_the_depth():
    plane = np.tile(np.linspace(0, 8191, 400).astype(np.uint16), (400, 1))
    (picture,), facts = prepare(tif(plane), IMAGE | {"size": 300}, [0])
    assert grey_levels(picture, 255) > 150
    assert facts["levels"] == 400


def test_multiplying_saturates_without_overflow():
    plane = np.array([[0, 10, 42, 43, 100, 255]], np.uint8)
    grey, clipped = normalised(plane, 255, MULTIPLY)
    np.testing.assert_allclose(grey, [[0, 60, 252, 258, 600, 1530]], rtol=1e-6)
    assert clipped == 0.5
    sheet = np.full((20, 20), 100, np.uint8)
    sheet[:, :10] = 10
    (picture,), facts = prepare(tif(sheet), IMAGE | {"size": 40}, [0])
    assert (picture.min(), picture.max()) == (60, 255)  # an overflow would turn 600 into 88
    assert facts["clipped"] == 0.5


def test_the_clipped_share_is_of_the_raw_pixels():
    plane = np.zeros((40, 50), np.uint16)
    plane[:4, :25] = 65535 // 6 + 2
    plane[30, 30] = 65535 // 6 - 2
    assert prepare(tif(plane), IMAGE, [0])[1]["clipped"] == 100 / 2000


def test_percentiles_stretch_each_image_separately():
    plane = np.arange(10_001, dtype=np.uint16).reshape(1, -1) + 300
    grey, clipped = normalised(plane, 65535, PERCENTILE | {"low": 10, "high": 90})
    np.testing.assert_allclose([grey[0, 1000], grey[0, 5000], grey[0, 9000]], [0, 127.5, 255], atol=1e-3)
    assert clipped == pytest.approx(0.2, abs=1e-3)
    np.testing.assert_allclose(normalised(plane * 3, 65535, PERCENTILE | {"low": 10, "high": 90})[0], grey, atol=1e-3)


def test_percentiles_that_coincide_are_refused():
    plane = np.zeros((100, 100), np.uint16)
    plane[0, 0] = 9
    with pytest.raises(UnusableTiff, match="one value"):
        normalised(plane, 65535, PERCENTILE)


@pytest.mark.parametrize("angle", [*ANGLES, 1, 30, 225, 300, 359])
@pytest.mark.parametrize("shape", [(42, 110), (110, 42), (60, 60), (8, 300)])
def test_no_corner_is_cropped_at_any_angle(shape, angle):
    grey = np.zeros(shape, np.float32)
    side = max(6, min(shape) // 4)
    # Put a bright mark in each corner. Its light must be present, at the rotated position.
    size = 200
    scale = size / np.hypot(*shape)
    for rows, columns in [(slice(side), slice(side)), (slice(side), slice(-side, None)),
                          (slice(-side, None), slice(side)), (slice(-side, None), slice(-side, None))]:  # fmt: skip
        marked = grey.copy()
        marked[rows, columns] = 200
        marked[0, 0] = marked[-1, -1] = marked[0, -1] = marked[-1, 0] = 0  # keep the border's median at 0
        (picture,) = turned(marked, [angle], size)
        light = picture.sum() / scale**2
        assert light == pytest.approx(marked.sum(), rel=0.05)
        y, x = (np.average(axis, weights=marked) for axis in np.mgrid[: shape[0], : shape[1]])
        right, up = x - (shape[1] - 1) / 2, (shape[0] - 1) / 2 - y
        turn = np.exp(1j * np.radians(angle)) * (right + 1j * up) * scale
        y, x = (np.average(axis, weights=picture) for axis in np.mgrid[:size, :size])
        assert x - (size - 1) / 2 == pytest.approx(turn.real, abs=0.6)
        assert (size - 1) / 2 - y == pytest.approx(turn.imag, abs=0.6)


def test_a_bright_frame_is_complete_at_every_angle():
    grey = np.zeros((60, 140), np.float32)
    grey[3:8, 3:-3] = grey[-8:-3, 3:-3] = grey[3:-3, 3:8] = grey[3:-3, -8:-3] = 180
    pictures = turned(grey, range(0, 360, 15), 160)
    light = np.array([picture.sum(dtype=float) for picture in pictures])
    np.testing.assert_allclose(light, grey.sum() * (160 / np.hypot(60, 140)) ** 2, rtol=0.03)


def test_a_circle_keeps_its_shape_and_size_at_every_angle():
    y, x = np.mgrid[:60, :180]
    grey = (200 * (np.hypot(y - 29.5, x - 60) < 22)).astype(np.float32)
    scale = 190 / np.hypot(60, 180)
    for picture in turned(grey, range(0, 360, 45), 190):
        rows, columns = np.nonzero(picture > 100)
        assert np.ptp(rows) + 1 == pytest.approx(44 * scale, abs=2)
        assert np.ptp(columns) + 1 == pytest.approx(44 * scale, abs=2)


@pytest.mark.parametrize("shape", [(80, 80), (81, 81), (42, 110)])
def test_quarter_turns_equal_those_of_numpy_without_mirroring(shape):
    grey = cv2.GaussianBlur(embryo(*shape).astype(np.float32) / 40, (0, 0), 2)
    pictures = turned(grey, [0, 90, 180, 270], 80)
    upright = pictures[0]
    for turns, picture in enumerate(pictures):
        np.testing.assert_array_equal(picture, np.rot90(upright, turns))
        assert picture.flags["C_CONTIGUOUS"]
        mirrored = np.rot90(upright[:, ::-1], turns)
        assert np.abs(picture.astype(int) - mirrored).max() > 60


@pytest.mark.parametrize("angles", [[90], [180, 45, 0], [270.0, 360, -90], [45, 90]])
def test_quarter_turns_are_exact_without_the_unrotated_picture(angles):
    grey = cv2.GaussianBlur(embryo().astype(np.float32) / 40, (0, 0), 1)
    (upright,), (slanted,) = turned(grey, [0], 75), turned(grey, [45], 75)
    for angle, picture in zip(angles, turned(grey, angles, 75), strict=True):
        np.testing.assert_array_equal(picture, slanted if angle == 45 else np.rot90(upright, angle // 90))


def test_angle_zero_at_scale_one_does_not_change_the_picture():
    grey = np.random.default_rng(0).uniform(0, 255, (30, 40)).astype(np.float32)  # its diagonal is 50
    (picture,) = turned(grey, [0], 50)
    np.testing.assert_array_equal(picture[10:40, 5:45], np.rint(grey))


def test_the_background_is_the_median_of_the_border():
    grey = np.full((30, 50), 90, np.float32)
    grey[0] = 40  # 50 of about 160 border pixels: not the median
    grey[10:20, 10:40] = 200
    for picture in turned(grey, [0, 45], 100):
        assert picture[0, 0] == picture[-1, -1] == picture[0, -1] == 90


def test_shrinking_averages_and_does_not_alias():
    stripes = np.tile(np.array([0, 200], np.float32), (400, 200))  # finer than the PNG can show
    (picture,) = turned(stripes, [0], 71)
    inside = picture[15:-15, 15:-15]
    assert inside.mean() == pytest.approx(100, abs=2)
    assert np.ptp(inside) < 30


def test_one_field_gives_images_of_different_sizes_the_same_scale():
    def disc(height, width):
        y, x = np.mgrid[:height, :width]
        return (200 * (np.hypot(y - height / 2, x - width / 2) < 20)).astype(np.float32)

    areas = [(turned(disc(*shape), [0], 128, field=256)[0] > 100).sum() for shape in [(60, 80), (100, 200)]]
    assert areas[0] == pytest.approx(areas[1], rel=0.02)
    assert areas[0] == pytest.approx(np.pi * 10**2, rel=0.05)
    alone = [(turned(disc(*shape), [0], 128)[0] > 100).sum() for shape in [(60, 80), (100, 200)]]
    assert alone[0] > 3 * alone[1]  # auto: each at the scale of its own diagonal


def test_a_picture_larger_than_the_field_is_refused():
    with pytest.raises(UnusableTiff, match=r"118 pixels.*image\.field \(117\)"):
        prepare(tif(embryo()), IMAGE | {"field": 117}, [0])
    prepare(tif(embryo()), IMAGE | {"field": 118}, [0])


def test_8_bit_rgb_and_16_bit_versions_of_a_picture_agree():
    picture8 = (embryo() // 37).astype(np.uint8)
    picture16 = picture8.astype(np.uint16) * 257
    from_rgb, _ = prepare(tif(np.dstack([picture8] * 3), photometric="rgb"), IMAGE, ANGLES)
    from_16, _ = prepare(tif(picture16), IMAGE, ANGLES)
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(from_rgb, from_16, strict=True)) <= 1


def test_floats_agree_with_the_integers_they_came_from():
    expected = prepare(tif(embryo()), IMAGE, [0])[0][0].astype(int)
    for floats in (embryo() / 65535, embryo().astype(float)):
        picture = prepare(tif(floats.astype(np.float32)), IMAGE, [0])[0][0]
        assert np.abs(expected - picture).max() <= 1


def test_white_can_be_set_for_a_12_bit_camera():
    plane = embryo() // 8
    auto, camera = (prepare(tif(plane), IMAGE | {"white": white}, [0])[0][0] for white in ("auto", 4095))
    assert camera.mean() > 5 * auto.mean()


def test_floats_above_all_usual_white_levels_need_the_setting():
    plane = embryo().astype(np.float64) * 1e8
    with pytest.raises(UnusableTiff, match=r"set image\.white"):
        prepare(tif(plane), IMAGE, [0])
    assert prepare(tif(plane), IMAGE | {"white": 6.5535e12}, [0])[1]["maximum"] == 8e11


@pytest.mark.parametrize("brightest", [0.16, 1.0, 1.001, 1.5])
def test_all_floats_of_a_data_set_have_one_white_level(brightest):
    plane = (embryo() / 50_000).astype(np.float32)  # up to 0.16
    expected = prepare(tif(plane), IMAGE | {"white": 1}, [0])[0][0].astype(int)
    plane[20, 50] = brightest
    picture = prepare(tif(plane), IMAGE | {"float_white": 1}, [0])[0][0]
    assert (
        np.median(np.abs(picture - expected)) == 0 and (np.abs(picture - expected) > 1).sum() <= 16
    )  # around the pixel
    assert guessed_white(brightest) == 1  # as exceeded by resampling


def test_white_is_estimated_only_for_floats_and_can_be_set():
    assert [guessed_white(maximum) for maximum in (-3, 1, 2, 2.1, 255, 256, 301, 65535, 70_000, 2**32 - 1, 1e12)] == [
        1, 1, 1, 255, 255, 255, 65535, 65535, 65535, 2**32 - 1, None,
    ]  # fmt: skip
    floats = tif(embryo().astype(np.float32))
    by_guess, by_data_set, by_setting = (
        prepare(floats, IMAGE | {"white": white, "float_white": float_white}, [0])[0][0]
        for white, float_white in (("auto", None), ("auto", 32_767), (32_767, 9))
    )
    np.testing.assert_array_equal(by_data_set, by_setting)
    assert by_data_set.mean() > 1.5 * by_guess.mean()
    integers = tif(embryo())
    np.testing.assert_array_equal(
        prepare(integers, IMAGE | {"float_white": 9}, [0])[0][0], prepare(integers, IMAGE, [0])[0][0]
    )


def test_white_is_zero_of_a_12_bit_camera_gives_the_same_picture():
    camera = embryo() // 2
    black = prepare(tif(camera), IMAGE | {"white": 4095}, [0])[0][0]
    white = prepare(tif((4095 - camera).astype(np.uint16), photometric="miniswhite"), IMAGE | {"white": 4095}, [0])[0][
        0
    ]
    np.testing.assert_array_equal(black, white)


def test_a_frame_selects_one_time_point_of_a_movie():
    series = np.stack([embryo() + 10 * number for number in range(4)])
    data = tif(series, imagej=True, metadata={"axes": "TYX"})
    for frame in (1, 4):
        assert prepare(data, IMAGE, [0], frame=frame)[1]["minimum"] == 10 * (frame - 1)
    with pytest.raises(UnusableTiff, match="has 4 time point"):
        prepare(data, IMAGE, [0], frame=5)


def test_the_setting_series_chooses_the_picture_of_a_file():
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write((embryo() // 100).astype(np.uint8), metadata=None)
        writer.write(embryo(), metadata=None)
    assert [prepare(file.getvalue(), IMAGE | {"series": series}, [0])[1]["maximum"] for series in ("auto", 1, 2)] == [
        8000, 80, 8000,
    ]  # fmt: skip


def test_an_empty_border_is_filled_and_its_share_recorded():
    plane = embryo().astype(np.float32)
    plane[:3] = np.nan
    (picture,), facts = prepare(tif(plane), IMAGE | {"white": 65535}, [0])
    (expected,), _ = prepare(tif(np.nan_to_num(plane)), IMAGE | {"white": 65535}, [0])  # its background is 0
    np.testing.assert_array_equal(picture, expected)
    assert facts["blank"] == round(3 / 42, 6)
    with pytest.raises(UnusableTiff, match="max_blank"):
        prepare(tif(plane), IMAGE | {"max_blank": 0.05}, [0])


def test_a_picture_that_loses_most_grey_levels_is_refused():
    dim = tif(embryo() // 25)  # up to 320 of 65,535
    with pytest.raises(UnusableTiff, match=r"only \d+ of its 1\d\d grey levels.*image\.min_levels is 16"):
        prepare(dim, IMAGE, [0])
    left = prepare(dim, IMAGE | {"min_levels": 2}, [0])[1]["png_levels"]
    assert left < 16 and prepare(dim, IMAGE | {"min_levels": left}, [0])[1]["png_levels"] == left
    with pytest.raises(UnusableTiff, match=f"only {left} of"):
        prepare(dim, IMAGE | {"min_levels": left + 1}, [0])
    assert prepare(dim, IMAGE | {"white": 511}, [0])[1]["png_levels"] > 16
    few = tif(((embryo() // 1000) * 1000).astype(np.uint16))  # it never had more
    assert prepare(few, IMAGE | {"size": 119}, [0])[1]["levels"] < 16


def test_the_checksum_of_a_picture_depends_only_on_values_and_shape(tmp_path):
    checksum = prepare(tif(embryo()), IMAGE, [0])[1]["picture"]
    others = [
        tif(embryo(), compression="lzw", predictor=True), tif(embryo(), byteorder=">", tile=(16, 16)),
        tif(embryo(), imagej=True), tif(embryo().astype(np.uint32)), tif(embryo().astype(np.float32)),
        tif(embryo().astype(np.int16)), tif(np.rot90(embryo(), 1), extratags=[(274, 3, 1, 6, True)], metadata=None),
    ]  # fmt: skip
    assert [prepare(data, IMAGE | {"white": 65535}, [0])[1]["picture"] for data in others] == [checksum] * len(others)
    one_off = embryo()
    one_off[5, 5] += 1
    for data in (tif(one_off), tif(embryo()[:, :-1]), tif(embryo() / 3), tif(embryo().reshape(84, 55))):
        assert prepare(data, IMAGE | {"white": 65535}, [0])[1]["picture"] != checksum


def test_settings_of_an_older_checkpoint_are_sufficient():
    assert not {"series", "max_blank", "min_levels"} & set(IMAGE)
    prepare(tif(embryo()), IMAGE, [0])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_values_that_are_not_numbers_are_refused(value):
    plane = embryo().astype(np.float64)
    plane[5, 7] = value
    for normalize in (MULTIPLY, PERCENTILE):
        with pytest.raises(UnusableTiff, match="not numbers"):
            prepare(tif(plane), IMAGE | {"white": 65535, "normalize": normalize}, [0])


def test_a_uniform_picture_is_refused():
    with pytest.raises(UnusableTiff, match=r"the same value \(7\)"):
        prepare(tif(np.full((40, 50), 7, np.uint16)), IMAGE, [0])


def test_a_fully_saturated_picture_is_refused():
    plane = np.full((40, 50), 60_000, np.uint16)
    plane[20, 20] = 50_000
    with pytest.raises(UnusableTiff, match=r"image\.normalize.*100%.*saturate"):
        prepare(tif(plane), IMAGE, [0])


def test_the_facts_describe_the_file():
    (picture,), facts = prepare(tif(embryo()), IMAGE, [0])
    assert facts == {
        "width": 110, "height": 42, "dtype": "uint16", "channels": 1, "pages": 1,
        "minimum": 0, "maximum": 8000, "levels": len(np.unique(embryo())), "clipped": 0.0, "blank": 0.0, "note": "", "pixel_size": None,
        "brightness": pytest.approx(255 * embryo().mean() / 65535, rel=1e-3),
        "picture": hashlib.sha256(b"(42, 110)" + embryo().astype("<u2").tobytes()).hexdigest(),
        "png_minimum": picture.min(), "png_maximum": picture.max(), "png_levels": len(np.unique(picture)),
    }  # fmt: skip
    _, facts = prepare(
        tif(embryo() > 3000, photometric="minisblack"), IMAGE | {"normalize": MULTIPLY | {"factor": 1}}, [0]
    )
    assert (facts["dtype"], facts["minimum"], facts["maximum"], facts["levels"]) == ("bool", 0, 1, 2)


def test_before_and_after_returns_the_raw_plane_and_the_pngs(tmp_path):
    path = tmp_path / "raw.tif"
    path.write_bytes(tif(embryo()))
    plane, white, pictures = before_and_after(path, IMAGE, ANGLES)
    np.testing.assert_array_equal(plane, embryo())
    assert white == 65535 and len(pictures) == 6 and pictures[0].shape == (96, 96)


AWKWARD = [
    "a" * 250 + ".tif", "b" * 249 + "1.tif", "b" * 249 + "2.tif", "it's \"quoted\".tif", "two\nlines.tif", "Stücke-蠅.tif",
    "--rm -rf.tif", "---.tif", "a,b;c.tif", "{wildcard}.tif", "$HOME `x`.tif", "a b.tif", "a_b.tif", "a+b.tif", "%s.tif", "..tif",
]  # fmt: skip


def test_png_names_are_safe_and_unique():
    names = [png_name(f"raw/051/{name}", angle) for name in AWKWARD for angle in (0, 45)]
    assert len(set(names)) == len(names)
    for name in names:
        assert name[0].isascii() and (name[0].isalnum() or name[0] in "_(")
        assert len(name) < 150
        assert all(letter.isascii() and (letter.isalnum() or letter in "._()-") for letter in name)
    assert png_name("raw/051/a.tif", 0) != png_name("raw/054/a.tif", 0)  # the folder counts
    assert png_name("raw/060/Stage(060)-e1.tif", 45).startswith("Stage(060)-e1-")
    assert png_name("raw/060/Stage(060)-e1.tif", 45).endswith("-045.png")


def test_a_bucket_gives_pngs_and_a_table_without_changing_raw_files(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    names = [name for name in AWKWARD if "\n" not in name]
    for number, name in enumerate(names):
        (raw / name).write_bytes(tif(embryo() + number))
    (raw / "empty.tif").write_bytes(b"")
    (raw / "cut.tif").write_bytes(tif(embryo())[:-900])
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in raw.iterdir()}
    rows = [(str(raw / name), "060", "e,1", "") for name in [*names, "empty.tif", "cut.tif"]]
    prepare_bucket(rows, "train", IMAGE, [0, 90], tmp_path / "pngs", tmp_path / "bucket.csv")

    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in raw.iterdir()} == before
    table = read_text(tmp_path / "bucket.csv")
    assert tuple(table.columns) == COLUMNS
    used, rejected = table[table["status"] == "used"], table[table["status"] == "rejected"]
    assert used["path"].tolist() == [str(raw / name) for name in names for _ in (0, 90)]
    assert used["angle"].tolist() == ["0", "90"] * len(names)
    assert set(table["embryo"]) == {"e,1"} and set(table["split"]) == {"train"} and set(table["stage"]) == {"060"}
    assert dict(zip((path.split("/")[-1] for path in rejected["path"]), rejected["reason"], strict=True)) == {
        "empty.tif": "empty file",
        "cut.tif": "truncated: part of the image is missing",
    }
    assert set(rejected["png"]) == {""}
    assert sorted(used["png"]) == sorted(str(path) for path in (tmp_path / "pngs").iterdir())
    for row in used.to_dict("records"):
        png = Path(row["png"]).read_bytes()
        picture = cv2.imread(row["png"], cv2.IMREAD_UNCHANGED)
        assert picture.shape == (96, 96) and picture.dtype == np.uint8
        assert row["png_sha256"] == hashlib.sha256(png).hexdigest()
        assert row["sha256"] == hashlib.sha256(before[raw / row["path"].split("/")[-1]][0]).hexdigest()
        if row["angle"] == "0":
            unrotated = [str(value) for value in (picture.min(), picture.max(), len(np.unique(picture)))]
        assert [row[name] for name in UNROTATED_FACTS] == unrotated


def test_a_tif_that_disappeared_stops_the_job(tmp_path):
    with pytest.raises(FlystageError, match="a.tif has disappeared"):
        prepare_bucket(
            [(str(tmp_path / "a.tif"), "060", "e", "")], "val", IMAGE, [0], tmp_path / "pngs", tmp_path / "t.csv"
        )
    assert not (tmp_path / "t.csv").exists()


def test_the_same_tif_gives_the_same_bytes(tmp_path):
    (tmp_path / "a.tif").write_bytes(tif(embryo()))
    for folder in ("one", "two"):
        prepare_bucket(
            [(str(tmp_path / "a.tif"), "060", "e", "")],
            "train",
            IMAGE,
            ANGLES,
            tmp_path / folder,
            tmp_path / f"{folder}.csv",
        )
    assert {p.name: p.read_bytes() for p in (tmp_path / "one").iterdir()} == {
        p.name: p.read_bytes() for p in (tmp_path / "two").iterdir()
    }


def test_a_large_unusable_file_is_rejected_by_its_headers(tmp_path, monkeypatch):
    monkeypatch.setattr(preparing, "LARGE", 1000)
    usable, too_large, none = (tmp_path / f"{name}.tif" for name in ("usable", "large", "none"))
    tifffile.imwrite(usable, embryo())
    tifffile.imwrite(too_large, np.zeros((1001, 1001), np.uint8))
    none.write_bytes(bytes(2000))
    rows = [(str(path), "051", "e", "") for path in (usable, too_large, none, usable)]
    prepare_bucket(rows, "val", IMAGE, [0], tmp_path / "pngs", tmp_path / "t.csv")
    table = read_text(tmp_path / "t.csv")
    assert table["status"].tolist() == ["used", "rejected", "rejected", "used"]
    assert table["sha256"].tolist() == [hashlib.sha256(usable.read_bytes()).hexdigest(), "", "", table["sha256"][0]]
    assert table["reason"][1].startswith("too large: 1001 x 1001 pixels") and table["reason"][2].startswith("not a TIF")
    none.write_bytes(bytes(1000))  # a small file is read completely, so it has a checksum
    prepare_bucket([(str(none), "051", "e", "")], "val", IMAGE, [0], tmp_path / "pngs", tmp_path / "t.csv")
    assert read_text(tmp_path / "t.csv")["sha256"].tolist() == [hashlib.sha256(bytes(1000)).hexdigest()]


@pytest.mark.parametrize("error", [MemoryError("Unable to allocate 20 GiB"), cv2_error(-4)])
def test_a_picture_too_large_for_memory_is_rejected_without_stopping(tmp_path, monkeypatch, error):
    paths = [str(tmp_path / f"{name}.tif") for name in "ab"]
    for path, shift in zip(paths, (0, 1), strict=True):
        tifffile.imwrite(path, embryo(42 + shift))

    def turned_if_it_fits(grey, *arguments):
        if grey.shape[0] == 42:
            raise error
        return turned(grey, *arguments)

    monkeypatch.setattr(preparing, "turned", turned_if_it_fits)
    prepare_bucket([(path, "051", "e", "") for path in paths], "val", IMAGE, [0], tmp_path / "pngs", tmp_path / "t.csv")
    table = read_text(tmp_path / "t.csv")
    assert table["status"].tolist() == ["rejected", "used"]
    assert "too large for the memory" in table["reason"][0]


def test_other_errors_of_opencv_do_not_reject_the_picture(monkeypatch):
    monkeypatch.setattr(preparing, "turned", lambda *_: (_ for _ in ()).throw(cv2_error(-215)))
    with pytest.raises(cv2.error):
        prepare(tif(embryo()), IMAGE, [0])


def test_names_that_look_like_formulas_survive_the_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("=a.tif", embryo())
    rows = [("=a.tif", "=1+1", "@e", ""), ("-b.tif", "-15", "'=e", "")]
    Path("-b.tif").write_bytes(b"")
    prepare_bucket(rows, "val", IMAGE, [0], "pngs", "t.csv")
    table = read_text("t.csv")
    assert table[["path", "stage", "embryo", "frame"]].to_numpy().tolist() == list(map(list, rows))
    lines = Path("t.csv").read_text().splitlines()
    assert lines[1].startswith("'=a.tif,,'=1+1,'@e,") and lines[2].startswith("'-b.tif,,-15,''=e,")
