"""Draws what a network said to a sample: bars of classes, numbers, pictures, features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from imgui_bundle import ImVec2, imgui
from numpy.typing import NDArray

from neuralforge.graph.datainfo import DataInfo, Task
from neuralforge.ui import answers, icons, widgets
from neuralforge.ui.heat import enlarged
from neuralforge.ui.kit import Kit
from neuralforge.ui.memo import Memo
from neuralforge.ui.numbers import number
from neuralforge.ui.rows import u32, visible, write, write_right
from neuralforge.ui.textures import Textures
from neuralforge.ui.theme import BLACK, WHITE
from neuralforge.workbench.looks import Prediction

_ROW_PX: Final = 29.0
_FEATURE_PX: Final = 22.0
_GAP_PX: Final = 12.0
_LEAST_BARS_PX: Final = 130.0
_CAPTION_PX: Final = 20.0


class AnswerView:
    """Draws answers, and keeps what was derived from the last one.

    Args:
        kit: The kit.
    """

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self._textures = Textures(kit, max_entries=8)
        self._memo = Memo()

    def forget(self) -> None:
        """Let go of the pictures."""
        self._textures.forget()
        self._memo.clear()

    def draw(self, prediction: Prediction, info: DataInfo, task: Task | None) -> None:
        """Draw an answer with the sample that it is about, over the width of the panel.

        Args:
            prediction: The answer.
            info: Facts about the data.
            task: What the open network learns.
        """
        if prediction.image is not None:
            self._draw_images(prediction, info, task)
        elif prediction.input.ndim == 3:
            self._draw_beside(prediction, info)
        else:
            self._draw_result(prediction, info)
            self._draw_input(prediction, info)

    def draw_result(self, prediction: Prediction, info: DataInfo, task: Task | None) -> None:
        """Draw an answer whose sample is shown already."""
        if prediction.image is not None:
            self._draw_pair(prediction, info, task, both=False)
        else:
            self._draw_result(prediction, info)

    # Pictures

    def draw_picture(
        self, key: str, make: Callable[[], NDArray[np.uint8]], stamp: tuple[object, ...], size: ImVec2,
        caption: str = "",
    ) -> None:  # fmt: skip
        """Draw a picture with crisp pixels at the cursor, as large as it fits into a place.

        Args:
            key: Its name among the pictures of the panel.
            make: Makes it, [H, W, 4].
            stamp: What it depends on.
            size: The place, in pixels of the screen.
            caption: Written below.
        """
        kit, t = self.kit, self.kit.theme
        side = int(max(size.x, size.y))
        rgba = self._memo.get(key, (*stamp, side), lambda: enlarged(make(), min(side, 1024)))
        scale = min(size.x / rgba.shape[1], size.y / rgba.shape[0])
        shown = ImVec2(round(rgba.shape[1] * scale), round(rgba.shape[0] * scale))
        place = imgui.get_cursor_screen_pos()
        at = place + ImVec2(round((size.x - shown.x) / 2), 0)
        draw = imgui.get_window_draw_list()
        draw.add_rect_filled(at, at + shown, u32(t.field), kit.px(4))
        reference = imgui.ImTextureRef(self._textures.of(rgba))
        draw.add_image_rounded(reference, at, at + shown, ImVec2(0, 0), ImVec2(1, 1), u32(WHITE), kit.px(4))
        draw.add_rect(at, at + shown, u32(t.border), kit.px(4))
        if caption:
            words = widgets.shortened(kit, caption, size.x, "regular", 13)
            kit.draw_text(ImVec2(at.x, at.y + shown.y + kit.px(4)), words, t.text3, "regular", 13)
        imgui.dummy(size + ImVec2(0, kit.px(_CAPTION_PX) if caption else 0))

    def side(self, least_beside_px: float, rows_px: float) -> float:
        """Return how large a picture may be beside something, in pixels of the screen."""
        kit, room = self.kit, imgui.get_content_region_avail()
        beside = room.x - kit.px(least_beside_px + _GAP_PX)
        below = kit.px(_CAPTION_PX) + imgui.get_style().item_spacing.y
        tall = room.y - below  # in a low strip the caption is to be seen without scrolling
        return max(kit.px(72), min(beside, room.x * 0.46, max(min(kit.px(rows_px), tall), tall - kit.px(14))))

    def _draw_beside(self, prediction: Prediction, info: DataInfo) -> None:
        """Draw an image, and the answer to its right."""
        kit = self.kit
        side = self.side(_LEAST_BARS_PX, 5 * _ROW_PX)
        top = imgui.get_cursor_screen_pos()
        self.draw_picture("input", lambda: input_of(prediction), (prediction,), ImVec2(side, side), _name(prediction))
        bottom = imgui.get_cursor_screen_pos()
        imgui.set_cursor_screen_pos(ImVec2(top.x + side + kit.px(_GAP_PX), top.y))
        height = self._draw_result(prediction, info)
        imgui.set_cursor_screen_pos(ImVec2(top.x, max(bottom.y, top.y + height)))
        imgui.dummy(ImVec2(0, 0))

    def _draw_images(self, prediction: Prediction, info: DataInfo, task: Task | None) -> None:
        self._draw_pair(prediction, info, task, both=True)

    def _draw_pair(self, prediction: Prediction, info: DataInfo, task: Task | None, *, both: bool) -> None:
        """Draw an image, what the network made of it, and what is right where that is another thing."""
        t = self.kit.theme
        stamp = (prediction, t.name)
        makers: list[tuple[str, str, Callable[[], NDArray[np.uint8]]]] = []
        image, target = prediction.image, prediction.target
        assert image is not None
        again = answers.is_reconstruction(prediction, task)
        if both:
            makers.append(("input", _name(prediction), lambda: input_of(prediction)))
        if again:
            makers.append(("output", "Reconstructed", lambda: answers.pair_pictures(prediction)[1]))
        else:
            makers.append(("output", "Predicted", lambda: answers.class_map(image, t.series)))
            if isinstance(target, np.ndarray):
                makers.append(("target", "Right", lambda: answers.class_map(target, t.series)))
        self._draw_row(makers, stamp)
        fact = self._memo.get("fact", (prediction, again), lambda: _fact(prediction, again=again))
        if fact is not None:
            widgets.fact(self.kit, *fact)
        if not again:
            self._draw_key(info)

    def _draw_row(
        self, makers: list[tuple[str, str, Callable[[], NDArray[np.uint8]]]], stamp: tuple[object, ...]
    ) -> None:
        kit, room = self.kit, imgui.get_content_region_avail()
        columns = min(len(makers), 2 if room.x < kit.px(420) else 3)
        side = (room.x - kit.px(_GAP_PX) * (columns - 1)) / columns
        if len(makers) <= columns:
            side = min(side, max(kit.px(72), room.y - kit.px(_CAPTION_PX + 34)))
        for place, (key, caption, make) in enumerate(makers):
            if place % columns:
                imgui.same_line(0, kit.px(_GAP_PX))
            self.draw_picture(key, make, stamp, ImVec2(side, side), caption)

    def _draw_key(self, info: DataInfo) -> None:
        kit, t = self.kit, self.kit.theme
        for place, name in enumerate(info.classes[:8]):
            widgets.dot(kit, t.series[place % len(t.series)], radius_px=4)
            imgui.same_line(0, kit.px(8))
            widgets.text(kit, name, t.text2, size_px=13)

    # Results

    def _draw_result(self, prediction: Prediction, info: DataInfo) -> float:
        """Draw classes or numbers; return the height that they take."""
        if prediction.probabilities is not None:
            return self._draw_guesses(prediction, info)
        rows = self._memo.get("estimates", (prediction,), lambda: answers.estimates(prediction))
        if prediction.input.ndim == 1 and rows and self._features(prediction, info)[0][2]:
            return self._draw_error(prediction)  # the sample again: its numbers stand beside the features
        return self._draw_estimates(rows)

    def _draw_guesses(self, prediction: Prediction, info: DataInfo) -> float:
        kit, t = self.kit, self.kit.theme
        rows = self._memo.get("guesses", (prediction, info), lambda: answers.guesses(prediction, info))
        at, width = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
        draw, tall = imgui.get_window_draw_list(), kit.px(_ROW_PX)
        best = max(range(len(rows)), key=lambda place: rows[place].probability, default=-1)
        for place, row in enumerate(rows):
            top = at.y + tall * place
            leads, wrong = place == best, place == best and row.is_right is False
            ink = t.danger if wrong else t.text if leads or row.is_right else t.text2
            middle, right = top + kit.px(10), at.x + width
            left = write_right(kit, right, middle, row.percent, ink)
            room = left - at.x - kit.px(8)
            mark = (icons.CHECK, t.success) if row.is_right else (icons.CLOSE, t.danger) if wrong else None
            name = widgets.shortened(kit, row.name, room - (kit.px(20) if mark else 0), "regular", 15)
            write(kit, at.x, middle, name, ink)
            if mark is not None:
                x = at.x + kit.text_size(name, "regular", 15).x + kit.px(7)
                write(kit, x, middle, mark[0], mark[1], "regular", 13)
            low = ImVec2(at.x, round(top + kit.px(21)))
            draw.add_rect_filled(low, ImVec2(right, low.y + kit.px(4)), u32(t.hover), kit.px(2))
            done = width * min(1.0, max(0.0, row.probability))
            if done >= 1:
                fill = t.danger if wrong else t.accent_fill if leads else t.success if row.is_right else t.text3
                draw.add_rect_filled(low, ImVec2(at.x + done, low.y + kit.px(4)), u32(fill), kit.px(2))
        imgui.dummy(ImVec2(width, tall * len(rows)))
        return float(tall * len(rows))

    def _draw_estimates(self, rows: tuple[answers.Estimate, ...]) -> float:
        kit, t = self.kit, self.kit.theme
        at, width, line = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x, kit.px(26)
        y = at.y
        for row in rows:
            for label, value, ink, size_px in (
                (row.name, row.value, t.text, 15),
                ("Target" if row.target else "", row.target, t.text2, 15),
                ("Off by" if row.off else "", row.off, t.text3, 13),
            ):
                if label:
                    write(kit, at.x, y + line / 2, label, t.text2)
                    write_right(kit, at.x + width, y + line / 2, value, ink, "mono", size_px)
                    y += line
            y += kit.px(4)
        imgui.dummy(ImVec2(width, y - at.y))
        return float(y - at.y)

    def _draw_error(self, prediction: Prediction) -> float:
        fact = self._memo.get("fact", (prediction, True), lambda: _fact(prediction, again=True))
        if fact is not None:
            widgets.fact(self.kit, *fact)
        return self.kit.px(24)

    # Samples that are no images

    def _features(self, prediction: Prediction, info: DataInfo) -> tuple[tuple[str, str, str], ...]:
        return self._memo.get("features", (prediction, info), lambda: answers.features(prediction, info))

    def _draw_input(self, prediction: Prediction, info: DataInfo) -> None:
        kit, t, seen = self.kit, self.kit.theme, prediction.input
        if seen.ndim == 2:
            widgets.section(kit, "Sequence", f"{seen.shape[0]} x {seen.shape[1]}")
            size = ImVec2(imgui.get_content_region_avail().x, kit.px(min(120, max(24, 12 * seen.shape[1]))))
            self._draw_strip(prediction, size)
            return
        if seen.dtype == np.int64:
            widgets.section(kit, "Tokens", f"{len(seen):,}")
            words = self._memo.get(
                "tokens", (prediction,), lambda: " ".join(map(str, seen[: answers.MOST_TOKENS].tolist()))
            )
            with kit.font("mono", 13):
                imgui.push_text_wrap_pos(0)
                imgui.text_colored(kit.vec4(t.text2), words)
                imgui.pop_text_wrap_pos()
            return
        rows = self._features(prediction, info)
        again = bool(rows and rows[0][2])
        widgets.section(kit, "Features", "value, again" if again else _name(prediction).lower())
        imgui.dummy(ImVec2(0, 0))
        top, width = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
        line = kit.px(_FEATURE_PX)
        for place in visible(len(rows), line):
            name, value, other = rows[place]
            y = top.y + line * place
            left = top.x + width - (kit.px(92) if again else 0)
            if again:
                write_right(kit, top.x + width, y + line / 2, other, t.text)
            taken = write_right(kit, left, y + line / 2, value, t.text2 if again else t.text)
            name = widgets.shortened(kit, name, taken - top.x - kit.px(8), "regular", 14)
            write(kit, top.x, y + line / 2, name, t.text2, "regular", 14)
        imgui.set_cursor_screen_pos(top)
        imgui.dummy(ImVec2(width, line * len(rows)))

    def _draw_strip(self, prediction: Prediction, size: ImVec2) -> None:
        """Draw a sequence over the whole width, time from left to right."""
        rgba = self._memo.get("strip", (prediction,), lambda: enlarged(input_of(prediction), 512))
        at, draw = imgui.get_cursor_screen_pos(), imgui.get_window_draw_list()
        reference = imgui.ImTextureRef(self._textures.of(rgba))
        tint = u32(WHITE)
        draw.add_image_rounded(reference, at, at + size, ImVec2(0, 0), ImVec2(1, 1), tint, self.kit.px(4))
        draw.add_rect(at, at + size, u32(BLACK.fade(0.2)), self.kit.px(4))
        imgui.dummy(size)


def input_of(prediction: Prediction) -> NDArray[np.uint8]:
    """Return a picture of what was asked, [H, W, 4]; of an image or a sequence."""
    if prediction.image is not None and prediction.image.shape == prediction.input.shape:
        return answers.pair_pictures(prediction)[0]
    shown = answers.input_picture(prediction)
    assert shown is not None
    return shown


def _name(prediction: Prediction) -> str:
    if prediction.split is None:
        return "What the network sees"
    return f"{prediction.split.capitalize()} {prediction.sample:,}"


def _fact(prediction: Prediction, *, again: bool) -> tuple[str, str, str] | None:
    if again:
        error = answers.error_of(prediction)
        tip = "Mean of the squared differences, in units of the data"
        return ("Mean squared error", number(error), tip) if error is not None else None
    part = answers.agreement_of(prediction)
    tip = "Part of the pixels that have the right class"
    return ("Pixels that are right", f"{part:.1%}", tip) if part is not None else None
