"""Read and write records that rules exchange as JSON, without pandas, whose import takes longer than many jobs."""

import json

from flystage.core.files import written_whole


def write_json(record, path):
    """Write a dict of plain values as JSON, atomically."""
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path):
    """Return the content of a JSON file, a dict."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)
