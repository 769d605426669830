"""One panel that fills a window, drawn from a view that a test sets; it notes what is posted."""

from __future__ import annotations

from collections.abc import Callable

from imgui_bundle import imgui

from neuralforge.ui.panel import Panel
from neuralforge.workbench.view import View
from tests.ui.pilot import StageMaker
from tests.ui.standin import StandIn, stage


class Solo(StandIn):
    """A panel alone.

    Args:
        kind: The panel.
        view: What is shown first.

    Attributes:
        width_px: Width of the panel at scale 1; the whole window when 0.
        height_px: Likewise.
    """

    def __init__(self, kind: type[Panel], view: View) -> None:
        super().__init__(view, [kind])
        self.width_px = self.height_px = 0.0

    def draw_panels(self) -> None:
        screen, scale = imgui.get_io().display_size, self.kit.scale
        self.place(self.panel, 0, 0, (self.width_px * scale or screen.x, self.height_px * scale or screen.y))


def solo(kind: type[Panel], view: Callable[[], View]) -> StageMaker:
    """Return a stage with one panel."""
    return stage(lambda: Solo(kind, view()))
