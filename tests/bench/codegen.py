"""Writing the source of a network of about 70 nodes, executing it, and making the module."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch

from neuralforge.codegen.module import generate
from neuralforge.graph.inference import infer_all
from neuralforge.layers.registry import catalog
from neuralforge.templates.options import parse_options
from neuralforge.templates.registry import find
from neuralforge.train.build import build_module, compile_source
from tests.bench.timing import Bench, Line, repeated


def measure(bench: Bench) -> Iterator[Line]:
    """Yield the lines of this subject."""
    torch.set_num_threads(1)
    rounds = bench.pick(101, 15)
    template = find("resnet18")
    document = template.build(parse_options(template, {"width": "8"}))
    inference = infer_all(document.graph, catalog())
    generated = generate(document, catalog(), inference)
    nodes = len(document.graph.nodes)

    def ms(action: object) -> float:
        return repeated(action, rounds, time.perf_counter) * 1e3  # type: ignore[arg-type]

    text_ms = ms(lambda: generate(document, catalog(), inference))
    exec_ms = ms(lambda: compile_source(generated.source, "bench"))
    whole_ms = ms(lambda: compile_source(generate(document, catalog()).source, "bench"))
    note = f"shapes, text, exec; text {text_ms:.2f} ms, exec {exec_ms:.2f} ms; stretch 2 ms"
    yield Line(name=f"resnet18, {nodes} nodes", value=whole_ms, unit="ms", goal=20, note=note)
    built_ms = ms(lambda: build_module(generate(document, catalog()), seed=0))
    note = "the same and the module with its initial weights (width 8)"
    yield Line(name=f"resnet18, {nodes} nodes, built", value=built_ms, unit="ms", goal=20, note=note)
