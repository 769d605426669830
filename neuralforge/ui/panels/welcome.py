"""What is seen first: recent networks, networks with data that one click opens, and templates."""

from __future__ import annotations

from functools import partial
from typing import Final

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui import icons, widgets
from neuralforge.ui.app_bar import draw_logo
from neuralforge.ui.cards import Card, CardDrawer, Pressed, Tile, main_category, recent_card, start_card, takes
from neuralforge.ui.kit import Kit
from neuralforge.ui.local import ChoosePath, ShowCommands
from neuralforge.ui.memo import Memo
from neuralforge.ui.numbers import memory, short
from neuralforge.ui.panel import Panel, Post
from neuralforge.ui.welcome_plan import SECTION_PX, Rect, WelcomePlan, plan_welcome
from neuralforge.workbench.commands import Command, NewDocument, OpenPath, ShowWelcome, Start
from neuralforge.workbench.view import DeviceFact, RecentFile, StartingPoint, View

_HEAD_BUTTONS: Final[tuple[tuple[Command, str, str, widgets.ButtonKind, str, str], ...]] = (
    (NewDocument(), "New network", icons.PLUS, "primary", "Start with an empty canvas", "Ctrl+N"),
    (ChoosePath("open"), "Open", icons.OPEN, "field", "Open a network or a run from your disk", "Ctrl+O"),
)
"""From the right edge on: what is posted, label, icon, kind, tooltip and shortcut."""


def hardware(devices: tuple[DeviceFact, ...] | None) -> str:
    """Return the words for the device that trains fastest: "NVIDIA RTX 4090, 24 GB"."""
    if devices is None:
        return "Looking for devices\u2026"
    if not devices:
        return "No device"
    best = next((device for device in devices if device.key != "cpu"), devices[0])
    return f"{best.name}, {memory(best.memory_bytes)}" if best.memory_bytes else best.name


