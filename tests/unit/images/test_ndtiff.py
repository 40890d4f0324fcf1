"""Test that the axes of an NDTiff come from the index in its folder, and that none are guessed without it."""

import io
import json
import struct

import numpy as np
import pytest
import tifffile

from flystage.images.reading import facts_of, read_grey, time_points
from refusals import reason

PAGES = np.random.default_rng(7).integers(0, 60_000, (30, 40, 48)).astype(np.uint16)
CHANNELS_OF_DEPTHS = [{"channel": channel, "z": z} for channel in ("BF", "GFP") for z in range(5)]


@pytest.fixture
def ndtiff(tmp_path):
    """Function(axes of each plane, name of the file) that writes an NDTiff with its index and returns the path of the TIF."""

    def write(axes, name="acq_NDTiffStack.tif", named=None):
        file = io.BytesIO()
        with tifffile.TiffWriter(file) as writer:
            for page in PAGES[: len(axes)]:
                writer.write(page, metadata=None, contiguous=False)
        with tifffile.TiffFile(io.BytesIO(file.getvalue())) as opened:
            places = [page.dataoffsets[0] for page in opened.pages]
        # the signature takes the place of the first directory, which is moved to the end
        data = bytearray(file.getvalue())
        first = struct.unpack_from("<I", data, 4)[0]
        (tags,) = struct.unpack_from("<H", data, first)
        if first < 12:
            struct.pack_into("<I", data, 4, len(data))
            data += data[first : first + 2 + 12 * tags + 4]
        struct.pack_into("<I", data, 8, 483_729)
        (tmp_path / name).write_bytes(data)
        named = (named or name).encode()
        with open(tmp_path / "NDTiff.index", "wb") as index:
            for one, place in zip(axes, places, strict=True):
                text = json.dumps(one).encode()
                index.write(struct.pack("<I", len(text)) + text + struct.pack("<I", len(named)) + named)
                index.write(struct.pack("<8I", place, 48, 40, 1, 0, 0, 0, 0))
        return tmp_path / name

    return write


def test_the_middle_depth_of_the_first_channel_is_used(ndtiff):
    path = ndtiff(CHANNELS_OF_DEPTHS)
    plane, facts = read_grey(path)
    np.testing.assert_array_equal(plane, PAGES[2])
    assert (facts["pages"], facts["channels"], facts["note"]) == (5, 2, "")
    np.testing.assert_array_equal(read_grey(path, channel=2, page="last")[0], PAGES[9])
    assert facts_of(path).channel_names == ("BF", "GFP")
    with open(path, "rb") as file:
        np.testing.assert_array_equal(read_grey(file)[0], PAGES[2])


def test_time_points_follow_the_index_in_any_order_of_writing(ndtiff):
    orders = (
        [{"time": t, "z": z, "channel": c} for t in range(3) for z in (-2, 0, 2) for c in range(2)],
        [{"channel": c, "z": z, "time": t} for c in range(2) for z in (2, 0, -2) for t in (2, 1, 0)],
    )
    for axes in orders:
        path = ndtiff(axes)
        assert time_points(path) == 3
        for channel in (1, 2):
            wanted = next(n for n, a in enumerate(axes) if (a["time"], a["z"], a["channel"]) == (2, 0, channel - 1))
            np.testing.assert_array_equal(read_grey(path, frame=3, channel=channel)[0], PAGES[wanted])


def test_positions_are_separate_pictures(ndtiff):
    path = ndtiff([{"position": position, "z": z} for position in range(3) for z in range(5)])
    assert "3 pictures" in reason(path) and "image.series" in reason(path)
    np.testing.assert_array_equal(read_grey(path, series=2)[0], PAGES[7])


def test_a_plane_that_was_never_written_is_refused_only_if_it_is_wanted(ndtiff):
    path = ndtiff([{"time": t, "z": z} for t in range(3) for z in range(5)][:12])
    np.testing.assert_array_equal(read_grey(path)[0], PAGES[7])
    np.testing.assert_array_equal(read_grey(path, frame=3, page="first")[0], PAGES[10])
    assert "never written" in reason(path, frame=3)


@pytest.mark.parametrize(
    "damage",
    [
        lambda index: index.unlink(),
        lambda index: index.write_bytes(b""),
        lambda index: index.write_bytes(index.read_bytes()[:-7]),
        lambda index: index.write_bytes(b"\xff" * 4 + index.read_bytes()),
        lambda index: index.write_bytes(index.read_bytes().replace(b'"z": 0', b'"z":[]')),
    ],
    ids=["missing", "empty", "cut off", "shifted", "no number"],
)
def test_without_its_index_there_is_no_middle(ndtiff, damage):
    path = ndtiff(CHANNELS_OF_DEPTHS)
    damage(path.parent / "NDTiff.index")
    text = reason(path)
    assert all(fact in text for fact in ("NDTiff.index", "10 pages", "image.page"))
    plane, facts = read_grey(path, page=8)
    np.testing.assert_array_equal(plane, PAGES[7])
    assert "NDTiff.index" in facts["note"]
    assert "NDTiff.index" in reason(path.read_bytes())


def test_one_page_needs_no_index(ndtiff):
    path = ndtiff([{}])
    (path.parent / "NDTiff.index").unlink()
    plane, facts = read_grey(path)
    np.testing.assert_array_equal(plane, PAGES[0])
    assert facts["note"] == ""


def test_the_index_of_another_file_is_not_used(ndtiff):
    path = ndtiff(CHANNELS_OF_DEPTHS, named="old name.tif")
    np.testing.assert_array_equal(read_grey(path)[0], PAGES[2])  # it was renamed
    (path.parent / "old name.tif").write_bytes(path.read_bytes())
    assert "NDTiff.index" in reason(path)
