"""Every template and every layer of the catalog goes through export and comes back with a passed certificate.

The newer exporter of PyTorch costs about a second a graph whatever its size, so that all samples of a family of layers
are branches of one graph with many inputs and outputs. The older one is quick, and takes them one by one. A new layer
or template is tested here without a new test.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from neuralforge.codegen.module import generate
from neuralforge.data import load, prepare, split
from neuralforge.data.tensors import TensorData
from neuralforge.errors import UserError
from neuralforge.export.exporter import exporters, make
from neuralforge.export.onnx import STEPWISE, OnnxExporter, OnnxOptions
from neuralforge.export.trained import TrainedModel
from neuralforge.graph.document import Document
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.graph.shapes import UNCONNECTED
from neuralforge.layers.registry import catalog
from neuralforge.layers.spec import LayerSpec, Sample
from neuralforge.templates.binding import bind
from neuralforge.templates.options import parse_options
from neuralforge.templates.registry import templates
from neuralforge.train.build import build_module

CATALOG = catalog()
COUNT = 37  # samples, which neither 7 nor 32 divide

NOT_BY_LEGACY: Mapping[str, str] = {
    "adaptive_avg_pool1d-1": "output size that does not divide the input size",
    "adaptive_avg_pool2d-1": "output size that does not divide the input size",
    "adaptive_avg_pool3d-1": "output size that does not divide the input size",
    "adaptive_max_pool1d-1": "output size that does not divide the input size",
    "adaptive_max_pool2d-1": "output size that does not divide the input size",
    "adaptive_max_pool3d-1": "output size that does not divide the input size",
    "batch_norm-3": "no running statistics, and a free batch dimension",
    "bilinear-0": "operator unknown",
    "bilinear-1": "operator unknown",
    "rms_norm-0": "operator unknown",
    "rms_norm-1": "operator unknown",
    "rms_norm-2": "operator unknown",
    "upsample-5": "nearest-exact unknown",
}
"""Samples that PyTorch's older exporter cannot write. The newer one, which users get first, has no such list."""

