"""Operators of PyTorch that its ONNX exporter does not know, written in operators of ONNX.

Adaptive pooling where the output size does not divide the input size has windows of different length. Both sizes are
known when a network is exported, so that each window is a list of indices: all windows along one dimension are gathered
as rows of the longest one, and reduced. Rows are filled up with their last index, which no maximum notices and which
counts nothing in a mean. The dimensions are done one after the other, since a window is a product of intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxscript import opset18 as op


def translations() -> Mapping[Callable[..., Any], Callable[..., Any]]:
    """Return PyTorch operator -> how it is written, for `torch.onnx.export(custom_translation_table=...)`."""
    aten = torch.ops.aten
    return {
        aten.adaptive_max_pool2d.default: _adaptive_max,
        aten.adaptive_max_pool3d.default: _adaptive_max,
        aten._adaptive_avg_pool3d.default: _adaptive_mean,
    }


def windows(size: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the windows of adaptive pooling along one dimension, see `torch.nn.AdaptiveAvgPool1d`.

    Args:
        size: Length of the dimension.
        count: Number of windows.

    Returns:
        Indices [count, longest window], and their weights in a mean.
    """
    begins = [number * size // count for number in range(count)]
    ends = [-(-(number + 1) * size // count) for number in range(count)]
    longest = max(end - begin for begin, end in zip(begins, ends, strict=True))
    indices = np.empty((count, longest), np.int64)
    weights = np.zeros((count, longest), np.float32)
    for row, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        indices[row] = np.minimum(np.arange(begin, begin + longest), end - 1)
        weights[row, : end - begin] = 1 / (end - begin)
    return indices, weights


def _adaptive_max(self: Any, output_size: Sequence[int]) -> tuple[Any, Any]:
    x = self
    for axis, count in _axes(self, output_size):
        indices, _ = windows(int(self.shape[axis]), count)
        x = op.Gather(x, _constant(indices), axis=axis)
        x = op.ReduceMax(x, _constant(np.array([axis + 1])), keepdims=0)
    return x, op.Identity(x)  # the second output, positions of the maxima, is one that no layer uses


def _adaptive_mean(self: Any, output_size: Sequence[int]) -> Any:
    x = self
    for axis, count in _axes(self, output_size):
        indices, weights = windows(int(self.shape[axis]), count)
        weights = weights.reshape(*weights.shape, *(1,) * (len(self.shape) - axis - 1))
        x = op.Mul(op.Gather(x, _constant(indices), axis=axis), _constant(weights))
        x = op.ReduceSum(x, _constant(np.array([axis + 1])), keepdims=0)
    return x


def _axes(x: Any, output_size: Sequence[int]) -> list[tuple[int, int]]:
    first = len(x.shape) - len(output_size)
    return [(first + number, int(count)) for number, count in enumerate(output_size)]


def _constant(values: NDArray[Any]) -> Any:
    return op.Constant(value=numpy_helper.from_array(values))
