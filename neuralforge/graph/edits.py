"""Edits of a document, as values: what undo, fixes, gestures and scripts have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

from neuralforge.graph.document import Document, Position
from neuralforge.graph.graph import Edge, GraphError, Node, as_params
from neuralforge.graph.names import slugify
from neuralforge.graph.shapes import Params, Value


class Edit(Protocol):
    """A change of a document."""

    @property
    def label(self) -> str:
        """What menus and the history call it."""
        ...

    @property
    def merge_key(self) -> str | None:
        """Edits in a row with the same key (one slider drag) are one undo; None never merges."""
        ...

    def apply(self, document: Document) -> Document:
        """Return the changed document.

        Raises:
            UserError: When the document does not allow it; nothing is changed then.
        """
        ...


@dataclass(frozen=True, slots=True)
class AddNode:
    """Add a node, at a canvas position when one is given."""

    node: Node
    position: Position | None = None

    @property
    def label(self) -> str:
        """What menus call it."""
        return f"Add {self.node.id}"

    @property
    def merge_key(self) -> None:
        """Never merges."""

    def apply(self, document: Document) -> Document:
        """Return the document with the node."""
        changed = document.with_graph(document.graph.add(self.node))
        if self.position is None:
            return changed
        return replace(changed, layout={**changed.layout, self.node.id: self.position})


@dataclass(frozen=True, slots=True)
class RemoveNode:
    """Remove a node and its wires; with `heal`, what fed its first input feeds its consumers."""

    node: str
    heal: bool = False

    @property
    def label(self) -> str:
        """What menus call it."""
        return f"Remove {self.node}"

    @property
    def merge_key(self) -> None:
        """Never merges."""

    def apply(self, document: Document) -> Document:
        """Return the document without the node."""
        before = document.graph
        graph = before.remove(self.node)
        feeds = list(before.feeds(self.node).values())
        if self.heal and feeds:
            source, source_port = feeds[0]
            for target in before.consumers(self.node):
                for port, (origin, _) in before.feeds(target).items():
                    if origin == self.node:
                        graph = graph.connect(Edge(source, source_port, target, port))
        return document.with_graph(graph)


@dataclass(frozen=True, slots=True)
class SetParams:
    """Change some parameters of a node."""

    node: str
    params: Params

    @staticmethod
    def of(node: str, /, **params: Value) -> SetParams:
        """Make the edit from keyword parameters."""
        return SetParams(node, as_params(params))

    @property
    def label(self) -> str:
        """What menus call it."""
        return f"Set {', '.join(f'{name} = {value}' for name, value in self.params)} of {self.node}"

    @property
    def merge_key(self) -> str:
        """Merges with other changes of the same parameters."""
        return f"params:{self.node}:{','.join(name for name, _ in self.params)}"

    def apply(self, document: Document) -> Document:
        """Return the document with the parameters changed."""
        node = _node(document, self.node)
        return document.with_graph(document.graph.replace(node.with_params(**dict(self.params))))


@dataclass(frozen=True, slots=True)
class SetTitle:
    """Change what the canvas shows as a node's title; its id stays."""

    node: str
    title: str

    @property
    def label(self) -> str:
        """What menus call it."""
        return f"Rename {self.node}"

    @property
    def merge_key(self) -> str:
        """Merges with other renames of the node."""
        return f"title:{self.node}"

    def apply(self, document: Document) -> Document:
        """Return the document with the title changed."""
        return document.with_graph(document.graph.replace(replace(_node(document, self.node), title=self.title)))


@dataclass(frozen=True, slots=True)
class SetFrozen:
    """Say whether a node's parameters start frozen."""

    node: str
    frozen: bool

    @property
    def label(self) -> str:
        """What menus call it."""
        return f"{'Freeze' if self.frozen else 'Unfreeze'} {self.node}"

    @property
    def merge_key(self) -> None:
        """Never merges."""

    def apply(self, document: Document) -> Document:
        """Return the document with the node frozen or not."""
        return document.with_graph(document.graph.replace(replace(_node(document, self.node), frozen=self.frozen)))


