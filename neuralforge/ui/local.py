"""Commands that concern the window alone: the host or a panel carries them out; the application never sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from neuralforge.workbench.commands import Command


class Local(Command):
    """Something that the window does by itself."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class ChoosePath(Local):
    """Ask for a file: to open a document, to save it, or to choose data; what follows is posted when it is chosen.

    Args:
        purpose: What for.
        then: What follows once a document is saved.
    """

    purpose: Literal["open", "save", "data file", "data folder"]
    then: Command | None = None


@dataclass(frozen=True, slots=True)
class ShowCommands(Local):
    """Open the command palette."""


@dataclass(frozen=True, slots=True)
class SetArrangement(Local):
    """Go to an arrangement of the panels."""

    name: Literal["build", "train"]


@dataclass(frozen=True, slots=True)
class ResetArrangement(Local):
    """Put the panels of this arrangement back where they belong."""


@dataclass(frozen=True, slots=True)
class FocusPanel(Local):
    """Show a panel and bring it to the front."""

    key: str


@dataclass(frozen=True, slots=True)
class TogglePanel(Local):
    """Show or hide a panel."""

    key: str


@dataclass(frozen=True, slots=True)
class FitCanvas(Local):
    """Show the whole network, or the selection."""

    selection: bool = False


@dataclass(frozen=True, slots=True)
class InsertLayer(Local):
    """Open the search for a layer on the canvas, where the mouse is or in the middle."""


@dataclass(frozen=True, slots=True)
class FocusSearch(Local):
    """Put the keyboard into the search of the palette of layers."""


@dataclass(frozen=True, slots=True)
class RetryPanel(Local):
    """Draw a panel again that has failed."""

    key: str


@dataclass(frozen=True, slots=True)
class ShowEvent(Local):
    """Point at an event in the list of events, by its number in the run."""

    sequence: int


@dataclass(frozen=True, slots=True)
class ShowStep(Local):
    """Bring a step of the run into view in the curves."""

    step: int


@dataclass(frozen=True, slots=True)
class ShowShortcuts(Local):
    """Show which keys and gestures there are."""
