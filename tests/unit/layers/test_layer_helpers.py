"""What families of layers share: sizes by rank, literals, dimensions, fixes that turn one shape into another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest

from neuralforge.graph.document import Document
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.graph.inference import infer_all
from neuralforge.graph.params import Doc, ParamError, Range, fields_of, parse
from neuralforge.graph.shapes import BATCH, ShapeError, TensorType
from neuralforge.layers.common import arguments, axis, converting, literal, ranked, short
from neuralforge.layers.registry import catalog


@dataclass(frozen=True, kw_only=True)
class Window:
    size: Annotated[tuple[int, ...], Range(1, 9), Doc("Size.")] = (3,)
    stride: Annotated[tuple[int, ...] | None, Range(1, 9), Doc("Step.")] = None
    name: Annotated[bool, Doc("Other.")] = True


def test_ranked_fixes_the_number_of_sizes() -> None:
    made = ranked(Window, 3)
    known = {item.name: item for item in fields_of(made)}
    assert list(known) == ["size", "stride", "name"]
    assert known["size"].length == known["stride"].length == 3
    assert known["size"].default == (3, 3, 3) and known["size"].bounds == Range(1, 9) and known["size"].doc == "Size."
    assert known["stride"].default is None and known["stride"].optional
    assert isinstance(made(), Window) and made().size == (3, 3, 3)
    assert parse(made, fields_of(made), {"size": 5, "stride": [1, 2, 3]}) == made(size=(5, 5, 5), stride=(1, 2, 3))
    with pytest.raises(ParamError, match="size"):
        parse(made, fields_of(made), {"size": (1, 2)})


def test_one_number_stands_for_all_sizes() -> None:
    spec = catalog()["conv2d"]
    assert spec.parse({"kernel_size": 5}).kernel_size == (5, 5)
    with pytest.raises(ParamError):
        spec.parse({"kernel_size": (5, 5, 5)})
    with pytest.raises(ParamError):
        spec.parse({"kernel_size": 0})


@pytest.mark.parametrize(
    ("value", "text"),
    [(3, "3"), (-1.5, "-1.5"), (True, "True"), (None, "None"), ((2, 2), "2"), ((2, 3), "(2, 3)"), ((2,), "(2,)")],
)
def test_literals(value: object, text: str) -> None:
    assert literal(value) == text


@pytest.mark.parametrize("value", ["x", "__import__('os')", (1, "x"), (1, True), [1], {}, object(), (), b"x"])
def test_what_is_no_literal_is_not_written(value: object) -> None:
    with pytest.raises(TypeError):
        literal(value)


def test_arguments_leave_defaults_out() -> None:
    assert (
        arguments(3, 32, stride=(1, 1), padding=((1, 2), 0), bias=(False, True)) == "3, 32, padding=(1, 2), bias=False"
    )
    assert short((3,)) == 3 and short((3, 3)) == 3 and short((3, 4)) == (3, 4)


@pytest.mark.parametrize(("dim", "found"), [(1, 1), (3, 3), (-1, 3), (-3, 1)])
def test_axis(dim: int, found: int) -> None:
    assert axis(TensorType((BATCH, 2, 3, 4)), dim) == found


@pytest.mark.parametrize("dim", [0, 4, -4, -5, 16])
def test_axis_refuses_the_batch_and_what_is_not_there(dim: int) -> None:
    with pytest.raises(ShapeError) as refused:
        axis(TensorType((BATCH, 2, 3, 4)), dim)
    assert refused.value.port == "dim" and refused.value.fixes
    assert ("batch" in refused.value.hint) == (dim in (0, -4))


SHAPES = [(5,), (12,), (3, 4), (7, 4), (3, 9), (8, 6, 6), (4, 6, 6), (4, 3, 3), (2, 12, 12), (4, 4, 4, 4), (1, 2, 2, 2)]


def test_what_converts_a_shape_really_does() -> None:
    offered = 0
    for have in SHAPES:
        for want in SHAPES:
            kind = TensorType((BATCH, *have))
            for fix in converting("input", kind, (BATCH, *want)) if have != want else ():
                offered += 1
                graph = Graph.build(
                    [Node.make("data", "input", shape=have), Node("made", fix.layer, fix.params)],
                    [Edge("data", "output", "made", "input")],
                )
                found = infer_all(graph, catalog()).outputs("made")["output"]
                assert found is not None and found.shape == (BATCH, *want), (have, want, fix)
    assert offered >= 12


def mend(graph: Graph) -> tuple[str, ...]:
    """Click first fixes until the graph is in order; return the layers it then has."""
    document = Document(graph=graph)
    for _ in range(5):
        issues = infer_all(document.graph, catalog()).issues
        if not issues:
            return tuple(node.layer for node in document.graph.nodes.values())
        document = issues[0].fixes[0].apply(document)
    raise AssertionError(str(issues[0]))


@pytest.mark.parametrize(
    ("shapes", "layer", "params", "expected"),
    [
        (((64, 8, 8), (32, 16, 16)), "add", {}, "conv2d"),  # a residual block's projection
        (((8, 16, 16), (8, 8, 8)), "concat", {}, "upsample"),  # a U-Net's skip
        (((16,), (10,)), "add", {}, "linear"),
        (((8, 6, 6), (8,)), "multiply", {}, "reshape"),  # squeeze and excitation
        (((5, 8), (8,)), "add", {}, "reshape"),
        (((10,), (3, 4, 4)), "concat", {}, "flatten"),
        (((784,),), "conv2d", {}, "reshape"),
        (((28, 28),), "conv2d", {}, "unsqueeze"),
        (((16,),), "lstm", {}, "unsqueeze"),
        (((3, 8, 8),), "lstm", {}, "flatten"),
        (((3, 8, 8),), "pixel_shuffle", {}, "conv2d"),
        (((7, 9), (7, 9)), "matmul", {}, "permute"),
        (((7, 9), (7, 5)), "matmul", {}, "linear"),
        (((5,), (7,)), "matmul", {}, "unsqueeze"),
        (((7,),), "glu", {}, "linear"),
    ],
)
def test_first_fixes_do_what_a_person_would(
    shapes: tuple[tuple[int, ...], ...], layer: str, params: dict[str, object], expected: str
) -> None:
    node = Node.make("node_1", layer, **params)  # type: ignore[arg-type]
    ports = catalog().bind(node).input_names
    nodes = [Node.make(f"data_{number}", "input", shape=shape) for number, shape in enumerate(shapes)]
    edges = [Edge(f"data_{number}", "output", "node_1", port) for number, port in enumerate(ports)]
    graph = Graph.build([*nodes, node, Node("result", "output")], [*edges, Edge("node_1", "output", "result", "input")])
    layers = mend(graph)
    assert expected in layers and layer in layers
