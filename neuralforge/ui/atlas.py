"""Many small pictures in one large one, enlarged by whole numbers so that their pixels stay sharp. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_SIDE: Final = 4096
_GAP: Final = 1


class Cell(NamedTuple):
    """Where a picture lies in the atlas: its corners as shares of the whole, and its size in pixels."""

    u0: float
    v0: float
    u1: float
    v1: float
    width: int
    height: int


class Atlas(NamedTuple):
    """One picture that holds many.

    Args:
        rgba: [H, W, 4], uint8; between the pictures is nothing.
        cells: Where each lies, in their order.
    """

    rgba: NDArray[np.uint8]
    cells: tuple[Cell, ...]


def enlargement(side: int, wanted: float) -> int:
    """Return how many times a picture is enlarged, a whole number from 1 on.

    Args:
        side: Its longer side, in pixels.
        wanted: About how long that is to be on the screen.
    """
    return max(1, round(wanted / max(1, side)))


def make_atlas(pictures: Sequence[NDArray[np.uint8]], times: int) -> Atlas:
    """Put pictures into one, each pixel enlarged to a square.

    Args:
        pictures: Each [H, W, 4], uint8.
        times: How many times each is enlarged; less where the whole would be larger than `MAX_SIDE`.
    """
    if not pictures:
        return Atlas(np.zeros((1, 1, 4), np.uint8), ())
    height, width = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    columns = math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    while times > 1 and max(columns * (width * times + _GAP), rows * (height * times + _GAP)) > MAX_SIDE:
        times -= 1
    step_x, step_y = width * times + _GAP, height * times + _GAP
    whole = np.zeros((rows * step_y, columns * step_x, 4), np.uint8)
    cells = []
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        large = picture.repeat(times, axis=0).repeat(times, axis=1)
        x, y, h, w = column * step_x, row * step_y, large.shape[0], large.shape[1]
        whole[y : y + h, x : x + w] = large
        cells.append(
            Cell(
                x / whole.shape[1], y / whole.shape[0], (x + w) / whole.shape[1], (y + h) / whole.shape[0], w, h
            )
        )  # fmt: skip
    return Atlas(whole, tuple(cells))
