"""What every plot needs and no drawing: ranges of axes, ticks, and how numbers are written. Free of Dear ImGui."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

LEAST_STEPS: Final = 4.0
"""Nobody can zoom in further than this many steps."""

_LOG_MANTISSAS: Final = ((1, 2, 3, 5), (1, 2, 5), (1, 3), (1,))
_NICE: Final = (1.0, 2.0, 2.5, 5.0, 10.0)


class Span(NamedTuple):
    """A range of an axis, `low` < `high`."""

    low: float
    high: float

    @property
    def length(self) -> float:
        """How much it covers."""
        return self.high - self.low


class Tick(NamedTuple):
    """A place on an axis with what stands there."""

    value: float
    text: str


# How numbers are written


def number(value: float) -> str:
    """Write a measured number in a width that hardly changes: about four digits."""
    if not math.isfinite(value):
        return _not_finite(value)
    size = abs(value)
    if value == 0:
        return "0.000"
    if size >= 99_999.5 or size < 9.9995e-3:
        return _exponent(f"{value:.2e}")
    if size >= 999.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 99.995 else f"{value:.2f}" if size >= 9.9995 else f"{value:.3f}"


def setting(value: float | int | bool | str | None) -> str:
    """Write what somebody has set, no longer than need be: 0.1, 3e-4, 128, on."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    if not math.isfinite(value):
        return _not_finite(value)
    size = abs(value)
    if value == 0 or 1e-2 <= size < 1e5:
        text = f"{value:.4f}" if size < 10 else f"{value:,.2f}"
        return text.rstrip("0").rstrip(".")
    return _exponent(f"{value:.3e}")


def _exponent(text: str) -> str:
    """Shorten the exponent that Python writes, and with more than two decimals the zeros before it."""
    mantissa, _, power = text.partition("e")
    if "." in mantissa and len(mantissa.partition(".")[2]) > 2:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(power)}"


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"


# Ranges


def padded(lowest: float, highest: float, *, log: bool = False, share: float = 0.06) -> Span:
    """Return a range that shows two extremes with some air around.

    Args:
        lowest: The least value; above zero when `log`.
        highest: The greatest value.
        log: Whether the axis is logarithmic.
        share: Part of the range that is added at either end.
    """
    if log:
        inner = padded(math.log10(lowest), math.log10(highest), share=share)
        return Span(10.0 ** max(inner.low, -300.0), 10.0 ** min(inner.high, 300.0))
    room = highest - lowest
    if room <= 1e-9 * max(abs(lowest), abs(highest)):
        room = 0.2 * abs(highest) or 1.0
        return Span(lowest - room / 2, highest + room / 2)
    return Span(lowest - share * room, highest + share * room)


def zoomed(span: Span, at: float, factor: float, bounds: Span) -> Span:
    """Return a range that is made wider or narrower around a place, within bounds.

    Args:
        span: The range now.
        at: What stays where it is.
        factor: Under 1 it shows less.
        bounds: It never goes beyond these.
    """
    length = min(max(span.length * factor, LEAST_STEPS), bounds.length)
    share = (at - span.low) / span.length
    return _within(at - share * length, length, bounds)


def panned(span: Span, by: float, bounds: Span) -> Span:
    """Return a range of the same length moved to the right, within bounds."""
    return _within(span.low + by, min(span.length, bounds.length), bounds)


def between(one: float, other: float, bounds: Span) -> Span:
    """Return the range between two places in any order, no shorter than can be shown, within bounds."""
    length = max(abs(other - one), min(LEAST_STEPS, bounds.length))
    return _within((one + other - length) / 2, min(length, bounds.length), bounds)


def _within(low: float, length: float, bounds: Span) -> Span:
    low = max(bounds.low, min(low, bounds.high - length))
    return Span(low, low + length)


def fraction(value: float, span: Span, *, log: bool = False) -> float:
    """Return how far along an axis a value lies, 0 at its low end."""
    if log:
        low, high = math.log10(span.low), math.log10(span.high)
        return (math.log10(value) - low) / (high - low) if value > 0 else -1.0
    return (value - span.low) / span.length


# Smoothing: the slider is even in the number of values that are averaged


def weight_of(position: float) -> float:
    """Return the weight of a moving average for a slider's position: 0, 0.9, 0.99, 0.999 at 0, 1/3, 2/3, 1."""
    return min(0.999, max(0.0, round(1 - 10 ** (-3 * position), 3)))


def position_of(weight: float) -> float:
    """Return the slider's position for a weight; the inverse of `weight_of`."""
    return -math.log10(1 - weight) / 3


# Ticks


