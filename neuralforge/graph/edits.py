"""Edits of a document, as values: what undo, fixes, gestures and scripts have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Protocol

from neuralforge.errors import UserError
from neuralforge.graph.clipboard import parse_clipboard
from neuralforge.graph.document import MAX_NAME, MAX_POSITION, MAX_TITLE, Document, Position
from neuralforge.graph.graph import Edge, Graph, GraphError, Node, as_params
from neuralforge.graph.layout import GAP_X_PX, NODE_WIDTH_PX
from neuralforge.graph.names import is_text, slugify
from neuralforge.graph.shapes import Params, Value

PASTE_OFFSET_PX: Final = 40.0
"""How far right and down of the original a copy lies when no place is named."""


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
        _check_title(self.node.title)
        # As an edit of the parameters would have it, so that whatever is on the canvas can be saved and read again.
        changed = document.with_graph(document.graph.add(replace(self.node, params=as_params(dict(self.node.params)))))
        if self.position is None:
            return changed
        return replace(changed, layout={**changed.layout, self.node.id: _checked(self.position)})


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
class RemoveNodes:
    """Remove several nodes and their wires; with `heal`, wires close the gap as for `RemoveNode`."""

    nodes: tuple[str, ...]
    heal: bool = False

    @property
    def label(self) -> str:
        """What menus call it."""
        return f"Remove {self.nodes[0]}" if len(self.nodes) == 1 else f"Remove {len(self.nodes)} nodes"

    @property
    def merge_key(self) -> None:
        """Never merges."""

    def apply(self, document: Document) -> Document:
        """Return the document without the nodes."""
        for node_id in dict.fromkeys(self.nodes):
            document = RemoveNode(node_id, self.heal).apply(document)
        return document


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
        _check_title(self.title)
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
    """Put a new node on the wire into an input: at a canvas position, or between the ends, making room to the right.

    `splice_in` does the same with a node that is there already.
    """

    node: str
    port: str
    layer: str
    params: Params = ()
    input_port: str = "input"
    output_port: str = "output"
    position: Position | None = None

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
        new = Node(slugify(self.layer, graph.nodes), self.layer, as_params(dict(self.params)))
        graph = graph.add(new).disconnect(self.node, self.port)
        graph = graph.connect(Edge(source, source_port, new.id, self.input_port))
        graph = graph.connect(Edge(new.id, self.output_port, self.node, self.port))
        layout = document.layout
        if self.position is not None:
            layout = {**layout, new.id: _checked(self.position)}
        elif source in layout and self.node in layout:
            layout = _between(layout, new.id, layout[source], layout[self.node])
        return replace(document, graph=graph, layout=layout)


def _between(layout: Mapping[str, Position], new: str, left: Position, right: Position) -> dict[str, Position]:
    """Place a node between two others; where they stand close, all that begins at the right one moves right."""
    column_px = NODE_WIDTH_PX + GAP_X_PX
    missing_px = left[0] + 2 * column_px - right[0]
    moved = dict(layout)
    if 0 < missing_px < 2 * column_px:  # a wire that leads back to the left has no room to make
        moved = {key: _checked((x + missing_px, y)) if x >= right[0] else (x, y) for key, (x, y) in layout.items()}
        right = (right[0] + missing_px, right[1])
    moved[new] = ((left[0] + right[0]) / 2, (left[1] + right[1]) / 2)
    return moved


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
        moved = {node_id: _checked(position) for node_id, position in self.positions.items()}
        return replace(document, layout={**document.layout, **moved})


@dataclass(frozen=True, slots=True)
class Paste:
    """Add the nodes of a text that `copy_text` wrote, and the wires between them; their ids are new.

    Args:
        text: What the clipboard holds.
        position: Where the upper left corner of the nodes comes to lie; None: a little right and down of where they
            were.
        verb: What menus call it, "Paste" or "Duplicate".
    """

    text: str
    position: Position | None = None
    verb: str = "Paste"

    @property
    def label(self) -> str:
        """What menus call it."""
        return f"{self.verb} nodes"

    @property
    def merge_key(self) -> None:
        """Never merges."""

    def apply(self, document: Document) -> Document:
        """Return the document with the nodes."""
        nodes, edges, layout = parse_clipboard(self.text)
        taken = set(document.graph.nodes)
        ids: dict[str, str] = {}
        for node in nodes:
            ids[node.id] = _fresh(node.id, taken)
            taken.add(ids[node.id])
        graph = Graph.build(
            [*document.graph.nodes.values(), *(replace(node, id=ids[node.id]) for node in nodes)],
            [
                *document.graph.edges,
                *(Edge(ids[edge.source], edge.source_port, ids[edge.target], edge.target_port) for edge in edges),
            ],
        )
        dx = dy = PASTE_OFFSET_PX
        if self.position is not None and layout:
            dx = self.position[0] - min(x for x, _ in layout.values())
            dy = self.position[1] - min(y for _, y in layout.values())
        places = {ids[node_id]: _checked((x + dx, y + dy)) for node_id, (x, y) in layout.items()}
        return replace(document, graph=graph, layout={**document.layout, **places})


@dataclass(frozen=True, slots=True)
class SetName:
    """Change the name of the document."""

    name: str

    @property
    def label(self) -> str:
        """What menus call it."""
        return f"Rename to {self.name}"

    @property
    def merge_key(self) -> str:
        """Merges with other renames."""
        return "name"

    def apply(self, document: Document) -> Document:
        """Return the document with the name changed."""
        if not self.name.strip() or len(self.name) > MAX_NAME or not is_text(self.name):
            raise UserError(f"A network's name is a text of 1 to {MAX_NAME} characters. Received: {self.name!r:.60}")
        return replace(document, name=self.name)


@dataclass(frozen=True, slots=True)
class Many:
    """Several edits as one: all of them, or none when one is refused."""

    label: str
    edits: tuple[Edit, ...]
    merge_key: str | None = None

    def apply(self, document: Document) -> Document:
        """Return the document with all the changes, made in their order."""
        for edit in self.edits:
            document = edit.apply(document)
        return document


def splice_in(edge: Edge, node_id: str, input_port: str = "input", output_port: str = "output") -> Many:
    """Put a node that is there already on a wire.

    Args:
        edge: The wire.
        node_id: A node without wires of its own in these ports.
        input_port: Which input the wire's source comes to feed.
        output_port: Which output comes to feed the wire's target.

    Returns:
        The edit.
    """
    into = Connect(Edge(edge.source, edge.source_port, node_id, input_port))
    out = Connect(Edge(node_id, output_port, edge.target, edge.target_port))
    return Many(f"Insert {node_id} before {edge.target_port} of {edge.target}", (into, out))


def _fresh(node_id: str, taken: set[str]) -> str:
    """Return the id, or, where it is taken, one that counts on: a copy of conv1_2 is conv1_3."""
    counted = re.fullmatch(r"(.*[0-9])_[0-9]+", node_id)
    return slugify(counted[1] if counted and node_id in taken else node_id, taken)


def _checked(position: Position) -> Position:
    x, y = position
    if not (abs(x) <= MAX_POSITION and abs(y) <= MAX_POSITION):  # which NaN is not
        raise UserError(f"A node must lie within {MAX_POSITION:g} pixels of the middle. Received: {x:g}, {y:g}")
    return float(x), float(y)


def _check_title(title: str) -> None:
    if len(title) > MAX_TITLE or not is_text(title):
        raise UserError(f"A title is a text of at most {MAX_TITLE} characters. Received: {title!r:.60}")


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
        elif item.name == "edits":
            value = [as_json(part) for part in value]
        elif isinstance(value, Edge):
            value = str(value)
        elif isinstance(value, Node):
            value = {"id": value.id, "layer": value.layer, "params": dict(value.params)}
        data[item.name] = value
    return data
