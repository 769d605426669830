from __future__ import annotations

import math
import threading
import tracemalloc

import numpy as np
import pytest

from neuralforge.workbench.rows import CHUNK_ROWS
from neuralforge.workbench.series import Extent, Series, SeriesBook
from neuralforge.workbench.smooth import MovingAverage, Smoothed

NAN, INF = math.nan, math.inf


def series_of(steps, values) -> Series:
    series = Series()
    series.extend(steps, values)
    return series


def test_an_empty_series_answers_everything() -> None:
    series = Series()
    assert len(series) == 0 and series.last is None and series.extent() is None and series.value_at(3) is None
    band = series.window(-INF, INF, 10, beyond=True)
    assert band.exact and len(band) == 0 and len(band.low) == len(band.high) == len(band.broken) == 0
    series.extend([], [])
    assert series.last is None and len(series.rows()[0]) == 0


def test_values_at_a_cursor() -> None:
    series = series_of([500, 1000, 1500], [3.0, 2.0, NAN])
    assert series.value_at(499.9) is None
    assert series.value_at(500) == 3.0 and series.value_at(999.5) == 3.0 and series.value_at(1000) == 2.0
    assert math.isnan(series.value_at(1e300)) and series.last[0] == 1500
    assert series.value_at(-INF) is None


def test_of_equal_steps_the_last_row_counts() -> None:
    series = Series()
    for value in range(3 * CHUNK_ROWS):  # so that chunks end amid equal steps
        series.extend([7], [value])
    assert series.value_at(7) == 3 * CHUNK_ROWS - 1
    assert len(series.window(7, 7, 10**6)) == 3 * CHUNK_ROWS and len(series.window(8, 9, 5)) == 0


@pytest.mark.parametrize("steps, values", [([3, 2], [0, 0]), ([0], [0]), ([2, 3], [1]), ([[2]], [[1]])])
def test_what_does_not_fit_is_refused_whole(steps, values) -> None:
    series = series_of([1], [5.0])
    with pytest.raises(ValueError, match="Received"):
        series.extend(steps, values)
    assert len(series) == 1 and series.last == (1, 5.0)


def test_the_ends_of_a_range_are_in_it() -> None:
    series = series_of([10, 20, 30, 40], [1, 2, 3, 4])
    assert series.window(20, 30, 9).steps.tolist() == [20, 30]
    assert series.window(20.5, 39.5, 9).steps.tolist() == [30]
    assert series.window(31, 29, 9).steps.tolist() == []
    with pytest.raises(ValueError, match="Received: nan"):
        series.window(NAN, 3, 9)
    with pytest.raises(ValueError, match="Received: 0"):
        series.window(0, 3, 0)


def test_beyond_goes_to_the_nearest_rows() -> None:
    series = series_of([10, 20, 30, 40], [1, 2, 3, 4])
    assert series.window(22, 28, 9, beyond=True).steps.tolist() == [20, 30]
    assert series.window(20, 30, 9, beyond=True).steps.tolist() == [10, 20, 30, 40]
    assert series.window(0, 5, 9, beyond=True).steps.tolist() == [10]
    assert series.window(50, 60, 9, beyond=True).steps.tolist() == [40]


def test_arrays_of_a_band_fit_a_plot() -> None:
    series = series_of(np.arange(1000), np.arange(1000))
    for most in (2000, 300, 7, 1):
        band = series.window(0, 999, most)
        for array in (band.steps, band.low, band.high):
            assert array.dtype == np.float64 and array.flags.c_contiguous and array.shape == (len(band),)
            assert array.flags.writeable and not np.shares_memory(array, series.rows()[1])
        assert band.broken.dtype == np.bool_ and band.broken.shape == (len(band),) and 1 <= len(band) <= most