@dataclass(frozen=True, slots=True)
class Connect:
    """Draw a wire; a wire that was in the input before is replaced."""

    edge: Edge

    @property
    def label(self) -> str:
        """What menus call it."""
        return f"Connect {self.edge}"

    @property
    def merge_key(self) -> None:
        """Never merges."""

    def apply(self, document: Document) -> Document:
        """Return the document with the wire."""
        graph = document.graph
        edge = self.edge
        if edge.target in graph.nodes and edge.target_port in graph.feeds(edge.target):
            graph = graph.disconnect(edge.target, edge.target_port)
        return document.with_graph(graph.connect(edge))


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Take away the wire into an input."""

    node: str
    port: str

    @property
    def label(self) -> str:
        """What menus call it."""
        return f"Disconnect {self.port} of {self.node}"

    @property
    def merge_key(self) -> None:
        """Never merges."""

    def apply(self, document: Document) -> Document:
        """Return the document without the wire."""
        return document.with_graph(document.graph.disconnect(self.node, self.port))


@dataclass(frozen=True, slots=True)
class Splice:
    """Put a new node on the wire into an input."""

    node: str
    port: str
    layer: str
    params: Params = ()
    input_port: str = "input"
    output_port: str = "output"

    @property
    def label(self) -> str:
        """What menus call it."""
        given = ", ".join(f"{name}={value}" for name, value in self.params)
        return f"Insert {self.layer}({given}) before {self.port} of {self.node}"

    @property
    def merge_key(self) -> None:
        """Never merges."""

    def apply(self, document: Document) -> Document:
        """Return the document with the node spliced in."""
        graph = document.graph
        _node(document, self.node)
        if self.port not in graph.feeds(self.node):
            raise GraphError(f"Nothing feeds input {self.port!r} of {self.node!r}, so nothing can be spliced in.")
        source, source_port = graph.feeds(self.node)[self.port]
        new = Node(slugify(self.layer, graph.nodes), self.layer, self.params)
        graph = graph.add(new).disconnect(self.node, self.port)
        graph = graph.connect(Edge(source, source_port, new.id, self.input_port))
        graph = graph.connect(Edge(new.id, self.output_port, self.node, self.port))
        layout = document.layout
        if source in layout and self.node in layout:
            (ax, ay), (bx, by) = layout[source], layout[self.node]
            layout = {**layout, new.id: ((ax + bx) / 2, (ay + by) / 2)}
        return replace(document, graph=graph, layout=layout)


@dataclass(frozen=True, slots=True)
class Move:
    """Move nodes on the canvas."""

    positions: Mapping[str, Position] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """What menus call it."""
        return f"Move {len(self.positions)} node{'s' if len(self.positions) != 1 else ''}"

    @property
    def merge_key(self) -> str:
        """Merges with other moves of the same nodes."""
        return "move:" + ",".join(sorted(self.positions))

    def apply(self, document: Document) -> Document:
        """Return the document with the positions changed."""
        for node_id in self.positions:
            _node(document, node_id)
        return replace(document, layout={**document.layout, **self.positions})


def _node(document: Document, node_id: str) -> Node:
    try:
        return document.graph.nodes[node_id]
    except KeyError:
        raise GraphError(f"There is no node {node_id!r}.") from None


def as_json(edit: Edit) -> dict[str, Any]:
    """Describe an edit for other programs: its kind, its label and its fields."""
    data: dict[str, Any] = {"edit": type(edit).__name__, "label": edit.label}
    for item in fields(edit):  # type: ignore[arg-type]
        value = getattr(edit, item.name)
        if item.name == "params":
            value = dict(value)
        elif isinstance(value, Edge):
            value = str(value)
        elif isinstance(value, Node):
            value = {"id": value.id, "layer": value.layer, "params": dict(value.params)}
        data[item.name] = value
    return data
