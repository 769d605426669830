"""The intervention log as a person reads it: one change for a whole drag, in words. Free of Dear ImGui."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from neuralforge.runs.events import Event, Scalar
from neuralforge.ui.plots import setting

Tone = Literal["knob", "freeze", "danger", "plain"]
"""What a change is about, for its colour."""

ARROW: Final = "\u2192"

_CONTROLS: Final[Mapping[str, str]] = MappingProxyType(
    {"run": "Run", "pause": "Pause", "stop": "Stop", "save": "Save checkpoint", "extend": "Extend the run"}
)
_NOTICES: Final[Mapping[str, str]] = MappingProxyType(
    {"nonfinite": "Loss is not finite", "failed": "Run failed", "checkpoint": "Checkpoint not written"}
)
_ACTORS: Final[Mapping[str, str]] = MappingProxyType({"person": "you"})
_STATUS: Final[Mapping[str, str]] = MappingProxyType({"rejected": "refused", "queued": "pending"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One knob in one gesture, one control, or one notice.

    Args:
        sequence: Number of its last event in the run.
        first_step: Step in which its first value came into force.
        step: Step in which its last value came into force, or is asked for, or was refused.
        epoch: Epoch at that time.
        operation: "set", "control" or "notice".
        key: What it is about.
        old: Value before the gesture.
        new: Value after it.
        actor: Who asked.
        status: "applied", "rejected", "superseded" or "queued".
        why: Why it was refused or raised.
        values: How many values the gesture had.
    """

    sequence: int
    first_step: int
    step: int
    epoch: int
    operation: str
    key: str
    old: Scalar
    new: Scalar
    actor: str
    status: str
    why: str | None
    values: int = 1

    @property
    def node(self) -> str:
        """The node that it is about, or ""."""
        return self.key.rpartition(".")[0] if self.operation == "set" else ""

    @property
    def tone(self) -> Tone:
        """What it is about, for its colour."""
        if self.status == "rejected" or self.operation == "notice" or self.actor == "rule":
            return "danger"
        if self.operation == "control":
            return "plain"
        return "freeze" if self.key.endswith(".frozen") else "knob"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """A change as a row of a table; each field is what stands in its column.

    Args:
        change: The change.
        step: Its step.
        epoch: Its epoch.
        title: What was changed.
        hint: How many values a drag had, or "".
        old: Value before.
        new: Value after.
        actor: Who did it.
        status: What became of it.
        why: Why, or "".
    """

    change: Change
    step: str
    epoch: str
    title: str
    hint: str
    old: str
    new: str
    actor: str
    status: str
    why: str

    @property
    def text(self) -> str:
        """The row as text, columns separated by tabs."""
        parts = (self.step, self.epoch, self.title, self.old, self.new, self.actor, self.status, self.hint, self.why)
        return "\t".join(parts).rstrip("\t")

    def matches(self, words: Iterable[str]) -> bool:
        """Return whether all words occur in it, whatever their case."""
        text = self.text.casefold()
        return all(word in text for word in words)


class Ledger:
    """Gathers events into changes, and takes in only what is new when the events of a run have grown."""

    def __init__(self) -> None:
        self._events: tuple[Event, ...] = ()
        self._found: dict[tuple[object, ...], Change] = {}
        self.changes: tuple[Change, ...] = ()
        """The changes; the one that was touched last is the last."""

    def update(self, events: tuple[Event, ...]) -> bool:
        """Take over the events of a run.

        Args:
            events: All of them, in order.

        Returns:
            Whether anything is new.
        """
        if events is self._events:
            return False
        known = len(self._events)
        goes_on = known <= len(events) and (not known or events[known - 1] == self._events[-1])
        if not goes_on:
            self._found.clear()
            known = 0
        for event in events[known:]:
            key = _same(event)
            before = self._found.pop(key, None)
            self._found[key] = _merged(before, event)
        self._events = events
        self.changes = tuple(self._found.values())
        return True


def _same(event: Event) -> tuple[object, ...]:
    """Return what events have in common that are one change."""
    gesture = event.gesture or f"#{event.sequence}"
    return (event.operation, event.key, gesture, event.requested_step, event.status == "rejected")


def _merged(before: Change | None, event: Event) -> Change:
    step = event.applied_step or event.requested_step or event.requested_at_step + 1
    pending = before is not None and before.status == "queued"
    same_value = before is not None and pending and before.new == event.new
    return Change(
        sequence=event.sequence,
        first_step=step if before is None or pending else before.first_step,
        step=step,
        epoch=event.epoch,
        operation=event.operation,
        key=event.key,
        old=event.old if before is None or pending else before.old,
        new=event.new,
        actor=event.actor,
        status=event.status,
        why=event.why or event.reason,
        values=1 if before is None else before.values + (not same_value),
    )


def change_of(event: Event) -> Change:
    """Return a single event as a change of its own.

    Args:
        event: The event.
    """
    return _merged(None, event)


def title_of(change: Change, titles: Mapping[str, str]) -> str:
    """Return what a change is called.

    Args:
        change: The change.
        titles: Key of a knob -> its title.
    """
    if change.operation == "control":
        if change.actor == "rule" and change.key == "stop":
            return "Early stop"
        return _CONTROLS.get(change.key, change.key)
    if change.operation == "notice":
        return _NOTICES.get(change.key, change.key)
    what = change.key.rpartition(".")[2]
    if change.node and what == "frozen":
        return f"{'Unfreeze' if change.new is False else 'Freeze'} {change.node}"
    if change.node and what == "dropout":
        return f"Dropout of {change.node}"
    return titles.get(change.key) or change.key.replace("_", " ").capitalize()


def row_of(change: Change, titles: Mapping[str, str]) -> EventRow:
    """Return a change as a row of a table.

    Args:
        change: The change.
        titles: Key of a knob -> its title.
    """
    new = setting(change.new)
    if change.operation == "control" and new:
        new = f"{new} steps"
    return EventRow(
        change=change,
        step=f"{change.step:,}",
        epoch=f"{change.epoch:,}" if change.epoch else "",
        title=title_of(change, titles),
        hint=f"{change.values:,} values" if change.values > 1 else "",
        old=setting(change.old),
        new=new,
        actor=_ACTORS.get(change.actor, change.actor),
        status=_STATUS.get(change.status, change.status),
        why=change.why or "",
    )
