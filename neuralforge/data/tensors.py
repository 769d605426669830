"""One part of a prepared data set as tensors on a device, handed out in batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from neuralforge.data.prepare import Prepared, Preprocessing

# Legend: B samples of a batch, N of the part; what follows is one sample's shape.
Part = Literal["train", "validation", "test"]


class TensorData:
    """Samples and targets in memory, uint8 images staying uint8; a batch is picked, then converted.

    Args:
        inputs: [N, ...] uint8, float32 or int64 on the device.
        targets: [N, ...] on the device, or None where the input itself is the target.
        preprocessing: What is applied to uint8 values; float inputs have been prepared before.
    """

    def __init__(self, inputs: torch.Tensor, targets: torch.Tensor | None, preprocessing: Preprocessing) -> None:
        self.inputs = inputs
        self.targets = targets
        self.preprocessing = preprocessing
        self._convert = inputs.dtype == torch.uint8
        self._scale = preprocessing.input_scale
        self._mean = self._std = None
        if self._convert and preprocessing.input_mean:
            shape = [1] * inputs.ndim
            shape[preprocessing.feature_axis()] = -1
            self._mean, self._std = (
                torch.tensor(values, dtype=torch.float32, device=inputs.device).reshape(shape)
                for values in (preprocessing.input_mean, preprocessing.input_std)
            )

    @classmethod
    def from_prepared(cls, prepared: Prepared, part: Part, device: torch.device | str = "cpu") -> TensorData:
        """Copy one part of a data set to a device.

        Args:
            prepared: The data.
            part: Which part.
            device: Where to.

        Returns:
            The part; position i of it is the i-th index of that part in `prepared.splits`.
        """
        indices: NDArray[np.int64] = getattr(prepared.splits, part)
        inputs = _to(prepared.inputs, indices, device)
        same = prepared.targets is prepared.inputs
        return cls(inputs, None if same else _to(prepared.targets, indices, device), prepared.preprocessing)

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def device(self) -> torch.device:
        """Where the tensors lie."""
        return self.inputs.device

    @property
    def nbytes(self) -> int:
        """Bytes that the tensors take."""
        return self.inputs.nbytes + (0 if self.targets is None else self.targets.nbytes)

    def batch(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pick samples by their positions.

        Args:
            indices: int64 [B], positions within this part, on the CPU or on this device.

        Returns:
            Inputs [B, ...] float32 (tokens int64), and targets: int64 [B], float32 [B, T], int64 [B, H, W], or the
            inputs themselves.
        """
        if indices.device != self.inputs.device:
            indices = indices.to(self.inputs.device)
        x = self._converted(self.inputs.index_select(0, indices))
        return x, x if self.targets is None else self.targets.index_select(0, indices)

    def batches(self, batch_size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Walk the whole part once in its own order, as evaluation does.

        Args:
            batch_size: Samples of a batch, at least 1; the last batch may be smaller.

        Yields:
            As `batch`; what needs no conversion is a view that must not be written to.
        """
        for begin in range(0, len(self), batch_size):
            x = self._converted(self.inputs[begin : begin + batch_size])
            yield x, x if self.targets is None else self.targets[begin : begin + batch_size]

    def _converted(self, picked: torch.Tensor) -> torch.Tensor:
        if not self._convert:
            return picked
        x = picked.to(torch.float32).mul_(self._scale)
        if self._mean is not None and self._std is not None:
            x.sub_(self._mean).div_(self._std)
        return x


def _to(array: NDArray[Any], indices: NDArray[np.int64], device: torch.device | str) -> torch.Tensor:
    return torch.from_numpy(array[indices]).to(device)
