"""What the mouse and the keys do to nodes and wires."""

from __future__ import annotations

from typing import Final

from imgui_bundle import ImVec2, imgui
from imgui_bundle import imgui_node_editor as ed

from neuralforge.graph.document import Position
from neuralforge.graph.edits import Connect, Disconnect, Edit, Many, Move
from neuralforge.graph.graph import Edge, Graph
from neuralforge.ui import widgets
from neuralforge.ui.canvas.camera import Camera
from neuralforge.ui.canvas.inserting import can_splice, inserted, refusal, spliced
from neuralforge.ui.canvas.menus import Menus
from neuralforge.ui.canvas.scene import NodeItem, PinItem, Scene, WireItem
from neuralforge.ui.canvas.search import LayerSearch
from neuralforge.ui.canvas.sizes import PIN_PX, WIDTH_PX
from neuralforge.ui.canvas.wires import NEAR_PX, wire_at
from neuralforge.ui.dragdrop import accept_layer, dragged_layer
from neuralforge.ui.kit import Kit
from neuralforge.ui.panel import Post
from neuralforge.workbench.commands import Apply, DeleteSelection, Select
from neuralforge.workbench.view import DocumentView

PATIENCE: Final = 3
"""Frames after a move until the document is asked whether it took it."""


class Gestures:
    """Follows what goes on in the editor from frame to frame.

    Args:
        kit: The kit.
        scene: What lies on the canvas.
        camera: Where it lies on the screen.

    Attributes:
        search: The popup that inserts a layer.
        menus: The menus of a right click.
        hovered: Node under the mouse.
        hovered_pin: Pin under the mouse.
        selected: Ids of the nodes that the editor shows as selected.
        drop_wire: Wire that a dragged layer would be put onto.
    """

    def __init__(self, kit: Kit, scene: Scene, camera: Camera) -> None:
        self.kit = kit
        self.scene = scene
        self.camera = camera
        self.search = LayerSearch()
        self.menus = Menus()
        self.hovered: NodeItem | None = None
        self.hovered_pin: PinItem | None = None
        self.drop_wire: WireItem | None = None
        self.selected: frozenset[str] = frozenset()
        self._seen_selection: frozenset[str] | None = None
        self._held: tuple[str, ...] = ()
        self._starts: dict[str, Position] = {}
        self._moves = 0
        self._check_in = 0
        self._refusal = self._why = ""
        self._refused: tuple[object, ...] = ()
        self._edge: Edge | None = None
        self._chosen_wires: tuple[WireItem, ...] = ()
        self._start, self._end, self._new = ed.PinId(), ed.PinId(), ed.PinId()

    def inside(self, view: DocumentView, post: Post) -> None:
        """Ask the editor what was done; after its nodes and wires, before its end."""
        self.hovered = self.scene.node(ed.get_hovered_node().id())
        self.hovered_pin = self.scene.pin(ed.get_hovered_pin().id())
        self._follow_selection(view, post)
        self._follow_move(post)
        self._new_wire(view, post)
        self._clicks(view, post)

    # Selection

    def _follow_selection(self, view: DocumentView, post: Post) -> None:
        """Hand the selection over where it changed, from the view to the editor or the other way, never both."""
        if view.selection != self._seen_selection:
            self._seen_selection = view.selection
            if view.selection != self.selected:
                ed.clear_selection()
                for node_id in view.selection:
                    item = self.scene.nodes.get(node_id)
                    if item is not None:
                        ed.select_node(item.node_id, True)
                self.selected = view.selection
                self._chosen_wires = ()
                return
        if not ed.has_selection_changed():
            return
        items = [self.scene.node(node_id.id()) for node_id in ed.get_selected_nodes()]
        chosen = frozenset(item.node.id for item in items if item is not None)
        wires = [self.scene.wire(link_id.id()) for link_id in ed.get_selected_links()]
        self._chosen_wires = tuple(wire for wire in wires if wire is not None)
        if chosen != self.selected:
            self.selected = chosen
            post(Select(chosen))

    # Moving

    def _follow_move(self, post: Post) -> None:
        if self._check_in:
            self._check_in -= 1
            if not self._check_in:
                self.scene.check_places()
        if imgui.is_mouse_clicked(imgui.MouseButton_.left):
            held = {item.node.id: item for item in (self.hovered,) if item is not None}
            if self.hovered is not None and self.hovered.node.id in self.selected:
                held.update((key, self.scene.nodes[key]) for key in self.selected if key in self.scene.nodes)
            self._held = tuple(held)
            self._starts = {key: item.at for key, item in held.items()}
        items = [self.scene.nodes[key] for key in self._held if key in self.scene.nodes]
        if not items:
            return
        down = imgui.is_mouse_down(imgui.MouseButton_.left)
        if imgui.is_mouse_dragging(imgui.MouseButton_.left) or not down:
            for item in items:
                at = ed.get_node_position(item.node_id)
                if (at.x, at.y) != item.at:
                    item.place((at.x, at.y))
                    self.scene.version += 1
        if down:
            return
        moved = {item.node.id: item.at for item in items if item.at != self._starts.get(item.node.id)}
        self._held = ()
        if moved:
            self._moves += 1
            self._check_in = PATIENCE
            post(Apply(Move(moved), f"canvas-move-{self._moves}"))

    # Wires

    def _new_wire(self, view: DocumentView, post: Post) -> None:
        t = self.kit.theme
        self._refusal = ""
        try:
            if not ed.begin_create(self.kit.vec4(t.accent), 2.2):
                return
            if ed.query_new_link(self._start, self._end):
                one, other = self.scene.pin(self._start.id()), self.scene.pin(self._end.id())
                edge = self._judge(view.document.graph, one, other)
                if edge is None:
                    ed.reject_new_item(self.kit.vec4(t.danger), 2.2)
                elif ed.accept_new_item(self.kit.vec4(t.accent), 2.8):
                    post(Apply(Connect(edge)))
            elif ed.query_new_node(self._new):
                pin = self.scene.pin(self._new.id())
                if ed.accept_new_item(self.kit.vec4(t.accent), 2.2) and pin is not None:
                    mouse = imgui.get_mouse_pos()
                    self.search.ask(mouse, self.camera.to_canvas(mouse.x, mouse.y), pin)
        finally:
            ed.end_create()

    def _judge(self, graph: Graph, one: PinItem | None, other: PinItem | None) -> Edge | None:
        if one is None or other is None or one is other:
            return None
        key = (graph, one, other)
        if key != self._refused:
            self._refused = key
            ends = ((pin.node, pin.pin.port, pin.is_input) for pin in (one, other))
            self._edge, self._why = refusal(graph, *ends)
        self._refusal = self._why
        return self._edge

    # Clicks

    def _clicks(self, view: DocumentView, post: Post) -> None:
        node, link = ed.NodeId(), ed.LinkId()
        ed.suspend()
        try:
            mouse = imgui.get_mouse_pos()
            at = self.camera.to_canvas(mouse.x, mouse.y)
            if ed.show_node_context_menu(node):
                item = self.scene.node(node.id())
                if item is not None:
                    if item.node.id not in view.selection:
                        post(Select(frozenset({item.node.id})))
                    self.menus.ask("node", at, mouse, node=item.node.id)
            elif ed.show_link_context_menu(link):
                self.menus.ask("wire", at, mouse, wire=self.scene.wire(link.id()))
            elif ed.show_background_context_menu():
                self.menus.ask("ground", at, mouse)
            elif ed.is_background_double_clicked():
                self.search.ask(mouse, at)
            else:
                twice = self.scene.node(ed.get_double_clicked_node().id())
                if twice is not None:
                    self.menus.rename(view, twice.node.id)
        finally:
            ed.resume()

    # After the editor

    def drop(self, view: DocumentView, post: Post, low: ImVec2, high: ImVec2) -> None:
        """Take a layer from the palette: onto the ground, or onto a wire."""
        self.drop_wire = None
        key = dragged_layer()
        if key is None:
            return
        mouse = imgui.get_mouse_pos()
        spec = self.scene.catalog[key]
        at = self.camera.to_canvas(mouse.x, mouse.y)
        over = low.x <= mouse.x < high.x and low.y <= mouse.y < high.y
        if over and can_splice(spec):
            self.drop_wire = wire_at(self.scene, at, NEAR_PX * self.kit.scale / self.camera.zoom)
        box = imgui.internal.ImRect(low, high)
        if not imgui.internal.begin_drag_drop_target_custom(box, imgui.get_id("canvas")):
            return
        try:
            if accept_layer() is None:
                return
            edit: Edit | None
            if self.drop_wire is not None:
                edit = spliced(spec, self.drop_wire.edge)
            else:
                edit = inserted(view.document.graph, spec, (at[0] - WIDTH_PX / 2, at[1] - PIN_PX))
            if edit is not None:
                post(Apply(edit))
        finally:
            imgui.end_drag_drop_target()

    def label(self, explained: str | None) -> None:
        """Say at the mouse why a wire is refused, or which node this is.

        Args:
            explained: Node that a bubble tells of already.
        """
        if self._refusal:
            self._say(self._refusal)
        elif (
            self.hovered is not None
            and self.hovered.node.id != explained
            and not imgui.is_mouse_down(imgui.MouseButton_.left)
            and imgui.get_current_context().hovered_id_timer > imgui.get_style().hover_delay_normal
        ):
            item = self.hovered
            words = [item.node.id]
            if item.form.params:
                words.append(item.form.params)
            if item.outputs:
                words.append(item.shape)
            self._say("\n".join(words))

    def _say(self, words: str) -> None:
        with widgets.popup_look(self.kit):
            if imgui.begin_tooltip():
                widgets.text(self.kit, words, size_px=14)
                imgui.end_tooltip()

    def keys(self, view: DocumentView, post: Post) -> None:
        """Do what keys ask for that no menu has: those that concern wires, and second names of usual ones."""
        if imgui.get_io().want_text_input:
            return
        pressed = imgui.is_key_chord_pressed
        remove = pressed(int(imgui.Key.delete)) or pressed(int(imgui.Key.backspace))
        wires = [wire for wire in self._chosen_wires if self.scene.by_target.get(_target(wire)) is not None]
        if remove and wires and not view.selection:
            cuts = tuple(Disconnect(*_target(wire)) for wire in wires)
            post(Apply(cuts[0] if len(cuts) == 1 else Many(f"Remove {len(cuts)} wires", cuts)))
            self._chosen_wires = ()
        elif view.selection and pressed(int(imgui.Key.backspace)):
            post(DeleteSelection())
        elif view.selection and pressed(int(imgui.Key.mod_ctrl) | int(imgui.Key.delete)):
            post(DeleteSelection(heal=True))
        elif view.selected and pressed(int(imgui.Key.f2)):
            self.menus.rename(view, view.selected)


def _target(wire: WireItem) -> tuple[str, str]:
    return wire.edge.target, wire.edge.target_port
