"""What lies above the panels: questions, notices, the command palette, choosing files, and the list of shortcuts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from neuralforge.ui.actions import DEFAULT_RUN_N
from neuralforge.ui.command_palette import CommandPalette
from neuralforge.ui.kit import Kit
from neuralforge.ui.local import ChoosePath, Local, ShowCommands, ShowShortcuts
from neuralforge.ui.native_dialog import has_native
from neuralforge.ui.notices import Notices
from neuralforge.ui.panel import Arrangement, Post
from neuralforge.ui.path_chooser import PathChooser
from neuralforge.ui.question import QuestionDialog
from neuralforge.ui.shortcuts_window import ShortcutsWindow
from neuralforge.workbench.commands import Tell
from neuralforge.workbench.view import View

Name = Literal["commands", "files", "shortcuts"]


class Dialogs:
    """Draws what lies above the panels, one dialog at a time; a question comes before all others.

    Args:
        kit: The means of drawing.
        use_native: Tells whether the system's own dialog for files is to be used.
    """

    def __init__(self, kit: Kit, use_native: Callable[[], bool] = has_native) -> None:
        self.kit = kit
        self._question = QuestionDialog(kit)
        self._notices = Notices(kit)
        self._palette = CommandPalette(kit)
        self._chooser = PathChooser(kit, use_native)
        self._shortcuts = ShortcutsWindow(kit)
        self._open: Name | None = None
        self._asked: ChoosePath | None = None

    @property
    def is_open(self) -> bool:
        """Whether a dialog takes the keyboard, so that shortcuts must wait."""
        return self._open is not None or self._asked is not None

    def draw(self, view: View, post: Post, arrangement: Arrangement, run_n: int = DEFAULT_RUN_N) -> None:
        """Draw what is open; once a frame, above the panels.

        Args:
            view: What there is to show.
            post: Asks for something.
            arrangement: Which panels lie below.
            run_n: How many steps "Run N" makes.
        """
        self._notices.draw(view, post)
        if view.question is not None:
            self._question.draw(view.question, post)
            return
        self._question.draw(None, post)
        try:
            self._draw_open(view, post, run_n)
        except Exception as error:  # a dialog that cannot be drawn must not take the others with it
            name, self._open = self._open, None
            self._chooser.close()
            post(Tell(f"The dialog for {name} could not be drawn: {type(error).__name__}: {error}", "error"))

    def _draw_open(self, view: View, post: Post, run_n: int) -> None:
        if self._asked is not None:
            self._chooser.close()
            asked, self._asked, self._open = self._asked, None, "files"
            self._chooser.open(asked.purpose, view, asked.then)
        stays = True
        match self._open:
            case "commands":
                stays = self._palette.draw(view, post, run_n)
            case "files":
                stays = self._chooser.draw(view, post)
            case "shortcuts":
                stays = self._shortcuts.draw()
        if not stays:
            self._open = None

    def take(self, command: Local) -> bool:
        """Open the dialog that a command asks for.

        Returns:
            Whether it was meant for a dialog.
        """
        match command:
            case ShowCommands():
                if self._open != "commands":
                    self._palette.open()
                self._leave("commands")
            case ShowShortcuts():
                self._leave("shortcuts")
            case ChoosePath():
                self._asked = command
            case _:
                return False
        return True

    def forget(self) -> None:
        """Close what is open."""
        self._chooser.close()
        self._palette.forget()
        self._open = self._asked = None

    def _leave(self, name: Name) -> None:
        self._chooser.close()
        self._open = name
