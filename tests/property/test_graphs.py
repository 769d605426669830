"""Random networks: whatever is built, edited and undone, inference stays true, and documents stay values."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from neuralforge.errors import UserError
from neuralforge.graph import inference as inference_module
from neuralforge.graph.document import Document, dumps, loads
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
)
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.graph.inference import Inference, infer_all
from neuralforge.graph.names import slugify
from neuralforge.graph.shapes import BATCH
from neuralforge.layers.registry import LayerCatalog, catalog

CATALOG = catalog()
SPECS = sorted(CATALOG, key=lambda spec: spec.key)
INPUTS = ((1, 8, 8), (3, 16, 16), (12,), (7, 12), (64,), (2, 6, 5, 4), (1,))

MERGING = [spec for spec in SPECS if len(spec.ports(spec.params())) > 1]

# The same scripts each time, so that nothing fails by chance. Shrinking takes minutes; for a small example of a
# failure put Phase.shrink in.
PHASES = (Phase.explicit, Phase.generate)
MANY = settings(max_examples=150, deadline=None, derandomize=True, phases=PHASES)
FEW = settings(max_examples=80, deadline=None, derandomize=True, phases=PHASES)

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 70),
    st.sampled_from([10**9, -(10**9), 0.5, 1e-9, "tanh", "reflect", "x", ""]),
    st.lists(st.integers(-2, 9), max_size=5).map(tuple),
)
numbers = st.integers(0, 1 << 16)

Step = tuple[str, int, int, int, object]

KINDS = """
    add append append append append connect connect disconnect remove heal
    param param sample splice frozen title move fix fix fix undo
