"""Handing out batches: `TensorData` beside a raw index_select, and beside a DataLoader."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from neuralforge.data.prepare import Preprocessing
from neuralforge.data.tensors import TensorData
from tests.bench.timing import Bench, Line, interleaved, ratio

SAMPLES, BATCH_SIZE = 6400, 64


def measure(bench: Bench) -> Iterator[Line]:
    """Yield the lines of this subject."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.integers(0, 256, (SAMPLES, 1, 28, 28), dtype=np.uint8))
    classes = torch.arange(SAMPLES) % 10
    data = TensorData(images, classes, Preprocessing(kind="image", input_scale=1 / 255))
    loader = DataLoader(TensorDataset(images, classes), BATCH_SIZE, shuffle=True, num_workers=0)
    order = torch.randperm(SAMPLES)

    def ours() -> None:
        for begin in range(0, SAMPLES, BATCH_SIZE):
            data.batch(order[begin : begin + BATCH_SIZE])

    def raw() -> None:
        scale = 1 / 255
        for begin in range(0, SAMPLES, BATCH_SIZE):
            index = order[begin : begin + BATCH_SIZE]
            images.index_select(0, index).to(torch.float32).mul_(scale)
            classes.index_select(0, index)

    def theirs() -> None:
        for x, _ in loader:
            x.to(torch.float32).mul_(1 / 255)

    times = interleaved({"ours": ours, "raw": raw, "loader": theirs}, bench.pick(41, 7))
    batches = SAMPLES // BATCH_SIZE
    each = {name: median(found) / batches * 1e6 for name, found in times.items()}
    note = f"{each['ours']:.0f} us beside {each['raw']:.0f} us"
    yield Line(
        name="TensorData.batch / index_select and convert", value=ratio(times, "ours", "raw"), goal=1.1, note=note
    )
    yield Line(
        name="DataLoader(num_workers=0) / TensorData.batch",
        value=ratio(times, "loader", "ours"),
        goal=5,
        at_least=True,
        note=f"{each['loader']:.0f} us a batch",
    )
