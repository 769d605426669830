"""Pooling: what makes sequences, images and volumes smaller without learning anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from neuralforge.graph.params import Doc, Range
from neuralforge.graph.shapes import Cost, Fix, SetParam, ShapeError, TensorType, Unplug
from neuralforge.layers.common import arguments, image, need_spatial, ranked, short, sizes, stores_output
from neuralforge.layers.spec import Inputs, LayerSpec, Sample, Source


@dataclass(frozen=True, kw_only=True)
class PoolParams:
    """Parameters of max and average pooling."""

    kernel_size: Annotated[tuple[int, ...], Range(1, 1 << 16, log=True), Doc("Size of the window.")] = (2,)
    stride: Annotated[
        tuple[int, ...] | None, Range(1, 1 << 16, log=True), Doc("Step of the window; none for the window's size.")
    ] = None
    padding: Annotated[tuple[int, ...], Range(0, 1 << 15), Doc("Border on both sides, at most half the window.")] = (0,)
    ceil_mode: Annotated[bool, Doc("Whether a window that sticks out at the end counts.")] = False


@dataclass(frozen=True, kw_only=True)
class AdaptiveParams:
    """Parameters of adaptive pooling."""

    output_size: Annotated[tuple[int, ...], Range(1, 1 << 16, log=True), Doc("Sizes that come out.")] = (1,)


def _infer_pool(params: PoolParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    kernels, paddings = params.kernel_size, params.padding
    rank = len(kernels)
    if len(kind.shape) != rank + 2 or kind.dtype != "float32":
        need_spatial(kind, rank)
    channels, *spatial = sizes(kind)
    made = []
    for size, kernel, stride, padding in zip(spatial, kernels, params.stride or kernels, paddings, strict=True):
        if padding > kernel // 2:
            raise _too_wide(params)
        room = size + 2 * padding - kernel
        count = (room + stride - 1 if params.ceil_mode else room) // stride + 1
        if params.ceil_mode and (count - 1) * stride >= size + padding:  # a window must start inside
            count -= 1
        if count < 1:
            raise _too_small(params, kind, paddings)
        made.append(count)
    return (TensorType((kind.shape[0], channels, *made)),)


def _infer_pool_unpadded(params: PoolParams, inputs: Inputs) -> tuple[TensorType, ...]:
    """Infer for nn.AvgPool3d, which wants the window to fit into the input without its padding."""
    found = _infer_pool(params, inputs)
    if any(kernel > size for kernel, size in zip(params.kernel_size, sizes(inputs[0], 2), strict=True)):
        raise _too_small(params, inputs[0], ())
    return found


def _too_wide(params: PoolParams) -> ShapeError:
    kernels, paddings = params.kernel_size, params.padding
    half = tuple(min(padding, kernel // 2) for kernel, padding in zip(kernels, paddings, strict=True))
    return ShapeError("padding", f"at most half of {short(kernels)}", short(paddings), "", (SetParam("padding", half),))


def _too_small(params: PoolParams, kind: TensorType, paddings: tuple[int, ...]) -> ShapeError:
    """Say that the window is larger than the input with its padding, or without it when none is given."""
    kernels = params.kernel_size
    windows = tuple(zip(kernels, sizes(kind, 2), paddings or (0,) * len(kernels), strict=True))
    fixes: list[Fix] = [SetParam("kernel_size", tuple(min(k, n + 2 * p) for k, n, p in windows))]
    if paddings:
        fixes.append(SetParam("padding", tuple(max(p, (k - n + 1) // 2) for k, n, p in windows)))
    return ShapeError(
        "input",
        f"at least {short(kernels)}{' after padding' if paddings else ''}, the size of the window",
        kind,
        "Earlier layers made the input smaller than the window.",
        (*fixes, Unplug("input")),
    )


def _infer_adaptive(params: AdaptiveParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    rank = len(params.output_size)
    if len(kind.shape) != rank + 2 or kind.dtype != "float32":
        need_spatial(kind, rank)
    return (TensorType((*kind.shape[:2], *params.output_size)),)


def _stores_indices(_params: object, _inputs: Inputs, outputs: Inputs) -> Cost:
    """Cost of max pooling, which keeps for each output where it came from, in 64 bits."""
    return Cost(activation_bytes=outputs[0].bytes + 8 * outputs[0].elements)


def _emit_pool(function: str) -> Callable[[PoolParams, Inputs, Inputs], Source]:
    def emit(params: PoolParams, _inputs: Inputs, _outputs: Inputs) -> Source:
        call = arguments(
            short(params.kernel_size),
            stride=(short(params.stride or params.kernel_size), short(params.kernel_size)),
            padding=(short(params.padding), 0),
            ceil_mode=(params.ceil_mode, False),
        )
        return Source.expression(f"{function}({{input}}, {call})")

    return emit


def _emit_adaptive(function: str) -> Callable[[AdaptiveParams, Inputs, Inputs], Source]:
    def emit(params: AdaptiveParams, _inputs: Inputs, _outputs: Inputs) -> Source:
        return Source.expression(f"{function}({{input}}, {arguments(short(params.output_size))})")

    return emit


_SPATIAL: Final = {1: (17,), 2: (16, 13), 3: (8, 9, 7)}
_KINDS: Final = {"max": ("Max", "the largest number"), "avg": ("Avg", "the mean")}


def _pool(kind: str, rank: int) -> LayerSpec[PoolParams]:
    title, what = _KINDS[kind]
    return LayerSpec(
        key=f"{kind}_pool{rank}d",
        title=f"{title} Pool {rank}-D",
        category="pooling",
        doc=f"Takes {what} of each window (nn.{title}Pool{rank}d).",
        params=ranked(PoolParams, rank),
        infer=_infer_pool_unpadded if (kind, rank) == ("avg", 3) else _infer_pool,
        emit=_emit_pool(f"F.{kind}_pool{rank}d"),
        cost=_stores_indices if kind == "max" else stores_output,
        samples=(
            Sample((image(3, *_SPATIAL[rank]),)),
            Sample((image(4, *_SPATIAL[rank]),), {"kernel_size": 3, "stride": 2, "padding": 1}),
            Sample((image(4, *_SPATIAL[rank]),), {"stride": 3, "ceil_mode": True}),
            Sample((image(2, *_SPATIAL[rank]),), {"kernel_size": tuple(range(2, rank + 2))}),
        ),
        search=("pooling", "subsample", "downsample", *(("average", "mean") if kind == "avg" else ("maximum",))),
    )


def _adaptive(kind: str, rank: int) -> LayerSpec[AdaptiveParams]:
    title, what = _KINDS[kind]
    return LayerSpec(
        key=f"adaptive_{kind}_pool{rank}d",
        title=f"Adaptive {title} Pool {rank}-D",
        category="pooling",
        doc=f"Takes {what} of windows chosen so that given sizes come out (nn.Adaptive{title}Pool{rank}d).",
        params=ranked(AdaptiveParams, rank),
        infer=_infer_adaptive,
        emit=_emit_adaptive(f"F.adaptive_{kind}_pool{rank}d"),
        cost=_stores_indices if kind == "max" else stores_output,
        samples=(
            Sample((image(3, *_SPATIAL[rank]),)),
            Sample((image(4, *_SPATIAL[rank]),), {"output_size": tuple(range(3, rank + 3))}),
        ),
        search=("global pooling", "pooling", *(("average", "mean", "gap") if kind == "avg" else ("maximum",))),
    )


LAYERS = (
    *(_pool(kind, rank) for kind in _KINDS for rank in (1, 2, 3)),
    *(_adaptive(kind, rank) for kind in _KINDS for rank in (1, 2, 3)),
)
