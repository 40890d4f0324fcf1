"""Write the review page of suggestions: the table as JSON and a thumbnail of each image. It works without internet."""

import base64
import hashlib
import math
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from flystage.core.disclosure import places_shown
from flystage.images.pngs import small_jpeg, without_margin
from flystage.raw.stages import natural_key
from flystage.report.examples import looked_at
from flystage.report.templates import render

IN_PAGE = 300  # images. Above this, thumbnails are separate files, so that the page opens at once
SIDE = 384  # most pixels of a thumbnail side. Pictures of the default size keep their resolution
BLACK, WHITE = (
    0.01,
    0.997,
)  # quantiles of the grey values that are stretched to black and white
SHORT = 16  # digits of a checksum that distinguish images


def about_checkpoint(path, checkpoint):
    """Return what the page says about a checkpoint, as a dict.

    path: of the checkpoint file. checkpoint: the dict from `load_checkpoint`.
    Keys: checkpoint (file name), checkpoint_id (first digits of the file's SHA-256), network (the backbone), note (of
    the training images), sets and interval (promises for prediction sets and time intervals, None without a promise).
    """
    with open(path, "rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "checkpoint": os.path.basename(path),
        "checkpoint_id": checksum[:SHORT],
        "network": checkpoint["backbone"],
        "sets": checkpoint["calibration"]["sets"],
        "interval": checkpoint["calibration"]["interval"],
        "note": checkpoint["training"]["note"],
    }


def write_review_page(table, series, looked, stages, about, template, path, folders=()):
    """Write the review page. Above IN_PAGE images, write the thumbnails to the folder thumbnails/ next to it.

    table: the columns of predictions.csv and `png` (path of the prepared PNG), one row per image or frame. Missing
    columns count as empty. An optional column `teaches` (larger: the network learns more from this label) sorts the
    images to label next. Without it, doubt and unlikeness sort them. series: {embryo: {"rate": time per frame,
    "interval": [lowest, highest] rate, "figure": path of an SVG}}, each value may be None. looked: see
    `most_doubtful_covered`. stages: the Stages. about: dict from `about_checkpoint`.
    template: path of the Jinja file. path: of the page. folders: with the images. Of folders outside the working
    folder, the page shows only the last name.
    """
    path = Path(path)
    table = table.assign(image=table["image"].map(places_shown(folders)))
    used = table[table["status"] == "used"]
    used = used.assign(teaches=_teaches(used)) if "teaches" not in used else used
    records = used.astype(object).where(used.notna() & (used != ""), None).to_dict("records")
    records.sort(key=_in_time_order)
    beside = len(records) > IN_PAGE
    folder = path.parent / "thumbnails"
    if beside:
        folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:
        thumbnails = pool.map(lambda record: _thumbnail(record["png"], folder if beside else None), records)
        pictures = list(tqdm(thumbnails, total=len(records), unit="thumbnail", desc="page", disable=None))
    _remove_others(folder, {Path(each["picture"]).name for each in pictures} if beside else set())
    coloured = {each["png"]: f"data:image/jpeg;base64,{each['coloured']}" for each in looked_at(looked)}
    rows = [
        _row(record) | picture | {"looked": coloured.get(record["png"])}
        for record, picture in zip(records, pictures, strict=True)
    ]
    keys = sorted(row["key"] for row in rows)
    data = stages.record() | {
        "rows": rows,
        "checkpoint": about["checkpoint_id"],
        "content": hashlib.sha256("\n".join(keys).encode()).hexdigest()[:SHORT],
        "series": {embryo: _series(its, path.parent, beside) for embryo, its in series.items()},
        "promised": about["sets"] and about["sets"]["promised"],
        "promised_time": about["interval"] and about["interval"]["promised"],
    }
    rejected = table.loc[table["status"] == "rejected", ["image", "reason"]].to_dict("records")
    render(template, path, data=data, rejected=rejected, stages=stages, about=about)


def _teaches(used):
    """Return how useful a label of each image is: the mean rank by doubt and unlikeness, of those that are known."""
    known = used[[name for name in ("doubt", "unlikeness") if name in used]].apply(pd.to_numeric, errors="coerce")
    return known.rank(pct=True).mean(axis=1).round(4)


def _in_time_order(record):
    """Return the sort key: embryo (unknown ones last), then time, name and frame."""
    embryo = str(record.get("embryo") or "")
    time, frame = (record.get(name) for name in ("time_in_time", "frame"))
    in_embryo = -math.inf if time is None else time, natural_key(record["image"]), -1 if frame is None else int(frame)
    return embryo == "", natural_key(embryo), *in_embryo


def _row(record):
    """Return the page's data of one image. Missing values are None."""
    frame, checksum = record.get("frame"), record.get("sha256")
    frame = "" if frame is None else str(int(frame))
    places = range(1, 1 + sum(name.startswith("stage_") and name[6:].isdigit() for name in record))
    return {
        "key": f"{checksum[:SHORT] if checksum else record['image']}:{frame}",
        "image": record["image"],
        "name": os.path.basename(record["image"]),
        "folder": os.path.dirname(record["image"]),
        "frame": frame,
        "sha256": checksum or "",
        "embryo": str(record.get("embryo") or ""),
        "suggestions": [[record[f"stage_{place}"], record[f"p_{place}"]] for place in places],
        "set": record.get("set"),
        "time": [record.get(name) for name in ("expected_time", "time_low", "time_high")],
        "unlike": bool(record.get("unlike")),
        "in_time": record.get("stage_in_time"),
        "time_in_time": record.get("time_in_time"),
    } | {name: record.get(name) for name in ("unlikeness", "doubt", "teaches")}


def _series(its, beside_page, as_file):
    """Return the page's data of a movie.

    Its figure is a relative address if `as_file` and below the page's folder, else a data URI.
    """
    figure = its["figure"] and Path(its["figure"])
    address = None
    if figure and as_file and figure.is_relative_to(beside_page):
        address = quote(figure.relative_to(beside_page).as_posix())
    elif figure:
        address = "data:image/svg+xml;base64," + base64.b64encode(figure.read_bytes()).decode()
    return {"rate": its["rate"], "interval": its["interval"], "start": its.get("start"), "figure": address}


def _thumbnail(png, folder):
    """Return {"picture": address of the PNG's thumbnail, "levels": its grey values to show as black and white}.

    The thumbnail is a JPEG without the empty margin. It is a file in `folder`, or a data URI if `folder` is None. The
    address is "" without a PNG.
    """
    picture = cv2.imread(str(png), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        return {"picture": "", "levels": [0, 255]}
    picture = without_margin(picture)
    darker = np.bincount(picture.ravel(), minlength=256).cumsum() / picture.size
    black, white = (int(level) for level in np.searchsorted(darker, (BLACK, WHITE)))
    jpeg = small_jpeg(picture, SIDE)
    levels = [black, max(white, black + 1)]
    if folder is None:
        return {"picture": "data:image/jpeg;base64," + base64.b64encode(jpeg).decode(), "levels": levels}
    thumbnail = folder / f"{Path(png).stem}.jpg"
    thumbnail.write_bytes(jpeg)
    return {"picture": quote(f"{folder.name}/{thumbnail.name}"), "levels": levels}


def _remove_others(folder, names):
    """Remove thumbnails of images that are not on the page."""
    for left_over in folder.glob("*.jpg"):
        if left_over.name not in names:
            left_over.unlink(missing_ok=True)
