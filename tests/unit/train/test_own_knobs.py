"""Knobs of an optimizer and a loop that a person has made: which there are, and what else may write to them."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from neuralforge.errors import UserError
from neuralforge.runs.reader import RunReader
from neuralforge.train.own_levers import OwnLevers
from neuralforge.workbench.knobs import Refused
from neuralforge.workbench.requests import Request
from tests.unit.train.own_kit import batches, begin, control, go, model, set_, sgd, turns, update


def levers(optimizer: torch.optim.Optimizer, **bounds: Any) -> OwnLevers:
    return OwnLevers(optimizer, bounds)


def groups(net: nn.Module, *lrs: float, **more: float) -> torch.optim.Optimizer:
    parts = list(net.parameters())
    each = [{"params": parts[index :: len(lrs)], "lr": lr} for index, lr in enumerate(lrs)]
    return torch.optim.SGD(each, **more)  # type: ignore[arg-type]


def test_without_bounds_the_learning_rate_is_the_knob() -> None:
    for lr, low, high in ((0.1, 1e-6, 1.0), (3e-8, 1e-9, 1.0), (5.0, 1e-6, 100.0), (0.0, 1e-6, 1.0)):
        board = levers(torch.optim.SGD(model().parameters(), lr=lr)).board
        assert board.values == {"lr": lr}
        knob = board.knobs["lr"]
        assert (knob.scale, knob.title) == ("log", "Learning rate")
        assert (knob.low, knob.high, knob.smallest) == pytest.approx((low, high, low))


def test_scales_follow_the_bounds() -> None:
    optimizer = torch.optim.Adam(model().parameters(), lr=0.01, weight_decay=0)
    board = levers(
        optimizer, lr=(1e-4, 0.01), beta1=(0.1, 0.99), eps=(1e-9, 1e-7), weight_decay=(0, 0.1), beta2=(0.5, 40.0)
    ).board
    assert {key: (knob.scale, knob.kind) for key, knob in board.knobs.items()} == {
        "lr": ("log", "float"),
        "beta1": ("linear", "float"),
        "eps": ("log", "float"),
        "weight_decay": ("log", "float"),
        "beta2": ("linear", "float"),
    }
    assert all(knob.doc and knob.title for knob in board.knobs.values())
    assert board.knobs["weight_decay"].smallest == 1e-6 and board.knobs["weight_decay"].low == 0


def test_whole_numbers_of_an_optimizer_stay_whole() -> None:
    optimizer = torch.optim.LBFGS(model().parameters())
    made = levers(optimizer, max_iter=(1, 50), lr=(0.1, 2.0))
    assert made.board.knobs["max_iter"].kind == "int"
    made.apply(made.board.check({"max_iter": 7}))
    assert type(optimizer.param_groups[0]["max_iter"]) is int and optimizer.param_groups[0]["max_iter"] == 7


def test_what_the_optimizer_lacks_is_refused_with_what_it_has() -> None:
    with pytest.raises(UserError, match=r"SGD has no 'beta1'. It has: lr, momentum, dampening, weight_decay."):
        levers(sgd(model()), beta1=(0.0, 0.9))
    with pytest.raises(UserError, match="beta1, beta2"):
        levers(torch.optim.Adam(model().parameters()), nesterov=(0, 1))
    with pytest.raises(UserError, match="SGD has no 'lr_1'"):
        levers(sgd(model()), lr_1=(0.1, 1.0))


@pytest.mark.parametrize("bounds", [0.1, (0.1,), (1.0, 0.1), (0.1, math.inf), (0.1, math.nan), ("a", "b"), None])
def test_bounds_that_are_none_are_refused(bounds: Any) -> None:
    with pytest.raises(UserError, match="lr needs two"):
        levers(sgd(model()), lr=bounds)


def test_what_is_no_knob_says_why(tmp_path: Path) -> None:
    loop = begin(tmp_path).session
    with pytest.raises(Refused, match="momentum cannot be set: no bounds were given for it"):
        set_(loop, momentum=0.3)
    with pytest.raises(Refused, match=r"There is no knob 'width'\. There are: lr"):
        set_(loop, width=3)
    with pytest.raises(Refused, match="There is no knob 'width'"):
        loop.value("width")
    with pytest.raises(Refused, match=r"from 1e-06 to 1\. Received: 7"):
        set_(loop, lr=7)


def test_a_value_may_lie_out_of_bounds_until_it_is_set() -> None:
    optimizer = torch.optim.SGD(model().parameters(), lr=0.5)
    made = levers(optimizer, lr=(1e-5, 1e-1), weight_decay=(1e-5, 1e-2))
    assert made.board.values == {"lr": 0.5, "weight_decay": 0.0}


def test_groups_that_agree_have_one_knob_and_others_one_each() -> None:
    optimizer = groups(model(), 0.1, 0.2, weight_decay=0.01)
    made = levers(optimizer, lr=(1e-4, 1.0), weight_decay=(0.0, 0.1))
    assert made.board.values == {"lr_0": 0.1, "lr_1": 0.2, "weight_decay": 0.01}
    assert made.board.knobs["lr_1"].title == "Learning rate 1"
    made.apply({"lr_1": 0.7, "weight_decay": 0.05})
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.7]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.05, 0.05]
    assert made.follow() == {}


def test_one_group_can_be_named() -> None:
    optimizer = groups(model(), 0.1, 0.1)
    made = levers(optimizer, lr_1=(1e-4, 1.0))
    assert made.board.values == {"lr_1": 0.1}
    made.apply({"lr_1": 0.3})
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.3]


def test_groups_with_a_knob_each_are_written_down(tmp_path: Path) -> None:
    run = begin(tmp_path, lambda net: groups(net, 0.1, 0.2))
    set_(run.session, at=2, lr_1=0.5)
    assert go(run.session, 3) == 3
    run.session.end()
    reader = RunReader(run.folder)
    assert reader.channels()["train"] == ("train/loss", "effective/lr")
    assert [part.tolist() for part in reader.series("knob/lr_1")] == [[1, 2], [0.2, 0.5]]
    assert reader.series("effective/lr")[1].tolist() == [0.1] * 3


def test_a_loaded_state_and_a_group_that_is_added_are_followed() -> None:
    net = model()
    optimizer = sgd(net)
    made = levers(optimizer, lr=(1e-4, 1.0))
    state = optimizer.state_dict()
    state["param_groups"][0]["lr"] = 0.03
    optimizer.load_state_dict(state)
    assert made.follow() == {"lr": 0.03}
    optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(1))], "lr": 0.9})
    made.apply({"lr": 0.2})
    assert [group["lr"] for group in optimizer.param_groups] == [0.2, 0.2]


def test_a_learning_rate_in_a_tensor_stays_one() -> None:
    lr = torch.tensor(0.25)
    optimizer = torch.optim.Adam(model().parameters(), lr=lr)
    made = levers(optimizer, lr=(1e-4, 1.0))
    made.board.commit({"lr": 0.5})
    made.apply({"lr": 0.5})
    assert optimizer.param_groups[0]["lr"] is lr and lr.item() == 0.5
    lr.fill_(0.125)
    assert made.follow() == {"lr": 0.125} and made.lr() == 0.125


def scheduled(tmp_path: Path, make: Any, count: int, **at: Any) -> tuple[list[float], list[float], list[str]]:
    """Return what the optimizer had in each turn, what the log says, and the events."""
    run = begin(tmp_path)
    loop = run.session
    scheduler = make(loop.optimizer)
    for step, lr in at.items():
        set_(loop, at=int(step.removeprefix("s")), lr=lr)
    seen = []
    for x, y in turns(loop, batches(count)):
        seen.append(loop.optimizer.param_groups[0]["lr"])
        assert loop.value("lr") == seen[-1]
        loop.log(loss=update(loop.model, loop.optimizer, x, y))
        scheduler.step()
    loop.end()
    reader = RunReader(run.folder)
    assert reader.series("effective/lr")[1].tolist() == seen
    return seen, reader.series("knob/lr")[1].tolist(), [e.key for e in reader.events() if e.status == "applied"]


def test_a_scheduler_that_multiplies_goes_on_from_what_was_asked_for(tmp_path: Path) -> None:
    seen, logged, events = scheduled(tmp_path, lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.5), 5, s3=0.8)
    assert seen == logged == [0.1, 0.05, 0.8, 0.4, 0.2]
    assert events == ["lr"]


def test_a_scheduler_that_works_the_value_out_overwrites_it(tmp_path: Path) -> None:
    make = lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda epoch: 1 / (1 + epoch))  # noqa: E731
    seen, logged, events = scheduled(tmp_path, make, 4, s2=0.9)
    assert seen == logged == pytest.approx([0.1, 0.9, 0.1 / 3, 0.1 / 4])
    assert events == ["lr"]


def test_what_else_the_code_writes_has_a_row_where_it_changes(tmp_path: Path) -> None:
    run = begin(tmp_path, bounds={"momentum": (0.0, 0.99)})
    loop = run.session
    for number, _ in enumerate(turns(loop, batches(4)), 1):
        if number == 2:
            loop.optimizer.param_groups[0]["momentum"] = 0.25
    loop.end()
    assert [part.tolist() for part in RunReader(run.folder).series("knob/momentum")] == [[1, 3], [0.5, 0.25]]


# Knobs of the loop's own


def test_a_knob_of_the_loop_can_be_declared_read_and_turned(tmp_path: Path) -> None:
    run = begin(tmp_path)
    loop = run.session
    loop.knob("temperature", 1.0, 0.1, 5.0)
    loop.knob("mixing", True)
    seen = []
    for number, _ in enumerate(turns(loop, batches(4)), 1):
        seen.append((loop.value("temperature"), loop.value("mixing")))
        if number == 1:
            set_(loop, temperature=2.5, mixing=False)
        if number == 2:
            loop.knob("width", 3, 1, 9, title="Width", doc="How wide.")
    assert seen == [(1.0, True), (2.5, False), (2.5, False), (2.5, False)]
    loop.end()
    reader = RunReader(run.folder)
    assert [part.tolist() for part in reader.series("knob/temperature")] == [[1, 2], [1.0, 2.5]]
    assert [part.tolist() for part in reader.series("knob/mixing")] == [[1, 2], [1.0, 0.0]]
    assert [part.tolist() for part in reader.series("knob/width")] == [[2], [3.0]]
    knobs = loop.board.knobs
    assert [knobs[key].kind for key in ("temperature", "mixing", "width")] == ["float", "bool", "int"]
    assert (knobs["width"].title, knobs["width"].doc, knobs["temperature"].title) == (
        "Width",
        "How wide.",
        "Temperature",
    )
    with pytest.raises(Refused, match="over"):
        loop.knob("late", 1.0, 0.0, 2.0)


def test_a_knob_that_is_declared_again_keeps_its_value_where_that_fits(tmp_path: Path) -> None:
    loop = begin(tmp_path).session
    loop.knob("t", 1.0, 0.0, 5.0)
    set_(loop, t=4.0)
    go(loop, 1)
    loop.knob("t", 1.0, 0.0, 8.0)
    assert loop.value("t") == 4.0
    loop.knob("t", 1.0, 0.0, 3.0)
    assert loop.value("t") == 1.0
    with pytest.raises(Refused, match="from 0 to 3"):
        set_(loop, t=4.0)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("a b", 1.0, 0.0, 2.0), "named with letters"),
        (("träge", 1.0, 0.0, 2.0), "named with letters"),
        (("lr", 1.0, 0.0, 2.0), "number of the optimizer"),
        (("momentum", 0.1, 0.0, 2.0), "number of the optimizer"),
        (("t", 3.0, 0.0, 2.0), "from 0 to 2. Received: 3.0"),
        (("t", 1.0), "needs its bounds"),
        (("t", 1.0, 2.0, 0.0), "two finite bounds"),
        (("t", True, 0.0, 1.0), "has no bounds"),
        (("t", "x", 0.0, 1.0), "is a number, or true or false"),
    ],
)
def test_a_knob_that_cannot_be_is_refused(tmp_path: Path, arguments: Any, what: str) -> None:
    loop = begin(tmp_path).session
    with pytest.raises(UserError, match=what):
        loop.knob(*arguments)
    assert list(loop.board.knobs) == ["lr"]


# Whatever is asked, in whatever order

asks = st.one_of(
    st.tuples(st.just("set"), st.sampled_from(["lr", "momentum", "t"]), st.floats(-0.5, 1.5)),
    st.tuples(st.just("write"), st.sampled_from(["lr", "momentum"]), st.floats(0.0, 1.0)),
    st.tuples(st.just("control"), st.sampled_from(["run", "pause", "stop", "save", "extend"]), st.none()),
    st.tuples(st.just("run"), st.integers(1, 3), st.none()),
    st.tuples(st.sampled_from(["turn", "turn", "turn", "pass", "fail", "interrupt", "leave"]), st.none(), st.none()),
    st.tuples(st.just("log"), st.sampled_from(["loss", "other", "validation/loss"]), st.floats()),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(asks, max_size=30))
def test_board_and_optimizer_agree_and_each_turn_has_its_row(script: list[tuple[str, Any, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = begin(Path(folder), bounds={"lr": (0.0, 1.0), "momentum": (0.0, 0.9)}, watch=False)
        loop = run.session
        loop.knob("t", 0.5, 0.0, 1.0)
        group = loop.optimizer.param_groups[0]
        rows: list[float] = []
        for what, key, value in script:
            made = loop.step
            try:
                if what == "set":
                    set_(loop, **{key: value})
                elif what == "write":
                    group[key] = value
                elif what == "control":
                    control(loop, key)
                elif what == "run":
                    control(loop, "run", key)
                elif what == "pass":
                    loop.begin_pass(3)
                elif what == "log":
                    loop.log({key: value})
                elif what == "fail":
                    loop.fail(RuntimeError("no"))
                elif what == "interrupt":
                    loop.interrupted()
                else:
                    said = loop.before_step()
                    assert said == {"running": "go", "paused": "wait", "stopped": "end"}[loop.state]
                    assert {key: group[key] for key in ("lr", "momentum")} == {
                        key: loop.value(key) for key in ("lr", "momentum")
                    }
                    if said == "go" and what == "turn":
                        loop.log(loss=float(made))
                        rows.append(group["lr"])
                        loop.step_done()
            except UserError:
                pass
            assert loop.state in ("ready", "running", "paused", "stopped", "failed")
            assert loop.step == len(rows)
            assert 0.0 <= loop.value("t") <= 1.0
        outcome = loop.outcome
        loop.end()
        assert (loop.state, loop.ended) == (outcome, True)
        reader = RunReader(run.folder)
        assert reader.verify() is None and reader.status == outcome
        if rows:
            steps, logged = reader.series("knob/lr")
            assert (steps.tolist(), logged.tolist()) == (list(range(1, len(rows) + 1)), rows)
            assert reader.series("train/loss")[1].tolist() == [float(step) for step in range(len(rows))]
        assert all(event.status in ("applied", "rejected") for event in reader.events())
        assert isinstance(loop.board.check({"t": 0.25}), dict)
        with pytest.raises(Refused):
            loop.request(Request(action="run"))
