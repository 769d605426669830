"""The disk as HDF5 sees it: never full. HDF5 can crash the process when a write fails; failures stop here."""

from __future__ import annotations

import os
from pathlib import Path


class SteadyFile:
    """A file for `h5py.File` whose writes never fail to HDF5: the first failure is kept for the caller.

    From that failure on nothing goes to the disk; what HDF5 writes is kept in memory, so that it reads back
    what it wrote until the caller closes it.

    Args:
        path: The file.
        is_new: Make it, empty; else it must exist.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, path: Path, *, is_new: bool) -> None:
        flags = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        self._handle = os.open(path, flags | (os.O_CREAT | os.O_TRUNC if is_new else 0), 0o666)
        self._size = os.fstat(self._handle).st_size
        self._position = 0
        self._kept: list[tuple[int, bytes]] = []
        self.error: OSError | None = None
        """The first failure, or None."""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to an offset in bytes, from the start or (`os.SEEK_END`) the end; return where that is."""
        self._position = offset + (self._size if whence == os.SEEK_END else 0)
        return self._position

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def read(self, size: int) -> bytes:
        """Return the next bytes, fewer at the end."""
        data = bytearray(size)
        return bytes(data[: self.readinto(memoryview(data))])

    def readinto(self, target: memoryview) -> int:
        """Fill a buffer with the next bytes; return how many there were."""
        start, size = self._position, len(target)
        data = os.pread(self._handle, size, start)
        target[: len(data)] = data
        end = start + len(data)
        for offset, kept in self._kept:
            first, last = max(offset, start), min(offset + len(kept), start + size)
            if first < last:
                target[first - start : last - start] = kept[first - offset : last - offset]
                end = max(end, last)
        self._position = end
        return end - start

    def write(self, data: memoryview) -> int:
        """Write bytes, to the disk or, after a failure, into memory; return how many there are."""
        size, done = len(data), 0
        try:
            while self.error is None and done < size:
                done += os.pwrite(self._handle, data[done:], self._position + done)
        except OSError as error:
            self.error = error
        if done < size:
            self._kept.append((self._position + done, bytes(data[done:])))
        self._position += size
        self._size = max(self._size, self._position)
        return size

    def truncate(self, size: int) -> int:
        """Set the length in bytes; return it."""
        try:
            if self.error is None:
                os.ftruncate(self._handle, size)
        except OSError as error:
            self.error = error
        self._size = size
        return size

    def flush(self) -> None:
        """Nothing waits here: each write has gone to the system."""

    def raise_failure(self) -> None:
        """Raise the first failure, if there was one."""
        if self.error is not None:
            raise self.error

    def sync(self) -> None:
        """Bring the content to the disk.

        Raises:
            OSError: An earlier write failed, or this does.
        """
        self.raise_failure()
        os.fsync(self._handle)

    def close(self) -> None:
        """Let go of the file; more than once is harmless."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
