"""Random graphs on the canvas: nodes never overlap, every wire leads to the right, equal graphs look alike."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from neuralforge.graph.document import Position
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.graph.layout import NODE_HEIGHT_PX, NODE_WIDTH_PX, Sizes, complete, lay_out

MANY = settings(max_examples=150, deadline=None, derandomize=True)

pairs = st.lists(st.tuples(st.integers(0, 23), st.integers(0, 23)), max_size=45)
boxes = st.dictionaries(st.integers(0, 23), st.tuples(st.floats(1, 500), st.floats(1, 500)), max_size=24)


def make(wires: list[tuple[int, int]], backwards: bool = False) -> Graph:
    nodes = [Node(f"n{number}", "any") for number in range(24)]
    edges = {(min(pair), max(pair)) for pair in wires if pair[0] != pair[1]}
    if not backwards:
        return Graph.build(nodes, [Edge(f"n{a}", "output", f"n{b}", f"input{a}") for a, b in sorted(edges)])
    graph = Graph.build(nodes)
    for a, b in sorted(edges, reverse=True):
        graph = graph.connect(Edge(f"n{a}", "output", f"n{b}", f"input{a}"))
    return graph


def named(numbers: Mapping[int, tuple[float, float]]) -> Sizes:
    return {f"n{number}": size for number, size in numbers.items()}


def assert_apart(places: Mapping[str, Position], sizes: Sizes) -> None:
    default = (NODE_WIDTH_PX, NODE_HEIGHT_PX)
    ids = list(places)
    for number, one in enumerate(ids):
        (x, y), (width, height) = places[one], sizes.get(one, default)
        for other in ids[:number]:
            (left, top), (other_width, other_height) = places[other], sizes.get(other, default)
            apart = x >= left + other_width or left >= x + width or y >= top + other_height or top >= y + height
            assert apart, f"{one} lies on {other}"


@MANY
@given(pairs, boxes)
def test_nodes_never_overlap_and_wires_lead_to_the_right(
    wires: list[tuple[int, int]], numbers: dict[int, tuple[float, float]]
) -> None:
    graph, sizes = make(wires), named(numbers)
    places = lay_out(graph, sizes)
    assert list(places) == list(graph.nodes)
    assert_apart(places, sizes)
    for edge in graph.edges:
        width = sizes.get(edge.source, (NODE_WIDTH_PX, 0))[0]
        assert places[edge.source][0] + width < places[edge.target][0]


@MANY
@given(pairs)
def test_equal_graphs_look_alike(wires: list[tuple[int, int]]) -> None:
    assert make(wires) == make(wires, backwards=True)
    assert lay_out(make(wires)) == lay_out(make(wires)) == lay_out(make(wires, backwards=True))


@MANY
@given(pairs)
def test_a_chain_within_any_graph_is_straight(wires: list[tuple[int, int]]) -> None:
    graph = make(wires)
    places = lay_out(graph)
    for edge in graph.edges:
        if len(graph.consumers(edge.source)) == 1 and len(graph.feeds(edge.target)) == 1:
            assert places[edge.source][1] == places[edge.target][1]


@MANY
@given(pairs, st.sets(st.integers(0, 23), max_size=12), boxes)
def test_missing_places_are_filled_in(
    wires: list[tuple[int, int]], missing: set[int], numbers: dict[int, tuple[float, float]]
) -> None:
    graph, sizes = make(wires), named(numbers)
    known = {key: place for key, place in lay_out(graph, sizes).items() if int(key[1:]) not in missing}
    places = complete(graph, known, sizes)
    assert set(places) == set(graph.nodes)
    assert {key: places[key] for key in known} == known
    assert_apart(places, sizes)
