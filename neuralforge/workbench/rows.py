"""The rows of a curve: steps and values in chunks, so that growing never copies what is already there."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

CHUNK_ROWS = 4096
LARGEST_CHUNK_ROWS = 1 << 17
_FARTHEST_STEP = 1 << 62


class Rows:
    """Steps that never go down, each with a value; only ever appended to.

    One array that doubles would hold up a frame for as long as ten million rows take to copy. A chunk is made for a
    sixteenth of what is there, so at most that much lies idle.
    """

    __slots__ = ("_filled", "_last_steps", "_starts", "_steps", "_values", "count")

    def __init__(self) -> None:
        self.count = 0
        self._steps: list[Ints] = []
        self._values: list[Floats] = []
        self._starts: list[int] = []  # of each chunk: the number of its first row
        self._last_steps: list[int] = []
        self._filled = 0  # rows in the last chunk

    def extend(self, steps: ArrayLike, values: ArrayLike) -> None:
        """Append rows.

        Args:
            steps: [N] whole numbers that do not go down, from the last step on.
            values: [N].

        Raises:
            ValueError: The lengths differ, or a step goes down. Nothing was appended.
        """
        new_steps, new_values = np.asarray(steps, np.int64), np.asarray(values, np.float64)
        if new_steps.ndim != 1 or new_steps.shape != new_values.shape:
            raise ValueError(f"There must be a value for each step. Received: {new_steps.shape}, {new_values.shape}")
        if not len(new_steps):
            return
        if (new_steps[1:] < new_steps[:-1]).any() or (self.count and new_steps[0] < self._last_steps[-1]):
            raise ValueError(f"Steps must not go down. Received: {new_steps[0]} to {new_steps[-1]}")
        done = 0
        while done < len(new_steps):
            if not self._steps or self._filled == len(self._steps[-1]):
                self._add_chunk(len(new_steps) - done)
            at = self._filled
            taken = min(len(new_steps) - done, len(self._steps[-1]) - at)
            self._steps[-1][at : at + taken] = new_steps[done : done + taken]
            self._values[-1][at : at + taken] = new_values[done : done + taken]
            self._filled += taken
            done += taken
            self._last_steps[-1] = int(new_steps[done - 1])
        self.count += done

    def between(self, start: int, stop: int) -> tuple[Ints, Floats]:
        """Return steps and values of the rows `start` to `stop`, not to be written to."""
        first = bisect_right(self._starts, start) - 1
        if stop <= start:
            return np.empty(0, np.int64), np.empty(0)
        last = bisect_left(self._starts, stop) - 1
        base = self._starts[first]
        if first == last:
            return self._steps[first][start - base : stop - base], self._values[first][start - base : stop - base]
        # All chunks but the last are full.
        found = []
        for chunks in (self._steps, self._values):
            parts = [
                chunks[first][start - base :],
                *chunks[first + 1 : last],
                chunks[last][: stop - self._starts[last]],
            ]
            found.append(np.concatenate(parts))
        return found[0], found[1]

    def row_of(self, step: float, side: Literal["left", "right"]) -> int:
        """Return the number of rows before a step ("left") or up to and with it ("right"), in O(log n)."""
        # NumPy would turn the whole array into floats to look a float up, so the step is made a whole number.
        if math.isnan(step):
            raise ValueError("A step must be a number. Received: nan")
        bounded = min(max(step, -_FARTHEST_STEP), _FARTHEST_STEP)
        whole = math.ceil(bounded) if side == "left" else math.floor(bounded)
        find = bisect_left if side == "left" else bisect_right
        chunk = find(self._last_steps, whole)
        if chunk == len(self._steps):
            return self.count
        filled = self._filled if chunk == len(self._steps) - 1 else len(self._steps[chunk])
        return self._starts[chunk] + int(np.searchsorted(self._steps[chunk][:filled], np.int64(whole), side))

    def _add_chunk(self, coming: int) -> None:
        start = self._starts[-1] + self._filled if self._starts else 0
        size = max(coming, min(max(start // 16, CHUNK_ROWS), LARGEST_CHUNK_ROWS))
        self._steps.append(np.empty(size, np.int64))
        self._values.append(np.empty(size))
        self._starts.append(start)
        self._last_steps.append(0)
        self._filled = 0
