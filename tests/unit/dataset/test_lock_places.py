"""Test where the split lock is placed."""

import os

import pytest

from flystage.dataset.lock_places import check_lock_place, lock_path
from flystage.dataset.splitting import extend_lock
from raw_files import sentence


def test_the_lock_is_next_to_the_first_raw_folder_or_where_it_was(tmp_path):
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    assert lock_path("auto", [first + "/", second]) == f"{first}.split.csv"
    assert lock_path("mine.csv", [first]) == "mine.csv"
    extend_lock(f"{second}.split.csv", {"a": "val"})
    assert lock_path("auto", [first, second]) == lock_path("auto", [second, first]) == f"{second}.split.csv"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (".", "../movie.split.csv"), ("./", "../movie.split.csv"), ("..", "../../data.split.csv"),
        ("../", "../../data.split.csv"), ("raw/", "raw.split.csv"), ("./raw/../raw", "raw.split.csv"),
        ("../movie", "../movie.split.csv"), ("raw/..", "../movie.split.csv"),
    ],
)  # fmt: skip
def test_the_lock_of_the_current_folder_has_its_name(tmp_path, monkeypatch, raw, expected):
    (tmp_path / "data/movie/raw").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "data/movie")
    assert lock_path("auto", [raw]) == expected


@pytest.mark.parametrize(("raw", "once"), [(".", "..split.csv"), ("..", "...split.csv")])
def test_a_lock_with_the_name_of_an_earlier_version_is_found(tmp_path, monkeypatch, raw, once):
    (tmp_path / "movie").mkdir()
    monkeypatch.chdir(tmp_path / "movie")
    extend_lock(once, {"a": "val"})
    assert lock_path("auto", [raw]) == once
    extend_lock(lock_path("auto", ["../movie"]), {"a": "val"})
    assert lock_path("auto", [".", raw]) == "../movie.split.csv"  # a lock with the present name takes precedence


def test_a_place_where_a_lock_cannot_be_written_is_an_error(tmp_path, monkeypatch):
    check_lock_place(tmp_path / "new/er/lock.csv")
    assert not (tmp_path / "new").exists()
    assert f"{tmp_path} cannot be written" in sentence(check_lock_place, tmp_path)  # a folder
    monkeypatch.setattr(os, "access", lambda path, mode: path != str(tmp_path))
    text = sentence(check_lock_place, f"{tmp_path}/new/lock.csv")
    assert f"{tmp_path}/new/lock.csv cannot be written" in text and "split.lock" in text
