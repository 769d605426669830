"""The whole product, used by its window: undo and redo of the network, of knobs, of settings and of data."""

from __future__ import annotations

from neuralforge.runs.reader import RunReader
from neuralforge.train import launch
from neuralforge.workbench import commands as do
from tests.ui.pilot import Pilot, scenario
from tests.ui.whole import LONG_STEPS, Person, whole


@scenario(stage=whole())
def test_a_dragged_learning_rate_is_taken_back_and_then_the_edit_before_it(pilot: Pilot) -> None:
    person = Person(pilot)
    person.start("small_cnn", "digits", steps=LONG_STEPS)
    person.train()
    live = person.app.desktop.live
    assert live is not None
    board = live.run.session.board
    pilot.press("ctrl+1")
    person.select("conv1")
    pilot.set_value("field/conv1/out_channels", 12)
    assert person.nodes["conv1"].param("out_channels") == 12
    pilot.press("ctrl+2")
    pilot.drag_by("thumb/lr", 40, 0, stops=8)
    turned = person.view.knobs.values["lr"]
    person.wait_for_value("lr", turned)
    assert board.values["lr"] == turned != 1e-3
    drag = person.changes("lr")
    assert len({event.gesture for event in drag}) == 1
    assert person.view.document.kinds == ("network", "knob") and person.view.document.position == 2
    pilot.press("ctrl+z")
    person.wait_for_value("lr", 1e-3)
    assert board.values["lr"] == 1e-3 and person.nodes["conv1"].param("out_channels") == 12
    found = person.changes("lr")
    assert found[:-1] == drag and (found[-1].old, found[-1].new, found[-1].widget) == (turned, 1e-3, "undo")
    assert found[-1].gesture != drag[0].gesture
    pilot.press("ctrl+z")
    assert person.nodes["conv1"].param("out_channels") != 12 and person.view.document.saved
    pilot.press("ctrl+shift+z", "ctrl+shift+z")
    person.wait_for_value("lr", turned)
    assert person.nodes["conv1"].param("out_channels") == 12
    pilot.click("button/run.stop")
    person.wait(lambda view: view.run.state == "stopped" and not view.run.live)
    assert person.view.document.kinds == ("network",), "a run that is over cannot be turned back"
    written = [event for event in RunReader(person.run.folder).events() if event.key == "lr"]
    assert [event.widget for event in written[-2:]] == ["undo", "redo"] and written[: len(drag)] == drag
    assert launch.replay(person.run.folder).identical


@scenario(stage=whole())
def test_settings_and_data_are_taken_back_by_a_click_in_the_history(pilot: Pilot) -> None:
    person = Person(pilot)
    person.start("mlp", "moons")
    first = person.view.config
    person.panel("knobs")
    pilot.drag_by("thumb/batch_size", 30, 0, stops=5)
    pilot.drag_by("field/warmup", 40, 0, stops=5)
    dragged = person.view.config
    assert dragged.batch_size > first.batch_size and dragged.warmup > 0
    assert person.view.document.kinds == ("settings", "settings"), person.view.document.history
    person.post(do.UseData("circles", {"noise": "0.2"}))
    person.wait(lambda view: view.data.state == "ready" and view.data.text == "circles")
    pilot.press("ctrl+1")
    person.panel("history")
    pilot.until(lambda: pilot.exists("step/1"), 60, "the history is shown")
    pilot.click("step/1")
    person.wait(lambda view: view.data.state == "ready" and view.data.text == "moons")
    assert person.view.config.batch_size == dragged.batch_size and person.view.config.warmup == 0
    pilot.click("step/0")
    assert person.view.config is first and person.view.document.position == 0
    pilot.click("step/3")
    person.wait(lambda view: view.data.state == "ready" and view.data.text == "circles")
    assert person.view.config is dragged and person.view.data.options == {"noise": "0.2"}
