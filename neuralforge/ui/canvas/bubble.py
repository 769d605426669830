"""The bubble below a node with an issue: what was expected, what came, and buttons that mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from imgui_bundle import ImVec2, imgui

from neuralforge.graph.inference import Issue
from neuralforge.ui import icons, widgets
from neuralforge.ui.canvas.camera import FULL_FROM, Camera
from neuralforge.ui.canvas.overlay import overlay
from neuralforge.ui.canvas.scene import NodeItem, Scene
from neuralforge.ui.canvas.texts import Complaint, complaint
from neuralforge.ui.kit import Face, Kit
from neuralforge.ui.panel import Post
from neuralforge.ui.theme import Color
from neuralforge.workbench.commands import Apply
from neuralforge.workbench.view import DocumentView

WIDTH_PX: Final = 322.0
PADDING_PX: Final = 13.0
GAP_PX: Final = 11.0
BUTTON_PX: Final = 28.0
MOST_FIXES: Final = 2


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things lie in a bubble, in pixels of the screen from its corner: rows, hint, rule, buttons, height."""

    label_width: float
    rows: tuple[tuple[float, float], ...]
    hint: float
    rule: float
    buttons: tuple[tuple[float, float], ...]
    height: float


class Bubble:
    """Shows one issue at a time, so that bubbles never swamp the graph.

    Attributes:
        shown: Id of the node whose bubble is shown.
    """

    def __init__(self) -> None:
        self.shown: str | None = None
        self._box = (0.0, 0.0, 0.0, 0.0)
        self._issue: Issue | None = None
        self._complaint: Complaint | None = None
        self._layout: _Layout | None = None
        self._laid_for: tuple[object, ...] = ()

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Where it lies on the screen: left, top, right, bottom; all 0 while there is none."""
        return self._box

    def draw(self, kit: Kit, scene: Scene, camera: Camera, view: DocumentView, hovered: str | None, post: Post) -> None:
        """Draw the bubble of the node that is meant, if there is one."""
        item = self._choose(kit, scene, camera, view, hovered)
        self.shown = item.node.id if item is not None else None
        if item is None or item.issue is None:
            self._box = (0.0, 0.0, 0.0, 0.0)
            return
        if item.issue is not self._issue or self._complaint is None:
            self._issue, self._complaint = item.issue, complaint(item.issue, view)
            self._laid_for = ()
        words = self._complaint
        key = (kit.scale, words)
        if self._layout is None or key != self._laid_for:
            self._laid_for, self._layout = key, _lay_out(kit, words)
        self._show(kit, camera, item, words, self._layout, post)

    def _choose(
        self, kit: Kit, scene: Scene, camera: Camera, view: DocumentView, hovered: str | None
    ) -> NodeItem | None:
        if camera.zoom < FULL_FROM * kit.scale or imgui.get_drag_drop_payload_py_id() is not None:
            return None
        if imgui.is_mouse_dragging(imgui.MouseButton_.left):
            return None  # nothing pops up below a node that is being moved
        wrong = [issue.node for issue in view.issues if issue.node]
        mouse = imgui.get_mouse_pos()
        reach = kit.px(GAP_PX + 6)
        x0, y0, x1, y1 = self._box
        on_bubble = x0 - reach < mouse.x < x1 + reach and y0 - reach < mouse.y < y1 + reach
        wanted = [self.shown] if on_bubble and self.shown else []
        wanted += [hovered or "", view.selected or ""]
        if len(set(wrong)) == 1:
            wanted.append(wrong[0])
        for node_id in wanted:
            item = scene.nodes.get(node_id or "")
            if item is not None and item.issue is not None:
                return item
        return None

    def _show(self, kit: Kit, camera: Camera, item: NodeItem, words: Complaint, lay: _Layout, post: Post) -> None:
        t = kit.theme
        left, top, right, bottom = item.box
        nx, ny = camera.to_screen(left, bottom)
        node_right, node_top = camera.to_screen(right, top)
        low_x, low_y = camera.at
        high_x, high_y = low_x + camera.size[0], low_y + camera.size[1]
        if node_right < low_x or nx > high_x or ny < low_y or node_top > high_y:
            self._box = (0.0, 0.0, 0.0, 0.0)
            return
        width, height, edge, gap = kit.px(WIDTH_PX), lay.height, kit.px(8), kit.px(GAP_PX)
        if height + 2 * edge > high_y - low_y or width + 2 * edge > high_x - low_x:
            self._box = (0.0, 0.0, 0.0, 0.0)  # no room for it; the mark on the node and the list of issues are left
            return
        x = float(round(min(max(nx, low_x + edge), high_x - width - edge)))
        y = float(round(ny + gap))
        out = -1  # the tip is on its upper edge
        if y + height + edge > high_y:
            y, out = float(round(node_top - gap - height)), 1
        if y < low_y + edge:  # neither below nor above: over the node, but over as little of it as can be
            lowest, highest = high_y - height - edge, low_y + edge
            y, out = float(round(lowest if ny - lowest <= highest + height - node_top else highest)), 0
        self._box = (x, y, x + width, y + height)
        color = t.warning if words.incomplete else t.danger
        draw = imgui.get_window_draw_list()
        for step in range(4, 0, -1):
            spread = kit.px(3 * step)
            grow = ImVec2(spread, spread)
            shade = t.text.fade(t.shadow_alpha * 0.6) if t.name == "light" else t.bg.fade(t.shadow_alpha * 1.6)
            draw.add_rect_filled(
                ImVec2(x, y + kit.px(5)) - grow,
                ImVec2(x + width, y + height + kit.px(5)) + grow,
                shade.u32,
                kit.px(8) + spread,
            )
        tip_x = min(max((nx + node_right) / 2, x + kit.px(18)), x + width - kit.px(18))
        with overlay(kit, "bubble", x, y, width, height, color, t.elevated):
            self._inside(kit, x, y, words, lay, post)
            if out:
                self._tip(kit, tip_x, y if out < 0 else y + height, out, color)
        if kit.marks.on:
            kit.marks.note("bubble", *self._box)

    @staticmethod
    def _tip(kit: Kit, x: float, base: float, out: int, color: Color) -> None:
        """Draw the tip of the bubble, over the edge of its own window."""
        draw, half = imgui.get_window_draw_list(), kit.px(8)
        left, right, point = ImVec2(x - half, base), ImVec2(x + half, base), ImVec2(x, base + out * half)
        draw.push_clip_rect(ImVec2(x - 2 * half, base - 2 * half), ImVec2(x + 2 * half, base + 2 * half))
        inwards = ImVec2(0, -out * kit.px(1.5))
        draw.add_triangle_filled(left + inwards, right + inwards, point, kit.theme.elevated.u32)
        draw.add_line(left, point, color.u32, kit.px(1))
        draw.add_line(right, point, color.u32, kit.px(1))
        draw.pop_clip_rect()

    def _inside(self, kit: Kit, x: float, y: float, words: Complaint, lay: _Layout, post: Post) -> None:
        t, pad = kit.theme, kit.px(PADDING_PX)
        color = t.warning if words.incomplete else t.danger
        icon = icons.WARNING if words.incomplete else icons.ERROR
        kit.draw_text(ImVec2(x + pad, y + kit.px(13)), icon, color, "medium", 15)
        kit.draw_text(ImVec2(x + pad + kit.px(24), y + kit.px(12)), words.title, t.text, "semibold", 16)
        draw = imgui.get_window_draw_list()
        left = x + pad + lay.label_width
        right = x + kit.px(WIDTH_PX) - pad
        for row, (top, wrap) in zip(words.rows, lay.rows, strict=True):
            kit.draw_text(ImVec2(x + pad, y + top), row.label, t.text3, "regular", 13)
            ink = color if row.guilty else t.text
            size, at = kit.px(13), ImVec2(float(round(left)), float(round(y + top)))
            draw.add_text(kit.face(_face(row.text)), size, at, ink.u32, row.text, wrap)
            if row.note:
                note = widgets.shortened(kit, row.note, kit.px(110), "regular", 13)
                wide = kit.text_size(note, "regular", 13).x
                if left + kit.text_size(row.text, _face(row.text), 13).x + kit.px(8) + wide <= right:
                    kit.draw_text(ImVec2(right - wide, y + top), note, t.text3, "regular", 13)
        if words.hint:
            at = ImVec2(x + pad, float(round(y + lay.hint)))
            draw.add_text(kit.face("regular"), kit.px(13), at, t.text2.u32, words.hint, right - x - pad)
        if not words.fixes:
            return
        line = y + lay.rule
        draw.add_line(ImVec2(x + 1, line), ImVec2(x + kit.px(WIDTH_PX) - 1, line), t.border.u32, 1)
        for place, ((label, edit), (bx, by)) in enumerate(zip(words.fixes, lay.buttons, strict=False)):
            imgui.set_cursor_screen_pos(ImVec2(x + bx, y + by))
            shown = widgets.shortened(kit, label, kit.px(WIDTH_PX - 2 * PADDING_PX - 52), "medium", 15)
            kind: widgets.ButtonKind = "field" if place else "primary"
            if widgets.button(
                kit,
                shown,
                "" if place else icons.WRENCH,
                kind,
                height_px=BUTTON_PX,
                tip=edit.label,
                key=f"fix/{place}",
            ):
                post(Apply(edit))
            if kit.marks.on:
                low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
                kit.marks.note(f"fix/{place}", low.x, low.y, high.x, high.y)


def _face(text: str) -> Face:
    return "mono" if text.startswith("[") else "regular"


def _wrapped_height(kit: Kit, text: str, face: Face, wrap: float) -> float:
    with kit.font(face, 13):
        return float(imgui.calc_text_size(text, False, wrap).y)


def _lay_out(kit: Kit, words: Complaint) -> _Layout:
    pad = kit.px(PADDING_PX)
    inner = kit.px(WIDTH_PX) - 2 * pad
    label_width = max((kit.text_size(row.label, "regular", 13).x for row in words.rows), default=0.0) + kit.px(14)
    y = kit.px(42)
    rows = []
    for row in words.rows:
        wrap = inner - label_width
        rows.append((y, wrap))
        y += _wrapped_height(kit, row.text, _face(row.text), wrap) + kit.px(6)
    hint = y + kit.px(2)
    if words.hint:
        y = hint + _wrapped_height(kit, words.hint, "regular", inner) + kit.px(6)
    rule = y + kit.px(6)
    buttons: list[tuple[float, float]] = []
    if words.fixes:
        y = rule + kit.px(11)
        x = 0.0
        for place, (label, _) in enumerate(words.fixes[:MOST_FIXES]):
            wide = min(inner, kit.text_size(label, "medium", 15).x + kit.px(24 + (0 if place else 23)))
            if buttons and x + kit.px(8) + wide > inner:
                x, y = 0.0, y + kit.px(BUTTON_PX + 7)
            elif buttons:
                x += kit.px(8)
            buttons.append((pad + x, y))
            x += wide
        y += kit.px(BUTTON_PX)
    return _Layout(label_width, tuple(rows), hint, rule, tuple(buttons), y + kit.px(12))
