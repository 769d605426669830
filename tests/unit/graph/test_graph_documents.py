"""Reading and writing documents: what is refused, with which words, and that nothing in a file can do harm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from neuralforge.errors import UserError
from neuralforge.graph.document import FORMAT, SCHEMA, Document, dumps, load, loads
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.graph.inference import infer_all
from neuralforge.layers.registry import catalog


def text_of(**parts: Any) -> str:
    return json.dumps({"format": FORMAT, "schema": SCHEMA, "nodes": [], "edges": [], **parts})


def raw(part: str) -> str:
    return f'{{"format": "{FORMAT}", "schema": {SCHEMA}, {part}}}'


def nodes(*ids: str) -> list[dict[str, str]]:
    return [{"id": node_id, "layer": "relu"} for node_id in ids]


def wire(start: str, end: str) -> dict[str, str]:
    return {"from": start, "to": end}


def small() -> Document:
    graph = Graph.build(
        [
            Node.make("data", "input", shape=(1, 8, 8)),
            Node.make("conv1", "conv2d", title="Ä first → one", kernel_size=(3, 5), frozen=True),
            Node.make("result", "output"),
        ],
        [Edge("data", "output", "conv1", "input"), Edge("conv1", "output", "result", "input")],
    )
    return Document(name="small", graph=graph, layout={"conv1": (12.5, -3.25)}, notes=("resized to 8 x 8",))


def test_round_trip_and_stable_text() -> None:
    text = dumps(small())
    assert loads(text) == small()
    assert dumps(loads(text)) == text
    assert text.endswith("}\n")


def test_one_line_a_node_and_a_wire() -> None:
    text = dumps(small())
    assert sum('"id":' in line for line in text.splitlines()) == 3
    assert sum('"from":' in line for line in text.splitlines()) == 2
    changed = small().graph.replace(small().graph.nodes["conv1"].with_params(stride=2))
    before, after = text.splitlines(), dumps(small().with_graph(changed)).splitlines()
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1


def test_the_order_of_edges_in_a_file_does_not_matter() -> None:
    data = json.loads(dumps(small()))
    data["edges"].reverse()
    assert dumps(loads(json.dumps(data))) == dumps(small())


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"nodes": nodes("one", "two", "one")}, "'one'"),
        ({"nodes": nodes("one", "two"), "edges": [wire("one.output", "gone.input")]}, "'gone'"),
        ({"nodes": nodes("one", "two"), "edges": [wire("gone.output", "one.input")]}, "'gone'"),
        ({"nodes": nodes("one"), "edges": [wire("one.output", "one.input")]}, "'one' cannot feed itself"),
        (
            {
                "nodes": nodes("one", "two", "sum1"),
                "edges": [wire(f"{n}.output", "sum1.input") for n in ("one", "two")],
            },
            "'input' of 'sum1' is fed twice, by 'one' and 'two'",
        ),
        (
            {
                "nodes": nodes("one", "two", "three"),
                "edges": [
                    wire("one.output", "two.input"),
                    wire("two.output", "three.input"),
                    wire("three.output", "one.input"),
                ],
            },
            "cycle",
        ),
        ({"nodes": nodes("class")}, "'class'"),
        ({"nodes": nodes("forward")}, "'forward'"),
        ({"nodes": nodes("No Slug")}, "No Slug"),
        ({"nodes": nodes("x" * 100_000)}, "at most 64"),
        ({"nodes": [{"id": 5, "layer": "relu"}]}, "Received: 5"),
        ({"nodes": [{"id": "one"}]}, "node 'one': \"layer\""),
        ({"nodes": [{}]}, "node 1"),
        ({"nodes": ["one"]}, "node 1"),
        ({"nodes": {"one": 1}}, '"nodes"'),
        ({"nodes": [{"id": "one", "layer": "relu", "params": [1]}]}, "\"params\" of node 'one'"),
        ({"nodes": [{"id": "one", "layer": "relu", "params": {"a": {"b": 1}}}]}, "'a'"),
        ({"nodes": [{"id": "one", "layer": "relu", "params": {"a": [[[[[[1]]]]]]}}]}, "'a'"),
        ({"nodes": [{"id": "one", "layer": "relu", "params": {"a": 10**30}}]}, "'a'"),
        ({"nodes": [{"id": "one", "layer": "relu", "params": {"a b": 1}}]}, "'a b'"),
        ({"nodes": [{"id": "one", "layer": "relu", "position": [1]}]}, "\"position\" of node 'one'"),
        ({"nodes": [{"id": "one", "layer": "relu", "position": [10**400, 0]}]}, "\"position\" of node 'one'"),
        ({"nodes": [{"id": "one", "layer": "relu", "position": [True, 0]}]}, "\"position\" of node 'one'"),
        ({"nodes": [{"id": "one", "layer": "relu", "title": "t" * 501}]}, '"title"'),
        ({"nodes": [{"id": "one", "layer": "relu", "title": "\ud800"}]}, '"title"'),
        ({"nodes": nodes("one", "two"), "edges": [wire("one.a b", "two.input")]}, "'one'"),
        ({"edges": [{"from": "one"}]}, "wire"),
        ({"edges": [wire("one.a.b", "two.input")]}, "one.a.b"),
        ({"edges": [3]}, "3"),
        ({"name": 7}, '"name"'),
        ({"name": "\udfff"}, '"name"'),
        ({"notes": [7]}, '"notes"'),
    ],
)
def test_bad_documents_are_refused_with_the_place(parts: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as refused:
        loads(text_of(**parts), "net.nf.json")
    message = str(refused.value)
    assert message.startswith("net.nf.json")
    assert words in message
    assert len(message) < 500 and "\n" not in message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        raw('"nodes": [{"id": "one", "layer": "relu", "params": {"p": NaN}}]'),
        raw('"nodes": [{"id": "one", "layer": "relu", "params": {"p": -Infinity}}]'),
        raw('"nodes": [{"id": "one", "layer": "relu", "params": {"p": 1e999}}]'),
        raw('"nodes": [{"id": "one", "layer": "relu", "position": [1e999, 0]}]'),
        raw(f'"nodes": [{{"id": {"[" * 900}{"]" * 900}, "layer": "relu"}}]'),
        raw(f'"nodes": [{{"id": "one", "layer": "relu", "params": {{"p": {"[" * 900}{"]" * 900}}}}}]'),
        raw(f'"nodes": [{{"id": "one", "layer": "relu", "params": {{"p": {"9" * 5000}}}}}]'),
        raw('"ignored": NaN'),
        "null",
        "[]",
        '"text"',
        '{"format": "something else", "schema": 1}',
        '{"schema": 1}',
    ],
)
def test_what_is_no_document_gets_one_short_sentence(text: str) -> None:
    with pytest.raises(UserError, match=r"^net\.nf\.json") as refused:
        loads(text, "net.nf.json")
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("schema", [SCHEMA + 1, 10**300])
def test_a_future_schema_is_refused(schema: int) -> None:
    with pytest.raises(UserError, match="newer NeuralForge") as refused:
        loads(text_of(schema=schema), "net.nf.json")
    assert "Update" in str(refused.value) and len(str(refused.value)) < 300


@pytest.mark.parametrize("schema", [0, -1, True, "1", None, 1.0])
def test_a_schema_that_is_none_is_refused(schema: object) -> None:
    with pytest.raises(UserError, match="schema version"):
        loads(text_of(schema=schema))


def test_unknown_layers_and_parameters_are_kept() -> None:
    params = {"self": 1, "width": [1, [2, "a"]], "on": True, "none": None, "one": 1.0}
    text = text_of(nodes=[{"id": "one", "layer": "from_a_plugin", "params": params}])
    document = loads(text)
    again = loads(dumps(document))
    assert again == document
    assert repr(again.graph.nodes["one"].params) == repr(document.graph.nodes["one"].params)  # 1.0 stays no 1
    assert "from_a_plugin" in str(infer_all(document.graph, catalog()).issues[0])


def test_positions_of_removed_nodes_go_and_moving_keeps_the_graph() -> None:
    document = small()
    assert "conv1" not in document.with_graph(document.graph.remove("conv1")).layout
    assert document.with_graph(document.graph).layout is document.layout


def test_load_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "net.nf.json"
    with pytest.raises(UserError, match=r"net\.nf\.json cannot be read"):
        load(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"net\.nf\.json is not UTF-8"):
        load(path)
    with pytest.raises(UserError, match="cannot be read"):
        load(tmp_path)
    path.write_text(dumps(small()), encoding="utf-8")
    assert load(path) == small()


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.nf.json"
    with path.open("wb") as file:
        file.truncate(65 * 1024 * 1024)  # a hole, not written
    with pytest.raises(UserError, match="larger than 64 MiB"):
        load(path)
