"""Looks at a model between steps: what its nodes hold, and what it says to a sample, a drawing or a plane.

All of it is read: forward passes in evaluation mode that draw nothing, change no statistics and leave the model in
the mode that it was in. When to look is the affair of `neuralforge.train.watch`.

Legend of tensor names: N samples, C classes or channels, H rows, W columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuralforge.data.tensors import Part, TensorData
from neuralforge.errors import UserError
from neuralforge.train.engine import Engine
from neuralforge.workbench.looks import (
    HISTOGRAM_BINS,
    HISTOGRAM_SAMPLES,
    MAX_MAP_SIDE,
    MAX_MAPS,
    Boundary,
    FeatureMaps,
    Histogram,
    NodeLook,
    Prediction,
    Stats,
)

MAX_SAMPLES = 64
_CPU_MACS = 2e8
"""Work that a look may be on a processor, some 20 ms of one core; a single sample is always looked at."""
_MARGIN = 0.1
"""What the plane shows beyond the data, as a part of its width."""
_CHUNK = 1 << 20
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True, slots=True)
class SampleOf:
    """A sample to predict.

    Args:
        split: Its split.
        index: Its position in the split, from 0.
    """

    split: Part
    index: int


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A drawing to predict.

    Args:
        image: [C, H, W] from 0 to 1, which is from the least to the greatest level that the data may have.
    """

    image: NDArray[Any]


