"""Numbers as colours: tables of 256 levels, and pictures made with them. Pure NumPy.

The tables go through a few key colours in the space Oklab, where equal distances look equal, so that no step of the
numbers seems larger than another: Bjorn Ottosson, "A perceptual color space for image processing" (2020),
https://bottosson.github.io/posts/oklab/.

Legend: H rows, W columns, N colours.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

LEVELS: Final = 256

_NIGHT: Final = ("050414", "2C115C", "701F82", "BC366C", "F47A4A", "FDC478", "FCFAC8")
"""Night blue, violet, magenta, orange, cream; lightness rises all the way."""
_DIVERGING: Final = {
    "dark": ("B5DAFF", "3D8BE8", "1F242C", "E8822B", "FFDDB0"),
    "light": ("0A3F8A", "4F9BEF", "F4F5F7", "F0913F", "8A3B02"),
}
"""Blue, the ground of the window, orange: the further from the middle, the more it stands out."""

_TO_LMS: Final = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB: Final = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def to_oklab(rgb_N3: NDArray[Any]) -> NDArray[np.float64]:
    """Turn colours of sRGB into Oklab.

    Args:
        rgb_N3: [..., 3] from 0 to 1.

    Returns:
        [..., 3]: lightness, green to red, blue to yellow.
    """
    rgb = np.asarray(rgb_N3, np.float64)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    lab: NDArray[np.float64] = np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T
    return lab


def from_oklab(lab_N3: NDArray[Any]) -> NDArray[np.float64]:
    """Turn colours of Oklab into sRGB; what the screen cannot show is cut off.

    Args:
        lab_N3: [..., 3].

    Returns:
        [..., 3] from 0 to 1.
    """
    lms = (np.asarray(lab_N3, np.float64) @ np.linalg.inv(_TO_LAB).T) ** 3
    linear = np.clip(lms @ np.linalg.inv(_TO_LMS).T, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def table(keys: tuple[str, ...], levels: int = LEVELS) -> NDArray[np.uint8]:
    """Make a table of colours that goes through key colours at equal distances.

    Args:
        keys: At least two colours, six hexadecimal digits each.
        levels: How many colours to make.

    Returns:
        [levels, 4] opaque colours; not to be written to.
    """
    ends = to_oklab(np.array([[int(key[i : i + 2], 16) for i in (0, 2, 4)] for key in keys]) / 255)
    places = np.linspace(0, len(keys) - 1, levels)
    lab = np.stack([np.interp(places, np.arange(len(keys)), ends[:, part]) for part in range(3)], axis=1)
    colors = np.full((levels, 4), 255, np.uint8)
    colors[:, :3] = np.rint(from_oklab(lab) * 255)
    colors.flags.writeable = False
    return colors


@cache
def sequential_table() -> NDArray[np.uint8]:
    """Return the colours from little to much: [256, 4]."""
    return table(_NIGHT)


@cache
def diverging_table(theme: str) -> NDArray[np.uint8]:
    """Return the colours from below a middle, blue, to above it, orange: [256, 4].

    Args:
        theme: "dark" or "light": the middle is near the ground of the window.
    """
    return table(_DIVERGING[theme])


def shade(values: NDArray[Any], colors_N4: NDArray[np.uint8], low: float, high: float) -> NDArray[np.uint8]:
    """Colour numbers by a table.

    Args:
        values: Any shape; what is not finite becomes transparent, what is out of range has the colour of its end.
        colors_N4: The table.
        low: What has the first colour.
        high: What has the last one; all numbers have the first colour where it is not above `low`.

    Returns:
        [*shape, 4].
    """
    finite = np.isfinite(values)
    # A part of the range first: the range itself may be too small to divide by.
    above = np.where(finite, values, low).astype(np.float64) - low
    parts = np.clip(above / (high - low), 0, 1) if high > low else np.zeros_like(above)
    rgba = colors_N4[np.rint(parts * (len(colors_N4) - 1)).astype(np.intp)]
    if not finite.all():
        rgba[~finite] = 0
    return rgba


def sequential(values: NDArray[Any], low: float | None = None, high: float | None = None) -> NDArray[np.uint8]:
    """Colour numbers from little to much.

    Args:
        values: Any shape; what is not finite becomes transparent.
        low: What is darkest; the least number by default.
        high: What is brightest; the greatest number by default.

    Returns:
        [*shape, 4].
    """
    least, greatest = finite_range(values)
    return shade(values, sequential_table(), least if low is None else low, greatest if high is None else high)


def diverging(values: NDArray[Any], middle: float, reach: float, theme: str) -> NDArray[np.uint8]:
    """Colour numbers by how far they are from a middle.

    Args:
        values: Any shape; what is not finite becomes transparent.
        middle: What has no colour.
        reach: Distance from the middle that has the full colour.
        theme: "dark" or "light".

    Returns:
        [*shape, 4].
    """
    return shade(values, diverging_table(theme), middle - reach, middle + reach)


def finite_range(values: NDArray[Any]) -> tuple[float, float]:
    """Return the least and the greatest finite number; zeros where there is none."""
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)


def enlarged(rgba: NDArray[np.uint8], least_side: int) -> NDArray[np.uint8]:
    """Make a picture larger by a whole factor, so that its pixels stay crisp when it is drawn.

    Args:
        rgba: [H, W, 4].
        least_side: Its longer side becomes at least so many pixels.

    Returns:
        [H * n, W * n, 4].
    """
    factor = max(1, -(-least_side // max(1, *rgba.shape[:2])))
    return np.ascontiguousarray(rgba.repeat(factor, axis=0).repeat(factor, axis=1))


def picture(image_CHW: NDArray[Any]) -> NDArray[np.uint8]:
    """Turn an image into a picture: three channels are colours, of any other number the first is shown in grey.

    Args:
        image_CHW: [C, H, W], from 0 to 1; one that goes beyond is shown from its least to its greatest number.

    Returns:
        [H, W, 4].
    """
    shown = np.asarray(image_CHW, np.float64)
    shown = shown[:3] if shown.shape[0] in (3, 4) else shown[:1]
    low, high = finite_range(shown)
    if low < 0 or high > 1:
        shown = (shown - low) / ((high - low) or 1.0)
    rgba = np.full((*shown.shape[1:], 4), 255, np.uint8)
    rgba[..., :3] = np.rint(np.clip(np.nan_to_num(shown), 0, 1) * 255).transpose(1, 2, 0)
    return rgba
