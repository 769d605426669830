"""Make a network in code, let inference find what is wrong, apply its fix, and print the PyTorch it becomes."""

from itertools import pairwise

from neuralforge.codegen.module import generate
from neuralforge.graph.document import Document
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.graph.inference import infer_all
from neuralforge.layers.registry import catalog

nodes = [
    Node.make("image", "input", shape=(1, 8, 8)),
    Node.make("conv", "conv2d", out_channels=16, kernel_size=3),
    Node.make("act", "relu"),
    Node.make("deep", "conv2d", out_channels=16, kernel_size=9),  # larger than what is left of the image
    Node.make("flat", "flatten"),
    Node.make("head", "linear", out_features=10),
    Node.make("scores", "output"),
]
wires = [Edge(a.id, "output", b.id, "input") for a, b in pairwise(nodes)]
document = Document(name="by hand", graph=Graph.build(nodes, wires))

(issue,) = infer_all(document.graph, catalog()).issues
print(issue)
fix = issue.fixes[0]
print("fix:", fix.label)
document = fix.apply(document)

inference = infer_all(document.graph, catalog())
assert not inference.issues
print(f"{inference.totals().parameters:,} parameters\n")
print(generate(document, catalog(), inference).source)
