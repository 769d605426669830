"""The bars: what their buttons post, what they say, and that they can be drawn in every state and size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args
from unittest import mock

import pytest

from neuralforge.graph.edits import RemoveNode
from neuralforge.runs.events import Event
from neuralforge.ui import widgets
from neuralforge.ui.bar_texts import (
    batch_words,
    device_memory,
    device_words,
    document_words,
    epoch_words,
    event_dots,
    pending_sentence,
    run_words,
    speed_words,
)
from neuralforge.ui.local import SetArrangement, ShowCommands
from neuralforge.ui.panel import Arrangement
from neuralforge.ui.status_bar import left_items, most_important, right_items
from neuralforge.ui.tool_bar import next_issue, read_count
from neuralforge.workbench import commands as do
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.knobs import Scope
from neuralforge.workbench.status import RunState
from neuralforge.workbench.view import DeviceFact, KnobsView, RecentFile, View
from tests.ui.hands import Hands, document_of, document_view, live_view, view_of
from tests.ui.pilot import Pilot, scenario
from tests.ui.standin import stage

WIDE = (1920, 700)


def _broken() -> View:
    network = RemoveNode("conv2").apply(document_of())
    view = replace(view_of(), document=document_view(network, saved=False, history=("Remove conv2",), position=1))
    return replace(view, knobs=KnobsView(), can_train=False, why_not="The network has an issue: relu2.")


def _training() -> Hands:
    return Hands(live_view(), lambda kit: [])


def _building() -> Hands:
    return Hands(_broken(), lambda kit: [], "build")


@scenario(stage=stage(_training), size_px=WIDE)
def test_the_buttons_of_a_run(pilot: Pilot) -> None:
    pilot.click("button/run.step")  # not while it runs
    pilot.click("button/run.train")
    pilot.desk.view = live_view("paused")
    pilot.click("button/run.train")
    pilot.click("button/run.step")
    pilot.click("button/run.some")
    pilot.click("button/run.stop")
    pilot.click("button/run.reset")
    assert pilot.desk.posted == [
        do.Control("pause"), do.Control("run"), do.Control("run", 1), do.Control("run", 100), do.Control("stop"),
        do.Reset(),
    ]  # fmt: skip


@scenario(stage=stage(_training), size_px=WIDE)
def test_how_many_steps_run_makes(pilot: Pilot) -> None:
    pilot.desk.view = live_view("paused")
    pilot.set_value("field/run-n", "2,500")
    pilot.click("button/run.some")
    pilot.set_value("field/run-n", "none")
    pilot.press("f7")
    assert pilot.desk.posted == [do.Control("run", 2500)] * 2
    pilot.drag_by("field/run-n", -60, 0)
    assert 1 <= pilot.desk.bars.run_n < 2500


@scenario(stage=stage(_building), size_px=WIDE)
def test_the_buttons_of_building(pilot: Pilot) -> None:
    pilot.click("button/run.train")  # disabled: there are issues
    pilot.click("button/edit.redo")  # nothing to do again
    pilot.click("button/edit.undo")
    pilot.click("button/edit.arrange")
    pilot.click("button/templates")
    pilot.click("segment/arrangement/build")  # it holds already
    pilot.click("segment/arrangement/train")
    pilot.click("button/commands")
    assert pilot.desk.posted == [do.Undo(), do.Arrange(), do.ShowWelcome(), SetArrangement("train"), ShowCommands()]


@scenario(stage=stage(_building), size_px=WIDE)
def test_the_chip_goes_from_issue_to_issue(pilot: Pilot) -> None:
    count = len(pilot.desk.view.document.issues)
    assert count > 1
    for _ in range(count + 1):
        pilot.click("button/issues")
    selected = pilot.desk.of(do.Select)
    nodes = [issue.node for issue in pilot.desk.view.document.issues if issue.node]
    assert [next(iter(command.nodes)) for command in selected] == [*nodes, nodes[0]]


@scenario(stage=stage(_training), size_px=WIDE)
def test_a_menu_opens_and_another_one_follows_the_mouse(pilot: Pilot) -> None:
    pilot.click("menu/File")
    assert pilot.exists("action/file.save")
    pilot.move("menu/Edit")
    pilot.frames(3)
    assert pilot.exists("action/edit.arrange") and not pilot.names("action/file")
    pilot.click("action/edit.arrange")
    pilot.frames(3)
    assert pilot.desk.posted == [do.Arrange()] and not pilot.names("action/")


@scenario(stage=stage(_training), size_px=(1280, 800))
def test_one_menu_button_where_there_is_little_room(pilot: Pilot) -> None:
    assert not pilot.names("menu/")
    pilot.click("button/menu")
    pilot.ctx.item_click("//$FOCUSED/Run")
    pilot.frames(3)
    pilot.click("action/run.stop")
    assert pilot.desk.posted == [do.Control("stop")]


@scenario(stage=stage(_training), size_px=WIDE)
def test_shortcuts_and_typing(pilot: Pilot) -> None:
    pilot.press("f5", "ctrl+z", "ctrl+s", "ctrl+1")
    posted = [type(command).__name__ for command in pilot.desk.posted]
    assert posted == ["Control", "ChoosePath", "SetArrangement"]  # nothing to undo
    pilot.click("field/run-n")
    pilot.press("ctrl+a", "/", "del")
    assert len(pilot.desk.posted) == 3  # those were for the text
    pilot.press("f5", "ctrl+2")
    assert len(pilot.desk.posted) == 5
    pilot.press("esc")


@scenario(stage=stage(_training))
def test_every_state_and_size_is_drawn(pilot: Pilot) -> None:
    for name, view in _states().items():
        for scale in (1.0, 2.0):
            for arrangement in ("build", "train"):
                pilot.desk.kit.scale = scale
                pilot.desk.bars.arrangement = arrangement
                pilot.desk.view = view
                pilot.frames(3)
                assert pilot.window.error is None, name
    assert pilot.desk.posted == []


def _states() -> dict[str, View]:
    view = view_of()
    live = live_view()
    assert live.run is not None
    states = get_args(RunState)
    return {
        "plain": view,
        "broken": _broken(),
        "no engine": replace(view, engine_ready=False, devices=None, can_train=False, why_not="Torch is loading."),
        "busy": replace(view, busy=("Loading digits", "Reading runs"), notice=(1, "error", "No " * 200)),
        "recent": replace(view, recent=(RecentFile(path=Path("/a/b.nf.json"), name="b", problem="gone"),)),
        "many steps": replace(live, run=replace(live.run, config=TrainConfig(steps=10**9))),
        **{state: live_view(state) for state in states},
    }


# What they say


def test_a_run_in_words() -> None:
    assert run_words(view_of()) == ("Ready", "success")
    assert run_words(live_view()) == ("Training", "success")
    assert run_words(live_view("completed"))[0] == "Finished"
    failed = live_view("failed")
    assert failed.run is not None
    failed = replace(failed, run=replace(failed.run, trouble="the loss is NaN"))
    assert run_words(failed) == ("Failed: the loss is NaN", "danger")


def test_where_a_run_is() -> None:
    run = live_view().run
    assert run is not None
    assert epoch_words(run) == "Epoch 3 of 20" and batch_words(run) == "batch 72 / 72"
    read = replace(run, progress=run.progress._replace(batch=0, batches=0))  # from files: nobody knows
    assert batch_words(read) == ""
    assert speed_words(run) == ("step 216", "182 steps/s", "06:12 left")
    by_steps = replace(run, config=TrainConfig(steps=1440), steps_per_sec=0.0)
    assert epoch_words(by_steps) == "Step 216 of 1,440" and batch_words(by_steps) == "" and speed_words(by_steps) == ()


def test_events_become_dots_in_their_places() -> None:
    run = live_view().run
    assert run is not None
    dots = event_dots(run)
    assert [dot.place for dot in dots] == pytest.approx([60 / 1440, 120 / 1440, 180 / 1440])
    assert [dot.tone for dot in dots] == ["accent", "accent", "info"]
    refused = Event(operation="set", key="lr", status="rejected", applied_step=None)
    pause = Event(operation="control", key="pause", status="applied", applied_step=9)
    assert event_dots(replace(run, events=(refused, pause))) == ()
    drag = tuple(Event(operation="set", key="lr", status="applied", applied_step=i) for i in range(1440))
    assert len(event_dots(replace(run, events=drag))) <= 201


def test_what_waits_is_told() -> None:
    view = live_view()
    assert pending_sentence(view) == ""
    knobs = view.knobs
    values = {**knobs.values, "batch_size": 128}
    waiting = replace(knobs, values=values)
    assert pending_sentence(replace(view, knobs=waiting)) == ""  # in force before it can be read
    later = tuple(replace(knob, scope=Scope.NEXT_EPOCH) if knob.key == "batch_size" else knob for knob in knobs.knobs)
    assert pending_sentence(replace(view, knobs=replace(waiting, knobs=later))) == "Batch size waits for epoch 4"
    paused = live_view("paused")
    assert pending_sentence(replace(paused, knobs=replace(waiting, live=False))) == ""  # those of no live run
    assert pending_sentence(replace(paused, knobs=waiting)) == "Batch size waits for step 217"


def test_devices_in_words() -> None:
    card = DeviceFact(key="cuda:0", name="NVIDIA GeForce RTX 4090", memory_bytes=24 << 30)
    view = view_of(devices=(card, DeviceFact(key="cpu", name="AMD EPYC")))
    assert device_words(view) == ("RTX 4090", "cuda:0: NVIDIA GeForce RTX 4090")
    assert device_memory(view) == 24 << 30
    assert device_words(view_of())[0] == "CPU"
    assert device_words(replace(view, devices=None))[0] == "auto" and device_memory(replace(view, devices=None)) is None


def test_the_document_in_words() -> None:
    view = view_of()
    assert document_words(view) == ("", view.document.document.name)
    saved = replace(view, document=replace(view.document, path=Path("/home/me/captions/net.nf.json")))
    assert document_words(saved)[0] == "captions"


def test_the_status_bar_in_words() -> None:
    view = replace(_broken(), busy=("Loading digits",), notice=(3, "warning", "Careful"))
    assert [item.key for item in left_items(view)] == ["issues", "busy", "saved"]
    live = live_view()
    assert [item.words for item in left_items(live)] == ["Training"]
    filed = replace(live, document=replace(live.document, path=Path("/a/net.nf.json")))
    assert [item.words for item in left_items(filed)] == ["Training", "Saved"]
    totals, numbers = live.document.totals, right_items(live)
    words = [item.words for item in numbers]
    assert words[0] == f"{totals.parameters:,} parameters" and words[1].endswith(" MACs") and words[2].endswith("B")
    assert words[3:] == ["CPU", "step 216", "182 steps/s", " 60 fps"]
    assert [item.key for item in right_items(view_of())] == ["parameters", "macs", "memory", "device", "fps"]


def test_the_numbers_that_matter_stay_in_a_narrow_status_bar() -> None:
    numbers = right_items(live_view())
    widths = [10.0] * len(numbers)

    def kept(room: float, arrangement: Arrangement) -> list[str]:
        return [item.key for item in most_important(numbers, widths, 2, room, arrangement)]

    everything = ["parameters", "macs", "memory", "device", "step", "speed", "fps"]
    assert kept(82, "build") == kept(82, "train") == everything
    assert kept(81, "build") == everything[:-1]
    assert kept(34, "build") == ["parameters", "macs", "memory"]
    assert kept(34, "train") == ["device", "step", "speed"]
    assert kept(9, "train") == []


def test_the_next_issue() -> None:
    assert next_issue(view_of(), 0) == ()
    view = _broken()
    count = len(view.document.issues)
    assert next_issue(view, 0) == next_issue(view, count) != ()


@pytest.mark.parametrize(("text", "number"), [("100", 100), (" 2,500 ", 2500), ("0", None), ("-3", None), ("a", None)])
def test_numbers_of_steps(text: str, number: int | None) -> None:
    assert read_count(text) == number


@scenario(stage=stage(_building), size_px=WIDE)
def test_the_switch_of_the_arrangements_names_its_keys(pilot: Pilot) -> None:
    for name, keys in (("build", "Ctrl+1"), ("train", "Ctrl+2")):
        with mock.patch.object(widgets, "mono", wraps=widgets.mono) as written:
            pilot.move(f"segment/arrangement/{name}")
            pilot.until(lambda keys=keys, written=written: any(keys in call.args for call in written.mock_calls))
