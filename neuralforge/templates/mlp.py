"""Multilayer perceptron: for tables, and as a baseline for everything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from neuralforge.graph.params import Doc, Range
from neuralforge.templates.builder import Builder, Wire
from neuralforge.templates.common import Activation, embed, flat
from neuralforge.templates.template import Goal, Template


@dataclass(frozen=True, kw_only=True)
class MlpOptions:
    """Options of `mlp`."""

    hidden: Annotated[tuple[int, ...], Range(1, 65536, log=True), Doc("Widths of the hidden layers.")] = (128, 64)
    activation: Annotated[Activation, Doc("What follows each hidden layer.")] = "relu"
    dropout: Annotated[float, Range(0, 0.95), Doc("Share of each hidden layer that is dropped; 0 adds no dropout.")] = (
        0.0
    )
    vocabulary: Annotated[
        int | None, Range(1, 1 << 24, log=True), Doc("Number of different tokens; none: as the data has.")
    ] = None
    embedding: Annotated[int, Range(1, 4096, log=True), Doc("Width of a token's vector, for tokens.")] = 16


def _write(b: Builder, options: MlpOptions, x: Wire, goal: Goal) -> Wire:
    sample = x.shape
    x = flat(b, embed(b, x, options.vocabulary or goal.vocabulary, options.embedding))
    for number, width in enumerate(options.hidden, 1):
        x = b.add(f"fc{number}", "linear", x, out_features=width)
        x = b.add(f"act{number}", options.activation, x)
        if options.dropout:
            x = b.add(f"drop{number}", "dropout", x, p=options.dropout)
    shape = goal.shape(sample)
    width = 1
    for size in shape:
        width *= size
    x = b.add(f"fc{len(options.hidden) + 1}", "linear", x, out_features=width)
    return x if len(shape) == 1 else b.add("unflatten", "reshape", x, shape=shape)


TEMPLATES = (
    Template(
        key="mlp",
        title="MLP",
        summary="Fully connected layers; takes anything, best for tables and as a baseline.",
        reference="D. E. Rumelhart, G. E. Hinton and R. J. Williams, Learning representations by back-propagating "
        "errors, 1986. Sizes are our own.",
        options=MlpOptions,
        write=_write,
        input_shape=(784,),
        outputs=10,
        kinds=("table", "image", "sequence", "tokens"),
        tasks=("classification", "regression", "segmentation", "reconstruction"),
    ),
)
