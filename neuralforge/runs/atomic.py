"""Files that appear whole or not at all: temporary file beside, fsync, rename, fsync of the folder."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_SUFFIX = ".tmp"


def fsync_file(path: Path) -> None:
    """Bring the content of a file to the disk.

    Args:
        path: An existing file.

    Raises:
        OSError: The system refuses.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fsync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, so that a rename outlives a power cut.

    Args:
        folder: An existing folder.

    Raises:
        OSError: The system refuses.
    """
    # Only POSIX systems can open a folder; elsewhere the rename itself is all there is.
    if os.name == "posix":
        fsync_file(folder)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file so that readers see the old content or the new, never a part.

    Args:
        path: The file to be made or replaced.

    Yields:
        A temporary path in the same folder. When the block ends well, what lies there takes the place of
        `path` and both file and folder are on the disk; when it raises, the temporary file is removed.

    Raises:
        OSError: The file cannot be written; `path` is as it was.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{_SUFFIX}")
    try:
        yield temporary
        fsync_file(temporary)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    fsync_folder(path.parent)


def write_atomic(path: Path, data: bytes) -> None:
    """Write bytes so that the file holds all of them, or what it held before.

    Args:
        path: The file to be made or replaced.
        data: Its whole content.

    Raises:
        OSError: The file cannot be written; `path` is as it was.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def sweep_temporaries(folder: Path) -> None:
    """Remove what interrupted writers left in a folder; only for the one who holds the run's lock.

    Args:
        folder: The folder of a run.
    """
    for leftover in folder.glob(f".*{_SUFFIX}"):
        with suppress(OSError):
            leftover.unlink()