""".split()

steps = st.lists(st.tuples(st.sampled_from(KINDS), numbers, numbers, numbers, values), min_size=6, max_size=40)


def pick(items: Sequence[object], number: int) -> object:
    return items[number % len(items)]


def make_edit(document: Document, step: Step, issues: Inference) -> Edit | None:
    """Turn random numbers into an edit; it may well be one that the document refuses."""
    kind, a, b, c, value = step
    graph = document.graph
    ids = list(graph.nodes)
    spec = pick(MERGING if kind == "append" and c % 4 == 0 else SPECS, a)
    if kind in ("add", "append") or not ids:
        params = dict(pick(spec.samples, b).params)
        if spec.key == "input":
            params = {"shape": pick(INPUTS, c), "dtype": pick(("float32", "float32", "int64"), b)}
        return AddNode(Node.make(slugify(spec.key, graph.nodes), spec.key, **params), (float(b % 99), float(c % 99)))
    node_id = pick(ids, b)
    other = pick(ids, c)
    node = graph.nodes[node_id]
    ports = (*CATALOG.bind(node).input_names, "input", "other")
    if kind == "connect":
        outputs = [*issues.outputs(other), "output"]
        return Connect(Edge(other, pick(outputs, a), node_id, pick(ports, a >> 4)))
    if kind == "disconnect":
        return Disconnect(node_id, pick(ports, a))
    if kind == "param":
        fields = CATALOG.specs[node.layer].fields if node.layer in CATALOG.specs else ()
        return SetParams(node_id, ((pick([item.name for item in fields] or ["none"], a), value),))
    if kind == "sample":
        return SetParams.of(node_id, **dict(pick(CATALOG.specs[node.layer].samples, a).params))
    if kind == "splice":
        return Splice(node_id, pick(ports, c), spec.key)
    if kind == "fix":
        fixes = [edit for issue in issues.issues for edit in issue.fixes if not isinstance(edit, RemoveNode)]
        return pick(fixes, a) if fixes else None
    return {
        "remove": RemoveNode(node_id),
        "heal": RemoveNode(node_id, heal=True),
        "frozen": SetFrozen(node_id, bool(a % 2)),
        "title": SetTitle(node_id, str(value)),
        "move": Move({node_id: (a / 4, -c / 4)}),
    }[kind]


def wire_up(document: Document, before: Document, number: int) -> Document:
    """Feed each input of a node that was appended from some earlier node."""
    new = next(iter(set(document.graph.nodes) - set(before.graph.nodes)))
    earlier = list(before.graph.nodes)
    for place, port in enumerate(CATALOG.bind(document.graph.nodes[new]).input_names):
        if earlier:
            source = pick(earlier, number + place) if number % 3 else earlier[-1]
            document = Connect(Edge(source, "output", new, port)).apply(document)
    return document


def summary(inference: Inference) -> tuple[object, ...]:
    ids = list(inference.graph.nodes)
    return (
        {node_id: dict(inference.outputs(node_id)) for node_id in ids},
        {node_id: inference.inputs(node_id) for node_id in ids},
        {node_id: inference.cost(node_id) for node_id in ids},
        inference.issues,
        inference.totals(3),
    )


def assert_ordered(graph: Graph) -> None:
    place = {node_id: number for number, node_id in enumerate(graph.order())}
    assert len(place) == len(graph.order()) == len(graph.nodes)
    for edge in graph.edges:
        assert place[edge.source] < place[edge.target]
        assert edge.target in graph.consumers(edge.source)
    for node_id in graph.nodes:
        fed = {edge.target for edge in graph.edges if edge.source == node_id}
        assert sorted(fed) == sorted(graph.consumers(node_id))


def assert_sound(inference: Inference) -> None:
    for node_id in inference.graph.nodes:
        for kind in inference.outputs(node_id).values():
            assert kind is None or (kind.shape[0] == BATCH and all(type(n) is int and n > 0 for n in kind.shape[1:]))
    for issue in inference.issues:
        assert issue.fixes and issue.expected and issue.received
        assert "internal error" not in issue.received, issue
        assert issue.node == "" or issue.node in inference.graph.nodes


def start() -> Document:
    """Begin with one input of each kind, so that there is something to compute with."""
    nodes = [Node.make(f"data_{number}", "input", shape=shape) for number, shape in enumerate(INPUTS)]
    return Document(graph=Graph.build([*nodes, Node.make("tokens", "input", shape=(9,), dtype="int64")]))


def walk(script: list[Step]) -> list[Document]:
    """Apply a script; check after each step that the incremental result is the one from scratch."""
    documents = [start()]
    inference = infer_all(documents[0].graph, CATALOG)
    for step in script:
        document = documents[-1]
        if step[0] == "undo":
            changed = documents[-1 - step[1] % min(4, len(documents))]
        else:
            edit = make_edit(document, step, inference)
            if edit is None:
                continue
            try:
                changed = edit.apply(document)
                if step[0] == "append" and isinstance(edit, AddNode):
                    changed = wire_up(changed, document, step[3])
            except UserError as error:
                assert "\n" not in str(error)
                continue
        inference = infer_all(changed.graph, CATALOG, inference)
        assert summary(inference) == summary(infer_all(changed.graph, CATALOG))
        assert_ordered(changed.graph)
        assert_sound(inference)
        documents.append(changed)
    return documents


@MANY
@given(steps)
def test_incremental_inference_equals_inference_from_scratch(script: list[Step]) -> None:
    walk(script)


@FEW
@given(steps, st.integers(0, 3))
def test_long_ripples_end_in_a_sweep(script: list[Step], longest: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inference_module, "LONG_RIPPLE", longest)
        walk(script)


@FEW
@given(steps)
def test_inference_over_several_edits_at_once(script: list[Step]) -> None:
    documents = walk(script)
    last = documents[-1].graph
    for document in (documents[0], documents[len(documents) // 2]):
        old = infer_all(document.graph, CATALOG)
        assert summary(infer_all(last, CATALOG, old)) == summary(infer_all(last, CATALOG))
        new = infer_all(last, CATALOG)
        assert summary(infer_all(document.graph, CATALOG, new)) == summary(old)


@FEW
@given(steps)
def test_a_graph_built_at_once_equals_the_edited_one(script: list[Step]) -> None:
    graph = walk(script)[-1].graph
    fresh_catalog = LayerCatalog(CATALOG)  # knows nothing by heart
    nodes = [Node(node.id, node.layer, node.params, node.title, node.frozen) for node in graph.nodes.values()]
    built = Graph.build(nodes, reversed(graph.edges))
    assert built == graph
    assert_ordered(built)
    one, other = infer_all(graph, CATALOG), infer_all(built, fresh_catalog)
    assert summary(one)[:3] == summary(other)[:3]
    assert {str(issue) for issue in one.issues} == {str(issue) for issue in other.issues}
    assert one.totals() == other.totals()


@FEW
@given(steps)
def test_documents_round_trip_and_their_text_is_stable(script: list[Step]) -> None:
    document = walk(script)[-1]
    text = dumps(document)
    again = loads(text)
    assert again.graph == document.graph and again.name == document.name and again.notes == document.notes
    assert again.layout.keys() == document.layout.keys()
    for node_id, position in document.layout.items():
        assert again.layout[node_id] == pytest.approx(position, abs=0.006)  # written with two decimals
    assert dumps(again) == text
    assert repr(list(again.graph.nodes.values())) == repr(list(document.graph.nodes.values()))


@FEW
@given(steps)
def test_old_documents_stay_as_they_were(script: list[Step]) -> None:
    """Undo keeps old documents; nothing that comes later may reach into them."""
    texts: list[str] = []
    documents = [start()]
    for step in script:
        document = documents[-1]
        texts.append(dumps(document))
        inference = infer_all(document.graph, CATALOG)
        edit = make_edit(document, ("add", *step[1:]) if step[0] == "undo" else step, inference)
        if edit is None:
            documents.append(document)
            continue
        try:
            changed = edit.apply(document)
            if step[0] == "append" and isinstance(edit, AddNode):
                changed = wire_up(changed, document, step[3])
        except UserError:
            changed = document
        documents.append(changed)
    for document, text in zip(documents, texts, strict=False):
        assert dumps(document) == text
        assert_ordered(document.graph)


connections = st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14), st.booleans()), max_size=80)


@MANY
@given(connections)
def test_order_survives_wires_and_finds_every_cycle(wires: list[tuple[int, int, bool]]) -> None:
    """Draw and take away wires at random; the order holds, and a refusal is right."""
    graph = Graph.build([Node(f"n_{number}", "relu") for number in range(15)])
    present: set[tuple[int, int]] = set()
    for a, b, draw in wires:
        if draw or (a, b) not in present:
            closes = a == b or reaches(present, b, a)
            try:
                graph = graph.connect(Edge(f"n_{a}", "output", f"n_{b}", f"from_{a}"))
            except UserError as error:
                assert closes or (a, b) in present, error
                continue
            assert not closes
            present.add((a, b))
        else:
            graph = graph.disconnect(f"n_{b}", f"from_{a}")
            present.discard((a, b))
        assert_ordered(graph)
    assert {(edge.source, edge.target) for edge in graph.edges} == {(f"n_{a}", f"n_{b}") for a, b in present}


def reaches(wires: set[tuple[int, int]], start: int, end: int) -> bool:
    seen, todo = {start}, [start]
    while todo:
        here = todo.pop()
        if here == end:
            return True
        for a, b in wires:
            if a == here and b not in seen:
                seen.add(b)
                todo.append(b)
    return False
