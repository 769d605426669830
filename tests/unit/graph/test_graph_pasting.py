"""Copying, pasting, and edits of several nodes at once."""

from __future__ import annotations

import json

import pytest

from neuralforge.errors import UserError
from neuralforge.graph.clipboard import MAX_TEXT, copy_text, parse_clipboard
from neuralforge.graph.document import Document, dumps
from neuralforge.graph.edits import (
    AddNode,
    Connect,
    Edit,
    Many,
    Move,
    Paste,
    RemoveNodes,
    SetName,
    SetTitle,
    Splice,
    as_json,
    splice_in,
)
from neuralforge.graph.graph import Edge, Graph, Node


def wire(source: str, target: str, port: str = "input") -> Edge:
    return Edge(source, "output", target, port)


@pytest.fixture
def document() -> Document:
    graph = Graph.build(
        [
            Node.make("data", "input", shape=(8,)),
            Node.make("conv1", "linear", title="First", frozen=True, out_features=8),
            Node("relu", "relu"),
            Node("sum1", "add"),
            Node("result", "output"),
        ],
        [
            wire("data", "conv1"),
            wire("conv1", "relu"),
            wire("relu", "sum1", "input1"),
            wire("data", "sum1", "input2"),
            wire("sum1", "result"),
        ],
    )
    places = {"data": (0.0, 0.0), "conv1": (300.0, 10.0), "relu": (600.0, -20.0), "sum1": (900.0, 0.0)}
    return Document(name="net", graph=graph, layout={**places, "result": (1200.0, 0.0)})


def added(before: Document, after: Document) -> list[str]:
    return [node_id for node_id in after.graph.nodes if node_id not in before.graph.nodes]


def test_what_is_copied_can_be_read_back(document: Document) -> None:
    nodes, edges, layout = parse_clipboard(copy_text(document, {"relu", "conv1", "result"}))
    assert nodes == [document.graph.nodes[key] for key in ("conv1", "relu", "result")]
    assert edges == [wire("conv1", "relu")]
    assert layout == {"conv1": (300.0, 10.0), "relu": (600.0, -20.0), "result": (1200.0, 0.0)}


def test_the_text_names_its_format_and_whole_documents_are_taken(document: Document) -> None:
    data = json.loads(copy_text(document, ["relu"]))
    assert data["format"] == "neuralforge-document" and data["schema"] == 1
    assert len(parse_clipboard("\n " + dumps(document))[0]) == 5


def test_nothing_or_something_unknown_is_not_copied(document: Document) -> None:
    with pytest.raises(UserError, match="nothing to copy"):
        copy_text(document, [])
    with pytest.raises(UserError, match="'gone'"):
        copy_text(document, ["relu", "gone"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no nodes"),
        ("Buy milk", "holds no nodes"),
        ("[1, 2]", "holds no nodes"),
        ("{" + " " * MAX_TEXT, "holds no nodes"),
        ("{", "not valid JSON"),
        ('{"a":' * 100_000, "not valid JSON"),
        ('{"format": "other"}', "no NeuralForge document|not a NeuralForge document"),
        ('{"format": "neuralforge-document", "schema": 99}', "newer NeuralForge"),
        ('{"format": "neuralforge-document", "schema": 1}', "without nodes"),
        ('{"format": "neuralforge-document", "schema": 1, "nodes": [{"id": "self", "layer": "relu"}]}', "'self'"),
        ('{"format": "neuralforge-document", "schema": 1, "nodes": [7]}', "node 1"),
    ],
)
def test_a_clipboard_without_nodes_is_refused(text: str, words: str, document: Document) -> None:
    with pytest.raises(UserError, match=words) as refused:
        parse_clipboard(text)
    assert str(refused.value).startswith("The clipboard") and len(str(refused.value)) < 500
    with pytest.raises(UserError, match=words):
        Paste(text).apply(document)


def test_pasting_makes_new_ids_and_keeps_what_is_inside(document: Document) -> None:
    text = copy_text(document, ["conv1", "relu"])
    once = Paste(text).apply(document)
    assert added(document, once) == ["conv1_2", "relu2"]
    copy = once.graph.nodes["conv1_2"]
    assert (copy.title, copy.frozen, copy.params) == ("First", True, (("out_features", 8),))
    assert once.graph.feeds("relu2") == {"input": ("conv1_2", "output")}
    assert once.graph.feeds("conv1_2") == {}  # what fed the original stays outside
    assert once.layout["conv1_2"] == (340.0, 50.0) and once.layout["relu2"] == (640.0, 20.0)
    assert document.graph.edges == tuple(edge for edge in once.graph.edges if edge.target in document.graph.nodes)


def test_copies_of_copies_count_on(document: Document) -> None:
    once = Paste(copy_text(document, ["conv1"])).apply(document)
    twice = Paste(copy_text(once, ["conv1_2"])).apply(once)
    assert added(once, twice) == ["conv1_3"]


def test_copies_do_not_take_each_other_s_names(document: Document) -> None:
    other = Document(graph=Graph.build([Node("relu", "relu"), Node("relu2", "relu")]))
    assert added(document, Paste(dumps(other)).apply(document)) == ["relu2", "relu2_2"]


