"""Pack a training or scoring job for a container: its files in the bucket, named by content, and its settings as job.json."""

import csv
import io
import json
from dataclasses import replace

from flystage.cloud import storage
from flystage.core.cells import as_cell, as_meant
from flystage.core.files import written_whole


def packed_learning(account, job, scratch):
    """Upload the files that a TrainingJob needs. Return (job.json as text, names of its objects).

    job: a TrainingJob with local paths. scratch: a folder for the manifests as the container reads them, in which each PNG is
    named by its content. The text depends only on contents and settings. Raises FlystageError if a file is missing.
    """
    names = storage.content_names([job.stages, job.backbone])
    files = {name: path for path, name in names.items()}
    remote = {"stages": names[str(job.stages)], "backbone": names[str(job.backbone)]}
    for manifest in ("train_manifest", "val_manifest"):
        rows = _rows(getattr(job, manifest))
        pngs = storage.content_names(row["png"] for row in rows)
        files |= {name: png for png, name in pngs.items()}
        path = scratch / f"{manifest}.csv"
        _write_rows([row | {"png": pngs[row["png"]], "source": ""} for row in rows], path)  # no path of this machine
        remote[manifest] = storage.content_name(path)
        files[remote[manifest]] = path
    storage.upload(account, files)
    there = {key: f"../images/{name}" for key, name in remote.items()} | {"images": "../images", "cache": "cache"}
    described = replace(job, **there, train_vectors=None, val_vectors=None, resume=None)
    return _text(described.record()), sorted(files)


def packed_scoring(account, checkpoint, pngs, views):
    """Upload a checkpoint and PNGs. Return (job.json of a scoring job as text, names of its objects)."""
    names = storage.content_names([checkpoint, *pngs])
    storage.upload(account, {name: path for path, name in names.items()})
    job = {"checkpoint": names[str(checkpoint)], "pngs": [names[str(png)] for png in pngs], "views": views}
    return _text(job), sorted(set(names.values()))


def channels(account, job_text, objects):
    """Return {channel: URI of the list of its objects} of a packed job: `job` holds only job.json, `images` exactly `objects`."""
    data = job_text.encode()
    folder = f"jobs/{storage.content_digest(data)}"
    storage.put(account, data, folder, "job.json")
    lines = json.dumps([{"prefix": account.folder(folder)}, "job.json"])
    return {
        "job": storage.put_if_new(account, lines.encode(), "lists", ".json")[0],
        "images": storage.manifest(account, objects),
    }


def decisive(job_text):
    """Return the part of a job.json that determines its result, as text. The number of processes that read PNGs is left out."""
    job = json.loads(job_text)
    return _text({key: value for key, value in job.items() if key not in ("threads", "workers")})


def _rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return [{name: as_meant(cell) for name, cell in row.items()} for row in csv.DictReader(file)]


def _write_rows(rows, path):
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: as_cell(text) for name, text in row.items()} for row in rows)
    with written_whole(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")


def _text(job):
    return json.dumps(job, indent=1, sort_keys=True)
