"""Windows that must be dealt with first: the rest of the window is dimmed and takes no input."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui.kit import Kit
from neuralforge.ui.theme import BLACK

MARGIN_PX: Final = 24
"""Least distance from the edges of the window, at scale 1."""

_SHADOW_STEPS: Final = 10
_SHADOW_STEP_PX: Final = 2.0


@contextmanager
def modal(
    kit: Kit, key: str, width_px: float, height_px: float = 0, *, top_px: float | None = None,
    padding_px: tuple[float, float] = (20, 18), flags: int = 0,
) -> Iterator[bool]:  # fmt: skip
    """Draw a dialog above everything; it is open as long as this is called in each frame.

    Args:
        kit: The kit.
        key: Its id.
        width_px: At scale 1; less where the window is narrow.
        height_px: At scale 1; by what is in it when 0.
        top_px: Distance from the upper edge of the window at scale 1; centred when None.
        padding_px: Between its edge and what is in it.
        flags: Further flags of its window.

    Yields:
        Whether it can be drawn in this frame.
    """
    name = f"##{key}"
    if not imgui.is_popup_open(name):
        imgui.open_popup(name)
    viewport = imgui.get_main_viewport()
    low, size = viewport.work_pos, viewport.work_size
    room = size - kit.vec(2 * MARGIN_PX, 2 * MARGIN_PX)
    wanted = ImVec2(min(kit.px(width_px), room.x), min(kit.px(height_px), room.y))
    if top_px is None:
        imgui.set_next_window_pos(low + size * 0.5, imgui.Cond_.always, ImVec2(0.5, 0.5))
    else:
        imgui.set_next_window_pos(
            ImVec2(low.x + size.x / 2, low.y + kit.px(top_px)), imgui.Cond_.always, ImVec2(0.5, 0)
        )
    imgui.set_next_window_size(wanted)
    if not height_px:
        imgui.set_next_window_size_constraints(ImVec2(wanted.x, 0), ImVec2(wanted.x, room.y))
    flags |= imgui.WindowFlags_.no_decoration | imgui.WindowFlags_.no_move | imgui.WindowFlags_.no_saved_settings
    t = kit.theme
    with (
        imgui_ctx.push_style_color(imgui.Col_.popup_bg, kit.vec4(t.elevated)),
        imgui_ctx.push_style_color(imgui.Col_.border, kit.vec4(t.border_strong)),
        imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, kit.vec(*padding_px)),
        imgui_ctx.push_style_var(imgui.StyleVar_.window_rounding, kit.px(10)),
        imgui_ctx.push_style_var(imgui.StyleVar_.popup_rounding, kit.px(10)),
        imgui_ctx.push_style_var(imgui.StyleVar_.popup_border_size, 1.0),
        imgui_ctx.begin_popup_modal(name, flags) as opened,
    ):
        if opened:
            shadow(kit, imgui.get_window_pos(), imgui.get_window_pos() + imgui.get_window_size(), 10)
        yield bool(opened)


def shadow(kit: Kit, low: ImVec2, high: ImVec2, rounding_px: float) -> None:
    """Draw the shadow that lifts a window from its ground, under it."""
    draw = imgui.get_window_draw_list()
    draw.push_clip_rect_full_screen()
    strongest = kit.theme.shadow_alpha * 5
    for step in range(_SHADOW_STEPS):
        far = (step + 0.5) * _SHADOW_STEP_PX
        spread = kit.vec(far, far)
        color = BLACK.fade(strongest * (1 - step / _SHADOW_STEPS) ** 2).u32
        draw.add_rect(low - spread, high + spread, color, kit.px(rounding_px + far), kit.px(_SHADOW_STEP_PX))
    draw.pop_clip_rect()


def clicked_outside() -> bool:
    """Return whether the mouse was pressed beside the present window, which is how some dialogs are left."""
    if not imgui.is_mouse_clicked(imgui.MouseButton_.left) or imgui.is_window_appearing():
        return False
    low = imgui.get_window_pos()
    return not imgui.is_mouse_hovering_rect(low, low + imgui.get_window_size(), clip=False)


def enter_pressed() -> bool:
    """Return whether Enter was pressed anew, after the frame in which the present window appeared."""
    keys = (imgui.Key.enter, imgui.Key.keypad_enter)
    return not imgui.is_window_appearing() and any(imgui.is_key_pressed(key, repeat=False) for key in keys)


def escape_pressed() -> bool:
    """Return whether Escape was pressed anew, after the frame in which the present window appeared."""
    return not imgui.is_window_appearing() and imgui.is_key_pressed(imgui.Key.escape, repeat=False)
