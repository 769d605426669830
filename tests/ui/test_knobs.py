"""The panel of knobs, and forms: dragged, typed, by keys, by menu; drawn in every state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from neuralforge.graph.params import fields_of
from neuralforge.layers.registry import catalog
from neuralforge.ui.forms import Change, Form
from neuralforge.ui.panel import Panel
from neuralforge.ui.panels.knobs import KnobsPanel, device_options, optimizer_changes, row_title
from neuralforge.ui.panels.settings import SettingsPanel
from neuralforge.workbench.commands import ChangeSettings, Configure, Turn
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.knobs import Scope, to_slider
from neuralforge.workbench.view import DeviceFact, KnobsView, View
from tests.ui.hands import Hands, document_of, live_view, view_of
from tests.ui.pilot import Pilot, scenario
from tests.ui.standin import stage

TALL = (720, 1400)


class FormPanel(Panel):
    """All kinds of fields that layers have."""

    key = "form"
    title = "Form"
    icon = ""
    docks: Any = {}

    def draw(self, view: View, post: Any) -> None:
        if not hasattr(self, "form"):
            self.form = Form(self.kit)
            self.fields = {field.name: field for field in fields_of(catalog()["conv2d"].params)}
            self.values = {name: field.default for name, field in self.fields.items()}
            self.changes: list[tuple[str, Change]] = []
        for name, field in self.fields.items():
            change = self.form.row(field, self.values[name])
            if change is not None:
                self.changes.append((name, change))
                self.values[name] = change.value


def _live() -> Hands:
    return Hands(live_view(), lambda kit: [KnobsPanel(kit)])


def _before() -> Hands:
    return Hands(view_of(), lambda kit: [KnobsPanel(kit), SettingsPanel(kit)])


PANELS: list[Panel] = []


def _form() -> Hands:
    def make(kit: Any) -> list[Panel]:
        PANELS[:] = [FormPanel(kit)]
        return PANELS

    return Hands(view_of(), make)


@scenario(stage=stage(_live), size_px=TALL)
def test_one_drag_is_one_gesture_with_the_newest_value_of_each_frame(pilot: Pilot) -> None:
    pilot.drag_by("thumb/lr", 60, 0, stops=6)
    turns = pilot.desk.of(Turn)
    assert len(turns) >= 3 and {turn.key for turn in turns} == {"lr"}
    assert len({turn.gesture for turn in turns}) == 1 and turns[0].gesture
    assert {turn.widget for turn in turns} == {"slider"}
    values = [turn.value for turn in turns]
    assert values == sorted(values) and len(set(values)) == len(values) and values[-1] > 1e-3
    pilot.drag_by("thumb/lr", -30, 0)
    assert pilot.desk.of(Turn)[-1].gesture != turns[0].gesture
    assert pilot.desk.of(Turn)[-1].value < values[-1]


@scenario(stage=stage(_live), size_px=TALL)
def test_a_click_on_the_thumb_turns_nothing_and_one_on_the_rail_does(pilot: Pilot) -> None:
    pilot.click("thumb/lr")
    pilot.wheel(3, "knob/lr")
    pilot.double_click("thumb/lr")
    assert pilot.desk.of(Turn) == []
    left, top, right, bottom = pilot.rect("knob/lr") or (0, 0, 0, 0)
    pilot.click((right - 1, (top + bottom) / 2))
    assert pilot.desk.of(Turn)[-1].value == pytest.approx(1.0, rel=0.1)
    pilot.click((left + 1, (top + bottom) / 2))
    assert pilot.desk.of(Turn)[-1].value == 0


@scenario(stage=stage(_live), size_px=TALL)
def test_typing_commits_on_enter_and_refuses_in_words(pilot: Pilot) -> None:
    pilot.set_value("field/lr", "3e-4")
    (turn,) = pilot.desk.of(Turn)
    assert (turn.key, turn.value, turn.widget) == ("lr", 3e-4, "field")
    before = pilot.rect("row/beta1")
    pilot.set_value("field/lr", "1000")
    assert pilot.desk.of(Turn) == [turn]
    after = pilot.rect("row/beta1")
    assert before and after and after[1] > before[1]  # the sentence stands between
    pilot.set_value("field/lr", "2")
    assert pilot.desk.of(Turn)[-1].value == 2.0
    assert pilot.rect("row/beta1") == before


@scenario(stage=stage(_live), size_px=TALL)
def test_escape_and_an_unchanged_text_turn_nothing(pilot: Pilot) -> None:
    pilot.click("field/batch_size")
    pilot.press("ctrl+a")
    pilot.type("7")
    pilot.press("esc")
    pilot.click("field/lr")
    pilot.press("enter")
    assert pilot.desk.of(Turn) == []
    pilot.click("field/batch_size")
    pilot.press("ctrl+a")
    pilot.type("48")
    pilot.click((500, 1200))  # the keyboard goes elsewhere
    assert [(turn.key, turn.value) for turn in pilot.desk.of(Turn)] == [("batch_size", 48)]


@scenario(stage=stage(_live), size_px=TALL)
def test_the_number_itself_can_be_dragged(pilot: Pilot) -> None:
    pilot.drag_by("field/lr", 40, 0, stops=8)
    turns = pilot.desk.of(Turn)
    assert turns and len({turn.gesture for turn in turns}) == 1 and turns[-1].value > 1e-3
    knob = next(knob for knob in pilot.desk.view.knobs.knobs if knob.key == "lr")
    moved = to_slider(knob, turns[-1].value) - to_slider(knob, 1e-3)
    assert moved < 41 / 300  # from where it began, not from frame to frame


@scenario(stage=stage(_live), size_px=TALL)
def test_arrow_keys_are_notches(pilot: Pilot) -> None:
    pilot.click("thumb/lr")
    pilot.press("right")
    pilot.press("right")
    pilot.press("left")
    pilot.press("shift+right")
    turns = pilot.desk.of(Turn)
    assert [turn.value for turn in turns] == pytest.approx([1.1e-3, 1.21e-3, 1.1e-3, 2.85e-3])
    assert len({turn.gesture for turn in turns}) == 4 and {turn.widget for turn in turns} == {"keys"}


@scenario(stage=stage(_live), size_px=TALL)
def test_the_menu_resets_halves_and_doubles(pilot: Pilot) -> None:
    for label, value in (("Double to 2.00e-3", 2e-3), ("Double to 4.00e-3", 4e-3), ("Halve to 2.00e-3", 2e-3)):
        pilot.right_click("knob/lr")
        pilot.ctx.item_click(f"//$FOCUSED/{label}")
        pilot.frames(2)
        assert pilot.desk.view.knobs.values["lr"] == value
    pilot.right_click("knob/lr")
    pilot.ctx.item_click("//$FOCUSED/Reset to 1.00e-3")
    pilot.frames(2)
    assert pilot.desk.view.knobs.values["lr"] == 1e-3


@scenario(stage=stage(_live), size_px=TALL)
def test_freezing_a_layer(pilot: Pilot) -> None:
    pilot.click("toggle/conv1.frozen")
    (turn,) = pilot.desk.of(Turn)
    assert (turn.key, turn.value, turn.widget) == ("conv1.frozen", True, "toggle")


@scenario(stage=stage(_live), size_px=TALL)
def test_while_a_run_is_live_the_plan_is_shown_and_not_changed(pilot: Pilot) -> None:
    assert pilot.exists("field/lr") and not pilot.exists("field/seed") and not pilot.exists("field/optimizer")


@scenario(stage=stage(_before), size_px=(720, 2000))
def test_the_plan_of_the_next_run(pilot: Pilot) -> None:
    pilot.set_value("field/seed", 7)
    assert pilot.desk.of(Configure)[-1] == Configure({"seed": 7})
    pilot.set_value("field/epochs", "3")
    assert pilot.desk.view.config.epochs == 3
    pilot.set_value("field/split/0", "0.8,0.1,0.1")
    assert pilot.desk.view.config.split == (0.8, 0.1, 0.1)
    pilot.click("field/optimizer")
    pilot.ctx.item_click("//$FOCUSED/SGD")
    pilot.frames(2)
    assert pilot.desk.of(Configure)[-1] == Configure({"optimizer": "sgd", "lr": 0.05})
    pilot.click("field/length")
    pilot.ctx.item_click("//$FOCUSED/steps")
    pilot.frames(2)
    assert pilot.desk.view.config.epochs is None and pilot.desk.view.config.steps == 1000
    pilot.click("fold/more")
    pilot.set_value("field/threads", "2")
    assert pilot.desk.view.config.threads == 2
    pilot.set_value("field/threads", "none")
    assert pilot.desk.view.config.threads is None


@scenario(stage=stage(_before), size_px=(720, 2000))
def test_the_settings(pilot: Pilot) -> None:
    pilot.click("segment/theme/light")
    pilot.click("toggle/reduce_motion")
    pilot.set_value("field/autosave_secs", 60)
    posted = pilot.desk.of(ChangeSettings)
    assert [command.changes for command in posted] == [
        {"theme": "light"}, {"reduce_motion": True}, {"autosave_secs": 60},
    ]  # fmt: skip


@scenario(stage=stage(_form), size_px=(720, 900))
def test_a_form_takes_what_fits_and_refuses_the_rest(pilot: Pilot) -> None:
    form = PANELS[0]
    assert isinstance(form, FormPanel)
    pilot.set_value("field/out_channels", 64)
    assert form.changes == [("out_channels", Change(64))]
    below = pilot.rect("field/kernel_size/0")
    pilot.set_value("field/out_channels", "many")
    assert form.values["out_channels"] == 64 and len(form.changes) == 1
    moved = pilot.rect("field/kernel_size/0")
    assert below and moved and moved[1] > below[1]
    pilot.set_value("field/kernel_size/1", 5)
    assert form.changes[-1] == ("kernel_size", Change((3, 5)))
    pilot.set_value("field/kernel_size/0", "7x7")
    assert form.changes[-1] == ("kernel_size", Change((7, 7)))
    before = len(form.changes)
    pilot.drag_by("field/out_channels", 60, 0, stops=6)
    dragged = form.changes[before:]
    assert dragged and len({change.gesture for _, change in dragged}) == 1 and dragged[0][1].gesture
    pilot.click("toggle/bias")
    assert form.changes[-1] == ("bias", Change(not form.fields["bias"].default))


@scenario(stage=stage(_form), size_px=(720, 900))
def test_tab_commits_and_goes_on(pilot: Pilot) -> None:
    form = PANELS[0]
    assert isinstance(form, FormPanel)
    pilot.click("field/out_channels")
    pilot.press("ctrl+a")
    pilot.type("48")
    pilot.move((600, 800))
    pilot.press("tab")
    assert form.changes == [("out_channels", Change(48))]
    pilot.type("9")
    pilot.press("enter")
    assert form.changes[-1] == ("kernel_size", Change((9, 3)))


def _states() -> dict[str, View]:
    big, plain = document_of("resnet18"), view_of()
    waiting = live_view("paused")
    values = {**waiting.knobs.values, "batch_size": 128}
    later = tuple(replace(knob, scope=Scope.NEXT_EPOCH) for knob in waiting.knobs.knobs)
    return {
        "empty": replace(plain, knobs=KnobsView()),
        "step schedule": view_of(config=TrainConfig(schedule="step", steps=100)),
        "sgd": view_of(config=TrainConfig(optimizer="sgd", schedule="cosine")),
        "many layers": view_of(network=big),
        "waiting": replace(waiting, knobs=replace(waiting.knobs, values=values, knobs=later)),
        "refused": replace(waiting, knobs=replace(waiting.knobs, refusal={"lr": "lr must be a number."})),
        **{state: live_view(state) for state in ("ready", "running", "paused", "completed", "stopped", "failed")},
    }


@scenario(stage=stage(_before), size_px=(720, 900))
def test_every_state_is_drawn(pilot: Pilot) -> None:
    for name, view in _states().items():
        for scale in (1.0, 2.0):
            pilot.desk.kit.scale = scale
            pilot.desk.view = view
            pilot.frames(4)
            assert pilot.window.error is None, name
    assert pilot.desk.posted == []


def test_what_a_row_is_called() -> None:
    knobs = {knob.key: knob for knob in view_of().knobs.knobs}
    assert row_title(knobs["lr"]) == "Learning rate"
    assert row_title(knobs["drop.dropout"]) == "Dropout drop"


def test_another_optimizer_brings_its_usual_rate_unless_one_was_chosen() -> None:
    assert optimizer_changes(TrainConfig(), "sgd") == {"optimizer": "sgd", "lr": 0.05}
    assert optimizer_changes(TrainConfig(lr=0.3), "sgd") == {"optimizer": "sgd"}


def test_devices_to_choose_from() -> None:
    view = view_of(devices=(DeviceFact(key="cuda:0", name="A"), DeviceFact(key="cpu", name="B")))
    assert [key for key, _ in device_options(view, "mps")] == ["auto", "cuda:0", "cpu", "mps"]
    assert device_options(replace(view, devices=None), "auto") == (("auto", "auto"),)
