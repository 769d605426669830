"""A module of the person's own is tried out before it trains and looked into while it does: nothing of it changes."""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from neuralforge.codegen.module import generate
from neuralforge.errors import UserError
from neuralforge.graph.inference import infer_all
from neuralforge.layers.registry import catalog
from neuralforge.train.build import build_module
from neuralforge.train.glimpse import SampleOf
from neuralforge.train.launch import Run, start
from neuralforge.train.loop_watch import ROOT
from neuralforge.train.module_source import source_of
from neuralforge.train.own_module import OwnModule, _owners, _parts, module_rows
from tests.unit.train.kit import ask, outcome, plain, plan, pump, pump_until, raw, template, whole_state
from tests.unit.train.test_own_module import Mine, copied, mine, own_plan, same, trained

ALL = frozenset({"gradients", "node", "maps", "boundary", "prediction"})


class Lambda(nn.Module):
    """A module whose forward pass is a function."""

    def __init__(self, forward: Callable[[Tensor], Any], *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(layers or (nn.Linear(2, 2),)))
        self._function = forward

    def forward(self, x: Tensor) -> Any:
        return self._function(self.layers(x))


class Restless(Mine):
    """Counts its forward passes and draws, in evaluation too; counts once in place, once by another buffer."""

    calls: Tensor
    more: Tensor

    def __init__(self) -> None:
        super().__init__(0.3)
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("more", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.more = self.more + 1
        return super().forward(x) + 0.001 * self.calls + 0.01 * torch.rand(())


# Trying it out


def test_trying_it_out_changes_nothing(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Restless()
    model.features[1].eval()  # a mode that a person has set
    modes = [module.training for module in model.modules()]
    seen: list[tuple[int, bool, bool]] = []
    hook = model.register_forward_pre_hook(
        lambda m, args: seen.append((len(args[0]), m.training, torch.is_grad_enabled()))
    )
    before, state = copied(model), torch.get_rng_state()
    module, p = OwnModule(model), own_plan(tmp_path, model)
    with pytest.raises(UserError):
        start(own_plan(tmp_path, model, data="digits"))
    assert seen == [(2, False, False)] and [m.training for m in model.modules()] == modes
    assert same(copied(model), before) and torch.equal(state, torch.get_rng_state())
    run = start(p)
    hook.remove()
    assert len(seen) == 2 and same(copied(model), before) and module.model is model
    assert [place.name for place in run.session.engine.subject.restless] == ["calls", "more"]
    assert torch.equal(state, torch.get_rng_state()) and all(p.grad is None for p in model.parameters())
    run.log.abandon()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: nn.Linear(3, 2),
            "Linear cannot take moons with samples of [B, 2]: RuntimeError: mat1 and",
        ),
        (lambda: Lambda(lambda x: (x, x)), "Lambda returns a tuple, but training needs one tensor."),
        (lambda: Lambda(lambda x: x.sum()), "Lambda returns [] for 2 samples; its first size must be their number."),
        (lambda: Lambda(lambda x: x.repeat(2, 1)), "Lambda returns [4, 2] for 2 samples; its first size"),
        (lambda: nn.Linear(2, 5), "The network returns [B, 5], but cross_entropy for classification with moons needs"),
        (lambda: Lambda(lambda x: x.argmax(1)), "The network returns [B] int64, but cross_entropy"),
        (lambda: Lambda(lambda x: x.double()), "The network returns [B, 2] float64, but cross_entropy"),
        (lambda: nn.Linear(2, 2).requires_grad_(False), "Linear has no parameters that train."),
        (nn.Flatten, "Flatten has no parameters that train."),
        (lambda: nn.LazyLinear(2), "LazyLinear has lazy modules without weights yet; call it once on a batch"),
        (lambda: nn.Linear(2, 2, device="meta"), "Linear has weights on the meta device"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path: Path, make: Callable[[], nn.Module], words: str) -> None:
    with pytest.raises(UserError) as caught:
        start(own_plan(tmp_path, make()))
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir()), "no run is left behind"


