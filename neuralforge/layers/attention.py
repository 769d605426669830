"""Attention: layers where each step of a sequence looks at others.

In costs and comments: T steps of the queries, S steps of keys and values, E features, H heads.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Literal

from neuralforge.graph.params import Doc, Range
from neuralforge.graph.shapes import UNCONNECTED, Cost, Fix, Port, SetParam, ShapeError, TensorType, Unplug
from neuralforge.layers.common import arguments, need_sequence, sequence, sizes
from neuralforge.layers.spec import Inputs, LayerSpec, Line, Sample, Source


@dataclass(frozen=True, kw_only=True)
class AttentionParams:
    """Parameters of `multi_head_attention`."""

    num_heads: Annotated[int, Range(1, 1024, log=True), Doc("Heads; a divisor of the features.")] = 4
    dropout: Annotated[float, Range(0, 1), Doc("Dropout of the attention weights; may change live.")] = 0.0
    bias: Annotated[bool, Doc("Whether to add learned offsets to the projections.")] = True
    causal: Annotated[bool, Doc("Whether each step sees only itself and earlier ones.")] = False


@dataclass(frozen=True, kw_only=True)
class EncoderLayerParams:
    """Parameters of `transformer_encoder_layer`."""

    num_heads: Annotated[int, Range(1, 1024, log=True), Doc("Heads; a divisor of the features.")] = 4
    dim_feedforward: Annotated[int, Range(1, 1 << 20, log=True), Doc("Width between the two linear layers.")] = 2048
    dropout: Annotated[float, Range(0, 1), Doc("Dropout at four places; a change rebuilds the layer.")] = 0.1
    activation: Annotated[Literal["relu", "gelu"], Doc("Activation between the two linear layers.")] = "relu"
    norm_first: Annotated[bool, Doc("Whether to normalise before attention rather than after it.")] = False
    causal: Annotated[bool, Doc("Whether each step sees only itself and earlier ones.")] = False


@dataclass(frozen=True, kw_only=True)
class PositionParams:
    """Parameters of `positional_encoding`."""

    mode: Annotated[Literal["sinusoidal", "learned"], Doc("Fixed sines and cosines, or a learned vector a step.")] = (
        "sinusoidal"
    )


def _check_heads(features: int, heads: int) -> None:
    if features % heads:
        fitting = next(n for n in range(min(heads, features), 0, -1) if features % n == 0)
        fixes: list[Fix] = [SetParam("num_heads", fitting)]
        raise ShapeError("num_heads", f"a divisor of {features}, the number of features", heads, "", fixes)


def _resolve(inputs: Inputs) -> tuple[tuple[str, ...], Inputs]:
    """Return what feeds query, key and value: without a wire, key is the query and value is the key."""
    query, key, value = inputs
    key_name, key = ("query", query) if key is UNCONNECTED else ("key", key)
    value_name, value = (key_name, key) if value is UNCONNECTED else ("value", value)
    return ("query", key_name, value_name), (query, key, value)


def _infer_attention(params: AttentionParams, inputs: Inputs) -> tuple[TensorType, ...]:
    for port, kind in zip(("query", "key", "value"), inputs, strict=True):
        if kind is not UNCONNECTED and (len(kind.shape) != 3 or kind.dtype != "float32"):
            need_sequence(kind, port)
    query = inputs[0]
    features = sizes(query)[1]
    if features % params.num_heads:
        _check_heads(features, params.num_heads)
    names, (_, key, value) = _resolve(inputs)
    if key.shape[1] != value.shape[1]:
        raise ShapeError(
            "value",
            f"[B, {key.shape[1]}, features], as many steps as the {names[1]} has",
            value,
            "",
            (Unplug("value"),),
        )
    return (query,)


def _mask(causal: bool, queries: str, keys: str) -> tuple[Line, ...]:
    if not causal:
        return ()
    shape = f"{{{queries}}}.size(1), {{{keys}}}.size(1)"
    return (Line(f"{{_mask}} = torch.ones({shape}, dtype=torch.bool, device={{{queries}}}.device).triu(1)"),)


def _emit_attention(params: AttentionParams, inputs: Inputs, _outputs: Inputs) -> Source:
    names, (query, key, value) = _resolve(inputs)
    features = query.shape[2]
    call = arguments(
        features,
        params.num_heads,
        dropout=(params.dropout, 0.0),
        bias=(params.bias, True),
        kdim=(key.shape[2], features),
        vdim=(value.shape[2], features),
        batch_first=(True, False),
    )
    given = ", ".join(f"{{{name}}}" for name in names)
    masked = ", attn_mask={_mask}, is_causal=True" if params.causal else ""
    line = Line(f"{{output}}, _ = {{self}}({given}, need_weights=False{masked})")
    return Source((*_mask(params.causal, "query", names[1]), line), f"nn.MultiheadAttention({call})")


def _cost_attention(params: AttentionParams, inputs: Inputs, _outputs: Inputs) -> Cost:
    _, (query, key, value) = _resolve(inputs)
    (queries, features), (keys, key_features), (_, value_features) = sizes(query), sizes(key), sizes(value)
    weights = features * (2 * features + key_features + value_features)  # query and output, key, value
    return Cost(
        parameters=weights + 4 * features * params.bias,
        macs=features * (2 * queries * features + keys * (key_features + value_features) + 2 * queries * keys),
        activation_bytes=4 * (features * (3 * queries + 2 * keys) + params.num_heads * queries * keys),
    )


def _infer_encoder(params: EncoderLayerParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    if len(kind.shape) != 3 or kind.dtype != "float32":
        need_sequence(kind)
    _check_heads(sizes(kind)[1], params.num_heads)
    return inputs


def _emit_encoder(params: EncoderLayerParams, inputs: Inputs, _outputs: Inputs) -> Source:
    call = arguments(
        inputs[0].shape[2],
        params.num_heads,
        dim_feedforward=(params.dim_feedforward, 2048),
        dropout=(params.dropout, 0.1),
        batch_first=(True, False),
        norm_first=(params.norm_first, False),
    )
    if params.activation == "gelu":
        call += ', activation="gelu"'
    masked = ", src_mask={_mask}, is_causal=True" if params.causal else ""
    line = Line(f"{{output}} = {{self}}({{input}}{masked})")
    return Source((*_mask(params.causal, "input", "input"), line), f"nn.TransformerEncoderLayer({call})")


def _cost_encoder(params: EncoderLayerParams, inputs: Inputs, _outputs: Inputs) -> Cost:
    time, features = sizes(inputs[0])
    width = params.dim_feedforward
    attention = 4 * features * features
    return Cost(
        parameters=attention + 4 * features + 2 * features * width + width + features + 4 * features,
        macs=time * (attention + 2 * features * width + 2 * time * features),
        # attention: q, k, v, heads, output; then two sums, two norms, the output, and the wide layer twice
        activation_bytes=4 * time * (10 * features + 2 * width + params.num_heads * time),
    )


def _infer_position(_params: PositionParams, inputs: Inputs) -> tuple[TensorType, ...]:
    if len(inputs[0].shape) != 3 or inputs[0].dtype != "float32":
        need_sequence(inputs[0])
    return inputs


def _emit_position(params: PositionParams, inputs: Inputs, _outputs: Inputs) -> Source:
    time, features = sizes(inputs[0])
    if params.mode == "learned":
        line = Line("{output} = {input} + {self}(torch.arange({input}.size(1), device={input}.device))")
        return Source((line,), f"nn.Embedding({arguments(time, features)})")
    # A. Vaswani et al., "Attention is all you need", 2017, section 3.5: sines and cosines in turn
    steps = "torch.arange({input}.size(1), device={input}.device).unsqueeze(1)"
    rates = f"10000.0 ** (torch.arange(0, {features}, 2, device={{input}}.device) / -{features})"
    waves = "torch.stack((torch.sin({_angle}), torch.cos({_angle})), dim=2).flatten(1)"
    cut = f"[:, :{features}]" if features % 2 else ""
    return Source((Line(f"{{_angle}} = {steps} * {rates}"), Line(f"{{output}} = {{input}} + {waves}{cut}")))


def _cost_position(params: PositionParams, inputs: Inputs, outputs: Inputs) -> Cost:
    time, features = sizes(inputs[0])
    return Cost(parameters=time * features * (params.mode == "learned"), activation_bytes=outputs[0].bytes)


LAYERS = (
    LayerSpec(
        key="multi_head_attention",
        title="Multi-Head Attention",
        category="attention",
        doc="Each step of the query takes a mean of values, weighted by how its keys match (nn.MultiheadAttention).",
        params=AttentionParams,
        inputs=(
            Port("query", "Steps that ask; alone, this is self-attention."),
            Port("key", "Steps that are asked; without a wire, the query.", optional=True),
            Port("value", "What is taken from them; without a wire, the key.", optional=True),
        ),
        infer=_infer_attention,
        emit=_emit_attention,
        cost=_cost_attention,
        draws=True,
        live=MappingProxyType({"dropout": "dropout"}),
        samples=(
            Sample((sequence(7, 12), UNCONNECTED, UNCONNECTED)),
            Sample((sequence(7, 12), sequence(5, 12), UNCONNECTED), {"num_heads": 3, "bias": False}),
            Sample((sequence(7, 12), sequence(5, 10), sequence(5, 9)), {"dropout": 0.25}),
            Sample((sequence(7, 12), UNCONNECTED, sequence(7, 8)), {"num_heads": 2}),
            Sample((sequence(7, 12), UNCONNECTED, UNCONNECTED), {"causal": True}),
        ),
        search=("transformer", "self-attention", "cross-attention", "mha"),
    ),
    LayerSpec(
        key="transformer_encoder_layer",
        title="Transformer Encoder Layer",
        category="attention",
        doc="Self-attention and two linear layers, each with a norm and a short cut (nn.TransformerEncoderLayer).",
        params=EncoderLayerParams,
        infer=_infer_encoder,
        emit=_emit_encoder,
        cost=_cost_encoder,
        # no live attribute: the dropout is spread over four modules inside
        draws=True,
        samples=(
            Sample((sequence(7, 12),)),
            Sample(
                (sequence(7, 12),),
                {"num_heads": 3, "dim_feedforward": 20, "norm_first": True, "activation": "gelu", "dropout": 0.0},
            ),
            Sample((sequence(7, 12),), {"dim_feedforward": 16, "causal": True}),
        ),
        search=("bert", "vit", "gpt", "block"),
    ),
    LayerSpec(
        key="positional_encoding",
        title="Positional Encoding",
        category="attention",
        doc="Adds to each step of a sequence a vector that says where it is (fixed, or nn.Embedding).",
        params=PositionParams,
        infer=_infer_position,
        emit=_emit_position,
        cost=_cost_position,
        samples=(
            Sample((sequence(7, 12),)),
            Sample((sequence(6, 5),)),
            Sample((sequence(7, 12),), {"mode": "learned"}),
        ),
        search=("position", "embedding", "sine", "transformer"),
    ),
)
