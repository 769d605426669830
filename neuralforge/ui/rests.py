"""While a run goes on and nobody touches the window, two of three frames show again what the last one showed.

Dear ImGui wants everything drawn anew in every frame, and in Python that is nearly all that a frame costs; besides, it
drives what training needs out of the processor's caches. While a run goes on and hands are off, everything is drawn
anew some 20 times a second. In the frames between, which come as often as ever, Dear ImGui shows the vertices that it
has (`SetNextWindowRefreshPolicy`, which it calls experimental); only what is under the mouse is drawn in each. A touch
ends the rest in the same frame.
"""

from __future__ import annotations

import time
from typing import Final

from imgui_bundle import imgui

HANDS_SECS: Final = 0.5
"""Nothing rests so soon after the last touch."""
FRESH_SECS: Final = 1 / 20
"""At rest everything is drawn anew this often."""
MOST_TURNS: Final = 3
UNSEEN_SECS: Final = 1.0
"""In a hidden window everything is drawn anew this often; what came in until then is taken in."""

_POLICY: Final = (
    imgui.internal.WindowRefreshFlags_.try_to_avoid_refresh | imgui.internal.WindowRefreshFlags_.refresh_on_hover
)


class Rests:
    """Says which frames are of rest.

    Attributes:
        holds: Whether the present frame is one: windows show again what they showed.
    """

    def __init__(self) -> None:
        self.holds = False
        self._frame = 0
        self._awake_until_secs = 0.0
        self._size = (0.0, 0.0)
        self._atlas = -1
        self._hidden = False

    def begin_frame(self, *, may_rest: bool, hidden: bool = False) -> None:
        """Begin a frame, before its first window.

        Args:
            may_rest: Whether it is known of nothing that must be shown at once.
            hidden: Whether nobody can see the window.
        """
        now_secs = time.monotonic()
        seen_again, self._hidden = self._hidden and not hidden, hidden
        if self._is_touched() or seen_again or not may_rest:
            self._awake_until_secs = now_secs + HANDS_SECS
        self._frame += 1
        awake = now_secs < self._awake_until_secs
        self.holds = not awake and self._frame % turns_at(imgui.get_io().framerate, hidden=hidden) != 0

    @staticmethod
    def before_window() -> None:
        """Let the window that is begun next show again what it showed, unless the mouse is over it."""
        imgui.internal.set_next_window_refresh_policy(_POLICY)

    @staticmethod
    def shows_again() -> bool:
        """Return whether the window that was just begun shows again what it showed, so that nothing may be drawn."""
        window = imgui.internal.get_current_window_read()
        if not window.skip_refresh:
            return False
        parent = window.parent_window
        if window.flags & imgui.WindowFlags_.child_window and parent is not None:
            # A docked window hands itself to its parent when it is drawn, else the parent would not show it.
            parent.dc.child_windows.push_back(window)
        _stay(window, imgui.get_frame_count())
        return True

    def _is_touched(self) -> bool:
        """Return whether there was input, something is held or open, or what is drawn on or with is another.

        That is the size of the window, and the texture of the letters, which grows with the letters in use.
        """
        io = imgui.get_io()
        size = io.display_size
        same, self._size = (size.x, size.y) == self._size, (size.x, size.y)
        atlas, self._atlas = self._atlas, io.fonts.tex_data.unique_id
        return (
            not same
            or atlas != self._atlas
            or imgui.get_current_context().input_events_trail.size() > 0
            or imgui.is_any_mouse_down()
            or imgui.is_any_item_active()
            or imgui.is_popup_open("", imgui.PopupFlags_.any_popup)
        )


def turns_at(fps: float, *, hidden: bool = False) -> int:
    """Return in how many frames of rest everything is drawn once.

    Args:
        fps: Frames a second.
        hidden: Whether nobody can see the window.
    """
    if hidden:
        return max(1, round(fps * UNSEEN_SECS))
    return max(1, min(MOST_TURNS, round(fps * FRESH_SECS)))


def _stay(window: imgui.internal.Window, frame: int) -> None:
    """Let the children of a window that rests not appear anew when it is drawn again."""
    for child in window.dc.child_windows:
        child.last_frame_active = frame
        _stay(child, frame)
