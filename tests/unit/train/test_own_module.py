"""A module of the person's own trains as it is: the same numbers as by hand, with every knob, log and checkpoint."""

from __future__ import annotations

import asyncio
import copy
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neuralforge.app.drivers import FrameClock
from neuralforge.app.planning import is_module, make_plan, plan_for_window
from neuralforge.app.rundesk import begin, read_run
from neuralforge.codegen.module import generate
from neuralforge.data import prepare, split
from neuralforge.data.order import EpochOrder, next_batch_size
from neuralforge.data.tensors import TensorData
from neuralforge.errors import UserError
from neuralforge.export.trained import load_trained
from neuralforge.graph.document import loads
from neuralforge.layers.registry import catalog
from neuralforge.runs.reader import RunReader
from neuralforge.train.build import build_module
from neuralforge.train.checkpoint import read_checkpoint
from neuralforge.train.hashing import state_of, tensors_sha256, weights_sha256
from neuralforge.train.launch import DataReference, Plan, Run, check, replay, reset, resume, start
from neuralforge.train.own_module import OwnModule
from neuralforge.train.specimen import open_specimen
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.knobs import Refused
from neuralforge.workbench.requests import Request
from tests.unit.train.kit import MOONS, ask, mixed, outcome, plan, pump, pump_until, raw, whole_state


class Mine(nn.Module):
    """Features in a container, dropout within it, a head: as people write them."""

    def __init__(self, p: float = 0.0) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Linear(2, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(p))
        self.head = nn.Linear(12, 2)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.head(self.features(x))
        return result


def mine(p: float = 0.0) -> Mine:
    torch.manual_seed(11)
    return Mine(p)


def own_plan(runs: Path, model: nn.Module, data: str = "moons", **config: Any) -> Plan:
    module, options = OwnModule(model), dict(MOONS if data == "moons" else {})
    usual: dict[str, Any] = {"threads": 1, "device": "cpu", "checkpoint_minutes": 0.0, "batch_size": 16, "steps": 20}
    return Plan(
        document=module.document,
        data=DataReference(text=data, options=options),
        raw=raw(data, **options),
        task=raw(data, **options).info.task,
        config=TrainConfig(**{**usual, **config}),
        runs_dir=runs,
        module=module,
    )


def trained(plan_: Plan, script: Any = ()) -> Run:
    run = start(plan_)
    ask(run.session, script)
    pump(run.session)
    return run


def batches(plan_: Plan) -> Iterator[tuple[Tensor, Tensor]]:
    """Walk the data as a run does."""
    config = plan_.config
    parts = split(plan_.raw, config.split, seed=config.seed, stratify=config.stratify)
    data = TensorData.from_prepared(prepare(plan_.raw, parts, config.standardise), "train")
    epoch = 1
    while True:
        order = EpochOrder(config.seed, len(data), epoch=epoch)
        while not order.at_end:
            yield data.batch(order.take(next_batch_size(order.cursor, len(data), config.batch_size)))
        epoch += 1


