"""The data: where it comes from, what it is, how it is split, and what some of it looks like."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Final

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui import icons, widgets
from neuralforge.ui.data_facts import ClassBar, class_bars, facts, fit_problem, shape_for, split_parts, uneven
from neuralforge.ui.data_samples import Samples
from neuralforge.ui.data_source import SourceForm
from neuralforge.ui.kit import Kit
from neuralforge.ui.local import ChoosePath
from neuralforge.ui.memo import Memo
from neuralforge.ui.numbers import count
from neuralforge.ui.panel import Panel, Post
from neuralforge.ui.readable import paragraphs
from neuralforge.ui.rows import u32, visible, write, write_right
from neuralforge.workbench.commands import FitToData, UseData
from neuralforge.workbench.view import DataView, View

_COLUMN_PX: Final = 268.0
_WIDE_GAP_PX: Final = 25.0
_FACT_PX: Final = 24.0
_BAR_PX: Final = 22.0
_SAMPLES_PX: Final = 300.0
_MOST_BARS: Final = 12
"""So many classes are shown at once where the panel scrolls as a whole."""


class DataPanel(Panel):
    """Shows the chosen data, and lets other data be chosen."""

    key = "data"
    title = "Data"
    icon = icons.DATA
    docks = {"build": "bottom", "train": "lower right"}
    order = 20
    help = "What the network learns from: its source, its splits, its classes and some samples"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._source = SourceForm(kit)
        self._samples = Samples(kit)
        self._memo = Memo()
        self._seen: DataView | None = None

    def draw(self, view: View, post: Post) -> None:
        """Draw everything in one, two or three columns, by the room there is."""
        if view.data is not self._seen:
            if self._seen is None or self._seen.text != view.data.text:
                self._samples.label = None
            self._seen = view.data
        shape = shape_for(imgui.get_content_region_avail().x / self.kit.scale)
        if view.data.state != "ready":
            self._draw_unready(view, post, shape == "narrow")
        elif shape == "narrow":
            self._source.draw(view, post)
            self._draw_about(view, post)
            self._draw_splits(view.data, scrolls=False)
            widgets.hairline(self.kit)
            self._samples.draw(view.data, max(self.kit.px(_SAMPLES_PX), imgui.get_content_region_avail().y))
        elif shape == "medium":
            with self._column("##left", _COLUMN_PX):
                self._source.draw(view, post)
                self._draw_about(view, post)
                self._draw_splits(view.data, scrolls=False)
            with self._column("##samples", 0):
                self._samples.draw(view.data)
        else:
            with self._column("##left", _COLUMN_PX):
                self._source.draw(view, post)
                self._draw_about(view, post)
            if view.data.splits:
                with self._column("##splits", _COLUMN_PX):
                    self._draw_splits(view.data, scrolls=True)
            with self._column("##samples", 0):
                self._samples.draw(view.data)

    def forget(self) -> None:
        """Let go of textures."""
        self._samples.forget()
        self._memo.clear()

    def _column(self, key: str, width_px: float) -> AbstractContextManager[object]:
        """Begin a column beside the one before, with a line between."""
        kit = self.kit
        if key != "##left":
            gap = kit.px(_WIDE_GAP_PX)
            imgui.same_line(0, gap)
            at = imgui.get_cursor_screen_pos()
            x = round(at.x - gap / 2)
            window = imgui.get_window_pos()
            imgui.get_window_draw_list().add_line(
                ImVec2(x, window.y), ImVec2(x, window.y + imgui.get_window_size().y), u32(kit.theme.border), 1
            )
        column: AbstractContextManager[object] = imgui_ctx.begin_child(
            key, ImVec2(kit.px(width_px), 0), imgui.ChildFlags_.nav_flattened
        )
        return column

    # States

    def _draw_unready(self, view: View, post: Post, narrow: bool) -> None:
        kit, data = self.kit, view.data
        with imgui_ctx.begin_child(
            "##form", ImVec2(0 if narrow else kit.px(_COLUMN_PX), 0 if not narrow else kit.px(78))
        ):
            self._source.draw(view, post)
        if not narrow:
            imgui.same_line(0, kit.px(_WIDE_GAP_PX))
        with imgui_ctx.begin_child("##state", ImVec2(0, 0)):
            if data.state == "loading":
                widgets.empty(kit, icons.WAIT, "Loading the data", "It is read and checked; that takes a moment.")
            elif data.state == "failed":
                problem = paragraphs(data.problem or "The reason is not known.")
                if widgets.empty(
                    kit, icons.ERROR, "The data cannot be used", problem, "Try again", icons.RESET, "Load it again"
                ):
                    post(UseData(data.text, data.options))
            elif widgets.empty(
                kit, icons.DATA, "No data yet", "Choose a data set from the list, or open a table, arrays or images.",
                "Open a file", icons.OPEN, "Open a table (.csv) or arrays (.npz)",
            ):  # fmt: skip
                post(ChoosePath("data file"))

    # Parts

    def _draw_about(self, view: View, post: Post) -> None:
        kit, t, data = self.kit, self.kit.theme, view.data
        info = data.info
        if info is None:
            return
        problem = self._memo.get("fit", (view.document, data), lambda: fit_problem(view.document, data))
        if problem:
            with widgets.card(kit, "##fit", t.warning):
                widgets.wrapped(kit, problem, t.text)
                room = imgui.get_content_region_avail().x / kit.scale
                if widgets.button(
                    kit, "Fit the network to this data" if room > 236 else "Fit the network", icons.WRENCH, "primary",
                    tip="Change the input shape and the width of the last layer so that the network takes this data",
                    width_px=room, height_px=30, key="fit",
                ):  # fmt: skip
                    post(FitToData())
        lines = self._memo.get("facts", (info,), lambda: facts(info))
        at, width = imgui.get_cursor_screen_pos(), self._room()
        for number, (label, value, _) in enumerate(lines):
            middle = at.y + kit.px(_FACT_PX * (number + 0.5))
            write(kit, at.x, middle, label, t.text2)
            write_right(kit, at.x + width, middle, value, t.text, "mono" if value[0] in "[0123456789" else "regular",
                        13 if value[0] in "[0123456789" else 15)  # fmt: skip
        imgui.dummy(ImVec2(width, kit.px(_FACT_PX * len(lines))))
        if imgui.is_item_hovered():
            place = int((imgui.get_mouse_pos().y - at.y) // kit.px(_FACT_PX))
            if 0 <= place < len(lines):
                widgets.tooltip(kit, lines[place].tip)
        for note in data.notes:
            widgets.wrapped(kit, note, t.text3, 13)

    @staticmethod
    def _room() -> float:
        """Return the width for figures: clear of the bar that scrolls, where there is one."""
        bar = imgui.get_style().item_inner_spacing.x if imgui.get_scroll_max_y() > 0 else 0.0
        return float(imgui.get_content_region_avail().x - bar)

    def _draw_splits(self, data: DataView, *, scrolls: bool) -> None:
        kit, t = self.kit, self.kit.theme
        parts = self._memo.get("splits", (data,), lambda: split_parts(data.splits))
        if not parts:
            return
        if not scrolls:
            widgets.hairline(kit)
        else:
            imgui.dummy(ImVec2(1, max(1.0, kit.px(6) - imgui.get_style().item_spacing.y)))
        widgets.text(kit, "Splits", t.text2, "semibold", 14)
        at, width = imgui.get_cursor_screen_pos(), self._room()
        draw = imgui.get_window_draw_list()
        self._stack(at, width, tuple(number for _, number, _ in parts), 8)
        for number, (name, samples, share) in enumerate(parts):
            middle = at.y + kit.px(24 + 21 * number)
            draw.add_rect_filled(
                ImVec2(at.x, middle - kit.px(5)), ImVec2(at.x + kit.px(10), middle + kit.px(5)),
                u32(t.series[number]), kit.px(3),
            )  # fmt: skip
            write(kit, at.x + kit.px(18), middle, name.capitalize(), t.text2, "regular", 14)
            x = write_right(kit, at.x + width, middle, f"{share:.0%}", t.text3)
            write_right(kit, min(x - kit.px(12), at.x + width - kit.px(44)), middle, count(samples), t.text)
        imgui.dummy(ImVec2(width, kit.px(24 + 21 * len(parts) - 8)))
        self._draw_classes(data, scrolls=scrolls)

    def _stack(self, at: ImVec2, width: float, parts: tuple[int, ...], height_px: float) -> None:
        """Draw a bar of parts side by side, in the colours of the splits."""
        kit = self.kit
        total = sum(parts)
        x, height, draw = at.x, kit.px(height_px), imgui.get_window_draw_list()
        last = max((place for place, number in enumerate(parts) if number), default=0)
        first = next((place for place, number in enumerate(parts) if number), 0)
        for place, number in enumerate(parts):
            if not number:
                continue
            end = at.x + width if place == last else x + width * number / total
            corners = (imgui.ImDrawFlags_.round_none if first < place < last else imgui.ImDrawFlags_.round_all
                       if first == last else imgui.ImDrawFlags_.round_left if place == first
                       else imgui.ImDrawFlags_.round_right)  # fmt: skip
            draw.add_rect_filled(
                ImVec2(x, at.y), ImVec2(end - (0 if place == last else kit.px(1)), at.y + height),
                u32(kit.theme.series[place]), height / 2, corners.value,
            )  # fmt: skip
            x = end

    def _draw_classes(self, data: DataView, *, scrolls: bool) -> None:
        kit, t = self.kit, self.kit.theme
        bars = self._memo.get("bars", (data,), lambda: class_bars(data))
        if not bars:
            return
        widgets.hairline(kit)
        widgets.text(kit, "Classes", t.text2, "semibold", 14)
        imgui.same_line()
        widgets.mono(kit, count(len(bars)), t.text3)
        warning = self._memo.get("uneven", (bars,), lambda: uneven(bars))
        if warning:
            widgets.wrapped(kit, f"{icons.WARNING}  {warning}", t.warning, 13)
        label = self._memo.get("names", (bars, kit.scale), lambda: self._label_width(bars))
        if scrolls or len(bars) <= _MOST_BARS:
            self._bars(bars, label)
            return
        with imgui_ctx.begin_child("##bars", ImVec2(0, kit.px(_BAR_PX * _MOST_BARS)), imgui.ChildFlags_.nav_flattened):
            self._bars(bars, label)

    def _label_width(self, bars: tuple[ClassBar, ...]) -> float:
        widest = max(self.kit.text_size(bar.name, "regular", 14).x for bar in bars[:200])
        return min(widest, self.kit.px(96)) + self.kit.px(10)

    def _bars(self, bars: tuple[ClassBar, ...], label: float) -> None:
        kit = self.kit
        with imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(0, 0)):
            for place in visible(len(bars), kit.px(_BAR_PX)):
                with imgui_ctx.push_id(str(place)):  # a name may be any text, and means something to Dear ImGui
                    self._bar(bars[place], label)

    def _bar(self, bar: ClassBar, label: float) -> None:
        kit, t = self.kit, self.kit.theme
        at, width = imgui.get_cursor_screen_pos(), max(1.0, self._room())
        clicked = imgui.invisible_button(
            "##class", ImVec2(width, kit.px(_BAR_PX)), imgui.ButtonFlags_.enable_nav
        )  # fmt: skip
        hovered, chosen = imgui.is_item_hovered(), self._samples.label == bar.name
        if clicked:
            self._samples.label = None if chosen else bar.name
        end = at + ImVec2(width, kit.px(_BAR_PX))
        draw = imgui.get_window_draw_list()
        if chosen or hovered:
            inset = kit.vec(6, 0)
            draw.add_rect_filled(at - inset, end + inset, u32(t.accent.fade(0.16) if chosen else t.hover), kit.px(4))
        widgets.focus_ring(kit)
        middle = at.y + kit.px(_BAR_PX / 2)
        name = widgets.shortened(kit, bar.name, label - kit.px(8), "regular", 14)
        write(kit, at.x, middle, name, t.text if chosen else t.text2, "regular", 14)
        write_right(kit, end.x, middle, count(bar.total), t.text)
        room = width - label - kit.px(46)
        if bar.total:
            low = ImVec2(at.x + label, middle - kit.px(3))
            self._stack(low, max(kit.px(3), room * bar.share), bar.parts, 6)
        train, validation, test = bar.parts
        tip = f"{bar.name}: {train:,} to train on, {validation:,} for validation, {test:,} for the test"
        widgets.tooltip(kit, f"{tip}\n{'Click to show all classes' if chosen else 'Click to show its samples alone'}")
        if kit.marks.on:
            kit.marks.note(f"class/{bar.name}", at.x, at.y, end.x, end.y)


PANEL = DataPanel