Piece = tuple[str, LayerSpec, Sample]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """For tensors this small, more threads only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


PIECES: list[Piece] = [
    (f"{spec.key}-{number}", spec, sample)
    for spec in CATALOG
    if spec.key not in (CATALOG.input_key, CATALOG.output_key)  # these are in every graph
    for number, sample in enumerate(spec.samples)
]


def document_of(pieces: list[Piece]) -> Document:
    """Put each layer between inputs and outputs of its own."""
    nodes, edges = [], []
    for name, spec, sample in pieces:
        node_id = name.replace("-", "_")
        nodes.append(Node.make(node_id, spec.key, **sample.params))
        for port, kind in zip(spec.ports(spec.parse(sample.params)), sample.inputs, strict=True):
            if kind is UNCONNECTED:
                continue
            source = f"{node_id}_{port.name}_in"
            nodes.append(Node.make(source, "input", shape=kind.shape[1:] or (1,), dtype=kind.dtype))
            if not kind.shape[1:]:
                nodes.append(Node.make(f"{source}_flat", "select"))
                edges.append(Edge(source, "output", f"{source}_flat", "input"))
                source = f"{source}_flat"
            edges.append(Edge(source, "output", node_id, port.name))
        for output in spec.outputs:
            nodes.append(Node.make(f"{node_id}_{output}_out", "output"))
            edges.append(Edge(node_id, output, f"{node_id}_{output}_out", "input"))
    return Document(graph=Graph.build(nodes, edges))


def model_of(document: Document, samples: Mapping[str, torch.Tensor] | None = None) -> TrainedModel:
    """Build the network with random weights, statistics and, unless they are given, samples."""
    generated = generate(document, CATALOG)
    module = build_module(generated, 0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, buffer in module.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0, 0.5, generator=generator)
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 2, generator=generator)
    if samples is None:
        samples = {}
        for name in generated.inputs:
            node = document.graph.nodes[name]
            shape, dtype = (COUNT, *node.param("shape")), node.param("dtype")
            samples[name] = (
                torch.randint(0, 3, shape, generator=generator)
                if dtype == "int64"
                else torch.randn(shape, generator=generator)
            )
    return TrainedModel(name=document.name, document=document, generated=generated, module=module, samples=samples)


def families() -> dict[str, list[Piece]]:
    found = defaultdict(list)
    for piece in PIECES:
        if piece[1].key in STEPWISE:
            continue  # seconds each, and users get them from the older exporter
        found[piece[1].category].append(piece)
    return dict(found)


def problems(pieces: list[Piece], folder: Path) -> list[str]:
    """Export and verify one graph, and return what is wrong with it."""
    exporter = OnnxExporter(OnnxOptions(way="dynamo"))
    model = model_of(document_of(pieces))
    assert exporter.check(model) == ()
    try:
        assert exporter.write(model, folder / "model.onnx") == ()
    except UserError as error:
        return [str(error)]
    certificate = exporter.verify(model, folder / "model.onnx")
    assert (certificate.samples, certificate.batch_sizes) == (COUNT, (1, 7, 32))
    return [] if certificate.passed else [certificate.why]


@pytest.mark.parametrize("family", families())
def test_layers_by_the_newer_exporter(family: str, tmp_path: Path) -> None:
    pieces = families()[family]
    found = problems(pieces, tmp_path)
    if found:  # one by one, to name the culprits
        alone = {piece[0]: problems([piece], tmp_path) for piece in pieces}
        pytest.fail(f"{found[0]} Alone: { {name: texts for name, texts in alone.items() if texts} }")


def test_layers_by_the_older_exporter(tmp_path: Path) -> None:
    exporter = OnnxExporter(OnnxOptions(way="legacy"))
    pairs, refused = [], {}
    for name, spec, sample in PIECES:
        model = model_of(document_of([(name, spec, sample)]))
        model.module.requires_grad_(False)  # frozen, attention would go through operators that cannot be exported
        try:
            exporter.write(model, tmp_path / f"{name}.onnx")
        except UserError as error:
            refused[name] = str(error)
        else:
            pairs.append((model, tmp_path / f"{name}.onnx"))
    assert set(refused) == set(NOT_BY_LEGACY), {k: v for k, v in refused.items() if k not in NOT_BY_LEGACY}
    certificates = exporter.verify_all(pairs)
    assert [f"{Path(c.file).name}: {c.why}" for c in certificates if not c.passed] == []


@pytest.mark.parametrize("key", ["gru", "lstm", "rnn"])
def test_recurrent_layers_become_one_operator(key: str, tmp_path: Path) -> None:
    """By the older exporter, which is asked first."""
    for name, spec, sample in PIECES:
        if spec.key == key:
            model, path = model_of(document_of([(name, spec, sample)])), tmp_path / "model.onnx"
            (note,) = make("onnx").write(model, path)
            assert note == "Made by PyTorch's older exporter: the newer one goes through recurrent layers step by step."
            kinds = [node.op_type for node in onnx.load(path).graph.node]
            assert kinds.count(spec.key.upper()) == sample.params.get("num_layers", 1), kinds


def test_what_the_older_exporter_lacks_falls_to_the_newer(tmp_path: Path) -> None:
    """With recurrent layers, which have the older one tried first."""
    pieces = [piece for piece in PIECES if piece[0] in ("rnn-2", "lstm-2", "gru-2", "rms_norm-0")]
    assert len(pieces) == 4
    model = model_of(document_of(pieces))
    exporter = make("onnx")
    (note,) = exporter.write(model, tmp_path / "model.onnx")
    assert note == "Made by PyTorch's newer exporter, since the older failed: it has no form of rms_norm."
    assert exporter.verify(model, tmp_path / "model.onnx").passed


SMALL: Mapping[str, Mapping[str, str]] = {
    "mobilenet_v2": {"width": "0.25"},
    "resnet18": {"width": "8"},
    "resnet50": {"width": "8"},
    "unet": {"width": "8"},
    "vgg16": {"width": "8", "hidden": "64"},
}
"""Options that make the heavy ones light; the graph is the same."""


@pytest.mark.parametrize("key", templates())
@pytest.mark.parametrize("target", exporters())
def test_templates(key: str, target: str, tmp_path: Path) -> None:
    """With random weights and few channels, on real samples of the first data set that fits."""
    options = parse_options(templates()[key], SMALL.get(key, {}))
    for name in ("digits", "digits_sequence", "iris"):
        raw = load(name)
        try:
            document = bind(templates()[key], raw.info, options).document
        except UserError:
            continue
        break
    else:
        pytest.fail(f"no data set fits {key}")
    prepared = prepare(raw, split(raw, seed=0))
    x, _ = TensorData.from_prepared(prepared, "test").batch(torch.arange(COUNT))
    model = model_of(document, {"input": x})
    exporter = make(target)
    path = tmp_path / f"model{exporter.suffix}"
    assert exporter.check(model) == ()
    exporter.write(model, path)
    certificate = exporter.verify(model, path)
    assert certificate.passed, certificate.why
    assert certificate.samples == COUNT and certificate.batch_sizes == (1, 7, 32)
    assert certificate.max_abs_difference <= certificate.tolerance / 4, "less room than there should be"
    assert np.isfinite([certificate.original_latency_ms, certificate.exported_latency_ms]).all()
