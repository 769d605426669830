"""The command palette: what it finds, in which order, and what is done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from neuralforge.app.starts import bare
from neuralforge.graph.edits import Many
from neuralforge.ui.command_items import MAX_FOUND, find, items_of
from neuralforge.ui.local import FitCanvas, ShowCommands
from neuralforge.workbench.commands import Apply, NewDocument, Select, Start, UseData
from neuralforge.workbench.view import RecentFile, View
from tests.ui.dialogs import DATA, dialog_stage
from tests.ui.hands import document_of, document_view, view_of
from tests.ui.pilot import Pilot, scenario


def palette_view() -> View:
    recent = (
        RecentFile(path=Path("/nets/two.nf.json"), name="Zwei Gr\u00f6\u00dfen"),
        RecentFile(path=Path("/x"), name="x", problem="gone"),
    )
    return view_of(data_choices=DATA, starting_points=bare(), recent=recent)


def titles(query: str, view: View | None = None) -> list[str]:
    view = view or palette_view()
    return [item.label(view) for item in find(query, items_of(view))]


def test_the_palette_ranks_exact_names_then_starts_then_words_then_letters() -> None:
    assert titles("save")[0] == "Save"
    assert titles("save")[1].startswith("Save ")
    assert titles("save as")[0].startswith("Save as")
    assert titles("conv1")[0] == "Go to conv1"
    assert titles("relu")[0] == "Add ReLU"
    assert "Add ReLU" in titles("rlu")
    assert titles("digits")[0] == "Use Handwritten digits"
    assert titles("spirals")[0] == "Start from Spirals"
    assert not titles("zzzzq")


def test_every_node_layer_data_set_recent_file_and_start_can_be_found() -> None:
    view = palette_view()
    items = items_of(view)
    for item in items:
        assert item in find(item.label(view), items), item.key
    keys = [item.key for item in items]
    assert len(keys) == len(set(keys))
    assert {f"node.{node}" for node in view.document.document.graph.nodes} <= set(keys)
    assert "recent./x" not in keys, "a file that cannot be read is not offered"


def test_names_without_latin_letters_are_found_as_they_are() -> None:
    view = replace(palette_view(), recent=(RecentFile(path=Path("/n"), name="\u7f51\u7edc"),))
    assert titles("\u7edc", view) == ["Open \u7f51\u7edc"]


def test_the_recent_choices_lead_an_empty_query() -> None:
    items = items_of(palette_view())
    found = find("", items, ("edit.arrange", "gone.key", "view.dark"))
    assert [item.key for item in found[:2]] == ["edit.arrange", "view.dark"]
    assert len({item.key for item in found}) == len(found) == MAX_FOUND


@given(st.text(st.characters(), max_size=20))
def test_no_query_is_too_odd(query: str) -> None:
    items = items_of(palette_view())
    found = find(query, items)
    assert len(found) <= MAX_FOUND
    assert len(set(map(id, found))) == len(found)


@scenario(stage=dialog_stage)
def test_the_palette_works_with_the_keyboard_alone(pilot: Pilot) -> None:
    pilot.desk.ask(ShowCommands())
    pilot.frames(3)
    pilot.type("go to conv1")
    pilot.press("enter")
    assert pilot.desk.posted == [Select(frozenset({"conv1"})), FitCanvas(selection=True)]
    assert not pilot.names("command/")
    assert not pilot.desk.dialogs.is_open


@scenario(stage=dialog_stage)
def test_the_palette_adds_a_layer_after_the_selected_node(pilot: Pilot) -> None:
    view = document_view(document_of(), selection=frozenset({"conv1"}))
    pilot.desk.put(document=view)
    pilot.desk.ask(ShowCommands())
    pilot.frames(3)
    pilot.type("add relu")
    pilot.press("enter")
    apply, select, fit = pilot.desk.posted
    assert isinstance(apply, Apply) and isinstance(apply.edit, Many)
    new = apply.edit.apply(view.document).graph
    (node,) = set(new.nodes) - set(view.document.graph.nodes)
    assert new.nodes[node].layer == "relu"
    assert select == Select(frozenset({node}))
    assert fit == FitCanvas(selection=True)


@scenario(stage=dialog_stage)
def test_arrows_choose_and_what_cannot_be_done_stays(pilot: Pilot) -> None:
    pilot.desk.ask(ShowCommands())
    pilot.frames(3)
    pilot.type("undo")
    pilot.press("enter")
    assert not pilot.desk.posted, "nothing can be undone"
    assert pilot.desk.dialogs.is_open
    pilot.press("esc")
    pilot.desk.ask(ShowCommands())
    pilot.frames(3)
    pilot.press("down", "down", "up", "up", "enter")
    assert pilot.desk.posted == [NewDocument()]


@scenario(stage=dialog_stage)
def test_the_palette_by_mouse_and_beside_it(pilot: Pilot) -> None:
    pilot.desk.ask(ShowCommands())
    pilot.frames(3)
    pilot.type("use handwritten")
    pilot.click("command/data.digits")
    assert pilot.desk.posted == [UseData("digits")]
    pilot.desk.ask(ShowCommands())
    pilot.frames(3)
    assert pilot.names("command/")[0]
    pilot.click((20, 700))
    assert not pilot.desk.dialogs.is_open


@scenario(stage=dialog_stage)
def test_the_palette_remembers_what_was_chosen(pilot: Pilot) -> None:
    pilot.desk.ask(ShowCommands())
    pilot.frames(3)
    pilot.type("start from moons")
    pilot.press("enter")
    assert isinstance(pilot.desk.posted[0], Start) and pilot.desk.posted[0].data == "moons"
    pilot.desk.ask(ShowCommands())
    pilot.frames(3)
    pilot.press("enter")
    assert len(pilot.desk.posted) == 2 and pilot.desk.posted[1] == pilot.desk.posted[0]


@scenario(stage=dialog_stage)
def test_the_palette_scrolls_to_its_end_and_finds_nothing_calmly(pilot: Pilot) -> None:
    pilot.desk.ask(ShowCommands())
    pilot.frames(3)
    pilot.press("up")
    shown = pilot.names("command/")
    assert "command/file.new" not in shown, "up from the first goes to the last"
    pilot.type("zzzzzzzzz \u7edc" * 20)
    pilot.press("enter", "down", "up")
    assert pilot.desk.dialogs.is_open
    assert not pilot.desk.posted
