"""Knobs as rows: a label with the promise when a change takes effect, a field to type in, and a rail to drag on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final, Literal

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui import icons, widgets
from neuralforge.ui.kit import Kit
from neuralforge.ui.knob_scale import decades, knob_text, notched, pending_words, scaled
from neuralforge.ui.theme import WHITE, Color, Theme
from neuralforge.ui.value_field import Dragged, FieldState, Typed, new_gesture
from neuralforge.workbench.knobs import Knob, KnobValue, Refused, Scope, from_slider, to_slider

ROW_HEIGHT_PX: Final = 49.0
WORDS_FROM_PX: Final = 290.0
"""Panels narrower than this show the dots without their words."""

_FIELD_WIDTH_PX: Final = 92.0
_FIELD_HEIGHT_PX: Final = 25.0
_RAIL_INSET_PX: Final = 7.0
_RAIL_Y_PX: Final = 38.0
_THUMB_PX: Final = 6.5
_PILL_AFTER_SECS: Final = 0.4
"""A change that waits shorter than this is in force before anybody could read that it waits."""

Widget = Literal["slider", "field", "keys", "menu", "toggle"]


@dataclass(frozen=True, slots=True)
class Turned:
    """A knob was turned.

    Args:
        value: Its new value.
        gesture: Shared by all values of one drag.
        widget: What it was turned with.
    """

    value: KnobValue
    gesture: str
    widget: Widget


@dataclass(frozen=True, slots=True)
class Standing:
    """What a row shows besides its knob.

    Args:
        value: What was asked for last.
        in_force: What the session computes with.
        refusal: Why the last request was refused.
        epoch: Epoch of the live run.
        step: Its last step.
        paused: Whether it waits.
        initial: What it was when the run began; None where that is not known.
        live: Whether it belongs to a live run, so that it matters when a change takes effect.
        enabled: Whether it can be turned.
    """

    value: KnobValue
    in_force: KnobValue
    refusal: str | None = None
    epoch: int = 1
    step: int = 0
    paused: bool = False
    initial: KnobValue | None = None
    live: bool = True
    enabled: bool = True


class KnobRows:
    """Draws the rows of a panel and remembers what is dragged, typed and refused in them.

    Args:
        kit: The kit.
    """

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self._fields = FieldState()
        self._wrong: dict[str, tuple[str, KnobValue]] = {}
        self._before: dict[str, float] = {}
        self._drag: tuple[str, str, float] | None = None
        self._keys: tuple[str, str] | None = None
        self._waits_since: dict[str, float] = {}
        self._grip = 0.0
        self._pressed_x = 0.0

    def forget(self) -> None:
        """Forget what was turned, when the knobs become those of another run."""
        self._wrong.clear()
        self._before.clear()
        self._waits_since.clear()

    def row(self, knob: Knob, label: str, now: Standing) -> Turned | None:
        """Draw the row of a knob with a number.

        Args:
            knob: The knob.
            label: Its words.
            now: Its values.

        Returns:
            What it was turned to in this frame.
        """
        kit = self.kit
        assert not isinstance(now.value, bool)
        start, width = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
        local = imgui.get_cursor_pos()
        with imgui_ctx.push_id(knob.key):
            self._label(knob, label, now, width - kit.px(_FIELD_WIDTH_PX + 8))
            imgui.set_cursor_pos(ImVec2(local.x + width - kit.px(_FIELD_WIDTH_PX), local.y))
            turned = self._number(knob, now, now.value)
            imgui.set_cursor_pos(ImVec2(local.x, local.y + kit.px(_FIELD_HEIGHT_PX)))
            turned = self._rail(knob, now, now.value, width) or turned
        if kit.marks.on:
            kit.marks.note(f"row/{knob.key}", start.x, start.y, start.x + width, start.y + kit.px(ROW_HEIGHT_PX))
        self._refusal(knob, now)
        return self._noted(knob, now, turned)

    def toggle_row(
        self, knob: Knob, label: str, now: Standing, icon: str = "", ink: Color | None = None
    ) -> Turned | None:
        """Draw the row of a knob that is on or off.

        Args:
            knob: The knob.
            label: Its words.
            now: Its values.
            icon: Stands before the label.
            ink: Colour of the icon.
        """
        kit = self.kit
        local, width = imgui.get_cursor_pos(), imgui.get_content_region_avail().x
        with imgui_ctx.push_id(knob.key):
            if icon:
                at = imgui.get_cursor_screen_pos()
                kit.draw_text(at + kit.vec(1, 6), icon, ink or kit.theme.text3, "regular", 13)
                imgui.set_cursor_pos_x(local.x + kit.px(24))
            self._label(knob, label, now, width - kit.px(32 + 8 + (24 if icon else 0)))
            imgui.set_cursor_pos(ImVec2(local.x + width - kit.px(32), local.y + kit.px(4)))
            flipped = widgets.toggle(kit, knob.key, bool(now.value), enabled=now.enabled)
            if imgui.is_item_hovered():
                widgets.tooltip(kit, _tip(knob, now, label))
            imgui.set_cursor_pos(local)
            imgui.dummy(ImVec2(1, kit.px(_FIELD_HEIGHT_PX + 2)))
        self._refusal(knob, now)
        return Turned(not now.value, new_gesture(), "toggle") if flipped else None

    # Parts of a row

    def _label(self, knob: Knob, label: str, now: Standing, room: float) -> None:
        """Write the label, then a dot and the words, or a pill while a change waits."""
        kit, t = self.kit, self.kit.theme
        at = imgui.get_cursor_screen_pos()
        height = kit.px(_FIELD_HEIGHT_PX)
        brief = imgui.get_window_size().x < kit.px(WORDS_FROM_PX)
        pending = self._pending(knob, now)
        words = knob.scope.value if now.live and not brief else ""
        if pending:
            words = pending_words(knob, now.epoch, now.step, brief)
        taken = kit.px(20) + (kit.text_size(words, "medium" if pending else "regular", 13).x if words else 0)
        if not pending and kit.text_size(label, "medium", 15).x + taken > room:
            words, taken = "", kit.px(20)  # the name before the words, which the tooltip has too
        shown = widgets.shortened(kit, label, max(kit.px(40), room - taken), "medium", 15)
        size = kit.text_size(shown, "medium", 15)
        imgui.dummy(ImVec2(max(1.0, room), height))
        if imgui.is_item_hovered():
            widgets.tooltip(kit, _tip(knob, now, label))
        kit.draw_text(ImVec2(at.x, at.y + (height - size.y) / 2), shown, t.text, "medium", 15)
        x, middle = at.x + size.x + kit.px(10), at.y + height / 2
        if pending:
            ink = kit.text_size(words, "medium", 13)
            low = ImVec2(x - kit.px(2), middle - kit.px(10))
            high = ImVec2(low.x + ink.x + kit.px(14), low.y + kit.px(20))
            imgui.get_window_draw_list().add_rect_filled(low, high, t.warning.fade(0.14).u32, kit.px(10))
            kit.draw_text(ImVec2(low.x + kit.px(7), middle - ink.y / 2), words, t.warning, "medium", 13)
            return
        if not now.live:
            return
        color = scope_color(t, knob.scope)
        imgui.get_window_draw_list().add_circle_filled(ImVec2(x + kit.px(3), middle + kit.px(1)), kit.px(3), color.u32)
        if words:
            ink = kit.text_size(words, "regular", 13)
            kit.draw_text(ImVec2(x + kit.px(12), middle - ink.y / 2), words, t.text3, "regular", 13)

    def _pending(self, knob: Knob, now: Standing) -> bool:
        if now.value == now.in_force:
            self._waits_since.pop(knob.key, None)
            return False
        since = self._waits_since.setdefault(knob.key, time.monotonic())
        return now.paused or knob.scope is not Scope.NEXT_BATCH or time.monotonic() - since > _PILL_AFTER_SECS

    def _number(self, knob: Knob, now: Standing, value: float) -> Turned | None:
        kit = self.kit
        answer = self._fields.field(
            kit, knob.key, knob_text(knob, value), width=kit.px(_FIELD_WIDTH_PX), height_px=_FIELD_HEIGHT_PX,
            enabled=now.enabled, wrong=knob.key in self._wrong,
        )  # fmt: skip
        if imgui.is_item_hovered():
            widgets.tooltip(kit, _bounds(knob, value))
        if isinstance(answer, Typed):
            try:
                return Turned(knob.read(answer.text), new_gesture(), "field")
            except Refused as refused:
                self._wrong[knob.key] = f"{refused}.".replace("..", "."), value
                return None
        if isinstance(answer, Dragged):
            origin = self._begin(knob, answer.gesture, value)
            place = to_slider(knob, origin) + answer.by_px / 300
            return Turned(from_slider(knob, place), answer.gesture, "field")
        return None

    def _begin(self, knob: Knob, gesture: str, value: float) -> float:
        """Return the value before this gesture, and remember it for the hollow dot."""
        if self._drag is None or self._drag[1] != gesture:
            self._drag = knob.key, gesture, value
            self._before[knob.key] = value
        return self._drag[2]

    def _rail(self, knob: Knob, now: Standing, value: float, width: float) -> Turned | None:
        kit, t = self.kit, self.kit.theme
        at = imgui.get_cursor_screen_pos()
        size = ImVec2(width, kit.px(ROW_HEIGHT_PX - _FIELD_HEIGHT_PX))
        left, length = at.x + kit.px(_RAIL_INSET_PX), width - kit.px(2 * _RAIL_INSET_PX)
        y = at.y + kit.px(_RAIL_Y_PX - _FIELD_HEIGHT_PX)
        imgui.begin_disabled(not now.enabled)
        imgui.invisible_button("rail", size, imgui.ButtonFlags_.enable_nav)
        imgui.end_disabled()
        held, hovered, focused = imgui.is_item_active(), imgui.is_item_hovered(), imgui.is_item_focused()
        turned = self._dragged(knob, value, left, length) if held and imgui.is_mouse_down(0) else None
        if focused and now.enabled:
            turned = turned or self._pressed_keys(knob, value)
        turned = self._menu(knob, now, value) or turned
        if turned is not None and not isinstance(turned.value, bool):
            value = turned.value  # the thumb is under the mouse in this very frame
        if not imgui.is_item_visible():
            return turned
        draw = imgui.get_window_draw_list()
        thick = kit.px(2)
        x = left + length * to_slider(knob, value)
        draw.add_rect_filled(ImVec2(left, y - thick), ImVec2(left + length, y + thick), t.hover.u32, thick)
        fill = t.accent_fill if now.enabled else t.active
        draw.add_rect_filled(ImVec2(left, y - thick), ImVec2(x, y + thick), fill.u32, thick)
        for place in decades(knob):
            tick = round(left + length * place) + 0.5
            draw.add_line(ImVec2(tick, y + kit.px(6)), ImVec2(tick, y + kit.px(9)), t.disabled.u32, kit.px(1))
        before = self._before.get(knob.key)
        if before is not None and before != value:
            ring = ImVec2(left + length * to_slider(knob, before), y)
            draw.add_circle_filled(ring, kit.px(3.5), t.panel.u32)
            draw.add_circle(ring, kit.px(3.5), t.text3.u32, 0, kit.px(1.5))
        seen = focused and imgui.get_io().nav_visible
        if (hovered or held or seen) and now.enabled:
            draw.add_circle_filled(ImVec2(x, y), kit.px(11), t.accent.fade(0.22).u32)
        draw.add_circle_filled(ImVec2(x, y), kit.px(_THUMB_PX), (WHITE if now.enabled else t.disabled).u32)
        if t.thumb_ring or seen:
            draw.add_circle(ImVec2(x, y), kit.px(_THUMB_PX), t.accent.u32, 0, kit.px(1.5))
        if kit.marks.on:
            kit.marks.note(f"knob/{knob.key}", left, y - kit.px(6), left + length, y + kit.px(6))
            kit.marks.note(f"thumb/{knob.key}", x - kit.px(6), y - kit.px(6), x + kit.px(6), y + kit.px(6))
        return turned

    def _dragged(self, knob: Knob, value: float, left: float, length: float) -> Turned | None:
        """Follow the mouse; a press on the thumb itself moves nothing until the mouse does."""
        mouse = imgui.get_io().mouse_pos.x
        place = (mouse - left) / max(1.0, length)
        if imgui.is_item_activated():
            self._begin(knob, new_gesture(), value)
            apart = to_slider(knob, value) - place
            self._grip = apart if abs(apart) * length <= self.kit.px(_THUMB_PX + 2) else 0.0
            self._pressed_x = mouse
            if self._grip:
                return None
        if self._drag is None or self._drag[0] != knob.key or (self._grip and mouse == self._pressed_x):
            return None
        return Turned(from_slider(knob, place + self._grip), self._drag[1], "slider")

    def _pressed_keys(self, knob: Knob, value: float) -> Turned | None:
        """Turn by arrow keys, which then do not move the focus; a key that is held is one gesture."""
        item = imgui.get_item_id()
        notches = 0
        for key, sign in ((imgui.Key.left_arrow, -1), (imgui.Key.right_arrow, 1)):
            imgui.internal.set_key_owner(key, item)
            if imgui.is_key_pressed(key):
                notches = sign * (10 if imgui.get_io().key_shift else 1)
                if imgui.is_key_pressed(key, False) or self._keys is None or self._keys[0] != knob.key:
                    self._keys = knob.key, new_gesture()
                    self._before[knob.key] = value
        if not notches or self._keys is None:
            return None
        return Turned(notched(knob, value, notches), self._keys[1], "keys")

    def _menu(self, knob: Knob, now: Standing, value: float) -> Turned | None:
        kit = self.kit
        if now.enabled and imgui.is_item_hovered() and imgui.is_mouse_released(1):
            imgui.open_popup("menu")
        elif not imgui.is_popup_open("menu"):
            return None
        chosen: KnobValue | None = None
        with widgets.popup_look(kit), kit.font("regular", 15), imgui_ctx.begin_popup("menu") as opened:
            if opened:
                first = now.initial
                if first is not None and not isinstance(first, bool):
                    words = f"Reset to {knob_text(knob, first)}"
                    known = widgets.menu_item(kit, words, "Its value when the run began", enabled=first != value)
                    chosen = first if known else None
                for words, factor in (("Halve", 0.5), ("Double", 2.0)):
                    changed = scaled(knob, value, factor)
                    label = f"{words} to {knob_text(knob, changed)}"
                    tip = "As far as its bounds allow"
                    if widgets.menu_item(kit, label, tip, enabled=changed != value):
                        chosen = changed
        if chosen is None:
            return None
        self._before[knob.key] = value
        return Turned(chosen, new_gesture(), "menu")

    def _refusal(self, knob: Knob, now: Standing) -> None:
        kit = self.kit
        typed = self._wrong.get(knob.key)
        if typed is not None and typed[1] != now.value:
            del self._wrong[knob.key]
            typed = None
        words = typed[0] if typed else now.refusal
        if words:
            widgets.wrapped(kit, f"{icons.ERROR}  {words}", kit.theme.danger, 13)

    def _noted(self, knob: Knob, now: Standing, turned: Turned | None) -> Turned | None:
        """Pass on what changes something."""
        if turned is None or turned.value == now.value:
            return None
        self._wrong.pop(knob.key, None)
        if turned.widget == "field" and (self._drag is None or self._drag[1] != turned.gesture):
            self._before[knob.key] = now.value
        return turned


def scope_color(theme: Theme, scope: Scope) -> Color:
    """Return the colour of the dot that says when a change takes effect."""
    return {Scope.NEXT_BATCH: theme.success, Scope.NEXT_EPOCH: theme.warning, Scope.REBUILD: theme.danger}[scope]


def _tip(knob: Knob, now: Standing, label: str) -> str:
    when = f"Takes effect with the {knob.scope.value}."
    if knob.scope is Scope.REBUILD:
        when = "Takes effect in a new run."
    elif not now.live:
        when = "Where the next run begins; can be changed while it trains."
    force = "" if now.in_force == now.value else f"\nIn force now: {knob_text(knob, now.in_force)}."
    return f"{label}\n{knob.doc}\n{when}{force}"


def _bounds(knob: Knob, value: float) -> str:
    unit = f" {knob.unit}" if knob.unit else ""
    exact = repr(value) if repr(value) != knob_text(knob, value) and isinstance(value, float) else ""
    lines = [f"Exactly {exact}{unit}."] if exact else []
    return "\n".join([*lines, f"Click to type, from {knob.low:g} to {knob.high:g}{unit}; drag sideways to turn."])
