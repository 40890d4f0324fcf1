"""Read times of stages from their names or from the configuration."""

import re
from statistics import mode

from flystage.core.errors import FlystageError

UNITS = {"min": 1, "h": 60, "d": 24 * 60}  # in minutes
WORDS = {"min": "min|mins|minutes?|mpf", "h": "h|hrs?|hours?|hpf", "d": "d|days?|dpf"}
NUMBER = re.compile(r"\d+(?:\.\d+)?")
_UNIT = "|".join(f"(?P<{unit}>{words})" for unit, words in WORDS.items())
TIME = re.compile(rf"(?P<number>[+-]?\d+(?:[.,]\d+)?)[\s_]*(?:(?:{_UNIT})(?:[\s_]*(?:pf|ael|apf))?)?", re.IGNORECASE)


def time_in(text):
    """Return (number, unit or None) of a text that is a number with or without a unit, else None.

    "051" -> (51.0, None), "4.7hpf" -> (4.7, "h"), "-15min" -> (-15.0, "min"), "1,5h" -> (1.5, "h"), "stage5" -> None.
    """
    match = TIME.fullmatch(text.replace("\N{MINUS SIGN}", "-").strip())
    if not match:
        return None
    return float(match["number"].replace(",", ".")), next((unit for unit in UNITS if match[unit]), None)


def times_of(names, time_unit):
    """Return ({name: time} of the names with a time, common unit), from the names only, or ({}, None) if there are no times.

    time_unit: "auto" reads names that are numbers with or without a unit. The common unit is the smallest one found, or minutes
    if no name has a unit. "min", "h" or "d" also takes the first number of a longer name. "none": no times.
    """
    if time_unit == "none":
        return {}, None
    read = {name: time_in(name) for name in names}
    if time_unit != "auto":
        for name in names:
            if read[name] is None and (number := NUMBER.search(name)):
                read[name] = float(number.group()), None
    read = {name: time for name, time in read.items() if time}
    units = {unit for _, unit in read.values()}
    if len(units) > 2 and None in units or not read:
        return {}, None  # a number without a unit is ambiguous
    unit = time_unit if time_unit != "auto" else min(units - {None} or {"min"}, key=UNITS.get)
    return {name: converted(number, its or unit, unit) for name, (number, its) in read.items()}, unit


def times_given(given, time_unit):
    """Return ({name: time}, common unit) from {name: time}, in which a time is a number or a text such as "4.3 h".

    Numbers without a unit are in `time_unit`. With "auto" they are in the most frequent unit, or in minutes if no time has a unit.
    Raises FlystageError if a text is not a time.
    """
    read = {}
    for name, time in given.items():
        read[name] = time_in(str(time))
        if read[name] is None:
            raise FlystageError(
                f"Configuration, stages: {time!r} is not a time for stage {name}. Write a number, or a number with a unit such as 4.3 h."
            )
    units = [unit for _, unit in read.values() if unit]
    if time_unit in UNITS:
        unit = own = time_unit
    else:
        unit, own = (min(units, key=UNITS.get), mode(units)) if units else ("min", "min")
    return {name: converted(number, its or own, unit) for name, (number, its) in read.items()}, unit


def unit_of_bare_numbers(time_unit):
    """Return the unit of numbers without one. time_unit: the setting, of which "auto" and "none" mean minutes."""
    return time_unit if time_unit in UNITS else "min"


def converted(number, unit, to):
    """Return a time in another unit. unit, to: keys of UNITS."""
    return round(number * UNITS[unit] / UNITS[to], 9)
