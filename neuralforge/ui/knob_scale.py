"""How knobs are written and turned by notches. Pure functions."""

from __future__ import annotations

import math
from functools import lru_cache

from neuralforge.ui.numbers import count, round_significant, setting
from neuralforge.workbench.knobs import SLIDER_DIGITS, Knob, KnobValue, Scope, to_slider

NOTCH_RATIO = 1.1
LINEAR_NOTCHES = 100


def knob_text(knob: Knob, value: KnobValue) -> str:
    """Return the text of a value in the knob's field."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) if knob.kind == "int" else setting(value, log=knob.scale == "log")


def pending_words(knob: Knob, epoch: int, step: int, brief: bool = False) -> str:
    """Return the words of the pill of a knob whose new value is not in force yet.

    Args:
        knob: The knob.
        epoch: Epoch of the run, from 1.
        step: Its last step.
        brief: Whether there is little room.
    """
    if knob.scope is Scope.REBUILD:
        return "new run" if brief else "in a new run"
    words = f"epoch {count(epoch + 1)}" if knob.scope is Scope.NEXT_EPOCH else f"step {count(step + 1)}"
    return words if brief else f"from {words}"


def notched(knob: Knob, value: float, notches: int) -> float | int:
    """Return the value after some notches: a tenth of itself each on a logarithmic scale, else a hundredth of the rail.

    Args:
        knob: The knob.
        value: Its value.
        notches: How many; to the left where negative.
    """
    if knob.scale == "log":
        if value < knob.smallest:
            moved = knob.smallest * NOTCH_RATIO ** (notches - 1) if notches > 0 else knob.low
        else:
            moved = value * NOTCH_RATIO**notches
            if moved < knob.smallest * (1 - 1e-9):
                moved = knob.low
    else:
        moved = value + notches * (knob.right_end - knob.low) / LINEAR_NOTCHES
    if knob.kind == "int" and abs(moved - value) < 1:
        moved = value + math.copysign(1, notches)
    return _within(knob, moved)


def scaled(knob: Knob, value: float, factor: float) -> float | int:
    """Return the value times a factor, within the knob's bounds."""
    return _within(knob, value * factor)


@lru_cache(maxsize=256)
def decades(knob: Knob) -> tuple[float, ...]:
    """Return where the powers of ten lie on the slider of a logarithmic knob, from 0 to 1; of two for whole numbers."""
    if knob.scale != "log" or knob.smallest <= 0:
        return ()
    base = 4 if knob.kind == "int" else 10
    first = math.ceil(math.log(knob.smallest, base) - 1e-9)
    last = math.floor(math.log(knob.right_end, base) + 1e-9)
    return tuple(to_slider(knob, float(base) ** power) for power in range(first, last + 1))


def _within(knob: Knob, value: float) -> float | int:
    if knob.kind == "int":
        return int(min(knob.high, max(knob.low, round(value))))
    return float(min(knob.high, max(knob.low, round_significant(value, SLIDER_DIGITS))))
