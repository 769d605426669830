"""An LSTM that reads a sequence and answers at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from neuralforge.graph.params import Doc, Range
from neuralforge.templates.builder import Builder, Wire
from neuralforge.templates.common import embed
from neuralforge.templates.template import Goal, Template


@dataclass(frozen=True, kw_only=True)
class LstmOptions:
    """Options of `lstm_classifier`."""

    hidden_size: Annotated[int, Range(1, 8192, log=True), Doc("Width of the state.")] = 128
    num_layers: Annotated[int, Range(1, 16), Doc("Layers on top of each other.")] = 1
    bidirectional: Annotated[bool, Doc("Whether to read the sequence from both ends.")] = False
    dropout: Annotated[float, Range(0, 0.95), Doc("Share of features that is dropped before the head.")] = 0.2
    vocabulary: Annotated[
        int | None, Range(1, 1 << 24, log=True), Doc("Number of different tokens; none: as the data has.")
    ] = None
    embedding: Annotated[int, Range(1, 4096, log=True), Doc("Width of a token's vector, for tokens.")] = 64


def _as_sequence(b: Builder, x: Wire) -> Wire:
    """Return [time, features] whatever the input is, and say what was done."""
    if len(x.shape) == 3:
        channels, height, width = x.shape
        b.note(f"Images are read from top to bottom: {height} time steps of {channels * width} numbers.")
        if channels > 1:
            x = b.add("rows", "permute", x, dims=(2, 1, 3))
        return b.add("sequence", "reshape", x, shape=(height, channels * width))
    if len(x.shape) == 1:
        b.note(f"Features are read one after the other: {x.shape[0]} time steps of 1 number.")
        return b.add("sequence", "reshape", x, shape=(x.shape[0], 1))
    return x


def _write(b: Builder, options: LstmOptions, x: Wire, goal: Goal) -> Wire:
    x = _as_sequence(b, embed(b, x, options.vocabulary or goal.vocabulary, options.embedding))
    x = b.add(
        "lstm",
        "lstm",
        x,
        hidden_size=options.hidden_size,
        num_layers=options.num_layers,
        bidirectional=options.bidirectional,
    )
    x = b.add("drop", "dropout", x.out("last"), p=options.dropout)
    return b.add("fc", "linear", x, out_features=goal.outputs)


TEMPLATES = (
    Template(
        key="lstm_classifier",
        title="LSTM classifier",
        summary="Reads a sequence with an LSTM and answers from its last state; also reads images row by row.",
        reference="S. Hochreiter and J. Schmidhuber, Long short-term memory, 1997 (torch.nn.LSTM). Sizes are our own.",
        options=LstmOptions,
        write=_write,
        input_shape=(28, 28),
        outputs=10,
        kinds=("sequence", "tokens", "image", "table"),
        tasks=("classification", "regression"),
    ),
)
