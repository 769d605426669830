"""Forms and numbers: labels, texts and drags."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralforge.graph.params import ParamField, Range
from neuralforge.layers.registry import catalog
from neuralforge.ui import numbers
from neuralforge.ui.forms import scrubbed
from neuralforge.ui.wording import label_of, number_text, shown, tip_of
from neuralforge.workbench.config import config_fields


def _fields() -> list[ParamField]:
    return [*config_fields(), *(field for spec in catalog() for field in spec.fields)]


def test_labels() -> None:
    assert label_of("out_channels") == "Out channels" and label_of("lr") == "LR" and label_of("bias") == "Bias"


def test_what_a_field_shows_reads_as_its_value() -> None:
    for field in _fields():
        assert field.read(shown(field, field.default)) == field.default, field.name
        assert tip_of(field)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_keeps_its_value_in_its_text(value: float) -> None:
    assert float(number_text(value)) == value


@given(st.data(), st.floats(-2000, 2000))
def test_a_drag_stays_within_bounds_and_goes_the_way_of_the_mouse(data: st.DataObject, by_px: float) -> None:
    field = data.draw(st.sampled_from([f for f in _fields() if f.kind in ("int", "float") and f.bounds]))
    bounds = field.bounds
    assert bounds is not None
    whole = st.integers(int(bounds.low), int(bounds.high))
    start = data.draw(whole if field.kind == "int" else st.floats(bounds.low, bounds.high))
    moved = scrubbed(field, start, by_px)
    assert field.parse(moved) == moved
    slack = abs(start) * 0.006 + (0.5 if field.kind == "int" else 1e-300)  # the rounding of numbers to three digits
    assert moved >= start - slack if by_px >= 0 else moved <= start + slack


def test_a_drag_goes_by_ratio_where_the_range_is_logarithmic() -> None:
    field = ParamField("x", "float", 1.0, "", Range(1e-6, 1e6, log=True))
    assert scrubbed(field, 1e-3, 100) / 1e-3 == pytest.approx(scrubbed(field, 1.0, 100), rel=0.01)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (numbers.count(1342218), "1,342,218"), (numbers.si(0.41e9), "0.41 G"), (numbers.si(37.7e6), "37.7 M"),
        (numbers.si(0), "0"), (numbers.short(1342218), "1.34 M"), (numbers.short(999), "999"),
        (numbers.memory(612 << 20), "612 MB"), (numbers.memory(24 << 30), "24 GB"), (numbers.memory(0), "0 B"),
        (numbers.memory(int(9.8 * 2**30)), "9.8 GB"), (numbers.memory(2**20 - 1), "1 MB"),
        (numbers.number(0.34712), "0.3471"), (numbers.number(12345.6), "12,346"), (numbers.number(1.2e-7), "1.2e-7"),
        (numbers.number(math.nan), "NaN"), (numbers.number(None), "\u2013"), (numbers.number(0.0), "0"),
        (numbers.setting(1.2e-3, log=True), "1.20e-3"), (numbers.setting(0.01, log=True), "1.00e-2"),
        (numbers.setting(1.0, log=True), "1.00"), (numbers.setting(0.3), "0.30"), (numbers.setting(0.999), "0.999"),
        (numbers.setting(0.999999), "0.999999"), (numbers.setting(0), "0"), (numbers.setting(100.0), "100"),
        (numbers.duration(372), "06:12"), (numbers.duration(3972), "1:06:12"), (numbers.duration(3e5), "3 d 11 h"),
        (numbers.rate(182.4), "182"), (numbers.rate(1204), "1,204"), (numbers.rate(3.7), "3.7"),
        (numbers.plural(1, "issue"), "1 issue"), (numbers.plural(2, "issue"), "2 issues"),
    ],
)  # fmt: skip
def test_numbers(text: str, wanted: str) -> None:
    assert text == wanted


@given(st.floats(1e-300, 1e300), st.integers(1, 15))
def test_rounding_keeps_so_many_digits(value: float, digits: int) -> None:
    rounded = numbers.round_significant(value, digits)
    assert rounded == pytest.approx(value, rel=0.51 * 10.0 ** (1 - digits))
    assert numbers.round_significant(rounded, digits) == rounded
