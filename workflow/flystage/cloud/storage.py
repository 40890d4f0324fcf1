"""Store files in the bucket under the checksum of their content, so that a file is uploaded once and jobs read no stray files.

A key is `<prefix>/objects/<sha256 of the content><suffix>`. Dates and ETags, which encryption changes, therefore do not matter.
"""

import hashlib
import json
import logging
import os
import tarfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from boto3.s3.transfer import TransferConfig
from tqdm import tqdm

from flystage.cloud.account import explained
from flystage.core.errors import FlystageError
from flystage.core.files import written_whole

log = logging.getLogger("flystage")
OBJECTS = "objects"
TOGETHER = 16  # uploads at the same time
ONE_THREAD = TransferConfig(use_threads=False, multipart_chunksize=32 * 2**20)
TOLD_EVERY = 30  # seconds between two lines of progress in the log


def content_name(path):
    """Return the name of a file by its content: sha256 and suffix. Raises FlystageError if the file is missing."""
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise FlystageError(
            f"The file {path} is missing. Delete its folder {Path(path).parent} and run the same command again."
        ) from error
    return f"{digest}{Path(path).suffix.lower()}"


def content_digest(data):
    """Return the sha256 of bytes as text."""
    return hashlib.sha256(data).hexdigest()


def content_names(paths):
    """Return {path: name by content} of many files."""
    paths = list(dict.fromkeys(map(str, paths)))
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(paths, pool.map(content_name, paths), strict=True))


def upload(account, files):
    """Upload the files that the bucket lacks and return their number. files: {name by content: path}.

    List the bucket first, 1000 names per request, instead of sending one request per file.
    """
    with explained(f"uploading to {account.uri(OBJECTS)}"):
        there = listed(account, OBJECTS)
        sizes = {name: os.path.getsize(path) for name, path in files.items()}
        new = {name: path for name, path in files.items() if there.get(name) != sizes[name]}
        total = sum(sizes[name] for name in new)
        log.info("%d files, %d of them already in %s. Uploading %d (%.1f MB)",
                 len(files), len(files) - len(new), account.uri(OBJECTS), len(new), total / 1e6)  # fmt: skip
        if not new:
            return 0
        client = account.s3  # created here, because creating clients is not thread-safe
        stopped = threading.Event()

        def send(item):
            name, path = item
            if not stopped.is_set():
                client.upload_file(
                    str(path),
                    account.bucket,
                    account.key(OBJECTS, name),
                    ExtraArgs=account.encryption or None,
                    Config=ONE_THREAD,
                )

        told = time.monotonic()
        with (
            ThreadPoolExecutor(TOGETHER) as pool,
            tqdm(total=len(new), unit="file", desc="upload", disable=None) as bar,
        ):
            try:
                for done, _ in enumerate(pool.map(send, new.items()), start=1):
                    bar.update()
                    if time.monotonic() - told > TOLD_EVERY:
                        told = time.monotonic()
                        log.info("uploaded %d of %d files", done, len(new))
            except BaseException:
                stopped.set()  # uploads that wait do not start
                raise
    return len(new)


def listed(account, *parts):
    """Return {name: size in bytes} of the objects below a key."""
    prefix = f"{account.key(*parts)}/"
    pages = account.s3.get_paginator("list_objects_v2").paginate(Bucket=account.bucket, Prefix=prefix)
    return {entry["Key"].removeprefix(prefix): entry["Size"] for page in pages for entry in page.get("Contents", [])}


def put(account, data, *parts):
    """Write bytes to a key below the prefix and return its URI. The caller derives the key from the content."""
    with explained(f"uploading to {account.uri(*parts)}"):
        account.s3.put_object(Bucket=account.bucket, Key=account.key(*parts), Body=data, **account.encryption)
    return account.uri(*parts)


def put_if_new(account, data, folder, suffix):
    """Write bytes to `<prefix>/<folder>/<their sha256><suffix>` unless that object exists, and return (URI, name)."""
    name = content_digest(data) + suffix
    with explained(f"uploading to {account.uri(folder)}"):
        found = account.s3.list_objects_v2(Bucket=account.bucket, Prefix=account.key(folder, name))
    if any(entry["Size"] == len(data) for entry in found.get("Contents", [])):
        return account.uri(folder, name), name
    return put(account, data, folder, name), name


def manifest(account, names):
    """Write a list of exactly these objects in the format that a job's channel reads (ManifestFile), and return its URI."""
    lines = [{"prefix": account.folder(OBJECTS)}, *sorted(set(names))]
    return put_if_new(account, json.dumps(lines).encode(), "lists", ".json")[0]


def fetch_members(account, uri, wanted):
    """Return {member: bytes} of a model.tar.gz in S3. wanted: {member: path to write it to, or None to return its bytes}.

    Return None if the object does not exist. Raises FlystageError if the archive lacks a wanted member.
    """
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    with explained(f"fetching {uri}"):
        try:
            body = account.s3.get_object(Bucket=bucket, Key=key)["Body"]
        except account.s3.exceptions.NoSuchKey:
            return None
        found, missing = {}, set(wanted)
        with tarfile.open(fileobj=body, mode="r|gz") as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if name not in missing or not member.isfile():
                    continue
                missing.discard(name)
                if wanted[name] is None:
                    found[name] = archive.extractfile(member).read()
                else:
                    _write(archive.extractfile(member), wanted[name])
    if missing:
        raise FlystageError(
            f"{uri} lacks {', '.join(sorted(missing))}, so its job did not write its result. Delete this archive and run the"
            " same command again."
        )
    return found


def _write(source, path):
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        while part := source.read(2**20):
            file.write(part)


def delete_below(account, *parts):
    """Delete everything below a key, 1000 objects per request."""
    with explained(f"deleting {account.uri(*parts)}"):
        names = list(listed(account, *parts))
        for start in range(0, len(names), 1000):
            keys = [{"Key": account.key(*parts, name)} for name in names[start : start + 1000]]
            account.s3.delete_objects(Bucket=account.bucket, Delete={"Objects": keys, "Quiet": True})


def exists(account, uri):
    """Return whether an object of this URI exists."""
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    with explained(f"looking for {uri}"):
        page = account.s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
    return any(entry["Key"] == key for entry in page.get("Contents", []))


def read(path):
    """Return the bytes of a local file. Raises FlystageError if the file is missing."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise FlystageError(
            f"The file {path} is missing. Delete its folder {Path(path).parent} and run the same command again."
        ) from error
