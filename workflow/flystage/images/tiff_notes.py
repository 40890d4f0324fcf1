"""Read what the notes in a TIF say about time, pixel size, channels and bits: ImageJ, OME, Micro-Manager, plain tags."""

import json
import math
from functools import cached_property
from xml.etree import ElementTree

SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "µs", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("ns", "nanosecond", "nanoseconds"), 1e-9),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
}
MICROMETRES = {
    **dict.fromkeys(("um", "µm", "micron", "microns", "micrometer", "micrometre", "micrometers"), 1.0),
    **dict.fromkeys(("nm", "nanometer", "nanometre"), 1e-3),
    **dict.fromkeys(("pm", "picometer"), 1e-6),
    **dict.fromkeys(("å", "angstrom"), 1e-4),
    **dict.fromkeys(("mm", "millimeter", "millimetre"), 1e3),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), 1e4),
    **dict.fromkeys(("m", "meter", "metre"), 1e6),
    **dict.fromkeys(("in", "inch", "inches"), 25_400.0),
}
PLAIN_UNITS = {2: 25_400.0, 3: 10_000.0}  # of the tag ResolutionUnit: inch and centimetre, in micrometres
MICROSCOPES = (
    0.005,
    20,
)  # micrometres per pixel, beyond which a plain resolution is the default of a program, as 72 per inch
ELAPSED = 51123  # tag of Micro-Manager's notes on a page
MOST_PAGES = 1000  # whose notes are read for their times


