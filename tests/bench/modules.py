"""Training steps of generated modules beside hand-written ones with the same weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neuralforge.codegen.module import generate
from neuralforge.graph.document import Document
from neuralforge.layers.registry import catalog
from neuralforge.templates.builder import Builder
from neuralforge.templates.registry import find
from neuralforge.train.build import build_module
from tests.bench import handwritten
from tests.bench.timing import Bench, Line, interleaved, ratio

GOAL = 1.02


def measure(bench: Bench) -> Iterator[Line]:
    """Yield the lines of this subject."""
    torch.set_num_threads(1)
    rounds = bench.pick(101, 5)
    cases: tuple[tuple[str, Document, nn.Module, tuple[int, ...], int], ...] = (
        ("small_cnn, batch 32 of 1x28x28", find("small_cnn").build(), handwritten.SmallCnn(), (32, 1, 28, 28), 2),
        ("resnet18, batch 2 of 3x64x64", find("resnet18").build(), handwritten.ResNet18(), (2, 3, 64, 64), 1),
        ("lstm_classifier, batch 32", find("lstm_classifier").build(), handwritten.LstmClassifier(), (32, 28, 28), 3),
        ("two transformer encoder layers, batch 32", _encoder(), handwritten.Encoder(), (32, 16, 32), 4),
    )
    for name, document, written, shape, steps in cases:
        generated = build_module(generate(document, catalog()), seed=0)
        _hand_over(generated, written)
        x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
        _check_equal(generated, written, x)
        y = torch.arange(shape[0]) % 10
        sides = {"generated": _trainer(generated, x, y, steps), "written": _trainer(written, x, y, steps)}
        times = interleaved(sides, rounds if shape[0] > 2 else rounds // 2)
        _check_equal(generated, written, x)  # after all the training
        each_ms = median(times["written"]) / steps * 1e3
        note = f"hand-written {each_ms:.2f} ms a step; outputs equal, bit for bit, before and after training"
        yield Line(name=name, value=ratio(times, "generated", "written"), goal=GOAL, note=note)


def _encoder() -> Document:
    b = Builder("encoder")
    x = b.input((16, 32))
    for number in (1, 2):
        x = b.add(f"encoder{number}", "transformer_encoder_layer", x, dim_feedforward=64)
    b.output(b.add("fc", "linear", b.add("flatten", "flatten", x), out_features=10))
    return b.document()


def _hand_over(source: nn.Module, target: nn.Module) -> None:
    """Copy weights and buffers in the order in which the modules were made."""
    given, names = list(source.state_dict().values()), list(target.state_dict())
    target.load_state_dict(dict(zip(names, given, strict=True)))


def _check_equal(one: nn.Module, other: nn.Module, x: Tensor) -> None:
    outputs = []
    for module in (one, other):
        torch.manual_seed(7)
        with torch.no_grad():
            outputs.append(module.eval()(x))
        module.train()
    assert torch.equal(*outputs), "generated and hand-written modules give different outputs"


def _trainer(module: nn.Module, x: Tensor, y: Tensor, steps: int) -> Callable[[], None]:
    optimizer = torch.optim.SGD(module.parameters(), lr=1e-4, momentum=0.9)

    def train() -> None:
        torch.manual_seed(3)
        for _ in range(steps):
            F.cross_entropy(module(x), y).backward()
            optimizer.step()
            optimizer.zero_grad()

    return train
