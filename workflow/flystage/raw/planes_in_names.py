"""Find the channel and the depth of a plane that has a file of its own, in the name of the file."""

import re

_NOT_IN_WORD = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"
CHANNEL = re.compile(r"(?:channel|ch|c)[-_ ]?(\d+)".join(_NOT_IN_WORD), re.IGNORECASE)  # _channel000, -c2
DEPTH = re.compile(r"(?:slice|plane|z)[-_ ]?(\d+)".join(_NOT_IN_WORD), re.IGNORECASE)  # _z001
MICROMANAGER = re.compile(r"(img_\d{9})_(.+)_(\d{3})")  # of version 1.4: time, channel, depth
METAMORPH = re.compile(r"_w\d[^_]*(?=_|$)")  # number and name of a channel: _w1DAPI_s1_t001
STAIN = re.compile(
    r"[-_. ](?:BF|TL|DIC|PH|brightfield|phase|[gryc]fp|mcherry|dapi|hoechst|fitc|tritc|cy\d|\d{3} ?nm)(?![A-Za-z0-9])",
    re.IGNORECASE,
)
PLANE = re.compile(rf"[-_. ]?(?:{CHANNEL.pattern}|{DEPTH.pattern})", re.IGNORECASE)  # with the separator before it


def channel_in(name):
    """Return the channel in the name of a file, or ""."""
    return _first(name, 2, CHANNEL)


def depth_in(name):
    """Return the depth in the name of a file, or ""."""
    return _first(name, 3, DEPTH)


def without_plane(stem):
    """Return the name of a file, without ending, as it would be for all channels and depths of one moment."""
    stem = MICROMANAGER.sub(r"\1", stem)
    for plane in (METAMORPH, STAIN, PLANE):
        stem = plane.sub("", stem)
    return stem


def _first(name, place, expression):
    if in_a_row := MICROMANAGER.search(name):
        return in_a_row[place]
    match = expression.search(name)
    return match[1] if match else ""
