"""Tests of the files, tables, pages and terminal output of a finished run."""

import hashlib
import json
import re

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

import make_workflow  # docs/make_workflow.py
from flystage.jobs.tuning import best_trial
from small_project import MINUTES, REPOSITORY, write_raw

STAGES = [f"{minute:03d}" for minute in MINUTES]
RULES = {"dataset", "dataset_figures", "weights", "features", "tune", "best", "train", "training_figures", "evaluate", "crossval",
         "checkpoint", "metrics", "history", "report"}  # fmt: skip


def table(project, name):
    return pd.read_csv(project.results / name, dtype=str, keep_default_na=False)


def manifests(project):
    return {split: table(project, f"manifests/{split}.csv") for split in ("train", "val", "test")}


def test_the_catalog_lists_every_tif_and_no_junk_files(finished):
    catalog = table(finished, "catalog.csv")
    tifs = {
        str(path.relative_to(finished.folder))
        for path in finished.raw.rglob("*.tif")
        if not path.name.startswith(".") and "checkpoint" not in str(path)
    }
    assert set(catalog["path"]) == tifs
    assert catalog["path"].is_unique
    assert catalog["status"].value_counts().to_dict() == {"used": 20, "rejected": 3}
    reasons = catalog.loc[catalog["status"] == "rejected", "reason"].tolist()
    assert sorted(reason.split(":")[0].split(" as ")[0] for reason in reasons) == [
        "empty file",
        "same bytes",
        "truncated",
    ]


def test_the_catalog_records_checksum_size_and_type_of_the_files(finished):
    used = table(finished, "catalog.csv").query("status == 'used'")
    row = used.iloc[0]
    assert row["sha256"] == hashlib.sha256((finished.folder / row["path"]).read_bytes()).hexdigest()
    assert (row["width"], row["height"], row["dtype"], row["channels"]) == ("222", "84", "uint16", "1")


def test_a_copy_is_rejected_and_its_original_used(finished):
    catalog = table(finished, "catalog.csv").set_index("path")
    copy = next(path for path in catalog.index if path.endswith(" copy.tif"))
    assert catalog.loc[copy, "status"] == "rejected"
    assert catalog.loc[copy.replace(" copy", ""), "status"] == "used"


def test_every_embryo_is_in_one_split_as_the_lock_says(finished):
    splits = pd.concat([manifest.assign(split=split) for split, manifest in manifests(finished).items()])
    assert (splits.groupby("embryo")["split"].nunique() == 1).all()
    lock = pd.read_csv(finished.folder / "raw.split.csv").set_index("embryo")["split"]
    assert splits.groupby("embryo")["split"].first().to_dict() == lock.to_dict()
    assert set(lock) == {"train", "val", "test"}


def test_only_training_images_are_rotated(finished):
    angles = {split: set(manifest["angle"]) for split, manifest in manifests(finished).items()}
    assert angles == {"train": {"0", "90", "180"}, "val": {"0"}, "test": {"0"}}


def test_pngs_are_8_bit_squares_and_labels_are_in_order_of_time(finished):
    for manifest in manifests(finished).values():
        assert list(manifest.columns) == ["png", "stage", "label", "embryo", "angle", "source"]
        assert dict(zip(manifest["stage"], manifest["label"], strict=True)) == {
            stage: str(label) for label, stage in enumerate(STAGES)
        }
        for png in manifest["png"]:
            picture = cv2.imread(str(finished.folder / png), cv2.IMREAD_UNCHANGED)
            assert picture.shape == (64, 64) and picture.dtype == np.uint8 and picture.max() > picture.min()


def test_split_folders_contain_relative_links_in_a_folder_per_stage(finished):
    for split, manifest in manifests(finished).items():
        links = list((finished.results / "split" / split).glob("*/*.png"))
        assert len(links) == len(manifest)
        assert all(link.is_symlink() and not str(link.readlink()).startswith("/") and link.exists() for link in links)
        assert sorted(folder.name for folder in (finished.results / "split" / split).iterdir()) == STAGES


def test_the_best_trial_is_the_fixed_one_unless_another_is_clearly_better(finished):
    trials = [json.loads((finished.results / f"tuning/trial_{i}.json").read_text()) for i in range(2)]
    best = json.loads((finished.results / "tuning/best.json").read_text())
    assert best == best_trial(trials)
    assert trials[0]["learning_rate"] == 1e-3 and trials[0]["batch_size"] == 32  # of 16 and 32, the nearest to 128
    assert best["trial"] == 0 or best["val_loss"] < trials[0]["val_loss"]
    assert {"learning_rate", "batch_size", "val_loss"} <= set(best)
    assert best["batch_size"] in (16, 32) and 1e-4 <= best["learning_rate"] <= 1e-2


