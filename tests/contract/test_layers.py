"""What every layer of the catalog promises, held against PyTorch on the meta device.

A new layer is tested here without a new test: its samples, its parameters' bounds and a battery of wrong inputs
are all that is needed.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from neuralforge.errors import UserError
from neuralforge.graph.document import Document
from neuralforge.graph.edits import RemoveNode, SetParams, Splice
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.graph.inference import Inference, Issue, infer_all
from neuralforge.graph.names import RESERVED
from neuralforge.graph.params import ParamError, ParamField
from neuralforge.graph.shapes import BATCH, UNCONNECTED, TensorType
from neuralforge.layers.registry import LayerCatalog, catalog
from neuralforge.layers.spec import BoundRule, LayerSpec, Sample, Source

CATALOG = catalog()
SPECS = list(CATALOG)
SAMPLES = [
    pytest.param(spec, sample, id=f"{spec.key}-{number}")
    for spec in SPECS
    for number, sample in enumerate(spec.samples)
]
EACH = pytest.mark.parametrize("spec", [pytest.param(spec, id=spec.key) for spec in SPECS])
EACH_SAMPLE = pytest.mark.parametrize(("spec", "sample"), SAMPLES)

NOT_COUNTED = {"bilinear"}
"""Layers with multiplications that PyTorch's counter does not know."""

DTYPES = {"float32": torch.float32, "int64": torch.int64, "bool": torch.bool}


class Names(dict[str, str]):
    """Variables of one node: `{input}` becomes `v_input`, `{self}` becomes `module`."""

    def __missing__(self, key: str) -> str:
        return "module" if key == "self" else f"v_{key}"


def bind(spec: LayerSpec, sample: Sample) -> BoundRule:
    return CATALOG.bind(Node.make("node_1", spec.key, **sample.params))


def outputs_of(rule: BoundRule, inputs: tuple[TensorType, ...]) -> tuple[TensorType, ...]:
    outcome = rule.evaluate(inputs)
    assert outcome.problem is None, outcome.problem
    kinds = tuple(outcome.outputs.values())
    assert None not in kinds
    return kinds  # type: ignore[return-value]


def source_of(rule: BoundRule, inputs: tuple[TensorType, ...]) -> Source:
    return rule.spec.emit(rule.params, inputs, outputs_of(rule, inputs))


def build(source: Source) -> nn.Module | None:
    if source.module is None:
        return None
    with torch.device("meta"):
        return eval(source.module, {"torch": torch, "nn": nn, "F": F})


def example(kind: TensorType, batch: int) -> Tensor:
    shape = [batch if size == BATCH else size for size in kind.shape]
    return torch.empty(shape, dtype=DTYPES[kind.dtype], device="meta")


def run(rule: BoundRule, source: Source, module: nn.Module | None, inputs: tuple[TensorType, ...], batch: int) -> dict:
    names = Names()
    scope = {"torch": torch, "nn": nn, "F": F, "Tensor": Tensor, "module": module}
    for port, kind in zip(rule.ports, inputs, strict=True):
        if kind is not UNCONNECTED:
            scope[f"v_{port.name}"] = example(kind, batch)
    for line in source.lines:
        exec(line.text.format_map(names), scope)
    return {name: scope[f"v_{name}"] for name in rule.spec.outputs}


def check_against_torch(rule: BoundRule, inputs: tuple[TensorType, ...], batches: tuple[int, ...] = (3,)) -> None:
    """Hold outputs, parameters and buffers against what PyTorch makes of the emitted source."""
    outcome = rule.evaluate(inputs)
    source = source_of(rule, inputs)
    if rule.spec.key in ("input", "output"):
        assert source.module is None and source.lines == ()
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        module = build(source)
        for batch in batches:
            for name, got in run(rule, source, module, inputs, batch).items():
                kind = outcome.outputs[name]
                assert tuple(got.shape) == tuple(batch if size == BATCH else size for size in kind.shape), source
                assert got.dtype == DTYPES[kind.dtype]
    parameters = sum(p.numel() for p in module.parameters()) if module else 0
    buffers = sum(b.numel() for b in module.buffers()) if module else 0
    assert (outcome.cost.parameters, outcome.cost.buffers) == (parameters, buffers), source


