"""What a plot draws of its curves: arrays of bounded length, remembered until data, range or width change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from neuralforge.ui.memo import Memo
from neuralforge.ui.plots import Span, dashes, padded, zigzag
from neuralforge.ui.theme import Color
from neuralforge.workbench.series import Series
from neuralforge.workbench.smooth import Smoothed

Floats = NDArray[np.float64]
Look = Literal["band", "line", "stairs", "dots", "dashes"]

MOST_POINTS: Final = 1000
"""Buckets of a curve; a line through least and greatest values has twice as many points."""
MOST_DISCS: Final = 160
ROWS_A_FRAME: Final = 50_000
"""So many rows are smoothed in a frame, lest it be held up."""


def _nothing() -> Floats:
    return np.empty(0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trace:
    """A curve of a plot.

    Args:
        key: Its name among all curves of all plots.
        name: What legend and card call it.
        color: Its colour.
        look: "band": smoothed over a band of all values; "line"; "stairs": each value holds until the next;
            "dots": a line with discs; "dashes".
        series: Where it comes from.
        smoothed: The smoothed curve, for a band.
        xs: Steps, where it comes from no series.
        ys: Values, likewise.
        version: Another one whenever `xs` and `ys` are others.
        until: Stairs go on to this step.
        value: What the legend shows; None shows none.
    """

    key: str
    name: str
    color: Color
    look: Look
    series: Series | None = None
    smoothed: Series | None = None
    xs: Floats = field(default_factory=_nothing)
    ys: Floats = field(default_factory=_nothing)
    version: int = 0
    until: float = 0.0
    value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """What is drawn of a curve.

    Args:
        xs: [N] of the line.
        ys: [N] of the line.
        band_xs: [B] of the band or, where each row is drawn, of a faint line.
        low: [B].
        high: [B]; the same array as `low` where each row is drawn.
        broken: [K] steps where a value is NaN or infinite.
    """

    xs: Floats
    ys: Floats
    band_xs: Floats = field(default_factory=_nothing)
    low: Floats = field(default_factory=_nothing)
    high: Floats = field(default_factory=_nothing)
    broken: Floats = field(default_factory=_nothing)


class Smoother:
    """Keeps a smoothed curve up to date, and shows the one before until another weight has come to the end.

    Args:
        source: The curve.
    """

    def __init__(self, source: Series) -> None:
        self.source = source
        self._shown: Smoothed | None = None
        self._next: Smoothed | None = None

    def at(self, weight: float) -> Series:
        """Return the smoothed curve, with this weight as soon as it is there.

        Args:
            weight: 0 is the curve itself.
        """
        if weight == 0:
            self._shown = self._next = None
            return self.source
        if self._shown is None:
            self._shown = Smoothed(self.source, weight)
        if self._next is None and self._shown.weight != weight:
            self._next = Smoothed(self.source, weight)
        if self._next is not None and self._next.update(ROWS_A_FRAME):
            self._shown, self._next = self._next, None
        elif self._next is None:
            self._shown.update(ROWS_A_FRAME)
        return self._shown.series


class Pen:
    """Turns curves into what is drawn of them; remembers the last result of each.

    Attributes:
        grain: So many new rows are awaited before a curve is drawn anew; 1 draws each at once.
    """

    def __init__(self) -> None:
        self.grain = 1
        self._memo = Memo()

    def draw(self, trace: Trace, span: Span, points: int, dash: float = 0.0) -> Drawn:
        """Return what is drawn of a curve.

        Args:
            trace: The curve.
            span: The range of steps.
            points: Width of the plot in pixels.
            dash: Length of a dash, in steps.
        """
        most = max(2, min(points, MOST_POINTS))
        stamp = (*self._state(trace), span, points, dash)
        return self._memo.get(trace.key, stamp, lambda: _draw(trace, span, most, dash))

    def value_range(self, key: str, traces: Sequence[Trace], span: Span, *, log: bool, zero: bool) -> tuple[Span, bool]:
        """Return what `value_range` does, for the plot of a key."""
        stamp = (*(part for trace in traces for part in self._state(trace)), span, log, zero)
        return self._memo.get(f"range {key}", stamp, lambda: value_range(traces, span, log=log, zero=zero))

    def forget(self) -> None:
        """Let go of everything that was remembered."""
        self._memo.clear()

    def _state(self, trace: Trace) -> tuple[object, ...]:
        """Return what a curve is made from, as far as it shows."""
        if trace.series is None:
            return (trace.version,)
        smoothed = 0 if trace.smoothed is None else len(trace.smoothed) // self.grain
        grains = len(trace.series) // self.grain, smoothed, int(trace.until // self.grain)
        return trace.series, trace.smoothed, *grains


def _draw(trace: Trace, span: Span, points: int, dash: float) -> Drawn:
    if trace.series is None:
        if trace.look == "dashes":
            xs, ys = dashes(trace.xs, trace.ys, dash, dash)
            return Drawn(xs=xs, ys=ys)
        finite = np.isfinite(trace.ys)
        return Drawn(xs=trace.xs, ys=np.where(finite, trace.ys, np.nan), broken=trace.xs[~finite])
    band = trace.series.window(*span, points, beyond=True)
    broken = band.steps[band.broken]
    if trace.look == "band" and trace.smoothed is not None and trace.smoothed is not trace.series:
        line = trace.smoothed.window(*span, points, beyond=True)
        # A smoothed curve is to be followed by the eye; its ups and downs within a pixel are in the band already.
        xs, ys = line.steps, line.low if line.exact else (line.low + line.high) / 2
        return Drawn(xs=xs, ys=ys, band_xs=band.steps, low=band.low, high=band.high, broken=broken)
    xs, ys = (band.steps, band.low) if band.exact else zigzag(band.steps, band.low, band.high)
    if trace.look == "stairs" and len(xs) and xs[-1] < trace.until:
        xs, ys = np.append(xs, trace.until), np.append(ys, ys[-1])
    return Drawn(xs=xs, ys=ys, broken=broken)


def value_range(traces: Sequence[Trace], span: Span, *, log: bool = False, zero: bool = False) -> tuple[Span, bool]:
    """Return a range of values that shows all of some curves, and whether its axis can be logarithmic.

    Args:
        traces: The curves.
        span: The range of steps.
        log: Whether a logarithmic axis is wanted; it cannot be had without values above zero.
        zero: Whether zero is to be seen.
    """
    low, high, positive = math.inf, -math.inf, math.inf
    for trace in traces:
        if trace.series is None:
            first, last = np.searchsorted(trace.xs, span, "left")
            inside = trace.ys[max(0, int(first) - 1) : int(last) + 1]
            inside = inside[np.isfinite(inside)]
            if len(inside):
                low, high = min(low, float(inside.min())), max(high, float(inside.max()))
                positive = min(positive, float(np.min(inside[inside > 0], initial=math.inf)))
            continue
        extent = trace.series.extent(*span)
        if extent is not None:
            low, high = min(low, extent.low), max(high, extent.high)
            positive = min(positive, extent.least_positive or math.inf)
        if trace.look == "stairs" and (held := trace.series.value_at(span.low)) is not None and math.isfinite(held):
            low, high = min(low, held), max(high, held)
    if low > high:
        return Span(0.0, 1.0), False
    if log and positive < math.inf:
        return padded(positive, high, log=True), True
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
        top = padded(low, high).high
        return Span(low if low < 0 else 0.0, top if top > 0 else 1.0), False
    return padded(low, high), False


def value_on(drawn: Drawn, step: float) -> tuple[float, float] | None:
    """Return the point of a drawn line that is nearest to a step; None where there is none."""
    count = len(drawn.xs)
    if not count:
        return None
    after = int(np.searchsorted(drawn.xs, step))
    number = after if after == 0 else after - 1 if after == count else after
    if 0 < number < count and step - drawn.xs[number - 1] < drawn.xs[number] - step:
        number -= 1
    value = float(drawn.ys[number])
    return (float(drawn.xs[number]), value) if math.isfinite(value) else None
