"""What several templates share."""

from __future__ import annotations

from typing import Literal

from neuralforge.graph.shapes import Value
from neuralforge.templates.builder import Builder, Wire

Activation = Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"]
"""Keys of the layers that an `activation` option offers."""


def conv_bn(builder: Builder, x: Wire, conv: str, norm: str, channels: int, kernel: int = 3, **params: Value) -> Wire:
    """Add a convolution that keeps the size at stride 1, without bias, and its batch normalisation.

    Args:
        builder: Where to.
        x: Images.
        conv: Id of the convolution.
        norm: Id of the normalisation.
        channels: Number of channels that come out.
        kernel: Odd side of the kernel.
        params: Further parameters of the convolution.

    Returns:
        The normalised images.
    """
    x = builder.add(
        conv, "conv2d", x, out_channels=channels, kernel_size=kernel, padding=kernel // 2, bias=False, **params
    )
    return builder.add(norm, "batch_norm", x)


def embed(builder: Builder, x: Wire, vocabulary: int, width: int) -> Wire:
    """Look up a vector for each token where the input is tokens; leave everything else as it is.

    Args:
        builder: Where to.
        x: The input.
        vocabulary: Number of different tokens.
        width: Length of a vector.

    Returns:
        [time, width] for tokens.
    """
    if x.type.dtype != "int64":
        return x
    builder.note(f"Each of {vocabulary} tokens is embedded as {width} numbers; more need a larger `vocabulary`.")
    return builder.add("embedding", "embedding", x, num_embeddings=vocabulary, embedding_dim=width)


def flat(builder: Builder, x: Wire) -> Wire:
    """Flatten what has more than one dimension.

    Args:
        builder: Where to.
        x: Anything.

    Returns:
        [features]
    """
    return builder.add("flatten", "flatten", x, start_dim=1) if len(x.shape) > 1 else x
