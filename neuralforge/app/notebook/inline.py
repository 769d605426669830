"""What a cell shows of a run: its curves as a drawing, its state and last numbers. Needs no window and no pixels."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from neuralforge.runs.events import Event
from neuralforge.ui.numbers import count, number
from neuralforge.workbench.series import Band, SeriesBook

WIDTH_PX: Final = 380
HEIGHT_PX: Final = 170
_LEFT_PX, _RIGHT_PX, _TOP_PX, _BOTTOM_PX = 50, 8, 22, 20
_COLOURS: Final = {"train": "#3f8fe8", "validation": "#e07a1f", "test": "#12a37c"}
_OTHER_COLOUR: Final = "#8b62f0"
_LOG_RATIO: Final = 50.0
"""Greatest value over least one from which an axis is logarithmic."""
_MOST_MARKERS: Final = 60


@dataclass(frozen=True, kw_only=True)
class Card:
    """What is to be shown of a run.

    Args:
        title: What it is.
        facts: Short texts below the title.
        book: Its curves; they are taken in.
        events: What was changed on the way.
        trouble: What went wrong; "" for nothing.
    """

    title: str
    facts: tuple[str, ...] = ()
    book: SeriesBook | None = None
    events: Sequence[Event] = ()
    trouble: str = ""


def html_of(card: Card) -> str:
    """Return a card as HTML, in the colours of the page that it is shown on."""
    facts = " &middot; ".join(html.escape(fact) for fact in card.facts)
    trouble = f"<div style='color:#d3163f'>{html.escape(card.trouble)}</div>" if card.trouble else ""
    pictures = curves_svg(card.book, card.events) if card.book is not None else ""
    return (
        f"<div style='font-family:sans-serif;font-size:13px'><b>{html.escape(card.title)}</b>"
        f"<div style='opacity:0.75'>{facts}</div>{trouble}{pictures}</div>"
    )


def curves_svg(book: SeriesBook, events: Sequence[Event] = ()) -> str:
    """Draw the curves of a run: one chart for the loss, one for its metric, and one for any other group of series.

    Args:
        book: The curves.
        events: Changes of knobs are marked at their step.

    Returns:
        SVG; "" where there are no numbers.
    """
    charts = [
        _chart(what, names, book, events) for what, names in _groups(book) if any(len(book[name]) for name in names)
    ]
    if not charts:
        return ""
    width_px = WIDTH_PX * len(charts)
    inside = "".join(f"<g transform='translate({WIDTH_PX * i},0)'>{chart}</g>" for i, chart in enumerate(charts))
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width_px}' height='{HEIGHT_PX}' "
        f"viewBox='0 0 {width_px} {HEIGHT_PX}' style='color:currentColor;font:11px sans-serif'>{inside}</svg>"
    )


def _groups(book: SeriesBook) -> Iterator[tuple[str, list[str]]]:
    """Yield what is measured, with its series: of train, validation and test together; knobs are left out."""
    found: dict[str, list[str]] = {}
    for name in book.names:
        part, _, what = name.partition("/")
        if part not in ("knob", "effective"):
            found.setdefault(what, []).append(name)
    yield from sorted(found.items(), key=lambda item: item[0] != "loss")


def _chart(what: str, names: list[str], book: SeriesBook, events: Sequence[Event]) -> str:
    extents = [extent for name in names if (extent := book[name].extent()) is not None]
    if not extents:
        return ""
    low, high = min(extent.low for extent in extents), max(extent.high for extent in extents)
    positive = [extent.least_positive for extent in extents if extent.least_positive is not None]
    is_log = low > 0 and bool(positive) and high / min(positive) >= _LOG_RATIO
    ends = [row[0] for name in names if (row := book[name].last) is not None]
    place = _Place(max(1.0, *map(float, ends)), low, high, is_log)
    parts = [_frame(what, place), *_markers(events, place)]
    legend = []
    for name in sorted(names, key=_rank):
        part = name.partition("/")[0]
        colour = _COLOURS.get(part, _OTHER_COLOUR)
        parts.append(_line(book[name].window(0.0, place.last, place.width_px), place, colour))
        row = book[name].last
        text = html.escape(f"{part} {number(row[1])}" if row is not None else part)
        legend.append(f"<tspan fill='{colour}'>{text}</tspan>")
    words = f"<text x='{WIDTH_PX - _RIGHT_PX}' y='13' text-anchor='end'>{' &#160; '.join(legend)}</text>"
    return "".join([*parts, words])


def _rank(name: str) -> tuple[int, str]:
    """Return where a series stands in the legend: train, validation, test, others."""
    part = name.partition("/")[0]
    return (list(_COLOURS).index(part) if part in _COLOURS else len(_COLOURS)), name


class _Place:
    """Where steps and values lie in a chart, in pixels."""

    def __init__(self, last: float, low: float, high: float, is_log: bool) -> None:
        if high <= low:
            margin = abs(low) * 0.1 or 1.0
            low, high = (low / 2, high * 2) if is_log else (low - margin, high + margin)
        self.last, self.low, self.high, self.is_log = last, low, high, is_log
        self.width_px = WIDTH_PX - _LEFT_PX - _RIGHT_PX
        self.height_px = HEIGHT_PX - _TOP_PX - _BOTTOM_PX

    def x(self, step: float) -> float:
        return _LEFT_PX + self.width_px * step / self.last

    def y(self, value: float) -> float:
        if self.is_log:
            part = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            part = (value - self.low) / (self.high - self.low)
        return _TOP_PX + self.height_px * (1 - part)


def _frame(what: str, place: _Place) -> str:
    right, bottom = _LEFT_PX + place.width_px, _TOP_PX + place.height_px
    middle = math.sqrt(place.low * place.high) if place.is_log else (place.low + place.high) / 2
    rows = "".join(
        f"<line x1='{_LEFT_PX}' x2='{right}' y1='{place.y(value):.1f}' y2='{place.y(value):.1f}' stroke='currentColor' "
        f"stroke-opacity='0.15'/><text x='{_LEFT_PX - 5}' y='{place.y(value) + 4:.1f}' text-anchor='end' "
        f"fill='currentColor' fill-opacity='0.7'>{number(value)}</text>"
        for value in (place.low, middle, place.high)
    )
    title = f"<text x='{_LEFT_PX}' y='13' fill='currentColor' font-weight='bold'>{html.escape(what)}</text>"
    steps = (
        f"<text x='{_LEFT_PX}' y='{bottom + 14}' fill='currentColor' fill-opacity='0.7'>0</text>"
        f"<text x='{right}' y='{bottom + 14}' text-anchor='end' fill='currentColor' fill-opacity='0.7'>"
        f"step {count(int(place.last))}</text>"
    )
    return title + rows + steps


def _markers(events: Sequence[Event], place: _Place) -> Iterator[str]:
    changes = [event for event in events if event.operation == "set" and event.applied_step is not None]
    for event in changes[-_MOST_MARKERS:]:
        x_px = place.x(float(event.applied_step or 0))
        text = html.escape(f"{event.key}: {event.old} \u2192 {event.new}, step {event.applied_step}")
        yield (
            f"<line x1='{x_px:.1f}' x2='{x_px:.1f}' y1='{_TOP_PX}' y2='{_TOP_PX + place.height_px}' "
            f"stroke='currentColor' stroke-opacity='0.4' stroke-dasharray='2,3'><title>{text}</title></line>"
        )


def _line(band: Band, place: _Place, colour: str) -> str:
    """Draw a curve: a line through its rows, or the area between the least and the greatest of each bucket."""
    keep = np.isfinite(band.low) & np.isfinite(band.high)
    steps, low, high = band.steps[keep].tolist(), band.low[keep].tolist(), band.high[keep].tolist()
    upper = [f"{place.x(step):.1f},{place.y(value):.1f}" for step, value in zip(steps, high, strict=True)]
    if len(steps) == 1:
        return f"<circle cx='{place.x(steps[0]):.1f}' cy='{place.y(high[0]):.1f}' r='2.5' fill='{colour}'/>"
    if band.exact:
        return f"<polyline points='{' '.join(upper)}' fill='none' stroke='{colour}' stroke-width='1.4'/>"
    lower = [f"{place.x(step):.1f},{place.y(value):.1f}" for step, value in zip(steps, low, strict=True)]
    return f"<polygon points='{' '.join(upper + lower[::-1])}' fill='{colour}' stroke='{colour}' stroke-width='0.8'/>"