def test_buckets_hold_still_while_a_curve_grows() -> None:
    rng = np.random.default_rng(1)
    series = series_of(np.arange(10_000), rng.normal(size=10_000))
    before = series.window(0, INF, 200)
    series.extend(np.arange(10_000, 10_100), rng.normal(size=100))
    after = series.window(0, INF, 200)
    whole = len(before) - 1
    assert before.steps.tolist() == after.steps[: len(before)].tolist()
    assert before.high[:whole].tolist() == after.high[:whole].tolist()


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize("most", [100_000, 10_000, 300])
def test_a_bad_value_is_marked_and_hides_nothing(bad: float, most: int) -> None:
    values = np.sin(np.arange(20_000) / 100)
    values[7_777] = bad
    values[7_778] = 50.0
    band = series_of(np.arange(20_000), values).window(0, INF, most)
    assert band.broken.sum() == 1
    at = int(np.flatnonzero(band.broken)[0])
    assert band.steps[at] <= 7_777 and (at + 1 == len(band) or band.steps[at + 1] > 7_777)
    assert np.nanmax(band.high) == 50.0 and not np.isinf(band.high).any() and not np.isinf(band.low).any()
    if band.exact:
        assert math.isnan(band.low[at]) and math.isnan(band.high[at])


def test_buckets_of_bad_values_alone_are_gaps() -> None:
    values = np.ones(10_000)
    values[3_000:6_000] = NAN
    series = series_of(np.arange(10_000), values)
    band = series.window(0, INF, 20)
    gaps = np.isnan(band.low)
    assert gaps.any() and (gaps == np.isnan(band.high)).all() and band.broken[gaps].all()
    assert series.extent(3_100, 5_900) is None
    assert series.extent(2_999, 5_900) == Extent(1.0, 1.0, 1.0, True)
    assert series.extent(0, 2_999) == Extent(1.0, 1.0, 1.0, False)


def test_the_least_positive_value_is_for_logarithmic_axes() -> None:
    values = np.linspace(-1, 1, 10_001)
    values[4] = INF
    series = series_of(np.arange(10_001), values)
    extent = series.extent()
    assert extent == Extent(-1.0, 1.0, values[values > 0].min(), True)
    assert series.extent(5, 4_999) == Extent(values[5], values[4_999], None, False)


def test_steps_are_exact_and_far() -> None:
    far = 10**12
    series = series_of([far, far + 1], [1, 2])
    assert series.window(far, far, 5).steps.tolist() == [far] and series.last == (far + 1, 2.0)


def test_memory_of_a_point() -> None:
    count, block = 400_000, np.ones(1000)
    tracemalloc.start()
    series = Series()
    for start in range(0, count, 1000):
        series.extend(np.arange(start, start + 1000), block)
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert used / count < (16 + 0.72) * (1 + 1 / 16) + 0.1


# Smoothing


def plain_average(values, weight: float) -> list[float]:
    """The definition, one value after the other."""
    biased, count, found = 0.0, 0, [NAN]
    for value in values:
        if math.isfinite(value):
            biased, count = biased * weight + (1 - weight) * value, count + 1
            found.append(biased / (1 - weight**count))
        else:
            found.append(found[-1])
    return found[1:]


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.9, 0.999])
def test_the_average_is_that_of_the_definition(weight: float) -> None:
    values = np.random.default_rng(2).normal(5, 3, size=60_000)
    values[[0, 1, 64, 65, 900]] = [NAN, INF, -INF, NAN, NAN]
    got = MovingAverage(weight).feed(values)
    np.testing.assert_allclose(got, plain_average(values, weight), rtol=1e-10, atol=1e-12)
    assert math.isnan(got[1]) and got[64] == got[63] == got[65]


def test_smoothing_follows_its_source() -> None:
    source = series_of([1, 2], [4.0, 8.0])
    smoothed = Smoothed(source, 0.5)
    assert smoothed.update() and smoothed.series.rows()[1].tolist() == [4.0, pytest.approx(20 / 3)]
    source.extend([5], [0.0])
    assert len(smoothed.series) == 2
    assert smoothed.update() and smoothed.update() and smoothed.series.last == (5, pytest.approx(20 / 7))


