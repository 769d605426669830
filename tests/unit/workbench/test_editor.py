"""The open document: history, gestures, selection, saving."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from neuralforge.errors import UserError
from neuralforge.graph.clipboard import copy_text
from neuralforge.graph.document import Document, load
from neuralforge.graph.edits import (
    AddNode,
    Connect,
    Disconnect,
    Many,
    Move,
    Paste,
    RemoveNodes,
    SetName,
    SetParams,
    SetTitle,
    Splice,
)
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.layers.registry import catalog
from neuralforge.templates.registry import find
from neuralforge.workbench import history
from neuralforge.workbench.editor import Editor, document_path, save


@pytest.fixture
def editor() -> Editor:
    return Editor(catalog(), find("mlp").build(), Path("net.nf.json"))


def width(editor: Editor) -> object:
    return editor.document.graph.nodes["fc1"].param("out_features")


def test_a_new_editor_holds_an_empty_document() -> None:
    editor = Editor(catalog())
    assert editor.document == Document() and editor.saved and editor.path is None
    assert editor.history == () and editor.undo_label is None and editor.redo_label is None
    assert not editor.undo() and not editor.redo()


def test_undo_and_redo_bring_back_the_very_documents(editor: Editor) -> None:
    first = editor.document
    second = editor.apply(SetTitle("fc1", "Hidden"))
    third = editor.apply(SetParams.of("fc1", out_features=7))
    assert editor.document is third and editor.history == ("Rename fc1", "Set out_features = 7 of fc1")
    assert (editor.undo_label, editor.redo_label) == ("Set out_features = 7 of fc1", None)
    assert editor.undo() and editor.document is second
    assert (editor.undo_label, editor.redo_label) == ("Rename fc1", "Set out_features = 7 of fc1")
    assert editor.undo() and editor.document is first and not editor.undo()
    assert editor.go_to(2) and editor.document is third and editor.position == 2
    assert editor.go_to(0) and editor.document is first
    assert not editor.go_to(0) and not editor.go_to(3) and not editor.go_to(-1) and editor.document is first


def test_inference_follows(editor: Editor) -> None:
    before = editor.inference.totals().parameters
    editor.apply(SetParams.of("fc1", out_features=7))
    assert editor.inference.totals().parameters < before and editor.inference.graph is editor.document.graph
    editor.undo()
    assert editor.inference.totals().parameters == before


def test_a_new_edit_drops_what_was_taken_back(editor: Editor) -> None:
    editor.apply(SetTitle("fc1", "one"))
    editor.undo()
    editor.apply(SetTitle("fc2", "two"))
    assert editor.history == ("Rename fc2",) and not editor.redo()


def test_a_refused_edit_changes_nothing(editor: Editor) -> None:
    editor.apply(SetTitle("fc1", "one"))
    editor.undo()
    kept = (editor.document, editor.inference, editor.history, editor.position, editor.revision, editor.selection)
    with pytest.raises(UserError, match="'gone'"):
        editor.apply(Many("Both", (SetTitle("fc1", "two"), SetTitle("gone", "three"))))
    assert kept == (
        editor.document,
        editor.inference,
        editor.history,
        editor.position,
        editor.revision,
        editor.selection,
    )


def test_a_drag_is_one_step(editor: Editor) -> None:
    first = editor.document
    for value in (10, 11, 12):
        editor.apply(SetParams.of("fc1", out_features=value), "drag-1")
    editor.apply(SetParams.of("fc1", out_features=13), "drag-2")
    assert editor.history == ("Set out_features = 12 of fc1", "Set out_features = 13 of fc1")
    editor.undo()
    assert width(editor) == 12
    editor.undo()
    assert editor.document is first


def test_without_a_gesture_every_edit_is_a_step(editor: Editor) -> None:
    editor.apply(SetParams.of("fc1", out_features=10))
    editor.apply(SetParams.of("fc1", out_features=11))
    assert len(editor.history) == 2


def test_edits_of_different_kinds_do_not_merge_in_one_gesture(editor: Editor) -> None:
    editor.apply(SetParams.of("fc1", out_features=10), "g")
    editor.apply(Move({"fc1": (1.0, 2.0)}), "g")
    editor.apply(SetParams.of("fc2", out_features=10), "g")
    editor.apply(Disconnect("fc2", "input"), "g")
    editor.apply(Connect(Edge("fc1", "output", "fc2", "input")), "g")
    assert len(editor.history) == 5


def test_an_edit_that_changes_nothing_is_no_step(editor: Editor) -> None:
    editor.apply(SetTitle("fc1", "one"))
    editor.undo()
    revision = editor.revision
    editor.apply(SetName(editor.document.name))
    editor.apply(Move({"fc1": editor.document.layout["fc1"]}))
    assert editor.saved and editor.revision == revision and editor.redo_label == "Rename fc1"


def test_equal_in_python_is_not_the_same_parameter(editor: Editor) -> None:
    editor.apply(SetParams.of("fc1", out_features=1))
    editor.apply(SetParams.of("fc1", out_features=True))
    assert width(editor) is True and len(editor.history) == 2


def test_a_drag_back_to_where_it_began_is_no_step(editor: Editor) -> None:
    first, start = editor.document, editor.document.layout["fc1"]
    editor.apply(Move({"fc1": (5.0, 5.0)}), "drag")
    assert not editor.saved
    editor.apply(Move({"fc1": start}), "drag")
    assert editor.document is first and editor.saved and editor.history == () and editor.undo_label is None
    editor.apply(Move({"fc1": (6.0, 6.0)}), "drag")
    assert len(editor.history) == 1


def test_saved_is_the_document_in_the_file(editor: Editor, tmp_path: Path) -> None:
    editor.apply(SetTitle("fc1", "one"))
    editor.mark_saved(tmp_path / "net.nf.json")
    assert editor.saved and editor.path == tmp_path / "net.nf.json"
    editor.apply(SetTitle("fc1", "two"))
    assert not editor.saved
    editor.undo()
    assert editor.saved
    editor.undo()
    assert not editor.saved
    editor.redo()
    assert editor.saved


def test_saving_within_a_drag_ends_its_step(editor: Editor, tmp_path: Path) -> None:
    editor.apply(SetParams.of("fc1", out_features=10), "drag")
    editor.mark_saved(tmp_path / "net.nf.json")
    editor.apply(SetParams.of("fc1", out_features=11), "drag")
    editor.undo()
    assert width(editor) == 10 and editor.saved


def test_what_was_written_may_be_older_than_what_is_open(editor: Editor) -> None:
    written = editor.apply(SetTitle("fc1", "one"))
    editor.apply(SetTitle("fc1", "two"))
    editor.mark_saved(Path("net.nf.json"), written)
    assert not editor.saved
    editor.undo()
    assert editor.saved


def test_opening_forgets_the_history_and_the_selection(editor: Editor) -> None:
    editor.apply(SetTitle("fc1", "one"))
    editor.select(["fc1"])
    revision, opened = editor.revision, editor.opened
    editor.open(find("lenet5").build())
    assert editor.saved and editor.path is None and editor.history == () and editor.selection == frozenset()
    assert (editor.revision, editor.opened) == (revision + 1, opened + 1)
    editor.open(find("lenet5").build(), Path("x.nf.json"), saved=False)
    assert not editor.saved and editor.path == Path("x.nf.json")


def test_selection_modes(editor: Editor) -> None:
    editor.select(["fc1", "gone"])
    assert editor.selection == {"fc1"}
    editor.select(["fc2"], "add")
    assert editor.selection == {"fc1", "fc2"}
    editor.select(["fc1", "output"], "toggle")
    assert editor.selection == {"fc2", "output"}
    editor.select(["output"], "remove")
    assert editor.selection == {"fc2"}
    editor.select([])
    assert editor.selection == frozenset()


def test_what_is_added_becomes_the_selection_and_what_is_removed_leaves_it(editor: Editor) -> None:
    editor.select(["fc1"])
    editor.apply(AddNode(Node("drop", "dropout"), (0.0, 0.0)))
    assert editor.selection == {"drop"}
    editor.apply(Splice("fc2", "input", "relu"))
    assert len(editor.selection) == 1 and "drop" not in editor.selection
    editor.apply(Paste(copy_text(editor.document, ["fc1", "drop"])))
    assert editor.selection == {"fc1_2", "drop2"}
    editor.select(["fc1", "drop"])
    editor.apply(RemoveNodes(("drop",)))
    assert editor.selection == {"fc1"}
    editor.undo()
    assert editor.selection == {"drop"}  # what comes back is seen


def test_every_node_has_a_place() -> None:
    editor = Editor(catalog(), Document(graph=Graph.build([Node("one", "relu"), Node("two", "relu")])))
    assert set(editor.document.layout) == {"one", "two"} and editor.saved
    editor.apply(AddNode(Node("three", "relu")))
    assert len(set(editor.document.layout.values())) == 3


def test_the_oldest_steps_go(editor: Editor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_STEPS", 5)
    for number in range(8):
        editor.apply(SetTitle("fc1", f"title {number}"))
    assert len(editor.history) == editor.position == 5
    while editor.undo():
        pass
    assert editor.document.graph.nodes["fc1"].title == "title 2"


def test_saving_adds_the_suffix_and_can_be_read(editor: Editor, tmp_path: Path) -> None:
    written = save(editor.document, tmp_path / "my net v1.2")
    assert written == tmp_path / "my net v1.2.nf.json" and load(written) == editor.document
    assert document_path(Path("a.nf.json")) == Path("a.nf.json") and document_path(Path("a.json")) == Path("a.json")
    assert [path.name for path in tmp_path.iterdir()] == [written.name]


def test_what_cannot_be_saved_names_the_file(editor: Editor, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere/net\.nf\.json cannot be written: No such file"):
        save(editor.document, tmp_path / "nowhere" / "net")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(UserError, match=r"folder\.json cannot be written: it is no file\.$"):
        save(editor.document, tmp_path / "folder.json")


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_a_link_to_a_file_stays_a_link(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "real.nf.json").write_text("old")
    (tmp_path / "link.nf.json").symlink_to(tmp_path / "real.nf.json")
    save(editor.document, tmp_path / "link.nf.json")
    assert (tmp_path / "link.nf.json").is_symlink() and load(tmp_path / "real.nf.json") == editor.document
