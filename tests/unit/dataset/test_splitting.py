"""Test that whole embryos are split permanently and close to the wanted shares."""

import os
import random
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flystage.core.errors import FlystageError
from flystage.dataset.splitting import SPLITS, assign, extend_lock, read_lock

USUAL = {"train": 0.7, "val": 0.15, "test": 0.15}
QUICK = settings(max_examples=50, derandomize=True, deadline=None)

EMBRYOS = st.dictionaries(
    st.text("abcdef0123", min_size=1, max_size=4),
    st.dictionaries(st.sampled_from(["051", "060", "069", "078"]), st.integers(1, 6), min_size=1),
    min_size=3,
    max_size=25,
)
FRACTIONS = st.tuples(*[st.floats(0.05, 1)] * 3).map(
    lambda shares: dict(zip(SPLITS, (share / sum(shares) for share in shares), strict=True))
)
SEEDS = st.integers(0, 5)


def pairs(embryos):
    return [
        (embryo, stage) for embryo, stages in embryos.items() for stage, count in stages.items() for _ in range(count)
    ]


def sentence(function, *arguments):
    with pytest.raises(FlystageError) as refused:
        function(*arguments)
    assert "\n" not in str(refused.value) and str(refused.value).endswith(".")
    return str(refused.value)


@QUICK
@given(EMBRYOS, FRACTIONS, SEEDS)
def test_every_embryo_is_in_one_split_and_no_split_is_empty(embryos, fractions, seed):
    split_of = assign(pairs(embryos), {}, fractions, seed)
    assert set(split_of) == set(embryos)
    assert set(split_of.values()) == set(SPLITS)


@QUICK
@given(EMBRYOS, FRACTIONS, SEEDS, st.randoms(use_true_random=False))
def test_the_order_of_the_images_does_not_matter(embryos, fractions, seed, shuffler):
    images = pairs(embryos)
    expected = assign(images, {}, fractions, seed)
    shuffler.shuffle(images)
    assert assign(iter(images), {}, fractions, seed) == expected


@QUICK
@given(EMBRYOS, FRACTIONS, SEEDS, st.integers(0, 25))
def test_assigning_twice_changes_nothing(embryos, fractions, seed, count):
    split_of = assign(pairs(embryos), {}, fractions, seed)
    assert assign(pairs(embryos), split_of, fractions, seed) == split_of
    assert assign(pairs(embryos), split_of, {"train": 0.1, "val": 0.1, "test": 0.8}, seed + 1) == split_of
    locked = dict(list(split_of.items())[:count])  # only some are locked
    again = assign(pairs(embryos), locked, fractions, seed)
    assert {embryo: again[embryo] for embryo in locked} == locked


@QUICK
@given(st.lists(EMBRYOS, min_size=2, max_size=5), FRACTIONS, SEEDS)
def test_new_images_never_change_an_embryos_split(batches, fractions, seed):
    locked, images = {}, []
    for batch in batches:
        images += pairs(batch)
        split_of = assign(images, locked, fractions, seed)
        assert locked.items() <= split_of.items()
        assert set(split_of) == {embryo for embryo, _ in images}
        locked = split_of


@QUICK
@given(EMBRYOS, FRACTIONS, SEEDS)
def test_locked_embryos_without_images_are_ignored(embryos, fractions, seed):
    assert "gone" not in assign(pairs(embryos), {"gone": "test"}, fractions, seed)


@pytest.mark.parametrize("arrival", ["at once", "one by one"])
@pytest.mark.parametrize(
    "fractions", [USUAL, {"train": 0.6, "val": 0.2, "test": 0.2}, {"train": 1 / 3, "val": 1 / 3, "test": 1 / 3}]
)
@pytest.mark.parametrize("count", [4, 7, 10, 23, 60])
def test_shares_of_equal_embryos_are_within_one_embryo_of_the_target(count, fractions, arrival):
    # An embryo is the smallest unit of a split.
    locked = {}
    for present in range(3 if arrival == "one by one" else count, count + 1):
        images = [(f"e{number}", stage) for number in range(present) for stage in ("051", "060") for _ in range(3)]
        locked = assign(images, locked, fractions, seed=1)
    assigned = Counter(locked.values())
    for split in SPLITS:
        assert abs(assigned[split] - fractions[split] * count) <= 1 + 1e-9


