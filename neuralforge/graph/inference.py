"""Shapes, problems and costs of a whole graph: incremental, and it never raises.

Each distinct pair of (layer with parameters, input types) is worked out once and remembered by the catalog's rule,
so that going over a graph again costs a dictionary look-up a node.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import Final, Protocol

from neuralforge.graph.edits import AddNode, Connect, Disconnect, Edit, RemoveNode, SetParams, Splice
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.graph.names import slugify
from neuralforge.graph.shapes import (
    UNCONNECTED,
    Cost,
    InsertBefore,
    Outcome,
    Problem,
    SetParam,
    TensorType,
)

LONG_RIPPLE: Final = 64
"""After so many nodes that an edit has changed, going over all that follow costs less than finding out which."""

Types = tuple[TensorType | None, ...]


class Rule(Protocol):
    """A layer with its parameters bound."""

    catalog: object
    input_names: tuple[str, ...]
    ports_known: bool
    memo: dict[Types, Outcome]

    def evaluate(self, types: Types) -> Outcome:
        """Work out the outcome for input types and remember it. Never raises."""
        ...


class Catalog(Protocol):
    """What inference needs to know of the layers."""

    def bind(self, node: Node) -> Rule:
        """Return the rule of a node, and note it in `node.bound`. Never raises."""
        ...

    @property
    def input_key(self) -> str:
        """Key of the layer that brings data in."""
        ...

    @property
    def output_key(self) -> str:
        """Key of the layer that takes results out."""
        ...


@dataclass(frozen=True, slots=True)
class Issue:
    """One problem of a graph, with remedies.

    Args:
        node: Id of the node, or "" when the graph as a whole is meant.
        port: Input, output or parameter at fault.
        expected: What would fit.
        received: What came.
        hint: A sentence that helps, may be empty.
        fixes: Edits that make this problem go away, best first; at least one.
    """

    node: str
    port: str
    expected: str
    received: str
    hint: str
    fixes: tuple[Edit, ...]

    def __str__(self) -> str:
        place = ".".join(part for part in (self.node, self.port) if part) or "graph"
        return f"{place}: expected {self.expected}, received {self.received}." + (f" {self.hint}" if self.hint else "")


@dataclass(frozen=True, slots=True)
class Totals:
    """Costs of a whole graph.

    Args:
        parameters: Learnable numbers.
        trainable: Those of nodes that are not frozen.
        buffers: Numbers kept but not learned.
        macs: Multiply-accumulates of one forward pass of one sample.
        activation_bytes: Memory kept for the backward pass, for `batch_size` samples.
        training_bytes: Activations, weights and buffers, and for each trainable parameter a gradient and two
            numbers of the optimizer, as Adam keeps them.
        batch_size: Samples in the batch.
    """

    parameters: int
    trainable: int
    buffers: int
    macs: int
    activation_bytes: int
    training_bytes: int
    batch_size: int


class Inference:
    """What is known of a graph: an immutable result of `infer_all`."""

    def __init__(
        self, graph: Graph, catalog: Catalog, outcomes: dict[str, Outcome], strays: dict[str, tuple[str, ...]]
    ) -> None:
        self.graph = graph
        self.catalog = catalog
        self._outcomes = outcomes
        self._strays = strays

    def outputs(self, node_id: str) -> Mapping[str, TensorType | None]:
        """Return the type of each output of a node; None where it is not known."""
        return self._outcomes[node_id].outputs

    def inputs(self, node_id: str) -> dict[str, TensorType | None]:
        """Return the type at each connected input of a node; None where it is not known."""
        return {
            port: self._outcomes[source].outputs.get(source_port)
            for port, (source, source_port) in self.graph.feeds(node_id).items()
        }

    def cost(self, node_id: str) -> Cost:
        """Return what a node costs for one sample."""
        return self._outcomes[node_id].cost

    @cached_property
    def issues(self) -> tuple[Issue, ...]:
        """All problems, in topological order, those of the graph as a whole last."""
        found: list[Issue] = []
        for node_id in self.graph.order():
            problem = self._outcomes[node_id].problem
            if problem is not None:
                found.append(self._issue(node_id, problem))
            for port in self._known_strays(node_id):
                source, source_port = self.graph.feeds(node_id)[port]
                names = ", ".join(self.catalog.bind(self.graph.nodes[node_id]).input_names)
                wanted = f"a wire into one of its inputs ({names or 'none'})"
                found.append(
                    Issue(
                        node_id,
                        port,
                        wanted,
                        f"a wire from {source}.{source_port}",
                        f"{node_id} has no input {port!r}.",
                        (Disconnect(node_id, port),),
                    )
                )
            found.extend(self._wrong_source_ports(node_id))
        return (*found, *self._whole_graph_issues())

    def _known_strays(self, node_id: str) -> tuple[str, ...]:
        """Return ports that are fed but do not exist; none where it is not known which exist."""
        strays = self._strays.get(node_id, ())
        return strays if strays and self.catalog.bind(self.graph.nodes[node_id]).ports_known else ()

    def _issue(self, node_id: str, problem: Problem) -> Issue:
        fixes: list[Edit] = []
        feeds = self.graph.feeds(node_id)
        for fix in problem.fixes:
            if isinstance(fix, SetParam):
                fixes.append(SetParams(node_id, ((fix.name, fix.value),)))
            elif fix.port in feeds:
                if isinstance(fix, InsertBefore):
                    fixes.append(Splice(node_id, fix.port, fix.layer, fix.params))
                else:
                    fixes.append(Disconnect(node_id, fix.port))
        if problem.received == UNCONNECTED.dtype:
            fixes.extend(self._wires_for(node_id, problem.port))
        if not fixes and problem.port in feeds:
            fixes.append(Disconnect(node_id, problem.port))
        if not fixes or problem.received == UNCONNECTED.dtype:
            fixes.append(RemoveNode(node_id))
        return Issue(node_id, problem.port, problem.expected, problem.received, problem.hint, tuple(fixes))

    def _wires_for(self, node_id: str, port: str) -> list[Edit]:
        """Offer the latest known output before the node that nothing uses yet, if there is one."""
        order = self.graph.order()
        for source in reversed(order[: order.index(node_id)]):
            if self.graph.consumers(source):
                continue
            for source_port, kind in self._outcomes[source].outputs.items():
                if kind is not None:
                    return [Connect(Edge(source, source_port, node_id, port))]
        return []

    def _wrong_source_ports(self, node_id: str) -> list[Issue]:
        found = []
        for port, (source, source_port) in self.graph.feeds(node_id).items():
            outputs = self._outcomes[source].outputs
            unknown = not outputs and self._outcomes[source].problem is not None
            if source_port not in outputs and not unknown:
                found.append(
                    Issue(
                        node_id,
                        port,
                        f"one of the outputs of {source} ({', '.join(outputs)})",
                        f"{source}.{source_port}",
                        "",
                        (Disconnect(node_id, port),),
                    )
                )
        return found

    def _whole_graph_issues(self) -> list[Issue]:
        graph = self.graph
        found = []
        kinds = {node.layer for node in graph.nodes.values()}
        for key, why in ((self.catalog.input_key, "brings data in"), (self.catalog.output_key, "takes results out")):
            if key not in kinds:
                node = Node(slugify(key, graph.nodes), key)
                found.append(Issue("", "", f"a node that {why}", "none", "", (AddNode(node),)))
        for node_id, node in graph.nodes.items():
            if node.layer != self.catalog.output_key and not graph.consumers(node_id):
                found.append(
                    Issue(
                        node_id,
                        next(iter(self._outcomes[node_id].outputs), "output"),
                        "a wire to another node",
                        "none",
                        f"What {node_id} computes is used nowhere.",
                        (RemoveNode(node_id),),
                    )
                )
        return found

    def totals(self, batch_size: int = 64) -> Totals:
        """Add up the costs.

        Args:
            batch_size: Samples in a batch, for the two memory figures.
        """
        parameters = trainable = buffers = macs = activations = 0
        nodes = self.graph.nodes
        for node_id, outcome in self._outcomes.items():
            cost = outcome.cost
            parameters += cost.parameters
            buffers += cost.buffers
            macs += cost.macs
            activations += cost.activation_bytes
            if not nodes[node_id].frozen:
                trainable += cost.parameters
        activation_bytes = activations * batch_size
        return Totals(
            parameters=parameters,
            trainable=trainable,
            buffers=buffers,
            macs=macs,
            activation_bytes=activation_bytes,
            training_bytes=activation_bytes + 4 * (parameters + buffers + 3 * trainable),
            batch_size=batch_size,
        )


def infer_all(graph: Graph, catalog: Catalog, previous: Inference | None = None) -> Inference:
    """Work out every shape, problem and cost. Never raises.

    Args:
        graph: The graph.
        catalog: The layers that its nodes name.
        previous: An earlier result for the same or a similar graph; only what differs is worked out again.

    Returns:
        The result. One problem leaves the shapes of the rest of the graph known as far as they can be.
    """
    if previous is not None and previous.catalog is catalog:
        touched = graph.touched_since(previous.graph)
        if touched is None:
            return previous
        return _ripple(graph, catalog, previous, touched)
    outcomes: dict[str, Outcome] = {}
    strays: dict[str, tuple[str, ...]] = {}
    _go_over(graph, catalog, graph.order(), outcomes, strays)
    return Inference(graph, catalog, outcomes, strays)


def _go_over(
    graph: Graph,
    catalog: Catalog,
    node_ids: Iterable[str],
    outcomes: dict[str, Outcome],
    strays: dict[str, tuple[str, ...]],
) -> None:
    """Work out nodes one after the other, each after what feeds it; every microsecond counts ten thousand times."""
    nodes, all_feeds, bind = graph._nodes, graph._feeds, catalog.bind
    for node_id in node_ids:
        node = nodes[node_id]
        rule: Rule | None = node.bound
        if rule is None or rule.catalog is not catalog:
            rule = bind(node)
        feeds, names = all_feeds[node_id], rule.input_names
        types: Types
        if len(feeds) == 1 and len(names) == 1 and names[0] in feeds:  # the common case, spelled out for speed
            source, source_port = feeds[names[0]]
            types = (outcomes[source].outputs.get(source_port),)
        else:
            types, stray = _types(names, feeds, outcomes)
            if stray:
                strays[node_id] = stray
        outcomes[node_id] = rule.memo.get(types) or rule.evaluate(types)


def _types(
    names: tuple[str, ...], feeds: dict[str, tuple[str, str]], outcomes: dict[str, Outcome]
) -> tuple[Types, tuple[str, ...]]:
    """Return the types at a node's inputs, and the ports that are fed but do not exist."""
    types = [outcomes[feeds[name][0]].outputs.get(feeds[name][1]) if name in feeds else UNCONNECTED for name in names]
    stray = [port for port in feeds if port not in names]
    return tuple(types), tuple(sorted(stray)) if stray else ()


