"""The command palette: everything that can be done, found by a few letters, with the keyboard alone."""

from __future__ import annotations

from typing import Final

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui import icons, widgets
from neuralforge.ui.actions import DEFAULT_RUN_N, perform
from neuralforge.ui.command_items import Item, find, items_of
from neuralforge.ui.kit import Face, Kit
from neuralforge.ui.memo import Memo
from neuralforge.ui.modal import MARGIN_PX, clicked_outside, enter_pressed, escape_pressed, modal
from neuralforge.ui.panel import Post
from neuralforge.ui.readable import one_line
from neuralforge.ui.rows import tile, write, write_right
from neuralforge.ui.style import CLEAR
from neuralforge.workbench.view import View

WIDTH_PX: Final = 620
TOP_PX: Final = 92
ROW_PX: Final = 36
ROWS: Final = 11
"""So many are in sight, where the window is high enough."""
MAX_RECENT: Final = 8

_FIELD_PX: Final = 50
_FOOT_PX: Final = 34
_INSET_PX: Final = 8


class CommandPalette:
    """Lists what can be done and posts what is chosen.

    Args:
        kit: The means of drawing.

    Attributes:
        recent: Keys of what was chosen in this session, the newest first.
    """

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.recent: tuple[str, ...] = ()
        self._memo = Memo()
        self._query = ""
        self._marked = 0
        self._reveal = False
        self._rows = ROWS

    def open(self) -> None:
        """Begin anew, with an empty query."""
        self._query, self._marked, self._reveal = "", 0, True

    def draw(self, view: View, post: Post, run_n: int = DEFAULT_RUN_N) -> bool:
        """Draw the palette.

        Args:
            view: What there is.
            post: Asks for something.
            run_n: How many steps "Run N" makes.

        Returns:
            Whether it stays open.
        """
        kit = self.kit
        room_px = imgui.get_main_viewport().work_size.y / kit.scale
        bare_px = _FIELD_PX + 2 * _INSET_PX + _FOOT_PX
        top_px = min(TOP_PX, room_px * 0.12)
        self._rows = max(2, min(ROWS, int((room_px - top_px - MARGIN_PX - bare_px) / ROW_PX)))
        height_px = bare_px + self._rows * ROW_PX
        quiet = imgui.WindowFlags_.no_nav
        with modal(kit, "commands", WIDTH_PX, height_px, top_px=top_px, padding_px=(0, 0), flags=quiet) as visible:
            if not visible:
                return True
            self._draw_field()
            found = self._found(view)
            self._move(len(found))
            chosen = self._draw_list(found, view, run_n)
            self._draw_foot(found, view)
            if chosen is None and found and enter_pressed():
                chosen = found[self._marked]
            if chosen is not None and chosen.why_not(view) is None:
                self._perform(chosen, view, post, run_n)
                return False
            return not (escape_pressed() or clicked_outside())

    def forget(self) -> None:
        """Let go of what was listed."""
        self._memo.clear()

    def _found(self, view: View) -> tuple[Item, ...]:
        stamp = (view.document.document.graph, view.data_choices, view.recent, view.starting_points)
        items = self._memo.get("items", stamp, lambda: items_of(view))
        return self._memo.get("found", (items, self._query, self.recent), lambda: find(self._query, items, self.recent))

    def _perform(self, item: Item, view: View, post: Post, run_n: int) -> None:
        self.recent = (item.key, *(key for key in self.recent if key != item.key))[:MAX_RECENT]
        if item.action is not None:
            perform(item.action, view, post, run_n)
            return
        made = item.make(view)
        for command in made if isinstance(made, tuple) else (made,):
            if command is not None:
                post(command)

    def _draw_field(self) -> None:
        kit, t = self.kit, self.kit.theme
        low = imgui.get_window_pos()
        width = imgui.get_window_size().x
        imgui.set_cursor_pos(kit.vec(44, 8))
        if not imgui.is_any_item_active():
            imgui.set_keyboard_focus_here()
        imgui.set_next_item_width(width - kit.px(44 + 14))
        with (
            imgui_ctx.push_style_color(imgui.Col_.frame_bg, kit.vec4(CLEAR)),
            imgui_ctx.push_style_color(imgui.Col_.frame_bg_hovered, kit.vec4(CLEAR)),
            imgui_ctx.push_style_color(imgui.Col_.frame_bg_active, kit.vec4(CLEAR)),
            imgui_ctx.push_style_color(imgui.Col_.text_disabled, kit.vec4(t.text3)),
            imgui_ctx.push_style_var(imgui.StyleVar_.frame_padding, kit.vec(0, 8)),
            kit.font("regular", 17),
        ):
            hint = "Type a command, a layer, a node or a data set"
            changed, self._query = imgui.input_text_with_hint("##query", hint, self._query)
        if changed:
            self._marked, self._reveal = 0, True
        write(kit, low.x + kit.px(19), low.y + kit.px(_FIELD_PX / 2), icons.SEARCH, t.text3, "regular", 15)
        self._hairline(_FIELD_PX)

    def _hairline(self, y_px: float) -> None:
        low, width = imgui.get_window_pos(), imgui.get_window_size().x
        y = low.y + self.kit.px(y_px)
        imgui.get_window_draw_list().add_line(ImVec2(low.x, y), ImVec2(low.x + width, y), self.kit.theme.border.u32, 1)

    def _move(self, count: int) -> None:
        """Follow the arrow keys."""
        steps = (
            (imgui.Key.down_arrow, 1),
            (imgui.Key.up_arrow, -1),
            (imgui.Key.page_down, self._rows - 1),
            (imgui.Key.page_up, 1 - self._rows),
        )
        for key, by in steps:
            if imgui.is_key_pressed(key) and count:
                at = self._marked + by
                self._marked = at % count if abs(by) == 1 else min(count - 1, max(0, at))
                self._reveal = True
        self._marked = min(self._marked, max(0, count - 1))

    def _draw_list(self, found: tuple[Item, ...], view: View, run_n: int) -> Item | None:
        """Draw the list and return what was clicked."""
        kit = self.kit
        imgui.set_cursor_pos(kit.vec(_INSET_PX, _FIELD_PX + _INSET_PX))
        size = ImVec2(imgui.get_window_size().x - kit.px(2 * _INSET_PX), kit.px(self._rows * ROW_PX))
        clicked = None
        with (
            imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(0, 0)),
            imgui_ctx.begin_child("##list", size, window_flags=imgui.WindowFlags_.no_nav),
        ):
            if not found:
                words = f"Nothing is called \u201c{self._query.strip()}\u201d"
                line = "A few letters are enough: the start of a word, or letters in between."
                widgets.empty(
                    kit, icons.SEARCH, widgets.shortened(kit, words, size.x - kit.px(40), "semibold", 16), line
                )
                return None
            if self._reveal:
                self._scroll(size.y)
            clipper = imgui.ListClipper()
            clipper.begin(len(found), kit.px(ROW_PX))
            while clipper.step():
                for place in range(clipper.display_start, clipper.display_end):
                    if self._draw_row(found[place], place, view, run_n):
                        clicked = found[place]
            clipper.end()
        return clicked

    def _scroll(self, height: float) -> None:
        """Bring the marked row into sight."""
        self._reveal = False
        top = self._marked * self.kit.px(ROW_PX)
        bottom = top + self.kit.px(ROW_PX)
        now = imgui.get_scroll_y()
        if top < now:
            imgui.set_scroll_y(top)
        elif bottom > now + height:
            imgui.set_scroll_y(bottom - height)

    def _draw_row(self, item: Item, place: int, view: View, run_n: int) -> bool:
        kit, t = self.kit, self.kit.theme
        at = imgui.get_cursor_screen_pos()
        size = ImVec2(imgui.get_content_region_avail().x, kit.px(ROW_PX))
        pressed = imgui.invisible_button(f"##{item.key}", size)
        hovered, delta = imgui.is_item_hovered(), imgui.get_io().mouse_delta
        if hovered and (delta.x or delta.y):
            self._marked = place
        why_not = item.why_not(view)
        end, middle = at + size, at.y + size.y / 2
        if place == self._marked:
            low, high = at + kit.vec(0, 1), end - kit.vec(0, 1)
            imgui.get_window_draw_list().add_rect_filled(low, high, t.accent.fade(0.16).u32, kit.px(6))
        color = t.category(item.category) if item.category else t.text2
        tile(kit, at.x + kit.px(10), middle, item.icon or icons.RIGHT, color if why_not is None else t.disabled)
        right = end.x - kit.px(12)
        room = size.x - kit.px(42 + 12)
        aside = item.hint if why_not is None else widgets.shortened(kit, one_line(why_not), room * 0.5, "regular", 13)
        if aside:
            face: Face = "mono" if why_not is None else "regular"
            left = write_right(kit, right, middle, aside, t.text3, face, 13)
            room -= right - left + kit.px(16)
        title = widgets.shortened(kit, item.label(view, run_n), room, "medium", 15)
        x = at.x + kit.px(42)
        write(kit, x, middle, title, t.text if why_not is None else t.disabled, "medium", 15)
        x += kit.text_size(title, "medium", 15).x + kit.px(10)
        if x + kit.text_size(item.place, "regular", 13).x < at.x + kit.px(42) + room:
            write(kit, x, middle + kit.px(0.5), item.place, t.text3, "regular", 13)
        if kit.marks.on:
            kit.marks.note(f"command/{item.key}", at.x, at.y, end.x, end.y)
        return bool(pressed)

    def _draw_foot(self, found: tuple[Item, ...], view: View) -> None:
        """Say what the marked line does, and which keys there are."""
        kit, t = self.kit, self.kit.theme
        top = _FIELD_PX + 2 * _INSET_PX + self._rows * ROW_PX
        self._hairline(top)
        low, size = imgui.get_window_pos(), imgui.get_window_size()
        middle = low.y + kit.px(top + _FOOT_PX / 2)
        left = write_right(kit, low.x + size.x - kit.px(18), middle, "Enter  Esc", t.text3)
        if found:
            room = left - low.x - kit.px(18 + 24)
            tip = widgets.shortened(kit, found[self._marked].tip, room, "regular", 13)
            write(kit, low.x + kit.px(18), middle, tip, t.text2, "regular", 13)
