"""Rows of lists: one item over the width of the panel each, drawn by hand so that a thousand of them scroll freely."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final, NamedTuple

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui.kit import Face, Kit
from neuralforge.ui.theme import Color

_HALF_LINE_PX: Final = {13: 8.0, 14: 8.5, 15: 9.0, 16: 9.5}
"""From the top of a text to its optical middle, by size."""


@lru_cache(maxsize=1024)
def u32(color: Color) -> int:
    """Return a colour as draw lists take it; remembered, since lists ask for the same ones hundreds of times."""
    return color.u32


class Row(NamedTuple):
    """What became of a row in this frame.

    Args:
        at: Its upper left corner, in pixels of the screen.
        end: Its lower right corner.
        hovered: Whether the mouse is over it.
        clicked: Whether it was clicked, or chosen with the keyboard.
        double: Whether it was clicked twice, or chosen with the keyboard.
    """

    at: ImVec2
    end: ImVec2
    hovered: bool
    clicked: bool
    double: bool


@contextmanager
def listing(kit: Kit, key: str, height_px: float = 0) -> Iterator[bool]:
    """Begin a list that scrolls, its rows without gaps.

    Args:
        kit: The kit.
        key: Its id.
        height_px: At scale 1; the rest of the panel when 0.
    """
    with (
        imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(kit.px(8), 0)),
        imgui_ctx.begin_child(key, ImVec2(0, kit.px(height_px)), imgui.ChildFlags_.nav_flattened) as child,
    ):
        yield bool(child)


def visible(count: int, height: float) -> Iterator[int]:
    """Go over the rows that can be seen.

    Args:
        count: How many there are.
        height: Of each, in pixels of the screen.
    """
    clipper = imgui.ListClipper()
    clipper.begin(count, height)
    while clipper.step():
        yield from range(clipper.display_start, clipper.display_end)


def row(kit: Kit, key: str, height_px: float, *, chosen: bool = False, marked: bool = False) -> Row:
    """Draw the ground of a row at the cursor.

    Args:
        kit: The kit.
        key: Its id.
        height_px: At scale 1.
        chosen: Whether it is selected.
        marked: Whether the keyboard points at it from elsewhere, a search field say.
    """
    t = kit.theme
    at = imgui.get_cursor_screen_pos()
    size = ImVec2(max(1.0, imgui.get_content_region_avail().x), kit.px(height_px))
    pressed = bool(imgui.invisible_button(f"##{key}", size, imgui.ButtonFlags_.enable_nav))
    hovered, io = imgui.is_item_hovered(), imgui.get_io()
    end = at + size
    focused = io.nav_visible and imgui.is_item_focused()
    draw = imgui.get_window_draw_list()
    if chosen:
        draw.add_rect_filled(at, end, u32(t.accent.fade(0.22 if hovered else 0.16)), kit.px(5))
    elif hovered or marked:
        draw.add_rect_filled(at, end, u32(t.hover), kit.px(5))
    double = hovered and imgui.is_mouse_double_clicked(imgui.MouseButton_.left)
    return Row(at, end, hovered, pressed, double or (pressed and focused))


def write(
    kit: Kit, x: float, middle: float, text: str, color: Color, face: Face = "regular", size_px: float = 15
) -> None:
    """Draw a text beside the layout, its line around a height.

    Args:
        kit: The kit.
        x: Left edge, in pixels of the screen.
        middle: Height of its middle, in pixels of the screen.
        text: What.
        color: In which colour.
        face: In which font.
        size_px: Size at scale 1.
    """
    top = middle - _HALF_LINE_PX.get(int(size_px), size_px * 0.6) * kit.scale
    at = ImVec2(math.floor(x + 0.5), math.floor(top + 0.5))  # round() would go to even numbers: every other row jumps
    imgui.get_window_draw_list().add_text(kit.face(face), size_px * kit.scale, at, u32(color), text)


def write_right(
    kit: Kit, right: float, middle: float, text: str, color: Color, face: Face = "mono", size_px: float = 13
) -> float:
    """Draw a text that ends at a place, and return where it begins."""
    x = right - kit.text_size(text, face, size_px).x
    write(kit, x, middle, text, color, face, size_px)
    return x


def tile(kit: Kit, x: float, middle: float, icon: str, color: Color, alpha: float = 0.20) -> None:
    """Draw the small tile of a layer, 21 x 20, as nodes and lists have it."""
    low = ImVec2(math.floor(x + 0.5), math.floor(middle - kit.px(10) + 0.5))
    size = kit.vec(21, 20)
    imgui.get_window_draw_list().add_rect_filled(low, low + size, u32(color.fade(alpha)), kit.px(5))
    ink = kit.text_size(icon, "regular", 13)
    at = low + (size - ink) * 0.5
    draw = imgui.get_window_draw_list()
    draw.add_text(
        kit.face("regular"), 13 * kit.scale, ImVec2(math.floor(at.x + 0.5), math.floor(at.y + 0.5)), u32(color), icon
    )
