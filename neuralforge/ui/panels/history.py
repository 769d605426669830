"""What was changed, step by step: network, knobs, settings, data; a click goes back to any of them, or on again."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from imgui_bundle import ImVec2, imgui

from neuralforge.ui import icons, widgets
from neuralforge.ui.kit import Kit
from neuralforge.ui.numbers import plural
from neuralforge.ui.panel import Panel, Post
from neuralforge.ui.rows import listing, row, u32, visible, write, write_right
from neuralforge.workbench.commands import GoTo
from neuralforge.workbench.history import StepKind
from neuralforge.workbench.view import DocumentView, View

ROW_PX: Final = 29
OPENED: Final = "Opened"

KINDS: Final[Mapping[StepKind, tuple[str, str]]] = MappingProxyType(
    {
        "network": (icons.BUILD, "Network"),
        "knob": (icons.KNOBS, "Knob of the run"),
        "settings": (icons.SETTINGS, "Settings of the next run"),
        "data": (icons.DATA, "Data"),
    }
)
"""Icon of a step, and the words for it, by what it concerns."""


class HistoryPanel(Panel):
    """A line through time: what is done above the current step, what can be done again below it."""

    key = "history"
    title = "History"
    icon = icons.HISTORY
    docks = {"build": "right", "train": "hidden"}
    order = 20
    help = "All changes since the document was opened, also of knobs, settings and data; a click goes to any of them"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._followed: tuple[int, int] | None = None

    def draw(self, view: View, post: Post) -> None:
        """Draw the steps, the oldest first."""
        document = view.document
        if not document.history:
            words = "Changes of the network, of knobs, settings and data are listed here; a click takes you back."
            widgets.empty(self.kit, icons.HISTORY, "Nothing was changed yet", words)
            return
        later = len(document.history) - document.position
        hint = f"{later} to redo" if later else ""
        widgets.section(self.kit, plural(len(document.history), "change"), hint, line=False)
        with listing(self.kit, "##steps") as opened:
            if not opened:
                return
            self._follow(document.position, len(document.history))
            for place in visible(len(document.history) + 1, self.kit.px(ROW_PX)):
                self._draw_step(document, place, post)

    def _follow(self, position: int, count: int) -> None:
        """Keep the current step in sight when it has changed."""
        if self._followed == (position, count):
            return
        self._followed = position, count
        height = self.kit.px(ROW_PX)
        top, low, room = position * height, imgui.get_scroll_y(), imgui.get_window_size().y
        if top < low or top + height > low + room:
            imgui.set_scroll_y(max(0.0, top - (room - height) / 2))

    def _draw_step(self, document: DocumentView, place: int, post: Post) -> None:
        kit, t = self.kit, self.kit.theme
        position, count = document.position, len(document.history)
        label = document.history[place - 1] if place else f"{OPENED} {document.document.name}"
        now, done = place == position, place <= position
        found = row(kit, f"step/{place}", ROW_PX, chosen=now)
        middle = (found.at.y + found.end.y) / 2
        draw, x = imgui.get_window_draw_list(), found.at.x + kit.px(14)
        line, later = u32(t.border_strong), u32(t.border)
        if place:
            draw.add_line(ImVec2(x, found.at.y), ImVec2(x, middle), line if done else later, kit.px(1.5))
        if place < count:
            draw.add_line(ImVec2(x, middle), ImVec2(x, found.end.y), line if place < position else later, kit.px(1.5))
        centre = ImVec2(x, middle)
        if now:
            draw.add_circle_filled(centre, kit.px(5), u32(t.accent))
        elif done:
            draw.add_circle_filled(centre, kit.px(3.5), u32(t.text3))
        else:
            draw.add_circle_filled(centre, kit.px(3.5), u32(t.panel))
            draw.add_circle(centre, kit.px(3.5), u32(t.border_strong), 0, kit.px(1.5))
        right = found.end.x - kit.px(9)
        end = write_right(kit, right, middle, str(place), t.text3 if done else t.disabled) if place else right
        left = found.at.x + kit.px(30)
        ink = (t.text if now else t.text2) if done else t.disabled
        icon, concerns = KINDS[kind_of(document, place)] if place else (icons.FILE, "")
        symbol = kit.text_size(icon, "regular", 13).x
        write(kit, left + (kit.px(16) - symbol) / 2, middle, icon, t.text3 if done else t.disabled, "regular", 13)
        left += kit.px(24)
        shown = widgets.shortened(kit, label, end - left - kit.px(8), "medium" if now else "regular")
        write(kit, left, middle, shown, ink, "medium" if now else "regular")
        if found.hovered:
            tip = "Everything stands here" if now else "Go back to here" if done else "Do again up to here"
            keys = "Ctrl+Z" if place == position - 1 else "Ctrl+Y" if place == position + 1 else ""
            words = (label if shown != label else "", concerns, tip)
            widgets.tooltip(kit, "\n".join(part for part in words if part), keys)
        if kit.marks.on:
            kit.marks.note(f"step/{place}", found.at.x, found.at.y, found.end.x, found.end.y)
        if found.clicked and not now:
            post(GoTo(place))


def kind_of(document: DocumentView, place: int) -> StepKind:
    """Return what the step before a place, from 1, concerns."""
    return document.kinds[place - 1] if document.kinds else "network"


PANEL = HistoryPanel
