"""A cache of feature vectors by content. It may vanish at any time: then vectors are computed again, nothing else."""

import sqlite3
from pathlib import Path

import numpy as np


class VectorCache:
    """Feature vectors (float32) by key in one SQLite file, which survives a kill at any moment."""

    def __init__(self, path):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.connection = _opened(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def find(self, keys):
        """{key: vector} for those of `keys` that are there."""
        found = {}
        for start in range(0, len(keys), 500):  # SQLite limits the number of ? in one query
            part = keys[start : start + 500]
            query = f"SELECT key, vector FROM vectors WHERE key IN ({','.join('?' * len(part))})"
            found.update((key, np.frombuffer(blob, dtype=np.float32)) for key, blob in self.connection.execute(query, part))
        return found

    def keep(self, keys, vectors):
        """Store the vectors, array (keys, features), in one transaction."""
        rows = [(key, vector.astype(np.float32).tobytes()) for key, vector in zip(keys, vectors, strict=True)]
        with self.connection:
            self.connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)


def _opened(path):
    try:
        return _with_table(path)
    except sqlite3.DatabaseError:  # a damaged cache is worth nothing
        Path(path).unlink()
        return _with_table(path)


def _with_table(path):
    connection = sqlite3.connect(path, timeout=60)
    connection.execute("CREATE TABLE IF NOT EXISTS vectors (key TEXT PRIMARY KEY, vector BLOB) WITHOUT ROWID")
    return connection