def test_other_tasks_are_judged_by_what_they_need(tmp_path: Path) -> None:
    one_logit = start(own_plan(tmp_path, nn.Linear(2, 1), loss="bce_with_logits"))
    one_logit.log.abandon()
    logs = start(own_plan(tmp_path, nn.Sequential(nn.Linear(2, 2), nn.LogSoftmax(1)), loss="nll"))
    logs.log.abandon()
    with pytest.raises(UserError, match="The loss nll needs log-probabilities"):
        start(own_plan(tmp_path, nn.Linear(2, 2), loss="nll"))
    half = start(own_plan(tmp_path, nn.Linear(2, 2).double()))  # its answer is float32 once it is
    half.log.abandon()


def test_the_work_of_a_forward_pass_is_counted_as_for_a_drawn_network(tmp_path: Path) -> None:
    document, _ = template("small_cnn", raw("digits").info)
    model = build_module(generate(document, catalog()), 0)
    run = start(own_plan(tmp_path, model, data="digits"))
    assert run.session.engine.subject.macs == pytest.approx(
        infer_all(document.graph, catalog()).totals().macs, rel=0.05
    )
    run.log.abandon()


def test_a_forward_pass_that_writes_to_its_input_does_not_spoil_the_data(tmp_path: Path) -> None:
    class Shifting(Mine):
        def forward(self, x: Tensor) -> Tensor:
            x += 1.0
            return super().forward(x)

    class Plain(Mine):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x + 1.0)

    outcomes = []
    for kind in (Shifting, Plain):
        torch.manual_seed(1)
        run = start(own_plan(tmp_path / kind.__name__, kind(), validation_every=3), watch=True)
        assert run.watch is not None
        run.watch.wants, run.watch.node = ALL, "features.0"
        inputs = run.session.engine.validation.inputs.clone()
        pump(run.session)
        assert torch.equal(run.session.engine.validation.inputs, inputs)
        outcomes.append(outcome(run.folder))
    assert not outcomes[0].differences(outcomes[1])


# Looking into it


def _looked_at(run: Run, node: str) -> Callable[[Any], None]:
    """Take all looks after each pulse."""
    watch = run.watch
    assert watch is not None
    watch.wants, watch.node = ALL, node

    def take(_pulse: Any) -> None:
        watch._pace.due_secs = watch._due_secs = float("-inf")
        for look in watch._looks:
            look.pace.due_secs = float("-inf")
        watch.ask(SampleOf("validation", 0))
        for _ in watch._looks:
            watch._due_secs = float("-inf")
            watch.service(run.session)
        assert watch.trouble is None

    return take


@pytest.mark.parametrize("kind", [Mine, Restless])
def test_looks_change_no_number(tmp_path: Path, kind: type[Mine]) -> None:
    script = [(4, {"features.frozen": True}), (8, {"features.frozen": False, "features.3.dropout": 0.5})]
    runs = []
    for looked in (False, True):
        torch.manual_seed(2)
        run = start(own_plan(tmp_path / str(looked), kind(), validation_every=5, optimizer="adam"), watch=looked)
        ask(run.session, script)
        pump(run.session, _looked_at(run, "features.2") if looked else None)
        runs.append(run)
    watch = runs[1].watch
    assert watch is not None and None not in (watch.layers, watch.node_look, watch.maps, watch.boundary)
    assert watch.prediction is not None and watch.trouble is None
    assert not outcome(runs[0].folder).differences(outcome(runs[1].folder))
    assert whole_state(runs[0].session) == whole_state(runs[1].session)


