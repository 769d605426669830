"""Undo and redo of everything: the document, knobs of a live run, the next run's configuration, the choice of data."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from neuralforge.app import datadesk
from neuralforge.graph.edits import SetParams
from neuralforge.runs.events import Event
from neuralforge.train import launch
from neuralforge.workbench import commands as do
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.requests import Request
from neuralforge.workbench.view import View
from tests.unit.app.test_desktop import MOONS, Person
from tests.unit.app.test_desktop import live as live  # the fixture

Live = Callable[[Callable[[Person], Any]], None]


async def opened(person: Person, start: do.Start = MOONS) -> View:
    person.do(do.Forced(start))
    await person.idle()
    return await person.until(lambda view: not view.welcome and not view.document.history)


async def trains(person: Person) -> View:
    await opened(person)
    person.desk.training.config = TrainConfig(steps=100_000, seed=3)
    person.do(do.Train())
    return await person.until(lambda view: view.run and view.run.progress.step > 3)


async def in_force(person: Person, key: str, value: object) -> View:
    def is_written(view: View) -> bool:
        """Tell whether the log has it, too: on the thread that trains, the value comes first."""
        found = [event for event in (view.run.events if view.run is not None else ()) if event.key == key]
        return bool(found) and found[-1].new == value and found[-1].status == "applied"

    return await person.until(
        lambda view: view.knobs.in_force[key] == value == view.knobs.values[key] and is_written(view)
    )


def events(person: Person, key: str) -> list[Event]:
    run = person.desk.view().run
    assert run is not None
    return [event for event in run.events if event.key == key]


# The configuration


def test_a_changed_configuration_is_taken_back_whole_and_done_again(live: Live) -> None:
    async def scenario(person: Person) -> None:
        first = (await opened(person)).config
        assert first.steps == 60 and first.epochs is None and first.lr == 1e-3
        person.do(do.Configure({"epochs": 7}))
        view = person.do(do.Configure({"optimizer": "sgd"}))
        last = view.config
        assert last.lr == 0.05 and last.steps is None and view.document.saved
        assert view.document.history == ("Ends after 60 steps \u2192 7 epochs", "Optimizer Adam \u2192 SGD")
        assert view.document.kinds == ("settings", "settings")
        view = person.do(do.Undo())
        assert (view.config.optimizer, view.config.lr, view.config.epochs) == ("adam", 1e-3, 7)
        assert person.do(do.Undo()).config is first
        assert person.do(do.Redo(), do.Redo()).config is last
        view = person.do(do.GoTo(0))
        assert view.config is first and len(view.document.history) == 2 and not person.errors()

    live(scenario)


def test_a_drag_in_a_form_or_of_a_knob_without_a_run_is_one_step(live: Live) -> None:
    async def scenario(person: Person) -> None:
        first = (await opened(person)).config
        for epochs in (5, 6, 7):
            person.do(do.Configure({"epochs": epochs}, "one"))
        for lr in (2e-3, 3e-3):
            person.do(do.Turn("lr", lr, "two"))
        view = person.do(do.Configure({"seed": 4}, "two"))
        assert view.document.history == (
            "Ends after 60 steps \u2192 7 epochs", "Learning rate 1e-3 \u2192 3e-3", "Seed 3 \u2192 4",
        )  # fmt: skip
        assert person.do(do.Undo(), do.Undo()).config.lr == 1e-3
        assert person.do(do.Undo()).config is first
        view = person.do(do.Turn("lr", 0.5, "back"), do.Turn("lr", 1e-3, "back"))
        assert view.config == first and not view.document.history

    live(scenario)


def test_a_refused_configuration_is_no_step(live: Live) -> None:
    async def scenario(person: Person) -> None:
        await opened(person)
        person.do(do.Configure({"batch_size": 8}), do.Undo())
        view = person.do(do.Configure({"batch_size": -1}), do.Turn("gone", 1.0))
        assert view.document.redo_label == "Batch size 64 \u2192 8" and len(person.errors()) == 2

    live(scenario)


def test_the_split_follows_the_configuration_back(live: Live) -> None:
    async def scenario(person: Person) -> None:
        before = (await opened(person)).data.splits
        person.do(do.Configure({"split": (0.5, 0.25, 0.25)}))
        await person.until(lambda view: view.data.splits != before)
        person.do(do.Undo())
        await person.until(lambda view: view.data.splits == before)

    live(scenario)


# Data


def test_the_choice_of_data_is_taken_back_with_its_options(live: Live) -> None:
    async def ready(person: Person, text: str, **options: str) -> None:
        view = await person.until(lambda view: view.data.state == "ready" and view.data.text == text)
        assert view.data.options == options and person.desk.data.raw is not None

    async def scenario(person: Person) -> None:
        person.do(do.NewDocument(), do.UseData("moons"))
        await ready(person, "moons")
        person.do(do.UseData("moons", {"noise": "0.3"}), do.UseData("iris"))
        await ready(person, "iris")
        view = person.do(do.UseData("iris"))
        assert view.document.history == ("Data: moons", "Data: moons, noise 0.3", "Data: iris")
        await ready(person, "iris")
        view = person.do(do.Undo())
        assert view.data.state == "loading" and any("moons" in words for words in view.busy)
        await ready(person, "moons", noise="0.3")
        person.do(do.Undo())
        await ready(person, "moons")
        view = person.do(do.Undo())
        assert view.data.state == "none" and view.data.text == "" and person.desk.data.raw is None
        assert view.document.position == 0 and view.document.saved
        person.do(do.GoTo(3))
        await ready(person, "iris")
        assert not person.errors()

    live(scenario)


def test_a_choice_that_was_taken_back_before_it_was_there_is_not_shown(live: Live, monkeypatch: Any) -> None:
    go, load = threading.Event(), datadesk.load_data

    def slow(text: str, options: dict[str, str]) -> Any:
        assert go.wait(60)
        return load(text, options)

    monkeypatch.setattr(datadesk, "load_data", slow)

    async def scenario(person: Person) -> None:
        view = person.do(do.UseData("iris"))
        assert view.data.state == "loading" and view.document.history == ("Data: iris",)
        view = person.do(do.Undo())
        assert view.data.state == "none"
        go.set()
        view = await person.idle()
        assert view.data.state == "none" and person.desk.data.raw is None

    live(scenario)


def test_data_and_its_split_are_taken_back_together(live: Live) -> None:
    async def scenario(person: Person) -> None:
        before = (await opened(person)).data.splits
        person.do(do.Configure({"split": (0.5, 0.25, 0.25)}), do.UseData("iris"))
        await person.until(lambda view: view.data.info and view.data.info.name == "iris")
        view = person.do(do.Configure({"split": (0.2, 0.4, 0.4)}), do.GoTo(0))
        assert view.data.text == "moons"
        await person.until(lambda view: view.data.state == "ready" and view.data.splits == before)
        view = await person.idle()
        assert view.data.info is not None and view.data.info.name == "moons" and view.data.splits == before

    live(scenario)


@pytest.mark.parametrize("work", ["load_data", "describe_data"])
def test_a_configuration_that_changes_while_data_is_loaded_splits_that_data(
    live: Live, monkeypatch: Any, work: str
) -> None:
    begun, go, usual = threading.Event(), threading.Event(), getattr(datadesk, work)

    def slow(*asked: Any) -> Any:
        if "iris" in asked:
            begun.set()
            assert go.wait(60)
        return usual(*asked)

    monkeypatch.setattr(datadesk, work, slow)

    async def scenario(person: Person) -> None:
        await opened(person)
        person.do(do.UseData("iris"))
        await person.until(lambda view: begun.is_set())
        person.do(do.Configure({"split": (0.2, 0.4, 0.4)}))
        for _ in range(20):
            view = await person.frame()
        assert view.data.state == "loading"
        go.set()
        view = await person.until(lambda view: view.data.state == "ready")
        assert view.data.info is not None and view.data.info.name == "iris" and view.data.splits["train"] == 30

    live(scenario)


def test_a_starting_point_begins_a_new_history(live: Live) -> None:
    async def scenario(person: Person) -> None:
        person.do(do.UseData("iris"))
        await person.idle()
        view = await opened(person)
        assert view.document.history == () and view.data.text == "moons"

    live(scenario)


# Knobs of a live run


def test_a_drag_on_a_live_run_is_taken_back_by_one_request_of_its_own(live: Live) -> None:
    async def scenario(person: Person) -> None:
        view = await trains(person)
        assert view.document.history == ()
        person.do(do.Apply(SetParams.of("fc1", out_features=9)))
        for value in (3e-3, 5e-3, 2e-3):
            person.do(do.Turn("lr", value, gesture="drag-1", widget="slider"))
        view = await in_force(person, "lr", 2e-3)
        assert view.document.kinds == ("network", "knob")
        assert view.document.undo_label == "Learning rate 1e-3 \u2192 2e-3"
        drag = events(person, "lr")
        assert view.config.lr == 1e-3
        view = person.do(do.Undo())
        assert view.knobs.values["lr"] == 1e-3 and view.document.position == 1
        await in_force(person, "lr", 1e-3)
        found = events(person, "lr")
        assert found[: len(drag)] == drag and len(found) == len(drag) + 1, "nothing is erased from the log"
        assert (found[-1].old, found[-1].new, found[-1].widget, found[-1].status) == (2e-3, 1e-3, "undo", "applied")
        assert found[-1].gesture not in (None, "drag-1")
        person.do(do.Redo())
        await in_force(person, "lr", 2e-3)
        assert events(person, "lr")[-1].widget == "redo"
        view = person.do(do.Undo(), do.Undo())
        assert view.document.document.graph.nodes["fc1"].param("out_features") != 9 and view.document.position == 0
        await in_force(person, "lr", 1e-3)
        person.do(do.Control("stop"))
        view = await person.until(lambda view: view.run and not view.run.live)
        assert view.run is not None and launch.replay(view.run.folder).identical and not person.errors()

    live(scenario)


def test_the_old_value_is_what_was_asked_for_last_whether_or_not_it_is_in_force(live: Live) -> None:
    async def scenario(person: Person) -> None:
        await trains(person)
        person.do(do.Control("pause"))
        await person.until(lambda view: view.run and view.run.state == "paused")
        person.do(do.Turn("lr", 0.1), do.Turn("lr", 0.2), do.Turn("lr", 0.2), do.Turn("batch_size", 8.0))
        view = person.desk.view()
        assert view.knobs.in_force["lr"] == 1e-3 and view.knobs.values["lr"] == 0.2
        assert view.document.history == (
            "Learning rate 1e-3 \u2192 0.1", "Learning rate 0.1 \u2192 0.2", "Batch size 64 \u2192 8",
        )  # fmt: skip
        assert person.do(do.Undo(), do.Undo()).knobs.values["lr"] == 0.1
        view = person.do(do.Undo())
        assert view.knobs.values["lr"] == 1e-3 and view.knobs.values["batch_size"] == 64
        person.do(do.GoTo(3), do.Control("run"))
        await in_force(person, "lr", 0.2)
        await in_force(person, "batch_size", 8)

    live(scenario)


def test_a_drag_back_to_where_it_began_and_a_refused_value_are_no_steps(live: Live) -> None:
    async def scenario(person: Person) -> None:
        await trains(person)
        person.do(do.Turn("lr", 0.1, "drag"), do.Turn("lr", 1e-3, "drag"))
        view = await in_force(person, "lr", 1e-3)
        assert view.document.history == ()
        view = person.do(do.Turn("lr", 1e9), do.Turn("gone", 1.0))
        assert view.document.history == () and view.knobs.refusal["lr"]

    live(scenario)


def test_a_long_way_back_is_one_gesture_whatever_order_the_knobs_were_turned_in(live: Live) -> None:
    async def scenario(person: Person) -> None:
        view = await trains(person)
        frozen = [knob.key for knob in view.knobs.knobs if knob.kind == "bool"]
        one, two, three = frozen
        person.do(do.Control("pause"))
        await person.until(lambda view: view.run and view.run.state == "paused")
        person.do(do.Turn(one, True), do.Turn(two, True))  # from here back, some orders freeze all three for a moment
        place = person.desk.view().document.position
        person.do(do.Turn(one, False), do.Turn(three, True), do.Turn(two, False), do.Turn(one, True))
        view = person.do(do.GoTo(place))
        assert not person.errors() and not view.knobs.refusal
        assert [view.knobs.values[key] for key in frozen] == [True, True, False]
        person.do(do.Control("run", 1))
        await in_force(person, two, True)
        view = await in_force(person, three, False)
        assert view.run is not None
        undone = [event for event in view.run.events if event.widget == "undo"]
        assert {event.key for event in undone} == {two, three} and len({event.gesture for event in undone}) == 1

    live(scenario)


def test_a_way_back_that_the_run_refuses_is_told_and_not_gone(live: Live) -> None:
    async def scenario(person: Person) -> None:
        view = await trains(person)
        one, two, three = (knob.key for knob in view.knobs.knobs if knob.kind == "bool")
        person.do(do.Turn(one, True), do.Turn(one, False), do.Configure({"batch_size": 8}))
        run = person.desk.live
        assert run is not None
        run.ask(Request(changes={two: True, three: True}, actor="script"))  # beside the history
        await person.until(lambda view: view.knobs.in_force[three])
        view = person.do(do.GoTo(1))
        assert "last trainable layer" in person.errors()[-1]
        assert view.document.position == 3 and view.config.batch_size == 8 and not view.knobs.values[one]

    live(scenario)


def test_what_was_turned_on_a_run_leaves_the_history_with_it(live: Live) -> None:
    async def scenario(person: Person) -> None:
        await trains(person)
        person.do(do.Apply(SetParams.of("fc1", out_features=9)), do.Turn("lr", 0.1))
        person.do(do.Apply(SetParams.of("fc1", out_features=10)), do.Turn("lr", 0.2), do.Turn("momentum", 0.2))
        person.do(do.Configure({"seed": 9}), do.Turn("lr", 0.3))
        await in_force(person, "lr", 0.3)
        view = person.do(do.GoTo(3))
        assert view.document.kinds == ("network", "knob", "network", "knob", "settings", "knob")
        person.do(do.Control("stop"))
        view = await person.until(lambda view: view.run and not view.run.live)
        assert view.document.kinds == ("network", "network", "settings") and view.document.position == 2
        assert view.document.document.graph.nodes["fc1"].param("out_features") == 10
        view = person.do(do.Turn("lr", 0.5))
        assert view.config.lr == 0.5 and view.document.kinds == ("network", "network", "settings")
        view = person.do(do.GoTo(0))
        assert view.config.lr == 1e-3 and view.document.document.graph.nodes["fc1"].param("out_features") not in (9, 10)

    live(scenario)


def test_turns_of_a_run_that_another_replaces_go_and_those_of_the_new_one_stay(live: Live) -> None:
    async def scenario(person: Person) -> None:
        first = await trains(person)
        person.do(do.Turn("lr", 0.1))
        await in_force(person, "lr", 0.1)
        person.do(do.Train())
        assert first.run is not None
        known = first.run.run_id
        view = await person.until(lambda view: view.run and view.run.run_id != known and view.run.progress.step > 0)
        assert view.document.history == () and view.knobs.values["lr"] == 1e-3
        person.do(do.Turn("lr", 0.2))
        await in_force(person, "lr", 0.2)
        person.do(do.Undo())
        await in_force(person, "lr", 1e-3)

    live(scenario)


def test_a_drag_that_a_run_ends_under_goes_on_as_a_setting(live: Live) -> None:
    async def scenario(person: Person) -> None:
        await trains(person)
        person.do(do.Turn("lr", 0.1, "drag"))
        await in_force(person, "lr", 0.1)
        person.do(do.Control("stop"))
        await person.until(lambda view: view.run and not view.run.live)
        view = person.do(do.Turn("lr", 0.2, "drag"), do.Turn("lr", 0.3, "drag"))
        assert view.document.history == ("Learning rate 1e-3 \u2192 0.3",) and view.document.kinds == ("settings",)
        assert person.do(do.Undo()).config.lr == 1e-3

    live(scenario)
