"""U-Net: an encoder, a decoder, and wires between their levels; one answer for each pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from neuralforge.graph.params import Doc, Range
from neuralforge.templates.builder import Builder, Wire
from neuralforge.templates.common import conv_bn
from neuralforge.templates.template import Goal, Template


@dataclass(frozen=True, kw_only=True)
class UNetOptions:
    """Options of `unet`."""

    width: Annotated[int, Range(1, 512, log=True), Doc("Channels of the first level; each level doubles them.")] = 64
    depth: Annotated[int, Range(1, 7), Doc("How often the image is halved.")] = 4
    batch_norm: Annotated[bool, Doc("Whether to normalise after each 3x3 convolution; the paper does not.")] = False


def _twice(b: Builder, options: UNetOptions, x: Wire, name: str, channels: int) -> Wire:
    for number in (1, 2):
        conv, norm = f"{name}_conv{number}", f"{name}_bn{number}"
        if options.batch_norm:
            x = conv_bn(b, x, conv, norm, channels)
        else:
            x = b.add(conv, "conv2d", x, out_channels=channels, kernel_size=3, padding=1)
        x = b.add(f"{name}_relu{number}", "relu", x)
    return x


def _write(b: Builder, options: UNetOptions, x: Wire, goal: Goal) -> Wire:
    outputs = goal.shape(x.shape)[0]
    skips = []
    for level in range(options.depth):
        x = _twice(b, options, x, f"down{level + 1}", options.width * 2**level)
        skips.append(x)
        x = b.add(f"pool{level + 1}", "max_pool2d", x, kernel_size=2, stride=2)
    x = _twice(b, options, x, "bottom", options.width * 2**options.depth)
    for level, skip in reversed(list(enumerate(skips))):
        name, channels = f"up{level + 1}", options.width * 2**level
        # halving an odd side loses a row, which the way up gives back
        odd = (skip.shape[1] % 2, skip.shape[2] % 2)
        x = b.add(name, "conv_transpose2d", x, out_channels=channels, kernel_size=2, stride=2, output_padding=odd)
        x = b.add(f"{name}_concat", "concat", skip, x, dim=1)
        x = _twice(b, options, x, name, channels)
    return b.add("head", "conv2d", x, out_channels=outputs, kernel_size=1)


TEMPLATES = (
    Template(
        key="unet",
        title="U-Net",
        summary="Encoder and decoder with wires between their levels; one answer for each pixel.",
        reference="O. Ronneberger, P. Fischer and T. Brox, U-Net: Convolutional networks for biomedical image "
        "segmentation, 2015: 23 convolutions, 64 to 1024 channels, transposed convolutions on the way up, no "
        "normalisation. Here convolutions are padded, so that the result has the size of the input. The paper states "
        "no number of parameters; its layout with 1 channel in and 2 classes has 31,030,658.",
        published_parameters=31_030_658,
        options=UNetOptions,
        write=_write,
        input_shape=(1, 128, 128),
        outputs=2,
        kinds=("image",),
        tasks=("segmentation", "reconstruction"),
        min_side=lambda options: 2**options.depth,
    ),
)
