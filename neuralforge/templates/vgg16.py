"""VGG-16: thirteen 3x3 convolutions and three wide linear layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from neuralforge.graph.params import Doc, Range
from neuralforge.templates.builder import Builder, Wire
from neuralforge.templates.template import Goal, Template


@dataclass(frozen=True, kw_only=True)
class Vgg16Options:
    """Options of `vgg16`."""

    width: Annotated[int, Range(1, 512, log=True), Doc("Channels of the first stage; the others scale with it.")] = 64
    hidden: Annotated[int, Range(1, 16384, log=True), Doc("Width of the two hidden linear layers.")] = 4096
    dropout: Annotated[float, Range(0, 0.95), Doc("Share of each hidden linear layer that is dropped.")] = 0.5
    batch_norm: Annotated[bool, Doc("Whether to normalise after each convolution, as vgg16_bn does.")] = False


def _write(b: Builder, options: Vgg16Options, x: Wire, goal: Goal) -> Wire:
    for stage, (factor, convolutions) in enumerate(((1, 2), (2, 2), (4, 3), (8, 3), (8, 3)), 1):
        for number in range(1, convolutions + 1):
            name = f"{stage}_{number}"
            x = b.add(f"conv{name}", "conv2d", x, out_channels=options.width * factor, kernel_size=3, padding=1)
            if options.batch_norm:
                x = b.add(f"bn{name}", "batch_norm", x)
            x = b.add(f"relu{name}", "relu", x)
        x = b.add(f"pool{stage}", "max_pool2d", x, kernel_size=2, stride=2)
    x = b.add("avgpool", "adaptive_avg_pool2d", x, output_size=(7, 7))
    x = b.add("flatten", "flatten", x, start_dim=1)
    for number in (1, 2):
        x = b.add(f"fc{number}", "linear", x, out_features=options.hidden)
        x = b.add(f"fc{number}_relu", "relu", x)
        x = b.add(f"fc{number}_drop", "dropout", x, p=options.dropout)
    return b.add("fc3", "linear", x, out_features=goal.outputs)


TEMPLATES = (
    Template(
        key="vgg16",
        title="VGG-16",
        summary="Five stages of 3x3 convolutions and three wide linear layers; simple, and very large.",
        reference="K. Simonyan and A. Zisserman, Very deep convolutional networks for large-scale image recognition, "
        "2014, configuration D, as torchvision's vgg16: 3x224x224 in, 1000 out, 138,357,544 parameters.",
        published_parameters=138_357_544,
        options=Vgg16Options,
        write=_write,
        input_shape=(3, 224, 224),
        outputs=1000,
        kinds=("image",),
        tasks=("classification", "regression"),
        min_side=32,
    ),
)
