"""The three ways to pump a session, and that none of them can change the numbers."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from neuralforge.app import drivers
from neuralforge.app.drivers import FIRST_PULSES, FRAME_SECS, Driver, FrameClock
from neuralforge.runs.reader import RunReader
from neuralforge.train.launch import Run, replay, resume, start
from neuralforge.train.session import StepFailed
from neuralforge.workbench.requests import Request
from neuralforge.workbench.status import Pulse
from tests.unit.train.kit import ask, assert_same, drive, outcome, plan, train

SCRIPT = [
    (10, {"lr": 0.02, "drop.dropout": 0.5, "norm.frozen": True}),
    (25, {"lr": 0.002, "batch_size": 7, "norm.frozen": False}),
]
FULL = {"steps": 32, "optimizer": "adamw", "weight_decay": 0.01, "accumulation": 2, "validation_every": 8}


def _force_switching(driver: Driver) -> None:
    """Fake the step times, so that the driver goes from slices to the worker and back every few pulses."""
    real = driver._next
    pulses = 0

    def fake() -> Pulse | None:
        nonlocal pulses
        pulse = real()
        pulses += 1
        driver.step_secs = FRAME_SECS if pulses % 6 < 3 else 0.0
        return pulse

    driver._next = fake  # type: ignore[method-assign]
    driver.clock.due_secs = lambda: 0.0  # type: ignore[method-assign]


@pytest.mark.parametrize("mode", ["slices", "worker", "auto"])
def test_every_driver_gives_the_run_of_the_tight_loop(tmp_path: Path, mode: str) -> None:
    p = plan(tmp_path, **FULL)
    tight = train(p, SCRIPT)
    run = start(p)
    ask(run.session, SCRIPT)
    drive(run.session, mode)
    assert_same(outcome(tight.folder), outcome(run.folder))


@pytest.mark.parametrize("accumulation", [1, 3])
@pytest.mark.parametrize("mode", ["slices", "worker"])
def test_only_the_first_step_of_a_slice_may_be_looked_at(tmp_path: Path, mode: str, accumulation: int) -> None:
    run = start(plan(tmp_path, steps=30, accumulation=accumulation, validation_every=10**6), watch=True)
    assert run.watch is not None
    slices: list[list[int]] = [[]]
    looked = []
    run.watch.service = lambda session: looked.append(session.step)  # type: ignore[method-assign]
    driver = Driver(run.session, FrameClock(), mode=mode)  # type: ignore[arg-type]
    pump, following = driver._pump_slice, driver._next

    def slice_by_slice(_due_secs: float) -> bool | None:
        slices.append([])
        driver.step_secs = 0.0
        return pump(time.monotonic() + 0.02)

    def note() -> Pulse | None:
        pulse = following()
        if pulse is not None and pulse.kind == "step":
            slices[-1].append(pulse.step)
        return pulse

    driver._pump_slice, driver._next = slice_by_slice, note  # type: ignore[method-assign]
    asyncio.run(driver.run())
    if mode == "worker":
        assert looked == list(range(1, 31))
    else:
        assert looked == [steps[0] for steps in slices if steps] and len(looked) < 30


def test_switching_all_the_time_changes_nothing(tmp_path: Path) -> None:
    p = plan(tmp_path, **{**FULL, "threads": 2})
    tight = train(p, SCRIPT)
    run = start(p)
    ask(run.session, SCRIPT)
    threads, places = set(), set()

    def note(*_args: object) -> None:
        threads.add(torch.get_num_threads())
        places.add(threading.current_thread().name)

    run.session.engine.model.register_forward_pre_hook(note)
    driver = drive(run.session, "auto", steer=_force_switching)
    assert driver.switches >= 10
    assert len(places) == 2 and "neuralforge-steps" in places
    assert threads == {2}
    assert_same(outcome(tight.folder), outcome(run.folder))


def test_worker_steps_in_one_long_lived_thread(tmp_path: Path) -> None:
    run = start(plan(tmp_path))
    places = set()
    run.session.engine.model.register_forward_pre_hook(lambda *_: places.add(threading.get_ident()))
    before = threading.active_count()
    drive(run.session, "worker")
    assert len(places) == 1 and threading.get_ident() not in places
    assert threading.active_count() <= before


@pytest.mark.parametrize("mode", ["slices", "worker", "auto"])
def test_a_failing_step_reaches_whoever_awaits_the_driver(tmp_path: Path, mode: str) -> None:
    run = start(plan(tmp_path))

    def fail(*_args: object) -> None:
        if run.session.step == 4:
            raise RuntimeError("boom")

    run.session.engine.model.register_forward_pre_hook(fail)
    with pytest.raises(StepFailed, match="Step 5 failed: RuntimeError: boom"):
        drive(run.session, mode)
    assert run.session.state == "failed"
    assert outcome(run.folder).status == "failed"
    assert not [t for t in threading.enumerate() if t.name == "neuralforge-steps"]


@pytest.mark.parametrize("mode", ["slices", "worker", "auto"])
def test_a_paused_run_waits_and_goes_on(tmp_path: Path, mode: str) -> None:
    p = plan(tmp_path, steps=12)
    tight = train(p)
    run = start(p, paused=True)
    session = run.session
    told = []

    async def main() -> None:
        clock = FrameClock()
        task = asyncio.create_task(Driver(session, clock, mode).run())  # type: ignore[arg-type]
        while not task.done():
            clock.frame_done(0.0)
            await asyncio.sleep(0)
            if session.state == "paused" and (not told or session.step == told[-1] + 3):
                told.append(session.step)
                session.request(Request(action="run", steps=3))
        await task

    asyncio.run(main())
    assert told == [0, 3, 6, 9, 12]
    assert session.weights_sha256 == tight.session.weights_sha256


def _cancel_at(run: Run, mode: str, step: int) -> Driver:
    """Cancel a driver as closing the window does, wherever it is by then, and close the run as paused."""

    async def main() -> Driver:
        clock = FrameClock()
        driver = Driver(run.session, clock, mode)  # type: ignore[arg-type]
        task = asyncio.create_task(driver.run())
        while run.session.step < step:
            clock.frame_done(0.0)
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return driver

    driver = asyncio.run(main())
    assert not [t for t in threading.enumerate() if t.name == "neuralforge-steps"]
    return driver


@pytest.mark.parametrize("mode", ["slices", "worker", "auto"])
def test_a_cancelled_driver_leaves_a_run_that_can_be_closed_and_resumed(tmp_path: Path, mode: str) -> None:
    p = plan(tmp_path, **{**FULL, "steps": 2000, "validation_every": 5})
    run = start(p)
    _cancel_at(run, mode, 6)
    made = run.session.step
    run.session.end("paused")
    again = resume(run.folder, steps=made + 8)
    drive(again.session, "slices")
    short = train(plan(tmp_path, **{**FULL, "steps": made + 8, "validation_every": 5}))
    assert again.session.weights_sha256 == short.session.weights_sha256
    mine, theirs = outcome(again.folder).series, outcome(short.folder).series
    assert mine == theirs


@pytest.mark.parametrize("mode", ["slices", "worker"])
def test_a_cancelled_driver_can_run_again(tmp_path: Path, mode: str) -> None:
    p = plan(tmp_path, **{**FULL, "steps": 300})
    tight = train(p)
    run = start(p)
    driver = _cancel_at(run, mode, 3)
    assert not run.session.ended

    async def main() -> None:
        await driver.run()

    driver.clock = FrameClock()
    asyncio.run(main())
    assert run.session.state == "completed"
    assert_same(outcome(tight.folder), outcome(run.folder))


def test_requests_from_other_threads_while_a_worker_steps(tmp_path: Path) -> None:
    """Many threads turn one knob each; the log and the weights agree with what they did."""
    run = start(plan(tmp_path, steps=150, validation_every=50))
    session = run.session
    stop = threading.Event()
    batches = threading.Semaphore(0)
    keys = {"lr": (0.001, 0.01), "weight_decay": (0.0, 0.1), "batch_size": (4, 20), "drop.dropout": (0.1, 0.6)}
    tickets: dict[str, list] = {key: [] for key in keys}

    def turn(key: str) -> None:
        low, high = keys[key]
        for i in range(100_000):
            if stop.is_set():
                return
            value = low + (high - low) * (i % 7) / 6
            try:
                request = Request(changes={key: int(value) if key == "batch_size" else value})
                tickets[key].append((session.request(request), request))
            except ValueError:
                return  # the run is over
            batches.acquire()

    session.engine.model.register_forward_pre_hook(lambda *_: batches.release(len(keys)))
    others = [threading.Thread(target=turn, args=(key,)) for key in keys]
    for thread in others:
        thread.start()
    try:
        drive(session, "worker")
    finally:
        stop.set()
        batches.release(len(keys))
        for thread in others:
            thread.join()
    assert session.state == "completed"
    events = [e for e in RunReader(run.folder).events() if e.operation == "set"]
    for key, given in tickets.items():
        applied = [(t.applied_step, r.changes[key]) for t, r in given if t.status == "applied"]
        logged = [(e.applied_step, e.new) for e in events if e.key == key and e.status == "applied"]
        assert logged == applied and applied
    assert len({e.gesture for e in events}) == len(events)
    assert replay(run.folder).identical


@pytest.mark.parametrize(
    ("step_ms", "cost_ms", "interval_ms", "on_worker", "expected"),
    [
        (1, 4, 16.7, False, False),
        (1.5, 4, 16.7, False, False),
        (2, 4, 16.7, False, True),
        (1.5, 4, 16.7, True, True),  # what has gone to the worker stays there for a while
        (1, 4, 16.7, True, False),
        (5, 1, 50, False, False),  # hidden: far more fits between two frames
        (8, 1, 50, False, True),
        (5, 50, 16.7, False, False),  # slow frames leave training its share
    ],
)
def test_where_steps_run_depends_on_what_a_frame_leaves(
    tmp_path: Path, step_ms: float, cost_ms: float, interval_ms: float, on_worker: bool, expected: bool
) -> None:
    driver = Driver(start(plan(tmp_path)).session, FrameClock())
    driver.clock.cost_secs, driver.clock.interval_secs = cost_ms / 1e3, interval_ms / 1e3
    driver.step_secs, driver.on_worker = step_ms / 1e3, on_worker
    assert driver._prefers_worker() is expected
    for mode in ("slices", "worker"):
        driver.mode = mode  # type: ignore[assignment]
        assert driver._prefers_worker() is (mode == "worker")


@pytest.mark.parametrize(("interval_ms", "steps"), [(16, 2), (50, 3)])
def test_a_slice_leaves_no_time_unused_where_nobody_waits_for_the_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interval_ms: float, steps: int
) -> None:
    """Steps of 20 ms until a frame is due in 50 ms."""
    driver = Driver(start(plan(tmp_path)).session, FrameClock(), "slices")
    driver.clock.interval_secs, driver.step_secs = max(FRAME_SECS, interval_ms / 1e3), 0.02
    now, real, made = [0.0], driver._next, []
    monkeypatch.setattr(drivers, "time", SimpleNamespace(monotonic=lambda: now[0], perf_counter=lambda: now[0]))

    def step() -> Pulse | None:
        now[0] += 0.02
        made.append(now[0])
        pulse = real()
        driver.step_secs = 0.02
        return pulse

    driver._next = step  # type: ignore[method-assign]
    driver._is_long_ahead = lambda: False  # type: ignore[method-assign]
    assert driver._pump_slice(0.05) is None
    assert len(made) == steps
    driver.session.end("stopped")


def _noting(owner: object, name: str, note: Callable[[], object]) -> None:
    """Call something whenever a method is called."""
    real = getattr(owner, name)

    def noted(*args: object) -> object:
        note()
        return real(*args)

    setattr(owner, name, noted)


def _place() -> str:
    return threading.current_thread().name


def _places(calls: dict[str, tuple[object, str]]) -> dict[str, list[str]]:
    """Note on which thread some methods are called."""
    found: dict[str, list[str]] = {what: [] for what in calls}
    for what, (owner, name) in calls.items():
        _noting(owner, name, lambda notes=found[what]: notes.append(_place()))  # type: ignore[misc]
    return found


def test_what_is_no_step_and_may_take_long_leaves_the_thread_of_the_window(tmp_path: Path) -> None:
    p = plan(tmp_path, steps=40, validation_every=10, checkpoint_every=15, test=True)
    tight = train(p)
    run = start(p)
    session = run.session
    places = _places(
        {"step": (session.engine, "update"), "save": (session.keeper, "save"), "end": (session.recorder, "close")},
    )

    def short(driver: Driver) -> None:
        driver._prefers_worker = lambda: False  # type: ignore[method-assign]

    driver = drive(session, "auto", steer=short)
    assert driver.switches == 0
    window, worker = threading.main_thread().name, "neuralforge-steps"
    assert places["step"][:FIRST_PULSES] == [worker] * FIRST_PULSES
    assert places["step"].count(window) >= 30
    assert places["save"] == [worker] * 3 and places["end"] == [worker]
    assert_same(outcome(tight.folder), outcome(run.folder))


@pytest.mark.parametrize("part_secs", [0.0, 1.0])
def test_validations_leave_the_thread_of_the_window_while_they_are_long(tmp_path: Path, part_secs: float) -> None:
    session = start(plan(tmp_path, steps=40, validation_every=10)).session
    places: list[str] = []
    session.engine.model.register_forward_pre_hook(
        lambda model, _: places.append(_place()) if not model.training and session.step < 40 else None
    )

    def fix(driver: Driver) -> None:
        driver._prefers_worker = lambda: False  # type: ignore[method-assign]
        real = driver._next

        def following() -> Pulse | None:
            pulse = real()
            driver._validation_secs = part_secs
            return pulse

        driver._next = following  # type: ignore[method-assign]

    drive(session, "auto", steer=fix)
    assert set(places) == {"neuralforge-steps" if part_secs else _place()}


def test_a_control_is_carried_out_on_the_worker(tmp_path: Path) -> None:
    """A wish to save copies all weights, and a stop ends the run."""
    run = start(plan(tmp_path, steps=10_000))
    session = run.session
    places = _places({"save": (session.keeper, "save"), "end": (session.recorder, "close")})

    def steer(driver: Driver) -> None:
        driver._prefers_worker = lambda: False  # type: ignore[method-assign]

    def when(step: int, action: Any) -> None:
        hook = session.engine.model.register_forward_pre_hook

        def ask_once(*_: object) -> None:
            if session.step == step:
                handle.remove()
                session.request(Request(action=action))

        handle = hook(ask_once)

    when(8, "save")
    when(12, "stop")
    drive(session, "auto", steer=steer)
    assert session.state == "stopped"
    assert places["end"] == ["neuralforge-steps"] and set(places["save"]) == {"neuralforge-steps"}


def test_a_session_tells_what_comes_before_the_next_pulse(tmp_path: Path) -> None:
    p = plan(tmp_path, steps=24, validation_every=6, checkpoint_every=8, accumulation=2, patience=1, test=True)
    session = start(p).session
    told: list[str] = []
    seen: list[tuple[str, str]] = []
    for owner, name in (
        (session.engine, "update"), (session.engine, "evaluate"), (session.keeper, "save"), (session.recorder, "close"),
    ):  # fmt: skip
        _noting(owner, name, lambda name=name: seen.append((name, told[-1])))  # type: ignore[misc]
    steps = session.steps()
    while True:
        told.append(session.ahead())
        if next(steps, None) is None:
            break
    assert {name for name, _ in seen} == {"update", "evaluate", "save", "close"}
    assert all(ahead == "step" for name, ahead in seen if name == "update")
    assert all(ahead in ("validation", "long") for name, ahead in seen if name == "evaluate")
    assert all(ahead == "long" for name, ahead in seen if name in ("save", "close"))


def test_steps_that_are_long_from_the_first_one_stay_on_the_worker(tmp_path: Path) -> None:
    run = start(plan(tmp_path))

    def long(driver: Driver) -> None:
        driver._prefers_worker = lambda: True  # type: ignore[method-assign]

    places = _places({"step": (run.session.engine, "update")})
    driver = drive(run.session, "auto", steer=long)
    assert driver.on_worker and driver.switches == 1
    assert set(places["step"]) == {"neuralforge-steps"}
