"""Losses and the metric that goes with each task.

Legend of tensor names: B samples, C classes or numbers to predict, ... whatever else a sample has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from neuralforge.data.prepare import Preprocessing
from neuralforge.errors import UserError
from neuralforge.graph.datainfo import DataInfo, Task
from neuralforge.graph.shapes import TensorType

DEFAULT_LOSS: Mapping[Task, str] = {
    "classification": "cross_entropy",
    "segmentation": "cross_entropy",
    "regression": "mse",
    "reconstruction": "mse",
}

_NUMERIC: Mapping[str, Callable[..., Tensor]] = {
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "huber": F.huber_loss,
    "bce_with_logits": F.binary_cross_entropy_with_logits,
}


class Criterion:
    """The loss of a run, and its metric.

    Args:
        key: cross_entropy, nll, bce_with_logits, mse, l1 or huber, or auto for what is usual for the task.
        info: The data; its task says what targets are.
        preprocessing: Gives the unit of regression targets, so that the metric is in the unit of the data.

    Raises:
        UserError: When the loss cannot be used for the task.
    """

    def __init__(self, key: str, info: DataInfo, preprocessing: Preprocessing) -> None:
        self.key = DEFAULT_LOSS[info.task] if key == "auto" else key
        self.info = info
        self.by_class = info.task in ("classification", "segmentation")
        self.metric_name = "accuracy" if self.by_class else "mae"
        if self.key in ("cross_entropy", "nll") and not self.by_class:
            raise UserError(
                f"The loss {self.key} needs classes, but {info.name} is for {info.task}. "
                f"There are: {', '.join(_NUMERIC)}."
            )
        self._unit = torch.tensor(preprocessing.target_std) if preprocessing.target_std else None

    def check_output(self, kind: TensorType, last_layer: str) -> None:
        """Check that what the network returns can be compared with the targets.

        Args:
            kind: Type of the output.
            last_layer: Key of the layer that makes it.

        Raises:
            UserError: When it does not fit; the sentence gives both shapes.
        """
        info = self.info
        shape: tuple[int, ...]
        if info.task == "segmentation":
            shape = (info.outputs, *info.input_shape[1:])
        elif info.task == "reconstruction":
            shape = info.input_shape
        else:
            shape = (info.outputs,)
        fits = [shape]
        if self.key == "bce_with_logits" and info.task == "classification" and info.outputs == 2:
            fits.append((1,))
        if kind.dtype != "float32" or kind.shape[1:] not in fits:
            wanted = " or ".join(str(TensorType(("B", *option))) for option in fits)
            raise UserError(
                f"The network returns {kind}, but {self.key} for {info.task} with {info.name} needs {wanted}."
            )
        if self.key == "nll" and last_layer != "log_softmax":
            raise UserError(
                "The loss nll needs log-probabilities: end the network with log_softmax, or use cross_entropy."
            )

    def __call__(self, output: Tensor, target: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """Return the mean loss over a batch, a scalar.

        Args:
            output: What the network returned, [B, C, ...] or of the shape of the target.
            target: Classes [B, ...] as int64, or numbers of the shape of the output.
            label_smoothing: For cross_entropy: share of the target spread over all classes.
        """
        if self.key == "cross_entropy":
            return F.cross_entropy(output, target, label_smoothing=label_smoothing)
        if self.key == "nll":
            return F.nll_loss(output, target)
        if self.by_class:
            target = self._as_numbers(output, target)
        return _NUMERIC[self.key](output, target)

    def _as_numbers(self, output: Tensor, target: Tensor) -> Tensor:
        if output.shape[1] == 1 and self.info.outputs == 2:
            return target.unsqueeze(1).to(output.dtype)
        return F.one_hot(target, output.shape[1]).movedim(-1, 1).to(output.dtype)

    def hits(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the metric summed over a batch, a scalar tensor on the device, without a gradient.

        For classes the number of right answers, otherwise the sum of absolute errors in the unit of the data.
        """
        output = output.detach()
        if self.by_class:
            return (self._classes(output) == target).sum()
        error = (output.float() - target).abs()
        return (error * self._unit.to(error.device)).sum() if self._unit is not None else error.sum()

    def hits_on_cpu(self, output: Tensor, target: Tensor) -> float:
        """Return what `hits` does, through NumPy: several times quicker for the small batches of a processor."""
        if self.by_class and output.shape[1] > 1 and output.dtype == torch.float32:
            return float(np.count_nonzero(output.detach().numpy().argmax(1) == target.numpy()))
        return float(self.hits(output, target))

    def count(self, target: Tensor) -> int:
        """Return by how much `hits` is divided: classes to guess, or numbers to predict."""
        return target.numel()

    def _classes(self, output: Tensor) -> Tensor:
        return (output > 0).squeeze(1).long() if output.shape[1] == 1 else output.argmax(1)
