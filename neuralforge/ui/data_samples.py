"""Samples of the data: pictures, a table, or points in the plane."""

from __future__ import annotations

from typing import Final

import numpy as np
from imgui_bundle import ImVec2, imgui, imgui_ctx, implot, implot_ctx
from numpy.typing import NDArray

from neuralforge.ui import icons, widgets
from neuralforge.ui.atlas import Atlas, enlargement, make_atlas
from neuralforge.ui.data_facts import framed, with_label
from neuralforge.ui.kit import Face, Kit
from neuralforge.ui.memo import Memo
from neuralforge.ui.numbers import count
from neuralforge.ui.readable import one_line
from neuralforge.ui.rows import u32, write
from neuralforge.ui.textures import Textures
from neuralforge.ui.theme import Color
from neuralforge.workbench.view import DataView, Points

_PICTURE_PX: Final = 56.0
_LABEL_PX: Final = 19.0
_GAP_PX: Final = 10.0
_ROW_PX: Final = 24.0
_MAX_COLUMN_PX: Final = 220.0
_HEAD_PX: Final = 30.0
_BINS: Final = 12
_AXIS_PX: Final = (52.0, 40.0)
"""What the axes take of a plot, left and below."""
_LOW_PLOT_PX: Final = 240.0
"""Under this height a plot goes without the names of its axes."""
_PLOT: Final = implot.Flags_.no_legend | implot.Flags_.no_menus | implot.Flags_.no_box_select | implot.Flags_.equal


Group = tuple[str, NDArray[np.float64], NDArray[np.float64], Color]
"""Name, x, y and colour of points that look the same."""


