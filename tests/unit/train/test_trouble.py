"""Numbers that are not finite, steps that raise, disks that refuse: what was acknowledged stays, and one is told."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from neuralforge.runs.lock import holder
from neuralforge.runs.reader import RunReader
from neuralforge.train import session as session_module
from neuralforge.train.hashing import tensors_sha256
from neuralforge.train.launch import Run, replay, reset, resume, start
from neuralforge.train.session import StepFailed
from neuralforge.workbench.requests import Request
from tests.unit.train.kit import ask, assert_same, outcome, plan, pump, pump_until, tensors, train, whole_state

# NaN and infinity


def _poison_input(run: Run, step: int) -> None:
    order, config = run.session.engine.order, run.session.config
    last = step * config.batch_size * config.accumulation - 1  # in the last batch of the update
    run.session.engine.train.inputs[order._indices[last], 1] = torch.nan


def _poison_loss(run: Run, step: int) -> None:
    engine, real = run.session.engine, run.session.engine.criterion

    class Poisoned:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def __call__(self, *args: Any) -> torch.Tensor:
            loss = real(*args)
            return loss / 0 if run.session.step == step - 1 and engine.model.training else loss

    engine.criterion = Poisoned()  # type: ignore[assignment]


def _poison_output(run: Run, step: int) -> None:
    def hook(module: torch.nn.Module, _args: object, out: torch.Tensor) -> torch.Tensor:
        return out * torch.inf if run.session.step == step - 1 and module.training else out

    run.session.engine.model.get_submodule("fc1").register_forward_hook(hook)


POISONS: dict[str, tuple[Callable[[Run, int], None], str]] = {
    "input": (_poison_input, "in the input"),
    "loss": (_poison_loss, "in the loss itself"),
    "output": (_poison_output, "in the output of fc1"),
}


@pytest.mark.parametrize("accumulation", [1, 3])
@pytest.mark.parametrize("where", list(POISONS))
def test_it_pauses_before_the_update_and_says_where(tmp_path: Path, where: str, accumulation: int) -> None:
    poison, words = POISONS[where]
    run = start(plan(tmp_path, steps=12, batch_size=8, optimizer="adam", accumulation=accumulation))
    session, engine = run.session, run.session.engine
    step = 5 if accumulation == 1 else 2
    poison(run, step)
    pump_until(session, step - 1)
    before, place = whole_state(session), (engine.order.epoch, engine.order.cursor)
    pump(session)
    assert (session.state, session.step) == ("paused", step - 1)
    assert session.trouble == f"The loss of step {step} is not finite; it began {words}."
    assert whole_state(session) == before, "weights, statistics of the normalisation and optimizer are as before"
    assert (engine.order.epoch, engine.order.cursor) == place
    assert all(p.grad is None for p in engine.model.parameters())
    reader = RunReader(run.folder)
    assert reader.status == "paused"
    (event,) = reader.events()
    assert (event.operation, event.key, event.actor, event.applied_step) == ("notice", "nonfinite", "rule", step)
    assert event.why == session.trouble and (event.epoch, event.sample_cursor) == place
    assert reader.series("train/loss")[0].tolist() == list(range(1, step))
    session.request(Request(action="run"))  # nothing has changed, so it comes again, and again nothing is updated
    pump(session)
    assert (session.state, session.step, whole_state(session)) == ("paused", step - 1, before)
    session.end("paused")
    assert not holder(run.folder)


def test_weights_that_are_not_finite_are_named(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=12))
    pump_until(run.session, 4)
    with torch.no_grad():
        run.session.engine.model.get_submodule("fc2").weight[0, 0] = torch.nan
    before = whole_state(run.session)
    pump(run.session)
    assert run.session.trouble == "The loss of step 5 is not finite; it began in the weights of fc2 (weight)."
    assert whole_state(run.session) == before
    run.log.abandon()


def test_a_step_that_was_poisoned_once_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    """Batch normalisation must not keep what the failed forward pass, and the search for its place, put into it."""
    p = plan(tmp_path, steps=15, accumulation=2, batch_size=8, validation_every=4)
    whole = train(p)
    run = start(p)
    hit = []

    def hook(module: torch.nn.Module, _args: object, out: torch.Tensor) -> torch.Tensor:
        if run.session.step == 4 and module.training and len(hit) < 4:
            hit.append(1)
            return out * torch.nan if len(hit) > 1 else out  # in the second batch of the update
        return out

    run.session.engine.model.get_submodule("fc2").register_forward_hook(hook)
    pauses = 0
    for pulse in run.session.steps():
        if pulse.kind == "paused":
            pauses += 1
            run.session.request(Request(action="run"))
    assert pauses >= 1
    assert whole_state(run.session) == whole_state(whole.session)
    assert outcome(run.folder).series == outcome(whole.folder).series
    assert replay(run.folder).identical


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_learning_rate_that_is_far_too_large(tmp_path: Path, optimizer: str) -> None:
    p = plan(tmp_path, "mlp", net_options={"hidden": "8"}, optimizer=optimizer, steps=30, loss="mse", data="diabetes")
    run = start(p)
    ask(run.session, [(8, {"lr": 100.0})])
    seen = {}

    def note(pulse: Any) -> None:
        seen[pulse.step] = whole_state(run.session)

    pump(run.session, note)
    if run.session.state == "paused":  # SGD blows up; Adam's steps are bounded
        assert run.session.trouble is not None and "it began in" in run.session.trouble
        assert whole_state(run.session) == seen[run.session.step]
        events = RunReader(run.folder).events()
        assert events[-1].key == "nonfinite" and events[-1].applied_step == run.session.step + 1
        again = reset(run)
        pump_until(again.session, 5)
        assert again.session.state == "running"
        again.log.abandon()
        assert replay(run.folder).identical
    assert (run.session.state == "completed") == (optimizer == "adam")


def test_a_run_that_paused_on_nan_goes_on_after_a_lower_rate_and_resumes_equal(tmp_path: Path) -> None:
    def make() -> Run:
        run = start(plan(tmp_path, steps=14, checkpoint_every=3))

        def hook(module: torch.nn.Module, _args: object, out: torch.Tensor) -> torch.Tensor:
            high = run.session.board.values["lr"] > 0.5  # a stand-in for weights that explode
            return out * torch.nan if run.session.step == 7 and high and module.training else out

        run.session.engine.model.get_submodule("fc2").register_forward_hook(hook)
        ask(run.session, [(6, {"lr": 0.9})])
        pump(run.session)
        assert (run.session.state, run.session.step) == ("paused", 7)
        run.session.request(Request(changes={"lr": 0.01}))
        run.session.request(Request(action="run"))
        return run

    whole = make()
    pump(whole.session)
    assert whole.session.state == "completed"
    assert replay(whole.folder).identical
    cut = make()
    pump_until(cut.session, 11)
    cut.log.abandon()
    cut.session.keeper.close()
    again = resume(cut.folder)
    pump(again.session)
    assert_same(outcome(whole.folder), outcome(again.folder))


def test_no_false_alarm(tmp_path: Path) -> None:
    """Large and tiny numbers that are finite are no reason to stop."""
    run = start(plan(tmp_path, steps=300, lr=0.5))
    run.session.engine.train.inputs[:50] *= 1e15
    run.session.engine.train.inputs[50:] *= 1e-30
    pump(run.session)
    assert run.session.state == "completed" and RunReader(run.folder).events() == []


# A step that raises


@pytest.mark.parametrize(
    ("error", "hint"),
    [(RuntimeError("boom"), False), (torch.OutOfMemoryError("CUDA out of memory"), True), (MemoryError(), False)],
    ids=["error", "cuda", "memory"],
)
def test_an_exception_in_a_step(tmp_path: Path, error: Exception, hint: bool) -> None:
    p = plan(tmp_path, steps=12, checkpoint_every=2, accumulation=2)
    whole = train(p)
    run = start(p)
    hook = run.session.engine.model.get_submodule("fc2").register_forward_pre_hook(
        lambda *_: (_ for _ in ()).throw(error) if run.session.step == 6 else None
    )
    pump_until(run.session, 6)
    before = run.session.current_sha256()
    with pytest.raises(StepFailed, match="Step 7 failed: ") as failure:
        pump(run.session)
    assert failure.value.__cause__ is error
    assert run.session.state == "failed" and run.session.ended
    assert ("try a smaller batch_size" in str(failure.value)) == hint
    assert run.session.current_sha256() == before
    assert {f.name for f in run.folder.iterdir()} == {"run.h5", "checkpoints"}  # no lock, no journal
    reader = RunReader(run.folder)
    assert (reader.status, reader.verify()) == ("failed", None)
    assert reader.series("train/loss")[0].tolist() == [1, 2, 3, 4, 5, 6]
    assert reader.attributes["weights_sha256"] == before
    assert [(e.key, e.why) for e in reader.events()] == [("failed", run.session.trouble)]
    assert replay(run.folder).identical
    hook.remove()
    again = resume(run.folder)  # what failed may work today
    pump(again.session)
    assert again.session.weights_sha256 == whole.session.weights_sha256
    assert replay(run.folder).identical


def test_an_exception_in_an_evaluation(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=12, validation_every=4))
    run.session.engine.model.register_forward_pre_hook(
        lambda module, _args: None if module.training else (_ for _ in ()).throw(RuntimeError("boom"))
    )
    with pytest.raises(StepFailed, match="boom"):
        pump(run.session)
    assert RunReader(run.folder).status == "failed" and not holder(run.folder)
    assert run.session.engine.model.training


def test_a_failure_that_leaves_not_even_the_weights_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a GPU has faulted: every further call raises too, and still the log must be closed."""
    run = start(plan(tmp_path))
    pump_until(run.session, 3)

    def gone(*_args: object) -> str:
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(session_module, "weights_sha256", gone)
    run.session.engine.model.register_forward_pre_hook(gone)
    with pytest.raises(StepFailed, match="device-side"):
        pump(run.session)
    reader = RunReader(run.folder)
    assert reader.status == "failed" and "weights_sha256" not in reader.attributes
    assert not holder(run.folder)


