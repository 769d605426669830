"""The console: everything the window has said, with levels, and messages of many lines to unfold."""

from __future__ import annotations

from typing import Final

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui import icons, numbers, widgets
from neuralforge.ui.console_rows import Row, Shown, count_levels, rows_of, text_of
from neuralforge.ui.kit import Kit
from neuralforge.ui.memo import Memo
from neuralforge.ui.notices import LEVEL_ICONS, level_color
from neuralforge.ui.panel import Panel, Post
from neuralforge.ui.rows import write
from neuralforge.workbench.view import LogLine, View

ROW_PX: Final = 24
_TIME_PX: Final = 70
_TEXT_PX: Final = 98
_COPY_PX: Final = 30
_FIELD_PX: Final = 260
_LEVEL_TIPS: Final = {
    "all": "Show every line",
    "warnings": "Show warnings and errors alone",
    "errors": "Show errors alone",
}


class ConsolePanel(Panel):
    """Lists the lines of the log; the newest stays in sight unless one has scrolled up."""

    key = "console"
    title = "Console"
    icon = icons.CONSOLE
    docks = {"build": "bottom", "train": "bottom"}
    order = 60
    help = "What the window has said: files, faults, refusals, with their details"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._memo = Memo()
        self._shown: Shown = "all"
        self._query = ""
        self._unfolded: frozenset[int] = frozenset()
        self._selected = 0
        self._last = 0
        self._at_end = True

    def draw(self, view: View, post: Post) -> None:
        """Draw the lines, or say what comes here."""
        if not view.log:
            widgets.empty(
                self.kit, icons.CONSOLE, "Nothing was said yet", "What is saved, refused or fails is told here."
            )
            return
        width = imgui.get_content_region_avail().x
        letter = self.kit.text_size("0" * 100, "mono", 13).x / 100
        letters = max(20, int((width - self.kit.px(_TEXT_PX + _COPY_PX)) / letter))
        stamp = (view.log, self._shown, self._query, self._unfolded, letters)
        rows = self._memo.get("rows", stamp, lambda: rows_of(*stamp))
        self._draw_head(view.log, rows)
        if not rows:
            widgets.empty(self.kit, icons.FILTER, "No such lines", "No line has this level and these words.")
            return
        self._draw_list(view.log, rows)

    def _draw_head(self, log: tuple[LogLine, ...], rows: tuple[Row, ...]) -> None:
        kit = self.kit
        warnings, errors = self._memo.get("levels", (log,), lambda: count_levels(log))
        start, width = imgui.get_cursor_pos(), imgui.get_content_region_avail().x
        options = (
            ("all", "All", ""),
            ("warnings", f"Warnings {warnings + errors:,}" if warnings + errors else "Warnings", ""),
            ("errors", f"Errors {errors:,}" if errors else "Errors", ""),
        )
        clicked = widgets.segmented(kit, "console-level", options, self._shown, tips=_LEVEL_TIPS)
        if clicked is not None:
            self._shown = clicked  # type: ignore[assignment]
        used = imgui.get_item_rect_max().x - imgui.get_window_pos().x
        field = min(kit.px(_FIELD_PX), max(kit.px(60), start.x + width - used - kit.px(60)))
        imgui.set_cursor_pos(ImVec2(start.x + width - field - kit.px(40), start.y))
        with imgui_ctx.begin_child("##filter", ImVec2(field, kit.px(34))):
            tip = "Show the lines with this text alone"
            self._query = widgets.search_field(kit, "console", self._query, "Filter lines", tip=tip)
        imgui.set_cursor_pos(ImVec2(start.x + width - kit.px(32), start.y))
        lines = sum(not row.part for row in rows)
        tip = f"Copy {numbers.plural(lines, 'line')}"
        if widgets.icon_button(kit, icons.COPY, "copy-console", tip, enabled=bool(rows), size_px=32):
            _copy(rows)

    def _draw_list(self, log: tuple[LogLine, ...], rows: tuple[Row, ...]) -> None:
        kit = self.kit
        with (
            imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(0, 0)),
            imgui_ctx.begin_child("##lines", imgui.get_content_region_avail()),
        ):
            clipper = imgui.ListClipper()
            clipper.begin(len(rows), kit.px(ROW_PX))
            while clipper.step():
                for place in range(clipper.display_start, clipper.display_end):
                    self._draw_row(rows[place], rows)
            clipper.end()
            if self._at_end and log[-1].number != self._last:
                imgui.set_scroll_here_y(1.0)
            else:
                self._at_end = imgui.get_scroll_y() >= imgui.get_scroll_max_y() - 1
            self._last = log[-1].number
            self._copy_by_key(rows)

    def _copy_by_key(self, rows: tuple[Row, ...]) -> None:
        keys = int(imgui.Key.mod_ctrl) | int(imgui.Key.c)
        if self._selected and imgui.is_window_focused() and imgui.is_key_chord_pressed(keys):
            line = next((row.line for row in rows if row.line.number == self._selected), None)
            if line is not None:
                imgui.set_clipboard_text(text_of(line))

    def _draw_row(self, row: Row, rows: tuple[Row, ...]) -> None:
        kit, t, line = self.kit, self.kit.theme, row.line
        at = imgui.get_cursor_screen_pos()
        size = ImVec2(max(1.0, imgui.get_content_region_avail().x), kit.px(ROW_PX))
        pressed = imgui.invisible_button(f"##{line.number}/{row.part}", size, imgui.ButtonFlags_.enable_nav)
        hovered, end, middle = imgui.is_item_hovered(), at + size, at.y + size.y / 2
        on_copy = hovered and not row.part and imgui.get_mouse_pos().x > end.x - kit.px(_COPY_PX)
        focused = imgui.is_item_focused() and imgui.get_io().nav_visible
        if pressed and on_copy:
            imgui.set_clipboard_text(text_of(line))
        elif pressed:
            self._press(row)
        self._draw_menu(row, rows)
        draw = imgui.get_window_draw_list()
        color = level_color(t, line.level)
        if line.level != "info":
            draw.add_rect_filled(at, end, color.fade(0.055).u32)
        if line.number == self._selected or (hovered and not row.part):
            draw.add_rect_filled(at, end, t.text.fade(0.07 if line.number == self._selected else 0.04).u32)
        if focused:
            draw.add_rect(at, end, t.accent.u32, kit.px(4), kit.px(1.5))
        x = at.x + kit.px(_TEXT_PX)
        if row.part:
            write(kit, x, middle, row.text, t.text2, "mono", 13)
            return
        write(kit, at.x + kit.px(6), middle, line.time_text, t.text3, "mono", 13)
        write(kit, at.x + kit.px(_TIME_PX + 6), middle, LEVEL_ICONS[line.level], color, "regular", 13)
        if row.folds:
            write(kit, x, middle, icons.DOWN if row.open else icons.RIGHT, t.text3, "regular", 12)
            x += kit.px(18)
        text = widgets.shortened(kit, row.text, end.x - kit.px(_COPY_PX) - x, "regular", 14)
        write(kit, x, middle, text, t.text if line.level == "info" else color, "regular", 14)
        if hovered:
            write(kit, end.x - kit.px(23), middle, icons.COPY, t.text if on_copy else t.text3, "regular", 13)
            widgets.tooltip(
                kit, "Copy the line" if on_copy else "Click to unfold" if row.folds and not row.open else ""
            )
        if kit.marks.on:
            kit.marks.note(f"line/{line.number}", at.x, at.y, end.x, end.y)

    def _press(self, row: Row) -> None:
        number = row.line.number
        self._selected = number
        if row.folds:
            self._unfolded ^= {number}
            self._at_end = False

    def _draw_menu(self, row: Row, rows: tuple[Row, ...]) -> None:
        key = f"##menu {row.line.number}/{row.part}"
        imgui.open_popup_on_item_click(key, imgui.PopupFlags_.mouse_button_right)
        with widgets.popup_look(self.kit), imgui_ctx.begin_popup(key) as menu:
            if menu:
                if widgets.menu_item(self.kit, "Copy line", "Put this line into the clipboard, with its details"):
                    imgui.set_clipboard_text(text_of(row.line))
                if widgets.menu_item(self.kit, "Copy all lines", "Put all lines that are listed into the clipboard"):
                    _copy(rows)


def _copy(rows: tuple[Row, ...]) -> None:
    imgui.set_clipboard_text("\n".join(text_of(row.line) for row in rows if not row.part))


PANEL = ConsolePanel
