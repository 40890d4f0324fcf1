"""Test that every TIF, also a damaged one, gives a plane or a reason."""

import contextlib
import io
import os
import re
import struct
import tracemalloc

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from flystage.core.errors import UnusableTiff
from flystage.images import tiff
from flystage.images.reading import facts_of, read_grey, refuse_by_headers, time_points
from refusals import reason

RANDOM = np.random.default_rng(1)
GREY16 = RANDOM.integers(0, 60_000, (40, 48)).astype(np.uint16)
GREY8 = (GREY16 % 256).astype(np.uint8)
STACK = RANDOM.integers(0, 60_000, (5, 40, 48)).astype(np.uint16)
COLOUR = RANDOM.integers(0, 256, (40, 48, 3)).astype(np.uint8)
LUMA = [0.299, 0.587, 0.114]


def tif(pixels, **options):
    """Return the bytes of a TIF as tifffile writes it."""
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def two_pictures(first, second):
    """Return the bytes of a TIF with one picture in its page and another in its sub-directory."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(first, metadata=None, subifds=1)
        writer.write(second, metadata=None)
    return file.getvalue()


def page_by_page(planes):
    """Return the bytes of a TIF whose pages were written one at a time."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for plane in planes:
            writer.write(plane)
    return file.getvalue()


def patched(data, tag, value):
    """Return a TIF in which one number of the first page's header is replaced by a 32-bit number."""
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        offset = opened.pages.first.tags[tag].offset
    return data[: offset + 2] + struct.pack("<HII", 4, 1, value) + data[offset + 12 :]


