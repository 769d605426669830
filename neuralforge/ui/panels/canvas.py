"""The canvas: the network as nodes and wires, to be looked at and changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from imgui_bundle import ImVec2, ImVec4, imgui, imgui_ctx
from imgui_bundle import imgui_node_editor as ed
from imgui_bundle import imgui_node_editor_ctx as ed_ctx

from neuralforge.ui import icons, style, widgets
from neuralforge.ui.canvas.bubble import Bubble
from neuralforge.ui.canvas.camera import TITLES_FROM, Aim, Camera, opening
from neuralforge.ui.canvas.draw import NodePainter, block
from neuralforge.ui.canvas.gestures import Gestures
from neuralforge.ui.canvas.grid import Grid
from neuralforge.ui.canvas.overlay import Overview, first_words, fit_all, run_bar, zoom_box
from neuralforge.ui.canvas.own_card import OwnCard
from neuralforge.ui.canvas.scene import Drawing, NodeItem, Scene
from neuralforge.ui.canvas.wires import FAULTY_PX, STRENGTH_PX, curve, ends, make_pills, wire_look
from neuralforge.ui.kit import Kit
from neuralforge.ui.local import FitCanvas, InsertLayer, Local
from neuralforge.ui.own_runs import shows_own
from neuralforge.ui.panel import Arrangement, Dock, Panel, Post
from neuralforge.workbench.view import View

GLIDE_SECS: Final = 0.18
ORDER_FRAMES: Final = 3
OPENING_FRAMES: Final = 3
"""How often it is tried to look at a document that was opened: in vain when the panel is hidden or moved just then."""
"""Frames after a click during which the editor may still bring nodes to the front."""

LEAST_SIDE_PX: Final = 8.0

MAX_NODES: Final = 2000
"""Of a network that is drawn; the node editor must be told of each node in each frame, 0.1 ms of it."""


class CanvasPanel(Panel):
    """Draws the open document, and turns gestures into edits."""

    key = "canvas"
    title = "Canvas"
    icon = icons.BUILD
    docks: ClassVar[Mapping[Arrangement, Dock]] = {"build": "centre", "train": "bottom"}
    order = 10
    padded = False
    help = "The network as nodes and wires"
    on_graph = True

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.scene = Scene()
        self.camera = Camera(self.scene.numbers.of("ghost"))
        self.gestures = Gestures(kit, self.scene, self.camera)
        self._editor: ed.EditorContext | None = None
        self._styled: object = None
        self._opened: int | None = None
        self._size = (0.0, 0.0)
        self._looks = 0
        self._home: Aim | None = None
        self._home_size = (0.0, 0.0)
        self._fit: FitCanvas | None = None
        self._insert = False
        self._covered_top = 0.0
        self._grid = Grid()
        self._bubble = Bubble()
        self._own = OwnCard(kit)
        self._overview = Overview()
        self._painter: NodePainter | None = None
        self._order: list[NodeItem] = []
        self._order_of: object = None
        self._order_frames = 0
        self._links: list[tuple[Any, ...]] = []
        self._links_for: tuple[object, ...] = ()
        self._blocks: list[tuple[Any, ...]] = []
        self._blocks_for: tuple[object, ...] = ()
        self._pills: Drawing = []
        self._pills_for: tuple[object, ...] = ()

    def take(self, command: Local) -> bool:
        """Carry out what is asked of the canvas from elsewhere, in the next frame."""
        match command:
            case FitCanvas():
                self._fit = command
            case InsertLayer():
                self._insert = True
            case _:
                return False
        return True

    def draw(self, view: View, post: Post) -> None:
        """Draw the canvas and what lies over it."""
        available = imgui.get_content_region_avail()
        if available.x < LEAST_SIDE_PX or available.y < LEAST_SIDE_PX:
            return
        count = len(view.document.document.graph.nodes)
        if count > MAX_NODES:
            line = f"The canvas draws up to {MAX_NODES:,} nodes. It can be trained and saved all the same."
            widgets.empty(self.kit, icons.LAYERS, f"This network has {count:,} nodes", line)
            return
        fresh = self._prepare()
        corner = imgui.get_cursor_screen_pos()
        camera, document = self.camera, view.document
        camera.at, camera.size = (corner.x, corner.y), (available.x, available.y)
        moved = self.scene.update(document)
        draw = imgui.get_window_draw_list()
        with (
            imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(0, 0)),
            ed_ctx.begin("canvas", available),
        ):
            camera.read()
            self._aim(view)
            camera.steer()
            self._grid.draw(self.kit, draw, camera)
            for item in self.scene.nodes.values() if fresh else moved:
                ed.set_node_position(item.node_id, ImVec2(*item.at))
            self._submit(draw)
            self.gestures.inside(document, post)
            self._sort()
        with imgui_ctx.push_clip_rect(corner, corner + available, True):
            self._paint(view, draw)
        self.gestures.drop(document, post, corner, corner + available)
        self._over(view, post)
        self._marks(corner, available)

    def _aim(self, view: View) -> None:
        """Look at a document that was opened, or at what was asked for."""
        settled, self._size = self.camera.size == self._size, self.camera.size
        if view.document.opened != self._opened and settled:  # an arrangement takes some frames to be laid out
            self._opened = view.document.opened
            self._looks, self._home = OPENING_FRAMES, None
        elif settled and self._home_size != self.camera.size and self._is_home():
            self._looks = OPENING_FRAMES  # nobody has looked elsewhere since, so the new size is made use of
        if self._home_size == self.camera.size and self._is_home():
            self._looks = 0
        elif self._looks and settled:
            box = self.scene.bounds()
            self._looks = self._looks - 1 if box is not None else 0
            self._home = opening(box, self.camera.size, self.kit.scale) if box is not None else None
            self._home_size = self.camera.size
            if self._home is not None:
                self.camera.aim(self._home)
        if self._fit is not None:
            self._looks, self._home = 0, None
            chosen = view.document.selection if self._fit.selection else frozenset()
            self._fit = None
            secs = 0.0 if self.kit.reduce_motion else GLIDE_SECS
            fit_all(self.kit, self.scene, self.camera, chosen, self._covered_top, secs)

    def _is_home(self) -> bool:
        """Return whether what is seen is what was seen first of the document; a new size keeps the middle."""
        home, camera = self._home, self.camera
        if home is None or abs(camera.zoom / home.zoom - 1) > 0.01:
            return False
        return all(abs(now - then) < 4 / camera.zoom for now, then in zip(camera.centre, home.centre, strict=True))

    def _over(self, view: View, post: Post) -> None:
        """Draw what lies over the nodes: bubble, boxes, popups."""
        kit, scene, camera, gestures, document = self.kit, self.scene, self.camera, self.gestures, view.document
        if scene.nodes:
            hovered = gestures.hovered.node.id if gestures.hovered is not None else None
            self._bubble.draw(kit, scene, camera, document, hovered, post)
            self._overview.draw(kit, scene, camera, self._bubble.box)
            if zoom_box(kit, camera) == "fit":
                self._fit = FitCanvas()
        elif view.run is not None and shows_own(view):
            self._own.draw(view.run, camera, post)
        elif first_words(kit, camera):
            self._insert = True
        self._covered_top = run_bar(kit, view, post, camera)
        gestures.label(self._bubble.shown)
        if self._insert:
            self._insert = False
            self._ask_for_layer()
        gestures.menus.draw(kit, scene, camera, document, gestures.search, post, self.take)
        gestures.search.draw(kit, document, post)
        if imgui.is_window_focused(imgui.FocusedFlags_.root_and_child_windows):
            gestures.keys(document, post)

    def _ask_for_layer(self) -> None:
        """Open the search for a layer where the mouse is, or in the middle when it is elsewhere."""
        camera, kit, mouse = self.camera, self.kit, imgui.get_mouse_pos()
        (left, top), (width, height) = camera.at, camera.size
        if left <= mouse.x < left + width and top <= mouse.y < top + height:
            self.gestures.search.ask(mouse, camera.to_canvas(mouse.x, mouse.y))
        else:
            place = ImVec2(left + width / 2 - kit.px(150), top + height / 2 - kit.px(160))
            self.gestures.search.ask(place, camera.centre)

    def _prepare(self) -> bool:
        """Make the editor ready; return whether it is a new one."""
        fresh = self._editor is None
        if self._editor is None:
            config = ed.Config()
            config.settings_file = ""
            config.enable_smooth_zoom = True
            config.canvas_size_mode = ed.CanvasSizeMode.center_only
            self._editor = ed.create_editor(config)
            self._styled = None
            self._opened = None
        ed.set_current_editor(self._editor)
        if self._styled is not self.kit.theme:
            self._styled = self.kit.theme
            style.apply_to_node_editor(self.kit)
            look, col = ed.get_style(), ed.StyleColor
            # Nodes are drawn by the canvas itself, in pixels of the screen; no colour at all means one by default.
            for part in (col.node_bg, col.node_border, col.hov_node_border, col.sel_node_border):
                look.set_color_(part, ImVec4(0, 0, 0, 0))
            look.set_color_(col.grid, self.kit.vec4(self.kit.theme.canvas))
            look.node_border_width = look.hovered_node_border_width = look.selected_node_border_width = 0
            look.link_strength = STRENGTH_PX
            look.angled_links = False
            ed.enable_shortcuts(False)
        return fresh

    def _submit(self, draw: imgui.ImDrawList) -> None:
        """Tell the editor of all nodes and wires; a thousand times a frame, so nothing here may fail or be made."""
        begin_node, end_node, dummy = ed.begin_node, ed.end_node, imgui.dummy
        begin_pin, end_pin, pin_rect, pivot = ed.begin_pin, ed.end_pin, ed.pin_rect, ed.pin_pivot_rect
        blocks = self._as_blocks()
        rect = draw.add_rect_filled
        for place, item in enumerate(self.scene.nodes.values()):
            node_id, size, pins = item.submission
            begin_node(node_id)
            dummy(size)
            if blocks:
                rect(*blocks[place])
            for pin_id, side, low, high, middle in pins:
                begin_pin(pin_id, side)
                pin_rect(low, high)
                pivot(middle, middle)
                end_pin()
            end_node()
        key = (self.scene.version, self.kit.theme)
        if key != self._links_for:
            self._links_for = key
            self._links = [
                (wire.link_id, wire.source.pin_id, wire.target.pin_id, *wire_look(self.kit, wire))
                for wire in self.scene.wires
            ]
        link = ed.link
        for arguments in self._links:
            link(*arguments)

    def _as_blocks(self) -> list[tuple[Any, ...]]:
        """Return what stands for each node where nodes are too small to be read; nothing where they are not."""
        if self.camera.zoom >= TITLES_FROM * self.kit.scale:
            return []
        key = (self.scene.version, self.kit.theme)
        if key != self._blocks_for:
            self._blocks_for = key
            self._blocks = [block(self.kit, item) for item in self.scene.nodes.values()]
        return self._blocks

    def _sort(self) -> None:
        """Follow the order in which nodes cover each other, which clicks change."""
        if imgui.is_any_mouse_down():
            self._order_frames = ORDER_FRAMES
        if self._order_of is self.scene.nodes and not self._order_frames:
            return
        self._order_frames = max(0, self._order_frames - 1)
        self._order_of = self.scene.nodes
        found = (self.scene.node(node_id.id()) for node_id in ed.get_ordered_node_ids())
        self._order = [item for item in found if item is not None]

    def _paint(self, view: View, draw: imgui.ImDrawList) -> None:
        if self._painter is None or self._painter.draw is not draw:
            self._painter = NodePainter(self.kit, draw)
            for item in self.scene.nodes.values():
                item.drawn_for = ()
        camera, theme, selection = self.camera, self.kit.theme, self.gestures.selected
        hovered, look = self.gestures.hovered, (theme, self.kit.scale)
        zoom, ox, oy = camera.zoom, camera.x, camera.y
        left, top, right, bottom = camera.visible
        wire = self.gestures.drop_wire
        if wire is not None:
            a, b, c, d = (ImVec2(*camera.to_screen(*point)) for point in curve(*ends(self.scene, wire)))
            draw.add_bezier_cubic(a, b, c, d, theme.accent.u32, 2 * FAULTY_PX * zoom)
        if zoom < TITLES_FROM * self.kit.scale:
            self._paint_selected_blocks(draw)
            return
        for item in self._order:
            x, y = item.at
            form = item.form
            if x > right or y > bottom or x + form.width_px < left or y + form.height_px < top:
                continue
            key = (ox, oy, zoom, item.node.id in selection, item is hovered, look)
            if item.drawn_for != key:
                item.drawing = self._painter.make(item, ox + x * zoom, oy + y * zoom, zoom, key[3], key[4])
                item.drawn_for = key
            for call, arguments in item.drawing:
                call(*arguments)
        pin = self.gestures.hovered_pin
        if pin is not None and pin.node in self.scene.nodes:
            x, y = self.scene.nodes[pin.node].at
            at = ImVec2(*camera.to_screen(x + pin.pin.x_px, y + pin.pin.y_px))
            draw.add_circle_filled(at, 11 * zoom, theme.accent.fade(0.22).u32)
            draw.add_circle_filled(at, 4.6 * zoom, theme.accent.u32)
        self._paint_pills(draw)

    def _paint_selected_blocks(self, draw: imgui.ImDrawList) -> None:
        """Frame the selected nodes, and the one under the mouse, where nodes are blocks."""
        camera, t, grow = self.camera, self.kit.theme, self.kit.vec(2, 2)
        framed = [(node_id, t.accent) for node_id in self.gestures.selected]
        if self.gestures.hovered is not None:
            framed.append((self.gestures.hovered.node.id, t.text3))
        for node_id, color in framed:
            item = self.scene.nodes.get(node_id)
            if item is not None:
                left, top, right, bottom = item.box
                low, high = ImVec2(*camera.to_screen(left, top)), ImVec2(*camera.to_screen(right, bottom))
                draw.add_rect(low - grow, high + grow, color.u32, self.kit.px(3), self.kit.px(2))

    def _paint_pills(self, draw: imgui.ImDrawList) -> None:
        camera = self.camera
        key = (draw, camera.x, camera.y, camera.zoom, camera.size, self.scene.version, self.kit.theme, self.kit.scale)
        if key != self._pills_for:
            self._pills_for = key
            self._pills = make_pills(self.kit, draw, self.scene, camera)
        for call, arguments in self._pills:
            call(*arguments)

    def _marks(self, corner: ImVec2, size: ImVec2) -> None:
        marks, camera = self.kit.marks, self.camera
        if not marks.on:
            return
        for name in [name for name in marks.rects if name.startswith(("node/", "pin/", "wire/"))]:
            del marks.rects[name]
        marks.note("canvas", corner.x, corner.y, corner.x + size.x, corner.y + size.y)
        reach = 5 * camera.zoom
        for node_id, item in self.scene.nodes.items():
            left, top, right, bottom = item.box
            marks.note(f"node/{node_id}", *camera.to_screen(left, top), *camera.to_screen(right, bottom))
            for pin in item.pins:
                x, y = camera.to_screen(left + pin.pin.x_px, top + pin.pin.y_px)
                side = "" if pin.is_input else "out."
                marks.note(f"pin/{node_id}.{side}{pin.pin.port}", x - reach, y - reach, x + reach, y + reach)
        for wire in self.scene.wires:
            (ax, ay), (bx, by) = ends(self.scene, wire)
            x, y = camera.to_screen((ax + bx) / 2, (ay + by) / 2)
            marks.note(f"wire/{wire.edge.target}.{wire.edge.target_port}", x - 2, y - 2, x + 2, y + 2)

    def forget(self) -> None:
        """Let go of the editor; it is made anew when the canvas is drawn again."""
        if self._editor is not None:
            ed.destroy_editor(self._editor)
            self._editor = None


PANEL = CanvasPanel
