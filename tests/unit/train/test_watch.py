"""Looks into a run: they change no number of it, tell the truth, keep to their share of the time, and may fail."""

from __future__ import annotations

import itertools
import math
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neuralforge.errors import UserError
from neuralforge.graph.datainfo import DataInfo
from neuralforge.graph.document import Document
from neuralforge.templates.builder import Builder
from neuralforge.train.glimpse import Drawn, SampleOf, stats
from neuralforge.train.launch import Plan, Run, resume, start
from neuralforge.train.session import TrainingSession
from neuralforge.train.watch import GRID_SIDES, Watch
from neuralforge.workbench.looks import MAX_COLUMNS, GradientHistory, GradientRecord
from neuralforge.workbench.requests import Request
from tests.unit.train.kit import (
    ask,
    assert_same,
    drive,
    mixed,
    outcome,
    plain,
    plan,
    pump,
    pump_until,
    segmentation_file,
    train,
    whole_state,
)

ALL = frozenset({"gradients", "node", "maps", "boundary", "prediction"})
SCRIPT = [
    (6, {"lr": 0.02, "drop.dropout": 0.5, "norm.frozen": True}),
    (14, {"lr": 0.002, "batch_size": 7, "norm.frozen": False, "fc1.frozen": True}),
]
FULL = {
    "steps": 20,
    "optimizer": "adamw",
    "weight_decay": 0.01,
    "accumulation": 2,
    "clip_norm": 0.5,
    "validation_every": 6,
}


def convolutional(info: DataInfo) -> Document:
    b = Builder("convolutional")
    x = b.add("fc1", "conv2d", b.input(info.input_shape), out_channels=4, kernel_size=3)
    x = b.add("norm", "batch_norm", x)
    x = b.add("act", "relu", x)
    x = b.add("drop", "dropout", x, p=0.2)
    x = b.add("flat", "flatten", x, start_dim=1)
    b.output(b.add("fc2", "linear", x, out_features=info.outputs))
    return b.document()


def watched(p: Plan, node: str = "norm") -> Run:
    """Start a run in which every look is due at every step."""
    return watching(start(p), node)


def watching(run: Run, node: str = "norm") -> Run:
    session = run.session
    watch = session.engine.watch = Watch(session.engine, now=lambda: float(session.step))
    watch.wants, watch.node = ALL, node
    watch.ask(SampleOf("validation", 1))
    return run


def take_all(session: TrainingSession) -> Callable[[object], None]:
    """Return what takes every look after a pulse, not only the one that the session takes."""

    def take(_pulse: object) -> None:
        assert session.engine.watch is not None
        for _ in range(5):
            session.engine.watch.service(session)

    return take


def assert_all_taken(watch: Watch, step: int, *, plane: bool = True) -> None:
    assert watch.trouble is None
    for result in (watch.layers, watch.node_look, watch.maps, watch.prediction, *([watch.boundary] if plane else [])):
        assert result is not None and result.step >= step, result
    assert watch.gradients is not None and len(watch.gradients.steps) >= step


CASES: dict[str, tuple[Any, str, dict[str, Any], list[Any]]] = {
    "mlp": (mixed, "moons", FULL, SCRIPT),
    "cnn": (convolutional, "digits", {**FULL, "steps": 16}, SCRIPT),
    "bfloat16": (convolutional, "digits", {**FULL, "steps": 12, "precision": "bfloat16"}, SCRIPT[:1]),
    "lstm": ("lstm_classifier", "digits_sequence", {**FULL, "steps": 8}, [(4, {"lstm.frozen": True})]),
}


@pytest.mark.parametrize("case", list(CASES))
def test_a_watched_run_has_the_same_numbers(tmp_path: Path, case: str) -> None:
    net, data, config, script = CASES[case]
    options = {"hidden_size": "6", "num_layers": "2"} if case == "lstm" else None
    p = plan(tmp_path, net, data, net_options=options, **config)
    quiet = train(p, script)
    run = watched(p, "lstm" if case == "lstm" else "norm")
    ask(run.session, script)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    pump(run.session, take_all(run.session))
    assert torch.equal(before, torch.get_rng_state())
    assert run.watch is not None
    assert_all_taken(run.watch, config["steps"] - 1, plane=case == "mlp")
    assert_same(outcome(quiet.folder), outcome(run.folder))
    assert whole_state(quiet.session) == whole_state(run.session)


