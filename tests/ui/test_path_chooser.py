"""The choice of files: what a folder lists, what a typed name means, and the dialog by keys and mouse."""

from __future__ import annotations

import os
import stat
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralforge.ui import folder as folders
from neuralforge.ui.folder import FolderReader, completion, decide, list_folder, matching
from neuralforge.ui.local import ChoosePath
from neuralforge.ui.path_chooser import places_of
from neuralforge.ui.readable import one_line
from neuralforge.workbench.commands import OpenPath, Save, UseData
from tests.ui.dialogs import dialog_stage, made_folder
from tests.ui.hands import view_of
from tests.ui.pilot import Pilot, scenario


def test_a_listing_has_folders_first_and_what_is_looked_for() -> None:
    listing = list_folder(made_folder(), "open")
    assert [entry.kind for entry in listing.entries[:2]] == ["run", "folder"]
    names = [entry.name for entry in listing.entries]
    assert "one.nf.json" in names and "notes.txt" not in names and ".hidden.nf.json" not in names
    data = [entry.name for entry in list_folder(made_folder(), "data file").entries if entry.kind == "file"]
    assert data == ["table.csv"]
    both = [entry.name for entry in list_folder(made_folder(), "data file", all_files=True).entries]
    assert "notes.txt" in both


def test_hostile_names_can_be_drawn_but_not_chosen() -> None:
    listing = list_folder(made_folder(), "open")
    odd = [entry for entry in listing.entries if not entry.usable]
    assert len(odd) == 2
    for entry in listing.entries:
        entry.shown.encode()
        assert "\n" not in entry.shown


def test_a_listing_is_bounded_and_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    home = made_folder()
    monkeypatch.setattr(folders, "MAX_ENTRIES", 3)
    listing = list_folder(home, "open")
    assert len(listing.entries) == 3 and listing.is_cut
    assert list_folder(home / "nowhere", "open").problem
    assert list_folder(home / "one.nf.json", "open").problem


def test_the_reader_gives_what_was_asked_for_last() -> None:
    home, reader = made_folder(), FolderReader()
    reader.ask(home, "open")
    reader.ask(home / "sub", "open")
    for thread in threading.enumerate():
        if thread.name == "neuralforge-folder":
            thread.join()
    assert reader.listing is not None and reader.listing.folder == home / "sub"


def test_what_a_name_means() -> None:
    home = made_folder()
    assert decide("open", home, "one.nf.json").kind == "take"
    assert decide("open", home, "sub").kind == "go"
    assert decide("open", home, "a run").kind == "take"
    assert decide("open", home, "nowhere").kind == "problem"
    assert decide("data folder", home, "one.nf.json").kind == "problem"
    assert decide("data folder", home, "a run").kind == "go"
    assert decide("open", home, str(home / "two.nf.json")).path == home / "two.nf.json"
    assert decide("save", home, "new").path == home / "new.nf.json"
    assert decide("save", home, "one").kind == "replace?", "the suffix leads to a file that is there"
    assert decide("save", home, "one.nf.json").kind == "replace?"
    assert decide("save", home, "sub").kind == "go"
    assert decide("save", home, "nowhere/new").kind == "problem"
    assert decide("save", home, "nowhere/").kind == "problem"


@given(st.text(st.characters(), max_size=300), st.sampled_from(("open", "save", "data file", "data folder")))
def test_no_name_is_too_odd(typed: str, purpose: folders.Purpose) -> None:
    outcome = decide(purpose, Path(tempfile.gettempdir()), typed)
    outcome.problem.encode()
    assert outcome.kind in ("go", "take", "replace?", "problem")


@given(
    st.lists(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=8), max_size=6), st.text(max_size=4)
)
def test_a_completion_goes_on_from_what_was_typed(names: list[str], typed: str) -> None:
    entries = tuple(folders.Entry(name=name, shown=one_line(name), kind="file") for name in names)
    done = completion(entries, typed)
    assert done.casefold().startswith(typed.casefold())
    if done != typed:
        assert any(name.startswith(done) for name in names)
    place = matching(entries, typed)
    assert place is None or names[place].casefold().startswith(typed.strip().casefold())


