"""Test that tables of labels are read and that each row is matched to its file."""

import os
import tracemalloc

import pytest
from openpyxl import Workbook

from flystage.raw.label_tables import add_to_table
from flystage.raw.labels import Label, labels_by_path, read_labels
from raw_files import packed, sentence

ROWS = [("a.tif", "051", "e1", 1, False), ("b.tif", "060", "", None, True)]


def table(tmp_path, text, name="labels.csv", encoding="utf-8"):
    (tmp_path / name).write_text(text, encoding=encoding)
    return str(tmp_path / name)


def without_place(labels):
    return [tuple(label[1:6]) for label in labels]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("image,stage,embryo,frame,use\na.tif,051,e1,1,no\nb.tif,060,,,\n", "utf-8"),
        ("image;stage;embryo;frame;use\r\na.tif;051;e1;1;No\r\nb.tif;060;;;yes\r\n", "utf-8-sig"),
        ("Image\tUse\tStage\tFrame\tEmbryo\tnotes\n a.tif \tFALSE\t051\t1.0\te1\tx, y\nb.tif\t1\t060\n", "utf-8"),
        ('stage,file,embryo,frame,use\n"051","a.tif","e1",1,n\n,,,,\n060,b.tif\n', "utf-8"),
    ],
)
def test_any_separator_encoding_mark_spacing_and_column_order_is_read(tmp_path, text, encoding):
    assert without_place(read_labels([table(tmp_path, text, encoding=encoding)])) == ROWS


def test_a_workbook_is_read_with_numbers_as_a_spreadsheet_shows_them(tmp_path):
    workbook = Workbook()
    for row in (
        ["image", "stage", "embryo", "frame", "use"],
        ["a.tif", "051", "e1", 1, "no"],
        ["b.tif", 60.0, None, None, True],
    ):
        workbook.active.append(row)
    workbook.save(tmp_path / "labels.xlsx")
    (first, second) = read_labels([str(tmp_path / "labels.xlsx")])
    assert without_place([first, second]) == [ROWS[0], ("b.tif", "60", "", None, True)]
    assert first.where.endswith("labels.xlsx, line 2")


def test_the_apostrophe_that_protects_a_cell_is_removed(tmp_path):
    (label,) = read_labels([table(tmp_path, "image,stage,embryo,origin\n'-1.tif,'-15min,'n7,Blind\n")])
    assert label[1:4] == ("-1.tif", "-15min", "'n7") and label.origin == "blind"


def test_several_tables_are_read_together(tmp_path):
    paths = [table(tmp_path, f"image,stage\n{name}.tif,051\n", f"{name}.csv") for name in "ab"]
    assert [label.image for label in read_labels(paths)] == ["a.tif", "b.tif"]


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("image,embryo\na.tif,e1\n", ["lacks stage", "image, embryo"]),
        ("", ["lacks image and stage", "nothing"]),
        ("image,stage,use\na.tif,051,perhaps\n", ["line 2: use is 'perhaps'", "yes or no"]),
        ("image,stage,frame\na.tif,051,1\na.tif,051,0\n", ["line 3: frame is '0'"]),
        ("image,stage,frame\na.tif,051,1.5\n", ["line 2: frame is '1.5'"]),
        ('image,stage\na.tif,"{""choices"": [""051"", ""060""]}"\n', ["line 2: stage is", "choices"]),
        ('image,stage\na.tif,"[""051""]"\n', ["line 2: stage is", "one stage"]),
        ("image,stage,origin\na.tif,051,guessed\n", ["line 2: origin is 'guessed'", "given, reviewed or blind"]),
    ],
)
def test_the_message_about_a_wrong_table_names_the_line(tmp_path, text, facts):
    message = sentence(read_labels, [table(tmp_path, text)])
    assert all(fact in message for fact in facts)


def test_a_table_that_cannot_be_read_is_an_error(tmp_path):
    assert "cannot be read" in sentence(read_labels, [str(tmp_path / "missing.csv")])
    assert "not UTF-8" in sentence(read_labels, [table(tmp_path, "image,stage\nfrüh.tif,1\n", encoding="latin-1")])
    assert "as a workbook" in sentence(read_labels, [table(tmp_path, "no workbook", "labels.xlsx")])


FOUND = [("raw/p1/a.tif", "p1/a.tif"), ("raw/p2/a.tif", "p2/a.tif"), ("raw/p2/b.TIFF", "p2/b.TIFF")]


def label(image, stage="051", embryo="", frame=None, use=True, line=2):
    return Label(f"t.csv, line {line}", image, stage, embryo, frame, use)


@pytest.mark.parametrize("image", ["p2/b.TIFF", "p2\\b.TIFF", "b.TIFF", "b", "p2/b", "raw/p2/b.TIFF", "./p2/b.TIFF"])
def test_a_row_names_a_file_in_several_ways(image):
    by_path, warnings = labels_by_path([label(image)], FOUND)
    assert list(by_path) == ["raw/p2/b.TIFF"] and not warnings


