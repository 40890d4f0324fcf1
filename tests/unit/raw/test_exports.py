"""Test that tables to accept are read, both exports of the page and tables that people wrote."""

import json

import pytest

from flystage.raw.exports import read_exports, settled_text
from raw_files import sentence

PAGE = (
    "\ufeffimage,sha256,frame,stage,embryo,use,reason,suggestion,p,blind,who,when,checkpoint\r\n"
    "new/a.tif,AB12,1,051,m1,1,,060,0.4,0,ann,2026-11-26T10:00:00Z,0123\r\n"
    "new/a.tif,AB12,2,060,m1,1,,060,0.9,1,ann,2026-11-26T10:00:01Z,0123\r\n"
    '"new/b, 2.tif",cd,,,m1,0,\'=no embryo,060,0.4,0,ann,2026-11-26T10:00:02Z,0123\r\n'
)


@pytest.fixture
def read(tmp_path):
    def of(text, name="labels.csv"):
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
        return read_exports([str(tmp_path / name)])

    return of


def test_an_export_identifies_images_by_checksum(read):
    first, second, third = read(PAGE)
    assert [export.label[1:] for export in (first, second, third)] == [
        ("new/a.tif", "051", "m1", 1, True, "reviewed"),
        ("new/a.tif", "060", "m1", 2, True, "blind"),
        ("new/b, 2.tif", "", "m1", None, False, "reviewed"),
    ]
    assert (first.sha256, first.who, first.when) == ("ab12", "ann", "2026-11-26T10:00:00Z")
    assert third.reason == "=no embryo" and third.label.where.endswith("labels.csv, line 4")


def test_labels_in_a_persons_own_table_have_the_origin_given(read):
    (first, second) = read("Image;Stage;frame;origin\na.tif;051;1;\nb.tif;060;;reviewed\n")
    assert first.label[1:] == ("a.tif", "051", "", 1, True, "given") and first.sha256 == first.who == ""
    assert second.label.origin == "reviewed"
    assert "line 2: frame is '0'" in sentence(read, "image,stage,frame\na,051,0\n")


def test_nothing_to_accept_is_an_error(tmp_path):
    assert "Set accept to" in sentence(read_exports, [])
    assert "gone.csv does not exist" in sentence(read_exports, ["gone.csv"])


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ('[["Bob","2026-01-01"]]', (("Bob", "2026-01-01"),)),
        ("", ()),
        ("yes", ()),
        ("{}", ()),
        ('[["Bob"],["Eve",1],"x",["Ann","2026"]]', (("Ann", "2026"),)),
    ],
)
def test_answers_that_were_turned_down_are_read(read, text, pairs):
    quoted = text.replace('"', '""')
    (row,) = read(f'image,stage,settled\na.tif,051,"{quoted}"\n')
    assert row.settled == pairs
    assert read_back(settled_text(pairs)) == pairs


def read_back(text):
    return tuple(map(tuple, json.loads(text)))
