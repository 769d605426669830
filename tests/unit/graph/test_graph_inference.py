"""Inference over whole graphs: issues name their place and carry fixes, the rest stays known, totals add up."""

from __future__ import annotations

import pytest

from neuralforge.graph.document import Document
from neuralforge.graph.edits import AddNode, Connect, Disconnect, RemoveNode, SetParams, Splice
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.graph.inference import Inference, infer_all
from neuralforge.layers.registry import LayerCatalog, catalog


def wire(source: str, target: str, port: str = "input", source_port: str = "output") -> Edge:
    return Edge(source, source_port, target, port)


def infer(*nodes: Node, wires: tuple[Edge, ...] = ()) -> Inference:
    return infer_all(Graph.build(nodes, wires), catalog())


def network(**conv: object) -> Graph:
    return Graph.build(
        [
            Node.make("data", "input", shape=(3, 8, 8)),
            Node.make("conv1", "conv2d", out_channels=4, **conv),  # type: ignore[arg-type]
            Node("norm1", "batch_norm"),
            Node("flat1", "flatten"),
            Node.make("head", "linear", out_features=10),
            Node("result", "output"),
        ],
        [
            wire("data", "conv1"),
            wire("conv1", "norm1"),
            wire("norm1", "flat1"),
            wire("flat1", "head"),
            wire("head", "result"),
        ],
    )


def test_totals() -> None:
    totals = infer_all(network(), catalog()).totals(batch_size=2)
    conv, norm, head = 4 * 3 * 9 + 4, 8, 144 * 10 + 10
    assert totals.parameters == totals.trainable == conv + norm + head
    assert totals.buffers == 9
    assert totals.macs == 36 * 4 * 27 + 1440
    assert totals.activation_bytes == 2 * 4 * (144 + 144 + 10)
    assert totals.training_bytes == totals.activation_bytes + 4 * (4 * totals.parameters + 9)
    assert totals.batch_size == 2


def test_frozen_nodes_are_not_trainable() -> None:
    graph = network()
    frozen = graph.replace(Node.make("head", "linear", frozen=True, out_features=10))
    first, second = infer_all(graph, catalog()).totals(1), infer_all(frozen, catalog()).totals(1)
    assert second.trainable == first.trainable - 1450
    assert second.parameters == first.parameters
    assert second.training_bytes == first.training_bytes - 4 * 3 * 1450
    assert infer_all(frozen, catalog(), infer_all(graph, catalog())).totals(1) == second


def test_types_and_costs_by_node() -> None:
    found = infer_all(network(), catalog())
    assert found.issues == ()
    assert str(found.outputs("conv1")["output"]) == "[B, 4, 6, 6]"
    assert str(found.inputs("head")["input"]) == "[B, 144]"
    assert found.cost("head").parameters == 1450
    assert found.outputs("result") == {}


def test_one_problem_leaves_the_rest_known() -> None:
    found = infer_all(network(kernel_size=20), catalog())
    assert [issue.node for issue in found.issues] == ["conv1"]
    assert str(found.outputs("data")["output"]) == "[B, 3, 8, 8]"
    assert found.outputs("head") == {"output": None}
    issue = found.issues[0]
    assert issue.port == "input" and "20" in issue.expected and issue.received == "[B, 3, 8, 8]"
    assert issue.fixes[:2] == (SetParams.of("conv1", padding=(6, 6)), SetParams.of("conv1", kernel_size=(8, 8)))
    for edit in issue.fixes[:2]:
        assert infer_all(edit.apply(Document(graph=network(kernel_size=20))).graph, catalog()).issues == ()


def test_a_missing_wire_offers_what_is_unused() -> None:
    found = infer(Node.make("data", "input", shape=(5,)), Node("relu1", "relu"), Node("result", "output"), wires=())
    by_node = {issue.node: issue for issue in found.issues if issue.expected == "a wire"}
    assert set(by_node) == {"relu1", "result"}
    assert by_node["relu1"].fixes[0] == Connect(wire("data", "relu1"))
    assert RemoveNode("relu1") in by_node["relu1"].fixes


def test_wires_into_and_out_of_ports_that_do_not_exist() -> None:
    found = infer(
        Node.make("data", "input", shape=(5,)),
        Node("relu1", "relu"),
        Node("result", "output"),
        wires=(wire("data", "relu1"), wire("data", "relu1", "extra"), wire("relu1", "result", source_port="last")),
    )
    stray = next(issue for issue in found.issues if issue.port == "extra")
    assert stray.node == "relu1" and stray.fixes == (Disconnect("relu1", "extra"),)
    wrong = next(issue for issue in found.issues if issue.received == "relu1.last")
    assert wrong.node == "result" and wrong.fixes == (Disconnect("result", "input"),)