@EACH_SAMPLE
def test_outputs_and_sizes_equal_torch(spec: LayerSpec, sample: Sample) -> None:
    rule = bind(spec, sample)
    assert rule.problem is None, rule.problem
    check_against_torch(rule, sample.inputs, (2, 3))
    for kind in outputs_of(rule, sample.inputs):
        assert kind.shape[0] == BATCH
        assert all(type(size) is int and size > 0 for size in kind.shape[1:])


@EACH_SAMPLE
def test_macs_equal_torch(spec: LayerSpec, sample: Sample) -> None:
    rule = bind(spec, sample)
    source = source_of(rule, sample.inputs)
    cost = rule.evaluate(sample.inputs).cost
    if not source.lines:
        assert cost.macs == 0
        return
    module = build(source)
    with FlopCounterMode(display=False) as counter:
        run(rule, source, module, sample.inputs, 2)
    counted = counter.get_total_flops()
    if spec.key in NOT_COUNTED:
        assert counted == 0 and cost.macs > 0  # when PyTorch learns to count it, compare
    else:
        assert cost.macs * 2 * 2 == counted


@EACH_SAMPLE
def test_costs_are_plausible(spec: LayerSpec, sample: Sample) -> None:
    rule = bind(spec, sample)
    cost = rule.evaluate(sample.inputs).cost
    assert min(cost.parameters, cost.buffers, cost.macs, cost.activation_bytes) >= 0
    assert all(type(number) is int for number in (cost.parameters, cost.buffers, cost.macs, cost.activation_bytes))
    if cost.macs:
        assert cost.activation_bytes >= outputs_of(rule, sample.inputs)[0].bytes


@EACH_SAMPLE
def test_source_holds_literals_and_known_names_alone(spec: LayerSpec, sample: Sample) -> None:
    rule = bind(spec, sample)
    source = source_of(rule, sample.inputs)
    known = {"v_" + port.name for port in rule.ports} | {"v_" + name for name in spec.outputs}
    allowed = known | {"torch", "nn", "F", "module", "_"}
    texts = [line.text.format_map(Names()) for line in source.lines] + ([source.module] if source.module else [])
    for text in texts:
        for part in ast.walk(ast.parse(text)):
            if isinstance(part, ast.Name):
                assert part.id in allowed or part.id.startswith("v__"), text
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                choices = {choice for item in spec.fields for choice in item.choices}
                assert part.value in choices, text
    unused = {port.name for port, kind in zip(rule.ports, sample.inputs, strict=True) if kind is UNCONNECTED}
    written = set(re.findall(r"{(\w+)}", " ".join(line.text for line in source.lines)))
    assert not unused & written
    defined = [name for line in source.lines for name in line.defines]
    assert set(defined) >= (set(spec.outputs) if source.lines else set())


@EACH_SAMPLE
def test_lines_for_an_output_alone_are_enough(spec: LayerSpec, sample: Sample) -> None:
    """Code generation leaves a line out when nothing uses what it defines; the rest must still run."""
    rule = bind(spec, sample)
    source = source_of(rule, sample.inputs)
    for wanted in spec.outputs if source.lines else ():
        kept = tuple(line for line in source.lines if wanted in line.defines)
        scope = run(replace_outputs(rule, (wanted,)), Source(kept, source.module), build(source), sample.inputs, 2)
        assert wanted in scope


def replace_outputs(rule: BoundRule, outputs: tuple[str, ...]) -> BoundRule:
    made = BoundRule(rule.catalog, replace(rule.spec, outputs=outputs), rule.params, None)
    return made


@EACH
def test_live_attributes(spec: LayerSpec) -> None:
    fields = {item.name: item for item in spec.fields}
    for name, attribute in spec.live.items():
        field = fields[name]
        assert field.kind == "float" and field.bounds is not None
        for sample in spec.samples:
            rule = bind(spec, sample)
            source = source_of(rule, sample.inputs)
            module = build(source)
            assert isinstance(getattr(module, attribute), float)
            other = bind(spec, Sample(sample.inputs, {**sample.params, name: 0.375}))
            assert source_of(other, sample.inputs).lines == source.lines
            assert "0.375" not in " ".join(line.text for line in source_of(other, sample.inputs).lines)
            setattr(module, attribute, 0.375)
            assert source_of(rule, sample.inputs) == source
            run(rule, source, module, sample.inputs, 2)


