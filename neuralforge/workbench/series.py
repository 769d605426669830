"""The curves that plots draw: growing in memory, cheap to look at from any distance, fed from the training thread."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from neuralforge.workbench.pyramid import FIRST_STEP, LOW, MINUS_HIGH, POSITIVE, WHOLE, Pyramid
from neuralforge.workbench.rows import Flags, Floats, Ints, Rows

T = TypeVar("T")

Row = tuple[float, ...]
"""A step and the values of a channel's series at it."""


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """What a plot draws of a range of steps: a line where it is exact, else the area between two lines.

    All arrays are contiguous, of one length, and the caller's own.

    Args:
        steps: [B] float64, first step of each bucket; it goes up as the steps of the series do.
        low: [B] float64, least finite value of each bucket; NaN where there is none.
        high: [B] float64, greatest finite value of each bucket; NaN where there is none.
        broken: [B] bool, whether a bucket holds NaN or an infinity.
        exact: Whether each bucket is one row; then `low` and `high` are the same array.
    """

    steps: Floats
    low: Floats
    high: Floats
    broken: Flags
    exact: bool

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True, slots=True)
class Extent:
    """Extremes of the finite values in a range.

    Args:
        low: Least value.
        high: Greatest value.
        least_positive: Least value above zero, where a logarithmic axis can begin; None where there is none.
        broken: Whether the range holds NaN or an infinity, too.
    """

    low: float
    high: float
    least_positive: float | None
    broken: bool


class Series:
    """One growing curve: steps that do not go down, each with a value.

    It takes 16 bytes a row, and 0.7 for the pyramid (4.5 %), which keeps minima and maxima of blocks of 64 rows and of
    8, 64, ... such blocks; up to a sixteenth more is set aside for rows to come (at least 4,096 rows). No extreme is
    ever lost, whatever the zoom; NaN and infinities are kept apart from the extremes and reported beside them. A series
    belongs to one thread.

    `len` is the number of rows. Rows are never changed or taken away, so it also tells whether anything came in.
    """

    __slots__ = ("_pyramid", "_rows")

    def __init__(self) -> None:
        self._rows = Rows()
        self._pyramid = Pyramid(self._rows)

    def __len__(self) -> int:
        return self._rows.count

    @property
    def last(self) -> tuple[int, float] | None:
        """Step and value of the last row."""
        return self._row(self._rows.count - 1) if self._rows.count else None

    def extend(self, steps: ArrayLike, values: ArrayLike) -> None:
        """Append rows, in O(rows that are appended).

        Args:
            steps: [N] whole numbers that do not go down, from the last step on.
            values: [N].

        Raises:
            ValueError: The lengths differ, or a step goes down. Nothing was appended.
        """
        before = self._rows.count
        self._rows.extend(steps, values)
        self._pyramid.update(before)

    def rows(self, start: int = 0, stop: int | None = None) -> tuple[Ints, Floats]:
        """Return steps and values by number of row, as they came, not to be written to.

        Args:
            start: First row, from 0.
            stop: Row after the last one; None is the end.

        Returns:
            Two arrays of equal length; they may share memory with the series.
        """
        end = self._rows.count if stop is None else min(stop, self._rows.count)
        return self._rows.between(max(start, 0), end)

    def window(self, first_step: float, last_step: float, max_points: int, *, beyond: bool = False) -> Band:
        """Return what a plot shows of a range of steps, in a time that hardly depends on how many rows there are.

        Args:
            first_step: Left end of the range.
            last_step: Right end; a row at it is in the range.
            max_points: Greatest number of buckets; the width of the plot in pixels is enough.
            beyond: Whether to go on to the nearest row on either side, so that a line reaches the edges of the plot.

        Returns:
            The rows themselves, where there are no more than `max_points`; else buckets of neighbouring rows.

        Raises:
            ValueError: `max_points` is less than 1, or an end is NaN.
        """
        if max_points < 1:
            raise ValueError(f"A window has at least one point. Received: {max_points}")
        start, stop = self._range(first_step, last_step)
        if beyond:
            start, stop = max(start - 1, 0), min(max(stop, start) + 1, self._rows.count)
        if stop - start <= max_points:
            return self._exact(start, stop)
        minima = self._pyramid.buckets(start, stop, max_points)
        low, high, broken = minima[LOW], -minima[MINUS_HIGH], minima[WHOLE] == 0
        if broken.any():
            nothing = np.isinf(low)
            low[nothing] = high[nothing] = np.nan
        return Band(minima[FIRST_STEP], low, high, broken, exact=False)

    def extent(self, first_step: float = -math.inf, last_step: float = math.inf) -> Extent | None:
        """Return the extremes in a range of steps, by the pyramid.

        Args:
            first_step: Left end of the range.
            last_step: Right end; a row at it is in the range.

        Returns:
            None where the range holds no finite value.
        """
        start, stop = self._range(first_step, last_step)
        if start >= stop:
            return None
        minima = self._pyramid.over(start, stop).tolist()
        if math.isinf(minima[LOW]):
            return None
        positive = minima[POSITIVE]
        return Extent(
            low=minima[LOW],
            high=-minima[MINUS_HIGH],
            least_positive=None if math.isinf(positive) else positive,
            broken=minima[WHOLE] == 0,
        )

    def value_at(self, step: float) -> float | None:
        """Return the value of the last row at or before a step; None before the first. It may be NaN or infinite."""
        after = self._rows.row_of(step, "right")
        return self._row(after - 1)[1] if after else None

    def _range(self, first_step: float, last_step: float) -> tuple[int, int]:
        return self._rows.row_of(first_step, "left"), self._rows.row_of(last_step, "right")

    def _row(self, number: int) -> tuple[int, float]:
        steps, values = self._rows.between(number, number + 1)
        return int(steps[0]), float(values[0])

    def _exact(self, start: int, stop: int) -> Band:
        steps, values = self._rows.between(start, stop)
        finite = np.isfinite(values)
        drawn = np.where(finite, values, np.nan)  # an infinity is no place on a plot
        return Band(steps.astype(np.float64), drawn, drawn, ~finite, exact=True)


