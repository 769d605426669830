import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralforge.templates.registry import find
from neuralforge.ui.heat import sequential_table
from neuralforge.ui.layer_health import frozen_since, norm_state, ratio_state, rows_of, strips_of
from neuralforge.ui.stats_view import facts_of, heights_of
from neuralforge.workbench.looks import GradientHistory, LayerLook, LayersLook, Stats

DOCUMENT = find("small_cnn").build()


def layer(ratio=1e-3, norm=0.5, node="conv1", frozen=False):
    return LayerLook(
        node=node, path=node, gradient_norm=norm, weight_norm=1.0, update_ratio=ratio, frozen=frozen
    )  # fmt: skip


def row(**more):
    return rows_of(LayersLook(step=1, layers=(layer(**more),)), DOCUMENT)[0]


def history(norms, steps=None, nodes=None):
    norms = np.asarray(norms, float)
    return GradientHistory(
        steps=np.asarray(steps if steps is not None else np.arange(1, len(norms) + 1)),
        nodes=nodes or tuple("abcdef"[: norms.shape[1]]),
        norms=norms,
    )


@pytest.mark.parametrize(
    ("ratio", "text", "state"),
    [(1e-3, "-3.0", "good"), (1e-5, "-5.0", "small"), (0.1, "-1.0", "large"), (1.0, "0.0", "large"),
     (0.0, "0", "small"), (0.99, "0.0", "large"), (None, "\u2013", "none"), (math.nan, "\u2013", "none")],
)  # fmt: skip
def test_ratios_are_judged_by_their_logarithm(ratio, text, state):
    found = row(ratio=ratio)
    assert (found.ratio_text, found.ratio_state) == (text, state)


@given(st.floats(-4, -2))
def test_a_factor_of_ten_around_a_thousandth_is_good(ratio):
    assert ratio_state(ratio) == "good"


def test_norms_are_judged():
    norms = [None, 1e-8, 1e-7, 1.0, 1e3, 1.1e3, math.nan, math.inf]
    assert [norm_state(norm) for norm in norms] == [
        "none", "vanishing", "good", "good", "good", "exploding", "exploding", "exploding"
    ]  # fmt: skip
    assert "vanished" in row(norm=1e-9).tip and "explodes" in row(norm=1e4).tip
    assert "too high" in row(ratio=0.1).tip and "too low" in row(ratio=1e-6).tip


def test_a_frozen_layer_is_neither_good_nor_bad():
    found = row(ratio=None, norm=None, frozen=True)
    assert found.ratio_state == found.norm_state == "frozen" and "Frozen" in found.tip


def test_rows_know_the_family_of_their_layer():
    assert row().category == "convolution"
    assert row(node="gone").category == ""


def test_strips_are_even_in_steps_and_share_one_scale():
    strips = strips_of(history([[1e-2, 1.0], [1e-2, 1.0], [1e-1, 1e2]], steps=[1, 2, 11]))
    assert strips.rgba.shape == (2, 11, 4) and strips.hint == "steps 1\u201311"
    dark, light = sequential_table()[0], sequential_table()[-1]
    assert (strips.rgba[0, :2] == dark).all() and (strips.rgba[1, 2:] == light).all()
    assert (strips.rgba[0, 2:] == strips.rgba[0, 2]).all()  # merged neighbours stand at the later step


def test_strips_of_any_norms():
    strips = strips_of(history([[0.0, np.nan, np.inf], [1.0, np.nan, 1.0]]))
    assert strips.without == {"b"} and (strips.rgba[1, :, 3] == 0).all()
    assert (strips.rgba[0, 0] == sequential_table()[0]).all()
    assert (strips.rgba[[0, 2], :, 3] == 255).all()
    one = strips_of(history([[1.0]]))
    assert one.hint == "step 1" and one.rgba.shape == (1, 1, 4)
    assert strips_of(history([[np.nan]])).without == {"a"}


@given(st.integers(1, 512), st.integers(1, 10_000))
def test_long_strips_are_bounded(count, last):
    steps = np.unique(np.linspace(1, last, count).astype(int))
    strips = strips_of(history(np.ones((len(steps), 2)), steps=steps))
    assert 1 <= strips.rgba.shape[1] <= 256 and strips.last == steps[-1]


def test_nearly_equal_norms_look_alike():
    strips = strips_of(history([[1.0, 1.01], [1.02, 1.0]]))
    assert np.ptp(strips.rgba[..., :3].astype(int), axis=(0, 1)).max() < 8


def test_the_step_of_a_freeze_comes_from_the_events():
    class Event:
        def __init__(self, key, new, step, status="applied"):
            self.key, self.new, self.applied_step, self.status = key, new, step, status

    events = (
        Event("conv1.frozen", True, 5), Event("conv2.frozen", True, 7), Event("conv1.frozen", False, 9),
        Event("conv1.frozen", True, 12), Event("fc.frozen", True, None, "queued"), Event("lr", 0.1, 3),
        Event(None, None, 4),
    )  # fmt: skip
    assert frozen_since(events) == {"conv1": 12, "conv2": 7}


def test_numbers_that_are_not_finite_are_bad():
    stats = Stats(mean=0.5, std=1.0, minimum=-2.0, maximum=3.0, zero_fraction=0.25, nonfinite=3, histogram=None)
    facts = facts_of(stats)
    assert [fact.value for fact in facts] == ["0.5", "1", "25.0 %", "-2", "3", "3"]
    assert [fact.name for fact in facts if fact.is_bad] == ["not finite"]


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=40))
def test_a_spike_is_cut_and_the_others_keep_their_proportions(counts):
    heights = heights_of(counts)
    others = sorted(counts)[-2]
    if others:
        assert heights[counts.index(others)] >= 1 / 3 - 1e-9
    assert all((height > 0) == (count > 0) for height, count in zip(heights, counts, strict=True))
    assert sum(height > 1 for height in heights) <= 1
