"""The card on an empty canvas while the network of the run is a module of the person's own."""

from __future__ import annotations

from typing import Final

from imgui_bundle import ImVec2, imgui

from neuralforge.ui import icons, widgets
from neuralforge.ui.canvas.camera import Camera
from neuralforge.ui.canvas.overlay import EDGE_PX, overlay
from neuralforge.ui.kit import Kit
from neuralforge.ui.local import FocusPanel
from neuralforge.ui.memo import Memo
from neuralforge.ui.own_runs import card_figures, card_title, card_words, parameters_of
from neuralforge.ui.panel import Post
from neuralforge.workbench.view import RunView

_WIDTH_PX: Final = 440.0
_LOW_WIDTH_PX: Final = 760.0
_PAD_PX: Final = 18.0
_TILE_PX: Final = 40.0
_LINE_PX: Final = 20.0
_BUTTON_PX: Final = 32.0
_GAP_PX: Final = 14.0


class OwnCard:
    """Says what trains, how large it is, and what can be done with it here.

    Args:
        kit: The kit.
    """

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self._memo = Memo()

    def draw(self, run: RunView, camera: Camera, post: Post) -> None:
        """Draw the card in the middle of the canvas; words and buttons go where there is no room for them."""
        kit, t = self.kit, self.kit.theme
        room = camera.size[0] - kit.px(2 * EDGE_PX), camera.size[1] - kit.px(2 * EDGE_PX)
        title, figures = card_title(run), self._memo.get("figures", (run.modules,), lambda: card_figures(run))
        pad, gap = kit.px(_PAD_PX), kit.px(_GAP_PX)
        buttons = self._buttons(run)
        button_width = sum(self._width(label) for label, *_ in buttons) + kit.px(8) * max(0, len(buttons) - 1)
        width = min(room[0], kit.px(_WIDTH_PX))
        lines = self._lines(run, width - 2 * pad)
        head, words = 2 * pad + kit.px(_TILE_PX), gap + kit.px(_LINE_PX) * len(lines)
        height = head + words + (gap + kit.px(_BUTTON_PX) if buttons else 0.0)
        is_low = height > room[1]
        if is_low:  # a strip below the curves: buttons beside the head
            width = min(room[0], kit.px(_LOW_WIDTH_PX))
            lines = self._lines(run, width - 2 * pad)
            height = head + gap + kit.px(_LINE_PX) * len(lines)
            if height > room[1]:
                lines, height = (), head
        if height > room[1] or width < kit.px(150):
            return
        x = camera.at[0] + (camera.size[0] - width) / 2
        y = camera.at[1] + (camera.size[1] - height) * (0.5 if is_low else 0.45)
        beside = button_width + gap if is_low and width - button_width > kit.px(320) else 0.0
        with overlay(kit, "own", x, y, width, height, t.border, t.panel, 10):
            at = ImVec2(x + pad, y + pad)
            widgets.icon_tile(kit, icons.CODE, t.category("custom"), _TILE_PX, draw_at=at)
            left, end = at.x + kit.px(_TILE_PX + 14), x + width - pad - beside
            shown = widgets.shortened(kit, title, end - left, "semibold", 16)
            kit.draw_text(ImVec2(left, at.y), shown, t.text, "semibold", 16)
            shown = widgets.shortened(kit, figures, end - left, "mono", 13)
            kit.draw_text(ImVec2(left, at.y + kit.px(22)), shown, t.text3, "mono", 13)
            imgui.set_cursor_screen_pos(at)
            imgui.dummy(ImVec2(end - at.x, kit.px(_TILE_PX)))
            tip = "Learnable numbers, those of all modules together" if parameters_of(run) else ""
            widgets.tooltip(kit, f"{title}\n{tip}" if tip else title)
            top = at.y + kit.px(_TILE_PX) + gap
            for line in lines:
                kit.draw_text(ImVec2(at.x, top), line, t.text2, "regular", 14)
                top += kit.px(_LINE_PX)
            if is_low and not beside:
                buttons = ()
            where = ImVec2(end + gap, at.y + kit.px((_TILE_PX - _BUTTON_PX) / 2)) if is_low else ImVec2(at.x, top + gap)
            self._draw_buttons(buttons, where, post)
            if kit.marks.on:
                kit.marks.note("card/own", x, y, x + width, y + height)

    @staticmethod
    def _buttons(run: RunView) -> tuple[tuple[str, str, str, str], ...]:
        """Return label, icon, panel and tooltip of each."""
        found = []
        if run.modules:
            found.append(("Outline", icons.OUTLINE, "outline", "Show the tree of its modules"))
        if run.own_source:
            found.append(("Source", icons.CODE, "code", "Show its source, as far as it is known"))
        return tuple(found)

    def _width(self, label: str) -> float:
        return self.kit.text_size(label, "medium", 15).x + self.kit.px(24 + 26)

    def _draw_buttons(self, buttons: tuple[tuple[str, str, str, str], ...], at: ImVec2, post: Post) -> None:
        kit, x = self.kit, at.x
        for label, icon, panel, tip in buttons:
            imgui.set_cursor_screen_pos(ImVec2(x, at.y))
            width = self._width(label)
            if widgets.button(kit, label, icon, tip=tip, width_px=width / kit.scale, key=f"own-{panel}"):
                post(FocusPanel(panel))
            x += width + kit.px(8)

    def _lines(self, run: RunView, width: float) -> tuple[str, ...]:
        words = card_words(run)
        return self._memo.get(
            f"words {width}", (words, self.kit.scale),
            lambda: tuple(widgets.folded(self.kit, words, width, size_px=14)),
        )  # fmt: skip
