"""Activations: what is done to each number by itself, or along one dimension."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from neuralforge.graph.params import Doc, Range
from neuralforge.graph.shapes import Cost, Fix, SetParam, ShapeError, TensorType, Unplug
from neuralforge.layers.common import (
    MAX_CHANNELS,
    NoParams,
    arguments,
    axis,
    before,
    image,
    need_float,
    same,
    sequence,
    sizes,
    stores_output,
)
from neuralforge.layers.spec import Inputs, LayerSpec, Sample, Source


@dataclass(frozen=True, kw_only=True)
class LeakyReluParams:
    """Parameters of `leaky_relu`."""

    negative_slope: Annotated[float, Range(0, 10), Doc("Slope for negative numbers.")] = 0.01


@dataclass(frozen=True, kw_only=True)
class EluParams:
    """Parameters of `elu`."""

    alpha: Annotated[float, Range(0, 100), Doc("Minus the limit for very negative numbers.")] = 1.0


@dataclass(frozen=True, kw_only=True)
class GeluParams:
    """Parameters of `gelu`."""

    approximate: Annotated[Literal["none", "tanh"], Doc("Whether to use the approximation by tanh.")] = "none"


@dataclass(frozen=True, kw_only=True)
class SoftplusParams:
    """Parameters of `softplus`."""

    beta: Annotated[float, Range(1e-3, 1e3, log=True), Doc("Sharpness of the bend.")] = 1.0
    threshold: Annotated[float, Range(0, 1e3), Doc("Above this the function is the identity.")] = 20.0


@dataclass(frozen=True, kw_only=True)
class DimParams:
    """Parameters of what works along one dimension."""

    dim: Annotated[int, Range(-16, 16), Doc("Dimension along which to work; 0 is the batch.")] = -1


@dataclass(frozen=True, kw_only=True)
class PReluParams:
    """Parameters of `prelu`."""

    num_parameters: Annotated[
        int, Range(1, 1 << 24, log=True), Doc("How many slopes: one for all, or one a channel.")
    ] = 1
    init: Annotated[float, Range(-10, 10), Doc("First value of the slopes for negative numbers.")] = 0.25


def _infer_along(params: DimParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    need_float("input", kind)
    axis(kind, params.dim)
    return (kind,)


def _infer_glu(params: DimParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    need_float("input", kind)
    index = axis(kind, params.dim)
    size = sizes(kind, index)[0]
    if size % 2:
        last = len(kind.shape) - 1
        even = tuple(place for place, other in enumerate(sizes(kind), 1) if other % 2 == 0)
        fixes: list[Fix] = (
            [before("input", "linear", out_features=2 * size)] if index == last and 2 * size <= MAX_CHANNELS else []
        )
        fixes += [SetParam("dim", place) for place in even]
        raise ShapeError(
            "input", f"an even size of dimension {index}, to be halved", kind, "", (*fixes, Unplug("input"))
        )
    return (TensorType((*kind.shape[:index], size // 2, *kind.shape[index + 1 :])),)


def _infer_prelu(params: PReluParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    need_float("input", kind)
    channels = kind.shape[1] if len(kind.shape) > 1 else 1
    if params.num_parameters not in (1, channels):
        fixes = (SetParam("num_parameters", channels), SetParam("num_parameters", 1))
        raise ShapeError("num_parameters", f"1, or {channels} as there are channels", params.num_parameters, "", fixes)
    return (kind,)


def _emit_prelu(params: PReluParams, _inputs: Inputs, _outputs: Inputs) -> Source:
    call = arguments(num_parameters=(params.num_parameters, 1), init=(params.init, 0.25))
    return Source.call(f"nn.PReLU({call})")


def _cost_prelu(params: PReluParams, _inputs: Inputs, outputs: Inputs) -> Cost:
    return Cost(parameters=params.num_parameters, activation_bytes=outputs[0].bytes)


def _emit_gelu(params: GeluParams, _inputs: Inputs, _outputs: Inputs) -> Source:
    return Source.expression(
        "F.gelu({input})" if params.approximate == "none" else 'F.gelu({input}, approximate="tanh")'
    )


def _emit_call(function: str, **defaults: object) -> Callable[[Any, Inputs, Inputs], Source]:
    """Return an emit that calls a function with those parameters that differ from PyTorch's defaults."""

    def emit(params: Any, _inputs: Inputs, _outputs: Inputs) -> Source:
        call = arguments(**{name: (getattr(params, name), default) for name, default in defaults.items()})
        return Source.expression(f"{function}({{input}}{', ' + call if call else ''})")

    return emit


def _plain(key: str, title: str, function: str, doc: str, *search: str) -> LayerSpec[NoParams]:
    return LayerSpec(
        key=key,
        title=title,
        category="activation",
        doc=doc,
        params=NoParams,
        infer=same,
        emit=_emit_call(function),
        cost=stores_output,
        samples=(Sample((image(20),)), Sample((image(3, 4, 5),))),
        search=search,
    )


