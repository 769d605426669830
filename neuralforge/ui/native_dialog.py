"""The system's own dialog for files, where it has one."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Final

from imgui_bundle import hello_imgui
from imgui_bundle import portable_file_dialogs as pfd

from neuralforge.ui.folder import DATA_SUFFIXES, Purpose

_PROGRAMS: Final = ("zenity", "kdialog", "matedialog", "qarma")
_TITLES: Final = {
    "open": "Open a network",
    "save": "Save the network as",
    "data file": "Choose a data file",
    "data folder": "Choose a folder of images",
}


def has_native() -> bool:
    """Return whether the system has a dialog, and a screen to show it on."""
    if hello_imgui.get_runner_params().platform_backend_type == hello_imgui.PlatformBackendType.null:
        return False
    if not sys.platform.startswith("linux"):
        return True
    has_screen = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return has_screen and any(map(shutil.which, _PROGRAMS))


class NativeDialog:
    """A dialog of the system, in a process of its own.

    Args:
        purpose: What is to be chosen.
        start: Folder, or for "save" the file, that it begins with.
    """

    def __init__(self, purpose: Purpose, start: Path) -> None:
        title, at = _TITLES[purpose], str(start)
        networks = ["Networks", "*.nf.json *.json", "All files", "*"]
        data = ["Data files", " ".join(f"*{suffix}" for suffix in DATA_SUFFIXES), "All files", "*"]
        self._dialog: pfd.open_file | pfd.save_file | pfd.select_folder
        if purpose == "save":
            self._dialog = pfd.save_file(title, at, networks)
        elif purpose == "data folder":
            self._dialog = pfd.select_folder(title, at)
        else:
            self._dialog = pfd.open_file(title, os.path.join(at, ""), networks if purpose == "open" else data)

    def is_done(self) -> bool:
        """Return whether it was answered; never waits."""
        return self._dialog.ready(0)

    def result(self) -> Path | None:
        """Return what was chosen, once it is done; None when it was closed.

        Raises:
            UnicodeDecodeError: When the name is no text.
        """
        found = self._dialog.result()
        name = (found[0] if found else "") if isinstance(found, list) else found
        return Path(name) if name else None

    def kill(self) -> None:
        """Close it: it is waited for otherwise when it is dropped."""
        self._dialog.kill()
