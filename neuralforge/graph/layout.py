"""Where nodes lie on the canvas: columns from left to right, a row for each line of nodes.

The canvas draws a wire as one curve between its two pins, so a wire that leaps over columns is free of nodes only when
it runs along a row of its own. Therefore a graph is cut into *lines*: paths whose wires lie straight on one row. Where
several wires compete, the one with the most play (columns that its ends could be apart) wins: the shortcut of a
residual block and the bridge of a U-Net run straight, and what they leap over lies on rows beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil, sqrt
from typing import Final

from neuralforge.graph.document import Position
from neuralforge.graph.graph import Graph

NODE_WIDTH_PX: Final = 184.0
NODE_HEIGHT_PX: Final = 130.0
GAP_X_PX: Final = 96.0
GAP_Y_PX: Final = 40.0

SWEEPS: Final = 8
PULL: Final = 0.7
"""How often lines are sorted by what they are wired to, and how far each time. On random graphs this halves the number
of wires that cross; more sweeps change little."""

Sizes = Mapping[str, tuple[float, float]]
"""Node -> width and height in pixels at scale 1."""

_DEFAULT_SIZE = (NODE_WIDTH_PX, NODE_HEIGHT_PX)


def lay_out(graph: Graph, sizes: Sizes | None = None) -> dict[str, Position]:
    """Place all nodes on the canvas.

    Parts that are not wired to each other lie below each other; nodes without any wire lie in a grid at the bottom.
    Equal graphs are laid out alike, however they were edited.

    Args:
        graph: The graph.
        sizes: Width and height of nodes in pixels; 184 x 130 where a node is missing.

    Returns:
        Upper left corner of each node in pixels. Nodes never overlap, and every wire leads to the right.
    """
    sizes = sizes or {}
    places: dict[str, Position] = {}
    top, singles = 0.0, []
    for members in _components(graph):
        if len(members) == 1:
            singles.append(members[0])
        else:
            top = _set_down(_Part(graph, members).cells(), sizes, top, places)
    if singles:
        width = max(8, ceil(sqrt(2 * len(singles))))
        _set_down({node_id: (n % width, n // width) for n, node_id in enumerate(singles)}, sizes, top, places)
    return {node_id: places[node_id] for node_id in graph.nodes}


def complete(graph: Graph, layout: Mapping[str, Position], sizes: Sizes | None = None) -> Mapping[str, Position]:
    """Give a place to each node that has none, beside what it is wired to and clear of the others.

    Args:
        graph: The graph.
        layout: Places of some nodes, which stay. Where most nodes have none, all are laid out anew.
        sizes: As for `lay_out`.

    Returns:
        Places of all nodes; `layout` itself when none was missing.
    """
    missing = [node_id for node_id in graph.nodes if node_id not in layout]
    if not missing:
        return layout
    if 2 * len(missing) > len(graph.nodes):
        return lay_out(graph, sizes)
    sizes = sizes or {}
    places = dict(layout)
    for node_id in sorted(missing, key=graph.rank):
        width, height = sizes.get(node_id, _DEFAULT_SIZE)
        source = next((feed for feed, _ in graph.feeds(node_id).values() if feed in places), None)
        target = next((consumer for consumer in graph.consumers(node_id) if consumer in places), None)
        if source is not None:
            (x, y), (source_width, _) = places[source], sizes.get(source, _DEFAULT_SIZE)
            x += source_width + GAP_X_PX
        elif target is not None:
            x, y = places[target]
            x -= width + GAP_X_PX
        else:
            x = min(left for left, _ in places.values())
            y = max(top + sizes.get(other, _DEFAULT_SIZE)[1] for other, (_, top) in places.items()) + GAP_Y_PX
        places[node_id] = _clear(x, y, width, height, places, sizes)
    return places


def _clear(x: float, y: float, width: float, height: float, places: Mapping[str, Position], sizes: Sizes) -> Position:
    """Move a box down until it lies on none of the nodes."""
    in_the_way = sorted(
        (top, top + sizes.get(other, _DEFAULT_SIZE)[1])
        for other, (left, top) in places.items()
        if left < x + width and x < left + sizes.get(other, _DEFAULT_SIZE)[0]
    )
    for top, bottom in in_the_way:
        if top < y + height and y < bottom:
            y = bottom + GAP_Y_PX
    return x, y


def _set_down(cells: Mapping[str, tuple[int, int]], sizes: Sizes, top: float, places: dict[str, Position]) -> float:
    """Turn columns and rows into pixels, and return where the next part may begin."""
    widths: dict[int, float] = {}
    heights: dict[int, float] = {}
    for node_id, (column, row) in cells.items():
        width, height = sizes.get(node_id, _DEFAULT_SIZE)
        widths[column] = max(widths.get(column, 0.0), width)
        heights[row] = max(heights.get(row, 0.0), height)
    lefts, _ = _running(widths, 0.0, GAP_X_PX)
    tops, bottom = _running(heights, top, GAP_Y_PX)
    places.update((node_id, (lefts[column], tops[row])) for node_id, (column, row) in cells.items())
    return bottom


def _running(extents: Mapping[int, float], start: float, gap: float) -> tuple[dict[int, float], float]:
    starts = {}
    for index in sorted(extents):
        starts[index] = start
        start += extents[index] + gap
    return starts, start


def _components(graph: Graph) -> Iterable[list[str]]:
    """Yield the ids of each part that hangs together, parts and ids in the order of the nodes."""
    part: dict[str, int] = {}
    count = 0
    for start in graph.nodes:
        if start in part:
            continue
        part[start] = count
        todo = [start]
        while todo:
            here = todo.pop()
            for other in (*graph.consumers(here), *(source for source, _ in graph.feeds(here).values())):
                if other not in part:
                    part[other] = count
                    todo.append(other)
        count += 1
    members: list[list[str]] = [[] for _ in range(count)]
    for node_id in graph.nodes:
        members[part[node_id]].append(node_id)
    return members


@cache
def _port_key(port: str) -> tuple[str, int]:
    """Sort `input2` before `input10`."""
    stem = re.sub(r"\d+$", "", port)
    return stem, int(port[len(stem) :][:9] or 0)


@dataclass
class _Line:
    """Nodes on one row.

    Args:
        nodes: Their ids, from left to right.
        low: First column that the line and the wires at its ends keep free of others.
        high: Last such column.
        sides: Lines that are wired to this one -> where they should lie: -1 above it, 1 below.
    """

    nodes: list[str]
    low: int
    high: int
    sides: dict[int, int]


class _Part:
    """A part of a graph that hangs together, on its way to columns and rows."""

    def __init__(self, graph: Graph, members: Sequence[str]) -> None:
        self.index = {node_id: number for number, node_id in enumerate(members)}
        self.order = sorted(members, key=graph.rank)
        # source -> place among the inputs, once for each pair of nodes
        self.feeds: dict[str, dict[str, int]] = {}
        for node_id in members:
            ports = sorted(graph.feeds(node_id).items(), key=lambda item: _port_key(item[0]))
            self.feeds[node_id] = {source: n for n, (_, (source, _)) in reversed(list(enumerate(ports)))}
        self.consumers = {key: sorted(graph.consumers(key), key=self.index.__getitem__) for key in members}
        self.column = self._columns()

    def cells(self) -> dict[str, tuple[int, int]]:
        """Return column and row of each node."""
        lines = self._lines()
        rows = _rows(lines)
        return {node_id: (self.column[node_id], rows[n]) for n, line in enumerate(lines) for node_id in line.nodes}

    def _columns(self) -> dict[str, int]:
        """Number the columns by the longest path; what hangs on one later node alone is drawn near to it."""
        column: dict[str, int] = {}
        loose: set[str] = set()
        for here in self.order:
            feeds = self.feeds[here]
            column[here] = max((column[source] + 1 for source in feeds), default=0)
            if all(source in loose and len(self.consumers[source]) == 1 for source in feeds):
                loose.add(here)
        for here in reversed(self.order):
            if here in loose and self.consumers[here]:
                column[here] = min(column[target] for target in self.consumers[here]) - 1
        return column

    def _lines(self) -> list[_Line]:
        column, index = self.column, self.index
        latest: dict[str, int] = {}  # the last column in which nothing that follows would have to move
        height: dict[str, int] = {}
        for here in reversed(self.order):
            consumers = self.consumers[here]
            latest[here] = min((latest[target] for target in consumers), default=column[here] + 1) - 1
            height[here] = max((height[target] for target in consumers), default=-1) + 1
        wires = [
            (column[source] - latest[target], -height[target], place, index[source], index[target], source, target)
            for target, feeds in self.feeds.items()
            for source, place in feeds.items()
        ]
        following: dict[str, str] = {}
        previous: dict[str, str] = {}
        for *_, source, target in sorted(wires):
            if source not in following and target not in previous:
                following[source], previous[target] = target, source
        # The end of a short branch goes to where it is needed: the wire within its row is free, a slanting one is not.
        for last in reversed(self.order):
            if last in previous and last not in following and self.consumers[last]:
                column[last] = min(column[target] for target in self.consumers[last]) - 1
        line_of: dict[str, int] = {}
        lines: list[_Line] = []
        for start in sorted(index, key=lambda key: (column[key], index[key])):
            if start not in previous:
                nodes = [start]
                while nodes[-1] in following:
                    nodes.append(following[nodes[-1]])
                line_of.update(dict.fromkeys(nodes, len(lines)))
                lines.append(_Line(nodes, column[start], column[nodes[-1]], {}))
        for *_, source, target in sorted(wires, key=lambda wire: (column[wire[6]], wire[2], wire[3])):
            one, other = line_of[source], line_of[target]
            if one != other:
                straight = previous.get(target)
                # Wires into one node do not cross when their lines lie in the order of its inputs.
                above = straight is not None and self.feeds[target][source] < self.feeds[target][straight]
                lines[other].sides[one] = -1 if above else 1
                lines[one].sides.setdefault(other, 1 if above or straight is None else -1)
                lines[one].high = max(lines[one].high, column[target] - 1)
                lines[other].low = min(lines[other].low, column[source] + 1)
        return lines


def _rows(lines: Sequence[_Line]) -> list[int]:
    """Choose a row for each line, 0 the uppermost."""
    main = max(range(len(lines)), key=lambda n: (lines[n].high - lines[n].low, -n))
    best = _pack(lines, _order(lines, main), main)
    now, least = best, _climb(lines, best)
    for _ in range(SWEEPS):
        # Barycentres alone overshoot: lines that hang on each other change places for ever.
        centre = [
            PULL * sum(now[other] for other in line.sides) / max(1, len(line.sides)) + (1 - PULL) * now[n]
            for n, line in enumerate(lines)
        ]
        now = _pack(lines, sorted(range(len(lines)), key=lambda n: (centre[n], now[n], n)), main)
        if (climb := _climb(lines, now)) < least:
            best, least = now, climb
    top = min(best)
    return [row - top for row in best]


def _order(lines: Sequence[_Line], main: int) -> list[int]:
    """Put the lines in an order from top to bottom, each on its side of the line that it was reached from."""
    order, seen, todo = [main], {main}, [main]
    while todo:
        here = todo.pop()
        sides = lines[here].sides
        # Short lines come last and so lie next to this one; longer ones lead round them.
        for other in sorted(sides, key=lambda n: (lines[n].low - lines[n].high, -n * sides[n])):
            if other not in seen:
                seen.add(other)
                todo.append(other)
                order.insert(order.index(here) + (sides[other] > 0), other)
    return order


def _pack(lines: Sequence[_Line], order: Sequence[int], main: int) -> list[int]:
    """Bring the lines as close to the main line as their order and their columns allow."""
    columns = max(line.high for line in lines) + 1
    upper, lower = [1] * columns, [-1] * columns  # the outermost rows that are taken in each column
    rows = [0] * len(lines)
    middle = order.index(main)
    for here in reversed(order[: middle + 1]):
        span = slice(lines[here].low, lines[here].high + 1)
        rows[here] = row = min(upper[span]) - 1
        lower[span] = [max(row, other) for other in lower[span]]
        upper[span] = [row] * len(upper[span])
    for here in order[middle + 1 :]:
        span = slice(lines[here].low, lines[here].high + 1)
        rows[here] = row = max(lower[span]) + 1
        lower[span] = [row] * len(lower[span])
    return rows


def _climb(lines: Sequence[_Line], rows: Sequence[int]) -> int:
    """Return by how many rows the wires between lines climb in all; the less, the fewer cross."""
    return sum(abs(rows[here] - rows[other]) for here, line in enumerate(lines) for other in line.sides)