def copied(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in state_of(model).items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


# Numbers


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_it_trains_bit_for_bit_as_a_loop_by_hand(tmp_path: Path, optimizer: str) -> None:
    model, twin = mine(), mine()
    p = own_plan(tmp_path, model, optimizer=optimizer, lr=0.05, momentum=0.9, weight_decay=0.01)
    run = trained(p)
    torch.set_num_threads(1)
    by_hand: torch.optim.Optimizer
    if optimizer == "sgd":
        by_hand = torch.optim.SGD(twin.parameters(), lr=0.05, momentum=0.9, weight_decay=0.01)
    else:
        by_hand = torch.optim.AdamW(twin.parameters(), lr=0.05, weight_decay=0.01)
    losses = []
    twin.train()
    for _, (x, y) in zip(range(20), batches(p), strict=False):
        loss = F.cross_entropy(twin(x), y)
        losses.append(loss.item())
        by_hand.zero_grad()
        loss.backward()
        by_hand.step()
    assert RunReader(run.folder).series("train/loss")[1].tolist() == losses
    assert same(copied(model), copied(twin))
    assert run.session.engine.model is model, "the very object trains"


def test_it_trains_bit_for_bit_as_the_drawn_network_that_it_is(tmp_path: Path) -> None:
    script = [
        (5, {"drop.dropout": 0.6, "norm.frozen": True}),
        (9, {"lr": 0.01, "batch_size": 7}),
        (14, {"norm.frozen": False, "fc1.frozen": True}),
    ]
    config = {"seed": 3, "validation_every": 4, "optimizer": "adamw"}
    drawn = plan(tmp_path / "drawn", mixed, **config)
    model = build_module(generate(drawn.document, catalog()), seed=3)
    one, other = trained(drawn, script), trained(own_plan(tmp_path / "own", model, **config), script)
    first, second = outcome(one.folder), outcome(other.folder)
    assert not first.differences(second)
    assert whole_state(one.session) == whole_state(other.session)
    assert one.session.board.knobs == other.session.board.knobs and "drop.dropout" in one.session.board.knobs


def test_the_same_beginning_gives_the_same_run_whatever_else_draws_numbers(tmp_path: Path) -> None:
    """A forward pass of which nobody knows what it draws, in evaluation too, draws it from the seed of the run."""

    class Noisy(Mine):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(F.dropout(x, 0.2) + 0.1 * torch.randn_like(x))

    results = []
    for disturbed in (False, True):
        torch.manual_seed(11)
        run = start(own_plan(tmp_path / str(disturbed), Noisy(0.2), validation_every=5))
        assert run.session.engine.subject.draws_in_evaluation
        before = torch.get_rng_state()
        pump(run.session, (lambda _pulse: torch.rand(3)) if disturbed else None)
        assert disturbed or torch.equal(before, torch.get_rng_state()), "it leaves no trace outside"
        results.append(outcome(run.folder))
    assert not results[0].differences(results[1])


def test_a_loss_that_is_not_finite_is_traced_to_a_module(tmp_path: Path) -> None:
    model = mine(0.3)
    run = start(own_plan(tmp_path, model))
    pump_until(run.session, 4)
    before = whole_state(run.session)
    hook = model.features[2].register_forward_hook(lambda m, _a, out: out * torch.inf if m.training else out)
    pump(run.session)
    assert run.session.trouble == "The loss of step 5 is not finite; it began in the output of features.2."
    assert whole_state(run.session) == before, "statistics of the normalisation too"
    hook.remove()
    with torch.no_grad():
        model.head.bias[0] = torch.nan
    run.session.request(Request(action="run"))
    pump(run.session)
    assert "it began in the weights of head (bias)." in (run.session.trouble or "")
    run.log.abandon()


# Knobs


def test_knobs_with_dots_in_their_paths_work_to_the_log(tmp_path: Path) -> None:
    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(2, 6), nn.Dropout(0.25), nn.BatchNorm1d(6), nn.Linear(6, 2))

        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = self.net(x)
            return result

    torch.manual_seed(0)
    model = Wrapped()
    run = start(own_plan(tmp_path, model, steps=12))
    board = run.session.board
    assert [k for k in board.knobs if "." in k] == ["net.1.dropout", "net.0.frozen", "net.2.frozen", "net.3.frozen"]
    assert board.knobs["net.0.frozen"].node == "net.0" and board.values["net.1.dropout"] == 0.25
    ask(run.session, [(3, {"net.0.frozen": True, "net.2.frozen": True}), (6, {"net.1.dropout": 0.5})])
    ask(run.session, [(9, {"net.0.frozen": False})])
    seen: dict[int, dict[str, Tensor]] = {}
    pump(run.session, lambda pulse: seen.setdefault(pulse.step, copied(model)))
    for step in range(3, 12):  # frozen are weights and statistics, and only while it is in force
        changed = {name for name in seen[step] if not torch.equal(seen[step][name], seen[step - 1][name])}
        assert ("net.0.weight" in changed) == (step >= 9), step
        assert not {n for n in changed if n.startswith("net.2.")} and "net.3.weight" in changed
    assert model.net[1].p == 0.5
    reader = RunReader(run.folder)
    assert reader.series("knob/net.1.dropout")[0].tolist() == [1, 6]
    assert reader.series("knob/net.0.frozen")[1].tolist() == [0.0, 1.0, 0.0]
    assert {event.key for event in reader.events() if event.status == "applied"} >= {"net.0.frozen", "net.1.dropout"}
    assert reader.verify() is None


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("features.0.frozen", "features.0.frozen cannot be set: it is frozen together with features."),
        ("features.2.frozen", "features.2.frozen cannot be set: features.2 has no weights."),
        ("head.dropout", "head.dropout cannot be set: head has no dropout."),
        ("tail.frozen", "there is no node 'tail'. There are: features, head, features.3"),
    ],
)
def test_a_knob_that_is_not_there_is_refused_with_the_reason(tmp_path: Path, key: str, words: str) -> None:
    run = start(own_plan(tmp_path, mine(0.1)))
    with pytest.raises(Refused) as caught:
        run.session.request(Request(changes={key: True}))
    assert words in str(caught.value)
    run.log.abandon()


