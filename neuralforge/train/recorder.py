"""Where a session writes what happens: to the log, or, on a stretch that was recorded before, beside the record.

Resume and replay are the same thing here: a session goes again over recorded steps, takes its requests from the
record, and what it produces is compared with the record and not written a second time.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from neuralforge.runs.errors import RunFileError
from neuralforge.runs.events import Event
from neuralforge.runs.lock import holder
from neuralforge.runs.log import RunLog
from neuralforge.runs.reader import RunReader

TRAIN_CHANNEL = "train"


class Recorder(Protocol):
    """What a session needs of its log."""

    def row(self, step: int, *values: float) -> None:
        """Write the numbers of an update, in the order of the channel's series."""

    def scalar(self, name: str, step: int, value: float) -> None:
        """Write one number of a series of its own."""

    def event(self, event: Event) -> Event:
        """Write an event and return it as it was written."""

    def checkpoint(self, step: int, file: str, sha256: str, kind: str) -> object:
        """Write that a checkpoint is on the disk."""

    def status(self, status: str) -> None:
        """Write the state of the run."""

    def tick(self, now_secs: float, expected_gap_secs: float) -> None:
        """Bring what is due to the disk; almost free when nothing is."""

    def flush(self) -> None:
        """Bring everything to the disk."""

    def close(self, status: str, steps: int, weights_sha256: str | None) -> None:
        """End the log."""

    @property
    def is_open(self) -> bool:
        """Whether a `close` that raised may be tried again."""

    def abandon(self) -> None:
        """Let go of the log without ending it."""


class LogRecorder:
    """Writes everything to a run log.

    Args:
        log: The log, open for writing; it has the channel of the updates, unless that is declared later.
    """

    def __init__(self, log: RunLog) -> None:
        self.log = log
        self.row = log.channel(TRAIN_CHANNEL).row if TRAIN_CHANNEL in log.header.channels else _undeclared
        self.scalar = log.scalar
        self.checkpoint = log.checkpoint
        self.status = log.set_status
        self.tick = log.tick
        self.flush = log.flush

    def event(self, event: Event) -> Event:
        """Write an event and return it with its number, time and digest."""
        return self.log.event(event)

    def close(self, status: str, steps: int, weights_sha256: str | None) -> None:
        """End the log."""
        digest = {} if weights_sha256 is None else {"weights_sha256": weights_sha256}
        self.log.close(status, steps=steps, **digest)

    @property
    def is_open(self) -> bool:
        """Whether the log still has its lock, which it gives back when it is closed."""
        return holder(self.log.folder) is not None

    def abandon(self) -> None:
        """Let go of the log without ending it."""
        self.log.abandon()


def _undeclared(step: int, *values: float) -> None:
    raise AssertionError("the channel of the updates is not declared yet")


class Feed(Protocol):
    """What wants to see what a session writes, such as the plots of a window.

    It is called on the thread that steps, within a step, so it must be quick, and it must not raise.
    """

    def row(self, step: int, *values: float) -> None:
        """Take the numbers of an update, in the order of the channel's series."""

    def scalar(self, name: str, step: int, value: float) -> None:
        """Take one number of a series of its own."""

    def event(self, event: Event) -> None:
        """Take an event as the log has it, with its number and time."""

    def checkpoint(self, step: int, file: str, sha256: str, kind: str) -> None:
        """Take that a checkpoint is on the disk."""

    def status(self, status: str) -> None:
        """Take the state of the run, at its end too."""


