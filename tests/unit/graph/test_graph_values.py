"""Graphs as values: what an edit refuses, that old graphs stay as they were, and what changed since."""

from __future__ import annotations

from itertools import pairwise

import pytest

from neuralforge.errors import UserError
from neuralforge.graph.graph import Edge, Graph, GraphError, Node
from neuralforge.graph.names import MAX_LENGTH, check_slug, slugify


def chain(*ids: str) -> Graph:
    nodes = [Node(node_id, "relu") for node_id in ids]
    return Graph.build(nodes, [wire(a, b) for a, b in pairwise(ids)])


def wire(source: str, target: str, port: str = "input") -> Edge:
    return Edge(source, "output", target, port)


def assert_ordered(graph: Graph) -> None:
    place = {node_id: number for number, node_id in enumerate(graph.order())}
    assert set(place) == set(graph.nodes)
    for edge in graph.edges:
        assert place[edge.source] < place[edge.target]
        assert graph.rank(edge.source) < graph.rank(edge.target)


def test_a_cycle_names_the_nodes_along_it() -> None:
    graph = chain("first", "second", "third", "fourth")
    with pytest.raises(GraphError) as refused:
        graph.connect(wire("third", "first"))
    assert "'first' -> 'second' -> 'third'" in str(refused.value)
    assert "'fourth'" not in str(refused.value)


def test_a_cycle_in_a_built_graph_names_only_its_nodes() -> None:
    nodes = [Node(node_id, "add") for node_id in ("start", "one", "two", "three", "end")]
    edges = [wire("start", "one"), wire("one", "two"), wire("two", "three"), wire("three", "one", "other")]
    with pytest.raises(GraphError) as refused:
        Graph.build(nodes, [*edges, wire("three", "end")])
    message = str(refused.value)
    assert all(f"'{name}'" in message for name in ("one", "two", "three"))
    assert "'start'" not in message and "'end'" not in message


def test_a_long_cycle_through_many_paths_is_found() -> None:
    graph = chain(*(f"node_{number}" for number in range(300)))
    for number in range(0, 298, 2):
        graph = graph.connect(wire(f"node_{number}", f"node_{number + 2}", "other"))
    with pytest.raises(GraphError, match="cycle"):
        graph.connect(wire("node_299", "node_0"))


@pytest.mark.parametrize(
    ("edge", "words"),
    [
        (wire("first", "gone"), "'gone'"),
        (wire("gone", "first"), "'gone'"),
        (wire("first", "first"), "'first' cannot feed itself"),
        (wire("third", "second"), "'input' of 'second' is fed twice, by 'first' and 'third'"),
        (Edge("first", "out put", "third", "other"), "'first'"),
        (Edge("first", "output", "third", ""), "'third'"),
    ],
)
def test_wires_that_do_not_fit_are_refused(edge: Edge, words: str) -> None:
    graph = chain("first", "second", "third")
    with pytest.raises(GraphError) as refused:
        graph.connect(edge)
    assert words in str(refused.value)
    assert graph == chain("first", "second", "third")


def test_what_is_not_there_cannot_be_changed() -> None:
    graph = chain("first", "second")
    for attempt in (
        lambda: graph.remove("gone"),
        lambda: graph.replace(Node("gone", "relu")),
        lambda: graph.disconnect("gone", "input"),
    ):
        with pytest.raises(GraphError, match="'gone'"):
            attempt()
    with pytest.raises(GraphError, match="'input' of 'first'"):
        graph.disconnect("first", "input")
    with pytest.raises(GraphError, match="Two nodes have the id 'first'"):
        graph.add(Node("first", "relu"))


def test_an_edit_leaves_the_old_graph_alone() -> None:
    graph = chain("first", "second", "third")
    kept = (dict(graph.nodes), graph.edges, list(graph.order()), graph.consumers("first"))
    graph.add(Node("fourth", "relu"))
    graph.remove("second")
    graph.disconnect("third", "input")
    graph.connect(wire("first", "third", "other"))
    graph.replace(Node("second", "gelu"))
    assert kept == (dict(graph.nodes), graph.edges, list(graph.order()), graph.consumers("first"))


def test_views_cannot_be_written() -> None:
    graph = chain("first", "second")
    with pytest.raises(TypeError):
        graph.nodes["first"] = Node("first", "gelu")  # type: ignore[index]
    with pytest.raises(TypeError):
        graph.feeds("second")["input"] = ("x1", "output")  # type: ignore[index]


