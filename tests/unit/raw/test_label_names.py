"""Test that names of other computers and programs find their file, and only if it is the only one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flystage.raw.label_names import files_by_name, matches

FILES = files_by_name(
    [
        ("raw/p1/e01_0.tif", "p1/e01_0.tif"),
        ("raw/p2/e02_0.tif", "p2/e02_0.tif"),
        ("raw/p1/same.tif", "p1/same.tif"),
        ("raw/p2/same.tif", "p2/same.tif"),
        ("raw/p1/12.5 h.tif", "p1/12.5 h.tif"),
        ("raw/deadbeef-real.tif", "deadbeef-real.tif"),
    ]
)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("/data/upload/3/abcdef00-e01_0.tif", "raw/p1/e01_0.tif"),
        ("/data/local-files/?d=lab/raw/p1/e01_0.tif", "raw/p1/e01_0.tif"),
        ("s3://bucket/raw/p1/same.tif", "raw/p1/same.tif"),
        ("D:\\Imaging\\raw\\e01_0.tif", "raw/p1/e01_0.tif"),
        ("\\\\server\\share\\p2\\same.tif", "raw/p2/same.tif"),
        ("e01_0.png", "raw/p1/e01_0.tif"),
        ("E01_0.TIF", "raw/p1/e01_0.tif"),
        ("upload/abcdef00-e01_0.png", "raw/p1/e01_0.tif"),
        ("https://host/images/12.5%20h.tif", "raw/p1/12.5 h.tif"),
        ("/else/12.5 h", "raw/p1/12.5 h.tif"),
    ],
)
def test_the_end_of_a_name_finds_the_only_file(name, path):
    path_of, by_end, several = matches([name], FILES)
    assert path_of == by_end == {name: path} and not several


@pytest.mark.parametrize("name", ["p1/e01_0.tif", "raw\\p1\\e01_0.tif", "e01_0", "deadbeef-real.tif"])
def test_a_whole_name_is_not_matched_by_its_end(name):
    path_of, by_end, _ = matches([name], FILES)
    assert list(path_of) == [name] and not by_end


@pytest.mark.parametrize(
    "name", ["", "0", "17", "01_0.tif", "e01", "e01_0.051", "xe01_0.tif", "abcdef0-e01_0.tif", "/"]
)
def test_part_of_a_word_is_no_end_of_a_name(name):
    assert matches([name], FILES) == ({}, {}, {})


def test_an_end_that_several_files_have_is_not_matched():
    path_of, _, several = matches(["/elsewhere/same.tif", "C:/same.png"], FILES)
    assert not path_of and list(several.values()) == [["raw/p1/same.tif", "raw/p2/same.tif"]] * 2


def test_a_file_that_another_row_names_is_not_matched_by_an_end():
    names = ["p1/e01_0.tif", "day2/e01_0.tif", "a/e02_0.tif", "b/e02_0.tif"]
    path_of, by_end, several = matches(names, FILES)
    assert path_of == {"p1/e01_0.tif": "raw/p1/e01_0.tif"} and not by_end
    assert list(several) == ["day2/e01_0.tif", "a/e02_0.tif", "b/e02_0.tif"]


@given(st.lists(st.text("ab01_/\\.-:?%= ", max_size=12), max_size=4), st.sampled_from(["e01_0.tif", "p2/e02_0.png"]))
def test_any_folders_before_a_name_are_ignored(folders, name):
    whole = "/".join([*folders, name]).replace("?d=", "")
    paths = set(matches([whole], FILES)[0].values())
    assert paths == {"raw/p1/e01_0.tif" if "e01" in name else "raw/p2/e02_0.tif"}
