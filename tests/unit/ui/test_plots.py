import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralforge.ui.plots import (
    LEAST_STEPS,
    Span,
    between,
    dashes,
    fraction,
    linear_ticks,
    log_ticks,
    number,
    padded,
    panned,
    position_of,
    setting,
    step_ticks,
    weight_of,
    zigzag,
    zoomed,
)
from neuralforge.ui.theme import DARK
from neuralforge.ui.traces import Pen, Smoother, Trace, value_on, value_range
from neuralforge.workbench.series import Series


def series(steps, values):
    made = Series()
    made.extend(steps, values)
    return made


def trace(source, look="band", key="t", **more):
    return Trace(key=key, name="Train", color=DARK.series[0], look=look, series=source, **more)


# Numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.3474, "0.347"), (0.0, "0.000"), (8.14e-4, "8.14e-4"), (12.345, "12.35"), (123.45, "123.5"),
        (1234.5, "1,234"), (123456.0, "1.23e5"), (-0.5, "-0.500"), (math.nan, "NaN"), (-math.inf, "-inf"),
        (0.00106, "1.06e-3"), (0.0123, "0.012"), (0.999999, "1.000"), (9.99951, "10.00"), (999.96, "1,000"),
    ],
)  # fmt: skip
def test_a_measured_number_keeps_about_four_digits(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""), (True, "on"), (False, "off"), (128, "128"), (4096, "4,096"), (0.1, "0.1"), (0.25, "0.25"),
        (3e-4, "3e-4"), (1.25e-3, "1.25e-3"), (0.0, "0"), (1.0, "1"), ("nan", "nan"), (0.05, "0.05"), (1e6, "1e6"),
    ],
)  # fmt: skip
def test_a_setting_is_no_longer_than_need_be(value, text):
    assert setting(value) == text


# Ticks


def texts(ticks):
    return [tick.text for tick in ticks]


def test_ticks_of_steps_are_whole_and_have_separators():
    assert texts(step_ticks(Span(0, 6600), 7)) == ["0", "1,000", "2,000", "3,000", "4,000", "5,000", "6,000"]
    assert texts(step_ticks(Span(10, 17), 4)) == ["10", "12", "14", "16"]
    assert all(tick.value == int(tick.value) for tick in step_ticks(Span(3, 12), 4))


def test_linear_ticks_are_written_alike():
    assert texts(linear_ticks(Span(0, 1.06), 5)) == ["0.00", "0.25", "0.50", "0.75", "1.00"]
    assert texts(linear_ticks(Span(0, 3.3e-3), 4)) == ["0", "1e-3", "2e-3", "3e-3"]
    assert texts(linear_ticks(Span(-1.1, 1.1), 3)) == ["-1", "0", "1"]


def test_log_ticks_take_ones_twos_and_fives():
    assert texts(log_ticks(Span(0.2, 3.3), 6)) == ["0.2", "0.3", "0.5", "1.0", "2.0", "3.0"]
    assert texts(log_ticks(Span(0.9e-5, 1.1), 6)) == ["1e-5", "1e-4", "0.001", "0.01", "0.1", "1.0"]
    assert texts(log_ticks(Span(0.5, 0.9), 6)) == ["0.5", "0.6", "0.7", "0.8", "0.9"]


@given(
    low=st.floats(1e-12, 1e6),
    ratio=st.floats(1.01, 1e12),
    most=st.integers(2, 12),
)
def test_ticks_lie_in_the_range_rise_and_are_not_too_many(low, ratio, most):
    span = Span(low, low * ratio)
    steps = Span(math.floor(low), math.floor(low) + 4 + low * ratio)
    for shown, ticks in (
        (span, log_ticks(span, most)),
        (span, linear_ticks(span, most)),
        (steps, step_ticks(steps, most)),
    ):
        values = [tick.value for tick in ticks]
        assert values == sorted(set(values))
        assert len(values) <= most + 1
        slack = 1e-6 * shown.length
        assert all(shown.low - slack <= value <= shown.high + slack for value in values)
    assert len({tick.text for tick in linear_ticks(span, most)}) == len(linear_ticks(span, most))


# Ranges


@given(low=st.floats(0, 900), length=st.floats(5, 100), at=st.floats(0, 1), factor=st.floats(0.1, 10))
def test_zooming_keeps_the_place_under_the_mouse_or_stays_in_bounds(low, length, at, factor):
    bounds = Span(0, 1000)
    span = Span(low, low + length)
    place = low + at * length
    found = zoomed(span, place, factor, bounds)
    assert bounds.low - 1e-6 <= found.low < found.high <= bounds.high + 1e-6
    assert found.length >= LEAST_STEPS - 1e-9
    inside = found.low > bounds.low + 1e-6 and found.high < bounds.high - 1e-6
    assert not inside or fraction(place, found) == pytest.approx(fraction(place, span), abs=1e-6)


def test_panning_stops_at_the_bounds():
    assert panned(Span(10, 20), 5, Span(0, 100)) == (15, 25)
    assert panned(Span(10, 20), -50, Span(0, 100)) == (0, 10)
    assert panned(Span(10, 20), 500, Span(0, 100)) == (90, 100)


