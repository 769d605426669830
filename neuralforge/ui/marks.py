"""Where things lie on the screen, so that a test can point at them. Off, and then free, in the product."""

from __future__ import annotations

Rect = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels of the screen."""


class Marks:
    """Names of widgets -> where they were drawn last.

    Attributes:
        on: Whether anything is noted.
        rects: Name, such as "node/conv1" or "knob/lr" -> place.
    """

    __slots__ = ("on", "rects")

    def __init__(self) -> None:
        self.on = False
        self.rects: dict[str, Rect] = {}

    def note(self, name: str, x0: float, y0: float, x1: float, y1: float) -> None:
        """Note a place; does nothing while off."""
        if self.on:
            self.rects[name] = (x0, y0, x1, y1)
