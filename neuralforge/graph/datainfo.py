"""What a network must know of its data: shapes, types and the task, and nothing of where the data lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Task = Literal["classification", "regression", "segmentation", "reconstruction"]
"""What is to be learned: one class a sample, numbers, one class a pixel, or the input itself."""

DataKind = Literal["image", "table", "sequence", "tokens"]
"""How one sample lies in memory: [C, H, W], [features], [time, features], or [time] of integer tokens."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataInfo:
    """Facts about a data set that templates bind to and panels show.

    Args:
        name: Name of the data set, or the path that it came from.
        kind: How one sample lies in memory.
        task: What is to be learned.
        input_shape: Shape of one sample without the batch dimension.
        input_dtype: Type of a sample as the network sees it, "float32" or "int64".
        outputs: Width of the output: the number of classes, or of numbers to predict; for reconstruction the
            number of channels or features of the input.
        classes: Names of the classes, in the order of their indices; empty for other tasks.
        features: Names of the columns of a table; empty elsewhere.
        samples: How many samples there are in all.
        vocabulary: For tokens: the greatest token and one; 0 elsewhere.
    """

    name: str
    kind: DataKind
    task: Task
    input_shape: tuple[int, ...]
    input_dtype: Literal["float32", "int64"] = "float32"
    outputs: int
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    samples: int
    vocabulary: int = 0