class WelcomePanel(Panel):
    """Covers the window until something is opened."""

    key = "welcome"
    title = "Welcome"
    icon = icons.FLAG
    docks = {"build": "hidden", "train": "hidden"}
    order = 0
    padded = False
    help = "Recent networks, starting points and templates"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._memo = Memo()
        self._cards = CardDrawer(kit)
        self._all_recent = False

    def draw(self, view: View, post: Post) -> None:
        """Draw everything, in the middle of the window."""
        kit, t = self.kit, self.kit.theme
        has_network = bool(view.document.document.graph.nodes)
        self._keys(view, post, has_network)
        lessons = tuple(point for point in view.starting_points if point.data)
        templates = tuple(point for point in view.starting_points if not point.data)
        room = imgui.get_content_region_avail()
        plan = plan_welcome(
            room.x / kit.scale, room.y / kit.scale, len(view.recent), len(lessons), len(templates),
            all_recent=self._all_recent,
        )  # fmt: skip
        with (
            imgui_ctx.push_style_color(imgui.Col_.child_bg, kit.vec4(t.bg)),
            imgui_ctx.begin_child("##welcome", room, imgui.ChildFlags_.nav_flattened) as child,
        ):
            if not child:
                return
            origin = imgui.get_cursor_screen_pos()
            at = ImVec2(round(origin.x + kit.px(plan.left_px)), round(origin.y))
            self._draw_head(view, post, plan, at, has_network)
            if plan.recent_rows:
                self._draw_recent(view.recent, post, plan, at)
            self._draw_lessons(lessons, post, plan, at)
            self._draw_templates(templates, post, plan, at)
            self._draw_foot(view, post, plan, at)
            imgui.set_cursor_screen_pos(origin)
            imgui.dummy(kit.vec(1, plan.height_px - 1))

    def forget(self) -> None:
        """Work out all pictures anew: the scale may be another."""
        self._memo.clear()
        self._cards.forget()

    def _keys(self, view: View, post: Post, has_network: bool) -> None:
        if view.question is not None or imgui.is_popup_open("", imgui.PopupFlags_.any_popup):
            return
        ctrl = int(imgui.Key.mod_ctrl)
        if has_network and imgui.is_key_pressed(imgui.Key.escape, False):
            post(ShowWelcome(False))
        elif imgui.is_key_chord_pressed(ctrl | int(imgui.Key.k)):
            post(ShowCommands())
        elif imgui.is_key_chord_pressed(ctrl | int(imgui.Key.o)):
            post(ChoosePath("open"))
        elif imgui.is_key_chord_pressed(ctrl | int(imgui.Key.n)):
            post(NewDocument())

    # Parts

    def _draw_head(self, view: View, post: Post, plan: WelcomePlan, at: ImVec2, has_network: bool) -> None:
        kit, t = self.kit, self.kit.theme
        top = at.y + kit.px(plan.head_px)
        draw_logo(kit, ImVec2(at.x, top), 44)
        kit.draw_text(ImVec2(at.x + kit.px(58), top - kit.px(10)), "NeuralForge", t.text, "display", 38)
        line = ImVec2(at.x + kit.px(58), top + kit.px(41))
        kit.draw_text(line, "Draw a network, train it, steer it while it learns.", t.text2, "regular", 16)
        right = at.x + kit.px(plan.width_px)
        for command, label, icon, kind, tip, keys in _HEAD_BUTTONS:
            width = kit.text_size(label, "medium", 15).x + kit.text_size(icon, "medium", 15).x + kit.px(8 + 32)
            right -= width
            imgui.set_cursor_screen_pos(ImVec2(round(right), top + kit.px(4)))
            wide = width / kit.scale
            if widgets.button(kit, label, icon, kind, tip=tip, shortcut=keys, width_px=wide, height_px=40):
                post(command)
            right -= kit.px(10)
        if has_network:
            label = "Back to the canvas"
            size = kit.text_size(label, "medium", 15)
            imgui.set_cursor_screen_pos(ImVec2(round(right - size.x - kit.px(14)), top + kit.px(15)))
            if widgets.link(kit, label, "Close this page (Esc)", 15):
                post(ShowWelcome(False))

    def _heading(self, at: ImVec2, top_px: float, title: str, hint: str = "") -> None:
        kit, t = self.kit, self.kit.theme
        place = ImVec2(at.x, at.y + kit.px(top_px))
        kit.draw_text(place, title, t.text, "semibold", 16)
        if hint:
            x = place.x + kit.text_size(title, "semibold", 16).x + kit.px(12)
            kit.draw_text(ImVec2(x, place.y + kit.px(1)), hint, t.text2, "regular", 14)

    def _draw_recent(self, recent: tuple[RecentFile, ...], post: Post, plan: WelcomePlan, at: ImVec2) -> None:
        kit = self.kit
        self._heading(at, plan.recent_px, "Recent")
        shown = recent if self._all_recent else recent[: plan.recent_in_row]
        if len(recent) > plan.recent_in_row:
            label = "Show fewer" if self._all_recent else f"Show all {len(recent)}"
            width = kit.text_size(label, "medium", 14).x
            right = at.x + kit.px(plan.width_px)
            imgui.set_cursor_screen_pos(ImVec2(round(right - width), at.y + kit.px(plan.recent_px + 1)))
            if widgets.link(kit, label):
                self._all_recent = not self._all_recent
        for place, file in enumerate(shown):
            rect = plan.card(plan.recent_px + SECTION_PX, place, plan.recent_in_row)
            card = self._memo.get(f"recent/{place}", (file,), partial(recent_card, file))
            if self._card(card, at, rect).clicked:
                post(OpenPath(file.path))

    def _draw_lessons(self, points: tuple[StartingPoint, ...], post: Post, plan: WelcomePlan, at: ImVec2) -> None:
        if not points:
            return
        self._heading(at, plan.lessons_px, "Start training", "a network with its data, ready to run")
        for place, point in enumerate(points):
            rect = plan.card(plan.lessons_px + SECTION_PX, place, plan.lessons_in_row)
            card = self._memo.get(f"lesson/{place}", (point,), partial(start_card, point))
            pressed = self._card(card, at, rect)
            if pressed.clicked or pressed.play:
                post(Start(point.template, point.data, point.options, point.settings, train=pressed.play))

    def _card(self, card: Card, at: ImVec2, rect: Rect) -> Pressed:
        kit = self.kit
        x, y, width, height = rect
        place = ImVec2(round(at.x + kit.px(x)), round(at.y + kit.px(y)))
        return self._cards.card(card, place, ImVec2(round(kit.px(width)), round(kit.px(height))))

    def _draw_templates(self, points: tuple[StartingPoint, ...], post: Post, plan: WelcomePlan, at: ImVec2) -> None:
        if not points:
            return
        kit = self.kit
        self._heading(at, plan.tiles_px, "Start from a template", "each is editable after one click")
        for number, point in enumerate(points):
            x, y, width, height = plan.tile(plan.tiles_px + SECTION_PX, number)
            tile = self._memo.get(f"tile/{number}", (point,), partial(_tile, point))
            place = ImVec2(round(at.x + kit.px(x)), round(at.y + kit.px(y)))
            if self._cards.tile(tile, place, ImVec2(round(kit.px(width)), round(kit.px(height)))):
                post(Start(point.template))

    def _draw_foot(self, view: View, post: Post, plan: WelcomePlan, at: ImVec2) -> None:
        kit, t = self.kit, self.kit.theme
        facts = [
            (icons.DEVICE, hardware(view.devices)),
            (icons.LOCK, "Nothing leaves this machine"),
            (icons.KEYBOARD, "Ctrl K finds everything"),
        ]
        x, y = at.x, round(at.y + kit.px(plan.foot_px))
        limit = at.x + kit.px(plan.width_px)
        if view.busy:
            words = ", ".join(view.busy)
            limit -= kit.text_size(words, "regular", 14).x + kit.px(22)
            kit.draw_text(ImVec2(limit, y + kit.px(1)), icons.WAIT, t.accent, "regular", 13)
            kit.draw_text(ImVec2(limit + kit.px(22), y), words, t.text2, "regular", 14)
            limit -= kit.px(24)
        for icon, words in facts:
            width = kit.px(24) + kit.text_size(words, "regular", 14).x
            if x + width > limit and x > at.x:
                break
            kit.draw_text(ImVec2(x, y + kit.px(1)), icon, t.text2, "regular", 13)
            kit.draw_text(ImVec2(x + kit.px(24), y), words, t.text2, "regular", 14)
            if icon == icons.KEYBOARD:
                imgui.set_cursor_screen_pos(ImVec2(x, y))
                if imgui.invisible_button("##commands", ImVec2(width, kit.px(20)), imgui.ButtonFlags_.enable_nav):
                    post(ShowCommands())
                if imgui.is_item_hovered():
                    imgui.set_mouse_cursor(imgui.MouseCursor_.hand)
                widgets.focus_ring(kit)
                widgets.tooltip(kit, "Search all commands", "Ctrl+K")
            x += width + kit.px(32)


def _tile(point: StartingPoint) -> Tile:
    return Tile(
        key=point.key,
        title=point.title,
        line=takes(point.template),
        number=short(point.parameters) if point.parameters is not None else "",
        category=main_category(point.graph) if point.graph is not None else "",
        tip=f"{point.title}\n{point.summary}",
    )


PANEL = WelcomePanel
