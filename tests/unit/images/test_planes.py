"""Test that image.page selects the depth of a stack and a frame its time point."""

import io
import re
import struct

import numpy as np
import pytest
import tifffile

from flystage.core.errors import UnusableTiff
from flystage.images.planes import planes_to_use
from flystage.images.reading import read_grey, time_points

RANDOM = np.random.default_rng(3)
MOVIE = RANDOM.integers(0, 60_000, (10, 5, 40, 48)).astype(np.uint16)  # time, depth
KINDS = {
    "imagej": {"imagej": True},
    "ome": {"ome": True, "photometric": "minisblack"},
    "described": {"photometric": "minisblack"},
    "imagej, big-endian": {"imagej": True, "byteorder": ">"},
}


def tif(pixels, axes=None, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **({"metadata": {"axes": axes}} if axes else {}), **options)
    return file.getvalue()


def reason(function, *arguments, **options):
    with pytest.raises(UnusableTiff) as refused:
        function(*arguments, **options)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 200
    return str(refused.value)


@pytest.mark.parametrize("kind", KINDS)
def test_the_middle_is_the_middle_depth_of_the_middle_time_point(kind):
    data = tif(MOVIE, "TZYX", **KINDS[kind])
    plane, facts = read_grey(data)
    np.testing.assert_array_equal(plane, MOVIE[5, 2])
    assert facts["pages"] == 50 and facts["note"] == "time point 6 of 10"
    assert time_points(data) == 10


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("page", "expected"), [("first", 0), ("middle", 2), ("last", 4), (2, 1)])
def test_a_frame_selects_a_time_point_and_the_page_one_of_its_planes(kind, page, expected):
    data = tif(MOVIE, "TZYX", **KINDS[kind])
    for frame in (1, 4, 10):
        plane, facts = read_grey(data, page=page, frame=frame)
        np.testing.assert_array_equal(plane, MOVIE[frame - 1, expected])
        assert facts["note"] == ""
    np.testing.assert_array_equal(read_grey(data, page="max", frame=4)[0], MOVIE[3].max(axis=0))
    assert re.search(r"10 time point.*\b11\b", reason(read_grey, data, frame=11))
    assert re.search("5 page.*image.page is 6", reason(read_grey, data, frame=1, page=6))


@pytest.mark.parametrize("axes", ["ZTYX", "CTZYX", "TZCYX", "ZCTYX"])
def test_the_order_of_the_axes_makes_no_difference(axes):
    channel = axes.index("C") if "C" in axes else None
    pixels = MOVIE if axes.index("T") < axes.index("Z") else MOVIE.transpose(1, 0, 2, 3)
    if channel is not None:
        pixels = np.stack([pixels, pixels // 2], axis=channel)
    data = tif(pixels, axes, photometric="minisblack")
    np.testing.assert_array_equal(read_grey(data, frame=3)[0], MOVIE[2, 2])
    if channel is not None:
        np.testing.assert_array_equal(read_grey(data, frame=3, channel=2)[0], MOVIE[2, 2] // 2)


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_counts_time_points_of_one_plane_without_a_frame(kind):
    series = MOVIE[:, 0]
    data = tif(series, "TYX", **KINDS[kind])
    assert time_points(data) == 10
    np.testing.assert_array_equal(read_grey(data, page=3)[0], series[2])
    np.testing.assert_array_equal(read_grey(data)[0], series[5])
    np.testing.assert_array_equal(read_grey(data, frame=3)[0], series[2])
    assert re.search("1 page.*image.page is 2", reason(read_grey, data, frame=3, page=2))


@pytest.mark.parametrize("kind", KINDS)
def test_planes_of_a_depth_are_not_time_points(kind):
    data = tif(MOVIE[0], "ZYX", **KINDS[kind])
    assert time_points(data) == 1
    np.testing.assert_array_equal(read_grey(data, frame=1)[0], MOVIE[0, 2])
    assert re.search(r"1 time point.*\b2\b", reason(read_grey, data, frame=2))


def test_a_file_without_notes_has_one_time_point():
    data = tif(MOVIE[0], photometric="minisblack", metadata=None)
    assert time_points(data) == 1
    np.testing.assert_array_equal(read_grey(data)[0], MOVIE[0, 2])


def test_the_middle_of_an_even_number_is_the_later_one():
    data = tif(MOVIE[0, :4], photometric="minisblack", metadata=None)
    np.testing.assert_array_equal(read_grey(data)[0], MOVIE[0, 2])
    np.testing.assert_array_equal(read_grey(tif(MOVIE[0, :2], photometric="minisblack", metadata=None))[0], MOVIE[0, 1])


def test_unnamed_axes_have_numbered_pages_but_no_middle():
    data = tif(MOVIE, photometric="minisblack")  # tifffile writes "QQYX"
    assert "2 axes (10 x 5)" in reason(read_grey, data) and "image.page" in reason(read_grey, data)
    np.testing.assert_array_equal(read_grey(data, page=8)[0], MOVIE[1, 2])
    np.testing.assert_array_equal(read_grey(data, page="last")[0], MOVIE[9, 4])


def test_planes_are_counted_by_axis():
    numbers, planes, times, note = planes_to_use("TZC", (2, 3, 2), "last", 2)
    assert (numbers.tolist(), planes, times, note) == ([[10, 11]], 6, 2, "")
    assert planes_to_use("", (), "middle", None)[0].tolist() == [[0]]
    assert planes_to_use("TZ", (2, 3), "max", 1)[0].tolist() == [[0], [1], [2]]


def test_a_jpeg_larger_than_its_picture_is_refused_before_decoding():
    data = tif((MOVIE[0, 0] // 256).astype(np.uint8), compression="jpeg")
    start = data.index(b"\xff\xc0") + 5
    larger = data[:start] + (20_000).to_bytes(2) * 2 + data[start + 4 :]
    assert re.search("damaged.*20000 x 20000 pixels", reason(read_grey, larger))


def test_a_strip_larger_than_its_picture_is_refused_before_reading():
    data = tif(MOVIE[0, 0], compression="deflate", metadata=None)
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        counts = opened.pages.first.tags["StripByteCounts"]
    claimed = struct.pack("<HII", 4, 1, 9_000_000)
    data = data[: counts.offset + 2] + claimed + data[counts.offset + 12 :] + bytes(9_000_000)
    assert "far more bytes" in reason(read_grey, data)


def test_the_number_of_bytes_of_a_page_is_limited():
    """A picture of zeros in few bytes, like a bomb. With four 64-bit values per pixel it takes four times the limit."""
    bomb = tif(np.zeros((100, 100, 4)), photometric="rgb", compression="deflate", metadata=None)
    assert len(bomb) < 5000
    text = reason(read_grey, bomb, max_pixels=10_000)
    assert all(fact in text for fact in ("too large", "100 x 100 pixels", "float64", "image.max_pixels (10000)"))
    assert read_grey(bomb, max_pixels=40_000)[0].shape == (100, 100)
    for pixels in (np.zeros((100, 100)), np.zeros((100, 100, 4), np.uint16)):
        kind = "minisblack" if pixels.ndim == 2 else "rgb"
        assert read_grey(tif(pixels, photometric=kind, metadata=None), max_pixels=10_000)[0].shape == (100, 100)
