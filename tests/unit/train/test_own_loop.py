"""A loop that a person writes: its knobs are in force in the right turn, and all of it is in the log."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from neuralforge.errors import UserError
from neuralforge.graph.document import loads
from neuralforge.runs.errors import RunLogError
from neuralforge.runs.events import Event
from neuralforge.runs.reader import RunReader
from neuralforge.train.checkpoint import read_checkpoint
from neuralforge.train.hashing import weights_sha256
from neuralforge.train.launch import replay, resume
from neuralforge.workbench.knobs import Refused
from tests.unit.train.own_kit import MakeOptimizer, bare, batches, begin, control, go, model, set_, sgd, turns, update

TABLES: dict[str, tuple[MakeOptimizer, dict[str, tuple[float, float]], dict[int, dict[str, float]]]] = {
    "sgd": (sgd, {"lr": (1e-4, 1.0), "momentum": (0.0, 0.99)}, {3: {"lr": 0.5}, 7: {"momentum": 0.0, "lr": 0.01}}),
    "adamw": (
        lambda net: torch.optim.AdamW(net.parameters(), lr=0.01),
        {"lr": (1e-5, 0.1), "beta1": (0.0, 0.99), "beta2": (0.0, 0.9999), "eps": (1e-9, 1e-1)},
        {2: {"beta1": 0.3}, 5: {"beta2": 0.5, "eps": 0.01}, 8: {"lr": 0.05}},
    ),
    "rmsprop": (
        lambda net: torch.optim.RMSprop(net.parameters(), lr=0.01, momentum=0.9),
        {"momentum": (0.0, 0.99), "alpha": (0.5, 0.999), "weight_decay": (0.0, 0.1)},
        {3: {"momentum": 0.0}, 6: {"momentum": 0.8}, 8: {"alpha": 0.6, "weight_decay": 0.05}},
    ),
}


def series(folder: Path, name: str) -> tuple[list[int], list[float]]:
    steps, values = RunReader(folder).series(name)
    return steps.tolist(), values.tolist()


def events(folder: Path) -> list[Event]:
    return RunReader(folder).events()


@pytest.mark.parametrize("key", list(TABLES))
def test_a_bare_loop_with_the_same_changes_gives_the_same_weights(tmp_path: Path, key: str) -> None:
    make, bounds, table = TABLES[key]
    run = begin(tmp_path, make, bounds)
    for step, changes in table.items():
        set_(run.session, at=step, **changes)
    assert go(run.session, 10) == 10
    run.session.end()
    assert run.session.weights_sha256 == weights_sha256(bare(make, 10, table))
    assert RunReader(run.folder).attributes["weights_sha256"] == run.session.weights_sha256


def test_rmsprop_that_began_without_momentum_can_be_given_some(tmp_path: Path) -> None:
    run = begin(tmp_path, lambda net: torch.optim.RMSprop(net.parameters(), lr=0.01), {"momentum": (0.0, 0.99)})
    set_(run.session, at=4, momentum=0.9)
    assert go(run.session, 6) == 6
    assert run.session.optimizer.param_groups[0]["momentum"] == 0.9


def test_a_change_is_in_force_in_the_forward_pass_of_its_turn(tmp_path: Path) -> None:
    run = begin(tmp_path)
    loop = run.session
    seen = []
    ticket = set_(loop, at=3, lr=0.25)
    for _ in turns(loop, batches(4)):
        seen.append(loop.optimizer.param_groups[0]["lr"])
    assert seen == [0.1, 0.1, 0.25, 0.25]
    assert (ticket.status, ticket.applied_step) == ("applied", 3)
    loop.end()
    (told,) = [event for event in events(run.folder) if event.key == "lr" and event.status == "applied"]
    assert (told.old, told.new, told.applied_step, told.epoch, told.sample_cursor) == (0.1, 0.25, 3, 1, 2)
    assert series(run.folder, "knob/lr") == ([1, 2, 3, 4], seen)
    assert series(run.folder, "effective/lr") == ([1, 2, 3, 4], seen)


def test_the_log_of_a_loop_can_be_read_and_says_what_it_is(tmp_path: Path) -> None:
    run = begin(tmp_path, name="mine", source="for x in loader:\n    ...\n", bounds={"momentum": (0.0, 0.9)})
    assert go(run.session, 3) == 3
    run.session.end()
    reader = RunReader(run.folder)
    assert reader.verify() is None
    assert (reader.status, reader.attributes["kind"], reader.attributes["replayable"]) == (
        "completed",
        "own loop",
        False,
    )
    assert reader.source == "for x in loader:\n    ...\n"
    document = loads(reader.document)
    assert (document.name, len(document.graph.nodes)) == ("Sequential", 0)
    config = reader.config
    assert (config["optimizer"], config["groups"][0]["momentum"], config["knobs"]) == (
        "SGD",
        0.5,
        {"momentum": [0.0, 0.9]},
    )
    assert reader.environment["versions"]["torch"] == torch.__version__
    assert reader.channels()["train"] == ("train/loss", "effective/lr")
    assert series(run.folder, "knob/momentum") == ([1], [0.5])
    losses = [update(net, opt, x, y).item() for net in [model()] for opt in [sgd(net)] for x, y in batches(3)]
    assert series(run.folder, "train/loss") == ([1, 2, 3], losses)


@pytest.mark.parametrize("again", [replay, resume])
def test_a_loop_cannot_be_replayed_or_resumed(tmp_path: Path, again: Any) -> None:
    run = begin(tmp_path)
    go(run.session, 2)
    run.session.end()
    with pytest.raises(UserError, match="its model was not drawn here"):
        again(run.folder)


# Names and numbers


def test_names_that_come_back_share_a_channel_and_others_have_their_own(tmp_path: Path) -> None:
    run = begin(tmp_path)
    loop = run.session
    for number, (x, y) in enumerate(turns(loop, batches(5)), 1):
        loss = update(loop.model, loop.optimizer, x, y)
        loop.log(loss=loss)
        if number % 2:
            loop.log({"odd/one": number}, rare=np.float32(number), whole=np.int64(3))
        if number == 4:
            loop.log(late=True)
    loop.end()
    channels = RunReader(run.folder).channels()
    assert channels["train"] == ("train/loss", "knob/lr", "effective/lr")
    assert series(run.folder, "train/rare") == ([1, 3, 5], [1.0, 3.0, 5.0])
    assert series(run.folder, "train/whole") == ([1, 3, 5], [3.0, 3.0, 3.0])
    assert series(run.folder, "odd/one") == ([1, 3, 5], [1.0, 3.0, 5.0])
    assert series(run.folder, "train/late") == ([4], [1.0])
    assert loop.metrics == {"odd/one": 5.0}
    assert loop.progress().metrics == {"odd/one": 5.0}


def test_a_turn_that_lacks_a_name_of_the_channel_has_nan_there(tmp_path: Path) -> None:
    run = begin(tmp_path)
    loop = run.session
    for number, _ in enumerate(turns(loop, batches(4)), 1):
        loop.log(loss=1.0)
        if number != 3:
            loop.log(accuracy=0.5)
    loop.end()
    steps, values = series(run.folder, "train/accuracy")
    assert steps == [1, 2, 3, 4]
    assert values[:2] == [0.5, 0.5] and math.isnan(values[2]) and values[3] == 0.5
    assert series(run.folder, "train/loss") == ([1, 2, 3, 4], [1.0] * 4)


def test_a_loop_of_one_turn_and_one_that_logs_nothing_are_written_down(tmp_path: Path) -> None:
    one = begin(tmp_path)
    go(one.session, 1)
    one.session.end()
    assert series(one.folder, "train/loss")[0] == [1]
    none = begin(tmp_path)
    go(none.session, 3, log=False)
    none.session.end()
    assert RunReader(none.folder).channels()["train"] == ("knob/lr", "effective/lr")
    assert series(none.folder, "knob/lr") == ([1, 2, 3], [0.1] * 3)


def test_of_a_name_that_is_logged_twice_the_later_value_counts(tmp_path: Path) -> None:
    run = begin(tmp_path)
    for _ in turns(run.session, batches(2)):
        run.session.log(loss=1.0)
        run.session.log({"loss": 2.0})
    run.session.end()
    assert series(run.folder, "train/loss") == ([1, 2], [2.0, 2.0])


def test_what_follows_a_pass_belongs_to_its_last_turn(tmp_path: Path) -> None:
    run = begin(tmp_path)
    loop = run.session
    with pytest.raises(UserError, match="before the first step"):
        loop.log({"validation/loss": 1.0})
    for number in (1, 2):
        go(loop, 3)
        loop.log({"validation/loss": torch.tensor(float(number))}, final=number)
        with pytest.raises(UserError, match="has a value for step"):
            loop.log({"validation/loss": 9.0})
        with pytest.raises(UserError, match="has a value for step"):
            loop.log(loss=9.0)
    loop.end()
    assert series(run.folder, "validation/loss") == ([3, 6], [1.0, 2.0])
    assert series(run.folder, "train/final") == ([3, 6], [1.0, 2.0])
    loop.log({"validation/loss": 3.0})  # the run is over: it goes nowhere, and stops nobody's cell


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"loss": torch.zeros(3)}, r"loss must be one number. Received: a tensor of \[3\]"),
        ({"loss": np.zeros(2)}, "loss must be one number"),
        ({"loss": "low"}, "loss must be one number"),
        ({"loss": None}, "loss must be one number"),
        ({"loss": torch.zeros((), dtype=torch.complex64)}, "loss must be one number"),
        ({"my loss": 1.0}, "A number is named with"),
        ({"a/b/c": 1.0}, "A number is named with"),
        ({"": 1.0}, "A number is named with"),
        ({"knob/lr": 1.0}, "rows of the knobs"),
    ],
)
def test_what_the_log_cannot_hold_is_refused_in_a_sentence(tmp_path: Path, values: dict[str, Any], what: str) -> None:
    run = begin(tmp_path)
    loop = run.session
    loop.begin_pass()
    assert loop.before_step() == "go"
    with pytest.raises(UserError, match=what):
        loop.log(values)
    loop.step_done()
    assert loop.step == 1


def test_a_number_of_another_device_arrives_later_and_none_is_lost(tmp_path: Path) -> None:
    """Meta tensors have no values, so a stand-in plays the device: its rows wait, and land at the end."""
    run = begin(tmp_path)
    loop = run.session

    class Elsewhere(torch.Tensor):
        is_cpu = False  # type: ignore[assignment]

    total = torch.zeros(()).as_subclass(Elsewhere)
    for number, _ in enumerate(turns(loop, batches(6)), 1):
        total += number
        loop.log(loss=total)
        if number == 4:
            loop._land(0)
    written = len(loop._numbers)
    loop.end()
    assert written == 2
    assert series(run.folder, "train/loss") == ([1, 2, 3, 4, 5, 6], [1.0, 3.0, 6.0, 10.0, 15.0, 21.0])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_a_number_of_a_graphics_card_is_what_it_was_when_it_was_logged(tmp_path: Path) -> None:
    run = begin(tmp_path)
    total = torch.zeros((), device="cuda")
    for number, _ in enumerate(turns(run.session, batches(6)), 1):
        total += number
        run.session.log(loss=total)
    run.session.end()
    assert series(run.folder, "train/loss")[1] == [1.0, 3.0, 6.0, 10.0, 15.0, 21.0]


# States


def test_pause_waits_run_goes_on_and_steps_are_counted(tmp_path: Path) -> None:
    run = begin(tmp_path)
    loop = run.session
    assert loop.progress().state == "ready"
    go(loop, 2)
    control(loop, "pause")
    assert loop.before_step() == "wait" and loop.state == "paused"
    assert RunReader(run.folder).status == "paused"
    assert series(run.folder, "train/loss")[0] == [1, 2]  # all of it is in the file while it waits
    assert loop.before_step() == "wait"
    control(loop, "run", steps=3)
    assert go(loop, 10) == 3
    assert loop.state == "paused"
    control(loop, "run")
    assert go(loop, 2) == 2
    progress = loop.progress()
    assert (progress.step, progress.epoch, progress.batch, progress.batches) == (7, 3, 2, 2)
    assert (progress.total_steps, progress.fraction) == (0, 0.0)
    loop.end()
    assert [e.key for e in events(run.folder)] == ["pause", "run", "run"]
    assert RunReader(run.folder).status == "completed"


def test_a_stop_ends_the_loop_and_leaves_the_log_open(tmp_path: Path) -> None:
    run = begin(tmp_path)
    loop = run.session
    control(loop, "stop")
    assert go(loop, 5) == 0 and loop.state == "stopped" and not loop.ended
    control(loop, "run")
    assert go(loop, 2) == 2
    ticket = set_(loop, at=3, lr=0.2)
    control(loop, "stop")
    control(loop, "pause")  # a loop that has ended has nothing to wait for
    for _ in range(3):
        assert go(loop, 4) == 0
        assert loop.before_step() == "end"
    assert ticket.status == "applied"
    loop.log({"validation/loss": 0.5})
    loop.end()
    assert loop.ended and loop.state == "stopped"
    assert RunReader(run.folder).status == "stopped"
    assert series(run.folder, "validation/loss") == ([2], [0.5])
    assert loop.before_step() == "end"
    with pytest.raises(Refused, match="it is over"):
        control(loop, "run")
    with pytest.raises(Refused, match="over"):
        loop.begin_pass()


def test_what_comes_too_late_is_refused_and_written_down(tmp_path: Path) -> None:
    run = begin(tmp_path)
    go(run.session, 1)
    ticket = set_(run.session, lr=0.2)
    run.session.end()
    assert ticket.status == "rejected"
    assert [(e.key, e.status) for e in events(run.folder)] == [("lr", "rejected")]


def test_a_loss_that_is_not_finite_pauses_once(tmp_path: Path) -> None:
    run = begin(tmp_path)
    loop = run.session
    losses = iter([1.0, math.nan, math.inf, 1.0, -math.inf, 1.0])
    made = []
    for _ in range(6):
        for _ in turns(loop, batches(1)):
            loop.log(loss=next(losses))
        made.append((loop.step, loop.state))
        if loop.state == "paused":
            assert loop.trouble == f"The loss of step {loop.step} is not finite."
            control(loop, "run")
    assert made == [(1, "running"), (2, "paused"), (3, "running"), (4, "running"), (5, "paused"), (6, "running")]
    loop.end()
    rules = [event for event in events(run.folder) if event.key == "nonfinite"]
    assert [(e.actor, e.operation, e.applied_step) for e in rules] == [("rule", "notice", 3), ("rule", "notice", 6)]


def test_a_body_that_raises_is_noted_and_the_loop_goes_on(tmp_path: Path) -> None:
    run = begin(tmp_path)
    loop = run.session
    go(loop, 2)
    try:
        for _ in turns(loop, batches(3)):
            loop.log({"half/made": 99.0}, loss=99.0)
            raise ZeroDivisionError("by zero")
    except ZeroDivisionError as error:
        loop.fail(error)
    assert loop.state == "failed" and not loop.ended and loop.outcome == "failed"
    assert loop.trouble == "Step 3 failed: ZeroDivisionError: by zero."
    assert RunReader(run.folder).status == "paused"
    assert go(loop, 2) == 2
    assert loop.state == "running" and loop.trouble is None
    loop.end()
    assert RunReader(run.folder).status == "completed"
    assert 99.0 not in series(run.folder, "train/loss")[1]
    assert "half/made" not in RunReader(run.folder).series_names()
    assert series(run.folder, "train/loss")[0] == [1, 2, 3, 4]
    (told,) = events(run.folder)
    assert (told.key, told.why) == ("failed", "Step 3 failed: ZeroDivisionError: by zero.")


def test_a_loop_that_has_failed_ends_as_failed(tmp_path: Path) -> None:
    run = begin(tmp_path)
    go(run.session, 1)
    run.session.fail(RuntimeError("CUDA out of memory"))
    assert run.session.trouble is not None and "try a smaller batch" in run.session.trouble
    run.session.end()
    assert RunReader(run.folder).status == "failed"
    assert run.session.state == "failed"


def test_an_interruption_pauses_until_the_loop_is_begun_anew(tmp_path: Path) -> None:
    run = begin(tmp_path)
    loop = run.session
    go(loop, 2)
    assert loop.before_step() == "go"
    loop.log(loss=99.0)
    loop.interrupted()
    assert loop.state == "paused" and loop.step == 2
    assert loop.before_step() == "wait"
    assert go(loop, 2) == 2
    control(loop, "pause")
    assert go(loop, 1) == 0
    loop.interrupted()  # out of the waiting; a pause that was asked for stays one
    assert go(loop, 1) == 0 and loop.state == "paused"
    control(loop, "run")
    assert go(loop, 1) == 1
    loop.end("stopped")
    assert 99.0 not in series(run.folder, "train/loss")[1]
    assert [e.key for e in events(run.folder)] == ["interrupted", "pause", "interrupted", "run"]


def test_a_run_that_is_left_in_the_middle_of_a_turn_is_stopped(tmp_path: Path) -> None:
    run = begin(tmp_path)
    go(run.session, 2)
    assert run.session.before_step() == "go"
    run.session.end()
    assert (RunReader(run.folder).status, RunReader(run.folder).attributes["steps"]) == ("stopped", 2)


class Plain(torch.optim.Optimizer):
    """An optimizer without a learning rate."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, {})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for parameter in self.param_groups[0]["params"]:
            parameter.sub_(parameter.grad.sign(), alpha=1e-3)


