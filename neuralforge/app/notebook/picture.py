"""A picture of the window, as a cell shows it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path


class Picture:
    """A PNG.

    Args:
        data: Its bytes.
        path: Its file; None where it was not kept.
    """

    def __init__(self, data: bytes, path: Path | None = None) -> None:
        self.data = data
        self.path = path

    @classmethod
    def read(cls, path: Path, *, keep: bool) -> Picture:
        """Read a file that was just written, and remove it with its folder unless it is to be kept."""
        data = path.read_bytes()
        if not keep:
            shutil.rmtree(path.parent, ignore_errors=True)
        return cls(data, path if keep else None)

    def _repr_png_(self) -> bytes:
        return self.data

    def __repr__(self) -> str:
        return f"<picture of {len(self.data):,} bytes{f' in {self.path}' if self.path is not None else ''}>"


def temporary_file() -> Path:
    """Return a file in a folder of its own, for a picture that is not kept."""
    return Path(tempfile.mkdtemp(prefix="neuralforge-")) / "window.png"
