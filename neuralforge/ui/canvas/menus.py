"""What a right click offers, on a node, on a wire and on the ground; and the field that renames a node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.graph.document import Position
from neuralforge.graph.edits import Disconnect, SetTitle
from neuralforge.ui import icons, widgets
from neuralforge.ui.actions import action
from neuralforge.ui.canvas.camera import Camera
from neuralforge.ui.canvas.scene import Scene, WireItem
from neuralforge.ui.canvas.search import LayerSearch
from neuralforge.ui.kit import Kit
from neuralforge.ui.local import FitCanvas
from neuralforge.ui.node_facts import freeze_all, title_of
from neuralforge.ui.panel import Post
from neuralforge.workbench.commands import (
    Apply,
    Arrange,
    Copy,
    DeleteSelection,
    Duplicate,
    PasteText,
    SelectAll,
)
from neuralforge.workbench.view import DocumentView

Place = Literal["node", "wire", "ground"]
WIDTH_PX: Final = 256.0
ROW_PX: Final = 30.0
MAX_TITLE: Final = 60
_FREEZE_TIP: Final = "Whether training leaves the weights of the selected nodes as they are"


class Menus:
    """The menu that is open, and the node that is being renamed."""

    def __init__(self) -> None:
        self._asked: Place | None = None
        self._node = ""
        self._wire: WireItem | None = None
        self._at: Position = (0.0, 0.0)
        self._mouse = ImVec2(0, 0)
        self._renaming = ""
        self._text = ""
        self._rename_asked = False

    def ask(self, place: Place, at: Position, mouse: ImVec2, node: str = "", wire: WireItem | None = None) -> None:
        """Open a menu.

        Args:
            place: What was clicked.
            at: Where, on the canvas.
            mouse: Where, in pixels of the screen.
            node: The node.
            wire: The wire.
        """
        self._asked, self._at, self._mouse, self._node, self._wire = place, at, mouse, node, wire

    def rename(self, view: DocumentView, node_id: str) -> None:
        """Ask for the title of a node."""
        self._renaming, self._text = node_id, title_of(view.document.graph.nodes[node_id])
        self._rename_asked = True

    def draw(
        self,
        kit: Kit,
        scene: Scene,
        camera: Camera,
        view: DocumentView,
        search: LayerSearch,
        post: Post,
        take: Callable[[FitCanvas], bool],
    ) -> None:
        """Draw what is open; outside of the editor."""
        if self._asked is not None:
            imgui.open_popup(self._asked)
            self._asked = None
        with widgets.popup_look(kit), imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(0, 0)):
            with imgui_ctx.begin_popup("node") as opened:
                if opened:
                    self._node_menu(kit, view, post)
            with imgui_ctx.begin_popup("wire") as opened:
                if opened:
                    self._wire_menu(kit, search, post)
            with imgui_ctx.begin_popup("ground") as opened:
                if opened:
                    self._ground_menu(kit, view, search, post, take)
        self._rename_field(kit, scene, camera, view, post)

    def _node_menu(self, kit: Kit, view: DocumentView, post: Post) -> None:
        node = view.document.graph.nodes.get(self._node)
        if node is None:
            imgui.close_current_popup()
            return
        many = len(view.selection) > 1
        if not many and _item(kit, icons.DRAW, "Rename", "Give this node a title of its own", "F2"):
            self.rename(view, node.id)
        frozen = node.frozen
        freeze = freeze_all(view, not frozen)
        words = "Unfreeze" if frozen else "Freeze"
        if _item(kit, icons.FREEZE, words, _FREEZE_TIP, enabled=freeze is not None) and freeze is not None:
            post(Apply(freeze))
        _rule(kit)
        if _item(kit, icons.DUPLICATE, "Duplicate", action("edit.duplicate").tip, "Ctrl+D"):
            post(Duplicate())
        if _item(kit, icons.COPY, "Copy", action("edit.copy").tip, "Ctrl+C"):
            post(Copy())
        if _item(kit, icons.CUT, "Cut", action("edit.cut").tip, "Ctrl+X"):
            post(Copy(cut=True))
        _rule(kit)
        if _item(kit, icons.DELETE, "Delete", action("edit.delete").tip, "Delete"):
            post(DeleteSelection())
        if _item(kit, icons.UNLINK, "Delete and reconnect", action("edit.delete_heal").tip, "Shift+Delete"):
            post(DeleteSelection(heal=True))

    def _wire_menu(self, kit: Kit, search: LayerSearch, post: Post) -> None:
        wire = self._wire
        if wire is None:
            return
        if _item(kit, icons.PLUS, "Insert a layer here\u2026", "Search for a layer that fits between the two nodes"):
            search.ask(self._mouse, self._at, wire=wire)
        if _item(kit, icons.DELETE, "Delete this wire", "Part the two nodes", "Delete"):
            post(Apply(Disconnect(wire.edge.target, wire.edge.target_port)))

    def _ground_menu(
        self, kit: Kit, view: DocumentView, search: LayerSearch, post: Post, take: Callable[[FitCanvas], bool]
    ) -> None:
        some = bool(view.document.graph.nodes)
        if _item(kit, icons.PLUS, "Add a layer\u2026", action("edit.insert").tip, "Shift+A"):
            search.ask(self._mouse, self._at)
        if _item(kit, icons.PASTE, "Paste here", "Put nodes from the clipboard where the mouse is", "Ctrl+V"):
            post(PasteText(imgui.get_clipboard_text() or "", self._at))
        _rule(kit)
        if _item(kit, icons.POINTER, "Select all", action("edit.select_all").tip, "Ctrl+A", enabled=some):
            post(SelectAll())
        if _item(kit, icons.ARRANGE, "Arrange", action("edit.arrange").tip, "Ctrl+L", enabled=some):
            post(Arrange())
        if _item(kit, icons.FIT, "Fit the network", action("view.fit").tip, "F", enabled=some):
            take(FitCanvas())

    def _rename_field(self, kit: Kit, scene: Scene, camera: Camera, view: DocumentView, post: Post) -> None:
        item = scene.nodes.get(self._renaming)
        if self._rename_asked and item is not None:
            imgui.open_popup("rename")
            x, y = camera.to_screen(*item.at)
            imgui.set_next_window_pos(ImVec2(x, y - kit.px(6)))
        with widgets.popup_look(kit), imgui_ctx.begin_popup("rename") as opened:
            if not opened or item is None:
                return
            if self._rename_asked:
                imgui.set_keyboard_focus_here()
                self._rename_asked = False
            imgui.set_next_item_width(kit.px(200))
            flags = imgui.InputTextFlags_.enter_returns_true | imgui.InputTextFlags_.auto_select_all
            with kit.font("medium", 15):
                done, self._text = imgui.input_text("##title", self._text, flags)
            if kit.marks.on:
                low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
                kit.marks.note("rename", low.x, low.y, high.x, high.y)
            if done:
                node = view.document.graph.nodes[item.node.id]
                title = self._text.strip()[:MAX_TITLE]
                plain = title_of(type(node)(node.id, node.layer))
                title = "" if title == plain else title
                if title != node.title:
                    post(Apply(SetTitle(node.id, title)))
                imgui.close_current_popup()


def _item(kit: Kit, icon: str, label: str, tip: str, shortcut: str = "", *, enabled: bool = True) -> bool:
    t = kit.theme
    size = kit.vec(WIDTH_PX, ROW_PX)
    at = imgui.get_cursor_screen_pos()
    imgui.begin_disabled(not enabled)
    pressed = imgui.selectable(f"##{label}", False, imgui.SelectableFlags_.none, size)[0]
    imgui.end_disabled()
    widgets.tooltip(kit, tip)
    ink = t.text if enabled else t.disabled
    kit.draw_text(at + kit.vec(6, 7), icon, t.text2 if enabled else t.disabled, "regular", 14)
    kit.draw_text(at + kit.vec(32, 6), label, ink, "regular", 15)
    wide = kit.text_size(shortcut, "mono", 13).x
    kit.draw_text(ImVec2(at.x + size.x - wide - kit.px(6), at.y + kit.px(7)), shortcut, t.text3, "mono", 13)
    if kit.marks.on:
        kit.marks.note(f"menu/{label}", at.x, at.y, at.x + size.x, at.y + size.y)
    return bool(pressed)


def _rule(kit: Kit) -> None:
    at = imgui.get_cursor_screen_pos() + kit.vec(0, 4)
    imgui.get_window_draw_list().add_line(at, at + kit.vec(WIDTH_PX, 0), kit.theme.border.u32, 1)
    imgui.dummy(kit.vec(0, 9))
