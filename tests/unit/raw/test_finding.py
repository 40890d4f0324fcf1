"""Test that TIFs are found among the junk files of other programs."""

import errno
import os
from pathlib import Path

import pytest

from flystage.raw.finding import find_tifs, find_unlabelled, is_dropping, readable, version_of, why_unreadable
from raw_files import name, sentence, touch


def found(*folders):
    return [relative for _, relative in find_tifs(folders)]


def test_nested_and_flat_tifs_are_found_in_a_fixed_order(tmp_path):
    raw = touch(tmp_path / "raw", "b.tif", "060/x.TIF", "051/deep/er/y.tiff", "a.tif", "051/notes.txt", "051/z.png")
    assert found(raw) == ["051/deep/er/y.tiff", "060/x.TIF", "a.tif", "b.tif"]


def test_junk_files_are_not_images(tmp_path):
    raw = touch(
        tmp_path / "raw", "051/good.tif", "051/.ipynb_checkpoints/good.tif", "051/good-checkpoint.tif", "051/._good.tif",
        "051/Thumbs.db", ".DS_Store", ".hidden.tif", "copy-checkpoint/good.tif",
    )  # fmt: skip
    assert found(raw) == ["051/good.tif"]
    assert is_dropping("THUMBS.DB") and not is_dropping("checkpoint-3.tif")


@pytest.mark.parametrize(
    "place",
    [
        "$RECYCLE.BIN/S-1-5-21/$R1.tif", "$Recycle.Bin/a.tif", "RECYCLER/a.tif", "recycled/a.tif", "#recycle/051/a.tif",
        "@Recycle/a.tif", "Recycle Bin/a.tif", ".Trash-1000/files/a.tif", ".Trashes/a.tif", "@eaDir/a.tif/SYNOPHOTO.tif",
        "051/@EADIR/a.tif", "#snapshot/a.tif", "~snapshot/daily.0/a.tif", ".snapshot/daily.0/a.tif", "LOST+FOUND/a.tif",
        "System Volume Information/a.tif", "FOUND.000/a.tif", "__MACOSX/051/a.tif", "files_trashbin/a.tif", "~$a.tif",
        "Network Trash Folder/a.tif", "@Recently-Snapshot/a.tif",
    ],
)  # fmt: skip
def test_recycle_bins_snapshots_and_indexes_are_not_images(tmp_path, place):
    raw = touch(tmp_path / "raw", "051/good.tif", place)
    assert found(raw) == ["051/good.tif"]


@pytest.mark.parametrize("name", ["recycle-mutant", "snapshot", "tmp", "lost and found", "eadir", "a~snapshot", "$051"])
def test_a_folder_named_almost_like_a_recycle_bin_is_searched(tmp_path, name):
    assert found(touch(tmp_path / "raw", f"{name}/a.tif")) == [f"{name}/a.tif"]


def test_a_configured_folder_is_searched_whatever_its_name(tmp_path):
    assert found(touch(tmp_path / "#recycle", "a.tif")) == ["a.tif"]


