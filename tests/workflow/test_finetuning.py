"""Tests that a killed fine-tuning resumes after its last epoch and gives the same results."""

import pandas as pd

from flystage.core.records import read_json
from flystage.core.tables import read_history, read_predictions
from small_project import kill_when

OVER = {
    "train": {"mode": "finetuned", "epochs": 3, "finetune": {"head_epochs": 2}},
    "tune": {"trials": 1, "epochs": 1},
    "hardware": {"workers": 1},
}
OUTCOME = ("results/model/history", "results/evaluation", "results/figures", "results/report")


def test_a_killed_finetuning_resumes_after_its_last_epoch(copy_of_finished):
    project = copy_of_finished
    point = project.results / "cache/training/resume.pt"
    assert kill_when(project.started(over=OVER), point.exists)
    process = project.snakemake(over=OVER)
    assert process.returncode == 0, process.out
    assert "interrupted training" in (project.results / "logs/train.log").read_text(encoding="utf-8")
    assert not point.exists()
    history = read_history(project.results / "model/history.csv")
    assert history["phase"].tolist() == ["head"] * 2 + ["network"] * 3
    outcome = project.contents(*OUTCOME)
    assert len(outcome) > 10

    (project.results / "model/trained.pt").unlink()
    process = project.snakemake(over=OVER)
    assert process.returncode == 0, process.out
    assert "interrupted training" not in (project.results / "logs/train.log").read_text(encoding="utf-8")
    assert project.contents(*OUTCOME) == outcome

    process = project.snakemake(over=OVER | {"crossval": {"folds": 3}})
    assert process.returncode == 0, process.out
    folds = [read_predictions(path) for path in sorted((project.results / "evaluation/folds").glob("*.csv"))]
    table = read_predictions(project.results / "evaluation/crossval.csv")
    assert len(folds) == 3 and set(table["png"]) == set(pd.concat(folds)["png"])
    record = read_json(project.results / "evaluation/crossval.json")
    assert record["crossval"]["folds"] == 3 and "fine-tuning" in record["crossval"]["hyperparameters"]
    assert record["crossval"]["images"] == len(table) and record["learning_curve"] is None
    assert not list((project.results / "cache").glob("fold-*"))
