"""What a record that others wrote may hold: each field's type, size and range, and a few words on what is wrong.

A rule is a Rule, or a dict {name: rule} for a dict with these fields. What a rule does not name must be plain; see `is_plain`.
"""

import re
from typing import NamedTuple

MOST_VALUES = 100_000  # in one record: lists that hold one another by reference unfold without end
MOST_LETTERS = 100_000
UNWRITABLE = re.compile("[\ud800-\udfff\0]")  # half characters, which no file takes
UNWRITABLE_IN_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Rule(NamedTuple):
    """fits: a function of a value. words: what fits, as in "must be ...". optional: the field may be missing."""

    fits: object
    words: str
    optional: bool = False


def whole(low, high):
    """An integer within limits; True and False are none."""
    return Rule(lambda value: type(value) is int and low <= value <= high, f"a whole number from {low} to {high}")


def number(low, high):
    """A finite number within limits."""
    return Rule(
        lambda value: type(value) in (int, float) and low <= value <= high, f"a number from {low:g} to {high:g}"
    )


def positive(high):
    """A finite number above 0."""
    return Rule(lambda value: type(value) in (int, float) and 0 < value <= high, f"a number above 0 and up to {high:g}")


def one_of(*choices):
    """One of several texts, or of True, False and None."""
    return Rule(
        lambda value: any(type(value) is type(choice) and value == choice for choice in choices),
        " or ".join(map(str, choices)),
    )


def line(longest, pattern=r".*", words=None):
    """A text of one line. pattern: a regular expression that it fits as a whole; words: for it."""

    def fits(value):
        return (
            type(value) is str
            and len(value) <= longest
            and not UNWRITABLE_IN_A_LINE.search(value)
            and re.fullmatch(pattern, value) is not None
        )

    return Rule(fits, words or f"a text of one line and up to {longest} characters")


def text():
    """A text of several lines."""
    return Rule(
        lambda value: type(value) is str and len(value) <= MOST_LETTERS and not UNWRITABLE.search(value),
        f"a text of up to {MOST_LETTERS} characters",
    )


def several(rule, least, most):
    """A list of so many values that each fit."""

    def fits(value):
        return type(value) is list and least <= len(value) <= most and all(map(rule.fits, value))

    numbers = f"{least}" if least == most else f"{least} to {most}"
    return Rule(fits, f"a list of {numbers}, each {rule.words}")


def either(*rules):
    """A value that fits one of several rules."""
    return Rule(lambda value: any(rule.fits(value) for rule in rules), ", or ".join(rule.words for rule in rules))


def optional(rule):
    """The same for a field that may be missing."""
    return rule._replace(optional=True)


def check_fields(record, rules, where=""):
    """Raise ValueError, in a few words, at the first field of a dict that does not fit its rule. where: the way to it, as "a.b."."""
    if type(record) is not dict or not all(type(name) is str for name in record):
        raise ValueError(f"{where.rstrip('.') or 'it'} is {shown(record)} and no record of named fields")
    for name, rule in rules.items():
        if isinstance(rule, dict):
            check_fields(record.get(name), rule, f"{where}{name}.")
        elif name not in record:
            if not rule.optional:
                raise ValueError(f"{where}{name} is missing")
        elif not rule.fits(record[name]):
            raise ValueError(f"{where}{name} is {shown(record[name])} and must be {rule.words}")


def is_plain(value):
    """Whether a value is made of None, bools, numbers, texts, lists, tuples and dicts with names alone, and of no more than MOST_VALUES."""
    waiting, seen = [value], 1
    while waiting:
        one = waiting.pop()
        if type(one) is dict:
            if not all(type(key) is str for key in one):
                return False
            one = list(one.values())
        if type(one) in (list, tuple):
            seen += len(one)
            if seen > MOST_VALUES:
                return False
            waiting += one
        elif type(one) not in (type(None), bool, int, float, str):
            return False
    return True


def shown(value):
    """A value in a few words, whatever it is: writing out one that others made can take for ever."""
    if type(value) is str:
        return repr(value[:60])
    if type(value) in (type(None), bool, float) or (type(value) is int and abs(value) < 10**15):
        return repr(value)
    if type(value) in (list, tuple) and len(value) <= 4 and all(type(one) in (bool, int, float) for one in value):
        return f"[{', '.join(map(shown, value))}]"
    return f"a {type(value).__name__}" + (f" of {len(value)}" if type(value) in (list, tuple) else "")
