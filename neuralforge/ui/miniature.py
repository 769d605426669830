"""Small pictures of networks and of points, for cards: where what lies is worked out once, and then only drawn."""

from __future__ import annotations

import math
from collections import defaultdict
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from imgui_bundle import ImVec2, imgui

from neuralforge.graph.document import Document
from neuralforge.ui.kit import Kit
from neuralforge.ui.node_facts import category_of
from neuralforge.ui.rows import u32
from neuralforge.ui.theme import Color
from neuralforge.workbench.view import Points

MAX_BOXES: Final = 240
"""Of larger networks every n-th node is shown."""

MAX_POINTS: Final = 260

_GOOD_UNIT: Final = 34.0
"""A column as wide as this reads well: no more rows are made."""
_MAX_UNIT: Final = 62.0
_MAX_ROWS: Final = 12
_MANY_LANES: Final = 4
_LANE: Final = 0.62
"""Height of a lane, for columns of width 1."""
_STEEP: Final = 5.0
"""Lanes of a long network with many of them are this much higher, so that its outline is seen."""
_ROW_GAP: Final = 0.55
_LAYOUT_LANE_PX: Final = 85.0
"""Nodes of a layout whose heights differ by less than this lie in one lane."""


class Box(NamedTuple):
    """A node: its centre and half its size, in pixels from the upper left corner of the picture, and its family."""

    x: float
    y: float
    half_width: float
    half_height: float
    category: str


class Wire(NamedTuple):
    """A wire: its two ends and the two handles of the curve between them, in pixels from the upper left corner."""

    x0: float
    y0: float
    x1: float
    y1: float
    x2: float
    y2: float
    x3: float
    y3: float


class Miniature(NamedTuple):
    """A picture of a network.

    Args:
        boxes: Its nodes.
        wires: Its wires.
    """

    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]


class _Place(NamedTuple):
    column: int
    lane: float


