"""The whole product, used by its window as a person would: building and training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neuralforge.graph.document import Document, load
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.runs.reader import RunReader
from neuralforge.train import launch
from neuralforge.workbench import commands as do
from neuralforge.workbench.editor import save
from tests.ui.pilot import Pilot, scenario
from tests.ui.whole import LONG_STEPS, Person, whole

# Training


@scenario(stage=whole())
def test_digits_are_trained_steered_and_replay_identical(pilot: Pilot) -> None:
    person = Person(pilot)
    person.open_start("digits")
    assert person.view.data.text == "digits" and person.view.can_train
    person.train()
    assert person.run.state == "running" and person.view.knobs.live
    pilot.drag_by("thumb/lr", 40, 0, stops=8)
    turned = person.view.knobs.values["lr"]
    person.wait_for_value("lr", turned)
    assert person.run.state == "running" and turned != 1e-3
    at = person.pause().progress.step
    pilot.click("button/run.step")
    person.wait(lambda view: view.run.progress.step == at + 1 and view.run.state == "paused")
    pilot.set_value("field/run-n", 25)
    pilot.click("button/run.some")
    person.wait(lambda view: view.run.progress.step == at + 26 and view.run.state == "paused")
    pilot.click("button/run.stop")
    person.wait(lambda view: view.run.state == "stopped" and not view.run.live)
    changes = [event for event in RunReader(person.run.folder).events() if event.key == "lr"]
    assert len({event.gesture for event in changes}) == 1 and changes[0].gesture
    assert changes[-1].new == turned and changes[0].old == 1e-3
    replayed = launch.replay(person.run.folder)
    assert replayed.identical and replayed.steps == at + 26


@scenario(stage=whole())
def test_a_network_is_built_by_hand_trained_taken_back_and_done_again(pilot: Pilot) -> None:
    person = Person(pilot)
    pilot.click("button/New network")
    person.wait(lambda view: not view.welcome)
    pilot.frames(6)
    places = {
        "input": (120, 120),
        "linear": (360, 120),
        "relu": (600, 120),
        "linear2": (180, 300),
        "output": (460, 300),
    }
    for node, (right_px, down_px) in places.items():
        assert person.drag_from_palette(node.rstrip("2"), right_px, down_px) == node
    pilot.press("esc")
    assert person.view.document.issues and not person.view.can_train
    for source, target in zip(places, list(places)[1:], strict=False):
        person.connect(source, target)
    assert person.wires == {"input>linear", "linear>relu", "relu>linear2", "linear2>output"}
    person.select("linear")
    pilot.set_value("field/linear/out_features", 10)
    assert person.nodes["linear"].param("out_features") == 10
    person.panel("data")
    pilot.click("field/data")
    pilot.click("data/iris")
    person.wait(lambda view: view.data.state == "ready" and view.data.text == "iris")
    assert not person.view.can_train, person.view.data.info
    pilot.click("button/fit")
    person.wait(lambda view: view.can_train)
    assert person.nodes["input"].param("shape") == (4,) and person.nodes["linear2"].param("out_features") == 3
    person.post(do.Configure({"epochs": 3}))
    built = person.view.document
    pilot.click("button/run.train")
    person.wait(lambda view: view.run is not None and view.run.state == "completed")
    assert person.run.progress.step == person.run.progress.total_steps > 0
    for _ in built.history:
        pilot.press("ctrl+z")
    assert not person.nodes and person.view.document.saved
    for _ in built.history:
        pilot.press("ctrl+shift+z")
    assert person.view.document.document == built.document and not person.run.differs


@scenario(stage=whole())
def test_a_boundary_bends_while_spirals_train_and_a_sample_and_a_drawing_are_tried(pilot: Pilot) -> None:
    person = Person(pilot)
    person.open_start("spirals")
    person.post(do.Configure({"steps": LONG_STEPS}))
    person.train()
    person.panel("decision")
    person.wait(lambda view: view.run.boundary is not None)
    first = person.run.boundary
    person.wait(lambda view: view.run.boundary.step > first.step)
    assert person.run.state == "running" and pilot.rect("plot/decision") is not None
    pilot.click("button/run.stop")
    person.wait(lambda view: view.run.state == "stopped")
    person.start("small_cnn", "digits", steps=LONG_STEPS)
    person.train()
    person.pause()
    person.panel("try")
    person.wait(lambda view: view.run.prediction is not None)
    before = person.run.prediction
    pilot.click("button/next sample")
    person.wait(lambda view: view.run.prediction.sample != before.sample)
    pilot.click("segment/mode/draw")
    pad = person.rect("pad/drawing")
    side = pad[2] - pad[0]
    pilot.drag((pad[0] + side * 0.5, pad[1] + side * 0.2), (pad[0] + side * 0.5, pad[1] + side * 0.8), stops=6)
    person.wait(lambda view: view.run.prediction.sample is None)
    assert person.run.state == "paused" and np.isclose(np.sum(person.run.prediction.probabilities), 1, atol=1e-4)


@scenario(stage=whole())
def test_the_canvas_may_differ_from_the_run_and_both_ways_out_work(pilot: Pilot) -> None:
    person = Person(pilot)
    person.start("mlp", "moons", steps=LONG_STEPS)
    first = person.train()
    pilot.press("ctrl+1")
    assert not pilot.exists("button/revert")
    person.select("fc1")
    pilot.set_value("field/fc1/out_features", 9)
    person.wait(lambda view: view.run.differs)
    pilot.click("button/revert")
    person.wait(lambda view: not view.run.differs)
    assert person.nodes["fc1"].param("out_features") != 9 and person.run.run_id == first.run_id
    pilot.press("ctrl+z")
    person.wait(lambda view: view.run.differs)
    pilot.click("button/apply")
    person.wait(lambda view: view.run.run_id != first.run_id and view.run.progress.step > 0)
    assert not person.run.differs and person.run.document.graph.nodes["fc1"].param("out_features") == 9
    assert RunReader(first.folder).status == "stopped"


@scenario(stage=whole())
def test_a_run_is_opened_from_the_list_gone_on_with_and_deleted(pilot: Pilot) -> None:
    person = Person(pilot)
    person.start("mlp", "moons", steps=LONG_STEPS)
    person.train()
    pilot.click("button/run.stop")
    person.wait(lambda view: view.run.state == "stopped" and not view.run.live)
    done, series = person.run, ("train/loss", "train/accuracy")
    losses = [done.series[name].rows()[1].copy() for name in series]
    person.post(do.CloseRun())
    person.wait(lambda view: view.run is None)
    person.panel("runs")
    person.wait(lambda view: view.runs is not None and view.runs.runs)
    pilot.double_click(f"run/{done.run_id}")
    person.wait(lambda view: view.run is not None)
    assert not person.run.live and person.run.state == "stopped" and person.run.progress.step == done.progress.step
    assert all(np.array_equal(person.run.series[n].rows()[1], v) for n, v in zip(series, losses, strict=True))
    assert {event.sequence for event in person.run.events} == {event.sequence for event in done.events}
    person.panel("curves")
    assert {"plot/loss", "plot/metric"} <= set(pilot.names("plot/"))
    person.panel("runs")
    person.close_notices()
    pilot.click(f"button/resume/{done.run_id}")
    person.wait(lambda view: view.run.live and view.run.progress.step > done.progress.step)
    person.panel("runs")
    pilot.press("shift+f5")
    person.wait(lambda view: view.run.state == "stopped" and not view.busy)
    assert launch.replay(done.folder).identical
    person.close_notices()
    pilot.click(f"button/delete/{done.run_id}")
    pilot.click("button/delete-yes")
    person.wait(lambda view: not view.runs.runs)
    assert person.view.run is None and not done.folder.exists()


# The network


def mismatched() -> Document:
    """Two branches of different size that are added."""
    make = Node.make
    nodes = (
        make("data", "input", shape=(1, 8, 8)),
        make("small", "conv2d", out_channels=8, stride=(2, 2), padding=(1, 1)),
        make("large", "conv2d", out_channels=8, padding=(1, 1)),
        make("total", "add"),
        make("flat", "flatten"),
        make("fc", "linear", out_features=10),
        make("result", "output"),
    )
    wires = "data>small data>large small>total.input1 large>total.input2 total>flat flat>fc fc>result".split()
    edges = [
        Edge(source, "output", target.split(".")[0], target.partition(".")[2] or "input")
        for source, target in (wire.split(">") for wire in wires)
    ]
    layout = {node.id: (place % 3 * 230.0, place // 3 * 190.0) for place, node in enumerate(nodes)}
    return Document(graph=Graph.build(nodes, edges), layout=layout)


@scenario(stage=whole())
def test_a_mismatch_is_shown_and_mended_with_a_click(pilot: Pilot) -> None:
    person = Person(pilot)
    file = save(mismatched(), person.app.home / "mismatch.nf.json")
    person.post(do.OpenPath(file))
    person.wait(lambda view: not view.welcome)
    person.post(do.UseData("digits"))
    person.wait(lambda view: view.data.state == "ready")
    (issue,) = person.view.document.issues
    assert issue.node == "total" and issue.fixes and not person.view.can_train
    assert pilot.exists("bubble")
    pilot.click("button/run.train")
    pilot.frames(4)
    assert person.view.run is None
    pilot.click("fix/0")
    person.wait(lambda view: not view.document.issues)
    assert not pilot.exists("bubble") and person.view.can_train
    person.post(do.Configure({"steps": 2}))
    pilot.click("button/run.train")
    person.wait(lambda view: view.run is not None and view.run.state == "completed")


@scenario(stage=whole())
def test_layers_are_inserted_spliced_copied_and_removed_with_few_keys(pilot: Pilot) -> None:
    person = Person(pilot)
    person.start("mlp", "moons")
    first = person.view.document.document
    x0, _, _, y1 = person.rect("canvas")
    pilot.double_click((x0 + 200, y1 - 150))
    pilot.type("dropout")
    pilot.press("enter")
    pilot.frames(3)
    assert "dropout" in person.nodes and "dropout" not in {wire.split(">")[1] for wire in person.wires}
    pilot.click("field/layers")
    pilot.type("tanh")
    pilot.drag("layer/tanh", "wire/act1.input", stops=6)
    pilot.frames(3)
    assert {"fc1>tanh", "tanh>act1"} < person.wires
    person.select("tanh")
    pilot.press("shift+del")
    assert "tanh" not in person.nodes and person.view.document.document.graph.edges == first.graph.edges
    person.select("dropout")
    pilot.press("ctrl+c", "ctrl+v", "ctrl+d")
    assert len(person.nodes) == len(first.graph.nodes) + 3
    pilot.press("del")
    assert len(person.nodes) == len(first.graph.nodes) + 2
    person.select("dropout")
    pilot.press("ctrl+x")
    assert "dropout" not in person.nodes
    pilot.press("ctrl+v")
    assert "dropout" in person.nodes
    for _ in range(person.view.document.position):
        pilot.press("ctrl+z")
    assert person.view.document.document is first and person.view.document.saved


@scenario(stage=whole())
def test_work_is_asked_about_saved_by_a_dialog_and_opened_again(pilot: Pilot) -> None:
    person = Person(pilot)
    target = person.app.home / "nets" / "mine"
    target.parent.mkdir()
    person.start("mlp", "moons")
    person.select("fc1")
    pilot.set_value("field/fc1/out_features", 7)
    assert not person.view.document.saved
    pilot.press("ctrl+n")
    assert person.view.question is not None and "Save mlp" in person.view.question.title
    pilot.press("esc")
    assert person.view.question is None and person.nodes["fc1"].param("out_features") == 7
    pilot.press("ctrl+s")
    pilot.click("field/file")
    pilot.press("ctrl+a")
    pilot.type(str(target))
    pilot.press("enter")
    person.wait(lambda view: view.document.saved and view.document.path)
    written = Path(f"{target}.nf.json")
    assert load(written).graph == person.view.document.document.graph
    pilot.press("ctrl+n")
    assert person.view.question is None
    person.wait(lambda view: not view.document.document.graph.nodes)
    pilot.press("ctrl+o")
    pilot.click("field/file")
    pilot.press("ctrl+a")
    pilot.type(str(written))
    pilot.press("enter")
    person.wait(lambda view: view.document.path == written)
    assert person.nodes["fc1"].param("out_features") == 7
    person.press("ctrl+shift+n")
    assert person.view.welcome
    assert any(written.name in name or "mine" in name for name in pilot.names()), pilot.names()


@scenario(stage=whole())
def test_the_command_palette_is_used_by_keyboard_alone(pilot: Pilot) -> None:
    person = Person(pilot)
    person.start("mlp", "moons", steps=LONG_STEPS)
    pilot.press("ctrl+k")
    pilot.type("arrange")
    pilot.press("enter")
    assert not person.app.host._dialogs.is_open
    pilot.press("ctrl+k")
    pilot.type("train")
    pilot.press("esc")
    assert person.view.run is None
    pilot.press("ctrl+k")
    pilot.type("select all")
    pilot.press("enter")
    assert person.view.document.selection == set(person.nodes)
    pilot.press("f5")
    person.wait(lambda view: view.run is not None and view.run.progress.step > 0)
    pilot.press("f5")
    person.wait(lambda view: view.run.state == "paused")
    pilot.press("f6")
    pilot.press("shift+f5")
    person.wait(lambda view: view.run.state == "stopped")
