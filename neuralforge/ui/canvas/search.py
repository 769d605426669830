"""The popup that finds a layer by a few letters and puts it onto the canvas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.graph.document import Position
from neuralforge.ui import widgets
from neuralforge.ui.canvas.inserting import can_splice, inserted, spliced, takes
from neuralforge.ui.canvas.scene import PinItem, WireItem
from neuralforge.ui.canvas.sizes import PIN_PX, WIDTH_PX
from neuralforge.ui.kit import Kit
from neuralforge.ui.layer_search import LayerEntry, entries, search
from neuralforge.ui.node_facts import icon_of
from neuralforge.ui.panel import Post
from neuralforge.workbench.commands import Apply
from neuralforge.workbench.view import DocumentView

WIDTH: Final = 300.0
ROW_PX: Final = 34.0
MOST_ROWS: Final = 9
_NAME: Final = "insert a layer"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Where a layer is wanted: a place of the canvas, and the pin or the wire that it is meant for."""

    at: Position
    pin: PinItem | None = None
    wire: WireItem | None = None


class LayerSearch:
    """A popup with a search field and the layers that fit."""

    def __init__(self) -> None:
        self._wanted = _Wanted((0.0, 0.0))
        self._open_at: ImVec2 | None = None
        self._query = ""
        self._chosen = 0
        self._fresh = False
        self._fitting: tuple[LayerEntry, ...] = ()
        self._found: Sequence[LayerEntry] = ()

    def ask(self, screen: ImVec2, at: Position, pin: PinItem | None = None, wire: WireItem | None = None) -> None:
        """Open the popup.

        Args:
            screen: Where the popup comes to lie, in pixels of the screen.
            at: Where the node comes to lie, on the canvas.
            pin: What it is to be wired to.
            wire: What it is to be put onto.
        """
        self._wanted = _Wanted(at, pin, wire)
        self._open_at = screen
        self._query, self._chosen, self._fresh = "", 0, True
        fitting = (item for item in entries() if self._fits(item))
        meant = pin is not None or wire is not None  # then the ends of a network are the least likely
        ends = "input/output" if meant else ""
        self._fitting = tuple(sorted(fitting, key=lambda item: item.spec.category == ends))
        self._found = self._fitting

    def _fits(self, item: LayerEntry) -> bool:
        pin = self._wanted.pin
        if self._wanted.wire is not None:
            return can_splice(item.spec)
        if pin is None:
            return True
        return bool(item.spec.outputs) if pin.is_input else takes(item.spec, pin.kind)

    def draw(self, kit: Kit, view: DocumentView, post: Post) -> None:
        """Draw the popup while it is open; outside of the editor."""
        if self._open_at is not None:
            imgui.open_popup(_NAME)
            screen = imgui.get_io().display_size
            high = ImVec2(screen.x - kit.px(WIDTH + 12), screen.y - kit.px(ROW_PX * MOST_ROWS + 70))
            place = ImVec2(min(self._open_at.x, high.x), min(self._open_at.y, high.y))
            imgui.set_next_window_pos(place, imgui.Cond_.always)
            self._open_at = None
        with widgets.popup_look(kit), imgui_ctx.begin_popup(_NAME) as opened:
            if opened:
                self._inside(kit, view, post)

    def _inside(self, kit: Kit, view: DocumentView, post: Post) -> None:
        imgui.dummy(ImVec2(kit.px(WIDTH), 0))
        pin = self._wanted.pin
        hint = "Search layers"
        if pin is not None:
            hint = f"Layers before {pin.node}" if pin.is_input else f"Layers after {pin.node}"
        elif self._wanted.wire is not None:
            hint = "Insert on this wire"
        query = widgets.search_field(
            kit, "insert", self._query, hint, focus=self._fresh, tip="Up and Down choose a layer, Enter adds it"
        )
        if imgui.is_item_active():
            for key in (imgui.Key.down_arrow, imgui.Key.up_arrow):
                imgui.set_item_key_owner(key)  # else they lead out of the field
        self._fresh = False
        if query != self._query:
            self._query, self._chosen = query, 0
            self._found = search(query, self._fitting)
        scroll = self._keys()
        rows = min(MOST_ROWS, max(1, len(self._found)))
        picked = None
        with imgui_ctx.begin_child("found", ImVec2(kit.px(WIDTH), kit.px(ROW_PX) * rows)):
            if not self._found:
                imgui.dummy(kit.vec(0, 6))
                widgets.text(kit, "No layer fits", kit.theme.text3, size_px=14)
            with imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(0, 0)):
                for place, item in enumerate(self._found):
                    if self._row(kit, place, item, scroll):
                        picked = item
        if self._found and (imgui.is_key_pressed(imgui.Key.enter) or imgui.is_key_pressed(imgui.Key.keypad_enter)):
            picked = self._found[self._chosen]
        if picked is not None:
            self._insert(view, picked, post)
        if picked is not None or imgui.is_key_pressed(imgui.Key.escape):
            imgui.close_current_popup()

    def _keys(self) -> bool:
        """Move the choice by the arrow keys; return whether it moved."""
        step = imgui.is_key_pressed(imgui.Key.down_arrow) - imgui.is_key_pressed(imgui.Key.up_arrow)
        if not step or not self._found:
            return False
        self._chosen = (self._chosen + step) % len(self._found)
        return True

    def _row(self, kit: Kit, place: int, item: LayerEntry, scroll: bool) -> bool:
        t, spec = kit.theme, item.spec
        size = ImVec2(imgui.get_content_region_avail().x, kit.px(ROW_PX))
        at = imgui.get_cursor_screen_pos()
        pressed = imgui.invisible_button(f"##{spec.key}", size)
        hovered = imgui.is_item_hovered()
        chosen = place == self._chosen
        if chosen and scroll:
            imgui.set_scroll_here_y(0.5)
        widgets.tooltip(kit, spec.doc)
        if not imgui.is_item_visible():
            return bool(pressed)
        draw = imgui.get_window_draw_list()
        if hovered or chosen:
            draw.add_rect_filled(at, at + size, (t.active if chosen else t.hover).u32, kit.px(5))
        widgets.icon_tile(kit, icon_of(spec.key, spec.category), t.category(spec.category), 22, at + kit.vec(7, 6))
        kit.draw_text(at + kit.vec(38, 8), spec.title, t.text, "regular", 15)
        wide = kit.text_size(spec.category, "regular", 13).x
        free = size.x - kit.px(38 + 20) - kit.text_size(spec.title, "regular", 15).x
        if wide < free:
            kit.draw_text(
                ImVec2(at.x + size.x - wide - kit.px(8), at.y + kit.px(9)), spec.category, t.text3, "regular", 13
            )
        if kit.marks.on:
            kit.marks.note(f"insert/{spec.key}", at.x, at.y, at.x + size.x, at.y + size.y)
        return bool(pressed)

    def _insert(self, view: DocumentView, item: LayerEntry, post: Post) -> None:
        wanted, spec = self._wanted, item.spec
        if wanted.wire is not None:
            edit = spliced(spec, wanted.wire.edge)
            if edit is not None:
                post(Apply(edit))
            return
        x, y = wanted.at
        port = (wanted.pin.node, wanted.pin.pin.port) if wanted.pin is not None else None
        into = wanted.pin is not None and wanted.pin.is_input
        at = (x - (WIDTH_PX if into else 0), y - PIN_PX)
        graph = view.document.graph
        post(Apply(inserted(graph, spec, at, source=None if into else port, target=port if into else None)))