def miniature(document: Document, width: float, height: float, scale: float = 1.0) -> Miniature:
    """Work out the picture of a network: a chain winds to and fro so that its nodes are as large as can be.

    Args:
        document: The network.
        width: Room, in pixels.
        height: Likewise.
        scale: Pixels of the screen for one at scale 1.

    Returns:
        Boxes and wires, all within the room.
    """
    if scale != 1.0:
        small = miniature(document, width / scale, height / scale)
        return Miniature(
            tuple(
                Box(x * scale, y * scale, half_width * scale, half_height * scale, category)
                for x, y, half_width, half_height, category in small.boxes
            ),
            tuple(Wire(*(part * scale for part in wire)) for wire in small.wires),
        )
    places, wires = _places(document)
    if not places or width <= 0 or height <= 0:
        return Miniature((), ())
    columns = 1 + max(place.column for place in places.values())
    low = min(place.lane for place in places.values())
    lanes = 1 + max(place.lane for place in places.values()) - low
    rows = 1 if lanes >= _MANY_LANES else _best_rows(columns, lanes, width, height)
    per_row = -(-columns // rows)
    unit = _unit(per_row, rows, lanes, width, height)
    steep = _STEEP if lanes >= _MANY_LANES else 1.0
    lane_height = min(unit * _LANE * steep, height / (rows * lanes + (rows - 1) * _ROW_GAP))
    row_height = lane_height * (lanes + _ROW_GAP)
    left = (width - per_row * unit) / 2 + unit / 2
    top = (height - rows * row_height + lane_height * _ROW_GAP) / 2 + lane_height / 2
    half_width, half_height = unit * 0.29, min(unit * 0.18 * math.sqrt(steep), lane_height * 0.33)
    boxes: dict[str, Box] = {}
    for node, place in places.items():
        row, step = divmod(place.column, per_row)
        x = left + unit * (per_row - 1 - step if row % 2 else step)
        y = top + row * row_height + (place.lane - low) * lane_height
        boxes[node] = Box(x, y, half_width, half_height, category_of(document.graph.nodes[node]))
    drawn = tuple(_wire(boxes, places, per_row, unit, *ends) for ends in wires)
    return Miniature(tuple(boxes.values()), drawn)


def _places(document: Document) -> tuple[dict[str, _Place], list[tuple[str, str]]]:
    """Put every node into a column, by the longest way to it, and a lane."""
    graph = document.graph
    order = graph.order()
    if len(order) > MAX_BOXES:
        kept = order[:: -(-len(order) // MAX_BOXES)]
        return {node: _Place(column, 0.0) for column, node in enumerate(kept)}, list(pairwise(kept))
    column: dict[str, int] = {}
    wires = [(edge.source, edge.target) for edge in graph.edges]
    into: dict[str, list[str]] = defaultdict(list)
    for source, target in wires:
        into[target].append(source)
    for node in order:
        column[node] = max((column[source] + 1 for source in into[node]), default=0)
    heights = {node: document.layout.get(node, (0.0, 0.0))[1] for node in order}
    levels = _levels(sorted(set(heights.values())))
    if len(set(levels.values())) >= _MANY_LANES:
        return {node: _Place(column[node], float(levels[heights[node]])) for node in order}, wires
    members: dict[int, list[str]] = defaultdict(list)
    for node in order:
        members[column[node]].append(node)
    places = {}
    for number, nodes in members.items():
        nodes.sort(key=heights.__getitem__)
        for lane, node in enumerate(nodes):
            places[node] = _Place(number, lane - (len(nodes) - 1) / 2)
    return places, wires


def _levels(heights: list[float]) -> dict[float, int]:
    levels: dict[float, int] = {}
    level, start = 0, heights[0] if heights else 0.0
    for height in heights:
        if height - start > _LAYOUT_LANE_PX:
            level, start = level + 1, height
        levels[height] = level
    return levels


def _unit(per_row: int, rows: int, lanes: float, width: float, height: float) -> float:
    """Return the width of a column."""
    tall = height / (rows * lanes + (rows - 1) * _ROW_GAP) / _LANE
    wide = width / per_row
    return min(wide if lanes >= _MANY_LANES else min(wide, tall), _MAX_UNIT)


def _best_rows(columns: int, lanes: float, width: float, height: float) -> int:
    best, best_unit = 1, 0.0
    for rows in range(1, min(_MAX_ROWS, columns) + 1):
        unit = _unit(-(-columns // rows), rows, lanes, width, height)
        if unit > best_unit:
            best, best_unit = rows, unit
        if unit >= _GOOD_UNIT:
            break
    return best


def _wire(
    boxes: dict[str, Box], places: dict[str, _Place], per_row: int, unit: float, source: str, target: str
) -> Wire:
    a, b = boxes[source], boxes[target]
    row_a, row_b = places[source].column // per_row, places[target].column // per_row
    way_a, way_b = (-1 if row_a % 2 else 1), (-1 if row_b % 2 else 1)
    x0, x3 = a.x + way_a * a.half_width, b.x - way_b * b.half_width
    if row_a == row_b:
        bend = abs(x3 - x0) * 0.45
        if a.y == b.y and places[target].column - places[source].column > 1:  # past the nodes between
            rise = min(4.0 * a.half_height, 0.57 * unit)
            return Wire(a.x, a.y - a.half_height, a.x, a.y - rise, b.x, b.y - rise, b.x, b.y - b.half_height)
        return Wire(x0, a.y, x0 + way_a * bend, a.y, x3 - way_b * bend, b.y, x3, b.y)
    bend = unit * 0.45
    return Wire(x0, a.y, x0 + way_a * bend, a.y, x3 - way_b * bend, b.y, x3, b.y)


def draw_miniature(kit: Kit, picture: Miniature, at: ImVec2, ground: Color) -> None:
    """Draw a network.

    Args:
        kit: The kit.
        picture: What `miniature` has worked out.
        at: Its upper left corner, in pixels of the screen.
        ground: Colour that it lies on.
    """
    draw, t = imgui.get_window_draw_list(), kit.theme
    wire = _ink(t.wire, 0.75, ground)
    thickness = kit.px(1.25)
    x, y = at.x, at.y
    for x0, y0, x1, y1, x2, y2, x3, y3 in picture.wires:
        if y0 == y1 == y2 == y3:
            draw.add_line(ImVec2(x + x0, y + y0), ImVec2(x + x3, y + y3), wire, thickness)
        else:
            draw.add_bezier_cubic(
                ImVec2(x + x0, y + y0), ImVec2(x + x1, y + y1), ImVec2(x + x2, y + y2), ImVec2(x + x3, y + y3),
                wire, thickness,
            )  # fmt: skip
    inks: dict[str, int] = {}
    for cx, cy, half_width, half_height, category in picture.boxes:
        ink = inks.get(category)
        if ink is None:
            ink = inks[category] = _ink(t.category(category), 0.88, ground)
        rounding = min(kit.px(3.5), half_height * 0.6)
        low = ImVec2(x + cx - half_width, y + cy - half_height)
        draw.add_rect_filled(low, ImVec2(x + cx + half_width, y + cy + half_height), ink, rounding)


@lru_cache(maxsize=256)
def _ink(color: Color, alpha: float, ground: Color) -> int:
    """Return a colour that is a little faint, and yet opaque: what is drawn twice is not darker."""
    return color.fade(alpha).over(ground).u32


def scattered(points: Points, width: float, height: float) -> tuple[tuple[float, float, int], ...]:
    """Put points into a room, in their true proportions.

    Args:
        points: The points; of very many some.
        width: Room, in pixels.
        height: Likewise.

    Returns:
        Of each x and y in pixels from the upper left corner, and its class.
    """
    step = max(1, -(-len(points.xy) // MAX_POINTS))
    xy = points.xy[::step].astype(np.float64)
    if not len(xy):
        return ()
    low, high = xy.min(axis=0), xy.max(axis=0)
    size = np.maximum(high - low, 1e-9)
    scale = min(width / size[0], height / size[1])
    placed = (xy - (low + high) / 2) * (scale, -scale) + (width / 2, height / 2)
    classes = points.targets[::step].astype(int)
    return tuple((float(x), float(y), int(c)) for (x, y), c in zip(placed, classes, strict=True))


def draw_scattered(kit: Kit, points: tuple[tuple[float, float, int], ...], at: ImVec2, radius_px: float = 2.2) -> None:
    """Draw points in the colours of their classes."""
    draw, radius = imgui.get_window_draw_list(), kit.px(radius_px)
    inks = [u32(color) for color in kit.theme.series]
    for x, y, number in points:
        draw.add_circle_filled(ImVec2(at.x + x, at.y + y), radius, inks[number % len(inks)], 8)