class Glimpse:
    """Looks at the model of an engine, on the thread that steps it.

    Args:
        engine: The engine.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        info = engine.prepared.info
        self.has_plane = info.kind == "table" and info.input_shape == (2,) and info.task != "reconstruction"
        self._plane: tuple[tuple[float, float], tuple[float, float]] | None = None
        self._grid: Tensor | None = None

    def check(self, job: SampleOf | Drawn) -> None:
        """Check whether something can be predicted; safe from any thread.

        Raises:
            UserError: There is no such sample, or the drawing does not fit the network.
        """
        if isinstance(job, SampleOf):
            count = len(self._data(job.split))
            if not 0 <= job.index < count:
                raise UserError(f"The {job.split} split has {count} samples, from 0. Received: {job.index}")
            return
        info = self._engine.prepared.info
        if info.kind != "image" or job.image.shape != info.input_shape:
            raise UserError(
                f"The network takes samples of {list(info.input_shape)}. Received: a drawing of {list(job.image.shape)}"
            )

    def node(self, step: int, node: str) -> NodeLook:
        """Look at weights and activations of a node."""
        module = self._engine.subject.inside.module(node)
        weights = [] if module is None else list(module.parameters())
        data = self._engine.validation if len(self._engine.validation) else self._engine.train
        value = self._value(node, data.batch(torch.arange(min(len(data), self._samples())))[0])
        return NodeLook(
            step=step,
            node=node,
            weights=stats([tensor.detach() for tensor in weights]) if weights else None,
            activations=None if value is None else stats([value]),
        )

    def maps(self, step: int, node: str, sample: SampleOf) -> FeatureMaps | None:
        """Look at the output of a node on one sample; None where the network does not use the node."""
        value = self._value(node, self._data(sample.split).batch(torch.tensor([sample.index]))[0])
        if value is None:
            return None
        found = value[0].float().cpu()
        maps = vector = None
        channels = int(found.shape[0]) if found.ndim else 1
        if found.ndim <= 1:
            vector = found.reshape(-1).numpy().copy()
        else:
            if found.ndim == 2:
                channels = int(found.shape[1])
                found = found.unsqueeze(0)
            found = found.reshape(found.shape[0], -1, found.shape[-1])[:MAX_MAPS]
            every = [-(-side // MAX_MAP_SIDE) for side in found.shape[1:]]
            maps = found[:, :: every[0], :: every[1]].contiguous().numpy().copy()
        return FeatureMaps(
            step=step,
            node=node,
            split=sample.split,
            sample=sample.index,
            maps=maps,
            vector=vector,
            channels=channels,
        )

    def boundary(self, step: int, side: int) -> Boundary:
        """Look at what the network says all over the plane.

        Args:
            step: Updates made.
            side: Cells in a row and in a column.
        """
        engine = self._engine
        if self._plane is None:
            self._plane = self._measure_plane()
        low, high = self._plane
        if self._grid is None or len(self._grid) != side * side:
            parts = (np.arange(side) + 0.5) / side
            x, y = (low[axis] + (high[axis] - low[axis]) * parts for axis in (0, 1))
            points = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
            self._grid = self._standardised(points.astype(np.float32))
        outputs = []
        with engine.looking():
            for part in torch.split(self._grid, max(256, int(_CPU_MACS / max(1, engine.subject.macs)))):
                outputs.append(engine.forward(part).float())
        values = self._meaning(torch.cat(outputs))
        classes = engine.prepared.info.outputs if engine.criterion.by_class else 0
        return Boundary(step=step, low=low, high=high, classes=classes, values=values.reshape(side, side, -1))

    def predict(self, step: int, job: SampleOf | Drawn) -> Prediction:
        """Ask the network about a sample or a drawing."""
        engine = self._engine
        target: int | NDArray[np.float32] | None = None
        if isinstance(job, SampleOf):
            x, y = self._data(job.split).batch(torch.tensor([job.index]))
            right = y[0].cpu().numpy()
            if engine.prepared.info.task == "classification":
                target = int(right)
            elif engine.prepared.info.task == "segmentation":
                target = right[None].astype(np.float32)
            elif engine.prepared.info.task == "regression":
                target = engine.prepared.preprocessing.restore_targets(right[None])[0].astype(np.float32)
            else:
                target = self._unstandardised(right)
        else:
            x = self._standardised(np.asarray(job.image, np.float32)[None])
        with engine.looking():
            output = engine.forward(x).float()
        seen = x[0].cpu().numpy()
        result = self._meaning(output)[0]
        probabilities = values = image = None
        match engine.prepared.info.task:
            case "classification":
                probabilities = result
            case "segmentation":
                image = result.argmax(0)[None].astype(np.float32)
            case "reconstruction" if engine.prepared.info.kind == "image":
                image = result
            case _:
                values = result
        return Prediction(
            step=step,
            split=job.split if isinstance(job, SampleOf) else None,
            sample=job.index if isinstance(job, SampleOf) else None,
            input=seen if seen.dtype == np.int64 else self._unstandardised(seen),
            probabilities=probabilities,
            values=values,
            image=image,
            target=target,
        )

    def _data(self, split: Part) -> TensorData:
        data: TensorData = getattr(self._engine, split)
        return data

    def _samples(self) -> int:
        if self._engine.device.type != "cpu":
            return MAX_SAMPLES
        return max(1, min(MAX_SAMPLES, int(_CPU_MACS / max(1, self._engine.subject.macs))))

    def _value(self, node: str, x: Tensor) -> Tensor | None:
        with self._engine.looking():
            return self._engine.subject.inside.value(node, x)

    def _meaning(self, output: Tensor) -> NDArray[np.float32]:
        """Turn what the network returns, [N, ...], into probabilities, or into units of the data."""
        engine = self._engine
        key = engine.criterion.key
        if key == "bce_with_logits":
            output = output.sigmoid()
        if engine.criterion.by_class:
            if key == "cross_entropy":
                output = output.softmax(1)
            elif key == "nll":
                output = output.exp()
            elif output.shape[1] == 1:
                output = torch.cat((1 - output, output), 1)
            return output.clamp(0, 1).cpu().numpy()
        values: NDArray[np.float32] = output.cpu().numpy()
        if engine.prepared.info.task == "reconstruction":
            return self._unstandardised(values, batched=True)
        return engine.prepared.preprocessing.restore_targets(values)

    def _along(self, values: Sequence[float], ndim: int) -> NDArray[np.float32]:
        """Shape [F] so that it broadcasts over a batch."""
        shape = [1] * ndim
        shape[self._engine.prepared.preprocessing.feature_axis()] = -1
        return np.asarray(values, np.float32).reshape(shape)

    def _standardised(self, scaled: NDArray[np.float32]) -> Tensor:
        """Turn samples [N, ...] as the data has them, bytes scaled, into what the network sees."""
        done = self._engine.prepared.preprocessing.apply_inputs(scaled)
        return torch.from_numpy(np.ascontiguousarray(done)).to(self._engine.device)

    def _unstandardised(self, seen: NDArray[Any], *, batched: bool = False) -> NDArray[np.float32]:
        """Turn what the network sees, a sample or [N, ...], into what the data has, bytes scaled."""
        fitted = self._engine.prepared.preprocessing
        x: NDArray[np.float32] = np.array(seen if batched else seen[None], np.float32)
        if fitted.input_mean:
            x = x * self._along(fitted.input_std, x.ndim) + self._along(fitted.input_mean, x.ndim)
        return x if batched else x[0]

    def _measure_plane(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the corners of the plane: all samples and a margin, in units of the data."""
        points = self._unstandardised(self._engine.prepared.inputs, batched=True).astype(np.float64)
        low, high = points.min(0), points.max(0)
        margin = np.where(high > low, (high - low) * _MARGIN, 1.0)
        (x0, y0), (x1, y1) = (low - margin).tolist(), (high + margin).tolist()
        return (x0, y0), (x1, y1)


