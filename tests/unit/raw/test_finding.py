"""Finding TIFs among what other programs leave behind."""

import os
from pathlib import Path

from flystage.raw.finding import find_tifs, find_unlabelled, is_dropping, newest, version_of
from raw_files import sentence, touch


def found(*folders):
    return [relative for _, relative in find_tifs(folders)]


def test_tifs_are_found_nested_and_flat_in_one_order(tmp_path):
    raw = touch(tmp_path / "raw", "b.tif", "060/x.TIF", "051/deep/er/y.tiff", "a.tif", "051/notes.txt", "051/z.png")
    assert found(raw) == ["051/deep/er/y.tiff", "060/x.TIF", "a.tif", "b.tif"]


def test_droppings_of_other_programs_are_not_images(tmp_path):
    raw = touch(
        tmp_path / "raw", "051/good.tif", "051/.ipynb_checkpoints/good.tif", "051/good-checkpoint.tif", "051/._good.tif",
        "051/Thumbs.db", ".DS_Store", ".hidden.tif", "copy-checkpoint/good.tif",
    )  # fmt: skip
    assert found(raw) == ["051/good.tif"]
    assert is_dropping("THUMBS.DB") and not is_dropping("checkpoint-3.tif")


def test_a_linked_folder_counts_once_and_its_real_path_wins(tmp_path):
    raw = touch(tmp_path / "raw", "zzz/a.tif")
    (tmp_path / "raw" / "aaa").symlink_to("zzz")
    assert found(raw) == ["zzz/a.tif"]
    elsewhere = touch(tmp_path / "elsewhere", "b.tif")
    (tmp_path / "raw" / "linked").symlink_to(elsewhere)
    assert found(raw) == ["linked/b.tif", "zzz/a.tif"]


def test_overlapping_raw_folders_give_each_tif_once(tmp_path):
    raw = touch(tmp_path / "raw", "051/a.tif", "060/b.tif")
    assert found(raw, f"{raw}/051") == ["051/a.tif", "060/b.tif"]
    assert [Path(path).name for path, _ in find_tifs([f"{raw}/051", raw])] == ["a.tif", "b.tif"]
    assert len(find_tifs([raw, raw])) == 2


def test_a_missing_folder_is_named(tmp_path):
    assert f"{tmp_path}/nowhere does not exist" in sentence(find_tifs, [f"{tmp_path}/nowhere"])
    touch(tmp_path, "file.tif")
    assert "does not exist" in sentence(find_tifs, [f"{tmp_path}/file.tif"])


def test_an_empty_folder_says_what_it_has_instead(tmp_path):
    (tmp_path / "raw").mkdir()
    assert sentence(find_tifs, [str(tmp_path / "raw")]).endswith("holds no TIF (*.tif, *.tiff): it is empty.")
    raw = touch(tmp_path / "raw", "a.png", "b.png", "README")
    assert sentence(find_tifs, [raw]).endswith("holds no TIF (*.tif, *.tiff): it has 2 x .png, 1 x no ending.")


def test_one_empty_folder_among_full_ones_is_told(tmp_path):
    raw = touch(tmp_path / "raw", "051/a.tif")
    (tmp_path / "empty").mkdir()
    assert "empty holds no TIF" in sentence(find_tifs, [raw, str(tmp_path / "empty")])


def test_unlabelled_tifs_need_a_folder_and_a_checkpoint(tmp_path):
    raw = touch(tmp_path / "new", "b.tif", "a.tif")
    checkpoint = touch(tmp_path / "model", "checkpoint.pt") + "/checkpoint.pt"
    assert find_unlabelled([raw], checkpoint) == [f"{raw}/a.tif", f"{raw}/b.tif"]
    assert "set predict.images" in sentence(find_unlabelled, [], checkpoint)
    assert "There is no checkpoint" in sentence(find_unlabelled, [raw], f"{checkpoint}x")


def test_the_version_of_a_file_changes_with_it(tmp_path):
    path = tmp_path / "a.tif"
    assert version_of(path) is None
    path.write_bytes(b"1")
    first = version_of(path)
    path.write_bytes(b"22")
    assert version_of(path) != first


def test_the_newest_of_files_is_the_one_changed_last(tmp_path):
    for name, seconds in (("a.tif", 30), ("b.tif", 40), ("c.tif", 20)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (seconds, seconds))
    paths = [str(tmp_path / name) for name in ("a.tif", "b.tif", "c.tif", "gone.tif")]
    assert newest(paths) == [paths[1]]
    assert newest(paths[3:]) == newest([]) == []