@pytest.mark.parametrize(
    ("pixels", "white"),
    [
        (GREY8, 255),
        (GREY16, 65535),
        ((GREY16 // 2).astype(np.int16), 32767),
        (GREY16.astype(np.uint32), None),
        ((GREY16 / 65535).astype(np.float32), None),
        (GREY16.astype(np.float32), None),
        (GREY16.astype(np.float64), None),
        ((GREY16 / 65535).astype(np.float16), None),
    ],
    ids=lambda value: str(getattr(value, "dtype", value)),
)
def test_a_grey_picture_is_read_exactly(pixels, white):
    plane, facts = read_grey(tif(pixels))
    assert plane.dtype == pixels.dtype
    np.testing.assert_array_equal(plane, pixels)
    assert facts == {
        "width": 48, "height": 40, "dtype": str(pixels.dtype), "channels": 1, "pages": 1, "note": "", "pixel_size": None,
        "white": white,
    }  # fmt: skip


@pytest.mark.parametrize("compression", [None, "lzw", "deflate", "zstd", "packbits", "lzma"])
@pytest.mark.parametrize("layout", [{}, {"rowsperstrip": 7}, {"tile": (16, 16)}, {"byteorder": ">"}, {"bigtiff": True}])
def test_layout_and_lossless_compression_do_not_change_the_picture(compression, layout):
    plane, _ = read_grey(tif(GREY16, compression=compression, **layout))
    np.testing.assert_array_equal(plane, GREY16)


def test_a_jpeg_inside_a_tif_is_close_to_the_picture():
    smooth = np.tile(np.arange(48, dtype=np.uint8) * 5, (40, 1))
    plane, _ = read_grey(tif(smooth, compression="jpeg"))
    assert np.abs(plane.astype(int) - smooth).max() < 12


def test_a_one_bit_picture_has_values_zero_and_one():
    bits = GREY16 > 30_000
    plane, facts = read_grey(tif(bits, photometric="minisblack"))
    np.testing.assert_array_equal(plane, bits.astype(np.uint8))
    assert plane.dtype == np.uint8 and facts["white"] == 1


def test_a_packed_12_bit_picture_has_white_level_4095():
    values = GREY16 % 4096
    file = tif(values)
    packed = np.packbits(((values[..., None] >> np.arange(11, -1, -1)) & 1).astype(np.uint8).reshape(40, -1), axis=1)
    start = file.index(values.tobytes()[:64])
    file = file[:start] + packed.tobytes() + file[start + packed.size :]
    plane, facts = read_grey(patched(patched(file, "BitsPerSample", 12), "StripByteCounts", packed.size))
    np.testing.assert_array_equal(plane, values)
    assert facts["white"] == 4095


def test_rgb_with_equal_channels_gives_one_channel_unchanged():
    plane, facts = read_grey(tif(np.dstack([GREY8] * 3), photometric="rgb"))
    np.testing.assert_array_equal(plane, GREY8)
    assert plane.dtype == np.uint8 and facts["channels"] == 3 and facts["white"] == 255


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_rgb_is_converted_to_luma_in_floating_point(planar):
    pixels = COLOUR if planar == "contig" else np.moveaxis(COLOUR, -1, 0).copy()
    data = tif(pixels, photometric="rgb", planarconfig=planar)
    plane, _ = read_grey(data)
    np.testing.assert_allclose(plane, COLOUR @ LUMA, atol=1e-3)
    assert plane.dtype == np.float32
    np.testing.assert_array_equal(read_grey(data, channel=2)[0], COLOUR[..., 1])
    np.testing.assert_array_equal(read_grey(data, channel="max")[0], COLOUR.max(axis=2))
    assert re.search("3 channels.*image.channel is 4", reason(data, channel=4))


def test_alpha_is_dropped():
    opacity = np.full((40, 48, 1), 200, np.uint8)
    rgba = tif(np.dstack([COLOUR, opacity]), photometric="rgb", extrasamples=["unassalpha"])
    np.testing.assert_allclose(read_grey(rgba)[0], COLOUR @ LUMA, atol=1e-3)
    grey = tif(
        np.dstack([GREY8, opacity]), photometric="minisblack", planarconfig="contig", extrasamples=["unassalpha"]
    )
    np.testing.assert_array_equal(read_grey(grey)[0], GREY8)
    np.testing.assert_array_equal(read_grey(grey, channel="max")[0], GREY8)


@pytest.mark.parametrize(("page", "expected"), [("first", 0), ("middle", 2), ("last", 4), (1, 0), (4, 3)])
def test_the_setting_page_selects_the_page_of_a_stack(page, expected):
    plane, facts = read_grey(tif(STACK, photometric="minisblack"), page=page)
    np.testing.assert_array_equal(plane, STACK[expected])
    assert facts["pages"] == 5


def test_page_max_is_the_maximum_projection():
    np.testing.assert_array_equal(read_grey(tif(STACK, photometric="minisblack"), page="max")[0], STACK.max(axis=0))


def test_a_page_beyond_the_stack_is_refused():
    assert re.search("5 page.*image.page is 6", reason(tif(STACK, photometric="minisblack"), page=6))


@pytest.mark.parametrize("kind", [{"imagej": True}, {"ome": True, "photometric": "minisblack"}], ids=["imagej", "ome"])
def test_channels_of_a_hyperstack_are_not_its_pages(kind):
    hyperstack = RANDOM.integers(0, 60_000, (3, 2, 40, 48)).astype(np.uint16)
    data = tif(hyperstack, metadata={"axes": "ZCYX"}, **kind)
    plane, facts = read_grey(data)
    np.testing.assert_array_equal(plane, hyperstack[1, 0])
    assert (facts["pages"], facts["channels"]) == (3, 2)
    np.testing.assert_array_equal(read_grey(data, page="last", channel=2)[0], hyperstack[2, 1])
    np.testing.assert_array_equal(read_grey(data, page="max", channel="max")[0], hyperstack.max(axis=(0, 1)))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "empty file"),
        (b"Stage;Embryo\n51;1\n" * 50, "not a TIF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "not a TIF"),
        (b"II\x2b", ""),
        (b"II\x2a\x00\x08\x00\x00\x00", ""),
        (b"MM\x00\x2a\xff\xff\xff\xff", ""),
        (bytes(1000), "not a TIF"),
    ],
    ids=["empty", "text", "png", "cut signature", "only a signature", "pages nowhere", "zeros"],
)
def test_files_that_are_not_tifs_are_refused(data, expected):
    assert expected in reason(data)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "lzw"},
        {"compression": "deflate"},
        {"compression": "zstd"},
        {"tile": (16, 16)},
        {"bigtiff": True},
    ],
    ids=str,
)
def test_a_truncated_file_is_refused_or_read_exactly(options):
    data = tif(GREY16, **options)
    for kept in sorted({*range(0, 600, 13), *range(0, len(data), 101)}):
        if kept >= len(data):
            continue
        try:
            plane, _ = read_grey(data[:kept])
        except UnusableTiff:
            continue
        np.testing.assert_array_equal(plane, GREY16)  # only bytes after the picture were cut off


