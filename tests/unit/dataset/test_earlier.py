"""Test that embryos keep their split despite a damaged lock or new names, and that moves give a warning."""

import hashlib

import pytest

from flystage.core.errors import FlystageError
from flystage.dataset.earlier import keep_catalog, known_splits, last_catalog, read_earlier, sentence_of_moves

SPLITS = {"a": "train", "b": "val", "c": "test", "3-12": "test"}


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A folder with images of four embryos, the lock and the catalog of an earlier run, and a function that returns the images."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw").mkdir()
    rows, lock = ["path,embryo,split,status,sha256"], ["embryo,split"]
    for embryo, split in SPLITS.items():
        lock.append(f"{embryo},{split}")
        for number in (1, 2):
            path = tmp_path / "raw" / f"{embryo}_{number}.tif"
            path.write_bytes(f"{embryo} {number}".encode())
            rows.append(f"raw/{path.name},{embryo},{split},used,{hashlib.sha256(path.read_bytes()).hexdigest()}")
    rows.append("raw/x.tif,x,,excluded,")
    (tmp_path / "catalog.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "raw.split.csv").write_text("\n".join(lock) + "\n")

    def images(embryo_of=lambda path: path.stem.rsplit("_", 1)[0]):
        return [(f"raw/{path.name}", embryo_of(path)) for path in sorted((tmp_path / "raw").iterdir())]

    return images


def known(images):
    return known_splits(images, "raw.split.csv", "catalog.csv")


def test_a_complete_lock_gives_no_warning(study, tmp_path):
    locked, earlier, sentences = known(study())
    assert locked == SPLITS and sentences == [] and len(earlier) == 8
    (tmp_path / "catalog.csv").unlink()
    assert known(study()) == (SPLITS, [], [])


def test_a_new_study_has_no_known_splits(tmp_path):
    assert known_splits([("a.tif", "a")], tmp_path / "lock.csv", tmp_path / "catalog.csv") == ({}, [], [])


def test_the_catalog_gives_the_images_with_a_split(study, tmp_path):
    assert {image.embryo: image.split for image in read_earlier("catalog.csv")} == SPLITS
    assert read_earlier("nowhere.csv") == []
    (tmp_path / "catalog.csv").write_text("path,embryo,split,status\n1,a,val,used\n2,a,test,used\n")
    with pytest.raises(FlystageError, match="catalog.csv .*line 3"):
        read_earlier("catalog.csv")


def test_without_a_lock_the_split_comes_from_the_catalog(study, tmp_path):
    (tmp_path / "raw.split.csv").unlink()
    locked, _, (sentence,) = known(study())
    assert locked == SPLITS
    assert "raw.split.csv" in sentence and "catalog.csv" in sentence


@pytest.mark.parametrize("damaged", ["12. Mrz", "12-Mar", "2026-12-03"])
def test_an_embryo_renamed_by_a_spreadsheet_keeps_its_split(study, tmp_path, damaged):
    lock = tmp_path / "raw.split.csv"
    lock.write_text(lock.read_text().replace("3-12", damaged).replace(",", ";") + ";\n")
    locked, _, (sentence,) = known(study())
    assert SPLITS.items() <= locked.items()
    assert "lacks 1 embryo(s)" in sentence and "(3-12)" in sentence and "catalog.csv" in sentence


def test_a_trailing_space_in_a_name_is_ignored(study, tmp_path):
    lock = tmp_path / "raw.split.csv"
    lock.write_text(lock.read_text().replace("3-12", "3-12 "))
    (tmp_path / "catalog.csv").unlink()
    locked, _, sentences = known(study())
    assert locked["3-12"] == "test" and sentences == []


def test_names_changed_in_a_lock_without_results_give_a_warning(study, tmp_path):
    lock = tmp_path / "raw.split.csv"
    lock.write_text(lock.read_text().replace("3-12", "12. Mrz"))
    (tmp_path / "catalog.csv").unlink()
    locked, _, (sentence,) = known(study())
    assert "3-12" not in locked
    assert "lacks 1 embryo(s) (3-12)" in sentence and "1 without images (12. Mrz)" in sentence


def test_a_damaged_catalog_gives_a_warning_and_the_lock_is_used(study, tmp_path):
    (tmp_path / "catalog.csv").write_text("nonsense\n")
    locked, earlier, (sentence,) = known(study())
    assert locked == SPLITS and earlier == [] and "The catalog catalog.csv is damaged" in sentence
    (tmp_path / "raw.split.csv").unlink()
    with pytest.raises(FlystageError, match="catalog.csv is damaged"):
        known(study())


def test_an_embryo_renamed_by_a_new_pattern_keeps_its_split(study):
    images = study(lambda path: "movie " + path.stem.rsplit("_", 1)[0])
    locked, earlier, (sentence,) = known(images)
    assert {embryo: locked[f"movie {embryo}"] for embryo in SPLITS} == SPLITS
    assert "4 embryo(s) have a new name (movie 3-12, movie a, movie b and 1 more)" in sentence
    assert sentence_of_moves(images, locked, earlier) == ""


def test_an_embryo_with_renamed_files_is_recognised_by_checksum(study, tmp_path):
    for path in list((tmp_path / "raw").glob("c_*.tif")):
        path.rename(path.with_name(path.name.replace("c_", "gamma_")))
    (tmp_path / "raw" / "gamma_3.tif").write_bytes(b"a third one")
    assert known(study())[0]["gamma"] == "test"


def test_a_copy_of_an_existing_file_does_not_identify_an_embryo(study, tmp_path):
    (tmp_path / "raw" / "d_1.tif").write_bytes(b"d 1")
    (tmp_path / "raw" / "e_1.tif").write_bytes(
        (tmp_path / "raw" / "c_1.tif").read_bytes()
    )  # a copy of a file that still exists
    locked, _, sentences = known(study())
    assert locked == SPLITS and sentences == []


def test_an_embryo_with_images_from_several_splits_is_new(study):
    images = study(lambda path: "ab" if path.stem[0] in "ab" else path.stem.rsplit("_", 1)[0])
    locked, earlier, sentences = known(images)
    assert "ab" not in locked and sentences == []
    sentence = sentence_of_moves(images, locked | {"ab": "train"}, earlier)
    assert "2 of 8 images" in sentence and "raw/b_1.tif (val -> train), raw/b_2.tif (val -> train)" in sentence
    assert "cannot be compared" in sentence and "\n" not in sentence


def test_the_lock_takes_precedence_and_moves_give_a_warning(study, tmp_path):
    lock = tmp_path / "raw.split.csv"
    lock.write_text(lock.read_text().replace("c,test", "c,train"))
    locked, earlier, sentences = known(study())
    assert locked["c"] == "train" and sentences == []
    assert "2 of 8 images change their split: raw/c_1.tif (test -> train)" in sentence_of_moves(
        study(), locked, earlier
    )


def test_no_moved_image_gives_no_warning(study):
    locked, earlier, _ = known(study())
    assert sentence_of_moves([*study(), ("raw/new.tif", "new")], locked | {"new": "val"}, earlier) == ""


def test_the_last_catalog_survives_a_failed_run(tmp_path):
    catalog = str(tmp_path / "catalog.csv")
    keep_catalog(catalog)
    assert last_catalog(catalog) == catalog and list(tmp_path.iterdir()) == []
    (tmp_path / "catalog.csv").write_text("first")
    keep_catalog(catalog)
    assert last_catalog(catalog) == catalog
    (tmp_path / "catalog.csv").unlink()
    keep_catalog(catalog)  # the next run starts without one
    with open(last_catalog(catalog)) as file:
        assert file.read() == "first"
