"""Tests of `compare`: variants share what is the same, and no variant reads the test images."""

import re

import pandas as pd
import pytest

from flystage.core.tables import read_predictions
from flystage.dataset.manifests import read_manifest, read_stages
from flystage.evaluation.metrics import metrics

VARIANTS = {
    "plain": {},
    "stretched": {"image": {"normalize": {"method": "percentile"}, "angles": [90]}, "tune": {"trials": 1}},
    "no_turns": {"image": {"angles": []}, "tune": {"trials": 1}},
}
OVER = {"compare": {"folds": 3, "variants": VARIANTS}}


def jobs(text):
    """Return {rule: number of its jobs} of the comparison from Snakemake's output."""
    return {rule: int(count) for rule, count in re.findall(r"^(compare\w*) +(\d+)$", text, flags=re.MULTILINE)}


def test_compare_measures_each_variant_and_leaves_the_run_unchanged(copy_of_finished):
    project = copy_of_finished
    before = project.contents()
    process = project.snakemake("compare", over=OVER)
    assert process.returncode == 0, process.out
    assert project.contents() == before
    done = jobs(project.log)
    assert re.search(r"\bfolds\b.*\b(plain|no_turns|stretched)\b.* top-1 .*\bchance 25\.0 ?%", process.out)
    last = process.out.splitlines()[-1]
    assert "results/compare/compare.html" in last and "results/compare/table.csv" in last
    # plain and no_turns use the run's PNGs, all use its starting weights, and each is tuned and trained separately
    assert "compare_weights" not in done and done["compare_manifests"] == done["compare_features"] == 3
    assert done["compare_heads"] == 3
    assert re.search(r"\bbucket train-\d+ ", process.out) and not re.search(r"\bbucket test-\d+ ", process.out)
    folder = project.results / "compare"

    table = pd.read_csv(folder / "table.csv")
    assert list(table["variant"]) == ["no_turns"] * 2 + ["plain"] * 2 + ["stretched"] * 2
    stages = read_stages(project.results / "stages.csv")
    for row in table.to_dict("records"):
        name = {"validation": "validation.csv", "folds": "folds.csv"}[row["measured_on"]]
        predictions = read_predictions(folder / "variants" / row["variant"] / name)
        measured = metrics(predictions, stages, [1])
        assert row["top_1"] == pytest.approx(measured["top_k"]["1"]["accuracy"])
        assert row["top_1_low"] <= row["top_1"] <= row["top_1_high"] and row["top_1_chance"] == 0.25
    splits = {split: read_manifest(project.results / f"manifests/{split}.csv") for split in ("train", "val", "test")}
    assert not set(read_predictions(folder / "variants/plain/folds.csv")["source"]) & set(splits["test"]["source"])
    staged = read_predictions(folder / "variants/plain/folds.csv")["source"]
    assert sorted(staged) == sorted(set(splits["train"]["source"]) | set(splits["val"]["source"]))  # each image once
    angles = [set(read_manifest(path)["angle"]) for path in sorted(folder.glob("manifests/*/train.csv"))]
    assert sorted(map(sorted, angles)) == [[0], [0, 90], [0, 90, 180]]
    page = (folder / "compare.html").read_text(encoding="utf-8")
    assert "method: percentile" in page and "Synthetic embryos of the tests." in page
    assert (folder / "compare.png").stat().st_size > 10_000

    process = project.snakemake("compare", over=OVER)
    assert "Nothing to be done" in process.out
    more = VARIANTS | {"cross_entropy": {"train": {"loss": "cross_entropy"}}}
    process = project.snakemake("compare", "--dry-run", over={"compare": {"folds": 3, "variants": more}})
    assert jobs(process.out) == {"compare": 1, "compare_heads": 1}
    whole = {"finetuned": {"train": {"mode": "finetuned"}}}  # a job for each trial
    process = project.snakemake("compare", "--dry-run", over={"compare": {"folds": 3, "variants": VARIANTS | whole}})
    assert jobs(process.out) == {
        "compare": 1, "compare_best": 1, "compare_train": 1, "compare_trial": 2, "compare_validate": 1,
    }  # fmt: skip
    assert "Nothing to be done" in project.snakemake(over=OVER).out  # variants do not change the run itself


@pytest.mark.parametrize(
    ("compare", "sentence"),
    [
        ({"variants": {}}, r"compare\.variants: .*nothing to compare"),
        ({"variants": {"a/b": {}}}, r"compare\.variants, a/b: .*letters"),
        ({"variants": {"a": {"split": {"seed": 2}}}}, r"compare\.variants, a: .*image, model, train, tune"),
        ({"variants": {"a": {"train": {"lost": 2}}}}, r"compare\.variants, a: train: .*'lost'"),
        ({"folds": 2, "variants": {"a": {}}}, r"compare\.folds: 2 "),
        ({"variants": {"a": {"train": "x"}}}, r"compare\.variants\.a\.train: 'x' .*group of settings"),
    ],
)
def test_an_error_in_a_variant_stops_with_a_message(finished, compare, sentence):
    process = finished.snakemake("compare", "--dry-run", over={"compare": compare})
    assert process.returncode != 0 and re.search(sentence, process.out) and "Traceback" not in process.out
