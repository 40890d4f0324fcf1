"""Read each movie in time, and say what is doubtful about it."""

import logging
import re
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from flystage.core.wording import first_few
from flystage.prediction.time_path import time_course
from flystage.raw.stages import natural_key
from flystage.raw.times import UNITS, converted, unit_of_bare_numbers
from flystage.report.figures import time_against_frame

log = logging.getLogger("flystage")
EXAMPLES = 3  # movies that a sentence names
# A frame contradicts the reading in time if the stage read and its neighbours together are less probable than this.
IMPROBABLE = 0.1
CONTRADICTED = 0.3  # share of such frames that gives a warning
TEMPO = [
    "embryo", "frames", "start", "start_low", "start_high", "rate", "rate_low", "rate_high", "unit", "tempo", "tempo_low", "tempo_high",
]  # fmt: skip


def read_in_time(table, probabilities, series, stages, usual, folder):
    """Add embryo, stage_in_time and time_in_time to a table, and draw the curve of each movie.

    table: of suggestions. probabilities: array (used rows, stages). series: the Series. stages: the Stages.
    usual: {movie: usual time from one frame to the next}, see `usual_rates`. A movie that is clearly faster or slower is read at its
    own rate. folder: for the curves, PNG and SVG.
    Returns the table and {embryo: {"rate": time per frame, "interval": [lowest, highest] rate, "frames": their number, "start":
    [time of the first frame, its lowest, its highest], "figure": path of the SVG}}. If the stages have no order or do not rise in
    time, nothing is read and the dict is empty. Warns of movies at another rate, and of those whose frames say otherwise.
    """
    table = table.assign(embryo=series.embryos, stage_in_time="", time_in_time=np.nan)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    told, places, used = {}, stages.places, np.flatnonzero(table["status"] == "used")
    if places is None or np.any(np.diff(places) < 0) or places[0] == places[-1]:
        return table, told
    embryos, numbers = series.embryos[used], series.numbers[used]
    odd_rate, contradicted = [], []
    for embryo in sorted(set(embryos[~np.isnan(numbers)]), key=natural_key):
        rows = np.flatnonzero((embryos == embryo) & ~np.isnan(numbers))
        frames, moment = np.unique(numbers[rows], return_inverse=True)
        if len(frames) < 2:
            continue
        logarithms = np.log(np.maximum(probabilities[rows], 1e-12))
        together = np.stack([logarithms[moment == place].mean(axis=0) for place in range(len(frames))])
        course = time_course(np.exp(together), frames, places)
        if rate := usual.get(embryo):
            if course.interval[0] <= rate <= course.interval[1]:
                course = time_course(np.exp(together), frames, places, rate)
            else:
                odd_rate.append(f"{embryo} ({course.rate:.3g}, not {rate:.3g})")
        if _contradiction(np.exp(together), course.stages) > CONTRADICTED:
            contradicted.append(embryo)
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
    unit = stages.unit if stages.times is not None else "stages"
    if odd_rate:
        log.warning(
            "Movies do not develop at the rate that their files or frames.every say, in %s per frame: %s. They were read at the rate of"
            " their images. Correct frames.every if it is wrong.",
            unit, first_few(odd_rate, EXAMPLES),
        )  # fmt: skip
    if contradicted:
        log.warning(
            "Many frames of %s contradict the reading in time. Their order may be wrong, or they show several embryos. Check the groups"
            " of name_pattern, or set predict.series: none.",
            first_few(contradicted, EXAMPLES),
        )
    return table, told


def _contradiction(probabilities, read):
    """Return the share of frames that contradict the stages `read`, int array (frames,). probabilities: array (frames, stages)."""
    stages = np.arange(probabilities.shape[1])
    near = np.abs(stages - read[:, None]) <= 1
    return np.mean((probabilities * near).sum(axis=1) < IMPROBABLE * probabilities.sum(axis=1))


def usual_rates(series, every, time_unit, stages):
    """Return {movie: usual time from one frame to the next, in the unit of `Stages.places`} of the movies where it is known.

    series: the Series, see also `with_own_times`. every: of the setting frames, or None, for films whose file does not say. time_unit:
    setting, the unit of `every`. stages: the Stages. Without times of the stages, no rate is known.
    """
    if stages.times is None or stages.unit not in UNITS:
        return {}
    rates = {movie: converted(its / 60, "min", stages.unit) for movie, its in series.seconds.items()}
    if every and time_unit != "none":
        rate = converted(every, unit_of_bare_numbers(time_unit), stages.unit)
        rates = dict.fromkeys(series.films, rate) | rates
    return rates


def tempo_of_movies(movies, stages, usual):
    """Return a table with one row per movie: where it starts in development and how fast it goes, each with its interval.

    movies: the dict from `read_in_time`. stages: the Stages; their unit is that of start and rate, "stages" if they have no times.
    usual: see `read_in_time`. tempo is the rate divided by it, empty if it is unknown: embryos at 18 or 25 degrees differ in it.
    """
    rows = []
    for embryo, movie in movies.items():
        rate, (low, high) = movie["rate"], movie["interval"]
        its = usual.get(embryo)
        tempo = [round(each / its, 3) for each in (rate, low, high)] if its else ["", "", ""]
        unit = stages.unit if stages.times is not None else "stages"
        rows.append([embryo, movie["frames"], *movie["start"], rate, low, high, unit, *tempo])
    return pd.DataFrame(rows, columns=TEMPO)