def test_the_last_part_that_trains_cannot_be_frozen(tmp_path: Path) -> None:
    class Tied(nn.Module):
        """Two layers that share a weight, and a number of its own that nothing can freeze."""

        def __init__(self, free: bool) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(2, 2), nn.Linear(2, 2)
            self.two.weight, self.two.bias = self.one.weight, self.one.bias
            self.scale = nn.Parameter(torch.ones(2), requires_grad=free)

        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = self.two(self.one(x).relu()) * self.scale
            return result

    bound, free = start(own_plan(tmp_path, Tied(False))), start(own_plan(tmp_path, Tied(True)))
    assert [k for k in bound.session.board.knobs if k.endswith(".frozen")] == ["one.frozen"], "what is shared is one's"
    with pytest.raises(Refused, match="last trainable"):
        bound.session.request(Request(changes={"one.frozen": True}))
    bound.log.abandon()
    free.session.request(Request(changes={"one.frozen": True}))
    model = free.session.engine.model
    before = copied(model)
    pump(free.session)
    assert {name for name, tensor in copied(model).items() if not torch.equal(tensor, before[name])} == {"scale"}


def test_what_the_person_has_frozen_stays_so(tmp_path: Path) -> None:
    model = mine()
    model.features.requires_grad_(False)
    model.head.bias.requires_grad_(False)
    run = start(own_plan(tmp_path, model, steps=8))
    assert (run.session.board.values["features.frozen"], run.session.board.values["head.frozen"]) == (True, False)
    ask(run.session, [(3, {"head.frozen": True, "features.frozen": False}), (5, {"head.frozen": False})])
    before = copied(model)
    pump_until(run.session, 2)
    assert {n for n, t in copied(model).items() if not torch.equal(t, before[n])} == {"head.weight"}
    pump(run.session)
    assert all(parameter.requires_grad for parameter in model.features.parameters())
    assert not model.head.bias.requires_grad and torch.equal(model.head.bias, before["head.bias"])


def test_modules_with_names_that_no_series_can_have_train_without_knobs(tmp_path: Path) -> None:
    model = nn.Sequential()
    for name, layer in {"first layer": nn.Linear(2, 8), "drop/it": nn.Dropout(0.1), "ünter": nn.Linear(8, 2)}.items():
        model.add_module(name, layer)
    run = trained(own_plan(tmp_path, model))
    assert run.session.state == "completed" and not any("." in key for key in run.session.board.knobs)


# Log, checkpoints, refusals


def test_the_log_says_what_it_is_and_holds_its_source(tmp_path: Path) -> None:
    run = trained(own_plan(tmp_path, mine()))
    reader = RunReader(run.folder)
    assert (reader.attributes["kind"], bool(reader.attributes["replayable"])) == ("own module", False)
    document = loads(reader.document, "it")
    assert (document.name, len(document.graph.nodes), reader.attributes["name"]) == ("Mine", 0, "Mine")
    assert inspect.getsource(Mine).rstrip() in reader.source and "# Mine(" in reader.source
    assert reader.attributes["weights_sha256"] == weights_sha256(run.session.engine.model)
    assert reader.verify() is None and reader.status == "completed"
    opened = read_run(run.folder).view(False)
    assert opened.modules == () and "class Mine" in opened.own_source and not opened.can_resume


def test_a_checkpoint_brings_everything_back(tmp_path: Path) -> None:
    model = mine(0.3)
    p = own_plan(tmp_path, model, optimizer="adam", checkpoint_every=8, validation_every=6)
    run = trained(p, [(4, {"features.3.dropout": 0.5}), (7, {"features.frozen": True})])
    ended = whole_state(run.session)
    entry = next(entry for entry in RunReader(run.folder).checkpoints() if entry.step == 8)
    snapshot = read_checkpoint(run.folder / entry.file, entry.sha256)
    again = start(own_plan(tmp_path, Mine(0.9)))
    again.session.restore(snapshot)
    assert (again.session.step, again.session.board.values["features.3.dropout"]) == (8, 0.5)
    pump(again.session)
    assert whole_state(again.session) == ended


def test_it_is_neither_resumed_nor_replayed_nor_looked_into_nor_exported(tmp_path: Path) -> None:
    run = start(own_plan(tmp_path, mine()))
    pump_until(run.session, 10)
    run.session.end("paused")
    for what in (resume, replay, open_specimen, load_trained):
        with pytest.raises(UserError, match="not drawn here"):
            what(run.folder)
    assert RunReader(run.folder).status == "paused"


