"""Stage suggestions for images that nobody has labelled, with a checkpoint and nothing else."""

import hashlib
import logging
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from flystage.core.errors import UnusableTiff
from flystage.core.files import written_whole
from flystage.evaluation.prediction_sets import stages_in_set
from flystage.images.preparing import encoded_png, prepare
from flystage.network.checkpoint import stages_of
from flystage.prediction.inference import stage_probabilities
from flystage.raw.finding import readable, why_unreadable

log = logging.getLogger("flystage")
READING = 2  # raised whenever TIFs are read in another way, so that no PNG prepared before is taken


def prepare_unlabelled(paths, image, png_folder):
    """Prepare TIFs as the checkpoint's training images were. Returns a table: image, status, reason, png.

    paths: of the TIFs. image: the preprocessing from the checkpoint. png_folder: keeps the PNGs, named by the content of
    the TIF and the settings, so that each TIF is prepared once. A TIF that cannot be used has status "rejected", a reason
    and no png.
    """
    settings = repr([READING, *sorted((key, value) for key, value in image.items() if key != "angles")]).encode()
    rows = []
    for path in tqdm(paths, unit="TIF", desc="preparing", disable=None):
        shown = readable(path)
        if reason := why_unreadable(path):
            rows.append((shown, "rejected", reason, ""))
            continue
        picture = None
        try:
            with open(path, "rb") as file:
                checksum = hashlib.file_digest(file, lambda: hashlib.sha256(settings)).hexdigest()
                png = Path(png_folder) / f"{checksum[:32]}.png"
                if not png.exists():
                    picture = prepare(file, image, [0])[0][0]
        except UnusableTiff as reason:
            rows.append((shown, "rejected", str(reason), ""))
            continue
        except OSError as error:
            rows.append((shown, "rejected", f"cannot be read ({error.strerror})", ""))
            continue
        if picture is not None:
            _write_png(picture, png)  # that it cannot be written is no fault of the image
        rows.append((shown, "used", "", str(png)))
    return pd.DataFrame(rows, columns=["image", "status", "reason", "png"])


def _write_png(picture, path):
    with written_whole(path) as temporary:
        temporary.write_bytes(encoded_png(picture))


def suggest_stages(prepared, checkpoint, top_k, views, cache_folder, threads):
    """Add the first suggestions to the table of `prepare_unlabelled`.

    views: in how many each picture is asked about, see `turns_to_ask`.
    New columns: stage_1, p_1, ... stage_k, p_k (most probable first), set (the stages of the prediction set, with ", " between them;
    empty where the checkpoint promises none), and expected_time with its unit; empty for rejected images.
    """
    stages = stages_of(checkpoint)
    names, top_k = np.asarray(stages.names), min(top_k, len(stages))
    table = prepared.copy()
    used = table["status"] == "used"
    if not used.any():
        log.warning("None of the %d images can be used; the table says why.", len(table))
        probabilities = np.empty((0, len(stages)))
    else:
        probabilities = stage_probabilities(checkpoint, table.loc[used, "png"].tolist(), cache_folder, threads, views)
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top_k]
    for place in range(top_k):
        table.loc[used, f"stage_{place + 1}"] = names[order[:, place]]
        table.loc[used, f"p_{place + 1}"] = np.take_along_axis(probabilities, order[:, [place]], axis=1)[:, 0].round(4)
    table["set"] = ""
    if sets := checkpoint["calibration"]["sets"]:
        held = stages_in_set(probabilities, sets["threshold"], sets["contiguous"])
        table.loc[used, "set"] = [", ".join(names[row]) for row in held]
    table.loc[used, "expected_time"] = stages.expected_times(probabilities).round(2)
    table["unit"] = (stages.unit or "") if stages.times else ""
    return table