class Tee:
    """Passes everything on to a recorder, and then shows a feed what the recorder has taken.

    What the recorder refuses is not shown.

    Args:
        recorder: Where everything goes.
        feed: What sees it.
    """

    def __init__(self, recorder: Recorder, feed: Feed) -> None:
        self._recorder = recorder
        self._feed = feed
        self.tick = recorder.tick
        self.flush = recorder.flush
        self.abandon = recorder.abandon
        write, show = recorder.row, feed.row

        def row(step: int, *values: float) -> None:  # once a step: names of a function are found quicker than `self`
            write(step, *values)
            show(step, *values)

        self.row = row

    def scalar(self, name: str, step: int, value: float) -> None:
        """Write and show one number of a series of its own."""
        self._recorder.scalar(name, step, value)
        self._feed.scalar(name, step, value)

    def event(self, event: Event) -> Event:
        """Write and show an event."""
        written = self._recorder.event(event)
        self._feed.event(written)
        return written

    def checkpoint(self, step: int, file: str, sha256: str, kind: str) -> object:
        """Write and show that a checkpoint is on the disk."""
        entry = self._recorder.checkpoint(step, file, sha256, kind)
        self._feed.checkpoint(step, file, sha256, kind)
        return entry

    def status(self, status: str) -> None:
        """Write and show the state of the run."""
        self._recorder.status(status)
        self._feed.status(status)

    def close(self, status: str, steps: int, weights_sha256: str | None) -> None:
        """End the log and show how."""
        self._recorder.close(status, steps, weights_sha256)
        self._feed.status(status)

    @property
    def is_open(self) -> bool:
        """Whether the log is open."""
        return self._recorder.is_open


