"""From the journal to `run.h5` and back: completing a run whose writer is gone, preparing one to go on."""

from __future__ import annotations

import errno
import json
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from neuralforge.errors import UserError
from neuralforge.runs.atomic import fsync_folder, replacing, sweep_temporaries
from neuralforge.runs.checked import CheckedFile, TornReadError, is_plain_file
from neuralforge.runs.errors import RunFileError, reason
from neuralforge.runs.events import genesis
from neuralforge.runs.header import RunHeader, canonical, check_channel
from neuralforge.runs.journal import Journal, Record, Scan, encode
from neuralforge.runs.layout import (
    FILE_NAME,
    FINAL_STATUSES,
    JOURNAL_NAME,
    OWN_ATTRIBUTES,
    STATUSES,
    Checkpoint,
    RunFile,
    check_attribute,
    row_dtype,
)
from neuralforge.runs.lock import LOCK_NAME, exclusive, live_holder

CHANNEL_NUMBER = struct.Struct("<H")
_BATCH_BYTES = 1024 * 1024
_BATCH_EVENTS = 1000
_SEED_ROWS = 4096
_DAMAGED_SUFFIX = ".damaged"


@dataclass
class JournalState:
    """What a journal holds, in short."""

    header: RunHeader | None = None
    channels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    last_steps: dict[str, int] = field(default_factory=dict)
    events: int = 0
    digest: str = ""
    status: str = "running"
    closing: set[str] = field(default_factory=set)
    valid_bytes: int = 0
    size_bytes: int = 0
    damaged: bool = False


class _Replay:
    """Takes the records of a journal one by one and, where there is a file, writes them into it in blocks."""

    def __init__(self, make_file: Callable[[RunHeader], RunFile] | None) -> None:
        self.state = JournalState()
        self.file: RunFile | None = None
        self._make_file = make_file
        self._rows: dict[str, bytearray] = {}
        self._events: list[str] = []

    def take(self, kind: Record, payload: bytes) -> None:
        """Take one record; raises an exception of some kind when its content cannot be."""
        state = self.state
        if kind is Record.HEADER:
            if state.header is not None:
                raise RunFileError("it has two headers")
            state.header = RunHeader.from_json(payload.decode("ascii"))
            state.digest = genesis(state.header)
            if self._make_file is not None:
                self.file = self._make_file(state.header)
        elif state.header is None:
            raise RunFileError("it does not begin with a header")
        elif kind is Record.ROWS:
            self._take_rows(payload)
        elif kind is Record.EVENT:
            self._take_event(payload.decode("ascii"))
        else:
            self._take_other(kind, payload.decode("ascii"))

    def _take_rows(self, payload: bytes) -> None:
        state = self.state
        (number,) = CHANNEL_NUMBER.unpack_from(payload)
        channel = list(state.channels)[number]
        row_bytes = row_dtype(len(state.channels[channel])).itemsize
        rows, rest = divmod(len(payload) - CHANNEL_NUMBER.size, row_bytes)
        if rest or not rows:
            raise RunFileError(f"it holds a part of a row of channel {channel!r}")
        state.rows[channel] += rows
        (state.last_steps[channel],) = struct.unpack_from("<q", payload, len(payload) - row_bytes)
        if self.file is not None:
            waiting = self._rows.setdefault(channel, bytearray())
            waiting += payload[CHANNEL_NUMBER.size :]
            if len(waiting) >= _BATCH_BYTES:
                self.flush()

    def _take_event(self, text: str) -> None:
        self.state.events += 1
        self.state.digest = str(json.loads(text)["digest"])
        if self.file is not None:
            self._events.append(text)
            if len(self._events) >= _BATCH_EVENTS:
                self.flush()

    def _take_other(self, kind: Record, text: str) -> None:
        state, found = self.state, json.loads(text)
        if kind is Record.CHANNEL:
            name, series = found["name"], tuple(found["series"])
            check_channel(name, series)
            taken = {item for others in state.channels.values() for item in others}
            if name in state.channels or taken.intersection(series):
                raise RunFileError(f"it declares channel {name!r} or one of its series twice")
            state.channels[name] = series
            state.rows[name], state.last_steps[name] = 0, 0
            self._write(lambda file: file.declare(name, series))
        elif kind is Record.ATTRIBUTE:
            name, value, closing = found["name"], found["value"], bool(found["closing"])
            if name == "status":
                if value not in STATUSES:
                    raise RunFileError(f"it holds the status {str(value)[:40]!r}")
                state.status = value
            else:
                check_attribute(name, value)
                state.closing.discard(name)
                if closing and value is not None:
                    state.closing.add(name)
            self._write(lambda file: file.set_attribute(name, value, closing=closing))
        elif kind is Record.CHECKPOINT:
            checkpoint = Checkpoint.from_json(text)
            self._write(lambda file: file.append_checkpoints([checkpoint]))
        elif kind is Record.WRITER:
            self._write(lambda file: file.append_writers([text]))

    def _write(self, write: Callable[[RunFile], None]) -> None:
        """Write into the file, if there is one, so that its failure is not taken for one of the journal."""
        if self.file is None:
            return
        try:
            write(self.file)
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            raise OSError(errno.EIO, reason(error)) from error

    def flush(self) -> None:
        """Write what waits into the file."""
        for channel, waiting in self._rows.items():
            if waiting:
                self._write(partial(RunFile.append_rows, channel=channel, rows=bytes(waiting)))
                waiting.clear()
        if self._events:
            self._write(lambda file: file.append_events(self._events, self.state.digest))
            self._events = []


