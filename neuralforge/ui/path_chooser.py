"""Choosing a path, in the system's own dialog or in the window, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from imgui_bundle import imgui

from neuralforge.graph.document import SUFFIX
from neuralforge.graph.names import is_text
from neuralforge.ui import icons, widgets
from neuralforge.ui.file_dialog import FileDialog
from neuralforge.ui.folder import Purpose, decide
from neuralforge.ui.folder_bar import Place
from neuralforge.ui.kit import Kit
from neuralforge.ui.modal import escape_pressed, modal
from neuralforge.ui.native_dialog import NativeDialog, has_native
from neuralforge.ui.panel import Post
from neuralforge.workbench.commands import Command, OpenPath, Save, Tell, UseData
from neuralforge.workbench.view import View

MAX_PLACES: Final = 9


class PathChooser:
    """Asks for a path and posts what follows.

    Args:
        kit: The means of drawing.
        use_native: Tells whether the system's own dialog is to be used.
    """

    def __init__(self, kit: Kit, use_native: Callable[[], bool] = has_native) -> None:
        self.kit = kit
        self._dialog = FileDialog(kit)
        self._native: NativeDialog | None = None
        self._use_native = use_native
        self._purpose: Purpose = "open"
        self._then: Command | None = None
        self._last: dict[str, Path] = {}

    def open(self, purpose: Purpose, view: View, then: Command | None = None) -> None:
        """Begin to ask; `then` follows once a document is saved."""
        self._purpose, self._then = purpose, then
        folder = self._begin_in(view)
        name = ""
        if purpose == "save":
            path = view.document.path
            name = path.name if path is not None else f"{_file_name(view.document.document.name)}{SUFFIX}"
        if self._use_native():
            self._native = NativeDialog(purpose, folder / name if name else folder)
            return
        self._dialog.open(purpose, folder, places_of(view), name)

    def draw(self, view: View, post: Post) -> bool:
        """Draw the dialog, or wait for that of the system.

        Returns:
            Whether it stays open.
        """
        if self._native is not None:
            return self._wait(self._native, view, post)
        is_open, path = self._dialog.draw()
        if path is not None:
            self._take(path, post)
        return is_open

    def close(self) -> None:
        """Stop asking."""
        if self._native is not None:
            self._native.kill()
            self._native = None

    def _begin_in(self, view: View) -> Path:
        """Return the folder to begin in: the last one, that of the document, or the present one."""
        data = self._purpose.startswith("data")
        last = self._last.get("data" if data else "network")
        if last is None and view.document.path is not None and not data:
            last = view.document.path.absolute().parent
        return last or Path.cwd()

    def _take(self, path: Path, post: Post) -> None:
        data = self._purpose.startswith("data")
        self._last["data" if data else "network"] = path.parent
        command: Command
        if data:
            command = UseData(str(path))
        else:
            command = Save(path, self._then) if self._purpose == "save" else OpenPath(path)
        post(command)

    def _wait(self, native: NativeDialog, view: View, post: Post) -> bool:
        """Wait for the system's dialog, without holding up the frames."""
        if native.is_done():
            self._native = None
            try:
                path = native.result()
            except UnicodeDecodeError:
                path = None
                post(Tell("The chosen name is not text; rename the file before it is opened.", "error"))
            return path is not None and self._check(path, view, post)
        kit = self.kit
        with modal(kit, "waiting", 420) as visible:
            if visible:
                widgets.text(kit, f"{icons.OPEN}   Waiting for the file dialog", kit.theme.text, "semibold", 16)
                widgets.wrapped(kit, "The dialog of the system is open in a window of its own.")
                imgui.dummy(kit.vec(0, 2))
                if widgets.button(kit, "Cancel", tip="Close the dialog", shortcut="Esc") or escape_pressed():
                    self.close()
                    return False
        return True

    def _check(self, path: Path, view: View, post: Post) -> bool:
        """Take what the system's dialog gave. It knows nothing of the suffix, which may lead to a file that is there.

        Returns:
            Whether there is something left to ask.
        """
        if not is_text(str(path)):
            post(Tell("The chosen name is not text; rename the file before it is opened.", "error"))
            return False
        if self._purpose == "save":
            outcome = decide("save", path.parent, path.name)
            if outcome.kind == "replace?" and outcome.path != path:
                self._dialog.open("save", path.parent, places_of(view), outcome.path.name)
                self._dialog.ask_to_replace(outcome.path)
                return True
        self._take(path, post)
        return False


def places_of(view: View) -> tuple[Place, ...]:
    """Return the folders that the dialog offers: (icon, title, folder); none twice."""
    places = [(icons.TEMPLATES, "Home", Path.home()), (icons.CONSOLE, "Current folder", Path.cwd())]
    if view.document.path is not None:
        places.append((icons.BUILD, "This network", view.document.path.absolute().parent))
    if view.runs is not None:
        places.append((icons.RUNS, "Runs", view.runs.folder.absolute()))
    recent = (Path(text).parent for text in view.settings.recent)
    places += [(icons.HISTORY, folder.name or str(folder), folder) for folder in recent if folder.is_absolute()]
    first: dict[Path, Place] = {}
    for place in places:
        first.setdefault(place[2], place)
    return tuple(first.values())[:MAX_PLACES]


def _file_name(name: str) -> str:
    """Return a file name for a network that has none yet."""
    words = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name.strip().lower())
    return words.strip("-.")[:80] or "network"
