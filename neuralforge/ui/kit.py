"""What every panel draws with: the theme, the fonts, the scale, and colours in the forms that Dear ImGui takes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import lru_cache
from importlib.resources import as_file, files
from typing import Final, Literal

from imgui_bundle import ImVec2, ImVec4, hello_imgui, imgui, imgui_ctx

from neuralforge.ui.marks import Marks
from neuralforge.ui.theme import THEMES, Color, Theme

Face = Literal["regular", "medium", "semibold", "display", "mono"]

_FILES: Final = {
    "regular": "Inter-Regular.otf",
    "medium": "Inter-Medium.otf",
    "semibold": "Inter-SemiBold.otf",
    "display": "InterDisplay-SemiBold.otf",
    "mono": "JetBrainsMono-Regular.ttf",
}
_BASE_PX: Final = 16.0
_ICONS: Final = "fonts/Font_Awesome_6_Free-Solid-900.otf"


@lru_cache(maxsize=4096)
def _vec4(color: Color) -> ImVec4:
    return ImVec4(*color)


class Kit:
    """The means of drawing, shared by all panels of a window.

    Args:
        theme: Name of the theme.
        scale: Size of everything; 1 is 16 pixels an em.

    Attributes:
        theme: The colours.
        scale: Size of everything.
        marks: Where widgets lie, for tests.
        reduce_motion: Whether what moves by itself is shown still.
    """

    def __init__(self, theme: str = "dark", scale: float = 1.0) -> None:
        self.theme: Theme = THEMES[theme]
        self.scale = scale
        self.marks = Marks()
        self.reduce_motion = False
        self._fonts: dict[str, imgui.ImFont] = {}
        self._sizes: dict[tuple[str, str, float, float], ImVec2] = {}

    def load_fonts(self) -> None:
        """Load all faces, each with the icons; once, before the first frame."""
        for face, name in _FILES.items():
            config = imgui.ImFontConfig()
            config.pixel_snap_h = False
            config.oversample_h = 2
            with as_file(files("neuralforge.assets.fonts") / name) as path:
                font = imgui.get_io().fonts.add_font_from_file_ttf(str(path), _BASE_PX, config)
            icons = imgui.ImFontConfig()
            icons.merge_mode = True
            icons.extra_size_scale = 0.82
            icons.glyph_offset = ImVec2(0, 0.5)
            icons.glyph_min_advance_x = 16
            imgui.get_io().fonts.add_font_from_file_ttf(hello_imgui.asset_file_full_path(_ICONS), _BASE_PX, icons)
            self._fonts[face] = font

    def face(self, face: Face) -> imgui.ImFont:
        """Return a font, for calls that take one."""
        return self._fonts[face]

    def font(self, face: Face, size_px: float) -> AbstractContextManager[object]:
        """Write in a font inside a `with`.

        Args:
            face: Which.
            size_px: Size at scale 1; mono is crisp at 13 and 15 alone.
        """
        manager: AbstractContextManager[object] = imgui_ctx.push_font(self._fonts[face], size_px)
        return manager

    def px(self, size_px: float) -> float:
        """Return a length at scale 1 in pixels of the screen."""
        return size_px * self.scale

    def vec(self, x_px: float, y_px: float) -> ImVec2:
        """Return a vector of lengths at scale 1 in pixels of the screen."""
        return ImVec2(x_px * self.scale, y_px * self.scale)

    @staticmethod
    def vec4(color: Color) -> ImVec4:
        """Return a colour as Dear ImGui's style functions take it."""
        return _vec4(color)

    def text_size(self, text: str, face: Face = "regular", size_px: float = 15) -> ImVec2:
        """Return the size of a text, in pixels of the screen; remembered, since panels ask for the same every frame."""
        key = (text, face, size_px, self.scale)
        size = self._sizes.get(key)
        if size is None:
            if len(self._sizes) > 20_000:
                self._sizes.clear()
            with self.font(face, size_px):
                size = self._sizes[key] = imgui.calc_text_size(text)
        return size

    def draw_text(
        self,
        at: ImVec2,
        text: str,
        color: Color,
        face: Face = "regular",
        size_px: float = 15,
        draw_list: imgui.ImDrawList | None = None,
    ) -> None:
        """Draw a text at a place of the screen, outside of the layout.

        Args:
            at: Upper left corner, in pixels of the screen.
            text: What.
            color: In which colour.
            face: In which font.
            size_px: Size at scale 1.
            draw_list: Where to; that of the present window by default.
        """
        target = draw_list or imgui.get_window_draw_list()
        target.add_text(self._fonts[face], size_px * self.scale, ImVec2(round(at.x), round(at.y)), color.u32, text)
