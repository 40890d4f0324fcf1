"""Test the data set from names, a table and the lock, and that suggested stages are used only for training."""

import zlib

import pytest

from flystage.dataset.gathering import gather
from raw_files import name, touch

PATTERN = r"(?:Stage\((?P<stage>[^)]+)\)-)?(?P<embryo>\d{8}-Cycle\d+-embryo\d+)"
STAGES = ("051", "060", "069")


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path / "raw", *(f"{stage}/{name(stage, embryo)}" for stage in STAGES for embryo in range(1, 9)))
    touch(tmp_path / "raw", "069/odd.tif")
    return {
        "raw": ["raw"], "labels": None, "not_in_labels": "by_name", "name_pattern": PATTERN, "unmatched": "exclude",
        "single_images": "stop", "frames": None, "stages": "all", "time_unit": "auto", "buckets": 16,
        "split": {"train": 0.5, "val": 0.25, "test": 0.25, "seed": 1, "lock": "auto", "test_reviewed": "none"},
    }  # fmt: skip


def write_labels(origins):
    """A table of all images of embryos, with an origin for each embryo by its number."""
    rows = [
        f"{name(stage, embryo)},{stage},20230811-Cycle00-embryo{embryo:02d},{origins.get(embryo, 'given')}"
        for stage in STAGES
        for embryo in range(1, 9)
    ]
    with open("labels.csv", "w", encoding="utf-8") as file:
        file.write("\n".join(["image,stage,embryo,origin", *rows]))


def embryos_in(data_set, split):
    return {embryo for embryo, its in data_set.split_of.items() if its == split}


def test_each_used_image_is_in_the_job_of_its_embryo(config):
    found = gather(config, "catalog.csv")
    rows = {bucket: {embryo for _, _, embryo, _ in its} for bucket, its in found.rows.items()}
    for bucket, embryos in rows.items():
        for embryo in embryos:
            assert bucket == f"{found.split_of[embryo]}-{zlib.crc32(embryo.encode()) % 16:02d}"
    assert sorted(row for its in found.rows.values() for row in its) == sorted(
        (f"raw/{stage}/{name(stage, embryo)}", stage, f"20230811-Cycle00-embryo{embryo:02d}", "")
        for stage in STAGES
        for embryo in range(1, 9)
    )
    assert [row[0] for row in found.set_aside] == ["raw/069/odd.tif"] and found.set_aside[0][3] == "excluded"
    assert found.lock == "raw.split.csv" and found.sentences == [] and found.origins == []


def test_unknown_embryos_give_fewer_jobs_but_at_least_one(config):
    found = gather(config | {"name_pattern": None}, "catalog.csv")
    assert {int(bucket.rsplit("-", 1)[1]) for bucket in found.rows} == {0, 1}
    found = gather(config | {"name_pattern": None, "buckets": 4}, "catalog.csv")
    assert {int(bucket.rsplit("-", 1)[1]) for bucket in found.rows} == {0}


@pytest.mark.parametrize(("test_reviewed", "only_train"), [("none", {1, 2, 3, 4}), ("blind", {1, 2})])
def test_suggested_stages_are_used_only_for_training(config, test_reviewed, only_train):
    write_labels({1: "reviewed", 2: "reviewed", 3: "blind", 4: "blind"})
    config = config | {"labels": ["labels.csv"], "split": config["split"] | {"test_reviewed": test_reviewed}}
    found = gather(config, "catalog.csv")
    assert {f"20230811-Cycle00-embryo{number:02d}" for number in only_train} <= embryos_in(found, "train")
    origins = {path[-8:-6]: origin for path, _, origin in found.origins}
    assert origins == {"01": "reviewed", "02": "reviewed", "03": "blind", "04": "blind"} and len(found.origins) == 12


@pytest.mark.parametrize("split", ["val", "test"])
def test_suggestions_for_validation_or_test_embryos_are_left_out(config, split):
    with open("raw.split.csv", "w", encoding="utf-8") as file:
        others = {2: "val", 3: "test"}
        splits = {1: split} | {number: others.get(number, "train") for number in range(2, 9)}
        file.write("embryo,split\n" + "".join(f"20230811-Cycle00-embryo{n:02d},{its}\n" for n, its in splits.items()))
    write_labels({1: "reviewed"})
    found = gather(config | {"labels": ["labels.csv"]}, "catalog.csv")
    barred = [row for row in found.set_aside if "embryo01" in row[0]]
    assert len(barred) == 3 and {row[4] for row in barred} == {
        f"its stage began as a suggestion, and its embryo is in {split}"
    }
    assert not any("embryo01" in embryo for its in found.rows.values() for _, _, embryo, _ in its)
    (warning,) = found.sentences
    assert "3 images" in warning and "suggestions" in warning and "(20230811-Cycle00-embryo01)" in warning
