"""The question that must be answered before anything else."""

from __future__ import annotations

from typing import Final

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui import icons, widgets
from neuralforge.ui.kit import Kit
from neuralforge.ui.modal import enter_pressed, escape_pressed, modal
from neuralforge.ui.panel import Post
from neuralforge.ui.readable import one_line, paragraphs
from neuralforge.workbench.commands import Answer
from neuralforge.workbench.view import Choice, Question

WIDTH_PX: Final = 460
_TILE_PX: Final = 40
_GAP_PX: Final = 14
_BUTTON_PX: Final = 34
_LONGEST_TEXT_PX: Final = 320


class QuestionDialog:
    """Draws the question of the view and posts the answer, once for each question.

    Args:
        kit: The means of drawing.
    """

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self._answered: Question | None = None

    def draw(self, question: Question | None, post: Post) -> None:
        """Draw the question, if there is one."""
        if question is None or question is self._answered:
            if question is None:
                self._answered = None
            return
        kit = self.kit
        with modal(kit, "question", WIDTH_PX) as visible:
            if not visible:
                return
            self._draw_words(question)
            choice = self._draw_choices(question.choices)
            if choice is None and enter_pressed():
                choice = 0
            elif choice is None and escape_pressed():
                choice = len(question.choices) - 1
        if choice is not None:
            self._answered = question
            post(Answer(choice))

    def _draw_words(self, question: Question) -> None:
        kit, t = self.kit, self.kit.theme
        grave = any(choice.kind == "danger" for choice in question.choices)
        at = imgui.get_cursor_pos()
        widgets.icon_tile(kit, icons.WARNING if grave else icons.HELP, t.warning if grave else t.accent, _TILE_PX)
        left = at.x + kit.px(_TILE_PX + _GAP_PX)
        width = imgui.get_content_region_avail().x - kit.px(_TILE_PX + _GAP_PX)
        imgui.set_cursor_pos(ImVec2(left, at.y - kit.px(1)))
        with imgui_ctx.begin_group():
            with kit.font("semibold", 17):
                imgui.push_text_wrap_pos(left + width)
                imgui.text_colored(kit.vec4(t.text), one_line(question.title))
                imgui.pop_text_wrap_pos()
            self._draw_text(paragraphs(question.text), width)
        imgui.dummy(ImVec2(0, max(0.0, at.y + kit.px(_TILE_PX) - imgui.get_cursor_pos_y())))

    def _draw_text(self, words: str, width: float) -> None:
        kit = self.kit
        with kit.font("regular", 15):
            height = imgui.calc_text_size(words, False, width).y
        longest = kit.px(_LONGEST_TEXT_PX)
        if height <= longest:
            self._draw_wrapped(words, width)
            return
        with imgui_ctx.begin_child("##text", ImVec2(width, longest)):
            self._draw_wrapped(words, width - imgui.get_style().scrollbar_size - kit.px(4))

    def _draw_wrapped(self, words: str, width: float) -> None:
        kit = self.kit
        with kit.font("regular", 15), imgui_ctx.push_style_color(imgui.Col_.text, kit.vec4(kit.theme.text2)):
            imgui.push_text_wrap_pos(imgui.get_cursor_pos_x() + width)
            imgui.text_unformatted(words)
            imgui.pop_text_wrap_pos()

    def _draw_choices(self, choices: tuple[Choice, ...]) -> int | None:
        """Draw the buttons from the right, or below each other where they are too wide for a row."""
        kit = self.kit
        imgui.dummy(kit.vec(0, 4))
        start, room, gap = imgui.get_cursor_pos(), imgui.get_content_region_avail().x, kit.px(8)
        widths = [kit.text_size(choice.label, "medium", 15).x + kit.px(30) for choice in choices]
        stacked = sum(widths) + gap * (len(widths) - 1) > room
        pressed, right = None, start.x + room
        for place, (choice, width) in enumerate(zip(choices, widths, strict=True)):
            if stacked:
                width = room
                imgui.set_cursor_pos(ImVec2(start.x, start.y + place * (kit.px(_BUTTON_PX) + gap)))
            else:
                imgui.set_cursor_pos(ImVec2(right - width, start.y))
                right -= width + gap
            if self._button(choice, place, len(choices), width):
                pressed = place
            if not place:
                imgui.set_item_default_focus()
        return pressed

    def _button(self, choice: Choice, place: int, count: int, width: float) -> bool:
        keys = "Enter" if not place else "Esc" if place == count - 1 else ""
        kind: widgets.ButtonKind = "field" if choice.kind == "plain" else choice.kind
        return widgets.button(
            self.kit, choice.label, "", kind, tip=choice.label if keys else "", shortcut=keys,
            width_px=width / self.kit.scale, height_px=_BUTTON_PX, key=f"answer-{place}",
        )  # fmt: skip
