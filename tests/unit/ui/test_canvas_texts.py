"""What nodes, wires and bubbles say, how large nodes are, and what becomes of a layer that is put onto the canvas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralforge.graph.document import Document
from neuralforge.graph.edits import Connect, Disconnect
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.graph.inference import infer_all
from neuralforge.graph.shapes import BATCH, TensorType
from neuralforge.layers.registry import catalog
from neuralforge.templates.registry import templates
from neuralforge.ui.canvas.camera import fit, opening
from neuralforge.ui.canvas.inserting import inserted, refusal, spliced, takes
from neuralforge.ui.canvas.scene import Numbers, Scene
from neuralforge.ui.canvas.sizes import (
    COMPACT_PX,
    HEADER_PX,
    MAX_WIDTH_PX,
    MERGE_WIDTH_PX,
    WIDTH_PX,
    node_form,
    node_sizes,
    title_width_px,
)
from neuralforge.ui.canvas.texts import complaint, params_line, pill_text
from neuralforge.ui.canvas.wires import curve, point_on
from neuralforge.workbench.view import DocumentView

make = Node.make
IMAGE = TensorType((BATCH, 8, 16, 16))


def view_of(document: Document) -> DocumentView:
    inference = infer_all(document.graph, catalog())
    return DocumentView(
        document=document, inference=inference, totals=inference.totals(64), issues=inference.issues
    )  # fmt: skip


def branched(**second: object) -> Document:
    nodes = [
        make("data", "input", shape=(3, 16, 16)),
        make("left", "conv2d", out_channels=8, padding=(1, 1)),
        make("right", "conv2d", out_channels=8, padding=(1, 1), **second),  # type: ignore[arg-type]
        make("total", "add"),
        make("result", "output"),
    ]
    edges = [
        Edge("data", "output", "left", "input"),
        Edge("data", "output", "right", "input"),
        Edge("left", "output", "total", "input1"),
        Edge("right", "output", "total", "input2"),
        Edge("total", "output", "result", "input"),
    ]
    return Document(graph=Graph.build(nodes, edges))


@pytest.mark.parametrize(
    ("layer", "params", "line"),
    [
        ("conv2d", {"out_channels": 128, "stride": (2, 2), "padding": (1, 1)}, "128, k3, s2, p1"),
        ("conv2d", {}, "32, k3"),
        ("conv2d", {"kernel_size": (3, 5), "bias": False}, "32, k3\u00d75, no bias"),
        ("max_pool2d", {"kernel_size": (2, 2), "stride": (2, 2)}, "k2, s2"),
        ("linear", {"out_features": 1000}, "1,000"),
        ("linear", {"out_features": 10, "bias": False}, "10, no bias"),
        ("batch_norm", {}, ""),
        ("batch_norm", {"affine": False}, "no affine"),
        ("dropout", {}, "p 0.5"),
        ("embedding", {"num_embeddings": 8000, "embedding_dim": 128}, "8,000 \u00d7 128"),
        ("lstm", {"bidirectional": True, "num_layers": 2}, "128, 2 layers, bidirectional"),
        ("multi_head_attention", {"num_heads": 8, "dropout": 0.1}, "8 heads, dropout 0.1"),
        ("input", {"shape": (3, 32, 32)}, "3 \u00d7 32 \u00d7 32"),
        ("input", {"shape": (32,), "dtype": "int64"}, "32, int64"),
        ("add", {"inputs": 3}, ""),
        ("concat", {"dim": 2}, "dim 2"),
        ("adaptive_avg_pool2d", {}, ""),
        ("adaptive_avg_pool2d", {"output_size": (7, 7)}, "to 7"),
        ("flatten", {}, ""),
        ("dropout", {"p": "much"}, "p much"),
    ],
)  # fmt: skip
def test_parameters_are_abbreviated(layer: str, params: dict[str, object], line: str) -> None:
    assert params_line(catalog()[layer], params) == line  # type: ignore[arg-type]


@pytest.mark.parametrize("spec", list(catalog()), ids=lambda spec: spec.key)
def test_every_layer_has_a_line_for_each_of_its_samples(spec: object) -> None:
    for sample in spec.samples:  # type: ignore[attr-defined]
        line = params_line(spec, dict(sample.params))  # type: ignore[arg-type]
        assert "  " not in line and not line.startswith(",") and len(line) < 90


def test_pills_show_one_sample() -> None:
    assert pill_text(TensorType((BATCH, 64, 32, 32))) == "64\u00d732\u00d732"
    assert pill_text(TensorType((BATCH,))) == "1"
    assert pill_text(None) == ""


def test_forms_follow_the_layer() -> None:
    names = catalog()
    conv = node_form(make("conv", "conv2d"), ("input",), names)
    assert (conv.width_px, conv.footer, len(conv.inputs), len(conv.outputs)) == (WIDTH_PX, True, 1, 1)
    relu = node_form(make("act", "relu"), ("input",), names)
    assert relu.height_px == HEADER_PX and COMPACT_PX[0] <= relu.width_px < WIDTH_PX and not relu.footer
    add = node_form(make("total", "add", inputs=3), (), names)
    assert add.width_px == MERGE_WIDTH_PX and [pin.port for pin in add.inputs] == ["input1", "input2", "input3"]
    assert all(pin.labelled for pin in add.inputs) and add.inputs[0].y_px < add.inputs[1].y_px < add.height_px
    lstm = node_form(make("lstm", "lstm"), (), names)
    assert [pin.port for pin in lstm.outputs] == ["output", "last"] and lstm.outputs[1].labelled
    odd = node_form(make("odd", "relu"), ("input", "other"), names)
    assert [pin.stray for pin in odd.inputs] == [False, True]
    unknown = node_form(make("gone", "no_such_layer", size=3), ("input",), names)
    assert unknown.params == "size 3" and [pin.port for pin in unknown.inputs] == ["input"]


@given(st.text(max_size=80), st.booleans())
def test_nodes_stay_within_their_widths_whatever_they_are_called(title: str, frozen: bool) -> None:
    title = "".join(letter for letter in title if letter.isprintable())
    for layer in ("relu", "conv2d", "input", "concat"):
        form = node_form(Node("n", layer, (), title, frozen), (), catalog())
        assert COMPACT_PX[0] <= form.width_px <= MAX_WIDTH_PX
    assert title_width_px(title) >= 0


def test_sizes_are_known_for_every_template() -> None:
    for template in templates().values():
        graph = template.build().graph
        sizes = node_sizes(graph, catalog())
        assert sizes.keys() == graph.nodes.keys() and min(min(size) for size in sizes.values()) >= HEADER_PX


def test_a_complaint_names_both_shapes_and_the_guilty_one() -> None:
    view = view_of(branched(stride=(2, 2)))
    words = complaint(view.issues[0], view)
    assert words.title == "Shapes differ" and not words.incomplete
    assert {row.label for row in words.rows} >= {"input1", "input2", "expected"}
    guilty = [row for row in words.rows if row.guilty]
    assert [row.label for row in guilty] == [view.issues[0].port] and guilty[0].note.startswith("from ")
    assert words.fixes and all(label for label, _ in words.fixes)


def test_what_is_missing_is_no_error() -> None:
    document = Document(graph=Graph.build([make("data", "input"), make("act", "relu")], []))
    view = view_of(document)
    assert all(complaint(issue, view).incomplete for issue in view.issues)


def test_a_wrong_layer_and_a_wrong_parameter_are_told() -> None:
    nodes = [make("data", "input"), make("drop", "dropout", p=3.0), make("gone", "no_such_layer")]
    edges = [Edge("data", "output", "drop", "input"), Edge("drop", "output", "gone", "input")]
    view = view_of(Document(graph=Graph.build(nodes, edges)))
    for issue in view.issues:
        words = complaint(issue, view)
        assert words.title and (words.incomplete or [row.label for row in words.rows] == ["expected", "received"])


def test_scene_reuses_what_has_not_changed_and_marks_the_faulty_wire() -> None:
    scene, view = Scene(), view_of(branched())
    assert len(scene.update(view)) == 5 and not scene.update(view)
    kept, version = dict(scene.nodes), scene.version
    assert not any(wire.faulty for wire in scene.wires)
    changed = branched(stride=(2, 2))
    graph = view.document.graph.replace(changed.graph.nodes["right"])
    document = Document(graph=graph, layout={key: item.at for key, item in scene.nodes.items()})
    inference = infer_all(graph, catalog(), view.inference)
    scene.update(DocumentView(document=document, inference=inference, totals=view.totals, issues=inference.issues))
    assert scene.version > version and scene.nodes["left"] is kept["left"]
    assert scene.nodes["right"] is not kept["right"] and scene.nodes["total"].issue is not None
    assert [wire.edge.target for wire in scene.wires if wire.faulty] == ["total"]


def test_numbers_stay_and_are_never_zero() -> None:
    numbers = Numbers()
    first = numbers.of("node", "a")
    assert first > 0 and numbers.of("pin", "a") != first and numbers.of("node", "a") == first
    assert numbers.name(first) == ("node", "a") and numbers.name(99) is None


def test_only_layers_that_fit_follow_a_pin() -> None:
    def fits(key: str, kind: TensorType | None) -> bool:
        return takes(catalog()[key], kind)

    assert fits("conv2d", IMAGE) and fits("relu", IMAGE) and fits("add", IMAGE)
    assert not fits("conv1d", IMAGE) and not fits("embedding", IMAGE) and not fits("input", IMAGE)
    assert fits("embedding", TensorType((BATCH, 12), "int64"))
    assert fits("conv1d", None) and not fits("input", None)


def test_insertions_are_one_edit_with_their_wire() -> None:
    document = branched()
    graph, conv = document.graph, catalog()["conv2d"]
    after = inserted(graph, conv, (5.0, 6.0), source=("left", "output")).apply(document)
    assert Edge("left", "output", "conv2d", "input") in after.graph.edges and after.layout["conv2d"] == (5.0, 6.0)
    before = inserted(graph, conv, (0.0, 0.0), target=("total", "input2")).apply(document)
    assert Edge("conv2d", "output", "total", "input2") in before.graph.edges
    on_wire = spliced(conv, Edge("left", "output", "total", "input1"))
    assert on_wire is not None
    assert Edge("conv2d", "output", "total", "input1") in on_wire.apply(document).graph.edges
    assert spliced(catalog()["output"], Edge("left", "output", "total", "input1")) is None


def test_wires_that_cannot_be_say_why() -> None:
    graph = branched().graph
    edge, why = refusal(graph, ("total", "output", False), ("left", "input", True))
    assert edge is None and "cycle" in why
    edge, why = refusal(graph, ("left", "output", False), ("left", "input", True))
    assert edge is None and "itself" in why
    edge, why = refusal(graph, ("left", "output", False), ("right", "output", False))
    assert edge is None and why
    edge, why = refusal(graph, ("total", "input2", True), ("left", "output", False))
    assert edge == Edge("left", "output", "total", "input2") and not why
    assert Connect(edge).apply(branched()).graph.feeds("total")["input2"] == ("left", "output")
    loose = Disconnect("right", "input").apply(branched()).graph
    assert refusal(loose, ("data", "output", False), ("right", "input", True))[0] is not None


@given(
    st.tuples(st.floats(-5e4, 5e4), st.floats(-5e4, 5e4), st.floats(1, 1e5), st.floats(1, 1e5)),
    st.tuples(st.floats(200, 4000), st.floats(200, 2500)),
    st.sampled_from([1.0, 1.5, 2.0]),
)
def test_fitting_never_goes_beyond_full_size_and_shows_everything_it_can(
    place: tuple[float, float, float, float], size: tuple[float, float], scale: float
) -> None:
    left, top, width, height = place
    box = (left, top, left + width, top + height)
    aim = fit(box, size, scale)
    assert 0.05 * scale <= aim.zoom <= scale
    if aim.zoom > 0.051 * scale:
        assert width * aim.zoom <= size[0] and height * aim.zoom <= size[1]
    first = opening(box, size, scale)
    assert first.zoom >= min(aim.zoom, 0.3 * scale)
    seen_left = first.centre[0] - size[0] / 2 / first.zoom
    assert seen_left <= left + 1e-6 * abs(left) + 1e-3


@given(st.tuples(*[st.floats(-1e4, 1e4)] * 4))
def test_the_middle_of_a_wire_is_between_its_ends(ends: tuple[float, float, float, float]) -> None:
    start, end = ends[:2], ends[2:]
    points = curve(start, end)
    assert point_on(points, 0) == pytest.approx(start) and point_on(points, 1) == pytest.approx(end)
    middle = point_on(points, 0.5)
    assert middle == pytest.approx(((start[0] + end[0]) / 2, (start[1] + end[1]) / 2), abs=1e-6)