def test_a_file_cut_within_the_picture_is_called_truncated():
    assert "truncated" in reason(tif(GREY16)[:-500])


@pytest.mark.parametrize("tag", ["ImageWidth", "ImageLength"])
@pytest.mark.parametrize("size", [100_000_000, 2_000_000_000, 4_294_967_295])
def test_absurd_dimensions_are_refused_without_allocating(tag, size):
    data = patched(tif(GREY16, compression="deflate"), tag, size)
    tracemalloc.start()
    try:
        assert "too large" in reason(data)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_other_absurd_numbers_are_refused_without_allocating():
    tiled = tif(GREY16, compression="deflate", tile=(16, 16))
    tracemalloc.start()
    try:
        assert "too large" in reason(
            patched(tif(COLOUR, photometric="rgb"), "SamplesPerPixel", 65_535), max_pixels=10_000
        )
        reason(patched(patched(tiled, "TileWidth", 60_000), "TileLength", 60_000))
        reason(patched(patched(tiled, "TileWidth", 2_000_000_000), "TileLength", 16))
        reason(patched(tif(GREY16), "BitsPerSample", 4_000_000_000))
        pages = "ImageJ=1.11a\nimages=2000000000\nslices=2000000000\n"
        read_grey(tif(GREY16, description=pages, metadata=None))  # tifffile ignores these impossible pages
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_more_pixels_than_max_pixels_are_refused():
    assert re.search("too large.*48 x 40 pixels.*image.max_pixels is 1919", reason(tif(GREY16), max_pixels=1919))
    assert read_grey(tif(GREY16), max_pixels=1920)[0].shape == (40, 48)


def test_a_side_too_long_to_shrink_is_refused():
    assert "too large" in reason(tif(np.zeros((8, 40_000), np.uint8)))


def test_a_picture_that_is_too_small_is_refused():
    assert re.search("too small.*30 x 7 pixels", reason(tif(GREY16[:7, :30])))


@pytest.mark.parametrize("layout", [{"rowsperstrip": 8}, {"rowsperstrip": 8, "compression": "lzw"}, {"tile": (16, 16)}])
def test_strips_or_tiles_that_were_never_written_are_refused(layout):
    # tifffile would fill them with zeros, which would give half an embryo
    assert (
        reason(patched(tif(GREY16, **layout), "ImageLength", 80)) == "incomplete: part of the image was never written"
    )


@pytest.mark.parametrize("layout", [{"rowsperstrip": 8}, {"tile": (16, 16)}])
@pytest.mark.parametrize("big", [False, True])
def test_parts_that_a_sparse_file_leaves_out_were_never_written(layout, big):
    data = bytearray(tif(GREY16, compression="deflate", bigtiff=big, **layout))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as opened:
        kind = "Tile" if "tile" in layout else "Strip"
        for name in (f"{kind}Offsets", f"{kind}ByteCounts"):
            tag = opened.pages.first.tags[name]
            data[tag.valueoffset : tag.valueoffset + tag.valuebytecount // tag.count] = bytes(
                tag.valuebytecount // tag.count
            )
    assert "never written" in reason(bytes(data))


def test_empty_strips_are_refused():
    assert "truncated" in reason(patched(tif(GREY16), "StripByteCounts", 0))


def test_pixels_that_are_not_grey_values_are_refused():
    assert "complex64" in reason(tif(GREY16.astype(np.complex64)))
    four = np.dstack([GREY8] * 4)
    assert "SEPARATED" in reason(tif(four, photometric="separated"))


@pytest.mark.parametrize("page", ["middle", "max"])
def test_a_chain_of_pages_that_leads_back_to_itself_is_refused(page):
    # found by fuzzing: tifffile follows it without end
    data = tif(STACK[:2], photometric="minisblack", metadata=None)
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        first, second = (one.offset for one in opened.pages)
    (tags,) = struct.unpack("<H", data[second : second + 2])
    link = second + 2 + 12 * tags
    assert data[link : link + 4] == bytes(4)
    for target in (first, second):
        circle = data[:link] + struct.pack("<I", target) + data[link + 4 :]
        assert re.search("damaged.*chain of pages", reason(circle, page=page))