@pytest.mark.parametrize("mode", ["slices", "worker"])
def test_a_watched_run_has_the_same_numbers_under_a_window(tmp_path: Path, mode: str) -> None:
    """With another thread that wants something else all the time."""
    p = plan(tmp_path, **{**FULL, "steps": 120})
    quiet = train(p, SCRIPT)
    run = watched(p)
    ask(run.session, SCRIPT)
    over = threading.Event()

    def want() -> None:
        assert run.watch is not None
        for number in itertools.count():
            if over.is_set():
                return
            run.watch.node = ("fc1", "norm", "drop", "nowhere", None)[number % 5]
            run.watch.wants = (ALL, frozenset({"boundary", "gradients"}), ALL - {"gradients"})[number % 3]
            run.watch.sample = SampleOf("train", number % 7)
            run.watch.ask(SampleOf("test", number % 5))

    hand = threading.Thread(target=want)
    interval_secs = sys.getswitchinterval()
    sys.setswitchinterval(
        1e-5
    )  # threads change far more often, and a step need not wait for the hand at each operation
    hand.start()
    try:
        drive(run.session, mode)
    finally:
        over.set()
        hand.join()
        sys.setswitchinterval(interval_secs)
    assert run.watch is not None and run.watch.trouble is None
    assert run.watch.prediction is not None and run.watch.layers is not None
    assert_same(outcome(quiet.folder), outcome(run.folder))


def test_a_watched_run_has_the_same_numbers_after_a_resume(tmp_path: Path) -> None:
    p = plan(tmp_path, **FULL, checkpoint_every=4)
    quiet = train(p, SCRIPT)
    run = watched(p)
    ask(run.session, SCRIPT)
    pump_until(run.session, 11)
    run.log.abandon()
    assert run.session.keeper is not None
    run.session.keeper.close()
    again = watching(resume(run.folder, watch=True))
    pump(again.session, take_all(again.session))
    assert again.retracing is not None and again.retracing.difference is None
    assert again.watch is not None
    assert_all_taken(again.watch, 4)
    assert_same(outcome(quiet.folder), outcome(run.folder))
    assert whole_state(quiet.session) == whole_state(again.session)


def test_a_look_leaves_modes_and_statistics_as_they_were(tmp_path: Path) -> None:
    run = watched(plan(tmp_path, convolutional, "digits", steps=9))
    ask(run.session, [(3, {"norm.frozen": True})])
    pump_until(run.session, 5)
    engine, watch = run.session.engine, run.watch
    assert watch is not None
    modes = {name: part.training for name, part in engine.model.named_modules()}
    assert modes["drop"] and not modes["norm"]  # a frozen normalisation stays in evaluation mode
    buffers = [buffer.clone() for buffer in engine.model.buffers()]
    gradients = [parameter.grad for parameter in engine.model.parameters()]
    facts = torch.get_num_threads(), torch.is_grad_enabled(), torch.is_autocast_enabled("cpu")
    watch.node = "fc2"
    take_all(run.session)(None)
    assert watch.node_look is not None and watch.node_look.node == "fc2"
    assert modes == {name: part.training for name, part in engine.model.named_modules()}
    assert all(torch.equal(a, b) for a, b in zip(buffers, engine.model.buffers(), strict=True))
    assert gradients == [parameter.grad for parameter in engine.model.parameters()]
    assert facts == (torch.get_num_threads(), torch.is_grad_enabled(), torch.is_autocast_enabled("cpu"))


# What the looks say


