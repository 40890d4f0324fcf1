"""Describe stages by name, order and time, and choose those that a configuration selects."""

import math
import re
import unicodedata
from dataclasses import dataclass

import numpy as np

from flystage.core.errors import FlystageError
from flystage.raw.times import NUMBER, UNITS, times_given, times_of

PLACES = "stages"  # the unit of stages that have an order but no times
RANGE = {"from", "to", "every"}


@dataclass(frozen=True)
class Stages:
    """The stages of a data set in class order.

    names: all different. times: of each stage, in `unit`, or None if the stages have no times. unit: with times one of UNITS.
    Without times it is "stages" if the order is known, so that distances are counted in stages, or None if names are in
    alphabetical order. Raises ValueError if names, times and unit do not fit together.
    """

    names: tuple[str, ...]
    times: tuple[float, ...] | None = None
    unit: str | None = None

    def __post_init__(self):
        object.__setattr__(self, "names", tuple(self.names))
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"stages of the same name: {self.names}")
        if self.unit not in ((None, PLACES) if self.times is None else UNITS):
            raise ValueError(f"times {self.times} in the unit {self.unit}")
        if self.times is not None:
            object.__setattr__(self, "times", tuple(map(float, self.times)))
            if len(self.times) != len(self.names) or not all(map(math.isfinite, self.times)):
                raise ValueError(f"times {self.times} of the stages {self.names}")

    @classmethod
    def as_given(cls, names, wanted="all", time_unit="auto"):
        """Return the stages with these names in class order: that of a list, else by time, else natural order.

        wanted, time_unit: the settings `stages` and `time_unit`, see `chosen_stages` and `times_of`.
        Raises FlystageError if time_unit is a unit and a name does not contain a time.
        """
        names = set(names)
        if given := times_by_stage(wanted):
            times, unit = times_given(_expanded(given, names, time_unit), time_unit)
            names = [name for name in times if name in names]
        else:
            times, unit = times_of(names, time_unit)
            if isinstance(wanted, list):
                names = [name for name in _expanded(dict.fromkeys(wanted), names, time_unit) if name in names]
            else:
                names = sorted(names, key=natural_key)
        timeless = [name for name in names if name not in times]
        if timeless and time_unit in UNITS:
            raise FlystageError(
                f"time_unit: {time_unit} needs times, but the name of stage {timeless[0]!r} does not contain a number. Give times with"
                " stages: {name: time}, or set time_unit: none."
            )
        if times and not timeless:
            if not isinstance(wanted, list):
                names.sort(key=times.get)  # stable: stages with the same time keep their order
            return cls(names, [times[name] for name in names], unit)
        return cls(names, None, PLACES if isinstance(wanted, list) or _alike(names) else None)

    @classmethod
    def of_record(cls, record):
        """Return stages from a dict made by `record`, or from one of an earlier version with the key minutes."""
        if "minutes" in record:
            return cls(record["stages"], record["minutes"], record["minutes"] and "min")
        return cls(record["stages"], record["times"], record["unit"])

    def record(self):
        """Return names, times and unit as a dict of plain values, as in checkpoints and answers."""
        times = None if self.times is None else list(self.times)
        return {"stages": list(self.names), "times": times, "unit": self.unit}

    def __len__(self):
        return len(self.names)

    @property
    def labels(self):
        """Return {name: index in class order, from 0}."""
        return {name: label for label, name in enumerate(self.names)}

    @property
    def places(self):
        """Return positions for distances between stages, array (stages,) in `unit`: times, else 0, 1, 2 ..., or None without order."""
        if self.unit is None:
            return None
        return np.arange(len(self), dtype=float) if self.times is None else np.array(self.times)

    def expected_times(self, probabilities):
        """Return the mean of the stages' times weighted by probability, array (images,) in `unit`. NaN without times.

        probabilities: array (images, stages), columns in class order.
        """
        return probabilities @ (self.times or (math.nan,) * len(self))


def one_form(name):
    """Return the name of a stage or an embryo in the form in which names are compared: trimmed, in Unicode form NFC."""
    return unicodedata.normalize("NFC", name).strip()