SAMPLES = {
    "plain": tif(GREY16),
    "deflate": tif(GREY16, compression="deflate", rowsperstrip=8),
    "lzw": tif(GREY16, compression="lzw", predictor=True),
    "zstd tiles": tif(GREY16, compression="zstd", tile=(16, 16)),
    "jpeg": tif(COLOUR, compression="jpeg"),
    "stack": tif(STACK[:3], photometric="minisblack"),
    "imagej": tif(STACK[:4].reshape(2, 2, 40, 48), imagej=True, metadata={"axes": "ZCYX"}),
    "ome": tif(STACK[:4].reshape(2, 2, 40, 48), ome=True, metadata={"axes": "ZCYX"}, photometric="minisblack"),
    "big": tif(GREY16, bigtiff=True),
    "big-endian": tif(GREY16, byteorder=">"),
    "preview and sub-directory": two_pictures(GREY8[:20, :24], GREY16),
    "palette": tif(GREY8, photometric="palette", colormap=np.zeros((3, 256), np.uint16)),
    "page by page": page_by_page(STACK[:3]),
    "planar with axes": tif(STACK[:3], photometric="rgb", planarconfig="separate", metadata={"axes": "ZYX"}),
    "imagej of more pages": tif(STACK[:3], imagej=True, metadata={"axes": "ZYX"}).replace(b"slices=3", b"slices=7"),
    "bits": tif(GREY16 > 30_000, photometric="minisblack"),
}
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["set", "cut", "drop", "insert"]),
        st.floats(0, 1),
        st.booleans(),
        st.binary(min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=6,
)


def edited(data, edits):
    for kind, where, header, content in edits:
        place = int(where * min(len(data), 600 if header else len(data)))
        if kind == "set":
            data = data[:place] + content + data[place + len(content) :]
        elif kind == "cut":
            data = data[:place]
        elif kind == "drop":
            data = data[:place] + data[place + len(content) :]
        else:
            data = data[:place] + content + data[place:]
    return data


@settings(max_examples=300, derandomize=True, deadline=5000)
@given(
    kind=st.sampled_from(sorted(SAMPLES)),
    edits=EDITS,
    page=st.sampled_from(["first", "middle", "last", "max", 2]),
    channel=st.sampled_from(["auto", "max", 2]),
)
def test_a_damaged_file_gives_a_plane_or_a_reason(kind, edits, page, channel):
    try:
        plane, _ = read_grey(edited(SAMPLES[kind], edits), page, channel, max_pixels=1_000_000)
    except UnusableTiff as refused:
        assert "\n" not in str(refused) and len(str(refused)) < 200
    else:
        assert plane.ndim == 2
    with contextlib.suppress(UnusableTiff):
        facts_of(edited(SAMPLES[kind], edits))


def test_a_path_an_open_file_and_bytes_give_the_same_result(tmp_path, monkeypatch):
    data = tif(STACK, imagej=True, metadata={"axes": "TYX"})
    path = tmp_path / "a.tif"
    path.write_bytes(data)
    for small in (0, tiff.SMALL):  # read in pieces or at once
        monkeypatch.setattr(tiff, "SMALL", small)
        with open(path, "rb") as file:
            file.seek(7)  # at any position
            for source in (data, path, str(path), file):
                plane, facts = read_grey(source, page="last")
                np.testing.assert_array_equal(plane, STACK[4])
                assert facts["pages"] == 5 and time_points(source) == 5
            assert not file.closed


def test_one_page_of_a_large_stack_takes_the_memory_of_a_page(tmp_path):
    path, pages = tmp_path / "large.tif", 300
    for written, options in (
        ("described", {"metadata": None}),
        ("imagej", {"imagej": True, "metadata": {"axes": "TYX"}}),
        ("deflated", {"metadata": None, "compression": "deflate"}),
    ):
        with tifffile.TiffWriter(path, imagej="imagej" in options) as writer:
            options.pop("imagej", None)
            rows = ((np.full((256, 256), number) + np.arange(256)).astype(np.uint16) for number in range(pages))
            writer.write(rows, shape=(pages, 256, 256), dtype=np.uint16, photometric="minisblack", **options)
        tracemalloc.start()
        try:
            plane, facts = read_grey(path, page=123)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert (plane[0, 0], facts["pages"]) == (122, pages)
        assert written == "deflated" or path.stat().st_size > tiff.SMALL
        assert peak < 20 * plane.nbytes, written


