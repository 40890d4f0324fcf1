"""Where the split lock lies."""

import os

import pytest

from flystage.dataset.lock_places import check_lock_place, lock_path
from flystage.dataset.splitting import extend_lock
from raw_files import sentence


def test_the_lock_lies_beside_the_first_raw_folder_or_where_it_was(tmp_path):
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
def test_the_lock_of_the_folder_one_stands_in_has_its_name(tmp_path, monkeypatch, raw, expected):
    (tmp_path / "data/movie/raw").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "data/movie")
    assert lock_path("auto", [raw]) == expected


@pytest.mark.parametrize(("raw", "once"), [(".", "..split.csv"), ("..", "...split.csv")])
def test_a_lock_under_the_odd_name_it_once_had_is_found(tmp_path, monkeypatch, raw, once):
    (tmp_path / "movie").mkdir()
    monkeypatch.chdir(tmp_path / "movie")
    extend_lock(once, {"a": "val"})
    assert lock_path("auto", [raw]) == once
    extend_lock(lock_path("auto", ["../movie"]), {"a": "val"})
    assert lock_path("auto", [".", raw]) == "../movie.split.csv"  # one with a sensible name goes first


def test_a_place_where_no_lock_can_be_written_is_told(tmp_path, monkeypatch):
    check_lock_place(tmp_path / "new/er/lock.csv")
    assert not (tmp_path / "new").exists()
    ending = "cannot be written there: set split.lock to a place that can be written and kept."
    assert sentence(check_lock_place, tmp_path).endswith(ending)  # a folder
    monkeypatch.setattr(os, "access", lambda path, mode: path != str(tmp_path))
    assert sentence(check_lock_place, f"{tmp_path}/new/lock.csv").endswith(f"{tmp_path}/new/lock.csv {ending}")
