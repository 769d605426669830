"""Every panel that there is, in every state of the product; and what happens when one of them fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest

from neuralforge.app import datadesk
from neuralforge.errors import UserError
from neuralforge.graph.edits import AddNode
from neuralforge.graph.graph import Node
from neuralforge.train.launch import Run
from neuralforge.ui.panels.curves import CurvesPanel
from neuralforge.ui.registry import panels
from neuralforge.workbench import commands as do
from tests.ui.pilot import Pilot, scenario
from tests.ui.whole import LONG_STEPS, Person, whole

PANELS = [kind.key for kind in panels() if kind.key != "welcome"]
SMALL_PX = (760, 480)


def draw_all(person: Person, state: str) -> None:
    """Show each panel, and see that it draws itself."""
    host = person.app.host
    for key in PANELS:
        person.panel(key)
        assert not host.failures, f"{state}\n" + "\n".join(host.failures.values())


def in_all_looks(person: Person, state: str) -> None:
    """Draw each panel light and twice as large, in a window with little room as well."""
    backend = person.pilot.window.backend
    usual = backend.size_px
    for looks, size_px in (({"theme": "light", "scale": 2.0}, SMALL_PX), ({"theme": "dark", "scale": 0.0}, SMALL_PX)):
        backend.size_px = size_px
        person.post(do.ChangeSettings(looks))
        draw_all(person, f"{state}, {looks}")
    backend.size_px = usual
    person.pilot.frames(2)


@contextmanager
def data_that_keeps_us_waiting() -> Iterator[threading.Event]:
    """Have data be loaded only when the event is set."""
    go, load = threading.Event(), datadesk.load_data

    def slow(text: str, options: dict[str, str]) -> Any:
        go.wait()
        return load(text, options)

    with mock.patch.object(datadesk, "load_data", slow):
        try:
            yield go
        finally:
            go.set()


@scenario(stage=whole())
def test_panels_of_the_beginning(pilot: Pilot) -> None:
    person = Person(pilot)
    assert pilot.names("card/start/")
    person.post(do.ShowWelcome(False))
    draw_all(person, "nothing is open")
    person.post(do.Apply(AddNode(Node.make("fc", "linear"))), do.SelectAll())
    assert person.view.document.issues
    draw_all(person, "the network has issues")
    person.start("mlp")
    draw_all(person, "there is no data")
    with data_that_keeps_us_waiting() as go:
        person.post(do.UseData("moons"))
        assert person.view.data.state == "loading" and person.view.busy
        draw_all(person, "data is loading")
        go.set()
        person.wait(lambda view: view.data.state == "ready")
    person.post(do.UseData(str(person.app.home / "gone.csv")))
    person.wait(lambda view: view.data.state == "failed")
    draw_all(person, "data has failed")
    in_all_looks(person, "data has failed")


CASES = {
    "points": ("mlp", "moons", "fc1"),
    "images": ("small_cnn", "digits", "conv1"),
    "tables": ("mlp", "diabetes", "fc1"),
    "pictures": ("conv_autoencoder", "digits", "conv1"),
}
"""Name -> template, data, and the node that is selected."""


@pytest.mark.parametrize("case", CASES)
@scenario(stage=whole())
def test_panels_of_a_run(pilot: Pilot, case: str) -> None:
    person = Person(pilot)
    template, data, node = CASES[case]
    person.start(template, data, steps=LONG_STEPS, batch_size=16)
    person.post(do.Select(frozenset({node})))
    draw_all(person, f"{data} is ready")
    person.train()
    draw_all(person, f"{data} trains")
    person.post(do.Turn("lr", 0.002), do.Turn("weight_decay", 1e9))
    person.post(do.Control("save"), do.Control("pause"))
    person.wait(lambda view: view.run.state == "paused")
    draw_all(person, f"{data} is paused")
    if case == "points":
        in_all_looks(person, f"{data} is paused")
    person.post(do.Control("stop"))
    person.wait(lambda view: not view.run.live)
    draw_all(person, f"{data} has stopped")
    person.post(do.OpenRun(person.run.folder))
    person.wait(lambda view: view.run.checkpoints and not view.run.live and not person.app.desktop.live)
    draw_all(person, f"the run on {data} is opened from its files")


@scenario(stage=whole())
def test_panels_of_runs_that_end_well_and_badly(pilot: Pilot) -> None:
    person = Person(pilot)
    person.start("mlp", "iris", steps=3)
    pilot.click("button/run.train")
    person.wait(lambda view: view.run is not None and view.run.state == "completed")
    draw_all(person, "a run is finished")
    done = person.run.run_id
    person.post(do.Configure({"steps": LONG_STEPS}), do.Train())
    person.wait(lambda view: view.run.run_id != done and view.run.progress.step > 0)
    session = person.app.desktop.live.run.session
    with mock.patch.object(session.engine, "update", side_effect=RuntimeError("out of luck")):
        person.wait(lambda view: view.run.state == "failed" and not view.run.live)
    assert "out of luck" in person.run.trouble
    person.wait(lambda view: person.said("out of luck"))
    draw_all(person, "a run has failed")
    person.post(do.OpenRun(person.run.folder))
    person.wait(lambda view: person.app.desktop.live is None)
    draw_all(person, "a run that has failed is opened from its files")


@scenario(stage=whole())
def test_a_panel_that_fails_says_so_and_the_rest_goes_on(pilot: Pilot) -> None:
    person = Person(pilot)
    person.start("mlp", "moons", steps=LONG_STEPS)
    person.train()
    person.panel("curves")
    with mock.patch.object(CurvesPanel, "draw", side_effect=ZeroDivisionError("of the plots")):
        pilot.until(lambda: "curves" in person.app.host.failures)
    at = person.run.progress.step
    assert pilot.exists("button/retry-curves") and not pilot.names("plot/loss")
    assert pilot.exists("thumb/lr"), "the other panels are there"
    person.wait(lambda view: view.run.progress.step > at)
    assert person.run.state == "running"
    pilot.click("button/copy-curves")
    pilot.click("button/retry-curves")
    assert not person.app.host.failures and pilot.names("plot/loss")


@scenario(stage=whole())
def test_a_run_that_cannot_begin_is_told_and_everything_stays(pilot: Pilot) -> None:
    person = Person(pilot)
    person.start("mlp", "moons", steps=LONG_STEPS)
    with mock.patch("neuralforge.train.launch.start", side_effect=UserError("The disk is full.")):
        pilot.click("button/run.train")
        person.wait(lambda view: person.said("The disk is full."))
    assert person.view.run is None and person.view.can_train
    with mock.patch("neuralforge.train.launch.start", side_effect=KeyError("nobody thought of it")):
        pilot.click("button/run.train")
        person.wait(lambda view: person.said("nobody thought of it"))
    person.train()
    assert isinstance(person.app.desktop.live.run, Run)