def begin(pilot: Pilot, purpose: folders.Purpose, home: Path, name: str = "one.nf.json") -> None:
    document = replace(pilot.desk.view.document, path=home / name if name else None)
    pilot.desk.put(document=document)
    pilot.desk.dialogs._chooser._last = {"data": home, "network": home}
    pilot.desk.ask(ChoosePath(purpose))
    pilot.until(lambda: pilot.desk.dialogs._chooser._dialog._reader.listing is not None)
    pilot.frames(3)


@scenario(stage=dialog_stage)
def test_a_file_is_opened_with_the_keyboard(pilot: Pilot) -> None:
    home = made_folder()
    begin(pilot, "open", home)
    assert len(pilot.names("file/")) == 8
    pilot.type("tw")
    pilot.press("tab", "enter")
    assert pilot.desk.posted == [OpenPath(home / "two.nf.json")]
    assert not pilot.desk.dialogs.is_open
    assert not pilot.desk.errors


@scenario(stage=dialog_stage)
def test_folders_are_walked_with_the_keyboard(pilot: Pilot) -> None:
    home = made_folder()
    begin(pilot, "open", home)
    pilot.type("sub/")
    pilot.until(lambda: pilot.names("file/") == ["file/three.nf.json"])
    pilot.press("alt+up")
    pilot.until(lambda: len(pilot.names("file/")) == 8)
    pilot.press("down", "down", "enter")
    pilot.until(lambda: pilot.names("file/") == ["file/three.nf.json"])
    pilot.press("down", "enter")
    assert pilot.desk.posted == [OpenPath(home / "sub" / "three.nf.json")]


@scenario(stage=dialog_stage)
def test_a_run_is_opened_as_a_whole_with_the_mouse(pilot: Pilot) -> None:
    home = made_folder()
    begin(pilot, "open", home)
    pilot.double_click("file/a run")
    assert pilot.desk.posted == [OpenPath(home / "a run")]


@scenario(stage=dialog_stage)
def test_a_file_is_chosen_with_the_mouse(pilot: Pilot) -> None:
    home = made_folder()
    begin(pilot, "open", home)
    pilot.click("file/two.nf.json")
    pilot.click("button/take-file")
    assert pilot.desk.posted == [OpenPath(home / "two.nf.json")]


@scenario(stage=dialog_stage)
def test_a_name_that_is_no_text_is_refused(pilot: Pilot) -> None:
    begin(pilot, "open", made_folder())
    pilot.double_click("file/bytes\ufffd\ufffd.nf.json")
    assert not pilot.desk.posted
    assert pilot.desk.dialogs.is_open
    pilot.press("esc")
    assert not pilot.desk.dialogs.is_open
    assert not pilot.desk.posted


@scenario(stage=dialog_stage)
def test_saving_under_a_new_name(pilot: Pilot) -> None:
    home = made_folder()
    begin(pilot, "save", home, "")
    pilot.press("ctrl+a")
    pilot.type("new")
    pilot.press("enter")
    assert pilot.desk.posted == [Save(home / "new.nf.json")]


@scenario(stage=dialog_stage)
def test_saving_asks_before_a_file_is_replaced(pilot: Pilot) -> None:
    home = made_folder()
    begin(pilot, "save", home)
    pilot.press("enter")
    assert not pilot.desk.posted
    assert pilot.names("button/replace-file")
    pilot.press("enter")
    assert not pilot.desk.posted, "Enter twice in a row does not lose a file"
    pilot.press("esc")
    assert not pilot.names("button/replace-file")
    assert pilot.desk.dialogs.is_open, "Escape has kept the file, and the dialog goes on"
    pilot.press("enter")
    pilot.press("ctrl+enter")
    assert pilot.desk.posted == [Save(home / "one.nf.json")]


