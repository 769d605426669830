"""The layers that can be put onto the canvas, by family, and a search over them."""

from __future__ import annotations

from typing import Final

from imgui_bundle import imgui

from neuralforge.ui import icons, widgets
from neuralforge.ui.dragdrop import offer_layer
from neuralforge.ui.insertion import insertion
from neuralforge.ui.kit import Kit
from neuralforge.ui.layer_search import LayerEntry, entries, search
from neuralforge.ui.local import FocusSearch, Local
from neuralforge.ui.node_facts import family_title, icon_of
from neuralforge.ui.panel import Panel, Post
from neuralforge.ui.rows import listing, row, tile, visible, write, write_right
from neuralforge.workbench.commands import Apply
from neuralforge.workbench.view import View

ROW_PX: Final = 29

Item = LayerEntry | tuple[str, int]
"""A row: a layer, or a family with the number of its layers."""


class PalettePanel(Panel):
    """Search field and list; a layer is dragged onto the canvas, or added by a double click or Enter."""

    key = "palette"
    title = "Layers"
    icon = icons.LAYERS
    docks = {"build": "left", "train": "hidden"}
    order = 10
    help = "All layers: drag one onto the canvas, or search and press Enter"
    on_graph = True

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._query = ""
        self._folded: set[str] = set()
        self._items: tuple[Item, ...] | None = None
        self._marked = 0
        self._focus = False
        self._reveal = False

    def take(self, command: Local) -> bool:
        """Put the keyboard into the search field."""
        if isinstance(command, FocusSearch):
            self._focus = True
            return True
        return False

    def draw(self, view: View, post: Post) -> None:
        """Draw the search field and the list below it."""
        self._draw_search(view, post)
        items = self._list()
        if not items:
            words = f"No layer is called \u201c{self._query.strip()}\u201d. Try a shorter word, or PyTorch\u2019s name."
            if widgets.empty(self.kit, icons.SEARCH, "Nothing found", words, "Show all", icons.LAYERS):
                self._ask("")
            return
        imgui.dummy(self.kit.vec(0, 1))
        with listing(self.kit, "##layers") as opened:
            if opened:
                for place in visible(len(items), self.kit.px(ROW_PX)):
                    item = items[place]
                    if isinstance(item, LayerEntry):
                        self._draw_layer(view, post, item, bool(self._query) and place == self._marked)
                    else:
                        self._draw_family(*item)
                self._scroll(len(items))

    def _draw_search(self, view: View, post: Post) -> None:
        tip = "Find a layer by its name or by what it does; Enter adds it"
        query = widgets.search_field(self.kit, "layers", self._query, "Search layers", "/", focus=self._focus, tip=tip)
        self._focus = False
        if imgui.is_item_deactivated() and imgui.is_key_pressed(imgui.Key.escape):
            query = ""
        elif imgui.is_item_deactivated() and _entered():
            self._add_marked(view, post)
        if imgui.is_item_active():
            for key, step in ((imgui.Key.down_arrow, 1), (imgui.Key.up_arrow, -1)):
                imgui.set_item_key_owner(key)
                if query and imgui.is_key_pressed(key):
                    self._marked = min(max(0, self._marked + step), len(self._list()) - 1)
                    self._reveal = True
        if query != self._query:
            self._ask(query)

    def _ask(self, query: str) -> None:
        self._query, self._marked, self._items = query, 0, None
        self._reveal = True

    def _list(self) -> tuple[Item, ...]:
        if self._items is None:
            self._items = tuple(search(self._query, entries())) if self._query.strip() else self._families()
        return self._items

    def _families(self) -> tuple[Item, ...]:
        by_family: dict[str, list[LayerEntry]] = {}
        for item in entries():
            by_family.setdefault(item.spec.category, []).append(item)
        found: list[Item] = []
        for family, members in by_family.items():
            found.append((family, len(members)))
            if family not in self._folded:
                found.extend(members)
        return tuple(found)

    def _scroll(self, count: int) -> None:
        """Keep the row that the keyboard points at in sight."""
        if not self._reveal:
            return
        self._reveal = False
        height, top = self.kit.px(ROW_PX), self.kit.px(ROW_PX) * self._marked
        view_height = imgui.get_window_size().y
        if top < imgui.get_scroll_y():
            imgui.set_scroll_y(top)
        elif top + height > imgui.get_scroll_y() + view_height:
            imgui.set_scroll_y(top + height - view_height)

    def _draw_family(self, family: str, count: int) -> None:
        kit, t = self.kit, self.kit.theme
        folded = family in self._folded
        found = row(kit, f"family/{family}", ROW_PX)
        middle = (found.at.y + found.end.y) / 2
        write(kit, found.at.x + kit.px(3), middle, icons.RIGHT if folded else icons.DOWN, t.text3, "regular", 10)
        ink = t.text if found.hovered else t.text2
        write(kit, found.at.x + kit.px(20), middle, family_title(family), ink, "semibold", 14)
        if folded:
            write_right(kit, found.end.x - kit.px(8), middle, str(count), t.text3)
        if kit.marks.on:
            kit.marks.note(f"family/{family}", found.at.x, found.at.y, found.end.x, found.end.y)
        if found.clicked:
            self._folded ^= {family}
            self._items = None

    def _draw_layer(self, view: View, post: Post, item: LayerEntry, marked: bool) -> None:
        kit, t, spec = self.kit, self.kit.theme, item.spec
        found = row(kit, f"layer/{spec.key}", ROW_PX, marked=marked)
        if imgui.is_item_active():
            offer_layer(kit, spec.key, spec.title)
        middle, color = (found.at.y + found.end.y) / 2, t.category(spec.category)
        tile(kit, found.at.x + kit.px(6), middle, icon_of(spec.key, spec.category), color)
        right = found.end.x - kit.px(9)
        room = right - found.at.x - kit.px(36)
        hint = "Enter" if marked else item.hint
        used = kit.text_size(hint, "mono", 13).x + kit.px(8) if hint else 0.0
        if kit.text_size(spec.title).x > room - used:  # the title says more than the hint
            hint = ""
        title = widgets.shortened(kit, spec.title, room if not found.hovered else room - kit.px(20))
        write(kit, found.at.x + kit.px(36), middle, title, t.text)
        if found.hovered:
            write_right(kit, right, middle, icons.GRIP, t.text3, "regular", 13)
            widgets.tooltip(kit, f"{spec.title}\n{spec.doc}", "Drag it, or double-click")
        elif hint:
            write_right(kit, right, middle, hint, t.text3)
        if kit.marks.on:
            kit.marks.note(f"layer/{spec.key}", found.at.x, found.at.y, found.end.x, found.end.y)
        if found.double:
            self._add(view, post, item)

    def _add_marked(self, view: View, post: Post) -> None:
        items = self._list()
        if self._query and items:
            item = items[min(self._marked, len(items) - 1)]
            if isinstance(item, LayerEntry):
                self._add(view, post, item)
                self._focus = True

    def _add(self, view: View, post: Post, item: LayerEntry) -> None:
        post(Apply(insertion(view.document, item.spec)[0]))


def _entered() -> bool:
    return imgui.is_key_pressed(imgui.Key.enter) or imgui.is_key_pressed(imgui.Key.keypad_enter)


PANEL = PalettePanel
