"""What all runs have in common that can be steered in the window, whoever makes their steps."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from neuralforge.graph.document import Document
from neuralforge.runs.events import Event
from neuralforge.workbench.knobs import KnobValue, Refused
from neuralforge.workbench.requests import Request, Ticket
from neuralforge.workbench.series import SeriesBook
from neuralforge.workbench.view import KnobsView, RunView

if TYPE_CHECKING:
    from neuralforge.runs.log import RunLog
    from neuralforge.train.boundary import Steered

_SPEED_SECS: Final = 0.5
"""Over so long the steps a second are counted, or longer where there was none."""
_STILL_SECS: Final = 10.0
"""After so long without a step nothing moves."""


class RunFeed:
    """Takes what the log has taken, on the thread that steps, and keeps it for the window.

    Attributes:
        book: The curves.
        events: All events, oldest first.
        checkpoints: Steps of the checkpoints.
    """

    def __init__(self) -> None:
        self.book = SeriesBook()
        self.events: list[Event] = []
        self.checkpoints: list[int] = []
        self._put: Callable[[tuple[float, ...]], None] | None = None

    def name(self, series: Sequence[str]) -> None:
        """Say what the values of a row are; before the first row."""
        self._put = self.book.channel(tuple(series)).row

    def row(self, step: int, *values: float) -> None:
        """Take the numbers of an update."""
        assert self._put is not None
        self._put((step, *values))

    def scalar(self, name: str, step: int, value: float) -> None:
        """Take one number."""
        self.book.scalar(name, step, value)

    def event(self, event: Event) -> None:
        """Take an event."""
        self.events.append(event)

    def checkpoint(self, step: int, file: str, sha256: str, kind: str) -> None:
        """Take that a checkpoint is on the disk."""
        self.checkpoints.append(step)

    def status(self, status: str) -> None:
        """Take the state of the run."""


class Recorded(Protocol):
    """A session with the log that it writes."""

    @property
    def session(self) -> Steered:
        """The session."""

    @property
    def log(self) -> RunLog:
        """Its log."""

    @property
    def folder(self) -> Path:
        """Folder of the run."""

    @property
    def watch(self) -> Any:
        """Looks into it; None where it has none."""


class SteeredRun(ABC):
    """A run whose knobs can be turned.

    Args:
        run: The session with its log.
        feed: What the log has taken.

    Attributes:
        steps_per_sec: How fast it goes; 0 while it does not.
    """

    def __init__(self, run: Recorded, feed: RunFeed) -> None:
        self.run = run
        self.feed = feed
        self.steps_per_sec = 0.0
        self._asked: dict[str, Ticket] = {}
        self._refusal: dict[str, str] = {}
        self._knobs: KnobsView | None = None
        self._first_values = dict(run.session.board.values)
        self._events: tuple[Event, ...] = ()
        self._mark = (time.monotonic(), run.session.step)
        self._taking = threading.Lock()

    @property
    @abstractmethod
    def document(self) -> Document:
        """The network that trains; an empty one where it was not drawn."""

    @property
    @abstractmethod
    def ended(self) -> bool:
        """Whether nothing more will come."""

    @property
    def moves(self) -> bool:
        """Whether something of it changes without input."""
        return not self.ended and self.run.session.state != "paused"

    @abstractmethod
    async def end(self, *, stop: bool) -> str:
        """End the run and wait for it: stopped for good, or so that it can be gone on with where it can.

        Returns:
            A sentence on what went wrong; "" when all went well.
        """

    def _let_go(self, error: Exception) -> str:
        """Let go of a log that cannot be ended, as if its process had died; return a sentence on it."""
        self.run.log.abandon()
        return f"Run {self.run.log.run_id} could not be ended as it should, and counts as interrupted: {error}"

    @abstractmethod
    def end_now(self) -> None:
        """End the run here and now, for when no event loop runs any more; paused, where it can be gone on with."""

    @abstractmethod
    def view(self, differs: bool) -> RunView:
        """Return what the panels show of it."""

    # Asking

    def turn(self, key: str, value: KnobValue, gesture: str | None, widget: str | None) -> bool:
        """Ask for another value of a knob; return whether it was not refused here and now."""
        return self.turn_all({key: value}, gesture, widget)

    def turn_all(self, changes: Mapping[str, KnobValue], gesture: str | None, widget: str | None) -> bool:
        """Ask for other values of knobs, all together; return whether they were not refused here and now."""
        for key in changes:
            self._refusal.pop(key, None)
        try:
            ticket = self.run.session.request(Request(changes=changes, gesture=gesture, widget=widget))
        except Refused as error:
            self._refusal.update(dict.fromkeys(changes, str(error)))
            return False
        self._asked.update(dict.fromkeys(changes, ticket))
        return True

    def ask(self, request: Request) -> Ticket:
        """Ask for a control, or for other values of knobs.

        Raises:
            Refused: When it cannot be carried out.
        """
        ticket = self.run.session.request(request)
        self._asked.update(dict.fromkeys(request.changes, ticket))
        return ticket

    # Telling

    def tick(self) -> None:
        """Take in what came since the last call; in frames that do not rest, and when code looks at the numbers."""
        with self._taking:
            self.feed.book.take_in()
        session = self.run.session
        now, step = time.monotonic(), session.step
        then, before = self._mark
        if session.state != "running":
            self.steps_per_sec, self._mark = 0.0, (now, step)
        elif step > before and now - then >= _SPEED_SECS:
            fresh, known = (step - before) / (now - then), self.steps_per_sec
            self.steps_per_sec = 0.6 * known + 0.4 * fresh if known else fresh
            self._mark = (now, step)
        elif step == before and now - then >= _STILL_SECS:
            self.steps_per_sec, self._mark = 0.0, (now, step)
        for key in [key for key, ticket in self._asked.items() if ticket.status != "queued"]:
            ticket = self._asked.pop(key)
            if ticket.status == "rejected":
                self._refusal[key] = ticket.why or "It was refused."

    def events(self) -> tuple[Event, ...]:
        """Return all events; the same ones as long as none came."""
        if len(self._events) != len(self.feed.events):
            self._events = tuple(self.feed.events)
        return self._events

    def knobs(self) -> KnobsView:
        """Return what can be turned; the same one as long as nothing of it changes."""
        board = self.run.session.board
        pending = {key: ticket.request.changes[key] for key, ticket in self._asked.items() if ticket.status == "queued"}
        in_force, known = dict(board.values), self._knobs
        values = {**in_force, **pending}
        if known is None or (known.values, known.in_force, known.refusal) != (values, in_force, self._refusal):
            self._knobs = known = KnobsView(
                knobs=tuple(board.knobs.values()),
                values=values,
                in_force=in_force,
                absent=board.absent,
                live=True,
                refusal=dict(self._refusal),
            )
        return known

    def first_knobs(self) -> KnobsView:
        """Return what can be turned, with the values that the run began with here."""
        return replace(self.knobs(), values=self._first_values, in_force=self._first_values)
