"""Stages: their names, order and times, and which of them a configuration asks for."""

import math
import re
from dataclasses import dataclass

from flystage.core.errors import FlystageError

NUMBER = re.compile(r"\d+(?:\.\d+)?")
MINUTES = "min"
UNITS = (MINUTES, "h", "d")


@dataclass(frozen=True)
class Stages:
    """The stages of a data set in class order.

    names: all different. times: of each stage, in `unit`, or None where the stages have no times. unit: one of UNITS; None
    without times. Raises ValueError when they do not fit together.
    """

    names: tuple[str, ...]
    times: tuple[float, ...] | None = None
    unit: str | None = None

    def __post_init__(self):
        object.__setattr__(self, "names", tuple(self.names))
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"stages of the same name: {self.names}")
        if (self.times is None) != (self.unit is None) or self.unit not in (None, *UNITS):
            raise ValueError(f"times {self.times} in the unit {self.unit}")
        if self.times is not None:
            object.__setattr__(self, "times", tuple(map(float, self.times)))
            if len(self.times) != len(self.names) or not all(map(math.isfinite, self.times)):
                raise ValueError(f"times {self.times} of the stages {self.names}")

    @classmethod
    def in_class_order(cls, names):
        """The stages of these names, in class order, with the minutes that they hold if all of them hold any."""
        names = ordered_stages(names)
        return cls.with_minutes(names, [stage_minutes(name) for name in names])

    @classmethod
    def with_minutes(cls, names, minutes):
        """Stages from names in class order and the minutes of each; without times where a number is missing."""
        if minutes is None or any(number is None or math.isnan(number) for number in minutes):
            return cls(names)
        return cls(names, minutes, MINUTES)

    @classmethod
    def of_record(cls, record):
        """Stages from a dict with the keys of `record`."""
        return cls.with_minutes(record["stages"], record["minutes"])

    def record(self):
        """Names and minutes as a dict of plain values, as checkpoints and answers hold them."""
        return {"stages": list(self.names), "minutes": None if self.times is None else list(self.times)}

    def __len__(self):
        return len(self.names)

    @property
    def labels(self):
        """{name: place in class order, from 0}."""
        return {name: label for label, name in enumerate(self.names)}

    def expected_times(self, probabilities):
        """Mean of the stages' times weighted by probability, array (images,), in `unit`; NaN where there are no times.

        probabilities: array (images, stages), columns in class order.
        """
        return probabilities @ (self.times or (math.nan,) * len(self))


def stage_minutes(stage):
    """Minutes of a stage: the first number in its name, or None ("060" -> 60.0, "Stage(060)" -> 60.0, "late" -> None)."""
    number = NUMBER.search(stage)
    return float(number.group()) if number else None


def ordered_stages(stages):
    """Stage names in class order: by minutes when every name holds a number, else alphabetically."""
    stages = set(stages)
    if all(stage_minutes(stage) is not None for stage in stages):
        return sorted(stages, key=lambda stage: (stage_minutes(stage), stage))
    return sorted(stages)


def chosen_stages(wanted, found):
    """The stages of `found` that the setting `wanted` asks for, as a set.

    wanted: "all", a list of stage names (or of minutes), or {"from", "to", "every"} in minutes.
    found: the stage names that have images.
    Raises FlystageError when a listed stage has no images, or a range selects none or has a gap.
    """
    if wanted == "all":
        return set(found)
    if isinstance(wanted, dict):
        return _stages_in_range(wanted, found)
    chosen = set()
    for name in wanted:
        if isinstance(name, str):
            matches = {stage for stage in found if stage == name}
        else:
            matches = {stage for stage in found if stage_minutes(stage) == name}
        if not matches:
            raise FlystageError(
                f"stages: {name!r} has no images; take it out of the list or correct it (found: {_listing(found)})."
            )
        chosen |= matches
    return chosen


def _stages_in_range(wanted, found):
    first, last, every = wanted["from"], wanted["to"], wanted["every"]
    by_minutes = {}
    for stage in found:
        minutes = stage_minutes(stage)
        if minutes is not None and first <= minutes <= last and (minutes - first) % every == 0:
            by_minutes.setdefault(minutes, set()).add(stage)
    if not by_minutes:
        raise FlystageError(
            f"stages: no image lies on the grid from {first} to {last} every {every} minutes (found: {_listing(found)})."
        )
    minutes = min(by_minutes)
    while minutes < max(by_minutes):
        if minutes not in by_minutes:
            raise FlystageError(
                f"stages: {minutes:g} minutes is on the grid from {first} to {last} every {every} but has no images; "
                f"list the stages you want instead (found: {_listing(found)})."
            )
        minutes += every
    return set().union(*by_minutes.values())


def _listing(stages):
    names = ordered_stages(stages)
    return ", ".join(names) if len(names) <= 60 else ", ".join(names[:60]) + ", ..."
