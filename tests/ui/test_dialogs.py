"""Questions, notices, the command palette, the choice of files, the list of shortcuts and the console."""

from __future__ import annotations

import os
import stat
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imgui_bundle import hello_imgui, imgui

from neuralforge.app.starts import bare
from neuralforge.app.window import Window
from neuralforge.graph.edits import Many
from neuralforge.ui import folder as folders
from neuralforge.ui import style
from neuralforge.ui.backend import BackendKind
from neuralforge.ui.command_items import MAX_FOUND, find, items_of
from neuralforge.ui.console_rows import rows_of
from neuralforge.ui.dialogs import Dialogs
from neuralforge.ui.folder import FolderReader, completion, decide, list_folder, matching
from neuralforge.ui.kit import Kit
from neuralforge.ui.local import ChoosePath, FitCanvas, FocusPanel, Local, ShowCommands, ShowShortcuts
from neuralforge.ui.notices import ERROR_SECS, FADE_SECS, MAX_LETTERS, MAX_SHOWN, SHOWN_SECS, Pile, cut
from neuralforge.ui.panels.console import ConsolePanel
from neuralforge.ui.path_chooser import places_of
from neuralforge.ui.readable import lines_of, one_line, paragraphs
from neuralforge.ui.shortcuts_window import columns, groups
from neuralforge.ui.theme import THEMES
from neuralforge.workbench.commands import (
    Answer,
    Apply,
    Command,
    NewDocument,
    OpenPath,
    Save,
    Select,
    Start,
    Tell,
    UseData,
)
from neuralforge.workbench.view import Choice, DataChoice, Level, LogLine, Question, RecentFile, View
from tests.ui.hands import document_of, document_view, view_of
from tests.ui.pilot import Pilot, Stage, scenario

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
DATA = (
    DataChoice(key="digits", title="Handwritten digits", summary="Small pictures."),
    DataChoice(key="csv", title="CSV file", summary="A table.", kind="file"),
    DataChoice(key="folder", title="Folder of images", summary="One folder a class.", kind="file"),
)


class DialogGui:
    """The dialogs over a console, and nothing else."""

    def __init__(self) -> None:
        self.kit = Kit()
        self.kit.marks.on = True
        self.dialogs = Dialogs(self.kit, lambda: False)
        self.console = ConsolePanel(self.kit)
        self.view: View = view_of(data_choices=DATA, starting_points=bare())
        self.posted: list[Command] = []
        self.errors: list[Exception] = []
        self.styled = False
        self.answers = 0

    def ask(self, command: Local) -> None:
        assert self.dialogs.take(command)

    def put(self, **parts: Any) -> None:
        self.view = replace(self.view, **parts)

    def setup(self, params: hello_imgui.RunnerParams, size_px: tuple[int, int]) -> None:
        params.callbacks.setup_imgui_style = lambda: None

    def load_fonts(self) -> None:
        self.kit.load_fonts()

    def draw(self) -> None:
        if not self.styled:
            style.apply(self.kit)
            imgui.get_io().config_flags |= imgui.ConfigFlags_.nav_enable_keyboard
            self.styled = True
        self.console.draw(self.view, self.posted.append)
        self.dialogs.draw(self.view, self.posted.append, "build")

    def end_frame(self) -> None:
        answers = sum(isinstance(command, Answer) for command in self.posted)
        if answers > self.answers:
            self.put(question=None)
        self.answers = answers

    def before_exit(self) -> None:
        self.dialogs.forget()

    def may_close(self) -> bool:
        return True

    def is_busy(self) -> bool:
        return True

    def failed(self, error: Exception) -> None:
        self.errors.append(error)


def dialog_stage(kind: BackendKind, size_px: tuple[int, int]) -> Stage:
    gui = DialogGui()
    window = Window(gui, kind=kind, size_px=SIZE_PX)
    return Stage(window=window, run=window.run, desk=gui, marks=gui.kit.marks)


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
    pilot.desk.posted.clear()
    pilot.desk.put(question=ASKED)
    pilot.frames(3)
    pilot.press("esc")
    assert pilot.desk.posted == [Answer(2)]


