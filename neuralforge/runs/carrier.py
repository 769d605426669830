"""The way from the log in memory to `run.h5`: in blocks, and dropped without loss when the disk refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from neuralforge.runs.atomic import fsync_file, fsync_folder
from neuralforge.runs.channel import Channel
from neuralforge.runs.errors import reason
from neuralforge.runs.events import Scalar
from neuralforge.runs.layout import FILE_NAME, JOURNAL_NAME, UNKNOWN_JOURNAL, RunFile
from neuralforge.runs.recover import JournalState, complete_or_keep

# h5py raises these when HDF5 cannot write.
FILE_ERRORS = (OSError, RuntimeError, ValueError, KeyError)


class Carrier:
    """Carries what the journal already has into `run.h5`.

    A failing file never stops a run: the file is let go, and made from the journal again when the run ends.

    Args:
        folder: The folder of the run.
        state: What the journal holds; the file holds the same.
    """

    def __init__(self, folder: Path, state: JournalState) -> None:
        self._folder = folder
        self._changes: list[Callable[[RunFile], None]] = []
        self._events: list[str] = []
        self._digest = state.digest
        self._file: RunFile | None = None
        self.degraded: str | None = None
        """Why the file lags behind, or None."""
        try:
            self._file = RunFile.open(folder / FILE_NAME, state.channels)
            # From here on the journal grows, so the file no longer counts as made from the whole of it.
            self._file.set_attribute("journal_bytes", UNKNOWN_JOURNAL)
            self._file.flush()
        except FILE_ERRORS as error:
            self._drop(error)

    @property
    def is_open(self) -> bool:
        """Whether there is a file to carry to."""
        return self._file is not None

    def change(self, change: Callable[[RunFile], None]) -> None:
        """Note something to be done at the next flush."""
        if self._file is not None:
            self._changes.append(change)

    def change_attribute(self, name: str, value: Scalar, *, closing: bool = False) -> None:
        """Note that a root attribute gets a value at the next flush."""
        self.change(lambda file: file.set_attribute(name, value, closing=closing))

    def add_event(self, text: str, digest: str) -> None:
        """Note an event, to be written at the next flush."""
        if self._file is not None:
            self._events.append(text)
            self._digest = digest

    def flush(self, channels: Iterable[Channel]) -> None:
        """Write all that waits; never raises.

        Args:
            channels: All channels; their rows are in the journal.
        """
        dirty = [channel for channel in channels if channel.is_dirty]
        if self._file is None or not (dirty or self._changes or self._events):
            return
        try:
            for change in self._changes:
                change(self._file)
            for channel in dirty:
                self._file.append_rows(channel.name, channel.take())
            if self._events:
                self._file.append_events(self._events, self._digest)
            self._file.flush()
        except FILE_ERRORS as error:
            self._drop(error)
            for channel in dirty:
                channel.take()
        self._changes, self._events = [], []

    def seal(self) -> None:
        """Bring the complete file to the disk; only then remove the journal.

        Raises:
            OSError: The file cannot be completed; the journal stays.
            RunFileError: The journal cannot be read.
        """
        target = self._folder / FILE_NAME
        if self._file is not None:
            try:
                self._file.close()
                fsync_file(target)
                self._file = None
            except FILE_ERRORS as error:
                self._drop(error)
        if self.degraded is not None:
            complete_or_keep(self._folder)
            self.degraded = None
        fsync_folder(self._folder)
        (self._folder / JOURNAL_NAME).unlink(missing_ok=True)

    def let_go(self) -> None:
        """Close the file if it is open; more than once is harmless."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(*FILE_ERRORS):
                file.close()

    def _drop(self, error: BaseException) -> None:
        self.degraded = (
            f"{self._folder / FILE_NAME} cannot be written: {reason(error)}. The run goes on and is recorded "
            f"in {self._folder / JOURNAL_NAME}; the file is completed when the run ends or is opened again."
        )
        self._changes, self._events = [], []
        self.let_go()