def test_looks_tell_the_truth(tmp_path: Path) -> None:
    model = mine(0.4)
    run = start(own_plan(tmp_path, model), watch=True)
    take = _looked_at(run, "features.1")
    pump_until(run.session, 6)
    engine, watch = run.session.engine, run.watch
    assert watch is not None
    take(None)
    x, _ = engine.validation.batch(torch.arange(min(64, len(engine.validation))))
    model.eval()
    with torch.no_grad():  # before the ReLU that follows
        expected = model.features[1](model.features[0](x))
        alone, answer = model.features[1](model.features[0](x[:1]))[0], model(x[:1]).softmax(1)[0]
    model.train()
    look = watch.node_look
    assert look is not None and look.node == "features.1" and look.activations is not None and look.weights is not None
    assert look.activations.mean == pytest.approx(float(expected.mean()), abs=1e-6)
    assert look.activations.minimum == float(expected.min()) < 0
    assert look.weights.maximum == max(float(p.detach().max()) for p in model.features[1].parameters())
    assert watch.maps is not None and watch.maps.vector is not None
    assert torch.equal(torch.from_numpy(watch.maps.vector), alone)
    assert watch.prediction is not None and watch.prediction.probabilities is not None
    assert torch.equal(torch.from_numpy(watch.prediction.probabilities), answer)
    assert watch.boundary is not None and watch.boundary.classes == 2
    pump_until(run.session, 7)
    assert watch.layers is not None
    rows = {layer.node: layer for layer in watch.layers.layers}
    assert list(rows) == ["features.0", "features.1", "head"] and rows["head"].gradient_norm
    norm = torch.cat([p.detach().reshape(-1) for p in model.head.parameters()]).norm()
    assert rows["head"].weight_norm == pytest.approx(float(norm), rel=0.1)
    run.log.abandon()


def test_a_module_that_writes_over_what_came_before_does_not_change_what_was_seen(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(2, 6), nn.ReLU(inplace=True), nn.Linear(6, 2))
    run = start(own_plan(tmp_path, model), watch=True)
    _looked_at(run, "0")(None)
    assert run.watch is not None and run.watch.node_look is not None and run.watch.node_look.activations is not None
    assert run.watch.node_look.activations.minimum < 0
    run.log.abandon()


def test_the_model_itself_and_modules_that_are_not_called_can_be_chosen(tmp_path: Path) -> None:
    class Odd(nn.Linear):
        def __init__(self) -> None:
            super().__init__(2, 2)
            self.idle = nn.Linear(2, 2)

    run = start(own_plan(tmp_path, Odd()), watch=True)
    watch = run.watch
    assert watch is not None
    for node, has_values in ((ROOT, True), ("", True), ("idle", False)):
        _looked_at(run, node)(None)
        look = watch.node_look
        assert look is not None and look.node == node and (look.activations is not None) == has_values, node
        assert look.weights is not None and (watch.maps is not None and watch.maps.node == node) == has_values
    _looked_at(run, "gone")(None)
    assert watch.node_look is not None and watch.node_look.weights is watch.node_look.activations is None
    watch.look_at_weights(0)
    assert watch.layers is not None
    assert [(layer.node, layer.path) for layer in watch.layers.layers] == [(ROOT, ""), ("idle", "idle")]
    run.log.abandon()


# What is shown and kept of it


def test_rows_list_each_module_once_with_its_facts() -> None:
    class Odd(nn.Module):
        def extra_repr(self) -> str:
            raise RuntimeError("no")

    shared = nn.Conv2d(3, 4, 3)
    rows = module_rows(nn.Sequential(nn.Sequential(shared, nn.ReLU()), shared, Odd(), nn.LazyLinear(3)))
    assert [(row.path, row.kind, row.depth, row.parameters) for row in rows] == [
        ("", "Sequential", 0, 112),
        ("0", "Sequential", 1, 112),
        ("0.0", "Conv2d", 2, 112),
        ("0.1", "ReLU", 2, 0),
        ("2", "Odd", 1, 0),
        ("3", "LazyLinear", 1, 0),
    ]
    assert rows[2].facts == "3, 4, kernel_size=(3, 3), stride=(1, 1)" and rows[0].facts == rows[4].facts == ""


def test_rows_of_a_huge_model_are_cut_and_long_facts_shortened() -> None:
    class Wordy(nn.Module):
        def extra_repr(self) -> str:
            return "word,\n  " * 80

    rows = module_rows(nn.Sequential(*(Wordy() for _ in range(2500))))
    assert len(rows) == 2000
    assert len(rows[1].facts) == 120 and rows[1].facts.endswith("...") and "\n" not in rows[1].facts


