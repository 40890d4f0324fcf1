"""Test that labels from people are matched by content, never overwrite others, and are added only once."""

import csv
import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odfdo import Document, Table

from flystage.core.cells import as_cell
from flystage.core.tables import read_text
from flystage.dataset.accepting import accept
from flystage.raw.labels import read_labels
from raw_files import name, sentence
from review_files import EXPORTED

PATTERN = r"(?:Stage\((?P<stage>[^)]+)\)-)?(?P<embryo>\d{8}-Cycle\d+-embryo\d+)"


class Lab:
    """Named images under raw, images of a new movie under new, and exports to accept."""

    def __init__(self, folder):
        self.folder = folder
        for number, stage in enumerate(["051", "060", "069"]):
            for embryo in (1, 2):
                self.image(f"raw/{stage}/{name(stage, embryo)}", f"{number}{embryo}".encode())
        for number in range(4):
            self.image(f"new/m{number}.tif", f"new {number}".encode())
        self.config = {
            "raw": ["raw"], "labels": None, "not_in_labels": "exclude", "accept": ["a.csv"], "name_pattern": PATTERN,
            "frames": None, "stages": "all", "predict": {"images": ["new"]}, "split": {"lock": "auto", "test_reviewed": "none"},
        }  # fmt: skip

    def image(self, path, content):
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_bytes(content)

    def row(self, path, stage, **more):
        content = (self.folder / path).read_bytes() if (self.folder / path).exists() else path.encode()
        row = {
            "image": path,
            "sha256": hashlib.sha256(content).hexdigest(),
            "stage": stage,
            "embryo": "movie",
            "use": "1",
        }
        return row | {"suggestion": "051", "p": "0.5", "blind": "0", "who": "ann", "checkpoint": "01"} | more

    def export(self, *rows, file="a.csv", columns=EXPORTED):
        with open(self.folder / file, "w", newline="", encoding="utf-8-sig") as written:
            writer = csv.DictWriter(written, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)

    def accept(self, **changes):
        return "\n".join(accept(self.config | changes, "results/catalog.csv", "results/accept", 2))

    def outcomes(self):
        return read_text("results/accept/outcome.csv")["outcome"].tolist()

    @property
    def labels(self):
        return read_labels(["raw.labels.csv"])


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Lab(tmp_path)


def test_a_new_table_is_written_next_to_the_raw_folder_with_instructions(lab):
    lab.export(
        lab.row("new/m0.tif", "060"),
        lab.row("new/m1.tif", "069", blind="1"),
        lab.row("new/m2.tif", "", use="0", reason="no embryo"),
        lab.row("new/m3.tif", ""),
    )
    said = lab.accept()
    assert "4 rows: 3 added, 1 no stage yet" in said and "1 reviewed, 1 blind, 1 rejected" in said
    assert "movie (2 images)" in said and "m2.tif (no embryo)" in said
    assert said.endswith("  labels: raw.labels.csv\n  not_in_labels: by_name\n  raw: [raw, new]")
    assert [tuple(label[1:]) for label in lab.labels] == [
        ("new/m0.tif", "060", "movie", None, True, "reviewed"),
        ("new/m1.tif", "069", "movie", None, True, "blind"),
        ("new/m2.tif", "", "movie", None, False, "reviewed"),
    ]
    table = read_text("raw.labels.csv").set_axis(range(9), axis=1)
    assert table[5].tolist()[0] == hashlib.sha256(b"new 0").hexdigest() and table[7].tolist() == ["ann"] * 3
    assert lab.outcomes() == ["added", "added", "added", "no stage yet"]


def test_accepting_twice_changes_nothing(lab):
    lab.export(lab.row("new/m0.tif", "060"), lab.row("new/m2.tif", "", use="0"))
    lab.accept()
    before = Path("raw.labels.csv").read_bytes(), os.stat("raw.labels.csv").st_mtime_ns
    for changes in ({}, {"labels": ["raw.labels.csv"], "not_in_labels": "by_name"}, {"raw": ["raw", "new"]}):
        assert "No label is added" in lab.accept(**changes)
        assert lab.outcomes() == ["known already"] * 2
    assert (Path("raw.labels.csv").read_bytes(), os.stat("raw.labels.csv").st_mtime_ns) == before
    assert "snakemake --cores all" in lab.accept(raw=["raw", "new"], labels=["raw.labels.csv"])


