"""The history keeps a row for each run, and measures changes on the embryos of both runs."""

import shutil

import numpy as np
import pandas as pd
import pytest

from flystage.core.tables import read_runs, read_text, write_csv
from flystage.evaluation.metrics import metrics, predictions_table
from flystage.evaluation.run_history import COLUMNS, add_run
from flystage.raw.stages import Stages

STAGES = Stages(["051", "060", "069", "078"], [51, 60, 69, 78], "min")


class Run:
    """Made-up results of runs in which each embryo shows each stage once."""

    def __init__(self, folder):
        self.folder, self.kept = folder, folder / ".history"

    def add(self, wrong, stages=STAGES, reviewed=(), crossval=True, date="2026-11-26"):
        """wrong: {embryo: how many of its images get the next stage}."""
        rows = [(embryo, label, label < number) for embryo, number in wrong.items() for label in range(len(stages))]
        manifest = pd.DataFrame(rows, columns=["embryo", "label", "wrong"])
        manifest["stage"] = [stages.names[label] for label in manifest["label"]]
        manifest["source"] = manifest["embryo"] + manifest["stage"]
        probabilities = np.full((len(rows), len(stages)), 0.1)
        probabilities[np.arange(len(rows)), (manifest["label"] + manifest["wrong"]) % len(stages)] = 0.7
        tables = {"test": self.folder / "test.csv"} | ({"crossval": self.folder / "crossval.csv"} if crossval else {})
        last = manifest["embryo"] == manifest["embryo"].iloc[-1]
        for way, path in tables.items():
            rows = last if way == "test" else ~last.isna()
            write_csv(predictions_table(manifest[rows].reset_index(drop=True), probabilities[rows], stages), path)
        catalog = pd.DataFrame(
            {"path": manifest["source"], "frame": "", "embryo": manifest["embryo"], "status": "used"}
        )
        catalog["origin"] = ["reviewed" if embryo in reviewed else "given" for embryo in manifest["embryo"]]
        write_csv(add_run(tables, catalog, stages, self.kept, date), self.folder / "history.csv")
        return read_runs(self.folder / "history.csv")


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def test_the_first_run_has_figures_but_no_changes(run):
    (line,) = run.add({"a": 1, "b": 0, "c": 2}, reviewed=["a"])
    assert list(line) == COLUMNS and (line["run"], line["date"], line["unit"]) == (1, "2026-11-26", "min")
    assert (line["embryos"], line["images"], line["reviewed"], line["blind"]) == (3, 12, 4, 0)
    assert line["crossval_top_1"] == 0.75 and line["test_top_1"] == 0.5 and line["test_mae"] > 0
    assert line["crossval_top_1_low"] < 0.75 < line["crossval_top_1_high"]
    assert line["crossval_known_embryos"] is None and line["crossval_known_top_1_change"] is None


def test_changes_use_only_embryos_of_both_runs(run):
    run.add({"a": 2, "b": 1, "c": 2})
    _, line = run.add({"a": 1, "b": 1, "new": 4, "c": 0}, date="2026-12-01")
    assert (line["run"], line["embryos"], line["crossval_known_embryos"], line["test_known_embryos"]) == (2, 4, 3, 1)
    assert line["crossval_top_1"] == pytest.approx(10 / 16, abs=1e-5)
    assert line["crossval_known_top_1_before"] == pytest.approx(7 / 12, abs=1e-5)
    assert line["crossval_known_top_1_now"] == pytest.approx(10 / 12, abs=1e-5)
    assert line["crossval_known_top_1_change"] == pytest.approx(3 / 12, abs=1e-5)
    assert line["crossval_known_top_1_change_low"] < 0.25 < line["crossval_known_top_1_change_high"]
    assert line["crossval_known_mae_change"] < 0
    assert line["test_known_top_1_change"] == 0.5 and line["test_known_top_1_change_low"] is None  # one embryo alone


def test_an_unchanged_run_adds_no_row_and_outputs_may_vanish(run):
    run.add({"a": 1, "b": 0, "c": 2})
    text = (run.folder / "history.csv").read_bytes()
    (run.folder / "history.csv").unlink()
    assert len(run.add({"a": 1, "b": 0, "c": 2}, date="2027-01-01")) == 1
    assert (run.folder / "history.csv").read_bytes() == text
    assert len(run.add({"a": 1, "b": 0, "c": 2}, reviewed=["b"])) == 2  # the same answers, another data set
    assert len(list(run.kept.glob("*-*.csv"))) == 2


def test_a_kill_before_the_row_is_written_loses_and_doubles_nothing(run, monkeypatch):
    run.add({"a": 1, "b": 0, "c": 2})
    shutil.copytree(run.kept, run.folder / "before")
    lines = run.add({"a": 0, "b": 0, "c": 2})
    shutil.copy(run.folder / "before/history.csv", run.kept)  # as if killed between the predictions and the line ...
    for path in (run.folder / "before").glob("*-*.csv"):
        shutil.copy(path, run.kept)
    assert run.add({"a": 0, "b": 0, "c": 2}) == lines
    assert run.add({"a": 0, "b": 0, "c": 2}) == lines  # ... or behind it


def test_runs_with_other_stages_or_no_cross_validation_are_not_compared(run):
    run.add({"a": 1, "b": 0, "c": 2})
    lines = run.add({"a": 1, "b": 0, "c": 2}, stages=Stages(["051", "060", "069"], [51, 60, 69], "min"))
    assert lines[1]["crossval_top_1"] is not None and lines[1]["crossval_known_top_1_now"] is None
    assert run.add({"a": 1, "b": 0, "c": 2}, crossval=False)[2]["crossval_top_1"] is None
    assert run.add({"a": 1, "b": 0, "c": 2})[3]["crossval_known_embryos"] is None


def test_stages_without_order_have_no_error(run):
    stages = Stages(["early", "late", "soon", "then"])
    run.add({"a": 1, "b": 0, "c": 2}, stages=stages)
    line = run.add({"a": 0, "b": 0, "c": 2}, stages=stages)[1]
    assert line["crossval_mae"] is None and line["crossval_known_mae_change"] is None and line["unit"] == ""
    assert line["crossval_known_top_1_change"] > 0


def test_a_damaged_history_is_replaced(run):
    run.add({"a": 1, "b": 0, "c": 2})
    for path in run.kept.iterdir():
        path.write_bytes(b"an old result")
    assert len(run.add({"a": 0, "b": 0, "c": 2})) == 1
    for path in run.kept.glob("*-*.csv"):
        path.write_bytes(b"an old result")
    lines = run.add({"a": 2, "b": 0, "c": 2})
    assert len(lines) == 2 and lines[1]["crossval_known_embryos"] is None


def test_figures_agree_with_the_metrics(run):
    line = run.add({"a": 1, "b": 0, "c": 2})[0]
    predictions = read_text(run.folder / "crossval.csv")
    predictions[["rank", "time_error"]] = predictions[["rank", "time_error"]].astype(float)
    measured = metrics(predictions, STAGES, [1, 3])
    assert line["crossval_within_one"] == pytest.approx(measured["within_one"]["accuracy"], abs=1e-5)
    assert line["crossval_mae_high"] == pytest.approx(measured["mae"]["ci95"][1], rel=1e-5)