def test_gradients_are_those_before_clipping(tmp_path: Path) -> None:
    run = watched(plan(tmp_path, clip_norm=1e-3, steps=3, optimizer="sgd", momentum=0.0, lr=0.1))
    engine, watch = run.session.engine, run.watch
    assert watch is not None
    engine.levers.apply({"norm.frozen": True}, engine.board.values)
    engine.board.commit({"norm.frozen": True})
    (size,) = engine.sizes()
    engine.batch(1, 0, size, size)
    parts = {node: list(engine.model.get_submodule(node).parameters()) for node in ("fc1", "fc2")}
    norm = {
        node: math.sqrt(sum(float(p.grad.double().square().sum()) for p in ps if p.grad is not None))
        for node, ps in parts.items()
    }
    before = {node: torch.cat([p.detach().reshape(-1).double() for p in ps]) for node, ps in parts.items()}
    engine.update(0.1)
    assert watch.layers is not None and watch.layers.step == 1
    assert [layer.node for layer in watch.layers.layers] == ["fc1", "norm", "fc2"]
    for layer in watch.layers.layers:
        if layer.node == "norm":
            assert layer.frozen and layer.gradient_norm is layer.update_ratio is None
            continue
        after = torch.cat([p.detach().reshape(-1).double() for p in parts[layer.node]])
        weight = float(before[layer.node].norm())
        assert layer.gradient_norm == pytest.approx(norm[layer.node], rel=1e-5)
        assert layer.weight_norm == pytest.approx(weight, rel=1e-5)
        assert layer.update_ratio == pytest.approx(float((after - before[layer.node]).norm()) / weight, rel=1e-3)
        assert not layer.frozen
    assert math.hypot(*norm.values()) > 1e-2  # so clipping has changed them
    assert watch.gradients is not None and np.isnan(watch.gradients.norms[0, 1])


@pytest.mark.parametrize("clip_norm", [0.0, 1e-3])
def test_scaled_gradients_are_told_without_their_scale(tmp_path: Path, clip_norm: float) -> None:
    """Float16 needs a GPU; the scaler itself does its work on a processor too."""
    p = plan(tmp_path, plain, clip_norm=clip_norm, steps=4)
    unscaled, quiet, run = watched(p), start(p), watched(p)
    for scaled in (quiet, run):
        scaled.session.engine.scaler = torch.amp.GradScaler("cpu", init_scale=4096.0, growth_interval=2)
    for each in (unscaled, quiet, run):
        pump(each.session)
    assert quiet.session.weights_sha256 == run.session.weights_sha256
    assert run.watch is not None and run.watch.gradients is not None and run.watch.trouble is None
    assert unscaled.watch is not None and unscaled.watch.gradients is not None
    np.testing.assert_allclose(run.watch.gradients.norms, unscaled.watch.gradients.norms, rtol=1e-3)


def test_of_a_very_large_model_no_copy_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuralforge.train.watch.MAX_COPIED", 10)
    run = watched(plan(tmp_path, plain, steps=2))
    pump(run.session)
    assert run.watch is not None and run.watch.layers is not None and run.watch.trouble is None
    for layer in run.watch.layers.layers:
        assert layer.update_ratio is None and layer.gradient_norm and layer.weight_norm


@given(
    arrays=st.lists(
        hnp.arrays(np.float32, st.integers(1, 400), elements=st.floats(-1e3, 1e3, width=32) | st.just(0.0)),
        min_size=1,
        max_size=3,
    ),
    spoiled=st.lists(st.sampled_from([math.nan, math.inf, -math.inf]), max_size=2),
)
@settings(max_examples=60, deadline=None)
def test_statistics_agree_with_numpy(arrays: list[Any], spoiled: list[float]) -> None:
    values = np.concatenate(arrays).astype(np.float64)
    found = stats([*map(torch.from_numpy, arrays), torch.tensor(spoiled, dtype=torch.float32)])
    total = len(values) + len(spoiled)
    assert found.nonfinite == len(spoiled)
    assert found.zero_fraction == pytest.approx(np.count_nonzero(values == 0) / total)
    assert (found.minimum, found.maximum) == (values.min(), values.max())
    assert found.mean == pytest.approx(values.mean(), abs=1e-9 * 1e3)
    assert found.std == pytest.approx(values.std(), rel=1e-4, abs=1e-3)
    assert found.histogram is not None and found.histogram.low < found.histogram.high
    assert found.histogram.counts.sum() == len(values)


