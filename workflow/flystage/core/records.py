"""The records that rules hand to one another, as JSON; without pandas, which takes longer to import than many a job."""

import json

from flystage.core.files import written_whole


def write_json(record, path):
    """Write a dict of plain values as JSON, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path):
    """A JSON file as a dict."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)
