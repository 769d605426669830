"""What panels say about nodes and issues, and the edits that they make."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neuralforge.graph.document import Document
from neuralforge.graph.edits import (
    AddNode,
    Connect,
    Disconnect,
    Edit,
    Many,
    Move,
    RemoveNode,
    SetFrozen,
    SetParams,
    Splice,
)
from neuralforge.graph.graph import Edge, Node
from neuralforge.graph.inference import Issue, infer_all
from neuralforge.graph.layout import lay_out
from neuralforge.layers.registry import catalog
from neuralforge.templates.registry import find
from neuralforge.ui.heat import sequential, sequential_table
from neuralforge.ui.insertion import insertion
from neuralforge.ui.map_pictures import atlas, folded
from neuralforge.ui.node_facts import (
    Outline,
    advice,
    constructor_of,
    fix_label,
    freeze_all,
    has_sides,
    issue_title,
    title_of,
)
from neuralforge.workbench.view import DocumentView


def view_of(document: Document, *selection: str) -> DocumentView:
    inference = infer_all(document.graph, catalog())
    document = replace(document, layout=lay_out(document.graph))
    return DocumentView(
        document=document, inference=inference, totals=inference.totals(), issues=inference.issues,
        selection=frozenset(selection),
    )  # fmt: skip


def cnn() -> Document:
    made = find("small_cnn")
    return made.build(made.options())


@pytest.mark.parametrize(
    ("fix", "words"),
    [
        (SetParams.of("conv2", groups=1), "Set groups to 1"),
        (
            SetParams.of("conv1", kernel_size=(3, 3), bias=False),
            "Set bias to false, kernel size to 3 \u00d7 3 on Conv 2-D",
        ),
        (Splice("conv2", "input", "flatten"), "Insert Flatten"),
        (Connect(Edge("pool1", "output", "conv2", "input")), "Connect Max Pool 2-D"),
        (Disconnect("conv2", "input"), "Disconnect input"),
        (Disconnect("relu1", "input"), "Disconnect ReLU"),
        (RemoveNode("conv2"), "Remove this node"),
        (RemoveNode("gone"), "Remove gone"),
        (AddNode(Node("input2", "input")), "Add Input"),
        (Move({"conv1": (0.0, 0.0)}), "Move 1 node"),
    ],
)
def test_a_fix_says_what_it_does(fix: Edit, words: str) -> None:
    assert fix_label(fix, "conv2", cnn()) == words


def test_issues_are_told_in_words() -> None:
    document = AddNode(Node("lonely", "relu")).apply(SetParams.of("conv2", groups=7).apply(cnn()))
    issues = view_of(document).issues
    assert [issue_title(issue) for issue in issues] == [
        "Groups does not fit",
        "Nothing is wired to input",
        "The result is not used",
    ]
    assert [has_sides(issue) for issue in issues] == [True, False, False]
    assert all(advice(issue) for issue in issues[1:])
    empty = view_of(Document()).issues
    assert [issue_title(issue) for issue in empty] == [
        "There is no node that brings data in",
        "There is no node that takes results out",
    ]
    shape = Issue("fc1", "input", "[B, N]", "[B, 3, 4]", "", (RemoveNode("fc1"),))
    assert issue_title(shape) == "The shape does not fit" and has_sides(shape)


def test_the_outline_makes_anew_only_what_changed() -> None:
    outline, before = Outline(), view_of(cnn())
    first = outline.rows(before)
    assert [row.node for row in first] == before.inference.graph.order()
    conv = next(row for row in first if row.node == "conv2")
    assert (conv.shape, conv.parameters, conv.wrong, conv.frozen) == ("[B, 64, 14, 14]", "18,496", False, False)
    document = SetFrozen("conv2", True).apply(before.document)
    inference = infer_all(document.graph, catalog(), before.inference)
    second = outline.rows(replace(before, document=document, inference=inference))
    assert [one.node for one, other in zip(first, second, strict=True) if one is not other] == ["conv2"]
    third = outline.rows(view_of(SetParams.of("conv2", groups=7).apply(document)))
    assert next(row for row in third if row.node == "conv2").wrong and third[-1].shape == "?"


def test_only_nodes_that_change_are_frozen() -> None:
    view = view_of(cnn(), "conv1", "relu1", "fc1", "gone")
    edit = freeze_all(view, True)
    assert edit is not None and edit.edits == (SetFrozen("conv1", True), SetFrozen("fc1", True))
    after = view_of(edit.apply(view.document), "conv1", "relu1", "fc1")
    assert freeze_all(after, True) is None
    assert freeze_all(view, False) is None and freeze_all(after, False) is not None
    assert freeze_all(view_of(cnn()), True) is None


def test_a_node_is_shown_as_the_code_has_it() -> None:
    view = view_of(cnn())
    assert constructor_of(view, "conv2") == "nn.Conv2d(32, 64, 3, padding=1)"
    assert constructor_of(view, "relu1") == "F.relu(input)"
    assert constructor_of(view_of(AddNode(Node("lonely", "linear")).apply(cnn())), "lonely") == ""
    for node_id in view.inference.graph.nodes:
        assert "{" not in constructor_of(view, node_id)


# Adding a layer


def test_a_layer_is_added_alone_without_a_single_selected_node() -> None:
    for selection in ((), ("conv1", "conv2"), ("gone",)):
        edit, node_id = insertion(view_of(cnn(), *selection), catalog()["conv2d"])
        assert edit == AddNode(Node("conv2d", "conv2d")) and node_id == "conv2d"


def test_a_layer_is_wired_to_the_selected_node_where_that_fits() -> None:
    view = view_of(cnn(), "pool2")
    edit, node_id = insertion(view, catalog()["conv2d"])
    after = edit.apply(view.document)
    assert isinstance(edit, Many) and Edge("pool2", "output", node_id, "input") in after.graph.edges
    assert after.layout[node_id][0] > view.document.layout["pool2"][0]
    alone, _ = insertion(view_of(cnn(), "fc1"), catalog()["conv2d"])  # [B, 128] is no image
    assert isinstance(alone, AddNode)
    output, _ = insertion(view_of(cnn(), "output"), catalog()["relu"])  # which has no output
    assert isinstance(output, AddNode)
    source, _ = insertion(view, catalog()["input"])  # which has no input
    assert isinstance(source, AddNode)


@given(st.sampled_from(sorted(catalog().specs)), st.sampled_from(sorted(cnn().graph.nodes)))
def test_what_is_added_lies_on_no_other_node_and_breaks_nothing(key: str, after: str) -> None:
    view = view_of(cnn(), after)
    edit, node_id = insertion(view, catalog()[key])
    document = edit.apply(view.document)
    assert node_id in document.graph.nodes
    x, y = document.layout[node_id]
    near = [
        at
        for other, at in document.layout.items()
        if other != node_id and abs(at[0] - x) < 184 and abs(at[1] - y) < 130
    ]
    assert not near
    wired = document.graph.feeds(node_id)
    issues = [issue for issue in infer_all(document.graph, catalog()).issues if issue.node == node_id]
    assert not any(issue.port in wired for issue in issues)


# Pictures of numbers


def test_the_colours_grow_lighter_all_the_way() -> None:
    table = sequential_table().astype(float)
    assert table.shape == (256, 4) and (table[:, 3] == 255).all()
    lightness = table[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) > -1.0).all() and lightness[-1] - lightness[0] > 200


@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.floats(width=32)))
def test_any_numbers_have_colours_and_only_those_that_are_finite_are_seen(values: np.ndarray) -> None:  # type: ignore[type-arg]
    colors = sequential(values)
    assert colors.shape == (*values.shape, 4)
    assert ((colors[..., 3] == 255) == np.isfinite(values)).all()


def test_maps_lie_below_each_other_each_with_its_own_range() -> None:
    maps = np.stack([np.eye(4, dtype=np.float32), 100 * np.eye(4, dtype=np.float32)])
    picture = atlas(maps)
    assert picture.shape == (2 * 64, 64, 4) and (picture[:64] == picture[64:]).all()
    assert (picture[0, 0] == sequential_table()[255]).all() and (picture[0, 63] == sequential_table()[0]).all()


@given(st.integers(1, 3000))
def test_a_folded_vector_holds_all_its_numbers(count: int) -> None:
    grid = folded(np.arange(count, dtype=np.float32))
    assert (grid.ravel()[:count] == np.arange(count)).all() and np.isnan(grid.ravel()[count:]).all()
    assert grid.size - count < grid.shape[1]


def test_titles() -> None:
    assert title_of(Node("a", "conv2d")) == "Conv 2-D"
    assert title_of(Node("a", "conv2d", title="Stem")) == "Stem"
    assert title_of(Node("a", "from_elsewhere")) == "from_elsewhere"
