"""Draws the modules of a network that was not drawn here as a tree; a click chooses the one that is looked at."""

from __future__ import annotations

from typing import Final

from imgui_bundle import ImVec2, imgui

from neuralforge.ui import icons, widgets
from neuralforge.ui.kit import Kit
from neuralforge.ui.memo import Memo
from neuralforge.ui.own_runs import TreeRow, found_in, looked_at, tree_of
from neuralforge.ui.panel import Post
from neuralforge.ui.rows import listing, row, tile, u32, visible, write, write_right
from neuralforge.workbench.commands import LookAtModule
from neuralforge.workbench.view import RunView

ROW_PX: Final = 44.0
_INDENT_PX: Final = 14.0
_MOST_INDENT: Final = 0.36
"""Part of the width that deep modules are moved to the right at most."""


class ModuleTree:
    """A filter, and below it the modules with their class, name and size.

    Args:
        kit: The kit.
    """

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self._memo = Memo()
        self._filter = ""
        self._followed: str | None = None

    def draw(self, run: RunView, post: Post) -> None:
        """Draw it into the rest of the panel."""
        kit, modules = self.kit, run.modules
        if not modules:
            line = "The run keeps its curves and events, not the modules of its network."
            widgets.empty(kit, icons.OUTLINE, "Modules are not known", line)
            return
        rows = self._memo.get("rows", (modules,), lambda: tree_of(modules))
        asked = widgets.search_field(
            kit, "modules", self._filter, "Filter modules", tip="Show the modules with this text, and what holds them"
        )
        if imgui.is_item_deactivated() and imgui.is_key_pressed(imgui.Key.escape):
            asked = ""
        self._filter = asked
        shown = self._memo.get("shown", (rows, asked), lambda: found_in(rows, asked))
        if not shown:
            if widgets.empty(
                kit, icons.SEARCH, "Nothing found", "No module fits the filter.", "Show all", icons.OUTLINE
            ):
                self._filter = ""
            return
        imgui.dummy(kit.vec(0, 1))
        looked = looked_at(run)
        with listing(kit, "##modules") as opened:
            if opened:
                self._follow(shown, looked)
                for place in visible(len(shown), kit.px(ROW_PX)):
                    self._draw_row(shown[place], looked, post)

    def _follow(self, shown: tuple[TreeRow, ...], looked: str | None) -> None:
        """Scroll to a module that is looked at from elsewhere, when it is out of sight."""
        if looked == self._followed:
            return
        self._followed = looked
        place = next((i for i, item in enumerate(shown) if item.module.path == looked), None)
        if place is None:
            return
        height = self.kit.px(ROW_PX)
        top, low, room = place * height, imgui.get_scroll_y(), imgui.get_window_size().y
        if top < low or top + height > low + room:
            imgui.set_scroll_y(max(0.0, top - (room - height) / 2))

    def _draw_row(self, item: TreeRow, looked: str | None, post: Post) -> None:
        kit, t, module = self.kit, self.kit.theme, item.module
        chosen = module.path == looked
        found = row(kit, f"module/{module.path}", ROW_PX, chosen=chosen)
        wide = found.end.x - found.at.x
        step = min(kit.px(_INDENT_PX), wide * _MOST_INDENT / max(1, module.depth))
        start = found.at.x + step * module.depth
        draw = imgui.get_window_draw_list()
        for level in range(module.depth):
            x = round(found.at.x + step * level + kit.px(12))
            draw.add_line(ImVec2(x, found.at.y), ImVec2(x, found.end.y), u32(t.border), 1)
        first, second = found.at.y + kit.px(14), found.at.y + kit.px(31)
        left, right = start + kit.px(36), found.end.x - kit.px(9)
        tile(kit, start + kit.px(6), first, icons.of_category(item.family), t.category(item.family or "custom"))
        number = item.parameters
        room = right - left - kit.text_size(number, "mono", 13).x - kit.px(8)
        if room < kit.text_size(module.kind, "medium").x:  # the name of the class matters more than all digits
            number = item.brief
        end = write_right(kit, right, first, number, t.text2) if number else right
        kind = widgets.shortened(kit, module.kind, end - left - kit.px(8), "medium")
        write(kit, left, first, kind, t.text, "medium")
        name = widgets.shortened(kit, item.name, right - left, "mono", 13)
        write(kit, left, second, name, t.text2, "mono", 13)
        left += kit.text_size(name, "mono", 13).x + kit.px(10)
        if module.facts and right - left > kit.px(40):
            facts = widgets.shortened(kit, module.facts, right - left, "mono", 13)
            write(kit, left, second, facts, t.text3, "mono", 13)
        if found.hovered:
            widgets.tooltip(kit, item.tip, "" if chosen else "Click shows what it holds in Inspector and Health")
        if kit.marks.on:
            kit.marks.note(f"module/{module.path}", found.at.x, found.at.y, found.end.x, found.end.y)
        if found.clicked:
            self._followed = module.path
            post(LookAtModule(module.path))
