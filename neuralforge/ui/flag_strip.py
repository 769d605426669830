"""Draws the flags of events over a plot, and says which one is under the mouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui import widgets
from neuralforge.ui.chart import Axes
from neuralforge.ui.event_rows import Tone
from neuralforge.ui.flags import Flag, gravest, place_flags
from neuralforge.ui.kit import Kit
from neuralforge.ui.memo import Memo
from neuralforge.ui.theme import Color, Theme

_HEIGHT_PX: Final = 19
_ROW_PX: Final = 22
_MERGED_PX: Final = 34
_LISTED: Final = 12


@dataclass(frozen=True, slots=True)
class Pennant:
    """A flag, or several in one, as it is drawn.

    Args:
        low: Upper left corner.
        high: Lower right corner.
        text: What stands on it.
        color: Its colour.
        ground: Its ground, opaque.
        members: The flags that it stands for.
    """

    low: ImVec2
    high: ImVec2
    text: str
    color: Color
    ground: Color
    members: tuple[Flag, ...]

    def holds(self, at: ImVec2) -> bool:
        """Return whether a point lies on it."""
        return bool(self.low.x <= at.x < self.high.x and self.low.y <= at.y < self.high.y)


def tones_of(theme: Theme) -> Mapping[Tone, Color]:
    """Return the colour of each kind of change."""
    return {"knob": theme.accent, "freeze": theme.info, "danger": theme.danger, "plain": theme.text3}


def lay_flags(kit: Kit, axes: Axes, flags: tuple[Flag, ...], memo: Memo) -> Sequence[Pennant]:
    """Return the flags of the steps that can be seen, in their places.

    Args:
        kit: The kit.
        axes: The plot.
        flags: All flags, by step.
        memo: Remembers the places.
    """
    stamp = (flags, axes.area, axes.x, kit.scale, kit.theme.name)
    return memo.get("flags", stamp, lambda: _lay_flags(kit, axes, flags))


def draw_flags(kit: Kit, pennants: Sequence[Pennant]) -> None:
    """Draw flags."""
    draw = imgui.get_window_draw_list()
    for item in pennants:
        draw.add_rect_filled(item.low, item.high, item.ground.u32, kit.px(3))
        draw.add_rect_filled(item.low, ImVec2(item.low.x + kit.px(2), item.high.y), item.color.u32)
        kit.draw_text(item.low + kit.vec(7, 1.5), item.text, kit.theme.text, "medium", 13, draw)
        if kit.marks.on:
            number = item.members[0].sequence
            kit.marks.note(f"flag/{number}", item.low.x, item.low.y, item.high.x, item.high.y)


def _lay_flags(kit: Kit, axes: Axes, flags: Sequence[Flag]) -> list[Pennant]:
    area, tones = axes.area, tones_of(kit.theme)
    shown = [flag for flag in flags if axes.x.low <= flag.step <= axes.x.high]
    xs = [axes.x_of(flag.step) for flag in shown]
    widths = [kit.text_size(flag.text, "medium", 13).x + kit.px(14) for flag in shown]
    strength = 0.24 if kit.theme.name == "dark" else 0.16
    pennants = []
    for place in place_flags(xs, widths, area.x0, area.x1, kit.px(_MERGED_PX), kit.px(4)):
        members = tuple(shown[number] for number in place.members)
        color = tones[gravest(members)]
        text = members[0].text if len(members) == 1 else f"+{len(members)}"
        low = ImVec2(round(place.x), area.y0 + kit.px(4 + _ROW_PX * place.row))
        pennants.append(
            Pennant(
                low,
                ImVec2(low.x + round(place.width), low.y + kit.px(_HEIGHT_PX)),
                widgets.shortened(kit, text, place.width - kit.px(12), "medium", 13),
                color,
                color.fade(strength).over(kit.theme.panel),
                members,
            )
        )
    return pennants


def flag_under(kit: Kit, pennants: Sequence[Pennant], mouse: ImVec2) -> Pennant | None:
    """Return the flag under the mouse, and say in a tooltip what it stands for."""
    found = next((item for item in pennants if item.holds(mouse)), None)
    if found is None:
        return None
    imgui.set_mouse_cursor(imgui.MouseCursor_.hand)
    with widgets.popup_look(kit), imgui_ctx.begin_tooltip() as tip:
        if tip:
            for flag in found.members[:_LISTED]:
                widgets.text(kit, f"Step {flag.step:,}", kit.theme.text3, "mono", 13)
                imgui.same_line()
                widgets.text(kit, flag.text, kit.theme.text, "medium", 14)
                if flag.why:
                    imgui.push_text_wrap_pos(kit.px(340))
                    widgets.text(kit, flag.why, kit.theme.text2, size_px=14)
                    imgui.pop_text_wrap_pos()
            if len(found.members) > _LISTED:
                widgets.text(kit, f"and {len(found.members) - _LISTED} more", kit.theme.text3, size_px=13)
    return found
