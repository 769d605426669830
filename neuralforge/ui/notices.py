"""What was said just now, shown for a moment at the lower right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui import icons, widgets
from neuralforge.ui.kit import Kit
from neuralforge.ui.local import FocusPanel
from neuralforge.ui.modal import shadow
from neuralforge.ui.panel import Post
from neuralforge.ui.readable import lines_of
from neuralforge.ui.theme import Color, Theme
from neuralforge.workbench.view import Level, LogLine, View

SHOWN_SECS: Final = 6.0
ERROR_SECS: Final = 12.0
HELD_SECS: Final = 2.0
"""How long a notice stays at least after the mouse has left it."""
FADE_SECS: Final = 0.12
MAX_SHOWN: Final = 3
MAX_LETTERS: Final = 230

_TEXT_PX: Final = 420
_LEAST_TEXT_PX: Final = 200
_PAD_PX: Final = 12
_ICON_PX: Final = 26
_BUTTON_PX: Final = 26
_GAP_PX: Final = 8
_EDGE_PX: Final = 14
_STATUS_BAR_PX: Final = 28
_LINK: Final = "see Console"

LEVEL_ICONS: Final = {"info": icons.INFO, "warning": icons.WARNING, "error": icons.ERROR}


def level_color(theme: Theme, level: Level) -> Color:
    """Return the colour of a level."""
    return {"info": theme.accent, "warning": theme.warning, "error": theme.danger}[level]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that is shown for a moment.

    Args:
        number: Grows from one to the next.
        level: How grave it is.
        text: The whole of it.
        shown: What is shown of it.
        since_secs: When it came.
        until_secs: When it goes.
    """

    number: int
    level: Level
    text: str
    shown: str
    since_secs: float
    until_secs: float

    @property
    def is_cut(self) -> bool:
        """Whether there is more of it in the console."""
        return self.shown.endswith("\u2026") and not self.text.endswith("\u2026")

    def opacity(self, now_secs: float) -> float:
        """Return how far it has faded in, or is not faded out yet."""
        return max(0.0, min(1.0, (now_secs - self.since_secs) / FADE_SECS, (self.until_secs - now_secs) / FADE_SECS))


