"""Stages: their minutes, their order, and which of them a configuration asks for."""

import math
import re

from flystage.errors import FlystageError

NUMBER = re.compile(r"\d+(?:\.\d+)?")


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


def expected_minutes(probabilities, minutes):
    """Mean of the stages' minutes weighted by probability, array (images,); NaN where the stages have no minutes.

    probabilities: array (images, stages), columns in class order. minutes: of each stage, or None.
    """
    return probabilities @ (minutes or [math.nan] * probabilities.shape[1])


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
