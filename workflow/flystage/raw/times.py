"""Times of stages: read from names, or from what the configuration says of them."""

import re
from statistics import mode

from flystage.core.errors import FlystageError

UNITS = {"min": 1, "h": 60, "d": 24 * 60}  # in minutes
WORDS = {"min": "min|mins|minutes?|mpf", "h": "h|hrs?|hours?|hpf", "d": "d|days?|dpf"}
NUMBER = re.compile(r"\d+(?:\.\d+)?")
_UNIT = "|".join(f"(?P<{unit}>{words})" for unit, words in WORDS.items())
TIME = re.compile(rf"(?P<number>[+-]?\d+(?:[.,]\d+)?)[\s_]*(?:(?:{_UNIT})(?:[\s_]*(?:pf|ael|apf))?)?", re.IGNORECASE)


def time_in(text):
    """(number, unit) of a text that is a number with or without a unit; the unit is None where it has none.

    "051" -> (51.0, None), "4.7hpf" -> (4.7, "h"), "-15min" -> (-15.0, "min"), "1,5h" -> (1.5, "h"); "stage5" -> None.
    """
    match = TIME.fullmatch(text.replace("\N{MINUS SIGN}", "-").strip())
    if not match:
        return None
    return float(match["number"].replace(",", ".")), next((unit for unit in UNITS if match[unit]), None)


def times_of(names, time_unit):
    """({name: time} of the names that hold one, the unit of all), from the names alone; ({}, None) where there are no times.

    time_unit: "auto" reads names that are numbers with or without a unit; without any unit they are minutes, and of several the
    smallest is that of all. "min", "h" or "d" also takes the first number of a longer name. "none": no times.
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
        return {}, None  # a number without a unit could be of either
    unit = time_unit if time_unit != "auto" else min(units - {None} or {"min"}, key=UNITS.get)
    return {name: converted(number, its or unit, unit) for name, (number, its) in read.items()}, unit


def times_given(given, time_unit):
    """({name: time}, the unit of all) from {name: time}, where a time is a number or a text such as "4.3 h".

    Numbers without a unit are in `time_unit`; with "auto" in that of the others, and in minutes where none has any.
    Raises FlystageError when a text is no time.
    """
    read = {}
    for name, time in given.items():
        read[name] = time_in(str(time))
        if read[name] is None:
            raise FlystageError(
                f"Configuration, stages: {time!r} is no time of stage {name}; write a number, or as in 4.3 h."
            )
    units = [unit for _, unit in read.values() if unit]
    if time_unit in UNITS:
        unit = own = time_unit
    else:
        unit, own = (min(units, key=UNITS.get), mode(units)) if units else ("min", "min")
    return {name: converted(number, its or own, unit) for name, (number, its) in read.items()}, unit


def converted(number, unit, to):
    """A time in another unit; both of UNITS."""
    return round(number * UNITS[unit] / UNITS[to], 9)