def test_a_range_between_two_places_is_ordered_and_not_too_short():
    assert between(30, 10, Span(0, 100)) == (10, 30)
    assert between(50, 50.1, Span(0, 100)).length == pytest.approx(LEAST_STEPS)


def test_padding_shows_a_constant_and_stays_above_zero_on_a_log_axis():
    assert padded(3.0, 3.0).low < 3 < padded(3.0, 3.0).high
    assert padded(0.0, 0.0) == (-0.5, 0.5)
    assert padded(1e-300, 1e300, log=True).low > 0


@given(st.floats(0, 0.999))
def test_the_slider_of_the_smoothing_goes_both_ways(weight):
    assert weight_of(position_of(weight)) == pytest.approx(weight, abs=6e-4)


# What is drawn


def test_a_zigzag_goes_through_every_least_and_greatest_value():
    xs, ys = zigzag(np.array([1.0, 5.0]), np.array([0.1, 0.2]), np.array([3.0, 4.0]))
    assert xs.tolist() == [1, 1, 5, 5]
    assert ys.tolist() == [0.1, 3.0, 0.2, 4.0]


def test_dashes_lie_on_the_line_and_end_with_it():
    xs, ys = dashes(np.array([0.0, 10.0]), np.array([0.0, 20.0]), 2.0, 2.0)
    assert xs.tolist() == [0, 2, 4, 6, 8, 10]
    assert ys.tolist() == [0, 4, 8, 12, 16, 20]
    assert len(dashes(np.array([1.0]), np.array([1.0]), 2.0, 2.0)[0]) == 0


@given(st.integers(2, 5000), st.integers(0, 4999), st.sampled_from([0.0, 0.9]))
def test_no_spike_is_hidden_whatever_the_smoothing(rows, at, weight):
    at %= rows
    values = np.ones(rows)
    values[at] = 1000.0
    source = series(np.arange(1, rows + 1), values)
    drawn = Pen().draw(trace(source, smoothed=Smoother(source).at(weight)), Span(0, rows + 1), 200)
    shown = drawn.ys if weight == 0 else drawn.high
    assert np.nanmax(shown) == 1000.0
    assert len(drawn.xs) <= 400
    assert value_range([trace(source)], Span(0, rows + 1))[0].high >= 1000.0


def test_values_that_are_no_number_are_told_not_dropped():
    values = np.ones(3000)
    values[[7, 2500]] = math.nan, math.inf
    source = series(np.arange(3000), values)
    exact = Pen().draw(trace(source), Span(0, 20), 100)
    assert exact.broken.tolist() == [7]
    assert len(Pen().draw(trace(source), Span(0, 3000), 100).broken) == 2


def test_a_drawn_curve_is_made_anew_only_when_something_changed():
    source = series([1, 2], [1.0, 2.0])
    pen, curve = Pen(), trace(source)
    first = pen.draw(curve, Span(0, 10), 100)
    assert pen.draw(trace(source), Span(0, 10), 100) is first
    assert pen.draw(curve, Span(0, 9), 100) is not first
    assert pen.draw(curve, Span(0, 10), 90) is not first
    before = pen.draw(curve, Span(0, 10), 100)
    source.extend([3], [3.0])
    assert pen.draw(curve, Span(0, 10), 100) is not before


def test_a_grain_waits_for_so_many_rows():
    source = series(np.arange(100), np.ones(100))
    pen = Pen()
    pen.grain = 50
    first = pen.draw(trace(source), Span(0, 200), 100)
    source.extend(np.arange(100, 149), np.ones(49))
    assert pen.draw(trace(source), Span(0, 200), 100) is first
    source.extend([149], [1.0])
    assert pen.draw(trace(source), Span(0, 200), 100) is not first


def test_stairs_go_on_to_the_present_step():
    source = series([1, 10], [32.0, 64.0])
    drawn = Pen().draw(trace(source, "stairs", until=50.0), Span(0, 60), 100)
    assert drawn.xs.tolist() == [1, 10, 50]
    assert drawn.ys.tolist() == [32, 64, 64]


def test_without_positive_values_there_is_no_log_axis():
    assert value_range([trace(series([1, 2], [-1.0, 0.0]))], Span(0, 3), log=True)[1] is False
    span, log = value_range([trace(series([1, 2], [0.0, 1.0]))], Span(0, 3), log=True)
    assert log and 0 < span.low < 1 < span.high


def test_the_nearest_point_of_a_curve_is_found():
    drawn = Pen().draw(trace(series([10, 20], [1.0, 2.0]), "dots"), Span(0, 30), 100)
    assert value_on(drawn, 14) == (10, 1)
    assert value_on(drawn, 16) == (20, 2)
    assert value_on(drawn, 99) == (20, 2)
    assert value_on(drawn, 0) == (10, 1)


def test_the_old_smoothing_is_shown_until_the_new_one_is_complete():
    rows = 120_000
    source = series(np.arange(rows), np.ones(rows))
    smoother = Smoother(source)
    while len(smoother.at(0.9)) < rows:
        pass
    shown = smoother.at(0.9)
    assert smoother.at(0.5) is shown
    while smoother.at(0.5) is shown:
        pass
    assert len(smoother.at(0.5)) == rows
