"""Read and write tables that rules exchange as CSV."""

import pandas as pd
from pandas.api.types import is_numeric_dtype

from flystage.core.cells import as_cell, as_meant, quoting_of
from flystage.core.files import written_whole


def write_csv(table, path):
    """Write a table as CSV, atomically. `as_cell` protects texts that a spreadsheet would run as formulas."""
    texts = {name: table[name] for name in table if not is_numeric_dtype(table[name])}
    # As objects, because pandas turns integers into floats in a column with missing values.
    texts = {name: pd.Series(map(as_cell, column), column.index, object) for name, column in texts.items()}
    quoting = quoting_of(str(one) for column in [table, *texts.values()] for one in column)
    with written_whole(path) as temporary:
        table.assign(**texts).rename(columns=as_cell).to_csv(
            temporary, index=False, lineterminator="\n", quoting=quoting
        )


def read_text(path):
    """Return a CSV as a table in which every value is text, as it was given to `write_csv`."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False).rename(columns=as_meant)
    return table.assign(**{name: table[name].map(as_meant) for name in table})


def read_predictions(path):
    """Return the evaluation's predictions.csv with source, stage, embryo and predicted as text and all other columns as numbers."""
    text = dict.fromkeys(["source", "stage", "embryo", "predicted"], str)
    empty = dict.fromkeys(["time_error", "minutes_error", "expected_time"], [""])
    table = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=empty).rename(columns=as_meant)
    return table.assign(**{name: table[name].map(as_meant) for name in text if name in table})


def write_history(history, path):
    """Write the training history, a list of dicts with one row per epoch, as CSV."""
    write_csv(pd.DataFrame(history), path)


def read_history(path):
    """Return the training history as a table of numbers, one row per epoch."""
    return pd.read_csv(path)


def read_runs(path):
    """Return history.csv as a list of dicts, one per run: date, unit and checksum as text, all else as a number, or None if empty."""
    text = ("date", "unit", "checksum")
    return [
        {name: value if name in text else float(value) if value else None for name, value in row.items()}
        for row in read_text(path).to_dict("records")
    ]


def kept_epoch(history):
    """Return the row of the kept epoch: the one with the lowest validation loss, or the last without validation. history: a table."""
    return history.loc[history["val_loss"].idxmin()] if "val_loss" in history else history.iloc[-1]
