"""Draws one plot: grid, ticks, curves, lines of events, and discs under the cursor. Says nothing of what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from imgui_bundle import ImVec2, imgui, implot, implot_ctx

from neuralforge.ui.kit import Kit
from neuralforge.ui.memo import Memo
from neuralforge.ui.plots import Span, fraction, linear_ticks, log_ticks, step_ticks
from neuralforge.ui.theme import Color
from neuralforge.ui.traces import MOST_DISCS, Drawn, Trace

GUTTER_PX: Final = 46
"""Room for the numbers left of a plot."""
AXIS_PX: Final = 22
"""Room for the numbers below a plot."""

_FLAGS: Final = implot.Flags_.canvas_only | implot.Flags_.no_inputs | implot.Flags_.no_frame
_AXIS: Final = implot.AxisFlags_.no_decorations | implot.AxisFlags_.lock | implot.AxisFlags_.no_initial_fit
_NO_FIT: Final = implot.ItemFlags_.no_fit | implot.ItemFlags_.no_legend
_LINE_GAP_PX: Final = 12


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of the screen, in pixels."""

    x0: float
    y0: float
    x1: float
    y1: float

    def holds(self, at: ImVec2) -> bool:
        """Return whether a point lies in it."""
        return self.x0 <= at.x < self.x1 and self.y0 <= at.y < self.y1


@dataclass(frozen=True, slots=True)
class Axes:
    """What a plot shows, and where.

    Args:
        area: Where the curves are.
        x: The range of steps.
        y: The range of values.
        log: Whether the axis of values is logarithmic.
    """

    area: Area
    x: Span
    y: Span
    log: bool = False

    def x_of(self, step: float) -> float:
        """Return where a step is on the screen."""
        return self.area.x0 + fraction(step, self.x) * (self.area.x1 - self.area.x0)

    def y_of(self, value: float) -> float:
        """Return where a value is on the screen."""
        return self.area.y1 - fraction(value, self.y, log=self.log) * (self.area.y1 - self.area.y0)

    def step_at(self, x: float) -> float:
        """Return the step at a place of the screen."""
        return self.x.low + (x - self.area.x0) / (self.area.x1 - self.area.x0) * self.x.length


def draw_axes(kit: Kit, key: str, axes: Axes, memo: Memo) -> None:
    """Draw the grid with its numbers."""
    draw, color, ink = imgui.get_window_draw_list(), kit.theme.plot_grid.u32, kit.theme.text3
    values = memo.get(f"values {key}", (axes.area, axes.y, axes.log, kit.scale), lambda: _lay_values(kit, axes))
    steps = memo.get(f"steps {key}", (axes.area, axes.x, kit.scale), lambda: _lay_steps(kit, axes))
    for lines, texts in (values, steps):
        for start, end in lines:
            draw.add_line(start, end, color, 1)
        for at, text in texts:
            kit.draw_text(at, text, ink, "mono", 13, draw)


Laid = tuple[list[tuple[ImVec2, ImVec2]], list[tuple[ImVec2, str]]]
"""Lines of the grid, and the numbers of an axis with their places."""


def _lay_values(kit: Kit, axes: Axes) -> Laid:
    area = axes.area
    lines, texts = [], []
    most_y = max(3, int((area.y1 - area.y0) / kit.px(28)))
    for value, text in log_ticks(axes.y, most_y) if axes.log else linear_ticks(axes.y, most_y):
        y = round(axes.y_of(value))
        lines.append((ImVec2(area.x0, y), ImVec2(area.x1, y)))
        size = kit.text_size(text, "mono", 13)
        texts.append((ImVec2(area.x0 - kit.px(8) - size.x, y - size.y / 2), text))
    return lines, texts


def _lay_steps(kit: Kit, axes: Axes) -> Laid:
    area = axes.area
    lines, texts = [], []
    widest = kit.text_size(f"{int(axes.x.high):,}", "mono", 13).x
    for value, text in step_ticks(axes.x, max(2, int((area.x1 - area.x0) / (widest + kit.px(36))))):
        x = round(axes.x_of(value))
        lines.append((ImVec2(x, area.y0), ImVec2(x, area.y1)))
        width = kit.text_size(text, "mono", 13).x
        left = min(max(x - width / 2, area.x0 - kit.px(GUTTER_PX)), area.x1 + kit.px(8) - width)
        texts.append((ImVec2(left, area.y1 + kit.px(5)), text))
    return lines, texts


def id_of(key: str) -> str:
    """Return a key as it may stand in a label: names of series may hold what Dear ImGui takes for a mark of its own."""
    return key.encode("utf-8", "replace").hex() if {"#", "\0"} & set(key) else key


