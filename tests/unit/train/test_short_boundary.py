"""However seldom the boundary of an own loop does all that it does, the run and its log are the same."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from neuralforge.runs.reader import RunReader
from neuralforge.train import own_loop
from neuralforge.train.loop_watch import LoopWatch
from neuralforge.train.own_launch import start_own_loop
from neuralforge.train.own_loop import OwnLoop
from tests.unit.train.own_kit import batches, control, model, set_, update

MAKERS: dict[str, Any] = {
    "lr and momentum are knobs": ({"lr": (1e-6, 10.0), "momentum": (0.0, 0.99)}, {"lr": 0.1, "momentum": 0.5}),
    "momentum alone is a knob": ({"momentum": (0.0, 0.99)}, {"lr": 0.1, "momentum": 0.5}),
    "the learning rate is a tensor": ({"lr": (1e-6, 10.0)}, {"lr": torch.tensor(0.1)}),
}
ACTIONS = (
    "momentum",
    "later",
    "later and now",
    "pause",
    "run two",
    "scheduler",
    "knob",
    "turn the knob",
    "another name",
    "no name",
    "not finite",
    "leave",
    "leave without a word",
    "log after",
)


def optimizer_of(net: nn.Module, options: dict[str, Any]) -> torch.optim.Optimizer:
    copied = {key: value.clone() if isinstance(value, torch.Tensor) else value for key, value in options.items()}
    return torch.optim.SGD(net.parameters(), **copied)


def act(loop: OwnLoop, action: str, number: int) -> None:
    """Do what a person may do between two turns, from any side."""
    key = "momentum" if "momentum" in loop.board.knobs else "lr"
    match action:
        case "momentum":
            set_(loop, **{key: 0.3 + number / 100})
        case "later":
            set_(loop, at=loop.step + 3, **{key: 0.2 + number / 100})
        case "later and now":
            set_(loop, at=loop.step + 2, **{key: 0.1 + number / 100})
            set_(loop, **{key: 0.4})
        case "pause":
            control(loop, "pause")
        case "run two":
            control(loop, "run", 2)
        case "scheduler":
            group = loop.optimizer.param_groups[0]
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].mul_(0.9)
            else:
                group["lr"] *= 0.9
        case "knob":
            loop.knob("warmth", number / 100, 0.0, 1.0)
        case "turn the knob" if "warmth" in loop.board.knobs:
            set_(loop, warmth=number / 50)


def train(script: list[str | None], bounds: Any, options: dict[str, Any], full_secs: float) -> tuple[Any, ...]:
    """Make a turn for each entry, and return all that can be told of the run."""
    with tempfile.TemporaryDirectory() as folder, patch.object(own_loop, "_FULL_SECS", full_secs):
        net = model()
        loop = start_own_loop(net, optimizer_of(net, options), bounds, runs_dir=Path(folder)).session
        data, states = batches(len(script)), []
        loop.begin_pass(len(script))
        for number, (action, (x, y)) in enumerate(zip(script, data, strict=True)):
            while loop.before_step() != "go":
                states.append(loop.state)
                control(loop, "run")
            loss = update(loop.model, loop.optimizer, x, y)
            if action != "no name":
                loop.log(loss=loss * float("nan") if action == "not finite" else loss)
            if action == "another name":
                loop.log({"validation/loss": number})
            if action == "leave":
                loop.begin_pass()
            elif action != "leave without a word":
                loop.step_done()
            if action == "log after" and loop.step:
                loop.log({"test/loss": number})
            states.append(loop.progress()._replace(loss=0.0, metrics={}))  # rows may be written later than that
            act(loop, action or "", number)
        loop.leave_pass()
        states.append(loop.progress())
        loop.end()
        reader = RunReader(loop.recorder.log.folder)  # type: ignore[attr-defined]
        curves = {name: [part.tolist() for part in reader.series(name)] for name in reader.series_names()}
        events = [(e.operation, e.key, e.old, e.new, e.applied_step, e.status) for e in reader.events()]
        return loop.weights_sha256, repr(states), repr(curves), events


def series_of(loop: OwnLoop, name: str) -> list[float]:
    loop.recorder.flush()
    values: list[float] = RunReader(loop.recorder.log.folder).series(name)[1].tolist()  # type: ignore[attr-defined]
    return values


def assert_same_run(key: str, script: list[str | None]) -> None:
    bounds, options = MAKERS[key]
    assert train(script, bounds, options, 0.0) == train(script, bounds, options, 1e9)


@pytest.mark.parametrize("key", list(MAKERS))
@settings(max_examples=20)
@given(script=st.lists(st.sampled_from((None, None, *ACTIONS)), min_size=1, max_size=14))
def test_a_boundary_that_is_short_whenever_it_may_be_makes_the_same_run(key: str, script: list[str | None]) -> None:
    assert_same_run(key, script)


@pytest.mark.parametrize("key", list(MAKERS))
@pytest.mark.parametrize("action", ACTIONS)
def test_whatever_is_done_between_two_short_boundaries_counts(key: str, action: str) -> None:
    knob = ["knob", None] if action == "turn the knob" else []
    assert_same_run(key, [None, None, *knob, action, None, None, None, action, "no name", None, None])


@pytest.mark.parametrize("bounds", [{}, {"momentum": (0.0, 0.9)}])
def test_most_boundaries_are_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bounds: Any) -> None:
    monkeypatch.setattr(own_loop, "_FULL_SECS", 1e9)
    net = model()
    loop = start_own_loop(net, optimizer_of(net, {"lr": 0.1, "momentum": 0.5}), bounds, runs_dir=tmp_path).session
    full = []
    whole = loop._boundary
    loop._boundary = lambda now_secs: full.append(loop.step + 1) or whole(now_secs)  # type: ignore[assignment, method-assign, func-returns-value]
    loop.begin_pass()
    for number, (x, y) in enumerate(batches(12), 1):
        assert loop.before_step() == "go"
        loop.log(loss=update(loop.model, loop.optimizer, x, y))
        loop.step_done()
        if number == 5:
            control(loop, "save")
        if number == 8:
            loop.optimizer.param_groups[0]["lr"] = 0.01
    loop.leave_pass()
    assert full == [1, 2, 3, 6, 9], "what a row has is known after two turns"
    assert loop.progress().loss and series_of(loop, "effective/lr") == [0.1] * 8 + [0.01] * 4
    loop.end()


def test_gradients_are_seen_though_few_turns_make_an_update(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with gradients that are added up over several batches: a hook that saw nothing is there in the next turn."""
    monkeypatch.setattr(own_loop, "_FULL_SECS", 1e9)
    net = model()
    loop = start_own_loop(net, optimizer_of(net, {"lr": 0.1}), {}, runs_dir=tmp_path).session
    watch = loop.watch = LoopWatch(net, loop.optimizer, now=lambda: 0.0)
    watch.wants = frozenset({"gradients"})
    loop.begin_pass()
    for number, (x, y) in enumerate(batches(9), 1):
        assert loop.before_step() == "go"
        nn.functional.cross_entropy(net(x), y).backward()
        if number % 5 == 0:
            loop.optimizer.step()
            loop.optimizer.zero_grad()
        loop.step_done()
    assert watch.gradients is not None and watch.gradients.steps.tolist() == [5]
    loop.end()
