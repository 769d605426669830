"""What a look into a training run shows: immutable values in NumPy, safe to read from any thread.

Legend: C classes, channels or numbers to predict, F features, H rows, W columns, K maps, T samples in time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_COLUMNS = 512
"""Columns of a `GradientHistory`; of a longer run neighbours are merged."""
HISTOGRAM_BINS = 40
HISTOGRAM_SAMPLES = 4096
MAX_MAPS = 16
MAX_MAP_SIDE = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerLook:
    """The gradients of one node in one update.

    Args:
        node: Its id.
        path: Path of its module.
        gradient_norm: Euclidean norm over all its parameters, before clipping; None where it has no gradient.
        weight_norm: Euclidean norm of its parameters before the update.
        update_ratio: Norm of what the update changed over `weight_norm`; None where it is frozen, where the weights
            are all 0, in models that are too large to keep a copy of, and where no update was looked at.
        frozen: Whether it is frozen.
    """

    node: str
    path: str
    gradient_norm: float | None
    weight_norm: float | None
    update_ratio: float | None
    frozen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LayersLook:
    """The gradients of all nodes with parameters in one update.

    Args:
        step: The update.
        layers: The nodes in the order of the source.
    """

    step: int
    layers: tuple[LayerLook, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GradientHistory:
    """Gradient norms over time, for a strip of colours.

    Args:
        steps: int64 [T], rising; at most `MAX_COLUMNS`. Merged neighbours stand at the later step.
        nodes: The nodes, in the order of `LayersLook`.
        norms: float64 [T, nodes]; NaN where a node had no gradient.
    """

    steps: NDArray[np.int64]
    nodes: tuple[str, ...]
    norms: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Histogram:
    """How often values occur.

    Args:
        low: Lower edge of the first bin.
        high: Upper edge of the last bin; above `low`.
        counts: int64 [bins], of at most `HISTOGRAM_SAMPLES` values spread evenly over all of them.
    """

    low: float
    high: float
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stats:
    """Numbers about a set of values; all but the histogram are over all of them.

    Args:
        mean: Mean of the finite values; NaN where there are none, as for the next three.
        std: Their standard deviation (dividing by their number).
        minimum: The smallest of them.
        maximum: The largest of them.
        zero_fraction: Part of all values that is 0.
        nonfinite: How many are NaN or infinite.
        histogram: Of the finite values; None where there are none.
    """

    mean: float
    std: float
    minimum: float
    maximum: float
    zero_fraction: float
    nonfinite: int
    histogram: Histogram | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NodeLook:
    """Weights and activations of one node.

    Args:
        step: Updates made.
        node: Its id.
        weights: Of its parameters; None where it has none.
        activations: Of its output, in evaluation mode, on the first samples of the validation split (of the train
            split where that is empty); of its input for an output node. None where the network does not use the node.
    """

    step: int
    node: str
    weights: Stats | None
    activations: Stats | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureMaps:
    """The output of one node on one sample, in evaluation mode.

    Args:
        step: Updates made.
        node: Its id.
        split: The split of the sample.
        sample: Its position in the split.
        maps: float32 [K, H, W]: the first channels, at most `MAX_MAPS`; of sides above `MAX_MAP_SIDE` every n-th
            row and column. A sequence is one map whose rows are the times. None where the output is a vector.
        vector: float32 [F], where the output is a vector.
        channels: How many channels or features the node has in all.
    """

    step: int
    node: str
    split: str
    sample: int
    maps: NDArray[np.float32] | None
    vector: NDArray[np.float32] | None
    channels: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Boundary:
    """What the network says all over the plane of two features, in evaluation mode.

    Args:
        step: Updates made.
        low: Least x and y of the plane, in units of the data.
        high: Greatest x and y.
        classes: How many classes there are; 0 for regression.
        values: float32 [H, W, C]: probabilities of the classes, or predicted numbers in units of the data. Row r,
            column c stands for the middle of a cell: x = low + (c + 1/2) / W of the way, y likewise with r and H, so
            that row 0 is at the lowest y.
    """

    step: int
    low: tuple[float, float]
    high: tuple[float, float]
    classes: int
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prediction:
    """The answer to one sample or drawing; of the three results the one is there that fits the task.

    Args:
        step: Updates made.
        split: The split of the sample; None for a drawing.
        sample: Its position in the split; None for a drawing.
        input: What was asked, as the data has it before standardising, for a picture of it: float32, or tokens.
        probabilities: float32 [C], for classes. They need not add up to 1 where the loss treats each by itself.
        values: float32, in units of the data: [C] numbers predicted, or the sample again (reconstruction).
        image: float32 [C, H, W]: the image again (reconstruction, in the scale of `input`), or [1, H, W] the class of
            each pixel (segmentation).
        target: What is right: the class, or an array like the result; None for a drawing.
    """

    step: int
    split: str | None
    sample: int | None
    input: NDArray[np.float32] | NDArray[np.int64]
    probabilities: NDArray[np.float32] | None = None
    values: NDArray[np.float32] | None = None
    image: NDArray[np.float32] | None = None
    target: int | NDArray[np.float32] | None = None


class GradientRecord:
    """Collects gradient norms and gives them out as `GradientHistory` values that never change.

    Args:
        nodes: The nodes.
    """

    def __init__(self, nodes: tuple[str, ...]) -> None:
        self._nodes = nodes
        self._used = 0
        self._steps = np.empty(MAX_COLUMNS, np.int64)
        self._norms = np.empty((MAX_COLUMNS, len(nodes)))

    def add(self, step: int, norms: list[float]) -> GradientHistory:
        """Add a column and return the whole history.

        Rows that were given out are never written again: they are copied where something before the end changes.

        Args:
            step: The update; columns at and after it, which a run that went back leaves behind, are dropped.
            norms: One for each node; NaN for none.
        """
        keep = int(np.searchsorted(self._steps[: self._used], step))
        if keep < self._used:
            self._replace(self._steps[:keep], self._norms[:keep])
        if self._used == MAX_COLUMNS:
            pairs = self._norms.reshape(MAX_COLUMNS // 2, 2, -1)
            self._replace(self._steps[1::2], np.fmax(pairs[:, 0], pairs[:, 1]))
        self._steps[self._used] = step
        self._norms[self._used] = norms
        self._used += 1
        steps, rows = self._steps[: self._used], self._norms[: self._used]
        steps.flags.writeable = rows.flags.writeable = False
        return GradientHistory(steps=steps, nodes=self._nodes, norms=rows)

    def _replace(self, steps: NDArray[np.int64], norms: NDArray[np.float64]) -> None:
        self._used = len(steps)
        self._steps, self._norms = np.empty_like(self._steps), np.empty_like(self._norms)
        self._steps[: self._used], self._norms[: self._used] = steps, norms
