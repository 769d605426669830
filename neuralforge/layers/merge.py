"""Layers that make one tensor out of several, or fewer numbers out of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Annotated, Any, Final

from neuralforge.graph.params import Doc, Range
from neuralforge.graph.shapes import BATCH, Cost, Fix, InsertBefore, Port, SetParam, ShapeError, TensorType, Unplug
from neuralforge.layers.common import (
    NoParams,
    axis,
    before,
    converting,
    image,
    literal,
    need_float,
    sequence,
    sizes,
    stores_output,
)
from neuralforge.layers.spec import Inputs, LayerSpec, Sample, Source

PORTS: Final = tuple(Port(f"input{number}") for number in range(1, 17))


@dataclass(frozen=True, kw_only=True)
class MergeParams:
    """Parameters of `add` and `multiply`."""

    inputs: Annotated[int, Range(2, 16), Doc("How many inputs there are.")] = 2


@dataclass(frozen=True, kw_only=True)
class JoinParams(MergeParams):
    """Parameters of `concat` and `stack`."""

    dim: Annotated[int, Range(-16, 16), Doc("Dimension along which to join; 0 is the batch.")] = 1


@dataclass(frozen=True, kw_only=True)
class MeanParams:
    """Parameters of `mean`."""

    dim: Annotated[tuple[int, ...], Range(-16, 16), Doc("Dimensions that are averaged; 0 is the batch.")] = (1,)
    keepdim: Annotated[bool, Doc("Whether they stay, with size 1.")] = False


def _ports(params: MergeParams) -> tuple[Port, ...]:
    return PORTS[: params.inputs]


def _need_same_dtype(inputs: Inputs) -> None:
    first = inputs[0].dtype
    for port, kind in zip(PORTS, inputs, strict=False):
        if kind.dtype != first:
            if kind.dtype == "float32":  # then the whole numbers are the first input's
                need_float(PORTS[0].name, inputs[0])
            need_float(port.name, kind)
            raise ShapeError(port.name, first, kind, "All inputs have one type.", (Unplug(port.name),))


def _broadcast(one: tuple[int | str, ...], other: tuple[int | str, ...]) -> tuple[int | str, ...] | None:
    """Return the shape that two of the same rank broadcast to, or None."""
    made: list[int | str] = []
    for a, b in zip(one, other, strict=True):
        if a != b and a != 1 and b != 1:
            return None
        made.append(b if a == 1 else a)
    return tuple(made)


def _infer_broadcast(_params: MergeParams | NoParams, inputs: Inputs) -> tuple[TensorType, ...]:
    _need_same_dtype(inputs)
    first = inputs[0]
    shape = first.shape
    for port, kind in zip(PORTS[1:], inputs[1:], strict=False):
        if kind.shape == shape:
            continue
        if len(kind.shape) != len(shape):
            raise _other_rank(inputs, TensorType(shape, first.dtype), port.name, kind)
        found = _broadcast(shape, kind.shape)
        if found is None:
            expected = f"{TensorType(shape)}, or sizes of 1 in it"
            fixes = (*converting(port.name, kind, shape), Unplug(port.name))
            raise ShapeError(port.name, expected, kind, "Sizes agree or are 1.", fixes)
        shape = found
    return (TensorType(shape, first.dtype),)


def _other_rank(inputs: Inputs, before_it: TensorType, port: str, kind: TensorType) -> ShapeError:
    """Say that a number of dimensions differs; the input that has fewer is at fault, and gets ones."""
    lower, higher = kind, before_it
    if len(kind.shape) > len(before_it.shape) and before_it == inputs[0] and port == PORTS[1].name:
        port, lower, higher = PORTS[0].name, before_it, kind
    few, missing = sizes(lower), len(higher.shape) - len(lower.shape)
    fixes: list[Fix] = []
    for shape in ((*few, *(1,) * missing), (*(1,) * missing, *few)) if missing > 0 and few else ():
        if _broadcast((BATCH, *shape), higher.shape):
            fixes.append(before(port, "reshape", shape=shape))
    if not fixes and len(higher.shape) > 1:
        fixes += converting(port, lower, higher.shape)
    expected = f"{len(higher.shape)} dimensions, as in {higher}"
    return ShapeError(port, expected, lower, "Dimensions of size 1 can be added.", (*fixes, Unplug(port)))


def _emit_between(operator: str) -> Callable[[Any, Inputs, Inputs], Source]:
    def emit(_params: MergeParams | NoParams, inputs: Inputs, _outputs: Inputs) -> Source:
        return Source.expression(operator.join(f"{{{port.name}}}" for port in PORTS[: len(inputs)]))

    return emit


def _infer_concat(params: JoinParams, inputs: Inputs) -> tuple[TensorType, ...]:
    _need_same_dtype(inputs)
    first = inputs[0]
    index = axis(first, params.dim, port=PORTS[0].name)
    head, tail = first.shape[:index], first.shape[index + 1 :]
    total = 0
    for port, kind in zip(PORTS, inputs, strict=False):
        if kind.shape[:index] != head or kind.shape[index + 1 :] != tail or len(kind.shape) <= index:
            raise _not_joining(params, inputs, index, port.name, kind)
        total += sizes(kind, index)[0]
    return (TensorType((*head, total, *tail), first.dtype),)


def _not_joining(params: JoinParams, inputs: Inputs, index: int, port: str, kind: TensorType) -> ShapeError:
    first = inputs[0]
    fixes: list[Fix] = []
    if len(kind.shape) == len(first.shape):
        wanted = (*first.shape[:index], kind.shape[index], *first.shape[index + 1 :])
        for place in range(1, len(first.shape)):
            cut = {(*other.shape[:place], *other.shape[place + 1 :]) for other in inputs}
            if len(cut) == 1:
                fixes.append(SetParam("dim", place))
        fixes += [fix for fix in converting(port, kind, wanted) if not _reshapes(fix)]
    elif len(first.shape) == 2 and len(kind.shape) > 1:
        fixes.append(before(port, "flatten"))
    elif len(kind.shape) == 2:
        fixes.append(before(PORTS[0].name, "flatten"))
    sides = ", ".join("any" if place == index else str(size) for place, size in enumerate(first.shape))
    hint = f"Inputs agree in all dimensions but {index}."
    return ShapeError(port, f"[{sides}]", kind, hint, (*fixes, Unplug(port)))


def _reshapes(fix: Fix) -> bool:
    """Tell whether a fix only rearranges numbers, which makes no sense between pictures of different sizes."""
    return isinstance(fix, InsertBefore) and fix.layer == "reshape"


def _infer_stack(params: JoinParams, inputs: Inputs) -> tuple[TensorType, ...]:
    _need_same_dtype(inputs)
    first = inputs[0]
    index = axis(first, params.dim, port=PORTS[0].name, extra=1)
    for port, kind in zip(PORTS, inputs, strict=False):
        if kind.shape != first.shape:
            fixes = (*converting(port.name, kind, first.shape), Unplug(port.name))
            raise ShapeError(port.name, f"{first}, as in the first input", kind, "", fixes)
    return (TensorType((*first.shape[:index], len(inputs), *first.shape[index:]), first.dtype),)


def _emit_join(function: str) -> Callable[[JoinParams, Inputs, Inputs], Source]:
    def emit(params: JoinParams, inputs: Inputs, _outputs: Inputs) -> Source:
        names = ", ".join(f"{{{port.name}}}" for port in PORTS[: len(inputs)])
        return Source.expression(f"{function}(({names}), dim={literal(params.dim)})")

    return emit


def _infer_matmul(_params: NoParams, inputs: Inputs) -> tuple[TensorType, ...]:
    left, right = inputs
    for port, kind, dim in (("left", left, 1), ("right", right, 2)):
        need_float(port, kind)
        if len(kind.shape) < 3:
            wider = (before(port, "unsqueeze", dim=dim),) if len(kind.shape) == 2 else ()
            raise ShapeError(port, "[B, ..., rows, columns]", kind, "", (*wider, Unplug(port)))
    if len(left.shape) != len(right.shape):
        lower = "left" if len(left.shape) < len(right.shape) else "right"
        kind, other = (left, right) if lower == "left" else (right, left)
        one = (before(lower, "unsqueeze", dim=1),) if len(other.shape) - len(kind.shape) == 1 else ()
        raise ShapeError(lower, f"{len(other.shape)} dimensions, as in {other}", kind, "", (*one, Unplug(lower)))
    inner, rows = sizes(left)[-1], sizes(right)[-2]
    if inner != rows:
        fixes: tuple[Fix, ...] = (before("left", "linear", out_features=rows), Unplug("right"))
        if sizes(right)[-1] == inner:
            rank = len(right.shape)
            dims = (*range(1, rank - 2), rank - 1, rank - 2)
            fixes = (before("right", "permute", dims=dims), *fixes)
        raise ShapeError("right", f"{inner} rows, as the left input has columns", right, "", fixes)
    leading = _broadcast(left.shape[:-2], right.shape[:-2])
    if leading is None:
        head = ", ".join(str(size) for size in left.shape[:-2])
        raise ShapeError("right", f"[{head}, rows, columns]", right, "Sizes agree or are 1.", (Unplug("right"),))
    return (TensorType((*leading, left.shape[-2], right.shape[-1])),)


def _cost_matmul(_params: NoParams, inputs: Inputs, outputs: Inputs) -> Cost:
    return Cost(macs=outputs[0].elements * sizes(inputs[0])[-1], activation_bytes=outputs[0].bytes)


def _infer_mean(params: MeanParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    need_float("input", kind)
    rank = len(kind.shape)
    if rank < 2:
        raise ShapeError("input", "a dimension besides the batch", kind, "", (Unplug("input"),))
    gone = {dim + rank if dim < 0 else dim for dim in params.dim}
    if len(gone) < len(params.dim) or not all(0 < dim < rank for dim in gone):
        fixes = (SetParam("dim", tuple(sorted(dim for dim in gone if 0 < dim < rank)) or (rank - 1,)),)
        hint = "Dimension 0 is the batch." if 0 in gone else ""
        raise ShapeError("dim", f"different dimensions from 1 to {rank - 1} of {kind}", params.dim, hint, fixes)
    if params.keepdim:
        return (TensorType(tuple(1 if place in gone else size for place, size in enumerate(kind.shape))),)
    return (TensorType(tuple(size for place, size in enumerate(kind.shape) if place not in gone)),)


def _emit_mean(params: MeanParams, _inputs: Inputs, _outputs: Inputs) -> Source:
    dims = ", ".join(map(literal, params.dim))
    kept = ", keepdim=True" if params.keepdim else ""
    return Source.expression(f"{{input}}.mean(dim={dims if len(params.dim) == 1 else f'({dims})'}{kept})")


def _cost_mean(_params: MeanParams, _inputs: Inputs, outputs: Inputs) -> Cost:
    return Cost(activation_bytes=4 * prod(sizes(outputs[0])))


TOKENS: Final = TensorType((BATCH, 12), "int64")

LAYERS = (
    LayerSpec(
        key="add",
        title="Add",
        category="merge",
        doc="Adds inputs, number by number; sizes of 1 are repeated.",
        params=MergeParams,
        inputs=_ports,
        infer=_infer_broadcast,
        emit=_emit_between(" + "),
        cost=stores_output,
        samples=(
            Sample((image(3, 4, 5), image(3, 4, 5))),
            Sample((image(3, 1, 1), image(3, 4, 1), image(1, 4, 5)), {"inputs": 3}),
            Sample((TOKENS, TOKENS)),
        ),
        search=("sum", "plus", "residual", "skip", "shortcut"),
    ),
    LayerSpec(
        key="multiply",
        title="Multiply",
        category="merge",
        doc="Multiplies inputs, number by number; sizes of 1 are repeated.",
        params=MergeParams,
        inputs=_ports,
        infer=_infer_broadcast,
        emit=_emit_between(" * "),
        cost=stores_output,
        samples=(
            Sample((image(3, 4, 5), image(3, 1, 1))),
            Sample((image(7), image(7), image(7)), {"inputs": 3}),
        ),
        search=("product", "times", "gate", "squeeze and excitation"),
    ),
    LayerSpec(
        key="subtract",
        title="Subtract",
        category="merge",
        doc="Takes the second input from the first, number by number; sizes of 1 are repeated.",
        params=NoParams,
        inputs=PORTS[:2],
        infer=_infer_broadcast,
        emit=_emit_between(" - "),
        cost=stores_output,
        samples=(Sample((image(7), image(7))), Sample((image(3, 4, 5), image(3, 1, 1)))),
        search=("minus", "difference"),
    ),
    LayerSpec(
        key="concat",
        title="Concat",
        category="merge",
        doc="Puts inputs one after another along a dimension (torch.cat).",
        params=JoinParams,
        inputs=_ports,
        infer=_infer_concat,
        emit=_emit_join("torch.cat"),
        cost=stores_output,
        samples=(
            Sample((image(3, 4, 5), image(2, 4, 5))),
            Sample((sequence(4, 5), sequence(4, 2), sequence(4, 9)), {"inputs": 3, "dim": -1}),
            Sample((TOKENS, TOKENS)),
        ),
        search=("concatenate", "cat", "join", "skip", "dense"),
    ),
    LayerSpec(
        key="stack",
        title="Stack",
        category="merge",
        doc="Puts inputs side by side along a new dimension (torch.stack).",
        params=JoinParams,
        inputs=_ports,
        infer=_infer_stack,
        emit=_emit_join("torch.stack"),
        cost=stores_output,
        samples=(
            Sample((image(3, 4), image(3, 4))),
            Sample((image(3), image(3), image(3)), {"inputs": 3, "dim": -1}),
        ),
        search=("join", "new dimension"),
    ),
    LayerSpec(
        key="matmul",
        title="Matmul",
        category="merge",
        doc="Matrix product of the last two dimensions (torch.matmul).",
        params=NoParams,
        inputs=(Port("left", "[B, ..., rows, inner]"), Port("right", "[B, ..., inner, columns]")),
        infer=_infer_matmul,
        emit=lambda _params, _inputs, _outputs: Source.expression("{left} @ {right}"),
        cost=_cost_matmul,
        samples=(
            Sample((sequence(3, 4), sequence(4, 5))),
            Sample((image(2, 3, 4), image(2, 4, 5))),
            Sample((image(1, 3, 4), image(6, 4, 5))),
        ),
        search=("dot product", "bmm", "attention scores"),
    ),
    LayerSpec(
        key="mean",
        title="Mean",
        category="merge",
        doc="Averages over dimensions (torch.mean); (2, 3) is global average pooling of images.",
        params=MeanParams,
        infer=_infer_mean,
        emit=_emit_mean,
        cost=_cost_mean,
        samples=(
            Sample((sequence(3, 4),)),
            Sample((image(3, 4, 5),), {"dim": (2, 3)}),
            Sample((image(3, 4, 5),), {"dim": -1, "keepdim": True}),
        ),
        search=("average", "reduce", "global average pooling"),
    ),
)
