"""Looking into a loop that a person writes shows what is there, only now and then, and changes no bit."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from neuralforge.train import own_loop
from neuralforge.train.hashing import weights_sha256
from neuralforge.train.loop_watch import ROOT, LoopWatch
from neuralforge.train.own_launch import LoopRun, start_own_loop
from tests.unit.train.own_kit import bare, batches, begin, go, sgd, turns, update

ALL = frozenset({"gradients", "node", "maps", "boundary", "prediction"})


@pytest.fixture(autouse=True)
def full_boundaries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every boundary be a full one: the clock of these tests is the watch's alone."""
    monkeypatch.setattr(own_loop, "_FULL_SECS", 0.0)


class Clock:
    """Goes on by a second with each turn that asks."""

    def __init__(self) -> None:
        self.secs = 0.0

    def __call__(self) -> float:
        return self.secs


def watched(runs: Path, make: Any = sgd) -> tuple[LoopRun, LoopWatch, Clock]:
    run, clock = begin(runs, make), Clock()
    watch = run.session.watch = LoopWatch(run.session.model, run.session.optimizer, now=clock)
    watch.wants = ALL
    return run, watch, clock


def each(run: LoopRun, clock: Clock, count: int, then: Callable[[int], object] = lambda step: None) -> None:
    loop = run.session
    for x, y in turns(loop, batches(count)):
        loop.log(loss=update(loop.model, loop.optimizer, x, y))
        clock.secs += 1.0
        then(loop.step + 1)


MAKERS = {
    "sgd": sgd,
    "adamw": lambda net: torch.optim.AdamW(net.parameters(), lr=0.01),
    "fused": lambda net: torch.optim.Adam(net.parameters(), lr=0.01, fused=True),
}


@pytest.mark.parametrize("key", list(MAKERS))
def test_looking_changes_no_bit(tmp_path: Path, key: str) -> None:
    run, watch, clock = watched(tmp_path, MAKERS[key])
    watch.node = "0"
    each(run, clock, 8)
    run.session.end()
    assert watch.trouble is None and watch.layers is not None and watch.node_look is not None
    assert run.session.weights_sha256 == weights_sha256(bare(MAKERS[key], 8, {}))


def test_gradients_are_those_of_the_update(tmp_path: Path) -> None:
    run, watch, clock = watched(tmp_path)
    each(run, clock, 3)
    net = bare(sgd, 2, {})
    before = [parameter.detach().clone() for parameter in net.parameters()]
    after = bare(sgd, 3, {})
    x, y = batches(3)[2]
    nn.functional.cross_entropy(net(x), y).backward()
    assert watch.layers is not None and watch.gradients is not None
    assert (watch.layers.step, [layer.node for layer in watch.layers.layers]) == (3, ["0", "2"])
    first = watch.layers.layers[0]
    gradients = [parameter.grad for parameter in net[0].parameters()]  # type: ignore[index]
    moved = [b - a for a, b in zip(before[:2], list(after.parameters())[:2], strict=True)]
    norm = math.hypot(*(part.norm().item() for part in before[:2]))
    assert first.gradient_norm == pytest.approx(math.hypot(*(g.norm().item() for g in gradients if g is not None)))
    assert first.weight_norm == pytest.approx(norm)
    assert first.update_ratio == pytest.approx(math.hypot(*(part.norm().item() for part in moved)) / norm, rel=1e-4)
    assert watch.gradients.steps.tolist() == [1, 2, 3]
    assert (watch.maps, watch.boundary, watch.prediction) == (None, None, None)


def test_hooks_are_there_for_sampled_turns_alone(tmp_path: Path) -> None:
    run, watch, clock = watched(tmp_path)
    watch.node = "2"
    loop = run.session
    there = []
    for x, y in turns(loop, batches(6)):
        hooks = loop.optimizer._optimizer_step_pre_hooks, loop.optimizer._optimizer_step_post_hooks
        there.append((len(hooks[0]), len(hooks[1]), len(loop.model[2]._forward_hooks)))
        update(loop.model, loop.optimizer, x, y)
        clock.secs += 0.1  # looks are at least 0.25 s apart
    assert there == [(1, 1, 1), (0, 0, 0), (0, 0, 0), (1, 1, 1), (0, 0, 0), (0, 0, 0)]
    assert (len(hooks[0]), len(hooks[1])) == (0, 0)


def test_a_turn_that_is_left_leaves_no_hook(tmp_path: Path) -> None:
    run, watch, _ = watched(tmp_path)
    watch.node = "0"
    loop = run.session
    loop.begin_pass()
    assert loop.before_step() == "go"
    loop.fail(RuntimeError("no"))
    assert not loop.optimizer._optimizer_step_pre_hooks and not loop.model[0]._forward_hooks


def test_nothing_is_looked_at_that_nobody_wants(tmp_path: Path) -> None:
    run, watch, clock = watched(tmp_path)
    watch.wants, watch.node = frozenset(), "0"
    each(run, clock, 3)
    assert (watch.layers, watch.node_look) == (None, None)