def draw_curves(kit: Kit, key: str, axes: Axes, curves: Sequence[tuple[Trace, Drawn]]) -> None:
    """Draw curves, the first one lowest, and mark values that are no place on the plot at its upper edge."""
    area = axes.area
    imgui.set_cursor_screen_pos(ImVec2(area.x0, area.y0))
    with (
        implot_ctx.push_style_var(implot.StyleVar_.plot_padding, ImVec2(0, 0)),
        implot_ctx.begin_plot(f"##{id_of(key)}", ImVec2(area.x1 - area.x0, area.y1 - area.y0), _FLAGS) as plot,
    ):
        if plot:
            implot.setup_axes("", "", _AXIS, _AXIS)
            if axes.log:
                implot.setup_axis_scale(implot.ImAxis_.y1, implot.Scale_.log10)
            implot.setup_axes_limits(*axes.x, *axes.y, implot.Cond_.always)
            implot.setup_finish()
            for trace, drawn in curves:
                if trace.look == "band":
                    _draw_band(kit, trace, drawn)
            for trace, drawn in curves:
                _draw_line(kit, trace, drawn)
    _mark_broken(kit, axes, curves)


def _draw_band(kit: Kit, trace: Trace, drawn: Drawn) -> None:
    if not len(drawn.band_xs):
        return
    if drawn.low is drawn.high:
        faint = kit.vec4(trace.color.fade(min(1.0, kit.theme.band_alpha * 1.3)))
        spec = implot.Spec(line_color=faint, line_weight=kit.px(1.2), flags=_NO_FIT)
        implot.plot_line(f"##raw {id_of(trace.key)}", drawn.band_xs, drawn.low, spec)
        return
    spec = implot.Spec(fill_color=kit.vec4(trace.color.fade(kit.theme.band_alpha)), flags=_NO_FIT)
    implot.plot_shaded(f"##band {id_of(trace.key)}", drawn.band_xs, drawn.low, drawn.high, spec)


def _draw_line(kit: Kit, trace: Trace, drawn: Drawn) -> None:
    if not len(drawn.xs):
        return
    color = kit.vec4(trace.color)
    weight = kit.px({"band": 2.2, "line": 2.2, "stairs": 2.2, "dots": 1.8, "dashes": 1.6}[trace.look])
    if trace.look == "dashes":
        flags = _NO_FIT | implot.LineFlags_.segments
        implot.plot_line(
            f"##{id_of(trace.key)}", drawn.xs, drawn.ys, implot.Spec(line_color=color, line_weight=weight, flags=flags)
        )
        return
    spec = implot.Spec(line_color=color, line_weight=weight, flags=_NO_FIT)
    if trace.look == "stairs":
        implot.plot_stairs(f"##{id_of(trace.key)}", drawn.xs, drawn.ys, spec)
    else:
        implot.plot_line(f"##{id_of(trace.key)}", drawn.xs, drawn.ys, spec)
    if len(drawn.xs) == 1 or (trace.look == "dots" and len(drawn.xs) <= MOST_DISCS):
        discs = implot.Spec(
            marker=implot.Marker_.circle,
            marker_size=kit.px(3.5),
            marker_fill_color=color,
            marker_line_color=kit.vec4(kit.theme.panel),
            line_weight=kit.px(1),
            flags=_NO_FIT,
        )
        implot.plot_scatter(f"##discs {id_of(trace.key)}", drawn.xs, drawn.ys, discs)


def _mark_broken(kit: Kit, axes: Axes, curves: Sequence[tuple[Trace, Drawn]]) -> None:
    draw, area, color = imgui.get_window_draw_list(), axes.area, kit.theme.danger.u32
    size = kit.px(5)
    for _, drawn in curves:
        if not len(drawn.broken):
            continue
        inside = drawn.broken[(drawn.broken >= axes.x.low) & (drawn.broken <= axes.x.high)]
        places = (inside - axes.x.low) / axes.x.length * (area.x1 - area.x0)
        for cell in np.unique(np.round(places / size)).tolist():  # at most one mark for each width of a mark
            x = area.x0 + cell * size
            draw.add_triangle_filled(
                ImVec2(x - size, area.y0), ImVec2(x + size, area.y0), ImVec2(x, area.y0 + 1.6 * size), color
            )


def draw_lines(kit: Kit, key: str, axes: Axes, lines: tuple[tuple[int, Color], ...], alpha: float, memo: Memo) -> None:
    """Draw vertical lines at steps; where many of a colour crowd, some of them stand for all."""

    def lay() -> list[tuple[ImVec2, ImVec2, int]]:
        places = {(round(axes.x_of(step)), color) for step, color in lines if axes.x.low <= step <= axes.x.high}
        y0, y1, gap = axes.area.y0, axes.area.y1, kit.px(_LINE_GAP_PX)
        last: dict[Color, float] = {}
        laid = []
        for x, color in sorted(places):
            if x - last.get(color, -gap) >= gap:
                last[color] = x
                laid.append((ImVec2(x, y0), ImVec2(x, y1), color.fade(alpha).u32))
        return laid

    draw, weight = imgui.get_window_draw_list(), max(1.0, kit.px(1))
    for start, end, color in memo.get(f"lines {key}", (axes.area, axes.x, lines), lay):
        draw.add_line(start, end, color, weight)
