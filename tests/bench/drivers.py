"""Training under a window: each way to pump a session beside a tight loop, with the lengths of the frames.

The window is a stand-in that spends 4 ms of Python in each frame, then sleeps until the next of 60 frames a second is
due. A thread of Python at most keeps the rest of each second: 1 - 0.004 s x 60 = 0.76.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import get_args

import torch

from neuralforge.app.drivers import FRAME_SECS, Driver, FrameClock, Mode
from neuralforge.train.launch import start
from neuralforge.train.session import TrainingSession
from tests.bench.networks import BareLoop, Task, image_cnn, tiny_mlp
from tests.bench.timing import Bench, Line, percentile

UI_SECS = 0.004
LIMIT = 1 - UI_SECS / FRAME_SECS
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass
class Tally:
    """What was seen of one way to pump: steps a second, and the time from frame to frame."""

    rates: list[float] = field(default_factory=list)
    frames_secs: list[float] = field(default_factory=list)
    on_worker: bool = False


def measure(bench: Bench) -> Iterator[Line]:
    """Yield the lines of this subject."""
    torch.set_num_threads(1)
    yield from _compare(bench, tiny_mlp())
    cnn = image_cnn(4096)
    step_secs = _step_secs(cnn, 20)
    for target_secs in (0.007, 0.047):
        size = max(1, round(cnn.config.batch_size * target_secs / step_secs))
        yield from _compare(bench, cnn.with_batch_size(size))


def _step_secs(task: Task, steps: int) -> float:
    """Return the length of a step of a bare loop."""
    loop = BareLoop(task)
    loop.run(3)
    times = []
    for _ in range(steps):
        began = time.process_time()  # neighbours on the machine disturb it least
        loop.run(1)
        times.append(time.process_time() - began)
    return median(times)


def _compare(bench: Bench, task: Task) -> Iterator[Line]:
    """Pump one session by each driver and by a tight loop, in turns."""
    step_secs = _step_secs(task, 9)
    length_secs = 0.5 if bench.quick else 2.5
    run = start(task.plan(bench.folder))
    session, tight = run.session, 0.0
    rates: list[float] = []
    tallies: dict[Mode, Tally] = {mode: Tally() for mode in MODES}
    for _ in range(bench.pick(3, 1)):
        rates.append(_tight(session, length_secs / 2))
        for mode, tally in tallies.items():
            asyncio.run(_under_window(session, mode, length_secs, tally))
        rates.append(_tight(session, length_secs / 2))
    session.end("stopped")
    tight = median(rates)
    for mode, tally in tallies.items():
        yield from _lines(f"{step_secs * 1e3:.1f} ms a step, {mode}", step_secs, mode, tally, tight)


def _lines(name: str, step_secs: float, mode: Mode, tally: Tally, tight: float) -> Iterator[Line]:
    """Hold a driver to the goals of its realm: slices for short steps, the worker for long ones."""
    goal, frame_goal_ms = None, None
    if mode in ("slices", "auto") and step_secs <= 0.004:
        goal, frame_goal_ms = 0.97 * LIMIT, 18.0
    elif mode in ("worker", "auto") and step_secs >= 0.03:
        goal, frame_goal_ms = 0.97, 18.0
    p99_ms = percentile(tally.frames_secs, 0.99) * 1e3
    fps = len(tally.frames_secs) / sum(tally.frames_secs)
    note = f"{tight:,.1f} steps a second in a tight loop; {fps:.0f} frames a second"
    if mode == "auto":
        note += f"; chose {'the worker' if tally.on_worker else 'slices'}"
    yield Line(name=name, value=median(tally.rates) / tight, goal=goal, at_least=True, note=note)
    yield Line(name="  frame p99", value=p99_ms, unit="ms", goal=frame_goal_ms)


def _tight(session: TrainingSession, length_secs: float) -> float:
    """Pump without anything beside; return steps a second."""
    first, began = session.step, time.perf_counter()
    pulses = session.steps()
    while time.perf_counter() - began < length_secs:
        next(pulses)
    return (session.step - first) / (time.perf_counter() - began)


async def _under_window(session: TrainingSession, mode: Mode, length_secs: float, tally: Tally) -> None:
    clock = FrameClock()
    driver = Driver(session, clock, mode)
    pumping = asyncio.create_task(driver.run())
    await _draw_frames(clock, length_secs / 5, [])  # until the driver knows the length of a step
    first, began = session.step, time.perf_counter()
    await _draw_frames(clock, length_secs, tally.frames_secs)
    tally.rates.append((session.step - first) / (time.perf_counter() - began))
    tally.on_worker = driver.on_worker
    pumping.cancel()
    await asyncio.gather(pumping, return_exceptions=True)


async def _draw_frames(clock: FrameClock, length_secs: float, frames_secs: list[float]) -> None:
    """Be the window: draw, sleep until the next frame is due, never spin."""
    end = time.perf_counter() + length_secs
    due = last = time.perf_counter()
    while due < end:
        began, began_own = time.perf_counter(), time.thread_time()
        while time.thread_time() - began_own < UI_SECS:  # work is work, however long other threads hold it up
            sum(range(50))
        clock.frame_done(time.perf_counter() - began)
        due = max(due + FRAME_SECS, time.perf_counter())
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        now = time.perf_counter()
        frames_secs.append(now - last)
        last = now
