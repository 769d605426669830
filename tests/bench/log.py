"""A row of five scalars in the run log beside a ring store in NumPy; what it takes on the disk; reading it back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np

from neuralforge.runs.header import RunHeader, utc_now
from neuralforge.runs.log import FLUSH_SECS, JOURNAL_SECS, RunLog
from neuralforge.runs.reader import RunReader
from tests.bench.timing import Bench, Line, interleaved, ratio

SERIES = ("train/loss", "train/accuracy", "knob/lr", "effective/lr", "train/grad_norm")
BLOCK = 100_000


def measure(bench: Bench) -> Iterator[Line]:
    """Yield the lines of this subject."""
    yield from _rows(bench)
    yield _against_tensorboard(bench)
    yield from _disk(bench)


def new_log(folder: Path, run_id: str) -> RunLog:
    """Make a log with one channel of five series."""
    header = RunHeader(
        run_id=run_id,
        name="bench",
        created_utc=utc_now(),
        seed=0,
        document="{}",
        source="",
        channels={"train": SERIES},
    )
    return RunLog.create(folder, header)


def _ring() -> Callable[[], None]:
    ring, state = np.zeros((BLOCK, len(SERIES))), [0]

    def store() -> None:
        target, at, loss = ring, state[0], 1.5
        for _ in range(BLOCK):
            target[at % BLOCK] = (loss, 0.5, 0.001, 0.001, 2.25)  # not a constant, which Python would make once
            at += 1
        state[0] = at

    return store


def _rows(bench: Bench) -> Iterator[Line]:
    called, ticked = new_log(bench.folder, "called"), new_log(bench.folder, "ticked")
    call_row, tick_row, tick = called.channel("train").row, ticked.channel("train").row, ticked.tick
    steps = {"called": 0, "ticked": 0}

    def rows() -> None:
        first = steps["called"] + 1
        for step in range(first, first + BLOCK):
            call_row(step, 1.5, 0.5, 0.001, 0.001, 2.25)
        steps["called"] += BLOCK

    def rows_and_ticks() -> None:
        first = steps["ticked"] + 1
        for step in range(first, first + BLOCK):
            tick(time.monotonic(), 0.0)
            tick_row(step, 1.5, 0.5, 0.001, 0.001, 2.25)
        steps["ticked"] += BLOCK

    sides = {"ring": _ring(), "row": rows, "row and tick": rows_and_ticks}
    times = interleaved(sides, bench.pick(15, 3))
    called.close("stopped")
    ticked.close("stopped")
    each = {name: median(values) / BLOCK * 1e6 for name, values in times.items()}
    note = f"{each['row']:.2f} us beside {each['ring']:.2f} us, full blocks carried to the disk included"
    yield Line(name="row of 5 scalars / ring store", value=ratio(times, "row", "ring"), goal=2, note=note)
    note = f"{each['row and tick']:.2f} us: with the clock and what falls due, "
    note += f"journal each {JOURNAL_SECS:g} s and HDF5 each {FLUSH_SECS:g} s"
    yield Line(name="row and tick / ring store", value=ratio(times, "row and tick", "ring"), goal=2, note=note)


def _against_tensorboard(bench: Bench) -> Line:
    name, goal = "TensorBoard's SummaryWriter / row and tick", 100.0
    if find_spec("tensorboard") is None:
        return Line(name=name, value=float("nan"), note="not measured: tensorboard is not installed")
    from torch.utils.tensorboard import SummaryWriter

    log, writer, count = new_log(bench.folder, "beside"), SummaryWriter(str(bench.folder / "tensorboard")), 2_000
    row, state = log.channel("train").row, {"log": 0, "board": 0}

    def ours() -> None:
        for step in range(state["log"] + 1, state["log"] + count + 1):
            log.tick(time.monotonic(), 0.0)
            row(step, 1.5, 0.5, 0.001, 0.001, 2.25)
        state["log"] += count

    def theirs() -> None:
        for step in range(state["board"] + 1, state["board"] + count + 1):
            for series in SERIES:
                writer.add_scalar(series, 1.5, step)
        state["board"] += count

    times = interleaved({"theirs": theirs, "ours": ours}, bench.pick(7, 3))
    writer.close()
    log.close("stopped")
    return Line(name=name, value=ratio(times, "theirs", "ours"), goal=goal, at_least=True)


def _disk(bench: Bench) -> Iterator[Line]:
    count = 1_000_000
    log = new_log(bench.folder, "million")
    empty_bytes = (log.folder / "run.h5").stat().st_size
    row = log.channel("train").row
    for step in range(1, count + 1):
        row(step, step * 0.5, 0.5, 0.001, 0.001, 2.25)
    log.close("completed")
    used = (log.folder / "run.h5").stat().st_size - empty_bytes
    note = "step as int64 and five float64 are 48 bytes; the guide's 41 are without the step"
    yield Line(name="on the disk, a step", value=used / count, unit="B", goal=45, note=note)

    steps, values = RunReader(log.folder).series("train/loss")
    assert len(values) == count and values[-1] == count * 0.5 and steps[-1] == count
    for name, array in (("steps", steps), ("values", values)):
        np.save(bench.folder / f"{name}.npy", array)
    reader = RunReader(log.folder)

    def load() -> None:
        for name in ("steps", "values"):
            np.load(bench.folder / f"{name}.npy")

    sides = {"series": lambda: reader.series("train/loss"), "npy": load}
    times = interleaved(sides, bench.pick(25, 5), time.perf_counter)
    each_ms = {name: median(found) * 1e3 for name, found in times.items()}
    note = f"{each_ms['series']:.2f} ms beside {each_ms['npy']:.2f} ms for steps and values, wall time"
    yield Line(name="reading 1M points of a series / np.load", value=ratio(times, "series", "npy"), goal=3, note=note)
