"""Actions: one shortcut each, a tip each, and commands that the application knows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from imgui_bundle import imgui

from neuralforge.ui.actions import (
    ACTIONS,
    DEFAULT_RUN_N,
    MENUS,
    SCALES,
    action,
    all_actions,
    graph_panels,
    next_scale,
    perform,
    train_words,
)
from neuralforge.ui.command_items import items_of
from neuralforge.ui.shortcuts import chord, while_typing
from neuralforge.workbench import commands as do
from neuralforge.workbench.commands import Command
from tests.ui.hands import live_view, view_of

_NEEDS_CONTEXT = {"edit.paste", "view.larger", "view.smaller"}


def test_keys_and_shortcuts_are_used_once_and_every_action_has_a_tip() -> None:
    actions = all_actions()
    assert len({item.key for item in actions}) == len(actions)
    chords = [chord(item.shortcut) for item in actions if item.shortcut]
    assert len(set(chords)) == len(chords)
    for item in actions:
        assert item.tip.endswith(".") and item.title and item.icon and item.menu in MENUS, item.key


def test_every_panel_can_be_shown() -> None:
    assert action("panel.knobs").title == "Knobs" and action("panel.settings").menu == "View"
    assert set(ACTIONS) <= set(all_actions())


@pytest.mark.parametrize("state", ["none", "running", "paused", "completed", "failed"])
def test_every_action_makes_commands_or_says_why_not(state: str) -> None:
    view = view_of() if state == "none" else live_view(state)
    for item in all_actions():
        if item.key in _NEEDS_CONTEXT:
            continue
        posted: list[Command] = []
        perform(item, view, posted.append)
        if item.enabled(view):
            assert posted and all(isinstance(command, Command) for command in posted), item.key
        else:
            assert not posted and item.why_not(view), item.key
        assert item.label(view)


def test_the_one_button_trains_pauses_and_goes_on() -> None:
    made = {}
    for state in ("none", "running", "paused", "completed"):
        view = view_of() if state == "none" else live_view(state)
        made[state] = (train_words(view), action("run.train").make(view))
    assert made == {
        "none": ("Train", do.Train()),
        "running": ("Pause", do.Control("pause")),
        "paused": ("Continue", do.Control("run")),
        "completed": ("Train", do.Train()),
    }


def test_a_run_can_be_reset_where_it_was_begun_in_this_window_alone() -> None:
    item, live = action("run.reset"), live_view("stopped")
    assert live.run is not None
    read = replace(live, run=replace(live.run, live=False, driver=""))
    ended = replace(live, run=replace(live.run, live=False, driver="slices"))
    assert [item.enabled(view) for view in (view_of(), read, ended, live_view())] == [False, False, True, True]
    assert item.why_not(read) != item.why_not(view_of()) == "There is no run."


def test_keys_of_the_graph_count_in_its_panels() -> None:
    assert graph_panels() == {"", "canvas", "outline", "palette", "inspector"}


def test_run_n_takes_the_number_of_the_tool_bar() -> None:
    posted: list[Command] = []
    perform(action("run.some"), live_view("paused"), posted.append)
    perform(action("run.some"), live_view("paused"), posted.append, 7)
    assert posted == [do.Control("run", DEFAULT_RUN_N), do.Control("run", 7)]
    listed = next(item for item in items_of(view_of()) if item.key == "run.some")
    assert listed.label(view_of(), 2500) == "Run 2,500 steps"


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("Ctrl+Shift+S", (imgui.Key.mod_ctrl, imgui.Key.mod_shift, imgui.Key.s)), ("F5", (imgui.Key.f5,)),
        ("Ctrl+=", (imgui.Key.mod_ctrl, imgui.Key.equal)), ("Ctrl+1", (imgui.Key.mod_ctrl, imgui.Key._1)),
        ("/", (imgui.Key.slash,)), ("Shift+Delete", (imgui.Key.mod_shift, imgui.Key.delete)),
    ],
)  # fmt: skip
def test_shortcuts_are_read(text: str, keys: tuple[imgui.Key, ...]) -> None:
    expected = 0
    for key in keys:
        expected |= int(key)
    assert chord(text) == expected


@pytest.mark.parametrize("text", ["", "Ctrl+", "Hyper+S", "Ctrl+Nothing"])
def test_shortcuts_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="There is no"):
        chord(text)


def test_shortcuts_while_a_text_is_typed() -> None:
    assert all(map(while_typing, ("Ctrl+S", "F5", "Shift+F5", "Ctrl+K")))
    assert not any(map(while_typing, ("Ctrl+A", "Ctrl+V", "Ctrl+Z", "Delete", "F", "Shift+F", "/", "Shift+A")))


def test_sizes_go_up_and_down_and_end() -> None:
    assert next_scale(1.0, 1) == 1.1 and next_scale(1.0, -1) == 0.9
    assert next_scale(1.05, 1) == 1.1 and next_scale(2.2, -1) == 2.0
    assert next_scale(SCALES[-1], 1) == SCALES[-1] and next_scale(SCALES[0], -1) == SCALES[0]
