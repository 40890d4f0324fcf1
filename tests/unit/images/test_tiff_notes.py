"""Test what is read of a TIF's notes: times, pixel size, significant bits, names of channels."""

import io
import json
import tracemalloc

import numpy as np
import pytest
import tifffile

from flystage.images.reading import facts_of, read_grey

MOVIE = np.random.default_rng(5).integers(0, 4096, (3, 2, 40, 48)).astype(np.uint16)
OME = (
    '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
    '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="48" SizeY="40" SizeZ="1" SizeC="2" SizeT="3" {}>'
    '<Channel ID="Channel:0:0" Name="BF"/><Channel ID="Channel:0:1" Name="GFP"/><TiffData/>{}</Pixels></Image></OME>'
)


def tif(pixels, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def imagej(axes="TCYX", resolution=None, **notes):
    return tif(
        MOVIE, imagej=True, metadata={"axes": axes} | notes, **({"resolution": resolution} if resolution else {})
    )


def ome(attributes="", planes=""):
    return tif(MOVIE, description=OME.format(attributes, planes), metadata=None, photometric="minisblack")


def delta(seconds, unit=""):
    planes = [(t, c) for t in range(3) for c in range(2)]
    return "".join(f'<Plane TheT="{t}" TheC="{c}" TheZ="0" DeltaT="{seconds[t] + c}"{unit}/>' for t, c in planes)


@pytest.mark.parametrize(
    ("data", "times"),
    [
        (imagej(finterval=30.5), (0, 30.5, 61)),
        (imagej(finterval=2, tunit="min"), (0, 120, 240)),
        (imagej(), None),
        (imagej(finterval=0), None),
        (imagej(axes="ZCYX", finterval=30), None),
        (ome('TimeIncrement="30"'), (0, 30, 60)),
        (ome('TimeIncrement="500" TimeIncrementUnit="ms"'), (0, 0.5, 1)),
        (ome('TimeIncrement="nan"'), None),
        (ome(planes=delta([5, 65, 185])), (0, 60, 180)),
        (ome('TimeIncrement="60"', delta([1, 2, 4], ' DeltaTUnit="min"')), (0, 60, 180)),
        (ome('TimeIncrement="60"', delta([0, 0, 0])), (0, 60, 120)),
        (ome(), None),
        (tif(MOVIE, photometric="minisblack", metadata=None), None),
    ],
)
def test_the_times_of_a_movie_are_in_seconds(data, times):
    assert facts_of(data).times == (times and pytest.approx(times))


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (imagej(resolution=(2, 2), unit="um"), 0.5),
        (imagej(resolution=(2, 2), unit="\\u00B5m"), 0.5),
        (imagej(resolution=(4, 4), unit="micron"), 0.25),
        (imagej(resolution=(2000, 2000), unit="mm"), 0.5),
        (imagej(resolution=(2, 2), unit="pixel"), None),
        (imagej(), None),
        (ome('PhysicalSizeX="0.65"'), 0.65),
        (ome('PhysicalSizeX="650" PhysicalSizeXUnit="nm"'), 0.65),
        (ome('PhysicalSizeX="650" PhysicalSizeXUnit="pixel"'), None),
        (ome('PhysicalSizeX="0"'), None),
        (tif(MOVIE[0], photometric="minisblack", metadata=None, resolution=(20_000, 20_000), resolutionunit=3), 0.5),
        (tif(MOVIE[0], photometric="minisblack", metadata=None, resolution=(25_400, 25_400), resolutionunit=2), 1),
        (tif(MOVIE[0], photometric="minisblack", metadata=None, resolution=(2, 2), resolutionunit=1), None),
        *(
            (tif(MOVIE[0], photometric="minisblack", metadata=None, resolution=(dpi, dpi), resolutionunit=2), None)
            for dpi in (1, 72, 96, 300, 600)
        ),
    ],
)
def test_the_pixel_size_is_in_micrometres(data, size):
    assert facts_of(data).pixel_size == (size and pytest.approx(size))


def test_the_facts_of_a_picture_describe_its_planes():
    facts = facts_of(ome('SignificantBits="12"'))
    assert (facts.dtype, facts.bits, facts.width, facts.height) == ("uint16", 12, 48, 40)
    assert (facts.axes, facts.shape) == ("TC", (3, 2))
    assert facts.channel_names == ("BF", "GFP")
    assert facts_of(ome('SignificantBits="16"')).bits is None and facts_of(imagej()).channel_names == ()
    plain = facts_of(tif(MOVIE[0, 0]))
    assert (plain.axes, plain.shape, plain.times, plain.channel_names) == ("", (), None, ())
    labelled = tif(MOVIE[0], imagej=True, metadata={"axes": "CYX", "Labels": ["BF", "GFP"]})
    assert facts_of(labelled).channel_names == ("BF", "GFP")


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_size_is_that_of_the_picture_as_shown(orientation):
    data = tif(MOVIE[0, 0], extratags=[(274, 3, 1, orientation, True)], metadata=None)
    facts, (_, read) = facts_of(data), read_grey(data)
    assert (facts.width, facts.height) == (read["width"], read["height"])


def test_each_picture_of_an_ome_file_has_its_own_notes():
    file = io.BytesIO()
    with tifffile.TiffWriter(file, ome=True) as writer:
        for size in (0.5, 0.25):
            writer.write(MOVIE, photometric="minisblack", metadata={"axes": "TCYX", "PhysicalSizeX": size})
    assert [facts_of(file.getvalue(), series=number).pixel_size for number in (1, 2)] == [0.5, 0.25]


@pytest.mark.parametrize("frame", [{"FrameIndex": 0}, {"Frame": 0}, {"Axes": {"time": 0}}], ids=str)
@pytest.mark.parametrize(
    ("elapsed", "times"), [([500, 1500, 4500], (0, 1, 4)), ([500, None, 4500], None), ([9, 9, 9], None)]
)
def test_times_of_micromanager_are_those_of_the_first_page_of_a_time_point(frame, elapsed, times):
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for number in range(6):
            notes = (
                json.dumps(frame).replace("0", str(number // 2))[:-1]
                + f', "ElapsedTime-ms": {json.dumps(elapsed[number // 2])}}}'
            )
            writer.write(
                MOVIE[0, 0], metadata=None, contiguous=False, extratags=[(51123, 2, 0, notes, False)],
                description=None if number else "ImageJ=1.53t\nimages=6\nframes=3\nslices=2\nhyperstack=true\n",
            )  # fmt: skip
    assert facts_of(file.getvalue()).times == times


def test_only_headers_are_read_for_the_facts(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((40, 512, 1024), np.uint16), imagej=True, metadata={"axes": "TYX", "finterval": 7})
    tracemalloc.start()
    try:
        facts = facts_of(path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
    assert len(facts.times) == 40 and facts.times[-1] == 7 * 39
