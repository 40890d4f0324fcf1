"""Find one embryo or one stage under two spellings of a number or a date, as programs write them into tables."""

import re
from collections import defaultdict

from flystage.core.errors import FlystageError
from flystage.raw.label_rows import DAY, FULL_DAY

WHOLE = re.compile(r"(\d+)[.,]0+")
TWO_NUMBERS = re.compile(r"(\d{1,2})[-./](\d{1,2})")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
IN_GERMAN = {"mär": "mar", "mrz": "mar", "mai": "may", "okt": "oct", "dez": "dec"}


def one_spelling(labels, stages, embryos):
    """Return (labels, sentences) in which 1.0 is written as 1, if another row or file writes it so.

    pandas writes the numbers of a column as 1.0 if a value is missing. labels: list of Label. stages, embryos: names that files
    and settings give. Raises FlystageError if an embryo may be the same as a date, because a spreadsheet changed it.
    """
    told = []
    for field, given in (("stage", stages), ("embryo", embryos)):
        names = {getattr(label, field) for label in labels}
        meant = {name: other for name in names - set(given) if (other := whole_number(name, names | set(given)))}
        rows = [label for label in labels if getattr(label, field) in meant]
        if rows:
            first = getattr(rows[0], field)
            told.append(
                f"labels: {len(rows)} row(s) write the {field} as a number with .0 ({rows[0].where}: {first}). flystage takes {first} as"
                f" {meant[first]}, and the others likewise."
            )
            labels = [
                label._replace(**{field: meant.get(getattr(label, field), getattr(label, field))}) for label in labels
            ]
    _refuse_days({label.embryo: label.where for label in reversed(labels) if label.embryo}, embryos)
    return labels, told


def whole_number(name, names):
    """Return the only one of `names` that is the whole number of a name such as 51.0: 51 before 051. None without one."""
    match = WHOLE.fullmatch(name)
    if not match:
        return None
    if match[1] in names:
        return match[1]
    alike = [other for other in names if other.isdecimal() and int(other) == int(match[1])]
    return alike[0] if len(alike) == 1 else None


def _refuse_days(places, others):
    """Refuse a date and a name that a spreadsheet may have changed into it. places: {embryo: place}. others: embryos of files."""
    of_numbers = defaultdict(set)
    for name in {*places, *others}:
        if match := TWO_NUMBERS.fullmatch(name):
            of_numbers[int(match[1]), int(match[2])].add(name)
    for day, where in places.items():
        for numbers in _numbers_of(day) if of_numbers and (DAY.fullmatch(day) or FULL_DAY.fullmatch(day)) else ():
            for name in sorted(of_numbers.get(numbers, ())):
                raise FlystageError(
                    f"labels: the embryos {name!r} and {day!r} ({where}) are probably one embryo, which a spreadsheet has changed into a"
                    f" date. Format the column embryo as text, and type {name} again."
                )


def _numbers_of(day):
    """Return the pairs of numbers that a date may have been typed as, in either order: day and month, or month and year."""
    words = re.findall(r"[^\W\d_]+|\d+", day.casefold())
    numbers = []
    for word in words:
        month = IN_GERMAN.get(word[:3], word[:3])
        numbers.append(MONTHS.index(month) + 1 if month in MONTHS else int(word) % 100 if word.isdecimal() else 0)
    if re.match(r"\d{4}-", day):
        numbers = [numbers[2], numbers[1], numbers[0]]  # day, month, year
        pairs = [(numbers[0], numbers[1])] + ([(numbers[1], numbers[2])] if numbers[0] == 1 else [])
    else:
        pairs = [tuple(numbers[:2])]
        if len(numbers) > 2:  # the first day of a month, typed as month and year
            pairs += [(month, numbers[2]) for day, month in (numbers[:2], numbers[1::-1]) if day == 1]
    return {pair for first, second in pairs for pair in ((first, second), (second, first))}
