"""The decision boundary of a network over two features, as it bends, with the samples above it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final, Literal, NamedTuple

import numpy as np
from imgui_bundle import ImVec2, imgui, imgui_ctx
from numpy.typing import NDArray

from neuralforge.graph.datainfo import DataInfo
from neuralforge.ui import icons, widgets
from neuralforge.ui.heat import diverging, diverging_table
from neuralforge.ui.kit import Kit
from neuralforge.ui.look_state import (
    COLUMN_GAP_PX,
    column,
    draw_missing,
    draw_step,
    info_of,
    is_here,
    is_plane,
    is_wide,
    of_run,
    step_text,
)
from neuralforge.ui.memo import Memo
from neuralforge.ui.numbers import number
from neuralforge.ui.own_runs import LOOP_HAS_SAMPLES, is_own
from neuralforge.ui.painter import Painter
from neuralforge.ui.panel import Panel, Post
from neuralforge.ui.plane import (
    TRAIN,
    VALIDATION,
    Area,
    Reach,
    area_of,
    class_picture,
    number_picture,
    points_picture,
    value_at,
)
from neuralforge.ui.plots import Span, Tick, linear_ticks
from neuralforge.ui.rows import u32
from neuralforge.ui.textures import Textures
from neuralforge.ui.theme import BLACK, WHITE, Color, Theme
from neuralforge.workbench.commands import Start
from neuralforge.workbench.looks import Boundary
from neuralforge.workbench.view import Points, RunView, View

Shown = Literal["both", "train", "validation"]

_SPLITS: Final[Mapping[Shown, frozenset[int]]] = {
    "both": frozenset({TRAIN, VALIDATION}),
    "train": frozenset({TRAIN}),
    "validation": frozenset({VALIDATION}),
}
_CHOICES: Final = [("both", "Both", ""), ("train", "Train", ""), ("validation", "Validation", "")]
_CHOICE_TIPS: Final = {
    "both": "Show the samples of both splits",
    "train": "Show the samples that the network learns from",
    "validation": "Show the samples that the network is checked on",
}
_MOST_NAMED: Final = 8
_MOST_FINE: Final = 6000
_LEFT_PX: Final = 38.0
_BELOW_PX: Final = 40.0


class _Frame(NamedTuple):
    """Where things lie, in pixels of the screen."""

    at: ImVec2
    size: ImVec2

    @property
    def end(self) -> ImVec2:
        return self.at + self.size


class DecisionPanel(Panel):
    """What the network says all over the plane of two features."""

    key = "decision"
    title = "Decision"
    icon = icons.BOUNDARY
    docks = {"build": "hidden", "train": "right"}
    order = 10
    help = "What the network says all over the plane of two features, as it learns"
    wants = frozenset({"boundary"})

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._textures = Textures(kit, max_entries=6)
        self._memo = Memo()
        self._painter = Painter()
        self._run_id = ""
        self._shown: Shown = "both"

    def forget(self) -> None:
        """Let go of the pictures."""
        self._textures.forget()
        self._memo.clear()
        self._painter.forget()

    @classmethod
    def leads(cls, view: View) -> bool:
        """Return whether the data can be drawn in the plane."""
        run = view.run
        return view.data.points is not None if run is None else not run.own_loop and is_plane(run, view.data)

    def draw(self, view: View, post: Post) -> None:
        """Draw the plane, or what it is for."""
        view = of_run(view)
        run, data = view.run, view.data
        if run is not None and run.own_loop:
            widgets.empty(self.kit, icons.BOUNDARY, "No plane to show", LOOP_HAS_SAMPLES)
            return
        if run is not None and not is_here(run):
            may_be_plane = is_own(run) or is_plane(run, data)
            if not may_be_plane or not draw_missing(self.kit, view, post, icons.BOUNDARY, "", ""):
                self._draw_empty(view, post)
            return
        boundary = run.boundary if run is not None else None
        info = data.info if run is None else info_of(run, data)
        points = data.points if info is not None else None
        if boundary is None and points is None:
            points, info = data.points, data.info  # of other data than that of the run: alone, which misleads nobody
        if boundary is not None and points is not None and not _agree(boundary, info):
            points = None
        area = self._memo.get("area", (boundary, points), lambda: area_of(boundary, points))
        if area is None:
            self._draw_empty(view, post)
            return
        reach = self._reach(boundary, points, info)
        has_both = points is not None and self._shown == "both"
        if is_wide(self.kit):
            room = imgui.get_content_region_avail()
            tall = room.y - self.kit.px(_BELOW_PX + 2)
            width = min(room.x * 0.6, tall * area.aspect + self.kit.px(_LEFT_PX + 6))
            with column(self.kit, "plane", width, first=True):
                frame = self._place(area, 0)
                self._draw_plane(frame, area, run, points, reach)
                self._draw_axes(frame, area, info)
                self._draw_cursor(frame, area, boundary, info)
            with column(self.kit, "aside", min(self.kit.px(330), room.x - width - self.kit.px(COLUMN_GAP_PX))):
                if points is not None:
                    self._draw_head(boundary, view)
                at = imgui.get_cursor_screen_pos() + self.kit.vec(2, 6)
                right = at.x + imgui.get_content_region_avail().x - self.kit.px(4)
                self._draw_legend(at, right, reach, info, boundary, has_both=has_both)
            return
        if points is not None:
            self._draw_head(boundary, view)
        legend_px = 26 + (20 if reach is None and self._named(info, boundary) > 3 else 0)
        frame = self._place(area, legend_px)
        self._draw_plane(frame, area, run, points, reach)
        self._draw_axes(frame, area, info)
        self._draw_cursor(frame, area, boundary, info)
        at = ImVec2(frame.at.x, frame.end.y + self.kit.px(42))
        self._draw_legend(at, frame.end.x, reach, info, boundary, has_both=has_both)

    # Nothing to show

    def _draw_empty(self, view: View, post: Post) -> None:
        point = next((point for point in view.starting_points if point.key == "spirals"), None)
        busy = view.run is not None and view.run.live
        words = "For data with two features, such as spirals or moons"
        if view.data.state == "loading":
            words = f"{view.data.text} is being loaded"
        action = "Train on spirals" if point is not None and not busy and view.data.state != "loading" else ""
        tip = "Open a small network with the spirals, and train it"
        if widgets.empty(self.kit, icons.BOUNDARY, "No plane to show", words, action, icons.RUN, tip) and point:
            post(Start(point.template, point.data, point.options, point.settings, train=True))

    # The head

    def _draw_head(self, boundary: Boundary | None, view: View) -> None:
        clicked = widgets.segmented(self.kit, "samples", _CHOICES, self._shown, tips=_CHOICE_TIPS)
        self._shown = next((shown for shown in _SPLITS if shown == clicked), self._shown)
        words = "not trained yet" if view.run is None else ""
        draw_step(self.kit, step_text(boundary.step) if boundary is not None else words)

    # The plane

    def _reach(self, boundary: Boundary | None, points: Points | None, info: DataInfo | None) -> Reach | None:
        """Return how numbers are coloured; None for classes."""
        is_classes = bool(boundary.classes) if boundary is not None else info is not None and bool(info.classes)
        if is_classes:
            return None
        source = points.targets if points is not None else boundary.values[..., 0] if boundary is not None else None
        return self._memo.get("reach", (points or boundary,), lambda: Reach.of(source)) if source is not None else None

    def _place(self, area: Area, legend_px: float) -> _Frame:
        """Put the plane into the room that is left, true to its proportions."""
        kit = self.kit
        left, below = kit.px(_LEFT_PX), kit.px(_BELOW_PX)
        at, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail()
        wide = max(kit.px(80), room.x - left - kit.px(4))
        tall = max(kit.px(80), room.y - below - kit.px(legend_px))
        width = min(wide, tall * area.aspect)
        height = width / area.aspect
        x = at.x + left + max(0.0, (wide - width) / 2)
        return _Frame(ImVec2(round(x), round(at.y + kit.px(2))), ImVec2(round(width), round(height)))

    def _draw_plane(
        self, frame: _Frame, area: Area, run: RunView | None, points: Points | None, reach: Reach | None
    ) -> None:
        kit, t = self.kit, self.kit.theme
        boundary = run.boundary if run is not None else None
        draw, rounding = imgui.get_window_draw_list(), kit.px(4)
        draw.add_rect_filled(frame.at, frame.end, u32(t.canvas), rounding)
        unit = ImVec2(0, 0), ImVec2(1, 1)
        if run is not None and boundary is not None:
            stamp, known, self._run_id = (boundary, reach, t.name), self._run_id, run.run_id
            at_once = run.state != "running" or run.run_id != known
            picture = self._painter.of(stamp, partial(self._paint, boundary, reach, t), at_once=at_once)
            reference = imgui.ImTextureRef(self._textures.of(picture))
            draw.add_image_rounded(reference, frame.at, frame.end, *unit, u32(WHITE), rounding)
        if points is not None:
            size = int(frame.size.x), int(frame.size.y)
            seen = (points, area, size, self._shown, t.name, kit.scale, reach)
            picture = self._memo.get("points", seen, lambda: self._dot(points, area, size, reach))
            reference = imgui.ImTextureRef(self._textures.of(picture))
            draw.add_image(reference, frame.at, frame.end, *unit, u32(WHITE))
        draw.add_rect(frame.at, frame.end, u32(t.border_strong), rounding, 1)
        imgui.set_cursor_screen_pos(frame.at)
        imgui.invisible_button("##plane", frame.size)
        if kit.marks.on:
            kit.marks.note("plot/decision", frame.at.x, frame.at.y, frame.end.x, frame.end.y)

    @staticmethod
    def _paint(boundary: Boundary, reach: Reach | None, t: Theme) -> NDArray[np.uint8]:
        if reach is not None:
            return number_picture(boundary, reach, t.name)
        line = t.text.fade(0.75 if t.name == "dark" else 0.6)
        return class_picture(boundary, t.series, t.canvas, line, side=288 if boundary.classes <= 4 else 192)

    def _dot(self, points: Points, area: Area, size: tuple[int, int], reach: Reach | None) -> NDArray[np.uint8]:
        t = self.kit.theme
        fills: NDArray[np.float32]
        if reach is not None:
            colors = diverging(points.targets, reach.middle, reach.reach, t.name)[:, :3]
            fills = np.asarray(colors / 255, np.float32)
        else:
            table = np.array([color[:3] for color in t.series], np.float32)
            fills = np.asarray(table[points.targets.astype(np.intp) % len(table)], np.float32)
        ring = BLACK.fade(0.8) if t.name == "dark" else WHITE.fade(0.95)
        if reach is not None and t.name == "light":
            ring = BLACK.fade(0.55)
        coarse = 2 if len(points.xy) * self.kit.scale**2 > _MOST_FINE else 1  # so that it takes no longer than a frame
        size = size[0] // coarse, size[1] // coarse
        return points_picture(points, area, size, fills, ring, self.kit.scale / coarse, _SPLITS[self._shown])

    # Around it

    def _draw_axes(self, frame: _Frame, area: Area, info: DataInfo | None) -> None:
        kit, t = self.kit, self.kit.theme
        draw = imgui.get_window_draw_list()
        most_x, most_y = max(2, int(frame.size.x / kit.px(64))), max(2, int(frame.size.y / kit.px(44)))
        xs: tuple[Tick, ...] = self._memo.get(
            "xs", (area, most_x), lambda: linear_ticks(Span(area.x0, area.x1), most_x)
        )
        ys: tuple[Tick, ...] = self._memo.get(
            "ys", (area, most_y), lambda: linear_ticks(Span(area.y0, area.y1), most_y)
        )
        for tick in xs:
            x = frame.at.x + (tick.value - area.x0) / (area.x1 - area.x0) * frame.size.x
            draw.add_line(ImVec2(x, frame.end.y), ImVec2(x, frame.end.y + kit.px(3)), u32(t.border_strong))
            width = kit.text_size(tick.text, "mono", 13).x
            x = min(max(x - width / 2, frame.at.x), frame.end.x - width)
            kit.draw_text(ImVec2(x, frame.end.y + kit.px(4)), tick.text, t.text3, "mono", 13)
        for tick in ys:
            y = frame.end.y - (tick.value - area.y0) / (area.y1 - area.y0) * frame.size.y
            draw.add_line(ImVec2(frame.at.x - kit.px(3), y), ImVec2(frame.at.x, y), u32(t.border_strong))
            width = kit.text_size(tick.text, "mono", 13).x
            at = ImVec2(frame.at.x - width - kit.px(6), y - kit.px(8))
            kit.draw_text(at, tick.text, t.text3, "mono", 13)
        names = info.features if info is not None and len(info.features) == 2 else ("x", "y")
        across = widgets.shortened(kit, names[0], frame.size.x, "regular", 13)
        width = kit.text_size(across, "regular", 13).x
        below = frame.end.y + kit.px(20)
        kit.draw_text(ImVec2(frame.at.x + (frame.size.x - width) / 2, below), across, t.text2, "regular", 13)
        upward = widgets.shortened(kit, f"\u2191 {names[1]}", frame.size.x / 2, "regular", 13)
        inside = frame.at + kit.vec(7, 5)
        size = kit.text_size(upward, "regular", 13)
        draw.add_rect_filled(
            inside - kit.vec(4, 1), inside + size + kit.vec(4, 1), u32(t.panel.fade(0.72)), kit.px(4)
        )  # fmt: skip
        kit.draw_text(inside, upward, t.text2, "regular", 13)

    def _draw_cursor(self, frame: _Frame, area: Area, boundary: Boundary | None, info: DataInfo | None) -> None:
        if not imgui.is_item_hovered():
            return
        kit, t, mouse = self.kit, self.kit.theme, imgui.get_io().mouse_pos
        x = area.x0 + (mouse.x - frame.at.x) / frame.size.x * (area.x1 - area.x0)
        y = area.y1 - (mouse.y - frame.at.y) / frame.size.y * (area.y1 - area.y0)
        draw, line = imgui.get_window_draw_list(), u32(t.text.fade(0.35))
        draw.add_line(ImVec2(mouse.x, frame.at.y), ImVec2(mouse.x, frame.end.y), line)
        draw.add_line(ImVec2(frame.at.x, mouse.y), ImVec2(frame.end.x, mouse.y), line)
        values = value_at(boundary, x, y) if boundary is not None else None
        names = info.features if info is not None and len(info.features) == 2 else ("x", "y")
        with widgets.popup_look(kit), imgui_ctx.begin_tooltip() as tip:
            if not tip:
                return
            for name, value in zip(names, (x, y), strict=True):
                self._tip_row(None, name, number(value))
            if values is None or boundary is None:
                return
            if not boundary.classes:
                self._tip_row(None, "Predicted", number(float(values[0])))
                return
            for place in np.argsort(-values, kind="stable")[:5].tolist():
                self._tip_row(t.series[place % len(t.series)], _class_name(info, place), f"{values[place]:.1%}")

    def _tip_row(self, color: Color | None, name: str, value: str) -> None:
        kit, t = self.kit, self.kit.theme
        at = imgui.get_cursor_screen_pos()
        indent = kit.px(16) if color is not None else 0.0
        width = max(kit.px(150), kit.text_size(name, "regular", 14).x + kit.text_size(value, "mono", 13).x + kit.px(34))
        imgui.dummy(ImVec2(width, kit.px(18)))
        if color is not None:
            centre = at + kit.vec(5, 9)
            imgui.get_window_draw_list().add_circle_filled(centre, kit.px(4), u32(color))
        kit.draw_text(at + ImVec2(indent, 0), name, t.text if color is not None else t.text2, "regular", 14)
        left = at.x + width - kit.text_size(value, "mono", 13).x
        kit.draw_text(ImVec2(left, at.y + kit.px(1)), value, t.text, "mono", 13)

    # The legend

    def _named(self, info: DataInfo | None, boundary: Boundary | None) -> int:
        return len(info.classes) if info is not None and info.classes else boundary.classes if boundary else 0

    def _draw_legend(
        self,
        at: ImVec2,
        right: float,
        reach: Reach | None,
        info: DataInfo | None,
        boundary: Boundary | None,
        *,
        has_both: bool,
    ) -> None:
        kit, t = self.kit, self.kit.theme
        draw = imgui.get_window_draw_list()
        if reach is not None:
            low, high = number(reach.middle - reach.reach), number(reach.middle + reach.reach)
            sizes = [kit.text_size(text, "mono", 13).x for text in (low, high)]
            kit.draw_text(at, low, t.text2, "mono", 13)
            kit.draw_text(ImVec2(right - sizes[1], at.y), high, t.text2, "mono", 13)
            start = ImVec2(at.x + sizes[0] + kit.px(8), at.y + kit.px(5))
            end = ImVec2(right - sizes[1] - kit.px(8), start.y + kit.px(8))
            colors = self._memo.get("legend", (t.name,), lambda: np.array(diverging_table(t.name)[None]))
            reference = imgui.ImTextureRef(self._textures.of(colors))
            draw.add_image_rounded(reference, start, end, ImVec2(0, 0), ImVec2(1, 1), u32(WHITE), kit.px(3))
        else:
            x, y, count = at.x, at.y, self._named(info, boundary)
            for place in range(min(count, _MOST_NAMED)):
                name = widgets.shortened(kit, _class_name(info, place), kit.px(110), "regular", 13)
                width = kit.text_size(name, "regular", 13).x + kit.px(28)
                if x + width > right + kit.px(14) and x > at.x:
                    x, y = at.x, y + kit.px(19)
                color = t.series[place % len(t.series)]
                draw.add_circle_filled(ImVec2(x + kit.px(4), y + kit.px(8.5)), kit.px(4), u32(color))
                kit.draw_text(ImVec2(x + kit.px(14), y), name, t.text2, "regular", 13)
                x += width
            if has_both:
                self._draw_split_key(x, y, right)
        imgui.set_cursor_screen_pos(at)
        imgui.dummy(kit.vec(1, 18))

    def _draw_split_key(self, x: float, y: float, right: float) -> None:
        """Say which discs are of which split, where there is room in the line."""
        kit, t, draw = self.kit, self.kit.theme, imgui.get_window_draw_list()
        entries = [(name, kit.text_size(name, "regular", 13).x) for name in ("train", "validation")]
        room = sum(width for _, width in entries) + kit.px(14 * 2 + 14)
        if x + room > right:
            return
        x = right - room
        for name, width in entries:
            centre = ImVec2(x + kit.px(4), y + kit.px(8.5))
            if name == "train":
                draw.add_circle_filled(centre, kit.px(3.5), u32(t.text3))
            else:
                draw.add_circle(centre, kit.px(3.2), u32(t.text3), 0, kit.px(1.6))
            kit.draw_text(ImVec2(x + kit.px(14), y), name, t.text3, "regular", 13)
            x += width + kit.px(28)


def _agree(boundary: Boundary, info: DataInfo | None) -> bool:
    """Tell whether a plane can be of some data."""
    return info is not None and boundary.classes in (0, len(info.classes))


def _class_name(info: DataInfo | None, place: int) -> str:
    return info.classes[place] if info is not None and place < len(info.classes) else f"class {place}"


PANEL = DecisionPanel
