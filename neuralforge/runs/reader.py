"""Reading a run: live while it is written, completed when its writer is gone, safe when it is hostile."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from neuralforge.errors import UserError
from neuralforge.runs.checked import CheckedFile, TornReadError, is_plain_file, sentences
from neuralforge.runs.errors import RunFileError, reason
from neuralforge.runs.events import Event, verify
from neuralforge.runs.header import RunHeader
from neuralforge.runs.layout import FILE_NAME, JOURNAL_NAME, Checkpoint, RunFile
from neuralforge.runs.lock import live_holder
from neuralforge.runs.recover import replay_journal, settle

T = TypeVar("T")

_TRIES = 20
_PAUSE_SECS = 0.01


class RunReader:
    """Reads one run. Each question opens the file, reads and closes it, so that no writer is held up.

    A run whose writer is gone is completed first; where that is impossible, the journal is read to memory.

    Args:
        path: The folder of a run, or its file.

    Raises:
        RunFileError: There is no run, or neither file nor journal can be read.
    """

    def __init__(self, path: Path) -> None:
        is_folder = path.is_dir()
        self.path = path / FILE_NAME if is_folder else path
        self.folder = path if is_folder else path.parent
        # A file under another name is a copy by itself, not the live file of the folder that it lies in.
        self._has_journal = is_folder or path.name == FILE_NAME
        self._settled_bytes = -1
        self._from_memory = False
        self._read(lambda file: None)

    def __repr__(self) -> str:
        return f"RunReader({str(self.path)!r})"

    @property
    def is_live(self) -> bool:
        """Whether somebody writes the run now."""
        return self._has_journal and live_holder(self.folder) is not None

    @property
    def status(self) -> str:
        """One of "running", "paused", "completed", "stopped", "failed"; "interrupted" without its writer."""
        stated = self._read(lambda file: file.status())
        if self.is_live or stated not in ("running", "paused"):
            return stated
        return "interrupted" if stated == "running" or self._journal_bytes() is not None else stated

    @property
    def attributes(self) -> dict[str, Any]:
        """All root attributes, such as `name`, `seed`, `weights_sha256`."""
        return self._read(lambda file: file.attributes())

    @property
    def document(self) -> str:
        """The document of the run."""
        return self._read(lambda file: file.text("graph", "document"))

    @property
    def source(self) -> str:
        """The source that was trained. It is shown, never run."""
        return self._read(lambda file: file.text("graph", "source"))

    @property
    def config(self) -> dict[str, Any]:
        """Configuration of the training."""
        return self._read(lambda file: file.json("config"))

    @property
    def environment(self) -> dict[str, Any]:
        """Versions, device, threads."""
        return self._read(lambda file: file.json("environment"))

    @property
    def data(self) -> dict[str, Any]:
        """Fingerprint of the data, splits, standardisation."""
        return self._read(lambda file: file.json("data"))

    @property
    def writers(self) -> list[dict[str, Any]]:
        """One entry for each time that the run was opened for writing."""
        return self._read(lambda file: [dict(json.loads(text)) for text in file.texts("writers")])

    def header(self) -> RunHeader:
        """Return what was fixed when the run was made, with all channels."""
        return self._read(lambda file: file.header())

    def channels(self) -> dict[str, tuple[str, ...]]:
        """Return channel name -> names of the series that are logged together."""
        return self._read(lambda file: file.channels())

    def series_names(self) -> tuple[str, ...]:
        """Return the names of all series, sorted; some may still be empty."""
        return self._read(lambda file: file.series_names())

    def series(self, name: str, since: int = 0) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Return a series.

        Args:
            name: Its name, for example "train/loss".
            since: Only rows with a larger step than this.

        Returns:
            Steps and values, of equal length.

        Raises:
            RunFileError: There is no such series, or it cannot be read.
        """
        steps, values = self._read(lambda file: file.series(name))
        start = int(np.searchsorted(steps, since, side="right"))
        return steps[start:], values[start:]

    def last_values(self, groups: tuple[str, ...] | None = None) -> dict[str, tuple[int, float]]:
        """Return series name -> step and value of its last row; empty series are left out.

        Args:
            groups: Only series whose names begin with one of these and a slash; all where None.
        """

        def read(file: CheckedFile) -> dict[str, tuple[int, float]]:
            found = {}
            for name in file.series_names():
                if groups is not None and name.partition("/")[0] not in groups:
                    continue
                count = file.row_count(name)
                if count:
                    steps, values = file.series(name, count - 1, count)
                    found[name] = (int(steps[0]), float(values[0]))
            return found

        return self._read(read)

    def event_texts(self) -> list[str]:
        """Return the JSON texts of all events as they stand in the log."""
        return self._read(lambda file: file.texts("events"))

    def events(self, since: int = 0) -> list[Event]:
        """Return events in order.

        Args:
            since: Only events with a larger sequence number than this.

        Returns:
            The events.

        Raises:
            RunFileError: They cannot be read.
            UserError: An event is damaged or of a future schema.
        """
        return self._read(lambda file: [Event.from_json(text) for text in file.texts("events", since)])

    def checkpoints(self) -> list[Checkpoint]:
        """Return all checkpoints ever listed; files of old ones may be gone."""
        return self._read(lambda file: file.checkpoints())

    def verify(self) -> str | None:
        """Check the log against its digests.

        Returns:
            None when document, source, header and events are as logged, else a sentence: what was altered.

        Raises:
            RunFileError: The file cannot be read.
        """

        def read(file: CheckedFile) -> str | None:
            for name in ("document", "source"):
                text = file.text("graph", name)
                if hashlib.sha256(text.encode("utf-8")).hexdigest() != file.stated_sha256(name):
                    return f"The {name} in the log was altered: its SHA-256 does not fit."
            attributes = file.attributes()
            closing, opening = (str(attributes.get(name, "")) for name in ("events_digest", "header_digest"))
            return verify(file.header(), file.texts("events"), closing, opening)

        return self._read(read)

    def _journal_bytes(self) -> int | None:
        journal = self.folder / JOURNAL_NAME
        if not self._has_journal or not is_plain_file(journal):
            return None
        return journal.stat().st_size

    def _settle(self) -> None:
        """Complete the run if its writer is gone and that was not done yet."""
        size = self._journal_bytes()
        if size is None or size == self._settled_bytes or live_holder(self.folder) is not None:
            return
        try:
            settle(self.folder)
            self._from_memory = False
        except OSError:
            self._from_memory = True
        self._settled_bytes = size

    @contextmanager
    def _journal_in_memory(self) -> Iterator[CheckedFile]:
        """Make the file in memory, where it cannot be made on the disk."""
        journal = self.folder / JOURNAL_NAME
        try:
            _, file = replay_journal(journal, lambda header: RunFile.create(self.path, header, in_memory=True))
        except OSError as error:
            raise RunFileError(f"The journal {journal} cannot be read: {reason(error)}.") from None
        if file is None:
            raise RunFileError(f"{self.folder} is not a run: its journal is empty.")
        try:
            with sentences(journal):
                yield CheckedFile(file.file, journal)
        finally:
            file.close()

    def _read(self, read: Callable[[CheckedFile], T]) -> T:
        """Open, read, close; a file in the middle of a flush is read again."""
        self._settle()
        if self._from_memory:
            with self._journal_in_memory() as file:
                return read(file)
        if not is_plain_file(self.path):
            where = self.folder if self._has_journal else self.path
            raise RunFileError(f"{where} is not a run: there is no {self.path.name}.")
        problem: Exception
        for attempt in range(_TRIES):
            try:
                with CheckedFile.open(self.path) as file:
                    return read(file)
            except (UserError, TornReadError) as error:
                problem = error
            if not self.is_live:
                break
            time.sleep(_PAUSE_SECS * min(attempt + 1, 5))
        if isinstance(problem, TornReadError):
            problem = RunFileError(f"{self.path} is damaged: it announces rows that it does not hold.")
        if self.is_live and self._journal_bytes() is not None:
            # The writer has given the file up (a full disk); its journal is whole.
            with self._journal_in_memory() as file:
                return read(file)
        raise problem
