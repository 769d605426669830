"""Writes a graph straight down, one line a layer, and lays it out.

    b = Builder("tiny")
    x = b.input((1, 28, 28))
    x = b.add("conv1", "conv2d", x, out_channels=32, kernel_size=3)
    x = b.add("fc", "linear", b.add("flatten", "flatten", x), out_features=10)
    b.output(x)
    document = b.document()

Shapes are worked out on the way: `x.shape` is known at every line, and a layer that does not fit is refused there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from neuralforge.errors import UserError
from neuralforge.graph.document import Document
from neuralforge.graph.graph import Edge, Graph, Node, as_params
from neuralforge.graph.layout import lay_out
from neuralforge.graph.shapes import UNCONNECTED, TensorType, Value
from neuralforge.layers.registry import LayerCatalog, catalog


class Wire(NamedTuple):
    """An output of a node, with what flows out of it.

    Args:
        node: Id of the node.
        port: Name of its output.
        outputs: Type of each output of the node.
    """

    node: str
    port: str
    outputs: Mapping[str, TensorType]

    @property
    def type(self) -> TensorType:
        """Shape with the symbolic batch, and dtype."""
        return self.outputs[self.port]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample, without the batch."""
        return tuple(size for size in self.type.shape if isinstance(size, int))

    def out(self, port: str) -> Wire:
        """Return another output of the same node, for example `last` of an LSTM."""
        assert port in self.outputs, f"{self.node} has no output {port!r}, only {', '.join(self.outputs)}"
        return self._replace(port=port)


class Builder:
    """Collects nodes and wires of one document.

    Args:
        name: Name of the document.
        layers: The layers that nodes may name; the whole catalog by default.

    Attributes:
        notes: Sentences about decisions, in the order in which they were taken.
    """

    def __init__(self, name: str, layers: LayerCatalog | None = None) -> None:
        self.name = name
        self.notes: list[str] = []
        self._layers = layers or catalog()
        self._nodes: list[Node] = []
        self._edges: list[Edge] = []

    def input(
        self, shape: tuple[int, ...], dtype: Literal["float32", "int64"] = "float32", node_id: str = "input"
    ) -> Wire:
        """Add an input.

        Args:
            shape: Shape of one sample, without the batch.
            dtype: Type of a sample; int64 for tokens.
            node_id: Id of the node.

        Returns:
            The samples.
        """
        given = as_params({"shape": shape, "dtype": dtype})
        return self._node(Node(node_id, self._layers.input_key, given), ())

    def add(self, node_id: str, layer: str, *sources: Wire, **params: Value) -> Wire:
        """Add a layer.

        Args:
            node_id: Id of the node, the attribute of the generated module.
            layer: Key of the layer.
            sources: What feeds its inputs, in the order of the ports.
            params: Parameters that differ from the layer's defaults; `inputs` of a layer with a changing number
                of inputs is filled in.

        Returns:
            Its first output.

        Raises:
            UserError: When the layer does not fit what feeds it, or a parameter does not fit the layer.
        """
        spec = self._layers[layer]
        if any(field.name == "inputs" for field in spec.fields):
            params = {"inputs": len(sources), **params}
        return self._node(Node(node_id, layer, as_params(params)), sources)

    def output(self, source: Wire, node_id: str = "output") -> None:
        """Add an output.

        Args:
            source: What the network returns.
            node_id: Id of the node.
        """
        self._node(Node(node_id, self._layers.output_key), (source,))

    def note(self, sentence: str) -> None:
        """Record a decision in the document.

        Args:
            sentence: What was decided and why.
        """
        self.notes.append(sentence)

    def document(self, notes: Iterable[str] = ()) -> Document:
        """Return what was built, laid out.

        Args:
            notes: Further sentences about decisions.

        Returns:
            The document; its graph has no issues when every node leads to an output.
        """
        graph = Graph.build(self._nodes, self._edges)
        return Document(name=self.name, graph=graph, layout=lay_out(graph), notes=(*self.notes, *notes))

    def _node(self, node: Node, sources: tuple[Wire, ...]) -> Wire:
        rule = self._layers.bind(node)
        types = [source.type for source in sources]
        if rule.problem is None:
            needed = sum(not port.optional for port in rule.ports)
            assert needed <= len(types) <= len(rule.ports), f"{node.id}: {len(types)} wires for {rule.input_names}"
        outcome = rule.evaluate((*types, *[UNCONNECTED] * (len(rule.ports) - len(types))))
        problem = outcome.problem
        if problem is not None:
            place = f"{node.id}.{problem.port}" if problem.port else node.id
            raise UserError(f"{self.name}: {place} expected {problem.expected}, received {problem.received}.")
        for port, source in zip(rule.input_names, sources, strict=False):
            self._edges.append(Edge(source.node, source.port, node.id, port))
        self._nodes.append(node)
        outputs = {port: kind for port, kind in outcome.outputs.items() if kind is not None}
        return Wire(node.id, next(iter(outputs), ""), outputs)
