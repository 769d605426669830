"""What lies in a folder, for the dialog that chooses files: read beside the frames, never more than fits a list."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from neuralforge.graph.document import SUFFIX
from neuralforge.graph.names import is_text
from neuralforge.ui import numbers
from neuralforge.ui.readable import one_line
from neuralforge.workbench.editor import document_path

Purpose = Literal["open", "save", "data file", "data folder"]

MAX_ENTRIES: Final = 2000
"""So many entries are listed; others can be reached by typing their names."""
MAX_SCANNED: Final = 50_000
"""So many names of a folder are looked at."""
DATA_SUFFIXES: Final = (".csv", ".tsv", ".npz")
_RUN_FILES: Final = ("run.h5", "journal")
"""A folder with one of these is a run (`neuralforge.runs.layout`, which is too much to load before the first frame)."""

EntryKind = Literal["folder", "run", "file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something in a folder.

    Args:
        name: Its name, as the system has it.
        shown: Its name, as it can be drawn.
        kind: What it is.
        size_text: How large it is; "" for folders.
        when_text: When it was changed.
        usable: Whether its name is a text, so that it can be written down and opened.
    """

    name: str
    shown: str
    kind: EntryKind
    size_text: str = ""
    when_text: str = ""
    usable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What lies in a folder.

    Args:
        folder: Which.
        entries: Folders first, by name.
        problem: Why it cannot be read; "" when it can.
        is_cut: Whether there is more in it than is listed.
    """

    folder: Path
    entries: tuple[Entry, ...] = ()
    problem: str = ""
    is_cut: bool = False


def is_wanted(name: str, purpose: Purpose) -> bool:
    """Return whether a file is one that the dialog is for."""
    lower = name.lower()
    if purpose in ("open", "save"):
        return lower.endswith((SUFFIX, ".json"))
    return purpose == "data file" and lower.endswith(DATA_SUFFIXES)


def list_folder(folder: Path, purpose: Purpose, *, all_files: bool = False) -> Listing:
    """Read a folder. Never raises.

    Args:
        folder: Which.
        purpose: What is looked for; files of other kinds are left out.
        all_files: Whether to list them as well.
    """
    entries: list[Entry] = []
    is_cut = False
    try:
        with os.scandir(folder) as found:
            for count, item in enumerate(found):
                if count >= MAX_SCANNED or len(entries) >= MAX_ENTRIES:
                    is_cut = True
                    break
                if item.name.startswith("."):
                    continue
                is_folder = _is_folder(item)
                if is_folder or all_files or is_wanted(item.name, purpose):
                    entries.append(_entry(item, is_folder, purpose))
    except OSError as error:
        return Listing(folder=folder, problem=f"This folder cannot be read: {error.strerror or error}.")
    entries.sort(key=lambda entry: (entry.kind == "file", entry.shown.casefold(), entry.name))
    return Listing(folder=folder, entries=tuple(entries), is_cut=is_cut)


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir()
    except OSError:
        return False


def _entry(item: os.DirEntry[str], is_folder: bool, purpose: Purpose) -> Entry:
    size_text = when_text = ""
    try:
        facts = item.stat()
        size_text = "" if is_folder else numbers.memory(facts.st_size)
        when_text = time.strftime("%d %b %Y %H:%M", time.localtime(facts.st_mtime))
    except (OSError, OverflowError, ValueError):  # a dangling link; a time that no calendar has
        pass
    is_run = is_folder and purpose == "open" and any(os.path.exists(os.path.join(item.path, n)) for n in _RUN_FILES)
    kind: EntryKind = "run" if is_run else "folder" if is_folder else "file"
    return Entry(
        name=item.name,
        shown=one_line(item.name),
        kind=kind,
        size_text=size_text,
        when_text=when_text,
        usable=is_text(item.name) and "\n" not in item.name and "\t" not in item.name,
    )


class FolderReader:
    """Reads folders on a thread; what was asked for last counts."""

    def __init__(self) -> None:
        self._asked: tuple[Path, Purpose, bool] | None = None
        self._listing: Listing | None = None
        self._lock = threading.Lock()

    def ask(self, folder: Path, purpose: Purpose, *, all_files: bool = False, again: bool = False) -> None:
        """Read a folder, unless it is the one that was read or is being read."""
        asked = (folder, purpose, all_files)
        if asked == self._asked and not again:
            return
        with self._lock:
            self._asked, self._listing = asked, None
        threading.Thread(target=self._read, args=(asked,), name="neuralforge-folder", daemon=True).start()

    @property
    def listing(self) -> Listing | None:
        """What lies in the folder; None while it is being read."""
        return self._listing

    def _read(self, asked: tuple[Path, Purpose, bool]) -> None:
        folder, purpose, all_files = asked
        listing = list_folder(folder, purpose, all_files=all_files)
        with self._lock:
            if asked is self._asked:
                self._listing = listing


# What a choice means

ChoiceKind = Literal["go", "take", "replace?", "problem"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a choice.

    Args:
        kind: "go" into a folder, "take" the path, ask whether to "replace?" a file, or tell a "problem".
        path: The folder or file.
        problem: Why it cannot be taken.
    """

    kind: ChoiceKind
    path: Path
    problem: str = ""