def test_an_image_is_matched_by_content_instead_of_name(lab):
    lab.export(lab.row("new/m0.tif", "060"), lab.row("new/m1.tif", "069"))
    os.rename("new/m0.tif", "new/x.tif")
    os.rename("new/m1.tif", "new/m0.tif")
    lab.accept()
    assert {label.image: label.stage for label in lab.labels} == {"new/x.tif": "060", "new/m0.tif": "069"}


def test_images_not_found_are_listed_with_the_reason(lab):
    rows = [lab.row("new/m0.tif", "060"), lab.row("gone.tif", "060"), lab.row("m9.tif", "060", sha256="")]
    lab.export(*rows)
    lab.image("new/m0.tif", b"another content")
    said = lab.accept()
    assert "3 row(s) image not found" in said and not Path("raw.labels.csv").exists()
    assert "new/m0.tif has this name" in said and "no image has this content" in said
    assert "no image has this name" in said


def test_a_table_without_checksums_is_matched_by_unique_names(lab):
    lab.image("new/deeper/m1.tif", b"other")
    lab.export({"image": "m0", "stage": "60"}, {"image": "m1.tif", "stage": "060"}, columns=["image", "stage"])
    Path("results").mkdir()
    Path("results/catalog.csv").write_text(
        "path,embryo,split,stage,status\na.tif,e1,train,060,used\nb.tif,e2,val,051,used\n", encoding="utf-8"
    )
    said = lab.accept()
    assert "1 row(s) without sha256" in said and "have this name: new/" in said
    assert "1 row(s) lost" in said and "a.csv, line 2: 60 is read as 060" in said
    (label,) = lab.labels
    assert (label.image, label.stage, label.embryo, label.origin) == ("new/m0.tif", "060", "m0", "given")


def test_contradicting_exports_change_nothing_for_that_image(lab):
    lab.export(lab.row("new/m0.tif", "060"), lab.row("new/m1.tif", "060"), lab.row("new/m2.tif", "051"))
    rows = [
        lab.row("new/m0.tif", "069", who="bob"),
        lab.row("new/m1.tif", "", use="0"),
        lab.row("new/m2.tif", "051", blind="1"),
    ]
    lab.export(*rows, file="b.csv")
    said = lab.accept(accept=["a.csv", "b.csv"])
    assert "2 conflict(s) change nothing" in said and said.count("new/m0.tif") == 1
    assert "new/m0.tif: a.csv, line 2 says 060, b.csv, line 2 says 069" in said
    assert "new/m1.tif: a.csv, line 3 says 060, b.csv, line 3 says rejected" in said
    (label,) = lab.labels
    assert label[1:] == (
        "new/m2.tif",
        "051",
        "movie",
        None,
        True,
        "reviewed",
    )  # the label given after seeing the suggestion is kept
    both = read_text("results/accept/contradictions.csv")
    assert both[["stage", "other_stage"]].values.tolist() == [["060", "069"], ["060", "rejected"]]


FIRST, LATER = "2026-11-01T10:00:00Z", "2026-11-08T10:00:00Z"


@pytest.mark.parametrize("order", [["a.csv", "b.csv"], ["b.csv", "a.csv"]])
def test_a_later_answer_of_the_same_person_counts(lab, order):
    lab.export(lab.row("new/m0.tif", "060", when=FIRST), lab.row("new/m1.tif", "060", when=FIRST))
    lab.export(lab.row("new/m0.tif", "069", when=LATER), lab.row("new/m1.tif", "", use="0", when=LATER), file="b.csv")
    said = lab.accept(accept=order)
    assert "conflict" not in said
    assert {(label.image, label.stage, label.use) for label in lab.labels} == {
        ("new/m0.tif", "069", True), ("new/m1.tif", "", False),
    }  # fmt: skip


