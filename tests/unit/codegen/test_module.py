"""Generated source: what it looks like, that it is what trains, and that nothing foreign gets into it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.fx import GraphModule
from torch.nn import functional as F

from neuralforge.codegen.module import class_name_of, generate, generate_probe
from neuralforge.errors import UserError
from neuralforge.graph.document import Document, dumps, loads
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.graph.names import RESERVED
from neuralforge.layers.registry import catalog
from neuralforge.templates.registry import templates
from neuralforge.train.build import build_module, compile_source
from neuralforge.train.hashing import tensors_sha256, weights_sha256

GOLDEN = Path(__file__).parents[2] / "golden" / "code"
SMALL = ("mlp", "small_cnn", "lenet5", "resnet18", "unet", "lstm_classifier", "conv_autoencoder", "mobilenet_v2")


def chain(*nodes: Node) -> Document:
    edges = [Edge(a.id, "output", b.id, "input") for a, b in pairwise(nodes)]
    return Document(name="chain", graph=Graph.build(nodes, edges))


@pytest.mark.parametrize("key", sorted(templates()))
def test_source_of_each_template_is_as_recorded(key: str) -> None:
    """Golden files are made anew with NEURALFORGE_REGENERATE=1, never edited by hand."""
    source = generate(templates()[key].build(), catalog()).source
    file = GOLDEN / f"{key}.py"
    if os.environ.get("NEURALFORGE_REGENERATE"):
        file.write_text(source)
    assert source == file.read_text()


@pytest.mark.parametrize("key", sorted(templates()))
def test_source_imports_torch_alone_and_is_clean(key: str) -> None:
    source = generate(templates()[key].build(), catalog()).source
    imported = {
        name
        for statement in ast.walk(ast.parse(source))
        if isinstance(statement, ast.Import | ast.ImportFrom)
        for name in ([a.name for a in statement.names] if isinstance(statement, ast.Import) else [statement.module])
    }
    assert imported <= {"torch", "torch.nn"}
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E4,E7,E9,F,I", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


class HandWritten(nn.Module):
    """small_cnn as a person writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.fc1 = nn.Linear(256, 128)
        self.drop = nn.Dropout(0.25)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, image: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(image)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = self.drop(F.relu(self.fc1(torch.flatten(x, 1))))
        return self.fc2(x)


def test_outputs_and_gradients_equal_hand_written_code_bit_for_bit() -> None:
    document = templates()["small_cnn"].build(input_shape=(1, 8, 8), outputs=10)
    ours = build_module(generate(document, catalog()), seed=3)
    theirs = HandWritten()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(16, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    y = torch.arange(16) % 10
    gradients = []
    for model in (ours, theirs):
        torch.manual_seed(5)
        F.cross_entropy(model(x), y).backward()
        gradients.append(tensors_sha256({name: p.grad for name, p in model.named_parameters()}))
    assert gradients[0] == gradients[1]


def test_same_seed_gives_same_weights_and_leaves_the_callers_random_state_alone() -> None:
    generated = generate(templates()["mlp"].build(), catalog())
    torch.manual_seed(11)
    before = torch.get_rng_state()
    first = build_module(generated, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(12)
    assert weights_sha256(build_module(generated, seed=1)) == weights_sha256(first)
    assert weights_sha256(build_module(generated, seed=2)) != weights_sha256(first)


@pytest.mark.parametrize("key", SMALL)
def test_source_depends_on_the_document_alone(key: str) -> None:
    document = templates()[key].build()
    again = loads(dumps(document))
    assert generate(again, catalog()).source == generate(document, catalog()).source
    graph = document.graph
    node = next(node for node in graph.nodes.values() if graph.feeds(node.id))
    port, (source, source_port) = next(iter(graph.feeds(node.id).items()))
    edited = graph.disconnect(node.id, port).connect(Edge(source, source_port, node.id, port))
    assert generate(document.with_graph(edited), catalog()).source == generate(document, catalog()).source


def test_a_branch_has_variables_of_its_own_and_the_main_line_keeps_x() -> None:
    nodes = [
        Node.make("image", "input", shape=(4,)),
        Node.make("left", "linear", out_features=4),
        Node.make("right", "linear", out_features=4),
        Node.make("sum", "add"),
        Node.make("out", "output"),
    ]
    edges = [
        Edge("image", "output", "left", "input"),
        Edge("left", "output", "right", "input"),
        Edge("left", "output", "sum", "input1"),
        Edge("right", "output", "sum", "input2"),
        Edge("sum", "output", "out", "input"),
    ]
    source = generate(Document(graph=Graph.build(nodes, edges)), catalog()).source
    body = [line.split("  #")[0].strip() for line in source.split("def forward")[1].splitlines()[1:]]
    assert body == ["x = self.left(image)", "y = self.right(x)", "x = x + y", "return x"]


def test_several_inputs_and_outputs() -> None:
    nodes = [
        Node.make("a", "input", shape=(3,)),
        Node.make("b", "input", shape=(3,)),
        Node.make("both", "multiply"),
        Node.make("first", "output"),
        Node.make("second", "output"),
    ]
    edges = [
        Edge("a", "output", "both", "input1"),
        Edge("b", "output", "both", "input2"),
        Edge("both", "output", "first", "input"),
        Edge("a", "output", "second", "input"),
    ]
    generated = generate(Document(graph=Graph.build(nodes, edges)), catalog())
    module = build_module(generated, 0)
    a, b = torch.ones(2, 3) * 2, torch.ones(2, 3) * 5
    first, second = module(a, b)
    assert generated.inputs == ("a", "b")
    assert generated.outputs == ("first", "second")
    assert torch.equal(first, a * b)
    assert torch.equal(second, a)


def test_an_incomplete_network_is_refused_with_its_first_issue() -> None:
    document = chain(Node.make("image", "input", shape=(4,)), Node.make("conv", "conv2d"), Node.make("out", "output"))
    with pytest.raises(UserError, match=r"conv\.input"):
        generate(document, catalog())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("small_cnn", "SmallCnn"),
        ("", "Network"),
        ("3d net", "Network3dNet"),
        ("F", "FNet"),
        ("tensor", "TensorNet"),
        ('x"""; import os #', "XImportOs"),
    ],
)
def test_class_names(name: str, expected: str) -> None:
    assert class_name_of(name) == expected