def test_statistics_of_many_values_are_exact_and_their_histogram_is_of_samples() -> None:
    columns = torch.arange(64.0).repeat(5000, 1)  # a stride of 64 or its multiples would see one column
    found = stats([columns])
    assert (found.mean, found.minimum, found.maximum) == (31.5, 0.0, 63.0)
    assert found.std == pytest.approx(columns.double().std(correction=0).item(), rel=1e-6)
    assert found.histogram is not None
    share = found.histogram.counts / found.histogram.counts.sum()
    assert 4000 <= found.histogram.counts.sum() <= 4096 and share.min() > 0.01 and share.max() < 0.04


def test_statistics_of_nothing_finite() -> None:
    found = stats([torch.tensor([math.nan, math.inf])])
    assert math.isnan(found.mean) and found.nonfinite == 2 and found.histogram is None


def test_activations_and_maps_are_those_of_the_network(tmp_path: Path) -> None:
    run = watched(plan(tmp_path, convolutional, "digits", steps=4), "act")
    pump(run.session, take_all(run.session))
    watch, engine = run.watch, run.session.engine
    assert watch is not None and watch.node_look is not None and watch.maps is not None
    kept: list[torch.Tensor] = []
    engine.model.get_submodule("norm").register_forward_hook(lambda _m, _a, out: kept.append(out.relu()))
    engine.model.eval()
    with torch.no_grad():
        engine.model(next(engine.validation.batches(64))[0])
    (value,) = kept
    assert watch.node_look.weights is None and watch.node_look.activations is not None
    assert watch.node_look.activations.mean == pytest.approx(value.mean().item(), rel=1e-5)
    assert watch.node_look.activations.zero_fraction == pytest.approx((value == 0).double().mean().item())
    assert watch.maps.maps is not None and watch.maps.channels == 4 and watch.maps.vector is None
    np.testing.assert_allclose(watch.maps.maps, value[0].numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("node", "maps", "vector"),
    [("input", (1, 8, 8), None), ("fc1", (4, 6, 6), None), ("flat", None, (144,)), ("output", None, (10,))],
)
def test_maps_fit_the_node(tmp_path: Path, node: str, maps: Any, vector: Any) -> None:
    run = watched(plan(tmp_path, convolutional, "digits", steps=2), node)
    pump(run.session, take_all(run.session))
    assert run.watch is not None and run.watch.maps is not None and run.watch.node_look is not None
    assert (None if run.watch.maps.maps is None else run.watch.maps.maps.shape) == maps
    assert (None if run.watch.maps.vector is None else run.watch.maps.vector.shape) == vector
    assert run.watch.node_look.activations is not None
    assert (run.watch.node_look.weights is not None) == (node == "fc1")


def test_a_sequence_is_a_map_of_times_and_features(tmp_path: Path) -> None:
    p = plan(tmp_path, "lstm_classifier", "digits_sequence", net_options={"hidden_size": "6"}, steps=2)
    run = watched(p, "input")
    pump(run.session, take_all(run.session))
    assert run.watch is not None and run.watch.maps is not None and run.watch.maps.maps is not None
    assert run.watch.maps.maps.shape == (1, 8, 8) and run.watch.maps.channels == 8
    first = run.session.engine.validation.batch(torch.tensor([0]))[0][0]
    np.testing.assert_array_equal(run.watch.maps.maps[0], first.numpy())
    run.watch.node = "lstm"  # of which the network uses the last state alone
    take_all(run.session)(None)
    assert run.watch.maps.vector is not None and run.watch.maps.vector.shape == (6,)


def test_a_node_that_the_network_does_not_have_shows_nothing(tmp_path: Path) -> None:
    run = watched(plan(tmp_path, steps=3), "nowhere")
    pump(run.session, take_all(run.session))
    assert run.watch is not None and run.watch.trouble is None and run.watch.maps is None
    assert run.watch.node_look is not None
    assert run.watch.node_look.weights is run.watch.node_look.activations is None