def test_the_checkpoint_contains_everything_for_prediction(finished):
    checkpoint = torch.load(finished.results / "model/checkpoint.pt", weights_only=True)
    assert checkpoint["stages"] == STAGES
    assert checkpoint["times"] == [float(minute) for minute in MINUTES] and checkpoint["unit"] == "min"
    assert checkpoint["backbone"] == json.loads((finished.results / "model/backbone.json").read_text())
    assert checkpoint["backbone"]["name"] == "timm/test_resnet"
    assert checkpoint["image"]["size"] == 64
    assert checkpoint["state"]["head.layers.6.bias"].shape == (len(STAGES),)


def test_metrics_can_be_recomputed_from_the_predictions(finished):
    metrics = json.loads((finished.results / "evaluation/metrics.json").read_text())
    predictions = pd.read_csv(finished.results / "evaluation/predictions.csv", dtype={"stage": str, "predicted": str})
    test = manifests(finished)["test"]
    assert sorted(predictions["source"]) == sorted(test["source"])
    assert metrics["stages"] == STAGES
    assert (metrics["images"], metrics["embryos"]) == (len(test), test["embryo"].nunique())
    probabilities = predictions[[f"p_{stage}" for stage in STAGES]].to_numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    true = predictions["stage"].map(STAGES.index).to_numpy()
    rank = (probabilities >= probabilities[np.arange(len(true)), true][:, None]).sum(axis=1)
    assert rank.tolist() == predictions["rank"].tolist()
    assert list(metrics["top_k"]) == ["1", "3", "6"]
    for k, share in metrics["top_k"].items():
        assert share["accuracy"] == pytest.approx((rank <= int(k)).mean())
        assert share["chance"] == min(int(k), 4) / 4
        assert 0 <= share["ci95"][0] <= share["accuracy"] <= share["ci95"][1] <= 1
    np.testing.assert_allclose(
        predictions["minutes_error"], probabilities @ np.array(MINUTES) - predictions["stage"].astype(int), atol=1e-3
    )
    assert metrics["mae"]["unit"] == "min" and (predictions["time_error"] == predictions["minutes_error"]).all()
    assert metrics["mae"]["value"] == pytest.approx(predictions["minutes_error"].abs().mean())


def test_the_report_is_one_page_that_works_offline(finished):
    page = (finished.results / "report.html").read_text(encoding="utf-8")
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    drawn = {path.stem for path in finished.results.glob("figures/**/*.svg")}
    assert drawn - {"runs"} == set(
        re.findall(r'<figure id="figure-(\w+)"><svg', page)
    )  # no figure of changes after only one run
    assert drawn == {path.stem for path in finished.results.glob("figures/**/*.png")}
    assert {"confusion_matrix", "top_k", "error_by_time", "training_curve", "sample_before_after"} <= drawn
    for needed in (
        "Synthetic embryos of the tests.",
        "chance",
        "95 % interval",
        "empty file",
        "truncated",
        "learning rate",
        "timm/test_resnet (random weights)",
    ):
        assert needed in page
    for embryo in pd.read_csv(finished.folder / "raw.split.csv")["embryo"]:
        assert embryo in page


def test_the_headline_and_the_methods_text_give_the_metrics(finished):
    page = (finished.results / "report.html").read_text(encoding="utf-8")
    methods = (finished.results / "report/methods.txt").read_text(encoding="utf-8")
    metrics = json.loads((finished.results / "evaluation/metrics.json").read_text())
    shown = {at: float(value) for value, at in re.findall(r'<data value="([^"]*)" data-at="metrics/([^"]*)">', page)}
    for k, share in metrics["top_k"].items():
        assert shown[f"top_k/{k}/accuracy"] == share["accuracy"]
        assert f"top-{k} {100 * share['accuracy']:.1f} %" in " ".join(methods.split())
    assert '<p class="verdict' in page and "4 stages (051 to 159)" in page
    assert (
        "20 images of 5 embryos" in methods and "learning rate" in methods and "Korn EL, Graubard BI (1998)" in methods
    )


def test_every_rule_writes_a_log_and_a_benchmark(finished):
    logs = {path.stem for path in (finished.results / "logs").glob("*.log")}
    assert logs == RULES
    assert {path.stem for path in (finished.results / "benchmarks").glob("*.tsv")} == RULES