def natural_key(name):
    """Return a sort key that compares numbers in names by value: stage2 before stage10."""
    parts = re.split(rf"({NUMBER.pattern})", name)
    return [float(part) if place % 2 else part.casefold() for place, part in enumerate(parts)], name


def _alike(names):
    """Return whether names differ only in numbers and a final letter or sign (stage5a, HH10+), so that numbers order them."""
    with_zeros = (re.sub(r"0\D$", "0", NUMBER.sub("0", name.casefold())) for name in names)
    skeletons = {re.sub(r"[\W_]", "", name) for name in with_zeros}
    return len(skeletons) == 1 and "0" in skeletons.pop()


def listed_names(wanted):
    """Return the names that the setting `stages` lists as text, a set. Numbers in it are times."""
    names = wanted if isinstance(wanted, list) else times_by_stage(wanted) or ()
    return {one_form(name) for name in names if isinstance(name, str)}


def times_by_stage(wanted):
    """Return the setting `stages` if it gives a time to each stage, {name: time}, else None."""
    return wanted if isinstance(wanted, dict) and set(wanted) != RANGE else None


def chosen_stages(wanted, found, time_unit="auto"):
    """Return the stages of `found` that the setting `wanted` selects, as a set.

    wanted: "all", a list of stage names (or of times), {name: time}, or {"from", "to", "every"} in the unit of the times.
    found: the stage names that have images. time_unit: see `times_of`.
    Raises FlystageError if a listed stage has no images, or if a range is empty or has a gap.
    """
    if wanted == "all":
        return set(found)
    if isinstance(wanted, dict) and not times_by_stage(wanted):
        return _stages_in_range(wanted, found, time_unit)
    return set(_expanded(dict.fromkeys(wanted) if isinstance(wanted, list) else wanted, found, time_unit, refuse=True))


def _expanded(wanted, found, time_unit, refuse=False):
    """Return {stage of `found`: value} in the order of wanted, {name or time: value}. refuse: raise FlystageError without images."""
    times, _ = times_of(found, time_unit)
    for stage in found:
        if stage not in times and (number := NUMBER.search(stage)):
            times[stage] = float(number.group())
    expanded = {}
    for name, value in wanted.items():
        if isinstance(name, str):
            matches = [stage for stage in found if stage == one_form(name)]
        else:
            matches = sorted(stage for stage in found if times.get(stage) == name)
        if refuse and not matches:
            raise FlystageError(
                f"stages: {name!r} has no images. Correct it or remove it from the list. Stages with images: {_listing(found)}."
            )
        twice = [stage for stage in matches if expanded.get(stage, value) != value]
        if twice:
            raise FlystageError(f"stages: {name!r} gives the stage {twice[0]} a second time. Keep only one of the two.")
        expanded |= dict.fromkeys(matches, value)
    return expanded


def _stages_in_range(wanted, found, time_unit):
    first, last, every = wanted["from"], wanted["to"], wanted["every"]
    times, unit = times_of(found, time_unit)
    by_time = {}
    for stage, time in times.items():
        if first <= time <= last and math.isclose((time - first) / every, round((time - first) / every), abs_tol=1e-6):
            by_time.setdefault(round((time - first) / every), set()).add(stage)
    if not by_time:
        raise FlystageError(
            f"stages: no image is on the grid from {first} to {last} every {every} {unit or '(no stage has a time)'}."
            f" Correct the grid. Stages with images: {_listing(found)}."
        )
    for step in range(min(by_time), max(by_time)):
        if step not in by_time:
            raise FlystageError(
                f"stages: {first + step * every:g} {unit} is on the grid from {first} to {last} every {every} but has no images."
                f" List the stages that you want instead. Stages with images: {_listing(found)}."
            )
    return set().union(*by_time.values())


def _listing(stages):
    names = sorted(stages, key=natural_key)
    return ", ".join(names) if len(names) <= 60 else ", ".join(names[:60]) + ", ..."
