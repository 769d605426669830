"""Flags over a plot: what each says, and where it stands so that none covers another. Free of Dear ImGui."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from neuralforge.ui.event_rows import ARROW, Change, Tone
from neuralforge.ui.plots import setting

ROWS: Final = 3

_SHORT: Final[Mapping[str, str]] = MappingProxyType(
    {"batch_size": "batch", "clip_norm": "clip", "accumulation": "accumulate"}
)
_BY_FACTOR: Final = frozenset({"lr", "weight_decay"})
_FACTORS: Final = (2, 3, 4, 5, 10, 20, 50, 100, 1000)
_GRAVITY: Final[Mapping[Tone, int]] = MappingProxyType({"plain": 0, "knob": 1, "freeze": 2, "danger": 3})


@dataclass(frozen=True, slots=True)
class Flag:
    """What stands over a step.

    Args:
        step: The step.
        text: A few words.
        tone: What it is about, for its colour.
        sequence: Number of the event.
        why: Why it happened, or "".
    """

    step: int
    text: str
    tone: Tone
    sequence: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """A flag, or several in one, with its place in pixels.

    Args:
        x: Left edge.
        width: Width.
        row: Row from the top, from 0.
        members: Numbers of the flags in it.
    """

    x: float
    width: float
    row: int
    members: tuple[int, ...]


def flags_of(changes: Sequence[Change]) -> tuple[Flag, ...]:
    """Return the flags of changes that came into force, by step. Going on, pausing and saving have none."""
    shown = (
        change
        for change in changes
        if change.status == "applied" and not (change.operation == "control" and change.key in ("run", "pause", "save"))
    )
    flags = [Flag(item.step, flag_text(item), item.tone, item.sequence, item.why or "") for item in shown]
    return tuple(sorted(flags, key=lambda flag: (flag.step, flag.sequence)))


def flag_text(change: Change) -> str:
    """Return what a flag says of a change."""
    if change.operation == "notice":
        return {"nonfinite": "NaN", "failed": "failed", "checkpoint": "not saved"}.get(change.key, change.key)
    if change.operation == "control":
        if change.key == "extend":
            return f"extend to {setting(change.new)}"
        return "early stop" if change.key == "stop" and change.actor == "rule" else change.key
    what = change.key.rpartition(".")[2]
    if change.node and what == "frozen":
        return f"{'unfreeze' if change.new is False else 'freeze'} {change.node}"
    if change.node and what == "dropout":
        name = "dropout" if change.node in ("drop", "dropout") else change.node
        name = name if name.startswith("drop") else f"{name} dropout"
    else:
        name = _SHORT.get(change.key, change.key.replace("_", " "))
    if change.key in _BY_FACTOR and (factor := _factor(change.old, change.new)):
        return f"{name} {factor}"
    if change.old is None:
        return f"{name} {setting(change.new)}"
    return f"{name} {setting(change.old)} {ARROW} {setting(change.new)}"


def _factor(old: object, new: object) -> str:
    """Return a simple ratio of two numbers as words, or ""."""
    if not isinstance(old, int | float) or not isinstance(new, int | float) or old <= 0 or new <= 0:
        return ""
    for factor in _FACTORS:
        if abs(new / old / factor - 1) < 1e-3:
            return f"\u00d7 {factor}"
        if abs(old / new / factor - 1) < 1e-3:
            return f"\u00f7 {factor}" if factor == 3 else f"\u00d7 {1 / factor:.4g}"
    return ""


def gravest(flags: Sequence[Flag]) -> Tone:
    """Return the tone that several flags in one have."""
    return max((flag.tone for flag in flags), key=lambda tone: _GRAVITY[tone])


def place_flags(
    xs: Sequence[float], widths: Sequence[float], left: float, right: float, merged_width: float, gap: float = 4
) -> tuple[Placed, ...]:
    """Give each flag a place in one of three rows; what finds none is merged into one of the last row.

    A flag begins at its line, or ends at the right edge of the plot where it would go beyond. None covers another, and
    each is in exactly one place.

    Args:
        xs: Where the lines are, rising.
        widths: How wide the flags are.
        left: Left edge of the plot.
        right: Right edge.
        merged_width: Width of a flag for several, which says "+3"; no flag is made narrower.
        gap: Least room between two in a row.

    Returns:
        The places, in the order of their first flags.
    """
    placed: list[Placed] = []
    ends = [left - gap] * ROWS
    last = -1  # which of them is the last in the last row
    for number, (line, wanted) in enumerate(zip(xs, widths, strict=True)):
        width = min(max(wanted, merged_width), right - left)
        x = max(left, min(line, right - width))
        row = next((row for row in range(ROWS) if ends[row] + gap <= x), None)
        if row is None:
            before = placed[last]
            narrow = min(merged_width, right - left)
            placed[last] = Placed(before.x, narrow, before.row, (*before.members, number))
            ends[-1] = before.x + narrow
            continue
        if row == ROWS - 1:
            last = len(placed)
        ends[row] = x + width
        placed.append(Placed(x, width, row, (number,)))
    return tuple(placed)
