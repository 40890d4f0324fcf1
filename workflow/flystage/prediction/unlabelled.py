"""Suggest stages for unlabelled images. The checkpoint is the only other input."""

import hashlib
import logging
import re
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from flystage.certainty.prediction_sets import stages_in_set
from flystage.certainty.time_intervals import time_bounds
from flystage.core.errors import UnusableTiff
from flystage.core.files import written_whole
from flystage.images.preparing import CHANGE_WHITE, LATER_SETTINGS, checksum, encoded_png, prepare
from flystage.images.reading import time_points
from flystage.images.tiff import opened
from flystage.network.checkpoint import stages_of
from flystage.prediction.inference import answers_of
from flystage.raw.finding import readable, why_unreadable

log = logging.getLogger("flystage")
READING = 4  # raise this when the reading of TIFs changes, so that older PNGs are not reused
SETTING = re.compile(r"\bimage\.[a-z]")
PREPARED = ["image", "frame", "status", "reason", "sha256", "png"]


def preprocessing(checkpoint, white):
    """Return the settings of `image` for a prediction: those of the training, with another white level unless white is "auto"."""
    return checkpoint["image"] | ({} if white == "auto" else {"white": white})


def prepare_unlabelled(paths, image, png_folder):
    """Prepare TIFs like the training images. Return a table with the columns PREPARED, one row per picture.

    paths: of the TIFs. image: preprocessing from the checkpoint, see `preprocessing`. png_folder: keeps the PNGs. Their names depend on the
    content of the TIF, the settings and the time point, so that each picture is prepared once.
    frame: time point from 1 in a file with several, else "". An unusable picture has status "rejected", a reason and
    no png.
    sha256: of the file's bytes.
    """
    settings = repr([READING, *sorted((key, value) for key, value in image.items() if key != "angles")]).encode()
    rows = []
    for path in tqdm(paths, unit="TIF", desc="preparing", disable=None):
        for frame, reason, sha256, png, picture in _pictures(path, image, settings, Path(png_folder)):
            if picture is not None:
                _write_png(picture, png)  # outside `_pictures`, so that a failed write does not reject the image
            status = ("rejected", _advised(reason), sha256, "") if reason else ("used", "", sha256, str(png))
            rows.append((readable(path), frame, *status))
    return pd.DataFrame(rows, columns=PREPARED)


def _pictures(path, image, settings, png_folder):
    """Yield (frame, reason, sha256, path of the PNG, picture) for each picture of a TIF.

    picture is None if its PNG exists or if there is a reason to reject it. The pages of a movie are listed only once,
    and only one picture is in memory at a time.
    """
    frame, sha256 = "", ""
    try:
        if reason := why_unreadable(path):
            raise UnusableTiff(reason)
        with open(path, "rb") as file:
            sha256 = checksum(file, image)
            name = hashlib.sha256(settings + sha256.encode()).hexdigest()[:32]
            if (png := png_folder / f"{name}.png").exists():
                yield frame, "", sha256, png, None
                return
            with opened(file) as tif:
                number = time_points(tif, (LATER_SETTINGS | image)["series"])
                for time_point in range(1, number + 1) if number > 1 else [None]:
                    reason, picture = "", None
                    if time_point:
                        frame, png = str(time_point), png_folder / f"{name}-t{time_point:05d}.png"
                    if not png.exists():
                        try:
                            picture = prepare(tif, image, [0], time_point)[0][0]
                        except UnusableTiff as error:
                            reason = str(error)
                    yield frame, reason, sha256, png, picture
    except UnusableTiff as reason:
        yield frame, str(reason), sha256, None, None
    except OSError as error:
        yield frame, f"cannot be read ({error.strerror})", sha256, None, None


def _advised(reason):
    """Return a reason with advice that works for a prediction: the checkpoint has the settings of `image`, except the white level."""
    if CHANGE_WHITE in reason:
        return reason.replace(CHANGE_WHITE, "set predict.white to the largest value of the camera, 4095 for 12 bits")
    reason = reason.replace("set image.white", "set predict.white")
    return reason + " (the checkpoint's settings of image count)" * bool(SETTING.search(reason))


