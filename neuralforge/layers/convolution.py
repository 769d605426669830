"""Convolutions over one, two and three dimensions, transposed and separable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd, prod
from typing import Annotated, Final

from neuralforge.graph.params import Doc, Range
from neuralforge.graph.shapes import Cost, Fix, SetParam, ShapeError, TensorType, Unplug, Value
from neuralforge.layers.common import MAX_CHANNELS, arguments, image, need_spatial, ranked, short, sizes
from neuralforge.layers.spec import Inputs, LayerSpec, Sample, Source


@dataclass(frozen=True, kw_only=True)
class SeparableParams:
    """Parameters of a separable convolution, and what all convolutions share."""

    out_channels: Annotated[int, Range(1, MAX_CHANNELS, log=True), Doc("Number of feature maps that come out.")] = 32
    kernel_size: Annotated[tuple[int, ...], Range(1, 1024, log=True), Doc("Size of the window.")] = (3,)
    stride: Annotated[tuple[int, ...], Range(1, 1024, log=True), Doc("Step of the window.")] = (1,)
    padding: Annotated[tuple[int, ...], Range(0, 1 << 20), Doc("Zeros added on both sides.")] = (0,)
    dilation: Annotated[tuple[int, ...], Range(1, 1024, log=True), Doc("Distance of the window's taps.")] = (1,)
    bias: Annotated[bool, Doc("Whether to add a learned offset to each feature map.")] = True


@dataclass(frozen=True, kw_only=True)
class ConvParams(SeparableParams):
    """Parameters of a convolution."""

    groups: Annotated[int, Range(1, MAX_CHANNELS, log=True), Doc("Groups of channels that do not mix.")] = 1


@dataclass(frozen=True, kw_only=True)
class TransposeParams:
    """Parameters of a transposed convolution."""

    out_channels: Annotated[int, Range(1, MAX_CHANNELS, log=True), Doc("Number of feature maps that come out.")] = 32
    kernel_size: Annotated[tuple[int, ...], Range(1, 1024, log=True), Doc("Size of the window.")] = (2,)
    stride: Annotated[tuple[int, ...], Range(1, 1024, log=True), Doc("By how much the sizes grow.")] = (2,)
    padding: Annotated[tuple[int, ...], Range(0, 1 << 20), Doc("What is cut off on both sides.")] = (0,)
    output_padding: Annotated[tuple[int, ...], Range(0, 1024), Doc("What is added on one side of the output.")] = (0,)
    groups: Annotated[int, Range(1, MAX_CHANNELS, log=True), Doc("Groups of channels that do not mix.")] = 1
    dilation: Annotated[tuple[int, ...], Range(1, 1024, log=True), Doc("Distance of the window's taps.")] = (1,)
    bias: Annotated[bool, Doc("Whether to add a learned offset to each feature map.")] = True


def _check_groups(channels: int, out_channels: int, groups: int) -> None:
    if channels % groups == 0 and out_channels % groups == 0:
        return
    fixes: list[Fix] = [SetParam("groups", value) for value in dict.fromkeys((gcd(channels, out_channels, groups), 1))]
    rounded = -(-out_channels // groups) * groups
    if channels % groups == 0 and rounded <= MAX_CHANNELS:
        fixes.insert(0, SetParam("out_channels", rounded))
    raise ShapeError("groups", f"a divisor of {channels} and {out_channels}, the channels", groups, "", fixes)


def _infer_windows(params: SeparableParams, inputs: Inputs, groups: int) -> tuple[TensorType, ...]:
    (kind,) = inputs
    rank = len(params.kernel_size)
    if len(kind.shape) != rank + 2 or kind.dtype != "float32":
        need_spatial(kind, rank)
    channels, *spatial = sizes(kind)
    if groups != 1:
        _check_groups(channels, params.out_channels, groups)
    made = tuple(
        (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        for size, kernel, stride, padding, dilation in zip(
            spatial, params.kernel_size, params.stride, params.padding, params.dilation, strict=True
        )
    )
    if min(made) < 1:
        raise _too_large(params, kind, spatial)
    return (TensorType((kind.shape[0], params.out_channels, *made)),)


def _too_large(params: SeparableParams, kind: TensorType, spatial: list[int]) -> ShapeError:
    windows = tuple(zip(spatial, params.kernel_size, params.padding, params.dilation, strict=True))
    reach = short(tuple(d * (k - 1) + 1 for _, k, _, d in windows))
    padding = tuple(max(p, -(-(d * (k - 1) + 1 - n) // 2)) for n, k, p, d in windows)
    kernel = tuple(min(k, (n + 2 * p - 1) // d + 1) for n, k, p, d in windows)
    return ShapeError(
        "input",
        f"at least {reach} after padding, the reach of the window",
        kind,
        "Earlier layers made the input smaller than the window.",
        (SetParam("padding", padding), SetParam("kernel_size", kernel), Unplug("input")),
    )


def _infer_conv(params: ConvParams, inputs: Inputs) -> tuple[TensorType, ...]:
    return _infer_windows(params, inputs, params.groups)


def _emit_conv(params: ConvParams, inputs: Inputs, _outputs: Inputs) -> Source:
    call = arguments(
        inputs[0].shape[1],
        params.out_channels,
        short(params.kernel_size),
        stride=(short(params.stride), 1),
        padding=(short(params.padding), 0),
        dilation=(short(params.dilation), 1),
        groups=(params.groups, 1),
        bias=(params.bias, True),
    )
    return Source.call(f"nn.Conv{len(params.kernel_size)}d({call})")


def _cost_conv(params: ConvParams, inputs: Inputs, outputs: Inputs) -> Cost:
    channels = sizes(inputs[0])[0]
    weights = channels // params.groups * params.out_channels * prod(params.kernel_size)
    return Cost(
        parameters=weights + params.bias * params.out_channels,
        macs=weights * prod(sizes(outputs[0], 2)),
        activation_bytes=outputs[0].bytes,
    )


def _check_output_padding(params: TransposeParams) -> None:
    limits = tuple(max(pair) - 1 for pair in zip(params.stride, params.dilation, strict=True))
    fitting = tuple(min(pair) for pair in zip(params.output_padding, limits, strict=True))
    if fitting != params.output_padding:
        fixes = (SetParam("output_padding", fitting),)
        given = short(params.output_padding)
        raise ShapeError("output_padding", "less than the stride or the dilation", given, "", fixes)


def _infer_transpose(params: TransposeParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    rank = len(params.kernel_size)
    if len(kind.shape) != rank + 2 or kind.dtype != "float32":
        need_spatial(kind, rank)
    channels, *spatial = sizes(kind)
    if params.groups != 1:
        _check_groups(channels, params.out_channels, params.groups)
    if any(params.output_padding):
        _check_output_padding(params)
    whole = tuple(
        (size - 1) * stride + dilation * (kernel - 1) + extra + 1
        for size, kernel, stride, extra, dilation in zip(
            spatial, params.kernel_size, params.stride, params.output_padding, params.dilation, strict=True
        )
    )
    made = tuple(size - 2 * padding for size, padding in zip(whole, params.padding, strict=True))
    if min(made) < 1:
        fitting = tuple(min(p, (size - 1) // 2) for size, p in zip(whole, params.padding, strict=True))
        raise ShapeError(
            "padding",
            "something left after cutting it off on both sides",
            short(params.padding),
            f"The output has {short(whole)} before the cut.",
            (SetParam("padding", fitting),),
        )
    return (TensorType((kind.shape[0], params.out_channels, *made)),)


def _emit_transpose(params: TransposeParams, inputs: Inputs, _outputs: Inputs) -> Source:
    call = arguments(
        inputs[0].shape[1],
        params.out_channels,
        short(params.kernel_size),
        stride=(short(params.stride), 1),
        padding=(short(params.padding), 0),
        output_padding=(short(params.output_padding), 0),
        groups=(params.groups, 1),
        bias=(params.bias, True),
        dilation=(short(params.dilation), 1),
    )
    return Source.call(f"nn.ConvTranspose{len(params.kernel_size)}d({call})")


def _cost_transpose(params: TransposeParams, inputs: Inputs, outputs: Inputs) -> Cost:
    channels, *spatial = sizes(inputs[0])
    weights = channels * params.out_channels // params.groups * prod(params.kernel_size)
    return Cost(
        parameters=weights + params.bias * params.out_channels,
        macs=weights * prod(spatial),
        activation_bytes=outputs[0].bytes,
    )


def _infer_separable(params: SeparableParams, inputs: Inputs) -> tuple[TensorType, ...]:
    return _infer_windows(params, inputs, 1)


def _emit_separable(params: SeparableParams, inputs: Inputs, _outputs: Inputs) -> Source:
    channels = sizes(inputs[0])[0]
    depthwise = arguments(
        channels,
        channels,
        short(params.kernel_size),
        stride=(short(params.stride), 1),
        padding=(short(params.padding), 0),
        dilation=(short(params.dilation), 1),
        groups=(channels, 1),
        bias=(params.bias, True),
    )
    pointwise = arguments(channels, params.out_channels, 1, bias=(params.bias, True))
    return Source.call(f"nn.Sequential(nn.Conv2d({depthwise}), nn.Conv2d({pointwise}))")


def _cost_separable(params: SeparableParams, inputs: Inputs, outputs: Inputs) -> Cost:
    channels = sizes(inputs[0])[0]
    weights = channels * (prod(params.kernel_size) + params.out_channels)
    area = prod(sizes(outputs[0], 2))
    return Cost(
        parameters=weights + params.bias * (channels + params.out_channels),
        macs=weights * area,
        activation_bytes=outputs[0].bytes + 4 * channels * area,
    )


_SPATIAL: Final = {1: (17,), 2: (16, 13), 3: (8, 9, 7)}
_NAMES: Final = {1: ("1-D", "sequences"), 2: ("2-D", "images"), 3: ("3-D", "volumes")}


def _conv(rank: int) -> LayerSpec[ConvParams]:
    title, things = _NAMES[rank]
    given: Mapping[str, Value] = {"out_channels": 6, "stride": 2, "padding": 2, "dilation": 2, "groups": 3}
    mixed: Mapping[str, Value] = {
        "kernel_size": tuple(range(1, rank + 1)),
        "padding": tuple(range(rank)),
        "bias": False,
    }
    return LayerSpec(
        key=f"conv{rank}d",
        title=f"Conv {title}",
        category="convolution",
        doc=f"Slides learned windows over {things} (nn.Conv{rank}d).",
        params=ranked(ConvParams, rank),
        infer=_infer_conv,
        emit=_emit_conv,
        cost=_cost_conv,
        samples=(
            Sample((image(3, *_SPATIAL[rank]),)),
            Sample((image(9, *_SPATIAL[rank]),), given),
            Sample((image(4, *_SPATIAL[rank]),), mixed),
        ),
        search=("convolution", "filter", "kernel", "dilated", "grouped", *(("temporal",) if rank == 1 else ())),
    )


def _transpose(rank: int) -> LayerSpec[TransposeParams]:
    title, things = _NAMES[rank]
    given: Mapping[str, Value] = {
        "out_channels": 6,
        "kernel_size": 3,
        "padding": 1,
        "output_padding": 1,
        "groups": 3,
        "bias": False,
    }
    return LayerSpec(
        key=f"conv_transpose{rank}d",
        title=f"Conv Transpose {title}",
        category="convolution",
        doc=f"Makes {things} larger with learned windows (nn.ConvTranspose{rank}d).",
        params=ranked(TransposeParams, rank),
        infer=_infer_transpose,
        emit=_emit_transpose,
        cost=_cost_transpose,
        samples=(
            Sample((image(3, *_SPATIAL[rank]),)),
            Sample((image(9, *_SPATIAL[rank]),), given),
            Sample((image(4, *_SPATIAL[rank]),), {"kernel_size": 3, "stride": 1, "dilation": 2}),
        ),
        search=("deconvolution", "upconvolution", "upsample"),
    )


LAYERS = (
    *(_conv(rank) for rank in (1, 2, 3)),
    *(_transpose(rank) for rank in (1, 2, 3)),
    LayerSpec(
        key="separable_conv2d",
        title="Separable Conv 2-D",
        category="convolution",
        doc="Filters each channel by itself, then mixes channels pixel by pixel (two nn.Conv2d, as in MobileNet).",
        params=ranked(SeparableParams, 2),
        infer=_infer_separable,
        emit=_emit_separable,
        cost=_cost_separable,
        samples=(
            Sample((image(3, 16, 13),)),
            Sample((image(8, 16, 13),), {"out_channels": 5, "stride": 2, "padding": (1, 2), "bias": False}),
            Sample((image(1, 16, 13),), {"dilation": 2}),
        ),
        search=("depthwise", "pointwise", "mobilenet", "xception"),
    ),
)