def replay_journal(
    path: Path, make_file: Callable[[RunHeader], RunFile] | None = None
) -> tuple[JournalState, RunFile | None]:
    """Read a journal from end to end.

    Args:
        path: The journal.
        make_file: Makes the file that the content goes into; None only to learn what the journal holds.

    Returns:
        What the journal holds (without `header` when it holds nothing) and the file, still open.

    Raises:
        RunFileError: The journal is no journal, or its content cannot be.
        OSError: The new file cannot be written.
    """
    replay = _Replay(make_file)
    try:
        with _content(path):
            scan = Scan(path)
            for kind, payload in scan:
                replay.take(kind, payload)
            if not scan.is_journal and scan.size_bytes:
                raise RunFileError("it is not a journal of a version that is known")
            if replay.file is not None:
                replay.flush()
    except BaseException:
        if replay.file is not None:
            with suppress(OSError, RuntimeError):
                replay.file.close()
        raise
    state = replay.state
    state.valid_bytes, state.size_bytes, state.damaged = scan.valid_bytes, scan.size_bytes, scan.damaged
    return state, replay.file


@contextmanager
def _content(path: Path) -> Iterator[None]:
    """Turn content that cannot be into one sentence; what the disk refuses passes as OSError."""
    try:
        yield
    except OSError:
        raise
    # The content of a hostile journal fails in as many ways as JSON and NumPy know.
    except Exception as error:
        raise RunFileError(f"The journal {path} is damaged: {reason(error)}.") from error


def complete(folder: Path) -> None:
    """Bring `run.h5` to what the journal holds; only for the one writer, or where there is none.

    Doing it twice costs nothing the second time. The journal stays, unless the run had ended.

    Args:
        folder: The folder of the run.

    Raises:
        RunFileError: Neither the journal nor the file can be read.
        OSError: The folder cannot be written; what is there is as it was.
    """
    journal, target = folder / JOURNAL_NAME, folder / FILE_NAME
    if not is_plain_file(journal):
        return
    sweep_temporaries(folder)
    status = _completed_status(target, journal.stat().st_size)
    if status is None:
        status = _rebuild(folder, journal, target)
    if status in FINAL_STATUSES:
        journal.unlink(missing_ok=True)
        if live_holder(folder) is None:
            (folder / LOCK_NAME).unlink(missing_ok=True)
        fsync_folder(folder)


def _rebuild(folder: Path, journal: Path, target: Path) -> str:
    """Make the file from the journal, whole or not at all, and return the status of the run."""
    with replacing(target) as temporary:
        state, file = replay_journal(journal, lambda header: RunFile.create(temporary, header))
        if state.header is None or file is None:
            if is_plain_file(target):
                raise _KeepFileError
            raise RunFileError(f"{folder} is not a run: its journal is empty and it has no {FILE_NAME}.")
        try:
            if state.damaged and _holds_more(target, state):
                raise _KeepFileError
            file.set_attribute("journal_bytes", state.size_bytes)
        finally:
            file.close()
    return state.status


class _KeepFileError(Exception):
    """The file holds more than the journal, so it stays."""


