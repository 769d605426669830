"""Add a layer: one definition. Form, checks, code and documentation derive from it.

In a package, an entry point of the group `neuralforge.layers` that names a tuple of such specs does the same for
everybody who installs it.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

from neuralforge.codegen.module import generate
from neuralforge.graph.document import Document
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.graph.inference import infer_all
from neuralforge.graph.params import Doc, Range
from neuralforge.layers.common import image, literal, same, stores_output
from neuralforge.layers.registry import LayerCatalog, catalog
from neuralforge.layers.spec import LayerSpec, Sample, Source


@dataclass(frozen=True, kw_only=True)
class ScaledTanhParams:
    """Parameters of `scaled_tanh`."""

    scale: Annotated[float, Range(0, 10), Doc("Height of the curve; 1.7159 in LeCun's papers.")] = 1.7159


SCALED_TANH = LayerSpec(
    key="scaled_tanh",
    title="Scaled tanh",
    category="activation",
    doc="Tanh, stretched (LeCun, Efficient BackProp, 1998).",
    params=ScaledTanhParams,
    infer=same,
    emit=lambda params, inputs, outputs: Source.expression(f"{literal(params.scale)} * torch.tanh({{input}})"),
    cost=stores_output,
    samples=(Sample((image(8),)),),
)

layers = LayerCatalog([*catalog(), SCALED_TANH])
nodes = [
    Node.make("point", "input", shape=(2,)),
    Node.make("hidden", "linear", out_features=8),
    Node.make("bend", "scaled_tanh", scale=1.5),
    Node.make("head", "linear", out_features=2),
    Node.make("scores", "output"),
]
wires = [Edge(a.id, "output", b.id, "input") for a, b in pairwise(nodes)]
document = Document(name="stretched", graph=Graph.build(nodes, wires))
assert not infer_all(document.graph, layers).issues
print(generate(document, layers).source)
