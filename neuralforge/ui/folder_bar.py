"""The ways to another folder in the dialog for files: places at the left, and the folders above."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui import icons, widgets
from neuralforge.ui.kit import Kit
from neuralforge.ui.readable import one_line
from neuralforge.ui.rows import write

Place = tuple[str, str, Path]
"""Icon, title and folder of a place."""

_ROW_PX: Final = 30
_CRUMB_PX: Final = 28
_LONGEST_PX: Final = 190


def draw_places(kit: Kit, places: Sequence[Place], shown: Path, size: ImVec2) -> Path | None:
    """Draw the places at the cursor, and return the folder of the one that was clicked.

    Args:
        kit: The kit.
        places: What is offered.
        shown: The folder that the dialog shows.
        size: Of all, in pixels of the screen.
    """
    t, chosen = kit.theme, None
    with (
        imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, kit.vec(0, 2)),
        imgui_ctx.begin_child("##places", size),
    ):
        for number, (icon, title, folder) in enumerate(places):
            at = imgui.get_cursor_screen_pos()
            row = ImVec2(imgui.get_content_region_avail().x, kit.px(_ROW_PX))
            if imgui.invisible_button(f"##place {number}", row):
                chosen = folder
            if folder == shown or imgui.is_item_hovered():
                ground = t.accent.fade(0.16) if folder == shown else t.hover
                imgui.get_window_draw_list().add_rect_filled(at, at + row, ground.u32, kit.px(5))
            widgets.tooltip(kit, one_line(str(folder)))
            middle = at.y + row.y / 2
            write(kit, at.x + kit.px(9), middle, icon, t.text3, "regular", 14)
            words = widgets.shortened(kit, one_line(title), row.x - kit.px(38), "regular", 15)
            write(kit, at.x + kit.px(32), middle, words, t.text, "regular", 15)
            if kit.marks.on:
                kit.marks.note(f"place/{number}", at.x, at.y, at.x + row.x, at.y + row.y)
    return chosen


def draw_crumbs(kit: Kit, shown: Path, room: float) -> Path | None:
    """Draw the folders above one at the cursor, as many as there is room for, and return the one that was clicked.

    Args:
        kit: The kit.
        shown: The folder that the dialog shows.
        room: How wide it may be, in pixels of the screen.
    """
    t, chosen = kit.theme, None
    at = imgui.get_cursor_screen_pos()
    above = shown.parent
    tip = "Go to the folder above"
    if widgets.icon_button(kit, icons.UP, "up", tip, shortcut="Alt+Up", enabled=above != shown, size_px=_CRUMB_PX):
        chosen = above
    trail = [shown, *shown.parents]
    gap, x, end = kit.px(22), at.x + kit.px(38), at.x + room
    labels: list[str] = []
    used = x
    for folder in trail:
        words = one_line(folder.name or str(folder))
        label = widgets.shortened(kit, words, kit.px(_LONGEST_PX), "medium", 14)
        used += kit.text_size(label, "medium", 14).x + gap
        if used > end and labels:
            break
        labels.append(label)
    middle = at.y + kit.px(_CRUMB_PX / 2)
    for place in reversed(range(len(labels))):
        size = ImVec2(kit.text_size(labels[place], "medium", 14).x, kit.px(_CRUMB_PX))
        imgui.set_cursor_screen_pos(ImVec2(x, at.y))
        if imgui.invisible_button(f"##crumb {place}", size):
            chosen = trail[place]
        ink = t.text if place == 0 or imgui.is_item_hovered() else t.text2
        write(kit, x, middle, labels[place], ink, "medium", 14)
        if kit.marks.on:
            kit.marks.note(f"crumb/{place}", x, at.y, x + size.x, at.y + size.y)
        if place:
            write(kit, x + size.x + kit.px(8), middle, "\u203a", t.text3, "regular", 14)
        x += size.x + gap
    return chosen
