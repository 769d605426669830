"""The curves of a run: loss and metrics of every batch, what was changed on the way, and the learning rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from imgui_bundle import ImVec2, imgui

from neuralforge.ui import icons, widgets
from neuralforge.ui.chart import AXIS_PX, GUTTER_PX, Area, Axes, draw_axes, draw_curves, draw_lines, id_of
from neuralforge.ui.curve_cursor import draw_card, draw_discs, readings
from neuralforge.ui.curve_head import Choices, draw_head, draw_legend, draw_pager, page
from neuralforge.ui.curve_model import CurveModel, Plot
from neuralforge.ui.event_rows import Ledger
from neuralforge.ui.flag_strip import Pennant, draw_flags, flag_under, lay_flags, tones_of
from neuralforge.ui.flags import Flag, flags_of
from neuralforge.ui.kit import Kit
from neuralforge.ui.local import FocusPanel, Local, ShowEvent, ShowStep
from neuralforge.ui.memo import Memo
from neuralforge.ui.panel import Panel, Post
from neuralforge.ui.plots import Span, between, panned, zoomed
from neuralforge.ui.theme import Color
from neuralforge.ui.traces import Pen
from neuralforge.workbench.commands import Train
from neuralforge.workbench.view import RunView, View

_MARGIN_PX: Final = 12
_HEAD_PX: Final = 40
_LEGEND_PX: Final = 26
_GAP_PX: Final = 20
_LEAST_PX: Final = 340
"""Panels lower than this show the loss alone."""
_SMALL_PX: Final = 330
"""One small plot for each of these in the panel's width."""
_GRAIN_PART: Final = 4000
"""While a run goes on, curves are drawn anew after this part of their length: a quarter of a pixel."""


