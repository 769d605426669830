"""What lies over the canvas: the zoom box, the overview, the bar about a run, and an empty canvas's first words.

Each is a child window, so that the mouse over it does not reach the nodes below.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui import icons, widgets
from neuralforge.ui.canvas.camera import STEP, Aim, Camera, fit, zoomed
from neuralforge.ui.canvas.scene import Drawing, Scene, box_around
from neuralforge.ui.kit import Kit
from neuralforge.ui.own_runs import is_own
from neuralforge.ui.panel import Post
from neuralforge.ui.theme import Color
from neuralforge.workbench.commands import RevertToRun, Train
from neuralforge.workbench.view import View

EDGE_PX: Final = 14.0
BAR_PX: Final = 48.0
MAP_PX: Final = (190.0, 104.0)
MAP_FROM_PX: Final = (680.0, 420.0)
"""Smallest canvas on which the overview has room."""


@contextmanager
def overlay(
    kit: Kit, key: str, x: float, y: float, width: float, height: float, edge: Color | None = None,
    ground: Color | None = None, rounding_px: float = 8,
) -> Iterator[None]:  # fmt: skip
    """Lay a small window over the canvas; lengths are pixels of the screen."""
    t = kit.theme
    imgui.set_cursor_screen_pos(ImVec2(x, y))
    flags = imgui.WindowFlags_.no_scrollbar | imgui.WindowFlags_.no_scroll_with_mouse
    with (
        imgui_ctx.push_style_color(imgui.Col_.child_bg, kit.vec4(ground or t.elevated)),
        imgui_ctx.push_style_color(imgui.Col_.border, kit.vec4(edge or t.border_strong)),
        imgui_ctx.push_style_var(imgui.StyleVar_.child_rounding, kit.px(rounding_px)),
        imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, ImVec2(0, 0)),
        imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(0, 0)),
        imgui_ctx.begin_child(key, ImVec2(width, height), imgui.ChildFlags_.borders, flags),
    ):
        yield


def zoom_box(kit: Kit, camera: Camera) -> str | None:
    """Draw the box that says and changes the zoom.

    Returns:
        "fit" when the whole network is asked for.
    """
    asked = None
    width, height = kit.px(156), kit.px(34)
    x, y = camera.at[0] + kit.px(EDGE_PX), camera.at[1] + camera.size[1] - kit.px(EDGE_PX) - height
    with overlay(kit, "zoom", x, y, width, height):
        inset = kit.px(3)
        imgui.set_cursor_pos(ImVec2(inset, inset))
        if widgets.icon_button(kit, icons.MINUS, "zoom out", "Zoom out", shortcut="wheel down"):
            camera.aim(zoomed(camera, 1 / STEP, kit.scale))
        words = f"{camera.zoom / kit.scale:.0%}"
        imgui.set_cursor_pos(ImVec2(kit.px(34), inset))
        pressed = imgui.invisible_button("##actual", kit.vec(50, 28), imgui.ButtonFlags_.enable_nav)
        low = imgui.get_item_rect_min()
        ink = kit.theme.text if imgui.is_item_hovered() else kit.theme.text2
        widgets.focus_ring(kit)
        widgets.tooltip(kit, "Go to 100 %")
        size = kit.text_size(words, "mono", 13)
        kit.draw_text(low + ImVec2((kit.px(50) - size.x) / 2, (kit.px(28) - size.y) / 2), words, ink, "mono", 13)
        if kit.marks.on:
            kit.marks.note("zoom/actual", low.x, low.y, low.x + kit.px(50), low.y + kit.px(28))
        if pressed:
            camera.aim(Aim(camera.centre, kit.scale, 0.12))
        imgui.set_cursor_pos(ImVec2(kit.px(87), inset))
        if widgets.icon_button(kit, icons.PLUS, "zoom in", "Zoom in", shortcut="wheel up"):
            camera.aim(zoomed(camera, STEP, kit.scale))
        line = imgui.get_window_pos() + kit.vec(120, 8)
        imgui.get_window_draw_list().add_line(line, line + kit.vec(0, 18), kit.theme.border.u32, 1)
        imgui.set_cursor_pos(ImVec2(kit.px(124), inset))
        if widgets.icon_button(kit, icons.FIT, "fit", "Show the whole network", shortcut="F"):
            asked = "fit"
    return asked


class Overview:
    """The small map at the right: all nodes as blocks, and a frame around what is seen."""

    def __init__(self) -> None:
        self._drawing: Drawing = []
        self._drawn_for: tuple[object, ...] = ()

    def draw(self, kit: Kit, scene: Scene, camera: Camera, covered: tuple[float, float, float, float]) -> None:
        """Draw the map; nothing on a small canvas, where everything is seen anyway, or over a bubble.

        Args:
            kit: The kit.
            scene: What it shows.
            camera: What is seen of it.
            covered: Where the bubble lies on the screen: left, top, right, bottom.
        """
        box = scene.bounds() if self._wanted(kit, camera) and scene.nodes else None
        if box is None:
            return
        left, top, right, bottom = camera.visible
        if left <= box[0] and top <= box[1] and right >= box[2] and bottom >= box[3]:
            return
        width, height = kit.px(MAP_PX[0]), kit.px(MAP_PX[1])
        x = camera.at[0] + camera.size[0] - kit.px(EDGE_PX) - width
        y = camera.at[1] + camera.size[1] - kit.px(EDGE_PX) - height
        if covered[2] > x and covered[3] > y:
            return
        with overlay(kit, "overview", x, y, width, height):
            shrink = min((width - kit.px(16)) / (box[2] - box[0]), (height - kit.px(16)) / (box[3] - box[1]))
            shrink = min(shrink, kit.scale * 0.15)
            ox = x + (width - (box[2] - box[0]) * shrink) / 2 - box[0] * shrink
            oy = y + (height - (box[3] - box[1]) * shrink) / 2 - box[1] * shrink
            draw = imgui.get_window_draw_list()
            key = (draw, ox, oy, shrink, scene.version, kit.theme)
            if key != self._drawn_for:
                self._drawn_for = key
                self._drawing = self._blocks(kit, draw, scene, ox, oy, shrink)
            for call, arguments in self._drawing:
                call(*arguments)
            seen_low = ImVec2(max(x + 2, ox + left * shrink), max(y + 2, oy + top * shrink))
            seen_high = ImVec2(min(x + width - 2, ox + right * shrink), min(y + height - 2, oy + bottom * shrink))
            draw.add_rect_filled(seen_low, seen_high, kit.theme.accent.fade(0.08).u32, kit.px(3))
            draw.add_rect(seen_low, seen_high, kit.theme.accent.u32, kit.px(3), kit.px(1.5))
            imgui.set_cursor_pos(ImVec2(0, 0))
            imgui.invisible_button("##map", ImVec2(width, height))
            if imgui.is_item_active():
                mouse = imgui.get_mouse_pos()
                camera.aim(Aim(((mouse.x - ox) / shrink, (mouse.y - oy) / shrink), camera.zoom))
            if kit.marks.on:
                kit.marks.note("overview", x, y, x + width, y + height)

    @staticmethod
    def _wanted(kit: Kit, camera: Camera) -> bool:
        return camera.size[0] >= kit.px(MAP_FROM_PX[0]) and camera.size[1] >= kit.px(MAP_FROM_PX[1])

    @staticmethod
    def _blocks(kit: Kit, draw: imgui.ImDrawList, scene: Scene, ox: float, oy: float, shrink: float) -> Drawing:
        out: Drawing = []
        least = kit.px(2)
        for item in scene.nodes.values():
            x, y = ox + item.at[0] * shrink, oy + item.at[1] * shrink
            high = ImVec2(x + max(least, item.form.width_px * shrink), y + max(least, item.form.height_px * shrink))
            wrong = item.issue is not None and not item.incomplete
            color = kit.theme.danger if wrong else kit.theme.category(item.category)
            out.append((draw.add_rect_filled, (ImVec2(x, y), high, color.fade(0.85).u32, kit.px(1))))
        return out


def run_bar(kit: Kit, view: View, post: Post, camera: Camera) -> float:
    """Say that the canvas differs from the run's network, and offer both ways out.

    Returns:
        Height that is covered at the top, in pixels of the screen.
    """
    run = view.run
    if run is None or not run.differs or is_own(run):  # what was not drawn here has nothing to do with the canvas
        return 0.0
    t = kit.theme
    room = camera.size[0] - kit.px(2 * EDGE_PX)
    narrow = room < kit.px(620)
    words = "Not what the run trains" if narrow else "The canvas differs from the network that the run trains."
    if not narrow and not run.live:
        words = "The canvas differs from the network of the run."
    apply_label, revert_label = ("New run", "Revert") if narrow else ("Train as a new run", "Revert to the run")
    wide = kit.text_size(words, "medium", 15).x + kit.px(16 + 24)
    buttons = sum(kit.text_size(label, "medium", 15).x + kit.px(24 + 23) for label in (apply_label, revert_label))
    width = min(room, wide + buttons + kit.px(24 + 8 + 10))
    height = kit.px(BAR_PX)
    x, y = camera.at[0] + (camera.size[0] - width) / 2, camera.at[1] + kit.px(EDGE_PX)
    ground = t.warning.fade(0.09).over(t.elevated)
    with overlay(kit, "differs", x, y, width, height, t.warning.fade(0.35).over(t.elevated), ground):
        middle = y + height / 2
        kit.draw_text(ImVec2(x + kit.px(16), middle - kit.px(9)), icons.UNLINK, t.warning, "medium", 15)
        kit.draw_text(ImVec2(x + kit.px(42), middle - kit.px(9)), words, t.text, "medium", 15)
        imgui.set_cursor_screen_pos(ImVec2(x + width - buttons - kit.px(16), middle - kit.px(15)))
        if widgets.button(
            kit,
            revert_label,
            icons.HISTORY,
            "plain",
            height_px=30,
            key="revert",
            tip="Put the network of the run back onto the canvas; undo brings this one back",
        ):
            post(RevertToRun())
        imgui.same_line(0, kit.px(8))
        tip = "Start a new run of this network; a live run is stopped first" if view.can_train else view.why_not
        if widgets.button(
            kit, apply_label, icons.RUN, "primary", height_px=30, enabled=view.can_train, tip=tip, key="apply"
        ):
            post(Train())
    return height + kit.px(EDGE_PX)


def first_words(kit: Kit, camera: Camera) -> bool:
    """Say how to begin, on a canvas without nodes.

    Returns:
        Whether a layer is asked for.
    """
    width, height = kit.px(340), kit.px(210)
    x = camera.at[0] + (camera.size[0] - width) / 2
    y = camera.at[1] + (camera.size[1] - height) / 2
    t = kit.theme
    with overlay(kit, "begin", x, y, width, height, t.canvas, t.canvas):
        line = "Drag a layer from the left, double-click to search for one, or choose a template."
        return widgets.empty(kit, icons.BUILD, "An empty canvas", line, "Add a layer", icons.PLUS, "Search for a layer")


def fit_all(kit: Kit, scene: Scene, camera: Camera, selection: frozenset[str], top: float, secs: float) -> None:
    """Show all nodes, or those that are selected."""
    chosen = [item for node_id, item in scene.nodes.items() if node_id in selection]
    box = box_around(chosen) if chosen else scene.bounds()
    if box is not None:
        aim = fit(box, camera.size, kit.scale, top)
        camera.aim(Aim(aim.centre, aim.zoom, secs))
