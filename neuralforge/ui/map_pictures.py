"""Numbers of a layer's output as small pictures: colours for floats, and the textures that hold them.

Legend: F features, H rows, W columns, K maps.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from imgui_bundle import ImVec2, imgui
from numpy.typing import NDArray

from neuralforge.ui import widgets
from neuralforge.ui.heat import sequential
from neuralforge.ui.kit import Kit
from neuralforge.ui.numbers import number
from neuralforge.ui.rows import u32
from neuralforge.ui.textures import Textures
from neuralforge.workbench.looks import FeatureMaps

COLUMNS: Final = 4
MOST_BARS: Final = 32
_LEAST_SIDE: Final = 64
_GAP_PX: Final = 6.0


def atlas(maps_KHW: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colour maps, each by its own range, and put them below each other; small ones are made larger without blur.

    Returns:
        [K * H * n, W * n, 4] colours.
    """
    factor = max(1, math.ceil(_LEAST_SIDE / max(1, *maps_KHW.shape[1:])))
    pictures = np.concatenate([sequential(values) for values in maps_KHW])
    return np.ascontiguousarray(pictures.repeat(factor, axis=0).repeat(factor, axis=1))


class MapPictures:
    """Draws feature maps, and keeps their texture as long as they are the same.

    Args:
        kit: The kit.
    """

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self._textures = Textures(kit, max_entries=2)
        self._made_for: FeatureMaps | None = None
        self._atlas: NDArray[np.uint8] | None = None

    def forget(self) -> None:
        """Let go of the texture."""
        self._textures.forget()
        self._made_for = self._atlas = None

    def draw(self, found: FeatureMaps) -> None:
        """Draw what a node gave, over the width of the panel."""
        if found.maps is not None and found.maps.size:
            self._draw_maps(found, found.maps)
        elif found.vector is not None and found.vector.size:
            if len(found.vector) <= MOST_BARS:
                self._draw_bars(found.vector)
            else:
                self._draw_maps(found, folded(found.vector)[None])
            low, high = _range(found.vector)
            words = f"{len(found.vector):,} of {found.channels:,} values" if found.channels > len(found.vector) else ""
            widgets.fact(self.kit, words or f"{found.channels:,} values", f"{low} \u2026 {high}")

    def _draw_maps(self, found: FeatureMaps, maps: NDArray[np.float32]) -> None:
        kit, count = self.kit, len(maps)
        if self._made_for is not found or self._atlas is None:
            self._made_for, self._atlas = found, atlas(maps)
        columns = 1 if count == 1 else COLUMNS
        gap, room = kit.px(_GAP_PX), imgui.get_content_region_avail().x
        width = (room - gap * (columns - 1)) / columns
        height = min(max(width * maps.shape[1] / maps.shape[2], kit.px(16)), width if count > 1 else kit.px(180))
        start, draw = imgui.get_cursor_screen_pos(), imgui.get_window_draw_list()
        reference = imgui.ImTextureRef(self._textures.of(self._atlas))
        for place in range(count):
            at = start + ImVec2((width + gap) * (place % columns), (height + gap) * (place // columns))
            imgui.set_cursor_screen_pos(at)
            imgui.invisible_button(f"##map/{place}", ImVec2(width, height))
            half = 0.25 / (count * maps.shape[1])  # a part of a row, so that neighbours do not shine through
            upper, lower = ImVec2(0, place / count + half), ImVec2(1, (place + 1) / count - half)
            draw.add_image_rounded(reference, at, at + ImVec2(width, height), upper, lower, 0xFFFFFFFF, kit.px(3))
            if kit.marks.on:
                kit.marks.note(f"map/{place}", at.x, at.y, at.x + width, at.y + height)
            if imgui.is_item_hovered() and count > 1:
                low, high = _range(maps[place])
                widgets.tooltip(kit, f"Channel {place + 1} of {found.channels:,}", f"{low} \u2026 {high}")
        if found.maps is not None and found.channels > count > 1:
            widgets.text(kit, f"{count} of {found.channels:,} channels", kit.theme.text3, size_px=13)

    def _draw_bars(self, vector_F: NDArray[np.float32]) -> None:
        kit, t = self.kit, self.kit.theme
        known = np.nan_to_num(vector_F.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        low, high = min(0.0, float(known.min())), max(0.0, float(known.max()))
        span, best = (high - low) or 1.0, int(known.argmax())
        at, size = imgui.get_cursor_screen_pos(), ImVec2(imgui.get_content_region_avail().x, kit.px(72))
        imgui.invisible_button("##bars", size)
        draw, each = imgui.get_window_draw_list(), size.x / len(known)
        zero = at.y + size.y * high / span
        for place, value in enumerate(known):
            x, y = at.x + each * place, zero - size.y * float(value) / span
            ink = t.accent if place == best else t.series[0].fade(0.75)
            draw.add_rect_filled(
                ImVec2(x + 1, min(y, zero)), ImVec2(x + each - 1, max(y, zero, min(y, zero) + 1)), u32(ink), kit.px(2)
            )
        draw.add_line(ImVec2(at.x, zero), ImVec2(at.x + size.x, zero), u32(t.border_strong), 1)
        if imgui.is_item_hovered():
            place = min(len(known) - 1, max(0, int((imgui.get_io().mouse_pos.x - at.x) / each)))
            widgets.tooltip(kit, f"Value {place}", number(float(vector_F[place])))


def folded(vector_F: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lay a long vector out in rows, the last filled up with NaN: about four times as wide as high."""
    columns = min(len(vector_F), max(1, math.ceil(2 * math.sqrt(len(vector_F)))))
    rows = math.ceil(len(vector_F) / columns)
    grid = np.full(rows * columns, np.nan, np.float32)
    grid[: len(vector_F)] = vector_F
    return grid.reshape(rows, columns)


def _range(values: NDArray[np.float32]) -> tuple[str, str]:
    known = values[np.isfinite(values)]
    return (number(float(known.min())), number(float(known.max()))) if known.size else ("NaN", "NaN")