class Feed:
    """Where the training thread puts the rows of some series that have their steps in common.

    Args:
        names: The series, in the order of a row's values.
    """

    __slots__ = ("_pending", "names", "row")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._pending: list[Row] = []
        self.row: Callable[[Row], None] = self._pending.append
        """Takes `(step, value, value, ...)`. It is the list's own method: 0.05 us, no Python frame."""

    def take(self) -> list[Row]:
        """Return what was put in since, oldest first, and forget it. Only one thread may take."""
        return _take(self._pending)


class SeriesBook:
    """Name -> curve. One thread feeds it; another one, which alone looks at the curves, takes in once a frame."""

    def __init__(self) -> None:
        self.revision = 0
        """Grows whenever something came in."""
        self._series: dict[str, Series] = {}
        self._feeds: list[Feed] = []
        self._scalars: list[tuple[str, int, float]] = []

    @classmethod
    def of(cls, curves: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> SeriesBook:
        """Make a book of whole curves, those of a finished run for example.

        Args:
            curves: Name -> steps and values, each [N].

        Raises:
            ValueError: Lengths differ, or a step goes down.
        """
        book = cls()
        for name, (steps, values) in curves.items():
            book._extend(name, steps, values)
        return book

    @property
    def names(self) -> tuple[str, ...]:
        """The series that have rows, in the order in which they came."""
        return tuple(self._series)

    def __getitem__(self, name: str) -> Series:
        return self._series[name]

    def __contains__(self, name: object) -> bool:
        return name in self._series

    def get(self, name: str) -> Series | None:
        """Return a series; None as long as it has no rows."""
        return self._series.get(name)

    def channel(self, names: tuple[str, ...]) -> Feed:
        """Return where to put rows of some series. May be called from the thread that feeds.

        Args:
            names: The series, in the order of a row's values.

        Returns:
            A feed; what is put into it is seen after the next `take_in`.
        """
        feed = Feed(tuple(names))
        self._feeds.append(feed)
        return feed

    def scalar(self, name: str, step: int, value: float) -> None:
        """Put in one value of a series of its own. May be called from the thread that feeds."""
        self._scalars.append((name, step, value))

    def take_in(self) -> bool:
        """Take over what was put in since the last time. To be called by the thread that looks at the curves.

        Returns:
            Whether anything came in.

        Raises:
            ValueError: A row has not as many values as its feed has names, or a step goes down. That block is dropped.
        """
        before = self.revision
        for feed in tuple(self._feeds):
            rows = feed.take()
            if not rows:
                continue
            first, *columns = zip(*rows, strict=True)
            if len(columns) != len(feed.names):
                raise ValueError(f"A row has a step and {len(feed.names)} values. Received: {rows[0]}")
            steps = np.fromiter(first, np.int64, len(rows))
            for name, column in zip(feed.names, columns, strict=True):
                self._extend(name, steps, np.fromiter(column, np.float64, len(rows)))
        singles: dict[str, list[tuple[int, float]]] = {}
        for name, step, value in _take(self._scalars):
            singles.setdefault(name, []).append((step, value))
        for name, pairs in singles.items():
            self._extend(name, *zip(*pairs, strict=True))
        return self.revision > before

    def _extend(self, name: str, steps: ArrayLike, values: ArrayLike) -> None:
        series = self._series.get(name)
        if series is None:
            series = Series()
        series.extend(steps, values)
        if len(series):
            self._series[name] = series
            self.revision += 1


def _take(pending: list[T]) -> list[T]:
    """Return what a list holds and remove it, while another thread may append."""
    # Each of the three lines is one operation of the list, which no other thread can come between: the interpreter's
    # lock guards it, or, in builds without that lock, the list's own. In between the lines the other thread may only
    # append, behind `count`; so the rows that are copied are those that are deleted, and a later row stays for the next
    # time. The list itself is never exchanged, hence `append` can be bound once and called without looking anything up.
    count = len(pending)
    taken = pending[:count]
    del pending[:count]
    return taken