def cut(text: str) -> str:
    """Return the part of a text that fits on a notice: at most four lines, and `MAX_LETTERS` letters."""
    lines = lines_of(text)
    words = "\n".join(lines[:4])
    if len(words) > MAX_LETTERS:
        words = (
            words[:MAX_LETTERS].rsplit(" ", 1)[0]
            if " " in words[MAX_LETTERS // 2 : MAX_LETTERS]
            else words[:MAX_LETTERS]
        )
        return words.rstrip() + "\u2026"
    return words + "\u2026" if len(lines) > 4 else words


class Pile:
    """The notices that can be seen, the oldest first."""

    def __init__(self) -> None:
        self._notices: tuple[Notice, ...] = ()
        self._seen = 0

    def see(self, lines: Sequence[LogLine], now_secs: float) -> None:
        """Take what was said since the last time; and let go of what was shown long enough.

        Args:
            lines: All that was said, the newest last.
            now_secs: The time.
        """
        self._notices = tuple(item for item in self._notices if now_secs < item.until_secs)
        fresh: list[LogLine] = []
        for line in reversed(lines):
            if line.number <= self._seen or len(fresh) == MAX_SHOWN:
                break
            if line.notice:
                fresh.append(line)
        self._seen = max(self._seen, lines[-1].number if lines else 0)
        for line in reversed(fresh):
            self._notices = tuple(item for item in self._notices if (item.level, item.text) != (line.level, line.text))
            stays_secs = ERROR_SECS if line.level == "error" else SHOWN_SECS
            self._notices += (
                Notice(line.number, line.level, line.text, cut(line.text), now_secs, now_secs + stays_secs),
            )
        self._notices = self._notices[-MAX_SHOWN:]

    @property
    def shown(self) -> tuple[Notice, ...]:
        """The notices."""
        return self._notices

    def hold(self, number: int, now_secs: float) -> None:
        """Keep a notice for a while longer, because the mouse is on it."""
        self._notices = tuple(
            replace(item, until_secs=max(item.until_secs, now_secs + HELD_SECS)) if item.number == number else item
            for item in self._notices
        )

    def dismiss(self, number: int) -> None:
        """Take a notice away."""
        self._notices = tuple(item for item in self._notices if item.number != number)


class Notices:
    """Draws the notices above the status bar.

    Args:
        kit: The means of drawing.

    Attributes:
        pile: What is shown.
    """

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.pile = Pile()

    def draw(self, view: View, post: Post) -> None:
        """Draw what was said in the last seconds."""
        now_secs = imgui.get_time()
        self.pile.see(view.log, now_secs)
        if not self.pile.shown:
            return
        kit, viewport = self.kit, imgui.get_main_viewport()
        corner = viewport.pos + viewport.size - kit.vec(_EDGE_PX, _EDGE_PX)
        if not view.welcome:
            corner -= kit.vec(0, _STATUS_BAR_PX)
        for notice in reversed(self.pile.shown):
            height = self._draw_one(notice, corner, now_secs, post)
            corner -= ImVec2(0, height + kit.px(_GAP_PX))

    def _draw_one(self, notice: Notice, corner: ImVec2, now_secs: float, post: Post) -> float:
        """Draw one with its lower right corner at a place; returns its height in pixels of the screen."""
        kit, t = self.kit, self.kit.theme
        with kit.font("regular", 15):
            words = imgui.calc_text_size(notice.shown, False, kit.px(_TEXT_PX) + 1)  # as it is drawn
        link_height = kit.text_size(_LINK, "medium", 14).y + kit.px(6) if notice.is_cut else 0.0
        buttons = kit.px(_BUTTON_PX) * (2 if notice.level == "error" else 1) + kit.px(4)
        words_width = max(words.x, kit.px(_LEAST_TEXT_PX))
        width = kit.px(2 * _PAD_PX + _ICON_PX) + words_width + kit.px(10) + buttons - kit.px(4)
        height = max(words.y + link_height + kit.px(2 * _PAD_PX), kit.px(46))
        size = ImVec2(round(width), round(height))
        flags = (
            imgui.WindowFlags_.no_decoration
            | imgui.WindowFlags_.no_docking
            | imgui.WindowFlags_.no_move
            | imgui.WindowFlags_.no_saved_settings
            | imgui.WindowFlags_.no_focus_on_appearing
            | imgui.WindowFlags_.no_nav
        )
        imgui.set_next_window_pos(corner - size)
        imgui.set_next_window_size(size)
        color = level_color(t, notice.level)
        opacity = 1.0 if kit.reduce_motion else max(0.02, notice.opacity(now_secs))
        with (
            imgui_ctx.push_style_var(imgui.StyleVar_.alpha, opacity),
            imgui_ctx.push_style_var(imgui.StyleVar_.window_rounding, kit.px(8)),
            imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, ImVec2(0, 0)),
            imgui_ctx.push_style_color(imgui.Col_.window_bg, kit.vec4(t.elevated)),
            imgui_ctx.begin(f"##notice {notice.number}", None, flags) as opened,
        ):
            if not opened:
                return size.y
            self._stay_on_top()
            self._draw_ground(color, opacity)
            hovered = imgui.is_window_hovered(imgui.HoveredFlags_.child_windows)
            if hovered:
                self.pile.hold(notice.number, now_secs)
            top = kit.px(_PAD_PX) if words.y + link_height > kit.px(24) else (size.y - words.y) / 2
            at = imgui.get_window_pos()
            faded = color.fade(opacity)
            kit.draw_text(at + ImVec2(kit.px(_PAD_PX), top), LEVEL_ICONS[notice.level], faded, "regular", 15)
            imgui.set_cursor_pos(ImVec2(kit.px(_PAD_PX + _ICON_PX), top))
            with kit.font("regular", 15):
                imgui.push_text_wrap_pos(imgui.get_cursor_pos_x() + kit.px(_TEXT_PX) + 1)
                imgui.text_unformatted(notice.shown)
                imgui.pop_text_wrap_pos()
            if notice.is_cut:
                imgui.set_cursor_pos(ImVec2(kit.px(_PAD_PX + _ICON_PX), top + words.y + kit.px(5)))
                if widgets.link(kit, _LINK, "Show the whole text in the console"):
                    post(FocusPanel("console"))
                    self.pile.dismiss(notice.number)
            self._draw_buttons(notice, size, buttons)
            if kit.marks.on:
                kit.marks.note(f"notice/{notice.number}", at.x, at.y, at.x + size.x, at.y + size.y)
        return size.y

    def _draw_buttons(self, notice: Notice, size: ImVec2, buttons: float) -> None:
        kit = self.kit
        imgui.set_cursor_pos(ImVec2(size.x - buttons - kit.px(4), kit.px(10)))
        if notice.level == "error":
            key = f"copy-notice-{notice.number}"
            if widgets.icon_button(kit, icons.COPY, key, "Copy the message", size_px=_BUTTON_PX):
                imgui.set_clipboard_text("\n".join(lines_of(notice.text)))
            imgui.same_line(0, 0)
        key = f"close-notice-{notice.number}"
        if widgets.icon_button(kit, icons.CLOSE, key, "Close", size_px=_BUTTON_PX):
            self.pile.dismiss(notice.number)

    def _draw_ground(self, color: Color, opacity: float) -> None:
        kit = self.kit
        low = imgui.get_window_pos()
        high = low + imgui.get_window_size()
        draw = imgui.get_window_draw_list()
        if opacity > 0.9:
            shadow(kit, low, high, 8)
        draw.add_rect_filled(low, high, color.fade(0.09 * opacity).u32, kit.px(8))
        draw.add_rect(low, high, color.fade(0.45 * opacity).u32, kit.px(8), 1)

    @staticmethod
    def _stay_on_top() -> None:
        """Keep above the panels, but under menus and dialogs."""
        any_popup = imgui.PopupFlags_.any_popup_id | imgui.PopupFlags_.any_popup_level
        if not imgui.is_popup_open("", any_popup):
            imgui.internal.bring_window_to_display_front(imgui.internal.get_current_window())
