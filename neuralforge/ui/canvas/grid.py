"""The dots behind the nodes."""

from __future__ import annotations

from math import ceil, floor
from typing import Final

from imgui_bundle import ImVec2, imgui

from neuralforge.ui.canvas.camera import Camera
from neuralforge.ui.canvas.scene import Drawing
from neuralforge.ui.kit import Kit

STEP_PX: Final = 28.0
LEAST_STEP_PX: Final = 20.0
"""Dots that would be nearer on the screen than this are thinned out."""

SAME_ZOOM: Final = 0.01
"""Change of the zoom below which the dots may stay as large as they are."""

SPARE: Final = 6
"""Rows and columns beyond what is seen, so that a pan does not make all dots anew every frame."""


class Grid:
    """Draws dots in canvas coordinates, and keeps them while the view stays within what was made."""

    def __init__(self) -> None:
        self._drawing: Drawing = []
        self._made_for: tuple[object, ...] = ()
        self._zoom = 0.0
        self._span = (0.0, 0.0, 0.0, 0.0)

    def draw(self, kit: Kit, draw: imgui.ImDrawList, camera: Camera) -> None:
        """Draw the dots; inside the editor, before the nodes."""
        step = STEP_PX
        while step * camera.zoom < LEAST_STEP_PX * kit.scale:
            step *= 2
        left, top, right, bottom = camera.visible
        span = self._span
        inside = span[0] <= left and span[1] <= top and span[2] >= right and span[3] >= bottom
        key = (draw, step, kit.theme, kit.scale)
        zooming = abs(camera.zoom - self._zoom) > SAME_ZOOM * camera.zoom
        if key != self._made_for or zooming or not inside:
            spare = 0 if zooming else SPARE  # a wheel changes the zoom every frame, and then nothing can be kept
            self._make(kit, draw, camera, step, spare)
            self._made_for, self._zoom = key, camera.zoom
        for call, arguments in self._drawing:
            call(*arguments)

    def _make(self, kit: Kit, draw: imgui.ImDrawList, camera: Camera, step: float, spare: int) -> None:
        left, top, right, bottom = camera.visible
        x0, x1 = floor(left / step) - spare, ceil(right / step) + spare
        y0, y1 = floor(top / step) - spare, ceil(bottom / step) + spare
        half, color, rect = kit.scale / camera.zoom, kit.theme.grid.u32, draw.add_rect_filled
        self._span = (x0 * step, y0 * step, x1 * step, y1 * step)
        self._drawing = [
            (rect, (ImVec2(x * step - half, y * step - half), ImVec2(x * step + half, y * step + half), color))
            for x in range(x0, x1 + 1)
            for y in range(y0, y1 + 1)
        ]