def test_a_port_that_goes_with_a_parameter_leaves_a_stray_wire() -> None:
    nodes = [Node.make("data", "input", shape=(5,)), Node.make("sum1", "add", inputs=3), Node("result", "output")]
    wires = [wire("data", "sum1", f"input{number}") for number in (1, 2, 3)]
    graph = Graph.build(nodes, [*wires, wire("sum1", "result")])
    before = infer_all(graph, catalog())
    assert before.issues == ()
    fewer = graph.replace(graph.nodes["sum1"].with_params(inputs=2))
    found = infer_all(fewer, catalog(), before)
    assert [issue.port for issue in found.issues] == ["input3"]
    back = infer_all(fewer.replace(graph.nodes["sum1"]), catalog(), found)
    assert back.issues == ()


def test_an_empty_graph_wants_both_ends() -> None:
    found = infer_all(Graph(), catalog())
    assert [issue.fixes[0] for issue in found.issues] == [
        AddNode(Node("input", "input")),
        AddNode(Node("output", "output")),
    ]
    assert found.totals().parameters == 0


def test_what_is_used_nowhere_is_an_issue() -> None:
    found = infer(
        Node.make("data", "input", shape=(5,)),
        Node("relu1", "relu"),
        Node("result", "output"),
        wires=(wire("data", "relu1"), wire("data", "result")),
    )
    assert [issue.node for issue in found.issues] == ["relu1"]
    assert found.issues[0].fixes == (RemoveNode("relu1"),)


def test_tokens_into_a_float_layer_offer_an_embedding() -> None:
    graph = Graph.build(
        [
            Node.make("data", "input", shape=(12,), dtype="int64"),
            Node("lstm1", "lstm"),
            Node("result", "output"),
        ],
        [wire("data", "lstm1"), wire("lstm1", "result", source_port="last")],
    )
    (issue,) = infer_all(graph, catalog()).issues
    assert issue.fixes[0] == Splice("lstm1", "input", "embedding")
    mended = issue.fixes[0].apply(Document(graph=graph)).graph
    found = infer_all(mended, catalog())
    assert found.issues == ()
    assert str(found.outputs("lstm1")["last"]) == "[B, 128]"


def test_the_same_graph_is_not_worked_out_again() -> None:
    found = infer_all(network(), catalog())
    assert infer_all(found.graph, catalog(), found) is found


def test_another_catalog_starts_from_scratch() -> None:
    graph = network()
    found = infer_all(graph, catalog())
    fewer = LayerCatalog(spec for spec in catalog() if spec.key != "batch_norm")
    other = infer_all(graph, fewer, found)
    assert [issue.node for issue in other.issues] == ["norm1"]
    assert infer_all(graph, catalog(), other).issues == ()


@pytest.mark.parametrize("kind", ["int", "float", "bool"])
def test_equal_numbers_of_other_types_are_other_parameters(kind: str) -> None:
    value = {"int": 1, "float": 1.0, "bool": True}[kind]
    found = infer(Node.make("data", "input", shape=(5,)), Node.make("head", "linear", out_features=value))
    assert any(issue.port == "out_features" for issue in found.issues) == (kind != "int")


def test_an_unknown_type_upstream_is_said_once() -> None:
    nodes = [Node("odd1", "from_a_plugin"), Node("relu1", "relu"), Node("result", "output")]
    found = infer(*nodes, Node("data", "input"), wires=(wire("odd1", "relu1"), wire("relu1", "result")))
    assert [issue.node for issue in found.issues if "plugin" in str(issue)] == ["odd1"]
    assert not [issue for issue in found.issues if issue.node in ("relu1", "result")]


@pytest.mark.parametrize("node", [Node.make("mid1", "linear", out_features=0), Node("mid1", "from_a_plugin")])
def test_wires_into_a_node_whose_ports_are_not_known_stay_unjudged(node: Node) -> None:
    nodes = [Node.make("data", "input", shape=(5,)), node, Node("result", "output")]
    found = infer(*nodes, wires=(wire("data", "mid1"), wire("mid1", "result")))
    assert len(found.issues) == 1
    assert not any(isinstance(edit, Disconnect) for edit in found.issues[0].fixes)