def test_a_run_prints_its_jobs_and_ends_with_a_summary(finished, said):
    start, doing, *_ = said.split("\n", 2)[0], said.split("Done in ")[0]
    lines = [line for line in doing.splitlines() if re.match(r"\[ *\d+/\d+", line)]
    buckets = len(list((finished.results / "images").glob("*.csv")))
    assert [int(re.match(r"\[ *(\d+)/", line)[1]) for line in lines] == list(range(1, buckets + len(RULES) + 1))
    assert "profile" in start and "[ 1/" in lines[0] and "timm/test_resnet (none)" in lines[0]
    look = doing[re.search("^.*23 [a-z]+ found", doing, re.MULTILINE).start() : doing.index("[ 1/")].splitlines()
    assert re.search(r"\b4 stages\b.*\bmin\b", doing), doing
    assert re.search(r"\b5 embryos\b.*\b4 to 6 images\b.*\b2 train, 1 val, 2 test\b", doing), doing
    # four lines more than jobs and data check: the profile, the start, the number of jobs and the random weights
    assert len(doing.splitlines()) == len(lines) + len(look) + 4
    end = said.split("Done in ")[1]
    shares = json.loads((finished.results / "evaluation/metrics.json").read_text())["top_k"]
    assert f"top-1   {shares['1']['accuracy']:.1%}".split() == re.search(r"top-1 +[\d.]+%", end)[0].split()
    assert re.search(r"chance +25\.0% +95 % interval", end) and "test images of 2 embryos" in end
    assert re.search(r"20 images of 5 embryos.*\bcross-validation\b", end)
    assert re.search(r"\b3 of 23 files rejected\b", end)
    assert "  raw/123/Stage(123)-20230811-Cycle00-embryo01-8.tif: empty file\n" in end
    assert re.search("Warning: .*test split.* 2 embryos", end)
    assert end.splitlines()[-2] == "Synthetic embryos of the tests." and "results/report.html" in end.splitlines()[-1]
    for log_only in ("Reason", "input:", "jobid", "Finished", "Select jobs"):
        assert log_only not in said and (log_only == "Select jobs" or log_only in finished.log)


def test_tuning_by_folds_trains_the_head_on_training_and_validation(copy_of_finished):
    project = copy_of_finished
    process = project.snakemake(over={"tune": {"folds": 3}})
    assert process.returncode == 0, process.out
    best = json.loads((project.results / "tuning/best.json").read_text())
    history = pd.read_csv(project.results / "model/history.csv")
    assert best["folds"] == 3
    assert list(history) == ["epoch", "train_loss"] and history["epoch"].max() == best["best_epoch"]
    page = (project.results / "report.html").read_text(encoding="utf-8")
    assert "3 folds of whole embryos" in page and "test split was not read" in page.lower()


def test_a_run_does_not_change_raw_files(finished, tmp_path):
    write_raw(tmp_path / "again")
    for path in (tmp_path / "again").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (finished.raw / path.relative_to(tmp_path / "again")).read_bytes()
    assert len(list((tmp_path / "again").rglob("*"))) == len(list(finished.raw.rglob("*")))


def test_rules_of_images_and_learning_do_not_name_the_test_split():
    for phase in ("images", "learn"):
        rules = (REPOSITORY / f"workflow/rules/{phase}.smk").read_text()
        code = "\n".join(line for line in rules.splitlines() if not line.startswith("#"))
        assert "test" not in code


def test_a_second_run_has_nothing_to_do(finished):
    process = finished.snakemake("--dry-run")
    assert process.returncode == 0
    assert "Nothing to be done" in process.out


def test_the_report_of_snakemake_contains_the_captions(copy_of_finished):
    process = copy_of_finished.snakemake("--report", "snakemake_report.html")
    assert process.returncode == 0, process.out
    page = (copy_of_finished.folder / "snakemake_report.html").read_text(encoding="utf-8")
    assert "Top-k accuracy of the test images for every k" in page


def test_the_picture_of_the_workflow_is_up_to_date(finished):
    drawn = make_workflow.picture(finished.snakemake("--rulegraph", "mermaid-js").out)
    text = make_workflow.METHOD.read_text(encoding="utf-8")
    assert "    prepare --> dataset\n" in drawn
    assert text == make_workflow.with_part(make_workflow.METHOD, "workflow", drawn), "run `make docs`"
