"""What is done to samples before the network sees them: fitted on the train part alone, kept with the run."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralforge.data.source import RawData
from neuralforge.data.splits import Splits
from neuralforge.errors import UserError
from neuralforge.graph.datainfo import DataInfo, DataKind

_CHUNK = 4096  # samples that are converted to float64 at a time


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """The numbers that turn stored samples into what the network sees, and its answers back.

    A network input is (stored * input_scale - input_mean) / input_std, where mean and deviation belong to a channel
    of images, a column of tables, a feature of sequences. A target is (stored - target_mean) / target_std.

    Args:
        kind: How a sample lies in memory, which tells the axis of the features.
        input_scale: Factor of uint8 values, 1 for other types.
        input_mean: One a channel, column or feature; empty where inputs are not standardised.
        input_std: The same; above 0.
        target_mean: One a number to predict; empty where targets are not standardised.
        target_std: The same; above 0.
    """

    kind: DataKind
    input_scale: float = 1.0
    input_mean: tuple[float, ...] = ()
    input_std: tuple[float, ...] = ()
    target_mean: tuple[float, ...] = ()
    target_std: tuple[float, ...] = ()

    def to_json(self) -> str:
        """Write the numbers as JSON.

        Returns:
            One object; every float reads back to the same bits (Python writes the shortest digits that do).
        """
        return json.dumps({"version": 1, **asdict(self)}, sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Preprocessing:
        """Read what `to_json` wrote, without trusting it.

        Args:
            text: The JSON.

        Returns:
            An equal object.

        Raises:
            UserError: It is not such an object, or holds numbers that cannot be.
        """
        try:
            found = json.loads(text)
            names = {item.name for item in fields(cls)}
            if not isinstance(found, dict) or found.pop("version", None) != 1 or set(found) != names:
                raise ValueError("unknown layout")
            kind, scale = found.pop("kind"), found.pop("input_scale")
            if kind not in ("image", "table", "sequence", "tokens"):
                raise ValueError(f"kind {kind!r}")
            lists = {name: tuple(_number(value) for value in values) for name, values in found.items()}
            result = cls(kind=kind, input_scale=_number(scale), **lists)
            for mean, std in ((result.input_mean, result.input_std), (result.target_mean, result.target_std)):
                if len(mean) != len(std) or any(value <= 0 for value in std):
                    raise ValueError("means and deviations do not fit")
        except (ValueError, TypeError, RecursionError) as error:
            raise UserError(f"The stored preprocessing cannot be read: {error}.") from None
        return result

    def feature_axis(self) -> int:
        """Say which axis of a batch the input statistics belong to.

        Returns:
            1 for images [N, C, H, W], -1 for all else.
        """
        return 1 if self.kind == "image" else -1

    def apply_inputs(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Turn stored samples into what the network sees.

        Args:
            inputs: [N, ...] as stored: uint8, float32, or int64 tokens.

        Returns:
            The same shape in float32; tokens unchanged.
        """
        if self.kind == "tokens":
            return inputs
        if inputs.dtype == np.uint8:
            x: NDArray[np.float32] = inputs.astype(np.float32) * np.float32(self.input_scale)
            if self.input_mean:
                x -= _along(np.asarray(self.input_mean, np.float32), x.ndim, self.feature_axis())
                x /= _along(np.asarray(self.input_std, np.float32), x.ndim, self.feature_axis())
            return x
        return _standardised(inputs, self.input_mean, self.input_std, self.feature_axis())

    def apply_targets(self, targets: NDArray[Any]) -> NDArray[Any]:
        """Turn numbers to predict into what the network is trained on.

        Args:
            targets: float32 [N, T] as stored; other targets pass unchanged.

        Returns:
            The same shape and type.
        """
        return _standardised(targets, self.target_mean, self.target_std, -1) if self.target_mean else targets

    def restore_targets(self, predicted: NDArray[Any]) -> NDArray[Any]:
        """Turn the network's answers back into the units of the data.

        Args:
            predicted: [N, T] from the network.

        Returns:
            float32 [N, T]: predicted * target_std + target_mean.
        """
        if not self.target_mean:
            return predicted
        wide = predicted.astype(np.float64) * np.asarray(self.target_std) + np.asarray(self.target_mean)
        restored: NDArray[np.float32] = wide.astype(np.float32)
        return restored


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data set that is divided and prepared, in NumPy; `TensorData` takes a part of it to a device.

    Args:
        info: Facts about the data.
        inputs: [N, ...]: uint8 as stored (scaled batch by batch), standardised float32, or int64 tokens.
        targets: As in `RawData`, regression targets standardised; the inputs themselves for reconstruction.
        splits: Which samples belong to which part.
        preprocessing: What was fitted.
    """

    info: DataInfo
    inputs: NDArray[Any]
    targets: NDArray[Any]
    splits: Splits
    preprocessing: Preprocessing


def prepare(raw: RawData, splits: Splits, standardise: bool | None = None) -> Prepared:
    """Fit the preprocessing on the train part and apply it.

    Mean and standard deviation (the population's, dividing by N) are taken in float64. A constant column gets the
    deviation 1 and so becomes 0.

    Args:
        raw: The data.
        splits: Its parts.
        standardise: True to standardise inputs and regression targets, False for neither; None decides by the
            data: float tables and sequences and regression targets are, images and tokens are not.

    Returns:
        The prepared data; uint8 and token arrays are shared with `raw`.

    Raises:
        UserError: Tokens are to be standardised.
    """
    kind, train = raw.info.kind, splits.train
    if standardise and kind == "tokens":
        raise UserError(f"{raw.info.name}: tokens are names and not quantities, so they cannot be standardised.")
    fitted = Preprocessing(kind=kind, input_scale=raw.input_scale)
    automatic = raw.inputs.dtype == np.float32 and kind in ("table", "sequence")
    if automatic if standardise is None else standardise:
        mean, std = _moments(raw.inputs, train, fitted.feature_axis(), raw.input_scale)
        fitted = replace(fitted, input_mean=mean, input_std=std)
    if raw.info.task == "regression" and standardise is not False:
        mean, std = _moments(raw.targets, train, -1, 1.0)
        fitted = replace(fitted, target_mean=mean, target_std=std)
    inputs = raw.inputs
    if inputs.dtype == np.float32 and fitted.input_mean:
        inputs = fitted.apply_inputs(inputs)
    targets = inputs if raw.targets is raw.inputs else fitted.apply_targets(raw.targets)
    return Prepared(raw.info, inputs, targets, splits, fitted)


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a finite number")
    return float(value)


def _along(values: NDArray[Any], ndim: int, axis: int) -> NDArray[Any]:
    """Shape [F] so that it broadcasts along one axis of an array of `ndim` axes."""
    shape = [1] * ndim
    shape[axis] = -1
    return values.reshape(shape)


def _standardised(
    array: NDArray[Any], mean: tuple[float, ...], std: tuple[float, ...], axis: int
) -> NDArray[np.float32]:
    if not mean:
        return np.ascontiguousarray(array, dtype=np.float32)
    result = np.empty(array.shape, np.float32)
    means, stds = (_along(np.asarray(values), array.ndim, axis) for values in (mean, std))
    for begin in range(0, len(array), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        result[part] = (array[part].astype(np.float64) - means) / stds
    return result


def _moments(
    array: NDArray[Any], indices: NDArray[np.int64], axis: int, scale: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Give mean and deviation along an axis over some samples, in two passes over chunks."""
    others = tuple(other for other in range(array.ndim) if other != axis % array.ndim)
    parts = [indices[begin : begin + _CHUNK] for begin in range(0, len(indices), _CHUNK)]
    count = len(indices) * array[0].size // array.shape[axis]
    chunks = (array[part].astype(np.float64) * scale for part in parts)
    total, low, high = 0.0, np.inf, -np.inf
    for chunk in chunks:
        total = total + chunk.sum(others)
        low, high = np.minimum(low, chunk.min(others)), np.maximum(high, chunk.max(others))
    mean = total / count
    squares = sum(
        ((array[part].astype(np.float64) * scale - _along(mean, array.ndim, axis)) ** 2).sum(others) for part in parts
    )
    # extremes and not the deviation tell what is constant: rounding leaves a tiny deviation that must not divide
    std = np.where(low == high, 1.0, np.sqrt(squares / count))
    return tuple(mean.tolist()), tuple(std.tolist())
