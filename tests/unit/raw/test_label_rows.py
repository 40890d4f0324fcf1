"""Test that columns are found, merged cells filled, and that what a cell cannot mean gives a warning or an error."""

import datetime

import pytest
from odfdo import Document, Table
from openpyxl import Workbook

from flystage.raw.label_names import files_by_name
from flystage.raw.label_rows import is_no_value, named_rows
from raw_files import sentence

COLUMNS = ("stage", "embryo", "frame", "use")


@pytest.fixture
def read(tmp_path):
    """Return function(text of a CSV or {sheet: rows}, name) -> (rows without their places, sentences)."""

    def of(content, name=None, **more):
        name = name or ("t.csv" if isinstance(content, str) else "t.xlsx")
        path = tmp_path / name
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        elif name.endswith(".ods"):
            document = Document("spreadsheet")
            document.body.clear()
            for title, rows in content.items():
                table = Table(title)
                table.set_values(rows)
                document.body.append(table)
            document.save(str(path))
        else:
            workbook = Workbook()
            workbook.remove(workbook.active)
            for title, rows in content.items():
                sheet = workbook.create_sheet(title)
                for row in rows:
                    sheet.append(row)
            workbook.save(path)
        rows, told = named_rows(str(path), COLUMNS, **more)
        return [row for _, row in rows], told

    return of


NO_VALUES = (
    "NA", "nan", "NaN", "None", "null", "NULL", "N/A", "n/a", "<NA>", "NaT", "#N/A", "#NV", "#DIV/0!", "#REF!", "#NAME?", "#VALUE!",
    "#WERT!", "#BEZUG!", "#NUM!", "#NULL!", "#SPILL!", "Err:502", "-1.#IND", "####",
)  # fmt: skip


@pytest.mark.parametrize("text", NO_VALUES)
def test_no_value_is_neither_a_stage_nor_an_embryo(read, text):
    (row,), told = read(f"image,stage,embryo\na.tif,{text},{text}\n")
    assert (row["stage"], row["embryo"]) == ("", "")
    assert [
        all(fact in line for fact in (text, "line 2", column))
        for line, column in zip(told, ("stage", "embryo"), strict=True)
    ]
    (row,), told = read(f"image,stage\na.tif,{text}\n", stages={text})
    assert row["stage"] == text and not told  # a person lists such a stage in quotes


@pytest.mark.parametrize("text", ["Nancy", "nano", "#1", "#12", "# 5", "1", "-", "anna", "none left", "#3!", "na2"])
def test_other_names_are_no_missing_values(text):
    assert not is_no_value(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("04/06/26", "a date"), ("4.6.2026", "a date"), ("1:20", "a clock time"), ("0:01:20", "a clock time"), ("TRUE", "TRUE or FALSE"),
        ("-", "may be no name"),
        ("?", "may be no name"), ("''", "may be no name"), ("unknown", "may be no name"), ("n.d.", "may be no name"),
    ],
)  # fmt: skip
def test_a_text_that_is_hardly_a_name_is_kept_and_told(read, text, kind):
    (row,), told = read(f"image,stage,embryo\na.tif,{text},{text}\n")
    assert (row["stage"], row["embryo"]) == (text, text)
    assert len(told) == 2 and all(kind in line and "line 2" in line and text in line for line in told)


@pytest.mark.parametrize(
    "text", ["4-6", "051", "e1", "+", "10-11-12", "HH10+", "unknown3", "ndr", "14.1.2", "germband"]
)
def test_ordinary_names_are_not_told(read, text):
    assert read(f"image,stage,embryo\na.tif,{text},{text}\n")[1] == []


def test_use_without_a_value_is_yes_but_an_error_is_refused(read):
    (row,), told = read("image,stage,use\na.tif,051,NA\n")
    assert row["use"] == "" and "column use say NA" in told[0]
    (row,), _ = read("image,stage,use\na.tif,051,#DIV/0!\n")
    assert row["use"] == "#DIV/0!"  # `label_of` refuses it


@pytest.mark.parametrize("column", ["image", "stage", "embryo", "use"])
def test_a_formula_that_was_never_computed_is_refused(read, column):
    names = ["image", "stage", "embryo", "use"]
    row = ["a.tif", "051", "e1", "yes"]
    row[names.index(column)] = '=IF(1,"x","y")'
    text = sentence(read, {"S": [names, ["b.tif", "060", "e2", "no"], row]})
    assert f"line 3: {column} is a formula" in text and "save it" in text


def test_all_sheets_with_the_columns_are_read_and_the_others_are_named(read):
    sheets = {
        "notes": [["read me"], ["how it was done"]],
        "movie 1": [["image", "stage"], ["a.tif", "051"]],
        "movie 2": [["Stage", "Image"], ["060", "b.tif"]],
        "empty": [],
    }
    for name in ("t.xlsx", "t.ods"):
        rows, told = read(sheets, name)
        assert [(row["image"], row["stage"]) for row in rows] == [("a.tif", "051"), ("b.tif", "060")]
        assert len(told) == 1 and "(notes)" in told[0]


