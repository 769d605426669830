"""Configuration, knobs and requests: bounds, words, and why something cannot be."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralforge.errors import UserError
from neuralforge.graph.inference import infer_all
from neuralforge.layers.registry import catalog
from neuralforge.templates.registry import find
from neuralforge.workbench.config import DEFAULT_EPOCHS, DEFAULT_LR, TrainConfig
from neuralforge.workbench.knobs import Knob, KnobBoard, Refused, Scope
from neuralforge.workbench.requests import Request


def _board(**config: Any) -> KnobBoard:
    template = find("small_cnn")
    graph = template.build(template.options()).graph
    return KnobBoard.for_run(TrainConfig(**config), "cross_entropy", graph, infer_all(graph, catalog()))


def test_every_knob_declares_bounds_scale_scope_and_meaning() -> None:
    board = _board()
    assert {"lr", "beta1", "beta2", "weight_decay", "batch_size", "clip_norm", "label_smoothing", "accumulation",
            "drop.dropout", "conv1.frozen", "conv2.frozen", "fc1.frozen", "fc2.frozen"} == set(board.knobs)  # fmt: skip
    for key, knob in board.knobs.items():
        assert knob.key == key and knob.title and knob.doc and isinstance(knob.scope, Scope)
        assert knob.low <= float(board.values[key]) <= knob.high
        assert knob.scale == "linear" or knob.smallest > 0
        assert knob.check(board.values[key]) == board.values[key]
        assert knob.node == (key.rpartition(".")[0])


def test_first_values_are_those_of_the_configuration() -> None:
    board = _board(optimizer="sgd", lr=0.2, momentum=0.3, batch_size=7, accumulation=3)
    assert {k: board.values[k] for k in ("lr", "momentum", "batch_size", "accumulation")} == {
        "lr": 0.2, "momentum": 0.3, "batch_size": 7, "accumulation": 3,
    }  # fmt: skip
    assert board.values["drop.dropout"] == 0.25 and board.values["fc1.frozen"] is False


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
def test_what_an_optimizer_lacks_is_refused_with_the_reason(optimizer: str) -> None:
    board = _board(optimizer=optimizer)
    for key in ("momentum", "beta1", "beta2"):
        if key in board.knobs:
            assert board.find(key).key == key
        else:
            with pytest.raises(Refused, match=rf"{key} cannot be set: {optimizer} has no {key} \(.+ have\)"):
                board.find(key)


@given(st.one_of(st.floats(), st.integers(), st.booleans(), st.text(max_size=5), st.none(), st.binary(max_size=3)))
def test_a_knob_returns_a_value_within_bounds_or_refuses(value: object) -> None:
    for key, knob in _BOARD.knobs.items():
        try:
            checked = knob.check(value)
        except Refused as error:
            assert str(error).startswith(f"{key} must be ") and "Received: " in str(error)
        else:
            assert type(checked) is {"float": float, "int": int, "bool": bool}[knob.kind]
            assert knob.low <= checked <= knob.high and checked == value


_BOARD = _board()


def test_whole_numbers_are_taken_in_either_type() -> None:
    knob = _BOARD.knobs["batch_size"]
    assert knob.check(8.0) == 8 and type(knob.check(8.0)) is int
    assert type(_BOARD.knobs["lr"].check(1)) is float
    for value in (True, 8.5, math.nan, math.inf, 10**400, -(10**400)):
        with pytest.raises(Refused):
            knob.check(value)


@pytest.mark.parametrize(("text", "value"), [("true", True), (" On ", True), ("0", False), ("no", False)])
def test_words_for_truth(text: str, value: bool) -> None:
    assert _BOARD.knobs["fc1.frozen"].read(text) is value


@pytest.mark.parametrize("text", ["maybe", "", "2", "nan", "inf", "1e999", "0x10"])
def test_words_that_are_no_value(text: str) -> None:
    for key in ("lr", "batch_size", "fc1.frozen") if text not in ("2",) else ("fc1.frozen",):
        with pytest.raises(Refused):
            _BOARD.knobs[key].read(text)


def test_a_check_takes_all_or_nothing_and_commits_nothing() -> None:
    board = _board()
    before = dict(board.values)
    with pytest.raises(Refused):
        board.check({"lr": 0.5, "batch_size": 0})
    assert board.check({"lr": 1}) == {"lr": 1.0} and board.values == before
    assert board.commit(board.check({"lr": 0.5})) == {"lr": before["lr"]}
    assert board.values["lr"] == 0.5


def test_the_last_trainable_layer() -> None:
    board = _board()
    names = ("conv1", "conv2", "fc1", "fc2")
    for name in names[:3]:
        board.commit(board.check({f"{name}.frozen": True}))
    with pytest.raises(Refused, match="last trainable"):
        board.check({"fc2.frozen": True})
    assert board.check({"fc2.frozen": True, "fc1.frozen": False})
    with pytest.raises(Refused, match="last trainable"):
        board.check({"fc2.frozen": True}, {**board.values, "lr": 1.0})
    assert board.check({"fc2.frozen": True}, {**board.values, "conv1.frozen": False})


@pytest.mark.parametrize("value", [2.0, "3", True, b"", []])
def test_requests_take_whole_steps_alone(value: Any) -> None:
    for name in ("at_step", "steps"):
        with pytest.raises(Refused, match=f"The {name} of a request must be a whole number"):
            Request(action="run", **{name: value})


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_linear_knob_of_any_bounds(value: float) -> None:
    knob = Knob(key="k", title="k", kind="float", low=-2.0, high=3.0)
    if -2 <= value <= 3:
        assert knob.check(value) == value
    else:
        with pytest.raises(Refused, match=r"k must be a number from -2 to 3\. Received: "):
            knob.check(value)


# Configuration


def test_defaults_are_filled_in() -> None:
    config = TrainConfig()
    assert config.epochs == DEFAULT_EPOCHS and config.steps is None and config.lr == DEFAULT_LR["adam"]
    assert TrainConfig(steps=5).epochs is None
    assert TrainConfig(optimizer="sgd").lr == DEFAULT_LR["sgd"]


def test_a_configuration_survives_json() -> None:
    config = TrainConfig(steps=7, split=(0.5, 0.25, 0.25), milestones=(0.1, 0.2), threads=3, loss="huber")
    assert TrainConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"epochs": 1, "steps": 1}, "one of the two"), ({"steps": 0}, "steps must be"), ({"lr": -1}, "lr must be"),
        ({"lr": math.nan}, "lr must be"), ({"split": (0.5, 0.5, 0.5)}, "add up to 1"),
        ({"split": (0.0, 0.5, 0.5)}, "add up to 1"), ({"split": (0.5, 0.5)}, "split"),
        ({"optimizer": "lion"}, "optimizer"),
        ({"device": "cuda:x"}, "device"), ({"threads": 0}, "threads"), ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"batch_size": 0}, "batch_size"), ({"batch_size": 1.5}, "batch_size"), ({"keep": 0}, "keep"),
        ({"milestones": (0.5, 2.0)}, "milestones"), ({"warmup": 1.5}, "warmup"), ({"patience": -1}, "patience"),
    ],
    ids=str,
)  # fmt: skip
def test_a_configuration_that_cannot_be_is_refused(values: dict[str, Any], why: str) -> None:
    with pytest.raises(UserError, match=why):
        TrainConfig(**values)


@pytest.mark.parametrize("data", [{"new_key": 1}, {"lr": [1]}, {"lr": "x"}, {"split": 3}, {"threads": True}])
def test_a_stored_configuration_that_cannot_be_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        TrainConfig.from_json(data)