@pytest.mark.parametrize(("data", "options"), [("moons", None), ("functions", {"function": "saddle"})])
def test_the_plane_is_what_the_network_says_at_its_points(tmp_path: Path, data: str, options: Any) -> None:
    run = watched(plan(tmp_path, plain, data, options, steps=4))
    pump(run.session, take_all(run.session))
    watch, engine = run.watch, run.session.engine
    assert watch is not None and watch.boundary is not None
    found = watch.boundary
    assert found.values.shape[:2] == (GRID_SIDES[-1],) * 2 and found.values.dtype == np.float32
    raw = load_raw(run)
    assert all(found.low[i] < raw[:, i].min() and raw[:, i].max() < found.high[i] for i in (0, 1))
    for row, column in ((0, 0), (95, 10), (40, 80)):
        x = found.low[0] + (found.high[0] - found.low[0]) * (column + 0.5) / 96
        y = found.low[1] + (found.high[1] - found.low[1]) * (row + 0.5) / 96
        fitted = engine.prepared.preprocessing
        point = torch.from_numpy(fitted.apply_inputs(np.array([[x, y]], np.float32)))
        with torch.no_grad():
            output = engine.model(point)
        if data == "moons":
            assert found.classes == 2
            expected = output.softmax(1)[0].numpy()
        else:
            assert found.classes == 0
            expected = output[0].numpy() * fitted.target_std[0] + fitted.target_mean[0]
        np.testing.assert_allclose(found.values[row, column], expected, rtol=1e-4, atol=1e-5)


def load_raw(run: Run) -> Any:
    assert run.plan is not None
    return run.plan.raw.inputs


def test_a_drawing_is_answered_like_the_sample_that_it_copies(tmp_path: Path) -> None:
    for standardise in (None, True):
        p = plan(tmp_path, convolutional, "digits", steps=6, standardise=standardise)
        run = watched(p)
        pump(run.session, take_all(run.session))
        watch, engine = run.watch, run.session.engine
        assert watch is not None and watch.prediction is not None
        of_sample = watch.prediction
        place = engine.prepared.splits.validation[1]
        image = p.raw.inputs[place] / np.float32(16)
        watch.ask(Drawn(np.zeros_like(image)))  # of two questions the newer is answered
        watch.ask(Drawn(image))
        watch.service(run.session)  # the run is over: the window may call
        drawn = watch.prediction
        assert (of_sample.split, of_sample.sample) == ("validation", 1) and of_sample.target == p.raw.targets[place]
        assert drawn.split is drawn.sample is drawn.target is None
        assert of_sample.probabilities is not None and drawn.probabilities is not None
        np.testing.assert_allclose(drawn.probabilities, of_sample.probabilities, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(drawn.input, of_sample.input, atol=1e-6)
        np.testing.assert_allclose(drawn.input, image, atol=1e-6)
        assert drawn.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_predictions_of_the_other_tasks(tmp_path: Path) -> None:
    regression = watched(plan(tmp_path, plain, "diabetes", {}, steps=3))
    pump(regression.session, take_all(regression.session))
    assert regression.watch is not None and regression.watch.prediction is not None
    assert regression.plan is not None
    place = regression.session.engine.prepared.splits.validation[1]
    found = regression.watch.prediction
    assert found.values is not None and found.values.shape == (1,) and found.target is not None
    np.testing.assert_allclose(found.target, regression.plan.raw.targets[place], rtol=1e-5)
    np.testing.assert_allclose(found.input, regression.plan.raw.inputs[place], rtol=1e-4, atol=1e-4)

    masks = segmentation_file(tmp_path)
    unet = watched(plan(tmp_path, "unet", str(masks), {}, {"width": "4", "depth": "1"}, steps=2, batch_size=8), "x")
    pump(unet.session, take_all(unet.session))
    assert unet.watch is not None and unet.watch.prediction is not None and unet.watch.trouble is None
    labels = unet.watch.prediction
    assert labels.image is not None and labels.image.shape == (1, 8, 8) and set(np.unique(labels.image)) <= {0.0, 1.0}
    assert isinstance(labels.target, np.ndarray) and labels.target.shape == (1, 8, 8)

    again = watched(plan(tmp_path, "conv_autoencoder", "digits", steps=2, standardise=True), "enc1")
    pump(again.session, take_all(again.session))
    assert again.watch is not None and again.watch.prediction is not None and again.watch.trouble is None
    copy = again.watch.prediction
    assert copy.image is not None and copy.image.shape == (1, 8, 8)
    np.testing.assert_allclose(copy.input, np.asarray(copy.target), atol=1e-5)
    assert copy.input.min() > -1e-4 and copy.input.max() <= 1.0001


def test_what_cannot_be_asked_is_refused(tmp_path: Path) -> None:
    run = watched(plan(tmp_path, convolutional, "digits"))
    assert run.watch is not None
    with pytest.raises(UserError, match=r"validation split has 270 samples, from 0\. Received: 270"):
        run.watch.ask(SampleOf("validation", 270))
    with pytest.raises(UserError, match=r"takes samples of \[1, 8, 8\]\. Received: a drawing of \[8, 8\]"):
        run.watch.ask(Drawn(np.zeros((8, 8))))


def test_questions_are_answered_while_paused(tmp_path: Path) -> None:
    run = start(plan(tmp_path), paused=True, watch=True)
    assert run.watch is not None
    steps = run.session.steps()
    assert next(steps).kind == "paused" and run.watch.prediction is None
    run.watch.ask(SampleOf("train", 5))  # answered though "prediction" is not wanted over and over
    assert next(steps).kind == "paused"
    assert run.watch.prediction is not None and run.watch.prediction.sample == 5
    first = run.watch.prediction
    next(steps)
    assert run.watch.prediction is first  # and once
    run.watch.ask(SampleOf("train", 5))
    next(steps)
    assert run.watch.prediction is not first
    run.session.end("stopped")


# When


def test_the_first_step_is_looked_at_and_another_node_at_once(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=8))
    watch = run.session.engine.watch = Watch(run.session.engine, now=lambda: 100.0)  # a clock that stands still
    watch.wants, watch.node = frozenset({"gradients", "node"}), "fc1"
    steps = run.session.steps()
    next(steps)
    assert watch.layers is not None and watch.node_look is not None
    first = watch.layers, watch.node_look
    assert first[0].step == first[1].step == 1
    next(steps)
    assert (watch.layers, watch.node_look) == first
    watch.node = "fc2"
    next(steps)
    assert watch.layers is first[0] and (watch.node_look.node, watch.node_look.step) == ("fc2", 3)


