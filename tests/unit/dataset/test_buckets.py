"""Test that the name and split of an embryo decide its bucket."""

from flystage.dataset.buckets import bucket_of, split_of


def test_a_bucket_depends_only_on_embryo_split_and_number_of_buckets():
    assert bucket_of("20230811-Cycle00-embryo03", "train", 64) == "train-41"
    assert bucket_of("20230811-Cycle00-embryo03", "train", 1) == "train-00"
    assert bucket_of("蠅", "val", 64) == bucket_of("蠅", "val", 64)


def test_all_buckets_are_used_and_name_their_split():
    buckets = {bucket_of(f"embryo{number}", "test", 16) for number in range(500)}
    assert buckets == {f"test-{number:02d}" for number in range(16)}
    assert {split_of(bucket) for bucket in buckets} == {"test"}
