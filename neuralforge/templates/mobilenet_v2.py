"""MobileNetV2: inverted residuals of depthwise convolutions, made for phones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from neuralforge.graph.params import Doc, Range
from neuralforge.templates.builder import Builder, Wire
from neuralforge.templates.common import conv_bn
from neuralforge.templates.template import Goal, Template

_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Table 2 of the paper: expansion, channels, blocks, stride of the first block."""


@dataclass(frozen=True, kw_only=True)
class MobileNetV2Options:
    """Options of `mobilenet_v2`."""

    width: Annotated[float, Range(0.1, 4, log=True), Doc("Factor on all numbers of channels, 1 as published.")] = 1.0
    dropout: Annotated[float, Range(0, 0.95), Doc("Share of features that is dropped before the head.")] = 0.2


def _scaled(channels: float) -> int:
    """Round to a multiple of 8, never down by more than a tenth, as the authors' code does."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def _unit(b: Builder, x: Wire, name: str, channels: int, kernel: int, stride: int = 1, groups: int = 1) -> Wire:
    x = conv_bn(b, x, f"{name}_conv", f"{name}_bn", channels, kernel, stride=stride, groups=groups)
    return b.add(f"{name}_relu", "relu6", x)


def _inverted(b: Builder, x: Wire, name: str, expansion: int, channels: int, stride: int) -> Wire:
    narrow = x.shape[0]
    y = x
    if expansion != 1:
        y = _unit(b, y, f"{name}_expand", narrow * expansion, 1)
    y = _unit(b, y, f"{name}_depthwise", y.shape[0], 3, stride, y.shape[0])
    y = conv_bn(b, y, f"{name}_project_conv", f"{name}_project_bn", channels, 1)
    return b.add(f"{name}_add", "add", x, y) if stride == 1 and narrow == channels else y


def _write(b: Builder, options: MobileNetV2Options, x: Wire, goal: Goal) -> Wire:
    x = _unit(b, x, "stem", _scaled(32 * options.width), 3, 2)
    number = 0
    for expansion, channels, count, stride in _STAGES:
        for index in range(count):
            number += 1
            wide = _scaled(channels * options.width)
            x = _inverted(b, x, f"block{number}", expansion, wide, stride if index == 0 else 1)
    x = _unit(b, x, "head", _scaled(1280 * max(1.0, options.width)), 1)
    x = b.add("avgpool", "adaptive_avg_pool2d", x, output_size=(1, 1))
    x = b.add("flatten", "flatten", x, start_dim=1)
    x = b.add("drop", "dropout", x, p=options.dropout)
    return b.add("fc", "linear", x, out_features=goal.outputs)


TEMPLATES = (
    Template(
        key="mobilenet_v2",
        title="MobileNetV2",
        summary="Seventeen inverted residuals of depthwise convolutions; much accuracy for little work.",
        reference="M. Sandler et al., MobileNetV2: Inverted residuals and linear bottlenecks, 2018, as torchvision's "
        "mobilenet_v2 at width 1.0: 3x224x224 in, 1000 out, 3,504,872 parameters.",
        published_parameters=3_504_872,
        options=MobileNetV2Options,
        write=_write,
        input_shape=(3, 224, 224),
        outputs=1000,
        kinds=("image",),
        tasks=("classification", "regression"),
        min_side=32,
    ),
)
