"""Tests that dates in the future, from the clock of a microscope or another computer, change nothing."""

import os
import time

import pytest

import embryos
from test_reruns import COLLECTED, TUNED, jobs, one_raw

TOMORROW = 86_400


def date(path, seconds=TOMORROW):
    os.utime(path, (time.time() + seconds,) * 2)


def test_future_dates_of_images_weights_and_configuration_change_nothing(copy_of_finished):
    project = copy_of_finished
    weights = project.results / "model/backbone.pt"
    mine = project.folder / "mine.pt"
    mine.write_bytes(weights.read_bytes())
    for path in [*project.raw.rglob("*.tif")][::3] + [
        mine,
        *project.folder.glob("*.yaml"),
        project.folder / "raw.split.csv",
    ]:
        date(path)
    over = {"model": {"weights": "mine.pt"}}
    process = project.snakemake("--until", "features", over=over)
    assert process.returncode == 0, process.out
    process = project.snakemake("--dry-run", "--until", "features", over=over)
    assert jobs(process) == {}
    date(one_raw(project), -TOMORROW)  # the image counts as changed, although its date is now older
    assert jobs(project.snakemake("--dry-run", "--until", "features", over=over)) == {
        "prepare": 1, "dataset": 1, "features": 1,
    }  # fmt: skip


def test_an_image_of_another_size_and_the_same_date_counts_as_changed(copy_of_finished):
    path = one_raw(copy_of_finished)
    before = path.stat()
    path.write_bytes(path.read_bytes() + b"\0")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert jobs(copy_of_finished.snakemake("--dry-run")) == {"prepare": 1} | COLLECTED


def test_a_run_continues_from_results_with_future_dates(copy_of_finished):
    """The clock was ahead during the first half of the run and is right again."""
    project = copy_of_finished
    for path in [*project.results.rglob("*.csv"), *project.results.rglob("*.npy"), *project.results.rglob("*.pt")]:
        date(path)
    for path in (*project.results.rglob(".snakemake_timestamp"), project.results / "model/backbone.json"):
        date(path)
    (project.results / "tuning/trial_0.json").unlink()
    process = project.snakemake()
    assert process.returncode == 0, process.out
    assert jobs(project.snakemake("--dry-run")) == {}


def test_future_dates_of_unlabelled_images_and_checkpoint_change_nothing(finished, project):
    checkpoint = project.folder / "mine.pt"
    checkpoint.write_bytes((finished.results / "model/checkpoint.pt").read_bytes())
    embryos.write_embryos(
        project.folder / "new", embryos=1, minutes=(60,), size=(222, 84), processes=1, unlabelled=True
    )
    (image,) = (project.folder / "new").glob("image*.tif")
    for path in (checkpoint, image):
        date(path)
    over = {"predict": {"images": ["new"], "checkpoint": "mine.pt"}}
    process = project.snakemake("predict", over=over)
    assert process.returncode == 0, process.out
    assert "Nothing to be done" in project.snakemake("predict", over=over).out
    date(image, -TOMORROW)
    assert jobs(project.snakemake("predict", "--dry-run", over=over)) == {"predict": 1}


@pytest.mark.parametrize("seconds", [-5, TOMORROW])
def test_without_records_a_newer_image_is_prepared_unless_its_date_is_in_the_future(copy_of_finished, seconds):
    (copy_of_finished.folder / ".snakemake").rename(copy_of_finished.folder / "elsewhere")
    for path in copy_of_finished.raw.rglob("*.tif"):
        date(path, -TOMORROW)
    date(one_raw(copy_of_finished), seconds)
    assert jobs(copy_of_finished.snakemake("--dry-run")) == ({"prepare": 1} | COLLECTED if seconds < 0 else {})


def test_without_records_a_newer_file_of_weights_trains_again(copy_of_finished):
    weights, over = copy_of_finished.folder / "weights.pth", {"model": {"weights": "weights.pth"}}
    weights.write_bytes(b"one")
    (copy_of_finished.folder / ".snakemake").rename(copy_of_finished.folder / "elsewhere")
    assert jobs(copy_of_finished.snakemake("--dry-run", over=over)) == {"weights": 1, "features": 1} | TUNED
