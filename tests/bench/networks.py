"""The networks, data and runs that several measurements share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from neuralforge.codegen.module import generate
from neuralforge.data import RawData, from_arrays, load, prepare, split
from neuralforge.data.order import permutation
from neuralforge.data.prepare import Prepared
from neuralforge.graph.document import Document
from neuralforge.layers.registry import catalog
from neuralforge.templates.binding import bind
from neuralforge.templates.options import parse_options
from neuralforge.templates.registry import find
from neuralforge.train.build import build_module
from neuralforge.train.drawn import DrawnNetwork
from neuralforge.train.engine import Engine
from neuralforge.train.launch import DataReference, Plan
from neuralforge.train.levers import make_optimizer
from neuralforge.workbench.config import TrainConfig

ENDLESS_STEPS = 10**9


@dataclass(frozen=True, kw_only=True)
class Task:
    """A network on data, with everything but the log.

    Args:
        document: The network, bound to the data.
        raw: The data.
        config: How to train; all samples are for training, so that no validation comes between steps.
    """

    document: Document
    raw: RawData
    config: TrainConfig

    def prepared(self) -> Prepared:
        """Prepare the data as a run does."""
        config = self.config
        return prepare(self.raw, split(self.raw, config.split, seed=config.seed), config.standardise)

    def engine(self) -> Engine:
        """Make a new engine with the initial weights."""
        return Engine(DrawnNetwork(self.document), self.prepared(), self.config)

    def plan(self, runs_dir: Path) -> Plan:
        """Return what `neuralforge.train.launch.start` takes."""
        return Plan(
            document=self.document,
            data=DataReference(text=self.raw.info.name, options={}),
            raw=self.raw,
            task=self.raw.info.task,
            config=self.config,
            runs_dir=runs_dir,
        )

    def with_batch_size(self, batch_size: int) -> Task:
        """Return the same with another batch size."""
        return replace(self, config=replace(self.config, batch_size=batch_size))


def task(template: str, raw: RawData, **options: str) -> Task:
    """Bind a template to data, to be trained by Adam at batch size 64 on one thread."""
    found = find(template)
    document = bind(found, raw.info, parse_options(found, options)).document
    config = TrainConfig(steps=ENDLESS_STEPS, split=(1.0, 0.0, 0.0), threads=1, device="cpu", test=False)
    return Task(document=document, raw=raw, config=config)


def tiny_mlp() -> Task:
    """Return an MLP 2-64-64-2 on points in the plane: about 0.3 ms a step."""
    return task("mlp", load("moons", {"samples": "4096"}), hidden="64,64")


def digits_cnn() -> Task:
    """Return small_cnn on scikit-learn's digits."""
    return task("small_cnn", load("digits"))


def image_cnn(samples: int) -> Task:
    """Return small_cnn on random images of 28x28 bytes in 10 classes."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (samples, 28, 28), dtype=np.uint8)
    return task("small_cnn", from_arrays(images, np.arange(samples) % 10, "noise"))


class BareLoop:
    """What a person would write by hand over the same module, order of data and optimizer, and nothing else.

    Args:
        task: The network and data.
    """

    def __init__(self, task: Task) -> None:
        config, prepared = task.config, task.prepared()
        self.model = build_module(generate(task.document, catalog()), config.seed)
        self.steps = 0
        self._seed, self._batch_size = config.seed, config.batch_size
        self._optimizer = make_optimizer(config, self.model)
        self._scale = prepared.preprocessing.input_scale
        self._inputs = torch.from_numpy(prepared.inputs[prepared.splits.train])
        self._targets = torch.from_numpy(prepared.targets[prepared.splits.train])
        self._epoch, self._cursor = 1, 0
        self._order = permutation(self._seed, 1, len(self._inputs))

    def run(self, steps: int) -> None:
        """Make some steps."""
        model, optimizer, inputs, targets = self.model, self._optimizer, self._inputs, self._targets
        batch_size, scale, as_bytes = self._batch_size, self._scale, inputs.dtype == torch.uint8
        for _ in range(steps):
            if self._cursor >= len(inputs):
                self._epoch, self._cursor = self._epoch + 1, 0
                self._order = permutation(self._seed, self._epoch, len(inputs))
            index = self._order[self._cursor : self._cursor + batch_size]
            self._cursor += batch_size
            x, y = inputs.index_select(0, index), targets.index_select(0, index)
            if as_bytes:
                x = x.to(torch.float32).mul_(scale)
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        self.steps += steps
