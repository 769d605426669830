"""Edits of a document: what each does, what it refuses, and how it describes itself."""

from __future__ import annotations

import json

import pytest

from neuralforge.errors import UserError
from neuralforge.graph.document import Document
from neuralforge.graph.edits import (
    AddNode,
    Connect,
    Disconnect,
    Edit,
    Move,
    RemoveNode,
    SetFrozen,
    SetParams,
    SetTitle,
    Splice,
    as_json,
)
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.graph.inference import infer_all
from neuralforge.layers.registry import catalog


def wire(source: str, target: str, port: str = "input") -> Edge:
    return Edge(source, "output", target, port)


@pytest.fixture
def document() -> Document:
    graph = Graph.build(
        [
            Node.make("data", "input", shape=(8,)),
            Node.make("hidden", "linear", out_features=8),
            Node("relu1", "relu"),
            Node("sum1", "add"),
            Node("result", "output"),
        ],
        [
            wire("data", "hidden"),
            wire("hidden", "relu1"),
            wire("relu1", "sum1", "input1"),
            wire("data", "sum1", "input2"),
            wire("sum1", "result"),
        ],
    )
    return Document(graph=graph, layout={"hidden": (0.0, 0.0), "relu1": (100.0, 50.0)})


def test_the_document_is_in_order(document: Document) -> None:
    assert infer_all(document.graph, catalog()).issues == ()


def test_add_node(document: Document) -> None:
    changed = AddNode(Node("extra", "relu"), (3.0, 4.0)).apply(document)
    assert list(changed.graph.nodes)[-1] == "extra"
    assert changed.layout["extra"] == (3.0, 4.0) and "extra" not in document.layout
    assert "extra" not in AddNode(Node("extra", "relu")).apply(document).layout
    with pytest.raises(UserError, match="'hidden'"):
        AddNode(Node("hidden", "relu")).apply(document)


def test_remove_node(document: Document) -> None:
    changed = RemoveNode("relu1").apply(document)
    assert "relu1" not in changed.graph.nodes and "relu1" not in changed.layout
    assert "input1" not in changed.graph.feeds("sum1")
    assert "relu1" in document.layout


def test_remove_node_and_heal(document: Document) -> None:
    changed = RemoveNode("relu1", heal=True).apply(document)
    assert changed.graph.feeds("sum1")["input1"] == ("hidden", "output")
    assert infer_all(changed.graph, catalog()).issues == ()


def test_heal_gives_every_consumer_what_fed_the_first_input(document: Document) -> None:
    document = Connect(wire("sum1", "extra")).apply(AddNode(Node("extra", "relu")).apply(document))
    changed = RemoveNode("sum1", heal=True).apply(document)
    assert changed.graph.feeds("result")["input"] == ("relu1", "output")
    assert changed.graph.feeds("extra")["input"] == ("relu1", "output")


def test_heal_without_a_source_is_a_plain_removal(document: Document) -> None:
    changed = RemoveNode("data", heal=True).apply(document)
    assert dict(changed.graph.feeds("hidden")) == {}
    assert set(changed.graph.feeds("sum1")) == {"input1"}


def test_connect_replaces_the_wire_that_was_there(document: Document) -> None:
    changed = Connect(wire("hidden", "sum1", "input2")).apply(document)
    assert changed.graph.feeds("sum1")["input2"] == ("hidden", "output")
    assert "hidden" in changed.graph.feeds("relu1")["input"]
    with pytest.raises(UserError, match="cycle"):
        Connect(wire("sum1", "hidden")).apply(document)
    assert document.graph.feeds("hidden")["input"] == ("data", "output")


def test_disconnect(document: Document) -> None:
    changed = Disconnect("sum1", "input2").apply(document)
    assert set(changed.graph.feeds("sum1")) == {"input1"}
    with pytest.raises(UserError, match="'input2' of 'sum1'"):
        Disconnect("sum1", "input2").apply(changed)