@pytest.mark.parametrize("table", ["raw.labels.csv", "mine.xlsx"])
def test_a_later_answer_replaces_that_in_the_table_and_an_earlier_one_does_not(lab, table):
    use = {"labels": [table], "not_in_labels": "by_name", "raw": ["raw", "new"]}
    lab.export(lab.row("new/m0.tif", "060", when=FIRST, blind="1"), lab.row("new/m1.tif", "051", when=FIRST))
    lab.accept(**use)
    lab.export(
        lab.row("new/m0.tif", "069", when=LATER), lab.row("new/m1.tif", "060", when=LATER, who="bob"), file="b.csv"
    )
    said = lab.accept(accept=["b.csv"], **use)
    assert lab.outcomes() == ["changed", "contradicts"] and "1 conflict(s)" in said
    labels = read_labels([table])
    assert [label[1:] for label in labels] == [
        ("new/m0.tif", "069", "movie", None, True, "reviewed"), ("new/m1.tif", "051", "movie", None, True, "reviewed"),
    ]  # fmt: skip
    assert Path(f"results/accept/before-{table}").exists()
    before = Path(table).read_bytes()
    lab.accept(**use)
    assert lab.outcomes() == ["replaced by another answer", "known already"] and Path(table).read_bytes() == before


def test_an_answer_that_was_chosen_on_the_page_is_settled(lab):
    use = {"labels": ["raw.labels.csv"], "not_in_labels": "by_name", "raw": ["raw", "new"]}
    bob = lab.row("new/m0.tif", "060", who="bob", when=LATER)
    lab.export(bob, file="b.csv")
    lab.export(lab.row("new/m0.tif", "069", when=FIRST, settled=json.dumps([["bob", LATER]])))
    lab.accept(accept=["b.csv"], **use)
    for tables in (["a.csv", "b.csv"], ["b.csv"]):  # the second time, only the table knows that it was settled
        said = lab.accept(accept=tables, **use)
        assert "conflict" not in said and [label.stage for label in lab.labels] == ["069"]
    lab.export(bob | {"when": "2026-11-09T10:00:00Z"}, file="b.csv")
    assert "1 conflict(s)" in lab.accept(accept=["b.csv"], **use)


def test_a_later_answer_counts_also_if_another_person_agrees(lab):
    lab.export(lab.row("new/m0.tif", "060", when=FIRST))
    lab.accept()
    lab.export(lab.row("new/m0.tif", "069", who="bob", when=FIRST), lab.row("new/m0.tif", "069", when=LATER))
    lab.accept(labels=["raw.labels.csv"])
    assert lab.outcomes() == ["changed", "known already"] and [label.stage for label in lab.labels] == ["069"]


def test_an_origin_never_becomes_more_independent(lab):
    lab.export(lab.row("new/m0.tif", "060", when=FIRST), lab.row("new/m0.tif", "069", when=LATER, blind="1"))
    lab.accept()
    assert [(label.stage, label.origin) for label in lab.labels] == [("069", "reviewed")]


def test_a_stage_that_no_image_had_is_asked_for(lab):
    rows = [{"image": f"m{number}", "stage": stage} for number, stage in enumerate(["051.0", "O60", "69 min", "87"])]
    lab.export(*rows, columns=["image", "stage"])
    said = lab.accept()
    assert lab.outcomes() == ["added", "new stage", "new stage", "new stage"]
    assert [label.stage for label in lab.labels] == ["051"]
    assert "a.csv, line 3: O60 (perhaps 060)" in said and "69 min (perhaps 069)" in said and "line 5: 87" in said
    assert """--config 'stages=["051", "060", "069", "87"]'""" in said  # without probable typing errors
    lab.accept(stages=["051", "060", "069", "87"])
    assert [label.stage for label in lab.labels] == ["051", "87"] and lab.outcomes()[1:] == [
        "new stage",
        "new stage",
        "added",
    ]
    lab.accept()  # now an image has it
    assert lab.outcomes()[3] == "known already"


