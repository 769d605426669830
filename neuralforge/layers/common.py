"""What several families of layers share: checks of inputs, usual costs, literals."""

from __future__ import annotations

import operator
import types
from collections.abc import Sequence
from dataclasses import dataclass, fields, make_dataclass
from math import isqrt, prod
from typing import Annotated, Any, Final, TypeVar, get_args, get_type_hints

from neuralforge.graph.shapes import (
    BATCH,
    Cost,
    Dim,
    Fix,
    InsertBefore,
    SetParam,
    ShapeError,
    TensorType,
    Unplug,
    Value,
)
from neuralforge.layers.spec import Inputs

P = TypeVar("P")

MAX_CHANNELS: Final = 1 << 16
"""Upper bound of numbers of channels in parameters."""

MAX_RANK: Final = 17
"""Most dimensions that a layer makes, the batch included."""

SPATIAL_FORMS: Final = {1: "[B, C, L]", 2: "[B, C, H, W]", 3: "[B, C, D, H, W]"}
"""Number of spatial dimensions -> how messages write such an input."""


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


def short(value: tuple[int, ...]) -> int | tuple[int, ...]:
    """Return the number when all numbers of the tuple are the same, else the tuple."""
    return value[0] if len(set(value)) == 1 else value


def sequence(*sizes: int) -> TensorType:
    """Return the float type `[B, *sizes]`, for samples of sequences and tables."""
    return TensorType((BATCH, *sizes))


def before(port: str, layer: str, **params: Value) -> InsertBefore:
    """Return the fix that puts a layer on the wire into `port`."""
    return InsertBefore(port, layer, tuple(sorted(params.items())))


def need_spatial(kind: TensorType, rank: int, port: str = "input") -> None:
    """Raise `ShapeError` unless the input is `[B, C, ...]` of floats with `rank` spatial dimensions."""
    need_float(port, kind)
    have, fixes = len(kind.shape), list[Fix]()
    if have == rank + 1:
        fixes.append(before(port, "unsqueeze", dim=1))
    elif have > rank + 2:
        fixes.append(before(port, "flatten", start_dim=rank + 1))
    elif have == rank == 2 and isinstance(features := kind.shape[1], int) and isqrt(features) ** 2 == features:
        fixes.append(before(port, "reshape", shape=(1, isqrt(features), isqrt(features))))
    need_rank(port, kind, rank + 2, SPATIAL_FORMS[rank], fixes)


def need_sequence(kind: TensorType, port: str = "input") -> None:
    """Raise `ShapeError` unless the input is `[B, T, features]` of floats."""
    need_float(port, kind)
    have, fixes = len(kind.shape), list[Fix]()
    if have == 2:
        fixes.append(before(port, "unsqueeze", dim=2))
    elif have > 3:
        fixes.append(before(port, "flatten", start_dim=1, end_dim=have - 2))
    need_rank(port, kind, 3, "[B, T, features]", fixes)


def axis(kind: TensorType, dim: int, name: str = "dim", port: str = "input", extra: int = 0) -> int:
    """Return a dimension counted from the front.

    Args:
        kind: Type of the input.
        dim: The dimension; negative ones count from the end.
        name: Parameter that holds it.
        port: Name of the input.
        extra: How many dimensions the output has more than the input.

    Raises:
        ShapeError: When there is no such dimension, or it is the batch.
    """
    rank = len(kind.shape) + extra
    index = dim + rank if dim < 0 else dim
    if rank > MAX_RANK:
        raise ShapeError(port, f"fewer than {MAX_RANK} dimensions", kind, "", (Unplug(port),))
    if 0 < index < rank:
        return index
    if rank < 2:
        raise ShapeError(port, "a dimension besides the batch", kind, "", (Unplug(port),))
    hint = "Dimension 0 is the batch." if index == 0 else ""
    fixes = tuple(SetParam(name, value) for value in dict.fromkeys((rank - 1 if dim else 1, 1)))
    raise ShapeError(name, f"a dimension from 1 to {rank - 1} of {kind}", dim, hint, fixes)


def converting(port: str, kind: TensorType, shape: tuple[Dim, ...]) -> tuple[Fix, ...]:
    """Return fixes that put one layer before `port` which turns `kind` into `shape`; none where no layer does."""
    have, want = sizes(kind), tuple(size for size in shape if isinstance(size, int))
    if prod(have) == prod(want) and have:
        return (before(port, "reshape", shape=want),)
    differ = [index for index, pair in enumerate(zip(have, want, strict=False)) if pair[0] != pair[1]]
    if kind.dtype != "float32" or len(have) != len(want) or not differ or max(want) > MAX_CHANNELS:
        return ()
    if differ == [len(have) - 1] and len(have) < 3:
        return (before(port, "linear", out_features=want[-1]),)
    if len(have) not in (2, 3, 4):
        return ()
    if 0 not in differ:
        return (before(port, "upsample", scale_factor=None, size=want[1:]),)
    stride = tuple(-(-old // new) for old, new in zip(have[1:], want[1:], strict=True))
    reached = tuple((old - 1) // step + 1 for old, step in zip(have[1:], stride, strict=True))
    if reached != want[1:]:
        return ()
    return (before(port, f"conv{len(have) - 1}d", out_channels=want[0], kernel_size=1, stride=stride),)


def ranked(params: type[P], rank: int) -> type[P]:
    """Return a parameter dataclass where every tuple of any length has `rank` numbers, and so has its default.

    Args:
        params: A dataclass whose sizes are `Annotated[tuple[int, ...], ...]`, optionally or None, with a default
            of one number.
        rank: How many spatial dimensions there are.
    """
    hints = get_type_hints(params, include_extras=True)
    fixed = types.GenericAlias(tuple, (int,) * rank)
    made: list[tuple[str, Any, Any]] = []
    known: tuple[Any, ...] = fields(params)  # type: ignore[arg-type]
    for item in known:
        kind, *notes = get_args(hints[item.name])
        parts = get_args(kind)
        if kind == tuple[int, ...]:
            made.append((item.name, operator.getitem(_ANNOTATED, (fixed, *notes)), item.default * rank))
        elif tuple[int, ...] in parts:
            made.append((item.name, operator.getitem(_ANNOTATED, (fixed | None, *notes)), item.default))
    return make_dataclass(f"{params.__name__}{rank}d", made, bases=(params,), frozen=True, kw_only=True)


_ANNOTATED: Any = Annotated
