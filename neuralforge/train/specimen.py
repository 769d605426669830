"""The network of a run on the disk with the weights of its newest checkpoint, to be looked into and never trained."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from neuralforge.data import RawData
from neuralforge.errors import UserError
from neuralforge.runs.reader import RunReader
from neuralforge.train.checkpoint import Snapshot, put_weights, read_checkpoint
from neuralforge.train.devices import list_devices
from neuralforge.train.drawn import DrawnNetwork
from neuralforge.train.engine import Engine
from neuralforge.train.launch import Altered, DataReference, NeedsTrust, read_recorded
from neuralforge.train.watch import Watch
from neuralforge.workbench.config import TrainConfig


@dataclass(frozen=True, kw_only=True, eq=False)
class Specimen:
    """The network of a run as a checkpoint holds it.

    Args:
        engine: The engine of the run; its model and its knobs are what they were, but no step may be made with it.
        watch: Looks into it; give the specimen itself to `Watch.service`.
        step: Updates that its weights have seen.
        data: Where its data comes from.
        raw: Its data.
    """

    engine: Engine
    watch: Watch
    step: int
    data: DataReference
    raw: RawData


def open_specimen(folder: Path) -> Specimen:
    """Build the network of a recorded run, and load the newest checkpoint that is whole.

    Takes no lock, so that a run may be looked into while another process writes it, and writes nothing but what
    reading a run writes (`RunReader` completes one whose writer has died). The initial weights are drawn from torch's
    global generator, which is put back: nothing else may draw from it meanwhile.

    Args:
        folder: Folder of the run.

    Raises:
        Altered: When the log or the data is not what was recorded.
        NeedsTrust: When the stored source is not the one that the document gives; it is never run here.
        UserError: When the run or its data cannot be read, or there are no weights of it.
    """
    reader = RunReader(folder)
    name = str(reader.attributes.get("run_id", reader.folder.name))
    if not reader.attributes.get("replayable", True):
        raise UserError(f"The network of run {name} cannot be built again: it was not drawn here.")
    altered = reader.verify()
    if altered is not None:
        raise Altered(altered)
    snapshot = _newest_snapshot(reader, name)
    try:
        recorded = read_recorded(reader)
    except NeedsTrust:
        raise NeedsTrust(
            f"The source stored in run {name} is not what its document gives here, and is not run to be looked into."
        ) from None
    except Altered:
        raise Altered(f"The data of run {name} has changed since it was trained.") from None
    config = _for_this_machine(recorded.config)
    engine = Engine(DrawnNetwork(recorded.document, recorded.generated.source), recorded.prepared, config)
    put_weights(snapshot.tensors, engine.model)
    values = {key: engine.board.find(key).check(value) for key, value in snapshot.state["values"].items()}
    engine.board.commit(values)
    engine.levers.apply(values, engine.board.values)
    watch, step = Watch(engine), int(snapshot.state["step"])
    watch.look_at_weights(step)
    return Specimen(engine=engine, watch=watch, step=step, data=recorded.reference, raw=recorded.raw)


def _newest_snapshot(reader: RunReader, name: str) -> Snapshot:
    """Return the newest checkpoint that is whole."""
    problem = UserError(f"Run {name} has no checkpoint, so there are no trained weights to look into.")
    entries = sorted(reader.checkpoints(), key=lambda entry: entry.step, reverse=True)
    for place, entry in enumerate(entries):
        try:
            return read_checkpoint(reader.folder / entry.file, entry.sha256)
        except UserError as error:  # gone or damaged: an older one is of the same run
            if not place:
                problem = UserError(str(error).replace(f"{reader.folder}{os.sep}", ""))  # its name says enough
    raise problem


def _for_this_machine(config: TrainConfig) -> TrainConfig:
    """Take the processor where the device of the run is not there: to look into a network it is good enough."""
    there = {device.key: device for device in list_devices()}
    if config.device in there:
        return config
    has_precision = config.precision in there["cpu"].precisions
    return replace(config, device="cpu", precision=config.precision if has_precision else "float32")
