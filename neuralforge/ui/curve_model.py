"""Which curves a run has for the Curves panel, and in which plots: one for the loss, up to three smaller ones below."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from neuralforge.ui.plots import Span
from neuralforge.ui.theme import Color, Theme
from neuralforge.ui.traces import Floats, Smoother, Trace
from neuralforge.workbench.looks import GradientHistory
from neuralforge.workbench.series import Series, SeriesBook
from neuralforge.workbench.view import RunView

METRICS: Mapping[str, str] = {"mae": "Mean absolute error", "iou": "IoU", "psnr": "PSNR"}
"""Names of metrics that capitalising does not make readable."""


LOSS: Final = "loss"
_CHECKED: Final[Mapping[str, int]] = {
    "validation": 1, "val": 1, "valid": 1, "dev": 1, "eval": 1, "test": 2,
}  # fmt: skip
"""What people call the parts of the data that are not trained on, and the place of their colour."""
_NOT_MEASURED: Final = frozenset({"knob", "effective"})


def measured(names: Iterable[str], metric: str = "") -> tuple[tuple[str, ...], Mapping[str, tuple[str, ...]]]:
    """Say which plots some series make: those of the parts of the data by what is measured, all others by their group.

    Args:
        names: The series, such as "train/loss", in the order in which they came.
        metric: What is to come next to the loss.

    Returns:
        What is measured on parts of the data, the loss first; and group -> its series.
    """
    whats: dict[str, None] = {}
    groups: dict[str, list[str]] = {}
    for name in names:
        group, slash, what = name.partition("/")
        if slash and (group == "train" or group in _CHECKED):
            whats[what] = None
        elif group not in _NOT_MEASURED:
            groups.setdefault(group, []).append(name)
    first = [what for what in (LOSS, metric) if what in whats]
    ordered = dict.fromkeys((*first, *whats))
    return tuple(ordered), {group: tuple(members) for group, members in groups.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One plot.

    Args:
        key: Its name.
        traces: Its curves, the lowest first.
        log: Whether its axis of values may be logarithmic.
        zero: Whether its axis begins at zero.
        span: What it shows while it follows; None: what all show.
    """

    key: str
    traces: tuple[Trace, ...]
    log: bool = False
    zero: bool = False
    span: Span | None = None


