"""Residual networks: blocks that add to what they are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from neuralforge.graph.params import Doc, Range
from neuralforge.templates.builder import Builder, Wire
from neuralforge.templates.common import conv_bn
from neuralforge.templates.template import Goal, Template


@dataclass(frozen=True, kw_only=True)
class ResNetOptions:
    """Options of `resnet18` and `resnet50`."""

    width: Annotated[int, Range(1, 1024, log=True), Doc("Channels of the first stage; the others scale with it.")] = 64


def _residual(b: Builder, x: Wire, name: str, channels: int, stride: int, expansion: int) -> Wire:
    """Add a block: `expansion` 1 is the basic one of two 3x3 convolutions, 4 the bottleneck 1x1, 3x3, 1x1.

    The stride is at the first 3x3 convolution, as torchvision has it (ResNet v1.5).
    """
    plan = ((3, stride, 1), (3, 1, 1)) if expansion == 1 else ((1, 1, 1), (3, stride, 1), (1, 1, expansion))
    y = x
    for number, (kernel, step, factor) in enumerate(plan, 1):
        y = conv_bn(b, y, f"{name}_conv{number}", f"{name}_bn{number}", channels * factor, kernel, stride=step)
        if number < len(plan):
            y = b.add(f"{name}_relu{number}", "relu", y)
    if y.shape != x.shape:
        wide = channels * expansion
        x = conv_bn(b, x, f"{name}_downsample_0", f"{name}_downsample_1", wide, 1, stride=stride)
    return b.add(f"{name}_relu{len(plan)}", "relu", b.add(f"{name}_add", "add", y, x))


def _writer(blocks: tuple[int, ...], expansion: int) -> Callable[[Builder, ResNetOptions, Wire, Goal], Wire]:
    def write(b: Builder, options: ResNetOptions, x: Wire, goal: Goal) -> Wire:
        x = conv_bn(b, x, "conv1", "bn1", options.width, 7, stride=2)
        x = b.add("relu", "relu", x)
        x = b.add("maxpool", "max_pool2d", x, kernel_size=3, stride=2, padding=1)
        for stage, count in enumerate(blocks, 1):
            for number in range(count):
                stride = 2 if stage > 1 and number == 0 else 1
                channels = options.width * 2 ** (stage - 1)
                x = _residual(b, x, f"layer{stage}_{number}", channels, stride, expansion)
        x = b.add("avgpool", "adaptive_avg_pool2d", x, output_size=(1, 1))
        x = b.add("flatten", "flatten", x, start_dim=1)
        return b.add("fc", "linear", x, out_features=goal.outputs)

    return write


_PAPER = "K. He, X. Zhang, S. Ren and J. Sun, Deep residual learning for image recognition, 2015"

TEMPLATES = (
    Template(
        key="resnet18",
        title="ResNet-18",
        summary="Eight residual blocks of two 3x3 convolutions; a good first choice for colour images.",
        reference=f"{_PAPER}, as torchvision's resnet18: 3x224x224 in, 1000 out, 11,689,512 parameters.",
        published_parameters=11_689_512,
        options=ResNetOptions,
        write=_writer((2, 2, 2, 2), 1),
        input_shape=(3, 224, 224),
        outputs=1000,
        kinds=("image",),
        tasks=("classification", "regression"),
        min_side=32,
    ),
    Template(
        key="resnet50",
        title="ResNet-50",
        summary="Sixteen residual bottlenecks of 1x1, 3x3 and 1x1 convolutions; the usual yardstick.",
        reference=f"{_PAPER}, as torchvision's resnet50 (v1.5, the stride at the 3x3 convolution): 3x224x224 in, "
        "1000 out, 25,557,032 parameters.",
        published_parameters=25_557_032,
        options=ResNetOptions,
        write=_writer((3, 4, 6, 3), 4),
        input_shape=(3, 224, 224),
        outputs=1000,
        kinds=("image",),
        tasks=("classification", "regression"),
        min_side=32,
    ),
)
