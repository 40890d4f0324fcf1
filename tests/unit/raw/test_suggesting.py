"""Test the name_pattern that is suggested for unknown names."""

import re

import pytest

from flystage.raw.suggesting import suggested_pattern
from raw_files import name, touch


def suggested(tmp_path, *names):
    pattern, said = suggested_pattern([touch(tmp_path / "raw", *names)])
    assert f"{len(names)} names" in said[0]
    return pattern, " ".join(said)


@pytest.mark.parametrize(
    ("template", "embryo", "in_name"),
    [
        ("Stage({stage:04d})/Stage({stage:04d})-E{embryo:03d}-019.tif", "E001", True),
        ("E{embryo:02d}_t{stage}_z2.tif", "E01", True),
        ("movie_E{embryo:03d}/{stage:04d}/img1.tif", "movie_E001", False),
        ("{stage}/fish{embryo}_a.tif", "fish1", False),
        ("{stage}hpf_Embryo-{embryo}.TIF", "Embryo-1", True),
        ("plate/{stage}/A{embryo}_img.tif", "A1", False),
    ],
)
def test_the_suggested_pattern_finds_embryos_and_stages(tmp_path, template, embryo, in_name):
    names = [template.format(stage=stage, embryo=number) for stage in (60, 120, 180) for number in range(5)]
    pattern, said = suggested(tmp_path, *names)
    found = [
        re.search(pattern, relative if "/" in pattern else relative.rsplit("/", 1)[-1]).groupdict()
        for relative in names
    ]
    assert embryo in {groups["embryo"] for groups in found} and len({groups["embryo"] for groups in found}) == 5
    assert ("stage" in found[0]) == in_name
    if in_name:
        assert len({groups["stage"] for groups in found}) == 3
    assert "5 different" in said


def test_names_of_the_study_are_recognised(tmp_path):
    names = [f"{stage}/{name(stage, embryo)}" for stage in ("051", "060") for embryo in range(4)]
    pattern, _ = suggested(tmp_path, *names)
    match = re.search(pattern, name("051", 3))
    assert (match["stage"], match["embryo"]) == ("051", "20230811-Cycle00-embryo03")


def test_no_pattern_is_suggested_without_embryos_in_names(tmp_path):
    pattern, said = suggested(tmp_path, *(f"{stage}/img{number}.tif" for stage in "ab" for number in range(4)))
    assert pattern is None and "(?P<embryo>...)" in said and "(a, b)" in said


@pytest.mark.parametrize(
    ("template", "embryo"),
    [
        ("Pos{position}/img_{time:09d}_BF_{z:03d}.tif", "Pos1"),
        ("img_channel000_position{position:03d}_time{time:09d}_z{z:03d}.tif", "position001"),
    ],
)
def test_names_of_micromanager_give_position_and_time(tmp_path, template, embryo):
    names = [template.format(position=p, time=t, z=z) for p in range(4) for t in range(3) for z in range(2)]
    pattern, _ = suggested(tmp_path, *names)
    found = [re.search(pattern, name if "/" in pattern else name.rsplit("/", 1)[-1]).groupdict() for name in names]
    assert embryo in {groups["embryo"] for groups in found} and len({groups["embryo"] for groups in found}) == 4
    assert {int(groups["stage"]) for groups in found} == {0, 1, 2}


def test_names_of_micromanager_without_zeros_have_no_pattern(tmp_path):
    axes = [(p, t) for p in range(4) for t in range(3)]
    names = ["img" + f"_position{p:03d}" * bool(p) + f"_time{t:09d}" * bool(t) + ".tif" for p, t in axes]
    pattern, said = suggested(tmp_path, *names)
    assert pattern is None and "Micro-Manager" in said and "labels" in said


@pytest.mark.parametrize(
    ("template", "channels"),
    [
        ("img_channel{c:03d}_position{e:03d}_time{t:09d}_z{z:03d}.tif", "000, 001"),
        ("E{e:02d}_t{t}_z{z}_c{c}.tif", "0, 1"),
        ("Pos{e}/img_{t:09d}_ch{c}-LED_{z:03d}.tif", "ch0-LED, ch1-LED"),
    ],
)
def test_channels_and_depths_in_separate_files_are_named(tmp_path, template, channels):
    axes = [(e, t, z, c) for e in range(4) for t in range(3) for z in range(2) for c in range(2)]
    pattern, said = suggested(tmp_path, *(template.format(e=e, t=t, z=z, c=c) for e, t, z, c in axes))
    assert pattern and f"Channel: the names hold {channels}," in said and "Depth: " in said
    names = [template.format(e=e, t=t, z=0, c=0) for e in range(4) for t in range(3)]
    assert "Channel" not in suggested(tmp_path / "one", *names)[1]