def step_ticks(span: Span, most: int) -> tuple[Tick, ...]:
    """Return ticks for an axis of steps: whole numbers with thousands separators."""
    stride = max(1.0, _stride(span.length, most))
    if stride != round(stride):  # 2.5 is no number of steps
        stride = 5.0
    return tuple(Tick(value, f"{int(value):,}") for value in _multiples(span, stride))


def linear_ticks(span: Span, most: int) -> tuple[Tick, ...]:
    """Return ticks at round values, written alike: as many decimals on all."""
    stride = _stride(span.length, most)
    values = list(_multiples(span, stride))
    return tuple(Tick(value, text) for value, text in zip(values, _alike(values, stride), strict=True))


def log_ticks(span: Span, most: int) -> tuple[Tick, ...]:
    """Return ticks for a logarithmic axis: 1, 2, 5 in each decade, more or fewer as there is room.

    Args:
        span: The range, above zero.
        most: Greatest number of ticks.

    Returns:
        The ticks; round values as on a linear axis where the range covers little more than a doubling.
    """
    first, last = math.floor(math.log10(span.low)), math.ceil(math.log10(span.high))
    if span.high / span.low < 2.5:
        return linear_ticks(span, most)
    chosen: list[float] = []
    if last - first <= 12:
        for mantissas in _LOG_MANTISSAS:
            chosen = [m * 10.0**e for e in range(first, last + 1) for m in mantissas]
            chosen = [value for value in chosen if span.low <= value <= span.high]
            if len(chosen) <= most:
                break
    if not chosen or len(chosen) > most:
        every = max(1, math.ceil((last - first) / max(1, most - 1)))
        chosen = [10.0**e for e in range(first, last + 1) if e % every == 0 and span.low <= 10.0**e <= span.high]
    return tuple(Tick(value, _power(value)) for value in chosen)


def _power(value: float) -> str:
    if 0.00099 < value < 99_999:
        return f"{value:,.0f}" if value >= 9.99 else f"{value:.1f}" if value >= 0.099 else f"{value:.3g}"
    return _exponent(f"{value:.3e}")


def _stride(length: float, most: int) -> float:
    """Return the least round stride that makes no more than so many ticks."""
    least = length / max(1, most)
    power = 10.0 ** math.floor(math.log10(least))
    return next((nice * power for nice in _NICE if nice * power >= least * (1 - 1e-9)), 10 * power)


def _multiples(span: Span, stride: float) -> Iterable[float]:
    first, last = math.ceil(span.low / stride - 1e-9), math.floor(span.high / stride + 1e-9)
    return (count * stride for count in range(first, last + 1))


def _alike(values: list[float], stride: float) -> list[str]:
    greatest = max((abs(value) for value in values), default=0.0)
    if greatest >= 99_999 or (greatest and greatest < 0.0099):
        power = math.floor(math.log10(greatest) + 1e-9)
        decimals = min(6, max(0, math.ceil(power - math.log10(stride) - 1e-9), _decimals(stride / 10.0**power)))
        return ["0" if abs(v) < stride / 1e3 else f"{v / 10.0**power:.{decimals}f}e{power}" for v in values]
    decimals = _decimals(stride)
    return [f"{0.0 if abs(value) < stride / 1e3 else value:,.{decimals}f}" for value in values]


def _decimals(stride: float) -> int:
    """Return how many decimals a multiple of a stride of 1, 2, 2.5 or 5 needs."""
    for decimals in range(10):
        if abs(stride * 10**decimals - round(stride * 10**decimals)) < 1e-6 and round(stride * 10**decimals):
            return decimals
    return 10


# What is drawn


def zigzag(
    steps: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return one line that goes through the least and the greatest value of each bucket, so that it hides no spike.

    Args:
        steps: [B].
        low: [B].
        high: [B].

    Returns:
        Two arrays [2 B].
    """
    xs, ys = np.repeat(steps, 2), np.empty(2 * len(steps))
    ys[::2], ys[1::2] = low, high
    return xs, ys


def dashes(
    xs: NDArray[np.float64], ys: NDArray[np.float64], dash: float, gap: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cut a line into dashes; pairs of points are the ends of one.

    Args:
        xs: [N], rising.
        ys: [N].
        dash: Length of a dash along x.
        gap: Length of a gap along x.

    Returns:
        Two arrays [2 D]; empty where the line is a point.
    """
    if len(xs) < 2 or xs[-1] <= xs[0]:
        return np.empty(0), np.empty(0)
    starts = np.arange(float(xs[0]), float(xs[-1]), dash + gap)
    ends = np.empty(2 * len(starts))
    ends[::2], ends[1::2] = starts, np.minimum(starts + dash, xs[-1])
    return ends, np.interp(ends, xs, ys)