def test_places_name_the_sheet_beside_the_first(tmp_path):
    workbook = Workbook()
    workbook.active.append(["image", "stage"])
    workbook.active.append(["a.tif", "051"])
    other = workbook.create_sheet("two, line 7")
    other.append(["image", "stage"])
    other.append(["b.tif", "060"])
    hidden = workbook.create_sheet("old")
    hidden.append(["image", "stage"])
    hidden.append(["a.tif", "099"])
    hidden.sheet_state = "hidden"
    path = str(tmp_path / "t.xlsx")
    workbook.save(path)
    rows, told = named_rows(path, COLUMNS)
    assert [where for where, _ in rows] == [f"{path}, line 2", f"{path}, sheet two, line 7, line 2"]
    assert "(old)" in told[0]


def test_merged_cells_are_filled_and_counted(tmp_path):
    workbook = Workbook()
    sheet = workbook.active
    for row in (
        ["image", "stage", "embryo"],
        ["a", "051", "e1"],
        ["b", None, None],
        ["c", None, "e2"],
        ["d", None, None],
    ):
        sheet.append(row)
    sheet.merge_cells("B2:B4")
    sheet.merge_cells("C2:C3")
    sheet.merge_cells("B7:B8")
    path = str(tmp_path / "t.xlsx")
    workbook.save(path)
    rows, told = named_rows(path, COLUMNS)
    assert [(row["stage"], row["embryo"]) for _, row in rows] == [("051", "e1"), ("051", "e1"), ("051", "e2"), ("", "")]
    assert any("2 cell(s) of the column stage" in line for line in told)
    assert any("1 cell(s) of the column embryo" in line for line in told)


@pytest.mark.parametrize(
    "header",
    [
        "image,stage,stage",
        "image,Stage, stage",
        "image,stage,embryo,Embryo",
        "image,image,stage",
        "image,stage,use,use",
    ],
)
def test_two_columns_of_one_name_are_refused(read, header):
    assert "2 columns named" in sentence(read, header + "\na.tif,051,060,069\n")
    assert "2 columns named" in sentence(read, {"S": [header.split(","), ["a.tif", "051", "060", "069"]]})


def test_a_second_column_that_pandas_renamed_is_named(read):
    rows, told = read("image,stage,stage.1,note.1\na.tif,051,060,x\n")
    assert rows[0]["stage"] == "051" and len(told) == 1 and "stage.1" in told[0]


def test_two_columns_that_are_not_read_may_have_one_name(read):
    assert read("image,stage,note,note\na.tif,051,x,y\n")[0][0]["stage"] == "051"


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("My labels,\nimage,stage\na,051\n", ["line 1", "my labels"]),
        ("sep=;\nimage;stage\na;051\n", ["line 1", "sep="]),
        ("image|stage\na|051\n", ["line 1", "image|stage"]),
    ],
)
def test_a_header_that_is_not_found_is_shown(read, text, facts):
    message = sentence(read, text)
    assert all(fact in message for fact in [*facts, "lacks"])


def test_a_stage_that_became_a_date_is_refused_by_name(read):
    day = datetime.datetime(2026, 6, 4)
    text = sentence(read, {"S": [["image", "stage"], ["a", "1-3x"], ["b", day]]})
    assert "line 3" in text and "2026-06-04" in text and "as text" in text


@pytest.mark.parametrize(
    "day", ["4-Jun", "04. Jun", "6. Dez 2026", "Dez 26", "Dec-26", "2026-06-04", "2026-06-04 00:00:00"]
)
def test_a_date_in_a_csv_is_told(read, day):
    (row,), told = read(f"image,stage\na.tif,{day}\n")
    assert row["stage"] == day and day in told[0] and "a date" in told[0]
    assert read(f"image,stage\na.tif,{day}\n", stages={day})[1] == []


@pytest.mark.parametrize("name", ["4-6", "june", "dec", "Stage 5", "051", "mar2 embryo"])
def test_a_usual_name_is_not_told_as_a_date(read, name):
    assert read(f"image,stage\na.tif,{name}\n")[1] == []


@pytest.mark.parametrize(
    ("value", "kind"), [(True, "TRUE"), (datetime.time(14, 30), "14:30"), (datetime.timedelta(hours=30), "30:00")]
)
def test_cells_that_are_no_names_are_told(read, value, kind):
    (row,), told = read({"S": [["image", "stage"], ["a", value]]})
    assert row["stage"] == kind and kind in told[0] and "line 2" in told[0]


def test_a_long_number_that_a_spreadsheet_shortened_is_told(read):
    _, told = read("image,stage,embryo\na.tif,051,2.02308E+10\nb.tif,1e5,2,02308E+10\n")
    assert len(told) == 1 and "2.02308E+10" in told[0] and "line 2" in told[0]


def test_the_column_that_names_files_is_taken(read):
    files = files_by_name([("raw/e1.tif", "e1.tif"), ("raw/e2.tif", "e2.tif")])
    rows, told = read("image,filename,stage\n0,e1.tif,051\n1,e2.tif,060\ne2.tif,,069\n", files=files)
    assert [row["image"] for row in rows] == ["e1.tif", "e2.tif", "e2.tif"] and "filename" in told[0]
    rows, told = read("image,filename,stage\ne1.tif,scan of Monday,051\n", files=files)
    assert [row["image"] for row in rows] == ["e1.tif"] and not told


def test_the_choice_of_label_studio_is_the_stage(read):
    assert read("image,choice\na.tif,051\n")[0] == [{"image": "a.tif", "stage": "051"}]
    assert read("image,choice,stage\na.tif,x,051\n")[0] == [{"image": "a.tif", "stage": "051"}]
