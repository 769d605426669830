"""The health of the layers of a run: how far updates move the weights, gradients over time, what a layer holds."""

from __future__ import annotations

import math
from typing import Final

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui import icons, widgets
from neuralforge.ui.kit import Kit
from neuralforge.ui.layer_health import (
    GOOD,
    RAIL,
    LayerRow,
    Strips,
    frozen_since,
    rows_of,
    strips_of,
    weight_rows_of,
)
from neuralforge.ui.look_state import COLUMN_GAP_PX, column, draw_missing, is_wide, step_text, when_answered
from neuralforge.ui.map_pictures import MapPictures
from neuralforge.ui.memo import Memo
from neuralforge.ui.own_runs import class_of, is_own, looked_at
from neuralforge.ui.panel import Panel, Post
from neuralforge.ui.plots import fraction
from neuralforge.ui.rows import Row, row, u32, visible, write, write_right
from neuralforge.ui.stats_view import StatsView
from neuralforge.ui.textures import Textures
from neuralforge.ui.theme import WHITE
from neuralforge.workbench.commands import LookAtModule, Select
from neuralforge.workbench.looks import LayersLook
from neuralforge.workbench.view import RunView, View

_ROW_PX: Final = 22.0
_VALUE_PX: Final = 44.0


class LayersPanel(Panel):
    """Ratios, gradients, and the weights and activations of the selected node."""

    key = "layers"
    title = "Health"
    icon = icons.HEALTH
    docks = {"build": "hidden", "train": "lower right"}
    order = 10
    help = "How healthy the layers are: updates, gradients, weights and activations"
    wants = frozenset({"gradients", "node"})

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._textures = Textures(kit, max_entries=2)
        self._memo = Memo()
        self._stats = StatsView(kit)
        self._maps = MapPictures(kit)

    @classmethod
    def wants_of(cls, view: View) -> frozenset[str]:
        """Return what it shows of a run: of a network that was not drawn here the outputs of a module, too."""
        return cls.wants | {"maps"} if view.run is not None and view.run.modules is not None else cls.wants

    def forget(self) -> None:
        """Let go of the pictures."""
        self._textures.forget()
        self._maps.forget()
        self._memo.clear()

    @classmethod
    def leads(cls, view: View) -> bool:
        """Return whether a loop of the person's own trains, whose samples no other panel can show."""
        return view.run is not None and view.run.own_loop

    def draw(self, view: View, post: Post) -> None:
        """Draw the layers, or what they are for."""
        words = "Train a network, and see here how its layers learn."
        if draw_missing(self.kit, view, post, icons.HEALTH, "No layers to watch", words):
            return
        run = view.run
        assert run is not None
        layers, gradients = run.layers, run.gradients
        if layers is None or gradients is None or not len(gradients.steps):
            if layers is not None and (run.own_data is not None or (is_own(run) and not run.live)):
                self._draw_opened(layers, run, view, post)
                return
            line = "Gradients are measured while the run trains and this panel can be seen."
            widgets.empty(self.kit, icons.WAIT, "Nothing measured yet", line)
            self._draw_node(view, run)
            return
        stamp = (layers, run.document, run.modules)
        rows = self._memo.get("rows", stamp, lambda: rows_of(layers, run.document, run.modules))
        strips = self._memo.get("strips", (gradients,), lambda: strips_of(gradients))
        names = self._memo.get("widest", (rows, self.kit.scale), lambda: self._widest(rows))
        frozen = self._memo.get("frozen", (run.events,), lambda: frozen_since(run.events))
        dense = self.kit.vec(8, 0)
        if is_wide(self.kit):
            room = imgui.get_content_region_avail().x - self.kit.px(2 * COLUMN_GAP_PX)
            spacing = imgui.StyleVar_.item_spacing
            with column(self.kit, "ratios", room * 0.32, first=True), imgui_ctx.push_style_var(spacing, dense):
                self._draw_head("Update / weight ratio", "log10", _RATIO_TIP)
                self._draw_ratios(rows, names, view, post)
            with column(self.kit, "gradients", room * 0.36), imgui_ctx.push_style_var(spacing, dense):
                self._draw_head("Gradient norm by layer", strips.hint, _NORM_TIP)
                self._draw_strips(rows, strips, names, frozen, view, post)
            with column(self.kit, "node", 0):
                self._draw_node(view, run, line=False)
            return
        with imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, dense):
            self._draw_head("Update / weight ratio", "log10", _RATIO_TIP)
            self._draw_ratios(rows, names, view, post)
            widgets.hairline(self.kit, 9, 9)
            self._draw_head("Gradient norm by layer", strips.hint, _NORM_TIP)
            self._draw_strips(rows, strips, names, frozen, view, post)
        self._draw_node(view, run)

    def _draw_opened(self, layers: LayersLook, run: RunView, view: View, post: Post) -> None:
        """Draw what can be told of weights that do not change."""
        stamp = (layers, run.document, run.modules)
        rows = self._memo.get("weights", stamp, lambda: weight_rows_of(layers, run.document, run.modules))
        names = self._memo.get("widest", (rows, self.kit.scale), lambda: self._widest(rows))
        if is_wide(self.kit):
            room = imgui.get_content_region_avail().x
            with column(self.kit, "weights", room * 0.42, first=True):
                self._draw_weights(layers, rows, names, view, post)
            with column(self.kit, "node", 0):
                self._draw_node(view, run, line=False)
            return
        self._draw_weights(layers, rows, names, view, post)
        self._draw_node(view, run)

    def _draw_weights(
        self, layers: LayersLook, rows: tuple[LayerRow, ...], names: float, view: View, post: Post
    ) -> None:
        kit, t = self.kit, self.kit.theme
        with imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, kit.vec(8, 0)):
            self._draw_head("Weight norm by layer", step_text(layers.step), _WEIGHT_TIP)
            for place in visible(len(rows), kit.px(_ROW_PX)):
                layer = rows[place]
                drawn, _, right, middle = self._begin_row("weight", layer, names, view, post, _VALUE_PX)
                if layer.ratio_state == "frozen":
                    write_right(kit, right - kit.px(8), middle, icons.FREEZE, t.info, "regular", 13)
                write_right(kit, drawn.end.x - kit.px(4), middle, layer.ratio_text, t.text)
            imgui.dummy(kit.vec(0, 7))
        widgets.wrapped(kit, _NOT_OPENED, t.text3)

    def _draw_head(self, title: str, hint: str, tip: str) -> None:
        widgets.text(self.kit, title, self.kit.theme.text2, "semibold", 14)
        widgets.tooltip(self.kit, tip)
        widgets.mono_right(self.kit, hint, self.kit.theme.text3)
        imgui.dummy(self.kit.vec(0, 5))

    def _widest(self, rows: tuple[LayerRow, ...]) -> float:
        """Return how much room the names take, in pixels of the screen."""
        return max((self.kit.text_size(row.name, "mono", 13).x for row in rows), default=0.0)

    # Rows

    def _draw_ratios(self, rows: tuple[LayerRow, ...], names: float, view: View, post: Post) -> None:
        kit, t = self.kit, self.kit.theme
        draw = imgui.get_window_draw_list()
        good = [fraction(value, RAIL) for value in GOOD]
        for place in visible(len(rows), kit.px(_ROW_PX)):
            layer = rows[place]
            drawn, left, right, middle = self._begin_row("ratio", layer, names, view, post, _VALUE_PX)
            low, high = ImVec2(left, middle - kit.px(3)), ImVec2(right, middle + kit.px(3))
            draw.add_rect_filled(low, high, u32(t.hover), kit.px(3))
            zone = ImVec2(left + (right - left) * good[0], low.y), ImVec2(left + (right - left) * good[1], high.y)
            draw.add_rect_filled(*zone, u32(t.success.fade(0.28 if t.name == "dark" else 0.24)))
            if layer.ratio_state == "frozen":
                write_right(kit, drawn.end.x - kit.px(4), middle, icons.FREEZE, t.info, "regular", 13)
                continue
            ink = t.success if layer.ratio_state == "good" else t.warning
            if layer.ratio is not None:
                share = fraction(layer.ratio, RAIL) if math.isfinite(layer.ratio) else 0.0
                x = left + (right - left) * min(1.0, max(0.0, share))
                draw.add_circle_filled(ImVec2(x, middle), kit.px(4), u32(ink))
            color = t.text if layer.ratio_state in ("good", "none") else t.warning
            write_right(kit, drawn.end.x - kit.px(4), middle, layer.ratio_text, color)

    def _draw_strips(
        self,
        rows: tuple[LayerRow, ...],
        strips: Strips,
        names: float,
        frozen: dict[str, int],
        view: View,
        post: Post,
    ) -> None:
        kit, t = self.kit, self.kit.theme
        draw = imgui.get_window_draw_list()
        reference = imgui.ImTextureRef(self._textures.of(strips.rgba))
        count = strips.rgba.shape[0]
        for place in visible(len(rows), kit.px(_ROW_PX)):
            layer = rows[place]
            _, left, right, middle = self._begin_row("gradient", layer, names, view, post, 0)
            low, high = ImVec2(left, middle - kit.px(8)), ImVec2(right, middle + kit.px(8))
            draw.add_rect_filled(low, high, u32(t.field), kit.px(3))
            words = self._words(layer, strips, frozen)
            if words:
                shown = widgets.shortened(kit, words, right - left - kit.px(14), "regular", 13)
                write(kit, left + kit.px(8), middle, shown, t.text3, "regular", 13)
                continue
            y = (strips.places[layer.node] + 0.5) / count  # of one row alone, however the card mixes neighbours
            draw.add_image_rounded(reference, low, high, ImVec2(0, y), ImVec2(1, y), u32(WHITE), kit.px(3))
            if layer.norm_state in ("vanishing", "exploding"):
                ink = t.warning if layer.norm_state == "vanishing" else t.danger
                draw.add_rect(low, high, u32(ink), kit.px(3), kit.px(1.5))

    def _words(self, layer: LayerRow, strips: Strips, frozen: dict[str, int]) -> str:
        """Return what stands in place of a strip; "" where there is one."""
        if layer.norm_state == "frozen":
            step = frozen.get(layer.node)
            return f"frozen since step {step:,}" if step is not None else "frozen"
        return "no gradient" if layer.node not in strips.places or layer.node in strips.without else ""

    def _begin_row(
        self, kind: str, layer: LayerRow, names: float, view: View, post: Post, value_px: float
    ) -> tuple[Row, float, float, float]:
        """Draw what both lists have; return the row, left and right of what is left, and its middle."""
        kit, t = self.kit, self.kit.theme
        drawn = row(kit, f"{kind}/{layer.node}", _ROW_PX, chosen=self._chosen(view) == layer.target)
        run = view.run
        is_module = run is not None and run.modules is not None
        known = is_module or layer.node in view.document.document.graph.nodes
        if drawn.clicked and is_module:
            post(LookAtModule(layer.target))
        elif drawn.clicked and known:
            post(Select(frozenset({layer.node})))
        if drawn.hovered:
            more = "\nClick to look at it." if is_module else "\nClick to select it."
            widgets.tooltip(kit, layer.tip + (more if known else "\nThe network on the canvas has no such node."))
        if kit.marks.on:
            kit.marks.note(f"{kind}/{layer.node}", drawn.at.x, drawn.at.y, drawn.end.x, drawn.end.y)
        width, middle = drawn.end.x - drawn.at.x, (drawn.at.y + drawn.end.y) / 2
        bar = ImVec2(drawn.at.x, middle - kit.px(6))
        draw = imgui.get_window_draw_list()
        draw.add_rect_filled(bar, bar + kit.vec(3, 12), u32(t.category(layer.category)))
        start = drawn.at.x + kit.px(11)
        room = min(names, width * 0.40)
        ink = {"vanishing": t.warning, "exploding": t.danger, "frozen": t.text3}.get(layer.norm_state, t.text2)
        name = widgets.shortened_left(kit, layer.name, room, "mono", 13)
        write(kit, start, middle, name, ink, "mono", 13)
        left = start + max(room, min(kit.px(84), width * 0.3)) + kit.px(12)
        return drawn, left, drawn.end.x - kit.px(value_px), middle

    # The selected node

    def _chosen(self, view: View) -> str | None:
        """Return the node, or the path of the module, that the lower part is about."""
        run = view.run
        return looked_at(run) if run is not None and run.modules is not None else view.document.selected

    def _draw_node(self, view: View, run: RunView, *, line: bool = True) -> None:
        kit, t = self.kit, self.kit.theme
        selected, look = self._chosen(view), run.node
        is_there = run.modules is not None or selected in run.document.graph.nodes
        if selected is None or not is_there:
            if run.layers is not None:
                if line:
                    imgui.dummy(kit.vec(0, 2))
                    widgets.hairline(kit)
                widgets.wrapped(kit, "Click a layer to see its weights and activations.", t.text3)
            return
        known = look is not None and look.node == selected
        hint = step_text(look.step) if known and look is not None else ""
        room = imgui.get_content_region_avail().x - kit.text_size(hint, "mono", 13).x - kit.px(16)
        title = selected if run.modules is None else selected or class_of(run)
        widgets.section(kit, widgets.shortened_left(kit, title, room, "semibold", 14), hint, line=line)
        if not known or look is None:
            widgets.text(kit, f"It is measured {when_answered(run)}.", t.text3, size_px=14)
            return
        if look.weights is not None:
            self._stats.draw("Weights", look.weights, t.accent)
        if look.activations is not None:
            self._stats.draw("Activations", look.activations, t.series[2])
        if look.weights is None and look.activations is None:
            what = "node" if run.modules is None else "module"
            widgets.wrapped(kit, f"The network does not use this {what}.", t.text3)
        maps = run.maps
        if run.modules is not None and maps is not None and maps.node == selected:  # of others the inspector has them
            widgets.section(kit, "Output on pinned sample", step_text(maps.step))
            self._maps.draw(maps)


_RATIO_TIP: Final = (
    "How far an update moves the weights of a layer, beside how large they are. Around -3 (a thousandth) is usually "
    "right; the green zone goes ten times to either side."
)
_WEIGHT_TIP: Final = "How large the weights of each layer are: the Euclidean norm over all of them."
_NOT_OPENED: Final = "Updates and gradients are measured only while a run trains in this window."
_NORM_TIP: Final = "The size of each layer's gradient over time: bright is large. All rows share one logarithmic scale."

PANEL = LayersPanel