@EACH
def test_what_draws_random_numbers_says_so(spec: LayerSpec) -> None:
    """A session seeds the forward pass of a network where a layer draws; one that keeps it quiet breaks replay."""
    drew = False
    for sample in spec.samples:
        rule = bind(spec, Sample(sample.inputs, {**sample.params, **dict.fromkeys(spec.live, 0.25)}))
        source = source_of(rule, sample.inputs)
        module = None if source.module is None else eval(source.module, {"torch": torch, "nn": nn, "F": F})
        scope = {"torch": torch, "nn": nn, "F": F, "module": module}
        for port, kind in zip(rule.ports, sample.inputs, strict=True):
            if kind is not UNCONNECTED:
                shape = [2 if size == BATCH else size for size in kind.shape]
                scope[f"v_{port.name}"] = torch.ones(shape, dtype=DTYPES[kind.dtype])
        before = torch.get_rng_state()
        for line in source.lines:
            exec(line.text.format_map(Names()), scope)
        drew = drew or not torch.equal(torch.get_rng_state(), before)
    assert drew == spec.draws


@EACH
def test_description_is_complete(spec: LayerSpec) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", spec.key)
    assert spec.title and spec.doc.endswith(".")
    assert spec.samples
    if spec.fields:
        assert len(spec.samples) >= 2, "a layer with choices needs two samples"
    for item in spec.fields:
        assert item.doc.endswith("."), f"{item.name} needs a sentence"
        assert item.kind in ("bool", "choice", "text") or item.bounds is not None, f"{item.name} needs bounds"
        assert item.default is None or item.parse(item.default) == item.default
    assert spec.parse({}) == spec.params()
    for sample in spec.samples:
        ports = spec.ports(spec.parse(sample.params))
        assert len(ports) == len(sample.inputs)
        assert len({port.name for port in ports} | set(spec.outputs)) == len(ports) + len(spec.outputs)


@EACH
def test_search_words_add_something(spec: LayerSpec) -> None:
    words = [word.lower() for word in spec.search]
    assert len(set(words)) == len(words)
    assert all(word == word.strip() and word not in (spec.key, spec.title.lower()) for word in words)
    assert words or spec.category == "input/output" or spec.key == "bilinear"


# wrong inputs -------------------------------------------------------------------------------------------------

BATTERY = (
    *(TensorType((BATCH, *shape)) for shape in ((), (1,), (5,), (12,), (49,), (1, 1), (3, 5), (7, 12), (6, 1))),
    *(TensorType((BATCH, *shape)) for shape in ((1, 1, 1), (3, 2, 1), (8, 5, 4), (1, 1, 1, 1), (2, 3, 4, 5))),
    *(TensorType((BATCH, *shape)) for shape in ((2, 3, 2, 3, 2), (3, 1, 2, 1, 2, 1))),
    *(TensorType((BATCH, *shape), "int64") for shape in ((), (12,), (3, 5), (1, 4, 4), (2, 3, 4, 5))),
)

MAX_FIXES = 6


def document_of(spec: LayerSpec, params: dict, inputs: tuple[TensorType, ...]) -> Document:
    """Put a layer between an input for each of its ports and an output."""
    node = Node.make("node_1", spec.key, **params)
    nodes, edges = [node], []
    ports = spec.ports(spec.parse(params))
    for number, (port, kind) in enumerate(zip(ports, inputs, strict=True)):
        if kind is not UNCONNECTED:
            shape = kind.shape[1:]
            nodes.append(Node.make(f"data_{number}", "input", shape=shape or (1,), dtype=kind.dtype))
            source = f"data_{number}"
            if not shape:
                nodes.append(Node.make(f"flat_{number}", "select"))
                edges.append(Edge(source, "output", f"flat_{number}", "input"))
                source = f"flat_{number}"
            edges.append(Edge(source, "output", "node_1", port.name))
    if spec.outputs:
        nodes.append(Node.make("result", "output"))
        edges.append(Edge("node_1", spec.outputs[0], "result", "input"))
    return Document(graph=Graph.build(nodes, edges))