def test_a_page_beyond_max_pixels_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large.tif"
    tifffile.imwrite(path, np.zeros((4200, 2100), np.uint16))
    tracemalloc.start()
    try:
        assert "image.max_pixels" in reason(path, max_pixels=1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_disk_error_is_not_blamed_on_the_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_grey(tmp_path / "gone.tif")


@pytest.mark.parametrize(
    ("pixels", "options", "expected"),
    [
        (np.dstack([GREY8] * 3), {"photometric": "rgb", "compression": "webp"}, ["WEBP", "50001", "LZW"]),
        (GREY8, {"compression": "jpeg2000"}, ["JPEG2000", "LZW"]),
        (np.dstack([GREY8] * 4), {"photometric": "separated"}, ["CMYK", "grey or RGB"]),
        (np.dstack([GREY8] * 3), {"photometric": "cielab"}, ["CIELAB", "grey or RGB"]),
        (GREY16.astype(np.complex64), {}, ["complex64", "8 or 16 bits"]),
    ],
    ids=["webp", "jpeg2000", "cmyk", "cielab", "complex"],
)
def test_the_reason_for_an_unsupported_file_says_what_to_do(pixels, options, expected):
    text = reason(tif(pixels, **options))
    assert "not supported" in text and "damaged" not in text
    assert all(part in text for part in expected)


def test_a_reason_is_never_only_a_number(monkeypatch):
    def fails(*_):
        raise KeyError(0)

    monkeypatch.setattr(tiff, "decode_page", fails)
    assert "(KeyError 0)" in reason(tif(GREY16))


def big_tif(path, size, **claims):
    """Write a BigTIFF of 100 x 100 pixels with `size` bytes, nearly all of them a hole. claims: {tag: number of its values}."""
    entries = {256: 100, 257: 100, 258: 8, 259: 1, 262: 1, 273: 4096, 277: 1, 278: 100, 279: 10_000}
    rows = {code: struct.pack("<HHQQ", code, 4, 1, value) for code, value in entries.items()}
    for tag, count in claims.items():
        code = tifffile.TIFF.TAGS[tag]
        rows[code] = struct.pack("<HHQQ", code, 2 if tag == "ImageDescription" else 4, count, 20_000)
    body = struct.pack("<Q", len(rows)) + b"".join(rows[code] for code in sorted(rows)) + bytes(8)
    path.write_bytes((b"II+\0" + struct.pack("<HHQ", 8, 0, 16) + body).ljust(4096, b"\0") + GREY8.tobytes() * 6)
    os.truncate(path, size)
    return path


@pytest.mark.parametrize(
    "tag", ["ImageDescription", "StripOffsets", "StripByteCounts", "BitsPerSample", "SubIFDs", "Software", "UIC1tag"]
)
def test_false_claims_in_a_large_file_do_not_take_memory(tmp_path, monkeypatch, tag):
    monkeypatch.setattr(tiff, "MOST_READS", 10_000)
    path = big_tif(tmp_path / "large.tif", 20 * 2**30, **{tag: 2**31})
    tracemalloc.start()
    try:
        assert re.search("its notes, or the list of its parts|too large for the memory", reason(path))
        # For the others numpy reserves memory without writing to it.
        assert tag in ("BitsPerSample", "Software", "UIC1tag") or tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_only_the_picture_of_a_large_file_is_read(tmp_path):
    path = big_tif(tmp_path / "large.tif", 20 * 2**30)
    tracemalloc.start()
    try:
        plane, _ = read_grey(path)
        assert plane.shape == (100, 100) and (plane.ravel()[: GREY8.size] == GREY8.ravel()).all()
        refuse_by_headers(path, 10_000)
        with pytest.raises(UnusableTiff, match="too large.*100 x 100 pixels"):
            refuse_by_headers(path, 9_999)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_pictures_may_be_larger_than_the_limit_for_notes(tmp_path, monkeypatch):
    monkeypatch.setattr(tiff, "MOST_AT_ONCE", 2**12)
    monkeypatch.setattr(tiff, "SMALL", 0)
    path = tmp_path / "a.tif"
    for options in ({}, {"compression": "deflate"}, {"tile": (64, 64)}, {"rowsperstrip": 1}):
        pixels = RANDOM.integers(0, 60_000, (3, 200, 200)).astype(np.uint16)
        tifffile.imwrite(path, pixels, photometric="minisblack", **options)
        np.testing.assert_array_equal(read_grey(path)[0], pixels[1])
    tifffile.imwrite(path, GREY8, description="x" * 2**13, metadata=None)
    assert re.search(r"notes.*\b8193 bytes.*\b4096", reason(path))
