"""Which part of the canvas is seen. The editor has no call that sets its zoom; it can only be shown content to fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from imgui_bundle import ImVec2, imgui
from imgui_bundle import imgui_node_editor as ed

FULL_FROM: Final = 0.55
"""From this zoom on nodes are drawn with everything; below with their titles alone."""
TITLES_FROM: Final = 0.30
"""Below this zoom nodes are blocks of colour."""

LEAST, MOST = 0.05, 4.0
READABLE: Final = 0.7
"""Zoom at which a network that is too wide to be read as a whole is shown, from its left end on."""
ROOMY_PX: Final = 320.0
"""From this height on the canvas is there to be worked on: details matter more than the whole."""

MARGIN_PX: Final = 48.0
STEP: Final = 1.25

_EDITOR_MARGIN: Final = 1.1
"""How much larger than the content is what the editor shows when it fits content."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What is to be seen.

    Args:
        centre: Canvas position in the middle.
        zoom: Pixels of the screen for one of the canvas.
        secs: How long the way there takes.
    """

    centre: tuple[float, float]
    zoom: float
    secs: float = 0.0


class Camera:
    """Where the canvas lies on the screen in this frame.

    Attributes:
        zoom: Pixels of the screen for one of the canvas.
        x: Where the canvas position 0 lies on the screen.
        y: Likewise.
        at: Upper left corner of the visible part on the screen.
        size: Its width and height in pixels of the screen.
    """

    def __init__(self, ghost: int) -> None:
        self.zoom = 1.0
        self.x = self.y = 0.0
        self.at = (0.0, 0.0)
        self.size = (1.0, 1.0)
        self._ghost = ed.NodeId(ghost)
        self._aim: Aim | None = None

    def read(self) -> None:
        """Take over what the editor shows; inside of it."""
        self.zoom = 1 / ed.get_current_zoom()
        origin = ed.canvas_to_screen(ImVec2(0, 0))
        self.x, self.y = origin.x, origin.y

    def aim(self, aim: Aim) -> None:
        """Go somewhere, from the next frame on."""
        self._aim = aim

    def steer(self) -> None:
        """Tell the editor where to go, before any node is drawn: a ghost of a node is then all there is to fit."""
        aim, self._aim = self._aim, None
        if aim is None:
            return
        side = min(self.size) / (_EDITOR_MARGIN * aim.zoom)
        x, y = aim.centre
        ed.set_node_position(self._ghost, ImVec2(x - side / 2, y - side / 2))
        ed.begin_node(self._ghost)
        imgui.dummy(ImVec2(side, side))
        ed.end_node()
        ed.navigate_to_content(aim.secs)

    def to_canvas(self, x: float, y: float) -> tuple[float, float]:
        """Return the canvas position at a place of the screen."""
        return (x - self.x) / self.zoom, (y - self.y) / self.zoom

    def to_screen(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of the screen of a canvas position."""
        return self.x + x * self.zoom, self.y + y * self.zoom

    @property
    def visible(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of what is seen, on the canvas."""
        left, top = self.to_canvas(*self.at)
        right, bottom = self.to_canvas(self.at[0] + self.size[0], self.at[1] + self.size[1])
        return left, top, right, bottom

    @property
    def centre(self) -> tuple[float, float]:
        """Canvas position in the middle."""
        left, top, right, bottom = self.visible
        return (left + right) / 2, (top + bottom) / 2


def fit(box: tuple[float, float, float, float], size: tuple[float, float], scale: float, top_px: float = 0.0) -> Aim:
    """Show a whole box, never above 100 %.

    Args:
        box: Left, top, right, bottom on the canvas.
        size: Width and height of the visible part, in pixels of the screen.
        scale: What 100 % is.
        top_px: What is covered at the top, in pixels of the screen.
    """
    left, top, right, bottom = box
    margin = MARGIN_PX * scale
    room = max(1.0, size[0] - 2 * margin), max(1.0, size[1] - top_px - 2 * margin)
    zoom = min(scale, room[0] / max(1.0, right - left), room[1] / max(1.0, bottom - top))
    zoom = max(LEAST * scale, zoom)
    return Aim(((left + right) / 2, (top + bottom) / 2 - top_px / 2 / zoom), zoom)


def opening(box: tuple[float, float, float, float], size: tuple[float, float], scale: float) -> Aim:
    """Show a document that was just opened: whole where it can be read then, else its left end.

    In a low strip it is enough to read the titles; a large canvas shows everything that stands on a node.
    """
    whole = fit(box, size, scale)
    enough = FULL_FROM if size[1] >= ROOMY_PX * scale else TITLES_FROM
    if whole.zoom >= enough * scale:
        return whole
    zoom = READABLE * scale
    left, top, _, bottom = box
    tall = (bottom - top) * zoom > size[1] - 2 * MARGIN_PX * scale
    centre_y = top + (size[1] / 2 - MARGIN_PX * scale) / zoom if tall else (top + bottom) / 2
    return Aim((left + (size[0] / 2 - MARGIN_PX * scale) / zoom, centre_y), zoom)


def zoomed(camera: Camera, factor: float, scale: float) -> Aim:
    """Change the zoom around the middle, through 100 % where that lies on the way."""
    wanted = camera.zoom * factor
    if (camera.zoom / scale - 1) * (wanted / scale - 1) < 0 and abs(camera.zoom / scale - 1) > 0.01:
        wanted = scale
    return Aim(camera.centre, min(MOST * scale, max(LEAST * scale, wanted)), 0.12)
