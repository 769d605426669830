from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from neuralforge.codegen.module import generate
from neuralforge.data import load
from neuralforge.export.trained import TrainedModel
from neuralforge.graph.document import Document
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.layers.registry import catalog
from neuralforge.templates.binding import bind
from neuralforge.templates.options import parse_options
from neuralforge.templates.registry import find
from neuralforge.train.build import build_module
from neuralforge.train.launch import DataReference, Plan, Run, start
from neuralforge.workbench.config import TrainConfig


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """For tensors this small, more threads only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def model() -> TrainedModel:
    """Four numbers in, three classes out."""
    nodes = [
        Node.make("numbers", "input", shape=(4,)),
        Node.make("fc1", "linear", out_features=5),
        Node.make("act", "relu"),
        Node.make("fc2", "linear", out_features=3),
        Node.make("classes", "output"),
    ]
    names = [node.id for node in nodes]
    edges = [Edge(a, "output", b, "input") for a, b in pairwise(names)]
    document = Document(graph=Graph.build(nodes, edges))
    generated = generate(document, catalog())
    x = torch.randn(100, 4, generator=torch.Generator().manual_seed(1))
    return TrainedModel(
        name="tiny",
        document=document,
        generated=generated,
        module=build_module(generated, 0),
        samples={"numbers": x},
        by_class=True,
        facts={"run_id": "tiny", "classes": '["a", "b", "ü\\udc80"]', "features": "[]"},
    )


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., Run]:
    """Train an mlp for a few steps."""

    def make(data: str = "iris", **config: object) -> Run:
        raw = load(data)
        template = find("mlp")
        bound = bind(template, raw.info, parse_options(template, {"hidden": "8"}))
        plan = Plan(
            document=bound.document,
            data=DataReference(text=data, options={}),
            raw=raw,
            task=bound.task,
            config=TrainConfig(**{"steps": 6, "device": "cpu", "threads": 1, "validation_every": 2, **config}),  # type: ignore[arg-type]
            runs_dir=tmp_path / "runs",
        )
        run = start(plan)
        for _ in run.session.steps():
            pass
        return run

    return make