@QUICK
@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.integers(1, 40), min_size=8, max_size=40), SEEDS)
def test_shares_of_unequal_embryos_are_close_to_the_target(sizes, seed):
    images = [(embryo, "051") for embryo, size in sizes.items() for _ in range(size)]
    split_of = assign(images, {}, USUAL, seed)
    assigned = Counter(split_of[embryo] for embryo, _ in images)
    # The largest go first into the emptiest split, so no split exceeds its target by more than its last embryo.
    for split in SPLITS:
        assert assigned[split] <= USUAL[split] * len(images) + max(sizes.values())


@QUICK
@given(EMBRYOS, EMBRYOS, FRACTIONS, SEEDS)
def test_training_only_embryos_do_not_affect_the_others(embryos, more, fractions, seed):
    more = {f"new {embryo}": stages for embryo, stages in more.items()}
    alone = assign(pairs(embryos), {}, fractions, seed)
    both = assign(pairs(embryos | more), {}, fractions, seed, frozenset(more))
    assert both == alone | dict.fromkeys(more, "train")
    locked = dict.fromkeys(more, "train")  # they were there first
    assert assign(pairs(embryos | more), locked, fractions, seed, frozenset(more)) == both
    assert assign(pairs(embryos | more), both, fractions, seed, frozenset(more)) == both


def test_a_locked_embryo_keeps_its_split_even_if_training_only():
    images = [(embryo, "051") for embryo in "abcd"]
    split_of = assign(images, {"a": "test"}, USUAL, 1, frozenset("ad"))
    assert split_of["a"] == "test" and split_of["d"] == "train" and set(split_of.values()) == set(SPLITS)


def test_two_other_embryos_are_enough_with_training_only_embryos():
    images = [(embryo, "051") for embryo in "abcd"]
    for locked in ({}, {"a": "train"}):
        split_of = assign(images, locked, USUAL, 1, frozenset("ab"))
        assert split_of["a"] == split_of["b"] == "train" and {split_of["c"], split_of["d"]} == {"val", "test"}


def test_too_many_training_only_embryos_are_an_error():
    images = [(embryo, "051") for embryo in "abcd"]
    text = sentence(assign, images, {}, USUAL, 1, frozenset("abc"))
    assert "3 of 4 embryos" in text and "split.test_reviewed" in text


def test_three_embryos_go_to_three_splits():
    assert sorted(assign([(embryo, "051") for embryo in "abc"], {}, USUAL, 1).values()) == sorted(SPLITS)


def test_a_split_gets_the_stages_that_it_lacks():
    early = [(f"early{number}", "051") for number in range(10)]
    late = [(f"late{number}", "195") for number in range(10)]
    split_of = assign(early + late, {}, {"train": 0.6, "val": 0.2, "test": 0.2}, seed=1)
    for kind in ("early", "late"):
        assigned = Counter(split for embryo, split in split_of.items() if embryo.startswith(kind))
        assert assigned == {"train": 6, "val": 2, "test": 2}


def test_the_seed_decides_between_equal_embryos():
    images = [(f"e{number}", "051") for number in range(20)]
    assert len({tuple(sorted(assign(images, {}, USUAL, seed).items())) for seed in range(5)}) == 5


def test_the_split_of_an_example_never_changes():
    # A different result would move the embryos of all users without a lock, or show that two machines disagree.
    images = [(f"e{number}", stage) for number in range(6) for stage in ("051", "060") for _ in range(number % 3 + 1)]
    assert assign(images, {}, USUAL, 1) == {
        "e2": "train", "e5": "train", "e4": "train", "e1": "val", "e3": "test", "e0": "test",
    }  # fmt: skip


