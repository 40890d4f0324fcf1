"""Find the images that are frames of one movie, and read each movie in time."""

import os
import re
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from flystage.prediction.time_path import time_course
from flystage.raw.finding import readable
from flystage.raw.stages import natural_key, one_form
from flystage.report.figures import time_against_frame

FOLDER, NONE = "folder", "none"
TEMPO = [
    "embryo", "frames", "start", "start_low", "start_high", "rate", "rate_low", "rate_high", "unit", "tempo", "tempo_low", "tempo_high",
]  # fmt: skip


def frames_of_series(table, folders, pattern, how):
    """Return the embryo or movie of each row (text array, "" if unknown) and its frame (float array, NaN if unknown).

    table: from `prepare_unlabelled`. folders: that contain the images. pattern: setting name_pattern. how: setting
    predict.series.
    "auto": The time points of a file are the frames of a movie. Files are frames of a movie too if the pattern finds
    an embryo and a whole frame number in their names. Images with the same embryo and frame are optical slices of one
    moment. A name with an embryo but no frame gives no order. "folder": The files in one folder are frames, in natural
    order. "none": There are no movies. Rejected rows belong to no movie.
    """
    embryos, numbers = np.full(len(table), "", dtype=object), np.full(len(table), np.nan)
    used = (table["status"] == "used").to_numpy()
    if how == NONE:
        return embryos, numbers
    pattern = re.compile(pattern) if pattern else None
    files = list(dict.fromkeys(table.loc[used, "image"]))
    movies = set(table.loc[used & (table["frame"] != ""), "image"])
    names = {image: _below(image, folders) for image in files}
    groups = {image: _groups(pattern, name) for image, name in names.items()}
    known = {image: (its.get("embryo") or "", _whole(its.get("frame"))) for image, its in groups.items()}
    if how == FOLDER:
        in_folder = {}
        for image in sorted(set(files) - movies, key=natural_key):
            in_folder.setdefault(os.path.dirname(image), []).append(image)
        for folder, images in in_folder.items():
            numbered = all(known[image][1] is not None for image in images)
            embryo = _below(folder, folders) or os.path.basename(folder)
            known |= {image: (embryo, known[image][1] if numbered else place) for place, image in enumerate(images)}
    own = [known[image][0] for image in movies]
    for place in np.flatnonzero(used):
        image, frame = table["image"].iat[place], table["frame"].iat[place]
        embryo, number = known[image]
        if image in movies:
            # Two files of one embryo may start at different times, so they are two movies.
            embryo = embryo if embryo and own.count(embryo) == 1 else os.path.splitext(names[image])[0]
            number = int(frame)
        embryos[place] = one_form(embryo)
        numbers[place] = np.nan if number is None or not embryo else number
    return embryos, numbers


def _below(image, folders):
    """Return the path of an image relative to its folder, with / between names."""
    shown = [readable(folder).rstrip(os.sep) for folder in folders]
    inside = [folder for folder in shown if image == folder or image.startswith(folder + os.sep)]
    name = image.removeprefix(max(inside, key=len)) if inside else image
    return name.strip(os.sep).replace(os.sep, "/")


def _groups(pattern, name):
    match = pattern and pattern.search(name if "/" in pattern.pattern else name.rsplit("/", 1)[-1])
    return match.groupdict() if match else {}


def _whole(text):
    return int(text) if text and text.isdecimal() else None


def read_in_time(table, probabilities, series, stages, usual, folder):
    """Add embryo, stage_in_time and time_in_time to a table, and draw the curve of each movie.

    table: of suggestions. probabilities: array (used rows, stages). series: see `frames_of_series`. stages: the Stages.
    usual: usual time from one frame to the next, or None if unknown. folder: for the curves, PNG and SVG.
    Returns the table and {embryo: {"rate": time per frame, "interval": [lowest, highest] rate, "frames": their number, "start":
    [time of the first frame, its lowest, its highest], "figure": path of the SVG}}. If the stages have no order or do not rise in
    time, nothing is read and the dict is empty.
    """
    table = table.assign(embryo=series[0], stage_in_time="", time_in_time=np.nan)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    told, places, used = {}, stages.places, np.flatnonzero(table["status"] == "used")
    if places is None or np.any(np.diff(places) < 0) or places[0] == places[-1]:
        return table, told
    embryos, numbers = (each[used] for each in series)
    for embryo in sorted(set(embryos[~np.isnan(numbers)]), key=natural_key):
        rows = np.flatnonzero((embryos == embryo) & ~np.isnan(numbers))
        frames, moment = np.unique(numbers[rows], return_inverse=True)
        if len(frames) < 2:
            continue
        logarithms = np.log(np.maximum(probabilities[rows], 1e-12))
        together = np.stack([logarithms[moment == place].mean(axis=0) for place in range(len(frames))])
        course = time_course(np.exp(together), frames, places, usual)
        where = table.index[used[rows]]
        table.loc[where, "stage_in_time"] = [stages.names[course.stages[place]] for place in moment]
        if stages.times is not None:
            table.loc[where, "time_in_time"] = course.times[moment].round(2)
        harmless = re.sub(r"[^A-Za-z0-9._()-]", "_", embryo)[:100].lstrip(".-")
        figure = folder / f"{harmless}-{zlib.crc32(embryo.encode()):08x}.png"
        time_against_frame(table.loc[where].assign(number=numbers[rows]), course, frames, stages, embryo, figure)
        told[embryo] = {
            "rate": float(f"{course.rate:.3g}"),
            "interval": [float(f"{rate:.3g}") for rate in course.interval],
            "frames": len(frames),
            "start": [float(f"{time:.4g}") for time in (course.start, *course.start_interval)],
            "figure": str(figure.with_suffix(".svg")),
        }
    return table, told


def tempo_of_movies(movies, stages, usual):
    """Return a table with one row per movie: where it starts in development and how fast it goes, each with its interval.

    movies: the dict from `read_in_time`. stages: the Stages; their unit is that of start and rate, "stages" if they have no times.
    usual: see `read_in_time`. tempo is the rate divided by it, empty if it is unknown: embryos at 18 or 25 degrees differ in it.
    """
    rows = []
    for embryo, movie in movies.items():
        rate, (low, high) = movie["rate"], movie["interval"]
        tempo = [round(each / usual, 3) for each in (rate, low, high)] if usual else ["", "", ""]
        unit = stages.unit if stages.times is not None else "stages"
        rows.append([embryo, movie["frames"], *movie["start"], rate, low, high, unit, *tempo])
    return pd.DataFrame(rows, columns=TEMPO)
