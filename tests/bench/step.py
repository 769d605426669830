"""What a session adds to a step: loss and metric, knobs, log and boundary, and each of them by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from unittest.mock import patch

import torch

from neuralforge.train import session as session_module
from neuralforge.train.engine import Engine
from neuralforge.train.hashing import weights_sha256
from neuralforge.train.launch import start
from neuralforge.train.recorder import NullRecorder
from neuralforge.train.session import TrainingSession
from tests.bench.networks import BareLoop, Task, digits_cnn, tiny_mlp
from tests.bench.timing import Bench, Line, extra, grouped_ratio, interleaved


def measure(bench: Bench) -> Iterator[Line]:
    """Yield the lines of this subject."""
    torch.set_num_threads(1)
    rounds = bench.pick(151, 11)
    for name, task, goal, steps in (
        ("MLP 2-64-64-2, batch 64", tiny_mlp(), 1.05, 50),
        ("small_cnn on digits, batch 64", digits_cnn(), 1.01, 4),
    ):
        # The goal speaks of loss, knobs, log and boundary; the accuracy of each batch comes on top by default.
        yield from _overhead(bench, name, task, goal, steps=steps, rounds=rounds, metric=False)
        yield from _overhead(bench, f"{name}, with accuracy", task, None, steps=steps, rounds=rounds, metric=True)
    yield from _parts(bench, tiny_mlp())


class OwnTime:
    """A clock that stands still while another side has its turn, or else each turn would find a flush overdue."""

    def __init__(self) -> None:
        self._away_secs = 0.0
        self._left_secs = time.monotonic()

    def monotonic(self) -> float:
        return time.monotonic() - self._away_secs

    @contextmanager
    def turn(self) -> Iterator[None]:
        self._away_secs += time.monotonic() - self._left_secs
        yield
        self._left_secs = time.monotonic()


def _overhead(
    bench: Bench, name: str, task: Task, goal: float | None, *, steps: int, rounds: int, metric: bool
) -> Iterator[Line]:
    """Compare a whole run, with its log on the disk, with a bare loop; and that loop with another like it."""
    bare, control = BareLoop(task), BareLoop(task)
    own_time = OwnTime()
    with patch.object(session_module, "time", own_time):
        run = start(task.plan(bench.folder))
        if not metric:
            run.session.engine.criterion.hits_on_cpu = lambda output, target: 0.0  # type: ignore[method-assign]
        pulses = run.session.steps()

        def session() -> None:
            with own_time.turn():
                for _ in range(steps):
                    next(pulses)

        sides = {"session": session, "bare": lambda: bare.run(steps), "control": lambda: control.run(steps)}
        times = interleaved(sides, rounds)
        same = weights_sha256(bare.model) == run.session.current_sha256()
        run.session.end("stopped")
    bare_us = median(times["bare"]) / steps * 1e6
    # Dropout draws from a stream of its own in a session, so that only networks without it can agree.
    agreed = "same weights, bit for bit" if same else "a network with dropout draws otherwise"
    noise = abs(grouped_ratio(times, "control", "bare", 0.6) - 1)
    note = f"bare {bare_us:,.0f} us a step; two bare loops differ by {noise:.3f} x; {agreed}"
    yield Line(name=name, value=grouped_ratio(times, "session", "bare", 0.6), goal=goal, note=note)


def _parts(bench: Bench, task: Task) -> Iterator[Line]:
    """Build a session up from the bare loop, part by part, and tell what each adds to a step."""
    steps, rounds = 50, bench.pick(101, 7)
    bare = BareLoop(task)
    blind = task.engine()
    blind.criterion.hits_on_cpu = lambda output, target: 0.0  # type: ignore[method-assign]
    seeing = task.engine()
    unlogged = TrainingSession(task.engine(), NullRecorder()).steps()
    run = start(task.plan(bench.folder))
    logged = run.session.steps()

    def engine_steps(engine: Engine) -> None:
        for number in range(1, steps + 1):
            (size,) = engine.sizes()
            engine.batch(number, 0, size, size)
            engine.update(0.001)

    times = interleaved(
        {
            "bare": lambda: bare.run(steps),
            "engine": lambda: engine_steps(blind),
            "metric": lambda: engine_steps(seeing),
            "boundary": lambda: [next(unlogged) for _ in range(steps)],
            "log": lambda: [next(logged) for _ in range(steps)],
        },
        rounds,
    )
    run.session.end("stopped")
    pairs = (
        ("engine: loss as a number, NaN check, order", "engine", "bare"),
        ("metric (accuracy of the batch)", "metric", "engine"),
        ("boundary, generator, progress", "boundary", "metric"),
        ("log of four series, journal and HDF5", "log", "boundary"),
    )
    for name, top, bottom in pairs:
        yield Line(name=f"  of which {name}", value=extra(times, top, bottom) / steps * 1e6, unit="us")
