"""Copies of unsaved work, so that a crash or a power cut takes no more than a few seconds of it.

Each process has a folder of its own, with a lock that says who it is and one file with the document. A folder whose
process is dead holds what a crash left behind. Opening a copy runs nothing, as for any document.
"""

from __future__ import annotations

import datetime
import json
import os
import secrets
import shutil
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from neuralforge.errors import UserError
from neuralforge.graph.document import MAX_FILE_BYTES, Document, dumps, loads
from neuralforge.runs.atomic import write_atomic
from neuralforge.runs.errors import reason
from neuralforge.runs.header import utc_now
from neuralforge.runs.lock import WriterLock, live_holder

FORMAT: Final = "neuralforge-recovery"
SCHEMA: Final = 1
FILE_NAME: Final = "unsaved.json"


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """Work that a process left behind when it died.

    Args:
        document: The document.
        path: The file that it belongs to, None where it had none.
        when_utc: When the copy was made, ISO text.
        file: Where the copy lies.
    """

    document: Document
    path: Path | None
    when_utc: str
    file: Path

    @property
    def when_text(self) -> str:
        """When the copy was made, in local time as a person reads it."""
        try:
            return datetime.datetime.fromisoformat(self.when_utc).astimezone().strftime("%d %b %Y, %H:%M")
        except ValueError:  # written by hand
            return self.when_utc


class Recovery:
    """Keeps a copy of the open document while it is not saved, and finds what dead processes left behind.

    Methods may be called from any thread.

    Args:
        folder: Where the copies of all processes of this user lie; made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._own: Path | None = None
        self._lock: WriterLock | None = None
        self._kept: tuple[Document, Path | None] | None = None
        self._guard = threading.Lock()

    def keep(self, document: Document, path: Path | None) -> None:
        """Write a copy of an unsaved document, in place of the one before. The same document is not written again.

        Args:
            document: The document.
            path: The file that it belongs to, None while it has none.

        Raises:
            UserError: When the copy cannot be written.
        """
        with self._guard:
            if self._kept is not None and self._kept[0] is document and self._kept[1] == path:
                return
            data = {
                "format": FORMAT,
                "schema": SCHEMA,
                "utc": utc_now(),
                "path": None if path is None else os.path.abspath(path),
                "document": dumps(document),
            }
            try:
                write_atomic(self._own_folder() / FILE_NAME, json.dumps(data).encode("utf-8"))
            except OSError as error:
                raise UserError(f"Unsaved work cannot be copied to {self.folder}: {reason(error)}.") from None
            self._kept = (document, path)

    def forget(self) -> None:
        """Remove this process's copy: the document is saved or given up, or the window closes. Never raises."""
        with self._guard:
            self._kept = None
            if self._own is not None:
                with suppress(OSError):
                    (self._own / FILE_NAME).unlink()
                if self._lock is not None:
                    self._lock.release()
                shutil.rmtree(self._own, ignore_errors=True)
                self._own = self._lock = None

    def found(self) -> list[Recovered]:
        """Return what dead processes left behind, the newest first. Damaged copies are left out. Never raises."""
        found = []
        with suppress(OSError):
            for folder in sorted(self.folder.iterdir()):
                recovered = None if folder == self._own else _read(folder)
                if recovered is not None:
                    found.append(recovered)
        return sorted(found, key=lambda item: item.when_utc, reverse=True)

    def drop_equal(self) -> None:
        """Remove copies of which there is a newer equal one: a notebook that edits its network leaves one each time."""
        kept: list[Recovered] = []
        for item in self.found():
            if any(item.document == other.document and item.path == other.path for other in kept):
                self.discard(item)
            else:
                kept.append(item)

    def discard(self, recovered: Recovered) -> None:
        """Remove a copy that was found: it is open again, or nobody wants it. Never raises.

        Args:
            recovered: What `found` returned.
        """
        folder = recovered.file.parent
        if folder.parent == self.folder and live_holder(folder) is None:
            shutil.rmtree(folder, ignore_errors=True)

    def _own_folder(self) -> Path:
        if self._own is not None and self._lock is not None and self._lock.is_ours():
            return self._own
        # Somebody may have cleared the folder; a new one is as good.
        own = self.folder / f"{os.getpid()}-{secrets.token_hex(4)}"
        own.mkdir(parents=True)
        self._lock = WriterLock(own)
        self._own = own
        return own


def _read(folder: Path) -> Recovered | None:
    """Return the copy in a folder whose process is dead, None when there is none that can be read."""
    file = folder / FILE_NAME
    try:
        if folder.is_symlink() or not file.is_file() or file.stat().st_size > 2 * MAX_FILE_BYTES:
            return None
        if live_holder(folder) is not None:
            return None
        data = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or data.get("format") != FORMAT or data.get("schema") != SCHEMA:
            return None
        text, path, utc = data.get("document"), data.get("path"), data.get("utc")
        if not isinstance(text, str) or not isinstance(utc, str) or not utc.isprintable():
            return None
        document = loads(text, str(file))
        kept = Path(path) if isinstance(path, str) and path.isprintable() else None
        return Recovered(document=document, path=kept, when_utc=utc[:40], file=file)
    except (OSError, ValueError, RecursionError, UserError):
        return None
