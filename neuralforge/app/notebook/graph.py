"""The open network, to be edited from code; the canvas follows, and undo takes back what a cell did."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import Any

from neuralforge.errors import UserError
from neuralforge.graph.document import Document
from neuralforge.graph.edits import AddNode, Connect, Disconnect, Edit, Many, RemoveNode, SetParams
from neuralforge.graph.graph import Edge, Node, as_params
from neuralforge.graph.inference import Inference
from neuralforge.graph.names import slugify
from neuralforge.layers.registry import catalog


class GraphHandle:
    """The network on the canvas. Each call is one step of the history, as if it had been done by hand.

    Args:
        read: Gives the document and what is known of its shapes.
        edit: Makes an edit.
    """

    def __init__(self, read: Callable[[], tuple[Document, Inference]], edit: Callable[[Edit], None]) -> None:
        self._read = read
        self._edit = edit

    @property
    def document(self) -> Document:
        """The document, a value: it does not change under one's hands."""
        return self._read()[0]

    @property
    def nodes(self) -> tuple[str, ...]:
        """Ids of the nodes."""
        return tuple(self.document.graph.nodes)

    @property
    def issues(self) -> tuple[str, ...]:
        """What is wrong with the network, as sentences."""
        return tuple(str(issue) for issue in self._read()[1].issues)

    @property
    def parameters(self) -> int:
        """Number of learnable numbers."""
        return self._read()[1].totals().parameters

    def shape(self, node: str, port: str = "output") -> str:
        """Return the shape that a node gives, as text; "?" where it is not known.

        Raises:
            UserError: When there is no such node.
        """
        self._known(node)
        return str(self._read()[1].outputs(node).get(port) or "?")

    def params(self, node: str) -> dict[str, Any]:
        """Return the parameters of a node.

        Raises:
            UserError: When there is no such node.
        """
        return dict(self._known(node).params)

    def add(self, layer: str, /, *, name: str = "", after: str = "", **params: Any) -> str:
        """Add a node.

        Args:
            layer: Key of its layer, such as "linear".
            name: Its id; made from the layer where none is given.
            after: Id of a node: the new one goes between it and what follows it.
            **params: Parameters of the layer.

        Returns:
            Id of the new node.

        Raises:
            UserError: When there is no such layer or node. A parameter that does not fit is one of the `issues`.
        """
        document = self.document
        if layer not in catalog().specs:
            near = " or ".join(difflib.get_close_matches(str(layer), catalog().specs, n=3))
            raise UserError(f"There is no layer {layer!r:.80}" + (f"; did you mean {near}?" if near else "."))
        node_id = name or slugify(layer, document.graph.nodes)
        edits: list[Edit] = [AddNode(Node(node_id, layer, params=as_params(params)))]
        if after:
            self._known(after)
            followers = [edge for edge in document.graph.edges if edge.source == after]
            edits += [Disconnect(edge.target, edge.target_port) for edge in followers]
            edits += [Connect(Edge(after, "output", node_id, "input"))]
            edits += [Connect(Edge(node_id, "output", edge.target, edge.target_port)) for edge in followers]
        self._edit(Many(f"Add {node_id}", tuple(edits)))
        return node_id

    def connect(self, source: str, target: str, *, output: str = "output", input: str = "input") -> None:
        """Draw a wire.

        Args:
            source: Node that gives.
            target: Node that takes; what was connected to this input before is not any more.
            output: Port of the source.
            input: Port of the target.

        Raises:
            UserError: When it cannot be.
        """
        self._edit(Connect(Edge(source, output, target, input)))

    def disconnect(self, node: str, port: str = "input") -> None:
        """Remove the wire at an input.

        Raises:
            UserError: When there is none.
        """
        self._edit(Disconnect(node, port))

    def set(self, node: str, /, **params: Any) -> None:
        """Change parameters of a node; one that does not fit is one of the `issues`.

        Raises:
            UserError: When there is no such node.
        """
        self._edit(SetParams.of(node, **params))

    def remove(self, node: str, *, heal: bool = True) -> None:
        """Remove a node; with `heal`, the wires close the gap.

        Raises:
            UserError: When there is no such node.
        """
        self._edit(RemoveNode(node, heal))

    def _known(self, node: str) -> Node:
        nodes = self.document.graph.nodes
        if node not in nodes:
            raise UserError(f"There is no node {node!r:.80}. There are: {', '.join(nodes)}.")
        return nodes[node]

    def __iter__(self) -> Iterator[str]:
        return iter(self.nodes)

    def __repr__(self) -> str:
        document, inference = self._read()
        lines = [f"{document.name}: {inference.totals().parameters:,} parameters"]
        for node_id in document.graph.order():
            node = document.graph.nodes[node_id]
            said = ", ".join(f"{key}={value!r}" for key, value in node.params)
            shapes = ", ".join(str(shape or "?") for shape in inference.outputs(node_id).values())
            lines.append(f"  {node_id}: {node.layer}({said})" + (f" -> {shapes}" if shapes else ""))
        return "\n".join([*lines, *(f"  issue: {issue}" for issue in inference.issues)])
