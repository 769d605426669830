"""Nodes and edges as values. An edit returns a new graph that shares what did not change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from neuralforge.errors import UserError
from neuralforge.graph.names import check_slug, is_text
from neuralforge.graph.order import Ranks
from neuralforge.graph.shapes import Params, Value

MAX_NUMBER: Final = 1e18
"""Greatest magnitude of a number in a parameter; JSON readers agree on what is smaller."""


class GraphError(UserError):
    """An edit that would make the graph invalid: a cycle, a dangling edge, a duplicate id, a double-fed input."""


@dataclass(frozen=True, slots=True)
class Node:
    """One layer on the canvas.

    Args:
        id: Slug, fixed when the node is made; also the attribute of the generated module.
        layer: Key of the layer in the catalog.
        params: Parameters that were given, as sorted pairs; the others have the layer's defaults.
        title: What the canvas shows; empty for the layer's own title.
        frozen: Whether the node's parameters start frozen.
    """

    id: str
    layer: str
    params: Params = ()
    title: str = ""
    frozen: bool = False
    bound: Any = field(default=None, init=False, compare=False, repr=False)
    """Memo of the catalog: the rule for this layer with these parameters."""

    def __post_init__(self) -> None:
        check_slug(self.id)

    @staticmethod
    def make(id: str, layer: str, title: str = "", frozen: bool = False, **params: Value) -> Node:
        """Make a node from keyword parameters; lists become tuples."""
        return Node(id, layer, as_params(params), title, frozen)

    def param(self, name: str, default: Value = None) -> Value:
        """Return a parameter that was given, or `default`."""
        for key, value in self.params:
            if key == name:
                return value
        return default

    def with_params(self, /, **changes: Value) -> Node:
        """Return the node with some parameters changed."""
        return replace(self, params=as_params({**dict(self.params), **changes}))


def as_params(values: Mapping[str, object]) -> Params:
    """Turn a mapping (from JSON, say) into sorted pairs of literals; lists become tuples.

    Raises:
        UserError: When a name is no identifier, or a value is no literal or is nested more than four deep.
    """
    for name in values:
        if not name.isidentifier():
            raise UserError(f"A parameter's name is an identifier such as out_features. Received: {name!r:.60}")
    return tuple((name, _literal(name, values[name], 0)) for name in sorted(values))


def _literal(name: str, value: object, depth: int) -> Value:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float) and -MAX_NUMBER <= value <= MAX_NUMBER:  # which NaN is not
        return value
    if isinstance(value, str) and is_text(value):
        return value
    if isinstance(value, list | tuple) and depth < 4 and len(value) <= 64:
        return tuple(_literal(name, item, depth + 1) for item in value)
    raise UserError(
        f"Parameter {name!r} must be a number up to {MAX_NUMBER:g}, a text, true, false or a list of them. "
        f"Received: {value!r:.80}"
    )


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """A wire from an output of one node to an input of another."""

    source: str
    source_port: str
    target: str
    target_port: str

    def __str__(self) -> str:
        return f"{self.source}.{self.source_port} -> {self.target}.{self.target_port}"


Feeds = dict[str, tuple[str, str]]
"""For one node: input port -> (source node, source port)."""


class Graph:
    """An immutable directed acyclic graph of nodes.

    Nodes keep the order in which they were added. Every method that edits returns a new graph in time
    proportional to the number of nodes at worst, by copying dictionaries of references.
    """

    __slots__ = ("_base", "_consumers", "_feeds", "_nodes", "_ranks", "_token", "_touched")

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._feeds: dict[str, Feeds] = {}
        self._consumers: dict[str, tuple[str, ...]] = {}
        self._ranks = Ranks()
        self._token = object()
        self._base: object | None = None
        self._touched: tuple[str, ...] = ()

    @staticmethod
    def build(nodes: Iterable[Node] = (), edges: Iterable[Edge] = ()) -> Graph:
        """Make a graph of nodes and edges given in any order.

        Raises:
            GraphError: For a duplicate id, a dangling edge, a double-fed input or a cycle; the sentence names
                the node.
        """
        graph = Graph()
        for node in nodes:
            if node.id in graph._nodes:
                raise GraphError(f"Two nodes have the id {node.id!r}.")
            graph._nodes[node.id] = node
            graph._feeds[node.id] = {}
            graph._consumers[node.id] = ()
        for edge in edges:
            graph._check_edge(edge)
            graph._feeds[edge.target][edge.target_port] = (edge.source, edge.source_port)
            if edge.target not in graph._consumers[edge.source]:
                graph._consumers[edge.source] += (edge.target,)
        graph._ranks = Ranks.sort(graph._nodes, graph._feeds, graph._consumers, _cycle_error)
        return graph

    @property
    def nodes(self) -> Mapping[str, Node]:
        """Nodes by id, in the order in which they were added."""
        return MappingProxyType(self._nodes)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """All wires, sorted by target and port."""
        return tuple(
            Edge(source, source_port, target, port)
            for target in sorted(self._feeds)
            for port, (source, source_port) in sorted(self._feeds[target].items())
        )

    def feeds(self, node_id: str) -> Mapping[str, tuple[str, str]]:
        """Return what feeds a node: input port -> (source node, source port)."""
        return MappingProxyType(self._feeds[node_id])

    def consumers(self, node_id: str) -> tuple[str, ...]:
        """Return the nodes that a node feeds, each once."""
        return self._consumers[node_id]

    def order(self) -> list[str]:
        """Return the ids in a topological order."""
        return self._ranks.order()

    def rank(self, node_id: str) -> int:
        """Return a number that grows along every wire."""
        return self._ranks.of(node_id)

    def touched_since(self, previous: Graph) -> Iterable[str] | None:
        """Return ids whose node or wires may differ from `previous`, removed ones included.

        Returns:
            None when the two are the same graph; otherwise a superset of what differs. One edit apart this
            costs nothing, further apart it compares all nodes by identity.
        """
        if previous._token is self._token:
            return None
        if previous._token is self._base:
            return self._touched
        mine, theirs = self._nodes, previous._nodes
        changed = [key for key in theirs if key not in mine]
        for key, node in mine.items():
            if theirs.get(key) is not node or previous._feeds[key] is not self._feeds[key]:
                changed.append(key)
        return changed

    def _copy(self, *touched: str) -> Graph:
        graph = Graph.__new__(Graph)
        graph._nodes = self._nodes.copy()
        graph._feeds = self._feeds.copy()
        graph._consumers = self._consumers.copy()
        graph._ranks = self._ranks
        graph._token = object()
        graph._base = self._token
        graph._touched = touched
        return graph

    def _need(self, node_id: str) -> Node:
        try:
            return self._nodes[node_id]
        except KeyError:
            raise GraphError(f"There is no node {node_id!r}.") from None

    def _check_edge(self, edge: Edge) -> None:
        for end, port in ((edge.source, edge.source_port), (edge.target, edge.target_port)):
            if end not in self._nodes:
                raise GraphError(f"The wire {edge} dangles: there is no node {end!r}.")
            if not port.isidentifier():
                raise GraphError(f"The wire of {end!r} names no port. Received: {port!r:.40}")
        if edge.source == edge.target:
            raise GraphError(f"Node {edge.source!r} cannot feed itself.")
        if edge.target_port in self._feeds[edge.target]:
            fed_by = self._feeds[edge.target][edge.target_port][0]
            raise GraphError(
                f"Input {edge.target_port!r} of {edge.target!r} is fed twice, by {fed_by!r} and {edge.source!r}."
            )

    def add(self, node: Node) -> Graph:
        """Return the graph with one more node.

        Raises:
            GraphError: When the id is taken.
        """
        if node.id in self._nodes:
            raise GraphError(f"Two nodes have the id {node.id!r}.")
        graph = self._copy(node.id)
        graph._nodes[node.id] = node
        graph._feeds[node.id] = {}
        graph._consumers[node.id] = ()
        graph._ranks = self._ranks.added(node.id)
        return graph

    def replace(self, node: Node) -> Graph:
        """Return the graph with the node of the same id replaced; its wires stay.

        Raises:
            GraphError: When there is no such node.
        """
        self._need(node.id)
        graph = self._copy(node.id)
        graph._nodes[node.id] = node
        return graph

    def remove(self, node_id: str) -> Graph:
        """Return the graph without a node and without its wires.

        Raises:
            GraphError: When there is no such node.
        """
        self._need(node_id)
        targets = self._consumers[node_id]
        graph = self._copy(node_id, *targets)
        for target in targets:
            graph._feeds[target] = {p: feed for p, feed in self._feeds[target].items() if feed[0] != node_id}
        for source in {feed[0] for feed in self._feeds[node_id].values()}:
            graph._consumers[source] = tuple(c for c in self._consumers[source] if c != node_id)
        del graph._nodes[node_id], graph._feeds[node_id], graph._consumers[node_id]
        graph._ranks = self._ranks.removed(node_id)
        return graph

    def connect(self, edge: Edge) -> Graph:
        """Return the graph with one more wire.

        Raises:
            GraphError: When the wire dangles, the input is fed already, or the wire would close a cycle.
        """
        self._check_edge(edge)
        graph = self._copy(edge.target)
        graph._feeds[edge.target] = {
            **self._feeds[edge.target],
            edge.target_port: (edge.source, edge.source_port),
        }
        if edge.target not in self._consumers[edge.source]:
            graph._consumers[edge.source] = (*self._consumers[edge.source], edge.target)
            graph._ranks = self._ranks.connected(edge.source, edge.target, graph._feeds, graph._consumers, _cycle_error)
        return graph

    def disconnect(self, target: str, target_port: str) -> Graph:
        """Return the graph without the wire into an input.

        Raises:
            GraphError: When nothing feeds it.
        """
        self._need(target)
        if target_port not in self._feeds[target]:
            raise GraphError(f"Nothing feeds input {target_port!r} of {target!r}.")
        graph = self._copy(target)
        feeds = dict(self._feeds[target])
        source, _ = feeds.pop(target_port)
        graph._feeds[target] = feeds
        if all(feed[0] != source for feed in feeds.values()):
            graph._consumers[source] = tuple(c for c in self._consumers[source] if c != target)
        return graph

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Graph):
            return NotImplemented
        return list(self._nodes.items()) == list(other._nodes.items()) and self._feeds == other._feeds

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Graph of {len(self._nodes)} nodes, {sum(map(len, self._feeds.values()))} wires>"


def _cycle_error(ids: list[str]) -> GraphError:
    return GraphError("The wires close a cycle through " + " -> ".join(repr(node_id) for node_id in ids) + ".")