class CurvesPanel(Panel):
    """Plots of the run in the panels."""

    key = "curves"
    title = "Curves"
    icon = icons.CURVES
    docks = {"build": "hidden", "train": "centre"}
    order = 10
    padded = False
    help = "Loss and metrics of every batch, with what was changed on the way"
    wants = frozenset({"gradients"})

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._model = CurveModel()
        self._pen = Pen()
        self._memo = Memo()
        self._ledger = Ledger()
        self._choices = Choices()
        self._run_id = ""
        self._flags: tuple[Flag, ...] = ()
        self._span = Span(0.0, 1.0)  # while it does not follow
        self._cursor: float | None = None  # step under the mouse, in any plot
        self._cursor_plot = ""
        self._next_cursor: tuple[float | None, str] = (None, "")
        self._selecting: float | None = None

    def draw(self, view: View, post: Post) -> None:
        """Draw the plots, or what to do so that there are some."""
        run = view.run
        if run is None or not run.series.names:
            self._draw_empty(view, run, post)
            return
        if run.run_id != self._run_id:
            self._run_id, self._choices.follow, self._choices.first = run.run_id, True, 0
            self._ledger, self._flags = Ledger(), ()
        if self._ledger.update(run.events):
            self._flags = flags_of(self._ledger.changes)
        titles = self._memo.get("titles", view.knobs.knobs, lambda: {k.key: k.title for k in view.knobs.knobs})
        plots = self._model.plots(run, self.kit.theme, self._choices.weight, titles)
        at, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail()
        self._draw_plots(run, plots, at, room, post)
        imgui.set_cursor_screen_pos(at)
        imgui.dummy(room)

    def take(self, command: Local) -> bool:
        """Bring a step into view."""
        if not isinstance(command, ShowStep):
            return False
        if not self._choices.follow and not self._span.low <= command.step <= self._span.high:
            low = max(0.0, command.step - self._span.length / 2)
            self._span = Span(low, low + self._span.length)
        self._next_cursor = (float(command.step), "")
        return True

    def forget(self) -> None:
        """Let go of everything that was derived."""
        self._pen.forget()
        self._memo.clear()
        self._model = CurveModel()

    def _draw_empty(self, view: View, run: RunView | None, post: Post) -> None:
        kit = self.kit
        if run is None:
            tip = "Train the network" if view.can_train else view.why_not
            words = "Press Train, and the loss of every batch appears here."
            if widgets.empty(
                kit, icons.CURVES, "No curves yet", words, "Train", icons.RUN, tip, enabled=view.can_train
            ):
                post(Train())
        elif run.state == "failed":
            widgets.empty(kit, icons.ERROR, "No step was made", run.trouble or "The run failed before its first step.")
        elif run.live:
            words = "Press Run to make it." if run.state == "paused" else "Its loss appears here as soon as it is made."
            if run.own_loop:
                words = "What your loop logs is drawn here as soon as it has made a step."
            widgets.empty(kit, icons.WAIT, "Waiting for the first step", words)
        else:
            widgets.empty(kit, icons.CURVES, "No steps", "This run ended before its first step.")

    # The plots

    def _draw_plots(self, run: RunView, plots: Sequence[Plot], at: ImVec2, room: ImVec2, post: Post) -> None:
        kit, choices = self.kit, self._choices
        margin, gutter, axis = kit.px(_MARGIN_PX), kit.px(GUTTER_PX), kit.px(AXIS_PX + 8)
        fitting = max(1, min(3, int(room.x / kit.px(_SMALL_PX)))) if room.y >= kit.px(_LEAST_PX) else 0
        others = len(plots) - 1
        choices.first = page(choices.first, fitting, others)
        small = plots[1 + choices.first :][:fitting]
        height = min(kit.px(210), max(kit.px(130), room.y * 0.27)) if small else 0.0
        last = max((t.series.last[0] for p in plots for t in p.traces if t.series and t.series.last), default=0)
        runs = run.state == "running" and not run.between_loops
        self._pen.grain = max(1, last // _GRAIN_PART) if runs else 1
        follow = _follow_span(max(last, run.progress.step))
        bounds = Span(0.0, max(follow.high, float(run.progress.total_steps)))
        span = follow if choices.follow else self._span
        (self._cursor, self._cursor_plot), self._next_cursor = self._next_cursor, (None, "")
        head = ImVec2(at.x + margin, at.y + kit.px(9))
        draw_head(kit, plots[0], head, room.x - 2 * margin, choices)
        top = at.y + kit.px(_HEAD_PX)
        bottom = max(at.y + room.y - height - axis, top + kit.px(40))
        area = Area(at.x + margin + gutter, top, at.x + room.x - margin, bottom)
        self._draw_plot(plots[0], area, span, bounds, post, main=True)
        if not plots[0].traces:
            self._draw_nothing(run, area)
        top = at.y + room.y - height
        width = (room.x - 2 * margin - kit.px(_GAP_PX) * (len(small) - 1)) / max(1, len(small))
        for place, plot in enumerate(small):
            left = at.x + margin + place * (width + kit.px(_GAP_PX))
            right = left + width
            if place == len(small) - 1 and others > fitting:
                right = draw_pager(kit, ImVec2(left, top), right, choices, len(small), others) - kit.px(8)
            draw_legend(kit, plot, ImVec2(left, top), right)
            area = Area(left + gutter, top + kit.px(_LEGEND_PX), left + width, at.y + room.y - axis)
            own = plot.span if choices.follow and plot.span is not None else span
            self._draw_plot(plot, area, own, bounds, post)

    def _draw_nothing(self, run: RunView, area: Area) -> None:
        """Say over the empty plot what would be drawn in it."""
        words = "No loss or metric was logged."
        if run.own_loop and run.live:
            words = "Nothing is logged yet: what your loop logs, its loss for example, is drawn here."
        kit, t, room = self.kit, self.kit.theme, area.x1 - area.x0
        lines = widgets.folded(kit, words, room - kit.px(48), size_px=14)
        widths = [kit.text_size(line, "regular", 14).x for line in lines]
        middle, half = (area.x0 + area.x1) / 2, max(widths) / 2 + kit.px(12)
        top = (area.y0 + area.y1) / 2 - kit.px(10) * len(lines)
        low = ImVec2(middle - half, top - kit.px(6))
        high = ImVec2(middle + half, top + kit.px(20) * len(lines) + kit.px(6))
        imgui.get_window_draw_list().add_rect_filled(low, high, t.panel.u32, kit.px(6))
        for place, (line, width) in enumerate(zip(lines, widths, strict=True)):
            kit.draw_text(ImVec2(middle - width / 2, top + kit.px(20 * place)), line, t.text3, "regular", 14)

    def _draw_plot(self, plot: Plot, area: Area, span: Span, bounds: Span, post: Post, *, main: bool = False) -> None:
        kit, memo = self.kit, self._memo
        wants_log = plot.log and self._choices.log
        y, log = self._pen.value_range(plot.key, plot.traces, span, log=wants_log, zero=plot.zero)
        axes = Axes(area, span, y, log)
        draw_axes(kit, plot.key, axes, memo)
        width = area.x1 - area.x0
        dash = span.length / width * kit.px(5)
        curves = [(trace, self._pen.draw(trace, span, int(width), dash)) for trace in plot.traces]
        draw_curves(kit, plot.key, axes, curves)
        lines = memo.get("flag lines", (self._flags, kit.theme.name), self._flag_lines)
        draw_lines(kit, plot.key, axes, lines, 0.55 if main else 0.30, memo)
        pennants = lay_flags(kit, axes, self._flags, memo) if main else ()
        self._interact(plot, axes, bounds, pennants, post)
        here = self._next_cursor[1] == plot.key
        step = self._next_cursor[0] if here else self._cursor
        values = [] if step is None else readings(curves, step)
        if step is not None:
            draw_discs(kit, axes, step, values)
        draw_flags(kit, pennants)
        if step is not None and here and values:
            draw_card(kit, axes, step, values)

    def _flag_lines(self) -> tuple[tuple[int, Color], ...]:
        tones = tones_of(self.kit.theme)
        return tuple((flag.step, tones[flag.tone]) for flag in self._flags)

    # The mouse and the keyboard

    def _interact(self, plot: Plot, axes: Axes, bounds: Span, pennants: Sequence[Pennant], post: Post) -> None:
        kit, area, io = self.kit, axes.area, imgui.get_io()
        left = imgui.MouseButton_.left
        imgui.set_cursor_screen_pos(ImVec2(area.x0, area.y0))
        button = imgui.ButtonFlags_
        flags = button.mouse_button_left | button.mouse_button_right | button.enable_nav
        imgui.invisible_button(f"##plot {id_of(plot.key)}", ImVec2(area.x1 - area.x0, area.y1 - area.y0), flags)
        hovered, active = imgui.is_item_hovered(), imgui.is_item_active()
        if kit.marks.on:
            kit.marks.note(f"plot/{plot.key}", area.x0, area.y0, area.x1, area.y1)
        if imgui.is_item_focused() and io.nav_visible:
            low, high = ImVec2(area.x0, area.y0), ImVec2(area.x1, area.y1)
            imgui.get_window_draw_list().add_rect(low, high, kit.theme.accent.u32, kit.px(3), kit.px(1.5))
            self._keys(axes, bounds)
        if not (hovered or active):
            return
        under = axes.step_at(min(max(io.mouse_pos.x, area.x0), area.x1))
        self._next_cursor = (float(round(under)), plot.key)
        if hovered:
            imgui.set_item_key_owner(imgui.Key.mouse_wheel_y)
            if io.mouse_wheel:
                self._show(zoomed(axes.x, under, 0.85**io.mouse_wheel, bounds))
            if io.mouse_wheel_h:
                self._show(panned(axes.x, -0.08 * io.mouse_wheel_h * axes.x.length, bounds))
            if imgui.is_mouse_double_clicked(left):
                self._choices.follow = True
                return
            flag = flag_under(kit, pennants, io.mouse_pos)
            if flag is not None:
                self._next_cursor = (None, "")  # the card would cover what the flag says
                if imgui.is_mouse_released(left) and not imgui.is_mouse_dragging(left):
                    post(ShowEvent(flag.members[0].sequence))
                    post(FocusPanel("events"))
        if active and imgui.is_mouse_dragging(left):
            imgui.set_mouse_cursor(imgui.MouseCursor_.resize_ew)
            if io.mouse_delta.x:
                by = -io.mouse_delta.x / (area.x1 - area.x0) * axes.x.length
                self._show(panned(axes.x, by, bounds))
        self._select(axes, bounds, under, active)

    def _show(self, span: Span) -> None:
        self._span, self._choices.follow = span, False

    def _select(self, axes: Axes, bounds: Span, under: float, active: bool) -> None:
        """Zoom to a range that is drawn with the right button."""
        area, right = axes.area, imgui.MouseButton_.right
        if active and imgui.is_mouse_clicked(right):
            self._selecting = under
        if self._selecting is None:
            return
        low, high = sorted((axes.x_of(self._selecting), axes.x_of(under)))
        if imgui.is_mouse_down(right):
            color = self.kit.theme.accent.fade(0.14).u32
            imgui.get_window_draw_list().add_rect_filled(ImVec2(low, area.y0), ImVec2(high, area.y1), color)
            return
        if high - low > self.kit.px(6):
            self._show(between(self._selecting, under, bounds))
        self._selecting = None

    def _keys(self, axes: Axes, bounds: Span) -> None:
        """Zoom by + and -, move by comma and full stop, follow by 0 and Home."""
        key, pressed = imgui.Key, imgui.is_key_pressed
        middle = (axes.x.low + axes.x.high) / 2
        if pressed(key._0) or pressed(key.home):
            self._choices.follow = True
        elif pressed(key.equal) or pressed(key.keypad_add):
            self._show(zoomed(axes.x, middle, 0.8, bounds))
        elif pressed(key.minus) or pressed(key.keypad_subtract):
            self._show(zoomed(axes.x, middle, 1.25, bounds))
        elif pressed(key.comma):
            self._show(panned(axes.x, -0.1 * axes.x.length, bounds))
        elif pressed(key.period):
            self._show(panned(axes.x, 0.1 * axes.x.length, bounds))


def _follow_span(last_step: int) -> Span:
    """Return what is shown of a run that is followed: all, with some air; its end moves by about a pixel at a time."""
    end = last_step * 1.04 + 1
    grain = max(1.0, 2.0 ** math.floor(math.log2(end / 512)))
    return Span(0.0, math.ceil(end / grain) * grain)


PANEL = CurvesPanel