def _ripple(graph: Graph, catalog: Catalog, previous: Inference, touched: Iterable[str]) -> Inference:
    """Work out what was touched, and go on to consumers only where an output changed."""
    outcomes, strays = previous._outcomes.copy(), previous._strays.copy()
    nodes, consumers, rank = graph._nodes, graph._consumers, graph._ranks.by_id
    queued: set[str] = set()
    for node_id in touched:
        strays.pop(node_id, None)
        if node_id in nodes:
            queued.add(node_id)
        else:
            outcomes.pop(node_id, None)
    pending = [(rank[node_id], node_id) for node_id in queued]
    heapify(pending)
    for _ in range(LONG_RIPPLE):
        if not pending:
            break
        node_id = heappop(pending)[1]
        queued.discard(node_id)
        old = outcomes.get(node_id)
        _go_over(graph, catalog, (node_id,), outcomes, strays)
        outcome = outcomes[node_id]
        if old is None or (outcome is not old and outcome.outputs != old.outputs):
            for target in consumers[node_id]:
                if target not in queued:
                    queued.add(target)
                    heappush(pending, (rank[target], target))
    if pending:
        order = graph.order()
        first = bisect_left(order, pending[0][0], key=rank.__getitem__)
        _go_over(graph, catalog, islice(order, first, None), outcomes, strays)
    return Inference(graph, catalog, outcomes, strays)
