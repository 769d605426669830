"""Where nodes come to lie: straight lines, branches beside them, shortcuts with nothing in the way."""

from __future__ import annotations

import random

import pytest

from neuralforge.graph import layout as layout_module
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.graph.layout import GAP_X_PX, GAP_Y_PX, NODE_HEIGHT_PX, NODE_WIDTH_PX, complete, lay_out
from neuralforge.templates.registry import find, templates


def graph(*wires: str, alone: str = "") -> Graph:
    """Make a graph of wires such as "a b" or "a b:input2"."""
    edges = []
    for text in wires:
        source, target = text.split()
        target, _, port = target.partition(":")
        edges.append(Edge(source, "output", target, port or "input"))
    names = dict.fromkeys([name for edge in edges for name in (edge.source, edge.target)] + alone.split())
    return Graph.build([Node(name, "any") for name in names], edges)


def cells(graph: Graph) -> dict[str, tuple[int, int]]:
    step = (NODE_WIDTH_PX + GAP_X_PX, NODE_HEIGHT_PX + GAP_Y_PX)
    return {name: (round(x / step[0]), round(y / step[1])) for name, (x, y) in lay_out(graph).items()}


def test_a_chain_is_a_line() -> None:
    assert cells(graph("a b", "b c", "c d")) == {"a": (0, 0), "b": (1, 0), "c": (2, 0), "d": (3, 0)}


def test_a_shortcut_runs_straight_and_what_it_leaps_over_lies_beside_it() -> None:
    places = cells(graph("a b", "b c", "c sum:input2", "a sum:input1", "sum d"))
    assert places == {"a": (0, 0), "b": (1, 1), "c": (2, 1), "sum": (3, 0), "d": (4, 0)}


def test_branches_lie_in_the_order_of_the_inputs() -> None:
    """The branch into the first input lies above the one into the second, so that their wires do not cross."""
    above = cells(graph("a b", "b c", "c sum:input1", "a sum:input2", "sum d"))
    assert above["b"][1] == above["c"][1] == 0 and above["a"][1] == above["sum"][1] == above["d"][1] == 1
    wide = graph("s a", "s b", "s c", "a cat:input1", "b cat:input2", "c cat:input10", "cat t")
    assert [cells(wide)[name][1] for name in ("a", "b", "c")] == [0, 1, 2]


def test_a_side_output_leaves_the_main_line_straight() -> None:
    places = cells(graph("a b", "b aux", "b c", "c d", "d e"))
    assert {places[name][1] for name in "abcde"} == {0} and places["aux"] == (2, 1)


def test_a_second_input_lies_next_to_where_it_is_needed() -> None:
    places = cells(graph("a b", "b c", "c cat:input1", "table fc", "fc cat:input2"))
    assert places["fc"] == (2, 1) and places["table"] == (1, 1)


def test_the_end_of_a_short_branch_goes_to_where_it_is_needed() -> None:
    wires = ["s a", "a cat:input1", "s b1", "b1 b2", "b2 b3", "b3 cat:input2", "s c1", "c1 c2", "c2 cat:input3"]
    places = cells(graph(*wires))
    assert places["c1"] == (1, 2) and places["c2"] == (3, 2) and places["cat"] == (4, 0)


def test_nothing_lies_in_the_way_of_a_branch_that_ends_early() -> None:
    wires = ["s a", "a cat:input1", "s b1", "b1 b2", "b2 b3", "b3 cat:input2", "s c", "c cat:input3", "b2 aux"]
    places = cells(graph(*wires))
    assert [name for name, (column, row) in places.items() if row == places["c"][1] and 1 < column < 4] == []


