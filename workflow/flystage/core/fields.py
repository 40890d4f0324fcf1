"""Check the type, size and range of each field in a record from an untrusted source, and describe the first error.

A rule is a Rule, or a dict {name: rule} for a dict with these fields. Check fields without a rule with `is_plain`.
"""

import re
from typing import NamedTuple

MOST_VALUES = 100_000  # in one record: lists that refer to one another would unfold without end
MOST_LETTERS = 100_000
UNWRITABLE = re.compile("[\ud800-\udfff\0]")  # lone surrogates and NUL, which cannot be written to a file
UNWRITABLE_IN_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Rule(NamedTuple):
    """fits: function(value) -> bool. words: what fits, completing "must be ...". optional: the field may be missing."""

    fits: object
    words: str
    optional: bool = False


def whole(low, high):
    """Return a rule for an integer from low to high. It rejects True and False."""
    return Rule(lambda value: type(value) is int and low <= value <= high, f"a whole number from {low} to {high}")


def number(low, high):
    """Return a rule for a finite number from low to high."""
    return Rule(
        lambda value: type(value) in (int, float) and low <= value <= high, f"a number from {low:g} to {high:g}"
    )


def positive(high):
    """Return a rule for a finite number above 0 and up to high."""
    return Rule(lambda value: type(value) in (int, float) and 0 < value <= high, f"a number above 0 and up to {high:g}")


def one_of(*choices):
    """Return a rule for one of several values, each a text, True, False or None."""
    return Rule(
        lambda value: any(type(value) is type(choice) and value == choice for choice in choices),
        " or ".join(map(str, choices)),
    )


def line(longest, pattern=r".*", words=None):
    """Return a rule for a text of one line. pattern: a regular expression for the whole text. words: its description."""

    def fits(value):
        return (
            type(value) is str
            and len(value) <= longest
            and not UNWRITABLE_IN_A_LINE.search(value)
            and re.fullmatch(pattern, value) is not None
        )

    return Rule(fits, words or f"a text of one line with up to {longest} characters")


def text():
    """Return a rule for a text of several lines."""
    return Rule(
        lambda value: type(value) is str and len(value) <= MOST_LETTERS and not UNWRITABLE.search(value),
        f"a text with up to {MOST_LETTERS} characters",
    )


def several(rule, least, most):
    """Return a rule for a list of least to most values, each of which fits a rule."""

    def fits(value):
        return type(value) is list and least <= len(value) <= most and all(map(rule.fits, value))

    numbers = f"{least}" if least == most else f"{least} to {most}"
    return Rule(fits, f"a list of {numbers} values, each {rule.words}")


def either(*rules):
    """Return a rule for a value that fits one of several rules."""
    return Rule(lambda value: any(rule.fits(value) for rule in rules), ", or ".join(rule.words for rule in rules))


def optional(rule):
    """Return the same rule for a field that may be missing."""
    return rule._replace(optional=True)


def check_fields(record, rules, where=""):
    """Raise ValueError with a short reason at the first field that does not fit its rule. where: prefix of field names, as "a.b."."""
    if type(record) is not dict or not all(type(name) is str for name in record):
        raise ValueError(f"{where.rstrip('.') or 'it'} is {shown(record)} and must be a record of named fields")
    for name, rule in rules.items():
        if isinstance(rule, dict):
            check_fields(record.get(name), rule, f"{where}{name}.")
        elif name not in record:
            if not rule.optional:
                raise ValueError(f"{where}{name} is missing")
        elif not rule.fits(record[name]):
            raise ValueError(f"{where}{name} is {shown(record[name])} and must be {rule.words}")


def is_plain(value):
    """Return whether a value has at most MOST_VALUES parts, all None, bool, number, text, list, tuple or dict with text keys."""
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
    """Describe any value in a few words. An untrusted value is not written out, because that could take without limit."""
    if type(value) is str:
        return repr(value[:60])
    if type(value) in (type(None), bool, float) or (type(value) is int and abs(value) < 10**15):
        return repr(value)
    if type(value) in (list, tuple) and len(value) <= 4 and all(type(one) in (bool, int, float) for one in value):
        return f"[{', '.join(map(shown, value))}]"
    return f"a {type(value).__name__}" + (f" of {len(value)}" if type(value) in (list, tuple) else "")