@settings(max_examples=200, deadline=None)
@given(name=st.text(max_size=60), title=st.text(max_size=60))
def test_no_text_of_the_user_reaches_the_source(name: str, title: str) -> None:
    document = chain(
        Node.make("image", "input", shape=(4,), title=title),
        Node.make("fc", "linear", title=title, out_features=2),
        Node.make("out", "output", title=title),
    )
    named = Document(name=name, graph=document.graph, notes=(title,))
    generated = generate(named, catalog())
    assert generated.class_name.isidentifier()
    renamed = generated.source.replace(f"class {generated.class_name}(", "class Chain(")
    assert renamed == generate(document, catalog()).source


@settings(max_examples=200, deadline=None)
@given(
    value=st.one_of(
        st.text(max_size=20),
        st.floats(),
        st.integers(),
        st.booleans(),
        st.none(),
        st.lists(st.one_of(st.integers(), st.text(max_size=5)), max_size=4),
    ),
    layer=st.sampled_from(sorted(catalog().specs)),
    data=st.data(),
)
def test_only_validated_literals_enter_the_text(value: object, layer: str, data: st.DataObject) -> None:
    """Whatever stands in a parameter is refused or becomes a literal: the source has no other names or calls."""
    spec = catalog()[layer]
    if not spec.fields:
        return
    field = data.draw(st.sampled_from(spec.fields))
    sample = spec.samples[0]
    try:
        params = spec.parse({**sample.params, field.name: value})
        outputs = spec.infer(params, sample.inputs)
    except ValueError:
        return
    emitted = spec.emit(params, sample.inputs, outputs)
    texts = [emitted.module] if emitted.module else []
    texts += [line.text.replace("{", "").replace("}", "") for line in emitted.lines]
    for text in texts:
        for part in ast.walk(ast.parse(text)):
            assert not isinstance(part, ast.Lambda | ast.Await | ast.NamedExpr | ast.JoinedStr)
            if isinstance(part, ast.Attribute):
                assert not part.attr.startswith("_")
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                assert part.value in {choice for item in spec.fields for choice in item.choices} | {"constant"}


def test_probe_yields_every_value_of_the_forward_pass() -> None:
    document = templates()["small_cnn"].build(input_shape=(1, 8, 8), outputs=10)
    module = build_module(generate(document, catalog()), 0).eval()
    probe = compile_source(generate_probe(document, catalog()), "probe")["probe"]
    x = torch.randn(4, 1, 8, 8)
    values = {node_id: value for node_id, _, value in probe(module, x)}
    assert list(values) == [key for key in document.graph.order() if key != "output"]
    assert torch.equal(values["fc2"], module(x))


def test_a_traceback_shows_the_line_of_the_generated_source() -> None:
    document = templates()["mlp"].build(input_shape=(4,), outputs=2)
    module = build_module(generate(document, catalog()), 0)
    try:
        module(torch.ones(3, 5))
    except RuntimeError as error:
        import traceback

        assert "self.fc1" in "".join(traceback.format_exception(error))
    else:
        pytest.fail("a wrong shape must raise")


def test_reserved_names_cover_what_a_submodule_would_hide() -> None:
    attributes = {*dir(nn.Module), *dir(GraphModule)}
    assert {name for name in attributes if name.islower() and not name.startswith("_")} <= RESERVED
