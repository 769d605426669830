"""Least and greatest values of blocks of rows, of blocks of blocks, and so on: any zoom reads a few thousand numbers.

Everything kept is a minimum, so that one operation goes over all of it at once. Each level has an entry for the block
that is still filling, too; so a level covers all rows, and no tail needs a way of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuralforge.workbench.rows import Floats, Ints, Rows

BLOCK_ROWS = 64
FACTOR = 8
"""64 rows are an entry of the lowest level; 8 entries are one of the next. With 64 throughout, a bucket could be 32
entries wide, and reading would cost eight times as much; a low factor costs memory only at the bottom."""

LOW, MINUS_HIGH, FIRST_STEP, WHOLE, POSITIVE = range(5)
"""Lines of a level: least finite value; minus the greatest; first step (exact below 2**53); 0 where a value is NaN or
infinite, else 1; least positive finite value. Infinity where there is none."""
_LINES = 5


class Pyramid:
    """Minima over the rows of a curve.

    Args:
        rows: The rows. `update` is to be called after each change.
    """

    __slots__ = ("_counts", "_levels", "_rows")

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._levels: list[Floats] = []  # each [5, room]
        self._counts: list[int] = []

    def update(self, first_row: int) -> None:
        """Take over the rows from `first_row` to the end; those before were taken over already."""
        entry = first_row // BLOCK_ROWS
        steps, values = self._rows.between(entry * BLOCK_ROWS, self._rows.count)
        if not len(values):
            return
        self._put(0, entry, summarise(steps, values, np.arange(0, len(values), BLOCK_ROWS)))
        level = 0
        while self._counts[level] > FACTOR:
            entry = entry // FACTOR if level + 1 < len(self._levels) else 0
            below = self._levels[level][:, entry * FACTOR : self._counts[level]]
            self._put(level + 1, entry, np.minimum.reduceat(below, np.arange(0, below.shape[1], FACTOR), axis=1))
            level += 1

    def over(self, start: int, stop: int) -> Floats:
        """Return the minima over the rows `start` to `stop` (at least one row), [5], in O(log n)."""
        first = -(-start // BLOCK_ROWS)
        last = self._counts[0] if stop == self._rows.count else stop // BLOCK_ROWS
        if first >= last:
            return self._of_rows(start, stop)
        parts = []
        if start < first * BLOCK_ROWS:
            parts.append(self._of_rows(start, first * BLOCK_ROWS))
        if last * BLOCK_ROWS < stop:
            parts.append(self._of_rows(last * BLOCK_ROWS, stop))
        for level, entries in enumerate(self._levels):
            above = level + 1
            higher_first = -(-first // FACTOR)
            higher_last = 0
            if above < len(self._levels):
                higher_last = self._counts[above] if last == self._counts[level] else last // FACTOR
            if higher_first >= higher_last:
                parts.append(np.minimum.reduce(entries[:, first:last], axis=1))
                break
            if first < higher_first * FACTOR:
                parts.append(np.minimum.reduce(entries[:, first : higher_first * FACTOR], axis=1))
            if higher_last * FACTOR < last:
                parts.append(np.minimum.reduce(entries[:, higher_last * FACTOR : last], axis=1))
            first, last = higher_first, higher_last
        return parts[0] if len(parts) == 1 else np.minimum.reduce(parts)

    def buckets(self, start: int, stop: int, most: int) -> Floats:
        """Return minima over buckets of equal width that cover the rows `start` to `stop`, in order.

        Buckets begin at multiples of their width, a power of two, so that they hold still while a curve grows or is
        moved; the first and the last are narrower where the range cuts them.

        Args:
            start: First row.
            stop: Row after the last one; at least two more.
            most: Greatest number of buckets, at least 1; there are at least half as many, less one.

        Returns:
            [4, buckets]: all lines but the least positive one.
        """
        width = 2
        while (stop - 1) // width - start // width >= most:
            width *= 2
        inner_first, inner_stop = -(-start // width), stop // width
        if width < BLOCK_ROWS:
            steps, values = self._rows.between(start, stop)
            starts = np.arange(inner_first * width - start, len(values), width)
            if start < inner_first * width:
                starts = np.concatenate((np.zeros(1, np.intp), starts))
            return summarise(steps, values, starts, positive=False)
        if inner_first > inner_stop:  # within one bucket
            return self.over(start, stop)[:POSITIVE, None]

        level, size = 0, BLOCK_ROWS
        while level + 1 < len(self._levels) and size * FACTOR <= width:
            level, size = level + 1, size * FACTOR
        merged = width // size
        inner = self._levels[level][:POSITIVE, inner_first * merged : inner_stop * merged]
        while merged > 1:
            inner = np.minimum(inner[:, ::2], inner[:, 1::2])
            merged //= 2
        parts = [inner]
        if start < inner_first * width:
            parts.insert(0, self.over(start, inner_first * width)[:POSITIVE, None])
        if inner_stop * width < stop:
            parts.append(self.over(inner_stop * width, stop)[:POSITIVE, None])
        return np.concatenate(parts, axis=1)

    def _of_rows(self, start: int, stop: int) -> Floats:
        return summarise(*self._rows.between(start, stop), np.zeros(1, np.intp))[:, 0]

    def _put(self, level: int, entry: int, minima: Floats) -> None:
        """Write entries of a level, from `entry` to its new end."""
        if level == len(self._levels):
            self._levels.append(np.empty((_LINES, 0)))
            self._counts.append(0)
        count = entry + minima.shape[1]
        if count > self._levels[level].shape[1]:
            roomy = np.empty((_LINES, count + count // 16 + FACTOR))
            roomy[:, :entry] = self._levels[level][:, :entry]
            self._levels[level] = roomy
        self._levels[level][:, entry:count] = minima
        self._counts[level] = count


def summarise(steps: Ints, values: Floats, starts: NDArray[np.intp], *, positive: bool = True) -> Floats:
    """Return the minima over blocks of rows.

    Args:
        steps: [N].
        values: [N].
        starts: [blocks] where each block starts; they go up, the first is 0.
        positive: Whether to find the least positive values, too.

    Returns:
        [5, blocks], or [4, blocks] without the positive ones.
    """
    found = np.empty((_LINES if positive else POSITIVE, len(starts)))
    found[FIRST_STEP] = steps[starts]
    lows, highs = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    # NaN spreads through both, and an infinity is an extreme: a block is whole when its extremes are finite.
    whole = np.isfinite(lows) & np.isfinite(highs)
    if not whole.all():
        finite = np.isfinite(values)
        lows = np.minimum.reduceat(np.where(finite, values, np.inf), starts)
        highs = np.maximum.reduceat(np.where(finite, values, -np.inf), starts)
    found[LOW], found[MINUS_HIGH], found[WHOLE] = lows, -highs, whole
    if positive:
        if lows.min() > 0:
            found[POSITIVE] = lows
        else:
            found[POSITIVE] = np.minimum.reduceat(np.where(values > 0, values, np.inf), starts)
    return found