class Notes:
    """What the notes in a TIF say about a Stack: bits, times, pixel_size and channel_names as in Facts."""

    def __init__(self, tif, stack):
        self.tif, self.stack = tif, stack
        self.imagej = (tif.imagej_metadata or {}) if tif.is_imagej else {}

    @cached_property
    def micromanager(self):
        """Micro-Manager's summary of the acquisition, or {}."""
        if not self.tif.is_micromanager:
            return {}
        try:
            summary = (self.tif.micromanager_metadata or {}).get("Summary")
        except ValueError:
            return {}
        return summary if isinstance(summary, dict) else {}

    @cached_property
    def ome(self):
        """OME's element Pixels of this picture, or None."""
        if self.stack.series is None or not self.tif.is_ome or not self.tif.ome_metadata:
            return None
        try:
            root = ElementTree.fromstring(self.tif.ome_metadata)
        except ElementTree.ParseError:
            return None
        pixels = root.findall("{*}Image/{*}Pixels")
        # tifffile leaves out pictures without planes, so that numbers cannot be compared then
        number = self.stack.series if len(pixels) == len(self.tif.series) else 0 if len(pixels) == 1 else None
        return None if number is None else pixels[number]

    @property
    def bits(self):
        kind, stored = self.stack.keyframe.dtype, self.stack.keyframe.bitspersample
        told = [self.ome.get("SignificantBits")] if self.ome is not None else []
        told += [self.micromanager.get("BitDepth"), stored if isinstance(stored, int) else None]
        for one in told:
            bits = _number(one)
            if bits and kind is not None and kind.kind in "ui" and bits == int(bits) and bits < 8 * kind.itemsize:
                return int(bits)
        return None

    @property
    def times(self):
        number = self.stack.shape[self.stack.axes.index("T")] if "T" in self.stack.axes else 1
        if number == 1:
            return None
        interval = self._interval()
        return (
            self._ome_times(number) or self._elapsed(number) or (interval and tuple(_spaced(number, interval))) or None
        )

    def _interval(self):
        """Return seconds between time points, or None."""
        if self.ome is not None:
            return _scaled(self.ome.get("TimeIncrement"), self.ome.get("TimeIncrementUnit", "s"), SECONDS)
        told = self.imagej.get("finterval", self.imagej.get("frame interval"))
        interval = _scaled(told, self.imagej.get("tunit", "s"), SECONDS)
        return interval or _scaled(self.micromanager.get("Interval_ms"), "ms", SECONDS)

    def _ome_times(self, number):
        """Return the seconds of each time point from the earliest DeltaT of its planes, or None if one is missing."""
        if self.ome is None:
            return None
        earliest = {}
        for plane in self.ome.findall("{*}Plane"):
            unit = SECONDS.get(plane.get("DeltaTUnit", "s").strip().lower())
            place, seconds = _number(plane.get("TheT")), _number(plane.get("DeltaT"))
            if place is not None and seconds is not None and unit:
                earliest[place] = min(seconds * unit, earliest.get(place, math.inf))
        own = self.stack.own_times or range(number)
        return _from_start([earliest.get(place) for place in own])

    def _elapsed(self, number):
        """Return the seconds of each time point from Micro-Manager's notes on its first page, or None."""
        pages = len(self.tif.pages) if self.tif.is_micromanager else 0
        if not number <= pages <= MOST_PAGES:
            return None
        times = {}
        for place in range(pages):
            notes = self.tif.pages.get(place, aspage=True).tags.valueof(ELAPSED)
            if isinstance(notes, str):
                try:
                    notes = json.loads(notes)
                except ValueError:
                    return None
            if not isinstance(notes, dict):
                return None
            axes = notes.get("Axes") if isinstance(notes.get("Axes"), dict) else {}
            place = _number(notes.get("FrameIndex", notes.get("Frame", axes.get("time"))))
            seconds = _scaled(notes.get("ElapsedTime-ms"), "ms", SECONDS, zero=True)
            if place is not None and seconds is not None:
                times[place] = min(seconds, times.get(place, math.inf))
        return _from_start([times.get(place) for place in range(number)])

    @property
    def pixel_size(self):
        if self.ome is not None:
            return _scaled(self.ome.get("PhysicalSizeX"), self.ome.get("PhysicalSizeXUnit", "µm"), MICROMETRES)
        per_unit = self._resolution()
        if self.imagej.get("unit"):
            unit = MICROMETRES.get(_unit(self.imagej["unit"]))
            return unit / per_unit if unit and per_unit else None
        if size := _scaled(
            self.micromanager.get("PixelSize_um", self.micromanager.get("PixelSizeUm")), "um", MICROMETRES
        ):
            return size
        unit = PLAIN_UNITS.get(self.stack.keyframe.tags.valueof(296, 2))
        size = unit / per_unit if unit and per_unit else 0
        low, high = MICROSCOPES
        return size if low <= size <= high else None

    def _resolution(self):
        """Return pixels per unit of length from the tag XResolution, or None."""
        told = self.stack.keyframe.tags.valueof(282)
        if not (
            isinstance(told, tuple) and len(told) == 2 and all(isinstance(part, int) and part > 0 for part in told)
        ):
            return None
        return told[0] / told[1]

    @property
    def channel_names(self):
        names = list(self.stack.names)
        if self.ome is not None:
            names = [channel.get("Name") or "" for channel in self.ome.findall("{*}Channel")]
        elif self.micromanager:
            names = self.micromanager.get("ChNames") or []
        elif self.stack.axes.strip("TZ") == "C" and isinstance(self.imagej.get("Labels"), list):
            names = self.imagej["Labels"]
        channels = self.stack.shape[self.stack.axes.index("C")] if "C" in self.stack.axes else 1
        usable = len(names) == channels and all(isinstance(name, str) for name in names) and any(names)
        return tuple(names) if usable else ()


def _number(told):
    """Return a finite number in notes, also as text, or None."""
    try:
        number = float(told) if isinstance(told, int | float | str) and not isinstance(told, bool) else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and math.isfinite(number) else None


def _unit(text):
    """Return the name of a unit as in the tables above. ImageJ writes its µ as an escape, some programs as a Greek letter."""
    return str(text).strip().lower().replace("\\u00b5", "µ").replace("μ", "µ").rstrip(".")


def _scaled(told, unit, table, zero=False):
    number, factor = _number(told), table.get(_unit(unit))
    return number * factor if factor and number is not None and (number > 0 or (zero and number == 0)) else None


def _spaced(number, interval):
    return (place * interval for place in range(number))


def _from_start(seconds):
    """Return the times as a tuple that starts at 0, or None if one is unknown or they do not rise."""
    if None in seconds or any(late <= early for early, late in zip(seconds, seconds[1:], strict=False)):
        return None
    return tuple(one - seconds[0] for one in seconds)