@pytest.mark.parametrize("stages", [["069", "051", "060"], {"069": 3, "051": 1, "060": 2}])
def test_stages_that_are_listed_keep_their_order_and_their_times(lab, stages):
    lab.export({"image": "m0", "stage": "87"}, columns=["image", "stage"])
    said = lab.accept(stages=stages)
    assert 'at their place in development: "87"' in said and "--config 'stages" not in said


def test_a_stage_of_an_earlier_run_that_was_renamed_is_asked_for(lab):
    Path("results").mkdir()
    gone, there = f"raw/063/{name('063')}", f"raw/051/{name('051', 1)}"
    Path("results/catalog.csv").write_text(
        f"path,embryo,split,stage,status\n{gone},e1,train,063,used\n{there},e2,val,early,used\n", encoding="utf-8"
    )
    lab.export(lab.row("new/m0.tif", "063"), lab.row("new/m1.tif", "early"))
    lab.accept()
    assert lab.outcomes() == ["new stage", "added"]


def test_the_first_stages_of_a_project_are_not_asked_for(lab):
    for path in Path("raw").rglob("*.tif"):
        path.unlink()
    lab.image("raw/m.tif", b"m")
    lab.export(lab.row("new/m0.tif", "early"), lab.row("raw/m.tif", "late"))
    lab.accept()
    assert lab.outcomes() == ["added", "added"]


def test_an_embryo_that_pandas_wrote_as_a_fraction_is_the_known_one(lab):
    Path("raw.split.csv").write_text("embryo,split\n7,test\nother,train\n", encoding="utf-8")
    Path("mine.csv").write_text("image,stage,embryo\nm3,051,7\n", encoding="utf-8")
    lab.export(lab.row("new/m0.tif", "060", embryo="7.0"), lab.row("new/m1.tif", "060", embryo="8.0"))
    lab.accept(labels=["mine.csv"])
    assert lab.outcomes() == ["left out", "added"]  # embryo 7 is in the test split, and the stage began as a suggestion


def test_images_to_predict_are_not_known_by_the_folder_they_are_in(lab):
    lab.image("new/060/m9.tif", b"m9")
    lab.export(lab.row("new/060/m9.tif", "060"))
    lab.accept()
    assert lab.outcomes() == ["added"]


def test_names_of_another_computer_are_matched_and_told(lab):
    rows = [{"image": "D:\\Imaging\\new\\m0.tif", "stage": "051"}, {"image": "/up/abcdef00-m1.png", "stage": "060"}]
    lab.export(*rows, columns=["image", "stage"])
    lab.accept()
    assert [label.image for label in lab.labels] == ["new/m0.tif", "new/m1.tif"]
    assert "the end of its name" in read_text("results/accept/outcome.csv")["reason"][1]


def test_an_open_document_is_accepted_and_read_beside_a_csv(lab):
    document = Document("spreadsheet")
    document.body.clear()
    table = Table("movie")
    table.set_values([["image", "stage"], ["m0", "060"], ["m1", "069"]])
    document.body.append(table)
    document.save("mine.ods")
    lab.accept(accept=["mine.ods"])
    assert [label.stage for label in lab.labels] == ["060", "069"]
    lab.export(lab.row("new/m2.tif", "051"))
    assert "labels: [raw.labels.csv, mine.ods]" in sentence(lab.accept, labels=["mine.ods"])
    Path("raw.labels.csv").unlink()
    lab.accept(labels=["raw.labels.csv", "mine.ods"])
    assert [label.image for label in lab.labels] == ["new/m2.tif"]


