"""Large graphs to infer: repeated residual blocks, and one where no two nodes have the same parameters."""

from __future__ import annotations

from itertools import pairwise

from neuralforge.graph.graph import Edge, Graph, Node

BLOCK_NODES = 7
STAGE_BLOCKS = 36


def residual(nodes: int) -> Graph:
    """Return a graph of about so many nodes as real networks have them: few kinds of layers, over and over.

    Each block is conv, norm, relu, conv, norm, add, relu with a short cut; the width changes each 36 blocks.
    """
    made = [Node.make("input", "input", shape=(64, 32, 32))]
    edges: list[Edge] = []

    def add(node: Node, *sources: str) -> str:
        made.append(node)
        ports = ("input",) if len(sources) == 1 else ("input1", "input2")
        edges.extend(Edge(source, "output", node.id, port) for source, port in zip(sources, ports, strict=True))
        return node.id

    def conv(name: str, channels: int, kernel: int, source: str) -> str:
        node = Node.make(name, "conv2d", out_channels=channels, kernel_size=kernel, padding=kernel // 2, bias=False)
        return add(node, source)

    x, number = "input", 0
    while len(made) < nodes - 1 or number == 0:
        channels = 64 + 32 * (number // STAGE_BLOCKS % 3)
        if number % STAGE_BLOCKS == 0:
            x = conv(f"stage{number}", channels, 1, x)
        y = conv(f"conv{number}_a", channels, 3, x)
        y = add(Node.make(f"norm{number}_a", "batch_norm"), y)
        y = add(Node.make(f"relu{number}_a", "relu"), y)
        y = conv(f"conv{number}_b", channels, 3, y)
        y = add(Node.make(f"norm{number}_b", "batch_norm"), y)
        y = add(Node.make(f"add{number}", "add"), y, x)
        x = add(Node.make(f"relu{number}_b", "relu"), y)
        number += 1
    add(Node.make("output", "output"), x)
    return Graph.build(made, edges)


def distinct(nodes: int) -> Graph:
    """Return a chain of convolutions, each with a number of channels of its own: nothing that is known is met again."""
    made = [Node.make("input", "input", shape=(3, 32, 32))]
    made += [
        Node.make(f"conv{number}", "conv2d", out_channels=number, kernel_size=3, padding=1)
        for number in range(1, nodes - 1)
    ]
    made.append(Node.make("output", "output"))
    ids = [node.id for node in made]
    return Graph.build(made, [Edge(a, "output", b, "input") for a, b in pairwise(ids)])


def fresh(graph: Graph) -> Graph:
    """Return an equal graph of new nodes, of which nothing is known yet."""
    nodes = [Node(node.id, node.layer, node.params, node.title, node.frozen) for node in graph.nodes.values()]
    made = Graph.build(nodes, graph.edges)
    assert made == graph and not any(node.bound for node in made.nodes.values())
    return made
