"""The journal: an append-only file of records with checksums, the truth about a run while it lives."""

from __future__ import annotations

import enum
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from neuralforge.runs.atomic import replacing

MAGIC = b"NFJOURNL"
VERSION = 1
MAX_PAYLOAD_BYTES = 64 * 1024 * 1024
_START = struct.Struct("<8sI")
_HEAD = struct.Struct("<BI")
_SUM = struct.Struct("<I")


class Record(enum.IntEnum):
    """What a record of the journal holds; all but ROWS are UTF-8 JSON."""

    HEADER = 1
    CHANNEL = 2
    ROWS = 3
    EVENT = 4
    CHECKPOINT = 5
    ATTRIBUTE = 6
    WRITER = 7


def encode(kind: Record, payload: bytes) -> bytes:
    """Return the bytes of one record: type, length, CRC-32 over both and the payload, payload.

    Args:
        kind: Type of the record.
        payload: Its content.

    Returns:
        The record.
    """
    assert len(payload) <= MAX_PAYLOAD_BYTES, f"a record of {len(payload)} bytes"
    head = _HEAD.pack(kind, len(payload))
    return b"".join((head, _SUM.pack(zlib.crc32(payload, zlib.crc32(head))), payload))


class Scan:
    """Walk through the valid records of a journal; what follows the first bad one is not read.

    Args:
        path: The journal.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.valid_bytes = 0
        """Length in bytes of what is good, once the walk is over."""
        self.size_bytes = 0
        """Length in bytes of the whole file when the walk began."""
        self.is_journal = False
        """Whether the file begins as a journal of a version that is known."""
        self.damaged = False
        """Whether records may follow the first bad one: not a torn end, but damage."""

    def __iter__(self) -> Iterator[tuple[Record, bytes]]:
        with self.path.open("rb") as file:
            self.size_bytes = os.fstat(file.fileno()).st_size
            if file.read(_START.size) != _START.pack(MAGIC, VERSION):
                return
            self.is_journal = True
            self.valid_bytes = _START.size
            overhead = _HEAD.size + _SUM.size
            while True:
                head = file.read(overhead)
                if len(head) < overhead:
                    return
                number, length = _HEAD.unpack_from(head)
                # The length is believed only as far as the file reaches, so that it cannot ask for memory.
                if length > MAX_PAYLOAD_BYTES or length > self.size_bytes - self.valid_bytes - overhead:
                    return
                payload = file.read(length)
                end = self.valid_bytes + overhead + length
                (stated,) = _SUM.unpack_from(head, _HEAD.size)
                if len(payload) < length or stated != zlib.crc32(payload, zlib.crc32(head[: _HEAD.size])):
                    self.damaged = end < self.size_bytes
                    return
                try:
                    kind = Record(number)
                except ValueError:
                    self.damaged = True
                    return
                self.valid_bytes = end
                yield kind, payload


class Journal:
    """The journal of one writer, open for appending.

    Args:
        path: The file; it exists and is a journal.
        valid_bytes: Length in bytes of its good part; what follows is cut off.

    Raises:
        OSError: It cannot be opened for writing.
    """

    def __init__(self, path: Path, valid_bytes: int) -> None:
        self.path = path
        self._good_bytes = valid_bytes
        # O_APPEND puts each write at the end whatever else happened; no descriptor goes to child processes.
        self._handle = os.open(path, os.O_RDWR | os.O_APPEND | getattr(os, "O_CLOEXEC", 0))
        self._torn = True
        try:
            self._cut()
        except BaseException:
            os.close(self._handle)
            raise

    @classmethod
    def create(cls, path: Path, records: Iterable[bytes]) -> Journal:
        """Make a journal that holds some records from the start, whole or not at all.

        Args:
            path: Where; a file that is there is replaced.
            records: What `encode` returned.

        Returns:
            The journal, open.

        Raises:
            OSError: It cannot be written.
        """
        with replacing(path) as temporary, temporary.open("wb") as file:
            file.write(_START.pack(MAGIC, VERSION))
            for record in records:
                file.write(record)
            size = file.tell()
        return cls(path, size)

    @property
    def good_bytes(self) -> int:
        """Length in bytes of what is recorded."""
        return self._good_bytes

    def append(self, data: bytes) -> None:
        """Append whole records; either all of them are in the file afterwards or none.

        Args:
            data: One or more results of `encode`, joined.

        Raises:
            OSError: They could not be written. The file ends where it ended before, or, when even cutting
                fails, in a torn record that readers pass over and the next call cuts off.
        """
        self._cut()
        view = memoryview(data)
        self._torn = True
        try:
            while view:
                written = os.write(self._handle, view)
                if written <= 0:
                    raise OSError("the system took no bytes")
                view = view[written:]
        except OSError:
            with suppress(OSError):
                self._cut()
            raise
        self._torn = False
        self._good_bytes += len(data)

    def _cut(self) -> None:
        """Cut a torn end off, if there may be one."""
        if self._torn:
            os.ftruncate(self._handle, self._good_bytes)
            self._torn = False

    def sync(self) -> None:
        """Bring the records to the disk, so that they outlive a power cut.

        Raises:
            OSError: The system refuses.
        """
        os.fsync(self._handle)

    def is_in_place(self) -> bool:
        """Say whether the path still leads to this very file."""
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self._handle))
        except OSError:
            return False

    def close(self) -> None:
        """Let go of the file; more than once is harmless."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
