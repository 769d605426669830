"""Asks the network: about a sample of the data, or about what is drawn with the mouse."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from imgui_bundle import ImVec2, imgui, imgui_ctx
from numpy.typing import NDArray

from neuralforge.graph.datainfo import DataInfo
from neuralforge.ui import icons, widgets
from neuralforge.ui.answer_view import AnswerView, input_of
from neuralforge.ui.kit import Kit
from neuralforge.ui.look_state import (
    column,
    draw_missing,
    draw_step,
    info_of,
    is_plane,
    is_wide,
    of_run,
    step_text,
    when_answered,
)
from neuralforge.ui.own_runs import LOOP_HAS_SAMPLES
from neuralforge.ui.panel import Panel, Post
from neuralforge.ui.rows import u32
from neuralforge.ui.sketch import MNIST_FIT, Sketch, fit_of
from neuralforge.ui.textures import Textures
from neuralforge.ui.theme import BLACK, WHITE
from neuralforge.workbench.commands import TryDrawing, TrySample
from neuralforge.workbench.looks import Prediction
from neuralforge.workbench.series import SeriesBook
from neuralforge.workbench.view import DataView, RunView, View

Part = Literal["train", "validation", "test"]
Mode = Literal["sample", "draw"]

_PARTS: Final[tuple[Part, ...]] = ("validation", "test", "train")
_KNOWN_MODES: Final[tuple[Mode, ...]] = ("sample", "draw")
_MODES: Final = [("sample", "Sample", icons.IMAGE), ("draw", "Draw", icons.DRAW)]
_MODE_TIPS: Final = {
    "sample": "Ask the network about a sample of the data",
    "draw": "Draw a picture, and ask the network about it",
}
_PART_TIPS: Final = {
    "train": "Samples that the network learns from",
    "validation": "Samples that the network is checked on while it learns",
    "test": "Samples that are kept for the end",
}
_MEASURED: Final = 48
"""So many pictures say how drawings are to lie in their frames."""


class TryPanel(Panel):
    """A sample or a drawing, and what the network says to it now."""

    key = "try"
    title = "Try it"
    icon = icons.DRAW
    docks = {"build": "hidden", "train": "right"}
    order = 20
    help = "Ask the network about a sample, or draw one, while it trains"
    wants = frozenset({"prediction"})

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._answers = AnswerView(kit)
        self._textures = Textures(kit, max_entries=3)
        self._mode: Mode = "sample"
        self._part: Part = "validation"
        self._sample = 0
        self._sketch: Sketch | None = None
        self._centred, self._inverted, self._fit = True, False, MNIST_FIT
        self._measured: DataView | None = None
        self._asked_of: SeriesBook | None = None
        self._pen: tuple[float, float] | None = None
        self._paper: tuple[tuple[Sketch, int, bool], NDArray[np.uint8]] | None = None
        self._random = np.random.default_rng()

    def forget(self) -> None:
        """Let go of the pictures."""
        self._answers.forget()
        self._textures.forget()
        self._paper = None

    @classmethod
    def leads(cls, view: View) -> bool:
        """Return whether single samples show more than the plane could."""
        run = view.run
        return view.data.points is None if run is None else not run.own_loop and not is_plane(run, view.data)

    def draw(self, view: View, post: Post) -> None:
        """Draw what can be asked, and the answer."""
        view = of_run(view)
        if view.run is not None and view.run.own_loop:
            widgets.empty(self.kit, icons.DRAW, "Nothing to try", LOOP_HAS_SAMPLES)
            return
        words = "Train a network, and see here what it says to a sample, or to what you draw."
        if draw_missing(self.kit, view, post, icons.DRAW, "Nothing to try yet", words):
            return
        run = view.run
        assert run is not None
        info = info_of(run, view.data)
        parts = [part for part in _PARTS if view.data.splits.get(part)]
        if info is None or not parts:
            self._draw_other_data(view, run)
            return
        sketch = self._prepare(view, info)
        self._begin(run, view.data, parts, post)
        if is_wide(self.kit):
            with column(self.kit, "asked", self.kit.px(300), first=True):
                self._draw_controls(run, sketch, parts, view, post)
            with column(self.kit, "answer", 0):
                self._draw_answer(run, sketch, info, view, post, wide=True)
            return
        is_drawing = sketch is not None and self._mode == "draw"
        if is_drawing:
            self._draw_modes(run.prediction, post)
        else:
            self._draw_controls(run, sketch, parts, view, post)
        self._draw_answer(run, sketch, info, view, post, wide=False)

    def _draw_other_data(self, view: View, run: RunView) -> None:
        if view.data.state == "loading":
            widgets.empty(self.kit, icons.WAIT, "Data is being loaded", "Samples can be tried in a moment.")
            return
        words = f"This run trains on {run.data or 'its data'}. Choose the same data again to pick samples of it."
        widgets.empty(self.kit, icons.DATA, "Other data is chosen", words)

    # Asking

    def _prepare(self, view: View, info: DataInfo) -> Sketch | None:
        """Return the paper to draw on; None where there is nothing to draw."""
        if info.kind != "image" or len(info.input_shape) != 3 or view.task == "segmentation":
            return None
        shape = (info.input_shape[0], info.input_shape[1], info.input_shape[2])
        if self._sketch is None or self._sketch.shape != shape:
            self._sketch = Sketch(shape)
        if self._measured is not view.data:
            self._measured = view.data
            pictures = view.data.thumbnails[:_MEASURED]
            self._fit, self._inverted = fit_of(shown.rgba[..., :3].mean(-1) / 255 for shown in pictures)
        return self._sketch

    def _begin(self, run: RunView, data: DataView, parts: list[Part], post: Post) -> None:
        """Ask once by itself when a run is there that was not asked anything."""
        if self._part not in parts:
            self._part, self._sample = parts[0], 0
        self._sample = max(0, min(self._sample, data.splits[self._part] - 1))
        if self._asked_of is run.series:
            return
        self._asked_of = run.series
        if run.prediction is None:
            self._ask(post)

    def _ask(self, post: Post) -> None:
        sketch = self._sketch
        if self._mode == "sample" or sketch is None:
            post(TrySample(self._sample, self._part))
        elif not sketch.is_blank:
            post(TryDrawing(sketch.image(centred=self._centred, inverted=self._inverted, fit=self._fit)))

    def _draw_controls(self, run: RunView, sketch: Sketch | None, parts: list[Part], view: View, post: Post) -> None:
        """Draw what can be asked: modes, then splits and samples, or tools."""
        if sketch is not None:
            self._draw_modes(run.prediction, post)
        if sketch is not None and self._mode == "draw":
            self._draw_tools(sketch, post)
        else:
            self._draw_sample(run, parts, view, post, has_modes=sketch is not None)

    def _draw_answer(
        self, run: RunView, sketch: Sketch | None, info: DataInfo, view: View, post: Post, *, wide: bool
    ) -> None:
        prediction = run.prediction
        if sketch is not None and self._mode == "draw":
            self._draw_drawing(run, sketch, info, view, post, wide=wide)
        elif prediction is None or prediction.split is None:
            widgets.text(self.kit, f"The answer comes {when_answered(run)}.", self.kit.theme.text3, size_px=14)
        else:
            self._answers.draw(prediction, info, view.task)

    def _draw_modes(self, prediction: Prediction | None, post: Post) -> None:
        clicked = widgets.segmented(self.kit, "mode", _MODES, self._mode, tips=_MODE_TIPS)
        for mode in _KNOWN_MODES:
            if mode == clicked and mode != self._mode:
                self._mode = mode
                self._ask(post)
        self._draw_step(prediction)

    def _draw_step(self, prediction: Prediction | None) -> None:
        draw_step(self.kit, step_text(prediction.step) if prediction is not None else "")

    # A sample

    def _draw_sample(self, run: RunView, parts: list[Part], view: View, post: Post, *, has_modes: bool) -> None:
        kit = self.kit
        options = [(part, part.capitalize(), "") for part in parts]
        chosen = widgets.segmented(kit, "split", options, self._part, tips=_PART_TIPS)
        for part in parts:
            if part == chosen and part != self._part:
                self._part, self._sample = part, 0
                self._ask(post)
        if not has_modes:
            self._draw_step(run.prediction)
        self._draw_number(view.data.splits[self._part], post)
        imgui.dummy(kit.vec(0, 1))

    def _draw_number(self, count: int, post: Post) -> None:
        kit = self.kit
        wanted = self._sample
        if widgets.icon_button(kit, icons.LEFT, "previous sample", "Previous sample", enabled=wanted > 0, size_px=32):
            wanted -= 1
        imgui.same_line(0, kit.px(4))
        imgui.set_next_item_width(kit.px(84))
        with kit.font("mono", 15), imgui_ctx.push_style_var(imgui.StyleVar_.frame_padding, kit.vec(10, 7)):
            changed, typed = imgui.input_int("##sample", wanted, 0, 0)
            widgets.focus_ring(kit)
        if kit.marks.on:
            low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
            kit.marks.note("field/sample", low.x, low.y, high.x, high.y)
        widgets.tooltip(kit, f"Position in the {self._part} split, from 0 to {count - 1:,}")
        if changed:
            wanted = typed
        imgui.same_line(0, kit.px(4))
        if widgets.icon_button(
            kit, icons.RIGHT, "next sample", "Next sample", enabled=self._sample < count - 1, size_px=32
        ):
            wanted += 1
        imgui.same_line(0, kit.px(8))
        if widgets.icon_button(kit, icons.SHUFFLE, "random sample", "A sample by chance", size_px=32):
            wanted = int(self._random.integers(count))
        draw_step(kit, f"of {count:,}")
        wanted = max(0, min(wanted, count - 1))
        if wanted != self._sample:
            self._sample = wanted
            self._ask(post)

    # A drawing

    def _draw_drawing(
        self,
        run: RunView,
        sketch: Sketch,
        info: DataInfo,
        view: View,
        post: Post,
        *,
        wide: bool,
    ) -> None:
        kit, t, prediction = self.kit, self.kit.theme, run.prediction
        room = imgui.get_content_region_avail()
        below = 24 if wide else 20 + 40 + 5 * 29 + 16
        side = round(max(kit.px(84), min((room.x - kit.px(12)) / (3 if wide else 2), room.y - kit.px(below))))
        answer = prediction if prediction is not None and prediction.split is None and not sketch.is_blank else None
        before = sketch.revision
        start = imgui.get_cursor_screen_pos()
        self._draw_pad(sketch, side)
        imgui.set_cursor_screen_pos(ImVec2(start.x + side + kit.px(12), start.y))
        if answer is not None and answer.input.ndim == 3:
            self._answers.draw_picture(
                "seen", lambda: input_of(answer), (answer,), ImVec2(side, side), "What the network sees"
            )
        else:
            at = imgui.get_cursor_screen_pos()
            imgui.get_window_draw_list().add_rect_filled(at, at + ImVec2(side, side), u32(t.field), kit.px(4))
            words = "What the network sees"
            kit.draw_text(at + ImVec2(0, side + kit.px(4)), words, t.text3, "regular", 13)
            imgui.dummy(ImVec2(side, side + kit.px(20)))
        if before != sketch.revision:
            self._ask(post)
        if wide:
            imgui.set_cursor_screen_pos(ImVec2(start.x + 2 * side + kit.px(12 + 18), start.y))
        else:
            imgui.set_cursor_screen_pos(ImVec2(start.x, start.y + side + kit.px(26)))
            self._draw_tools(sketch, post)
            imgui.dummy(kit.vec(0, 1))
        if answer is not None:
            self._answers.draw_result(answer, info, view.task)
        else:
            later = f"The answer comes {when_answered(run)}."
            words = "The network answers while you draw." if sketch.is_blank else later
            widgets.text(kit, words, t.text3, size_px=14)

    def _draw_pad(self, sketch: Sketch, side: float) -> None:
        kit, t = self.kit, self.kit.theme
        at = imgui.get_cursor_screen_pos()
        height, width = sketch.paper_hw.shape
        longer = max(height, width)
        size = ImVec2(side * width / longer, side * height / longer)
        imgui.invisible_button("##pad", size)
        hovered, held = imgui.is_item_hovered(), imgui.is_item_active()
        mouse, draw = imgui.get_io().mouse_pos, imgui.get_window_draw_list()
        place = (mouse.x - at.x) / size.x, (mouse.y - at.y) / size.y
        if held and place != self._pen:
            sketch.stroke(self._pen or place, place)
        self._pen = place if held else None
        reference = imgui.ImTextureRef(self._textures.of(self._pad_picture(sketch)))
        draw.add_image_rounded(reference, at, at + size, ImVec2(0, 0), ImVec2(1, 1), u32(WHITE), kit.px(4))
        edge = t.accent if held else t.border_strong
        draw.add_rect(at, at + size, u32(edge), kit.px(4), kit.px(1.5) if held else 1)
        if sketch.is_blank:
            words = "Draw here"
            ink = BLACK.fade(0.55) if self._inverted else WHITE.fade(0.55)
            room = kit.text_size(words, "regular", 14)
            kit.draw_text(at + (size - room) * 0.5, words, ink, "regular", 14)
        if hovered or held:
            ring = BLACK.fade(0.6) if self._inverted else WHITE.fade(0.6)
            draw.add_circle(mouse, sketch.brush_radius / longer * side, u32(ring))
        if kit.marks.on:
            kit.marks.note("pad/drawing", at.x, at.y, at.x + size.x, at.y + size.y)
        kit.draw_text(at + ImVec2(0, side + kit.px(4)), "Your drawing", t.text3, "regular", 13)

    def _pad_picture(self, sketch: Sketch) -> NDArray[np.uint8]:
        known, stamp = self._paper, (sketch, sketch.revision, self._inverted)
        if known is not None and known[0] == stamp:
            return known[1]
        levels = np.rint((1 - sketch.paper_hw if self._inverted else sketch.paper_hw) * 255).astype(np.uint8)
        rgba = np.full((*levels.shape, 4), 255, np.uint8)
        rgba[..., :3] = levels[..., None]
        self._paper = stamp, rgba
        return rgba

    def _draw_tools(self, sketch: Sketch, post: Post) -> None:
        kit, top = self.kit, imgui.get_cursor_screen_pos().y
        before = self._centred, self._inverted
        if widgets.button(kit, "Clear", icons.ERASE, tip="Take an empty paper", enabled=not sketch.is_blank):
            sketch.clear()
        self._centred ^= self._switch(
            "Centre", self._centred, top, "Scale the drawing and move it to the middle, as the pictures of the data are"
        )
        self._inverted ^= self._switch("Invert", self._inverted, top, "Draw black on white")
        if before != (self._centred, self._inverted):
            self._ask(post)

    def _switch(self, label: str, on: bool, top: float, tip: str) -> bool:
        """Draw a switch with its name on a row of buttons, and return whether it was flipped."""
        kit = self.kit
        imgui.same_line(0, kit.px(14))
        at = ImVec2(imgui.get_cursor_screen_pos().x, top + kit.px(7))
        imgui.set_cursor_screen_pos(at)
        flipped = widgets.toggle(kit, label, on, tip=tip)
        kit.draw_text(at + kit.vec(39, 0), label, kit.theme.text2)
        imgui.set_cursor_screen_pos(ImVec2(at.x + kit.px(39), top))
        imgui.dummy(ImVec2(kit.text_size(label).x, kit.px(32)))
        return flipped


PANEL = TryPanel
