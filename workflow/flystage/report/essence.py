"""Summarise the results of a run in a few lines for the terminal, with modules that import quickly."""

import csv
import re
from pathlib import Path

from flystage.core.cells import as_meant
from flystage.core.records import read_json

FEW = 3  # files and warnings that are named; the report lists all
NOTE = re.compile(r"\d{4}-\d\d-\d\d [\d:,]+ INFO Note: (.*)")  # of a prediction, for its last words
WARNING = re.compile(r"\d{4}-\d\d-\d\d [\d:,]+ WARNING (?!SageMaker: )(.*)")  # SageMaker's are progress messages


def essence_of_run(results, note=""):
    """Return the accuracies with chance, rejected files, warnings and the path of the report."""
    results = Path(results)
    lines = [*headline(results / "evaluation/metrics.json"), *rejected_in(results / "catalog.csv", "path")]
    warnings = warnings_in(results / "logs")
    lines += [f"Warning: {warning}" for warning in warnings[:FEW]]
    lines += [f"More warnings are in the report: {len(warnings) - FEW}."] * (len(warnings) > FEW)
    lines += [note.strip()] * bool(note and note.strip())
    return "\n".join([*lines, f"Report: {results / 'report.html'}"])


def essence_of_prediction(results):
    """Return how many images were classified, rejected and unlike the training images, warnings, and the paths of page and tables."""
    folder, logged = Path(results) / "predict", Path(results) / "logs/predict.log"
    table = folder / "predictions.csv"
    rows = _rows(table)
    used, unlike = (
        sum(row.get(name) == value for row in rows) for name, value in (("status", "used"), ("unlike", "1"))
    )
    lines = [f"{used} of {len(rows)} images were classified.", *rejected_in(table, "image")]
    lines += [f"{unlike} of them are unlike all training images. Do not trust their stages."] * bool(unlike)
    lines += _matches(logged, NOTE)
    warnings = _matches(logged, WARNING)
    lines += [f"Warning: {warning}" for warning in warnings[:FEW]]
    lines += [f"More warnings are in {logged}: {len(warnings) - FEW}."] * (len(warnings) > FEW)
    made = [folder / f"predictions.{ending}" for ending in ("html", "csv", "xlsx")]
    return "\n".join([*lines, f"Suggestions: {', '.join(str(path) for path in made if path.exists())}"])


def essence_of_comparison(results):
    """Return the best variant with chance, for each way of measuring, and the paths of the page and the table."""
    folder = Path(results) / "compare"
    lines = []
    rows = [row for row in _rows(folder / "table.csv") if row.get("top_1")]
    for measured_on in dict.fromkeys(row.get("measured_on") for row in rows):
        best = max((row for row in rows if row.get("measured_on") == measured_on), key=lambda row: float(row["top_1"]))
        interval = [float(best[f"top_1_{end}"]) for end in ("low", "high", "chance")]
        lines.append(
            f"Best on {measured_on}: {best['variant']}, top-1 {float(best['top_1']):.1%}"
            f" (95 % interval {interval[0]:.1%} to {interval[1]:.1%}, chance {interval[2]:.1%})"
        )
    return "\n".join([*lines, f"Comparison: {folder / 'compare.html'}, {folder / 'table.csv'}"])


def headline(path):
    """Return a list of lines: the shares in metrics.json of the test split and of cross-validation, with chance and interval.

    Missing values are skipped.
    """
    try:
        metrics = read_json(path)
    except (OSError, ValueError):
        return []
    crossval = metrics.get("crossval") or {}
    return [
        *_shares(metrics, "test images of {} that the network never saw:"),
        *_shares(crossval, "images of {} in cross-validation, each classified by a network that never saw its embryo:"),
    ]


def _shares(metrics, what):
    shares = {f"top-{k}": share for k, share in metrics.get("top_k", {}).items()}
    shares["within one stage"] = metrics.get("within_one", {})
    lines = []
    for name, share in shares.items():
        if {"accuracy", "chance", "ci95"} <= set(share):
            low, high = share["ci95"]
            lines.append(
                f"  {name:<17}{share['accuracy']:6.1%}   chance {share['chance']:6.1%}   95 % interval {low:.1%} to {high:.1%}"
            )
    if "images" in metrics and "embryos" in metrics:
        embryos = f"{metrics['embryos']} embryo{'' if metrics['embryos'] == 1 else 's'}"
        lines.insert(0, f"{metrics['images']} {what.format(embryos)}")
    return lines


def rejected_in(table, name):
    """Return a list of lines: how many files of a table were rejected, and the first of them with their reasons.

    table: a CSV with the columns status and reason. name: the column with the name of the file.
    """
    rows = _rows(table)
    rejected = [row for row in rows if row.get("status") == "rejected"]
    lines = [f"  {row.get(name)}: {row.get('reason')}" for row in rejected[:FEW]]
    lines += [f"  and {len(rejected) - FEW} more, see {table}"] * (len(rejected) > FEW)
    return [f"{len(rejected)} of {len(rows)} files rejected:", *lines] if rejected else []


def warnings_in(logs):
    """Return the warnings in the logs of a run, each once. Those of the report come first."""
    paths = sorted(Path(logs).glob("*.log"), key=lambda path: (path.stem != "report", path.stem))
    found = []
    for path in paths:
        if path.stem not in ("predict", "compare", "aws_cleanup"):
            found += _matches(path, WARNING)
    return list(dict.fromkeys(found))


def _matches(path, pattern):
    """Return what a pattern finds in the lines of a log, each text once."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return list(dict.fromkeys(match[1] for line in text.splitlines() if (match := pattern.match(line))))


def _rows(path):
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, restkey="", restval="")
            return [{name: as_meant(cell) for name, cell in row.items()} for row in rows]
    except OSError:
        return []
