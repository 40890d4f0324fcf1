"""Stages: their names, order and times, and which of them a configuration asks for."""

import math
import re
import unicodedata
from dataclasses import dataclass

import numpy as np

from flystage.core.errors import FlystageError
from flystage.raw.times import NUMBER, UNITS, times_given, times_of

PLACES = "stages"  # the unit where stages have an order and no times
RANGE = {"from", "to", "every"}


@dataclass(frozen=True)
class Stages:
    """The stages of a data set in class order.

    names: all different. times: of each stage, in `unit`, or None where the stages have no times. unit: one of UNITS with times;
    without times "stages" where their order is known, so that distances can be counted in stages, or None where it is not (they
    are in alphabetical order). Raises ValueError when they do not fit together.
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
        """The stages of these names in class order: as a list gives it, else by time, else naturally.

        wanted, time_unit: the settings `stages` and `time_unit`; see `chosen_stages` and `times_of`.
        Raises FlystageError when times are asked for in a unit, and a name holds none.
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
                f"time_unit: {time_unit} asks for times, and the stage {timeless[0]!r} has no number; give times with stages:"
                " {name: time}, or set time_unit: none."
            )
        if times and not timeless:
            if not isinstance(wanted, list):
                names.sort(key=times.get)  # stable: stages of one time keep the order that they had
            return cls(names, [times[name] for name in names], unit)
        return cls(names, None, PLACES if isinstance(wanted, list) or _alike(names) else None)

    @classmethod
    def of_record(cls, record):
        """Stages from a dict with the keys of `record`, or from one of an earlier version with minutes."""
        if "minutes" in record:
            return cls(record["stages"], record["minutes"], record["minutes"] and "min")
        return cls(record["stages"], record["times"], record["unit"])

    def record(self):
        """Names, times and unit as a dict of plain values, as checkpoints and answers hold them."""
        times = None if self.times is None else list(self.times)
        return {"stages": list(self.names), "times": times, "unit": self.unit}

    def __len__(self):
        return len(self.names)

    @property
    def labels(self):
        """{name: place in class order, from 0}."""
        return {name: label for label, name in enumerate(self.names)}

    @property
    def places(self):
        """What distances between stages are counted by, array (stages,) in `unit`: times, else 0, 1, 2 ...; None without order."""
        if self.unit is None:
            return None
        return np.arange(len(self), dtype=float) if self.times is None else np.array(self.times)

    def expected_times(self, probabilities):
        """Mean of the stages' times weighted by probability, array (images,), in `unit`; NaN where there are no times.

        probabilities: array (images, stages), columns in class order.
        """
        return probabilities @ (self.times or (math.nan,) * len(self))


def one_form(name):
    """A name of a stage or an embryo as it is compared: trimmed, and in one Unicode form (NFC)."""
    return unicodedata.normalize("NFC", name).strip()


def natural_key(name):
    """Sorts names as people do, numbers in them as numbers: stage2 before stage10."""
    parts = re.split(rf"({NUMBER.pattern})", name)
    return [float(part) if place % 2 else part.casefold() for place, part in enumerate(parts)], name


def _alike(names):
    """Whether names differ in their numbers alone, up to a letter or sign at the end (stage5a, HH10+): then numbers order them."""
    with_zeros = (re.sub(r"0\D$", "0", NUMBER.sub("0", name.casefold())) for name in names)
    skeletons = {re.sub(r"[\W_]", "", name) for name in with_zeros}
    return len(skeletons) == 1 and "0" in skeletons.pop()


def times_by_stage(wanted):
    """The setting `stages` where it gives a time to each stage, {name: time}; None where it does not."""
    return wanted if isinstance(wanted, dict) and set(wanted) != RANGE else None


def chosen_stages(wanted, found, time_unit="auto"):
    """The stages of `found` that the setting `wanted` asks for, as a set.

    wanted: "all", a list of stage names (or of times), {name: time}, or {"from", "to", "every"} in the unit of the times.
    found: the stage names that have images. time_unit: see `times_of`.
    Raises FlystageError when a listed stage has no images, or a range selects none or has a gap.
    """
    if wanted == "all":
        return set(found)
    if isinstance(wanted, dict) and not times_by_stage(wanted):
        return _stages_in_range(wanted, found, time_unit)
    return set(_expanded(dict.fromkeys(wanted) if isinstance(wanted, list) else wanted, found, time_unit, refuse=True))


def _expanded(wanted, found, time_unit, refuse=False):
    """{stage of `found`: value} in the order of {name or time: value}. refuse: names without images are an error."""
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
                f"stages: {name!r} has no images; take it out of the list or correct it (found: {_listing(found)})."
            )
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
            f"stages: no image lies on the grid from {first} to {last} every {every} {unit or '(no stage has a time)'}"
            f" (found: {_listing(found)})."
        )
    for step in range(min(by_time), max(by_time)):
        if step not in by_time:
            raise FlystageError(
                f"stages: {first + step * every:g} {unit} is on the grid from {first} to {last} every {every} but has no images; "
                f"list the stages you want instead (found: {_listing(found)})."
            )
    return set().union(*by_time.values())


def _listing(stages):
    names = sorted(stages, key=natural_key)
    return ", ".join(names) if len(names) <= 60 else ", ".join(names[:60]) + ", ..."
