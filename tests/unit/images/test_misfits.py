"""Test stacks whose notes do not fit their pages: joined, cut into pieces, converted page by page."""

import io
import itertools

import numpy as np
import pytest
import tifffile

from flystage.images.reading import facts_of, read_grey, time_points
from refusals import reason

PAGES = np.random.default_rng(6).integers(0, 60_000, (60, 40, 48)).astype(np.uint16)
KINDS = [
    pytest.param({"compression": compression, "bigtiff": big, "byteorder": order}, id=f"{compression}-{big}-{order}")
    for compression, big, order in itertools.product((None, "lzw", "deflate"), (False, True), "<>")
]
HYPER = "images=30\nchannels=2\nslices=5\nframes=3\nhyperstack=true\n"


def written(pages, description, compression=None, **options):
    """Return a TIF of single pages, of which the first has a description."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file, **options) as writer:
        for number, page in enumerate(pages):
            writer.write(
                page, metadata=None, contiguous=False, compression=compression, photometric="minisblack",
                description=None if number else description,
            )  # fmt: skip
    return file.getvalue()


def imagej(pages, notes, **options):
    return written(pages, f"ImageJ=1.53t\n{notes}", **options)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "notes", ["images=4\nslices=4\n", "images=4\nframes=4\n", "images=2\nchannels=2\n", HYPER, "images=4\n"]
)
def test_one_page_of_a_stack_is_the_picture(kind, notes):
    data = imagej(PAGES[:1], notes, **kind)
    plane, facts = read_grey(data)
    np.testing.assert_array_equal(plane, PAGES[0])
    assert (facts["pages"], facts["channels"], time_points(data)) == (1, 1, 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("there", [2, 3, 7, 8])
def test_all_pages_of_a_joined_or_shortened_stack_are_used(kind, there):
    depths = imagej(PAGES[:there], "images=4\nslices=4\n", **kind)
    plane, facts = read_grey(depths)
    np.testing.assert_array_equal(plane, PAGES[there // 2])
    assert facts["pages"] == there and "4 depths" in facts["note"] and f"{there} pages" in facts["note"]
    np.testing.assert_array_equal(read_grey(depths, page="last")[0], PAGES[there - 1])
    np.testing.assert_array_equal(read_grey(depths, page="max")[0], PAGES[:there].max(axis=0))
    np.testing.assert_array_equal(read_grey(depths, page=there)[0], PAGES[there - 1])
    movie = imagej(PAGES[:there], "images=4\nframes=4\n", **kind)
    assert time_points(movie) == there
    np.testing.assert_array_equal(read_grey(movie, frame=there)[0], PAGES[there - 1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_of_a_hyperstack_has_pages_but_no_middle(kind):
    data = imagej(PAGES[:10], HYPER, **kind)
    text = reason(data)
    assert all(fact in text for fact in ("3 time points x 5 depths x 2 channels", "10 pages", "image.page"))
    plane, facts = read_grey(data, page=7)
    np.testing.assert_array_equal(plane, PAGES[6])
    assert facts["pages"] == 10 and "10 pages" in facts["note"]


@pytest.mark.parametrize("kind", KINDS)
def test_joined_hyperstacks_keep_their_axes(kind):
    data = imagej(PAGES, HYPER, **kind)
    assert time_points(data) == 6
    np.testing.assert_array_equal(read_grey(data, frame=6, channel=2)[0], PAGES[50 + 5])
    whole = imagej(PAGES[:30], HYPER, **kind)
    plane, facts = read_grey(whole)
    np.testing.assert_array_equal(plane, PAGES[10 + 4])
    assert facts["note"] == "time point 2 of 3" and facts["channels"] == 2


def test_joined_stacks_of_channels_and_depths_have_no_middle():
    data = imagej(PAGES[:20], "images=10\nchannels=2\nslices=5\nhyperstack=true\n")
    assert "image.page" in reason(data)
    np.testing.assert_array_equal(read_grey(data, page=7, channel=2)[0], PAGES[13])
    pairs = imagej(PAGES[:6], "images=2\nchannels=2\n")
    assert (facts_of(pairs).axes, facts_of(pairs).shape) == ("IC", (3, 2))
    np.testing.assert_array_equal(read_grey(pairs)[0], PAGES[2])


def test_a_page_of_another_layout_is_not_counted():
    for notes in ("images=4\nslices=4\n", "images=5\n"):
        plane, facts = read_grey(imagej([*PAGES[:4], PAGES[0, :20, :24]], notes))
        np.testing.assert_array_equal(plane, PAGES[2])
        assert (facts["pages"], facts["note"]) == (4, "")
    movie = imagej([*PAGES[:4], PAGES[0, :20, :24]], "images=4\nframes=2\nslices=2\nhyperstack=true\n")
    np.testing.assert_array_equal(read_grey(movie, frame=2, page=1)[0], PAGES[2])


@pytest.mark.parametrize("compression", [None, "lzw"])
def test_notes_of_tifffile_may_claim_more_than_the_pages(compression):
    stack = '{"shape": [5, 40, 48]}'
    np.testing.assert_array_equal(read_grey(written(PAGES[:1], stack, compression))[0], PAGES[0])
    plane, facts = read_grey(written(PAGES[:3], stack, compression))
    np.testing.assert_array_equal(plane, PAGES[1])
    assert facts["pages"] == 3 and "3 pages" in facts["note"]
    movie = written(PAGES[:3], '{"shape": [5, 40, 48], "axes": "TYX"}', compression)
    assert time_points(movie) == 3
    several = '{"shape": [5, 2, 40, 48], "axes": "ZCYX"}'
    assert "3 pages" in reason(written(PAGES[:3], several, compression))
    np.testing.assert_array_equal(read_grey(written(PAGES[:1], several, compression))[0], PAGES[0])


def test_a_cut_off_stack_of_tifffile_is_still_refused():
    file = io.BytesIO()
    tifffile.imwrite(file, PAGES[:5], photometric="minisblack", metadata={"truncated": True})
    assert "truncated" in reason(file.getvalue()[:-5000])
