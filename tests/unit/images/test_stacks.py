"""Test files with several pictures or a part of a set: the full picture is read, or there is a reason."""

import io
import os
import re
import struct
import tracemalloc

import numpy as np
import pytest
import tifffile

from flystage.images import tiff_directories
from flystage.images.reading import read_grey, time_points
from refusals import reason

RANDOM = np.random.default_rng(2)
FULL = RANDOM.integers(0, 60_000, (48, 64)).astype(np.uint16)
FULL8 = (FULL // 256).astype(np.uint8)
PREVIEW = RANDOM.integers(0, 255, (12, 16)).astype(np.uint8)
COLOUR = RANDOM.integers(0, 255, (48, 64, 3)).astype(np.uint8)
STACK = RANDOM.integers(0, 60_000, (5, 48, 64)).astype(np.uint16)


def written(*pictures, **options):
    """Return the bytes of a TIF of several pictures, each (array, options of TiffWriter.write)."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file, **options) as writer:
        for pixels, how in pictures:
            writer.write(pixels, **({"photometric": "rgb" if pixels.shape[-1] == 3 else "minisblack"} | how))
    return file.getvalue()


def as_mask(data):
    """Return the bytes of a TIF in which reduced pictures are marked as masks instead."""
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        places = [page.tags[254].valueoffset for page in opened.pages if page.tags.valueof(254) == 1]
    for place in places:
        data = data[:place] + b"\x04" + data[place + 1 :]
    return data


PLAIN = {"metadata": None}
HOLDS_MORE = {
    "preview first": [(PREVIEW, PLAIN), (FULL, PLAIN)],
    "preview first, each described separately": [(PREVIEW, {}), (FULL, {})],
    "preview of the same depth": [(FULL[:24, :32], PLAIN), (FULL, PLAIN)],
    "preview last": [(FULL, PLAIN), (PREVIEW, PLAIN)],
    "reduced picture, said to be so, of nearly the same size": [(STACK[0, :40], {"subfiletype": 1} | PLAIN), (FULL, PLAIN)],
    "reduced picture last": [(FULL, PLAIN), (STACK[0], {"subfiletype": 1} | PLAIN)],
    "mask as TIFF defines it": [(FULL > 9, {"subfiletype": 4, "photometric": "mask"} | PLAIN), (FULL, PLAIN)],
    "mask of one bit": [(FULL > 9, PLAIN), (FULL, PLAIN)],
    "picture in a sub-directory": [(PREVIEW, {"subifds": 1} | PLAIN), (FULL, PLAIN)],
    "reduced resolutions in sub-directories": [
        (FULL, {"subifds": 2} | PLAIN), (FULL[::2, ::2], {"subfiletype": 1} | PLAIN), (FULL[::4, ::4], {"subfiletype": 1} | PLAIN),
    ],
    "colour copy first": [(COLOUR, PLAIN), (FULL, PLAIN)],
    "colour copy with a scale bar below": [(np.vstack([COLOUR, COLOUR[:9]]), PLAIN), (FULL, PLAIN)],
    "8-bit copy": [(FULL8, PLAIN), (FULL, PLAIN)],
    "8-bit copy, each described separately": [(FULL8, {}), (FULL, {})],
}  # fmt: skip


@pytest.mark.parametrize("kind", HOLDS_MORE)
def test_the_full_picture_at_the_greatest_depth_is_used(kind):
    plane, facts = read_grey(written(*HOLDS_MORE[kind]))
    np.testing.assert_array_equal(plane, FULL)
    assert facts["pages"] == 1


def test_a_preview_of_greater_depth_does_not_replace_the_picture():
    plane, _ = read_grey(written((FULL[:20, :30], PLAIN), (FULL8, PLAIN)))
    np.testing.assert_array_equal(plane, FULL8)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_mask_of_the_same_size_and_depth_is_not_used(order):
    pictures = [(STACK[0], {"subfiletype": 1} | PLAIN), (FULL, PLAIN)]
    plane, facts = read_grey(as_mask(written(*[pictures[place] for place in order])))
    np.testing.assert_array_equal(plane, FULL)
    assert facts["pages"] == 1


def test_a_colour_copy_does_not_replace_a_grey_picture():
    plane, _ = read_grey(written((COLOUR, PLAIN), (FULL8, PLAIN)))
    np.testing.assert_array_equal(plane, FULL8)


def test_a_mask_in_the_middle_of_a_stack_is_not_a_page():
    pages = [(plane, PLAIN) for plane in STACK]
    plane, facts = read_grey(as_mask(written(*pages[:2], (FULL, {"subfiletype": 1} | PLAIN), *pages[2:])))
    np.testing.assert_array_equal(plane, STACK[2])
    assert facts["pages"] == 5


def test_a_preview_before_a_stack_is_not_a_page():
    data = written((PREVIEW, PLAIN), *[(plane, PLAIN) for plane in STACK])
    np.testing.assert_array_equal(read_grey(data)[0], STACK[2])
    np.testing.assert_array_equal(read_grey(data, page=5)[0], STACK[4])


def test_the_setting_series_can_select_every_picture():
    data = written((PREVIEW, {"subifds": 1} | PLAIN), (FULL, PLAIN), (COLOUR, PLAIN))
    shapes = [read_grey(data, series=number)[0].shape for number in (1, 2, 3)]
    assert sorted(shapes) == [(12, 16), (48, 64), (48, 64)]
    found = [read_grey(data, series=number)[0] for number in (1, 2, 3)]
    assert any(np.array_equal(plane, FULL) for plane in found) and any(
        np.array_equal(plane, PREVIEW) for plane in found
    )
    assert "3 picture(s)" in reason(data, series=4) and "image.series is 4" in reason(data, series=4)


def test_resolutions_that_tifffile_hides_can_be_selected():
    data = written((FULL, {"subifds": 1}), (FULL[::2, ::2], {"subfiletype": 1}))
    np.testing.assert_array_equal(read_grey(data, series=2)[0], FULL[::2, ::2])


@pytest.mark.parametrize(
    "pictures",
    [
        [(STACK[0], {"metadata": {"name": "BF"}}), (STACK[1], {"metadata": {"name": "GFP"}})],  # not planes of a stack
        [(FULL.astype(np.uint32) % 7, PLAIN), (FULL, PLAIN)],  # cell numbers have a greater depth than the picture
    ],
    ids=["two of a kind", "labels of 32 bits"],
)
def test_the_reason_for_an_ambiguous_file_names_the_setting(pictures):
    data = written(*pictures)
    assert "2 pictures of 64 x 48 pixels" in reason(data)
    assert "image.series" in reason(data) and "(1, 2)" in reason(data)
    np.testing.assert_array_equal(read_grey(data, series=2)[0], pictures[1][0])


LOOPS = {
    "a page": [(plane, {}) for plane in STACK],
    "a compressed page": [(plane, {"compression": "lzw"}) for plane in STACK],
    "a page with other notes": [(plane, {"metadata": {"seconds": number}}) for number, plane in enumerate(STACK)],
    "a page of length 1": [(plane[np.newaxis], {}) for plane in STACK],
}


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}], ids=str)
@pytest.mark.parametrize("kind", LOOPS)
def test_pages_written_one_at_a_time_are_a_stack(kind, options):
    data = written(*LOOPS[kind], **options)
    plane, facts = read_grey(data)
    np.testing.assert_array_equal(plane, STACK[2])
    assert (facts["pages"], facts["note"], time_points(data)) == (5, "", 1)
    np.testing.assert_array_equal(read_grey(data, page="max")[0], STACK.max(axis=0))
    np.testing.assert_array_equal(read_grey(data, page=5)[0], STACK[4])
    np.testing.assert_array_equal(read_grey(data, series=2)[0], STACK[1])  # its number as a picture, as before


def test_pages_appended_one_at_a_time_are_a_stack(tmp_path):
    path = tmp_path / "a.tif"
    for number, plane in enumerate(STACK):
        tifffile.imwrite(path, plane, append=number > 0)
    plane, facts = read_grey(path)
    np.testing.assert_array_equal(plane, STACK[2])
    assert facts["pages"] == 5


def test_time_points_written_one_at_a_time_are_a_movie():
    data = written(*[(plane[np.newaxis], {"metadata": {"axes": "TYX"}}) for plane in STACK])
    assert time_points(data) == 5
    np.testing.assert_array_equal(read_grey(data, frame=5)[0], STACK[4])


def test_stacks_written_one_at_a_time_are_several_pictures():
    data = written((STACK[:3], {"photometric": "minisblack"}), (STACK[2:], {"photometric": "minisblack"}))
    assert "2 pictures" in reason(data) and "image.series" in reason(data)
    mixed = written((STACK[0], {}), (STACK[1], {}), (STACK[2].astype(np.uint8), {}))
    assert "image.series" in reason(mixed)


# --- tifffile writes a stack of 3 planes as the colours of one page, with a warning


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}], ids=str)
@pytest.mark.parametrize("planes", [STACK[:3], STACK[:4].astype(np.uint8)], ids=["three", "four of 8 bits"])
def test_planes_that_may_be_colours_are_told(planes, options):
    data = written((planes, {"photometric": None}), **options)
    plane, facts = read_grey(data)
    np.testing.assert_allclose(plane, np.tensordot([0.299, 0.587, 0.114], planes[:3], 1), rtol=1e-5)
    assert f"its {len(planes)} planes" in facts["note"] and "image.channel" in facts["note"]
    np.testing.assert_array_equal(read_grey(data, channel=2)[0], planes[1])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_true_colours_are_not_doubted():
    said = written((STACK[:3], {"photometric": None, "metadata": {"axes": "SYX"}}))
    for data in (
        written((COLOUR, {})),
        said,
        written((STACK[:3], {"photometric": "rgb", "planarconfig": "separate"} | PLAIN)),
    ):
        assert read_grey(data)[1]["note"] == ""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("axes", "times", "pages", "first"), [("ZYX", 1, 3, 1), ("TYX", 3, 3, 1), ("CYX", 1, 1, 0)])
def test_planes_of_a_colour_page_with_named_axes_are_not_colours(axes, times, pages, first):
    data = written((STACK[:3], {"photometric": None, "metadata": {"axes": axes}}))
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        assert len(opened.pages) == 1
    plane, facts = read_grey(data)
    np.testing.assert_array_equal(plane, STACK[first])
    assert (facts["pages"], facts["note"], time_points(data)) == (pages, "", times)
    which = {"channel": 3} if axes == "CYX" else {"page": 3}
    np.testing.assert_array_equal(read_grey(data, **which)[0], STACK[2])


# --- stopped acquisitions


@pytest.mark.parametrize("compression", [None, "lzw"])
@pytest.mark.parametrize(("times", "left_out"), [(2, 1), (3, 0)])
def test_a_stopped_acquisition_gives_the_described_picture(compression, times, left_out):
    planes = "".join(
        f'<TiffData FirstC="{n % 2}" FirstT="{n // 2}" FirstZ="0" IFD="{n}" PlaneCount="1"/>'
        for n in range(min(2 * times, 5))
    )
    notes = OME.format(own="", planes=planes, times=times, depth=1).replace('SizeC="1"', 'SizeC="2"')
    notes = notes.replace("</Pixels>", "</Pixels>").replace('<Channel ID="Channel:0:0" SamplesPerPixel="1"/>', "")
    how = [
        {"metadata": None, "contiguous": False, "compression": compression} | ({"description": notes} if not n else {})
        for n in range(5)
    ]
    data = written(*zip(STACK, how, strict=True))
    assert time_points(data) == times
    plane, facts = read_grey(data, frame=2, channel=2)
    np.testing.assert_array_equal(plane, STACK[3])
    assert ("1 page" in facts["note"]) == bool(left_out)
    if not left_out:
        assert "5" in facts["note"] and "never written" in reason(data, frame=3)


@pytest.mark.parametrize("depth", [2, 3])
def test_joined_ome_files_are_not_taken_for_a_stopped_acquisition(depth):
    notes = CLAIMING.format(depth, 1, depth, "")
    how = [
        {"metadata": None, "contiguous": False} | ({"description": notes} if n % depth == 0 else {}) for n in range(5)
    ]
    pages = 4 if depth == 2 else 5
    assert "2 pictures" in reason(written(*zip(STACK[:pages], how[:pages], strict=True)))


def test_one_page_with_the_notes_of_an_ome_stack_is_the_picture():
    data = written((FULL, {"metadata": None, "description": CLAIMING.format(5, 2, 10, "")}))
    plane, facts = read_grey(data)
    np.testing.assert_array_equal(plane, FULL)
    assert facts["pages"] == 1 and time_points(data) == 1


def test_positions_of_an_ome_file_can_be_selected():
    data = written((STACK[:3], {"metadata": {"axes": "ZYX"}}), (STACK[2:], {"metadata": {"axes": "ZYX"}}), ome=True)
    assert "set image.series" in reason(data)
    np.testing.assert_array_equal(read_grey(data, series=1)[0], STACK[1])
    np.testing.assert_array_equal(read_grey(data, series=2, page="last")[0], STACK[4])


# --- stacks in which only the first page is described


def metamorph(planes):
    """Return the bytes of a MetaMorph stack: one page, consecutive planes, and their number in the tag UIC2."""
    number, (height, width) = len(planes), planes[0].shape
    tags = {
        254: (4, 0),
        256: (3, width),
        257: (3, height),
        258: (3, 16),
        259: (3, 1),
        262: (3, 1),
        277: (3, 1),
        278: (3, height),
    }
    tags |= {273: (4, 0), 279: (4, height * width * 2), 33628: (5, 0), 33629: (5, 0), 33630: (5, 0)}
    start = 8 + 2 + 12 * len(tags) + 4
    parts = {
        33628: [0, 1] * number,
        33629: [v for k in range(number) for v in (k, 1, 2459000, k, 2459000, 0)],
        33630: [1, 1] * number,
    }
    blob = b""
    for code, numbers in parts.items():
        tags[code] = (5, start + len(blob))
        blob += struct.pack(f"<{len(numbers)}I", *numbers)
    tags[273] = (4, start + len(blob))
    page = struct.pack("<H", len(tags))
    for code, (kind, value) in sorted(tags.items()):
        page += struct.pack("<HHI", code, kind, number if kind == 5 else 1)
        page += struct.pack("<HH", value, 0) if kind == 3 else struct.pack("<I", value)
    return b"II*\0\x08\0\0\0" + page + bytes(4) + blob + planes.tobytes()


@pytest.mark.parametrize(("page", "expected"), [("first", 0), ("middle", 2), ("last", 4), (2, 1)])
def test_a_metamorph_stack_is_read_by_its_page(tmp_path, page, expected):
    path = tmp_path / "named as any other.tif"
    path.write_bytes(metamorph(STACK))
    for source in (path, path.read_bytes()):
        plane, facts = read_grey(source, page=page)
        np.testing.assert_array_equal(plane, STACK[expected])
        assert facts["pages"] == 5
    np.testing.assert_array_equal(read_grey(path, page="max")[0], STACK.max(axis=0))
    assert "5 page(s)" in reason(path, page=6) and "image.page is 6" in reason(path, page=6)


def test_a_truncated_metamorph_stack_is_refused():
    assert "truncated" in reason(metamorph(STACK)[:-100], page="first")


def test_a_large_imagej_stack_is_read_by_its_page():
    # beyond 4 GB ImageJ describes only the first page
    file = io.BytesIO()
    tifffile.imwrite(file, STACK[0], description="ImageJ=1.53t\nimages=5\nslices=5\n", metadata=None)
    data = file.getvalue() + STACK[1:].tobytes()
    for number in range(5):
        np.testing.assert_array_equal(read_grey(data, page=number + 1)[0], STACK[number])


# --- sets with one file per plane, in which each file describes all planes or names one that does

PLANE = (
    '<TiffData FirstC="0" FirstT="{t}" FirstZ="{z}" IFD="{ifd}" PlaneCount="1">'
    '<UUID FileName="{name}">urn:uuid:{name}</UUID></TiffData>'
)
OME = (
    '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"{own}>'
    '<Image ID="Image:0"><Pixels BigEndian="false" DimensionOrder="XYCZT" ID="Pixels:0" SizeC="1" SizeT="{times}" SizeX="64"'
    ' SizeY="48" SizeZ="{depth}" Type="uint16"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>{planes}</Pixels></Image></OME>'
)
POINTER = (
    '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:x">'
    '<BinaryOnly MetadataFile="all.companion.ome" UUID="urn:uuid:y"/></OME>'
)


def ome_set(folder, files, with_own_uuid):
    """Write an OME set. files: {name: [(t, z, picture), ...]}."""
    planes = "".join(
        PLANE.format(t=t, z=z, ifd=ifd, name=name) for name, held in files.items() for ifd, (t, z, _) in enumerate(held)
    )
    held = [(t, z) for planes in files.values() for t, z, _ in planes]
    for name, own in files.items():
        xml = OME.format(
            own=f' UUID="urn:uuid:{name}"' * with_own_uuid, planes=planes,
            times=1 + max(t for t, _ in held), depth=1 + max(z for _, z in held),
        )  # fmt: skip
        pixels = np.stack([picture for *_, picture in own])
        tifffile.imwrite(folder / name, pixels, description=xml, metadata=None, photometric="minisblack")


@pytest.mark.parametrize("with_own_uuid", [True, False])
@pytest.mark.parametrize("alone", [True, False])
def test_each_file_of_an_ome_set_gives_its_own_plane(tmp_path, with_own_uuid, alone):
    names = [f"scan_z{z}.ome.tif" for z in range(5)]
    ome_set(tmp_path, {name: [(0, z, STACK[z])] for z, name in enumerate(names)}, with_own_uuid)
    if alone:
        names = names[3:4]
        for path in tmp_path.iterdir():
            if path.name not in names:
                path.unlink()
    for name in names:
        plane, facts = read_grey(tmp_path / name)
        np.testing.assert_array_equal(plane, STACK[int(name[6])])
        assert facts["pages"] == 1
        with open(tmp_path / name, "rb") as file:
            np.testing.assert_array_equal(read_grey(file)[0], plane)
        renamed = (tmp_path / name).rename(tmp_path / f"Stage(060)-{name}")
        np.testing.assert_array_equal(read_grey(renamed)[0], plane)
        np.testing.assert_array_equal(read_grey(renamed.read_bytes())[0], plane)


def test_a_file_of_an_ome_set_keeps_the_axes_of_its_planes(tmp_path):
    """One file per time point with its depth, and one file per plane with all its time points."""
    by_time = {f"t{t}.ome.tif": [(t, z, STACK[z] + t) for z in range(3)] for t in range(4)}
    ome_set(tmp_path, by_time, with_own_uuid=True)
    for t in range(4):
        plane, facts = read_grey(tmp_path / f"t{t}.ome.tif")
        np.testing.assert_array_equal(plane, STACK[1] + t)
        assert facts["pages"] == 3 and time_points(tmp_path / f"t{t}.ome.tif") == 1
    by_depth = {f"z{z}.ome.tif": [(t, z, STACK[z] + t) for t in range(4)] for z in range(3)}
    ome_set(tmp_path, by_depth, with_own_uuid=True)
    assert time_points(tmp_path / "z2.ome.tif") == 4
    np.testing.assert_array_equal(read_grey(tmp_path / "z2.ome.tif", frame=4)[0], STACK[2] + 3)


def test_files_of_a_set_with_one_uuid_are_identified_by_name(tmp_path):
    files = {"a.ome.tif": [(0, z, STACK[z]) for z in range(2)], "b.ome.tif": [(1, z, STACK[z]) for z in range(5)]}
    ome_set(tmp_path, files, with_own_uuid=True)
    path = tmp_path / "b.ome.tif"
    path.write_bytes(path.read_bytes().replace(b' UUID="urn:uuid:b.ome.tif"', b' UUID="urn:uuid:a.ome.tif"'))
    plane, facts = read_grey(path, page="last")
    np.testing.assert_array_equal(plane, STACK[4])
    assert facts["pages"] == 5


def test_a_file_without_its_own_notes_gives_its_own_pages(tmp_path):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, STACK, description=POINTER, metadata=None, photometric="minisblack")
    plane, facts = read_grey(path)
    np.testing.assert_array_equal(plane, STACK[2])
    assert facts["pages"] == 5


def test_a_renamed_ome_file_gives_its_own_planes(tmp_path):
    ome_set(tmp_path, {"old name.ome.tif": [(0, z, STACK[z]) for z in range(5)]}, with_own_uuid=False)
    renamed = (tmp_path / "old name.ome.tif").rename(tmp_path / "Stage(060)-new.tif")
    plane, facts = read_grey(renamed)
    np.testing.assert_array_equal(plane, STACK[2])
    assert facts["pages"] == 5


def test_a_set_never_opens_another_file(tmp_path, monkeypatch):
    ome_set(tmp_path, {"a.ome.tif": [(0, 0, STACK[0])], "b.ome.tif": [(0, 1, STACK[1])]}, with_own_uuid=True)
    (tmp_path / "a.ome.tif").write_bytes(b"damaged")
    monkeypatch.chdir(tmp_path)
    np.testing.assert_array_equal(read_grey("b.ome.tif")[0], STACK[1])


def test_a_single_ome_file_that_lacks_planes_is_refused(tmp_path):
    ome_set(tmp_path, {"a.ome.tif": [(0, z, STACK[z]) for z in range(3)]}, with_own_uuid=True)
    path = tmp_path / "a.ome.tif"
    path.write_bytes(path.read_bytes().replace(b'SizeZ="3"', b'SizeZ="9"'))
    assert "never written" in reason(path)


CLAIMING = (
    '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0"'
    ' DimensionOrder="XYZCT" Type="uint16" SizeX="64" SizeY="48" SizeZ="{}" SizeC="1" SizeT="{}"><TiffData PlaneCount="{}"/></Pixels>'
    "</Image>{}</OME>"
)


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        (CLAIMING.format(1000, 1_000_000, 1, ""), r"OME.*\b1000000000 planes"),
        (CLAIMING.format(1, 1, 2_000_000_000, ""), r"OME.*\b2000000000 planes"),
        (CLAIMING.format(10**6, 10**9, 1, ""), r"OME.*\b1000000000000000 planes"),
        (CLAIMING.format(1, 1, 1, "<a/>" * 2_100_000), r"OME.*\b1048576 elements"),
    ],
)
def test_notes_that_claim_too_many_planes_are_refused_early(description, expected):
    data = written((FULL, {"metadata": None, "description": description}))
    tracemalloc.start()
    try:
        assert re.search(expected, reason(data))
        assert tracemalloc.get_traced_memory()[1] < 10 * len(data)
    finally:
        tracemalloc.stop()


def test_the_numbers_of_planes_and_pages_are_limited(tmp_path, monkeypatch):
    path = tmp_path / "large.tif"
    tifffile.imwrite(path, FULL, description="ImageJ=1.53\nimages=5000000\nslices=5000000\n", metadata=None)
    os.truncate(path, 5_000_001 * FULL.nbytes)
    assert "5000000 planes" in reason(path)
    monkeypatch.setattr(tiff_directories, "MOST_PAGES", 4)
    pages = [(plane, {"metadata": None, "contiguous": False}) for plane in STACK]
    assert "more than 4 pages" in reason(written(*pages))
    np.testing.assert_array_equal(read_grey(written(*pages[:4]))[0], STACK[2])


def test_a_reduced_picture_with_the_old_tag_is_not_a_page():
    reduced = {"metadata": None, "extratags": [(255, "H", 1, 2, False)]}
    data = written((FULL, {"metadata": None}), (FULL // 2, reduced), (FULL // 3, reduced))
    np.testing.assert_array_equal(read_grey(data)[0], FULL)
    np.testing.assert_array_equal(read_grey(data, series=2, page=1)[0], FULL // 2)
