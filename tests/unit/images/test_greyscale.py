"""Test that every way of storing a picture gives the same grey values."""

import io
import struct

import numpy as np
import pytest
import tifffile

from flystage.core.errors import UnusableTiff
from flystage.images.greyscale import to_grey
from flystage.images.reading import read_grey

RANDOM = np.random.default_rng(4)
GREY16 = RANDOM.integers(0, 60_000, (40, 48)).astype(np.uint16)
GREY8 = (GREY16 % 256).astype(np.uint8)
RAMP, ZERO = np.arange(256), np.zeros(256, int)
FIRE = [
    [0, 0, 1, 25, 49, 73, 98, 122, 146, 162, 173, 184, 195, 207, 217, 229, 240, 252] + [255] * 14,
    [0] * 13 + [14, 35, 57, 79, 101, 117, 133, 147, 161, 175, 190, 205, 219, 234, 248, 255, 255, 255, 255],
    [0, 61, 96, 130, 165, 192, 220, 227, 210, 181, 151, 122, 93, 64, 35, 5] + [0] * 11 + [35, 98, 160, 223, 255],
]  # ImageJ's, at every eighth index


def tif(pixels, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def reason(data, **options):
    with pytest.raises(UnusableTiff) as refused:
        read_grey(data, **options)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 200
    return str(refused.value)


def with_table(table, factor=257):
    return tif(GREY8, photometric="palette", colormap=(np.array(table) * factor).astype(np.uint16))


def hilo():
    table = np.stack([RAMP] * 3)
    table[:, 0], table[:, -1] = (0, 0, 255), (255, 0, 0)
    return table


TABLES = {
    "grey": [RAMP, RAMP, RAMP],
    "red": [RAMP, ZERO, ZERO],
    "green": [ZERO, RAMP, ZERO],
    "blue": [ZERO, ZERO, RAMP],
    "cyan": [ZERO, RAMP, RAMP],
    "fire": [np.interp(RAMP, np.linspace(0, 255, 32), colour).astype(int) for colour in FIRE],
    "stretched for display": [np.clip(3 * RAMP - 200, 0, 255)] * 3,
    "marks of over- and underexposure": hilo(),
}


@pytest.mark.parametrize("factor", [257, 256, 1], ids=["16 bits", "16 bits, low byte empty", "0 to 255"])
@pytest.mark.parametrize("name", TABLES)
def test_a_colour_table_for_display_does_not_change_the_picture(name, factor):
    plane, facts = read_grey(with_table(TABLES[name], factor))
    np.testing.assert_array_equal(plane, GREY8)
    assert facts["white"] == 255 and facts["channels"] == 1 and facts["note"] == ""


def test_an_inverted_colour_table_means_white_is_zero():
    plane, facts = read_grey(with_table([RAMP[::-1]] * 3))
    np.testing.assert_array_equal(plane, 255 - GREY8)
    assert facts["white"] == 255


@pytest.mark.parametrize("factor", [257, 1])
def test_an_unordered_colour_table_is_looked_up_with_a_note(factor):
    table = RANDOM.permutation(256)[None] // np.array([[1], [2], [3]])
    plane, facts = read_grey(with_table(table, factor))
    np.testing.assert_allclose(plane, np.tensordot([0.299, 0.587, 0.114], 257.0 * table[:, GREY8], 1), rtol=1e-5)
    assert facts["white"] == 65535 and "colour table" in facts["note"] and "luma" in facts["note"]


def composite(channels, table, description, **options):
    """Return the bytes of an 8-bit composite: one page per channel, all with the colour table of the channel on the screen."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file, **options) as writer:
        for number, page in enumerate(channels):
            writer.write(
                page, photometric="palette", colormap=(np.array(table) * 257).astype(np.uint16), metadata=None,
                contiguous=False, description=None if number else description,
            )  # fmt: skip
    return file.getvalue()


OME_CHANNELS = (
    '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
    '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="48" SizeY="40" SizeZ="1" SizeC="{}" SizeT="1"><TiffData/>'
    "</Pixels></Image></OME>"
)


@pytest.mark.parametrize("description", ["ImageJ=1.53t\nimages={0}\nchannels={0}\nmode=composite\n", OME_CHANNELS])
@pytest.mark.parametrize("table", [TABLES["red"], TABLES["fire"], [RAMP[::-1]] * 3, RANDOM.integers(0, 255, (3, 256))])
@pytest.mark.parametrize("number", [2, 3, 4])
@pytest.mark.parametrize("options", [{"byteorder": ">"}, {"bigtiff": True}])
def test_channels_of_a_composite_are_never_mixed_as_colours(number, table, description, options):
    channels = np.stack([(GREY8 // (channel + 1)) for channel in range(number)])
    data = composite(channels, table, description.format(number), **options)
    plane, facts = read_grey(data)
    np.testing.assert_array_equal(plane, GREY8)
    assert (facts["channels"], facts["white"], facts["note"]) == (number, 255, "")
    np.testing.assert_array_equal(read_grey(data, channel=2)[0], channels[1])
    np.testing.assert_array_equal(read_grey(data, channel="max")[0], channels.max(axis=0))


def test_channels_of_colour_pages_give_the_luma_of_the_first():
    pages = RANDOM.integers(0, 255, (5, 40, 48, 3)).astype(np.uint8)
    for options in ({"imagej": True}, {"ome": True}):
        data = tif(pages, metadata={"axes": "CYXS"}, photometric="rgb", **options)
        plane, facts = read_grey(data)
        np.testing.assert_allclose(plane, pages[0] @ [0.299, 0.587, 0.114], rtol=1e-5)
        assert (facts["channels"], facts["pages"]) == (15, 1)
        np.testing.assert_array_equal(read_grey(data, channel=5)[0], pages[1, ..., 1])


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_two_samples_called_rgb_are_two_channels(planar):
    pixels = np.stack([GREY16, GREY16 // 2], axis=-1 if planar == "contig" else 0)
    data = bytearray(tif(pixels, photometric="minisblack", planarconfig=planar, metadata=None))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as opened:
        data[opened.pages.first.tags["PhotometricInterpretation"].valueoffset] = 2
    plane, facts = read_grey(bytes(data))
    np.testing.assert_array_equal(plane, GREY16)
    assert facts["channels"] == 2
    np.testing.assert_array_equal(read_grey(bytes(data), channel=2)[0], GREY16 // 2)


@pytest.mark.parametrize("samples", [2, 4])
def test_the_channels_that_are_counted_are_those_that_can_be_chosen(samples):
    pixels = np.dstack([GREY8] * (samples - 1) + [GREY8 // 2])
    data = tif(
        pixels, photometric="rgb" if samples == 4 else "minisblack", planarconfig="contig", extrasamples=["unassalpha"]
    )
    count = read_grey(data)[1]["channels"]
    assert count == samples - 1
    np.testing.assert_array_equal(read_grey(data, channel=count)[0], GREY8)
    assert f"has {count} channel" in reason(data, channel=count + 1)


@pytest.mark.parametrize("compression", [None, "lzw", "deflate"])
def test_ycbcr_without_jpeg_is_read_as_luma(compression):
    pixels = np.dstack([GREY8, GREY8 // 2, 255 - GREY8])
    data = tif(pixels, photometric="ycbcr", compression=compression, extratags=[(530, 3, 2, (1, 1), True)])
    np.testing.assert_array_equal(read_grey(data)[0], GREY8)


def test_subsampled_ycbcr_is_not_supported():
    tags = {256: 48, 257: 40, 259: 1, 262: 6, 273: 0, 277: 3, 278: 40, 279: 48 * 40 * 3 // 2}
    start = 8 + 2 + 12 * (len(tags) + 2) + 4
    tags[273] = start + 6
    page = {code: struct.pack("<HHII", code, 4, 1, value) for code, value in tags.items()}
    page |= {258: struct.pack("<HHII", 258, 3, 3, start), 530: struct.pack("<HHIHH", 530, 3, 2, 2, 2)}
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", len(page)) + b"".join(page[code] for code in sorted(page)) + bytes(4)
    text = reason(data + struct.pack("<3H", 8, 8, 8) + bytes(48 * 40 * 3 // 2))
    assert "not supported" in text and "RGB or grey" in text and "damaged" not in text


def test_white_is_zero_is_inverted_at_the_maximum_of_the_pixel_type():
    plane, _ = read_grey(tif(GREY16, photometric="miniswhite"))
    np.testing.assert_array_equal(plane, 65535 - GREY16)
    plane, _ = read_grey(tif(GREY8, photometric="miniswhite"))
    np.testing.assert_array_equal(plane, 255 - GREY8)
    plane, _ = read_grey(tif(GREY16 > 30_000, photometric="miniswhite"))
    np.testing.assert_array_equal(plane, GREY16 <= 30_000)
    signed = (GREY16.astype(int) - 30_000).astype(np.int16)
    np.testing.assert_array_equal(read_grey(tif(signed, photometric="miniswhite"))[0], 32767 - signed.astype(int))


@pytest.mark.parametrize("white", [4095, 4095.0])
def test_white_is_zero_of_12_bits_is_inverted_at_the_white_that_is_set(white):
    camera = GREY16 // 16
    plane, _ = read_grey(tif((4095 - camera).astype(np.uint16), photometric="miniswhite"), white=white)
    np.testing.assert_array_equal(plane, camera)
    plane, _ = read_grey(tif(np.full((40, 48), 5000, np.uint16), photometric="miniswhite"), white=white)
    assert (plane == 0).all()  # values beyond white become black without overflow
    np.testing.assert_array_equal(read_grey(tif(camera), white=white)[0], camera)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint32, np.int32])
@pytest.mark.parametrize("white", ["auto", 4095])
def test_white_is_zero_of_measurements_is_for_display_only(dtype, white):
    plane, facts = read_grey(tif(GREY16.astype(dtype), photometric="miniswhite"), white=white)
    np.testing.assert_array_equal(plane, GREY16.astype(dtype))
    assert "display" in facts["note"]


def imagej(c0, c1, function=0):
    return f"ImageJ=1.53t\nmin=0.0\nmax=9.0\ncf={function}\nc0={c0}\nc1={c1}\nvunit=Gray Value\n"


def test_signed_values_of_imagej_are_restored():
    signed = GREY16.astype(np.int32) - 30_000
    data = tif((signed + 32768).astype(np.uint16), description=imagej("-32768.0", "1.0"), metadata=None)
    plane, facts = read_grey(data)
    np.testing.assert_array_equal(plane, signed)
    assert facts["white"] == 32767 and "calibration" in facts["note"]
    stack = np.stack([signed, signed[::-1], signed[:, ::-1]])
    data = tif(
        (stack + 32768).astype(np.uint16), imagej=True, metadata={"axes": "ZYX", "cf": 0, "c0": -32768.0, "c1": 1.0}
    )
    np.testing.assert_array_equal(read_grey(data, page="last")[0], stack[2])


@pytest.mark.parametrize(("c0", "c1"), [(10, 0.5), (0, 2), (-32768, 1)])
def test_a_rising_linear_calibration_of_16_bits_is_applied(c0, c1):
    plane, facts = read_grey(tif(GREY16, description=imagej(c0, c1), metadata=None))
    np.testing.assert_allclose(plane, c0 + c1 * GREY16.astype(float), rtol=1e-6)
    assert facts["white"] == c0 + c1 * 65535


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("c0", "c1"), [(255, -1), (32768, -0.5), (-32768, 1)])
def test_a_falling_or_copied_calibration_changes_nothing(dtype, order, c0, c1):
    """ImageJ shows the stored values of a falling line. ImageMagick copies the line of 16 bits to other numbers."""
    if (dtype, c1) == (np.uint16, 1):
        return  # the signed values of ImageJ
    stored = (GREY16 // 256).astype(dtype)
    plane, facts = read_grey(tif(stored, description=imagej(c0, c1), metadata=None, byteorder=order))
    np.testing.assert_array_equal(plane, stored)
    assert facts["white"] == np.iinfo(dtype).max and facts["note"] == ""


@pytest.mark.parametrize(
    "notes", [imagej(0, 1), imagej(5, 2, function=21), imagej("nan", 1), imagej(3, 0), "ImageJ=1.53t\ncf=0\n"]
)
def test_an_empty_calibration_changes_nothing(notes):
    plane, facts = read_grey(tif(GREY8, description=notes, metadata=None))
    np.testing.assert_array_equal(plane, GREY8)
    assert facts["white"] == 255


# How a viewer shows rows and columns, by the definition of the tag: (row 0 is at the visual ..., column 0 at the visual ...)
@pytest.mark.parametrize(
    ("orientation", "shown"),
    [
        (1, GREY16),  # top, left
        (3, GREY16[::-1, ::-1]),  # bottom, right
        (6, GREY16[::-1].T),  # right, top
        (8, GREY16[:, ::-1].T),  # left, bottom
        (0, GREY16),
        (9, GREY16),
    ],
)
def test_an_orientation_tag_rotates_the_picture(orientation, shown):
    plane, facts = read_grey(tif(GREY16, extratags=[(274, 3, 1, orientation, True)], metadata=None))
    np.testing.assert_array_equal(plane, shown)
    assert (facts["height"], facts["width"]) == shown.shape


@pytest.mark.parametrize("orientation", [2, 4, 5, 7])
def test_an_orientation_tag_that_mirrors_is_refused(orientation):
    text = reason(tif(GREY16, extratags=[(274, 3, 1, orientation, True)], metadata=None))
    assert f"Orientation tag ({orientation})" in text and "mirrored" in text


def test_a_channel_is_counted_from_1():
    planes = np.stack([np.full((8, 9), value) for value in (10, 20, 30)])
    assert [to_grey(planes, 3, number)[0, 0] for number in (1, 2, 3)] == [10, 20, 30]
    assert to_grey(planes, 1, "auto")[0, 0] == 10 and to_grey(planes, 3, "max")[0, 0] == 30
    for few, number in ((planes, 4), (planes[:1], 2)):
        with pytest.raises(UnusableTiff, match=f"image.channel is {number}"):
            to_grey(few, 3, number)