def settle(folder: Path) -> None:
    """Complete a run unless somebody writes it; for readers.

    Args:
        folder: The folder of the run.

    Raises:
        RunFileError: Neither the journal nor the file can be read.
        OSError: The folder cannot be written; what is there is as it was.
    """
    with exclusive(folder):
        if live_holder(folder) is None:
            complete_or_keep(folder)


def complete_or_keep(folder: Path) -> None:
    """As `complete`; a journal that is worth less than the file is put aside as `journal.damaged`."""
    try:
        complete(folder)
    except (_KeepFileError, RunFileError):
        if not _is_readable(folder / FILE_NAME):
            raise
        journal = folder / JOURNAL_NAME
        journal.replace(journal.with_name(JOURNAL_NAME + _DAMAGED_SUFFIX))
        fsync_folder(folder)


def _completed_status(target: Path, journal_bytes: int) -> str | None:
    """Return the status in a file that was made from a journal of this length, None when it was not."""
    try:
        with CheckedFile.open(target) as file:
            return file.status() if file.attributes().get("journal_bytes") == journal_bytes else None
    except (UserError, TornReadError):
        return None


def _is_readable(target: Path) -> bool:
    try:
        with CheckedFile.open(target) as file:
            file.header()
            return True
    except (UserError, TornReadError):
        return False


def _holds_more(target: Path, state: JournalState) -> bool:
    """Say whether a file has rows or events, whole ones, that a damaged journal lacks."""
    try:
        with CheckedFile.open(target) as file:
            more = len(file.texts("events")) > state.events
            for channel, series in file.channels().items():
                rows = [file.row_count(name) for name in series]
                for name, count in zip(series, rows, strict=True):
                    file.series(name, max(0, count - 1))
                if len(set(rows)) != 1:
                    return False
                more = more or rows[0] > state.rows.get(channel, 0)
            return more
    except (UserError, TornReadError):
        return False


def seed_journal(folder: Path) -> None:
    """Make the journal of a closed run anew from its file, so that it can be written again.

    Args:
        folder: The folder of the run; the caller holds its lock.

    Raises:
        RunFileError: The file cannot be read.
        OSError: The journal cannot be written.
    """
    with CheckedFile.open(folder / FILE_NAME) as file:
        Journal.create(folder / JOURNAL_NAME, _records(file)).close()


def header_records(header: RunHeader) -> Iterator[bytes]:
    """Yield the records that a journal begins with: the header and its channels."""
    yield encode(Record.HEADER, header.immutable_json().encode("ascii"))
    for name, series in header.channels.items():
        yield channel_record(name, series)


def channel_record(name: str, series: tuple[str, ...]) -> bytes:
    """Return the record that declares a channel; the n-th one declares channel n, from 0."""
    return encode(Record.CHANNEL, canonical({"name": name, "series": series}).encode("ascii"))


def attribute_record(name: str, value: object, *, closing: bool = False) -> bytes:
    """Return the record that sets a root attribute, or takes it away with None."""
    text = canonical({"name": name, "value": value, "closing": closing})
    return encode(Record.ATTRIBUTE, text.encode("ascii"))


def rows_record(channel_number: int, rows: bytes | memoryview) -> bytes:
    """Return the record of a batch of rows of one channel."""
    return encode(Record.ROWS, b"".join((CHANNEL_NUMBER.pack(channel_number), rows)))


def _records(file: CheckedFile) -> Iterator[bytes]:
    """Yield all that a file holds as records."""
    header = file.header()
    yield from header_records(header)
    for number, series in enumerate(header.channels.values()):
        count = file.row_count(series[0])
        for start in range(0, count, _SEED_ROWS):
            yield rows_record(number, file.rows(series, start, min(count, start + _SEED_ROWS)))
    for text in file.texts("events"):
        yield encode(Record.EVENT, text.encode("ascii"))
    for checkpoint in file.checkpoints():
        yield encode(Record.CHECKPOINT, checkpoint.to_json().encode("ascii"))
    for text in file.texts("writers"):
        yield encode(Record.WRITER, text.encode("ascii"))
    attributes = file.attributes()
    closing = json.loads(attributes.get("closing_attributes", "[]"))
    for name, value in attributes.items():
        if name not in OWN_ATTRIBUTES:
            yield attribute_record(name, value, closing=name in closing)
    yield attribute_record("status", file.status())