def decide(purpose: Purpose, folder: Path, typed: str) -> Outcome:
    """Say what becomes of a name.

    Args:
        purpose: What the dialog is for.
        folder: The folder that is shown.
        typed: A name in it, or a path; `~` is the home folder.
    """
    words = typed.strip()
    if not is_text(words) or "\n" in words:
        return Outcome("problem", folder, "This name has characters that no file should have.")
    try:
        path = Path(os.path.normpath(folder / Path(words).expanduser()))
        if purpose == "save":
            return _decide_save(path, ends_in_separator=words.endswith(os.sep))
        if path.is_dir():
            is_run = purpose == "open" and any((path / name).exists() for name in _RUN_FILES)
            return Outcome("take" if is_run else "go", path)
        if not path.exists():
            return Outcome("problem", path, f"There is no {one_line(path.name)} in {one_line(str(path.parent))}.")
        if purpose == "data folder":
            return Outcome("problem", path, f"{one_line(path.name)} is a file; choose a folder.")
    except (OSError, RuntimeError, ValueError) as error:  # too long, no rights, no such home
        reason = getattr(error, "strerror", None) or str(error)
        return Outcome("problem", folder, f"This path cannot be used: {reason}.")
    return Outcome("take", path)


def _decide_save(path: Path, *, ends_in_separator: bool) -> Outcome:
    if path.is_dir():
        return Outcome("go", path)
    if ends_in_separator or not path.name:
        return Outcome("problem", path, f"There is no folder {one_line(str(path))}.")
    path = document_path(path)
    if not path.parent.is_dir():
        return Outcome("problem", path, f"There is no folder {one_line(str(path.parent))}.")
    if path.is_file():
        return Outcome("replace?", path)
    if path.exists():
        return Outcome("problem", path, f"{one_line(path.name)} is there already, and is no file.")
    return Outcome("take", path)


def matching(entries: tuple[Entry, ...], typed: str) -> int | None:
    """Return the place of the first entry whose name begins with what was typed; case does not matter."""
    start = typed.strip().casefold()
    if not start:
        return None
    return next(
        (i for i, entry in enumerate(entries) if entry.usable and entry.name.casefold().startswith(start)), None
    )


def completion(entries: tuple[Entry, ...], typed: str) -> str:
    """Return what was typed, completed as far as the names in the folder leave no choice; a folder gets a separator."""
    start = typed.casefold()
    fitting = [entry for entry in entries if entry.usable and entry.name.casefold().startswith(start)]
    if not fitting or not typed:
        return typed
    if len(fitting) == 1:
        return fitting[0].name + (os.sep if fitting[0].kind == "folder" else "")
    first = fitting[0].name
    shared = len(first)
    while any(entry.name[:shared].casefold() != first[:shared].casefold() for entry in fitting):
        shared -= 1
    return first[:shared] if shared > len(typed) else typed