LAYERS = (
    _plain("relu", "ReLU", "F.relu", "Sets negative numbers to zero (nn.ReLU).", "rectifier"),
    _plain("relu6", "ReLU6", "F.relu6", "Clamps numbers between 0 and 6 (nn.ReLU6).", "mobilenet"),
    LayerSpec(
        key="leaky_relu",
        title="Leaky ReLU",
        category="activation",
        doc="Makes negative numbers small (nn.LeakyReLU).",
        params=LeakyReluParams,
        infer=same,
        emit=_emit_call("F.leaky_relu", negative_slope=0.01),
        cost=stores_output,
        samples=(Sample((image(20),)), Sample((image(3, 4, 5),), {"negative_slope": 0.2})),
        search=("rectifier", "lrelu"),
    ),
    LayerSpec(
        key="elu",
        title="ELU",
        category="activation",
        doc="Bends negative numbers towards -alpha (nn.ELU).",
        params=EluParams,
        infer=same,
        emit=_emit_call("F.elu", alpha=1.0),
        cost=stores_output,
        samples=(Sample((image(20),)), Sample((image(3, 4, 5),), {"alpha": 0.5})),
        search=("exponential linear",),
    ),
    _plain(
        "selu", "SELU", "F.selu", "Scaled ELU for networks that normalise themselves (nn.SELU).", "self-normalizing"
    ),
    LayerSpec(
        key="gelu",
        title="GELU",
        category="activation",
        doc="Weighs each number by how likely a normal one is below it (nn.GELU).",
        params=GeluParams,
        infer=same,
        emit=_emit_gelu,
        cost=stores_output,
        samples=(Sample((image(20),)), Sample((image(3, 4, 5),), {"approximate": "tanh"})),
        search=("gaussian", "transformer"),
    ),
    _plain("silu", "SiLU", "F.silu", "Multiplies each number by its sigmoid (nn.SiLU).", "swish"),
    _plain("mish", "Mish", "F.mish", "Multiplies each number by the tanh of its softplus (nn.Mish).", "smooth"),
    _plain("sigmoid", "Sigmoid", "torch.sigmoid", "Squeezes numbers between 0 and 1 (nn.Sigmoid).", "logistic"),
    _plain("tanh", "Tanh", "torch.tanh", "Squeezes numbers between -1 and 1 (nn.Tanh).", "hyperbolic tangent"),
    LayerSpec(
        key="softplus",
        title="Softplus",
        category="activation",
        doc="A smooth ReLU, always positive (nn.Softplus).",
        params=SoftplusParams,
        infer=same,
        emit=_emit_call("F.softplus", beta=1.0, threshold=20.0),
        cost=stores_output,
        samples=(Sample((image(20),)), Sample((image(3, 4, 5),), {"beta": 2.0})),
        search=("smooth relu",),
    ),
    _plain("hardswish", "Hardswish", "F.hardswish", "SiLU made of straight lines (nn.Hardswish).", "mobilenet"),
    _plain("hardsigmoid", "Hardsigmoid", "F.hardsigmoid", "Sigmoid made of straight lines (nn.Hardsigmoid).", "gate"),
    LayerSpec(
        key="softmax",
        title="Softmax",
        category="activation",
        doc="Turns numbers along a dimension into shares that add up to 1 (nn.Softmax).",
        params=DimParams,
        infer=_infer_along,
        emit=_emit_call("F.softmax", dim=None),
        cost=stores_output,
        samples=(Sample((image(20),)), Sample((image(3, 4, 5),), {"dim": 1})),
        search=("probabilities", "classification"),
    ),
    LayerSpec(
        key="log_softmax",
        title="Log Softmax",
        category="activation",
        doc="Logarithm of the softmax, for the loss NLL (nn.LogSoftmax).",
        params=DimParams,
        infer=_infer_along,
        emit=_emit_call("F.log_softmax", dim=None),
        cost=stores_output,
        samples=(Sample((image(20),)), Sample((image(3, 4, 5),), {"dim": 1})),
        search=("probabilities", "nll"),
    ),
    LayerSpec(
        key="glu",
        title="GLU",
        category="activation",
        doc="Halves a dimension: one half gates the other (nn.GLU).",
        params=DimParams,
        infer=_infer_glu,
        emit=_emit_call("F.glu", dim=-1),
        cost=stores_output,
        samples=(Sample((image(20),)), Sample((sequence(6, 5),), {"dim": 1})),
        search=("gated linear unit",),
    ),
    LayerSpec(
        key="prelu",
        title="PReLU",
        category="activation",
        doc="Leaky ReLU with learned slopes (nn.PReLU).",
        params=PReluParams,
        infer=_infer_prelu,
        emit=_emit_prelu,
        cost=_cost_prelu,
        samples=(Sample((image(20),)), Sample((image(3, 4, 5),), {"num_parameters": 3, "init": 0.1})),
        search=("parametric", "rectifier"),
    ),
)
