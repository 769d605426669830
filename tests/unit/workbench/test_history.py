"""One history over the document and what lies outside it: merging, the way back and forth, what is forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuralforge.graph.edits import SetParams, SetTitle
from neuralforge.layers.registry import catalog
from neuralforge.templates.registry import find
from neuralforge.workbench import history
from neuralforge.workbench.commands import Turn, UseConfig, UseData
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.editor import Editor


@pytest.fixture
def editor() -> Editor:
    return Editor(catalog(), find("mlp").build(), Path("net.nf.json"))


def turn(editor: Editor, old: float, new: float, gesture: str | None = None, key: str = "lr") -> None:
    words = {"old": str(old), "new": str(new)}
    editor.note(key, "knob", Turn(key, old), Turn(key, new), merge_key=key, gesture=gesture, **words)


def test_a_step_outside_the_document_stands_between_edits_and_leaves_it_alone(editor: Editor) -> None:
    first = editor.document
    editor.apply(SetTitle("fc1", "one"))
    second, revision = editor.document, editor.revision
    turn(editor, 1.0, 2.0)
    assert editor.history == ("Rename fc1", "lr 1.0 \u2192 2.0") and editor.kinds == ("network", "knob")
    assert editor.undo_label == "lr 1.0 \u2192 2.0" and editor.position == 2
    assert editor.way_to(1) == (Turn("lr", 1.0),) and editor.undo()
    assert editor.document is second and editor.revision == revision and editor.redo_label == "lr 1.0 \u2192 2.0"
    assert editor.way_to(0) == () and editor.undo() and editor.document is first
    assert editor.way_to(2) == (Turn("lr", 2.0),) and editor.go_to(2) and editor.document is second


def test_the_file_knows_nothing_of_steps_outside_the_document(editor: Editor) -> None:
    turn(editor, 1.0, 2.0)
    assert editor.saved
    editor.undo()
    assert editor.saved
    editor.apply(SetTitle("fc1", "one"))
    turn(editor, 1.0, 3.0)
    assert not editor.saved
    editor.mark_saved(Path("net.nf.json"))
    editor.undo()
    assert editor.saved
    editor.undo()
    assert not editor.saved


def test_a_drag_of_a_knob_is_one_step_from_the_first_old_value_to_the_last(editor: Editor) -> None:
    turn(editor, 1.0, 2.0, "drag")
    turn(editor, 2.0, 3.0, "drag")
    turn(editor, 3.0, 4.0, "drag")
    turn(editor, 4.0, 5.0, "other")
    turn(editor, 5.0, 6.0, "other", key="momentum")
    assert editor.history == ("lr 1.0 \u2192 4.0", "lr 4.0 \u2192 5.0", "momentum 5.0 \u2192 6.0")
    assert editor.way_to(2) == (Turn("momentum", 5.0),)
    editor.go_to(1)
    assert editor.way_to(0) == (Turn("lr", 1.0),)


def test_a_drag_that_a_save_falls_into_is_one_step_where_it_lies_outside_the_document(editor: Editor) -> None:
    turn(editor, 1.0, 2.0, "drag")
    editor.mark_saved(Path("net.nf.json"))
    turn(editor, 2.0, 3.0, "drag")
    assert len(editor.history) == 1


def test_what_changes_nothing_is_no_step(editor: Editor) -> None:
    turn(editor, 1.0, 2.0)
    editor.undo()
    turn(editor, 1.0, 1.0)
    assert editor.redo_label, "what was taken back can still be done again"
    turn(editor, 1.0, 2.0, "drag")
    turn(editor, 2.0, 1.0, "drag")
    assert editor.history == () and editor.position == 0
    turn(editor, 1.0, 5.0, "drag")
    assert editor.history == ("lr 1.0 \u2192 5.0",)


def test_a_drag_after_undo_does_not_go_on_with_the_step_before(editor: Editor) -> None:
    turn(editor, 1.0, 2.0, "drag")
    editor.undo()
    turn(editor, 1.0, 3.0, "drag")
    assert editor.history == ("lr 1.0 \u2192 3.0",) and editor.way_to(0) == (Turn("lr", 1.0),)


def test_an_edit_and_a_knob_of_one_gesture_are_two_steps(editor: Editor) -> None:
    key = SetParams.of("fc1", out_features=10).merge_key
    assert key
    editor.apply(SetParams.of("fc1", out_features=10), "g")
    turn(editor, 1.0, 2.0, "g", key=key)
    editor.note("x", "settings", Turn(key, 2.0), Turn(key, 3.0), merge_key=key, gesture="g")
    assert editor.kinds == ("network", "knob", "settings")


def test_on_a_long_way_the_last_command_for_each_thing_counts(editor: Editor) -> None:
    one, two, three = (TrainConfig(batch_size=size) for size in (1, 2, 3))
    turn(editor, 1.0, 2.0)
    editor.note("config", "settings", UseConfig(one), UseConfig(two))
    turn(editor, 0.1, 0.2, key="momentum")
    turn(editor, 2.0, 3.0)
    editor.note("data", "data", UseData(""), UseData("moons"))
    editor.note("config", "settings", UseConfig(two), UseConfig(three))
    editor.note("data", "data", UseData("moons"), UseData("iris"))
    back = editor.way_to(0)
    assert len(back) == 4 and UseData("") in back and UseConfig(one) in back
    assert Turn("lr", 1.0) in back and Turn("momentum", 0.1) in back
    editor.go_to(0)
    again = editor.way_to(7)
    assert len(again) == 4 and UseData("iris") in again and UseConfig(three) in again
    assert Turn("lr", 3.0) in again and Turn("momentum", 0.2) in again
    assert editor.way_to(0) == editor.way_to(8) == editor.way_to(-1) == ()


def test_steps_of_a_kind_are_forgotten_wherever_they_are(editor: Editor) -> None:
    first = editor.document
    turn(editor, 1.0, 2.0)
    second = editor.apply(SetTitle("fc1", "one"))
    turn(editor, 2.0, 3.0)
    third = editor.apply(SetTitle("fc1", "two"))
    turn(editor, 3.0, 4.0)
    turn(editor, 4.0, 5.0)
    editor.go_to(3)  # both a knob that is in force and two that were taken back are forgotten
    editor.forget("knob")
    assert editor.history == ("Rename fc1", "Rename fc1") and editor.position == 1 and editor.document is second
    assert editor.redo() and editor.document is third
    editor.go_to(0)
    assert editor.document is first and editor.way_to(2) == ()
    labels = editor.history
    editor.forget("knob")
    assert editor.history is labels


def test_opening_forgets_steps_outside_the_document_too(editor: Editor) -> None:
    turn(editor, 1.0, 2.0)
    editor.open(find("lenet5").build())
    assert editor.history == editor.kinds == () and not editor.undo()


def test_the_oldest_steps_go_whatever_they_concern(editor: Editor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_STEPS", 4)
    for number in range(6):
        turn(editor, float(number), number + 1.0)
    editor.apply(SetTitle("fc1", "one"))
    assert editor.history[0] == "lr 3.0 \u2192 4.0" and editor.position == len(editor.history) == 4
