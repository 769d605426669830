"""Where requests arrive, from any thread, and wait for the boundary between two steps."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

from neuralforge.runs.events import Event
from neuralforge.workbench.knobs import KnobBoard, KnobValue, Refused
from neuralforge.workbench.requests import Request, Ticket


class Place(NamedTuple):
    """Where a session stands at a boundary.

    Args:
        step: Updates made; what is applied now is in force in step + 1.
        epoch: Epoch of the next sample, from 1.
        cursor: Samples of that epoch already used.
    """

    step: int
    epoch: int
    cursor: int


@dataclass(slots=True)
class _Letter:
    ticket: Ticket
    posted_secs: float
    posted_at_step: int
    gesture: str
    announced: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What the boundary makes of one request.

    Args:
        request: The request.
        events: What is to be written down.
        changes: Knob values that are now in force; empty for controls and refusals.
        granted: Whether it was applied.
    """

    request: Request
    events: tuple[Event, ...]
    changes: Mapping[str, KnobValue]
    granted: bool


class Desk:
    """Takes requests at any time and hands them out at the boundary.

    Args:
        board: The knobs. Changes are committed to it by `drain`, and nowhere else.
        first_gesture: Number of the first gesture that is named here.
        impossible: Control -> why this session does not have it.
    """

    def __init__(
        self, board: KnobBoard, first_gesture: int = 1, impossible: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.board = board
        self._impossible = impossible
        self._inbox: deque[_Letter] = deque()
        self._later: list[_Letter] = []
        self._gestures = itertools.count(first_gesture)  # whose next() is atomic, unlike += 1

    def post(self, request: Request, step: int) -> Ticket:
        """Take a request. Safe from any thread.

        Args:
            request: What is asked.
            step: Updates made so far.

        Returns:
            A ticket that tells what becomes of it.

        Raises:
            Refused: When it cannot be carried out. The refusal is written down too.
        """
        ticket = Ticket(request)
        try:
            self._check(request, step)
        except Refused as error:
            ticket.status, ticket.why = "rejected", str(error)
            raise
        finally:
            self._inbox.append(_Letter(ticket, time.monotonic(), step, request.gesture or self._new_gesture()))
        return ticket

    def repost(self, event: Event) -> None:
        """Take a request for a later step that the log of an interrupted run still holds as queued."""
        control = event.operation == "control"
        request = Request(
            changes={} if control else {event.key: event.new},  # type: ignore[dict-item]
            action=event.key if control else None,  # type: ignore[arg-type]
            steps=event.new if control else None,  # type: ignore[arg-type]
            at_step=event.requested_step,
            actor=event.actor,  # type: ignore[arg-type]
            widget=event.widget,
            gesture=event.gesture,
            reason=event.reason,
        )
        for letter in self._later:
            mine = letter.ticket.request
            if letter.gesture == event.gesture and mine.at_step == request.at_step and not control:
                letter.ticket.request = replace(mine, changes={**mine.changes, **request.changes})
                return
        letter = _Letter(Ticket(request), time.monotonic(), event.requested_at_step, event.gesture or "", True)
        self._put_off(letter)

    def _new_gesture(self) -> str:
        return f"g{next(self._gestures)}"

    def _check(self, request: Request, step: int) -> None:
        if bool(request.changes) == (request.action is not None):
            raise Refused("A request either changes knobs or is a control.")
        if request.action is not None and request.action in self._impossible:
            raise Refused(self._impossible[request.action])
        if request.action == "extend" and (request.steps or 0) <= step:
            raise Refused(f"The total must be more than the {step} steps that were made. Received: {request.steps!r}")
        if request.action == "run" and request.steps is not None and request.steps < 1:
            raise Refused(f"At least 1 step can be run. Received: {request.steps!r}")
        if request.at_step is not None and request.at_step < 1:
            raise Refused(f"Steps count from 1. Received: {request.at_step!r}")
        if request.changes:
            self.board.check(request.changes, self._values_before(request))

    def _values_before(self, request: Request) -> dict[str, KnobValue]:
        """Return the values that a request will meet once all that is queued before it has been applied."""
        values = dict(self.board.values)
        waiting = [*self._later, *self._inbox]
        for letter in sorted(waiting, key=lambda item: item.ticket.request.at_step or 0):
            step = letter.ticket.request.at_step or 0
            if letter.ticket.status == "queued" and (not step or (request.at_step or 0) >= step):
                values.update(letter.ticket.request.changes)
        return values

    def has_mail(self, next_step: int) -> bool:
        """Tell whether `drain` has anything to do; almost free."""
        return bool(self._inbox) or (bool(self._later) and _due(self._later[0]) <= next_step)

    def drain(self, place: Place) -> list[Decision]:
        """Decide on everything that is due.

        Args:
            place: Where the session stands.

        Returns:
            Decisions in the order in which they are to be carried out. Knobs are committed to the board already.
        """
        decisions = []
        due: list[_Letter] = []
        arrived = [self._inbox.popleft() for _ in range(len(self._inbox))]
        for letter in arrived:
            if letter.ticket.status == "rejected":
                decisions.append(self._refusal(letter, place, letter.ticket.why or ""))
            elif _due(letter) > place.step + 1:
                if not letter.announced:
                    letter.announced = True
                    decisions.append(Decision(letter.ticket.request, self._events(letter, place, "queued"), {}, False))
                self._put_off(letter)
        while self._later and _due(self._later[0]) <= place.step + 1:
            due.append(self._later.pop(0))
        due += [x for x in arrived if x.ticket.status == "queued" and _due(x) <= place.step + 1 and x not in due]
        newest = {_drag(letter): letter for letter in due if _drag(letter) is not None}
        for letter in due:
            if newest.get(_drag(letter), letter) is not letter:
                letter.ticket.status = "superseded"
            else:
                decisions.append(self._decide(letter, place))
        return decisions

    def dismiss(self, place: Place, why: str) -> list[Decision]:
        """Refuse what has arrived and would be due, since there is no next step; what is for later is put off."""
        decisions = []
        while self._inbox:
            letter = self._inbox.popleft()
            if letter.ticket.status == "queued" and _due(letter) > place.step + 1:
                decisions.append(Decision(letter.ticket.request, self._events(letter, place, "queued"), {}, False))
                self._put_off(letter)
            else:
                ticket = letter.ticket
                ticket.status, ticket.why = "rejected", ticket.why or why
                decisions.append(self._refusal(letter, place, ticket.why))
        return decisions

    def _put_off(self, letter: _Letter) -> None:
        self._later.append(letter)
        self._later.sort(key=_due)

    def _decide(self, letter: _Letter, place: Place) -> Decision:
        ticket = letter.ticket
        request = ticket.request
        if request.changes:
            try:
                changes = self.board.check(request.changes)
            except Refused as error:
                ticket.status, ticket.why = "rejected", str(error)
                return self._refusal(letter, place, str(error))
            events = self._events(letter, place, "applied")  # before the commit, so that they hold the old values
            self.board.commit(changes)
        else:
            changes = {}
            events = self._events(letter, place, "applied")
        ticket.status, ticket.applied_step = "applied", place.step + 1
        return Decision(request, events, changes, True)

    def _refusal(self, letter: _Letter, place: Place, why: str) -> Decision:
        return Decision(letter.ticket.request, self._events(letter, place, "rejected", why), {}, False)

    def _events(self, letter: _Letter, place: Place, status: str, why: str | None = None) -> tuple[Event, ...]:
        request = letter.ticket.request
        common = Event(
            operation="control",
            key=request.action or "",
            new=request.steps,
            actor=request.actor,
            widget=request.widget,
            gesture=letter.gesture,
            reason=request.reason,
            requested_step=request.at_step,
            requested_at_step=letter.posted_at_step,
            applied_step=place.step + 1 if status == "applied" else None,
            epoch=place.epoch,
            sample_cursor=place.cursor,
            phase="train",
            status=status,
            why=why,
            latency_secs=time.monotonic() - letter.posted_secs if status == "applied" else None,
        )
        if request.action is not None:
            return (common,)
        return tuple(
            replace(common, operation="set", key=key, old=self.board.values.get(key), new=_scalar(value))
            for key, value in request.changes.items()
        )


def _due(letter: _Letter) -> int:
    return letter.ticket.request.at_step or 0


def _drag(letter: _Letter) -> tuple[str, frozenset[str]] | None:
    request = letter.ticket.request
    return (request.gesture, frozenset(request.changes)) if request.gesture and request.changes else None


def _scalar(value: object) -> KnobValue | str:
    return value if isinstance(value, bool | int | float) else repr(value)[:200]