def issues_at(inference: Inference, node: str) -> list[Issue]:
    """Return problems of a node, not that its output is used nowhere."""
    return [issue for issue in inference.issues if issue.node == node and issue.expected != "a wire to another node"]


def check_fixes(document: Document) -> int:
    """Apply every fix of every issue of `node_1`, and follow the first ones to the end. Return how many issues."""
    before = infer_all(document.graph, CATALOG)
    found = issues_at(before, "node_1")
    for issue in found:
        assert "internal error" not in issue.received, issue
        assert issue.fixes, issue
        assert issue.expected and issue.received and "\n" not in str(issue)
        for edit in issue.fixes:
            mended = edit.apply(document)
            after = infer_all(mended.graph, CATALOG, before)
            left = [(other.port, other.expected, other.received) for other in issues_at(after, "node_1")]
            assert (issue.port, issue.expected, issue.received) not in left, (str(issue), edit)
            if isinstance(edit, SetParams):
                assert (issue.port, issue.expected) not in [entry[:2] for entry in left], (str(issue), edit)
            if isinstance(edit, Splice):
                new = set(mended.graph.nodes) - set(document.graph.nodes)
                assert not [str(other) for name in new for other in issues_at(after, name)], (str(issue), edit)
    follow(document, found)
    return len(found)


def follow(document: Document, found: list[Issue]) -> None:
    """Click the first fix until the node is in order, lacks a wire, or is gone."""
    for _ in range(MAX_FIXES):
        if not found or found[0].received == UNCONNECTED.dtype:
            return
        document = found[0].fixes[0].apply(document)
        if isinstance(found[0].fixes[0], RemoveNode):
            return
        found = issues_at(infer_all(document.graph, CATALOG), "node_1")
    raise AssertionError(f"Fixes lead in a circle: {found[0]}")


@EACH_SAMPLE
def test_wrong_inputs_have_fixes_that_work(spec: LayerSpec, sample: Sample) -> None:
    for place, wanted in enumerate(sample.inputs):
        for kind in BATTERY:
            if wanted is UNCONNECTED and spec.key != "multi_head_attention":
                continue
            inputs = (*sample.inputs[:place], kind, *sample.inputs[place + 1 :])
            check_fixes(document_of(spec, dict(sample.params), inputs))
            rule = bind(spec, sample)
            if rule.evaluate(inputs).problem is None:
                check_against_torch(rule, inputs)


def test_the_battery_reaches_most_layers() -> None:
    """Guard against a battery that no layer minds."""
    minding = 0
    for spec in SPECS:
        sample = spec.samples[0]
        if sample.inputs:
            minding += any(
                check_fixes(document_of(spec, dict(sample.params), (kind, *sample.inputs[1:]))) for kind in BATTERY
            )
    assert minding > 0.9 * len(SPECS)


# parameters ---------------------------------------------------------------------------------------------------


def fitting_values(field: ParamField) -> Iterator[object]:
    """Yield values inside a parameter's bounds, small enough for PyTorch to make tensors of."""
    if field.optional:
        yield None
    if field.kind == "bool":
        yield from (True, False)
    if field.kind == "choice":
        yield from field.choices
    numbers = [n for n in (-2, -1, 0, 1, 2, 3, 5) if field.bounds and field.bounds.low <= n <= field.bounds.high]
    if field.kind == "int":
        yield from numbers
    if field.kind == "float":
        yield from (n / 4 for n in numbers if field.bounds and field.bounds.low <= n / 4 <= field.bounds.high)
    if field.kind == "ints":
        for length in [field.length] if field.length else range(1, 7):
            yield from ((n,) * length for n in numbers)
            yield tuple(numbers[(2 + place) % len(numbers)] for place in range(length))


def extreme_values(field: ParamField) -> Iterator[object]:
    if field.bounds and field.kind in ("int", "float", "ints"):
        for edge in (field.bounds.low, field.bounds.high):
            number = float(edge) if field.kind == "float" else int(edge)
            yield (number,) * (field.length or 2) if field.kind == "ints" else number


