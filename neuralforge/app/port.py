"""What the application needs of a window."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from neuralforge.workbench.commands import Command


class Port(Protocol):
    """A window, as the application behind it knows it."""

    def close(self) -> None:
        """Close the window after this frame."""

    def shoot(self, path: Path) -> None:
        """Write a picture of the window."""

    def to_clipboard(self, text: str) -> None:
        """Put a text into the system's clipboard."""

    def ask_for_file(self, then: Command) -> None:
        """Ask for a file to save the document to; `then` follows when it is saved."""

    def pace(self) -> tuple[float, float]:
        """Return frames a second, and the seconds that one takes."""


class NoWindow:
    """In place of a window where there is none."""

    def close(self) -> None:
        """Do nothing."""

    def shoot(self, path: Path) -> None:
        """Do nothing."""

    def to_clipboard(self, text: str) -> None:
        """Do nothing."""

    def ask_for_file(self, then: Command) -> None:
        """Do nothing."""

    def pace(self) -> tuple[float, float]:
        """Return zeros."""
        return 0.0, 0.0
