"""Where data comes in and results go out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from neuralforge.graph.params import Doc, Range
from neuralforge.graph.shapes import BATCH, Port, TensorType
from neuralforge.layers.common import NoParams, image, is_view
from neuralforge.layers.spec import Inputs, LayerSpec, Sample, Source


@dataclass(frozen=True, kw_only=True)
class InputParams:
    """Parameters of `input`."""

    shape: Annotated[tuple[int, ...], Range(1, 1 << 24), Doc("Shape of one sample, without the batch.")] = (1, 28, 28)
    dtype: Annotated[Literal["float32", "int64"], Doc("int64 for tokens, float32 for everything else.")] = "float32"


def _infer_input(params: InputParams, _inputs: Inputs) -> tuple[TensorType, ...]:
    return (TensorType((BATCH, *params.shape), params.dtype),)


def _infer_output(_params: NoParams, _inputs: Inputs) -> tuple[TensorType, ...]:
    return ()


LAYERS = (
    LayerSpec(
        key="input",
        title="Input",
        category="input/output",
        doc="Brings samples of a data set into the network.",
        params=InputParams,
        inputs=(),
        infer=_infer_input,
        emit=lambda _params, _inputs, _outputs: Source(()),
        cost=is_view,
        samples=(Sample(()), Sample((), {"shape": (16,), "dtype": "int64"})),
    ),
    LayerSpec(
        key="output",
        title="Output",
        category="input/output",
        doc="Takes a result out of the network; the loss is computed on it.",
        params=NoParams,
        inputs=(Port("input", "What the network returns."),),
        outputs=(),
        infer=_infer_output,
        emit=lambda _params, _inputs, _outputs: Source(()),
        cost=is_view,
        samples=(Sample((image(10),)),),
    ),
)
