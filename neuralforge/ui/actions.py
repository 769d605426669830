"""Everything that can be done from a menu, by a shortcut or from the command palette, stated once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

from imgui_bundle import imgui

from neuralforge.ui import icons
from neuralforge.ui.local import (
    ChoosePath,
    FitCanvas,
    FocusPanel,
    FocusSearch,
    InsertLayer,
    ResetArrangement,
    SetArrangement,
    ShowCommands,
    ShowShortcuts,
    TogglePanel,
)
from neuralforge.ui.own_runs import BEGINS_ELSEWHERE, shows_own
from neuralforge.ui.panel import Panel, Post
from neuralforge.ui.shortcuts import chord, focused_panel, while_typing
from neuralforge.workbench import commands as do
from neuralforge.workbench.commands import Command
from neuralforge.workbench.status import RunState
from neuralforge.workbench.view import View

Menu = Literal["File", "Edit", "View", "Run", "Help"]
MENUS: Final[tuple[Menu, ...]] = ("File", "Edit", "View", "Run", "Help")

Made = Command | tuple[Command, ...] | None

DEFAULT_RUN_N: Final = 100
SCALES: Final = (0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)

_LIVE: Final[frozenset[RunState]] = frozenset({"ready", "running", "paused"})


def _always(view: View) -> bool:
    return True


def _no_reason(view: View) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something that can be done.

    Args:
        key: Name, such as "file.save"; never changes.
        title: What a menu shows.
        icon: Before the title; may be empty.
        menu: Menu that it is in.
        shortcut: Keys, such as "Ctrl+Shift+S"; may be empty.
        tip: What it does, in a sentence.
        make: Makes what to post; None does nothing.
        enabled: Whether it can be done now.
        why_not: Why it cannot.
        words: The title as it is now, where that depends.
        checked: Whether it has a check mark; None for one that never has.
        group: Actions of a menu with the same number stand together.
        on_graph: Whether its shortcut means the selected nodes, and so counts in the panels of the graph alone.
    """

    key: str
    title: str
    icon: str = ""
    menu: Menu
    shortcut: str = ""
    tip: str
    make: Callable[[View], Made]
    enabled: Callable[[View], bool] = _always
    why_not: Callable[[View], str] = _no_reason
    words: Callable[[View], str] | None = None
    checked: Callable[[View], bool] | None = None
    group: int = 0
    on_graph: bool = False

    def label(self, view: View, run_n: int = DEFAULT_RUN_N) -> str:
        """Return the title as it is now.

        Args:
            view: What there is.
            run_n: How many steps "Run N" makes.
        """
        if self.key == "run.some":
            return f"Run {run_n:,} steps"
        return self.words(view) if self.words else self.title


def is_live(view: View) -> bool:
    """Return whether a run is being trained in this window."""
    return view.run is not None and view.run.live and view.run.state in _LIVE


def is_running(view: View) -> bool:
    """Return whether steps are being made, or will be as soon as a loop of the person's own is begun."""
    return is_live(view) and view.run is not None and view.run.state in ("ready", "running")


def is_paused(view: View) -> bool:
    """Return whether a live run waits."""
    return is_live(view) and view.run is not None and view.run.state == "paused"


def _save(view: View) -> Command:
    return do.Save() if view.document.path else ChoosePath("save")


def _train_or_pause(view: View) -> Command:
    if is_running(view):
        return do.Control("pause")
    return do.Control("run") if is_paused(view) else do.Train()


def train_words(view: View) -> str:
    """Return what the filled button says."""
    return "Pause" if is_running(view) else "Continue" if is_paused(view) else "Train"


def _resize(by: int) -> Callable[[View], Command]:
    def make(view: View) -> Command:
        now = view.settings.scale or imgui.get_style().font_scale_main
        return do.ChangeSettings({"scale": next_scale(now, by)})

    return make


def next_scale(now: float, by: int) -> float:
    """Return the next size of the window's contents, up or down."""
    larger = [scale for scale in SCALES if scale > now + 0.01]
    smaller = [scale for scale in SCALES if scale < now - 0.01]
    if by > 0:
        return larger[0] if larger else SCALES[-1]
    return smaller[-1] if smaller else SCALES[0]


def _documentation(view: View) -> Command:
    folder = Path(__file__).parents[2] / "docs"
    place = str(folder) if folder.is_dir() else "the docs folder of the project"
    return do.Tell(f"The documentation lies in {place}; start with architecture.md.")


def _has_selection(view: View) -> bool:
    return bool(view.document.selection)


def _needs_selection(view: View) -> str:
    return "Select a node first."


def _needs_live(view: View) -> str:
    return "There is no live run."