def test_activations_are_those_of_the_turn(tmp_path: Path) -> None:
    run, watch, clock = watched(tmp_path)
    watch.node = "1"
    loop = run.session
    seen: list[torch.Tensor] = []
    keep = loop.model[1].register_forward_hook(lambda module, inputs, output: seen.append(output.detach().clone()))
    each(run, clock, 2)
    keep.remove()
    look = watch.node_look
    assert look is not None and look.activations is not None
    assert (look.step, look.node, look.weights) == (1, "1", None)
    assert look.activations.mean == pytest.approx(seen[1].mean().item())
    watch.node = ROOT
    each(run, clock, 1)
    assert watch.node_look is not None and watch.node_look.node == ROOT and watch.node_look.weights is not None
    watch.node = "gone"
    each(run, clock, 1)
    assert watch.node_look.node == ROOT and watch.trouble is None


def test_of_several_updates_and_passes_in_a_turn_the_first_counts(tmp_path: Path) -> None:
    run, watch, _ = watched(tmp_path)
    watch.node = "0"
    loop = run.session
    noted = []
    for number in range(2):
        for _ in turns(loop, batches(1)):
            for x, y in batches(3):
                update(loop.model, loop.optimizer, x, y)
                noted.append((watch.layers, watch.node_look))
        assert noted[0][0] is noted[1][0] is noted[2][0] is not None, number
        assert noted[0][1] is noted[1][1] is noted[2][1] is not None
    assert watch.trouble is None


class Mixed(nn.Module):
    """A model with a parameter of its own, a module that is replaced, and outputs in a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.body = nn.Linear(4, 3)
        self.body.bias.requires_grad_(False)
        self.still = nn.Linear(3, 3).requires_grad_(False)

    def forward(self, x: torch.Tensor) -> dict[str, Any]:
        return {"name": "x", "logits": (self.still(self.body(x)) * self.scale,)}


def test_models_as_people_write_them(tmp_path: Path) -> None:
    net = Mixed()
    run = start_own_loop(net, torch.optim.SGD(net.parameters(), lr=0.1), {}, runs_dir=tmp_path)
    loop, clock = run.session, Clock()
    watch = loop.watch = LoopWatch(net, loop.optimizer, now=clock)
    watch.wants, watch.node = ALL, ROOT
    for number, (x, _) in enumerate(turns(loop, batches(4)), 1):
        loss = net(x)["logits"][0].square().sum()
        loss.backward()
        loop.optimizer.step()
        loop.optimizer.zero_grad()
        clock.secs += 1.0
        assert watch.layers is not None and watch.trouble is None
        assert [(layer.node, layer.frozen) for layer in watch.layers.layers] == [
            (ROOT, False),
            ("body", False),
            ("still", True),
        ] + ([("added", False)] if number > 2 else [])
        if number == 2:
            net.added = nn.Linear(1, 1)
    assert watch.gradients is not None and watch.gradients.nodes == (ROOT, "body", "still", "added")
    assert watch.gradients.steps.tolist() == [3, 4]
    assert watch.node_look is not None and watch.node_look.activations is not None


def test_a_gradient_scale_that_the_optimizer_divides_by_is_taken_out(tmp_path: Path) -> None:
    run, watch, clock = watched(tmp_path, MAKERS["fused"])
    each(run, clock, 1)
    assert watch.layers is not None
    plain = watch.layers.layers[0].gradient_norm
    other, scaled, clock = watched(tmp_path, MAKERS["fused"])
    other.session.optimizer.grad_scale = torch.tensor(8.0)  # type: ignore[attr-defined]
    other.session.optimizer.found_inf = torch.tensor(0.0)  # type: ignore[attr-defined]
    each(other, clock, 1)
    assert plain is not None and scaled.layers is not None
    assert scaled.layers.layers[0].gradient_norm == pytest.approx(plain / 8)


def test_a_look_that_fails_is_off_until_something_else_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, watch, clock = watched(tmp_path)
    watch.node = "0"

    def fail(*_: object) -> None:
        raise RuntimeError("blind")

    with monkeypatch.context() as patch:
        patch.setattr("neuralforge.train.loop_watch.stats", fail)
        patch.setattr(watch, "_publish", fail)
        each(run, clock, 2)
    assert watch.trouble == "The look at gradients has failed and is off: RuntimeError: blind"
    each(run, clock, 1)
    assert (watch.layers, watch.node_look) == (None, None)
    watch.node = "2"
    each(run, clock, 1)
    assert watch.trouble is None and watch.layers is not None and watch.node_look is not None
    assert run.session.step == 4


def test_a_loop_that_never_updates_shows_nothing(tmp_path: Path) -> None:
    run, watch, clock = watched(tmp_path)
    for _ in turns(run.session, batches(2)):
        clock.secs += 1.0
    assert watch.layers is None and watch.trouble is None
    assert go(run.session, 1) == 1
    assert watch.layers is not None