def test_turns_that_log_nothing_with_an_optimizer_that_has_no_learning_rate_are_counted(tmp_path: Path) -> None:
    run = begin(tmp_path, make=lambda net: Plain(net.parameters()))
    assert go(run.session, 5, log=False) == 5
    run.session.end()
    reader = RunReader(run.folder)
    assert reader.attributes["steps"] == 5 and not reader.series_names()


def test_a_run_that_is_being_ended_makes_no_further_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = begin(tmp_path).session
    go(loop, 3)
    said, close = [], loop.recorder.close

    def ask_and_close(*words: Any) -> None:
        said.append(loop.before_step())
        close(*words)

    monkeypatch.setattr(loop.recorder, "close", ask_and_close)
    loop.end()
    assert said == ["end"] and loop.step == 3


def test_what_the_disk_refuses_waits_and_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begin(tmp_path)
    loop = run.session

    def refuse(*_: Any, **__: Any) -> None:
        raise RunLogError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(run.log, "declare", refuse)
        assert go(loop, 5) == 2  # the second turn tells the names
        assert (loop.state, loop.trouble) == ("paused", "The disk is full.")
    control(loop, "run")
    assert go(loop, 2) == 2
    with monkeypatch.context() as patch:
        patch.setattr(run.log, "declare", refuse)
        for x, y in turns(loop, batches(3)):
            loop.log({"new/one": 1.0}, loss=update(loop.model, loop.optimizer, x, y))
        assert loop.step == 5 and loop.state == "paused"
        assert loop.before_step() == "wait"
        loop.log({"after/it": 2.0})
    ticket = set_(loop, lr=0.3)
    with monkeypatch.context() as patch:
        patch.setattr(run.log, "event", refuse)
        control(loop, "run")
        assert loop.before_step() == "wait"
    control(loop, "run")
    assert go(loop, 1) == 1
    loop.end()
    assert ticket.status == "applied"
    assert series(run.folder, "train/loss")[0] == [1, 2, 3, 4, 5, 6]
    assert series(run.folder, "new/one") == ([5], [1.0])
    assert series(run.folder, "after/it") == ([5], [2.0])
    assert [e.key for e in events(run.folder)] == ["run", "lr", "run", "run"]
    assert RunReader(run.folder).verify() is None


