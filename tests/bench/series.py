"""The curves that plots draw: growing, looking at ten million rows, taking in a frame's rows, smoothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count
from statistics import median

import numpy as np

from neuralforge.workbench.series import Series, SeriesBook
from neuralforge.workbench.smooth import MovingAverage, Smoothed
from tests.bench.timing import Bench, Line, extra, interleaved, prepared, ratio, repeated

ROWS = 10_000_000
MILLION = 1_000_000
BLOCK = 1_000
BUCKETS = 1_000
"""Each has a least and a greatest value: 2,000 values, as the peers were given."""


def measure(bench: Bench) -> Iterator[Line]:
    """Yield the lines of this subject."""
    rng = np.random.default_rng(0)
    steps, values = np.arange(1, ROWS + 1), rng.normal(1, 0.1, size=ROWS)  # a loss: nearly all of it positive
    yield _growing(bench, steps, values)
    yield from _looking(bench, steps, values)
    yield from _taking_in(bench)
    yield from _smoothing(bench, steps[:MILLION], values[:MILLION])


def _growing(bench: Bench, steps: np.ndarray, values: np.ndarray) -> Line:
    def plain() -> None:
        kept_steps, kept_values = np.empty(MILLION, np.int64), np.empty(MILLION)
        for start in range(0, MILLION, BLOCK):
            kept_steps[start : start + BLOCK] = steps[start : start + BLOCK]
            kept_values[start : start + BLOCK] = values[start : start + BLOCK]

    def series() -> None:
        made = Series()
        for start in range(0, MILLION, BLOCK):
            made.extend(steps[start : start + BLOCK], values[start : start + BLOCK])

    times = interleaved({"series": series, "plain": plain}, bench.pick(11, 3))
    each_ns = {name: median(found) / MILLION * 1e9 for name, found in times.items()}
    note = (
        f"{ratio(times, 'series', 'plain'):.0f} x the copy into two arrays that have room ({each_ns['plain']:.1f} ns)"
    )
    return Line(name="a row, in blocks of 1,000", value=each_ns["series"], unit="ns", goal=56, note=note)


def _looking(bench: Bench, steps: np.ndarray, values: np.ndarray) -> Iterator[Line]:
    series = Series()
    for start in range(0, ROWS, 100_000):
        series.extend(steps[start : start + 100_000], values[start : start + 100_000])
    for shown in (ROWS, ROWS // 10, 50_000):
        first = (ROWS - shown) // 3 + 17
        last = first + shown - 18

        def window(first: int = first, last: int = last) -> object:
            return series.window(first, last, BUCKETS)

        def brute(first: int = first, last: int = last) -> object:
            start, stop = np.searchsorted(steps, (first, last + 1))
            edges = np.linspace(start, stop, BUCKETS, endpoint=False).astype(np.intp)
            part = values[start:stop]
            return steps[edges], np.minimum.reduceat(part, edges - start), np.maximum.reduceat(part, edges - start)

        window_ms = repeated(window, bench.pick(101, 9)) * 1e3
        times = interleaved({"window": window, "brute": brute}, bench.pick(25, 5))
        cold_ms, brute_ms = (median(times[side]) * 1e3 for side in ("window", "brute"))
        note = f"NumPy over the rows {brute_ms:.2f} ms, {1 / ratio(times, 'window', 'brute'):.1f} x; right after that, "
        note += f"with cold caches, {cold_ms:.3f} ms"
        yield Line(name=f"a window of {shown:,} of {ROWS:,} rows", value=window_ms, unit="ms", goal=0.1, note=note)


def _taking_in(bench: Bench) -> Iterator[Line]:
    names = ("train/loss", "train/accuracy", "knob/lr", "effective/lr")
    book, numbers = SeriesBook(), count(1)
    row = book.channel(names).row

    def feed() -> None:
        for _ in range(BLOCK):
            row((next(numbers), 1.5, 0.5, 0.001, 0.001))

    def bare() -> None:
        for _ in range(BLOCK):
            (next(numbers), 1.5, 0.5, 0.001, 0.001)

    def set_up() -> Callable[[], object]:
        feed()
        return book.take_in

    times = interleaved({"feed": feed, "bare": bare}, bench.pick(101, 9))
    book.take_in()
    fed_us = extra(times, "feed", "bare") / BLOCK * 1e6
    note = "what the training thread pays beyond making the tuple"
    yield Line(name="a row of 4 put into a feed", value=fed_us, unit="us", goal=0.15, note=note)
    taken_ms = prepared(set_up, bench.pick(101, 9), time.perf_counter) * 1e3
    note = "4 series; wall time, on the thread of the window"
    yield Line(name="taking in 1,000 rows", value=taken_ms, unit="ms", goal=1, note=note)


def _smoothing(bench: Bench, steps: np.ndarray, values: np.ndarray) -> Iterator[Line]:
    source = Series()
    source.extend(steps, values)
    part = values[: MILLION // 10]

    def whole() -> None:
        assert Smoothed(source, 0.99).update(most_rows=MILLION)

    def loop() -> list[float]:
        biased, weight, found = 0.0, 0.99, []
        for number, value in enumerate(part.tolist(), 1):
            biased = biased * weight + (1 - weight) * value
            found.append(biased / (1 - weight**number))
        return found

    whole_ms = repeated(whole, bench.pick(21, 5), time.perf_counter) * 1e3
    note = "average and pyramid, after a change of the weight; wall time"
    yield Line(name="smoothing 1M rows", value=whole_ms, unit="ms", goal=30, note=note)
    sides = {"blocks": lambda: MovingAverage(0.99).feed(part), "loop": loop}
    times = interleaved(sides, bench.pick(21, 5))
    yield Line(name="the loop of the definition / blocks", value=ratio(times, "loop", "blocks"), note="100,000 rows")
