"""Draws the bodies of nodes, in pixels of the screen, so that text is crisp at every zoom."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import Final

from imgui_bundle import ImVec2, imgui

from neuralforge.ui import icons
from neuralforge.ui.canvas.camera import FULL_FROM
from neuralforge.ui.canvas.scene import Drawing, NodeItem, PinItem
from neuralforge.ui.canvas.sizes import FOOTER_PX, HEADER_PX, PARAMS_PX
from neuralforge.ui.kit import Face, Kit
from neuralforge.ui.node_facts import icon_of
from neuralforge.ui.theme import BLACK, THEMES, Color, Theme
from neuralforge.ui.widgets import shortened

_MONO_SIZES: Final = (8, 11, 13, 15, 17, 19, 22, 24, 26, 28, 30, 33, 35, 37, 39, 41, 44)
"""Sizes at which the advance of the mono font is just under a whole pixel."""

_TOP: Final = imgui.ImDrawFlags_.round_top.value
LEAST_TITLE_PX: Final = 12.0
LEAST_TEXT_PX: Final = 11.0


def mono_size(wanted: float) -> float:
    """Return the nearest crisp size of the mono font that is not larger, in pixels of the screen."""
    return float(_MONO_SIZES[max(0, bisect_right(_MONO_SIZES, wanted + 0.5) - 1)])


@lru_cache(maxsize=1024)
def _u32(color: Color) -> int:
    return color.u32


@lru_cache(maxsize=64)
def _tints(theme_name: str, category: str) -> tuple[int, int, int]:
    """Return the colours of a header, of the line below it and of its icon's tile."""
    t = THEMES[theme_name]
    color = t.category(category)
    header = color.fade(t.header_alpha).over(t.node)
    return header.u32, color.fade(0.28).over(t.node).u32, color.fade(0.20).over(header).u32


