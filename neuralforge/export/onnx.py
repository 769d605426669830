"""ONNX: one file that ONNX Runtime and many others run, made by PyTorch's own exporters."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import onnx
import torch

from neuralforge.errors import UserError
from neuralforge.export.certificate import Certificate
from neuralforge.export.exporter import DEFAULT_TIME_LIMIT_SECS, Exporter
from neuralforge.export.measure import Runtime, certify
from neuralforge.export.onnx_operators import translations
from neuralforge.export.quiet import LOGGER, quiet
from neuralforge.export.trained import TrainedModel, facts_of
from neuralforge.graph.params import Doc, Range
from neuralforge.version import __version__

MAX_WEIGHT_BYTES: Final = 2**31 - 2**24
"""Weights that fit into one file: protocol buffers end at 2 GiB, and the graph needs its part."""

STEPWISE: Final = frozenset({"gru", "lstm", "rnn"})
"""Layers that the newer exporter goes through step by step in time, even where the result is one operator (50 steps
of a GRU: 6 s against 0.02 s of the older one); an RNN it leaves written out."""

_EXAMPLE_BATCH: Final = 3  # not 1, which torch.export takes for a constant, and none of the sizes that are tried later
_RUNTIME: Final = Runtime(target="onnx", script=Path(__file__).with_name("_onnx_child.py"))


@dataclass(frozen=True, kw_only=True)
class OnnxOptions:
    """How a network is written as ONNX."""

    opset: Annotated[int, Range(18, 20), Doc("Version of ONNX's operators.")] = 20
    way: Annotated[
        Literal["auto", "dynamo", "legacy"],
        Doc("PyTorch's newer or older exporter; auto: the newer, and the older where it fails or is better."),
    ] = "auto"


class OnnxExporter(Exporter[OnnxOptions]):
    """Writes ONNX with a free batch dimension, the weights inside, and names as in the graph."""

    key = "onnx"
    title = "ONNX"
    suffix = ".onnx"
    options_type = OnnxOptions

    def check(self, model: TrainedModel) -> tuple[str, ...]:
        """See `Exporter.check`."""
        size = sum(tensor.nbytes for tensor in model.module.state_dict().values())
        if size > MAX_WEIGHT_BYTES:
            return (f"{model.name} has {size / 2**30:.1f} GiB of weights, and one ONNX file holds less than 2 GiB.",)
        return ()

    def write(self, model: TrainedModel, path: Path) -> tuple[str, ...]:
        """See `Exporter.write`."""
        ways: dict[str, Callable[[TrainedModel, int], onnx.ModelProto]] = {"dynamo": _dynamo, "legacy": _legacy}
        notes: list[str] = []
        if self.options.way != "auto":
            ways = {self.options.way: ways[self.options.way]}
        elif any(node.layer in STEPWISE for node in model.document.graph.nodes.values()):
            ways = dict(reversed(ways.items()))
            notes.append("Made by PyTorch's older exporter: the newer one goes through recurrent layers step by step.")
        problem = ""
        for number, (name, way) in enumerate(ways.items()):
            try:
                with quiet():
                    proto = way(model, self.options.opset)
            except Exception as error:  # what exporters raise is of all kinds
                LOGGER.debug("The exporter %s failed", name, exc_info=True)
                problem = problem or _reason(error)
                continue
            if number:
                notes = [f"Made by PyTorch's {_AGE[name]} exporter, since the {_AGE[_OTHER[name]]} failed: {problem}."]
            _sign(proto, model)
            path.write_bytes(proto.SerializeToString())
            return tuple(notes)
        raise UserError(f"{model.name} cannot be written as ONNX: {problem}.")

    def verify(
        self, model: TrainedModel, path: Path, *, time_limit_secs: float = DEFAULT_TIME_LIMIT_SECS
    ) -> Certificate:
        """See `Exporter.verify`."""
        return self.verify_all([(model, path)], time_limit_secs=time_limit_secs)[0]

    def verify_all(
        self, pairs: Sequence[tuple[TrainedModel, Path]], *, time_limit_secs: float = DEFAULT_TIME_LIMIT_SECS
    ) -> tuple[Certificate, ...]:
        """Verify several files in one process.

        Args:
            pairs: Networks and files.
            time_limit_secs: How long one of them may take.

        Returns:
            One certificate a pair, in their order.
        """
        return certify(_RUNTIME, pairs, time_limit_secs=time_limit_secs)


EXPORTERS = (OnnxExporter,)

_AGE: Final = {"dynamo": "newer", "legacy": "older"}
_OTHER: Final = {"dynamo": "legacy", "legacy": "dynamo"}


def _dynamo(model: TrainedModel, opset: int) -> onnx.ModelProto:
    batch = torch.export.Dim("batch")
    inputs = model.batch(_EXAMPLE_BATCH)
    program = torch.onnx.export(
        model.module,
        inputs,
        None,
        dynamo=True,
        verbose=False,
        opset_version=opset,
        input_names=list(model.generated.inputs),
        output_names=list(model.generated.outputs),
        dynamic_shapes=tuple({0: batch} for _ in inputs),
        custom_translation_table=dict(translations()),
    )
    assert program is not None
    proto: onnx.ModelProto = program.model_proto
    return proto


def _legacy(model: TrainedModel, opset: int) -> onnx.ModelProto:
    names = (*model.generated.inputs, *model.generated.outputs)
    buffer = io.BytesIO()
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # a fused operator that tracing cannot see into
    try:
        torch.onnx.export(
            model.module,
            model.batch(_EXAMPLE_BATCH),
            buffer,  # type: ignore[arg-type]  # it takes what has a `write`, too
            dynamo=False,
            verbose=False,
            opset_version=opset,
            input_names=list(model.generated.inputs),
            output_names=list(model.generated.outputs),
            dynamic_axes={name: {0: "batch"} for name in names},
        )
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return onnx.load_from_string(buffer.getvalue())


def _sign(proto: onnx.ModelProto, model: TrainedModel) -> None:
    """Say in the file what it is, and take out what exporters tell of the machine that they ran on."""
    proto.producer_name = "NeuralForge"
    proto.producer_version = __version__
    proto.doc_string = f"{model.name}: {model.generated.class_name}, exported by NeuralForge."
    proto.graph.name = model.generated.class_name
    _forget(proto)
    for key, value in facts_of(model.facts).items():
        proto.metadata_props.add(key=key, value=value)


def _forget(message: Any) -> None:
    """Remove stack traces and the like, which hold paths, from every node, value and function."""
    for name in ("metadata_props", "doc_string"):
        if name in message.DESCRIPTOR.fields_by_name and not isinstance(message, onnx.ModelProto):
            message.ClearField(name)
    if isinstance(message, onnx.ModelProto):
        message.ClearField("metadata_props")
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.name != "TensorProto":
            for part in [value] if hasattr(value, "DESCRIPTOR") else value:
                _forget(part)


def _reason(error: BaseException) -> str:
    """Return in a few words what an exporter stumbled over: the operator, where it names one."""
    text = str(error)
    while error.__cause__ is not None:
        error = error.__cause__
        text = f"{text} {error}"
    operator = re.search(r"(?:No ONNX function found for <OpOverload\(op='|operator '?)(?:aten[.:]+)?(\w+)", text)
    if operator:
        return f"it has no form of {operator[1]}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200].rstrip(".")
