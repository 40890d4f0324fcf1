"""What is done -> what runs: the exact jobs of a dry run, on copies of one finished project."""

import os
import re
import shutil

import pytest

from small_project import MINUTES, SMALL, merged, write_raw

EVALUATED = {"evaluate": 1, "metrics": 1, "report": 1}
TRAINED = {"train": 1, "training_figures": 1} | EVALUATED
TUNED = {"tune": 2, "best": 1} | TRAINED
COLLECTED = {"dataset": 1, "dataset_figures": 1, "features": 1} | TUNED


def jobs(process):
    """{rule: number of jobs} of a dry run, `all` left out."""
    assert process.returncode == 0, process.out
    if "Nothing to be done" in process.out:
        return {}
    table = process.out.split("Job stats:")[1].split("total")[0]
    counts = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, flags=re.MULTILINE)}
    counts.pop("all", None)
    return counts


def buckets(project, split="*"):
    return len(list((project.results / "images").glob(f"{split}-*.csv")))


SETTINGS = {
    "evaluate.top_k": ({"evaluate": {"top_k": [1, 2]}}, {"metrics": 1, "report": 1}),
    "tune.trials": ({"tune": {"trials": 3}}, TUNED | {"tune": 1}),
    "tune.epochs": ({"tune": {"epochs": 2}}, TUNED),
    "tune.batch_size": ({"tune": {"batch_size": [8, 16]}}, TUNED),
    "train.epochs": ({"train": {"epochs": 3}}, TRAINED),
    "train.patience": ({"train": {"patience": 2}}, TUNED),
    "train.loss": ({"train": {"loss": "cross_entropy"}}, TUNED),
    "train.seed": ({"train": {"seed": 2}}, {"weights": 1, "features": 1} | TUNED),
    "model.hidden": ({"model": {"hidden": [8]}}, TUNED),
    "model.backbone": ({"model": {"backbone": "resnet34"}}, {"weights": 1, "features": 1} | TUNED),
    "note": ({"note": "another"}, TRAINED),
    "max_bad": ({"max_bad": 0.9}, COLLECTED),
    "split.seed": ({"split": {"seed": 9}}, {"report": 1}),
    "unused normalisation": ({"image": {"normalize": {"low": 2}}}, {}),
    "predict": ({"predict": {"images": ["new"], "top_k": 5}}, {}),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_changed_setting_reruns_what_depends_on_it(finished, setting):
    over, expected = SETTINGS[setting]
    assert jobs(finished.snakemake("--dry-run", over=merged(SMALL, over))) == expected


def test_angles_do_not_touch_validation_and_test_images(finished):
    process = finished.snakemake("--dry-run", over={"image": {"angles": [90]}})
    assert jobs(process) == {"prepare": buckets(finished, "train")} | COLLECTED
    assert "bucket val-" not in process.out and "bucket test-" not in process.out


def test_a_changed_size_reruns_everything_but_the_weights(finished):
    process = finished.snakemake("--dry-run", over={"image": {"size": 48}})
    assert jobs(process) == {"prepare": buckets(finished)} | COLLECTED


def one_raw(project):
    return sorted(project.raw.rglob("Stage*-1.tif"))[0]


def add_with_an_old_time_stamp(project):
    source = one_raw(project)
    new = source.with_name(source.name.replace("-1.tif", "-2.tif"))
    new.write_bytes(source.read_bytes() + b"\0")
    os.utime(new, (1_000_000_000, 1_000_000_000))


def replace(project):
    one_raw(project).write_bytes(sorted(project.raw.rglob("Stage*-1.tif"))[1].read_bytes() + b"\0")


def rename(project):
    source = one_raw(project)
    source.rename(source.with_name(source.name.replace("-1.tif", "-3.tif")))


def move_to_another_stage(project):
    source = one_raw(project)
    source.rename(project.raw / "087" / source.name.replace("(051)", "(087)").replace("-1.tif", "-4.tif"))


CHANGES = {
    "an image added": add_with_an_old_time_stamp,
    "an image removed": lambda project: one_raw(project).unlink(),
    "an image replaced": replace,
    "an image renamed": rename,
    "an image moved to another stage": move_to_another_stage,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_image_reruns_its_bucket_alone(copy_of_finished, change):
    CHANGES[change](copy_of_finished)
    assert jobs(copy_of_finished.snakemake("--dry-run")) == {"prepare": 1} | COLLECTED


def test_a_raw_folder_added(copy_of_finished):
    write_raw(copy_of_finished.folder / "more", embryos=1, minutes=MINUTES, first_embryo=6, droppings=False)
    over = {"raw": ["raw", "more"]}
    assert jobs(copy_of_finished.snakemake("--dry-run", over=over)) == {"prepare": 1} | COLLECTED


DELETED = {
    "evaluation/metrics.json": {"metrics": 1, "report": 1},
    "model/checkpoint.pt": TRAINED,
    "tuning/trial_0.json": TUNED | {"tune": 1},
    "manifests/val.csv": COLLECTED,
    "figures/top_k.png": {"metrics": 1, "report": 1},
    "report.html": {"report": 1},
}


@pytest.mark.parametrize("path", DELETED)
def test_a_deleted_result_is_made_again_with_what_follows(copy_of_finished, path):
    (copy_of_finished.results / path).unlink()
    assert jobs(copy_of_finished.snakemake("--dry-run")) == DELETED[path]


def test_caches_logs_and_the_lock_may_vanish(copy_of_finished):
    for folder in ("cache", "logs", "benchmarks"):
        shutil.rmtree(copy_of_finished.results / folder)
    (copy_of_finished.folder / "raw.split.csv").unlink()
    assert jobs(copy_of_finished.snakemake("--dry-run")) == {}


def test_an_added_movie_costs_one_movie(copy_of_finished):
    project = copy_of_finished
    lock = (project.folder / "raw.split.csv").read_text()
    before = {path: path.stat().st_mtime_ns for path in (project.results / "images").glob("*/*.png")}
    write_raw(project.raw, embryos=1, first_embryo=6, droppings=False)
    process = project.snakemake("--until", "features")
    assert process.returncode == 0, process.out
    after = {path: path.stat().st_mtime_ns for path in (project.results / "images").glob("*/*.png")}
    touched = {path for path in after if after[path] != before.get(path)}
    assert len({path.parent for path in touched}) == 1  # one bucket
    (log,) = [line for line in (project.results / "logs/features.log").read_text().splitlines() if "PNGs" in line][:1]
    known, to_compute = map(int, re.findall(r"(\d+) (?:vectors known|to compute)", log))
    assert known > 0 and to_compute in (0, 4, 12)  # a movie of four images, threefold when it is for training
    grown = (project.folder / "raw.split.csv").read_text()
    assert grown.startswith(lock) and len(grown.splitlines()) == len(lock.splitlines()) + 1
