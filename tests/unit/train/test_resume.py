"""Going on from the files alone: cases that are easily got wrong. Random ones are in tests/property."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from neuralforge.errors import UserError
from neuralforge.runs.errors import RunLogError
from neuralforge.runs.events import Event
from neuralforge.runs.lock import holder
from neuralforge.runs.log import RunLog
from neuralforge.runs.reader import RunReader
from neuralforge.train.launch import Run, replay, reset, resume, start
from neuralforge.train.session import TrainingSession
from neuralforge.workbench.requests import Request
from tests.unit.train.kit import ask, assert_same, outcome, plan, pump, pump_until, train, whole_state


def _settle(run: Run) -> None:
    """Let the checkpoints under way reach the disk and the log, so that a test knows which there are."""
    run.session._note_written(wait=True)
    run.log.flush()


def _drop(run: Run) -> None:
    """Let go of a run as a process does that is killed."""
    run.log.abandon()
    assert run.session.keeper is not None
    run.session.keeper.close()


def test_an_interrupted_run_is_said_to_be(tmp_path: Path) -> None:
    run = start(plan(tmp_path))
    pump_until(run.session, 5)
    with pytest.raises(RunLogError, match="writes it since"):
        resume(run.folder)
    run.session.request(Request(action="pause"))
    pump(run.session)
    _drop(run)
    assert RunReader(run.folder).status == "interrupted"


def test_a_paused_run_goes_on(tmp_path: Path) -> None:
    p = plan(tmp_path, steps=16, validation_every=4, accumulation=2)
    whole = train(p)
    run = start(p)
    run.session.request(Request(action="pause", at_step=9))
    pump(run.session)
    run.session.request(Request(changes={"lr": 0.001}))  # while paused; it is the value that it has
    pump(run.session)
    run.session.end("paused")
    assert RunReader(run.folder).status == "paused" and holder(run.folder) is None
    again = resume(run.folder)
    assert again.session.step == 8
    pump(again.session)
    assert again.session.weights_sha256 == whole.session.weights_sha256
    assert (
        outcome(again.folder).series.items()
        >= {name: rows for name, rows in outcome(whole.folder).series.items() if name != "knob/lr"}.items()
    )
    assert replay(run.folder).identical


@pytest.mark.parametrize("kind", ["batch", "step", "validation"])
def test_a_run_closed_half_way_goes_on_as_if_it_had_not_been(tmp_path: Path, kind: str) -> None:
    """Closing a window happens at any pulse: within an update, before a validation, or within it."""
    p = plan(tmp_path, steps=16, validation_every=4, accumulation=2, batch_size=8, patience=9, checkpoint_every=3)
    whole = train(p)
    run = start(p)
    steps = run.session.steps()
    while not ((pulse := next(steps)).kind == kind and pulse.step >= 8):
        pass
    assert pulse.step == 8
    run.session.end("paused")
    steps.close()
    assert replay(run.folder).identical
    again = resume(run.folder)
    pump(again.session)
    assert again.retracing is not None and again.retracing.difference is None
    assert whole_state(again.session) == whole_state(whole.session)
    mine, theirs = outcome(again.folder), outcome(whole.folder)
    assert mine.series == theirs.series and mine.status == theirs.status


def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    p = plan(tmp_path, steps=20, validation_every=6)
    whole = train(p)
    run = start(p)
    run.session.request(Request(action="stop", at_step=10))
    pump(run.session)
    again = resume(run.folder)
    pump(again.session)
    assert again.session.weights_sha256 == whole.session.weights_sha256
    assert RunReader(run.folder).series("validation/loss")[0].tolist() == [6, 9, 12, 18, 20]
    result = replay(run.folder)
    assert result.identical, result


def test_a_completed_run_needs_more_steps(tmp_path: Path) -> None:
    run = train(plan(tmp_path, steps=9))
    with pytest.raises(UserError, match="is complete after 9 steps; give --steps"):
        resume(run.folder)
    for steps in (5, 9):
        with pytest.raises(UserError, match="--steps must be more"):
            resume(run.folder, steps=steps)
    assert RunReader(run.folder).status == "completed" and holder(run.folder) is None
    again = resume(run.folder, steps=14)
    pump(again.session)
    longer = resume(run.folder, steps=20)
    pump(longer.session)
    assert longer.session.weights_sha256 == train(plan(tmp_path, steps=20)).session.weights_sha256
    assert [(e.key, e.new, e.applied_step) for e in RunReader(run.folder).events()] == [
        ("extend", 14, 10), ("extend", 20, 15),
    ]  # fmt: skip
    result = replay(run.folder)
    assert result.identical, result


def test_an_extended_run_that_is_interrupted_ends_at_its_new_end(tmp_path: Path) -> None:
    run = train(plan(tmp_path, epochs=1, batch_size=20, validation_every=4))
    assert run.session.step == 6
    longer = resume(run.folder, steps=15)
    pump_until(longer.session, 9)
    _drop(longer)
    again = resume(run.folder)
    pump(again.session)
    assert again.session.step == 15
    whole = train(plan(tmp_path, steps=15, batch_size=20, validation_every=4))
    assert again.session.weights_sha256 == whole.session.weights_sha256
    assert len(RunReader(run.folder).events()) == 1
    assert replay(run.folder).identical


def _stops_early(tmp_path: Path, **config: Any) -> Any:
    return plan(tmp_path, steps=60, validation_every=2, patience=2, lr=0.9, optimizer="sgd", **config)


@pytest.mark.parametrize("every", [2, 0])
def test_killed_between_stopping_early_and_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int) -> None:
    """The decision to stop is in the log, and in the last checkpoint if there is one: neither lost nor doubled."""
    p = _stops_early(tmp_path, checkpoint_every=every)
    whole = train(p)
    last = whole.session.step
    assert last < 60
    (stop,) = RunReader(whole.folder).events()
    assert (stop.key, stop.actor, stop.applied_step) == ("stop", "rule", last + 1)
    for moment in ("before the note", "before the end", "in the end"):
        run = start(p)
        with monkeypatch.context() as patch:

            def killed(*_args: object, **_options: object) -> None:
                raise KeyboardInterrupt

            if moment == "before the note":
                patch.setattr(TrainingSession, "_note", killed)
            elif moment == "before the end":
                patch.setattr(TrainingSession, "_finish", killed)
            else:
                patch.setattr(run.session.recorder, "close", killed)
            with pytest.raises(KeyboardInterrupt):
                pump(run.session)
        if moment != "before the note":
            _settle(run)
        _drop(run)
        again = resume(run.folder)
        if moment == "in the end":
            assert again.session.step == last
        pump(again.session)
        assert again.retracing is not None and again.retracing.difference is None
        assert_same(outcome(whole.folder), outcome(again.folder))
        assert again.session.final_metrics().keys() == whole.session.final_metrics().keys()


def test_a_run_that_stopped_early_can_be_extended_and_replayed(tmp_path: Path) -> None:
    run = train(_stops_early(tmp_path))
    last = run.session.step
    longer = resume(run.folder, steps=last + 7)
    pump(longer.session)
    assert longer.session.step > last + 3  # patience begins anew
    result = replay(run.folder)
    assert result.identical and result.steps == longer.session.step, result
    plainly = train(plan(tmp_path, steps=longer.session.step, validation_every=2, lr=0.9, optimizer="sgd"))
    assert longer.session.weights_sha256 == plainly.session.weights_sha256


def test_extending_at_the_very_step_of_an_early_stop(tmp_path: Path) -> None:
    last = train(_stops_early(tmp_path)).session.step
    run = start(_stops_early(tmp_path))
    run.session.request(Request(action="extend", steps=last + 5, at_step=last + 1))
    pump(run.session)
    assert run.session.step > last
    assert replay(run.folder).identical


def test_a_stop_by_hand_wins_over_an_extension(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=10))
    pump_until(run.session, 4)
    run.session.request(Request(action="stop"))
    run.session.request(Request(action="extend", steps=30))
    pump(run.session)
    assert (run.session.state, run.session.step) == ("stopped", 4)
    assert replay(run.folder).identical


def test_what_was_asked_for_later_still_happens_once(tmp_path: Path) -> None:
    script = [(12, {"lr": 0.02, "batch_size": 5}), (15, {"lr": 0.03}), (15, {"weight_decay": 0.1}), (18, {"lr": 0.01})]
    p = plan(tmp_path, steps=20, checkpoint_every=4)
    whole = train(p, script)
    run = start(p)
    ask(run.session, script)
    for stop_at in (3, 6, 13, 16):
        pump_until(run.session, stop_at)
        _drop(run)
        run = resume(run.folder)
    pump(run.session)
    assert_same(outcome(whole.folder), outcome(run.folder))
    events = RunReader(run.folder).events()
    assert [e.status for e in events].count("queued") == 5 and [e.status for e in events].count("applied") == 5


def test_one_gesture_asked_for_two_steps_is_kept_for_the_second(tmp_path: Path) -> None:
    """A script that names its gesture; settling the first must not settle the second."""

    def make() -> Run:
        run = start(plan(tmp_path, steps=12))
        for step, lr in ((4, 0.1), (9, 0.2)):
            run.session.request(Request(changes={"lr": lr}, at_step=step, gesture="ramp"))
        return run

    whole, run = make(), make()
    pump(whole.session)
    pump_until(run.session, 6)
    _drop(run)
    again = resume(run.folder)
    pump(again.session)
    assert_same(outcome(whole.folder), outcome(again.folder))


def test_a_pause_that_was_asked_for_later_still_pauses(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=12))
    run.session.request(Request(action="pause", at_step=9))
    pump_until(run.session, 5)
    _drop(run)
    again = resume(run.folder)
    pump(again.session)
    assert (again.session.state, again.session.step) == ("paused", 8)
    again.session.end("paused")


def test_knobs_turned_at_the_boundary_after_the_last_row(tmp_path: Path) -> None:
    """The event is in the log, the step that it is for is not: applied on resume, not written again, rows whole."""
    p = plan(tmp_path, steps=12, checkpoint_every=3)
    script = [(8, {"lr": 0.05, "fc1.frozen": True, "batch_size": 9})]
    whole = train(p, script)
    for with_checkpoint in (False, True):
        run = start(p)
        ask(run.session, script)
        if with_checkpoint:
            run.session.request(Request(action="save", at_step=8))
        run.session.request(Request(action="pause", at_step=8))
        pump(run.session)
        _settle(run)
        _drop(run)
        again = resume(run.folder)
        assert again.session.step == (7 if with_checkpoint else 6)
        pump(again.session)
        mine, theirs = outcome(again.folder), outcome(whole.folder)
        assert (mine.weights, mine.series) == (theirs.weights, theirs.series)
        sets = [{**e, "sequence": 0} for e in mine.events if e["operation"] == "set"]
        assert sets == [{**e, "sequence": 0} for e in theirs.events]
        assert replay(run.folder).identical


def test_resuming_without_any_checkpoint_begins_at_the_start(tmp_path: Path) -> None:
    p = plan(tmp_path, steps=10)
    whole = train(p, [(1, {"lr": 0.3})])
    run = start(p)
    ask(run.session, [(1, {"lr": 0.3})])
    pump_until(run.session, 4)
    _drop(run)
    again = resume(run.folder)
    assert again.session.step == 0
    pump(again.session)
    assert_same(outcome(whole.folder), outcome(again.folder))


def test_interrupted_in_the_last_evaluation_and_resumed_at_the_end(tmp_path: Path) -> None:
    p = plan(tmp_path, steps=10, checkpoint_every=10, batch_size=8)
    whole = train(p)
    run = start(p)
    for pulse in run.session.steps():
        if pulse.kind == "validation" and pulse.step == 10:
            break
    _settle(run)
    _drop(run)
    again = resume(run.folder)
    assert again.session.step == 10
    pump(again.session)
    assert again.retracing is not None and again.retracing.difference is None
    assert_same(outcome(whole.folder), outcome(again.folder))
    assert again.session.final_metrics() == whole.session.final_metrics()
    assert not math.isnan(again.session.progress().loss)


def test_the_best_checkpoint_after_resume_is_that_of_the_whole_run(tmp_path: Path) -> None:
    p = plan(tmp_path, steps=40, validation_every=3, checkpoint_every=7, lr=0.3, optimizer="sgd")
    whole = train(p)
    run = start(p)
    for stop_at in (10, 20, 30):
        pump_until(run.session, stop_at)
        _drop(run)
        run = resume(run.folder)
    pump(run.session)
    names = [sorted(f.name for f in (r.folder / "checkpoints").glob("best*")) for r in (whole, run)]
    assert names[0] == names[1]


def test_a_resumed_run_has_no_plan_and_cannot_be_reset(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=10))
    pump_until(run.session, 4)
    _drop(run)
    again = resume(run.folder)
    with pytest.raises(UserError, match="cannot be reset"):
        reset(again)
    pump(again.session)
    assert again.session.state == "completed"


def test_data_that_has_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    lines = ["a,b,y"] + [f"{i},{i * i % 17},{'xy'[i % 2]}" for i in range(40)]
    path.write_text("\n".join(lines))
    run = start(plan(tmp_path / "runs", "mlp", str(path), {}, steps=8, batch_size=8))
    pump_until(run.session, 4)
    _drop(run)
    path.write_text("\n".join(lines).replace("\n5,", "\n6,"))
    with pytest.raises(UserError, match=r"data of run .* has changed since: its sha256 was"):
        resume(run.folder)
    path.unlink()
    with pytest.raises(UserError, match=r"d\.csv"):
        resume(run.folder)
    assert holder(run.folder) is None
    path.write_text("\n".join(lines))
    again = resume(run.folder)
    pump(again.session)
    assert again.session.state == "completed"


def test_a_pause_by_trouble_in_the_recorded_stretch_can_be_left(tmp_path: Path) -> None:
    """A machine that computes otherwise may meet a NaN where the record has none; the run must still listen."""
    run = start(plan(tmp_path, steps=12))
    pump_until(run.session, 8)
    run.log.flush()
    _drop(run)
    again = resume(run.folder)
    hook = again.session.engine.model.get_submodule("fc2").register_forward_hook(
        lambda _m, _a, out: out * float("nan") if again.session.step == 4 else out
    )
    pump(again.session)
    assert (again.session.state, again.session.step) == ("paused", 4)
    hook.remove()
    again.session.request(Request(action="run"))
    pump(again.session)
    assert again.session.state == "completed"


def test_a_log_that_another_process_has_continued_meanwhile_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(plan(tmp_path, steps=12))
    pump_until(run.session, 4)
    _drop(run)
    real = RunLog.reopen

    def slow(folder: Path, **options: Any) -> RunLog:
        other = real(folder)
        other.event(Event(operation="notice", key="other"))
        other.abandon()
        return real(folder, **options)

    monkeypatch.setattr(RunLog, "reopen", slow)
    with pytest.raises(UserError, match="another process"):
        resume(run.folder)
    assert holder(run.folder) is None
