"""One line of the benchmark's table: a value, the value that it is compared with, their ratio and the aim."""

import statistics
import time
from dataclasses import dataclass


@dataclass
class Row:
    """A value and a value to compare it with, which has a name and the same `unit`. `aim` and `limit` are of their ratio.

    aim: "at least", "at most" or "".
    """

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
        """Return whether the aim is met; None without an aim."""
        return {"at least": self.ratio >= self.limit, "at most": self.ratio <= self.limit, "": None}[self.aim]

    def line(self):
        """Return the row as a line of a Markdown table."""
        aim = f"{self.aim} {self.limit:g}" if self.aim else ""
        verdict = {True: "met", False: "NOT MET", None: ""}[self.met]
        beside = f"{self.beside}: {self.beside_value:.4g} {self.unit}"
        return f"| {self.what} | {self.value:.4g} {self.unit} | {beside} | {self.ratio:.3g} | {aim} | {verdict} |"


def seconds(function, *arguments):
    """Return the wall time of one call in seconds."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def in_turns(repeats, *functions):
    """Return the median wall time of each function in seconds. Calls alternate, so that a busy moment affects all of them."""
    times = [[seconds(function) for function in functions] for _ in range(repeats)]
    return [statistics.median(column) for column in zip(*times, strict=True)]
