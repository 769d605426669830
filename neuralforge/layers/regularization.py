"""Dropout: what makes training harder so that the network relies on no single number."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Final

from neuralforge.graph.params import Doc, Range
from neuralforge.graph.shapes import Cost, TensorType
from neuralforge.layers.common import SPATIAL_FORMS, arguments, image, need_float, need_rank, same, sizes
from neuralforge.layers.spec import Inputs, LayerSpec, Sample, Source

LIVE: Final = MappingProxyType({"p": "p"})


@dataclass(frozen=True, kw_only=True)
class DropoutParams:
    """Parameters of all dropouts."""

    p: Annotated[float, Range(0, 1), Doc("Share that is dropped while training; may change live.")] = 0.5


def _cost_elements(_params: DropoutParams, _inputs: Inputs, outputs: Inputs) -> Cost:
    """Cost where each number is dropped by itself: the output, and a mask of one byte a number."""
    return Cost(activation_bytes=outputs[0].bytes + outputs[0].elements)


def _cost_channels(_params: DropoutParams, _inputs: Inputs, outputs: Inputs) -> Cost:
    """Cost where whole channels are dropped: the output, and a factor a channel."""
    return Cost(activation_bytes=outputs[0].bytes + 4 * sizes(outputs[0])[0])


def _channels(rank: int) -> LayerSpec[DropoutParams]:
    def infer(_params: DropoutParams, inputs: Inputs) -> tuple[TensorType, ...]:
        need_float("input", inputs[0])
        need_rank("input", inputs[0], rank + 2, SPATIAL_FORMS[rank])
        return inputs

    def emit(params: DropoutParams, _inputs: Inputs, _outputs: Inputs) -> Source:
        return Source.call(f"nn.Dropout{rank}d({arguments(params.p)})")

    spatial = (8, 7, 5)[:rank]
    return LayerSpec(
        key=f"dropout{rank}d",
        title=f"Dropout {rank}-D",
        category="regularization",
        doc=f"Sets whole channels to zero at random while training (nn.Dropout{rank}d).",
        params=DropoutParams,
        infer=infer,
        emit=emit,
        cost=_cost_channels,
        draws=True,
        live=LIVE,
        samples=(Sample((image(3, *spatial),)), Sample((image(4, *spatial),), {"p": 0.1})),
        search=("spatial dropout", "channel dropout", "regularisation"),
    )


LAYERS = (
    LayerSpec(
        key="dropout",
        title="Dropout",
        category="regularization",
        doc="Sets numbers to zero at random while training (nn.Dropout).",
        params=DropoutParams,
        infer=same,
        emit=lambda params, _inputs, _outputs: Source.call(f"nn.Dropout({arguments(params.p)})"),
        cost=_cost_elements,
        draws=True,
        live=LIVE,
        samples=(Sample((image(20),)), Sample((image(3, 4, 5),), {"p": 0.1})),
        search=("regularisation", "overfitting"),
    ),
    *(_channels(rank) for rank in (1, 2, 3)),
    LayerSpec(
        key="alpha_dropout",
        title="Alpha Dropout",
        category="regularization",
        doc="Dropout that keeps mean and variance, for SELU (nn.AlphaDropout).",
        params=DropoutParams,
        infer=same,
        emit=lambda params, _inputs, _outputs: Source.call(f"nn.AlphaDropout({arguments(params.p)})"),
        cost=_cost_elements,
        draws=True,
        live=LIVE,
        samples=(Sample((image(20),)), Sample((image(3, 4, 5),), {"p": 0.1})),
        search=("selu", "self-normalizing", "regularisation"),
    ),
)