@scenario(stage=dialog_stage)
def test_saving_over_a_file_of_the_list(pilot: Pilot) -> None:
    home = made_folder()
    begin(pilot, "save", home)
    pilot.click("file/two.nf.json")
    pilot.click("button/take-file")
    assert not pilot.desk.posted
    pilot.click("button/keep-file")
    pilot.click("button/take-file")
    pilot.click("button/replace-file")
    assert pilot.desk.posted == [Save(home / "two.nf.json")]


@scenario(stage=dialog_stage)
def test_data_files_and_folders(pilot: Pilot) -> None:
    home = made_folder()
    begin(pilot, "data file", home)
    pilot.type("table")
    pilot.press("enter")
    assert pilot.desk.posted == [UseData(str(home / "table.csv"))]
    begin(pilot, "data folder", home)
    pilot.press("down", "down", "ctrl+enter")
    assert pilot.desk.posted[1:] == [UseData(str(home / "sub"))]
    begin(pilot, "data folder", home)
    pilot.click("button/take-file")
    assert pilot.desk.posted[2:] == [UseData(str(home))]


@scenario(stage=dialog_stage)
def test_all_files_places_and_crumbs(pilot: Pilot) -> None:
    home = made_folder()
    begin(pilot, "open", home / "sub")
    pilot.click("crumb/1")
    pilot.until(lambda: "file/one.nf.json" in pilot.names("file/"))
    assert "file/notes.txt" not in pilot.names("file/")
    pilot.click("toggle/all-files")
    pilot.until(lambda: "file/notes.txt" in pilot.names("file/"))
    pilot.click("place/2")
    pilot.until(lambda: pilot.names("file/") == ["file/three.nf.json"])
    pilot.click("button/close-files")
    assert not pilot.desk.dialogs.is_open


@pytest.mark.skipif(os.name != "posix", reason="a program to stand in for the system's dialog is a shell script")
@scenario(stage=dialog_stage)
def test_the_dialog_of_the_system(pilot: Pilot) -> None:
    home = made_folder()
    programs = Path(tempfile.mkdtemp())
    answer = programs / "answer"
    zenity = programs / "zenity"
    zenity.write_text(f'#!/bin/sh\nwhile [ ! -e "{answer}" ]; do sleep 0.01; done\ncat "{answer}"\n')
    zenity.chmod(zenity.stat().st_mode | stat.S_IXUSR)
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    chooser = pilot.desk.dialogs._chooser
    chooser._use_native = lambda: True
    pilot.desk.ask(ChoosePath("open"))
    pilot.frames(5)
    assert pilot.names("button/Cancel"), "the window goes on while the dialog is open"
    answer.write_text(f"{home / 'two.nf.json'}\n")
    pilot.until(lambda: pilot.desk.posted, frames=3000)
    assert pilot.desk.posted == [OpenPath(home / "two.nf.json")]

    answer.write_text(f"{home / 'one'}\n")
    pilot.desk.ask(ChoosePath("save"))
    pilot.until(lambda: pilot.names("button/replace-file"), frames=3000)
    assert len(pilot.desk.posted) == 1, "the suffix leads to a file that the system's dialog did not ask about"
    pilot.press("esc", "esc")

    answer.unlink()
    pilot.desk.ask(ChoosePath("open"))
    pilot.frames(5)
    pilot.press("esc")
    assert not pilot.desk.dialogs.is_open
    assert len(pilot.desk.posted) == 1


def test_places_are_offered_once() -> None:
    view = view_of()
    view = replace(
        view, settings=replace(view.settings, recent=(str(Path.home() / "a.nf.json"), "/x/b.nf.json", "/x/c.nf.json"))
    )
    offered = [folder for _, _, folder in places_of(view)]
    assert len(offered) == len(set(offered))
    assert Path.home() in offered and Path("/x") in offered
