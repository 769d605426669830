"""The plane of two features as pictures: what a network says all over it, and the samples. Pure NumPy.

Legend: C classes, H rows and W columns of a grid or a picture, N samples. Row 0 of a grid is at the lowest y, row 0 of
a picture at the highest.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralforge.ui.heat import diverging, finite_range
from neuralforge.ui.theme import Color
from neuralforge.workbench.looks import Boundary
from neuralforge.workbench.view import Points

TRAIN: Final = 0
VALIDATION: Final = 1

_MARGIN: Final = 0.1
"""As around the plane of a `Boundary`, so that nothing moves when the first one is there."""
_PICTURE_SIDE: Final = 288
_LEAST_PROBABILITY: Final = 1e-6
_FAINTEST: Final = 0.10
_STRONGEST: Final = 0.52
_LINE_PX: Final = 1.1
"""Half of the contour's width, in pixels of the picture."""


class Area(NamedTuple):
    """A part of the plane, in units of the data."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def aspect(self) -> float:
        """Width over height of its picture: true to the units unless that would be a narrow strip."""
        return min(1.6, max(0.75, (self.x1 - self.x0) / (self.y1 - self.y0)))


def area_of(boundary: Boundary | None, points: Points | None) -> Area | None:
    """Return what part of the plane is shown; None where there is nothing to show."""
    if boundary is not None:
        return Area(*boundary.low, *boundary.high)
    if points is None or not len(points.xy):
        return None
    low, high = points.xy.min(0).astype(np.float64), points.xy.max(0).astype(np.float64)
    margin = np.where(high > low, (high - low) * _MARGIN, 1.0)
    return Area(*(low - margin).tolist(), *(high + margin).tolist())


class Reach(NamedTuple):
    """What numbers are coloured from and to."""

    middle: float
    reach: float

    @staticmethod
    def of(values: NDArray[Any]) -> Reach:
        """Return the middle of some numbers, and how far they go from there."""
        low, high = finite_range(values)
        return Reach((low + high) / 2, (high - low) / 2 or 1.0)


# What the network says


def class_picture(
    boundary: Boundary, colors: tuple[Color, ...], ground: Color, line: Color, side: int = _PICTURE_SIDE
) -> NDArray[np.uint8]:
    """Paint probabilities: the colours of the classes mixed by them, stronger where they are sure.

    Between the most likely class and the next runs a line, as wide everywhere.

    Args:
        boundary: Of a classifier.
        colors: At least one; class c has colour c, and they are used again where there are more classes.
        ground: What shines through.
        line: Colour of the lines.
        side: Rows and columns of the picture, at least.

    Returns:
        [H, W, 4].
    """
    known = np.nan_to_num(boundary.values).clip(_LEAST_PROBABILITY, 1)
    # logarithms are smooth where a sure network leaps from 0 to 1, so that the line is, too
    logs = np.ascontiguousarray(np.moveaxis(finer(np.log(known), side)[::-1], -1, 0))  # [C, H, W]: quick to go over
    mass = np.exp(logs)
    mass /= mass.sum(0)
    count = len(mass)
    first, second = logs[0], np.full_like(logs[0], -np.inf)
    for other in logs[1:]:
        second = np.maximum(second, np.minimum(first, other))
        first = np.maximum(first, other)
    most = mass.max(0)
    sure = np.clip((most - 1 / count) / (1 - 1 / count), 0, 1) if count > 1 else most
    strength = _FAINTEST + (_STRONGEST - _FAINTEST) * sure
    ink = _line(first - second) * np.float32(line.alpha) if count > 1 else np.float32(0)
    picture = np.full((*sure.shape, 4), 255, np.uint8)
    for part in range(3):
        mixed = np.zeros_like(sure)
        for place in range(count):
            mixed += mass[place] * np.float32(colors[place % len(colors)][part])
        mixed = ground[part] + (mixed - ground[part]) * strength
        mixed += (line[part] - mixed) * ink
        picture[..., part] = np.clip(mixed * 255 + 0.5, 0, 255)
    return picture


def number_picture(boundary: Boundary, reach: Reach, theme: str, side: int = _PICTURE_SIDE) -> NDArray[np.uint8]:
    """Paint the first of the numbers that are predicted.

    Args:
        boundary: Of a regression.
        reach: What has which colour.
        theme: "dark" or "light".
        side: Rows and columns of the picture, at least.

    Returns:
        [H, W, 4].
    """
    return diverging(finer(boundary.values[..., :1], side)[::-1, :, 0], reach.middle, reach.reach, theme)


def value_at(boundary: Boundary, x: float, y: float) -> NDArray[np.float32] | None:
    """Return what the network says near a place: [C]; None outside of the plane."""
    (x0, y0), (x1, y1) = boundary.low, boundary.high
    if not (x0 <= x <= x1 and y0 <= y <= y1):
        return None
    rows, columns = boundary.values.shape[:2]
    row = min(rows - 1, int((y - y0) / (y1 - y0) * rows))
    column = min(columns - 1, int((x - x0) / (x1 - x0) * columns))
    values: NDArray[np.float32] = boundary.values[row, column]
    return values


def finer(values_HWC: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Enlarge a grid by a whole factor with smooth curves through its values.

    Args:
        values_HWC: The grid.
        side: Rows and columns of the result, at least.

    Returns:
        [H * n, W * n, C].
    """
    rows, columns, count = values_HWC.shape
    factor = max(1, -(-side // max(rows, columns)))
    if factor == 1:
        return np.array(values_HWC, np.float32)
    tall = _along(values_HWC.astype(np.float32).reshape(rows, -1), factor)
    across = np.ascontiguousarray(tall.reshape(-1, columns, count).swapaxes(0, 1)).reshape(columns, -1)
    wide = _along(across, factor).reshape(columns * factor, rows * factor, count)
    return np.asarray(np.ascontiguousarray(wide.swapaxes(0, 1)), np.float32)


def _along(values: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Enlarge the first axis; sums of four rows rather than a product of matrices, whose threads are the trainer's."""
    rows, weights = _curves(len(values), factor)
    result: NDArray[np.float32] = values[rows[0]] * weights[0][:, None]
    for row, weight in zip(rows[1:], weights[1:], strict=True):
        result += values[row] * weight[:, None]
    return result


@lru_cache(maxsize=16)
def _curves(size: int, factor: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return places and weights [4, size * factor] of curves through values in the middle of cells.

    Edwin Catmull, Raphael Rom, "A class of local interpolating splines" (1974); at the edges the last value goes on.
    """
    places = (np.arange(size * factor) + 0.5) / factor - 0.5
    whole = np.floor(places).astype(np.intp)
    t = places - whole
    weights = np.stack(
        [(-t + 2 * t**2 - t**3) / 2, (2 - 5 * t**2 + 3 * t**3) / 2, (t + 4 * t**2 - 3 * t**3) / 2, (-(t**2) + t**3) / 2]
    ).astype(np.float32)
    rows = np.clip(whole[None] + np.arange(-1, 3)[:, None], 0, size - 1)
    weights.flags.writeable = rows.flags.writeable = False
    return rows, weights


def _line(margin_HW: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how strongly each pixel belongs to the line on which a margin, never negative, has its zeros."""
    grown = np.pad(margin_HW, 1, mode="edge")
    middle = grown[1:-1, 1:-1]
    # towards its zeros a margin falls and then rises again: of both sides, the one without the zero tells the slope
    across = np.maximum(np.abs(middle - grown[1:-1, :-2]), np.abs(grown[1:-1, 2:] - middle))
    along = np.maximum(np.abs(middle - grown[:-2, 1:-1]), np.abs(grown[2:, 1:-1] - middle))
    steep = np.hypot(across, along)
    distance = margin_HW / np.maximum(steep, 1e-4)
    return np.asarray(np.clip(_LINE_PX + 0.5 - distance, 0, 1), np.float32)


# The samples


def point_radius(count: int) -> float:
    """Return the radius of a sample's disc at scale 1: smaller where there are many."""
    return 3.6 if count <= 400 else 3.0 if count <= 1000 else 2.4 if count <= 2000 else 1.9


def points_picture(
    points: Points,
    area: Area,
    size: tuple[int, int],
    fills_N3: NDArray[np.float32],
    ring: Color,
    scale: float,
    splits: frozenset[int],
) -> NDArray[np.uint8]:
    """Draw samples as discs with a thin ring; those of the validation split as coloured rings around its colour.

    Of discs that lie on each other the later sample is on top.

    Args:
        points: The samples.
        area: What the picture covers.
        size: Its width and height.
        fills_N3: [N, 3] colours from 0 to 1.
        ring: Colour of the rings around discs of the train split, and inside of those of the validation split.
        scale: Pixels for each pixel at scale 1.
        splits: Which are drawn.

    Returns:
        [H, W, 4], transparent elsewhere.
    """
    width, height = size
    chosen = np.flatnonzero(np.isin(points.split, list(splits)))
    picture = np.zeros((height * width, 4), np.uint8)
    if not len(chosen):
        return picture.reshape(height, width, 4)
    radius = point_radius(len(chosen)) * scale
    x = (points.xy[chosen, 0] - area.x0) / (area.x1 - area.x0) * width
    y = (area.y1 - points.xy[chosen, 1]) / (area.y1 - area.y0) * height
    reach = int(radius + 1.5)
    around = np.arange(-reach, reach + 1, dtype=np.int32)
    columns = np.floor(x).astype(np.int32)[:, None, None] + around[None, None, :]
    rows = np.floor(y).astype(np.int32)[:, None, None] + around[None, :, None]
    half = np.float32(0.5)
    dx = columns.astype(np.float32) + half - x.astype(np.float32)[:, None, None]
    dy = rows.astype(np.float32) + half - y.astype(np.float32)[:, None, None]
    distance = np.sqrt(dx * dx + dy * dy)
    inside = (distance < radius + 0.5) & (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    sample, _, _ = np.nonzero(inside)
    pixel = (rows * width + columns)[inside]
    distance = distance[inside]
    ringed = points.split[chosen][sample] == VALIDATION
    edge = np.clip(radius + 0.5 - distance, 0, 1)
    disc = np.clip(radius - max(1.0, 0.9 * scale) + 0.5 - distance, 0, 1)
    body = np.where(ringed, np.clip(distance - 0.45 * radius + 0.5, 0, 1), disc)
    rgb = fills_N3[chosen][sample] * body[:, None] + np.array(ring[:3], np.float32) * (1 - body)[:, None]
    alpha = edge * np.where(body > 0, 1, ring.alpha)
    drawn = np.flatnonzero(alpha > 0.02)
    order = drawn[np.argsort(edge[drawn] >= 1, kind="stable")]  # soft edges first: they leave no fringe on other discs
    picture[pixel[order], :3] = np.clip(rgb[order] * 255 + 0.5, 0, 255)
    picture[pixel[order], 3] = np.clip(alpha[order] * 255 + 0.5, 0, 255)
    return picture.reshape(height, width, 4)
