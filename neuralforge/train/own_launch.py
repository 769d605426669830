"""Starting the run of a loop that a person writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from neuralforge.graph.document import Document, dumps
from neuralforge.runs.header import RunHeader, new_run_id, utc_now
from neuralforge.runs.log import RunLog
from neuralforge.train.devices import list_devices
from neuralforge.train.keeper import Keeper
from neuralforge.train.launch import environment
from neuralforge.train.loop_log import LoopFeed, LoopLogRecorder, LoopTee
from neuralforge.train.loop_watch import LoopWatch
from neuralforge.train.own_levers import Bounds, OwnLevers
from neuralforge.train.own_loop import OwnLoop
from neuralforge.workbench.config import TrainConfig

KIND = "own loop"
"""What the log calls a run whose loop was written by a person."""
_KEPT = 10_000


@dataclass(frozen=True)
class LoopRun:
    """An own loop with the files that it writes.

    Args:
        session: The loop; whoever goes round it calls `before_step` and `step_done`.
        log: The log that it writes.
        document: A document without nodes, named after the model.
    """

    session: OwnLoop
    log: RunLog
    document: Document

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        return self.log.folder

    @property
    def watch(self) -> LoopWatch | None:
        """Looks into the loop, where it was started with one."""
        return self.session.watch


def start_own_loop(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    bounds: Bounds,
    *,
    name: str = "",
    source: str = "",
    runs_dir: Path,
    feed: LoopFeed | None = None,
    watch: bool = True,
    paused: bool = False,
) -> LoopRun:
    """Start the run of a loop that a person writes.

    Its configuration in the log is "optimizer", "groups" (the numbers of each parameter group), "knobs" (key ->
    bounds), "device" and "threads".

    Args:
        model: What trains.
        optimizer: Its optimizer.
        bounds: See `OwnLoop`.
        name: What people call the run; "" takes the class of the model.
        source: Text of the model and the loop, as far as it is known.
        runs_dir: Folder of all runs.
        feed: Sees everything that the log has taken.
        watch: Whether to make a `LoopWatch`.
        paused: Whether it waits for "run" before the first turn.

    Raises:
        UserError: When the optimizer does not have what is named, bounds are none, or the log cannot be written.
    """
    levers = OwnLevers(optimizer, bounds)  # refuses before there is a folder
    document = Document(name=type(model).__name__)
    device = str(next((tensor.device for tensor in model.parameters()), torch.device("cpu")))
    threads = torch.get_num_threads()
    is_known = device in {found.key for found in list_devices()}
    where = TrainConfig(device=device if is_known else "cpu")
    knobs = {key: [knob.low, knob.high] for key, knob in levers.board.knobs.items()}
    header = RunHeader(
        run_id=new_run_id(name or document.name),
        name=name or document.name,
        kind=KIND,
        replayable=False,
        created_utc=utc_now(),
        seed=torch.initial_seed() % 2**63,
        document=dumps(document),
        source=source.replace("\0", "").encode("utf-8", "replace").decode("utf-8"),
        config={**levers.facts(), "knobs": knobs, "device": device, "threads": threads},
        environment={**environment(where), "device": device, "threads": threads},
        channels={f"knob/{key}": (f"knob/{key}",) for key in knobs if key != "lr"},
    )
    log = RunLog.create(runs_dir, header, writer_info=header.environment["versions"])
    recorder = LoopLogRecorder(log)
    keeper = Keeper(log.folder, TrainConfig(checkpoint_minutes=0.0, keep=_KEPT))  # writes what is asked for alone
    shown = recorder if feed is None else LoopTee(recorder, feed)
    session = OwnLoop(model, optimizer, bounds, shown, keeper, paused=paused)
    if watch:
        session.watch = LoopWatch(model, optimizer)
    return LoopRun(session, log, document)