def test_order_after_a_wire_against_the_ranks() -> None:
    graph = Graph.build([Node(f"node_{number}", "add") for number in range(6)])
    for source, target in ((5, 0), (0, 3), (3, 1), (4, 5), (2, 4)):
        graph = graph.connect(wire(f"node_{source}", f"node_{target}"))
        assert_ordered(graph)
    with pytest.raises(GraphError, match="cycle"):
        graph.connect(wire("node_1", "node_2"))


def test_consumers_survive_a_second_wire_between_the_same_nodes() -> None:
    graph = chain("first", "second").connect(wire("first", "second", "other"))
    assert graph.consumers("first") == ("second",)
    graph = graph.disconnect("second", "input")
    assert graph.consumers("first") == ("second",)
    assert graph.disconnect("second", "other").consumers("first") == ()


def test_a_consumer_is_named_once() -> None:
    wires = [wire("first", "second", port) for port in ("input1", "input2", "input3")]
    graph = Graph.build([Node("first", "relu"), Node("second", "add")], wires)
    assert graph.consumers("first") == ("second",)
    assert graph.remove("second").consumers("first") == ()


def test_removing_a_node_takes_its_wires() -> None:
    graph = chain("first", "second", "third").remove("second")
    assert graph.edges == ()
    assert graph.consumers("first") == ()
    assert dict(graph.feeds("third")) == {}


def test_touched_since_one_edit() -> None:
    graph = chain("first", "second", "third")
    assert graph.touched_since(graph) is None
    assert set(graph.add(Node("fourth", "relu")).touched_since(graph)) == {"fourth"}
    assert set(graph.replace(Node("second", "gelu")).touched_since(graph)) == {"second"}
    assert set(graph.disconnect("third", "input").touched_since(graph)) == {"third"}
    assert set(graph.connect(wire("first", "third", "other")).touched_since(graph)) == {"third"}
    assert set(graph.remove("second").touched_since(graph)) == {"second", "third"}


def test_touched_since_several_edits_and_backwards() -> None:
    old = chain("first", "second", "third", "fourth")
    new = old.remove("second").add(Node("fifth", "relu")).replace(Node("fourth", "gelu"))
    assert set(new.touched_since(old)) == {"second", "third", "fourth", "fifth"}
    assert set(old.touched_since(new)) == {"second", "third", "fourth", "fifth"}  # undo
    assert set(Graph().touched_since(old)) == {"first", "second", "third", "fourth"}


def test_a_node_removed_and_added_again_is_touched() -> None:
    old = chain("first", "second", "third")
    new = old.remove("second").add(old.nodes["second"])
    assert {"second", "third"} <= set(new.touched_since(old))


def test_equality_is_of_content() -> None:
    assert chain("first", "second") == chain("first", "second")
    assert chain("first", "second") != chain("second", "first")
    assert chain("first", "second") != Graph.build([Node("first", "relu"), Node("second", "relu")])
    assert chain("first") != "first"
    assert "2 nodes, 1 wires" in repr(chain("first", "second"))


@pytest.mark.parametrize("text", ["", "1a", "A", "a-b", "ä", "a" * 65, "a\n", "if", "match", "forward", "self", None])
def test_ids_that_are_no_slugs(text: object) -> None:
    with pytest.raises(UserError) as refused:
        check_slug(text)
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize(
    ("text", "taken", "expected"),
    [
        ("Conv 2D", (), "conv_2d"),
        ("conv", ("conv",), "conv2"),
        ("conv1", ("conv1",), "conv1_2"),
        ("conv", ("conv", "conv2"), "conv3"),
        ("Größe!", (), "gr_e"),
        ("", (), "node"),
        ("日本", (), "node"),
        ("2d", (), "n_2d"),
        ("class", (), "class2"),
        ("forward", (), "forward2"),
        ("x", (), "x2"),
    ],
)
def test_slugify(text: str, taken: tuple[str, ...], expected: str) -> None:
    assert slugify(text, taken) == expected
    assert check_slug(slugify(text, taken)) == expected


def test_slugify_of_long_text_has_room_for_a_number() -> None:
    taken: set[str] = set()
    for _ in range(120):
        made = slugify("a" * 200, taken)
        assert len(made) <= MAX_LENGTH and check_slug(made) not in taken
        taken.add(made)


def test_parameters_are_sorted_literals() -> None:
    node = Node.make("node_1", "conv2d", stride=[2, 2], bias=False)
    assert node.params == (("bias", False), ("stride", (2, 2)))
    assert node == Node.make("node_1", "conv2d", bias=False, stride=(2, 2))
    assert node.param("stride") == (2, 2) and node.param("gone", 7) == 7
    assert node.with_params(stride=1).param("stride") == 1 and node.param("stride") == (2, 2)
    with pytest.raises(UserError, match="'stride'"):
        node.with_params(stride=float("nan"))
