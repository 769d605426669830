"""Layers that rearrange and cut. None of them touches the batch dimension."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Annotated, Final

from neuralforge.graph.params import Doc, Range
from neuralforge.graph.shapes import BATCH, Fix, SetParam, ShapeError, TensorType, Unplug
from neuralforge.layers.common import (
    axis,
    image,
    is_view,
    literal,
    sequence,
    sizes,
)
from neuralforge.layers.spec import Inputs, LayerSpec, Sample, Source

DIM: Final = Range(-16, 16)
OFFSET: Final = Range(-(1 << 24), 1 << 24)


@dataclass(frozen=True, kw_only=True)
class FlattenParams:
    """Parameters of `flatten`."""

    start_dim: Annotated[int, DIM, Doc("First dimension to flatten; 0 is the batch.")] = 1
    end_dim: Annotated[int, DIM, Doc("Last dimension to flatten.")] = -1


@dataclass(frozen=True, kw_only=True)
class ReshapeParams:
    """Parameters of `reshape`."""

    shape: Annotated[
        tuple[int, ...], Range(-1, 1 << 24), Doc("Sizes that come out, without the batch; one may be -1.")
    ] = (-1,)


@dataclass(frozen=True, kw_only=True)
class PermuteParams:
    """Parameters of `permute`."""

    dims: Annotated[
        tuple[int, ...], Range(1, 16), Doc("New order of the dimensions from 1 on; 0, the batch, stays first.")
    ] = (2, 1)


@dataclass(frozen=True, kw_only=True)
class SqueezeParams:
    """Parameters of `squeeze`."""

    dim: Annotated[int, DIM, Doc("Dimension of size 1 to take away.")] = -1


@dataclass(frozen=True, kw_only=True)
class UnsqueezeParams:
    """Parameters of `unsqueeze`."""

    dim: Annotated[int, DIM, Doc("Where the new dimension of size 1 comes; 0 is the batch.")] = 1


@dataclass(frozen=True, kw_only=True)
class SliceParams:
    """Parameters of `slice`."""

    dim: Annotated[int, DIM, Doc("Dimension to cut; 0 is the batch.")] = 1
    start: Annotated[int, OFFSET, Doc("First index; negative ones count from the end.")] = 0
    end: Annotated[int | None, OFFSET, Doc("Index after the last one; none for all that is left.")] = None
    step: Annotated[int, Range(1, 1 << 24), Doc("Distance of the indices.")] = 1


@dataclass(frozen=True, kw_only=True)
class SelectParams:
    """Parameters of `select`."""

    dim: Annotated[int, DIM, Doc("Dimension that goes; 0 is the batch.")] = 1
    index: Annotated[int, OFFSET, Doc("Which of its entries stays; negative ones count from the end.")] = 0


def _infer_flatten(params: FlattenParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    start, end = axis(kind, params.start_dim, "start_dim"), axis(kind, params.end_dim, "end_dim")
    if start > end:
        fixes = (SetParam("start_dim", end), SetParam("end_dim", start))
        raise ShapeError("start_dim", f"at most {end}, the last dimension to flatten", params.start_dim, "", fixes)
    return (TensorType((*kind.shape[:start], prod(sizes(kind)[start - 1 : end]), *kind.shape[end + 1 :]), kind.dtype),)


def _emit_flatten(params: FlattenParams, _inputs: Inputs, _outputs: Inputs) -> Source:
    end = "" if params.end_dim == -1 else f", {literal(params.end_dim)}"
    return Source.expression(f"torch.flatten({{input}}, {literal(params.start_dim)}{end})")


def _infer_reshape(params: ReshapeParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    shape, total = params.shape, kind.elements
    known = prod(size for size in shape if size != -1)
    free = shape.count(-1)
    if known and total % known == 0 and (free == 1 or (free == 0 and known == total)):
        return (TensorType((BATCH, *(total // known if size == -1 else size for size in shape)), kind.dtype),)
    fixes: list[Fix] = []
    for place in range(len(shape)):
        others = [size for index, size in enumerate(shape) if index != place]
        if all(size > 0 for size in others) and total % prod(others) == 0:
            fixes.append(SetParam("shape", (*shape[:place], -1, *shape[place + 1 :])))
    expected = f"sizes that multiply to {total}, as those of {kind} do"
    hint = "At most one size may be -1." if free > 1 else ""
    raise ShapeError("shape", expected, shape, hint, (*fixes, SetParam("shape", (-1,))))


def _emit_reshape(_params: ReshapeParams, _inputs: Inputs, outputs: Inputs) -> Source:
    return Source.expression(f"{{input}}.reshape(-1, {', '.join(map(literal, sizes(outputs[0])))})")


def _infer_permute(params: PermuteParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    rank = len(kind.shape)
    if sorted(params.dims) != list(range(1, rank)):
        if rank < 2:
            raise ShapeError("input", "a dimension besides the batch", kind, "", (Unplug("input"),))
        fixes = (SetParam("dims", tuple(range(rank - 1, 0, -1))),)
        raise ShapeError("dims", f"each of the dimensions 1 to {rank - 1} of {kind} once", params.dims, "", fixes)
    return (TensorType((BATCH, *(kind.shape[dim] for dim in params.dims)), kind.dtype),)


def _emit_permute(params: PermuteParams, _inputs: Inputs, _outputs: Inputs) -> Source:
    return Source.expression(f"{{input}}.permute(0, {', '.join(map(literal, params.dims))})")


def _infer_squeeze(params: SqueezeParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    index = axis(kind, params.dim)
    if kind.shape[index] != 1:
        ones = (SetParam("dim", place) for place, size in enumerate(kind.shape) if size == 1)
        raise ShapeError("input", f"size 1 in dimension {index}", kind, "", (*ones, Unplug("input")))
    return (TensorType((*kind.shape[:index], *kind.shape[index + 1 :]), kind.dtype),)


def _infer_unsqueeze(params: UnsqueezeParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    index = axis(kind, params.dim, extra=1)
    return (TensorType((*kind.shape[:index], 1, *kind.shape[index:]), kind.dtype),)


def _emit_squeeze(params: SqueezeParams, _inputs: Inputs, _outputs: Inputs) -> Source:
    return Source.expression(f"{{input}}.squeeze({literal(params.dim)})")


def _emit_unsqueeze(params: UnsqueezeParams, _inputs: Inputs, _outputs: Inputs) -> Source:
    return Source.expression(f"{{input}}.unsqueeze({literal(params.dim)})")


def _infer_slice(params: SliceParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    index = axis(kind, params.dim)
    size = sizes(kind, index)[0]
    start, end, step = params.start, params.end, params.step
    count = len(range(size)[start:end:step])
    if not count:
        fixes: list[Fix] = []
        if range(size)[start:]:
            fixes.append(SetParam("end", None))
        if range(size)[:end]:
            fixes.append(SetParam("start", 0))
        where = f"indices that keep something of the {size} in dimension {index}"
        raise ShapeError("input", where, f"{start}:{'' if end is None else end}", "", (*fixes, Unplug("input")))
    return (TensorType((*kind.shape[:index], count, *kind.shape[index + 1 :]), kind.dtype),)


def _emit_slice(params: SliceParams, inputs: Inputs, _outputs: Inputs) -> Source:
    index = axis(inputs[0], params.dim)
    start = literal(params.start) if params.start else ""
    end = "" if params.end is None else literal(params.end)
    step = "" if params.step == 1 else f":{literal(params.step)}"
    return Source.expression(f"{{input}}[{':, ' * index}{start}:{end}{step}]")


def _infer_select(params: SelectParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    index = axis(kind, params.dim)
    size = sizes(kind, index)[0]
    if not -size <= params.index < size:
        expected = f"an index from {-size} to {size - 1} in dimension {index} of {kind}"
        fixes = (SetParam("index", size - 1 if params.index > 0 else 0),)
        raise ShapeError("index", expected, params.index, "", fixes)
    return (TensorType((*kind.shape[:index], *kind.shape[index + 1 :]), kind.dtype),)


def _emit_select(params: SelectParams, inputs: Inputs, _outputs: Inputs) -> Source:
    return Source.expression(f"{{input}}[{':, ' * axis(inputs[0], params.dim)}{literal(params.index)}]")


TOKENS: Final = TensorType((BATCH, 12), "int64")

LAYERS = (
    LayerSpec(
        key="flatten",
        title="Flatten",
        category="shape",
        doc="Joins neighbouring dimensions into one (nn.Flatten).",
        params=FlattenParams,
        infer=_infer_flatten,
        emit=_emit_flatten,
        cost=is_view,
        samples=(
            Sample((image(3, 4, 5),)),
            Sample((image(3, 4, 5),), {"start_dim": 2}),
            Sample((image(3, 4, 5),), {"start_dim": -3, "end_dim": -2}),
            Sample((TOKENS,)),
        ),
        search=("vector", "ravel"),
    ),
    LayerSpec(
        key="reshape",
        title="Reshape",
        category="shape",
        doc="Gives each sample another shape with as many numbers (torch.reshape).",
        params=ReshapeParams,
        infer=_infer_reshape,
        emit=_emit_reshape,
        cost=is_view,
        samples=(
            Sample((image(3, 4, 5),)),
            Sample((image(60),), {"shape": (3, -1, 5)}),
            Sample((image(60),), {"shape": (4, 15)}),
            Sample((TOKENS,), {"shape": (3, 4)}),
        ),
        search=("view", "unflatten"),
    ),
    LayerSpec(
        key="permute",
        title="Permute",
        category="shape",
        doc="Changes the order of the dimensions (torch.permute).",
        params=PermuteParams,
        infer=_infer_permute,
        emit=_emit_permute,
        cost=is_view,
        samples=(Sample((sequence(3, 4),)), Sample((image(3, 4, 5),), {"dims": (2, 3, 1)})),
        search=("transpose", "channels last", "swap"),
    ),
    LayerSpec(
        key="squeeze",
        title="Squeeze",
        category="shape",
        doc="Takes a dimension of size 1 away (torch.squeeze).",
        params=SqueezeParams,
        infer=_infer_squeeze,
        emit=_emit_squeeze,
        cost=is_view,
        samples=(Sample((image(3, 1),)), Sample((image(1, 4, 1),), {"dim": 1})),
        search=("remove dimension",),
    ),
    LayerSpec(
        key="unsqueeze",
        title="Unsqueeze",
        category="shape",
        doc="Adds a dimension of size 1 (torch.unsqueeze).",
        params=UnsqueezeParams,
        infer=_infer_unsqueeze,
        emit=_emit_unsqueeze,
        cost=is_view,
        samples=(Sample((image(3),)), Sample((image(3, 4),), {"dim": -1}), Sample((image(3, 4),), {"dim": 2})),
        search=("add dimension", "expand"),
    ),
    LayerSpec(
        key="slice",
        title="Slice",
        category="shape",
        doc="Keeps some indices of one dimension, as `x[:, start:end:step]` does.",
        params=SliceParams,
        infer=_infer_slice,
        emit=_emit_slice,
        cost=is_view,
        samples=(
            Sample((image(9, 8),), {"start": 2, "end": 5}),
            Sample((image(9, 8),), {"dim": -1, "start": -6, "end": -1, "step": 2}),
            Sample((image(9, 8),), {"end": 100}),
            Sample((TOKENS,), {"step": 5}),
        ),
        search=("crop", "narrow", "split"),
    ),
    LayerSpec(
        key="select",
        title="Select",
        category="shape",
        doc="Takes one entry of a dimension, which goes (torch.select); for example the last step of a sequence.",
        params=SelectParams,
        infer=_infer_select,
        emit=_emit_select,
        cost=is_view,
        samples=(Sample((image(9, 8),)), Sample((image(9, 8, 7),), {"dim": 2, "index": -1})),
        search=("index", "last step", "class token"),
    ),
)