def test_a_row_may_name_the_raw_folder():
    found = [("/home/jane/may/p1/a.tif", "p1/a.tif"), ("/home/jane/june/p1/a.tif", "p1/a.tif")]
    by_path, warnings = labels_by_path([label("june/p1/a.tif")], found)
    assert list(by_path) == ["/home/jane/june/p1/a.tif"] and not warnings


def test_rows_that_match_no_file_or_two_give_a_warning_with_the_line():
    by_path, warnings = labels_by_path([label("a.tif", line=2), label("12. Mrz.tif", line=3), label("p1/a.tif")], FOUND)
    assert list(by_path) == ["raw/p1/a.tif"]
    assert "t.csv, line 3: 12. Mrz.tif" in warnings[0] and "1 row" in warnings[0] and "no TIF" in warnings[0]
    assert "t.csv, line 2: a.tif" in warnings[1] and "several TIFs" in warnings[1]


def test_rows_that_end_like_a_file_are_matched_and_counted():
    by_path, warnings = labels_by_path([label("D:\\Imaging\\2026\\b.png", line=4), label("p1/a.tif")], FOUND)
    assert set(by_path) == {"raw/p2/b.TIFF", "raw/p1/a.tif"}
    (told,) = warnings
    assert all(fact in told for fact in ("1 row", "t.csv, line 4", "b.png", "raw/p2/b.TIFF"))


def test_people_who_disagree_about_an_upload_are_not_merged():
    upload = "/data/upload/3/abcdef00-b.TIFF"
    text = sentence(labels_by_path, [label(upload, line=2), label(upload, "060", line=3)], FOUND)
    assert "line 2 and t.csv, line 3 contradict" in text
    again = [label(upload, line=2), label("/data/upload/4/abcdef01-b.TIFF", "060", line=3)]
    by_path, warnings = labels_by_path(again, FOUND)
    assert not by_path and "2 rows" in warnings[0] and "line 2" in warnings[0] and "line 3" in warnings[0]


def test_contradicting_rows_are_refused_and_repeated_rows_are_merged():
    same = [label("b", line=2), label("b", line=3)]
    assert labels_by_path(same, FOUND)[0] == {"raw/p2/b.TIFF": same[:1]}
    again = same[0]._replace(origin="reviewed")
    assert labels_by_path([same[0], again], FOUND)[0] == {"raw/p2/b.TIFF": same[:1]}
    text = sentence(labels_by_path, [label("b", line=2), label("b", "060", line=3)], FOUND)
    assert "t.csv, line 2 and t.csv, line 3" in text and "b.TIFF" in text
    assert "frame of b.TIFF" in sentence(labels_by_path, [label("b"), label("b", frame=2)], FOUND)
    for embryo, shown in (("e2", "e1, e2"), ("", "e1, none")):  # without a name the file would be an embryo of its own
        rows = [label("b", embryo="e1", frame=1), label("b", embryo=embryo, frame=2)]
        assert f"embryos ({shown})" in sentence(labels_by_path, rows, FOUND)


def test_a_table_of_gigabytes_is_refused(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("image,stage\na.tif,051\n")
    os.truncate(path, 20 * 2**30)
    text = sentence(read_labels, [str(path)])
    assert "labels.csv has 20480 MiB" in text and "64 MiB" in text
    os.truncate(path, 2**20)
    assert "cannot be read (field larger than field limit" in sentence(read_labels, [str(path)])


SHEET = (
    b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">%b<sheetData>',
    b"</sheetData></worksheet>",
)
CELL = b'<c r="%b" t="inlineStr"><is><t>%b</t></is></c>'
HEAD = b'<row r="1">' + CELL % (b"A1", b"image") + CELL % (b"B1", b"stage") + b"</row>"


def test_a_workbook_bomb_is_refused_before_it_is_unpacked(tmp_path):
    rows = [SHEET[0] % b"", HEAD, *[bytes(2**20)] * 80, SHEET[1]]
    path = packed(tmp_path / "bomb.xlsx", rows)
    assert os.path.getsize(path) < 200_000
    tracemalloc.start()
    try:
        text = sentence(read_labels, [path])
        assert "bomb.xlsx has 80 MiB" in text and "64 MiB" in text
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
    pictures = packed(tmp_path / "pictures.xlsx", [bytes(2**20)] * 80, "xl/media/image1.png")  # never unpacked
    assert "lacks image and stage" in sentence(read_labels, [pictures])


def test_a_sheet_with_false_dimensions_is_read_by_its_rows(tmp_path):
    cells = (
        CELL % (place, text) for place, text in ((b"A5000", b"z.tif"), (b"B5000", b"060"), (b"XFD5000", b"far away"))
    )
    last = b'<row r="5000">' + b"".join(cells) + b"</row>"
    rows = [SHEET[0] % b'<dimension ref="A1:XFD1048576"/>', HEAD, last, SHEET[1]]
    path = packed(tmp_path / "wide.xlsx", rows)
    assert [(label.where, label.image) for label in read_labels([path])] == [(f"{path}, line 5000", "z.tif")]
    assert "wide.xlsx extends to XFD5000" in sentence(add_to_table, path, [{"image": "a.tif"}])
