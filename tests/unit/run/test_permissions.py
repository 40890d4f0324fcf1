"""A user who may only read a folder gets a sentence with the owner and what to do."""

import os

import pytest

from flystage.run.permissions import sentence_if_read_only


@pytest.fixture
def read_only(tmp_path, monkeypatch):
    """Return a folder to which nobody may write, not even root, for whom file modes do not count."""
    folder = tmp_path / "read_only"
    folder.mkdir()
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(folder) and access(path, mode))
    return folder


def test_a_folder_that_may_be_written_needs_no_sentence(tmp_path):
    assert sentence_if_read_only([tmp_path, tmp_path / "not/yet/there"]) == ""


@pytest.mark.parametrize("below", ["", "not/yet/there"])
def test_a_folder_that_may_only_be_read_is_named_with_its_owner(tmp_path, read_only, below, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = sentence_if_read_only([tmp_path, read_only / below])
    assert " read_only, " in said and "predict.checkpoint" in said and "\n" not in said


def test_an_owner_without_a_name_is_a_number(read_only, monkeypatch):
    def without_name(user):
        raise KeyError(user)

    monkeypatch.setattr("pwd.getpwuid", without_name)
    assert f"user {os.getuid()}" in sentence_if_read_only([read_only])
