"""The intervention log of a run: who turned what, when, and what became of it."""

from __future__ import annotations

from typing import Final

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui import icons, widgets
from neuralforge.ui.event_rows import Change, EventRow, Ledger, row_of
from neuralforge.ui.kit import Kit
from neuralforge.ui.local import FocusPanel, Local, ShowEvent, ShowStep
from neuralforge.ui.panel import Panel, Post
from neuralforge.ui.theme import Color
from neuralforge.workbench.knobs import Knob
from neuralforge.workbench.view import View

ROW_PX: Final = 24
NARROW_PX: Final = 820
_COLUMNS: Final = (  # title, width, width in a narrow panel (0: a share of the rest), share, right-aligned
    ("Step", 84, 68, 0, True),
    ("Epoch", 62, 52, 0, True),
    ("Change", 0, 0, 2.2, False),
    ("From", 96, 72, 0, True),
    ("To", 110, 86, 0, True),
    ("By", 72, 50, 0, False),
    ("Status", 0, 72, 1.9, False),
)


class EventsPanel(Panel):
    """A table of all changes of a run, the newest first."""

    key = "events"
    title = "Events"
    icon = icons.LIST
    docks = {"build": "hidden", "train": "bottom"}
    order = 10
    help = "Everything that was changed while the run trained: by whom, when, and what became of it"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._ledger = Ledger()
        self._run_id = ""
        self._rows: dict[int, EventRow] = {}
        self._shown: tuple[EventRow, ...] = ()
        self._listed: tuple[Change, ...] = ()
        self._knobs: tuple[Knob, ...] = ()
        self._words = ""
        self._filter = ""
        self._selected = 0
        self._scroll_to = 0

    def draw(self, view: View, post: Post) -> None:
        """Draw the table, or what it is for while it is empty."""
        run = view.run
        if run is None:
            widgets.empty(self.kit, icons.LIST, "No events", "What you change while a run trains is listed here.")
            return
        if run.run_id != self._run_id:
            self._run_id, self._selected, self._ledger = run.run_id, 0, Ledger()
            self._rows.clear()
        self._ledger.update(run.events)
        if not self._ledger.changes:
            words = "Turn a knob, freeze a layer or pause: each change is listed here." if run.live else ""
            widgets.empty(self.kit, icons.LIST, "No events", words or "Nothing was changed while this run trained.")
            return
        self._update(view)
        self._draw_head()
        self._draw_table(post)

    def take(self, command: Local) -> bool:
        """Point at an event."""
        if not isinstance(command, ShowEvent):
            return False
        self._selected = self._scroll_to = command.sequence
        return True

    def _update(self, view: View) -> None:
        """Make the rows anew where something has changed."""
        knobs = view.knobs.knobs
        if self._knobs != knobs:  # the knobs themselves are the same from frame to frame, their tuple is not
            self._knobs = knobs
            self._rows.clear()
        elif self._listed is self._ledger.changes and self._words == self._filter:
            return
        self._listed, self._words = self._ledger.changes, self._filter
        titles = {knob.key: knob.title for knob in view.knobs.knobs}
        words = self._filter.casefold().split()
        shown = []
        for change in reversed(self._ledger.changes):
            row = self._rows.get(change.sequence)
            if row is None:
                row = self._rows[change.sequence] = row_of(change, titles)
            if not words or row.matches(words):
                shown.append(row)
        self._shown = tuple(shown)

    def _draw_head(self) -> None:
        kit = self.kit
        total, shown = len(self._ledger.changes), len(self._shown)
        words = f"{total:,} change{'s' if total != 1 else ''}"
        refused = sum(change.status == "rejected" for change in self._ledger.changes)
        if self._filter:
            words = f"{shown:,} of {words}"
        elif refused:
            words = f"{words}, {refused:,} refused"
        start = imgui.get_cursor_pos()
        width = imgui.get_content_region_avail().x
        field = min(kit.px(260), width * 0.5)
        imgui.set_cursor_pos(ImVec2(start.x, start.y + kit.px(7)))
        widgets.text(kit, words, kit.theme.text3, size_px=14)
        imgui.set_cursor_pos(ImVec2(start.x + width - field, start.y - kit.px(2)))
        with imgui_ctx.begin_child("##filter", ImVec2(field, kit.px(32))):
            self._filter = widgets.search_field(
                kit, "events", self._filter, "Filter events", tip="Show the changes with this text alone"
            )

    def _draw_table(self, post: Post) -> None:
        kit = self.kit
        flags = imgui.TableFlags_.scroll_y | imgui.TableFlags_.row_bg | imgui.TableFlags_.sizing_stretch_prop
        with imgui_ctx.begin_table("##events", len(_COLUMNS), flags, imgui.get_content_region_avail()) as table:
            if not table:
                return
            narrow = imgui.get_content_region_avail().x < kit.px(NARROW_PX)
            for title, wide_px, narrow_px, share, _ in _COLUMNS:
                width = narrow_px if narrow else wide_px
                fixed = imgui.TableColumnFlags_.width_fixed if width else imgui.TableColumnFlags_.width_stretch
                imgui.table_setup_column(title, fixed, kit.px(width) if width else share)
            imgui.table_setup_scroll_freeze(0, 1)
            imgui.table_next_row(imgui.TableRowFlags_.headers, kit.px(ROW_PX))
            for place, (title, _, _, _, right) in enumerate(_COLUMNS):
                imgui.table_set_column_index(place)
                self._cell(title, kit.theme.text3, right=right, face="regular")
            clipper = imgui.ListClipper()
            clipper.begin(len(self._shown), kit.px(ROW_PX))
            if self._scroll_to:
                for place, row in enumerate(self._shown):
                    if row.change.sequence == self._scroll_to:
                        clipper.include_item_by_index(place)
            while clipper.step():
                for place in range(clipper.display_start, clipper.display_end):
                    self._draw_row(self._shown[place], post)
            clipper.end()
        self._scroll_to = 0

    def _draw_row(self, row: EventRow, post: Post) -> None:
        kit, t, change = self.kit, self.kit.theme, row.change
        imgui.table_next_row(imgui.TableRowFlags_.none, kit.px(ROW_PX))
        imgui.table_set_column_index(0)
        at = imgui.get_cursor_screen_pos()
        flags = imgui.SelectableFlags_.span_all_columns | imgui.SelectableFlags_.allow_overlap
        size = ImVec2(0, kit.px(ROW_PX) - 2 * imgui.get_style().cell_padding.y)
        chosen = change.sequence == self._selected
        clicked, _ = imgui.selectable(f"##row {change.sequence}", chosen, flags, size)
        if clicked:
            self._selected = change.sequence
            post(ShowStep(change.step))
            post(FocusPanel("curves"))
        if self._scroll_to == change.sequence:
            imgui.set_scroll_here_y(0.5)
        if kit.marks.on:
            low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
            kit.marks.note(f"event/{change.sequence}", low.x, low.y, high.x, high.y)
        explanation = "\n".join(part for part in (row.why, row.hint and f"{row.hint} in one drag") if part)
        widgets.tooltip(kit, explanation or "Click to see this step in the curves; right-click to copy")
        self._draw_menu(row)
        imgui.set_cursor_screen_pos(at)
        self._cell(row.step, t.text, right=True)
        imgui.table_next_column()
        self._cell(row.epoch, t.text2, right=True)
        imgui.table_next_column()
        tone = {"knob": t.accent, "freeze": t.info, "danger": t.danger, "plain": t.text3}[change.tone]
        place = imgui.get_cursor_screen_pos()
        imgui.get_window_draw_list().add_circle_filled(place + kit.vec(5, 8), kit.px(4), tone.u32)
        room = imgui.get_content_region_avail().x - kit.px(18)
        title = widgets.shortened(kit, row.title, room, "regular", 15)
        kit.draw_text(place + kit.vec(18, -1), title, t.text, "regular", 15)
        taken = kit.text_size(title, "regular", 15).x + kit.px(10)
        if row.hint and taken + kit.text_size(row.hint, "regular", 13).x < room:
            kit.draw_text(ImVec2(place.x + kit.px(18) + taken, place.y), row.hint, t.text3, "regular", 13)
        imgui.table_next_column()
        self._cell(row.old, t.text2, right=True)
        imgui.table_next_column()
        self._cell(row.new, t.text, right=True)
        imgui.table_next_column()
        self._cell(row.actor, t.text2, face="regular")
        imgui.table_next_column()
        ink = {"rejected": t.danger, "queued": t.warning}.get(change.status, t.text2)
        place, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
        kit.draw_text(place + kit.vec(0, -1), row.status, ink, "regular", 14)
        taken = kit.text_size(row.status, "regular", 14).x + kit.px(12)
        if row.why and room - taken > kit.px(40):
            why = widgets.shortened(kit, row.why, room - taken, "regular", 14)
            kit.draw_text(ImVec2(place.x + taken, place.y - kit.px(1)), why, t.text3, "regular", 14)

    def _draw_menu(self, row: EventRow) -> None:
        kit = self.kit
        key = f"##menu {row.change.sequence}"
        imgui.open_popup_on_item_click(key, imgui.PopupFlags_.mouse_button_right)
        with widgets.popup_look(kit), imgui_ctx.begin_popup(key) as menu:
            if menu:
                if widgets.menu_item(kit, "Copy row", "Put this change into the clipboard"):
                    imgui.set_clipboard_text(row.text)
                if widgets.menu_item(kit, "Copy all rows", "Put all changes that are listed into the clipboard"):
                    imgui.set_clipboard_text("\n".join(item.text for item in self._shown))

    def _cell(self, words: str, color: Color, *, right: bool = False, face: str = "mono") -> None:
        """Write into a cell, outside of the layout, since a selectable covers the row."""
        kit = self.kit
        mono = face == "mono"
        at = imgui.get_cursor_screen_pos()
        if right:
            width = kit.text_size(words, "mono" if mono else "regular", 13 if mono else 14).x
            at = ImVec2(at.x + imgui.get_content_region_avail().x - width, at.y)
        if mono:
            kit.draw_text(at, words, color, "mono", 13)
        else:
            kit.draw_text(ImVec2(at.x, at.y - kit.px(1)), words, color, "regular", 14)


PANEL = EventsPanel
