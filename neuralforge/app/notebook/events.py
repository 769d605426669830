"""What was done to a run, as cells show it."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import SupportsIndex, overload

from neuralforge.runs.events import Event
from neuralforge.ui.event_rows import ARROW, EventRow, change_of, row_of

_HEAD = ("step", "what", "from", "to", "by", "")


class Events(tuple[Event, ...]):
    """The events of a run as they were when they were asked for, oldest first; a line each where they are shown."""

    __slots__ = ()

    @overload
    def __getitem__(self, place: SupportsIndex, /) -> Event: ...
    @overload
    def __getitem__(self, place: slice, /) -> Events: ...
    def __getitem__(self, place: SupportsIndex | slice, /) -> Event | Events:
        """Return an event, or some of them: `events[-10:]`."""
        return Events(super().__getitem__(place)) if isinstance(place, slice) else super().__getitem__(place)

    def __repr__(self) -> str:
        return "\n".join(map(_line, self._rows())) or "no events yet"

    def _repr_html_(self) -> str:
        if not self:
            return "<i>no events yet</i>"
        head = "".join(f"<th style='text-align:left'>{name}</th>" for name in _HEAD)
        rows = ((row.step, row.title, row.old, row.new, row.actor, _outcome(row)) for row in self._rows())
        cells = ("".join(f"<td style='text-align:left'>{html.escape(cell)}</td>" for cell in row) for row in rows)
        return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"

    def _rows(self) -> Iterator[EventRow]:
        """Yield them in the words of the Events panel; a knob is called as code calls it."""
        return (row_of(change_of(event), {event.key: event.key}) for event in self)


def _line(row: EventRow) -> str:
    values = f" {ARROW} ".join(value for value in (row.old, row.new) if value)
    outcome = f" ({text})" if (text := _outcome(row)) else ""
    return f"step {row.step}: {row.title}{' ' if values else ''}{values}, by {row.actor}{outcome}"


def _outcome(row: EventRow) -> str:
    """Return what became of it, unless it was just done."""
    status = row.status if row.change.status != "applied" else ""
    return ": ".join(text for text in (status, row.why) if text)
