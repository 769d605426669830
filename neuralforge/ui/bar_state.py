"""What the bars remember between frames, and how they lay things side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from imgui_bundle import ImVec2, imgui

from neuralforge.ui.actions import DEFAULT_RUN_N
from neuralforge.ui.bar_texts import Tone
from neuralforge.ui.kit import Kit
from neuralforge.ui.panel import Arrangement
from neuralforge.ui.theme import Color
from neuralforge.ui.value_field import FieldState

APP_BAR_PX: Final = 44.0
TOOL_BAR_PX: Final = 48.0
STATUS_BAR_PX: Final = 28.0
NARROW_PX: Final = 1500.0
"""Windows narrower than this show one menu button, and icons for words that can be missed."""

EDGE_PX: Final = 14.0


@dataclass(slots=True, eq=False)
class BarState:
    """What belongs to the bars of a window and to no document.

    Args:
        arrangement: Which arrangement of panels is shown.
        run_n: How many steps "Run N" makes.
        fields: What is being typed in them.
        menu: The menu that is open.
        issue: How often the issues were gone through.
        derived: What was derived from parts of the view: name -> (the parts, the result).
    """

    arrangement: Arrangement
    run_n: int = DEFAULT_RUN_N
    fields: FieldState = field(default_factory=FieldState)
    menu: str = ""
    issue: int = 0
    derived: dict[str, tuple[tuple[Any, ...], Any]] = field(default_factory=dict)

    def cached(self, name: str, parts: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """Return what `make` made of the same parts before, or make it now.

        Args:
            name: What it is.
            parts: Compared by identity.
            make: Makes it.
        """
        known = self.derived.get(name)
        if known is None or any(a is not b for a, b in zip(known[0], parts, strict=True)):
            known = self.derived[name] = parts, make()
        return known[1]


def ground(kit: Kit, top_px: float, height_px: float, color: Color) -> tuple[ImVec2, float]:
    """Fill a bar over the width of the window.

    Returns:
        Its upper left corner and its width, in pixels of the screen.
    """
    at = imgui.get_window_pos() + kit.vec(0, top_px)
    width = imgui.get_window_size().x
    imgui.get_window_draw_list().add_rect_filled(at, at + ImVec2(width, kit.px(height_px)), color.u32)
    return at, width


def line_below(kit: Kit, at: ImVec2, width: float, height_px: float) -> None:
    """Draw a hairline along the lower edge of a bar."""
    y = at.y + kit.px(height_px) - 0.5
    imgui.get_window_draw_list().add_line(ImVec2(at.x, y), ImVec2(at.x + width, y), kit.theme.border.u32, 1)


def divider(kit: Kit, x: float, middle: float, height_px: float = 20) -> None:
    """Draw an upright line between two groups of a bar."""
    half = kit.px(height_px / 2)
    imgui.get_window_draw_list().add_line(
        ImVec2(x, middle - half), ImVec2(x, middle + half), kit.theme.border_strong.u32, 1
    )


def go_to(x: float, y: float) -> None:
    """Put the cursor of the layout at a place of the screen."""
    imgui.set_cursor_screen_pos(ImVec2(round(x), round(y)))


def right_of_last(gap: float) -> float:
    """Return where the next thing begins, some pixels right of the last item."""
    return imgui.get_item_rect_max().x + gap


def tone_color(kit: Kit, tone: Tone) -> Color:
    """Return the colour of a tone."""
    t = kit.theme
    return {
        "quiet": t.text3,
        "success": t.success,
        "warning": t.warning,
        "danger": t.danger,
        "accent": t.accent,
        "info": t.info,
    }[tone]
