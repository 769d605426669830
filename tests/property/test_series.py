"""Whatever the blocks, the range and the number of buckets: no row and no extreme is lost, none is made up."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralforge.workbench.series import Series
from neuralforge.workbench.smooth import MovingAverage

BAD = (math.nan, math.inf, -math.inf)


@st.composite
def curves(draw: st.DrawFn) -> tuple[Series, np.ndarray, np.ndarray]:
    """A series made of blocks, beside its plain arrays: all lengths, gaps, equal steps, spikes, bad values."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    sizes = draw(st.lists(st.one_of(st.integers(0, 200), st.integers(0, 9_000)), min_size=1, max_size=6))
    count, largest_gap = sum(sizes), draw(st.sampled_from([1, 1, 3, 500]))
    steps = np.cumsum(rng.integers(draw(st.sampled_from([0, 1])), largest_gap + 1, size=count)) + draw(
        st.integers(-1000, 10**9)
    )
    values = rng.normal(draw(st.sampled_from([0.0, 100.0, -100.0])), 1, size=count)
    for _ in range(draw(st.integers(0, 3)) if count else 0):
        values[rng.integers(count)] = 1e9 * rng.normal()
    for _ in range(draw(st.integers(0, 3)) if count else 0):
        at, length = rng.integers(count), rng.choice([1, 70, 1000])
        values[at : at + length] = rng.choice(BAD)
    series, done = Series(), 0
    for size in sizes:
        series.extend(steps[done : done + size], values[done : done + size])
        done += size
    return series, steps, values


def draw_range(data: st.DataObject, steps: np.ndarray) -> tuple[float, float]:
    first, last = (int(steps[0]), int(steps[-1])) if len(steps) else (0, 0)
    ends = st.one_of(st.integers(first - 3, last + 3), st.floats(first - 3, last + 3), st.just(math.inf))
    one, other = data.draw(ends), data.draw(ends)
    return (-math.inf if one == math.inf else min(one, other)), max(one, other)


@settings(max_examples=300, deadline=None)
@given(curves(), st.data())
def test_a_window_is_its_rows(curve: tuple[Series, np.ndarray, np.ndarray], data: st.DataObject) -> None:
    series, steps, values = curve
    first, last = draw_range(data, steps)
    most = data.draw(st.one_of(st.integers(1, 12), st.integers(1, 3_000)))
    inside = (steps >= first) & (steps <= last)
    rows, shown = steps[inside], values[inside]
    finite = np.isfinite(shown)
    band = series.window(first, last, most)

    assert len(band) == len(band.low) == len(band.high) == len(band.broken) <= most
    assert band.exact == (len(rows) <= most)
    if band.exact:
        np.testing.assert_array_equal(band.steps, rows)
        np.testing.assert_array_equal(band.low, np.where(finite, shown, np.nan))
        np.testing.assert_array_equal(band.high, band.low)
        np.testing.assert_array_equal(band.broken, ~finite)
        return
    # Buckets start at multiples of the least power of two that makes them few enough.
    offset, width = int(np.flatnonzero(inside)[0]), 2
    numbers = np.arange(offset, offset + len(rows))
    while len(np.unique(numbers // width)) > most:
        width *= 2
    starts = np.flatnonzero(np.diff(numbers // width, prepend=-1))
    assert len(band) == len(starts)
    for at, (start, stop) in enumerate(zip(starts, [*starts[1:], len(rows)], strict=True)):
        good = shown[start:stop][finite[start:stop]]
        assert band.steps[at] == rows[start]
        assert band.broken[at] == (len(good) < stop - start)
        if len(good):
            assert (band.low[at], band.high[at]) == (good.min(), good.max())
        else:
            assert math.isnan(band.low[at]) and math.isnan(band.high[at])
    if finite.any():
        assert np.nanmin(band.low) == shown[finite].min() and np.nanmax(band.high) == shown[finite].max()


@settings(max_examples=300, deadline=None)
@given(curves(), st.data())
def test_an_extent_is_that_of_its_rows(curve: tuple[Series, np.ndarray, np.ndarray], data: st.DataObject) -> None:
    series, steps, values = curve
    first, last = draw_range(data, steps)
    shown = values[(steps >= first) & (steps <= last)]
    good = shown[np.isfinite(shown)]
    extent = series.extent(first, last)
    if not len(good):
        assert extent is None
        return
    assert (extent.low, extent.high, extent.broken) == (good.min(), good.max(), len(good) < len(shown))
    assert extent.least_positive == (good[good > 0].min() if (good > 0).any() else None)
    before = values[steps <= last]
    assert len(before) and np.array_equal(series.value_at(last), before[-1], equal_nan=True)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.one_of(st.floats(-1e6, 1e6), st.sampled_from(BAD)), max_size=300),
    st.floats(0, 0.999),
    st.lists(st.integers(0, 300), max_size=4),
)
def test_an_average_does_not_depend_on_the_blocks(values: list[float], weight: float, cuts: list[int]) -> None:
    array, average = np.array(values, dtype=np.float64), MovingAverage(weight)
    parts = np.split(array, sorted(min(cut, len(values)) for cut in cuts))
    got = np.concatenate([average.feed(part) for part in parts])
    np.testing.assert_allclose(got, MovingAverage(weight).feed(array), rtol=1e-9, atol=1e-6)
    good = array[np.isfinite(array)]
    known = got[~np.isnan(got)]
    if len(known):
        slack = 1e-9 * (1 + np.abs(good).max())
        assert known.min() >= good.min() - slack and known.max() <= good.max() + slack
