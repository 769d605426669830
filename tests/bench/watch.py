"""What a window that looks into a run adds to a step: nothing wanted, and everything at once; and a feed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median

import torch

from neuralforge.train.glimpse import SampleOf
from neuralforge.train.launch import Run, start
from neuralforge.train.recorder import NullRecorder, Tee
from neuralforge.train.watch import Watch
from tests.bench.networks import Task, digits_cnn, tiny_mlp
from tests.bench.timing import Bench, Line, extra, grouped_ratio, interleaved

ALL = frozenset({"gradients", "node", "maps", "boundary", "prediction"})


def measure(bench: Bench) -> Iterator[Line]:
    """Yield the lines of this subject."""
    torch.set_num_threads(1)
    for name, task, goal, steps in (
        ("MLP 2-64-64-2, batch 64", tiny_mlp(), 1.10, 50),
        ("small_cnn on digits, batch 64", digits_cnn(), 1.05, 8),
    ):
        yield from _watched(bench, name, task, goal, steps)
    yield from _feed(bench)


class _Away:
    """A clock for one side that stands still while the others have their turn, so that looks are not overdue."""

    def __init__(self) -> None:
        self.away_secs = 0.0
        self._left_secs = time.monotonic()

    def now(self) -> float:
        return time.monotonic() - self.away_secs

    def begin(self) -> None:
        self.away_secs += time.monotonic() - self._left_secs

    def end(self) -> None:
        self._left_secs = time.monotonic()


def _watched(bench: Bench, name: str, task: Task, goal: float, steps: int) -> Iterator[Line]:
    """Compare runs without a watch, with an idle one, and with one that looks at everything."""
    runs: dict[str, Run] = {side: start(task.plan(bench.folder)) for side in ("off", "idle", "all", "gradients")}
    clocks = {side: _Away() for side in runs}
    watches = {side: Watch(runs[side].session.engine, clocks[side].now) for side in ("idle", "all", "gradients")}
    for side, watch in watches.items():
        runs[side].session.engine.watch = watch
    watches["gradients"].wants = frozenset({"gradients"})
    watches["all"].wants, watches["all"].node = ALL, "fc1"
    watches["all"].ask(SampleOf("train", 0))
    pulses = {side: run.session.steps() for side, run in runs.items()}

    def turn(side: str) -> None:
        clocks[side].begin()
        for _ in range(steps):
            next(pulses[side])
        clocks[side].end()

    rounds = bench.pick(401, 11)
    times = interleaved({side: lambda side=side: turn(side) for side in runs}, rounds)
    weights = {run.session.current_sha256() for run in runs.values()}
    for run in runs.values():
        run.session.end("stopped")
    step_us = median(times["off"]) / steps * 1e6
    agreed = "same weights in all, bit for bit" if len(weights) == 1 else "THE WEIGHTS DIFFER"
    yield Line(
        name=f"{name}: idle",
        value=grouped_ratio(times, "idle", "off", 1.0),
        goal=1.01,
        note=f"{step_us:,.0f} us a step",
    )
    yield Line(name=f"{name}: gradients", value=grouped_ratio(times, "gradients", "off", 1.0), goal=1.03)
    note = f"{agreed}; trouble: {watches['all'].trouble}"
    yield Line(name=f"{name}: everything", value=grouped_ratio(times, "all", "off", 1.0), goal=goal, note=note)


def _feed(bench: Bench) -> Iterator[Line]:
    count = 10_000
    plain, feed = NullRecorder(), NullRecorder()
    tee = Tee(plain, feed)  # type: ignore[arg-type]

    def rows(row: object) -> None:
        write = row
        for step in range(count):
            write(step, 0.5, 0.5, 0.5, 0.5)  # type: ignore[operator]

    sides = {"plain": lambda: rows(plain.row), "tee": lambda: rows(tee.row)}
    times = interleaved(sides, bench.pick(51, 5))
    added_us = extra(times, "tee", "plain") / count * 1e6
    yield Line(name="A row through a tee, over the recorder", value=added_us, unit="us", goal=0.3)
