"""The cache of vectors is exact, and damage to its file only costs time."""

import hashlib
import sqlite3

import numpy as np
import pytest

from flystage.network.vector_cache import VectorCache

VECTORS = np.random.default_rng(0).normal(size=(1200, 8)).astype(np.float32)
KEYS = [f"backbone:{number:04d}" for number in range(1200)]


@pytest.fixture
def path(tmp_path):
    with VectorCache(tmp_path / "cache" / "vectors.sqlite") as cache:
        cache.keep(KEYS, VECTORS)
    return tmp_path / "cache" / "vectors.sqlite"


def test_vectors_come_back_bit_for_bit(path):
    with VectorCache(path) as cache:
        found = cache.find(KEYS + ["unknown"])  # more keys than SQLite takes in one query
    assert set(found) == set(KEYS)
    np.testing.assert_array_equal(np.stack([found[key] for key in KEYS]), VECTORS)


def test_an_empty_cache_finds_nothing(tmp_path):
    with VectorCache(tmp_path / "vectors.sqlite") as cache:
        assert cache.find(KEYS) == {} and cache.find([]) == {}


def test_a_second_vector_of_a_key_replaces_the_first(path):
    with VectorCache(path) as cache:
        cache.keep(KEYS[:1], VECTORS[1:2])
        np.testing.assert_array_equal(cache.find(KEYS[:1])[KEYS[0]], VECTORS[1])


def test_vectors_of_another_type_are_kept_as_float32(path):
    with VectorCache(path) as cache:
        cache.keep(["double"], np.ones((1, 3), np.float64))
        assert cache.find(["double"])["double"].dtype == np.float32


def test_a_kill_between_batches_loses_nothing_that_was_kept(path):
    cache = VectorCache(path)
    cache.keep(["late"], VECTORS[:1])  # never closed
    with VectorCache(path) as other:
        assert "late" in other.find(["late"])
    cache.connection.close()


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100, bytes(8192)], ids=["empty", "text", "zeros"])
def test_a_damaged_file_is_replaced(path, content):
    path.write_bytes(content)
    with VectorCache(path) as cache:
        assert cache.find(KEYS[:3]) == {}
        cache.keep(KEYS[:3], VECTORS[:3])
        assert len(cache.find(KEYS)) == 3


def test_a_cache_deleted_during_use_is_replaced(path):
    with VectorCache(path) as cache:
        cache.find(KEYS)
        path.unlink()
        cache.keep(["new"], VECTORS[:1])
        assert "new" in cache.find(["new"])


def test_damage_anywhere_never_gives_a_wrong_vector(path):
    whole = path.read_bytes()
    random = np.random.default_rng(1)
    lost = 0
    for trial in range(32):
        damaged = bytearray(whole[: random.integers(1, len(whole))] if trial % 4 == 0 else whole)
        for place in random.integers(0, min(len(damaged), 300) if trial % 4 == 1 else len(damaged), 8):
            damaged[place] = random.integers(0, 256)
        path.write_bytes(damaged)
        with VectorCache(path) as cache:
            found = cache.find(KEYS)
            for key, vector in found.items():
                np.testing.assert_array_equal(vector, VECTORS[KEYS.index(key)])
            cache.keep(["after"], VECTORS[:1])
        lost += len(found) < len(KEYS)
    assert lost > 16  # the damage was real


def test_a_table_with_an_older_layout_is_replaced(path):
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE vectors (name TEXT)")
    connection.close()
    with VectorCache(path) as cache:
        cache.keep(KEYS[:1], VECTORS[:1])
        assert len(cache.find(KEYS)) == 1


DIGESTS = {
    f"png{number:04d}:0": hashlib.sha256(bytes([number % 256, number // 256])).hexdigest() for number in range(1200)
}


def test_digests_come_back_and_unknown_views_are_left_out(path):
    with VectorCache(path) as cache:
        assert cache.find_digests(list(DIGESTS)) == {} and cache.find_digests([]) == {}
        cache.keep_digests(DIGESTS)
        cache.keep_digests({"late:1": DIGESTS["png0000:0"]})
    with VectorCache(path) as cache:
        assert cache.find_digests([*DIGESTS, "unknown"]) == DIGESTS
        assert len(cache.find(KEYS)) == len(KEYS)


@pytest.mark.parametrize("damaged", [None, b"\x00", 7, "", "ab", 64 * "x", 65 * "a"])
def test_a_damaged_digest_is_not_used(path, damaged):
    """Two pictures with the same damaged digest would share one vector."""
    with VectorCache(path) as cache:
        cache.keep_digests(DIGESTS)
        cache.keep_digests({"png0000:0": damaged, "png0001:0": damaged})
        found = cache.find_digests(list(DIGESTS))
    assert found == {view: digest for view, digest in DIGESTS.items() if view not in ("png0000:0", "png0001:0")}


def test_damage_anywhere_never_joins_two_pictures(path):
    with VectorCache(path) as cache:
        cache.keep_digests(DIGESTS)
    whole, random, lost = path.read_bytes(), np.random.default_rng(2), 0
    for trial in range(24):
        damaged = bytearray(whole[: random.integers(1, len(whole))] if trial % 4 == 0 else whole)
        for place in random.integers(0, min(len(damaged), 300) if trial % 4 == 1 else len(damaged), 40):
            damaged[place] = random.integers(0, 256)
        path.write_bytes(damaged)
        with VectorCache(path) as cache:
            found = cache.find_digests(list(DIGESTS))
            assert len(set(found.values())) == len(found)
            cache.keep_digests({"after:0": 64 * "a"})
            assert cache.find_digests(["after:0"]) == {"after:0": 64 * "a"}
        lost += found != DIGESTS
    assert lost > 12  # the damage was real