def test_a_failure_while_the_disk_is_full_leaves_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = start(plan(tmp_path))
    pump_until(run.session, 3)
    disk = FullDisk(run, monkeypatch)
    disk.full = True
    run.session.engine.model.register_forward_pre_hook(lambda *_: (_ for _ in ()).throw(RuntimeError("boom")))
    with pytest.raises(StepFailed, match=r"boom.*No space left"):
        pump(run.session)
    assert not holder(run.folder)
    disk.full = False
    assert RunReader(run.folder).status == "interrupted"


# A disk that refuses


class FullDisk:
    """Lets writes to the journal of a run fail for as long as `full` is true."""

    def __init__(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        self.refused = 0
        self.fail_after: int | None = None
        handle, real = run.log._journal._handle, os.write

        def write(fd: int, data: Any) -> int:
            if fd == handle:
                if self.fail_after is not None:
                    self.fail_after -= 1
                    if self.fail_after < 0:
                        self.full, self.fail_after = True, None
                if self.full:
                    self.refused += 1
                    real(fd, bytes(data)[: len(data) // 2])  # a torn record
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(fd, data)

        monkeypatch.setattr(os, "write", write)


class Clock:
    """Time in which half a second passes at every look, so that every boundary writes."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 0.5
        return self.now


SCRIPT = [(6, {"lr": 0.01}), (9, {"drop.dropout": 0.1, "norm.frozen": True}), (13, {"norm.frozen": False})]


@pytest.mark.parametrize("nth", range(0, 60, 5))
def test_a_full_disk_pauses_and_everything_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    """The n-th write fails, and all after it until somebody makes room; the end is the same."""
    config = {"steps": 16, "validation_every": 3, "patience": 3, "lr": 0.2, "optimizer": "sgd", "checkpoint_every": 5}
    monkeypatch.setattr(session_module, "time", Clock())
    whole = train(plan(tmp_path / "a", **config), SCRIPT)
    run = start(plan(tmp_path / "b", **config))
    disk = FullDisk(run, monkeypatch)
    disk.fail_after = nth
    ask(run.session, SCRIPT)
    pauses = 0
    for pulse in run.session.steps():
        if pulse.kind == "paused":
            pauses += 1
            assert disk.full or run.session.trouble
            if pauses == 1:
                assert "No space left" in (run.session.trouble or "") and str(run.folder) in (run.session.trouble or "")
                acknowledged = run.log.recorded_step, run.log.sequence
            if pauses < 3:  # nothing moves while it is full
                assert (run.log.recorded_step, run.log.sequence) == acknowledged
                continue
            disk.full = False
            run.session.request(Request(action="run"))
            assert pauses < 30
    assert bool(pauses) == bool(disk.refused)
    mine, theirs = outcome(run.folder), outcome(whole.folder)
    assert mine.weights == theirs.weights and mine.series == theirs.series and mine.status == theirs.status
    hand = [e for e in mine.events if e["key"] not in ("run", "checkpoint")]
    assert [(e["key"], e["status"], e["applied_step"]) for e in hand] == [
        (e["key"], e["status"], e["applied_step"]) for e in theirs.events
    ]
    assert whole_state(run.session) == whole_state(whole.session)


def test_a_change_that_meets_a_full_disk_is_neither_lost_nor_made_in_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A control and a knob at one boundary: the first cannot be written, the second must still come."""
    run = start(plan(tmp_path, steps=8))
    session = run.session
    session.request(Request(action="pause", at_step=4))
    pump(session)
    disk = FullDisk(run, monkeypatch)
    disk.full = True
    ticket = session.request(Request(action="run"))
    session.request(Request(changes={"drop.dropout": 0.77, "fc1.frozen": True}))
    steps = session.steps()
    for _ in range(3):
        assert next(steps).kind == "paused"
    assert session.step == 3 and ticket.status == "applied"
    disk.full = False
    session.request(Request(action="run"))
    for _ in steps:
        pass
    engine = session.engine
    assert engine.model.get_submodule("drop").p == 0.77
    assert not engine.model.get_submodule("fc1").weight.requires_grad
    events = [(e.key, e.applied_step) for e in RunReader(run.folder).events() if e.operation == "set"]
    assert events == [("drop.dropout", 4), ("fc1.frozen", 4)]
    assert replay(run.folder).identical


def test_a_disk_that_is_full_when_a_run_stops_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decision to stop could not be written down at once; it holds all the same."""
    config = {"steps": 60, "validation_every": 2, "patience": 2, "lr": 0.9, "optimizer": "sgd", "checkpoint_every": 2}
    whole = train(plan(tmp_path / "a", **config))
    run = start(plan(tmp_path / "b", **config))
    disk = FullDisk(run, monkeypatch)
    pauses = 0
    for pulse in run.session.steps():
        disk.full = disk.full or (pulse.kind == "step" and pulse.step == whole.session.step and not pauses)
        if pulse.kind == "paused":
            pauses += 1
            assert "No space left" in (run.session.trouble or "")
            disk.full = False
            run.session.request(Request(action="run"))
    assert pauses == 1 and run.session.step == whole.session.step < 60
    mine, theirs = outcome(run.folder), outcome(whole.folder)
    assert (mine.status, mine.weights, mine.series) == (theirs.status, theirs.weights, theirs.series)
    assert [e["key"] for e in mine.events] == ["stop", "run"]


def test_a_disk_that_is_full_at_the_very_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(plan(tmp_path / "a", steps=6, patience=1))
    run = start(plan(tmp_path / "b", steps=6, patience=1))
    disk = FullDisk(run, monkeypatch)
    pauses = 0
    for pulse in run.session.steps():
        disk.full = disk.full or (pulse.step == 6 and not pauses)
        if pulse.kind == "paused":
            pauses += 1
            if pauses == 3:
                disk.full = False
                run.session.request(Request(action="run"))
    assert pauses == 3
    mine, theirs = outcome(run.folder), outcome(whole.folder)
    assert (mine.status, mine.weights, mine.series) == (theirs.status, theirs.weights, theirs.series)


def test_the_folder_is_removed_while_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "time", Clock())
    run = start(plan(tmp_path, steps=20, checkpoint_every=3))
    pump_until(run.session, 5)
    run.session._note_written(wait=True)
    shutil.rmtree(run.folder)
    pump(run.session)
    assert run.session.state == "paused"
    assert "was removed" in (run.session.trouble or "") and str(run.folder) in (run.session.trouble or "")
    run.session.request(Request(action="stop"))
    pump(run.session)  # no traceback, and no end that pretends to be whole
    assert run.session.state == "stopped" and "was removed" in (run.session.trouble or "")
    assert not run.folder.exists()


def test_a_run_is_whole_when_only_the_last_writing_of_the_file_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal has the end already, so the run has ended; the file is completed by whoever opens it next."""
    run = start(plan(tmp_path, steps=6))
    whole = train(plan(tmp_path, steps=6))

    def refuse(_self: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(type(run.log._carrier), "seal", refuse)
    pump(run.session)
    assert run.session.state == "completed" and "No space left" in (run.session.trouble or "")
    monkeypatch.undo()
    assert outcome(run.folder).weights == whole.session.weights_sha256
    assert_same(outcome(run.folder), outcome(whole.folder))


def test_snapshots_in_memory_are_copies(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=8))
    pump_until(run.session, 4)
    snapshot = run.session.snapshot()
    before = tensors_sha256(dict(snapshot.tensors))
    pump(run.session)
    assert tensors_sha256(dict(snapshot.tensors)) == before
    assert tensors_sha256(tensors(run.session)) != before
