"""The window under hostile and broken input: odd texts, huge networks, files from elsewhere."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from neuralforge.app import trainingdesk
from neuralforge.app.rundesk import OpenedRun
from neuralforge.graph.datainfo import DataInfo
from neuralforge.graph.document import Document, dumps
from neuralforge.graph.edits import AddNode
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.runs.events import Event
from neuralforge.runs.store import RunSummary
from neuralforge.ui.local import ResetArrangement
from neuralforge.workbench import commands as do
from neuralforge.workbench.series import SeriesBook
from neuralforge.workbench.view import DataView, RunsView
from tests.ui.pilot import Pilot, scenario
from tests.ui.test_workbench_states import draw_all
from tests.ui.whole import Person, Whole, whole

ODD = (
    "%s%n%d %",
    "## twice ##",
    "###all the same",
    "conv1##same",
    "",
    " ",
    "\u202eright to left\u202c \u05d0\u05d1\u05d2",
    "\U0001f9e0\U0001f525" * 20,
    "a\u0301" * 200,
    "W" * 500,
    "tab\there\nand a line",
    "{}{0}\\x00<b>$(rm)`",
    "\ufffd\ufeff\u2028\u00a0",
)
"""Texts that a document may hold."""


def faults(person: Person) -> list[str]:
    """Return what was no refusal but a fault of our own."""
    return [line.text for line in person.view.log if "Traceback" in line.text]


def odd_document() -> Document:
    """Return a network that is wrong in every way that a file may be."""
    nodes = [Node.make("input", "input", shape=(8,))]
    nodes += [Node.make(f"fc{n}", "linear", text[:500], out_features=8) for n, text in enumerate(ODD)]
    nodes += [
        Node.make("unknown", "no_such_layer", "%s", weight="%n##", deep=((1, "##"), ())),
        Node.make("percent", "%s##x", "%s"),
        Node.make("wrong", "linear", out_features="many", bias="%d"),
        Node.make("huge", "conv2d", out_channels=10**18, kernel_size=(-1, 0)),
        Node.make("none", "linear", out_features=None, x=True),
        Node.make("a" * 64, "relu"),
    ]
    wires = [Edge("input", "output", "fc0", "input"), Edge("fc0", "output", "fc1", "input")]
    wires += [Edge("fc1", "no_such_output", "wrong", "no_such_port"), Edge("fc1", "output", "huge", "input")]
    places = {node.id: ((1e9, -1e9), (0.0, 0.0), (0.0, 0.0))[number % 3] for number, node in enumerate(nodes)}
    return Document(
        name="%s ## ### " + "n" * 180, graph=Graph.build(nodes, wires), layout=places, notes=("%n" * 1000, *ODD[:5])
    )


@scenario(stage=whole())
def test_a_document_full_of_odd_texts_and_wrong_values_is_drawn_everywhere(pilot: Pilot) -> None:
    person = Person(pilot)
    path = person.app.home / "%s##odd.nf.json"
    path.write_text(dumps(odd_document()), encoding="utf-8")
    person.post(do.OpenPath(path))
    person.wait(lambda view: view.document.path == path)
    assert len(person.nodes) == len(ODD) + 7
    draw_all(person, "odd document")
    for node in person.nodes:
        person.post(do.Select(frozenset({node})))
        assert not person.app.host.failures, (node, *person.app.host.failures.values())
    person.post(do.SelectAll())
    person.post(do.Duplicate(), do.Undo(), do.Arrange(), do.Undo(), do.Copy(), do.PasteText(""), do.Undo())
    for text in ODD:
        person.post(do.PasteText(text), do.Tell(text, "error"), do.UseData(text), do.OpenPath(Path(text or ".")))
    person.wait(lambda view: not view.busy)
    draw_all(person, "odd texts in console and data")
    person.post(do.ShowWelcome(True))
    pilot.frames(4)
    assert not person.app.host.failures
    assert not faults(person), faults(person)[0]


@scenario(stage=whole())
def test_clipboards_that_are_huge_or_hostile_are_refused_at_once(pilot: Pilot) -> None:
    person = Person(pilot)
    person.empty()
    deep = '{"format":"neuralforge-document","schema":1,"nodes":' + "[" * 200_000 + "]" * 200_000 + "}"
    surrogate = '{"format":"neuralforge-document","schema":1,"nodes":[{"id":"a","layer":"relu","title":"\\ud800"}]}'
    for text in ("{" + "x" * 100_000_000, deep, surrogate, '{"format": NaN}', "\x00" * 1000, "[]"):
        person.post(do.PasteText(text))
        told = person.view.log[-1]
        assert told.level == "error" and len(told.text) < 500
        assert not person.nodes
    assert not faults(person), faults(person)[0]
    assert not person.app.host.failures


def chain(count: int) -> Document:
    """Return a network of so many layers, one after the other."""
    nodes = [Node.make("input", "input", shape=(8,))]
    nodes += [Node.make(f"fc{number}", "linear", out_features=8) for number in range(count)]
    wires = [Edge(a.id, "output", b.id, "input") for a, b in itertools.pairwise(nodes)]
    return Document(name="chain", graph=Graph.build(nodes, wires))


@scenario(stage=whole())
def test_a_network_that_is_too_large_to_be_drawn_says_so_and_can_be_left(pilot: Pilot) -> None:
    person = Person(pilot)
    person.empty()
    path = person.app.home / "large.nf.json"
    path.write_text(dumps(chain(10_000)), encoding="utf-8")
    person.post(do.OpenPath(path))
    person.wait(lambda view: view.document.path == path)
    draw_all(person, "10,000 nodes")
    person.panel("canvas")
    assert not pilot.names("node/"), "the canvas says that it is too large"
    person.post(do.Apply(AddNode(Node.make("one_more", "relu"))))
    assert "one_more" in person.nodes
    pilot.press("ctrl+z")
    assert "one_more" not in person.nodes
    person.empty()
    person.post(do.Apply(AddNode(Node.make("fc", "linear"))))
    assert pilot.exists("node/fc")


# Runs


def odd_event(number: int, text: str) -> Event:
    return Event(
        operation=("set", "control", "notice")[number % 3],
        key=text or "lr",
        old=text,
        new=float("nan") if number % 2 else text,
        reason=text * 3,
        why=text,
        actor=("person", "script", "rule", "engine", text)[number % 5],
        widget=text,
        gesture=text,
        requested_at_step=10**15 * (number % 2),
        applied_step=-number,
        epoch=-1,
        wall_time_utc=text,
        sequence=number,
    )


def odd_curves() -> SeriesBook:
    """Return curves as no trainer writes them."""
    steps = np.arange(1, 50)
    return SeriesBook.of(
        {
            "train/loss": (steps, np.full(49, np.nan)),
            "train/accuracy": (steps, np.where(steps % 2, np.inf, -np.inf)),
            "validation/loss": ([1, 10**15], [1e308, -1e308]),
            "validation/%s##": ([5], [5e-324]),
            "test/###": ([7], [0.0]),
            "effective/lr": (steps, np.zeros(49)),
            "knob/lr": (steps, np.full(49, -1e300)),
            **{f"knob/{text[:40]}": ([1], [1.0]) for text in ODD},
        }
    )


@scenario(stage=whole())
def test_a_run_with_odd_events_curves_and_names_is_drawn_everywhere(pilot: Pilot) -> None:
    person = Person(pilot)
    person.start("mlp", "moons", steps=3)
    person.train()
    person.wait(lambda view: not view.run.live)
    good = person.run
    for number, text in enumerate((*ODD, "x" * 1_000_000)):
        events = tuple(odd_event(place, text) for place in range(1, 12))
        odd = replace(
            good,
            run_id=f"{text[:100]}{number}",
            name=text[:200],
            live=False,
            data=text[:10_000],
            metric=text[:50],
            device=text[:50],
            trouble=text,
            events=events,
            series=odd_curves(),
            checkpoints=(-1, 0, 10**15),
            document=odd_document(),
            state="interrupted",
        )
        person.app.desktop.training.run = OpenedRun(odd)
        pilot.frames(3)
        if number % 5 == 0:
            draw_all(person, f"a run of {text[:30]!r}")
        assert not person.app.host.failures, (text[:30], *person.app.host.failures.values())


@scenario(stage=whole())
def test_a_thousand_runs_with_odd_names_are_listed(pilot: Pilot) -> None:
    person = Person(pilot)
    person.start("mlp")
    home = person.app.home
    runs = tuple(
        RunSummary(
            run_id=f"2026-{number}" if number % 2 else ODD[number % len(ODD)] + str(number),
            folder=home / str(number),
            name=ODD[number % len(ODD)],
            status=("completed", "unreadable: %s ## " + "y" * 500, "%n", "interrupted")[number % 4],
            created_utc=ODD[number % len(ODD)],
            steps=10 ** (number % 19),
            metrics={"validation/loss": (float("nan"), 1e308, -0.0)[number % 3], "test/%s##": 1.0},
            size_bytes=2 ** (number % 62),
        )
        for number in range(1000)
    )
    with mock.patch.object(
        trainingdesk, "list_runs", return_value=RunsView(folder=home, runs=runs, size_bytes=2**62, free_bytes=0)
    ):
        person.post(do.RefreshRuns())
        person.wait(lambda view: view.runs is not None and len(view.runs.runs) == 1000)
        draw_all(person, "1,000 runs")
        person.panel("runs")
        pilot.wheel(-50, (640, 500))
    assert not person.app.host.failures


# Data


@pytest.mark.parametrize("case", ["many", "odd", "one"])
@scenario(stage=whole())
def test_data_of_odd_classes_is_drawn(pilot: Pilot, case: str) -> None:
    person = Person(pilot)
    person.start("mlp", "iris")
    names = {"many": tuple(f"%s##{n}" for n in range(10_000)), "odd": ODD, "one": ("###",)}[case]
    samples = 1 if case == "one" else 100_000
    info = DataInfo(
        name="%s###" + "d" * 300,
        kind="table",
        task="classification",
        input_shape=(len(ODD),),
        outputs=len(names),
        classes=names,
        samples=samples,
        features=ODD,
    )
    counts = {part: np.arange(len(names)) for part in ("train", "validation", "test")}
    rows = tuple(tuple(ODD) for _ in range(100))
    person.app.desktop.data.view = DataView(
        text="%s##",
        options={"%s": "##"},
        state="ready",
        info=info,
        splits={"train": samples, "validation": 0, "test": 0},
        class_counts=counts,
        columns=ODD,
        rows=rows,
    )
    pilot.frames(3)
    draw_all(person, f"{case} classes")
    person.panel("data")
    pilot.frames(10)


# What is kept


INI = (
    "".join(
        f"[Window][{name}]\nPos={10**30},-{10**30}\nSize=nan,-5\nCollapsed=7\nDockId=0x{'F' * 30},{10**20}\n\n"
        for name in ("Canvas###canvas", "nobody", "%s%n##", "x" * 5000, "Curves###curves", "]")
    )
    + "[Docking][Data]\nDockSpace ID=0x1 Window=0x2 Pos=0,0 Size=-1,99999999 Split=Z\n DockNode ID=0x1 Parent=0x1\n"
    + ("[Table][0xFFFFFFFF,99999999]\nColumn 99999 Width=-3\n" + "garbage\x00\xff[[[" * 500)
)


def with_foreign_files(app: Whole) -> None:
    (app.home / "layout.ini").write_text(INI, encoding="latin-1")
    (app.home / "unsaved" / "1-aa").mkdir(parents=True)
    (app.home / "unsaved" / "1-aa" / "unsaved.json").write_bytes(os.urandom(1000))


@scenario(stage=whole(prepare=with_foreign_files))
def test_a_foreign_layout_file_does_no_harm_and_can_be_reset(pilot: Pilot) -> None:
    person = Person(pilot)
    person.post(do.ShowWelcome(False))
    draw_all(person, "a foreign layout")
    person.app.host.post(ResetArrangement())
    pilot.frames(12)
    assert pilot.rect("canvas") is not None
