"""A field that shows a value and takes another: typed, or for numbers dragged sideways."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final, Literal

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui.kit import Face, Kit
from neuralforge.ui.theme import Color

FieldKind = Literal["number", "mono", "text"]
"""A number is mono, at the right, and can be dragged; "mono" is only typed; text is at the left."""

FIELD_HEIGHT_PX: Final = 27.0
_DRAG_FROM_PX: Final = 4.0
_PATIENCE_FRAMES: Final = 4
"""For so long a field that was asked for stays one to type in, whether or not the keyboard has arrived."""


def new_gesture() -> str:
    """Return an id that all values of one drag share."""
    return uuid.uuid4().hex[:12]


@dataclass(frozen=True, slots=True)
class Typed:
    """A text was entered: by Enter, by Tab, or because the keyboard went elsewhere."""

    text: str


@dataclass(frozen=True, slots=True)
class Dragged:
    """The number is being dragged.

    Args:
        by_px: How far to the right since the press, at scale 1.
        gesture: The same for the whole drag.
    """

    by_px: float
    gesture: str


class FieldState:
    """What is being typed or dragged among some fields: one at a time.

    Attributes:
        typing: Key of the field that has the keyboard.
        dragging: Key of the field that is dragged.
    """

    __slots__ = ("_draft", "_focus", "_gesture", "_patience", "_pressed", "_shown", "_start_px", "dragging", "typing")

    def __init__(self) -> None:
        self.typing: str | None = None
        self.dragging: str | None = None
        self._draft = ""
        self._shown = ""
        self._focus: str | None = None
        self._patience = 0
        self._pressed: str | None = None
        self._start_px = 0.0
        self._gesture = ""

    def edit(self, key: str) -> None:
        """Put the keyboard into a field when it is drawn next."""
        self._focus, self._patience = key, _PATIENCE_FRAMES

    def field(
        self,
        kit: Kit,
        key: str,
        shown: str,
        *,
        width: float,
        height_px: float = FIELD_HEIGHT_PX,
        enabled: bool = True,
        kind: FieldKind = "number",
        wrong: bool = False,
        color: Color | None = None,
    ) -> Typed | Dragged | None:
        """Draw the field at the cursor.

        Args:
            kit: The kit.
            key: Its id.
            shown: What stands in it while nobody types.
            width: In pixels of the screen.
            height_px: At scale 1.
            enabled: Whether it can be changed.
            kind: What it holds.
            wrong: Whether it is outlined as wrong.
            color: Of what is shown.
        """
        at = imgui.get_cursor_screen_pos()
        size = ImVec2(width, kit.px(height_px))
        grabbing = self._pressed == key or (
            kind == "number"
            and enabled
            and self.typing != key
            and self._focus != key
            and imgui.is_window_hovered()
            and imgui.is_mouse_hovering_rect(at, at + size)
        )
        imgui.begin_disabled(not enabled)
        answer = (
            self._grab(kit, key, shown, size, color)
            if grabbing
            else self._type(kit, key, shown, size, enabled, kind, color)
        )
        imgui.end_disabled()
        draw = imgui.get_window_draw_list()
        if self.typing == key or (imgui.is_item_focused() and imgui.get_io().nav_visible):
            draw.add_rect(at, at + size, kit.theme.accent.u32, kit.px(5), kit.px(1.5))
        elif wrong:
            draw.add_rect(at, at + size, kit.theme.danger.u32, kit.px(5), kit.px(1))
        if kit.marks.on:
            kit.marks.note(f"field/{key}", at.x, at.y, at.x + size.x, at.y + size.y)
        return answer

    def _grab(self, kit: Kit, key: str, shown: str, size: ImVec2, color: Color | None) -> Dragged | None:
        """Stand in for the text field under the mouse, so that a press can become a drag."""
        t = kit.theme
        at = imgui.get_cursor_screen_pos()
        clicked = imgui.invisible_button(f"##{key}", size, imgui.ButtonFlags_.enable_nav)
        imgui.set_mouse_cursor(imgui.MouseCursor_.resize_ew)
        x = imgui.get_io().mouse_pos.x
        if imgui.is_item_activated():
            self._pressed, self._start_px, self._gesture = key, x, new_gesture()
        held = imgui.is_item_active()
        if held and self.dragging != key and abs(x - self._start_px) >= kit.px(_DRAG_FROM_PX):
            self.dragging = key
        ground = t.active if held else t.hover
        imgui.get_window_draw_list().add_rect_filled(at, at + size, ground.u32, kit.px(5))
        ink = kit.text_size(shown, "mono", 15)
        kit.draw_text(
            ImVec2(at.x + size.x - ink.x - kit.px(9), at.y + (size.y - ink.y) / 2), shown, color or t.text, "mono", 15
        )
        answer = Dragged((x - self._start_px) / kit.scale, self._gesture) if held and self.dragging == key else None
        if not held:
            if clicked and self.dragging != key:
                self.edit(key)
            self._pressed = self.dragging = None
        return answer

    def _type(
        self, kit: Kit, key: str, shown: str, size: ImVec2, enabled: bool, kind: FieldKind, color: Color | None
    ) -> Typed | None:
        face: Face = "regular" if kind == "text" else "mono"
        text = self._draft if self.typing == key else shown
        ink = kit.text_size(text, face, 15)
        pad = max(kit.px(9), size.x - ink.x - kit.px(10)) if kind != "text" else kit.px(9)
        if self._focus == key:
            if self._patience == _PATIENCE_FRAMES:
                imgui.set_keyboard_focus_here()  # arrives in the next frame
            self._patience -= 1
            if self._patience == 0:
                self._focus = None
        imgui.set_next_item_width(size.x)
        ground = color or (kit.theme.text if enabled else kit.theme.text2)
        with (
            kit.font(face, 15),
            imgui_ctx.push_style_color(imgui.Col_.text, kit.vec4(ground)),
            imgui_ctx.push_style_var(imgui.StyleVar_.frame_padding, ImVec2(pad, (size.y - ink.y) / 2)),
        ):
            _, text = imgui.input_text(f"##{key}", text, imgui.InputTextFlags_.auto_select_all)
        if imgui.is_item_activated():
            self.typing, self._shown = key, shown
            self._focus = None
        if self.typing != key:
            return None
        self._draft = text
        if not imgui.is_item_deactivated():
            return None
        self.typing = None
        return Typed(text) if text != self._shown else None
