"""Start, pause, step, stop, reset, extend, save."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from neuralforge.runs.lock import holder
from neuralforge.runs.reader import RunReader
from neuralforge.train.launch import replay, reset, resume, start
from neuralforge.workbench.knobs import Refused
from neuralforge.workbench.requests import Request
from tests.unit.train.kit import ask, assert_same, outcome, plan, pump, pump_until, train, whole_state


def test_start_paused_does_nothing_until_asked(tmp_path: Path) -> None:
    p = plan(tmp_path, steps=6)
    run = start(p, paused=True)
    steps = run.session.steps()
    first = run.session.current_sha256()
    for _ in range(5):
        assert next(steps).kind == "paused"
    assert (run.session.step, run.session.current_sha256()) == (0, first)
    assert RunReader(run.folder).status == "paused"
    run.session.request(Request(action="run"))
    for _ in steps:
        pass
    assert run.session.weights_sha256 == train(p).session.weights_sha256


def test_run_n_then_pause_and_step_one(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=10), paused=True)
    session, seen = run.session, []
    orders: list[int | None] = [3, 1, 1, None]
    for pulse in session.steps():
        if pulse.kind == "paused":
            seen.append(pulse.step)
            session.request(Request(action="run", steps=orders.pop(0)))
    assert seen == [0, 3, 4, 5]
    assert session.step == 10 and session.state == "completed"


def test_pause_at_a_step_pauses_before_it(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=10))
    run.session.request(Request(action="pause", at_step=7))
    pump(run.session)
    assert (run.session.state, run.session.step) == ("paused", 6)
    assert RunReader(run.folder).status == "paused"
    assert len(RunReader(run.folder).series("train/loss")[0]) == 6  # nothing waits in memory during a pause
    run.session.end("paused")


def test_a_pause_cuts_run_n_short_and_run_forgets_it(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=20))
    session = run.session
    session.request(Request(action="run", steps=10))
    session.request(Request(action="pause", at_step=4))
    seen = []
    for pulse in session.steps():
        if pulse.kind == "paused":
            seen.append(pulse.step)
            session.request(Request(action="run"))
    assert seen == [3] and session.step == 20


def test_stop_ends_with_what_is_due_at_the_end(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=20))
    run.session.request(Request(action="stop", at_step=8))
    pump(run.session)
    assert (run.session.state, run.session.step) == ("stopped", 7)
    reader = RunReader(run.folder)
    assert reader.status == "stopped"
    assert reader.attributes["weights_sha256"] == run.session.weights_sha256
    assert reader.series("test/loss")[0].tolist() == [7]
    assert reader.series("validation/loss")[0].tolist() == [7]
    assert [(e.key, e.applied_step) for e in reader.events() if e.status == "applied"] == [("stop", 8)]
    assert {p.name for p in run.folder.iterdir()} == {"run.h5", "checkpoints"}


def test_stop_while_paused_and_before_the_first_step(tmp_path: Path) -> None:
    run = start(plan(tmp_path), paused=True)
    run.session.request(Request(action="stop"))
    pump(run.session)
    assert (run.session.state, run.session.step) == ("stopped", 0)
    assert RunReader(run.folder).status == "stopped"
    assert replay(run.folder).identical


def test_after_the_end_nothing_can_be_asked(tmp_path: Path) -> None:
    run = train(plan(tmp_path, steps=3))
    for request in (Request(changes={"lr": 0.1}), Request(action="run"), Request(action="extend", steps=9)):
        with pytest.raises(Refused, match="over"):
            run.session.request(request)
    assert list(run.session.steps()) == []


def test_what_is_asked_during_the_last_evaluation_is_answered_and_logged(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=4, batch_size=8))
    tickets = []

    def late(pulse: object) -> None:
        if run.session.step == 4 and pulse.kind == "validation" and not tickets:  # type: ignore[attr-defined]
            tickets.append(run.session.request(Request(changes={"lr": 0.5})))
            tickets.append(run.session.request(Request(changes={"lr": 0.6}, at_step=30)))

    pump(run.session, late)
    assert [t.status for t in tickets] == ["rejected", "queued"]
    assert tickets[0].why
    events = RunReader(run.folder).events()
    assert [(e.new, e.status, e.requested_step) for e in events] == [(0.5, "rejected", None), (0.6, "queued", 30)]
    longer = resume(run.folder, steps=40)  # what was asked for a later step holds when there is one
    pump(longer.session)
    assert RunReader(run.folder).series("knob/lr")[1].tolist() == [0.001] * 29 + [0.6] * 11


def test_reset_stops_and_begins_anew_with_the_same_seed(tmp_path: Path) -> None:
    p = plan(tmp_path, steps=15)
    whole = train(p)
    run = start(p)
    pump_until(run.session, 9)
    again = reset(run)
    assert run.session.state == "stopped" and RunReader(run.folder).status == "stopped"
    assert holder(run.folder) is None
    assert replay(run.folder).identical
    pump(again.session)
    assert again.folder != run.folder
    assert_same(outcome(whole.folder), outcome(again.folder))
    third = reset(again)  # of one that has ended by itself
    pump(third.session)
    assert third.session.weights_sha256 == whole.session.weights_sha256


@pytest.mark.parametrize("kind", ["batch", "step", "validation"])
def test_reset_half_way_through_an_update_or_a_validation(tmp_path: Path, kind: str) -> None:
    p = plan(tmp_path, steps=15, accumulation=3, validation_every=4, batch_size=8)
    run = start(p)
    steps = run.session.steps()
    while not ((pulse := next(steps)).kind == kind and pulse.step >= 8):
        pass
    again = reset(run)
    assert list(steps) == []  # whoever still pumps the old one gets nothing
    result = replay(run.folder)
    assert result.identical, result
    pump(again.session)
    assert again.session.weights_sha256 == train(p).session.weights_sha256


def test_extend_while_running_and_shorten(tmp_path: Path) -> None:
    long = train(plan(tmp_path, steps=24))
    run = start(plan(tmp_path, steps=12))
    run.session.request(Request(action="extend", steps=24, at_step=5))
    pump(run.session)
    assert run.session.step == 24
    assert run.session.weights_sha256 == long.session.weights_sha256
    assert replay(run.folder).identical
    short = start(plan(tmp_path, steps=24))
    short.session.request(Request(action="extend", steps=12, at_step=5))
    pump(short.session)
    assert short.session.step == 12
    assert short.session.weights_sha256 == train(plan(tmp_path, steps=12)).session.weights_sha256


def test_extend_does_not_move_the_schedule(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=10, schedule="cosine", min_factor=0.5, lr=0.01))
    run.session.request(Request(action="extend", steps=14, at_step=3))
    pump(run.session)
    lr = RunReader(run.folder).series("effective/lr")[1].tolist()
    assert lr[10:] == [0.005] * 4
    usual = train(plan(tmp_path, steps=10, schedule="cosine", min_factor=0.5, lr=0.01))
    assert lr[:10] == RunReader(usual.folder).series("effective/lr")[1].tolist()


def test_save_writes_a_checkpoint_that_leads_to_the_same_end(tmp_path: Path) -> None:
    p = plan(tmp_path, steps=16)
    whole = train(p)
    run = start(p)
    run.session.request(Request(action="save", at_step=6))
    pump_until(run.session, 10)
    run.session.keeper.close()
    pump_until(run.session, 11)
    run.log.flush()
    assert [c.step for c in RunReader(run.folder).checkpoints()] == [5]
    run.log.abandon()
    again = resume(run.folder)
    assert again.session.step == 5
    pump(again.session)
    assert again.session.weights_sha256 == whole.session.weights_sha256


def test_wait_for_request_wakes_up(tmp_path: Path) -> None:
    run = start(plan(tmp_path), paused=True)
    assert not run.session.wait_for_request(0)
    woken = []
    thread = threading.Thread(target=lambda: woken.append(run.session.wait_for_request(30)))
    thread.start()
    run.session.request(Request(action="run"))
    thread.join(30)
    assert woken == [True]
    pump(run.session)


def test_progress_tells_where_the_run_is(tmp_path: Path) -> None:
    run = start(plan(tmp_path, epochs=3, batch_size=20))
    totals = set()
    for _ in run.session.steps():
        totals.add(run.session.total_steps())
        assert 0 <= run.session.progress().fraction <= 1
    assert totals == {18} and run.session.step == 18
    progress = run.session.progress()
    assert (progress.state, progress.step, progress.fraction) == ("completed", 18, 1.0)
    assert set(progress.metrics) == {"validation/loss", "validation/accuracy", "test/loss", "test/accuracy"}


def test_events_reach_the_file_during_a_pause(tmp_path: Path) -> None:
    """Another process follows a paused run: knobs that are turned meanwhile come within a second."""
    run = start(plan(tmp_path), paused=True)
    session = run.session
    now = [1000.0]
    import neuralforge.train.session as module

    class Clock:
        monotonic = staticmethod(lambda: now[0])

    original, module.time = module.time, Clock  # type: ignore[assignment]
    try:
        steps = session.steps()
        next(steps)
        session.request(Request(changes={"lr": 0.5}))
        next(steps)
        now[0] += 1.0
        next(steps)
        assert [e.new for e in RunReader(run.folder).events()] == [0.5]
    finally:
        module.time = original
        run.log.abandon()


@pytest.mark.parametrize("kind", ["batch", "step", "validation"])
def test_a_generator_closed_anywhere_can_be_followed_by_another(tmp_path: Path, kind: str) -> None:
    p = plan(tmp_path, steps=15, accumulation=2, validation_every=3, batch_size=8, patience=50)
    script = [(7, {"lr": 0.01}), (10, {"batch_size": 5})]
    whole = train(p, script)
    run = start(p)
    ask(run.session, script)
    while not run.session.ended:
        steps = run.session.steps()
        for pulse in steps:
            if pulse.kind == kind and pulse.step % 2:
                break
        steps.close()
        if kind == "batch" and not run.session.ended and run.session.step % 2:
            for pulse in (steps := run.session.steps()):  # an abandoned update begins anew each time
                if pulse.kind == "step":
                    break
            steps.close()
        if kind == "validation":
            for pulse in (steps := run.session.steps()):
                if pulse.kind == "step":
                    break
            steps.close()
    assert_same(outcome(whole.folder), outcome(run.folder))
    assert whole_state(whole.session) == whole_state(run.session)
