"""The last terminal lines of a run, computed from its results."""

import json
import subprocess
import sys

import pytest

from flystage.report import essence
from flystage.report.essence import essence_of_comparison, essence_of_prediction, essence_of_run

SHARE = {"accuracy": 0.5, "ci95": [0.25, 0.75], "chance": 0.1}


@pytest.fixture
def results(tmp_path):
    for folder in ("evaluation", "predict", "compare", "logs"):
        (tmp_path / folder).mkdir()
    return tmp_path


def test_summary_of_a_run_has_shares_rejected_files_and_warnings(results):
    metrics = {
        "images": 40,
        "embryos": 1,
        "top_k": {"1": SHARE, "3": {"accuracy": 0.9}},
        "within_one": SHARE,
        "mae": None,
        "crossval": {"images": 90, "embryos": 12, "top_k": {"1": SHARE}},
    }
    (results / "evaluation/metrics.json").write_text(json.dumps(metrics))
    rejected = "".join(f'raw/{number}.tif,rejected,"no, not a TIF"\n' for number in range(5))
    (results / "catalog.csv").write_text("path,status,reason\nraw/a.tif,used,\n" + rejected)
    (results / "logs/dataset.log").write_text("2026-01-01 10:00:00,000 WARNING b\n2026-01-01 10:00:00,000 INFO c\n")
    (results / "logs/report.log").write_text("".join(f"2026-01-01 10:00:00,000 WARNING a{n}\n" for n in range(3)))
    (results / "logs/train.log").write_text("2026-01-01 10:00:00,000 WARNING SageMaker: starting a job\n")
    (results / "logs/predict.log").write_text("2026-01-01 10:00:00,000 WARNING of another run\n")
    expected = [
        ["40 test images of 1 embryo "],
        ["  top-1             50.0%   chance  10.0%   95 % interval 25.0% to 75.0%"],
        ["  within one stage  50.0%   chance  10.0%   95 % interval 25.0% to 75.0%"],
        ["90 images of 12 embryos", "cross-validation"],
        ["  top-1             50.0%   chance  10.0%   95 % interval 25.0% to 75.0%"],
        ["5 of 6 files"],
        ["  raw/0.tif: no, not a TIF"],
        ["  raw/1.tif: no, not a TIF"],
        ["  raw/2.tif: no, not a TIF"],
        [" 2 ", f"{results}/catalog.csv"],
        ["a0"],
        ["a1"],
        ["a2"],
        ["arnings", "report", "1"],
        ["A note."],
        [f"{results}/report.html"],
    ]
    for line, facts in zip(essence_of_run(results, "A note.\n").splitlines(), expected, strict=True):
        assert all(fact in line for fact in facts), line


def test_missing_results_are_skipped(results):
    assert essence_of_run(results) == f"Report: {results}/report.html"
    (results / "evaluation/metrics.json").write_text("{}")
    assert essence_of_run(results) == f"Report: {results}/report.html"


def test_exactly_as_many_as_are_named_leave_no_rest(results):
    rejected = "".join(f"raw/{number}.tif,rejected,empty\n" for number in range(essence.FEW))
    (results / "catalog.csv").write_text("path,status,reason\n" + rejected)
    warnings = "".join(f"2026-01-01 10:00:00,000 WARNING a{n}\n" for n in range(essence.FEW))
    (results / "logs/report.log").write_text(warnings)
    lines = essence_of_run(results).splitlines()
    assert len(lines) == 1 + 2 * essence.FEW + 1 and not [line for line in lines if "more" in line.lower()]


def test_summary_of_a_prediction_counts_classified_and_rejected_images(results):
    folder = results / "predict"
    (folder / "predictions.csv").write_text(
        "image,frame,status,reason\na.tif,1,used,\na.tif,2,used,\nb.tif,,rejected,empty file\n"
    )
    (folder / "predictions.html").touch()
    used, rejected, example, paths = essence_of_prediction(results).splitlines()
    assert used.startswith("2 of 3 images") and rejected.startswith("1 of 3 files")
    assert example == "  b.tif: empty file"
    assert paths.endswith(f": {folder}/predictions.html, {folder}/predictions.csv")


def test_summary_of_a_comparison_names_the_best_variants(results):
    (results / "compare/table.csv").write_text(
        "variant,measured_on,top_1,top_1_low,top_1_high,top_1_chance\n"
        "plain,validation,0.5,0.4,0.6,0.25\nrotated,validation,0.75,0.6,0.8,0.25\nplain,folds,0.7,0.6,0.8,0.25\n"
    )
    lines = essence_of_comparison(results).splitlines()
    expected = [
        ["validation: rotated", "75.0%", "60.0% to 80.0%", "25.0%"],
        ["folds: plain", "70.0%", "60.0% to 80.0%", "25.0%"],
        [f"{results}/compare/compare.html, {results}/compare/table.csv"],
    ]
    for line, facts in zip(lines, expected, strict=True):
        assert all(fact in line for fact in facts), line


def test_summaries_import_no_slow_packages():
    heavy = "import sys, flystage.report.essence, flystage.run.terminal; print({'pandas', 'numpy', 'torch'} & set(sys.modules))"
    paths = {"PYTHONPATH": essence.__file__.split("/flystage/")[0]}
    assert subprocess.check_output([sys.executable, "-c", heavy], env=paths, text=True) == "set()\n"


def test_a_prediction_ends_with_what_lowers_the_trust_in_it(tmp_path):
    (tmp_path / "predict").mkdir()
    (tmp_path / "logs").mkdir()
    rows = "".join(f"{number}.tif,used,,{unlike}\n" for number, unlike in enumerate("0110"))
    (tmp_path / "predict/predictions.csv").write_text("image,status,reason,unlike\n" + rows)
    (tmp_path / "logs/predict.log").write_text(
        "2026-12-01 10:00:00,123 INFO Note: 3 of 4 images were classified together.\n"
        "2026-12-01 10:00:00,124 INFO peak memory 12 MiB\n"
        "2026-12-01 10:00:00,125 WARNING The movie is odd.\n"
    )
    lines = essence_of_prediction(tmp_path).splitlines()
    assert lines[1].startswith("2 of them are unlike") and "Warning: The movie is odd." in lines
    assert "3 of 4 images were classified together." in lines and not any("peak" in line for line in lines)
