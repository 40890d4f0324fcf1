"""Show numbers and dates as a spreadsheet shows them, for the number formats that tables of names and stages use."""

import datetime
import re
from decimal import ROUND_HALF_UP, Context, Decimal

SECTION = re.compile(r'((?:"[^"]*"|\\.|\[[^\]]*\]|[^;])*)(?:;|$)')
TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|_.|\*.|\[(?P<bracket>[^\]]*)\]|(?P<digits>[0#?][0#?,.]*|\.[0#?]+)|(?P<other>.)'
)
PLACES = re.compile(r"(?P<whole>[0#?,]*)(?:\.(?P<decimals>[0#?]*))?")
COLOURS = re.compile(r"black|blue|cyan|green|magenta|red|white|yellow|color\s*\d+|\$.*", re.IGNORECASE)
DAY_PART = re.compile(r'"([^"]*)"|\\(.)|\[[^\]]*\]|(d+|m+|y+)|([ ./-])|(;@)', re.IGNORECASE)


def shown_number(value, number_format):
    """Return a number as the reader of a sheet sees it: 51 with the format 000 is "051".

    Formats with dates, fractions, exponents or conditions are not followed. Then the plain number is returned.
    """
    sections = SECTION.findall(number_format or "General")[:-1]  # the last is empty
    if len(sections) > 1 and value < 0:
        chosen, value = sections[1], -value
    elif len(sections) > 2 and value == 0:
        chosen = sections[2]
    else:
        chosen = sections[0]
    return _in_format(value, chosen) or plain_number(value)


def plain_number(value):
    """Return a number as in a cell without a format: at most ten digits, and no .0 after a whole number."""
    if isinstance(value, int) or value.is_integer():
        return str(int(value))
    short = f"{value:.10g}"
    return repr(value) if "e" in short else short


def _in_format(value, section):
    """Return the text of a number in one section of a format, or None if the section is not understood."""
    if section.strip().casefold() in ("general", "@", "standard"):
        return None
    before, after, digits, percent = [], [], None, 0
    for token in TOKEN.finditer(section):
        side = before if digits is None else after
        if token["digits"]:
            if digits is not None:
                return None
            digits = token["digits"]
        elif token["bracket"] is not None:
            if not COLOURS.fullmatch(token["bracket"]):
                return None
            side.append(token["bracket"][1:].partition("-")[0] if token["bracket"].startswith("$") else "")
        elif token["other"]:
            if token["other"].isalpha() or token["other"] in "/@":
                return None  # a date, a fraction, an exponent or text
            percent += token["other"] == "%"
            side.append(token["other"])
        else:
            side.append(token["quoted"] or token["escaped"] or "")
    if digits is None:
        return "".join(before) or None
    places = PLACES.fullmatch(digits)
    if not places:
        return None
    number = _digits(Decimal(repr(value)) * 100**percent, places["whole"], places["decimals"] or "")
    return None if number is None else "".join([*before, number, *after]).strip()


def _digits(value, whole, decimals):
    if whole.endswith(","):
        return None  # shown in thousands
    rounded = abs(value).quantize(Decimal(1).scaleb(-len(decimals)), ROUND_HALF_UP, Context(prec=10_000))
    text, _, fraction = f"{rounded:f}".partition(".")
    while fraction and fraction[-1] == "0" and decimals[len(fraction) - 1] != "0":
        fraction = fraction[:-1]
    text = text.lstrip("0").rjust(whole.count("0"), "0")
    if "," in whole:
        text = f"{int(text or 0):0{len(text)},}" if text else ""
    sign, point = "-" if value < 0 and rounded else "", "." if decimals else ""
    return sign + (text or ("" if point else "0")) + point + fraction


def shown_day(value, number_format):
    """Return a date as the reader of a sheet sees it if it is shown with two numbers only, as 4-6, else None.

    Only such a text can be what a person typed before the spreadsheet took it for a date.
    """
    tokens, place = [], 0
    while place < len(number_format):
        token = DAY_PART.match(number_format, place)
        if not token:
            return None
        place = token.end()
        quoted, escaped, part, sign, _ = token.groups()
        if part:
            number = {"d": value.day, "m": value.month}.get(part[0].lower())
            if number is None or len(part) > 2:
                return None
            tokens.append(f"{number:0{len(part)}d}")
        else:
            tokens.append(quoted or escaped or sign or "")
    shown = "".join(tokens).strip()
    return shown if re.fullmatch(r"\d{1,2}[^\w\s]\d{1,2}", shown) else None


def shown_time(value):
    """Return a clock time or a duration as hours:minutes:seconds, without seconds if they are 0."""
    clock = isinstance(value, datetime.time)
    seconds = value.hour * 3600 + value.minute * 60 + value.second if clock else round(value.total_seconds())
    hours, rest = divmod(abs(seconds), 3600)
    minutes, seconds_left = divmod(rest, 60)
    text = f"{hours}:{minutes:02d}" + (f":{seconds_left:02d}" if seconds_left else "")
    return f"-{text}" if seconds < 0 else text
