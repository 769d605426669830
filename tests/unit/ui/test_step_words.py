"""What steps of the history are called that lie outside the document."""

from __future__ import annotations

import pytest

from neuralforge.graph.document import Document
from neuralforge.layers.registry import catalog
from neuralforge.templates.registry import find
from neuralforge.ui.step_words import StepWords, of_config, of_data, of_turn
from neuralforge.ui.wording import field_title
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.editor import Editor
from neuralforge.workbench.history import Step
from neuralforge.workbench.knobs import KnobBoard


def label(words: StepWords) -> str:
    title, old, new = words
    return Step(title=title, old=old, new=new, kind="knob", before=Document(), after=Document()).label


def board(optimizer: str = "adam") -> KnobBoard:
    editor = Editor(catalog(), find("small_cnn").build())
    config = TrainConfig(optimizer=optimizer)  # type: ignore[arg-type]
    return KnobBoard.for_run(config, "cross_entropy", editor.document.graph, editor.inference)


def test_knobs_are_called_as_their_rows_are() -> None:
    knobs = board().knobs
    assert label(of_turn(knobs["lr"], 1e-3, 3e-4)) == "Learning rate 1e-3 \u2192 3e-4"
    assert label(of_turn(knobs["batch_size"], 64, 1024)) == "Batch size 64 \u2192 1,024"
    assert label(of_turn(knobs["conv1.frozen"], False, True)) == "Freeze conv1"
    assert label(of_turn(knobs["conv1.frozen"], True, False)) == "Unfreeze conv1"
    assert label(of_turn(knobs["drop.dropout"], 0.5, 0.25)) == "Dropout of drop 0.5 \u2192 0.25"


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_field_of_the_configuration_that_is_a_knob_too_is_called_the_same(optimizer: str) -> None:
    for key, knob in board(optimizer).knobs.items():
        assert knob.node or field_title(key) == knob.title


@pytest.mark.parametrize(
    ("changes", "asked", "words"),
    [
        ({"lr": 3e-4}, ("lr",), "Learning rate 1e-3 \u2192 3e-4"),
        ({"batch_size": 32}, ("batch_size",), "Batch size 64 \u2192 32"),
        ({"optimizer": "sgd", "lr": 0.05}, ("optimizer", "lr"), "Optimizer Adam \u2192 SGD"),
        ({"optimizer": "sgd", "lr": 0.05}, ("optimizer",), "Optimizer Adam \u2192 SGD"),
        ({"schedule": "one_cycle"}, ("schedule",), "Schedule Constant \u2192 One cycle"),
        ({"steps": 1000}, ("epochs", "steps"), "Ends after 20 epochs \u2192 1,000 steps"),
        ({"epochs": 30}, ("epochs",), "Ends after 20 \u2192 30 epochs"),
        ({"split": (0.8, 0.1, 0.1)}, ("split",), "Split 0.7, 0.15, 0.15 \u2192 0.8, 0.1, 0.1"),
        ({"stratify": False}, ("stratify",), "Stratify on \u2192 off"),
        ({"threads": 2}, ("threads",), "Threads none \u2192 2"),
        ({"device": "cpu"}, ("device",), "Device auto \u2192 cpu"),
        ({"batch_size": 32, "seed": 7}, ("seed", "batch_size"), "Seed, batch size"),
        ({"batch_size": 32}, (), "Batch size 64 \u2192 32"),
    ],
)
def test_changes_of_the_configuration(changes: dict[str, object], asked: tuple[str, ...], words: str) -> None:
    after = TrainConfig(**changes)  # type: ignore[arg-type]
    assert label(of_config(TrainConfig(), after, asked)) == words


def test_data_is_called_by_its_name_and_options() -> None:
    assert label(of_data("digits", {})) == "Data: digits"
    assert label(of_data("moons", {"noise": "0.3", "samples": "500"})) == "Data: moons, noise 0.3, samples 500"
    assert label(of_data("/home/me/my table.csv", {})) == "Data: my table.csv"
    assert label(of_data("csv", {"path": "/home/me/table.csv", "target": "y\n"})) == "Data: table.csv, target y\ufffd"
    assert label(of_data("", {})) == "Data: none"
