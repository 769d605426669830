"""Random edits, valid and not: the editor never fails, and every way back and forth leads to the same documents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from neuralforge.errors import UserError
from neuralforge.graph.clipboard import copy_text
from neuralforge.graph.document import Document, dumps, loads
from neuralforge.graph.edits import (
    AddNode,
    Connect,
    Disconnect,
    Edit,
    Many,
    Move,
    Paste,
    RemoveNode,
    RemoveNodes,
    SetFrozen,
    SetName,
    SetParams,
    SetTitle,
    Splice,
    splice_in,
)
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.graph.inference import Inference, infer_all
from neuralforge.graph.names import slugify
from neuralforge.layers.registry import catalog
from neuralforge.templates.registry import find
from neuralforge.workbench.editor import Editor

CATALOG = catalog()
LAYERS = ["linear", "relu", "dropout", "conv2d", "flatten", "add", "concat", "lstm", "output", "input", "no_such"]
STARTS = [Document(), find("mlp").build(), find("lenet5").build()]

KINDS = """
    add add connect connect disconnect remove heal several params params frozen title name move move splice splice_in
    paste duplicate many fix undo undo redo go_to select save open
""".split()

numbers = st.integers(0, 1 << 16)
values: st.SearchStrategy[Any] = st.one_of(
    st.integers(-2, 70), st.sampled_from([1, 1.0, True, 0.5, float("nan"), float("inf"), 10**30, "x", "\x00", None])
)
steps = st.lists(st.tuples(st.sampled_from(KINDS), numbers, numbers, values), min_size=4, max_size=40)
Step = tuple[str, int, int, Any]


def pick(items: Sequence[Any], number: int) -> Any:
    return items[number % len(items)]


def as_number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def make_edit(editor: Editor, step: Step) -> Edit:
    """Turn random numbers into an edit; it may well be one that the document refuses."""
    kind, a, b, value = step
    ids = [*editor.document.graph.nodes, "gone"]
    one, other = pick(ids, a), pick(ids, b)
    place = (as_number(value), float(b % 999))
    port, layer = pick(["input", "input1", "input2", "other", "no port"], b), pick(LAYERS, b)
    wire = Edge(one, "output", other, port)
    new = Node(slugify(layer, () if a % 9 == 0 else ids), layer)
    if kind in ("paste", "duplicate"):
        chosen = [node_id for node_id in ids[:-1] if (len(node_id) + a) % 2]
        text = copy_text(editor.document, chosen) if chosen else str(value)
        return Paste(text, place if kind == "paste" else None)
    if kind == "fix":
        fixes = [edit for issue in editor.inference.issues for edit in issue.fixes]
        return pick(fixes, a) if fixes else SetName("net")
    edits: dict[str, Edit] = {
        "add": AddNode(new, place if a % 3 else None),
        "connect": Connect(wire),
        "disconnect": Disconnect(one, port),
        "remove": RemoveNode(one),
        "heal": RemoveNode(one, heal=True),
        "several": RemoveNodes(tuple(ids[a % len(ids) :][:3]), heal=bool(b % 2)),
        "params": SetParams(one, ((pick(["out_features", "p", "inputs", "not a name"], b), value),)),
        "frozen": SetFrozen(one, bool(b % 2)),
        "title": SetTitle(one, str(value)),
        "name": SetName(str(value)),
        "move": Move({one: place}),
        "splice": Splice(one, port, layer, position=place if a % 2 else None),
        "splice_in": splice_in(wire, pick(ids, a + b)),
        "many": Many("Pull", (AddNode(new, place), Connect(Edge(one, "output", new.id, port)))),
    }
    return edits[kind]


def summary(inference: Inference) -> tuple[object, ...]:
    ids = list(inference.graph.nodes)
    outputs = {node_id: dict(inference.outputs(node_id)) for node_id in ids}
    return outputs, {node_id: inference.cost(node_id) for node_id in ids}, inference.issues, inference.totals()


def rebuilt(graph: Graph) -> Graph:
    nodes = [Node(node.id, node.layer, node.params, node.title, node.frozen) for node in graph.nodes.values()]
    return Graph.build(nodes, graph.edges)


def carry_out(editor: Editor, step: Step) -> None:
    kind, a, b, _ = step
    if kind in ("undo", "redo"):
        getattr(editor, kind)()
    elif kind == "go_to":
        editor.go_to(a % 7 - 1)
    elif kind == "select":
        ids = [*editor.document.graph.nodes, "gone"]
        editor.select(ids[a % len(ids) :][:4], pick(["set", "add", "toggle", "remove"], b))
    elif kind == "save":
        editor.mark_saved(Path("net.nf.json"))
    elif kind == "open":
        editor.open(pick(STARTS, b)) if a % 5 == 0 else None
    else:
        before = (editor.document, editor.inference, editor.history, editor.position, editor.revision, editor.saved)
        try:
            editor.apply(make_edit(editor, step), pick([None, "one", "two"], b))
        except UserError as error:
            assert "\n" not in str(error)
            after = (editor.document, editor.inference, editor.history, editor.position, editor.revision, editor.saved)
            assert after == before


def assert_sound(editor: Editor) -> None:
    document = editor.document
    assert editor.selection <= set(document.graph.nodes)
    assert set(document.layout) == set(document.graph.nodes)
    assert editor.inference.graph is document.graph
    assert summary(editor.inference) == summary(infer_all(document.graph, CATALOG))
    assert 0 <= editor.position <= len(editor.history)
    assert (editor.undo_label is None) == (editor.position == 0)
    assert (editor.redo_label is None) == (editor.position == len(editor.history))
    assert loads(dumps(document)).graph == document.graph  # whatever is on the canvas can be saved and read again


# The same scripts each time, so that nothing fails by chance; Phase.shrink finds a small example of a failure.
@settings(max_examples=120, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate))
@given(st.integers(0, 2), steps)
def test_any_edits_can_be_undone_and_done_again(start: int, script: list[Step]) -> None:
    editor = Editor(CATALOG, STARTS[start])
    first = editor.document
    text = dumps(first)
    for step in script:
        revision, before = editor.revision, editor.document
        carry_out(editor, step)
        assert step[0] == "open" or (editor.revision > revision) == (editor.document is not before)
        assert_sound(editor)
        if step[0] == "open" and editor.revision > revision:
            first, text = editor.document, dumps(editor.document)
    editor.go_to(len(editor.history))
    last = editor.document
    kept = dumps(last)
    while editor.undo():
        assert_sound(editor)
    assert editor.document == first and dumps(editor.document) == text
    while editor.redo():
        assert_sound(editor)
    assert editor.document is last and dumps(last) == kept
    assert editor.document.graph == rebuilt(last.graph)
