"""A convolutional autoencoder: learns to draw its input from a small code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from neuralforge.graph.params import Doc, Range
from neuralforge.templates.builder import Builder, Wire
from neuralforge.templates.template import Goal, Template


@dataclass(frozen=True, kw_only=True)
class ConvAutoencoderOptions:
    """Options of `conv_autoencoder`."""

    channels: Annotated[tuple[int, ...], Range(1, 2048, log=True), Doc("Channels; each entry halves the image.")] = (
        32,
        64,
    )
    latent: Annotated[int, Range(1, 2048, log=True), Doc("Channels of the code between encoder and decoder.")] = 4


def _write(b: Builder, options: ConvAutoencoderOptions, x: Wire, goal: Goal) -> Wire:
    assert goal.task == "reconstruction"
    shapes = []
    for number, channels in enumerate(options.channels, 1):
        shapes.append(x.shape)
        x = b.add(f"enc{number}", "conv2d", x, out_channels=channels, kernel_size=3, stride=2, padding=1)
        x = b.add(f"enc{number}_relu", "relu", x)
    x = b.add("latent", "conv2d", x, out_channels=options.latent, kernel_size=3, padding=1)
    x = b.add("dec", "conv2d", x, out_channels=options.channels[-1], kernel_size=3, padding=1)
    for number, (_, height, width) in reversed(list(enumerate(shapes, 1))):
        x = b.add(f"dec{number}_relu", "relu", x)
        x = b.add(
            f"dec{number}",
            "conv_transpose2d",
            x,
            out_channels=shapes[number - 1][0],
            kernel_size=3,
            stride=2,
            padding=1,
            output_padding=((height + 1) % 2, (width + 1) % 2),  # an even side needs one more
        )
    return x


TEMPLATES = (
    Template(
        key="conv_autoencoder",
        title="Convolutional autoencoder",
        summary="Squeezes images through a small code and draws them again; needs no targets.",
        reference="G. E. Hinton and R. R. Salakhutdinov, Reducing the dimensionality of data with neural networks, "
        "2006, with convolutions of stride 2. Sizes are our own.",
        options=ConvAutoencoderOptions,
        write=_write,
        input_shape=(1, 28, 28),
        outputs=1,
        kinds=("image",),
        tasks=("reconstruction",),
        min_side=lambda options: 2 ** len(options.channels),
    ),
)