def test_pasting_too_far_away_is_refused(document: Document) -> None:
    with pytest.raises(UserError, match="must lie within"):
        Paste(copy_text(document, ["relu"]), (1e12, 0.0)).apply(document)


def test_a_name_that_is_free_is_kept(document: Document) -> None:
    empty = Document()
    pasted = Paste(copy_text(document, ["conv1", "relu"]), (0.0, 0.0)).apply(empty)
    assert list(pasted.graph.nodes) == ["conv1", "relu"]


def test_pasting_at_a_place_puts_the_corner_there(document: Document) -> None:
    pasted = Paste(copy_text(document, ["conv1", "relu"]), (1000.0, 500.0)).apply(document)
    assert pasted.layout["conv1_2"] == (1000.0, 530.0) and pasted.layout["relu2"] == (1300.0, 500.0)


def test_removing_several_nodes(document: Document) -> None:
    changed = RemoveNodes(("conv1", "relu", "conv1")).apply(document)
    assert list(changed.graph.nodes) == ["data", "sum1", "result"]
    assert set(changed.graph.feeds("sum1")) == {"input2"} and "relu" not in changed.layout
    with pytest.raises(UserError, match="'gone'"):
        RemoveNodes(("conv1", "gone")).apply(document)


@pytest.mark.parametrize("nodes", [("conv1", "relu"), ("relu", "conv1")])
def test_removing_several_nodes_heals_in_any_order(nodes: tuple[str, ...], document: Document) -> None:
    changed = RemoveNodes(nodes, heal=True).apply(document)
    assert changed.graph.feeds("sum1") == {"input1": ("data", "output"), "input2": ("data", "output")}


def test_many_edits_are_one_or_none(document: Document) -> None:
    pulled = Many("Add dropout", (AddNode(Node("drop", "dropout"), (1.0, 2.0)), Connect(wire("relu", "drop"))))
    assert pulled.apply(document).graph.feeds("drop") == {"input": ("relu", "output")}
    assert pulled.merge_key is None and Many("m", (), "key").merge_key == "key"
    with pytest.raises(UserError, match="cycle"):
        Many("Bad", (SetName("other"), Connect(wire("sum1", "conv1")))).apply(document)


def test_a_node_that_is_there_is_put_on_a_wire(document: Document) -> None:
    document = AddNode(Node("drop", "dropout"), (700.0, 300.0)).apply(document)
    changed = splice_in(wire("relu", "sum1", "input1"), "drop").apply(document)
    assert changed.graph.feeds("drop") == {"input": ("relu", "output")}
    assert changed.graph.feeds("sum1")["input1"] == ("drop", "output")
    assert changed.layout == document.layout


def test_splicing_at_a_place_moves_nothing_else(document: Document) -> None:
    changed = Splice("relu", "input", "dropout", position=(450.0, 60.0)).apply(document)
    assert changed.layout == {**document.layout, "dropout": (450.0, 60.0)}


def test_splicing_makes_room_only_where_it_is_needed(document: Document) -> None:
    wide = Move({"relu": (900.0, 10.0), "sum1": (1300.0, 0.0), "result": (1600.0, 0.0)}).apply(document)
    changed = Splice("relu", "input", "dropout").apply(wide)
    assert changed.layout == {**wide.layout, "dropout": (600.0, 10.0)}
    back = Move({"relu": (0.0, 10.0)}).apply(document)
    assert Splice("relu", "input", "dropout").apply(back).layout == {**back.layout, "dropout": (150.0, 10.0)}


@pytest.mark.parametrize(
    "edit",
    [
        SetName(""),
        SetName("  "),
        SetName("n" * 201),
        SetName("a\x1b[2J"),
        SetTitle("relu", "t" * 501),
        SetTitle("relu", "\ud800"),
        AddNode(Node("extra", "relu", title="\x00")),
        AddNode(Node("extra", "relu", params=(("p", float("nan")),))),
        AddNode(Node("extra", "relu"), (float("nan"), 0.0)),
        Move({"relu": (float("inf"), 0.0)}),
        Splice("relu", "input", "dropout", (("p", float("inf")),)),
        Splice("relu", "input", "dropout", position=(0.0, 1e12)),
    ],
)
def test_what_could_not_be_read_again_is_refused(edit: Edit, document: Document) -> None:
    with pytest.raises(UserError):
        edit.apply(document)


def test_new_edits_describe_themselves(document: Document) -> None:
    edits = (
        RemoveNodes(("conv1", "relu")),
        SetName("other"),
        Paste(copy_text(document, ["relu"])),
        Many("Add drop", (AddNode(Node("drop", "dropout"), (1.0, 2.0)), Connect(wire("relu", "drop")))),
    )
    for edit in edits:
        described = json.loads(json.dumps(as_json(edit)))
        assert described["edit"] == type(edit).__name__ and described["label"] == edit.label
    assert edits[0].label == "Remove 2 nodes" and RemoveNodes(("relu",)).label == "Remove relu"
