"""Layers that multiply by a learned matrix, or look up its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from neuralforge.graph.params import Doc, Range
from neuralforge.graph.shapes import BATCH, Cost, Port, ShapeError, TensorType, Unplug
from neuralforge.layers.common import arguments, image, need_float, sizes
from neuralforge.layers.spec import Inputs, LayerSpec, Sample, Source


@dataclass(frozen=True, kw_only=True)
class LinearParams:
    """Parameters of `linear`."""

    out_features: Annotated[int, Range(1, 1 << 20, log=True), Doc("Width of the output.")] = 128
    bias: Annotated[bool, Doc("Whether to add a learned offset.")] = True


def _infer_linear(params: LinearParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    need_float("input", kind)
    if len(kind.shape) < 2 or not isinstance(kind.shape[-1], int):
        raise ShapeError("input", "[B, ..., features]", kind, "", (Unplug("input"),))
    return (TensorType((*kind.shape[:-1], params.out_features)),)


def _emit_linear(params: LinearParams, inputs: Inputs, _outputs: Inputs) -> Source:
    return Source.call(f"nn.Linear({arguments(inputs[0].shape[-1], params.out_features, bias=(params.bias, True))})")


def _cost_linear(params: LinearParams, inputs: Inputs, outputs: Inputs) -> Cost:
    features = sizes(inputs[0])[-1]
    return Cost(
        parameters=(features + params.bias) * params.out_features,
        macs=outputs[0].elements * features,
        activation_bytes=outputs[0].bytes,
    )


@dataclass(frozen=True, kw_only=True)
class BilinearParams:
    """Parameters of `bilinear`."""

    out_features: Annotated[int, Range(1, 1 << 16, log=True), Doc("Width of the output.")] = 64
    bias: Annotated[bool, Doc("Whether to add a learned offset.")] = True


def _infer_bilinear(params: BilinearParams, inputs: Inputs) -> tuple[TensorType, ...]:
    left, right = inputs
    need_float("left", left)
    need_float("right", right)
    if len(left.shape) < 2 or not isinstance(left.shape[-1], int):
        raise ShapeError("left", "[B, ..., features]", left, "", (Unplug("left"),))
    if left.shape[:-1] != right.shape[:-1] or not isinstance(right.shape[-1], int):
        leading = ", ".join(str(size) for size in left.shape[:-1])
        raise ShapeError("right", f"[{leading}, features]", right, "", (Unplug("right"),))
    return (TensorType((*left.shape[:-1], params.out_features)),)


def _emit_bilinear(params: BilinearParams, inputs: Inputs, _outputs: Inputs) -> Source:
    widths = (inputs[0].shape[-1], inputs[1].shape[-1])
    return Source.call(
        f"nn.Bilinear({arguments(*widths, params.out_features, bias=(params.bias, True))})", "{left}, {right}"
    )


def _cost_bilinear(params: BilinearParams, inputs: Inputs, outputs: Inputs) -> Cost:
    pairs = sizes(inputs[0])[-1] * sizes(inputs[1])[-1]
    return Cost(
        parameters=(pairs + params.bias) * params.out_features,
        macs=outputs[0].elements * pairs,
        activation_bytes=outputs[0].bytes,
    )


@dataclass(frozen=True, kw_only=True)
class EmbeddingParams:
    """Parameters of `embedding`."""

    num_embeddings: Annotated[int, Range(1, 1 << 24, log=True), Doc("Number of different tokens.")] = 1000
    embedding_dim: Annotated[int, Range(1, 1 << 16, log=True), Doc("Width of a token's vector.")] = 64


def _infer_embedding(params: EmbeddingParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    if kind.dtype != "int64":
        raise ShapeError("input", "int64 tokens", kind, "Set the dtype of the input to int64.", (Unplug("input"),))
    return (TensorType((*kind.shape, params.embedding_dim)),)


def _emit_embedding(params: EmbeddingParams, _inputs: Inputs, _outputs: Inputs) -> Source:
    return Source.call(f"nn.Embedding({arguments(params.num_embeddings, params.embedding_dim)})")


def _cost_embedding(params: EmbeddingParams, _inputs: Inputs, outputs: Inputs) -> Cost:
    return Cost(parameters=params.num_embeddings * params.embedding_dim, activation_bytes=outputs[0].bytes)


TOKENS = TensorType((BATCH, 12), "int64")

LAYERS = (
    LayerSpec(
        key="linear",
        title="Linear",
        category="linear",
        doc="Multiplies the last dimension by a learned matrix and adds a bias (nn.Linear).",
        params=LinearParams,
        infer=_infer_linear,
        emit=_emit_linear,
        cost=_cost_linear,
        samples=(
            Sample((image(20),)),
            Sample((TensorType((BATCH, 5, 20)),), {"out_features": 7, "bias": False}),
        ),
        search=("dense", "fully connected", "fc"),
    ),
    LayerSpec(
        key="bilinear",
        title="Bilinear",
        category="linear",
        doc="Combines two inputs by a learned tensor, x1 A x2 + b (nn.Bilinear).",
        params=BilinearParams,
        inputs=(Port("left"), Port("right")),
        infer=_infer_bilinear,
        emit=_emit_bilinear,
        cost=_cost_bilinear,
        samples=(
            Sample((image(6), image(4)), {"out_features": 5}),
            Sample((image(3, 6), image(3, 4)), {"out_features": 5, "bias": False}),
        ),
    ),
    LayerSpec(
        key="embedding",
        title="Embedding",
        category="linear",
        doc="Looks up a learned vector for each token (nn.Embedding).",
        params=EmbeddingParams,
        infer=_infer_embedding,
        emit=_emit_embedding,
        cost=_cost_embedding,
        samples=(Sample((TOKENS,)), Sample((TOKENS,), {"num_embeddings": 50, "embedding_dim": 8})),
        search=("tokens", "lookup"),
    ),
)