class NullRecorder:
    """Writes nothing; for measurements and for what needs no record."""

    def row(self, step: int, *values: float) -> None:
        """Ignore a row."""

    def scalar(self, name: str, step: int, value: float) -> None:
        """Ignore a number."""

    def event(self, event: Event) -> Event:
        """Ignore an event."""
        return event

    def checkpoint(self, step: int, file: str, sha256: str, kind: str) -> None:
        """Ignore a checkpoint."""

    def status(self, status: str) -> None:
        """Ignore a state."""

    def tick(self, now_secs: float, expected_gap_secs: float) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing."""

    def close(self, status: str, steps: int, weights_sha256: str | None) -> None:
        """Do nothing."""

    is_open = False

    def abandon(self) -> None:
        """Do nothing."""


class Difference(NamedTuple):
    """The first number that came out otherwise than recorded."""

    step: int
    series: str
    recorded: float
    now: float

    def __str__(self) -> str:
        return f"step {self.step}: {self.series} was {self.recorded!r} and is {self.now!r}"


@dataclass(frozen=True)
class History:
    """What a log holds of a run.

    Args:
        series: Name -> (steps, values).
        train: Names of the series of an update, in the order of their channel.
        events: All events.
    """

    series: dict[str, tuple[np.ndarray, np.ndarray]]
    train: tuple[str, ...]
    events: tuple[Event, ...]

    @staticmethod
    def read(reader: RunReader) -> History:
        """Read the history of a run."""
        if TRAIN_CHANNEL not in reader.channels():
            raise RunFileError(f"{reader.path} holds no numbers of a training (it has no channel {TRAIN_CHANNEL!r}).")
        return History(
            series={name: reader.series(name) for name in reader.series_names()},
            train=tuple(reader.channels()[TRAIN_CHANNEL]),
            events=tuple(reader.events()),
        )

    @property
    def last_step(self) -> int:
        """The last update whose numbers were recorded; 0 when there is none."""
        steps = self.series[self.train[0]][0]
        return int(steps[-1]) if len(steps) else 0

    def requests(self, after: int) -> dict[int, list[Event]]:
        """Return what was asked from outside and came into force after a step, by the step in which it did."""
        found: dict[int, list[Event]] = defaultdict(list)
        for event in self.events:
            numeric = event.operation == "set" or event.key == "extend"
            if numeric and event.status == "applied" and (event.applied_step or 0) > after:
                found[event.applied_step or 0].append(event)
        return dict(found)

    def pending(self) -> list[Event]:
        """Return what was asked for a later step and had neither come into force nor been refused at the end."""
        settled = {(e.gesture, e.key, e.requested_step) for e in self.events if e.status != "queued"}
        waiting = (e for e in self.events if e.status == "queued")
        return [e for e in waiting if (e.gesture, e.key, e.requested_step) not in settled]

    def next_gesture(self) -> int:
        """Return the number after the last gesture that was named by a number."""
        names = [e.gesture[1:] for e in self.events if e.gesture and e.gesture[0] == "g"]
        return 1 + max((int(name) for name in names if name.isascii() and name.isdigit() and len(name) < 16), default=0)


class Retracing:
    """Compares with a recorded stretch, then passes on what goes beyond it.

    Args:
        history: The record.
        after: Step from which the session starts; what was recorded up to it is not gone over.
        beyond: Where the numbers go that were not recorded yet; None for a replay, which ends with the record.
    """

    def __init__(self, history: History, after: int, beyond: Recorder | None) -> None:
        self._history = history
        self._beyond = beyond
        self.difference: Difference | None = None
        self.largest = 0.0
        self.last_step = history.last_step
        # From `after` on, since what follows the update of that step may be done again.
        self._place = {name: int(np.searchsorted(steps, after, "left")) for name, (steps, _) in history.series.items()}
        self._known = [_key(e) for e in history.events if e.actor in ("rule", "engine") and _step(e) > after]

    def go_beyond(self, recorder: Recorder) -> None:
        """Say where the numbers go that were not recorded yet."""
        self._beyond = recorder

    def row(self, step: int, *values: float) -> None:
        """Compare the numbers of an update, or pass them on."""
        if step > self.last_step:
            if self._beyond is not None:
                self._beyond.row(step, *values)
            return
        for name, value in zip(self._history.train, values, strict=True):
            self._compare(name, step, value)

    def scalar(self, name: str, step: int, value: float) -> None:
        """Compare a number, or pass it on."""
        steps = self._history.series.get(name, (np.empty(0), np.empty(0)))[0]
        if len(steps) and step <= steps[-1]:
            self._compare(name, step, value)
        elif self._beyond is not None:
            self._beyond.scalar(name, step, value)

    def _compare(self, name: str, step: int, value: float) -> None:
        steps, values = self._history.series[name]
        place = self._place[name]
        while place < len(steps) and steps[place] < step:  # numbers of an end that came before a run was extended
            place += 1
        recorded = float(values[place]) if place < len(steps) and steps[place] == step else math.nan
        self._place[name] = place + 1
        if recorded != value and not (math.isnan(recorded) and math.isnan(value)):
            self.difference = self.difference or Difference(step, name, recorded, value)
            self.largest = max(self.largest, abs(recorded - value))

    def event(self, event: Event) -> Event:
        """Recognise an event of the engine that was recorded, or pass it on."""
        if _key(event) in self._known:
            self._known.remove(_key(event))
        elif self._beyond is not None:
            return self._beyond.event(event)
        return event

    def checkpoint(self, step: int, file: str, sha256: str, kind: str) -> None:
        """Pass on that a checkpoint is on the disk."""
        if self._beyond is not None:
            self._beyond.checkpoint(step, file, sha256, kind)

    def status(self, status: str) -> None:
        """Pass on the state."""
        if self._beyond is not None:
            self._beyond.status(status)

    def tick(self, now_secs: float, expected_gap_secs: float) -> None:
        """Pass on the time."""
        if self._beyond is not None:
            self._beyond.tick(now_secs, expected_gap_secs)

    def flush(self) -> None:
        """Pass on the wish."""
        if self._beyond is not None:
            self._beyond.flush()

    def close(self, status: str, steps: int, weights_sha256: str | None) -> None:
        """End the log behind."""
        if self._beyond is not None:
            self._beyond.close(status, steps, weights_sha256)

    @property
    def is_open(self) -> bool:
        """Whether the log behind is open."""
        return self._beyond is not None and self._beyond.is_open

    def abandon(self) -> None:
        """Let go of the log behind."""
        if self._beyond is not None:
            self._beyond.abandon()


def _key(event: Event) -> tuple[str, str, str, int]:
    return event.operation, event.key, event.status, _step(event)


def _step(event: Event) -> int:
    return event.applied_step if event.applied_step is not None else event.requested_at_step + 1
