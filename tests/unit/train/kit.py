"""Small networks, runs and what is compared of them; shared by the tests of sessions and by the kill script."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from neuralforge.app.drivers import Driver, FrameClock
from neuralforge.data import RawData, load
from neuralforge.graph.datainfo import DataInfo, Task
from neuralforge.graph.document import Document
from neuralforge.runs.reader import RunReader
from neuralforge.templates.binding import bind
from neuralforge.templates.builder import Builder
from neuralforge.templates.options import parse_options
from neuralforge.templates.registry import find
from neuralforge.train.hashing import tensors_sha256
from neuralforge.train.launch import DataReference, Plan, Run, start
from neuralforge.train.session import TrainingSession
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.requests import Request, Ticket
from neuralforge.workbench.status import Pulse

MOONS = {"samples": "150"}


@functools.cache
def raw(text: str = "moons", **options: str) -> RawData:
    return load(text, options or (MOONS if text == "moons" else {}))


def mixed(info: DataInfo) -> Document:
    """Two linear layers with batch normalisation and dropout between: everything that keeps a state."""
    b = Builder("mixed")
    x = b.input(info.input_shape)
    x = b.add("fc1", "linear", x, out_features=12)
    x = b.add("norm", "batch_norm", x)
    x = b.add("act", "relu", x)
    x = b.add("drop", "dropout", x, p=0.3)
    b.output(b.add("fc2", "linear", x, out_features=info.outputs))
    return b.document()


def plain(info: DataInfo) -> Document:
    b = Builder("plain")
    x = b.add("fc1", "linear", b.input(info.input_shape), out_features=8)
    x = b.add("fc2", "linear", b.add("act", "relu", x), out_features=info.outputs)
    b.output(x)
    return b.document()


def template(key: str, info: DataInfo, **options: str) -> tuple[Document, Task]:
    found = find(key)
    bound = bind(found, info, parse_options(found, options))
    return bound.document, bound.task


def plan(
    runs: Path,
    net: str | Callable[[DataInfo], Document] = mixed,
    data: str = "moons",
    data_options: Mapping[str, str] | None = None,
    net_options: Mapping[str, str] | None = None,
    **config: Any,
) -> Plan:
    """Plan a run; the defaults end after 20 steps and never write a checkpoint by time."""
    options = dict(data_options if data_options is not None else MOONS if data == "moons" else {})
    data_raw = raw(data, **options)
    task = data_raw.info.task
    if isinstance(net, str):
        document, task = template(net, data_raw.info, **(net_options or {}))
    else:
        document = net(data_raw.info)
    usual: dict[str, Any] = {"threads": 1, "device": "cpu", "checkpoint_minutes": 0.0, "batch_size": 16}
    if "epochs" not in config:
        usual["steps"] = 20
    return Plan(
        document=document,
        data=DataReference(text=data, options=options),
        raw=data_raw,
        task=task,
        config=TrainConfig(**{**usual, **config}),
        runs_dir=runs,
    )


Script = Iterable[tuple[int, Mapping[str, Any]]]


def ask(session: TrainingSession, script: Script) -> list[Ticket]:
    """Ask for knob changes at steps, as `--at` does."""
    return [session.request(Request(changes=dict(c), at_step=s, actor="script")) for s, c in script]


def pump(session: TrainingSession, watch: Callable[[Pulse], object] | None = None) -> None:
    """Pump until the run ends or pauses."""
    for pulse in session.steps():
        if watch is not None:
            watch(pulse)
        if pulse.kind == "paused":
            return


def pump_until(session: TrainingSession, step: int, kind: str = "step") -> None:
    """Pump until a pulse of a kind after so many updates, and leave the generator there."""
    for pulse in session.steps():
        if pulse.step >= step and pulse.kind == kind:
            return
        assert pulse.kind != "paused", session.trouble
    raise AssertionError(f"the run ended before a {kind} pulse after step {step}")


def drive(session: TrainingSession, mode: str, *, steer: Callable[[Driver], object] | None = None) -> Driver:
    """Run a session under an event loop until it ends, with a fake window."""
    clock = FrameClock()
    driver = Driver(session, clock, mode)  # type: ignore[arg-type]
    if steer is not None:
        steer(driver)

    async def main() -> None:
        task = asyncio.create_task(driver.run())
        while not task.done():
            clock.frame_done(0.0)
            await asyncio.sleep(0)
        await task

    asyncio.run(main())
    return driver


def train(plan_: Plan, script: Script = ()) -> Run:
    run = start(plan_)
    ask(run.session, script)
    pump(run.session)
    return run


def weights(session: TrainingSession) -> str:
    return session.current_sha256()


def tensors(session: TrainingSession) -> dict[str, torch.Tensor]:
    return {k: v for k, v in session.engine.tensors().items() if not k.startswith("generator")}


def whole_state(session: TrainingSession) -> str:
    """Digest over weights, buffers and the state of the optimizer."""
    return tensors_sha256(tensors(session))


@dataclass(frozen=True)
class Outcome:
    """What must be the same, however often a run was interrupted."""

    status: str
    weights: str | None
    series: dict[str, tuple[list[int], list[float]]]
    events: list[dict[str, Any]]

    def differences(self, other: Outcome) -> list[str]:
        found = []
        if self.status != other.status:
            found.append(f"status {self.status} {other.status}")
        if self.weights != other.weights:
            found.append(f"weights {self.weights} {other.weights}")
        for name in sorted({*self.series, *other.series}):
            mine, theirs = self.series.get(name), other.series.get(name)
            if repr(mine) != repr(theirs):
                found.append(f"series {name}\n  {mine}\n  {theirs}")
        if self.events != other.events:
            pairs = zip([*self.events, None], [*other.events, None], strict=False)
            found.append(f"events {len(self.events)} {len(other.events)} {next(p for p in pairs if p[0] != p[1])}")
        return found


_NOT_COMPARED = {"run", "wall_time_utc", "latency_secs", "digest"}


def outcome(folder: Path) -> Outcome:
    reader = RunReader(folder)
    assert reader.verify() is None
    series = {}
    for name in reader.series_names():
        steps, values = reader.series(name)
        series[name] = (steps.tolist(), values.tolist())
    events = [{k: v for k, v in asdict(e).items() if k not in _NOT_COMPARED} for e in reader.events()]
    return Outcome(reader.status, reader.attributes.get("weights_sha256"), series, events)


def assert_same(one: Outcome, other: Outcome) -> None:
    found = one.differences(other)
    assert not found, "\n".join(found)


def with_config(plan_: Plan, **changes: Any) -> Plan:
    return replace(plan_, config=replace(plan_.config, **changes))


def segmentation_file(folder: Path) -> Path:
    """Write small images whose bright square is the mask."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 60, (24, 8, 8)).astype(np.uint8)
    y = np.zeros((24, 8, 8), np.int64)
    for i in range(24):
        top, left = rng.integers(0, 4, 2)
        x[i, top : top + 4, left : left + 4] += 150
        y[i, top : top + 4, left : left + 4] = 1
    path = folder / "squares.npz"
    np.savez(path, x=x, y=y)
    return path