@pytest.mark.parametrize(("key", "share"), [("gradients", 0.02), ("boundary", 0.03), ("node", 0.01)])
def test_a_look_takes_no_more_than_its_share(tmp_path: Path, key: str, share: float) -> None:
    """A step takes 10 ms, a look 50 ms."""
    run = start(plan(tmp_path, steps=3000, validation_every=10**6, test=False))
    clock = [0.0]
    watch = run.session.engine.watch = Watch(run.session.engine, now=lambda: clock[0])
    watch.wants, watch.node = frozenset({key}), "fc1"
    taken = []

    def slowly(real: Callable[..., Any]) -> Callable[..., Any]:
        def slow(*args: Any) -> Any:
            clock[0] += 0.05
            taken.append(run.session.step)
            return real(*args)

        return slow

    watch._note_before = slowly(watch._note_before)  # type: ignore[method-assign]
    watch._glimpse.boundary = slowly(watch._glimpse.boundary)  # type: ignore[method-assign]
    watch._glimpse.node = slowly(watch._glimpse.node)  # type: ignore[method-assign]

    def tick(_pulse: object) -> None:
        clock[0] += 0.01

    pump(run.session, tick)
    looks = 0.05 * len(taken)
    assert 0.7 * share < looks / clock[0] < 1.3 * share + 0.05 / clock[0]
    assert len(np.unique(np.diff(taken))) <= 2


def test_looks_are_taken_in_turn(tmp_path: Path) -> None:
    run = watched(plan(tmp_path, steps=16), "fc1")
    seen: dict[str, set[int]] = {"node_look": set(), "maps": set(), "boundary": set(), "prediction": set()}

    def note(_pulse: object) -> None:
        for name, steps in seen.items():
            if (result := getattr(run.watch, name)) is not None:
                steps.add(result.step)

    pump(run.session, note)
    assert all(len(steps) >= 3 for steps in seen.values()), seen


