"""What a layer becomes when it is put onto the canvas: a node, and wires where it was meant for a pin or a wire."""

from __future__ import annotations

from typing import Any

from neuralforge.graph.document import Position
from neuralforge.graph.edits import AddNode, Connect, Edit, Many, Splice
from neuralforge.graph.graph import Edge, Graph, GraphError, Node
from neuralforge.graph.names import slugify
from neuralforge.graph.shapes import ShapeError, TensorType
from neuralforge.layers.spec import LayerSpec

Port = tuple[str, str]
"""Id of a node, and the name of one of its ports."""


def first_input(spec: LayerSpec[Any]) -> str | None:
    """Return the input of a layer that a wire is drawn into; None where it has none."""
    ports = spec.ports(spec.parse({}))
    return ports[0].name if ports else None


def takes(spec: LayerSpec[Any], kind: TensorType | None) -> bool:
    """Tell whether a layer with its usual parameters can follow an output.

    Args:
        spec: The layer.
        kind: Type of the output; None where it is not known, and then every layer with an input may do.
    """
    params = spec.parse({})
    ports = spec.ports(params)
    if not ports:
        return False
    if kind is None:
        return True
    needed = [port for port in ports if not port.optional]
    inputs = (kind,) * len(ports) if len(needed) > 1 else (kind,)
    if len(inputs) != len(ports):
        return False
    try:
        spec.infer(params, inputs)
    except (ShapeError, ValueError):
        return False
    return True


def can_splice(spec: LayerSpec[Any]) -> bool:
    """Tell whether a layer can be put onto a wire."""
    return first_input(spec) is not None and bool(spec.outputs)


def inserted(
    graph: Graph, spec: LayerSpec[Any], at: Position, *, source: Port | None = None, target: Port | None = None
) -> Edit:
    """Make the edit that adds a layer, with a wire from an output or into an input.

    Args:
        graph: The graph.
        spec: The layer.
        at: Where the node comes to lie.
        source: Output that feeds it.
        target: Input that it feeds.
    """
    node = Node(slugify(spec.key, graph.nodes), spec.key)
    add = AddNode(node, at)
    port = first_input(spec)
    if source is not None and port is not None:
        return Many(f"Add {node.id} after {source[0]}", (add, Connect(Edge(*source, node.id, port))))
    if target is not None and spec.outputs:
        return Many(f"Add {node.id} before {target[0]}", (add, Connect(Edge(node.id, spec.outputs[0], *target))))
    return add


def spliced(spec: LayerSpec[Any], edge: Edge) -> Edit | None:
    """Make the edit that puts a layer onto a wire; None where it has no input or no output."""
    port = first_input(spec)
    if port is None or not spec.outputs:
        return None
    return Splice(edge.target, edge.target_port, spec.key, (), port, spec.outputs[0])


def refusal(graph: Graph, one: tuple[str, str, bool], other: tuple[str, str, bool]) -> tuple[Edge | None, str]:
    """Say what a wire between two pins would be.

    Args:
        graph: The graph.
        one: Node, port, and whether it is an input, of the pin where the drag began.
        other: The same of the pin under the mouse.

    Returns:
        The wire, or None and why there can be none, as a sentence.
    """
    if one[2] == other[2]:
        return None, "A wire leads from an output to an input."
    source, target = (other, one) if one[2] else (one, other)
    edge = Edge(source[0], source[1], target[0], target[1])
    try:
        before = graph
        if edge.target in graph.nodes and edge.target_port in graph.feeds(edge.target):
            before = graph.disconnect(edge.target, edge.target_port)
        before.connect(edge)
    except GraphError as error:
        return None, str(error)
    return edge, ""
