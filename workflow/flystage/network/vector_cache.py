"""Cache feature vectors by content. If the cache vanishes, vectors are only computed again."""

import errno
import os
import re
import sqlite3
import zlib
from pathlib import Path

import numpy as np

# Vectors stay complete if this process is killed. The checksums detect damage from a power cut.
UNSYNCED = "PRAGMA synchronous = OFF"
TABLES = (
    "CREATE TABLE IF NOT EXISTS vectors (key TEXT PRIMARY KEY, vector BLOB) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS pictures (view TEXT PRIMARY KEY, digest TEXT) WITHOUT ROWID",
)
DIGEST = re.compile("[0-9a-f]{64}")  # else damage could give two pictures the same short digest
CHECKSUM = 4  # bytes after each vector, because SQLite does not detect a damaged value


class VectorCache:
    """Feature vectors (float32) by key, and digests of pictures, in one SQLite file, which survives a kill at any moment."""

    def __init__(self, path):
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.connection = sqlite3.connect(path, timeout=60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def find(self, keys):
        """Return {key: vector} for those of `keys` that are in the cache."""
        found = {}
        for start in range(0, len(keys), 500):  # SQLite limits the number of ? in one query
            part = keys[start : start + 500]
            query = f"SELECT key, vector FROM vectors WHERE key IN ({','.join('?' * len(part))})"
            for key, blob in self._run(query, [part]):
                if isinstance(blob, bytes) and blob[-CHECKSUM:] == _checksum(key, blob[:-CHECKSUM]):
                    found[key] = np.frombuffer(blob[:-CHECKSUM], dtype=np.float32)
        return found

    def keep(self, keys, vectors):
        """Store the vectors, array (keys, features), in one transaction."""
        values = [vector.astype(np.float32).tobytes() for vector in vectors]
        rows = [(key, value + _checksum(key, value)) for key, value in zip(keys, values, strict=True)]
        self._run("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)

    def find_digests(self, views):
        """Return {view: digest of its pixels} for those of `views`, names of a PNG in a rotation, that are in the cache."""
        found = {}
        for start in range(0, len(views), 500):
            part = views[start : start + 500]
            query = f"SELECT view, digest FROM pictures WHERE view IN ({','.join('?' * len(part))})"
            for view, digest in self._run(query, [part]):
                if isinstance(digest, str) and DIGEST.fullmatch(digest):
                    found[view] = digest
        return found

    def keep_digests(self, digests):
        """Store {view: digest}, see `find_digests`, in one transaction."""
        self._run("INSERT OR REPLACE INTO pictures VALUES (?, ?)", list(digests.items()))

    def _run(self, query, rows):
        """Run the query for each of `rows` in one transaction. A damaged or missing file is replaced by a new one.

        Raises OSError if the disk is full.
        """
        try:
            return self._transaction(query, rows)
        except (sqlite3.Error, UnicodeDecodeError) as error:  # damage can also spoil the message
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:  # nothing is damaged
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path)) from error
            self.connection.close()
            self.path.unlink(missing_ok=True)
            self.connection = sqlite3.connect(self.path, timeout=60)
            return self._transaction(query, rows)

    def _transaction(self, query, rows):
        self.connection.execute(UNSYNCED)
        with self.connection:
            for table in TABLES:
                self.connection.execute(table)
            return [answer for row in rows for answer in self.connection.execute(query, row)]


def _checksum(key, value):
    return zlib.crc32(key.encode() + value).to_bytes(CHECKSUM, "big")
