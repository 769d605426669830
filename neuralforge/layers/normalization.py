"""Normalizations: what gives activations a mean and a spread that the next layer can rely on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Annotated, Any, Final

from neuralforge.graph.params import Doc, Range
from neuralforge.graph.shapes import BATCH, Cost, SetParam, ShapeError, TensorType, Unplug
from neuralforge.layers.common import (
    MAX_CHANNELS,
    arguments,
    image,
    literal,
    need_float,
    need_rank,
    sequence,
    sizes,
    stores_output,
)
from neuralforge.layers.spec import Inputs, LayerSpec, Sample, Source

EPS: Final = Range(1e-12, 1, log=True)


@dataclass(frozen=True, kw_only=True)
class BatchNormParams:
    """Parameters of `batch_norm`."""

    eps: Annotated[float, EPS, Doc("Added to the variance, so that nothing is divided by zero.")] = 1e-5
    momentum: Annotated[float, Range(0, 1), Doc("Share of a new batch in the running statistics.")] = 0.1
    affine: Annotated[bool, Doc("Whether to learn a scale and an offset a channel.")] = True
    track_running_stats: Annotated[bool, Doc("Whether evaluation uses statistics kept from training.")] = True


@dataclass(frozen=True, kw_only=True)
class LayerNormParams:
    """Parameters of `layer_norm`."""

    dims: Annotated[int, Range(1, 8), Doc("How many trailing dimensions are normalised together.")] = 1
    eps: Annotated[float, EPS, Doc("Added to the variance, so that nothing is divided by zero.")] = 1e-5
    elementwise_affine: Annotated[bool, Doc("Whether to learn a scale and an offset.")] = True


@dataclass(frozen=True, kw_only=True)
class RmsNormParams:
    """Parameters of `rms_norm`."""

    dims: Annotated[int, Range(1, 8), Doc("How many trailing dimensions are normalised together.")] = 1
    eps: Annotated[float | None, EPS, Doc("Added to the mean square; none for the type's own.")] = None
    elementwise_affine: Annotated[bool, Doc("Whether to learn a scale.")] = True


@dataclass(frozen=True, kw_only=True)
class GroupNormParams:
    """Parameters of `group_norm`."""

    num_groups: Annotated[int, Range(1, MAX_CHANNELS, log=True), Doc("Groups that the channels are split into.")] = 8
    eps: Annotated[float, EPS, Doc("Added to the variance, so that nothing is divided by zero.")] = 1e-5
    affine: Annotated[bool, Doc("Whether to learn a scale and an offset a channel.")] = True


@dataclass(frozen=True, kw_only=True)
class InstanceNormParams:
    """Parameters of `instance_norm`."""

    eps: Annotated[float, EPS, Doc("Added to the variance, so that nothing is divided by zero.")] = 1e-5
    affine: Annotated[bool, Doc("Whether to learn a scale and an offset a channel.")] = False


@dataclass(frozen=True, kw_only=True)
class LocalResponseNormParams:
    """Parameters of `local_response_norm`."""

    size: Annotated[int, Range(1, 1024), Doc("How many neighbouring channels count.")] = 5
    alpha: Annotated[float, Range(0, 1e3), Doc("Weight of the neighbours.")] = 1e-4
    beta: Annotated[float, Range(0, 100), Doc("Exponent.")] = 0.75
    k: Annotated[float, Range(0, 1e3), Doc("Added before the power is taken.")] = 1.0


def _infer_batch(_params: BatchNormParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    need_float("input", kind)
    if not 2 <= len(kind.shape) <= 5:
        raise ShapeError("input", "[B, C], or [B, C, ...] with up to three more", kind, "", (Unplug("input"),))
    return inputs


def _emit_batch(params: BatchNormParams, inputs: Inputs, _outputs: Inputs) -> Source:
    rank = max(len(inputs[0].shape) - 2, 1)
    call = arguments(
        inputs[0].shape[1],
        eps=(params.eps, 1e-5),
        momentum=(params.momentum, 0.1),
        affine=(params.affine, True),
        track_running_stats=(params.track_running_stats, True),
    )
    return Source.call(f"nn.BatchNorm{rank}d({call})")


def _cost_batch(params: BatchNormParams, inputs: Inputs, outputs: Inputs) -> Cost:
    channels = sizes(inputs[0])[0]
    return Cost(
        parameters=2 * channels * params.affine,
        buffers=(2 * channels + 1) * params.track_running_stats,  # mean, variance, and the number of batches
        activation_bytes=outputs[0].bytes,
    )


def _infer_trailing(params: LayerNormParams | RmsNormParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    need_float("input", kind)
    rank = len(kind.shape)
    if rank < 2:
        raise ShapeError("input", "[B, ..., features]", kind, "", (Unplug("input"),))
    if params.dims >= rank:
        expected = f"1 to {rank - 1}, the dimensions of {kind} besides the batch"
        raise ShapeError("dims", expected, params.dims, "", (SetParam("dims", rank - 1),))
    return inputs


def _emit_trailing(module: str, eps: float | None) -> Callable[[Any, Inputs, Inputs], Source]:
    def emit(params: LayerNormParams | RmsNormParams, inputs: Inputs, _outputs: Inputs) -> Source:
        shape = sizes(inputs[0], len(inputs[0].shape) - params.dims)
        call = arguments(eps=(params.eps, eps), elementwise_affine=(params.elementwise_affine, True))
        first = literal(shape[0]) if len(shape) == 1 else repr(shape)
        return Source.call(f"{module}({first}{', ' + call if call else ''})")

    return emit


def _cost_trailing(numbers: int) -> Callable[[Any, Inputs, Inputs], Cost]:
    def cost(params: LayerNormParams | RmsNormParams, inputs: Inputs, outputs: Inputs) -> Cost:
        elements = prod(sizes(inputs[0], len(inputs[0].shape) - params.dims))
        return Cost(parameters=numbers * elements * params.elementwise_affine, activation_bytes=outputs[0].bytes)

    return cost


def _infer_group(params: GroupNormParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    need_float("input", kind)
    if len(kind.shape) < 2:
        raise ShapeError("input", "[B, C, ...]", kind, "", (Unplug("input"),))
    channels, *spatial = sizes(kind)
    groups = params.num_groups
    area = prod(spatial)
    if channels * area < 2:
        raise ShapeError("input", "more than one number a sample", kind, "", (Unplug("input"),))
    if channels % groups or channels // groups * area < 2:
        fitting = [n for n in range(min(groups, channels), 0, -1) if channels % n == 0 and channels // n * area > 1]
        raise ShapeError(
            "num_groups",
            f"a divisor of {channels}, the number of channels"
            if channels % groups
            else "groups of more than one number",
            groups,
            "",
            (SetParam("num_groups", fitting[0]),),
        )
    return inputs


def _emit_group(params: GroupNormParams, inputs: Inputs, _outputs: Inputs) -> Source:
    call = arguments(params.num_groups, inputs[0].shape[1], eps=(params.eps, 1e-5), affine=(params.affine, True))
    return Source.call(f"nn.GroupNorm({call})")


def _cost_affine(params: GroupNormParams | InstanceNormParams, inputs: Inputs, outputs: Inputs) -> Cost:
    return Cost(parameters=2 * sizes(inputs[0])[0] * params.affine, activation_bytes=outputs[0].bytes)


def _infer_instance(_params: InstanceNormParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    need_float("input", kind)
    if not 3 <= len(kind.shape) <= 5 or kind.shape[0] != BATCH:
        need_rank("input", kind, 4, "[B, C, L], [B, C, H, W] or [B, C, D, H, W]")
    if prod(sizes(kind, 2)) < 2:
        raise ShapeError(
            "input", "more than one number a channel", kind, "One number minus itself is zero.", (Unplug("input"),)
        )
    return inputs


def _emit_instance(params: InstanceNormParams, inputs: Inputs, _outputs: Inputs) -> Source:
    call = arguments(inputs[0].shape[1], eps=(params.eps, 1e-5), affine=(params.affine, False))
    return Source.call(f"nn.InstanceNorm{len(inputs[0].shape) - 2}d({call})")


def _infer_response(_params: LocalResponseNormParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    need_float("input", kind)
    if len(kind.shape) < 3:
        raise ShapeError("input", "[B, C, ...] with at least one more dimension", kind, "", (Unplug("input"),))
    return inputs


def _emit_response(params: LocalResponseNormParams, _inputs: Inputs, _outputs: Inputs) -> Source:
    call = arguments(params.size, alpha=(params.alpha, 1e-4), beta=(params.beta, 0.75), k=(params.k, 1.0))
    return Source.expression(f"F.local_response_norm({{input}}, {call})")


LAYERS = (
    LayerSpec(
        key="batch_norm",
        title="Batch Norm",
        category="normalization",
        doc="Normalises each channel over the batch (nn.BatchNorm1d, 2d or 3d).",
        params=BatchNormParams,
        infer=_infer_batch,
        emit=_emit_batch,
        cost=_cost_batch,
        samples=(
            Sample((image(20),)),
            Sample((image(6, 9),), {"affine": False}),
            Sample((image(6, 9, 8),), {"eps": 0.001, "momentum": 0.01}),
            Sample((image(6, 4, 5, 3),), {"track_running_stats": False}),
        ),
        search=("bn", "batchnorm", "normalisation"),
    ),
    LayerSpec(
        key="layer_norm",
        title="Layer Norm",
        category="normalization",
        doc="Normalises each sample over its last dimensions (nn.LayerNorm).",
        params=LayerNormParams,
        infer=_infer_trailing,
        emit=_emit_trailing("nn.LayerNorm", 1e-5),
        cost=_cost_trailing(2),
        samples=(
            Sample((sequence(12, 16),)),
            Sample((image(3, 4, 4),), {"dims": 3, "eps": 1e-6}),
            Sample((image(3, 5, 5),), {"dims": 2, "elementwise_affine": False}),
        ),
        search=("ln", "layernorm", "normalisation", "transformer"),
    ),
    LayerSpec(
        key="group_norm",
        title="Group Norm",
        category="normalization",
        doc="Normalises groups of channels of each sample (nn.GroupNorm).",
        params=GroupNormParams,
        infer=_infer_group,
        emit=_emit_group,
        cost=_cost_affine,
        samples=(Sample((image(16, 4, 5),)), Sample((image(6),), {"num_groups": 3, "affine": False})),
        search=("gn", "groupnorm", "normalisation"),
    ),
    LayerSpec(
        key="instance_norm",
        title="Instance Norm",
        category="normalization",
        doc="Normalises each channel of each sample (nn.InstanceNorm1d, 2d or 3d).",
        params=InstanceNormParams,
        infer=_infer_instance,
        emit=_emit_instance,
        cost=_cost_affine,
        samples=(
            Sample((image(6, 9),)),
            Sample((image(6, 9, 8),), {"affine": True}),
            Sample((image(6, 4, 5, 3),), {"eps": 0.001}),
        ),
        search=("style transfer", "normalisation"),
    ),
    LayerSpec(
        key="rms_norm",
        title="RMS Norm",
        category="normalization",
        doc="Divides each sample by the root of its mean square over the last dimensions (nn.RMSNorm).",
        params=RmsNormParams,
        infer=_infer_trailing,
        emit=_emit_trailing("nn.RMSNorm", None),
        cost=_cost_trailing(1),
        samples=(
            Sample((sequence(12, 16),)),
            Sample((image(3, 4, 5),), {"dims": 2, "eps": 1e-6}),
            Sample((image(10),), {"elementwise_affine": False}),
        ),
        search=("rmsnorm", "normalisation", "llama"),
    ),
    LayerSpec(
        key="local_response_norm",
        title="Local Response Norm",
        category="normalization",
        doc="Divides each number by what neighbouring channels hold, as AlexNet does (nn.LocalResponseNorm).",
        params=LocalResponseNormParams,
        infer=_infer_response,
        emit=_emit_response,
        cost=stores_output,
        samples=(
            Sample((image(8, 6, 5),)),
            Sample((image(8, 9),), {"size": 3, "alpha": 0.001, "beta": 0.5, "k": 2.0}),
        ),
        search=("lrn", "alexnet", "normalisation"),
    ),
)