def _write_png(picture, path):
    with written_whole(path) as temporary:
        temporary.write_bytes(encoded_png(picture))


def suggest_stages(prepared, checkpoint, top_k, views, cache_folder, threads, embryos=None):
    """Return the table of `prepare_unlabelled` with suggestions, and the probabilities, array (used rows, stages).

    checkpoint: the dict from `load_checkpoint`. views: number of rotations per picture, see `turns_to_ask`.
    New columns: stage_1, p_1, ... stage_k, p_k (most probable first), set (stages of the prediction set, separated by
    ", "), expected_time, time_low and time_high with their unit, unlike (0 or 1), unlikeness, and doubt (1 minus p_1).
    They are empty for rejected images, and where the checkpoint lacks what they need.
    """
    stages = stages_of(checkpoint)
    names, top_k = np.asarray(stages.names), min(top_k, len(stages))
    table = prepared.copy()
    used = table["status"] == "used"
    if used.any():
        pngs = table.loc[used, "png"].tolist()
        known = None if embryos is None else np.asarray(embryos, dtype=object)[used.to_numpy()].tolist()
        found = answers_of(checkpoint, pngs, cache_folder, threads, views, known)
        probabilities, unlike, changed = found.probabilities, found.unlikeness, found.adapted
        if changed.any():
            log.info(
                "Note: %d of %d images were classified with the other images of their embryo. New images of an embryo change its"
                " rows.",
                changed.sum(), len(changed),
            )  # fmt: skip
    else:
        log.warning("None of the %d images can be used. The column reason in the table says why.", len(table))
        probabilities, unlike, changed = np.empty((0, len(stages))), None, np.zeros(0, dtype=bool)
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top_k]
    for place in range(top_k):
        table[f"stage_{place + 1}"] = ""
        table.loc[used, f"stage_{place + 1}"] = names[order[:, place]]
        table.loc[used, f"p_{place + 1}"] = np.take_along_axis(probabilities, order[:, [place]], axis=1)[:, 0].round(4)
    table["set"], table["unit"], table["unlike"] = "", "", pd.Series("", table.index, dtype=object)
    table[["expected_time", "time_low", "time_high", "unlikeness", "doubt"]] = np.nan
    calibrations = [(~changed, checkpoint["calibration"]), (changed, checkpoint["calibration"]["adapted"])]
    rows = table.index[used]
    for these, calibration in calibrations:
        if calibration and calibration["sets"] and these.any():
            sets = calibration["sets"]
            held = stages_in_set(probabilities[these], sets["threshold"], sets["contiguous"])
            table.loc[rows[these], "set"] = [", ".join(names[row]) for row in held]
    if stages.times:
        times = stages.expected_times(probabilities)
        table.loc[used, "expected_time"] = times.round(2)
        table.loc[used, "unit"] = stages.unit
        for these, calibration in calibrations:
            if calibration and calibration["interval"] and these.any():
                low, high = time_bounds(times[these], calibration["interval"]["reach"], stages)
                table.loc[rows[these], "time_low"], table.loc[rows[these], "time_high"] = low.round(2), high.round(2)
    if unlike is not None:
        table.loc[used, "unlikeness"] = unlike.round(3)
        table.loc[used, "unlike"] = (unlike > 1).astype(int).tolist()
    table.loc[used, "doubt"] = (1 - table.loc[used, "p_1"]).round(4)
    return table, probabilities


def in_order(table):
    """Return the table of `read_in_time` with its columns in the order of predictions.csv, png last."""
    first = ["image", "frame", "status", "reason", "sha256", "embryo"]
    suggested = [name for name in table if name.startswith(("stage_", "p_")) and name.rsplit("_", 1)[1].isdecimal()]
    last = [
        "set",
        "expected_time",
        "time_low",
        "time_high",
        "unit",
        "unlike",
        "unlikeness",
        "stage_in_time",
        "time_in_time",
    ]
    return table[[*first, *suggested, *last, "doubt", "png"]]
