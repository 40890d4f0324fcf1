"""Test that files of torch are read and that all other files are refused, without unpacking or running them."""

import os
import resource
import zipfile

import pytest
import torch

from flystage.core import tensor_files
from flystage.core.tensor_files import check_tensors, read_tensors

CONTENT = {"name": "a", "state": {"w": torch.arange(6.0).reshape(2, 3), "n": torch.tensor(3)}}


class Trap:
    """Running its code leaves a folder."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_torch_wrote_is_read(tmp_path, zipped):
    torch.save(CONTENT, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    found = read_tensors(tmp_path / "a.pt")
    assert found["name"] == "a" and all(torch.equal(found["state"][key], CONTENT["state"][key]) for key in "wn")
    check_tensors(found["state"], tmp_path / "a.pt")


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_is_not_run(tmp_path, zipped):
    torch.save({"trap": Trap(tmp_path / "ran")}, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match="other than tensors"):
        read_tensors(tmp_path / "a.pt")
    assert not (tmp_path / "ran").exists()
    torch.load(tmp_path / "a.pt", weights_only=False)
    assert (tmp_path / "ran").exists()  # so the trap works


def packed(source, target):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            new.writestr(member.filename, old.read(member))


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    torch.save(torch.zeros(2**24), tmp_path / "a.pt")
    packed(tmp_path / "a.pt", tmp_path / "bomb.pt")
    assert (tmp_path / "bomb.pt").stat().st_size < 2**20
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    with pytest.raises(ValueError, match="compressed"):
        read_tensors(tmp_path / "bomb.pt")
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * 4096 < 2**24


def test_an_outline_that_is_too_long_is_refused(tmp_path, monkeypatch):
    torch.save(CONTENT, tmp_path / "new.pt")
    torch.save(CONTENT, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    monkeypatch.setattr(tensor_files, "LONGEST_OUTLINE", 100)
    monkeypatch.setattr(tensor_files, "LONGEST_OLD_OUTLINE", 100)
    for name in ("new.pt", "old.pt"):
        with pytest.raises(ValueError, match="claims to hold more"):
            read_tensors(tmp_path / name)


def test_old_outlines_are_checked_before_any_is_read(tmp_path, monkeypatch):
    (tmp_path / "a.pt").write_bytes(b"\x80\x02" + b"]" * 2**21)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was read"))
    monkeypatch.setattr(tensor_files, "LONGEST_OLD_OUTLINE", 1000)
    with pytest.raises(ValueError, match="claims to hold more"):
        read_tensors(tmp_path / "a.pt")


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"PK\x03\x04" + bytes(99), b"\x89PNG\r\n\x1a\n" + bytes(99), b"text\n" * 99, b"\x80\x02}."]
)
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(ValueError, match="truncated"):
        read_tensors(tmp_path / "a.pt")


def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(ValueError, match="not a file"):
            read_tensors(path)
    with pytest.raises(FileNotFoundError):
        read_tensors(tmp_path / "none.pt")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: {"w": torch.zeros(1).expand(10**12)}, "'w' claims more"),
        (lambda: dict.fromkeys(map(str, range(99)), torch.zeros(100)), "claims more"),
        (lambda: {"w": torch.tensor([1, torch.nan])}, "'w'.*NaN"),
        (lambda: {"w": torch.tensor([torch.inf]).half()}, "'w'.*infinite"),
        (lambda: {"w": torch.eye(3).to_sparse()}, "'w'.*plain tensor"),
        (lambda: {"w": torch.zeros(3, device="meta")}, "'w'.*plain tensor"),
        (lambda: {"w": torch.zeros(3, dtype=torch.complex64)}, "'w'.*plain tensor"),
        (lambda: {"w": 3}, "named tensors"),
        (lambda: {1: torch.zeros(3)}, "named tensors"),
    ],
)
def test_tensors_that_do_not_match_their_description_are_refused(tmp_path, make, words):
    torch.save(make(), tmp_path / "a.pt")
    with pytest.raises(ValueError, match=words):
        check_tensors(read_tensors(tmp_path / "a.pt"), tmp_path / "a.pt")