def test_splice(document: Document) -> None:
    changed = Splice("relu1", "input", "dropout", (("p", 0.25),)).apply(document)
    assert changed.graph.feeds("relu1")["input"] == ("dropout", "output")
    assert changed.graph.feeds("dropout")["input"] == ("hidden", "output")
    assert changed.layout["dropout"] == (280.0, 25.0)  # half way, after all from relu1 on has made room
    assert changed.layout["relu1"] == (560.0, 50.0) and changed.layout["hidden"] == (0.0, 0.0)
    again = Splice("relu1", "input", "dropout").apply(changed)
    assert again.graph.feeds("relu1")["input"] == ("dropout2", "output")
    assert infer_all(again.graph, catalog()).issues == ()


def test_splice_needs_a_wire(document: Document) -> None:
    with pytest.raises(UserError, match="'input' of 'data'"):
        Splice("data", "input", "relu").apply(document)
    with pytest.raises(UserError, match="'gone'"):
        Splice("gone", "input", "relu").apply(document)


def test_parameters_title_and_frozen(document: Document) -> None:
    changed = SetParams.of("hidden", out_features=16, bias=False).apply(document)
    assert changed.graph.nodes["hidden"].params == (("bias", False), ("out_features", 16))
    assert SetTitle("hidden", "First layer").apply(document).graph.nodes["hidden"].title == "First layer"
    assert SetFrozen("hidden", True).apply(document).graph.nodes["hidden"].frozen
    assert SetParams("hidden", (("self", 1),)).apply(document).graph.nodes["hidden"].param("self") == 1
    for edit in (SetParams.of("gone", a=1), SetTitle("gone", "t"), SetFrozen("gone", True), Move({"gone": (0, 0)})):
        with pytest.raises(UserError, match="'gone'"):
            edit.apply(document)


def test_an_edit_of_a_parameter_keeps_the_wires(document: Document) -> None:
    changed = SetParams.of("hidden", out_features=16).apply(document)
    assert changed.graph.edges == document.graph.edges
    assert [issue.node for issue in infer_all(changed.graph, catalog()).issues] == ["sum1"]


def test_moving_keeps_the_graph(document: Document) -> None:
    changed = Move({"hidden": (7.0, 8.0)}).apply(document)
    assert changed.graph is document.graph
    assert changed.layout["hidden"] == (7.0, 8.0) and document.layout["hidden"] == (0.0, 0.0)


EDITS: tuple[Edit, ...] = (
    AddNode(Node.make("extra", "conv2d", kernel_size=(3, 3))),
    RemoveNode("relu1"),
    SetParams.of("hidden", out_features=16),
    SetTitle("hidden", "t"),
    SetFrozen("hidden", True),
    Connect(wire("data", "relu1")),
    Disconnect("relu1", "input"),
    Splice("relu1", "input", "dropout", (("p", 0.25),)),
    Move({"hidden": (1.0, 2.0)}),
)


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: type(edit).__name__)
def test_every_edit_describes_itself_and_spares_the_old_document(edit: Edit, document: Document) -> None:
    kept = (document.graph, document.graph.edges, dict(document.graph.nodes), dict(document.layout))
    assert edit.apply(document) != document
    assert kept == (document.graph, document.graph.edges, dict(document.graph.nodes), dict(document.layout))
    assert edit.label and "\n" not in edit.label
    described = json.loads(json.dumps(as_json(edit)))
    assert described["edit"] == type(edit).__name__ and described["label"] == edit.label


def test_what_merges_into_one_undo() -> None:
    slider = [SetParams.of("hidden", out_features=width) for width in (16, 17)]
    assert slider[0].merge_key == slider[1].merge_key is not None
    assert SetParams.of("other", out_features=16).merge_key != slider[0].merge_key
    assert SetParams.of("hidden", bias=True).merge_key != slider[0].merge_key
    assert Move({"a1": (0, 0), "b1": (0, 0)}).merge_key == Move({"b1": (1, 1), "a1": (1, 1)}).merge_key
    assert RemoveNode("hidden").merge_key is None and Disconnect("a1", "input").merge_key is None
