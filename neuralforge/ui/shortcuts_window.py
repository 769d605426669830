"""The list of keys and gestures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Final

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui import icons, widgets
from neuralforge.ui.actions import MENUS, all_actions
from neuralforge.ui.kit import Face, Kit
from neuralforge.ui.modal import clicked_outside, escape_pressed, modal
from neuralforge.ui.rows import write, write_right

WIDTH_PX: Final = 1120
HEIGHT_PX: Final = 700
_COLUMN_PX: Final = 300
_GAP_PX: Final = 34
_HEAD_PX: Final = 56
_TITLE_PX: Final = 34
_ROW_PX: Final = 27
_WORDS: Final = re.compile(r"[a-z] [a-z]|^[a-z]")
"""Keys that are told in words, and so are not set in mono."""

Group = tuple[str, tuple[tuple[str, str], ...]]

GESTURES: Final[Group] = (
    "On the canvas",
    (
        ("Move the view", "drag with the right button"),
        ("Zoom", "wheel"),
        ("Select several", "drag over the ground"),
        ("Add to the selection", "Ctrl+click"),
        ("Wire two nodes", "drag from pin to pin"),
        ("Add a layer that fits", "drag from a pin to the ground"),
        ("Put a layer between two", "drag it onto a wire"),
        ("Search for a layer", "double-click on the ground"),
        ("Rename a node", "double-click, or F2"),
        ("Menu of a node or wire", "right click"),
    ),
)

IN_LISTS: Final[Group] = (
    "In dialogs and lists",
    (("Choose", "Up, Down"), ("Open, run, confirm", "Enter"), ("Complete a name", "Tab"), ("Close", "Esc")),
)


def groups() -> tuple[Group, ...]:
    """Return what there is: (menu, ((title, keys), ...)), then the gestures."""
    found = []
    for menu in MENUS:
        rows = tuple((a.title.rstrip("\u2026"), a.shortcut) for a in all_actions() if a.menu == menu and a.shortcut)
        if rows:
            found.append((menu, rows))
    return (*found, GESTURES, IN_LISTS)


def columns(found: Sequence[Group], count: int) -> tuple[tuple[Group, ...], ...]:
    """Share groups among columns, in their order, so that the longest one is as short as can be."""
    sizes = [len(rows) + 2 for _, rows in found]

    def longest(cuts: tuple[int, ...]) -> int:
        return max(sum(sizes[low:high]) for low, high in pairwise((0, *cuts, len(found))))

    cuts = min(combinations(range(1, len(found)), min(count, len(found)) - 1), key=longest)
    return tuple(tuple(found[low:high]) for low, high in pairwise((0, *cuts, len(found))))


class ShortcutsWindow:
    """Shows keys and gestures.

    Args:
        kit: The means of drawing.
    """

    def __init__(self, kit: Kit) -> None:
        self.kit = kit

    def draw(self) -> bool:
        """Draw the list.

        Returns:
            Whether it stays open.
        """
        kit = self.kit
        with modal(kit, "shortcuts", WIDTH_PX, HEIGHT_PX, padding_px=(0, 0)) as visible:
            if not visible:
                return True
            low, size = imgui.get_window_pos(), imgui.get_window_size()
            widgets.icon_tile(kit, icons.KEYBOARD, kit.theme.accent, 30, low + kit.vec(16, 13))
            write(kit, low.x + kit.px(58), low.y + kit.px(27), "Keyboard shortcuts", kit.theme.text, "semibold", 17)
            imgui.set_cursor_pos(ImVec2(size.x - kit.px(42), kit.px(14)))
            closed = widgets.icon_button(kit, icons.CLOSE, "close-shortcuts", "Close", shortcut="Esc")
            y = low.y + kit.px(_HEAD_PX)
            imgui.get_window_draw_list().add_line(ImVec2(low.x, y), ImVec2(low.x + size.x, y), kit.theme.border.u32, 1)
            imgui.set_cursor_pos(ImVec2(kit.px(20), kit.px(_HEAD_PX + 6)))
            room = ImVec2(size.x - kit.px(26), size.y - kit.px(_HEAD_PX + 16))
            with imgui_ctx.begin_child("##keys", room):
                self._draw_columns()
            return not (closed or escape_pressed() or clicked_outside())

    def _draw_columns(self) -> None:
        kit = self.kit
        start = imgui.get_cursor_pos()
        gap, room = kit.px(_GAP_PX), imgui.get_content_region_avail().x - kit.px(14)
        count = max(1, min(3, int((room + gap) / (kit.px(_COLUMN_PX) + gap))))
        width = (room - gap * (count - 1)) / count
        for place, column in enumerate(columns(groups(), count)):
            x, y = start.x + place * (width + gap), start.y
            for title, rows in column:
                y = self._draw_group(title, rows, ImVec2(x, y), width) + kit.px(14)
        imgui.dummy(kit.vec(0, 4))

    def _draw_group(self, title: str, rows: tuple[tuple[str, str], ...], at: ImVec2, width: float) -> float:
        """Draw a group at a place of the window; returns where it ends."""
        kit, t, draw = self.kit, self.kit.theme, imgui.get_window_draw_list()
        imgui.set_cursor_pos(at)
        imgui.dummy(ImVec2(width, kit.px(_TITLE_PX)))
        low = imgui.get_item_rect_min()
        write(kit, low.x, low.y + kit.px(20), title, t.text2, "semibold", 14)
        y = at.y + kit.px(_TITLE_PX)
        for label, keys in rows:
            imgui.set_cursor_pos(ImVec2(at.x, y))
            imgui.dummy(ImVec2(width, kit.px(_ROW_PX)))
            low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
            middle = (low.y + high.y) / 2
            write(kit, low.x, middle, label, t.text, "regular", 15)
            face: Face = "regular" if _WORDS.search(keys) else "mono"
            write_right(kit, high.x, middle, keys, t.text2, face, 13)
            draw.add_line(ImVec2(low.x, high.y), high, t.border.fade(0.6).u32, 1)
            y += kit.px(_ROW_PX)
        return y