def _begun_here(view: View) -> bool:
    run = view.run
    return run is not None and not run.own_loop and (run.live or bool(run.driver))


def _no_reset(view: View) -> str:
    if view.run is None:
        return "There is no run."
    if view.run.own_loop:
        return "A loop of your own begins anew where it is called."
    return "Only a run of this window can be reset."


def may_train(view: View) -> bool:
    """Return whether Train would start a run: of what is drawn, never of what was written elsewhere."""
    return view.can_train and not shows_own(view)


def no_training(view: View) -> str:
    """Return why Train would start none."""
    return BEGINS_ELSEWHERE if shows_own(view) else view.why_not


def _resumable(view: View) -> bool:
    return view.run is not None and not is_live(view) and view.run.can_resume


ACTIONS: Final[tuple[Action, ...]] = (
    Action(
        key="file.new", title="New", icon=icons.NEW, menu="File", shortcut="Ctrl+N",
        tip="Start with an empty canvas.", make=lambda v: do.NewDocument(),
    ),
    Action(
        key="file.open", title="Open\u2026", icon=icons.OPEN, menu="File", shortcut="Ctrl+O",
        tip="Open a network, or the folder of a run.", make=lambda v: ChoosePath("open"),
    ),
    Action(
        key="file.save", title="Save", icon=icons.SAVE, menu="File", shortcut="Ctrl+S",
        tip="Save the network to its file.", make=_save, group=1,
    ),
    Action(
        key="file.save_as", title="Save as\u2026", icon=icons.SAVE, menu="File", shortcut="Ctrl+Shift+S",
        tip="Save the network to another file.", make=lambda v: ChoosePath("save"), group=1,
    ),
    Action(
        key="file.welcome", title="Welcome", icon=icons.TEMPLATES, menu="File", shortcut="Ctrl+Shift+N",
        tip="Choose among starting points, templates and recent files.", make=lambda v: do.ShowWelcome(), group=2,
    ),
    Action(
        key="file.quit", title="Quit", icon=icons.CLOSE, menu="File", shortcut="Ctrl+Q",
        tip="Close the window; what is not saved is asked about.", make=lambda v: do.Quit(), group=3,
    ),
    Action(
        key="edit.undo", title="Undo", icon=icons.UNDO, menu="Edit", shortcut="Ctrl+Z",
        tip="Take back the last change: of the network, a knob, the settings or the data.", make=lambda v: do.Undo(),
        enabled=lambda v: v.document.undo_label is not None, why_not=lambda v: "Nothing has been changed yet.",
        words=lambda v: f"Undo: {v.document.undo_label}" if v.document.undo_label else "Undo",
    ),
    Action(
        key="edit.redo", title="Redo", icon=icons.REDO, menu="Edit", shortcut="Ctrl+Shift+Z",
        tip="Do again what was taken back.", make=lambda v: do.Redo(),
        enabled=lambda v: v.document.redo_label is not None, why_not=lambda v: "Nothing was taken back.",
        words=lambda v: f"Redo: {v.document.redo_label}" if v.document.redo_label else "Redo",
    ),
    Action(
        key="edit.cut", title="Cut", icon=icons.CUT, menu="Edit", shortcut="Ctrl+X",
        tip="Copy the selected nodes and remove them.", make=lambda v: do.Copy(cut=True),
        enabled=_has_selection, why_not=_needs_selection, group=1, on_graph=True,
    ),
    Action(
        key="edit.copy", title="Copy", icon=icons.COPY, menu="Edit", shortcut="Ctrl+C",
        tip="Copy the selected nodes, as text that other windows can paste.", make=lambda v: do.Copy(),
        enabled=_has_selection, why_not=_needs_selection, group=1, on_graph=True,
    ),
    Action(
        key="edit.paste", title="Paste", icon=icons.PASTE, menu="Edit", shortcut="Ctrl+V",
        tip="Paste nodes from the clipboard.", make=lambda v: do.PasteText(imgui.get_clipboard_text() or ""),
        group=1, on_graph=True,
    ),
    Action(
        key="edit.duplicate", title="Duplicate", icon=icons.DUPLICATE, menu="Edit", shortcut="Ctrl+D",
        tip="Put a copy of the selected nodes beside them.", make=lambda v: do.Duplicate(),
        enabled=_has_selection, why_not=_needs_selection, group=1, on_graph=True,
    ),
    Action(
        key="edit.delete", title="Delete", icon=icons.DELETE, menu="Edit", shortcut="Delete",
        tip="Remove the selected nodes and their wires.", make=lambda v: do.DeleteSelection(),
        enabled=_has_selection, why_not=_needs_selection, group=1, on_graph=True,
    ),
    Action(
        key="edit.delete_heal", title="Delete and reconnect", icon=icons.UNLINK, menu="Edit", shortcut="Shift+Delete",
        tip="Remove the selected nodes and close the gap with wires.", make=lambda v: do.DeleteSelection(heal=True),
        enabled=_has_selection, why_not=_needs_selection, group=1, on_graph=True,
    ),
    Action(
        key="edit.select_all", title="Select all", icon=icons.POINTER, menu="Edit", shortcut="Ctrl+A",
        tip="Select all nodes.", make=lambda v: do.SelectAll(), group=2, on_graph=True,
    ),
    Action(
        key="edit.arrange", title="Arrange", icon=icons.ARRANGE, menu="Edit", shortcut="Ctrl+L",
        tip="Lay the nodes out anew, from left to right.", make=lambda v: do.Arrange(), group=2,
    ),
    Action(
        key="edit.insert", title="Add a layer\u2026", icon=icons.PLUS, menu="Edit", shortcut="Shift+A",
        tip="Search for a layer and put it onto the canvas.", make=lambda v: InsertLayer(), group=3,
    ),
    Action(
        key="edit.find", title="Find layer", icon=icons.SEARCH, menu="Edit", shortcut="/",
        tip="Search in the palette of layers.", make=lambda v: (FocusPanel("palette"), FocusSearch()), group=3,
    ),
    Action(
        key="view.build", title="Build", icon=icons.BUILD, menu="View", shortcut="Ctrl+1",
        tip="Show the panels to build a network with.", make=lambda v: SetArrangement("build"),
        checked=lambda v: v.settings.arrangement == "build",
    ),
    Action(
        key="view.train", title="Train", icon=icons.TRAIN, menu="View", shortcut="Ctrl+2",
        tip="Show the panels to train a network with.", make=lambda v: SetArrangement("train"),
        checked=lambda v: v.settings.arrangement == "train",
    ),
    Action(
        key="view.fit", title="Fit the network", icon=icons.FIT, menu="View", shortcut="F",
        tip="Show the whole network on the canvas.", make=lambda v: FitCanvas(), group=2, on_graph=True,
    ),
    Action(
        key="view.fit_selection", title="Fit the selection", icon=icons.FIT, menu="View", shortcut="Shift+F",
        tip="Show the selected nodes as large as possible.", make=lambda v: FitCanvas(selection=True),
        enabled=_has_selection, why_not=_needs_selection, group=2, on_graph=True,
    ),
    Action(
        key="view.reset", title="Reset the arrangement", icon=icons.RESET, menu="View", shortcut="Ctrl+Shift+0",
        tip="Put the panels back where they belong.", make=lambda v: ResetArrangement(), group=2,
    ),
    Action(
        key="view.dark", title="Dark", icon=icons.DARK, menu="View",
        tip="Light text on a dark ground.", make=lambda v: do.ChangeSettings({"theme": "dark"}),
        checked=lambda v: v.settings.theme == "dark", group=3,
    ),
    Action(
        key="view.light", title="Light", icon=icons.LIGHT, menu="View",
        tip="Dark text on a light ground.", make=lambda v: do.ChangeSettings({"theme": "light"}),
        checked=lambda v: v.settings.theme == "light", group=3,
    ),
    Action(
        key="view.larger", title="Larger", icon=icons.PLUS, menu="View", shortcut="Ctrl+=",
        tip="Show everything larger.", make=_resize(1), group=4,
    ),
    Action(
        key="view.smaller", title="Smaller", icon=icons.MINUS, menu="View", shortcut="Ctrl+-",
        tip="Show everything smaller.", make=_resize(-1), group=4,
    ),
    Action(
        key="run.train", title="Train", icon=icons.RUN, menu="Run", shortcut="F5",
        tip="Train, pause or go on.", make=_train_or_pause, words=train_words,
        enabled=lambda v: is_live(v) or may_train(v), why_not=no_training,
    ),
    Action(
        key="run.step", title="Step", icon=icons.STEP, menu="Run", shortcut="F6",
        tip="Make one update, then pause.", make=lambda v: do.Control("run", 1),
        enabled=is_paused, why_not=lambda v: "Pause the run first." if is_running(v) else _needs_live(v),
    ),
    Action(
        key="run.some", title=f"Run {DEFAULT_RUN_N} steps", icon=icons.RUN, menu="Run", shortcut="F7",
        tip="Make so many updates, then pause.", make=lambda v: do.Control("run", DEFAULT_RUN_N),
        enabled=is_live, why_not=_needs_live,
    ),
    Action(
        key="run.stop", title="Stop", icon=icons.STOP, menu="Run", shortcut="Shift+F5",
        tip="End the run after this step; its last weights are kept.", make=lambda v: do.Control("stop"),
        enabled=is_live, why_not=_needs_live, group=1,
    ),
    Action(
        key="run.reset", title="Reset", icon=icons.RESET, menu="Run", shortcut="Ctrl+F5",
        tip="End the run, and begin a new one from the same plan and seed, which waits.", make=lambda v: do.Reset(),
        enabled=_begun_here, why_not=_no_reset, group=1,
    ),
    Action(
        key="run.resume", title="Resume", icon=icons.HISTORY, menu="Run",
        tip="Continue the run in the panels, from its files.",
        make=lambda v: do.ResumeRun(v.run.folder) if v.run else None,
        enabled=_resumable, why_not=lambda v: "This run cannot be continued." if v.run else "There is no run.",
        group=1,
    ),
    Action(
        key="run.save", title="Save a checkpoint", icon=icons.FLAG, menu="Run", shortcut="Ctrl+Shift+K",
        tip="Write the weights as they are now to the run's folder.", make=lambda v: do.Control("save"),
        enabled=is_live, why_not=_needs_live, group=2,
    ),
    Action(
        key="run.close", title="Close the run", icon=icons.CLOSE, menu="Run",
        tip="Take the run out of the panels; a live one is stopped first.", make=lambda v: do.CloseRun(),
        enabled=lambda v: v.run is not None, why_not=lambda v: "There is no run.", group=2,
    ),
    Action(
        key="help.commands", title="Commands and shortcuts", icon=icons.KEYBOARD, menu="Help", shortcut="Ctrl+K",
        tip="Search among all commands, with their shortcuts.", make=lambda v: ShowCommands(),
    ),
    Action(
        key="help.shortcuts", title="Keys and gestures", icon=icons.INFO, menu="Help", shortcut="F1",
        tip="Show which keys and gestures there are.", make=lambda v: ShowShortcuts(),
    ),
    Action(
        key="help.documentation", title="Documentation", icon=icons.BOOK, menu="Help",
        tip="Say where the documentation lies.", make=_documentation,
    ),
)  # fmt: skip
"""In the order of the menus; `all_actions` adds one for each panel."""


