"""What is drawn with the mouse, as an image that a network takes. Pure NumPy.

Strokes are kept finer than the network sees them and averaged down, so that a slow hand and a fast one, a large and a
small drawing, give the same soft edges as scanned pictures have.

Legend: C channels, H rows, W columns of the network's input; h, w rows and columns of the paper.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

PAPER_SIDE: Final = 112
"""Least side of the paper, in its pixels; four times that of MNIST."""
MNIST_FIT: Final = 20 / 28
"""Part of the picture that the digits of MNIST take."""
_MOST_ENLARGED: Final = 2.5
"""A small drawing is made no larger than this, so that a dot stays one."""
_FAINT: Final = 0.05


class Sketch:
    """A paper to draw on: white on black.

    Args:
        shape: [C, H, W] of the network's input.

    Attributes:
        shape: The same.
        paper_hw: float32 [h, w] from 0 to 1.
        revision: Grows with every change.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.shape = shape
        self._fine = max(1, -(-PAPER_SIDE // min(shape[1:])))
        self.paper_hw: NDArray[np.float32] = np.zeros((shape[1] * self._fine, shape[2] * self._fine), np.float32)
        self.revision = 0

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing on the paper."""
        return not self.paper_hw.any()

    @property
    def brush_radius(self) -> float:
        """Radius of the usual brush, in pixels of the paper."""
        return brush_radius(min(self.shape[1:])) * self._fine

    def clear(self) -> None:
        """Take an empty paper."""
        self.paper_hw = np.zeros_like(self.paper_hw)
        self.revision += 1

    def stroke(self, start: tuple[float, float], end: tuple[float, float], radius: float | None = None) -> None:
        """Draw a straight stroke with round ends.

        Args:
            start: x and y, each from 0 to 1 over the paper; may lie outside.
            end: The same.
            radius: Of the brush in pixels of the paper; the usual one by default.
        """
        height, width = self.paper_hw.shape
        ends = [(x * width, y * height) for x, y in (start, end)]
        draw_stroke(self.paper_hw, ends[0], ends[1], self.brush_radius if radius is None else radius)
        self.revision += 1

    def image(self, *, centred: bool, inverted: bool, fit: float = MNIST_FIT) -> NDArray[np.float32]:
        """Return the drawing as the network takes it, in an array of its own.

        Args:
            centred: Whether it is scaled and moved as `centre` does.
            inverted: Whether it is black on white.
            fit: Part of the picture that a centred drawing takes.

        Returns:
            float32 [C, H, W] from 0 to 1.
        """
        _, height, width = self.shape
        grey = centre(self.paper_hw, (height, width), fit) if centred else shrink(self.paper_hw, (height, width))
        if inverted:
            grey = 1 - grey
        return np.array(np.broadcast_to(grey, self.shape), np.float32, order="C")


def brush_radius(side: int) -> float:
    """Return the radius of a brush in pixels of an image: as thick as pens in scanned digits.

    The strokes of MNIST are some 2.5 of 28 pixels wide, those of the 8 x 8 digits of scikit-learn 1.3.

    Args:
        side: Shorter side of the image.
    """
    return max(0.5, 0.04 * side)


def draw_stroke(
    paper_hw: NDArray[np.float32], start: tuple[float, float], end: tuple[float, float], radius: float
) -> None:
    """Draw a stroke onto a paper, soft at its edge; where there is more already it stays.

    Args:
        paper_hw: Is written to.
        start: x and y in pixels; the middle of the first pixel is at 0.5.
        end: The same.
        radius: Distance from the line at which the ink is half as strong; it fades over a third of it.
    """
    soft = max(1.0, radius / 3)
    reach = radius + soft
    low = [max(0, math.floor(min(a, b) - reach)) for a, b in zip(start, end, strict=True)]
    high = [max(0, math.ceil(max(a, b) + reach)) for a, b in zip(start, end, strict=True)]
    part = paper_hw[low[1] : high[1], low[0] : high[0]]
    if not part.size:
        return
    x = np.arange(part.shape[1], dtype=np.float32)[None, :] + np.float32(low[0] + 0.5 - start[0])
    y = np.arange(part.shape[0], dtype=np.float32)[:, None] + np.float32(low[1] + 0.5 - start[1])
    along = np.float32(end[0] - start[0]), np.float32(end[1] - start[1])
    length = float(along[0] ** 2 + along[1] ** 2)
    share = np.clip((x * along[0] + y * along[1]) / length, 0, 1) if length else np.float32(0)
    distance = np.hypot(x - share * along[0], y - share * along[1])
    np.maximum(part, np.clip(0.5 + (radius - distance) / (2 * soft), 0, 1), out=part)


def shrink(paper_hw: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Average a picture down to a size.

    Args:
        paper_hw: The picture.
        size: Rows and columns of the result.
    """
    rows, columns = (_windows(n, out, out / n, 0.0) for n, out in zip(paper_hw.shape, size, strict=True))
    return np.asarray(rows @ paper_hw @ columns.T, np.float32)


def centre(paper_hw: NDArray[np.float32], size: tuple[int, int], fit: float = MNIST_FIT) -> NDArray[np.float32]:
    """Bring a drawing to the size and place that MNIST gave its digits.

    There, pictures were "size normalized to fit in a 20x20 pixel box while preserving their aspect ratio" and then
    "centered in a 28x28 image by computing the center of mass of the pixels, and translating the image so as to
    position this point at the center of the 28x28 field": LeCun, Cortes, Burges, "The MNIST database of handwritten
    digits", http://yann.lecun.com/exdb/mnist/. Here the drawing is kept inside of the picture where the second rule
    would push a part of it out.

    Args:
        paper_hw: White on black, from 0 to 1.
        size: Rows and columns of the result.
        fit: Part of the result that the drawing takes, along its longer side.

    Returns:
        float32, of the given size; all 0 where there is no ink.
    """
    box = ink_box(paper_hw)
    if box is None:
        return np.zeros(size, np.float32)
    plain = min(size[0] / paper_hw.shape[0], size[1] / paper_hw.shape[1])
    lengths = box[1] - box[0], box[3] - box[2]
    scale = min(fit * min(size) / max(lengths), plain * _MOST_ENLARGED)
    ink = paper_hw.astype(np.float64)
    total = float(ink.sum())
    windows = []
    for axis in (0, 1):
        middle = float((ink.sum(1 - axis) * (np.arange(paper_hw.shape[axis]) + 0.5)).sum()) / total
        offset = size[axis] / 2 - middle * scale
        least, most = -box[2 * axis] * scale, size[axis] - box[2 * axis + 1] * scale
        offset = min(max(offset, least), most) if least <= most else (least + most) / 2
        windows.append(_windows(paper_hw.shape[axis], size[axis], scale, offset))
    return np.asarray(np.clip(windows[0] @ ink @ windows[1].T, 0, 1), np.float32)


def ink_box(paper_hw: NDArray[Any]) -> tuple[int, int, int, int] | None:
    """Return where there is ink: first row and the one after the last, then columns; None where there is none."""
    inked = paper_hw > _FAINT
    rows, columns = np.flatnonzero(inked.any(1)), np.flatnonzero(inked.any(0))
    if not len(rows):
        return None
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def fit_of(pictures: Iterable[NDArray[Any]]) -> tuple[float, bool]:
    """Measure how the pictures of a data set lie in their frames, so that a drawing can be made like them.

    Args:
        pictures: Some of them, [H, W] from 0 to 1 each.

    Returns:
        The usual part of the frame that the longer side of what is shown takes, and whether the ground is bright.
        1 and False where the pictures have no even ground, as photographs.
    """
    parts, bright, seen = [], 0, 0
    for shown in pictures:
        edge = np.concatenate([shown[0], shown[-1], shown[1:-1, 0], shown[1:-1, -1]])
        is_bright = float(np.median(edge)) > 0.5
        seen, bright = seen + 1, bright + is_bright
        box = ink_box(np.where((1 - shown if is_bright else shown) > 0.2, 1.0, 0.0))
        if box is not None:
            parts.append(max((box[1] - box[0]) / shown.shape[0], (box[3] - box[2]) / shown.shape[1]))
    if not parts:
        return MNIST_FIT, False
    return float(np.median(parts)), bright > 0.9 * seen


def _windows(size_in: int, size_out: int, scale: float, offset: float) -> NDArray[np.float64]:
    """Return the weights [out, in] with which pixels are averaged: place in the result = place * scale + offset."""
    edges = (np.arange(size_out + 1) - offset) / scale
    low, high = edges[:-1, None], edges[1:, None]
    starts = np.arange(size_in)[None, :]
    shared = np.minimum(high, starts + 1) - np.maximum(low, starts)
    return np.asarray(np.clip(shared, 0, None) / (high - low), np.float64)