def test_fewer_embryos_than_splits_are_an_error():
    assert "2 embryo(s) cannot be split" in sentence(assign, [("a", "1"), ("b", "1")], {}, USUAL, 1)
    assert "0 embryo(s)" in sentence(assign, [], {}, USUAL, 1)


def test_a_lock_that_leaves_a_split_empty_is_an_error():
    images = [(embryo, "051") for embryo in "abcd"]
    locked = dict.fromkeys("abcd", "train")
    assert "no embryo for val and test" in sentence(assign, images, locked, USUAL, 1)
    assert set(assign([*images, ("e", "051"), ("f", "051")], locked, USUAL, 1).values()) == set(SPLITS)


def test_the_lock_only_grows_and_keeps_its_order(tmp_path):
    lock = tmp_path / "raw.split.csv"
    extend_lock(lock, {"b": "train", "a": "val", 'c,"1"': "test"})
    assert lock.read_text(encoding="utf-8") == 'embryo,split\na,val\nb,train\n"c,""1""",test\n'
    extend_lock(lock, {"z": "test", "a": "val", "A": "train"})
    assert list(read_lock(lock)) == ["a", "b", 'c,"1"', "A", "z"]
    before = lock.stat()
    extend_lock(lock, {"a": "val"})
    assert (lock.stat().st_ino, lock.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert os.listdir(tmp_path) == ["raw.split.csv"]


def test_what_a_person_added_to_the_lock_stays(tmp_path):
    lock = tmp_path / "raw.split.csv"
    lock.write_text('Note;Embryo;split;\n"sick; 18 C";b;train;\n=1+1;a;val;x\n', encoding="utf-8")
    extend_lock(lock, {"b": "train", "c": "test"})
    assert lock.read_text(encoding="utf-8") == "embryo,split,Note,\nb,train,sick; 18 C,\na,val,'=1+1,x\nc,test,,\n"
    assert read_lock(lock) == {"b": "train", "a": "val", "c": "test"}


@settings(max_examples=40, derandomize=True, deadline=None)
@given(
    batches=st.lists(
        st.dictionaries(st.text(min_size=1, max_size=5).filter(lambda t: "\r" not in t), st.sampled_from(SPLITS)),
        max_size=4,
    )
)
def test_a_written_lock_is_read_unchanged(tmp_path_factory, batches):
    lock = tmp_path_factory.mktemp("lock") / "lock.csv"
    expected = {}
    for batch in batches:
        batch = {embryo.encode(errors="ignore").decode() or "x": split for embryo, split in batch.items()}
        batch = {embryo: expected.get(embryo, split) for embryo, split in batch.items()}
        extend_lock(lock, batch)
        expected |= batch
        assert read_lock(lock) == expected


def test_a_lock_changed_during_the_run_is_not_overwritten(tmp_path):
    lock = tmp_path / "lock.csv"
    extend_lock(lock, {"a": "val"})
    before = lock.read_bytes()
    assert "changed during the run (embryo 'a')" in sentence(extend_lock, lock, {"a": "test", "b": "train"})
    assert lock.read_bytes() == before


def test_a_lock_is_replaced_completely_or_not_at_all(tmp_path, monkeypatch):
    lock = tmp_path / "lock.csv"
    extend_lock(lock, {"a": "val"})
    before = lock.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert "cannot be written (No space left on device)" in sentence(extend_lock, lock, {"b": "train"})
    assert lock.read_bytes() == before and os.listdir(tmp_path) == ["lock.csv"]


def test_a_missing_lock_is_read_as_empty(tmp_path):
    assert read_lock(tmp_path / "lock.csv") == {}


SAVED = {
    "mark and another column": b"\xef\xbb\xbfembryo,split,remark\r\na,val,mine\r\nb,train,\r\n",
    "semicolons": b"embryo;split\r\na;val\r\nb;train\r\n",
    "semicolons and a note": b"sep=;\r\nembryo;split\r\na;val\r\nb;train\r\n",
    "tabs": b"embryo\tsplit\na\tval\nb\ttrain\n",
    "UTF-16": "embryo\tsplit\r\na\tval\r\nb\ttrain\r\n".encode("utf-16"),
    "all in quotes": b'"embryo","split"\n"a","val"\n"b","train"\n',
    "empty lines": b"embryo,split\n\na,val\n,\nb,train\n , \n,,,\n",
    "spaces": b"embryo , split \na,val \nb, train\n",
    "capitals": b"Embryo,Split\na,Val\nb,TRAIN\n",
    "columns the other way round": b"split,embryo\nval,a\ntrain,b\n",
    "one line twice": b"embryo,split\na,val\nb,train\na,val\n",
    "no last line break": b"embryo,split\na,val\nb,train",
}


@pytest.mark.parametrize("how", SAVED)
def test_a_lock_saved_by_a_spreadsheet_is_read(tmp_path, how):
    lock = tmp_path / "lock.csv"
    lock.write_bytes(SAVED[how])
    assert read_lock(lock) == {"a": "val", "b": "train"}
    extend_lock(lock, {"a": "val", "c": "test"})
    kept = [",remark", ",mine", ",", ","] if "another" in how else [""] * 4
    rows = zip(("embryo,split", "a,val", "b,train", "c,test"), kept, strict=True)
    assert lock.read_text(encoding="utf-8").splitlines() == [row + more for row, more in rows]


def test_names_in_the_code_page_of_windows_are_read(tmp_path):
    (tmp_path / "lock.csv").write_bytes("embryo,split\nfrüh 1,val\n".encode("cp1252"))
    assert read_lock(tmp_path / "lock.csv") == {"früh 1": "val"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "line 1 .*columns embryo and split"),
        (b"a,val\nb,train\n", "line 1 .*columns embryo and split"),
        (b"embryo|split\na|val\n", "line 1 .*columns embryo and split"),
        (b"embryo,split\na,val\nb,tra", "line 3: embryo 'b'.*train, val, test"),
        (b"embryo,split\na,val\nb,", "line 3: embryo 'b'.*train, val, test"),
        (b"embryo,split\na,val\nb", "line 3: embryo 'b'.*train, val, test"),
        (b"embryo,split\na,val\nb,train\na,test\n", "line 4: embryo 'a'.*train, val, test"),
        (b"embryo,split\n\xff\xfe\x00,val\n", "cannot be read"),
    ],
    ids=["empty", "no header", "bars", "cut split", "no split", "cut name", "two splits", "not text"],
)
def test_the_message_about_a_damaged_lock_names_file_and_line(tmp_path, content, expected):
    lock = tmp_path / "lock.csv"
    lock.write_bytes(content)
    text = sentence(read_lock, lock)
    assert f"The split lock {lock} is damaged" in text and re.search(expected, text)


def test_a_folder_instead_of_the_lock_is_an_error(tmp_path):
    assert "cannot be read" in sentence(read_lock, tmp_path)


def test_a_shuffled_list_of_a_real_study_gives_the_same_split():
    # 23 embryos, 51 time points, 3 slices; the last time points are missing from some
    images = [
        (f"20230811-Cycle00-embryo{e:02d}", f"{51 + 3 * t:03d}")
        for e in range(23)
        for t in range(51 - e % 5)
        for _ in range(3)
    ]
    expected = assign(images, {}, USUAL, 1)
    assert Counter(expected.values()) == {"train": 16, "val": 4, "test": 3}
    random.Random(0).shuffle(images)
    assert assign(images, {}, USUAL, 1) == expected
