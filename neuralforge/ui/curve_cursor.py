"""What a plot says under the cursor: the values at a step, discs on the curves, and a card that lists them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from imgui_bundle import ImVec2, imgui

from neuralforge.ui.chart import Axes
from neuralforge.ui.kit import Kit
from neuralforge.ui.plots import number, setting
from neuralforge.ui.theme import BLACK, Color
from neuralforge.ui.traces import Drawn, Trace, value_on

_CARD_PX: Final = 150
_ROW_PX: Final = 22
_RAW_ALPHA: Final = 0.55


@dataclass(frozen=True, slots=True)
class Reading:
    """A value under the cursor.

    Args:
        name: Of what.
        text: The value as it is written.
        color: Of the curve.
        point: Step and value where a disc is drawn; None draws none.
    """

    name: str
    text: str
    color: Color
    point: tuple[float, float] | None = None


def readings(curves: Sequence[tuple[Trace, Drawn]], step: float) -> list[Reading]:
    """Return the values of some curves at a step, in the order of the legend.

    A curve of all batches has its own value there, and the smoothed one; a curve of validations the nearest one.
    """
    found = []
    for trace, drawn in curves:
        if trace.look in ("dots", "dashes") or trace.series is None:
            point = value_on(drawn, step)
            if point is not None and trace.look != "dashes":
                found.append(Reading(trace.name, number(point[1]), trace.color, point))
            continue
        last = trace.series.last
        value = trace.series.value_at(step)
        if value is None or last is None or (trace.look != "stairs" and step > last[0]):
            continue
        point = (step, value) if math.isfinite(value) else None
        if trace.look == "stairs":
            found.append(Reading(trace.name, setting(value), trace.color, point))
        elif trace.smoothed is None or trace.smoothed is trace.series:
            found.append(Reading(trace.name, number(value), trace.color, point))
        else:
            found.append(Reading(trace.name, number(value), trace.color.fade(_RAW_ALPHA)))
            smooth = trace.smoothed.value_at(step)
            if smooth is not None and math.isfinite(smooth):
                found.append(Reading("smoothed", number(smooth), trace.color, (step, smooth)))
    return found


def draw_discs(kit: Kit, axes: Axes, step: float, values: Sequence[Reading]) -> None:
    """Draw the line of the cursor, and a disc on each curve."""
    draw, area, t = imgui.get_window_draw_list(), axes.area, kit.theme
    x = round(axes.x_of(step))
    if not area.x0 <= x <= area.x1:
        return
    draw.add_line(ImVec2(x, area.y0), ImVec2(x, area.y1), t.text3.fade(0.7).u32, max(1.0, kit.px(1)))
    for reading in values:
        if reading.point is None:
            continue
        place = ImVec2(axes.x_of(reading.point[0]), axes.y_of(reading.point[1]))
        if area.x0 <= place.x <= area.x1 and area.y0 <= place.y <= area.y1:
            draw.add_circle_filled(place, kit.px(5.5), t.panel.u32)
            draw.add_circle_filled(place, kit.px(4.5), reading.color.u32)


def draw_card(kit: Kit, axes: Axes, step: float, values: Sequence[Reading]) -> None:
    """Draw the card beside the cursor, above everything else, where it fits into the plot's width."""
    t, area, draw = kit.theme, axes.area, imgui.get_foreground_draw_list()
    widest = max(kit.text_size(v.name.lower(), "regular", 14).x + kit.text_size(v.text, "mono", 13).x for v in values)
    width = max(kit.px(_CARD_PX), widest + kit.px(56))
    height = kit.px(38 + _ROW_PX * len(values))
    x = axes.x_of(step)
    beside = x + kit.px(14)
    left = beside if beside + width <= area.x1 else x - kit.px(14) - width
    top = min(max(imgui.get_io().mouse_pos.y + kit.px(12), area.y0), max(area.y0, area.y1 - height))
    low = ImVec2(round(left), round(top))
    high = ImVec2(round(left + width), round(top + height))
    for spread in (2.0, 4.0, 6.0):
        grown, down = kit.vec(spread, spread), kit.vec(0, 3)
        draw.add_rect_filled(
            low - grown + down, high + grown + down, BLACK.fade(t.shadow_alpha * 2).u32, kit.px(8 + spread)
        )
    draw.add_rect_filled(low, high, t.elevated.u32, kit.px(8))
    draw.add_rect(low, high, t.border_strong.u32, kit.px(8), 1)
    kit.draw_text(low + kit.vec(12, 8), f"Step {int(step):,}", t.text, "semibold", 14, draw)
    y = low.y + kit.px(31)
    for reading in values:
        draw.add_circle_filled(ImVec2(low.x + kit.px(16), y + kit.px(9)), kit.px(4), reading.color.u32)
        kit.draw_text(ImVec2(low.x + kit.px(28), y), reading.name.lower(), t.text2, "regular", 14, draw)
        right = high.x - kit.px(12) - kit.text_size(reading.text, "mono", 13).x
        kit.draw_text(ImVec2(right, y + kit.px(1)), reading.text, t.text, "mono", 13, draw)
        y += kit.px(_ROW_PX)
