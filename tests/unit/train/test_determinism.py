"""The same seed gives the same weights, whoever pumps and whatever happens beside."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import torch

from neuralforge.train.launch import start
from neuralforge.workbench.requests import Request
from tests.unit.train.kit import ask, assert_same, outcome, plan, pump, train, weights, whole_state

SCRIPT = [
    (10, {"lr": 0.02, "drop.dropout": 0.5, "norm.frozen": True}),
    (25, {"lr": 0.002, "batch_size": 7, "norm.frozen": False}),
]
FULL = {"steps": 32, "optimizer": "adamw", "weight_decay": 0.01, "accumulation": 2, "validation_every": 8}


def test_the_same_seed_gives_the_same_run(tmp_path: Path) -> None:
    p = plan(tmp_path, **FULL)
    one, two = train(p, SCRIPT), train(p, SCRIPT)
    assert_same(outcome(one.folder), outcome(two.folder))
    assert whole_state(one.session) == whole_state(two.session)


def test_another_seed_gives_other_weights_order_and_split(tmp_path: Path) -> None:
    one, two = (start(plan(tmp_path, seed=seed)) for seed in (0, 1))
    assert weights(one.session) != weights(two.session)
    assert not torch.equal(one.session.engine.train.inputs, two.session.engine.train.inputs)
    for run in (one, two):
        pump(run.session)
    assert one.session.weights_sha256 != two.session.weights_sha256


def test_a_seed_changes_dropout_alone_too(tmp_path: Path) -> None:
    # The masks are a function of seed and step: two steps, or two batches of one, never share one.
    run = start(plan(tmp_path, accumulation=2, steps=3))
    masks: list[bytes] = []

    def note(_module: torch.nn.Module, _args: object, out: torch.Tensor) -> None:
        if run.session.engine.model.training:
            masks.append((out != 0).numpy().tobytes())

    drop = run.session.engine.model.get_submodule("drop")
    drop.register_forward_pre_hook(lambda _m, args: (torch.ones_like(args[0]),))
    drop.register_forward_hook(note)
    pump(run.session)
    assert len(masks) == 6 and len(set(masks)) == 6


def test_others_may_draw_from_the_global_generator_between_pulses(tmp_path: Path) -> None:
    p = plan(tmp_path, **FULL)
    quiet = train(p, SCRIPT)
    run = start(p)
    ask(run.session, SCRIPT)

    def disturb(_pulse: object) -> None:
        torch.manual_seed(5)
        torch.rand(3)

    pump(run.session, disturb)
    assert_same(outcome(quiet.folder), outcome(run.folder))


def test_the_state_of_the_callers_generator_stays(tmp_path: Path) -> None:
    torch.manual_seed(123)
    before = torch.get_rng_state()
    run = train(plan(tmp_path, **FULL), SCRIPT)
    assert run.session.state == "completed"
    assert torch.equal(before, torch.get_rng_state())


def test_others_may_leave_gradients_off_and_threads_changed(tmp_path: Path) -> None:
    p = plan(tmp_path, **FULL)
    quiet = train(p)
    run = start(p)
    seen = []

    def note(*_args: object) -> None:
        seen.append((torch.get_num_threads(), torch.is_grad_enabled() or not run.session.engine.model.training))

    run.session.engine.model.register_forward_pre_hook(note)

    def disturb(_pulse: object) -> None:
        torch.set_grad_enabled(False)
        torch.set_num_threads(2)

    try:
        pump(run.session, disturb)
    finally:
        torch.set_grad_enabled(True)
    assert set(seen) == {(1, True)}
    assert quiet.session.weights_sha256 == run.session.weights_sha256


def test_threads_are_set_in_whichever_thread_steps(tmp_path: Path) -> None:
    """A new thread after every single pulse, also within an update and within a validation."""
    p = plan(tmp_path, **{**FULL, "threads": 2})
    quiet = train(p, SCRIPT)
    run = start(p)
    ask(run.session, SCRIPT)
    seen = []
    run.session.engine.model.register_forward_pre_hook(lambda *_: seen.append(torch.get_num_threads()))
    steps = run.session.steps()
    kinds = set()

    def one_pulse() -> None:
        torch.set_num_threads(1)
        pulse = next(steps, None)
        kinds.add(pulse and pulse.kind)

    while None not in kinds:
        thread = threading.Thread(target=one_pulse)
        thread.start()
        thread.join()
    assert kinds == {"step", "batch", "validation", None}
    assert set(seen) == {2}
    assert_same(outcome(quiet.folder), outcome(run.folder))


def test_two_sessions_that_take_turns_do_not_disturb_each_other(tmp_path: Path) -> None:
    plans = [plan(tmp_path, **FULL), plan(tmp_path, seed=3, **{**FULL, "threads": 2})]
    alone = [train(p).session.weights_sha256 for p in plans]
    runs = [start(p) for p in plans]
    pumps = [run.session.steps() for run in runs]
    while [pulse for steps in pumps if (pulse := next(steps, None))]:
        pass
    assert [run.session.weights_sha256 for run in runs] == alone


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
def test_pausing_and_stepping_change_nothing(tmp_path: Path, optimizer: str) -> None:
    p = plan(tmp_path, optimizer=optimizer, steps=12)
    quiet = train(p)
    run = start(p, paused=True)
    steps = run.session.steps()
    for pulse in steps:
        if pulse.kind == "paused":
            run.session.request(Request(action="run", steps=1))
    assert run.session.weights_sha256 == quiet.session.weights_sha256
