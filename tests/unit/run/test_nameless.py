"""A user without a name or a home folder gets both, and nobody else is changed."""

import os
import pwd
import stat

import pytest

from flystage.run.nameless import NAMES, settle


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """Restore the variables that `settle` sets. HOME is a writable folder."""
    for name in (*NAMES, "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def without_name(user):
    raise KeyError(user)


def test_a_user_without_a_name_gets_one(monkeypatch):
    monkeypatch.setattr(pwd, "getpwuid", without_name)
    settle()
    assert str(os.getuid()) in os.environ["LOGNAME"]
    assert "XDG_CACHE_HOME" not in os.environ


def test_a_user_with_a_name_keeps_it(monkeypatch):
    monkeypatch.setattr(pwd, "getpwuid", lambda user: ("me",))
    settle()
    assert "LOGNAME" not in os.environ
    monkeypatch.setattr(pwd, "getpwuid", without_name)
    monkeypatch.setenv("USER", "me")
    settle()
    assert "LOGNAME" not in os.environ


def test_without_a_home_folder_caches_are_in_a_folder_of_ones_own(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file/none"))
    settle()
    folder = os.environ.pop("XDG_CACHE_HOME")
    assert os.path.dirname(folder) == str(tmp_path) and stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    settle()
    assert os.environ.pop("XDG_CACHE_HOME") == folder  # so that a download is kept
    os.chmod(folder, 0o777)
    settle()
    assert os.environ["XDG_CACHE_HOME"] != folder


def test_a_folder_for_caches_that_works_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "mine"))
    settle()
    assert os.environ["XDG_CACHE_HOME"] == str(tmp_path / "mine")
