"""Read the numbers of a movie's frames in file names: counters, or times of the clock."""

import re
from datetime import datetime, timedelta
from statistics import median_low

DAY = 24 * 60 * 60  # seconds
NUMBER = re.compile(r"\D*?(\d+(?:[.,]\d+)?)\D*")  # with one number only
BARE_CLOCK = re.compile(r"(?P<hour>[01]\d|2[0-3])(?P<minute>[0-5]\d)(?P<second>[0-5]\d)?")
CLOCK = re.compile(r"(?P<hour>[01]?\d|2[0-3])[-_:.hH ](?P<minute>[0-5]\d)(?:[-_:.mM ](?P<second>[0-5]\d))?[sS]?")
DATE = re.compile(r"(?P<year>(?:19|20)\d\d)[-_.]?(?P<month>[01]\d)[-_.]?(?P<day>[0-3]\d)[-_T .]{0,3}(?P<clock>\d.*)")
UNEVEN = 1.5  # a step that is longer than the usual one by this factor, or shorter, is uneven


def frame_numbers(texts):
    """Return (number of each frame or None, seconds from one frame to the next or None) of one movie.

    texts: what the pattern calls the frame, in the natural order of the file names. Whole and decimal numbers count as they are, also
    within a text such as "t012". Times of the clock count in units of the usual step between frames. A clock without a date passes
    midnight where it falls by more than half a day. Digits such as 233000 can be a counter or a clock. They are read as a clock if its
    steps are more even. A text with several numbers, or none, has no number.
    """
    counters = [_counter(text) for text in texts]
    clocks = _unrolled([_clock(text, CLOCK) for text in texts])
    if clocks is None:
        bare = _unrolled([_clock(text, BARE_CLOCK) for text in texts])
        if bare and (None in counters or _spread(bare) < _spread(counters)):
            clocks = bare
    if clocks is None:
        return counters, None
    step = median_low(_steps(clocks)) if _steps(clocks) else None
    if not step:
        return counters, None
    return [(moment - min(clocks)) / step for moment in clocks], step


def uneven_steps(numbers):
    """Return whether the steps between frames that a clock numbered differ much from the usual one, which is 1."""
    return any(not 1 / UNEVEN <= step <= UNEVEN for step in _steps(numbers))


def _counter(text):
    match = NUMBER.fullmatch(text or "")
    if not match:
        return None
    number = float(match[1].replace(",", "."))
    return int(number) if number.is_integer() else number


def _clock(text, clock):
    """Return (datetime, whether the text has a date), or None. clock: the regular expression of a time without a date."""
    dated = DATE.fullmatch(text or "")
    time = dated["clock"] if dated else text or ""
    match = CLOCK.fullmatch(time) or (BARE_CLOCK.fullmatch(time) if dated else clock.fullmatch(time))
    if not match:
        return None
    date = [int(dated[part]) for part in ("year", "month", "day")] if dated else [2000, 1, 1]
    try:
        return datetime(*date, int(match["hour"]), int(match["minute"]), int(match["second"] or 0)), bool(dated)
    except ValueError:  # no such day
        return None


def _unrolled(clocks):
    """Return the seconds of all times of the clock since the first one, or None if a text has none or only some have a date."""
    if not clocks or None in clocks or len({dated for _, dated in clocks}) > 1:
        return None
    seconds, days = [], 0
    for place, (moment, dated) in enumerate(clocks):
        if place and not dated and clocks[place - 1][0] - moment > timedelta(seconds=DAY / 2):
            days += 1
        seconds.append((moment - clocks[0][0]).total_seconds() + days * DAY)
    return seconds


def _steps(numbers):
    rising = sorted(set(numbers))
    return [later - earlier for earlier, later in zip(rising, rising[1:], strict=False)]


def _spread(numbers):
    """Return the longest step as a multiple of the shortest one."""
    steps = _steps(numbers)
    return max(steps) / min(steps) if steps else 1.0