class CurveModel:
    """Makes the plots of a run, frame by frame; keeps smoothed curves and what it derived from histories."""

    def __init__(self) -> None:
        self._smoothers: dict[str, Smoother] = {}
        self._book: SeriesBook | None = None
        self._version = 0
        self._gradients: tuple[GradientHistory, Floats, Floats, int] | None = None
        self._clip: tuple[object, Floats, Floats, int] | None = None
        self._planned: tuple[object, Floats, Floats, int] | None = None

    def plots(self, run: RunView, theme: Theme, weight: float, titles: Mapping[str, str]) -> tuple[Plot, ...]:
        """Return the plots of a run: the loss first, then the smaller ones by importance.

        Args:
            run: The run.
            theme: Gives the colours.
            weight: Of the smoothing; 0 is none.
            titles: Key of a knob -> its title.
        """
        if run.series is not self._book:
            self._book = run.series
            self._smoothers.clear()
        found = self._measured(run, theme, weight)
        found = found or [Plot(key=LOSS, traces=(), log=True)]
        for plot in (self._learning_rate(run, theme), self._norms(run, theme) or self._knob(run, theme, titles)):
            if plot is not None:
                found.append(plot)
        return tuple(found)

    def _measured(self, run: RunView, theme: Theme, weight: float) -> list[Plot]:
        """Return a plot for each thing that was measured: the loss, the metric of the run, then what else there is."""
        whats, groups = measured(run.series.names, run.metric)
        found = []
        for what in whats:
            name = (
                "Train" if what == LOSS else METRICS.get(what, what.replace("_", " ").replace("/", ", ").capitalize())
            )
            traces = self._splits(run, what, name, theme, weight)
            key = what if what == LOSS else "metric" if what == run.metric else f"metric {what}"
            if traces:
                found.append(Plot(key=key, traces=traces, log=what == LOSS))
        for group, names in groups.items():
            traces = tuple(
                self._curve(
                    run.series[name], name, _title(name, group), theme.series[place % len(theme.series)], weight
                )
                for place, name in enumerate(names)
            )
            found.append(Plot(key=f"group {group}", traces=traces))
        return found

    def _curve(self, series: Series, key: str, name: str, color: Color, weight: float) -> Trace:
        smoothed = self._smooth(key, series, weight)
        return Trace(
            key=key, name=name, color=color, look="band", series=series, smoothed=smoothed, value=_last(series)
        )

    def _splits(self, run: RunView, what: str, name: str, theme: Theme, weight: float) -> tuple[Trace, ...]:
        found = []
        series = run.series.get(f"train/{what}")
        if series is not None:
            found.append(self._curve(series, f"train/{what}", name, theme.series[0], weight))
        for split, place in _CHECKED.items():
            key = f"{split}/{what}"
            series = run.series.get(key)
            if series is None:
                continue
            title = split.capitalize()
            if not found:  # nothing else says what is measured
                title = f"{title} {LOSS if what == LOSS else name[:1].lower() + name[1:]}"
            found.append(
                Trace(
                    key=key, name=title, color=theme.series[place], look="dots", series=series, value=_last(series)
                )
            )  # fmt: skip
        return tuple(found)

    def _smooth(self, key: str, series: Series, weight: float) -> Series:
        smoother = self._smoothers.get(key)
        if smoother is None or smoother.source is not series:
            smoother = self._smoothers[key] = Smoother(series)
        return smoother.at(weight)

    def _learning_rate(self, run: RunView, theme: Theme) -> Plot | None:
        series = run.series.get("effective/lr") or run.series.get("knob/lr")
        if series is None:
            return None
        color = theme.series[4]
        traces = [
            Trace(key="lr", name="Learning rate", color=color, look="line", series=series, value=_last(series)),
        ]
        span = None
        if run.planned is not None and len(run.planned[0]) > 1:
            xs, ys, version = self._plan(run.planned)
            if ys.min() < ys.max():  # a constant plan has nothing to show
                plan = Trace(
                    key="plan", name="planned", color=theme.series[7], look="dashes", xs=xs, ys=ys, version=version
                )
                traces.insert(0, plan)
                span = Span(0.0, float(xs[-1]))
        return Plot(key="lr", traces=tuple(traces), zero=True, span=span)

    def _plan(self, planned: tuple[Any, Any]) -> tuple[Floats, Floats, int]:
        if self._planned is None or self._planned[0] is not planned:
            self._version += 1
            steps, rates = (np.asarray(part, np.float64) for part in planned)
            self._planned = (planned, steps, rates, self._version)
        return self._planned[1:]

    def _norms(self, run: RunView, theme: Theme) -> Plot | None:
        history = run.gradients
        if history is None or not len(history.steps):
            return None
        if self._gradients is None or self._gradients[0] is not history:
            finite = np.where(np.isnan(history.norms), 0.0, history.norms)  # NaN: the node had no gradient
            self._version += 1
            norms = np.sqrt((finite**2).sum(axis=1))
            self._gradients = (history, history.steps.astype(np.float64), norms, self._version)
        _, xs, ys, version = self._gradients
        color = theme.series[3]
        value = float(ys[-1])
        norm = Trace(
            key="norm", name="Gradient norm", color=color, look="line", xs=xs, ys=ys, version=version, value=value
        )
        traces = [norm]
        clip = run.series.get("knob/clip_norm")
        if clip is not None and (_last(clip) or 0) > 0:
            xs, ys, version = self._clip_line(clip, max(float(xs[-1]), float(run.progress.step)))
            line = Trace(
                key="clip", name="clip", color=theme.series[7], look="dashes", xs=xs, ys=ys, version=version,
                value=_last(clip),
            )  # fmt: skip
            traces.insert(0, line)
        return Plot(key="norm", traces=tuple(traces), zero=True)

    def _clip_line(self, series: Series, until: float) -> tuple[Floats, Floats, int]:
        """Return where gradients are clipped, as a line with a corner wherever that was changed."""
        if self._clip is None or self._clip[0] != (series, len(series), until):
            self._version += 1
            steps, values = series.rows()
            xs = np.append(np.repeat(steps.astype(np.float64), 2)[1:], until)
            self._clip = ((series, len(series), until), xs, np.repeat(values, 2), self._version)
        return self._clip[1:]

    def _knob(self, run: RunView, theme: Theme, titles: Mapping[str, str]) -> Plot | None:
        """Return the plot of the first knob that was turned, besides the learning rate."""
        for name in run.series.names:
            kind, _, key = name.partition("/")
            if kind != "knob" or key == "lr" or key.endswith(".frozen") or len(run.series[name]) < 2:
                continue
            series = run.series[name]
            trace = Trace(
                key=name, name=titles.get(key, key), color=theme.series[3], look="stairs", series=series,
                until=float(run.progress.step), value=_last(series),
            )  # fmt: skip
            return Plot(key="knob", traces=(trace,), zero=True)
        return None


def _title(name: str, group: str) -> str:
    """Return what the legend calls a series of a group of its own: "gan d loss"; the group is part of its name."""
    words = name.replace("/", " ").replace("_", " ")
    return words[:1].upper() + words[1:] if name == group else words


def _last(series: Series) -> float | None:
    return series.last[1] if series.last is not None else None
