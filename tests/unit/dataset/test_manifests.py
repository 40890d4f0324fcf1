"""Manifests, and the split folders on file systems of all kinds."""

import errno
import os
from pathlib import Path

import pandas as pd
import pytest

from flystage.dataset.manifests import link_split_folders

SPLITS = ("train", "val", "test")


@pytest.fixture
def manifests(tmp_path, monkeypatch):
    """One PNG in each of two splits, in stages of their own."""
    monkeypatch.chdir(tmp_path)
    Path("results/images").mkdir(parents=True)
    made = {}
    for split, stage in zip(SPLITS, ["051", "060", None], strict=True):
        pngs = [] if stage is None else [f"results/images/{split}.png"]
        for png in pngs:
            Path(png).write_bytes(split.encode())
        made[split] = pd.DataFrame({"png": pngs, "stage": [stage] * len(pngs)})
    return made


def refuse(monkeypatch, number, *names):
    def refused(*arguments, **named):
        raise OSError(number, os.strerror(number))

    for name in names:
        monkeypatch.setattr(os, name, refused)


def contents():
    return {str(path): path.read_bytes() for path in Path("results/split").rglob("*.png")}


EXPECTED = {"results/split/train/051/train.png": b"train", "results/split/val/060/val.png": b"val"}


def test_split_folders_are_relative_links_and_every_stage_has_its_folder(manifests, caplog):
    link_split_folders(manifests, "results/split")
    assert contents() == EXPECTED and caplog.messages == []
    assert os.readlink("results/split/train/051/train.png") == "../../../images/train.png"
    assert {str(path) for path in Path("results/split").glob("*/*")} == {
        f"results/split/{split}/{stage}" for split in SPLITS for stage in ("051", "060")
    }


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EACCES, errno.EINVAL])
def test_without_symbolic_links_they_are_hard_links_and_that_is_said_once(manifests, monkeypatch, caplog, number):
    refuse(monkeypatch, number, "symlink")
    link_split_folders(manifests, "results/split")
    assert contents() == EXPECTED
    assert os.path.samefile("results/split/val/060/val.png", "results/images/val.png")
    (message,) = caplog.messages
    assert "knows no symbolic links: the images in it are hard links" in message


def test_without_hard_links_they_are_copies_and_that_is_said_once(manifests, monkeypatch, caplog):
    refuse(monkeypatch, errno.EPERM, "symlink", "link")
    link_split_folders(manifests, "results/split")
    assert contents() == EXPECTED
    assert not os.path.samefile("results/split/val/060/val.png", "results/images/val.png")
    (message,) = caplog.messages
    assert "the images in it are copies, which take as much space" in message


def test_a_full_disk_is_no_reason_to_copy(manifests, monkeypatch):
    refuse(monkeypatch, errno.ENOSPC, "symlink")
    with pytest.raises(OSError, match="No space left"):
        link_split_folders(manifests, "results/split")
    assert contents() == {}
