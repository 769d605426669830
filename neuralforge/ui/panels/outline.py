"""All nodes of the network in the order of computation."""

from __future__ import annotations

from typing import Final

from imgui_bundle import imgui

from neuralforge.graph.inference import Inference, Issue
from neuralforge.ui import icons, widgets
from neuralforge.ui.kit import Kit
from neuralforge.ui.local import FitCanvas
from neuralforge.ui.module_tree import ModuleTree
from neuralforge.ui.node_facts import Outline, OutlineRow
from neuralforge.ui.own_runs import shows_own
from neuralforge.ui.panel import Panel, Post
from neuralforge.ui.rows import listing, row, tile, visible, write, write_right
from neuralforge.workbench.commands import Select
from neuralforge.workbench.view import View

ROW_PX: Final = 44


class OutlinePanel(Panel):
    """A list of nodes with shapes and parameters; a click selects, a double click shows the node on the canvas."""

    key = "outline"
    title = "Outline"
    icon = icons.OUTLINE
    docks = {"build": "left", "train": "hidden"}
    order = 20
    help = "All nodes in the order of computation, with shapes and parameters"
    on_graph = True

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._outline = Outline()
        self._tree = ModuleTree(kit)
        self._made_for: tuple[Inference, tuple[Issue, ...]] | None = None
        self._rows: tuple[OutlineRow, ...] = ()
        self._shown: tuple[OutlineRow, ...] = ()
        self._filter = ""
        self._followed: frozenset[str] = frozenset()

    def draw(self, view: View, post: Post) -> None:
        """Draw the filter and the list: nodes, or the modules of a network that was not drawn here."""
        if view.run is not None and shows_own(view):
            self._tree.draw(view.run, post)
            return
        self._update(view)
        if not self._rows:
            widgets.empty(
                self.kit,
                icons.OUTLINE,
                "No nodes yet",
                "Drag a layer from Layers onto the canvas, or start from a template.",
            )
            return
        asked = widgets.search_field(
            self.kit, "outline", self._filter, "Filter nodes", tip="Show the nodes with this text alone"
        )
        if imgui.is_item_deactivated() and imgui.is_key_pressed(imgui.Key.escape):
            asked = ""
        if asked != self._filter:
            self._filter = asked
            self._choose()
        if not self._shown:
            if widgets.empty(
                self.kit, icons.SEARCH, "Nothing found", "No node fits the filter.", "Show all", icons.OUTLINE
            ):
                self._filter = ""
                self._choose()
            return
        imgui.dummy(self.kit.vec(0, 1))
        with listing(self.kit, "##nodes") as opened:
            if opened:
                self._follow(view)
                for place in visible(len(self._shown), self.kit.px(ROW_PX)):
                    item = self._shown[place]
                    self._draw_row(item, item.node in view.document.selection, post)

    def _update(self, view: View) -> None:
        document = view.document
        if (
            self._made_for is None
            or self._made_for[0] is not document.inference
            or self._made_for[1] is not document.issues
        ):
            self._made_for = document.inference, document.issues
            self._rows = self._outline.rows(document)
            self._choose()

    def _choose(self) -> None:
        words = self._filter.lower().split()
        self._shown = tuple(item for item in self._rows if all(word in item.words for word in words))

    def _follow(self, view: View) -> None:
        """Scroll to a node that was selected elsewhere, when it is out of sight."""
        selection = view.document.selection
        if selection == self._followed:
            return
        self._followed = selection
        node_id = view.document.selected
        place = next((i for i, item in enumerate(self._shown) if item.node == node_id), None)
        if place is None:
            return
        height = self.kit.px(ROW_PX)
        top, low, room = place * height, imgui.get_scroll_y(), imgui.get_window_size().y
        if top < low or top + height > low + room:
            imgui.set_scroll_y(max(0.0, top - (room - height) / 2))

    def _draw_row(self, item: OutlineRow, chosen: bool, post: Post) -> None:
        kit, t = self.kit, self.kit.theme
        found = row(kit, f"outline/{item.node}", ROW_PX, chosen=chosen)
        first, second = found.at.y + kit.px(14), found.at.y + kit.px(31)
        left, right = found.at.x + kit.px(36), found.end.x - kit.px(9)
        tile(kit, found.at.x + kit.px(6), found.at.y + kit.px(14), item.icon, t.category(item.category))
        end = write_right(kit, right, first, item.parameters, t.text2) if item.parameters else right
        if item.frozen:
            end = write_right(
                kit, end - kit.px(7 if item.parameters else 0), first, icons.FREEZE, t.info, "regular", 13
            )
        if item.wrong:
            write(kit, found.at.x + kit.px(11), second, icons.ERROR, t.danger, "regular", 13)
        title = widgets.shortened(kit, item.title, end - left - kit.px(6), "medium")
        write(kit, left, first, title, t.danger if item.wrong else t.text, "medium")
        end = write_right(kit, right, second, item.shape, t.text3)
        name = widgets.shortened(kit, item.node, end - left - kit.px(8), "mono", 13)
        write(kit, left, second, name, t.text3, "mono", 13)
        if found.hovered:
            widgets.tooltip(kit, f"{item.title} ({item.node})", "Ctrl adds to the selection, double-click shows it")
        if kit.marks.on:
            kit.marks.note(f"outline/{item.node}", found.at.x, found.at.y, found.end.x, found.end.y)
        if found.clicked:
            mode = imgui.get_io().key_ctrl
            post(Select(frozenset((item.node,)), "toggle" if mode else "set"))
            self._followed = frozenset((item.node,))
        if found.double and not imgui.get_io().key_ctrl:
            post(FitCanvas(selection=True))


PANEL = OutlinePanel
