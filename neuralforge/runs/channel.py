"""One channel of a run log: the block in memory that rows are stored into, and the hot path that does it."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from neuralforge.runs.layout import ROWS_PER_CHUNK
from neuralforge.runs.recover import rows_record


class Channel:
    """Series that are logged together, a row a step. `RunLog.channel` returns it.

    Args:
        name: Name of the channel.
        number: Its number in the journal.
        series: Names of its series.
        last_step: Step of its last row so far, 0 for none.
        spill: Called when the block is full; it empties the block or makes it larger.
    """

    __slots__ = (
        "_block", "_capacity", "_journalled", "_last_step", "_pack_into", "_row_bytes", "_spill", "_used",
        "name", "number", "recorded_step", "series",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        number: int,
        series: tuple[str, ...],
        last_step: int,
        spill: Callable[[Channel], None],
    ) -> None:
        layout = struct.Struct(f"<q{len(series)}d")
        self.name = name
        self.number = number
        self.series = series
        self.recorded_step = last_step
        """The last step that is in the journal."""
        self._last_step = last_step
        self._pack_into = layout.pack_into
        self._row_bytes = layout.size
        self._spill = spill
        self._capacity = ROWS_PER_CHUNK * layout.size
        self._block = bytearray(self._capacity)
        self._used = 0
        self._journalled = 0

    def row(self, step: int, *values: float) -> None:
        """Log one row. This is the hot path: it stores numbers into memory and does nothing else.

        A failing disk never makes it raise; the next `tick`, `flush` or `event` says so.

        Args:
            step: The step, larger than that of the row before.
            *values: A number for each series, in the order of the channel.

        Raises:
            AssertionError: The step is not larger than the last one.
            struct.error: There are more or fewer values than series, or they are not numbers.
        """
        used = self._used
        if used == self._capacity:
            self._spill(self)
            used = self._used
        assert step > self._last_step, f"channel {self.name!r}: step {step} after step {self._last_step}"
        self._pack_into(self._block, used, step, *values)
        self._last_step = step
        self._used = used + self._row_bytes

    @property
    def last_step(self) -> int:
        """Step of the last row, 0 when there is none."""
        return self._last_step

    @property
    def is_dirty(self) -> bool:
        """Whether rows wait to be written to the file."""
        return self._used > 0

    def unrecorded(self) -> Iterator[bytes]:
        """Yield journal records for the rows that are in memory only."""
        most = ROWS_PER_CHUNK * self._row_bytes
        with memoryview(self._block) as view:
            for start in range(self._journalled, self._used, most):
                yield rows_record(self.number, bytes(view[start : min(self._used, start + most)]))

    def mark_recorded(self) -> None:
        """Note that all rows are in the journal."""
        self._journalled = self._used
        self.recorded_step = self._last_step

    def take(self) -> bytes:
        """Return the recorded rows and forget them."""
        assert self._journalled == self._used, "rows leave memory only when the journal has them"
        rows = bytes(memoryview(self._block)[: self._used])
        self._used = self._journalled = 0
        usual = ROWS_PER_CHUNK * self._row_bytes
        if self._capacity > usual:
            self._block, self._capacity = bytearray(usual), usual
        return rows

    def grow(self) -> None:
        """Double the block, so that rows are kept while the disk refuses them."""
        self._block.extend(bytes(self._capacity))
        self._capacity *= 2
