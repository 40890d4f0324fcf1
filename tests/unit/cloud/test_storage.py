"""Tests that files are uploaded once, under the checksum of their content, and downloaded completely."""

import pytest

from flystage.cloud import source, storage
from flystage.core.errors import FlystageError


def test_only_new_content_is_uploaded_after_one_listing(account, sent, tmp_path):
    files = []
    for number in range(1100):
        files.append(tmp_path / f"{number}.png")
        files[-1].write_bytes(b"picture %d" % (number % 1050))  # some are the same
    (tmp_path / ".hidden.png").write_bytes(b"stray")
    named = {name: path for path, name in storage.content_names(files).items()}
    assert storage.upload(account, named) == 1050
    assert sent.count("ListObjectsV2") == 1 and sent.count("PutObject") == 1050 and len(sent) == 1051
    assert set(storage.listed(account, "objects")) == set(named)
    sent.clear()
    assert storage.upload(account, named) == 0
    assert sent == ["ListObjectsV2"] * 2  # 1000 names per request
    files[0].write_bytes(b"changed")
    sent.clear()
    assert storage.upload(account, {storage.content_name(files[0]): files[0]}) == 1
    assert sent.count("PutObject") == 1


def test_an_incomplete_object_is_uploaded_again(account, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"whole")
    name = storage.content_name(path)
    account.s3.put_object(Bucket="flies", Key=account.key("objects", name), Body=b"who")
    assert storage.upload(account, {name: str(path)}) == 1


def test_members_are_fetched_from_an_archive_and_a_missing_archive_gives_none(account, tmp_path):
    data = source.archive({"checkpoint.pt": b"weights", "./history.csv": b"epoch", "more": b"x"})
    uri = storage.put(account, data, "output", "model.tar.gz")
    path = tmp_path / "checkpoint.pt"
    assert storage.fetch_members(account, uri, {"checkpoint.pt": path, "history.csv": None}) == {
        "history.csv": b"epoch"
    }
    assert path.read_bytes() == b"weights"
    assert storage.fetch_members(account, uri + "x", {"history.csv": None}) is None
    with pytest.raises(FlystageError, match=r"s3://flies/deep/down/o\b.*checkpoint"):
        storage.fetch_members(account, storage.put(account, source.archive({}), "o"), {"checkpoint": None})