@scenario(stage=dialog_stage)
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


# Notices


def line(number: int, level: Level, text: str) -> LogLine:
    return LogLine(number=number, time_text="12:00:00", level=level, text=text)


def test_notices_come_and_go() -> None:
    pile = Pile()
    pile.see([line(1, "info", "saved")], 0.0)
    pile.see([line(1, "info", "saved")], 1.0)
    assert [notice.number for notice in pile.shown] == [1], "what was seen once is not seen again"
    pile.see([line(2, "error", "failed")], 2.0)
    pile.see([line(2, "error", "failed")], SHOWN_SECS + 0.1)
    assert [notice.number for notice in pile.shown] == [2]
    pile.see([line(2, "error", "failed")], 2.0 + ERROR_SECS)
    assert not pile.shown


def test_two_that_were_said_in_one_frame_are_both_seen_and_one_of_little_weight_is_not() -> None:
    pile = Pile()
    quiet = replace(line(3, "error", "Traceback"), notice=False)
    pile.see([line(1, "error", "failed"), line(2, "info", "saved"), quiet], 0.0)
    assert [notice.number for notice in pile.shown] == [1, 2]


def test_at_most_three_notices_the_newest() -> None:
    pile = Pile()
    for number in range(1, 7):
        pile.see([line(number, "info", str(number))], 0.0)
    assert [notice.number for notice in pile.shown] == [4, 5, 6]
    assert len(pile.shown) == MAX_SHOWN


def test_a_notice_is_kept_while_it_is_held_and_can_be_dismissed() -> None:
    pile = Pile()
    pile.see([line(1, "info", "saved")], 0.0)
    pile.hold(1, SHOWN_SECS - 0.1)
    pile.see([], SHOWN_SECS + 1)
    assert pile.shown
    pile.dismiss(1)
    assert not pile.shown


def test_a_notice_fades_in_and_out() -> None:
    pile = Pile()
    pile.see([line(1, "info", "saved")], 10.0)
    notice = pile.shown[0]
    assert notice.opacity(10.0) == 0
    assert notice.opacity(10.0 + FADE_SECS / 2) == pytest.approx(0.5)
    assert notice.opacity(12.0) == 1
    assert notice.opacity(10.0 + SHOWN_SECS - FADE_SECS / 2) == pytest.approx(0.5)


@given(st.text(st.characters(), max_size=600))
def test_a_cut_text_can_be_drawn_and_says_that_it_is_cut(text: str) -> None:
    shown = cut(text)
    shown.encode()
    assert len(shown) <= MAX_LETTERS + 1
    assert shown.count("\n") <= 3
    assert shown == "\n".join(lines_of(text)) or shown.endswith("\u2026")


@scenario(stage=dialog_stage)
def test_notices_are_closed_copied_and_followed(pilot: Pilot) -> None:
    pilot.desk.put(log=(line(1, "info", "Saved"),))
    pilot.frames(20)
    assert pilot.names("notice/") == ["notice/1"]
    assert not pilot.names("button/copy-notice"), "what went well is not copied"
    pilot.desk.put(log=(line(2, "error", "It failed. " * 60),))
    pilot.frames(20)
    assert pilot.names("notice/") == ["notice/1", "notice/2"]
    pilot.click("button/copy-notice-2")
    assert imgui.get_clipboard_text() == ("It failed. " * 60).rstrip()
    pilot.click("link/see Console")
    assert pilot.desk.posted == [FocusPanel("console")]
    pilot.click("button/close-notice-1")
    assert not pilot.names("notice/")


@scenario(stage=dialog_stage)
def test_a_notice_goes_by_itself_unless_the_mouse_is_on_it(pilot: Pilot) -> None:
    pilot.desk.put(log=(line(1, "warning", "Careful \udcff"),))
    pilot.frames(20)
    pilot.move("notice/1")
    pilot.frames(int(SHOWN_SECS * 240) + 600)
    assert pilot.names("notice/") == ["notice/1"]
    pilot.move((10, 10))
    pilot.until(lambda: not pilot.names("notice/"), frames=2000)


# The command palette


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


# Files