class NodePainter:
    """Draws nodes into one draw list.

    Args:
        kit: The kit.
        draw: Where to.
    """

    def __init__(self, kit: Kit, draw: imgui.ImDrawList) -> None:
        self.kit = kit
        self.draw = draw
        self.zoom = 1.0
        self._rect = draw.add_rect_filled
        self._frame = draw.add_rect
        self._circle = draw.add_circle_filled
        self._ring = draw.add_circle
        self._line = draw.add_line
        self._text = draw.add_text

    def make(self, item: NodeItem, x: float, y: float, zoom: float, selected: bool, hovered: bool) -> Drawing:
        """Return what draws a node.

        Args:
            item: The node.
            x: Left edge, in pixels of the screen.
            y: Upper edge.
            zoom: Pixels of the screen for one of the canvas.
            selected: Whether it is selected.
            hovered: Whether the mouse is over it.

        Returns:
            Everything, or below a zoom its outline, title and, while there is room, parameters.
        """
        self.zoom = zoom
        level = zoom / self.kit.scale
        x, y = float(round(x)), float(round(y))
        out: Drawing = []
        self._shadow(out, item, x, y)
        if level < FULL_FROM:
            self._small(out, item, x, y)
        else:
            self._body(out, item, x, y)
            self._header(out, item, x, y)
            self._contents(out, item, x, y)
        self._edge(out, item, x, y, selected, hovered)
        if level >= FULL_FROM:
            for pin in item.pins:
                self._pin(out, item, pin, x, y)
        return out

    def _size(self, item: NodeItem) -> tuple[float, float]:
        return item.form.width_px * self.zoom, item.form.height_px * self.zoom

    def _shadow(self, out: Drawing, item: NodeItem, x: float, y: float) -> None:
        z, (width, height) = self.zoom, self._size(item)
        shade = _u32(BLACK.fade(self.kit.theme.shadow_alpha))
        for step in range(5, 0, -1):
            spread = 2.2 * step * z
            low = ImVec2(x - spread, y - spread + 4 * z)
            high = ImVec2(x + width + spread, y + height + spread + 4 * z)
            out.append((self._rect, (low, high, shade, 8 * z + spread)))

    def _body(self, out: Drawing, item: NodeItem, x: float, y: float) -> None:
        t, z, (width, height) = self.kit.theme, self.zoom, self._size(item)
        tint, line, _ = _tints(t.name, item.category)
        low, head = ImVec2(x, y), HEADER_PX * z
        if _is_compact(item):
            out.append((self._rect, (low, ImVec2(x + width, y + head), tint, 8 * z)))
            return
        out.append((self._rect, (low, ImVec2(x + width, y + height), _u32(t.node), 8 * z)))
        out.append((self._rect, (low, ImVec2(x + width, y + head), tint, 8 * z, _TOP)))
        out.append((self._line, (ImVec2(x, y + head), ImVec2(x + width, y + head), line, 1.0)))

    def _edge(self, out: Drawing, item: NodeItem, x: float, y: float, selected: bool, hovered: bool) -> None:
        t, z, (width, height) = self.kit.theme, self.zoom, self._size(item)

        def frame(color: Color, grow: float, thick: float) -> None:
            low, high = ImVec2(x - grow, y - grow), ImVec2(x + width + grow, y + height + grow)
            out.append((self._frame, (low, high, _u32(color), 8 * z + grow, thick)))

        px = self.kit.scale
        if item.issue is not None:
            frame(t.warning.fade(0.8) if item.incomplete else t.danger, 0, 1.5 * px)
        elif not selected:
            frame(t.text3 if hovered else t.border_strong, 0, (1.5 if hovered else 1) * px)
        if selected:
            frame(t.accent.fade(0.10), 4 * px, 7 * px)
            frame(t.accent.fade(0.16), 3 * px, 5 * px)
            frame(t.accent, 1.5 * px, 3 * px)

    def _write(self, out: Drawing, x: float, y: float, text: str, color: Color, face: Face, size: float) -> None:
        if text:
            place = ImVec2(float(round(x)), float(round(y)))
            out.append((self._text, (self.kit.face(face), size, place, _u32(color), text)))

    def _centred_y(self, text: str, face: Face, size: float, top: float, height: float) -> float:
        return top + (height - self.kit.text_size(text, face, size / self.kit.scale).y) / 2

    def _cut(self, text: str, face: Face, size: float, room: float) -> str:
        return shortened(self.kit, text, max(0.0, room), face, size / self.kit.scale)

    def _small(self, out: Drawing, item: NodeItem, x: float, y: float) -> None:
        """Draw a node that is too small for everything: title over parameters, or a plain block with its title."""
        t, z, scale, (width, height) = self.kit.theme, self.zoom, self.kit.scale, self._size(item)
        size = LEAST_TITLE_PX * scale
        head, room = HEADER_PX * z, width - 6 * scale
        if head < size + 2 * scale:  # the title does not fit onto a header
            tint = _tints(t.name, item.category)[0]
            out.append((self._rect, (ImVec2(x, y), ImVec2(x + width, y + height), tint, 8 * z)))
            head = height
        else:
            self._body(out, item, x, y)
            params = self._cut(item.form.params, "regular", size, room)
            if len(params) > 2 or params == item.form.params:
                self._write_centred(out, x, width, y + head, height - head, params, t.text2, "regular", size)
        title = self._cut(item.form.title, "medium", size, room)
        if len(title) < 3 and title != item.form.title:
            title = icon_of(item.node.layer, item.category)
        ink = t.text if item.issue is None else _mark(t, item)[1]
        self._write_centred(out, x, width, y, head, title, ink, "medium", size)

    def _write_centred(
        self, out: Drawing, x: float, width: float, top: float, height: float, text: str, color: Color, face: Face,
        size: float,
    ) -> None:  # fmt: skip
        wide = self.kit.text_size(text, face, size / self.kit.scale).x
        left = x + max(2.0, (width - wide) / 2)
        self._write(out, left, self._centred_y(text, face, size, top, height), text, color, face, size)

    def _header(self, out: Drawing, item: NodeItem, x: float, y: float) -> None:
        t, z, scale = self.kit.theme, self.zoom, self.kit.scale
        width = item.form.width_px * z
        right = self._header_marks(out, item, x + width - 10 * z, y)
        size = max(LEAST_TITLE_PX * scale, float(round(16 * z)))
        left, title = x + 39 * z, item.form.title
        wide = self.kit.text_size(title, "semibold", size / scale).x
        if z < scale and left + wide > right + 5 * z:
            left = x + 8 * z  # where there is little room, the name says more than the icon
        else:
            self._tile(out, item, x, y)
        title = self._cut(title, "semibold", size, right + 5 * z - left)
        top = self._centred_y(title, "semibold", size, y, HEADER_PX * z)
        self._write(out, left, top, title, t.text, "semibold", size)

    def _tile(self, out: Drawing, item: NodeItem, x: float, y: float) -> None:
        t, z = self.kit.theme, self.zoom
        low = ImVec2(float(round(x + 10 * z)), float(round(y + 7 * z)))
        high = ImVec2(low.x + round(21 * z), low.y + round(20 * z))
        icon, color = icon_of(item.node.layer, item.category), t.category(item.category)
        tint = _tints(t.name, item.category)[2]
        if item.issue is not None and _is_compact(item):  # which has no other place for the mark
            icon, color = _mark(t, item)
            tint = _u32(color.fade(0.20))
        out.append((self._rect, (low, high, tint, 5 * z)))
        size = float(round(12 * z))
        ink = self.kit.text_size(icon, "regular", size / self.kit.scale)
        left, top = (low.x + high.x - ink.x) / 2, (low.y + high.y - ink.y) / 2
        self._write(out, left, top, icon, color, "regular", size)

    def _header_marks(self, out: Drawing, item: NodeItem, right: float, y: float) -> float:
        """Draw what stands at the right of a header, and return where the room for the title ends."""
        t, z = self.kit.theme, self.zoom
        marks = []
        if item.issue is not None and not _is_compact(item):
            marks.append(_mark(t, item))
        if item.node.frozen:
            marks.append((icons.FREEZE, t.info))
        size = max(11 * self.kit.scale, float(round(14 * z)))
        for icon, color in marks:
            wide = self.kit.text_size(icon, "regular", size / self.kit.scale)
            right -= wide.x
            self._write(out, right, y + (HEADER_PX * z - wide.y) / 2, icon, color, "regular", size)
            right -= 5 * z
        return right

    def _contents(self, out: Drawing, item: NodeItem, x: float, y: float) -> None:
        t, z, form = self.kit.theme, self.zoom, item.form
        width, height = self._size(item)
        if form.params:
            size = max(LEAST_TEXT_PX * self.kit.scale, float(round(15 * z)))
            text = self._cut(form.params, "regular", size, width - 20 * z)
            top = self._centred_y(text, "regular", size, y + HEADER_PX * z, PARAMS_PX * z)
            self._write(out, x + 11 * z, top, text, t.text2, "regular", size)
        size = max(LEAST_TEXT_PX * self.kit.scale, float(round(13 * z)))
        for pin in item.pins:
            if not pin.pin.labelled:
                continue
            text = pin.pin.port
            wide = self.kit.text_size(text, "regular", size / self.kit.scale)
            left = x + 13 * z if pin.is_input else x + width - 13 * z - wide.x
            color = t.text2
            if pin.faulty or pin.pin.stray:
                color = t.warning if item.incomplete else t.danger
            self._write(out, left, y + pin.pin.y_px * z - wide.y / 2, text, color, "regular", size)
        if form.footer:
            line = y + height - FOOTER_PX * z
            out.append((self._line, (ImVec2(x + 1, line), ImVec2(x + width - 1, line), _u32(t.border), 1.0)))
            size = mono_size(max(LEAST_TEXT_PX * self.kit.scale, 15 * z))
            shape = item.shape
            if self.kit.text_size(shape, "mono", size / self.kit.scale).x > width - 18 * z:
                size = mono_size(max(LEAST_TEXT_PX * self.kit.scale, 13 * z))
                shape = self._cut(shape, "mono", size, width - 16 * z)
            top = self._centred_y(shape, "mono", size, line, FOOTER_PX * z)
            known = next(iter(item.outputs.values()), None) is not None
            self._write(out, x + 11 * z, top, shape, t.text2 if known else t.text3, "mono", size)

    def _pin(self, out: Drawing, item: NodeItem, pin: PinItem, x: float, y: float) -> None:
        t, z = self.kit.theme, self.zoom
        at = ImVec2(x + pin.pin.x_px * z, y + pin.pin.y_px * z)
        color = pin_color(self.kit, pin)
        if pin.faulty or pin.pin.stray:
            color = t.warning if item.incomplete else t.danger
        out.append((self._circle, (at, 6.5 * z, _u32(t.node))))
        if pin.kind is None:
            out.append((self._ring, (at, 4.1 * z, _u32(color), 0, 1.5 * z)))
        else:
            out.append((self._circle, (at, 4.6 * z, _u32(color))))


def _is_compact(item: NodeItem) -> bool:
    return item.form.height_px <= HEADER_PX


def _mark(theme: Theme, item: NodeItem) -> tuple[str, Color]:
    return (icons.WARNING, theme.warning) if item.incomplete else (icons.ERROR, theme.danger)


def pin_color(kit: Kit, pin: PinItem) -> Color:
    """Return the colour of a pin that nothing is wrong with."""
    if pin.kind is not None and pin.kind.dtype == "int64":
        return kit.theme.integer
    return kit.theme.wire


def block(kit: Kit, item: NodeItem) -> tuple[ImVec2, ImVec2, int, float]:
    """Return the block of colour that stands for a node where it is too small to be read, on the canvas."""
    t = kit.theme
    color = t.category(item.category)
    if item.issue is not None:
        color = t.warning if item.incomplete else t.danger
    left, top, right, bottom = item.box
    return ImVec2(left, top), ImVec2(right, bottom), color.fade(0.75).over(t.canvas).u32, 6.0
