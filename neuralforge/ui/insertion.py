"""Adding a layer to the document: as which node, where, and with which wire."""

from __future__ import annotations

from typing import Any

from neuralforge.graph.document import Position
from neuralforge.graph.edits import AddNode, Connect, Edit, Many
from neuralforge.graph.graph import Edge, Node
from neuralforge.graph.inference import infer_all
from neuralforge.graph.layout import GAP_X_PX, GAP_Y_PX, NODE_HEIGHT_PX, NODE_WIDTH_PX
from neuralforge.graph.names import slugify
from neuralforge.layers.spec import LayerSpec
from neuralforge.workbench.view import DocumentView


def insertion(view: DocumentView, spec: LayerSpec[Any], middle: Position | None = None) -> tuple[Edit, str]:
    """Make the edit that adds a layer.

    After the selected node, if it is one: to the right of it, and wired to it where its output fits. Else in the
    middle of what is seen.

    Args:
        view: The open document.
        spec: The layer.
        middle: Where it goes when no node is selected; None leaves that to the automatic layout.

    Returns:
        The edit, and the id of the new node.
    """
    document, after = view.document, view.selected
    node = Node(slugify(spec.key, document.graph.nodes), spec.key)
    if after is None or after not in document.graph.nodes:
        return AddNode(node, None if middle is None else _free(view, middle)), node.id
    add = AddNode(node, _beside(view, after))
    wire = _wire(view, add, after, spec)
    return (add, node.id) if wire is None else (Many(f"Add {node.id} after {after}", (add, wire)), node.id)


def _wire(view: DocumentView, add: AddNode, after: str, spec: LayerSpec[Any]) -> Connect | None:
    """Return the first wire from a node to the new one that leaves the new one without a complaint about it."""
    ports = spec.ports(spec.parse({}))
    if not ports:
        return None
    known = [(port, kind) for port, kind in view.inference.outputs(after).items() if kind is not None]
    document = add.apply(view.document)
    before = infer_all(document.graph, view.inference.catalog, view.inference)
    for port, _ in known:
        wire = Connect(Edge(after, port, add.node.id, ports[0].name))
        wired = infer_all(wire.apply(document).graph, view.inference.catalog, before)
        bad = [issue for issue in wired.issues if issue.node == add.node.id and issue.port == ports[0].name]
        if not bad:
            return wire
    return None


def _beside(view: DocumentView, node_id: str) -> Position | None:
    place = view.document.layout.get(node_id)
    return None if place is None else _free(view, (place[0] + NODE_WIDTH_PX + GAP_X_PX, place[1]))


def _free(view: DocumentView, wanted: Position) -> Position:
    """Return the place, moved down past the nodes that stand there."""
    x, y = wanted
    step = NODE_HEIGHT_PX + GAP_Y_PX
    beside = [at[1] for at in view.document.layout.values() if abs(at[0] - x) < NODE_WIDTH_PX]
    while any(abs(other - y) < NODE_HEIGHT_PX for other in beside):
        y += step
    return x, y
