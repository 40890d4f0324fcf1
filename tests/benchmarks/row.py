"""One line of the benchmark's table: a figure, what it stands beside, their ratio and the aim."""

import statistics
import time
from dataclasses import dataclass


@dataclass
class Row:
    """`value` and `beside_value` are in the same `unit`; `aim` is "at least", "at most" or "", of their ratio."""

    what: str
    value: float
    unit: str
    beside: str
    beside_value: float
    aim: str = ""
    limit: float = 1.0

    @property
    def ratio(self):
        return self.value / self.beside_value

    @property
    def met(self):
        """Whether the aim is met; None where there is none."""
        return {"at least": self.ratio >= self.limit, "at most": self.ratio <= self.limit, "": None}[self.aim]

    def line(self):
        """The row as a line of a Markdown table."""
        aim = f"{self.aim} {self.limit:g}" if self.aim else ""
        verdict = {True: "met", False: "NOT MET", None: ""}[self.met]
        beside = f"{self.beside}: {self.beside_value:.4g} {self.unit}"
        return f"| {self.what} | {self.value:.4g} {self.unit} | {beside} | {self.ratio:.3g} | {aim} | {verdict} |"


def seconds(function, *arguments):
    """Wall time of one call."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def in_turns(repeats, *functions):
    """Median wall time of each function, called in turns so that a busy moment of the machine meets them all."""
    times = [[seconds(function) for function in functions] for _ in range(repeats)]
    return [statistics.median(column) for column in zip(*times, strict=True)]