@pytest.fixture
def deep(tmp_path):
    """A folder with 1500 nested folders and a TIF in the last. pytest could not remove them."""
    top = tmp_path / "raw"
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("a", dir_fd=here)
        inner = os.open("a", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("x.tif", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    yield str(top)
    os.unlink("x.tif", dir_fd=here)
    os.close(here)
    for depth in range(1500, 0, -1):
        os.rmdir(f"{top}{'/a' * depth}")


def test_folders_nested_beyond_pythons_stack_are_searched(deep):
    assert found(deep) == ["a/" * 1500 + "x.tif"]


def deny(monkeypatch, *folders):
    """Make folders unreadable, for root too."""
    scandir = os.scandir

    def denied(folder):
        if os.path.realpath(folder) in map(str, folders):
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", denied)


def test_an_unreadable_folder_is_skipped_with_a_warning(tmp_path, monkeypatch, caplog):
    raw = touch(tmp_path / "raw", "051/a.tif", "060/b.tif", "closed/deep/c.tif", "zzz/d.tif")
    elsewhere = touch(tmp_path / "elsewhere", "e.tif")
    (tmp_path / "raw" / "link").symlink_to(elsewhere)
    deny(monkeypatch, f"{raw}/closed", elsewhere)
    assert found(raw) == ["051/a.tif", "060/b.tif", "zzz/d.tif"]
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert f"{raw}/closed cannot be read (Permission denied)" in caplog.text
    assert f"{raw}/link cannot be read" in caplog.text


def test_an_unreadable_raw_folder_is_an_error(tmp_path, monkeypatch):
    raw = touch(tmp_path / "raw", "051/a.tif")
    deny(monkeypatch, raw)
    assert f"{raw} cannot be read (Permission denied)" in sentence(find_tifs, [raw])


def test_link_loops_end(tmp_path):
    raw = touch(tmp_path / "raw", "051/a.tif", "060/b.tif")
    (tmp_path / "raw" / "051" / "up").symlink_to(tmp_path / "raw")
    (tmp_path / "raw" / "self.tif").symlink_to("self.tif")
    (tmp_path / "raw" / "self").symlink_to("self")
    assert found(raw) == ["051/a.tif", "060/b.tif", "self.tif"]


def test_a_linked_folder_is_read_once_under_its_real_path(tmp_path):
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


def test_the_message_names_a_missing_folder(tmp_path):
    assert f"{tmp_path}/nowhere does not exist" in sentence(find_tifs, [f"{tmp_path}/nowhere"])
    touch(tmp_path, "file.tif")
    assert "does not exist" in sentence(find_tifs, [f"{tmp_path}/file.tif"])


def test_the_message_lists_what_a_folder_without_tifs_contains(tmp_path):
    (tmp_path / "raw").mkdir()
    text = sentence(find_tifs, [str(tmp_path / "raw")])
    assert f"{tmp_path / 'raw'} contains no TIF" in text and "empty" in text
    raw = touch(tmp_path / "raw", "a.png", "b.png", "README")
    text = sentence(find_tifs, [raw])
    assert "contains no TIF" in text and "2 x .png, 1 x no ending" in text


def test_one_empty_folder_among_full_ones_is_an_error(tmp_path):
    raw = touch(tmp_path / "raw", "051/a.tif")
    (tmp_path / "empty").mkdir()
    assert "empty contains no TIF" in sentence(find_tifs, [raw, str(tmp_path / "empty")])


def test_unlabelled_tifs_need_a_folder_and_a_checkpoint(tmp_path):
    raw = touch(tmp_path / "new", "b.tif", "a.tif")
    checkpoint = touch(tmp_path / "model", "checkpoint.pt") + "/checkpoint.pt"
    assert find_unlabelled([raw], checkpoint) == [f"{raw}/a.tif", f"{raw}/b.tif"]
    assert "Set predict.images" in sentence(find_unlabelled, [], checkpoint)
    assert "set predict.checkpoint" in sentence(find_unlabelled, [raw], f"{checkpoint}x")


def test_the_version_of_a_file_changes_with_it(tmp_path):
    path = tmp_path / "a.tif"
    assert version_of(path) is None
    path.write_bytes(b"1")
    first = version_of(path)
    path.write_bytes(b"22")
    assert version_of(path) != first


def test_the_version_of_a_file_is_its_size_and_date(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"1")
    os.utime(path, ns=(5, 7))
    assert version_of(path) == (1, 7)
    os.utime(path, ns=(5, 6))
    assert version_of(path) == (1, 6)
    path.write_bytes(b"22")
    os.utime(path, ns=(5, 6))
    assert version_of(path) == (2, 6)


def test_a_tif_without_read_permission_has_a_reason(tmp_path, monkeypatch):
    raw = touch(tmp_path / "raw", name("051"), name("060"))
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.R_OK or "060" not in str(path))
    assert [why_unreadable(f"{raw}/{name(stage)}") for stage in ("051", "060", "069")] == [
        "", "no permission to read it", "no longer there",
    ]  # fmt: skip

    def denied(path):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "stat", denied)
    assert why_unreadable(f"{raw}/{name('051')}") == "no permission to read it"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\nb", "a\\x0ab"), ("\x1b[2Jb", "\\x1b[2Jb"), ("a\x85\x9bb", "a\\x85\\x9bb"), ("a\u2028b\uffff", "a\\u2028b\\uffff"),
        ("a\udce9", "a\\xe9"), ("é שלב $\\x", "é שלב $\\x"), ("=1+1", "=1+1"),
    ],
)  # fmt: skip
def test_control_characters_and_line_breaks_are_shown_as_escapes(name, shown):
    assert readable(name) == shown and "\n" not in shown