def test_of_a_row_that_was_half_written_the_rest_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begin(tmp_path)
    loop = run.session
    go(loop, 2)
    declare = run.log.declare

    def refuse_second(name: str, names: tuple[str, ...]) -> Any:
        if name == "new/two":
            raise RunLogError("The disk is full.")
        return declare(name, names)

    with monkeypatch.context() as patch:
        patch.setattr(run.log, "declare", refuse_second)
        for _ in turns(loop, batches(1)):
            loop.log({"new/one": 1.0, "new/two": 2.0}, loss=0.5)
        assert loop.state == "paused"
    control(loop, "run")
    assert go(loop, 1) == 1
    loop.end()
    for name, value in (("new/one", 1.0), ("new/two", 2.0)):
        assert series(run.folder, name) == ([3], [value])
    assert series(run.folder, "train/loss")[0] == [1, 2, 3, 4]


# Checkpoints


def test_a_save_writes_model_and_optimizer(tmp_path: Path) -> None:
    run = begin(tmp_path)
    loop = run.session
    go(loop, 3)
    control(loop, "save")
    go(loop, 1)
    loop.end()
    (entry,) = RunReader(run.folder).checkpoints()
    snapshot = read_checkpoint(run.folder / entry.file, entry.sha256)
    assert (entry.step, snapshot.state["step"], snapshot.state["epoch"], snapshot.state["cursor"]) == (3, 3, 1, 3)
    net = bare(sgd, 3, {})
    for name, tensor in net.state_dict().items():
        assert torch.equal(snapshot.tensors[f"model.{name}"], tensor)
    assert "optimizer.momentum_buffer.0.weight" in snapshot.tensors


