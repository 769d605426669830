"""What stands above the plots: names with their newest values, the smoothing, the axis, and whether to follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui import icons, widgets
from neuralforge.ui.curve_model import Plot
from neuralforge.ui.kit import Kit
from neuralforge.ui.plots import number, position_of, setting, weight_of
from neuralforge.ui.style import CLEAR, WHITE
from neuralforge.ui.traces import Trace

_WIDE_PX: Final = 600
"""Panels narrower than this show the weight of the smoothing without its slider."""


@dataclass(slots=True)
class Choices:
    """How a person wants the curves.

    Args:
        weight: Of the smoothing; 0 is none.
        log: Whether the loss has a logarithmic axis.
        follow: Whether the whole run is shown as it grows.
        first: Which of the small plots is the first that is shown.
    """

    weight: float = 0.9
    log: bool = True
    follow: bool = True
    first: int = 0


def page(first: int, shown: int, total: int) -> int:
    """Return where a page of plots begins: at a whole page, and never so that there is room behind the last plot.

    Args:
        first: Where it is wanted.
        shown: How many there is room for.
        total: How many there are.
    """
    return max(0, min(first, total - shown))


def draw_pager(kit: Kit, at: ImVec2, right: float, choices: Choices, shown: int, total: int) -> float:
    """Draw which of the small plots are shown, and arrows that show others, against the right edge.

    Args:
        kit: The kit.
        at: Upper left corner of the line, in pixels of the screen.
        right: Where the line ends.
        choices: Changed by what is clicked.
        shown: How many plots are shown.
        total: How many there are.

    Returns:
        Where it begins.
    """
    first, side = choices.first, kit.px(22)
    words = f"{first + 1}\u2013{first + shown} of {total}" if shown > 1 else f"{first + 1} of {total}"
    width = kit.text_size(words, "mono", 13).x
    left = right - 2 * side - width - kit.px(12)
    imgui.set_cursor_screen_pos(ImVec2(left, at.y - kit.px(2)))
    if widgets.icon_button(kit, icons.LEFT, "plots before", "Plots before", enabled=first > 0, size_px=22):
        choices.first = page(first - shown, shown, total)
    kit.draw_text(ImVec2(left + side + kit.px(6), at.y + kit.px(1)), words, kit.theme.text3, "mono", 13)
    imgui.set_cursor_screen_pos(ImVec2(right - side, at.y - kit.px(2)))
    more = first + shown < total
    if widgets.icon_button(kit, icons.RIGHT, "more plots", "More plots", enabled=more, size_px=22):
        choices.first = page(first + shown, shown, total)
    return left


def draw_legend(kit: Kit, plot: Plot, at: ImVec2, right: float) -> None:
    """Write names and newest values in one line; what has no room is left out.

    Args:
        kit: The kit.
        plot: The plot.
        at: Upper left corner, in pixels of the screen.
        right: Where the room ends.
    """
    draw = imgui.get_window_draw_list()
    x = at.x
    for trace in sorted(plot.traces, key=lambda trace: trace.look == "dashes"):
        value = "" if trace.value is None else (setting if trace.look in ("stairs", "dashes") else number)(trace.value)
        name_width = kit.text_size(trace.name, "regular", 14).x
        value_width = kit.text_size(value, "mono", 13).x + kit.px(8) if value else 0.0
        if x > at.x and x + kit.px(23) + name_width + value_width > right:
            break
        _draw_swatch(kit, trace, ImVec2(x, at.y + kit.px(9)), draw)
        x += kit.px(23)
        kit.draw_text(ImVec2(x, at.y), trace.name, kit.theme.text2, "regular", 14, draw)
        x += name_width
        if value:
            kit.draw_text(ImVec2(x + kit.px(8), at.y + kit.px(1)), value, kit.theme.text, "mono", 13, draw)
        x += value_width + kit.px(20)


def _draw_swatch(kit: Kit, trace: Trace, at: ImVec2, draw: imgui.ImDrawList) -> None:
    color = trace.color.u32
    if trace.look == "dashes":
        for start in (0.0, 6.0, 12.0):
            left = at.x + kit.px(start)
            draw.add_line(ImVec2(left, at.y), ImVec2(left + kit.px(4), at.y), color, kit.px(2))
        return
    draw.add_line(at, ImVec2(at.x + kit.px(16), at.y), color, kit.px(2.2))
    if trace.look == "dots":
        draw.add_circle_filled(ImVec2(at.x + kit.px(8), at.y), kit.px(3.5), color)


def draw_head(kit: Kit, plot: Plot, at: ImVec2, width: float, choices: Choices) -> None:
    """Draw the legend of the large plot and, at the right, the controls.

    Args:
        kit: The kit.
        plot: The large plot.
        at: Upper left corner, in pixels of the screen.
        width: In pixels of the screen.
        choices: Changed by what is clicked.
    """
    t, wide = kit.theme, width >= kit.px(_WIDE_PX)
    top = at.y
    x = at.x + width - kit.px(26)
    imgui.set_cursor_screen_pos(ImVec2(x, top - kit.px(3)))
    tip = "Following the run" if choices.follow else "Show the whole run and follow it (or double-click a plot)"
    if widgets.icon_button(kit, icons.FOLLOW, "follow", tip, shortcut="0 in a plot", on=choices.follow, size_px=26):
        choices.follow = True
    x -= kit.px(46)
    imgui.set_cursor_screen_pos(ImVec2(x, top + kit.px(1)))
    if widgets.toggle(kit, "log", choices.log, tip="Logarithmic axis for the loss: equal ratios look equal"):
        choices.log = not choices.log
    x -= kit.text_size("log y", "regular", 14).x + kit.px(8)
    kit.draw_text(ImVec2(x, top), "log y", t.text2, "regular", 14)
    x -= kit.text_size("0.999", "mono", 13).x + kit.px(22)
    weight = f"{choices.weight:.3f}".rstrip("0").ljust(4, "0")
    kit.draw_text(ImVec2(x, top + kit.px(2)), weight, t.text, "mono", 13)
    if wide:
        x -= kit.px(84)
        choices.weight = _draw_slider(kit, ImVec2(x, top - kit.px(1)), kit.px(76), choices.weight)
        x -= kit.text_size("smoothing", "regular", 14).x + kit.px(10)
        kit.draw_text(ImVec2(x, top), "smoothing", t.text2, "regular", 14)
    draw_legend(kit, plot, ImVec2(at.x, top), x - kit.px(12))


def _draw_slider(kit: Kit, at: ImVec2, width: float, weight: float) -> float:
    """Draw the slider of the smoothing and return the weight that it stands at."""
    t, col, clear = kit.theme, imgui.Col_, kit.vec4(CLEAR)
    imgui.set_cursor_screen_pos(at)
    imgui.set_next_item_width(width)
    with (  # Dear ImGui's slider has the keyboard; its looks are ours
        imgui_ctx.push_style_color(col.frame_bg, clear),
        imgui_ctx.push_style_color(col.frame_bg_hovered, clear),
        imgui_ctx.push_style_color(col.frame_bg_active, clear),
        imgui_ctx.push_style_color(col.slider_grab, clear),
        imgui_ctx.push_style_color(col.slider_grab_active, clear),
        imgui_ctx.push_style_var(imgui.StyleVar_.frame_padding, kit.vec(4, 3)),
    ):
        flags = imgui.SliderFlags_.no_input
        moved, position = imgui.slider_float("##smoothing", position_of(weight), 0.0, 1.0, "", flags)
    if moved:
        weight = weight_of(position)
    focused = imgui.is_item_focused() and imgui.get_io().nav_visible
    low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
    draw, middle = imgui.get_window_draw_list(), (low.y + high.y) / 2
    x0, x1 = low.x + kit.px(7), high.x - kit.px(7)
    thumb = ImVec2(x0 + position_of(weight) * (x1 - x0), middle)
    for end, color in ((x1, t.hover), (thumb.x, t.accent_fill)):
        draw.add_rect_filled(ImVec2(x0, middle - kit.px(2)), ImVec2(end, middle + kit.px(2)), color.u32, kit.px(2))
    if imgui.is_item_hovered() or imgui.is_item_active():
        draw.add_circle_filled(thumb, kit.px(11), t.accent.fade(0.22).u32)
    draw.add_circle_filled(thumb, kit.px(6.5), WHITE.u32)
    if t.thumb_ring or focused:
        draw.add_circle(thumb, kit.px(6.5), t.accent.u32, 0, kit.px(1.5))
    if kit.marks.on:
        kit.marks.note("slider/smoothing", low.x, low.y, high.x, high.y)
    widgets.tooltip(kit, "Weight of the moving average drawn over the raw values; 0 draws the values alone")
    return weight
