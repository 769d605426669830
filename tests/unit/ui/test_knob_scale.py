"""Sliders of knobs: monotone, within bounds, there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralforge.ui.knob_scale import decades, knob_text, notched, pending_words, scaled
from neuralforge.workbench.knobs import Knob, Scope, from_slider, to_slider
from tests.ui.hands import view_of

NUMBERS = {knob.key: knob for knob in view_of().knobs.knobs if knob.kind != "bool"}
KNOBS = st.sampled_from(list(NUMBERS.values()))
PLACES = st.floats(0, 1)


def test_the_ends_of_the_sliders() -> None:
    ends = {key: (from_slider(knob, 0), from_slider(knob, 1)) for key, knob in NUMBERS.items()}
    assert ends["lr"] == ends["weight_decay"] == (0, 1.0)
    assert ends["clip_norm"] == (0, 100.0) and ends["batch_size"] == (1, 1024) and ends["accumulation"] == (1, 64)
    assert ends["beta2"] == (0, NUMBERS["beta2"].high)
    assert from_slider(NUMBERS["lr"], 0.04) == 1e-6  # right of the stop at 0


@given(KNOBS, PLACES, PLACES)
def test_sliders_are_monotone(knob: Knob, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert from_slider(knob, low) <= from_slider(knob, high)


@given(KNOBS, st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_places_are_monotone(knob: Knob, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= to_slider(knob, low) <= to_slider(knob, high) <= 1


@given(KNOBS, st.floats(allow_nan=False))
def test_a_slider_gives_what_its_knob_takes(knob: Knob, place: float) -> None:
    value = from_slider(knob, place)
    assert knob.check(value) == value and type(value) is type(knob.check(value))
    assert knob.low <= value <= knob.right_end


@given(KNOBS, PLACES)
def test_there_and_back_within_rounding(knob: Knob, place: float) -> None:
    value = from_slider(knob, place)
    again = from_slider(knob, to_slider(knob, value))
    assert again == pytest.approx(value, rel=1e-2, abs=1 if knob.kind == "int" else 1e-12)
    if knob.kind == "int":
        assert again == value


@given(KNOBS, PLACES, st.integers(1, 20))
def test_notches_move_and_stay_within_bounds(knob: Knob, place: float, notches: int) -> None:
    value = from_slider(knob, place)
    up, down = notched(knob, value, notches), notched(knob, value, -notches)
    assert knob.check(up) == up and knob.check(down) == down
    assert up > value or value >= knob.high
    assert down < value or value <= knob.low
    assert knob.check(scaled(knob, value, 2)) >= value


def test_notches() -> None:
    lr, batch = NUMBERS["lr"], NUMBERS["batch_size"]
    assert notched(lr, 1e-3, 1) == 1.1e-3 and notched(lr, 1e-6, -1) == 0 and notched(lr, 0, 1) == 1e-6
    assert notched(batch, 1, 1) == 2 and notched(batch, 2, -1) == 1 and notched(batch, 100, 1) == 110
    assert notched(NUMBERS["label_smoothing"], 0.5, 1) == pytest.approx(0.51, rel=0.01)


def test_ticks_are_the_decades() -> None:
    lr = NUMBERS["lr"]
    assert [from_slider(lr, place) for place in decades(lr)] == [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0]
    assert decades(NUMBERS["momentum" if "momentum" in NUMBERS else "beta1"]) == ()


def test_texts() -> None:
    assert knob_text(NUMBERS["lr"], 1.2e-3) == "1.20e-3" and knob_text(NUMBERS["batch_size"], 128) == "128"
    frozen = Knob(key="a.frozen", title="a", kind="bool")
    assert knob_text(frozen, True) == "on"


@pytest.mark.parametrize(
    ("scope", "words", "brief"),
    [
        (Scope.NEXT_EPOCH, "from epoch 14", "epoch 14"), (Scope.NEXT_BATCH, "from step 6,217", "step 6,217"),
        (Scope.REBUILD, "in a new run", "new run"),
    ],
)  # fmt: skip
def test_what_waits(scope: Scope, words: str, brief: str) -> None:
    knob = Knob(key="k", title="K", kind="float", scope=scope)
    assert pending_words(knob, 13, 6216) == words and pending_words(knob, 13, 6216, True) == brief
