"""What is asked for step S is in force in the forward pass of step S; refusals change nothing and are written down."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from neuralforge.codegen.module import generate
from neuralforge.data import derive_seed, prepare, split
from neuralforge.layers.registry import catalog
from neuralforge.runs.reader import RunReader
from neuralforge.train.build import build_module
from neuralforge.train.hashing import weights_sha256
from neuralforge.train.launch import Plan, Run, start
from neuralforge.workbench.knobs import Refused
from neuralforge.workbench.requests import Request
from tests.unit.train.kit import ask, mixed, plain, plan, pump, pump_until, train, weights, whole_state

Table = Mapping[int, Mapping[str, Any]]


def reference(p: Plan, table: Table) -> nn.Module:
    """Train by hand, as a person would write it, with the same changes at the same steps."""
    c = p.config
    prepared = prepare(p.raw, split(p.raw, c.split, seed=c.seed, stratify=c.stratify), c.standardise)
    x_ND = torch.from_numpy(prepared.inputs[prepared.splits.train])
    y_N = torch.from_numpy(prepared.targets[prepared.splits.train])
    model = build_module(generate(p.document, catalog()), c.seed)
    makers = {
        "sgd": lambda ps: torch.optim.SGD(ps, lr=c.lr, momentum=c.momentum, weight_decay=c.weight_decay),
        "adam": lambda ps: torch.optim.Adam(ps, lr=c.lr, betas=(c.beta1, c.beta2), weight_decay=c.weight_decay),
        "adamw": lambda ps: torch.optim.AdamW(ps, lr=c.lr, betas=(c.beta1, c.beta2), weight_decay=c.weight_decay),
        "rmsprop": lambda ps: torch.optim.RMSprop(ps, lr=c.lr, momentum=c.momentum, weight_decay=c.weight_decay),
    }
    optimizer = makers[c.optimizer](model.parameters())
    (group,) = optimizer.param_groups
    batch_size, accumulation, clip, smoothing = c.batch_size, c.accumulation, c.clip_norm, c.label_smoothing
    epoch, cursor, n = 1, 0, len(x_ND)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(derive_seed(c.seed, "order", epoch)))
    base = derive_seed(c.seed, "forward")
    model.train()
    for step in range(1, (c.steps or 0) + 1):
        for key, value in table.get(step, {}).items():
            node, _, what = key.rpartition(".")
            if key in ("lr", "momentum", "weight_decay"):
                group[key] = value
            elif key == "beta1":
                group["betas"] = (value, group["betas"][1])
            elif key == "beta2":
                group["betas"] = (group["betas"][0], value)
            elif key == "batch_size":
                batch_size = value
            elif key == "accumulation":
                accumulation = value
            elif key == "clip_norm":
                clip = value
            elif key == "label_smoothing":
                smoothing = value
            elif what == "dropout":
                model.get_submodule(node).p = value
            elif what == "frozen":
                model.get_submodule(node).requires_grad_(not value)
                model.get_submodule(node).train(not value)
        if cursor == n:
            epoch, cursor = epoch + 1, 0
            order = torch.randperm(n, generator=torch.Generator().manual_seed(derive_seed(c.seed, "order", epoch)))
        batches = []
        while len(batches) < accumulation and cursor < n:
            size = min(batch_size, n - cursor)
            if batch_size > 1 and n - cursor == batch_size + 1:
                size += 1
            batches.append(order[cursor : cursor + size])
            cursor += size
        total = sum(len(b) for b in batches)
        optimizer.zero_grad()
        for number, picked in enumerate(batches):
            torch.manual_seed((base + step * 0x9E3779B97F4A7C15 + number) % 2**63)
            loss = F.cross_entropy(model(x_ND[picked]), y_N[picked], label_smoothing=smoothing)
            (loss * (len(picked) / total)).backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
    return model


COMMON: dict[int, dict[str, Any]] = {
    3: {"lr": 0.03},
    5: {"batch_size": 9, "weight_decay": 0.05},
    8: {"clip_norm": 0.2},
    10: {"accumulation": 3, "label_smoothing": 0.2},
    12: {"drop.dropout": 0.6},
    13: {"fc1.frozen": True, "norm.frozen": True},
    17: {"drop.dropout": 0.0, "clip_norm": 0.0},
    19: {"fc1.frozen": False, "fc2.frozen": True},
    22: {"norm.frozen": False, "batch_size": 52, "accumulation": 1},
    25: {"fc2.frozen": False, "label_smoothing": 0.0, "weight_decay": 0.0},
}
OWN: dict[str, dict[int, dict[str, Any]]] = {
    "sgd": {7: {"momentum": 0.0}, 15: {"momentum": 0.5}},
    "rmsprop": {7: {"momentum": 0.0}, 15: {"momentum": 0.5}},
    "adam": {7: {"beta1": 0.5}, 15: {"beta2": 0.9, "beta1": 0.0}},
    "adamw": {7: {"beta1": 0.5}, 15: {"beta2": 0.9, "beta1": 0.0}},
}


@pytest.mark.parametrize("optimizer", list(OWN))
def test_a_loop_written_by_hand_gives_the_same_weights(tmp_path: Path, optimizer: str) -> None:
    p = plan(tmp_path, steps=30, optimizer=optimizer, lr=0.01)
    table = {**COMMON, **OWN[optimizer]}
    run = train(p, table.items())
    assert run.session.weights_sha256 == weights_sha256(reference(p, table))


def test_the_loop_by_hand_tells_steps_apart(tmp_path: Path) -> None:
    """Guards the test above: one step later is not the same."""
    p = plan(tmp_path, steps=30, lr=0.01)
    assert weights_sha256(reference(p, COMMON)) != weights_sha256(reference(p, {**COMMON, 3: {}, 4: {"lr": 0.03}}))


@pytest.mark.parametrize("batch_size", [1, 13, 103, 104, 105, 500])
def test_batches_of_any_size_by_hand(tmp_path: Path, batch_size: int) -> None:
    p = plan(tmp_path, plain, steps=12, batch_size=batch_size, accumulation=3)
    assert train(p).session.weights_sha256 == weights_sha256(reference(p, {}))


@pytest.mark.parametrize("start_momentum", [0.0, 0.9])
@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop"])
def test_momentum_turned_on_by_hand(tmp_path: Path, optimizer: str, start_momentum: float) -> None:
    """RMSprop makes its buffers only for parameters it first meets while there is momentum."""
    p = plan(tmp_path, steps=14, optimizer=optimizer, momentum=start_momentum)
    run = train(p, [(3, {"fc1.frozen": True}), (5, {"momentum": 0.8}), (8, {"momentum": 0.0}), (11, {"momentum": 0.7})])
    assert run.session.state == "completed"
    if start_momentum:
        whole = {3: {"fc1.frozen": True}, 5: {"momentum": 0.8}, 8: {"momentum": 0.0}, 11: {"momentum": 0.7}}
        assert run.session.weights_sha256 == weights_sha256(reference(p, whole))
    if optimizer == "rmsprop":  # a run that began without momentum goes on as one whose buffers were zero
        state = run.session.engine.optimizer.state
        assert all("momentum_buffer" in state[q] for q in run.session.engine.model.parameters())


# Rows and events


def _events(run: Run) -> list[Any]:
    return RunReader(run.folder).events()


def test_rows_say_what_was_in_force(tmp_path: Path) -> None:
    run = train(
        plan(tmp_path, lr=0.01), [(1, {"weight_decay": 0.1}), (4, {"lr": 0.5, "batch_size": 8}), (9, {"lr": 0.2})]
    )
    reader = RunReader(run.folder)
    steps, lr = reader.series("knob/lr")
    assert steps.tolist() == list(range(1, 21))
    assert lr.tolist() == [0.01] * 3 + [0.5] * 5 + [0.2] * 12
    assert reader.series("effective/lr")[1].tolist() == lr.tolist()
    steps, sizes = reader.series("knob/batch_size")
    assert (steps.tolist(), sizes.tolist()) == ([1, 4], [16.0, 8.0])
    steps, decay = reader.series("knob/weight_decay")
    assert (steps.tolist(), decay.tolist()) == ([1], [0.1])
    assert reader.series("knob/fc1.frozen")[1].tolist() == [0.0]
    applied = [(e.key, e.old, e.new, e.requested_step, e.applied_step) for e in _events(run) if e.status == "applied"]
    assert applied == [
        ("weight_decay", 0.0, 0.1, 1, 1),
        ("lr", 0.01, 0.5, 4, 4),
        ("batch_size", 16, 8, 4, 4),
        ("lr", 0.5, 0.2, 9, 9),
    ]


def test_the_event_says_where_in_the_data_it_happened(tmp_path: Path) -> None:
    run = train(plan(tmp_path), [(1, {"lr": 0.1}), (4, {"lr": 0.2}), (8, {"lr": 0.3}), (9, {"lr": 0.4})])
    n = len(run.session.engine.train)
    assert n == 105
    places = [(e.epoch, e.sample_cursor) for e in _events(run) if e.status == "applied"]
    assert places == [(1, 0), (1, 48), (2, 0), (2, 16)]


@pytest.mark.parametrize("schedule", ["step", "cosine", "one_cycle"])
def test_a_schedule_is_a_factor_and_never_overwrites_the_base(tmp_path: Path, schedule: str) -> None:
    p = plan(tmp_path, schedule=schedule, warmup=0.2, lr=0.01, optimizer="sgd", steps=20)
    run, still = train(p, [(11, {"lr": 0.04})]), train(p)
    reader, plainly = RunReader(run.folder), RunReader(still.folder)
    assert reader.series("knob/lr")[1].tolist() == [0.01] * 10 + [0.04] * 10
    mine, theirs = reader.series("effective/lr")[1], plainly.series("effective/lr")[1]
    assert mine[:10].tolist() == theirs[:10].tolist()
    for ours, base in zip(mine[10:].tolist(), theirs[10:].tolist(), strict=True):
        assert math.isclose(ours, 4 * base, rel_tol=1e-12)
    assert len(set(theirs.tolist())) > 2
    assert run.session.board.values["lr"] == 0.04


def test_factors_by_their_formulas(tmp_path: Path) -> None:
    def rows(**config: Any) -> list[float]:
        run = train(plan(tmp_path, lr=1.0, steps=10, optimizer="sgd", **config))
        return [float(value) for value in RunReader(run.folder).series("effective/lr")[1]]

    def half_cosine(start: float, end: float, part: float) -> float:
        return end + (start - end) * (1 + math.cos(math.pi * part)) / 2

    progress = [i / 10 for i in range(10)]
    assert rows(schedule="step", milestones=(0.3, 0.6), gamma=0.5) == [1.0] * 3 + [0.5] * 3 + [0.25] * 4
    assert rows(schedule="cosine", min_factor=0.1) == pytest.approx([half_cosine(1, 0.1, part) for part in progress])
    assert rows(warmup=0.5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1, 1])
    rise = [half_cosine(0.04, 1, part / 0.3) for part in progress[:3]]
    fall = [half_cosine(1, 4e-6, (part - 0.3) / 0.7) for part in progress[3:]]
    assert rows(schedule="one_cycle") == pytest.approx([*rise, *fall])
    cold = rows(schedule="cosine", warmup=0.2)
    assert cold == pytest.approx([half_cosine(1, 0, part) * min(1, part / 0.2) for part in progress])


# Several changes, refusals


REFUSALS = [
    ({"speed": 1.0}, "no knob 'speed'"),
    ({"lr": -0.1}, "lr must be a number from 0 to 100"),
    ({"lr": math.nan}, "lr must be"),
    ({"lr": math.inf}, "lr must be"),
    ({"lr": True}, "lr must be"),
    ({"lr": "0.1"}, "lr must be"),
    ({"lr": 10**400}, "lr must be"),
    ({"batch_size": 0}, "batch_size must be a whole number"),
    ({"batch_size": 7.5}, "batch_size must be a whole number"),
    ({"batch_size": 10**400}, "batch_size must be"),
    ({"beta1": 0.5}, "sgd has no beta1"),
    ({"fc1.dropout": 0.5}, "fc1 has no dropout"),
    ({"act.frozen": True}, "act has no weights"),
    ({"drop.dropout": 1.5}, "drop.dropout must be"),
    ({"fc1.frozen": 1}, "fc1.frozen must be true or false"),
    ({"fc1.frozen": True, "fc2.frozen": True, "norm.frozen": True}, "last trainable layer"),
    ({"lr": 0.5, "batch_size": -1}, "batch_size must be"),
    ({}, "either changes knobs or is a control"),
]


@pytest.mark.parametrize(("changes", "why"), REFUSALS, ids=[str(c)[:40] for c, _ in REFUSALS])
def test_a_refusal_changes_nothing_says_why_and_is_logged(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    p = plan(tmp_path, optimizer="sgd", steps=4)
    run = start(p)
    pump_until(run.session, 2)
    before = dict(run.session.board.values)
    with pytest.raises(Refused, match=why.replace("(", r"\(")) as refusal:
        run.session.request(Request(changes=changes))
    assert run.session.board.values == before
    pump(run.session)
    assert run.session.board.values == before
    assert run.session.weights_sha256 == train(p).session.weights_sha256
    events = _events(run)
    assert [(e.key, e.status, e.applied_step) for e in events] == [(key, "rejected", None) for key in changes]
    assert all(e.why == str(refusal.value) and e.requested_at_step == 2 for e in events)


def test_label_smoothing_with_a_loss_that_has_none(tmp_path: Path) -> None:
    run = start(plan(tmp_path, plain, "diabetes", {}, loss="mse"))
    with pytest.raises(Refused, match="the loss mse has no label smoothing"):
        run.session.request(Request(changes={"label_smoothing": 0.1}))
    run.log.abandon()


@pytest.mark.parametrize(
    "bad",
    [
        {"at_step": 0}, {"at_step": -3}, {"at_step": 2.0}, {"steps": 1.5, "action": "run"}, {"action": "dance"},
        {"action": "run", "steps": 0}, {"action": "extend"}, {"action": "extend", "steps": 2}, {"gesture": 7},
        {"reason": b"x"}, {"actor": "ghost"}, {"action": "pause", "changes": {"lr": 1.0}},
    ],
    ids=str,
)  # fmt: skip
def test_a_request_that_makes_no_sense_is_refused_and_the_log_stays_readable(
    tmp_path: Path, bad: dict[str, Any]
) -> None:
    run = start(plan(tmp_path, steps=4))
    pump_until(run.session, 2)
    base = {} if "action" in bad else {"changes": {"lr": 0.1}}
    with pytest.raises(Refused):
        run.session.request(Request(**{**base, **bad}))
    pump(run.session)
    assert run.session.state == "completed"
    assert all(e.status == "rejected" for e in _events(run))
    assert RunReader(run.folder).verify() is None


def test_two_requests_that_together_freeze_everything(tmp_path: Path) -> None:
    run = start(plan(tmp_path, plain, steps=6))
    pump_until(run.session, 2)
    first = run.session.request(Request(changes={"fc1.frozen": True}))
    with pytest.raises(Refused, match="last trainable"):
        run.session.request(Request(changes={"fc2.frozen": True}))
    pump(run.session)
    assert first.status == "applied" and first.applied_step == 3
    assert run.session.board.values["fc2.frozen"] is False
    assert sorted((e.key, e.status) for e in _events(run)) == [("fc1.frozen", "applied"), ("fc2.frozen", "rejected")]


def test_a_later_freeze_that_has_become_the_last_is_refused_at_its_step(tmp_path: Path) -> None:
    """When it was asked it was fine; another request came between."""
    run = start(plan(tmp_path, plain, steps=10))
    later = run.session.request(Request(changes={"fc2.frozen": True, "lr": 0.5}, at_step=8))
    sooner = run.session.request(Request(changes={"fc1.frozen": True}, at_step=5))
    pump(run.session)
    assert (sooner.status, later.status) == ("applied", "rejected")
    assert "last trainable" in (later.why or "")
    assert run.session.board.values["lr"] != 0.5  # all of it or nothing
    assert [(e.key, e.status) for e in _events(run)] == [
        ("fc2.frozen", "queued"), ("lr", "queued"), ("fc1.frozen", "queued"),
        ("fc1.frozen", "applied"), ("fc2.frozen", "rejected"), ("lr", "rejected"),
    ]  # fmt: skip


def test_swapping_which_layer_is_frozen_in_one_request(tmp_path: Path) -> None:
    run = train(plan(tmp_path, plain), [(3, {"fc1.frozen": True}), (6, {"fc2.frozen": True, "fc1.frozen": False})])
    assert run.session.board.values["fc2.frozen"] is True and run.session.board.values["fc1.frozen"] is False


def test_one_drag_keeps_only_the_newest(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=6))
    pump_until(run.session, 2)
    values = [0.01, 0.02, 0.03, 0.04]
    tickets = [run.session.request(Request(changes={"lr": v}, gesture="drag", widget="lr slider")) for v in values]
    other = run.session.request(Request(changes={"weight_decay": 0.1}, gesture="drag"))
    pump(run.session)
    assert [t.status for t in tickets] == ["superseded"] * 3 + ["applied"]
    assert other.status == "applied"
    assert [(e.key, e.new, e.gesture) for e in _events(run)] == [("lr", 0.04, "drag"), ("weight_decay", 0.1, "drag")]


def test_values_of_one_drag_at_several_boundaries_share_the_gesture(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=8))
    for pulse in run.session.steps():
        if pulse.kind == "step" and pulse.step <= 3:
            run.session.request(Request(changes={"lr": pulse.step / 100}, gesture="d"))
    assert [(e.new, e.gesture, e.applied_step) for e in _events(run)] == [
        (0.01, "d", 2),
        (0.02, "d", 3),
        (0.03, "d", 4),
    ]


def test_requests_that_are_not_a_drag_all_count_in_order(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=4))
    tickets = ask(run.session, [(2, {"lr": 0.1}), (2, {"lr": 0.2}), (2, {"lr": 0.3})])
    pump(run.session)
    assert {t.status for t in tickets} == {"applied"}
    assert [(e.old, e.new) for e in _events(run) if e.status == "applied"] == [(0.001, 0.1), (0.1, 0.2), (0.2, 0.3)]


def test_a_step_that_has_passed_means_the_next_one(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=8))
    pump_until(run.session, 5)
    ticket = run.session.request(Request(changes={"lr": 0.5}, at_step=3))
    pump(run.session)
    (event,) = _events(run)
    assert ticket.applied_step == 6
    assert (event.requested_step, event.applied_step, event.requested_at_step) == (3, 6, 5)
    assert RunReader(run.folder).series("knob/lr")[1].tolist() == [0.001] * 5 + [0.5] * 3


def test_a_hand_comes_after_what_was_queued_for_the_same_step(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=8))
    ask(run.session, [(6, {"lr": 0.7})])
    pump_until(run.session, 5)
    run.session.request(Request(changes={"lr": 0.5}))
    pump(run.session)
    assert RunReader(run.folder).series("knob/lr")[1].tolist() == [0.001] * 5 + [0.5] * 3


def test_turning_a_knob_while_paused_counts_from_the_next_step(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=5), paused=True)
    for pulse in run.session.steps():
        if pulse.kind == "paused" and "lr" not in [e.key for e in run.session._to_record]:
            if run.session.board.values["lr"] != 0.3:
                run.session.request(Request(changes={"lr": 0.3}))
            else:
                run.session.request(Request(action="run"))
    assert RunReader(run.folder).series("knob/lr")[1].tolist() == [0.3] * 5


# Frozen


def test_frozen_means_frozen(tmp_path: Path) -> None:
    """No gradient, state of the optimizer kept, statistics fixed, weights bit-equal until unfrozen."""
    run = start(plan(tmp_path, steps=20, optimizer="adam", weight_decay=0.1))
    session, engine = run.session, run.session.engine
    nodes = [engine.model.get_submodule(name) for name in ("fc1", "norm")]
    ask(session, [(6, {"fc1.frozen": True, "norm.frozen": True}), (13, {"fc1.frozen": False, "norm.frozen": False})])
    grads: dict[int, list[bool]] = {}

    def before_update(*_args: object) -> None:
        grads[session.step + 1] = [p.grad is None for node in nodes for p in node.parameters()]

    engine.optimizer.register_step_pre_hook(before_update)
    seen = {}
    for pulse in session.steps():
        if pulse.kind == "step":
            values = [t.clone() for node in nodes for t in (*node.parameters(), *node.buffers())]
            state = [engine.optimizer.state[p]["exp_avg"].clone() for node in nodes for p in node.parameters()]
            counts = [float(engine.optimizer.state[p]["step"]) for node in nodes for p in node.parameters()]
            seen[pulse.step] = (values, state, counts)
    for step in range(1, 21):
        frozen = 6 <= step <= 12
        assert set(grads[step]) == {frozen}, step
        if step > 1:
            same = [torch.equal(a, b) for a, b in zip(seen[step][0], seen[step - 1][0], strict=True)]
            assert set(same) == ({True} if frozen else {False}), step
            kept = [torch.equal(a, b) for a, b in zip(seen[step][1], seen[step - 1][1], strict=True)]
            assert set(kept) == ({True} if frozen else {False}), step
    assert seen[12][2] == [5.0] * 4 and seen[20][2] == [13.0] * 4


def test_freezing_with_accumulation_between_and_validation(tmp_path: Path) -> None:
    """Validation sets modes; a frozen normalisation must stay fixed after it."""
    run = start(plan(tmp_path, steps=12, validation_every=2, accumulation=2))
    ask(run.session, [(4, {"norm.frozen": True})])
    norm = run.session.engine.model.get_submodule("norm")
    seen = []
    for pulse in run.session.steps():
        if pulse.kind == "step" and pulse.step >= 3:
            seen.append(norm.running_mean.clone())
    assert all(torch.equal(seen[0], other) for other in seen[1:])


def test_a_node_frozen_in_the_document_starts_frozen(tmp_path: Path) -> None:
    p = plan(tmp_path)
    graph = p.document.graph
    p = replace(p, document=p.document.with_graph(graph.replace(replace(graph.nodes["fc1"], frozen=True))))
    run = start(p)
    before = run.session.engine.model.get_submodule("fc1").weight.clone()
    ask(run.session, [(11, {"fc1.frozen": False})])
    pump_until(run.session, 10)
    assert torch.equal(before, run.session.engine.model.get_submodule("fc1").weight)
    pump(run.session)
    assert not torch.equal(before, run.session.engine.model.get_submodule("fc1").weight)


def test_a_document_with_everything_frozen_is_refused(tmp_path: Path) -> None:
    p = plan(tmp_path, plain)
    graph = p.document.graph
    for name in ("fc1", "fc2"):
        graph = graph.replace(replace(graph.nodes[name], frozen=True))
    with pytest.raises(Refused, match="last trainable"):
        start(replace(p, document=p.document.with_graph(graph)))
    assert not list(tmp_path.iterdir())


def test_mixed_has_what_these_tests_need(tmp_path: Path) -> None:
    p = plan(tmp_path, mixed)
    assert {n.layer for n in p.document.graph.nodes.values()} >= {"batch_norm", "dropout", "linear"}
    run = start(p)
    assert weights(run.session) != "" and whole_state(run.session) != ""
    run.log.abandon()