def test_a_model_that_no_checkpoint_can_hold_says_so_and_goes_on(tmp_path: Path) -> None:
    run = begin(tmp_path)
    loop = run.session
    loop.model.register_buffer("waves", torch.zeros(2, dtype=torch.complex128))
    control(loop, "save")
    assert go(loop, 2) == 2
    assert loop.trouble is not None and loop.trouble.startswith("The model cannot be saved")
    loop.end()
    assert [e.key for e in events(run.folder)] == ["save", "checkpoint"]


def test_a_loop_cannot_be_extended(tmp_path: Path) -> None:
    run = begin(tmp_path)
    with pytest.raises(Refused, match="ends where your code ends it"):
        control(run.session, "extend", steps=100)
    go(run.session, 1)
    run.session.end()
    assert [(e.key, e.status) for e in events(run.folder)] == [("extend", "rejected")]


def test_the_source_is_kept_as_the_log_can_hold_it(tmp_path: Path) -> None:
    run = begin(tmp_path, source="a\0b\ud800c")
    run.session.end()
    assert RunReader(run.folder).source == "ab?c"
    assert json.loads(json.dumps(RunReader(run.folder).config)) == RunReader(run.folder).config


def test_a_model_without_weights_yet_and_on_no_known_device_can_be_logged(tmp_path: Path) -> None:
    from neuralforge.train.own_launch import start_own_loop

    net = nn.LazyLinear(2)
    other = nn.Linear(1, 1)
    run = start_own_loop(net, torch.optim.SGD(other.parameters(), lr=0.1), {}, runs_dir=tmp_path)
    run.session.begin_pass()
    assert run.session.before_step() == "go"
    run.session.step_done()
    run.session.end()
    assert RunReader(run.folder).status == "completed"
    assert run.session.weights_sha256 is None
