"""The product's first network: small enough for a CPU, good on handwritten digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from neuralforge.graph.params import Doc, Range
from neuralforge.templates.builder import Builder, Wire
from neuralforge.templates.template import Goal, Template

_MAP_SIDE = 4
"""The last map is pooled to at most this side, so that the head does not grow with the image."""


@dataclass(frozen=True, kw_only=True)
class SmallCnnOptions:
    """Options of `small_cnn`."""

    channels: Annotated[tuple[int, ...], Range(1, 2048, log=True), Doc("Channels of the convolutions.")] = (32, 64)
    hidden: Annotated[int, Range(1, 8192, log=True), Doc("Width of the hidden linear layer.")] = 128
    dropout: Annotated[float, Range(0, 0.95), Doc("Share of features that is dropped before the head.")] = 0.25


def _write(b: Builder, options: SmallCnnOptions, x: Wire, goal: Goal) -> Wire:
    for number, channels in enumerate(options.channels, 1):
        x = b.add(f"conv{number}", "conv2d", x, out_channels=channels, kernel_size=3, padding=1)
        x = b.add(f"relu{number}", "relu", x)
        x = b.add(f"pool{number}", "max_pool2d", x, kernel_size=2, stride=2)
    height, width = (-(-side // _MAP_SIDE) for side in x.shape[1:])
    if (height, width) != (1, 1):
        x = b.add("avgpool", "avg_pool2d", x, kernel_size=(height, width), stride=(height, width))
    x = b.add("flatten", "flatten", x, start_dim=1)
    x = b.add("fc1", "linear", x, out_features=options.hidden)
    x = b.add(f"relu{len(options.channels) + 1}", "relu", x)
    x = b.add("drop", "dropout", x, p=options.dropout)
    return b.add("fc2", "linear", x, out_features=goal.outputs)


TEMPLATES = (
    Template(
        key="small_cnn",
        title="Small CNN",
        summary="Two convolutions and two linear layers; learns handwritten digits in seconds on a CPU.",
        reference="Our own; in the manner of the MNIST example of PyTorch.",
        options=SmallCnnOptions,
        write=_write,
        input_shape=(1, 28, 28),
        outputs=10,
        kinds=("image",),
        tasks=("classification", "regression"),
        min_side=lambda options: 2 ** len(options.channels),
    ),
)
