"""Panels and bars that nobody touches rest for a frame or two while a run goes on: what they showed is shown again.

Dear ImGui wants everything drawn anew in every frame, and in Python that is more than half of what a frame costs. While
a run goes on and hands are off, each is drawn anew some 20 times a second, in turns; in the frames between, Dear ImGui
shows the vertices it has of it (`SetNextWindowRefreshPolicy`, which it calls experimental). Frames come as often as
ever; dialogs and what is under the mouse are drawn in each, and after a touch everything is. Bars are drawn before it
is known whether a frame is touched, and so learn of it in the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from imgui_bundle import imgui

HANDS_SECS: Final = 0.5
"""Nothing rests so soon after the last touch."""
FRESH_SECS: Final = 1 / 20
"""A panel that rests is drawn anew this often."""
MOST_TURNS: Final = 3

_POLICY: Final = (
    imgui.internal.WindowRefreshFlags_.try_to_avoid_refresh | imgui.internal.WindowRefreshFlags_.refresh_on_hover
)


class Rests:
    """Says which panels rest in a frame.

    Attributes:
        turns: In how many frames each panel is drawn once; 1 while nothing rests.
    """

    def __init__(self) -> None:
        self.turns = 1
        self._frame = 0
        self._awake_until_secs = 0.0
        self._size = (0.0, 0.0)
        self._atlas = -1
        self._places: dict[str, int] = {}

    def begin_frame(self, seen: Sequence[str], *, may_rest: bool) -> None:
        """Begin a frame, before its first panel.

        Args:
            seen: Names of the panels that were seen in the last frame; others do not rest.
            may_rest: Whether it is known of nothing that all panels must show at once.
        """
        now_secs = imgui.get_time()
        if self._is_touched() or not may_rest:
            self._awake_until_secs = now_secs + HANDS_SECS
        self.turns = 1 if now_secs < self._awake_until_secs else turns_at(imgui.get_io().framerate)
        self._frame += 1
        self._places = {key: place for place, key in enumerate(seen)}

    def before(self, key: str) -> None:
        """Let a panel rest unless it is its turn; just before its window is begun.

        Args:
            key: Name of the panel.
        """
        place = self._places.get(key)
        if place is not None and (place + self._frame) % self.turns:
            imgui.internal.set_next_window_refresh_policy(_POLICY)

    @staticmethod
    def holds() -> bool:
        """Return whether the panel whose window was just begun rests, so that nothing may be drawn in it."""
        window = imgui.internal.get_current_window_read()
        if not window.skip_refresh:
            return False
        parent = window.parent_window
        if window.flags & imgui.WindowFlags_.child_window and parent is not None:
            # A docked window hands itself to its parent when it is drawn, else the parent would not show it.
            parent.dc.child_windows.push_back(window)
        _stay(window, imgui.get_frame_count())
        return True

    def end_frame(self) -> None:
        """End a frame: where letters have another texture from now on, nothing rests in the next one."""
        atlas, self._atlas = self._atlas, imgui.get_io().fonts.tex_data.unique_id
        if atlas != self._atlas:
            self.turns = 1
            self._awake_until_secs = imgui.get_time() + HANDS_SECS

    def _is_touched(self) -> bool:
        """Return whether there was input, something is held or open, or the window has another size."""
        io = imgui.get_io()
        size = io.display_size
        same, self._size = (size.x, size.y) == self._size, (size.x, size.y)
        return (
            not same
            or imgui.get_current_context().input_events_trail.size() > 0
            or imgui.is_any_mouse_down()
            or imgui.is_any_item_active()
            or imgui.is_popup_open("", imgui.PopupFlags_.any_popup)
        )


def turns_at(fps: float) -> int:
    """Return in how many frames a panel that rests is drawn once.

    Args:
        fps: Frames a second.
    """
    return max(1, min(MOST_TURNS, round(fps * FRESH_SECS)))


def _stay(window: imgui.internal.Window, frame: int) -> None:
    """Let the children of a window that rests not appear anew when it is drawn again."""
    for child in window.dc.child_windows:
        child.last_frame_active = frame
        _stay(child, frame)
