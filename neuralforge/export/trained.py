"""The network of a run with the weights of a checkpoint, and real samples to hold an export against.

Legend of tensor names: x inputs of the network, with the batch first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

import torch
from torch import Tensor, nn

from neuralforge.codegen.module import GeneratedModule
from neuralforge.data.prepare import Prepared
from neuralforge.data.tensors import Part, TensorData
from neuralforge.errors import UserError
from neuralforge.graph.document import Document
from neuralforge.runs.layout import Checkpoint
from neuralforge.runs.reader import RunReader
from neuralforge.train.build import build_module
from neuralforge.train.checkpoint import Snapshot, put_weights, read_checkpoint
from neuralforge.train.hashing import weights_sha256
from neuralforge.train.launch import Altered, read_recorded
from neuralforge.version import __version__

Weights = Literal["last", "best"]

SAMPLES: Final = 128
"""Samples that an export is tried on: at least a hundred are promised, and this is four batches of 32."""

_PARTS: Final[tuple[Part, ...]] = ("test", "validation", "train")


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainedModel:
    """A network to be exported, and what one must know of it.

    Args:
        name: What messages call it, a run's id for example.
        document: The network as it was drawn.
        generated: Its source.
        module: The module with its weights, on the CPU.
        samples: Name of an input -> samples [N, ...] as the network takes them, after preprocessing.
        by_class: Whether the output tells classes along dimension 1.
        facts: What a user of an exported file needs, by name: run, digest of the weights, classes, preprocessing.
        notes: Sentences for the certificate.
    """

    name: str
    document: Document
    generated: GeneratedModule
    module: nn.Module
    samples: Mapping[str, Tensor]
    by_class: bool = False
    facts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.module.eval()
        assert tuple(self.samples) == self.generated.inputs, (tuple(self.samples), self.generated.inputs)
        assert len({len(x) for x in self.samples.values()}) == 1 and self.count > 0

    @property
    def count(self) -> int:
        """Number of samples."""
        return len(next(iter(self.samples.values())))

    def batch(self, size: int) -> tuple[Tensor, ...]:
        """Return a batch for each input in their order: the first samples, over again where there are too few."""
        indices = torch.arange(size) % self.count
        return tuple(x.index_select(0, indices) for x in self.samples.values())

    def __call__(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return the outputs of the network, without gradients.

        Args:
            inputs: One tensor for each input, in their order.
        """
        with torch.no_grad():
            result = self.module(*inputs)
        return result if isinstance(result, tuple) else (result,)


def load_trained(path: Path, *, weights: Weights = "last", trust: bool = False) -> TrainedModel:
    """Load the network of a run with the weights of a checkpoint.

    Args:
        path: The folder of the run, or its file.
        weights: "last" for the newest checkpoint, "best" for the one that was best in validation.
        trust: Whether the source that is stored in the log may be run where it differs from the one that the
            document gives.

    Returns:
        The network, and samples of the test part, filled up from validation and train where it is small.

    Raises:
        Altered: When the log or the data were altered.
        NeedsTrust: When the stored source differs, and `trust` is not given.
        UserError: When the run cannot be read, or has no such checkpoint.
    """
    reader = RunReader(path)
    name = str(reader.attributes.get("run_id", reader.folder.name))
    if not reader.attributes.get("replayable", True):
        raise UserError(f"Run {name} cannot be exported: its model was not drawn here.")
    altered = reader.verify()
    if altered is not None:
        raise Altered(altered)
    recorded = read_recorded(reader, trust=trust)
    entry, snapshot, notes = _checkpoint(reader, name, weights)
    module = build_module(recorded.generated, recorded.config.seed)
    put_weights(snapshot.tensors, module)
    digest = weights_sha256(module)
    if weights == "last":
        _compare(reader, name, entry.step, digest)
    x, told = _samples(recorded.prepared)
    info = recorded.prepared.info
    facts = {
        "run_id": name,
        "step": str(entry.step),
        "weights": weights,
        "weights_sha256": digest,
        "task": info.task,
        "data": Path(info.name).name,  # a path says more of a machine than a file that is given away should
        "classes": json.dumps(list(info.classes), ensure_ascii=False),
        "features": json.dumps(list(info.features), ensure_ascii=False),
        "preprocessing": recorded.prepared.preprocessing.to_json(),
        "how_to_feed": _how_to_feed(recorded.prepared),
        "neuralforge_version": __version__,
    }
    (input_name,) = recorded.generated.inputs
    return TrainedModel(
        name=name,
        document=recorded.document,
        generated=recorded.generated,
        module=module,
        samples={input_name: x},
        by_class=info.task in ("classification", "segmentation"),
        facts=facts,
        notes=(*notes, told),
    )


