"""Rows of a form, made from the fields of a parameter dataclass: one row for each, by its kind.

form = Form(kit)                        # kept by the panel: it remembers what is being typed or dragged
change = form.row(field, value)         # in each frame, for each field
if change:
    post(Apply(SetParams(node, {field.name: change.value}), change.gesture))
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.graph.params import ParamError, ParamField
from neuralforge.graph.shapes import Value
from neuralforge.ui import icons, widgets
from neuralforge.ui.kit import Kit
from neuralforge.ui.numbers import round_significant
from neuralforge.ui.value_field import FIELD_HEIGHT_PX, Dragged, FieldKind, FieldState, Typed
from neuralforge.ui.wording import NONE, label_of, number_text, shown, tip_of

MOST_SIDE_BY_SIDE: Final = 4
_GAP_PX: Final = 6.0


@dataclass(frozen=True, slots=True)
class Change:
    """A new value of a field.

    Args:
        value: In its exact type.
        gesture: Shared by all values of one drag; None for one that was typed or chosen.
    """

    value: Value
    gesture: str | None = None


def scrubbed(field: ParamField, start: float, by_px: float) -> float:
    """Return the number after its field was dragged sideways.

    Args:
        field: What it is; bounds hold, and a logarithmic range is gone over by ratio.
        start: The number before.
        by_px: How far to the right, at scale 1.
    """
    bounds = field.bounds
    whole = field.kind in ("int", "ints")
    if bounds and bounds.log and start > 0:
        moved = start * math.exp(by_px * 0.012)
    elif whole:
        notch = max(1, 10 ** (len(str(abs(int(start)))) - 2))
        moved = start + notch * int(by_px / 5)
    elif bounds and bounds.high - bounds.low <= 1000:
        moved = start + (bounds.high - bounds.low) * by_px / 300
    else:
        moved = start + max(abs(start), 0.01) * by_px * 0.01
    if bounds:
        moved = min(bounds.high, max(bounds.low, moved))
    if whole:
        return round(moved)
    kept = round_significant(moved)
    return min(bounds.high, max(bounds.low, kept)) if bounds else kept


class Form:
    """The rows of a panel, and what is being typed, dragged or was refused in them.

    Args:
        kit: The kit.

    Attributes:
        fields: What is being typed or dragged.
    """

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.fields = FieldState()
        self._wrong: dict[str, str] = {}
        self._drag: tuple[str, float] | None = None

    def row(
        self,
        field: ParamField,
        value: Value,
        *,
        label: str | None = None,
        enabled: bool = True,
        key: str = "",
        problem: str | None = None,
        tip: str = "",
    ) -> Change | None:
        """Draw the row of a field: its label, its value, and below it what is wrong.

        Args:
            field: What it is.
            value: What it is now.
            label: Its words; made from its name by default.
            enabled: Whether it can be changed.
            key: Makes its id unique where a panel has two fields of a name, and names its marks; its name by default.
            problem: What is wrong with the value, for example that inference refuses it.
            tip: Its tooltip; its meaning and bounds by default.

        Returns:
            The new value, when it was changed in this frame.
        """
        key = key or field.name
        width = widgets.row_label(self.kit, label or label_of(field.name), tip or tip_of(field))
        wrong = problem or self._wrong.get(key)
        if field.kind == "bool" and not field.optional:
            answer = self._switch(key, value, width, enabled, tip or tip_of(field))
        elif field.kind in ("choice", "bool"):
            answer = self._choice(field, key, value, width, enabled)
        elif isinstance(value, tuple) and field.length and len(value) <= MOST_SIDE_BY_SIDE:
            answer = self._tuple(field, key, value, width, enabled, bool(wrong))  # type: ignore[arg-type]
        else:
            answer = self._single(field, key, value, width, enabled, bool(wrong))
        if wrong:
            widgets.wrapped(self.kit, wrong, self.kit.theme.danger, 13)
        return answer

    def choice_row(
        self, key: str, label: str, options: tuple[tuple[Value, str], ...], value: Value, *, enabled: bool = True,
        tip: str = "",
    ) -> Change | None:  # fmt: skip
        """Draw a row of which one of some values is chosen.

        Args:
            key: Its id.
            label: Its words.
            options: Values and the words for them.
            value: What it is now.
            enabled: Whether it can be changed.
            tip: Its tooltip.
        """
        width = widgets.row_label(self.kit, label, tip)
        return self._combo(key, options, value, width, enabled)

    def forget(self, prefix: str = "") -> None:
        """Forget what was refused, when other things are shown under the same keys."""
        self._wrong = {key: words for key, words in self._wrong.items() if not key.startswith(prefix)}

    def _switch(self, key: str, value: Value, width: float, enabled: bool, tip: str) -> Change | None:
        kit = self.kit
        at = imgui.get_cursor_pos()
        imgui.set_cursor_pos(ImVec2(at.x + width - kit.px(32), at.y + kit.px((FIELD_HEIGHT_PX - 18) / 2)))
        flipped = widgets.toggle(kit, key, bool(value), tip=tip, enabled=enabled)
        imgui.set_cursor_pos(at)
        imgui.dummy(ImVec2(1, kit.px(FIELD_HEIGHT_PX)))
        return Change(not value) if flipped else None

    def _choice(self, field: ParamField, key: str, value: Value, width: float, enabled: bool) -> Change | None:
        choices: tuple[tuple[Value, str], ...]
        if field.kind == "bool":
            choices = ((True, "yes"), (False, "no"))
        else:
            choices = tuple((choice, choice) for choice in field.choices)
        if field.optional:
            choices = ((None, NONE), *choices)
        return self._combo(key, choices, value, width, enabled)

    def _combo(
        self, key: str, options: tuple[tuple[Value, str], ...], value: Value, width: float, enabled: bool
    ) -> Change | None:
        kit, t = self.kit, self.kit.theme
        at = imgui.get_cursor_screen_pos()
        size = ImVec2(width, kit.px(FIELD_HEIGHT_PX))
        preview = next((words for option, words in options if option == value), str(value))
        preview = widgets.shortened(kit, preview, width - kit.px(36))
        chosen: Change | None = None
        imgui.set_next_item_width(width)
        imgui.begin_disabled(not enabled)
        with (
            widgets.popup_look(kit),
            kit.font("regular", 15),
            imgui_ctx.push_style_var(imgui.StyleVar_.frame_padding, kit.vec(9, 6)),
        ):
            combo = imgui.begin_combo(f"##{key}", preview, imgui.ComboFlags_.no_arrow_button)
            if combo:
                for option, words in options:
                    picked, _ = imgui.selectable(words, option == value)
                    if picked and option != value:
                        chosen = Change(option)
                    if option == value:
                        imgui.set_item_default_focus()
                imgui.end_combo()
        imgui.end_disabled()
        ink = t.text2 if enabled else t.disabled
        kit.draw_text(ImVec2(at.x + width - kit.px(20), at.y + size.y / 2 - kit.px(6)), icons.DOWN, ink, "regular", 11)
        if not combo:
            widgets.focus_ring(kit)
        if kit.marks.on:
            kit.marks.note(f"field/{key}", at.x, at.y, at.x + size.x, at.y + size.y)
        return chosen

    def _single(
        self, field: ParamField, key: str, value: Value, width: float, enabled: bool, wrong: bool
    ) -> Change | None:
        number = field.kind in ("int", "float") and value is not None
        kind: FieldKind = "text" if field.kind == "text" else "number" if number else "mono"
        dim = self.kit.theme.text3 if value is None else None
        answer = self.fields.field(
            self.kit, key, shown(field, value), width=width, enabled=enabled, kind=kind, wrong=wrong, color=dim
        )
        if isinstance(answer, Typed):
            return self._typed(field, key, answer.text, value)
        if isinstance(answer, Dragged) and isinstance(value, int | float):
            moved = scrubbed(field, self._origin(answer, value), answer.by_px)
            return self._moved(field, key, moved, value, answer.gesture)
        return None

    def _tuple(
        self, field: ParamField, key: str, value: tuple[float, ...], width: float, enabled: bool, wrong: bool
    ) -> Change | None:
        gap = self.kit.px(_GAP_PX)
        each = (width - gap * (len(value) - 1)) / len(value)
        change = None
        for i, part in enumerate(value):
            if i:
                imgui.same_line(0, gap)
            answer = self.fields.field(
                self.kit, f"{key}/{i}", number_text(part), width=each, enabled=enabled, wrong=wrong
            )
            if isinstance(answer, Typed):
                change = self._typed(field, key, _with_part(value, i, answer.text), value)
            elif isinstance(answer, Dragged):
                moved = scrubbed(field, self._origin(answer, part), answer.by_px)
                change = self._moved(field, key, (*value[:i], moved, *value[i + 1 :]), value, answer.gesture)
        return change

    def _origin(self, drag: Dragged, value: float) -> float:
        """Return the number as it was when the drag began."""
        if self._drag is None or self._drag[0] != drag.gesture:
            self._drag = drag.gesture, value
        return self._drag[1]

    def _moved(self, field: ParamField, key: str, moved: Value, value: Value, gesture: str) -> Change | None:
        self._wrong.pop(key, None)
        if moved == value:
            return None
        try:
            return Change(field.parse(moved), gesture)
        except ParamError:  # a part of a tuple whose bounds depend on the others: the last good value stays
            return None

    def _typed(self, field: ParamField, key: str, text: str, value: Value) -> Change | None:
        try:
            read = field.read(text)
        except ParamError as error:
            self._wrong[key] = f"Expected {error.expected}. Received: {error.received}"
            return None
        self._wrong.pop(key, None)
        return Change(read) if read != value or type(read) is not type(value) else None


def _with_part(value: tuple[float, ...], index: int, text: str) -> str:
    """Return the text of a tuple after one of its parts was typed; who types several numbers means all of it."""
    if any(sign in text.strip("()[] ") for sign in ",x"):
        return text
    parts = [number_text(part) for part in value]
    parts[index] = text.strip() or "?"
    return ",".join(parts)
