"""Every colour of the window, dark and light, and nothing else: the one place that states them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from neuralforge.layers.spec import Category


class Color(NamedTuple):
    """A colour with opacity, each part from 0 to 1."""

    red: float
    green: float
    blue: float
    alpha: float = 1.0

    def fade(self, alpha: float) -> Color:
        """Return the colour with another opacity."""
        return _faded(self, alpha)

    def over(self, ground: Color) -> Color:
        """Return the opaque colour that this one gives over a ground."""
        mixed = (a * self.alpha + b * (1 - self.alpha) for a, b in zip(self[:3], ground[:3], strict=True))
        return Color(*mixed)

    @property
    def u32(self) -> int:
        """The colour as draw lists take it."""
        return _u32(self)


@lru_cache(maxsize=4096)
def _faded(color: Color, alpha: float) -> Color:
    return color._replace(alpha=alpha)


@lru_cache(maxsize=4096)
def _u32(color: Color) -> int:
    red, green, blue, alpha = (int(part * 255 + 0.5) for part in color)
    return alpha << 24 | blue << 16 | green << 8 | red


def rgb(text: str) -> Color:
    """Read six hexadecimal digits."""
    return Color(*(int(text[i : i + 2], 16) / 255 for i in (0, 2, 4)))


@dataclass(frozen=True, kw_only=True)
class Theme:
    """The colours of one appearance.

    Args:
        name: "dark" or "light".
        bg: App bar, tab bars, status bar, gaps between panels.
        panel: Panels and tool bar.
        elevated: Cards, popups, bubbles.
        field: Inputs and quiet buttons.
        hover: What the mouse is over; rails of sliders.
        active: What is pressed.
        border: Hairlines.
        border_strong: Outlines of nodes and pills.
        text: Text.
        text2: Labels.
        text3: Hints and ticks.
        disabled: What cannot be used now.
        accent: Selection, focus, links.
        accent_fill: Filled buttons and sliders; white text reads on it.
        accent_hover: The same under the mouse.
        success: It went well.
        warning: It deserves a look.
        danger: It is wrong.
        info: It is frozen.
        canvas: Ground of the canvas.
        grid: Its dots.
        node: Body of a node.
        wire: Wires.
        plot_grid: Lines of plots.
        series: Curves, in this order; told apart by colour-blind eyes.
        categories: Colour of each family of layers.
        header_alpha: Strength of the category's colour in a node's header.
        band_alpha: Strength of the band behind a smoothed curve.
        shadow_alpha: Strength of one step of a shadow.
        thumb_ring: Whether the thumb of a slider needs a ring to be seen.
    """

    name: str
    bg: Color
    panel: Color
    elevated: Color
    field: Color
    hover: Color
    active: Color
    border: Color
    border_strong: Color
    text: Color
    text2: Color
    text3: Color
    disabled: Color
    accent: Color
    accent_fill: Color
    accent_hover: Color
    success: Color
    warning: Color
    danger: Color
    info: Color
    canvas: Color
    grid: Color
    node: Color
    wire: Color
    plot_grid: Color
    series: tuple[Color, ...]
    categories: Mapping[Category, Color]
    header_alpha: float
    band_alpha: float
    shadow_alpha: float
    thumb_ring: bool

    def category(self, key: str) -> Color:
        """Return the colour of a family of layers; unknown ones have that of custom layers."""
        return self.categories.get(key, self.custom)  # type: ignore[call-overload, no-any-return]

    @property
    def custom(self) -> Color:
        """The colour of layers that are in no family."""
        return rgb("C9946A") if self.name == "dark" else rgb("8F5A2E")

    @property
    def integer(self) -> Color:
        """The colour of wires that carry integers."""
        return self.series[1]


WHITE: Final = Color(1.0, 1.0, 1.0)
BLACK: Final = Color(0.0, 0.0, 0.0)


def _categories(text: str) -> Mapping[Category, Color]:
    names: tuple[Category, ...] = (
        "convolution", "linear", "recurrent", "attention", "normalization", "activation",
        "pooling", "regularization", "shape", "merge", "input/output",
    )  # fmt: skip
    return MappingProxyType(dict(zip(names, map(rgb, text.split()), strict=True)))


DARK: Final = Theme(
    name="dark",
    bg=rgb("0D0F13"),
    panel=rgb("15181E"),
    elevated=rgb("1C2028"),
    field=rgb("20252E"),
    hover=rgb("2A303B"),
    active=rgb("353D4A"),
    border=rgb("272C36"),
    border_strong=rgb("3A4250"),
    text=rgb("E7EAF0"),
    text2=rgb("9DA7B6"),
    text3=rgb("7D8899"),
    disabled=rgb("535D6C"),
    accent=rgb("7C8CFF"),
    accent_fill=rgb("5563E6"),
    accent_hover=rgb("6573F0"),
    success=rgb("43C59E"),
    warning=rgb("F2B84B"),
    danger=rgb("FF6B6B"),
    info=rgb("58B7F0"),
    canvas=rgb("101318"),
    grid=rgb("2B3340"),
    node=rgb("1B1F27"),
    wire=rgb("6B7789"),
    plot_grid=rgb("242A35"),
    series=tuple(map(rgb, "5AA9FF FFA24A 2CCB9F E26BC4 F4EC7A E5484D 8B62F0 B9C2CF".split())),
    categories=_categories("4F9DFF 2EC4B0 A48BFA F472B6 6FC3DF F5B83D 7BC86C EF7D5B 9AA8BC C3CC4E DCE2EC"),
    header_alpha=0.13,
    band_alpha=0.30,
    shadow_alpha=0.055,
    thumb_ring=False,
)

LIGHT: Final = Theme(
    name="light",
    bg=rgb("DFE3E9"),
    panel=rgb("F7F8FA"),
    elevated=rgb("FFFFFF"),
    field=rgb("EBEEF2"),
    hover=rgb("E0E4EA"),
    active=rgb("D2D8E1"),
    border=rgb("D8DDE4"),
    border_strong=rgb("B9C1CD"),
    text=rgb("181C23"),
    text2=rgb("545E6D"),
    text3=rgb("667080"),
    disabled=rgb("A6AEBA"),
    accent=rgb("4553DB"),
    accent_fill=rgb("4F5DE4"),
    accent_hover=rgb("3F4CD0"),
    success=rgb("0A7D5C"),
    warning=rgb("945C00"),
    danger=rgb("C9302F"),
    info=rgb("1473B8"),
    canvas=rgb("EDF0F4"),
    grid=rgb("C3CAD5"),
    node=rgb("FFFFFF"),
    wire=rgb("8592A5"),
    plot_grid=rgb("E6EAEF"),
    series=tuple(map(rgb, "1B6FD0 D26A00 12A37C 8E1F8A 6B0F2A D3163F 0B2FB8 5F6B7B".split())),
    categories=_categories("1F6FD6 0B8C7C 6D4FD8 C7337F 217E9E A87100 3F8A2F C44B27 5C6B80 757E0B 3A4454"),
    header_alpha=0.10,
    band_alpha=0.20,
    shadow_alpha=0.018,
    thumb_ring=True,
)

THEMES: Final[Mapping[str, Theme]] = MappingProxyType({"dark": DARK, "light": LIGHT})