def test_smoothing_a_long_source_takes_turns() -> None:
    values = np.random.default_rng(3).normal(size=10_000)
    smoothed = Smoothed(series_of(np.arange(10_000), values), 0.9)
    turns = 1
    while not smoothed.update(most_rows=999):
        turns += 1
    assert turns == 11
    np.testing.assert_allclose(smoothed.series.rows()[1], plain_average(values, 0.9), rtol=0, atol=1e-12)


def test_another_weight_begins_anew() -> None:
    smoothed = Smoothed(series_of([1, 2, 3], [1.0, 5.0, 2.0]), 0.9)
    smoothed.update()
    kept = smoothed.series
    smoothed.set_weight(0.9)
    assert smoothed.series is kept
    smoothed.set_weight(0.0)
    assert smoothed.weight == 0.0 and len(smoothed.series) == 0
    assert smoothed.update() and smoothed.series.rows()[1].tolist() == [1.0, 5.0, 2.0]
    for wrong in (-0.1, 0.9999, 1.0, NAN):
        with pytest.raises(ValueError, match="between 0 and"):
            smoothed.set_weight(wrong)


# The book


def test_rows_and_scalars_come_in_together() -> None:
    book = SeriesBook()
    feed = book.channel(("train/loss", "train/accuracy"))
    assert not book.take_in() and book.revision == 0 and book.names == ()
    feed.row((1, 2.5, 0.1))
    feed.row((2, 2.0, 0.2))
    book.scalar("validation/loss", 2, 3.0)
    assert book.get("train/loss") is None
    assert book.take_in() and book.names == ("train/loss", "train/accuracy", "validation/loss")
    seen = book.revision
    assert seen > 0 and not book.take_in() and book.revision == seen
    assert book["train/accuracy"].rows()[1].tolist() == [0.1, 0.2] and book["validation/loss"].last == (2, 3.0)
    assert "train/loss" in book and "other" not in book
    book.scalar("validation/loss", 4, 2.0)
    assert book.take_in() and book.revision > seen and book["validation/loss"].last == (4, 2.0)


def test_a_row_of_another_width_is_refused() -> None:
    book = SeriesBook()
    feed = book.channel(("a", "b"))
    for rows in ([(1, 2.0)], [(1, 2.0, 3.0, 4.0)], [(1, 2.0, 3.0), (2, 2.0)]):
        for row in rows:
            feed.row(row)
        with pytest.raises(ValueError):
            book.take_in()
        assert book.names == ()
    feed.row((1, 2.0, 3.0))
    assert book.take_in() and book["b"].last == (1, 3.0)


def test_a_book_of_a_finished_run() -> None:
    book = SeriesBook.of({"a": (np.arange(5), np.arange(5.0)), "none": ([], [])})
    assert book.names == ("a",) and book.revision == 1 and book["a"].last == (4, 4.0)


def test_nothing_is_lost_between_two_threads() -> None:
    count = 200_000
    book = SeriesBook()
    feed = book.channel(("loss", "lr"))
    taken = threading.Event()  # the writer goes on when something was taken in, so both are at it at once

    def write() -> None:
        row = feed.row
        for step in range(1, count + 1):
            row((step, step * 0.5, -step))
            if step == 1000:
                taken.wait(30)
            if step % 100 == 0:
                book.scalar("validation", step, step * 2.0)

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        if book.take_in():
            taken.set()
    writer.join()
    book.take_in()
    for name, factor, every in (("loss", 0.5, 1), ("lr", -1, 1), ("validation", 2, 100)):
        steps, values = book[name].rows()
        np.testing.assert_array_equal(steps, np.arange(every, count + 1, every))
        np.testing.assert_array_equal(values, steps * factor)