@EACH_SAMPLE
def test_parameters_in_bounds_agree_with_torch_or_have_fixes(spec: LayerSpec, sample: Sample) -> None:
    for field in spec.fields:
        for value in fitting_values(field):
            params = {**sample.params, field.name: value}
            count = len(spec.ports(spec.parse(params)))
            inputs = (*sample.inputs, *sample.inputs[-1:] * count)[:count]
            rule = CATALOG.bind(Node.make("node_1", spec.key, **params))
            assert rule.problem is None
            if check_fixes(document_of(spec, params, inputs)) == 0:
                check_against_torch(rule, inputs)


@EACH_SAMPLE
def test_extreme_parameters_never_raise(spec: LayerSpec, sample: Sample) -> None:
    for field in spec.fields:
        for value in extreme_values(field):
            params = {**sample.params, field.name: value}
            count = len(spec.ports(spec.parse(params)))
            inputs = (*sample.inputs, *sample.inputs[-1:] * count)[:count]
            check_fixes(document_of(spec, params, inputs))


WRONG = (
    None,
    "",
    "x",
    "__import__('os')",
    True,
    -(10**12),
    10**15,
    0.5,
    (),
    (1,) * 17,
    ("a",),
    (1, (2,)),
    (0.5,),
)


@EACH
def test_wrong_parameters_are_issues_and_never_exceptions(spec: LayerSpec) -> None:
    sample = spec.samples[0]
    for field in spec.fields:
        assert not any(parses(field, value) for value in (10**400, math.nan, math.inf, {}, object()))
        for value in WRONG:
            node = Node.make("node_1", spec.key, **{**sample.params, field.name: value})
            inference = infer_all(Graph.build([node]), CATALOG)
            parsed = parses(field, value)
            mentioned = [issue for issue in issues_at(inference, "node_1") if issue.port == field.name]
            if not parsed:
                assert len(mentioned) == 1 and mentioned[0].fixes
                mended = mentioned[0].fixes[0].apply(Document(graph=inference.graph))
                assert mended.graph.nodes["node_1"].param(field.name) == field.default
                left = issues_at(infer_all(mended.graph, CATALOG), "node_1")
                assert field.name not in [issue.port for issue in left]
    stranger = infer_all(Graph.build([Node.make("node_1", spec.key, no_such_thing=1)]), CATALOG)
    assert "no_such_thing" in [issue.port for issue in stranger.issues]


def parses(field: ParamField, value: object) -> bool:
    try:
        field.parse(value)
    except ParamError:
        return False
    return True


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**19, 1e300, "\ud800", {"a": 1}, object()])
def test_what_no_document_can_hold_is_refused_at_the_node(value: object) -> None:
    with pytest.raises(UserError, match="p"):
        Node.make("node_1", "dropout", p=value)


# the catalog --------------------------------------------------------------------------------------------------


def test_there_are_enough_layers_and_keys_are_unique() -> None:
    assert len(CATALOG) >= 40
    assert len({spec.key for spec in SPECS}) == len(SPECS)
    with pytest.raises(ValueError, match="Two layers"):
        LayerCatalog([SPECS[0], SPECS[0]])


def test_layers_of_the_specification_are_there() -> None:
    named = """
        input output linear bilinear embedding conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d
        separable_conv2d max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d
        adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d batch_norm
        layer_norm group_norm instance_norm rms_norm local_response_norm relu relu6 leaky_relu elu selu gelu silu mish
        sigmoid tanh softplus hardswish hardsigmoid softmax log_softmax glu prelu dropout dropout1d dropout2d dropout3d
        alpha_dropout rnn lstm gru multi_head_attention transformer_encoder_layer positional_encoding flatten reshape
        permute squeeze unsqueeze slice select upsample pad pixel_shuffle add multiply subtract concat stack matmul mean
    """
    assert set(named.split()) <= set(CATALOG.specs)


def test_reserved_names_cover_the_module() -> None:
    module = {name for name in dir(nn.Module) if re.fullmatch(r"[a-z][a-z0-9_]*", name)}
    instance = {name for name in vars(nn.Module()) if re.fullmatch(r"[a-z][a-z0-9_]*", name)}
    assert module | instance <= RESERVED


def test_an_unknown_layer_is_an_issue() -> None:
    inference = infer_all(Graph.build([Node.make("node_1", "no_such_layer")]), CATALOG)
    issue = issues_at(inference, "node_1")[0]
    assert "no_such_layer" in issue.received and issue.fixes