def test_a_slow_network_gets_a_coarse_grid(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=60))
    clock = [0.0]
    watch = run.session.engine.watch = Watch(run.session.engine, now=lambda: clock[0])
    watch.wants = frozenset({"boundary"})
    real, cost, sides = watch._glimpse.boundary, [3e-7], []

    def slow(step: int, side: int) -> Any:
        clock[0] += cost[0] * side * side
        sides.append(side)
        return real(step, side)

    watch._glimpse.boundary = slow  # type: ignore[method-assign]

    def tick(_pulse: object) -> None:
        clock[0] += 10.0
        cost[0] = 3e-6 if run.session.step < 30 else 3e-7

    pump(run.session, tick)
    assert sides[0] == 96 and sides[25:28] == [32, 32, 32] and sides[-1] == 96


# Faults


@pytest.mark.parametrize("key", sorted(ALL))
def test_a_look_that_fails_is_off_and_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    p = plan(tmp_path, **FULL)
    quiet = train(p, SCRIPT)
    run = watched(p)
    watch = run.watch
    assert watch is not None
    ask(run.session, SCRIPT)
    tries = []

    def fail(*_args: Any) -> Any:
        tries.append(run.session.step)
        raise RuntimeError("no luck")

    place = {"prediction": "predict"}.get(key, key)
    if key == "gradients":
        monkeypatch.setattr(watch, "_publish", fail)
    else:
        monkeypatch.setattr(watch._glimpse, place, fail)
    troubles = set()

    def note(_pulse: object) -> None:
        take_all(run.session)(None)
        troubles.add(watch.trouble)
        if run.session.step == 10:
            watch.wants = ALL - {"maps"} if key != "maps" else ALL - {"node"}

    pump(run.session, note)
    assert troubles - {None} == {f"The look at {key} has failed and is off: RuntimeError: no luck"}
    assert len(tries) == 2
    assert_same(outcome(quiet.folder), outcome(run.folder))
    assert whole_state(quiet.session) == whole_state(run.session)


# History


@given(
    lengths=st.lists(st.integers(1, 700), min_size=1, max_size=4),
    back=st.integers(0, 300),
    seed=st.integers(0, 99),
)
@settings(max_examples=25, deadline=None)
def test_the_history_keeps_peaks_and_what_was_given_out(lengths: list[int], back: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    record, step = GradientRecord(("a", "b")), 0
    peaks: dict[int, float] = {}
    given_out: list[tuple[GradientHistory, bytes, bytes]] = []
    history = None
    for length in lengths:
        step = max(0, step - back)
        for _ in range(length):
            step += 1
            value = float(rng.exponential())
            peaks = {s: v for s, v in peaks.items() if s < step} if step in peaks else peaks
            peaks[step] = value
            history = record.add(step, [value, math.nan])
        assert history is not None
        given_out.append((history, history.steps.tobytes(), history.norms.tobytes()))
        assert 1 <= len(history.steps) <= MAX_COLUMNS and history.nodes == ("a", "b")
        assert (np.diff(history.steps) > 0).all() and history.steps[-1] == step
        assert np.isnan(history.norms[:, 1]).all()
        assert history.norms[-1, 0] == peaks[step]
    assert history is not None
    if len(lengths) == 1 or back == 0:
        assert np.nanmax(history.norms) == max(peaks.values())
    for old, steps, norms in given_out:
        assert old.steps.tobytes() == steps and old.norms.tobytes() == norms
        with pytest.raises(ValueError):
            old.norms[0, 0] = 1.0


def test_no_watch_is_made_unless_asked_for(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=2))
    assert run.watch is None
    pump(run.session)
    assert start(plan(tmp_path), watch=True).watch is not None


def test_a_paused_run_that_stops_is_looked_at_in_the_end(tmp_path: Path) -> None:
    run = watched(replace(plan(tmp_path, steps=9)))
    run.session.request(Request(action="stop", at_step=5))
    pump(run.session)
    assert run.watch is not None
    take_all(run.session)(None)
    assert_all_taken(run.watch, 4)
    assert run.watch.boundary is not None and run.watch.boundary.step == 4
