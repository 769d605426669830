"""The rows of the list of runs: texts, what they are sorted by, and what a filter finds. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from neuralforge.ui.numbers import count, memory
from neuralforge.ui.plots import number
from neuralforge.ui.readable import one_line

if TYPE_CHECKING:
    from neuralforge.runs.store import RunSummary

Tone = Literal["running", "good", "waiting", "plain", "bad"]
Column = Literal["name", "state", "created", "steps", "metric", "validation", "test", "size"]

TONES: Final[Mapping[str, Tone]] = MappingProxyType(
    {
        "running": "running", "completed": "good", "paused": "waiting", "interrupted": "waiting", "stopped": "plain",
        "failed": "bad", "unreadable": "bad",
    }
)  # fmt: skip
RESUMABLE: Final = frozenset({"paused", "interrupted", "stopped"})

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NONE: Final = "\u2013"
_LOSS: Final = "loss"
_DRAWN: Final = "graph"

SortValue = tuple[int, str, float]
"""Comes last (1) or not (0), then words, then a number."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunRow:
    """A run as the list shows it.

    Args:
        run: What it was made from.
        title: What people call it; its id where it has no name.
        state: A word.
        tone: The colour of that word.
        reason: Why it cannot be read.
        cells: What stands in each column of text or numbers.
        keys: What each column is sorted by.
        words: Where a filter looks, in small letters.
        kind: What made it, where that is not a network drawn here: "own loop".
        can_resume: Whether it can be gone on with.
    """

    run: RunSummary
    title: str
    state: str
    tone: Tone
    reason: str
    cells: Mapping[Column, str]
    keys: Mapping[Column, SortValue]
    words: str
    kind: str
    can_resume: bool


def when(created_utc: str, now: datetime, zone: tzinfo | None = None) -> str:
    """Return a moment in local time, as short as it can be told apart: 14:11, 21 Nov 14:11, 21 Nov 2025.

    Args:
        created_utc: ISO text; what cannot be read gives "".
        now: The present moment, with its zone.
        zone: Local time; that of the machine when None.
    """
    try:
        moment = datetime.fromisoformat(created_utc)
    except ValueError:
        return ""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    moment, today = moment.astimezone(zone), now.astimezone(zone)
    day = f"{moment.day} {_MONTHS[moment.month - 1]}"
    if moment.year != today.year:
        return f"{day} {moment.year}"
    clock = f"{moment.hour:02}:{moment.minute:02}"
    return f"today {clock}" if moment.date() == today.date() else f"{day} {clock}"


def metric_of(metrics: Mapping[str, float]) -> str:
    """Return the metric that says most about a run: what was measured beside the loss, or the loss itself."""
    for group in ("validation", "test", "train"):
        names = sorted(key.partition("/")[2] for key in metrics if key.startswith(f"{group}/"))
        other = [name for name in names if name != _LOSS]
        if other:
            return other[0]
        if names and group != "train":
            return _LOSS
    return _LOSS if metrics else ""


def row_of(run: RunSummary, now: datetime, zone: tzinfo | None = None) -> RunRow:
    """Make the row of a run.

    Args:
        run: The run.
        now: The present moment, with its zone.
        zone: Local time; that of the machine when None.
    """
    state, _, reason = run.status.partition(": ")
    metric = metric_of(run.metrics)
    validation, test = run.metrics.get(f"validation/{metric}"), run.metrics.get(f"test/{metric}")
    title = one_line(run.name) or run.run_id
    cells: dict[Column, str] = {
        "created": when(run.created_utc, now, zone),
        "steps": count(run.steps) if run.is_readable else "",
        "metric": metric.replace("_", " "),
        "validation": _figure(run, validation),
        "test": _figure(run, test),
        "size": memory(run.size_bytes),
    }
    keys: dict[Column, SortValue] = {
        "name": (0, title.casefold(), 0.0),
        "state": (0, state, 0.0),
        "created": (0 if run.created_utc else 1, run.created_utc, 0.0),
        "steps": (0, "", float(run.steps)),
        "metric": (0 if metric else 1, metric, 0.0),
        "validation": _ranked(metric, validation),
        "test": _ranked(metric, test),
        "size": (0, "", float(run.size_bytes)),
    }
    kind = "" if run.kind == _DRAWN else one_line(run.kind)
    words = " ".join((title, kind, run.run_id, state, reason, cells["created"], cells["metric"])).casefold()
    return RunRow(
        run=run,
        title=title,
        state=state,
        tone=TONES.get(state, "plain"),
        reason=one_line(reason),
        cells=MappingProxyType(cells),
        keys=MappingProxyType(keys),
        words=words,
        kind=kind,
        can_resume=state in RESUMABLE and run.replayable,
    )


def _figure(run: RunSummary, value: float | None) -> str:
    if value is None:
        return _NONE if run.is_readable else ""
    return number(value)


def _ranked(metric: str, value: float | None) -> SortValue:
    """Sort by metric first: an accuracy and an error are not to be compared."""
    if value is None or value != value:
        return 1, metric, 0.0
    return 0, metric, value


def chosen(rows: Sequence[RunRow], text: str, column: Column | None, *, descending: bool) -> tuple[RunRow, ...]:
    """Return the rows that a filter finds, sorted; what has no value comes last either way.

    Args:
        rows: All rows.
        text: What is looked for: every word must be somewhere in the row.
        column: What to sort by; None keeps the order.
        descending: Whether the greatest comes first.
    """
    wanted = text.casefold().split()
    found = [row for row in rows if all(word in row.words for word in wanted)] if wanted else list(rows)
    if column is not None:
        there = sorted((row for row in found if not row.keys[column][0]), key=lambda row: row.keys[column],
                       reverse=descending)  # fmt: skip
        found = there + [row for row in found if row.keys[column][0]]
    return tuple(found)


def short_path(path: Path, home: Path | None = None) -> str:
    """Return a path with the home folder as ~."""
    text = str(path)
    if home is not None and path.is_relative_to(home) and path != home:
        text = f"~/{path.relative_to(home)}"
    return one_line(text)
