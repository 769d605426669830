"""Questions, the list of shortcuts, a dialog that fails, and all dialogs in every look."""

from __future__ import annotations

from dataclasses import replace

import pytest

from neuralforge.ui.local import ChoosePath, ShowCommands, ShowShortcuts
from neuralforge.ui.shortcuts_window import columns, groups
from neuralforge.ui.theme import THEMES
from neuralforge.workbench.commands import Answer, Save, Tell
from neuralforge.workbench.view import Choice, Question
from tests.ui.dialogs import dialog_stage, made_folder, said
from tests.ui.pilot import Pilot, scenario

SIZE_PX = (1280, 800)
ASKED = Question(
    title="Save net first?",
    text="It has changes that are not saved.",
    choices=(
        Choice(label="Save", kind="primary", commands=(Save(),)),
        Choice(label="Leave", kind="danger"),
        Choice(label="Cancel"),
    ),
)


# Questions


@scenario(stage=dialog_stage)
def test_a_question_is_answered_with_enter(pilot: Pilot) -> None:
    pilot.desk.put(question=ASKED)
    pilot.frames(3)
    assert pilot.names("button/answer") == ["button/answer-0", "button/answer-1", "button/answer-2"]
    pilot.press("enter")
    assert pilot.desk.posted == [Answer(0)]
    assert not pilot.names("button/answer")


@scenario(stage=dialog_stage)
def test_a_question_is_answered_with_escape(pilot: Pilot) -> None:
    pilot.desk.put(question=ASKED)
    pilot.frames(3)
    pilot.press("esc")
    assert pilot.desk.posted == [Answer(2)]


@scenario(stage=dialog_stage)
def test_a_question_is_answered_with_the_mouse(pilot: Pilot) -> None:
    pilot.desk.put(question=ASKED)
    pilot.frames(3)
    pilot.click((20, 20))
    assert not pilot.desk.posted, "a click beside it is no answer"
    pilot.click("button/answer-1")
    assert pilot.desk.posted == [Answer(1)]


@scenario(stage=dialog_stage)
def test_a_question_is_answered_by_tabbing_to_a_button(pilot: Pilot) -> None:
    pilot.desk.put(question=ASKED)
    pilot.frames(3)
    pilot.press("tab", "tab", "enter")
    assert pilot.desk.posted == [Answer(1)], "Enter presses the button that has the focus, once"


@scenario(stage=dialog_stage)
def test_the_next_question_is_another_one(pilot: Pilot) -> None:
    pilot.desk.put(question=ASKED)
    pilot.frames(3)
    pilot.press("enter")
    pilot.desk.last()
    pilot.desk.put(question=ASKED)
    pilot.frames(3)
    pilot.press("esc")
    assert pilot.desk.posted == [Answer(2)]


@scenario(stage=dialog_stage, size_px=SIZE_PX)
def test_a_question_with_hostile_and_long_words(pilot: Pilot) -> None:
    labels = tuple(Choice(label=f"A choice of very many words, number {i}") for i in range(3))
    text = "bad \udcff byte\nand\tlines " + "very long " * 2000
    pilot.desk.put(question=Question(title="\x07" * 300, text=text, choices=labels))
    pilot.frames(3)
    tall = [pilot.rect(f"button/answer-{i}") for i in range(3)]
    assert all(rect is not None and rect[1] > 0 and rect[3] < SIZE_PX[1] for rect in tall)
    pilot.press("esc")
    assert pilot.desk.posted == [Answer(2)]
    assert not pilot.desk.errors


@scenario(stage=dialog_stage)
def test_a_question_comes_before_a_dialog_which_comes_back(pilot: Pilot) -> None:
    pilot.desk.ask(ShowCommands())
    pilot.frames(3)
    pilot.desk.put(question=ASKED)
    pilot.frames(3)
    assert not pilot.names("command/")
    pilot.press("esc")
    assert pilot.desk.posted == [Answer(2)]
    assert pilot.names("command/"), "Escape has answered the question alone"


# Shortcuts


@scenario(stage=dialog_stage)
def test_the_shortcuts_are_shown_and_closed(pilot: Pilot) -> None:
    for close in (lambda: pilot.press("esc"), lambda: pilot.click("button/close-shortcuts")):
        pilot.desk.ask(ShowShortcuts())
        pilot.frames(3)
        assert pilot.names("button/close-shortcuts")
        close()
        assert not pilot.desk.dialogs.is_open


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_columns_of_shortcuts_hold_all_groups(count: int) -> None:
    found = groups()
    shared = columns(found, count)
    assert tuple(group for column in shared for group in column) == found
    assert len(shared) == count and all(shared)
    assert all(label and keys for _, rows in found for label, keys in rows)


def test_the_columns_of_shortcuts_are_level() -> None:
    found = [(str(size), (("a", "b"),) * size) for size in (8, 1, 1, 8)]
    assert [len(column) for column in columns(found, 2)] == [2, 2]


# All dialogs


@scenario(stage=dialog_stage)
def test_a_dialog_that_fails_is_closed_and_told(pilot: Pilot) -> None:
    def fail(*_: object) -> bool:
        raise ValueError("on purpose")

    pilot.desk.dialogs._palette.draw = fail
    pilot.desk.ask(ShowCommands())
    pilot.frames(3)
    (told,) = pilot.desk.posted
    assert isinstance(told, Tell) and "on purpose" in told.text
    pilot.desk.ask(ShowShortcuts())
    pilot.frames(3)
    assert pilot.names("button/close-shortcuts")


@scenario(stage=dialog_stage)
def test_everything_is_drawn_in_both_themes_and_at_any_size(pilot: Pilot) -> None:
    home, gui = made_folder(), pilot.desk
    gui.put(log=said(("error", "bad \udcff " * 100), ("warning", "bad \udcff " * 100)))
    for theme, scale, still in (
        ("light", 1.0, True),
        ("dark", 0.75, False),
        ("light", 2.0, False),
        ("dark", 3.0, True),
    ):
        gui.kit.theme, gui.kit.scale, gui.kit.reduce_motion = THEMES[theme], scale, still
        for command in (ShowCommands(), ShowShortcuts(), ChoosePath("open"), ChoosePath("save")):
            gui.put(document=replace(gui.view.document, path=home / "one.nf.json"))
            gui.ask(command)
            pilot.frames(6)
            assert gui.dialogs.is_open, (theme, scale, command)
            pilot.press("esc")
            assert not gui.dialogs.is_open, (theme, scale, command)
        gui.put(question=ASKED)
        pilot.frames(4)
        pilot.press("enter")
    assert gui.posted == [Answer(0)] * 4
    assert not gui.errors
