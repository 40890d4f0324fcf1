"""Write a review page from a made-up table and made-up pictures, without a network."""

import hashlib
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from flystage.prediction.review_page import write_review_page
from flystage.raw.stages import Stages

TEMPLATE = Path(__file__).parents[2] / "workflow/report/predictions.html.j2"
STAGES = Stages.as_given([f"{minute:03d}" for minute in range(51, 132, 9)])
EXPORTED = [
    "image",
    "sha256",
    "frame",
    "stage",
    "embryo",
    "use",
    "reason",
    "suggestion",
    "p",
    "blind",
    "who",
    "when",
    "checkpoint",
    "settled",
]  # fmt: skip  the columns of labels.csv
NETWORK = {"name": "resnet18", "source": "none", "licence": "", "id": "x", "size": None}
ABOUT = {
    "checkpoint": "model/checkpoint.pt", "checkpoint_id": "c0ffee0123456789", "network": NETWORK, "sets": {"promised": 0.9},
    "interval": {"promised": 0.8}, "note": "",
}  # fmt: skip


def write_picture(path, number, size):
    """Write a PNG as `prepare` does: a random embryo on an empty background. size: pixels of its side."""
    rng = np.random.default_rng(number)
    picture = np.zeros((size, size), np.uint8)
    axes = (int(size * 0.45), int(size * (0.17 + 0.03 * rng.random())))
    cv2.ellipse(picture, (size // 2, size // 2), axes, 0, 0, 360, 60 + number % 60, -1)
    noise = cv2.GaussianBlur(rng.integers(0, 120, picture.shape).astype(np.uint8), (0, 0), 3)
    cv2.imwrite(str(path), np.where(picture > 0, cv2.add(picture, noise), 0))


def suggestions(
    folder, images, embryo_of=lambda number: f"embryo{number // 9:02d}", stages=STAGES, pictures=None, size=320, seed=0
):
    """Return a table like that of `suggest_stages`, and write its PNGs to `folder`. Image i has stage i modulo stages.

    pictures: number of different PNGs to draw, by default all. The other PNGs are links to them. size: pixels of a
    PNG's side.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng, rows = np.random.default_rng(seed), []
    for number in range(images):
        png = folder / f"{number:05d}.png"
        if number < (pictures or images):
            write_picture(png, number, size)
        else:
            png.hardlink_to(folder / f"{number % pictures:05d}.png")
        place = number % len(stages)
        logits = -np.abs(np.arange(len(stages)) - place - rng.normal(0, 0.7)) * rng.uniform(0.4, 2.5)
        shares = np.exp(logits) / np.exp(logits).sum()
        order = np.argsort(-shares)
        time = float(stages.expected_times(shares))
        unlikeness = float(rng.gamma(8, 0.09))
        row = {
            "image": f"new/movie {number // 9}/image-{number:04d}.tif", "frame": "", "status": "used", "reason": "",
            "sha256": hashlib.sha256(str(number).encode()).hexdigest(), "embryo": embryo_of(number),
            "set": ", ".join(stages.names[each] for each in sorted(order[: 1 + number % 3])), "expected_time": round(time, 1),
            "time_low": round(time - 9, 1), "time_high": round(time + 9, 1), "unit": stages.unit or "", "unlike": int(unlikeness > 1),
            "unlikeness": round(unlikeness, 2), "stage_in_time": stages.names[place], "time_in_time": "",
            "doubt": round(1 - shares.max(), 4), "png": str(png),
        }  # fmt: skip
        for rank in range(3):
            row |= {
                f"stage_{rank + 1}": stages.names[order[rank]],
                f"p_{rank + 1}": round(float(shares[order[rank]]), 4),
            }
        rows.append(row)
    return pd.DataFrame(rows)


def write_page(table, path, stages=STAGES, series=None, looked=(), folders=(), **about):
    """Write the review page of a table from `suggestions` and return its path."""
    write_review_page(table, series or {}, looked, stages, ABOUT | about, TEMPLATE, path, folders)
    return path


def data_of(path):
    """Return the JSON data in a page."""
    (text,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL
    )
    return json.loads(text)