def test_an_existing_label_is_never_overwritten(lab):
    Path("mine.csv").write_text("file;stage;remark\nm0;051;mine\nm1;;\nm2.tif;069;same\n", encoding="utf-8")
    lab.export(lab.row("new/m0.tif", "060"), lab.row("new/m1.tif", "060"), lab.row("new/m2.tif", "069"))
    said = lab.accept(labels=["mine.csv"])
    assert "1 filled in, 1 known already, 1 contradicts" in said and "mine.csv, line 2 says 051" in said
    lines = Path("mine.csv").read_text(encoding="utf-8").splitlines()
    assert lines[1] == "m0;051;mine" and lines[2].startswith("m1;060;;movie;;yes;") and lines[3] == "m2.tif;069;same"
    assert Path("results/accept/before-mine.csv").read_text(encoding="utf-8").splitlines()[2] == "m1;;"
    assert "labels:" not in said and said.endswith("  raw: [raw, new]")


def test_the_stage_in_the_name_or_folder_takes_precedence(lab):
    named, other = f"raw/060/{name('060', 1)}", f"raw/060/{name('060', 2)}"
    lab.image("new/051/folder.tif", b"in a folder")
    lab.export(
        lab.row(named, "060"), lab.row(other, "051"), lab.row("new/051/folder.tif", "060"), lab.row("new/m0.tif", "051")
    )
    said = lab.accept()
    assert lab.outcomes() == ["known already", "contradicts", "contradicts", "added"]
    assert f"its name ({other}) says 060" in said and "its folder (new/051/folder.tif) says 051" in said
    lab.export(lab.row(named, "", use="0"))
    assert f"{named}: a.csv, line 2 says rejected, its name ({named}) says 060" in lab.accept()


def test_a_copy_under_another_stage_contradicts(lab):
    lab.image(f"raw/069/{name('069', 7)}", b"new 0")
    lab.export(lab.row("new/m0.tif", "060"))
    assert lab.accept().count("says 069") == 1 and not Path("raw.labels.csv").exists()


def test_suggestions_for_a_test_embryo_are_left_out(lab):
    Path("raw.split.csv").write_text("embryo,split\nmovie,test\nother,train\n", encoding="utf-8")
    lab.export(
        lab.row("new/m0.tif", "060"), lab.row("new/m1.tif", "060", blind="1"), lab.row("new/m2.tif", "", use="0")
    )
    said = lab.accept()
    assert lab.outcomes() == ["left out", "left out", "added"]
    assert "embryo movie is always in the test split" in said
    lab.accept(split={"lock": "auto", "test_reviewed": "blind"})
    assert lab.outcomes() == ["left out", "added", "known already"]


def test_time_points_of_a_file_have_one_embryo(lab):
    Path("mine.csv").write_text("image,stage,embryo,frame\nm0,051,e7,2\n", encoding="utf-8")
    rows = [
        lab.row("new/m0.tif", "051", frame="2"),
        lab.row("new/m0.tif", "060", frame="3"),
        lab.row("new/m0.tif", "060"),
    ]
    lab.export(*rows, lab.row("new/m1.tif", "051", frame="1"), lab.row("new/m1.tif", "051"))
    said = lab.accept(labels=["mine.csv"])
    assert lab.outcomes() == ["known already", "added", "contradicts", "added", "contradicts"]
    assert [tuple(label[1:5]) for label in read_labels(["mine.csv"])] == [
        ("m0", "051", "e7", 2), ("new/m0.tif", "060", "e7", 3), ("new/m1.tif", "051", "movie", 1),
    ]  # fmt: skip
    assert "mine.csv, line 2 says time points of it" in said and "other rows says time points of it" in said


def test_labels_of_time_points_can_contradict_the_setting_frames(lab):
    lab.image("raw/movie.tif", b"movie")
    rows = [lab.row("raw/movie.tif", "54", frame="2"), lab.row("raw/movie.tif", "60", frame="3")]
    lab.export(*rows)
    said = lab.accept(frames={"first": 51, "every": 3})
    assert lab.outcomes() == ["known already", "contradicts"] and "the setting frames (raw/movie.tif) says 57" in said
    lab.export(lab.row("new/m0.tif", "51.3"), lab.row("new/m1.tif", "51.25"), lab.row("new/m2.tif", "50.9"))
    lab.accept(frames={"first": 51, "every": 0.1})
    assert lab.outcomes() == ["added", "new stage", "new stage"]


@settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["051", "060", ""])), max_size=6),
    st.lists(
        st.tuples(
            st.sampled_from(["m0", "m1.tif", "odd"]),
            st.sampled_from(["051", "=069", ""]),
            st.text("ab;\n'=", max_size=3),
        )
    ),
)
def test_merging_loses_nothing_and_repeating_it_changes_nothing(tmp_path_factory, rows, mine):
    folder = tmp_path_factory.mktemp("lab")
    there = os.getcwd()
    os.chdir(folder)
    try:
        lab = Lab(folder)
        mine = list({image: (image, stage, note) for image, stage, note in mine}.values())
        with open("mine.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("image", "stage", "note"), *mine])
        lab.export(*(lab.row(f"new/m{number}.tif", stage, use="1" if stage else "0") for number, stage in rows))
        lab.accept(labels=["mine.csv"])
        once = Path("mine.csv").read_bytes()
        with open("mine.csv", newline="", encoding="utf-8") as file:
            after = list(csv.DictReader(file))
        for (image, stage, note), row in zip(mine, after, strict=False):
            assert (row["image"], row["note"]) == (image, note) and row["stage"] in (
                {stage} if stage else {"", "051", "060"}
            )
        assert "No label is added" in lab.accept(labels=["mine.csv"])
        assert Path("mine.csv").read_bytes() == once
    finally:
        os.chdir(there)


def test_a_missing_table_or_column_is_an_error(lab):
    assert "The table a.csv does not exist" in sentence(lab.accept)
    Path("a.csv").write_text("name,remark\nx,y\n", encoding="utf-8")
    assert "a.csv" in sentence(lab.accept) and "lacks stage" in sentence(lab.accept)


HOSTILE = (
    *("../../../x.tif", "/etc/passwd", "..\\..\\x.tif", "-rf", "=cmd|' /C calc'!A0", "'=1"),
    *("a\rb", "a\nb", "\x1b]0;x\x07", "x" * 5000),
)


def files_in(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_hostile_rows_never_become_paths_or_formulas(lab):
    before = files_in(lab.folder.parent)
    rows = [lab.row("nowhere.tif", "051", image=name, who=name) for name in HOSTILE]  # no image has this content
    rows += [
        lab.row(
            "new/m0.tif", "..", **dict.fromkeys(["image", "embryo", "who", "when", "reason", "checkpoint"], "../../x")
        )
    ]
    rows += [lab.row("new/m1.tif", "=1+1", embryo="@e", who="'=eve"), lab.row("new/m2.tif", "a\x1b[2Jb", embryo="a\rb")]
    lab.export(*({name: as_cell(text) for name, text in row.items()} for row in rows))  # as the page writes them
    said = lab.accept(stages=["..", "=1+1", "a\x1b[2Jb"])
    assert not any(sign in said for sign in "\x1b\r\x07")
    made = {"a.csv", "raw.labels.csv", "results/accept/outcome.csv", "results/accept/contradictions.csv"}
    assert files_in(lab.folder.parent) - before == {f"{lab.folder.name}/{name}" for name in made}
    assert [tuple(label[1:4]) for label in read_labels(["raw.labels.csv"])] == [
        ("new/m0.tif", "..", "../../x"), ("new/m1.tif", "=1+1", "@e"), ("new/m2.tif", "a\x1b[2Jb", "a\rb"),
    ]  # fmt: skip
    assert read_text("results/accept/outcome.csv")["who"].tolist() == [row["who"] for row in rows]
    for table in ("raw.labels.csv", "results/accept/outcome.csv"):
        with open(table, newline="", encoding="utf-8-sig") as file:
            assert not any(cell.startswith(("=", "@", "\r", "-r")) for row in csv.reader(file) for cell in row)
