"""Tensor types as the graph knows them, what a layer says when they do not fit, and how to mend that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

Value = bool | int | float | str | None | tuple["Value", ...]
"""What a parameter of a node may hold: literals, and tuples of them."""

Params = tuple[tuple[str, Value], ...]
"""Parameters of a node: pairs sorted by name, so that equal parameters are equal values."""

BATCH: Final = "B"
"""The symbolic batch dimension."""

Dim = int | str
"""A size: a positive integer, or `BATCH`."""

DTYPE_BYTES: Final = {"float32": 4, "int64": 8, "bool": 1}


class TensorType(NamedTuple):
    """Shape and dtype of what flows along a wire, for example `[B, 64, 32, 32]` of float32."""

    shape: tuple[Dim, ...]
    dtype: str = "float32"

    def __str__(self) -> str:
        text = "[" + ", ".join(str(size) for size in self.shape) + "]"
        return text if self.dtype == "float32" else f"{text} {self.dtype}"

    @property
    def elements(self) -> int:
        """Number of elements of one sample: the product of all sizes, the batch counted as one."""
        count = 1
        for size in self.shape:
            if isinstance(size, int):
                count *= size
        return count

    @property
    def bytes(self) -> int:
        """Memory of one sample, in bytes."""
        return self.elements * DTYPE_BYTES[self.dtype]


UNCONNECTED: Final = TensorType((), "unconnected")
"""Stands for an input port without a wire."""


class Port(NamedTuple):
    """An input of a layer."""

    name: str
    doc: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class SetParam:
    """Fix: give the node's parameter `name` another value."""

    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class InsertBefore:
    """Fix: put a new layer on the wire that feeds `port`."""

    port: str
    layer: str
    params: Params = ()


@dataclass(frozen=True, slots=True)
class Unplug:
    """Fix: take the wire away from `port`."""

    port: str


Fix = SetParam | InsertBefore | Unplug
"""A remedy in terms of the node that has the problem; inference turns it into an edit of the document."""


class ShapeError(ValueError):
    """What a layer's `infer` raises when its inputs do not fit.

    Args:
        port: Name of the input (or, for a parameter, of the parameter) that is at fault.
        expected: What would fit, in a few words, for example "[B, C, H, W]".
        got: What came.
        hint: One sentence that helps, may be empty.
        fixes: Remedies that make this problem go away, best first.
    """

    def __init__(self, port: str, expected: str, got: object, hint: str = "", fixes: Sequence[Fix] = ()) -> None:
        super().__init__(f"{port}: expected {expected}, received {got}")
        self.port = port
        self.expected = expected
        self.got = str(got)
        self.hint = hint
        self.fixes = tuple(fixes)


@dataclass(frozen=True, slots=True)
class Problem:
    """A `ShapeError` as a value, before it is known which node of the graph it belongs to."""

    port: str
    expected: str
    received: str
    hint: str = ""
    fixes: tuple[Fix, ...] = ()


@dataclass(frozen=True, slots=True)
class Cost:
    """What one layer costs for one sample.

    Args:
        parameters: Number of learnable numbers.
        buffers: Number of numbers that are kept but not learned (running statistics).
        macs: Multiply-accumulate operations of convolutions, matrix products and attention in the forward
            pass. Element-wise work is not counted, as is usual (FLOPs are about twice this).
        activation_bytes: Memory that the forward pass keeps for the backward pass: the outputs, and larger
            intermediates where a layer has them.
    """

    parameters: int = 0
    buffers: int = 0
    macs: int = 0
    activation_bytes: int = 0


class Outcome:
    """What a layer makes of given input types. Shared between all nodes where layer, parameters and inputs agree.

    Args:
        outputs: Type of each output; None where it cannot be known.
        problem: What is wrong at this node itself, or None.
        cost: Cost for one sample; all zero where the outputs are not known.
    """

    __slots__ = ("cost", "outputs", "problem")

    def __init__(
        self, outputs: dict[str, TensorType | None], problem: Problem | None = None, cost: Cost | None = None
    ) -> None:
        self.outputs = outputs
        self.problem = problem
        self.cost = cost or Cost()