class Samples:
    """Draws the samples of a data set.

    Args:
        kit: The kit.

    Attributes:
        label: The class that alone is shown.
    """

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.label: str | None = None
        self._textures = Textures(kit)
        self._memo = Memo()
        self._as_table = False
        self._framed: Points | None = None

    def forget(self) -> None:
        """Let go of textures."""
        self._textures.forget()
        self._memo.clear()

    def draw(self, data: DataView, height: float = 0) -> None:
        """Draw the samples.

        Args:
            data: The data.
            height: In pixels of the screen; the rest of the panel when 0.
        """
        self._head(data)
        if data.thumbnails:
            self._pictures(data, height)
        elif data.points is not None and not self._as_table:
            self._plot(data, height)
        elif data.rows:
            self._table(data, height)
        else:
            widgets.text(self.kit, "There are no samples to show.", self.kit.theme.text3, size_px=14)

    def _head(self, data: DataView) -> None:
        kit, t = self.kit, self.kit.theme
        labels = self._labels(data)
        places = self._places(labels)
        start, width = imgui.get_cursor_pos(), imgui.get_content_region_avail().x
        at, height = imgui.get_cursor_screen_pos(), kit.px(_HEAD_PX)
        middle = at.y + height / 2
        write(kit, at.x, middle, "Samples", t.text2, "semibold", 14)
        x = kit.text_size("Samples", "semibold", 14).x + kit.px(10)
        if self.label is not None:
            imgui.set_cursor_pos(ImVec2(start.x + x, start.y + kit.px(2)))
            name = widgets.shortened(kit, self.label, kit.px(110), "medium", 15)
            if widgets.button(
                kit, name, icons.CLOSE, "field", tip="Show the samples of all classes", height_px=26, key="all-classes"
            ):
                self.label = None
        elif data.info is not None:
            words = f"{len(places):,} of {count(data.info.samples)}"
            if data.points is not None and not self._as_table:
                words = count(len(data.points.xy))
            write(kit, at.x + x, middle, words, t.text3, "mono", 13)
        if data.points is not None and data.rows:
            for number, (icon, table, tip) in enumerate(
                ((icons.BOUNDARY, False, "Show points in the plane"), (icons.TABLE, True, "Show a table"))
            ):
                imgui.set_cursor_pos(ImVec2(start.x + width - kit.px(60 - 31 * number), start.y + kit.px(1)))
                key = "as-table" if table else "as-plot"
                if widgets.icon_button(kit, icon, key, tip, on=self._as_table == table):
                    self._as_table = table
        imgui.set_cursor_pos(start)
        imgui.dummy(ImVec2(1, height - kit.px(3)))

    def _labels(self, data: DataView) -> tuple[str, ...]:
        def read() -> tuple[str, ...]:
            if data.thumbnails:
                return tuple(one_line(thumbnail.label) for thumbnail in data.thumbnails)
            return tuple(row[-1] for row in data.rows) if data.info and data.info.classes else ("",) * len(data.rows)

        return self._memo.get("labels", (data,), read)

    def _places(self, labels: tuple[str, ...]) -> tuple[int, ...]:
        return self._memo.get("places", (labels, self.label), lambda: with_label(labels, self.label))

    # Pictures

    def _pictures(self, data: DataView, height: float) -> None:
        kit, t = self.kit, self.kit.theme
        side = max(max(thumbnail.rgba.shape[:2]) for thumbnail in data.thumbnails[:1])
        times = enlargement(side, kit.px(_PICTURE_PX))
        atlas: Atlas = self._memo.get(
            "atlas", (data.thumbnails, times), lambda: make_atlas([item.rgba for item in data.thumbnails], times)
        )  # fmt: skip
        labels = self._labels(data)
        places = self._places(labels)
        widest = max(cell.width for cell in atlas.cells)
        tallest = max(cell.height for cell in atlas.cells)
        with imgui_ctx.begin_child("##pictures", ImVec2(0, height)) as child:
            if not child:
                return
            room = imgui.get_content_region_avail().x
            gap, label_height = kit.px(_GAP_PX), kit.px(_LABEL_PX)
            columns = max(1, int((room + gap) // (widest + gap)))
            step_y = tallest + label_height + kit.px(5)
            rows = -(-len(places) // columns)
            origin = imgui.get_cursor_screen_pos()
            low = imgui.get_scroll_y()
            first = max(0, int(low // step_y))
            last = min(rows, int((low + imgui.get_window_size().y) // step_y) + 1)
            mouse = imgui.get_mouse_pos()
            imgui.dummy(ImVec2(room, max(1.0, rows * step_y)))
            over = imgui.is_item_hovered()
            texture = imgui.ImTextureRef(self._textures.of(atlas.rgba))
            draw, edge = imgui.get_window_draw_list(), u32(t.border)
            for number in range(first * columns, min(len(places), last * columns)):
                row, column = divmod(number, columns)
                place = places[number]
                cell = atlas.cells[place]
                x, y = round(origin.x + column * (widest + gap)), round(origin.y + row * step_y)
                a, b = ImVec2(x, y), ImVec2(x + cell.width, y + cell.height)
                draw.add_image(texture, a, b, ImVec2(cell.u0, cell.v0), ImVec2(cell.u1, cell.v1))
                hovered = over and x <= mouse.x < b.x and y <= mouse.y < b.y + label_height
                draw.add_rect(ImVec2(x - 1, y - 1), ImVec2(b.x + 1, b.y + 1), u32(t.accent) if hovered else edge)
                words = widgets.shortened(kit, labels[place], widest, "regular", 13)
                left = x + (cell.width - kit.text_size(words, "regular", 13).x) / 2
                kit.draw_text(ImVec2(left, b.y + kit.px(2)), words, t.text2, "regular", 13)
                if hovered:
                    sample = data.thumbnails[place].sample
                    widgets.tooltip(kit, f"Sample {sample:,}" + (f"\n{labels[place]}" if labels[place] else ""))

    # Points

    def _plot(self, data: DataView, height: float) -> None:
        kit = self.kit
        points = data.points
        assert points is not None and data.info is not None
        groups = self._memo.get("groups", (points, data.info, self.kit.theme.name), lambda: self._groups(data))
        names = data.info.features or ("x", "y")
        room = imgui.get_content_region_avail()
        size = ImVec2(room.x, height or max(kit.px(120), room.y))
        size.y = min(size.y, max(size.x, kit.px(160)))
        with (
            kit.font("mono", 13),
            implot_ctx.push_style_var(implot.StyleVar_.minor_alpha, 1.0),
            implot_ctx.begin_plot("##points", size, _PLOT) as plot,
        ):
            if not plot:
                return
            low_plot = size.y < kit.px(_LOW_PLOT_PX)
            labels = implot.AxisFlags_.no_label if low_plot else implot.AxisFlags_.none
            implot.setup_axes(one_line(names[0]), one_line(names[1]), labels, labels)
            if points is not self._framed:
                low, high = points.xy.min(axis=0).tolist(), points.xy.max(axis=0).tolist()
                inner = max(1.0, size.x - kit.px(_AXIS_PX[0])), max(1.0, size.y - kit.px(_AXIS_PX[1]))
                implot.setup_axes_limits(*framed(tuple(low), tuple(high), inner[0] / inner[1]), implot.Cond_.always)
                self._framed = points
            for name, xs, ys, color in groups:
                faint = self.label is not None and name != self.label
                ink = kit.vec4(color.fade(0.12 if faint else 0.85))
                spec = implot.Spec(
                    marker=implot.Marker_.circle, marker_size=kit.px(2.6), marker_fill_color=ink,
                    marker_line_color=ink, line_weight=0,
                )  # fmt: skip
                implot.plot_scatter(f"##{name}", xs, ys, spec)

    def _groups(self, data: DataView) -> list[Group]:
        """Return points that have a colour in common: those of a class, or of about the same number to predict."""
        points, info, t = data.points, data.info, self.kit.theme
        assert points is not None and info is not None
        xs, ys = points.xy.T.astype(np.float64)
        if info.classes:
            which = points.targets.astype(int)
            names = [one_line(name) for name in info.classes]
            colors = [t.series[number % len(t.series)] for number in range(len(names))]
        else:
            low, high = float(points.targets.min()), float(points.targets.max())
            which = ((points.targets - low) / max(high - low, 1e-9) * (_BINS - 1)).round().astype(int)
            names = [f"{number}" for number in range(_BINS)]
            colors = [t.series[1].fade(number / (_BINS - 1)).over(t.series[0]) for number in range(_BINS)]
        groups = []
        for number, name in enumerate(names):
            chosen = which == number
            if chosen.any():
                groups.append((name, xs[chosen], ys[chosen], colors[number]))
        return groups

    # A table

    def _table(self, data: DataView, height: float) -> None:
        kit, t = self.kit, self.kit.theme
        places = self._places(self._labels(data))
        widths = self._memo.get("widths", (data.columns, data.rows, kit.scale), lambda: self._widths(data))
        text_columns = self._memo.get("texts", (data.columns, data.rows), lambda: _texts(data))
        flags = (
            imgui.TableFlags_.scroll_y
            | imgui.TableFlags_.scroll_x
            | imgui.TableFlags_.row_bg
            | imgui.TableFlags_.sizing_fixed_fit
            | imgui.TableFlags_.no_host_extend_x
        )
        room = imgui.get_content_region_avail()
        size = ImVec2(room.x, height or max(kit.px(80), room.y))
        with imgui_ctx.begin_table("##rows", len(data.columns), flags, size) as table:
            if not table:
                return
            for name, width in zip(data.columns, widths, strict=True):
                imgui.table_setup_column(one_line(name), imgui.TableColumnFlags_.width_fixed, width)
            imgui.table_setup_scroll_freeze(1, 1)
            imgui.table_next_row(imgui.TableRowFlags_.headers, kit.px(_ROW_PX))
            for column, name in enumerate(data.columns):
                imgui.table_set_column_index(column)
                right = column not in text_columns
                self._cell(one_line(name), widths[column], t.text3, right=right, mono=False)
            clipper = imgui.ListClipper()
            clipper.begin(len(places), kit.px(_ROW_PX))
            while clipper.step():
                for number in range(clipper.display_start, clipper.display_end):
                    imgui.table_next_row(imgui.TableRowFlags_.none, kit.px(_ROW_PX))
                    for column, words in enumerate(data.rows[places[number]]):
                        if imgui.table_set_column_index(column):
                            ink = t.text3 if column == 0 else t.text
                            self._cell(words, widths[column], ink, right=column not in text_columns, mono=True)

    def _widths(self, data: DataView) -> list[float]:
        kit = self.kit
        widths = []
        for column, name in enumerate(data.columns):
            longest = max((row[column] for row in data.rows), key=len, default="")
            needed = max(
                kit.text_size(one_line(name), "regular", 14).x, kit.text_size(one_line(longest), "mono", 13).x
            )  # fmt: skip
            widths.append(min(kit.px(_MAX_COLUMN_PX), needed) + kit.px(10))
        return widths

    def _cell(self, words: str, width: float, color: Color, *, right: bool, mono: bool) -> None:
        kit = self.kit
        face: Face = "mono" if mono else "regular"
        size_px = 13 if mono else 14
        shown = widgets.shortened(kit, one_line(words), width, face, size_px)
        at = imgui.get_cursor_screen_pos()
        x = at.x + (width - kit.text_size(shown, face, size_px).x if right else kit.px(10))
        kit.draw_text(ImVec2(x, at.y - (0 if mono else kit.px(1))), shown, color, face, size_px)
        if shown != words and imgui.is_mouse_hovering_rect(at, at + ImVec2(width, kit.px(_ROW_PX))):
            imgui.set_tooltip(one_line(words))


def _texts(data: DataView) -> frozenset[int]:
    """Return the columns whose cells are no numbers."""
    return frozenset(
        column
        for column in range(len(data.columns))
        if any(not _is_number(row[column]) for row in data.rows[:20] if column < len(row))
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