def made_folder() -> Path:
    """A folder with networks, data, a run, and names that nobody should give."""
    home = Path(tempfile.mkdtemp(prefix="neuralforge-files-"))
    for name in ("one.nf.json", "two.nf.json", "table.csv", "notes.txt", ".hidden.nf.json"):
        (home / name).write_text("{}")
    (home / "line\nbreak.nf.json").write_text("{}")
    (home / ("long" * 60 + ".nf.json")).write_text("{}")
    with open(os.path.join(os.fsencode(home), b"bytes\xff\xfe.nf.json"), "w") as file:
        file.write("{}")
    (home / "gone.nf.json").symlink_to(home / "nowhere")
    (home / "sub").mkdir()
    (home / "sub" / "three.nf.json").write_text("{}")
    (home / "a run").mkdir()
    (home / "a run" / "run.h5").write_text("")
    return home


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


# The console


def said(*texts: tuple[Level, str]) -> tuple[LogLine, ...]:
    return tuple(
        LogLine(number=at, time_text="12:00:00", level=level, text=text) for at, (level, text) in enumerate(texts, 1)
    )


def test_rows_by_level_and_words() -> None:
    log = said(("info", "Saved: one"), ("warning", "Slow ONE"), ("error", "Failed two"))
    assert [row.line.number for row in rows_of(log, "all", "", (), 80)] == [1, 2, 3]
    assert [row.line.number for row in rows_of(log, "warnings", "", (), 80)] == [2, 3]
    assert [row.line.number for row in rows_of(log, "errors", "", (), 80)] == [3]
    assert [row.line.number for row in rows_of(log, "all", "one", (), 80)] == [1, 2]
    assert [row.line.number for row in rows_of(log, "all", "one slow", (), 80)] == [2]


def test_a_text_of_many_lines_unfolds() -> None:
    log = said(("error", "Traceback (most recent call last):\n  File x\nValueError: bad"), ("info", "word " * 100))
    folded = rows_of(log, "all", "", (), 80)
    assert folded[0].text == "ValueError: bad"
    assert all(row.folds and not row.open for row in folded)
    rows = rows_of(log, "all", "", (1, 2), 80)
    assert [row.text for row in rows if row.line.number == 1][1:] == [*log[0].text.splitlines()]
    assert all(len(row.text) <= 80 for row in rows if row.part)


@given(st.text(st.characters(), max_size=300), st.integers(20, 100))
def test_every_row_can_be_drawn(text: str, letters: int) -> None:
    for row in rows_of(said(("info", text)), "all", "", (1,), letters):
        row.text.encode()
        assert "\n" not in row.text
    one_line(text).encode()
    paragraphs(text).encode()


@scenario(stage=dialog_stage)
def test_the_console_in_use(pilot: Pilot) -> None:
    pilot.desk.put(log=said(*[("info", f"line {i}") for i in range(300)], ("error", "one\ntwo \udcff\nthree")))
    pilot.frames(5)
    shown = pilot.names("line/")
    assert "line/301" in shown and "line/1" not in shown, "the newest is in sight, the others are not drawn"
    pilot.wheel(100, "line/301")
    assert "line/1" in pilot.names("line/")
    pilot.desk.put(log=(*pilot.desk.view.log, replace(pilot.desk.view.log[0], number=302, text="more")))
    pilot.frames(3)
    assert "line/1" in pilot.names("line/"), "who has scrolled up stays there"
    pilot.click("segment/console-level/errors")
    assert pilot.names("line/") == ["line/301"]
    pilot.click("line/301")
    pilot.press("ctrl+c")
    assert imgui.get_clipboard_text() == "12:00:00 ERROR   one\ntwo \ufffd\nthree"
    pilot.click("button/copy-console")
    assert imgui.get_clipboard_text() == "12:00:00 ERROR   one\ntwo \ufffd\nthree"
    pilot.click("field/console")
    pilot.type("nothing like it")
    assert not pilot.names("line/")
    assert not pilot.desk.errors


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
        gui.kit.theme, gui.kit.scale, gui.kit.reduce_motion, gui.styled = THEMES[theme], scale, still, False
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
