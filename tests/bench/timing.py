"""Taking times side by side: rounds in turn, medians over rounds, and lines of the table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

Clock = Callable[[], float]
Times = Mapping[str, list[float]]
"""Name of a side -> its time in each round, in seconds."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the table.

    Args:
        name: What was measured.
        value: The figure; NaN where it could not be taken.
        unit: Its unit; "x" for a ratio.
        goal: Bound that it is to keep; None where it is told for its own sake.
        at_least: Whether the goal is a lower bound.
        note: What else is worth knowing.
    """

    name: str
    value: float
    unit: str = "x"
    goal: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def ok(self) -> bool | None:
        """Whether the goal is kept; None without a goal."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What a subject gets to measure with.

    Args:
        folder: An empty folder of its own.
        quick: Whether to make do with few rounds.
    """

    folder: Path
    quick: bool

    def pick(self, whole: int, quick: int) -> int:
        """Return a number of rounds."""
        return quick if self.quick else whole


Measure = Callable[[Bench], Iterator[Line]]
"""What a subject's `measure` is."""


def interleaved(sides: Mapping[str, Callable[[], object]], rounds: int, clock: Clock = time.process_time) -> Times:
    """Time every side once a round; the order turns round each time, so that a drift hits all alike.

    Args:
        sides: Name -> what to time. Each is run once before, untimed.
        rounds: How many rounds.
        clock: CPU time of this process where nothing is said, which neighbours on the machine disturb least.
    """
    names = list(sides)
    for side in sides.values():
        side()
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            began = clock()
            sides[name]()
            times[name].append(clock() - began)
        names.reverse()
    return times


def ratio(times: Times, top: str, bottom: str) -> float:
    """Return the median over rounds of one side's time over another's."""
    return median(a / b for a, b in zip(times[top], times[bottom], strict=True))


def grouped_ratio(times: Times, top: str, bottom: str, secs: float) -> float:
    """Return the median, over groups of rounds that add up to about `secs` of a side, of one side over another.

    So what happens now and then, such as a flush, is in every group, and a disturbed group does not count.
    """
    size = max(1, min(len(times[bottom]) // 3, round(secs / median(times[bottom]))))
    starts = range(0, len(times[bottom]) - size + 1, size)
    return median(sum(times[top][at : at + size]) / sum(times[bottom][at : at + size]) for at in starts)


def extra(times: Times, top: str, bottom: str) -> float:
    """Return the median over rounds of one side's time less another's, in seconds."""
    return median(a - b for a, b in zip(times[top], times[bottom], strict=True))


def repeated(action: Callable[[], object], rounds: int, clock: Clock = time.process_time) -> float:
    """Return the median time of an action, in seconds; it is run once before, untimed."""
    return median(interleaved({"it": action}, rounds, clock)["it"])


def prepared(setups: Callable[[], Callable[[], object]], rounds: int, clock: Clock = time.process_time) -> float:
    """Return the median time of actions that are each made anew, untimed, in seconds."""
    times = []
    for _ in range(rounds):
        action = setups()
        began = clock()
        action()
        times.append(clock() - began)
    return median(times)


def percentile(values: list[float], share: float) -> float:
    """Return the smallest value that at least `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1))]
