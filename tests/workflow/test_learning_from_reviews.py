"""Tests of learning from reviews: suggestions for a new movie are reviewed, accepted and used for training."""

import csv
import hashlib
import re
import warnings

import pandas as pd
import pytest

import browser
from flystage.core.tables import read_runs
from review_files import EXPORTED
from reviewer import begun
from small_project import MINUTES, write_raw
from test_reruns import COLLECTED, jobs

NEW = {"predict": {"images": ["new"], "series": "folder"}}
LEARNING = NEW | {
    "labels": "raw.labels.csv",
    "not_in_labels": "by_name",
    "raw": ["raw", "new"],
    "accept": ["labels.csv"],
}


def export(project, path, suggestions, who="ann", **changes):
    """Write labels as the page exports them after a review of all suggestions but the last. changes: {image: given stage}."""
    with open(project.folder / path, "w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, EXPORTED, restval="")
        writer.writeheader()
        for (image, row), minute in zip(suggestions.iterrows(), MINUTES, strict=False):
            content = (project.folder / image).read_bytes()
            stage = changes.get(image, f"{minute:03d}")
            writer.writerow(
                {"image": image, "sha256": hashlib.sha256(content).hexdigest(), "stage": stage, "embryo": "new", "use": 1,
                 "suggestion": row["stage_1"], "p": row["p_1"], "blind": 0, "who": who, "when": "2026-11-26T10:00:00Z",
                 "checkpoint": "0123456789abcdef"}
            )  # fmt: skip


def review(project, path):
    """Label the same stages on the page, by keyboard and in two sessions, and export them."""
    page_of_run, profile = project.results / "predict/predictions.html", project.folder / "profile"
    for minutes in (MINUTES[:2], MINUTES[2:]):
        with browser.browser(profile) as page:
            begun(page, page_of_run, who="ann")
            for minute in minutes:
                page.press(*f"{minute:03d}", "Enter")
            saved = page.saved(
                project.folder / f"saved-{minutes[0]}", "labels.csv", "document.querySelector('#export').click()"
            )
            assert page.faults == []
    (project.folder / path).write_bytes(saved)


@pytest.fixture
def suggested(copy_of_finished):
    """Return (the finished project with a new, unlabelled movie, its table of suggestions)."""
    project = copy_of_finished
    movie = write_raw(project.folder / "new", embryos=1, minutes=[*MINUTES, 150], first_embryo=6, unlabelled=True)
    assert len(movie) == len(MINUTES) + 1
    process = project.snakemake("predict", over=NEW)
    assert process.returncode == 0, process.out
    table = pd.read_csv(project.results / "predict/predictions.csv", dtype={"stage_1": str}).set_index("image")
    return project, table.head(len(MINUTES))


def read(project, name):
    return pd.read_csv(project.results / name, dtype=str, keep_default_na=False)


def test_accepted_reviews_join_the_training_split_and_change_nothing_else(suggested):
    project, suggestions = suggested
    if browser.CHROMIUM:
        review(project, "labels.csv")
    else:
        warnings.warn("Chromium is not installed, so the test writes labels.csv itself.", stacklevel=1)
        export(project, "labels.csv", suggestions)
    process = project.snakemake("accept", over=NEW | {"accept": ["labels.csv"]})
    assert process.returncode == 0, process.out
    assert re.search(r"\b4 rows: 4 added\b", process.out) and re.search(r"raw\.labels\.csv: 4 reviewed\b", process.out)
    for setting in ("labels: raw.labels.csv", "not_in_labels: by_name", "raw: [raw, new]"):
        assert f"\n  {setting}\n" in process.out
    labels = project.folder / "raw.labels.csv"
    before, stamp = labels.read_bytes(), labels.stat().st_mtime_ns

    image = suggestions.index[0]
    export(project, "other.csv", suggestions, who="bob", **{image: "159"})
    for accepted in (["labels.csv"], ["other.csv"]):
        process = project.snakemake("accept", over=LEARNING | {"accept": accepted})
        assert process.returncode == 0 and re.search(r"\b[Nn]o label\b.*\badded\b", process.out)
        assert (labels.read_bytes(), labels.stat().st_mtime_ns) == (before, stamp)
    conflict = rf"{re.escape(image)}: other\.csv, line 2\b.* 159\b.* raw\.labels\.csv, line 2\b.* 051\b"
    assert re.search(conflict, process.out)
    (contradiction,) = read(project, "accept/contradictions.csv").to_dict("records")
    assert (contradiction["stage"], contradiction["other_stage"]) == ("159", "051")

    was = project.contents("results/manifests/val", "results/manifests/test", "raw.split")
    crossval = read(project, "evaluation/crossval.csv")
    assert jobs(project.snakemake("--dry-run", over=LEARNING)) == {"prepare": 1} | COLLECTED
    process = project.snakemake(over=LEARNING)
    assert process.returncode == 0, process.out
    assert len(re.findall(r"\bbucket train-\d+", process.out)) == 1
    # The stored angles are quarter turns. Their vectors were computed as views for the suggestions.
    assert ", 0 computed" in (project.results / "logs/features.log").read_text()

    catalog = read(project, "catalog.csv")
    movie = catalog[catalog["path"].str.startswith("new/")]
    used = movie[movie["status"] == "used"]
    assert used[["path", "stage"]].values.tolist() == [
        [image, f"{minute:03d}"] for image, minute in zip(suggestions.index, MINUTES, strict=True)
    ]
    assert set(used["embryo"]) == {"new"} and set(used["split"]) == {"train"} and set(used["origin"]) == {"reviewed"}
    (reason,) = movie.loc[movie["status"] != "used", "reason"]
    assert "raw.labels.csv" in reason
    assert set(read(project, "manifests/train.csv").query("embryo == 'new'")["source"]) == set(suggestions.index)
    now = project.contents("results/manifests/val", "results/manifests/test", "raw.split")
    lock = now.pop("raw.split.csv").decode()
    assert lock == was.pop("raw.split.csv").decode() + "new,train\n" and now == was

    first, second = read_runs(project.results / "history.csv")
    assert (first["reviewed"], second["reviewed"], second["embryos"] - first["embryos"]) == (0, 4, 1)
    assert second["test_known_embryos"] == 2 and second["crossval_known_embryos"] == 5
    after = read(project, "evaluation/crossval.csv")
    assert after[["source", "stage"]].equals(crossval[["source", "stage"]])  # reviewed suggestions are not evaluated
    page = (project.results / "report.html").read_text(encoding="utf-8")
    assert re.search("<strong>4 [^<]*suggestion[^<]*</strong>", page)
    assert 'id="runs"' in page and 'data-at="runs/1/crossval_known_top_1_change"' in page

    history = (project.results / "history.csv").read_bytes()
    assert "Nothing to be done" in project.snakemake(over=LEARNING).out
    (project.results / "history.csv").unlink()
    assert jobs(project.snakemake("--dry-run", over=LEARNING)) == {"history": 1, "report": 1}
    assert project.snakemake(over=LEARNING).returncode == 0
    assert (project.results / "history.csv").read_bytes() == history


def test_accept_without_tables_stops_with_a_message(copy_of_finished):
    process = copy_of_finished.snakemake("accept")
    assert process.returncode != 0 and re.search(r"[Nn]othing to accept\b.*\baccept\b", process.out)
    assert "Traceback" not in process.out
