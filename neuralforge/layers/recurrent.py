"""Recurrent layers: what reads a sequence step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, TypeVar

from neuralforge.graph.params import Doc, Range
from neuralforge.graph.shapes import Cost, TensorType
from neuralforge.layers.common import arguments, need_sequence, sequence, sizes
from neuralforge.layers.spec import Inputs, LayerSpec, Line, Sample, Source

R = TypeVar("R", bound="RecurrentParams")


@dataclass(frozen=True, kw_only=True)
class RecurrentParams:
    """Parameters of `lstm` and `gru`."""

    hidden_size: Annotated[int, Range(1, 1 << 16, log=True), Doc("Width of the state, for each direction.")] = 128
    num_layers: Annotated[int, Range(1, 64), Doc("Layers on top of one another.")] = 1
    bidirectional: Annotated[bool, Doc("Whether to read the sequence backwards as well.")] = False
    dropout: Annotated[float, Range(0, 1), Doc("Dropout between several layers; may change live.")] = 0.0
    bias: Annotated[bool, Doc("Whether to add learned offsets.")] = True


@dataclass(frozen=True, kw_only=True)
class RnnParams(RecurrentParams):
    """Parameters of `rnn`."""

    nonlinearity: Annotated[Literal["tanh", "relu"], Doc("What is applied to the state at each step.")] = "tanh"


def _infer(params: RecurrentParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    if len(kind.shape) != 3 or kind.dtype != "float32":
        need_sequence(kind)
    batch, time, _ = kind.shape
    width = params.hidden_size * (1 + params.bidirectional)
    return TensorType((batch, time, width)), TensorType((batch, width))


def _last(params: RecurrentParams) -> str:
    """Write the last layer's final states: of the last step, and, read backwards, of the first."""
    if not params.bidirectional:
        return "{last} = {output}[:, -1]"
    width = params.hidden_size
    return f"{{last}} = torch.cat(({{output}}[:, -1, :{width}], {{output}}[:, 0, {width}:]), dim=1)"


def _emit(module: str) -> Callable[[Any, Inputs, Inputs], Source]:
    def emit(params: RecurrentParams, inputs: Inputs, _outputs: Inputs) -> Source:
        call = arguments(
            inputs[0].shape[2],
            params.hidden_size,
            num_layers=(params.num_layers, 1),
            bias=(params.bias, True),
            batch_first=(True, False),
            dropout=(params.dropout if params.num_layers > 1 else 0.0, 0.0),  # PyTorch warns where it has no effect
            bidirectional=(params.bidirectional, False),
        )
        if isinstance(params, RnnParams) and params.nonlinearity == "relu":
            call += ', nonlinearity="relu"'
        lines = (Line("{output}, _ = {self}({input})", ("output", "last")), Line(_last(params), ("last",)))
        return Source(lines, f"{module}({call})")

    return emit


def _cost(gates: int, kept: int) -> Callable[[Any, Inputs, Inputs], Cost]:
    """Return the cost of a layer with so many gates that keeps so many states a step for the backward pass."""

    def cost(params: RecurrentParams, inputs: Inputs, _outputs: Inputs) -> Cost:
        time, features = sizes(inputs[0])
        hidden, directions = params.hidden_size, 1 + params.bidirectional
        deeper = (params.num_layers - 1) * directions * hidden
        weights = directions * gates * hidden * (features + deeper + params.num_layers * hidden)
        biases = directions * gates * hidden * 2 * params.num_layers * params.bias
        states = directions * hidden * params.num_layers * time
        return Cost(parameters=weights + biases, macs=time * weights, activation_bytes=4 * states * kept)

    return cost


_GIVEN: Final = {"hidden_size": 6, "num_layers": 3, "bidirectional": True, "dropout": 0.25}


def _recurrent(key: str, title: str, doc: str, params: type[R], gates: int, kept: int, *search: str) -> LayerSpec[R]:
    return LayerSpec(
        key=key,
        title=title,
        category="recurrent",
        doc=f"{doc} (nn.{title}). `last` is the final state of the last layer.",
        params=params,
        outputs=("output", "last"),
        infer=_infer,
        emit=_emit(f"nn.{title}"),
        cost=_cost(gates, kept),
        draws=True,
        live=MappingProxyType({"dropout": "dropout"}),
        samples=(
            Sample((sequence(7, 10),)),
            Sample((sequence(7, 10),), _GIVEN),
            Sample((sequence(5, 4),), {"hidden_size": 3, "bias": False}),
            *((Sample((sequence(5, 4),), {"nonlinearity": "relu"}),) if key == "rnn" else ()),
        ),
        search=("recurrent", "sequence", "time series", *search),
    )


LAYERS = (
    _recurrent("rnn", "RNN", "Mixes each step of a sequence with a state", RnnParams, 1, 1, "elman"),
    _recurrent(
        "lstm",
        "LSTM",
        "Reads a sequence with a memory behind three gates",
        RecurrentParams,
        4,
        6,
        "long short-term memory",
    ),
    _recurrent(
        "gru", "GRU", "Reads a sequence with a state behind two gates", RecurrentParams, 3, 5, "gated recurrent unit"
    ),
)
