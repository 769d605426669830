"""What every template owes; a new one is tested without a new test."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from neuralforge.codegen.module import generate
from neuralforge.errors import UserError
from neuralforge.graph.datainfo import DataInfo
from neuralforge.graph.document import Document, dumps, loads
from neuralforge.graph.inference import infer_all
from neuralforge.layers.registry import catalog
from neuralforge.templates.binding import Bound, bind, effective_task
from neuralforge.templates.options import option_fields, parse_options
from neuralforge.templates.registry import find, templates
from neuralforge.templates.template import Goal, Template

KEYS = "conv_autoencoder lenet5 lstm_classifier mlp mobilenet_v2 resnet18 resnet50 small_cnn unet vgg16".split()


def info(name: str, kind: Any, task: Any, shape: tuple[int, ...], outputs: int = 10) -> DataInfo:
    classes = tuple(f"c{number}" for number in range(outputs)) if task in ("classification", "segmentation") else ()
    dtype: Any = "int64" if kind == "tokens" else "float32"
    return DataInfo(
        name=name,
        kind=kind,
        task=task,
        input_shape=shape,
        input_dtype=dtype,
        outputs=outputs,
        classes=classes,
        samples=500,
    )


DATA = [
    info("digits", "image", "classification", (1, 8, 8)),
    info("mnist5000", "image", "classification", (1, 28, 28)),
    info("odd", "image", "classification", (2, 31, 45), 3),
    info("photos", "image", "classification", (3, 32, 32)),
    info("large", "image", "classification", (3, 224, 224), 1000),
    info("wide", "image", "classification", (1, 8, 100)),
    info("dots", "image", "classification", (1, 2, 2), 2),
    info("ages", "image", "regression", (3, 40, 40), 1),
    info("cells", "image", "segmentation", (1, 30, 42), 4),
    info("tiny_cells", "image", "segmentation", (3, 9, 12), 2),
    info("pictures", "image", "reconstruction", (3, 28, 31), 3),
    info("scans", "image", "reconstruction", (3, 2048, 2048), 3),
    info("iris", "table", "classification", (4,), 3),
    info("diabetes", "table", "regression", (10,), 1),
    info("single", "table", "regression", (1,), 2),
    info("columns", "table", "reconstruction", (6,), 6),
    info("digits_sequence", "sequence", "classification", (8, 8)),
    info("curves", "sequence", "regression", (50, 1), 2),
    info("signals", "sequence", "reconstruction", (20, 3), 3),
    info("reviews", "tokens", "classification", (60,), 2),
    info("prices", "tokens", "regression", (12,), 1),
]

every_template = pytest.mark.parametrize("template", templates().values(), ids=list(templates()))
every_data = pytest.mark.parametrize("data", DATA, ids=[data.name for data in DATA])


def check_document(document: Document, template: Template[Any]) -> None:
    inference = infer_all(document.graph, catalog())
    assert [str(issue) for issue in inference.issues] == []
    assert document.name == template.key
    assert loads(dumps(document)) == document
    assert dumps(loads(dumps(document))) == dumps(document)
    for node_id in document.graph.nodes:  # torch.export stumbles over submodules of these names, `code` say
        assert not hasattr(torch.fx.GraphModule, node_id)
    places = list(document.layout.values())
    assert set(document.layout) == set(document.graph.nodes)
    for number, (x, y) in enumerate(places):
        for other_x, other_y in places[:number]:
            assert abs(x - other_x) >= 220 or abs(y - other_y) >= 120
    for edge in document.graph.edges:  # left to right
        assert document.layout[edge.source][0] < document.layout[edge.target][0]


def output_shape(document: Document) -> tuple[object, ...]:
    inference = infer_all(document.graph, catalog())
    (kind,) = inference.inputs("output").values()
    assert kind is not None and kind.dtype == "float32"
    return kind.shape[1:]


def module_of(document: Document) -> torch.nn.Module:
    generated = generate(document, catalog())
    scope: dict[str, Any] = {}
    exec(compile(generated.source, "<generated>", "exec"), scope)
    with torch.device("meta"):
        module: torch.nn.Module = scope[generated.class_name]()
    return module


def samples_for(document: Document) -> torch.Tensor:
    node = document.graph.nodes["input"]
    shape: Any = node.param("shape")
    dtype = torch.int64 if node.param("dtype") == "int64" else torch.float32
    return torch.zeros(3, *shape, dtype=dtype, device="meta")


def test_the_ten_are_there() -> None:
    assert set(KEYS) <= set(templates())
    assert list(templates()) == sorted(templates())


@every_template
def test_words(template: Template[Any]) -> None:
    assert find(template.key) is template
    assert re.fullmatch(r"[a-z][a-z0-9_]*", template.key)
    assert template.title and template.reference.strip().endswith((".", ")"))
    assert template.summary.endswith(".") and "\n" not in template.summary
    if template.published_parameters:
        assert f"{template.published_parameters:,}" in template.reference
    for item in option_fields(template):
        assert item.doc.endswith("."), f"{template.key}.{item.name} says nothing of itself"
        assert item.parse(item.default) == item.default


@every_template
def test_unbound_form(template: Template[Any]) -> None:
    document = template.build()
    check_document(document, template)
    shape = template.input_shape
    assert document.graph.nodes["input"].param("shape") == shape
    assert output_shape(document) == Goal(task=template.tasks[0], outputs=template.outputs).shape(shape)
    if template.published_parameters is not None:
        assert infer_all(document.graph, catalog()).totals().parameters == template.published_parameters


@every_template
def test_torch_agrees(template: Template[Any]) -> None:
    document = template.build()
    module = module_of(document)
    count = sum(parameter.numel() for parameter in module.parameters())
    assert count == infer_all(document.graph, catalog()).totals().parameters
    if template.published_parameters is not None:
        assert count == template.published_parameters
    assert tuple(module(samples_for(document)).shape) == (3, *output_shape(document))


@every_template
@every_data
def test_bind(template: Template[Any], data: DataInfo) -> None:
    try:
        bound = bind(template, data)
    except UserError as error:
        check_refusal(str(error), template, data)
        return
    check_document(bound.document, template)
    check_bound(bound, data)
    module = module_of(bound.document)
    assert tuple(module(samples_for(bound.document)).shape) == (3, *output_shape(bound.document))


def check_refusal(text: str, template: Template[Any], data: DataInfo) -> None:
    assert template.key in text and data.name in text
    assert "x".join(map(str, data.input_shape[-2:])) in text or data.kind in text
    assert text.endswith(".") and ". " not in text and "\n" not in text
    if effective_task(template, data) is None:
        tried = re.search(r"; try (.*)\.$", text)
        assert tried, f"no template is suggested: {text}"
        for key in re.split(", | or ", tried[1]):
            assert effective_task(find(key), data) == data.task


def check_bound(bound: Bound, data: DataInfo) -> None:
    document = bound.document
    node = document.graph.nodes["input"]
    assert node.param("shape") == data.input_shape
    assert node.param("dtype") == data.input_dtype
    assert bound.notes == document.notes
    assert output_shape(document) == Goal(task=bound.task, outputs=bound.outputs).shape(data.input_shape)
    if bound.task == data.task:
        assert bound.outputs == data.outputs
    else:
        assert bound.task == "reconstruction"
        assert any(data.name in note for note in bound.notes)
    for added in ("resize", "restore", "rows", "sequence", "embedding"):
        if added in document.graph.nodes:
            assert bound.notes, f"{added} was added without a word"
    for note in bound.notes:
        assert note.endswith(".") and "\n" not in note


@every_data
def test_something_fits_all_data(data: DataInfo) -> None:
    assert any(effective_task(template, data) == data.task for template in templates().values())


@every_template
def test_bad_options_are_refused(template: Template[Any]) -> None:
    assert parse_options(template, {}) == template.options()
    with pytest.raises(UserError, match=f"no option 'nonsense' of {template.key}"):
        parse_options(template, {"nonsense": "1"})
    for item in option_fields(template):
        for text in ("a b", "1e999", "-5"):
            with pytest.raises(UserError) as caught:
                parse_options(template, {item.name: text})
            message = str(caught.value)
            assert f"'{item.name}'" in message and item.expected in message and repr(text) in message


@every_template
def test_options_at_their_bounds(template: Template[Any]) -> None:
    """Every option can leave its default, and the network still has no issues."""
    for item in option_fields(template):
        values: list[Any] = [*item.choices]
        if item.kind == "bool":
            values = [True, False]
        if item.kind in ("int", "float", "ints") and item.bounds:
            low = item.bounds.low if item.kind == "float" else int(item.bounds.low)
            values = [(low, low, low) if item.kind == "ints" else low]
        assert values
        for value in values:
            check_document(template.build(template.options(**{item.name: value})), template)
