"""What a loop that a person writes puts into the log: its numbers have names that are known when the first is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from neuralforge.runs.log import RunLog
from neuralforge.train.recorder import TRAIN_CHANNEL, Feed, LogRecorder, Recorder, Tee


class LoopRecorder(Recorder, Protocol):
    """What an own loop needs of its log."""

    def declare(self, series: tuple[str, ...]) -> None:
        """Say what the values of a row are, once, before the first row."""


class LoopFeed(Feed, Protocol):
    """What wants to see what an own loop writes."""

    def name(self, series: tuple[str, ...]) -> None:
        """Take what the values of a row are, before the first row."""


class LoopLogRecorder(LogRecorder):
    """Writes everything to a run log.

    Args:
        log: The log, open for writing.
    """

    def __init__(self, log: RunLog) -> None:
        super().__init__(log)
        self._scalars: dict[str, Callable[[int, float], None]] = {}
        self.scalar = self._scalar

    def declare(self, series: tuple[str, ...]) -> None:
        """Declare the channel of the rows.

        Raises:
            RunLogError: The log cannot be written; this may be tried again.
        """
        self.row = self.log.declare(TRAIN_CHANNEL, series).row

    def _scalar(self, name: str, step: int, value: float) -> None:
        """Write one number of a series of its own; found by name, since a loop may have many and log them often."""
        write = self._scalars.get(name)
        if write is not None:
            write(step, value)
            return
        self.log.scalar(name, step, value)
        self._scalars[name] = self.log.channel(name).row


class LoopTee(Tee):
    """Passes everything on to the recorder of an own loop, and then shows a feed what it has taken.

    Args:
        recorder: Where everything goes.
        feed: What sees it.
    """

    def __init__(self, recorder: LoopLogRecorder, feed: LoopFeed) -> None:
        self._log_recorder = recorder
        self._named = feed
        super().__init__(recorder, feed)

    def declare(self, series: tuple[str, ...]) -> None:
        """Declare the channel of the rows, and tell the feed."""
        self._log_recorder.declare(series)
        self._named.name(series)
        super().__init__(self._log_recorder, self._named)  # which binds the row that is there now