def test_the_source_of_classes_of_a_cell_is_found_by_their_methods() -> None:
    text = "import torch\n\n\nclass Other: ...\n\n\n@str.format if 0 else (lambda c: c)\nclass Cell(torch.nn.Module):\n"
    text += "    def forward(self, x):\n        return x\n\n\nafter = 1\n"
    names: dict[str, Any] = {"__name__": "__main__"}
    linecache.cache["<cell 1>"] = (len(text), None, text.splitlines(keepends=True), "<cell 1>")
    exec(compile(text, "<cell 1>", "exec"), names)
    found = source_of(nn.Sequential(names["Cell"](), Mine()))
    assert "@str.format if 0 else (lambda c: c)\nclass Cell(torch.nn.Module):\n    def forward(self, x):\n" in found
    assert "after = 1" not in found and inspect.getsource(Mine).rstrip() in found
    compile(found, "it", "exec")


def test_a_source_that_nobody_knows_is_left_out() -> None:
    class Rude(nn.Module):
        def __repr__(self) -> str:
            raise RuntimeError("no")

    made = type("Made", (nn.Linear,), {})(2, 2)
    assert source_of(made) == "# Made(in_features=2, out_features=2, bias=True)\n"
    assert "class Rude" in source_of(Rude())
    assert source_of(nn.Linear(1, 2)) == "# Linear(in_features=1, out_features=2, bias=True)\n"


def _tree(draw: st.DrawFn, depth: int, pool: list[nn.Module]) -> nn.Module:
    if depth == 0 or draw(st.booleans()):
        kind = draw(st.sampled_from(["new", "shared", "tied", "idle"]))
        before = draw(st.sampled_from(pool)) if pool else nn.ReLU()
        if kind == "shared":
            return before
        pool.append(nn.ReLU() if kind == "idle" else nn.Linear(1, 2))
        if kind == "tied" and isinstance(before, nn.Linear):
            pool[-1].weight = before.weight
        return pool[-1]
    inner = nn.Sequential(*(_tree(draw, depth - 1, pool) for _ in range(draw(st.integers(1, 3)))))
    if draw(st.booleans()):
        inner.register_parameter("own", nn.Parameter(torch.zeros(1), requires_grad=draw(st.booleans())))
    return inner


@st.composite
def trees(draw: st.DrawFn) -> nn.Module:
    return _tree(draw, 3, [])


@given(trees())
def test_every_parameter_has_one_owner_and_is_frozen_by_one_knob_at_most(model: nn.Module) -> None:
    owned = [id(parameter) for _, _, parameters in _owners(model) for parameter in parameters]
    assert sorted(owned) == sorted(id(parameter) for parameter in model.parameters())
    parts = _parts(model)
    frozen = [id(parameter) for part in parts.values() for parameter in part.parameters]
    assert len(frozen) == len(set(frozen)) and set(frozen) <= set(owned)
    assert all(part.parameters for part in parts.values())
    assert all(model.get_submodule(path) is part.module for path, part in parts.items())


def test_a_plain_function_of_its_weights_is_a_model_too(tmp_path: Path) -> None:
    """Weights without modules: one owner, no part that could be frozen."""

    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = nn.ParameterList([torch.randn(8, 2), torch.randn(2, 8)])

        def forward(self, x: Tensor) -> Tensor:
            return F.linear(F.linear(x, self.weights[0]).relu(), self.weights[1])

    run = trained(own_plan(tmp_path, Functional()))
    assert run.session.state == "completed" and "weights.frozen" in run.session.board.knobs
    drawn = start(plan(tmp_path, plain))
    assert drawn.session.engine.subject.modules is None and drawn.session.engine.subject.kind == "graph"
    drawn.log.abandon()


def test_modules_that_take_no_hooks_train_and_are_seen_as_far_as_they_can_be(tmp_path: Path) -> None:
    class Sealed(nn.Linear):
        """As those of TorchScript are."""

        def register_forward_hook(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError("register_forward_hook is not supported")

    model = nn.Sequential(Sealed(2, 4), nn.ReLU(), nn.Linear(4, 2))
    run = start(own_plan(tmp_path, model), watch=True)
    _looked_at(run, "0")(None)
    look = run.watch.node_look if run.watch is not None else None
    assert look is not None and look.weights is not None and look.activations is None
    model[1].register_forward_hook(lambda _m, _a, out: out / 0)
    pump(run.session)
    assert run.session.trouble == "The loss of step 1 is not finite; it began in the output of 1."
    run.log.abandon()