def stats(tensors: Sequence[Tensor]) -> Stats:
    """Measure some tensors as one set of values.

    Mean and deviation are taken over all values in two passes; sums are kept in float64 where the device has it.

    Args:
        tensors: At least one value in all.
    """
    flat = [tensor.detach().float().reshape(-1) for tensor in tensors if tensor.numel()]
    total = sum(len(part) for part in flat)
    zeros = total - sum(int(torch.count_nonzero(part)) for part in flat)
    summed = _sum(flat)
    nonfinite = 0
    if not math.isfinite(summed):  # a NaN or infinity makes the sum one, so that the dear look is seldom taken
        flat = [part[torch.isfinite(part)] for part in flat]
        flat = [part for part in flat if len(part)]
        nonfinite = total - sum(len(part) for part in flat)
        summed = _sum(flat)
    count = total - nonfinite
    if not count:
        nan = math.nan
        return Stats(
            mean=nan, std=nan, minimum=nan, maximum=nan, zero_fraction=0.0, nonfinite=nonfinite, histogram=None
        )
    mean = summed / count
    extremes = torch.stack([torch.stack(torch.aminmax(part)) for part in flat]).cpu().numpy()
    low, high = float(extremes[:, 0].min()), float(extremes[:, 1].max())
    return Stats(
        mean=mean,
        std=math.sqrt(_sum(flat, mean) / count),
        minimum=low,
        maximum=high,
        zero_fraction=zeros / total,
        nonfinite=nonfinite,
        histogram=_histogram(flat, count, low, high),
    )


def _sum(flat: Sequence[Tensor], mean: float | None = None) -> float:
    """Add up values, or the squares of their distances from a mean."""
    total = 0.0
    for part in flat:
        wide = torch.float32 if part.device.type == "mps" else torch.float64
        for chunk in torch.split(part, _CHUNK):  # so that a copy of it is never as large as the weights
            picked = chunk if mean is None else (chunk - mean).square_()
            total += float(picked.sum(dtype=wide))
    return total


def _histogram(flat: Sequence[Tensor], count: int, low: float, high: float) -> Histogram:
    samples = np.concatenate([_spread(part, max(1, HISTOGRAM_SAMPLES * len(part) // count)) for part in flat])
    if low == high:
        low, high = low - max(0.5, abs(low) * 1e-3), high + max(0.5, abs(high) * 1e-3)
    counts, _ = np.histogram(samples, HISTOGRAM_BINS, (low, high))
    return Histogram(low=low, high=high, counts=counts.astype(np.int64))


def _spread(part: Tensor, wanted: int) -> NDArray[np.float32]:
    """Pick values spread evenly, at multiples of the golden ratio: no stride falls in step with rows or columns."""
    if len(part) > wanted:
        places = (np.arange(wanted) * _GOLDEN % 1.0 * len(part)).astype(np.int64)
        part = part.index_select(0, torch.from_numpy(places).to(part.device))
    picked: NDArray[np.float32] = part.cpu().numpy()
    return picked
