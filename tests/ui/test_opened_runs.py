"""A run that was opened from its files, in the whole window: the same panels answer as while it trained."""

from __future__ import annotations

import numpy as np

from neuralforge.workbench import commands as do
from tests.ui.pilot import Pilot, scenario
from tests.ui.whole import Person, whole


def open_from_the_list(person: Person) -> None:
    """Close the run in the panels and open the newest one on the disk by a double click in the list."""
    run_id = person.run.run_id
    person.post(do.CloseRun())
    person.wait(lambda view: view.run is None)
    person.panel("runs")
    person.wait(lambda view: view.runs is not None and view.runs.runs)
    person.pilot.frames(3)
    person.pilot.double_click(f"run/{run_id}")
    person.wait(lambda view: view.run is not None)
    assert person.run.run_id == run_id and not person.run.live and not person.run.driver


@scenario(stage=whole())
def test_a_boundary_and_samples_of_an_opened_run_are_seen_though_other_data_is_chosen(pilot: Pilot) -> None:
    person = Person(pilot)
    person.start("mlp", "spirals", steps=40)
    person.train()
    person.wait(lambda view: view.run.state == "completed")
    person.post(do.UseData("iris"))
    person.wait(lambda view: view.data.text == "iris" and view.data.state == "ready")
    open_from_the_list(person)
    person.panel("decision")
    person.wait(lambda view: view.run.boundary is not None)
    pilot.frames(3)
    assert person.run.boundary.step == 40 and person.sees("plot/decision")
    assert person.sees("segment/samples/train")  # with its points above it, not those of the chosen data
    person.panel("try")
    person.wait(lambda view: view.run.prediction is not None)
    first = person.run.prediction
    assert (first.split, first.sample, first.step) == ("validation", 0, 40)
    pilot.click("segment/split/test")
    pilot.click("button/next sample")
    person.wait(lambda view: (view.run.prediction.split, view.run.prediction.sample) == ("test", 1))
    assert np.isclose(np.sum(person.run.prediction.probabilities), 1, atol=1e-4)
    person.panel("layers")
    pilot.click("weight/fc2")
    person.wait(lambda view: view.run.node is not None and view.run.node.node == "fc2")
    assert person.run.node.weights is not None and person.view.data.text == "iris"


@scenario(stage=whole())
def test_a_drawing_is_put_to_an_opened_run_and_a_lost_checkpoint_is_told(pilot: Pilot) -> None:
    person = Person(pilot)
    person.start("small_cnn", "digits", steps=20)
    person.train()
    person.wait(lambda view: view.run.state == "completed")
    open_from_the_list(person)
    person.panel("try")
    person.wait(lambda view: view.run.prediction is not None)
    pilot.click("segment/mode/draw")
    x0, y0, x1, _ = person.rect("pad/drawing")
    side = x1 - x0
    pilot.drag((x0 + side * 0.5, y0 + side * 0.2), (x0 + side * 0.5, y0 + side * 0.8), stops=6)
    person.wait(lambda view: view.run.prediction.sample is None)
    for path in (person.run.folder / "checkpoints").iterdir():
        path.unlink()
    open_from_the_list(person)
    person.panel("try")
    person.wait(lambda view: view.run.look_problem)
    assert "cannot be read" in person.run.look_problem and len(person.run.series["train/loss"]) == 20
    pilot.frames(3)
    assert not person.sees("segment/mode/draw")
