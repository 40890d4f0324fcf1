"""Keep a history of runs: a row for each, and how its figures changed on the embryos that the previous run measured."""

import hashlib
import logging
import shutil
from pathlib import Path

import pandas as pd

from flystage.core.errors import first_line
from flystage.core.tables import read_predictions, read_text, write_csv
from flystage.evaluation.metrics import metrics
from flystage.evaluation.paired import paired_differences
from flystage.raw.labels import BLIND, REVIEWED

log = logging.getLogger("flystage")
WAYS = ("test", "crossval")
TOP_K = (1, 3)
FIGURES = ("top_1", "top_3", "within_one", "mae")
ENDS = ("", "_low", "_high")
COLUMNS = [
    *("run", "date", "embryos", "images", "reviewed", "blind", "stages", "unit"),
    *(f"{way}_{figure}{end}" for way in WAYS for figure in FIGURES for end in ENDS),
    *(f"{way}_known_embryos" for way in WAYS),
    *(f"{way}_known_{figure}_{when}" for way in WAYS for figure in FIGURES for when in ("before", "now")),
    *(f"{way}_known_{figure}_change{end}" for way in WAYS for figure in FIGURES for end in ENDS),
    "checksum",
]


def add_run(tables, catalog, stages, folder, date):
    """Add a row for this run to the history if its results differ from the last one. Return a table with COLUMNS.

    tables: {way of WAYS: path of its predictions.csv}. catalog: table of the run's catalog. stages: the Stages. folder: keeps the
    history and the predictions of the last run, where no rule deletes them. date: of the run, as text.
    The columns <way>_known_... use only embryos that the previous run also measured: before and now, and the change, paired by
    image, with its 95 % interval over embryos. They are empty if the stages differ. mae is in the stages' unit.
    """
    folder = Path(folder)
    checksum = hashlib.sha256(b"".join(Path(tables[way]).read_bytes() for way in sorted(tables)))
    used = catalog[catalog["status"] == "used"]
    checksum.update(used[["path", "frame", "origin"]].to_csv().encode())
    checksum = checksum.hexdigest()[:16]
    history = _kept(folder / "history.csv")
    last = history["checksum"].iloc[-1] if len(history) else ""
    if last == checksum:
        return history
    now = {way: read_predictions(path) for way, path in tables.items()}
    before = _last_predictions(folder, last)
    line = {
        "run": 1 + (int(history["run"].iloc[-1]) if len(history) else 0),
        "date": date,
        "embryos": used["embryo"].nunique(),
        "images": len(used),
        "reviewed": int((used["origin"] == REVIEWED).sum()),
        "blind": int((used["origin"] == BLIND).sum()),
        "stages": len(stages),
        "unit": stages.unit or "",
        "checksum": checksum,
    }
    for way, predictions in now.items():
        if len(predictions):
            line |= _measured(predictions, stages, f"{way}_")
        if way in before and len(predictions):
            line |= _changed(before[way], predictions, stages, f"{way}_known_")
    line = pd.DataFrame([line]).reindex(columns=COLUMNS).map(_text)
    history = pd.concat([history, line], ignore_index=True)
    folder.mkdir(parents=True, exist_ok=True)
    for way, path in tables.items():
        shutil.copyfile(path, folder / f"{checksum}-{way}.csv")
    write_csv(history, folder / "history.csv")  # now this run is the last one
    for path in folder.glob("*-*.csv"):
        if not path.name.startswith(f"{checksum}-"):
            path.unlink()
    return history


def _text(value):
    return "" if pd.isna(value) else f"{value:.6g}" if isinstance(value, float) else str(value)


def _kept(path):
    """Return the history so far, its values as text; an empty table if there is none."""
    if path.exists():
        try:
            history = read_text(path)
            int(history["run"].iloc[-1])
            return history.reindex(columns=COLUMNS, fill_value="")
        except (ValueError, KeyError, IndexError) as error:
            log.warning("The history of earlier runs, %s, is damaged (%s). A new one begins.", path, first_line(error))
    return pd.DataFrame(columns=COLUMNS, dtype=str)


def _last_predictions(folder, checksum):
    """Return {way: predictions of the last run}, without missing and unreadable ones."""
    found = {}
    for way in WAYS:
        path = folder / f"{checksum}-{way}.csv"
        if path.exists():
            try:
                found[way] = read_predictions(path)
            except ValueError as error:
                log.warning(
                    "The predictions of the last run, %s, are damaged (%s). The report shows no change since then.",
                    path,
                    first_line(error),
                )
    return found


def _values(predictions, stages):
    """Return {figure: (value, low, high)}."""
    measured = metrics(predictions, stages, TOP_K)
    shares = {f"top_{k}": share for k, share in measured["top_k"].items()} | {"within_one": measured["within_one"]}
    values = {name: (share["accuracy"], *share["ci95"]) for name, share in shares.items()}
    return values | {"mae": (measured["mae"]["value"], *measured["mae"]["ci95"])}


def _measured(predictions, stages, prefix):
    return {
        f"{prefix}{figure}{end}": value
        for figure, values in _values(predictions, stages).items()
        for end, value in zip(ENDS, values, strict=True)
    }


def _changed(before, now, stages, prefix):
    """Return the figures of the embryos that both runs measured, before and now, and their changes."""
    if [name for name in before if name.startswith("p_")] != [f"p_{name}" for name in stages.names]:
        return {}
    both = set(before["embryo"]) & set(now["embryo"])
    before, now = (table[table["embryo"].isin(both)].reset_index(drop=True) for table in (before, now))
    known = {f"{prefix}embryos": len(both)}
    changes = paired_differences(now, before, stages, TOP_K) if both else {}
    if not both or changes["top_1"]["value"] != changes["top_1"]["value"]:  # no image kept its stage
        return known
    for when, table in (("before", before), ("now", now)):
        known |= {f"{prefix}{figure}_{when}": values[0] for figure, values in _values(table, stages).items()}
    for figure, change in changes.items():
        values = [change["value"], *change["ci95"]]
        if figure != "mae" and values[1] is not None:  # a share changes by at most 1
            values = [max(-1.0, min(1.0, value)) for value in values]
        known |= {f"{prefix}{figure}_change{end}": value for end, value in zip(ENDS, values, strict=True)}
    return known
