"""LeNet-5: the first convolutional network in wide use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from neuralforge.graph.params import Doc
from neuralforge.templates.builder import Builder, Wire
from neuralforge.templates.template import Goal, Template


@dataclass(frozen=True, kw_only=True)
class LeNet5Options:
    """Options of `lenet5`."""

    activation: Annotated[Literal["tanh", "relu"], Doc("tanh as in the paper, or relu as is usual today.")] = "tanh"
    pooling: Annotated[Literal["avg", "max"], Doc("avg as in the paper, or max as is usual today.")] = "avg"


def _write(b: Builder, options: LeNet5Options, x: Wire, goal: Goal) -> Wire:
    for number, channels in enumerate((6, 16), 1):
        x = b.add(f"conv{number}", "conv2d", x, out_channels=channels, kernel_size=5)
        x = b.add(f"act{number}", options.activation, x)
        x = b.add(f"pool{number}", f"{options.pooling}_pool2d", x, kernel_size=2, stride=2)
    x = b.add("flatten", "flatten", x, start_dim=1)
    for number, width in enumerate((120, 84), 1):
        x = b.add(f"fc{number}", "linear", x, out_features=width)
        x = b.add(f"act{number + 2}", options.activation, x)
    return b.add("fc3", "linear", x, out_features=goal.outputs)


TEMPLATES = (
    Template(
        key="lenet5",
        title="LeNet-5",
        summary="Two 5x5 convolutions with pooling and three linear layers, for 32x32 images of digits.",
        reference="Y. LeCun et al., Gradient-based learning applied to document recognition, 1998. The variant in "
        "common use, 1x32x32 in and 10 out, has 61,706 parameters: all 16 maps of the second convolution see all 6 of "
        "the first, pooling learns nothing, and the last layer is linear. (The paper's own counts 60,000: partial "
        "connections, learned subsampling, fixed radial basis outputs.)",
        published_parameters=61_706,
        options=LeNet5Options,
        write=_write,
        input_shape=(1, 32, 32),
        outputs=10,
        kinds=("image",),
        tasks=("classification", "regression"),
        min_side=32,
    ),
)