def _checkpoint(reader: RunReader, name: str, weights: Weights) -> tuple[Checkpoint, Snapshot, tuple[str, ...]]:
    """Find the checkpoint, or the next older one where the newest is damaged, which is said in a note."""
    entries = sorted(reader.checkpoints(), key=lambda entry: entry.step, reverse=True)
    if weights == "best":
        entries = [entry for entry in entries if entry.kind == "best"]
    there = [entry for entry in entries if (reader.folder / entry.file).is_file()]
    if not there:
        kind = "checkpoint of the best weights" if weights == "best" else "checkpoint"
        raise UserError(f"Run {name} has no {kind}, so there are no weights to export.")
    problem: UserError | None = None
    for entry in there:
        try:
            snapshot = read_checkpoint(reader.folder / entry.file, entry.sha256)
        except UserError as error:
            problem = problem or error
            continue
        note = f"The newest checkpoint is damaged; the weights are those of step {entry.step}."
        return entry, snapshot, (note,) if problem else ()
    assert problem is not None
    raise problem


def _compare(reader: RunReader, name: str, step: int, digest: str) -> None:
    """Hold the weights at the end of a run against what its log says of them."""
    stated = reader.attributes.get("weights_sha256")
    last_step = max((row[0] for key, row in reader.last_values().items() if key == "train/loss"), default=0)
    if stated and reader.status in ("completed", "stopped") and step == last_step and stated != digest:
        raise Altered(f"The weights of run {name} are not those that its log states (sha256 {stated:.12}...).")


def _samples(prepared: Prepared) -> tuple[Tensor, str]:
    found: list[Tensor] = []
    words: list[str] = []
    missing = SAMPLES
    for part in _PARTS:
        data = TensorData.from_prepared(prepared, part)
        count = min(missing, len(data))
        if count:
            found.append(data.batch(torch.arange(count))[0])
            words.append(f"{count} of {part}")
            missing -= count
    total = SAMPLES - missing
    rest = "" if total >= 100 else ", which is all there is"
    return torch.cat(found), f"Compared on {total} real samples ({', '.join(words)}){rest}."


def _how_to_feed(prepared: Prepared) -> str:
    info, numbers = prepared.info, prepared.preprocessing
    shape = ", ".join(str(size) for size in info.input_shape)
    where = "channel" if numbers.kind == "image" else "feature"
    steps: list[str] = []
    if numbers.input_scale != 1.0:
        steps.append(f"multiply stored values with {numbers.input_scale!r}")
    if numbers.input_mean:
        steps.append(f"subtract input_mean and divide by input_std of each {where}")
    way = f": {', then '.join(steps)}" if steps else ", as stored"
    back = "; answers times target_std plus target_mean are in the unit of the data" if numbers.target_mean else ""
    return f"{info.input_dtype} [batch, {shape}]{way}{back}."


def facts_of(value: Mapping[str, str]) -> dict[str, str]:
    """Return facts without the empty ones, in order of name and as text that UTF-8 can hold."""
    return {
        key: value[key].encode("utf-8", "replace").decode() for key in sorted(value) if value[key] not in ("", "[]")
    }
