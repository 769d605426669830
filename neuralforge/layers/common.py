"""What several families of layers share: checks of inputs, usual costs, literals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from neuralforge.graph.shapes import BATCH, Cost, Fix, InsertBefore, ShapeError, TensorType, Unplug
from neuralforge.layers.spec import Inputs


@dataclass(frozen=True, kw_only=True)
class NoParams:
    """A layer without parameters."""


def image(channels: int, *sizes: int) -> TensorType:
    """Return the float type `[B, channels, *sizes]`, for samples."""
    return TensorType((BATCH, channels, *sizes))


def same(_params: Any, inputs: Inputs) -> tuple[TensorType, ...]:
    """Infer: the output has the type of the first input, which must be of floats."""
    need_float("input", inputs[0])
    return (inputs[0],)


def stores_output(_params: Any, _inputs: Inputs, outputs: Inputs) -> Cost:
    """Cost of a layer without parameters that keeps its output for the backward pass."""
    return Cost(activation_bytes=sum(output.bytes for output in outputs))


def is_view(_params: Any, _inputs: Inputs, _outputs: Inputs) -> Cost:
    """Cost of a layer that only looks at the same memory in another shape."""
    return Cost()


def need_float(port: str, kind: TensorType, fixes: Sequence[Fix] = ()) -> None:
    """Raise `ShapeError` unless the input is of floating point numbers."""
    if kind.dtype != "float32":
        hint = "Whole numbers, such as tokens, go through an embedding first." if kind.dtype == "int64" else ""
        if not fixes and kind.dtype == "int64":
            fixes = (InsertBefore(port, "embedding"), Unplug(port))
        raise ShapeError(port, "floating point numbers", kind, hint, fixes)


def need_rank(port: str, kind: TensorType, rank: int, form: str, fixes: Sequence[Fix] = ()) -> None:
    """Raise `ShapeError` unless the input has a batch dimension in front and `rank` dimensions in all.

    Args:
        port: Name of the input.
        kind: Its type.
        rank: Number of dimensions, the batch included.
        form: What is expected, for example "[B, C, H, W]".
        fixes: Remedies; taking the wire away is always one.
    """
    if len(kind.shape) != rank or kind.shape[0] != BATCH:
        raise ShapeError(port, form, kind, "", (*fixes, Unplug(port)))


def sizes(kind: TensorType, start: int = 1) -> tuple[int, ...]:
    """Return the sizes of the dimensions from `start` on, which are numbers in every valid type."""
    return tuple(size for size in kind.shape[start:] if isinstance(size, int))


def literal(value: object) -> str:
    """Write a validated parameter as Python source; a pair of equal numbers becomes that number.

    Args:
        value: bool, int, finite float, None, or a tuple of integers. Text is never written this way.

    Raises:
        TypeError: For anything else.
    """
    if isinstance(value, tuple) and value and all(type(item) is int for item in value):
        return repr(value[0]) if len(set(value)) == 1 and len(value) > 1 else repr(value)
    if value is None or type(value) in (bool, int, float):
        return repr(value)
    raise TypeError(f"{value!r} cannot be written into source")


def arguments(*required: object, **optional: tuple[object, object]) -> str:
    """Write a call's arguments: the required ones, then each optional one that differs from its default.

    Args:
        required: Values, in order.
        optional: Name -> (value, default of PyTorch).
    """
    parts = [literal(value) for value in required]
    parts += [f"{name}={literal(value)}" for name, (value, default) in optional.items() if value != default]
    return ", ".join(parts)
