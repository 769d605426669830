"""How large nodes are and where their pins lie, in pixels of the canvas at scale 1. Pure: no fonts are needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from neuralforge.graph.graph import Graph, Node
from neuralforge.layers.registry import LayerCatalog
from neuralforge.layers.spec import BoundRule
from neuralforge.ui.canvas.texts import params_line
from neuralforge.ui.node_facts import title_of

HEADER_PX: Final = 34.0
PARAMS_PX: Final = 24.0
ROW_PX: Final = 24.0
FOOTER_PX: Final = 25.0
PIN_PX: Final = 17.0
"""Height of a pin below the upper edge of the header, or of its row plus a little."""

WIDTH_PX: Final = 184.0
MAX_WIDTH_PX: Final = 236.0
INPUT_WIDTH_PX: Final = 150.0
MERGE_WIDTH_PX: Final = 132.0
COMPACT_PX: Final = (88.0, 200.0)

_TITLE_LEFT_PX: Final = 39.0
_TITLE_RIGHT_PX: Final = 14.0
_MARK_PX: Final = 20.0

_ADVANCES: Final = "34599b93557946459689989899449997da9aa88aa4797caa9a999aad999555667888885883383c888857588b7875559"
"""Width of the characters from the blank on, in pixels, of Inter SemiBold at 16."""

_WIDE: Final = 16


def _advance(character: str) -> int:
    place = ord(character) - 32
    return int(_ADVANCES[place], 16) if 0 <= place < len(_ADVANCES) else _WIDE


def title_width_px(text: str) -> float:
    """Return about how wide a title is at 100 %."""
    return float(sum(map(_advance, text)))


@dataclass(frozen=True, slots=True)
class Pin:
    """A port as it lies on a node.

    Args:
        port: Its name.
        x_px: From the left edge of the node.
        y_px: From its upper edge.
        labelled: Whether its name is written beside it.
        stray: Whether the layer has no such port, and only a wire says so.
    """

    port: str
    x_px: float
    y_px: float
    labelled: bool = False
    stray: bool = False


@dataclass(frozen=True, slots=True)
class NodeForm:
    """Size and parts of a node.

    Args:
        title: On its header.
        params: Line below it; empty where there is none.
        width_px: Width.
        height_px: Height.
        inputs: Pins at the left.
        outputs: Pins at the right.
        rows_top_px: Where rows of labelled pins begin.
        footer: Whether the shape stands at its foot.
    """

    title: str
    params: str
    width_px: float
    height_px: float
    inputs: tuple[Pin, ...]
    outputs: tuple[Pin, ...]
    rows_top_px: float
    footer: bool


def node_form(node: Node, fed: tuple[str, ...], catalog: LayerCatalog) -> NodeForm:
    """Work out how a node looks, shape and colours apart.

    Args:
        node: The node.
        fed: Its inputs that have a wire, which may be none that the layer has.
        catalog: The layers.
    """
    rule: BoundRule = catalog.bind(node)
    spec = rule.spec
    title = title_of(node)
    line = _line(node, rule)
    names = rule.input_names if rule.ports_known else tuple(fed)
    strays = tuple(port for port in fed if port not in names)
    outputs = spec.outputs if spec is not None else ("output",)
    rows_left = (*names, *strays) if len(names) + len(strays) > 1 else ()
    rows = max(len(rows_left), len(outputs) - 1)
    compact = not line and not rows
    rows_top = HEADER_PX + (PARAMS_PX if line else 0)
    footer = not compact and bool(outputs)
    height = rows_top + rows * ROW_PX + (4 if rows else 0) + (FOOTER_PX if footer else 0)
    width = _width(node, title, compact, merge=bool(rows_left) and not line, frozen=node.frozen)

    def pin(port: str, place: int, x: float, in_rows: bool) -> Pin:
        y = rows_top + place * ROW_PX + ROW_PX / 2 + 1 if in_rows else PIN_PX
        return Pin(port, x, y, in_rows, port in strays)

    left = [pin(port, place, 0.0, bool(rows_left)) for place, port in enumerate((*names, *strays))]
    right = [pin(port, place - 1, width, place > 0) for place, port in enumerate(outputs)]
    return NodeForm(title, line, width, height, tuple(left), tuple(right), rows_top, footer)


def _width(node: Node, title: str, compact: bool, *, merge: bool, frozen: bool) -> float:
    needed = _TITLE_LEFT_PX + title_width_px(title) + _TITLE_RIGHT_PX + (_MARK_PX if frozen else 0)
    if compact:
        return min(COMPACT_PX[1], max(COMPACT_PX[0], needed))
    least = INPUT_WIDTH_PX if node.layer == "input" else MERGE_WIDTH_PX if merge else WIDTH_PX
    return min(MAX_WIDTH_PX, max(least, needed))


def _line(node: Node, rule: BoundRule) -> str:
    if rule.spec is None:
        return ", ".join(f"{name} {value}" for name, value in node.params)
    if rule.params is None:
        return params_line(rule.spec, dict(node.params))
    values: dict[str, Any] = {item.name: getattr(rule.params, item.name) for item in rule.spec.fields}
    return params_line(rule.spec, values)


def node_sizes(graph: Graph, catalog: LayerCatalog) -> Mapping[str, tuple[float, float]]:
    """Return width and height of each node, for the automatic layout."""
    found = {}
    for node_id, node in graph.nodes.items():
        form = node_form(node, tuple(graph.feeds(node_id)), catalog)
        found[node_id] = (form.width_px, form.height_px)
    return found