def test_sorting_the_lines_makes_wires_climb_less(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = random.Random(7)
    networks = []
    for _ in range(10):
        pairs = {tuple(sorted(chosen.sample(range(30), 2))) for _ in range(40)}
        networks.append(graph(*(f"n{a} n{b}:from{a}" for a, b in sorted(pairs))))

    def climb() -> float:
        return sum(
            abs(places[edge.source][1] - places[edge.target][1])
            for network, places in [(network, lay_out(network)) for network in networks]
            for edge in network.edges
        )

    sorted_px = climb()
    monkeypatch.setattr(layout_module, "SWEEPS", 0)
    assert sorted_px < 0.95 * climb()


def test_parts_lie_below_each_other_and_single_nodes_in_a_grid() -> None:
    places = cells(graph("a b", "c d", alone=" ".join(f"n{number}" for number in range(10))))
    assert places["a"] == (0, 0) and places["c"] == (0, 1)
    assert [places[f"n{number}"] for number in (0, 7, 8, 9)] == [(0, 2), (7, 2), (0, 3), (1, 3)]


def test_columns_and_rows_are_as_wide_and_high_as_their_nodes() -> None:
    places = lay_out(graph("a b", "b c", "a d"), {"a": (300.0, 50.0), "b": (100.0, 400.0)})
    assert places["b"][0] == 300 + GAP_X_PX and places["c"][0] == 300 + NODE_WIDTH_PX + 2 * GAP_X_PX
    assert places["d"] == (300 + GAP_X_PX, 400 + GAP_Y_PX)


def test_nothing_to_lay_out() -> None:
    assert lay_out(Graph()) == {}


def test_the_picture_depends_on_the_graph_alone() -> None:
    built = graph("a b", "b c", "a c:input2", "c d")
    edited = graph("a b", alone="c d").connect(Edge("c", "output", "d", "input"))
    edited = edited.connect(Edge("a", "output", "c", "input2")).connect(Edge("b", "output", "c", "input"))
    assert built == edited and built.order() != ["d"] and lay_out(built) == lay_out(edited)


def curve(start: tuple[float, float], end: tuple[float, float]) -> list[tuple[float, float]]:
    """Return points of a wire as the canvas draws it: a cubic curve that leaves and arrives level."""
    reach = min(70.0, (end[0] - start[0]) / 2)
    weights = [(t / 60, 1 - t / 60) for t in range(61)]
    return [
        (
            u**3 * start[0] + 3 * u * u * t * (start[0] + reach) + 3 * u * t * t * (end[0] - reach) + t**3 * end[0],
            (u**3 + 3 * u * u * t) * start[1] + (3 * u * t * t + t**3) * end[1],
        )
        for t, u in weights
    ]


@pytest.mark.parametrize("key", sorted(templates()))
def test_no_wire_of_a_template_runs_through_a_node(key: str) -> None:
    network = find(key).build().graph
    places = lay_out(network)
    for edge in network.edges:
        (x, y), (end_x, end_y) = places[edge.source], places[edge.target]
        row = sorted(network.feeds(edge.target)).index(edge.target_port)
        for point_x, point_y in curve((x + NODE_WIDTH_PX, y + 17), (end_x, end_y + 17 + 24 * row)):
            for name, (left, top) in places.items():
                inside = left < point_x < left + NODE_WIDTH_PX and top < point_y < top + NODE_HEIGHT_PX
                assert not inside or name in (edge.source, edge.target), f"{edge} runs through {name}"


def test_missing_places_are_filled_in_beside_the_others() -> None:
    network = graph("a b", "b c", "b d", alone="e")
    given = {"a": (0.0, 0.0), "b": (500.0, 100.0), "c": (500.0 + NODE_WIDTH_PX + GAP_X_PX, 100.0)}
    places = complete(network, given)
    assert {key: places[key] for key in given} == given
    assert places["d"] == (given["c"][0], 100.0 + NODE_HEIGHT_PX + GAP_Y_PX)
    assert places["e"] == (0.0, 100.0 + NODE_HEIGHT_PX + GAP_Y_PX)
    assert complete(network, places) is places


def test_what_feeds_a_placed_node_comes_to_lie_before_it() -> None:
    assert complete(graph("a b", "b c"), {"b": (0.0, 0.0), "c": (300.0, 0.0)})["a"] == (-NODE_WIDTH_PX - GAP_X_PX, 0.0)


def test_with_hardly_any_places_all_is_laid_out() -> None:
    network = graph("a b", "b c")
    assert complete(network, {"a": (77.0, 0.0)}) == lay_out(network)