@cache
def graph_panels() -> frozenset[str]:
    """Return the panels in which keys such as Delete mean the selected nodes; "" is no panel at all."""
    from neuralforge.ui.registry import panels  # panels may take actions from here

    return frozenset({"", *(kind.key for kind in panels() if kind.on_graph)})


@cache
def all_actions() -> tuple[Action, ...]:
    """Return all actions, with those that show or hide each panel after the arrangements."""
    from neuralforge.ui.registry import panels  # panels may take actions from here

    showing = tuple(_of_panel(kind) for kind in panels() if kind.key != "welcome")
    at = next(i for i, action in enumerate(ACTIONS) if action.key == "view.fit")
    return (*ACTIONS[:at], *showing, *ACTIONS[at:])


def _of_panel(kind: type[Panel]) -> Action:
    return Action(
        key=f"panel.{kind.key}",
        title=kind.title,
        icon=kind.icon,
        menu="View",
        tip=(kind.help or f"Show or hide {kind.title}").rstrip(".") + ".",
        make=lambda view: TogglePanel(kind.key),
        group=1,
    )


@cache
def action(key: str) -> Action:
    """Return an action by its key."""
    return next(item for item in all_actions() if item.key == key)


def perform(item: Action, view: View, post: Post, run_n: int = DEFAULT_RUN_N) -> None:
    """Post what an action makes, if it can be done.

    Args:
        item: The action.
        view: What there is.
        post: Takes the commands.
        run_n: How many steps "Run N" makes.
    """
    if not item.enabled(view):
        return
    made: Made = do.Control("run", run_n) if item.key == "run.some" else item.make(view)
    for command in made if isinstance(made, tuple) else (made,):
        if command is not None:
            post(command)


@cache
def _chords() -> tuple[tuple[int, Action], ...]:
    return tuple((chord(item.shortcut), item) for item in all_actions() if item.shortcut)


def dispatch_shortcuts(view: View, post: Post, run_n: int = DEFAULT_RUN_N) -> None:
    """Do what the keys of this frame ask for.

    Args:
        view: What there is.
        post: Takes the commands.
        run_n: How many steps "Run N" makes.
    """
    typing = imgui.get_io().want_text_input
    for keys, item in _chords():
        if not imgui.is_key_chord_pressed(keys) or (typing and not while_typing(item.shortcut)):
            continue
        if item.on_graph and focused_panel() not in graph_panels():
            continue
        perform(item, view, post, run_n)
