"""A feed sees what the log has taken, and the plan of the learning rate is what a run then does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralforge.runs.errors import RunLogError
from neuralforge.runs.events import Event
from neuralforge.runs.reader import RunReader
from neuralforge.train.launch import reset, resume, start
from neuralforge.train.recorder import NullRecorder, Tee
from neuralforge.train.schedules import planned_lr
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.requests import Request
from tests.unit.train.kit import ask, plan, pump, pump_until, train


class Seen:
    """Keeps what it is fed."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, ...]] = []
        self.scalars: list[tuple[str, int, float]] = []
        self.events: list[Event] = []
        self.checkpoints: list[tuple[int, str, str, str]] = []
        self.states: list[str] = []

    def row(self, step: int, *values: float) -> None:
        self.rows.append((step, *values))

    def scalar(self, name: str, step: int, value: float) -> None:
        self.scalars.append((name, step, value))

    def event(self, event: Event) -> None:
        self.events.append(event)

    def checkpoint(self, step: int, file: str, sha256: str, kind: str) -> None:
        self.checkpoints.append((step, file, sha256, kind))

    def status(self, status: str) -> None:
        self.states.append(status)


def test_a_feed_sees_what_the_log_holds(tmp_path: Path) -> None:
    seen = Seen()
    run = start(plan(tmp_path, steps=12, validation_every=5, checkpoint_every=6), feed=seen)
    ask(run.session, [(4, {"lr": 0.02, "momentum": 0.5} if "momentum" in run.session.board.values else {"lr": 0.02})])
    run.session.request(Request(action="pause", at_step=8))
    pump(run.session)
    assert seen.states == ["running", "paused"]
    run.session.request(Request(action="run"))
    pump(run.session)
    reader = RunReader(run.folder)
    assert seen.events == reader.events() and seen.events[0].sequence == 1 and seen.events[0].wall_time_utc
    names = tuple(reader.channels()["train"])
    for place, name in enumerate(names):
        steps, values = reader.series(name)
        assert [row[0] for row in seen.rows] == steps.tolist()
        assert [row[1 + place] for row in seen.rows] == values.tolist()
    for name in reader.series_names():
        if name not in names:
            steps, values = reader.series(name)
            assert [(s, v) for n, s, v in seen.scalars if n == name] == list(
                zip(steps.tolist(), values.tolist(), strict=True)
            )
    assert seen.checkpoints == [(c.step, c.file, c.sha256, c.kind) for c in reader.checkpoints()]
    assert seen.states == ["running", "paused", "paused", "running", "completed"]  # a pump that begins says it again


def test_a_resumed_run_feeds_what_goes_beyond_the_record(tmp_path: Path) -> None:
    whole = train(plan(tmp_path, steps=12, checkpoint_every=4))
    run = start(plan(tmp_path, steps=12, checkpoint_every=4))
    pump_until(run.session, 7)
    run.session.end("paused")
    seen = Seen()
    again = resume(run.folder, feed=seen)
    pump(again.session)
    assert [row[0] for row in seen.rows] == list(range(8, 13)) and seen.states[-1] == "completed"
    assert again.session.weights_sha256 == whole.session.weights_sha256


def test_a_reset_run_has_its_own_feed_and_watch(tmp_path: Path) -> None:
    first, second = Seen(), Seen()
    run = start(plan(tmp_path, steps=4), feed=first)
    pump_until(run.session, 2)
    other = reset(run, feed=second, watch=True)
    pump(other.session)
    assert (len(first.rows), len(second.rows)) == (2, 4) and first.states[-1] == "stopped"
    assert run.watch is None and other.watch is not None


def test_what_the_log_refuses_is_not_shown() -> None:
    class Full(NullRecorder):
        def __getattribute__(self, name: str) -> Any:
            if name in ("row", "scalar", "event", "checkpoint", "status", "close"):

                def refuse(*_args: Any) -> Any:
                    raise RunLogError("the disk is full")

                return refuse
            return super().__getattribute__(name)

    seen = Seen()
    tee = Tee(Full(), seen)
    calls: list[tuple[Any, ...]] = [
        (tee.row, 1, 0.5), (tee.scalar, "a", 1, 0.5), (tee.event, Event(operation="notice", key="x")),
        (tee.checkpoint, 1, "f", "s", "k"), (tee.status, "paused"), (tee.close, "stopped", 1, None),
    ]  # fmt: skip
    for call, *arguments in calls:
        with pytest.raises(RunLogError):
            call(*arguments)
    assert not (seen.rows or seen.scalars or seen.events or seen.checkpoints or seen.states)


@pytest.mark.parametrize(
    "config",
    [
        {"schedule": "constant", "warmup": 0.1, "steps": 40},
        {"schedule": "step", "milestones": (0.33, 0.77), "steps": 40},
        {"schedule": "cosine", "min_factor": 0.1, "epochs": 3, "batch_size": 20},
        {"schedule": "one_cycle", "steps": 40},
    ],
)
def test_the_plan_is_what_the_run_does(tmp_path: Path, config: dict[str, Any]) -> None:
    run = train(plan(tmp_path, **config))
    total = run.session.step
    steps, factors = planned_lr(run.session.config, total, 1000)
    assert steps.dtype == np.int64 and steps.tolist() == list(range(1, total + 1))
    reader = RunReader(run.folder)
    effective, base = reader.series("effective/lr")[1], reader.series("knob/lr")[1]
    tolerance = 1e-12 if "steps" in config else 1.5 / total  # the last batch of an epoch is smaller: within a step
    np.testing.assert_allclose(factors, np.asarray(effective) / np.asarray(base), atol=tolerance)


def test_a_plan_of_few_points_keeps_its_corners() -> None:
    config = TrainConfig(schedule="step", milestones=(0.5,), gamma=0.1, steps=1_000_000, warmup=0.25)
    steps, factors = planned_lr(config, 1_000_000, 10)
    assert len(steps) < 25 and steps[0] == 1 and steps[-1] == 1_000_000 and factors[0] == 0
    drop = np.flatnonzero(np.diff(factors) < -0.5)
    assert len(drop) == 1 and steps[drop[0] + 1] - steps[drop[0]] == 1
    assert factors[steps.searchsorted(250_001)] == 1
    longer, kept = planned_lr(config, 2_000_000, 10)  # an extended run keeps to the horizon of its configuration
    assert longer[-1] == 2_000_000 and kept[-1] == pytest.approx(0.1)


def test_the_clock_of_the_window_needs_no_torch() -> None:
    code = "import sys, neuralforge.app.drivers; assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
