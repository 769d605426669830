"""All runs on the disk: to be opened, gone on with, compared by their results, and deleted."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui import icons, widgets
from neuralforge.ui.kit import Face, Kit
from neuralforge.ui.memo import Memo
from neuralforge.ui.numbers import memory, plural
from neuralforge.ui.panel import Panel, Post
from neuralforge.ui.rows import u32, write, write_right
from neuralforge.ui.run_rows import Column, RunRow, Tone, chosen, row_of, short_path
from neuralforge.ui.theme import Color
from neuralforge.workbench.commands import DeleteRun, OpenRun, RefreshRuns, ResumeRun
from neuralforge.workbench.view import RunsView, RunView, View

if TYPE_CHECKING:
    from neuralforge.runs.store import RunSummary

ROW_PX: Final = 30.0
_HEAD_ROW_PX: Final = 26.0
_ACTIONS_PX: Final = 92.0
_MARK_PX: Final = 10.0
"""Left of the names, for the mark of the run that is shown."""
_KIND_PX: Final = 22.0
_ENDED: Final = ("completed", "stopped", "failed", "interrupted")


class _Head(NamedTuple):
    key: Column
    title: str
    width_px: float
    right: bool
    least_px: float
    """Width of the panel from which on it is shown."""
    tip: str


_HEADS: Final = (
    _Head("name", "Run", 0, False, 0, "Name of the network, and the id of the run"),
    _Head("state", "State", 112, False, 0, "What became of it"),
    _Head("created", "Created", 118, True, 560, "Local time"),
    _Head("steps", "Steps", 76, True, 640, "Updates that were made"),
    _Head("metric", "Metric", 92, False, 860, "What was measured beside the loss"),
    _Head("validation", "Validation", 92, True, 420, "The metric on the validation split, at the end"),
    _Head("test", "Test", 84, True, 740, "The metric on the test split"),
    _Head("size", "Size", 80, True, 1060, "What it takes on the disk, checkpoints included"),
)


class RunsPanel(Panel):
    """A table of all runs, the newest first until it is sorted otherwise."""

    key = "runs"
    title = "Runs"
    icon = icons.RUNS
    docks = {"build": "bottom", "train": "bottom"}
    order = 40
    help = "All runs that were recorded on this machine: open one, go on with it, or delete it"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._memo = Memo()
        self._filter = ""
        self._sort: tuple[Column, bool] | None = None
        self._selected = ""
        self._asking = ""

    def draw(self, view: View, post: Post) -> None:
        """Draw the table, or what it is for while it is empty."""
        kit, runs = self.kit, view.runs
        if runs is None or runs.runs is None:
            widgets.empty(kit, icons.WAIT, "Reading the runs", "Their list appears in a moment.")
            return
        if not runs.runs:
            words = f"Every training is recorded in {short_path(runs.folder, Path.home())}, and listed here."
            if widgets.empty(kit, icons.RUNS, "No runs yet", words, "Look again", icons.REDO, "Read the folder again"):
                post(RefreshRuns())
            return
        listed = runs.runs
        rows = self._memo.get("rows", (listed,), lambda: self._rows(listed))
        shown = self._memo.get("shown", (rows, self._filter, self._sort), lambda: self._chosen(rows))
        self._draw_head(runs, len(rows), len(shown), post)
        if not shown:
            widgets.empty(kit, icons.SEARCH, "No run matches", "Names, ids, states and metrics are searched.")
            return
        self._draw_table(shown, view.run, post)

    @staticmethod
    def _rows(runs: tuple[RunSummary, ...]) -> tuple[RunRow, ...]:
        now = datetime.now(UTC)
        return tuple(row_of(run, now) for run in runs)

    def _chosen(self, rows: tuple[RunRow, ...]) -> tuple[RunRow, ...]:
        column, descending = self._sort or (None, False)
        return chosen(rows, self._filter, column, descending=descending)

    # The head

    def _draw_head(self, runs: RunsView, total: int, shown: int, post: Post) -> None:
        kit, t = self.kit, self.kit.theme
        start, width = imgui.get_cursor_pos(), imgui.get_content_region_avail().x
        at = imgui.get_cursor_screen_pos()
        field, side = min(kit.px(240), width * 0.46), kit.px(32)
        middle = at.y + side / 2
        words = f"{shown:,} of {plural(total, 'run')}" if self._filter else plural(total, "run")
        write(kit, at.x, middle, words, t.text2, "semibold", 14)
        x = at.x + kit.text_size(words, "semibold", 14).x + kit.px(14)
        limit = at.x + width - field - side - kit.px(18)
        facts = [memory(runs.size_bytes)]
        if runs.free_bytes is not None:
            facts.append(f"{memory(runs.free_bytes)} free")
        figures = ", ".join(facts)
        if x + kit.text_size(figures, "mono", 13).x < limit:
            write(kit, x, middle, figures, t.text3, "mono", 13)
            x += kit.text_size(figures, "mono", 13).x + kit.px(14)
            path = short_path(runs.folder, Path.home())
            fitting = self._path(path, limit - x)
            if fitting:
                write(kit, x, middle, fitting, t.text3, "regular", 13)
        imgui.set_cursor_pos(start)
        imgui.dummy(ImVec2(max(1.0, limit - at.x), side))
        widgets.tooltip(kit, f"{runs.folder}\nTakes {', '.join(facts)}")
        imgui.set_cursor_pos(ImVec2(start.x + width - field - side - kit.px(6), start.y))
        with imgui_ctx.begin_child("##filter", ImVec2(field, kit.px(33)), imgui.ChildFlags_.nav_flattened):
            self._filter = widgets.search_field(
                kit, "runs", self._filter, "Filter runs", tip="Show the runs with this text alone"
            )
        imgui.set_cursor_pos(ImVec2(start.x + width - side, start.y))
        if widgets.icon_button(kit, icons.REDO, "refresh-runs", "Read the folder of runs again", size_px=32):
            post(RefreshRuns())

    def _path(self, path: str, room: float) -> str:
        """Return a path that is cut from its left end; "" where there is no room for much of it."""
        kit = self.kit
        if room < kit.px(90):
            return ""

        def cut() -> str:
            parts = path.split("/")
            for place in range(len(parts)):
                text = path if place == 0 else "\u2026/" + "/".join(parts[place:])
                if kit.text_size(text, "regular", 13).x <= room:
                    return text
            return widgets.shortened(kit, parts[-1], room, "regular", 13)

        return self._memo.get("path", (path, room, kit.scale), cut)

    # The table

    def _draw_table(self, rows: tuple[RunRow, ...], run: RunView | None, post: Post) -> None:
        kit = self.kit
        room = imgui.get_content_region_avail()
        heads = tuple(head for head in _HEADS if room.x >= kit.px(head.least_px))
        flags = (
            imgui.TableFlags_.scroll_y
            | imgui.TableFlags_.row_bg
            | imgui.TableFlags_.sortable
            | imgui.TableFlags_.sort_tristate
            | imgui.TableFlags_.sizing_fixed_fit
        )
        with (
            imgui_ctx.push_style_var(imgui.StyleVar_.cell_padding, kit.vec(8, 0)),
            imgui_ctx.begin_table(f"##runs{len(heads)}", len(heads) + 1, flags, room) as table,
        ):
            if not table:
                return
            for head in heads:
                how = imgui.TableColumnFlags_.width_fixed if head.width_px else imgui.TableColumnFlags_.width_stretch
                if head.key not in ("name", "state", "metric"):
                    how |= imgui.TableColumnFlags_.prefer_sort_descending
                imgui.table_setup_column(head.title, how, kit.px(head.width_px) or 1.0, _HEADS.index(head))
            still = imgui.TableColumnFlags_.width_fixed | imgui.TableColumnFlags_.no_sort
            imgui.table_setup_column("##actions", still, kit.px(_ACTIONS_PX), len(_HEADS))
            imgui.table_setup_scroll_freeze(0, 1)
            self._draw_titles(heads)
            self._read_sort()
            clipper = imgui.ListClipper()
            clipper.begin(len(rows), kit.px(ROW_PX))
            while clipper.step():
                for place in range(clipper.display_start, clipper.display_end):
                    self._draw_row(rows[place], heads, run, post)

    def _draw_titles(self, heads: tuple[_Head, ...]) -> None:
        kit, t = self.kit, self.kit.theme
        imgui.table_next_row(imgui.TableRowFlags_.headers, kit.px(_HEAD_ROW_PX))
        for place, head in enumerate(heads):
            imgui.table_set_column_index(place)
            at, width = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
            with imgui_ctx.push_style_color(imgui.Col_.text, kit.vec4(t.panel.fade(0))):
                imgui.table_header(f"##{head.key}")
            widgets.tooltip(kit, f"{head.tip}\nClick to sort")
            if kit.marks.on:
                low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
                kit.marks.note(f"sort/{head.key}", low.x, low.y, high.x, high.y)
            middle = at.y + kit.px(_HEAD_ROW_PX / 2)
            sorted_by = self._sort is not None and self._sort[0] == head.key
            ink = t.text if sorted_by else t.text3
            arrow = (icons.DOWN if self._sort and self._sort[1] else icons.UP) if sorted_by else ""
            mark = kit.px(16) if sorted_by else 0.0
            if head.right:
                left = write_right(kit, at.x + width, middle, head.title, ink, "regular", 14) - mark
            else:
                indent = kit.px(_MARK_PX) if head.key == "name" else 0.0
                write(kit, at.x + indent, middle, head.title, ink, "regular", 14)
                left = at.x + indent + kit.text_size(head.title, "regular", 14).x + kit.px(6)
            if arrow:
                kit.draw_text(ImVec2(left, middle - kit.px(6)), arrow, t.accent, "regular", 10)

    def _read_sort(self) -> None:
        specs = imgui.table_get_sort_specs()
        if specs is None or not specs.specs_dirty:
            return
        specs.specs_dirty = False
        if not specs.specs_count:
            self._sort = None
            return
        spec = specs.get_specs(0)
        down = spec.get_sort_direction() == imgui.SortDirection.descending
        self._sort = (_HEADS[spec.column_user_id].key, down)

    def _draw_row(self, row: RunRow, heads: tuple[_Head, ...], run: RunView | None, post: Post) -> None:
        kit, t = self.kit, self.kit.theme
        run_id = row.run.run_id
        shown = run is not None and run.run_id == run_id
        asking = self._asking == run_id
        imgui.table_next_row(imgui.TableRowFlags_.none, kit.px(ROW_PX))
        imgui.table_set_column_index(0)
        at = imgui.get_cursor_screen_pos()
        middle = at.y + kit.px(ROW_PX / 2)
        self._draw_ground(row, run, post)
        if asking:
            imgui.table_set_bg_color(imgui.TableBgTarget_.row_bg1, u32(t.danger.fade(0.09)))
        if shown:
            low, high = ImVec2(at.x, at.y + kit.px(6)), ImVec2(at.x + kit.px(3), at.y + kit.px(ROW_PX - 6))
            imgui.get_window_draw_list().add_rect_filled(low, high, u32(t.accent), kit.px(1.5))
        imgui.table_set_column_index(0)
        self._draw_name(row, at + kit.vec(_MARK_PX, 0), middle, shown)
        if asking:
            self._draw_question(row, heads, post)
            return
        reason_x = 0.0
        for place, head in enumerate(heads[1:], 1):
            if imgui.table_set_column_index(place):
                if head.key == "state":
                    reason_x = self._draw_state(row, imgui.get_cursor_screen_pos())
                else:
                    self._draw_cell(row, head)
        imgui.table_set_column_index(len(heads))
        if row.reason:
            taken = heads[-1].width_px + 32 if heads[-1].key == "size" else 16
            self._draw_reason(row.reason, reason_x, imgui.get_cursor_screen_pos() - kit.vec(taken, 0))
        self._draw_actions(row, run, post)

    def _draw_reason(self, reason: str, left: float, until: ImVec2) -> None:
        """Write why a run cannot be read over the columns that are empty therefore."""
        kit = self.kit
        imgui.push_clip_rect(imgui.get_window_pos(), imgui.get_window_pos() + imgui.get_window_size(), False)
        words = widgets.shortened(kit, reason, until.x - left, "regular", 14)
        write(kit, left, until.y + kit.px(ROW_PX / 2), words, kit.theme.text2, "regular", 14)
        imgui.pop_clip_rect()

    def _draw_ground(self, row: RunRow, run: RunView | None, post: Post) -> None:
        """Make the row one item: click selects, double click and Enter open, Delete asks."""
        kit, run_id = self.kit, row.run.run_id
        flags = (
            imgui.SelectableFlags_.span_all_columns
            | imgui.SelectableFlags_.allow_overlap
            | imgui.SelectableFlags_.allow_double_click
        )
        with imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(kit.px(8), 0)):
            clicked, _ = imgui.selectable(f"##run {run_id}", self._selected == run_id, flags, ImVec2(0, kit.px(ROW_PX)))
        focused = imgui.is_item_focused()
        if kit.marks.on:
            low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
            kit.marks.note(f"run/{run_id}", low.x, low.y, high.x, high.y)
        if row.reason:
            widgets.tooltip(kit, row.reason)
        else:
            kind = f", {row.kind}" if row.kind else ""
            widgets.tooltip(kit, f"{row.title}{kind}\n{run_id}", "Enter or double-click opens it, Del deletes it")
        if clicked:
            self._selected = run_id
        double = clicked and imgui.is_mouse_double_clicked(imgui.MouseButton_.left)
        entered = focused and imgui.is_key_pressed(imgui.Key.enter, False)
        if row.run.is_readable and (double or entered):
            post(OpenRun(row.run.folder))
        if focused and imgui.is_key_pressed(imgui.Key.delete, False) and not _is_written(row, run):
            self._asking = run_id
        self._draw_menu(row, run, post)

    def _draw_menu(self, row: RunRow, run: RunView | None, post: Post) -> None:
        key = f"##menu {row.run.run_id}"
        imgui.open_popup_on_item_click(key, imgui.PopupFlags_.mouse_button_right)
        with widgets.popup_look(self.kit), imgui_ctx.begin_popup(key) as menu:
            if not menu:
                return
            self._selected = row.run.run_id
            item = partial(widgets.menu_item, self.kit)
            if item(f"{icons.OPEN}   Open", "Show this run in the panels", "Enter", enabled=row.run.is_readable):
                post(OpenRun(row.run.folder))
            if item(f"{icons.RUN}   Continue", _resume_tip(row), enabled=_can_go_on(row, run)):
                post(ResumeRun(row.run.folder))
            if item(f"{icons.COPY}   Copy path", "Put the path of its folder into the clipboard"):
                imgui.set_clipboard_text(str(row.run.folder))
            imgui.separator()
            written = _is_written(row, run)
            tip = "It is being trained" if written else "Delete this run, after a question"
            if item(f"{icons.DELETE}   Delete\u2026", tip, "Del", enabled=not written):
                self._asking = row.run.run_id

    def _draw_name(self, row: RunRow, at: ImVec2, middle: float, shown: bool) -> None:
        kit, t = self.kit, self.kit.theme
        room = imgui.get_content_region_avail().x - kit.px(_MARK_PX)
        face: Face = "semibold" if shown else "medium"
        mark = kit.px(_KIND_PX + 8) if row.kind else 0.0
        title = widgets.shortened(kit, row.title, room - mark, face, 15)
        write(kit, at.x, middle, title, t.text, face, 15)
        left = kit.text_size(title, face, 15).x + kit.px(10)
        if row.kind:
            left += self._draw_kind(row.kind, at.x + left - kit.px(2), middle, room - left) + kit.px(10)
        if room - left > kit.px(60) and row.title != row.run.run_id:
            words = widgets.shortened(kit, row.run.run_id, room - left, "mono", 13)
            write(kit, at.x + left, middle, words, t.text3, "mono", 13)

    def _draw_kind(self, kind: str, x: float, middle: float, room: float) -> float:
        """Draw the kind of a run as a chip after its name, without its words where they have no room; return its width.

        The tooltip of the row has the words, too.
        """
        kit, t = self.kit, self.kit.theme
        words, width = kind, kit.text_size(kind, "medium", 13).x + kit.px(14)
        if width > room:
            words, width = "", kit.px(_KIND_PX)
        low = ImVec2(x, round(middle - kit.px(10)))
        imgui.get_window_draw_list().add_rect_filled(low, low + ImVec2(width, kit.px(20)), u32(t.field), kit.px(5))
        if words:
            write(kit, x + kit.px(7), middle, words, t.text2, "medium", 13)
        else:
            inset = (width - kit.text_size(icons.CODE, "regular", 11).x) / 2
            kit.draw_text(ImVec2(x + inset, low.y + kit.px(4)), icons.CODE, t.text2, "regular", 11)
        return float(width)

    def _draw_cell(self, row: RunRow, head: _Head) -> None:
        kit, t = self.kit, self.kit.theme
        at, width = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
        middle = at.y + kit.px(ROW_PX / 2)
        words = row.cells[head.key]
        ink = t.text if head.key in ("validation", "test") else t.text2
        if not head.right:
            shown = widgets.shortened(kit, words, width, "regular", 14)
            write(kit, at.x, middle, shown, ink, "regular", 14)
        else:
            write_right(kit, at.x + width, middle, words, ink)

    def _draw_state(self, row: RunRow, at: ImVec2) -> float:
        """Draw the state as a chip, and return where there is room after it."""
        kit = self.kit
        color, middle = self._tone(row.tone), at.y + kit.px(ROW_PX / 2)
        size = kit.text_size(row.state, "medium", 13) + kit.vec(26, 5)
        low = ImVec2(at.x, round(middle - size.y / 2))
        draw = imgui.get_window_draw_list()
        draw.add_rect_filled(low, low + size, u32(color.fade(0.14)), kit.px(5))
        draw.add_circle_filled(ImVec2(low.x + kit.px(10), middle), kit.px(3), u32(color))
        write(kit, low.x + kit.px(19), middle, row.state, color, "medium", 13)
        return low.x + size.x + kit.px(10)

    def _tone(self, tone: Tone) -> Color:
        t = self.kit.theme
        return {"running": t.accent, "good": t.success, "waiting": t.warning, "plain": t.text2, "bad": t.danger}[tone]

    def _draw_actions(self, row: RunRow, run: RunView | None, post: Post) -> None:
        kit, run_id = self.kit, row.run.run_id
        start = imgui.get_cursor_pos()
        top = start.y + kit.px((ROW_PX - 26) / 2)
        written = _is_written(row, run)
        for place, (icon, name, tip, enabled) in enumerate(
            (
                (icons.OPEN, "open", "Show this run in the panels", row.run.is_readable),
                (icons.RUN, "resume", _resume_tip(row), _can_go_on(row, run)),
                (icons.DELETE, "delete", "It is being trained" if written else "Delete this run\u2026", not written),
            )
        ):
            imgui.set_cursor_pos(ImVec2(start.x + kit.px(30 * place), top))
            if not widgets.icon_button(kit, icon, f"{name}/{run_id}", tip, enabled=enabled, size_px=26):
                continue
            self._selected = run_id
            if name == "open":
                post(OpenRun(row.run.folder))
            elif name == "resume":
                post(ResumeRun(row.run.folder))
            else:
                self._asking = run_id

    def _draw_question(self, row: RunRow, heads: tuple[_Head, ...], post: Post) -> None:
        """Ask in the row itself, in place of its figures, whether it is to be deleted."""
        kit, t = self.kit, self.kit.theme
        imgui.table_set_column_index(len(heads))
        start, at = imgui.get_cursor_pos(), imgui.get_cursor_screen_pos()
        right = at.x + imgui.get_content_region_avail().x
        middle = at.y + kit.px(ROW_PX / 2)
        imgui.push_clip_rect(imgui.get_window_pos(), imgui.get_window_pos() + imgui.get_window_size(), False)
        no, yes = kit.px(46), kit.px(52)
        imgui.set_cursor_pos(ImVec2(start.x + right - at.x - no, start.y + kit.px(2)))
        keep = widgets.button(kit, "No", kind="field", tip="Keep it (Esc)", width_px=46, height_px=26, key="delete-no")
        imgui.set_cursor_pos(ImVec2(start.x + right - at.x - no - kit.px(6) - yes, start.y + kit.px(2)))
        tip = "Delete the run and its checkpoints; that cannot be undone"
        gone = widgets.button(kit, "Yes", kind="danger", tip=tip, width_px=52, height_px=26, key="delete-yes")
        words = f"Delete it, {row.cells['size']} with its checkpoints?"
        write_right(kit, right - no - yes - kit.px(18), middle, words, t.text, "regular", 14)
        imgui.pop_clip_rect()
        if gone:
            post(DeleteRun(row.run.run_id))
        if gone or keep or imgui.is_key_pressed(imgui.Key.escape, False):
            self._asking = ""


def _is_written(row: RunRow, run: RunView | None) -> bool:
    """Whether a run is being trained, so that it cannot be deleted."""
    if run is not None and run.run_id == row.run.run_id:
        return run.live and run.state not in _ENDED
    return row.state == "running"


def _can_go_on(row: RunRow, run: RunView | None) -> bool:
    return row.can_resume and not (run is not None and run.run_id == row.run.run_id and run.live)


def _resume_tip(row: RunRow) -> str:
    if row.can_resume:
        return "Continue this run where it stood"
    if row.kind:
        return "Its network or loop is your own, and begins anew in your code"
    return "Only a run that was paused, stopped or interrupted can be continued"


PANEL = RunsPanel
