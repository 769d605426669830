"""Pictures on the graphics card, remembered by the array that they were made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from imgui_bundle import hello_imgui, imgui
from numpy.typing import NDArray

from neuralforge.ui.kit import Kit

MAX_ENTRIES: Final = 64
MAX_BYTES: Final = 96_000_000

_NO_PIXELS_ID: Final = 1
"""Stands for every picture where nothing is drawn."""


@dataclass(slots=True)
class _Entry:
    """A texture, with the array that it was made from: holding it keeps its identity from being given to another."""

    rgba: NDArray[np.uint8]
    texture: hello_imgui.TextureGpu | None
    frame: int


class Textures:
    """Textures by the identity of an array, which is never written to again; a changed picture is another array.

    All calls on the thread of the window. What was not asked for longest goes first when there are too many; what was
    asked for in this frame stays, since it is drawn when the frame ends.

    Args:
        kit: The means of drawing.
        max_entries: How many textures are kept.
        max_bytes: What they may take together.
    """

    def __init__(self, kit: Kit, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES) -> None:
        self.kit = kit
        self._max_entries, self._max_bytes = max_entries, max_bytes
        self._entries: dict[int, _Entry] = {}
        self._size_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def of(self, rgba: NDArray[np.uint8]) -> int:
        """Return the texture of a picture, made when the array is seen first.

        To be drawn as `imgui.ImTextureRef(textures.of(rgba))`.

        Args:
            rgba: [H, W, 4], uint8.

        Returns:
            The id of the texture; good for this frame alone.

        Raises:
            ValueError: When the array is no such picture, or has no pixels.
        """
        frame = imgui.get_frame_count()
        entry = self._entries.pop(id(rgba), None)
        if entry is None:
            if rgba.ndim != 3 or rgba.shape[2] != 4 or rgba.dtype != np.uint8 or not rgba.size:
                raise ValueError(f"A picture is [H, W, 4] of uint8. Received: {rgba.shape} of {rgba.dtype}")
            made = hello_imgui.create_texture_gpu_from_rgba_data(np.ascontiguousarray(rgba))
            entry = _Entry(rgba, made, frame)
            self._size_bytes += rgba.nbytes
        entry.frame = frame
        self._entries[id(rgba)] = entry  # the last one of the mapping is what was asked for last
        self._make_room(frame)
        return entry.texture.texture_id() if entry.texture is not None else _NO_PIXELS_ID

    def forget(self) -> None:
        """Drop all textures; between frames, and before the window closes."""
        self._entries.clear()
        self._size_bytes = 0

    def _make_room(self, frame: int) -> None:
        while len(self._entries) > self._max_entries or self._size_bytes > self._max_bytes:
            oldest, entry = next(iter(self._entries.items()))
            if entry.frame == frame:
                return
            del self._entries[oldest]
            self._size_bytes -= entry.rgba.nbytes