def test_reset_begins_as_the_first_run_of_the_plan_did(tmp_path: Path) -> None:
    model = mine(0.3)
    p = own_plan(tmp_path, model)
    before = copied(model)
    run = start(p)
    ask(run.session, [(3, {"features.3.dropout": 0.8, "features.frozen": True})])
    pump_until(run.session, 10)
    assert not same(copied(model), before) and not model.features[0].weight.requires_grad
    again = reset(run)
    assert RunReader(run.folder).status == "stopped"
    assert again.session.engine.model is model and same(copied(model), before)
    assert model.features[3].p == 0.3 and all(parameter.requires_grad for parameter in model.parameters())
    pump(again.session)
    whole = trained(own_plan(tmp_path, mine(0.3)))
    assert not outcome(again.folder).differences(outcome(whole.folder))
    model.head = nn.Linear(12, 5)
    with pytest.raises(UserError, match="Mine has other modules now than when its first run began"):
        start(p)


def test_it_is_brought_to_float32_and_left_there(tmp_path: Path) -> None:
    model = mine().double()
    weight = model.head.weight
    torch.manual_seed(5)
    seeded = own_plan(tmp_path, model, seed=5, steps=1, lr=1e-12)
    narrow = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in copied(model).items()}
    run = start(seeded)
    assert run.session.engine.model is model and model.head.weight is weight
    assert weight.dtype == torch.float32 and same(copied(model), narrow), "the seed does not touch the weights"
    weight.grad = torch.ones_like(weight)
    again = start(own_plan(tmp_path, model))
    assert weight.grad is None, "what was left there is no part of the first update"
    run.log.abandon()
    again.log.abandon()


# Planning and the window


def test_a_module_is_planned_as_a_template_is(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    p = make_plan(model, "digits", runs_dir=tmp_path, steps=4, threads=1, device="cpu")
    assert p.module is not None and p.module.model is model and p.document is p.module.document
    assert (p.task, p.document.name, p.data.text) == ("classification", "Sequential", "digits")
    check(p)
    run = trained(p)
    assert run.session.state == "completed"
    planned = plan_for_window(model, "digits", runs_dir=tmp_path, steps=4)
    assert planned.path is None and planned.view.state == "ready"
    with pytest.raises(UserError, match=r"head\.frozen belongs to your own module"):
        make_plan(model, "digits", settings=["head.frozen=true"])
    with pytest.raises(UserError, match="beta1 cannot be set: sgd has no beta1"):
        make_plan(model, "digits", optimizer="sgd", beta1=0.5)
    with pytest.raises(UserError, match=r"Only an nn\.Module can be trained\. Received: int"):
        make_plan(3, "digits")  # type: ignore[arg-type]
    assert is_module(model) and not is_module("mlp")


def test_planning_loads_no_torch() -> None:
    text = "import sys, neuralforge.app.planning as p; assert not p.is_module(p); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_window_sees_its_modules_and_its_source(tmp_path: Path) -> None:
    async def main() -> None:
        live = await begin(own_plan(tmp_path, mine(0.2)), FrameClock(), lambda run: None, paused=True)
        view = live.view(False)
        assert view.modules is not None and [row.path for row in view.modules][:3] == ["", "features", "features.0"]
        assert "class Mine" in view.own_source and view.name == "Mine" and not view.own_loop
        assert view.modules is live.view(False).modules
        await live.end(stop=True)
        assert not live.view(False).can_resume

        drawn = await begin(plan(tmp_path), FrameClock(), lambda run: None, paused=True)
        assert drawn.view(False).modules is None and drawn.view(False).own_source == ""
        await drawn.end(stop=True)

    asyncio.run(main())


def test_a_check_beforehand_neither_runs_nor_moves_it(tmp_path: Path) -> None:
    """Another run may train meanwhile, perhaps of this very module."""
    model = mine().double()
    calls: list[object] = []
    model.register_forward_pre_hook(lambda *_: calls.append(1))
    before, state = copied(model), torch.get_rng_state()
    check(own_plan(tmp_path, model))
    assert not calls and same(copied(model), before) and model.training
    assert torch.equal(state, torch.get_rng_state()) and not list(tmp_path.iterdir())


def test_copies_train_alike(tmp_path: Path) -> None:
    model = mine(0.4)
    other = copy.deepcopy(model)
    one, two = trained(own_plan(tmp_path, model)), trained(own_plan(tmp_path, other))
    assert tensors_sha256(state_of(model)) == tensors_sha256(state_of(other))
    assert not outcome(one.folder).differences(outcome(two.folder))
