"""What the window may ask for. Panels, menus, shortcuts and scripts post these; the application carries them out.

A command is a value: it can be compared in tests, put on a button, and kept until a question is answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from neuralforge.graph.document import Document, Position
from neuralforge.graph.edits import Edit
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.knobs import KnobValue


class Command:
    """Something to be done after this frame."""

    __slots__ = ()


# The document


@dataclass(frozen=True, slots=True)
class Apply(Command):
    """Change the document; edits of one gesture (a drag) with the same merge key are one undo."""

    edit: Edit
    gesture: str | None = None


@dataclass(frozen=True, slots=True)
class Undo(Command):
    """Take back the last change: of the document, a knob, the configuration or the choice of data."""


@dataclass(frozen=True, slots=True)
class Redo(Command):
    """Do again what was taken back."""


@dataclass(frozen=True, slots=True)
class GoTo(Command):
    """Go to a place in the history: so many steps done."""

    position: int


@dataclass(frozen=True, slots=True)
class Select(Command):
    """Select nodes."""

    nodes: frozenset[str]
    mode: Literal["set", "add", "toggle", "remove"] = "set"


@dataclass(frozen=True, slots=True)
class SelectAll(Command):
    """Select all nodes."""


@dataclass(frozen=True, slots=True)
class Copy(Command):
    """Copy the selected nodes to the clipboard, and remove them when `cut`."""

    cut: bool = False


@dataclass(frozen=True, slots=True)
class PasteText(Command):
    """Paste nodes from the clipboard's text, their upper left corner at a canvas position."""

    text: str
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Duplicate(Command):
    """Duplicate the selected nodes."""


@dataclass(frozen=True, slots=True)
class DeleteSelection(Command):
    """Remove the selected nodes; with `heal`, wires close the gap."""

    heal: bool = False


@dataclass(frozen=True, slots=True)
class Arrange(Command):
    """Lay the nodes out anew."""


@dataclass(frozen=True, slots=True)
class NewDocument(Command):
    """Start with an empty canvas; asks first when the document is not saved."""


@dataclass(frozen=True, slots=True)
class ShowDocument(Command):
    """Open a document that code has made; asks first when the one before is not saved."""

    document: Document


@dataclass(frozen=True, slots=True)
class OpenPath(Command):
    """Open a document or a run's folder; asks first when the document is not saved."""

    path: Path


@dataclass(frozen=True, slots=True)
class Save(Command):
    """Save the document, without a path where it lies already; `then` follows only when it is saved."""

    path: Path | None = None
    then: Command | None = None


@dataclass(frozen=True, slots=True)
class SaveThen(Command):
    """Save the document, asking for a file where it has none, and only then carry out another command."""

    command: Command


@dataclass(frozen=True, slots=True)
class Start(Command):
    """Open a starting point; asks first when the document is not saved.

    Args:
        template: Key of the template.
        data: Data set to bind to; "" for the template by itself.
        options: Options of the data set, as text.
        settings: Fields of the configuration.
        train: Whether to train as soon as the data is there.
    """

    template: str
    data: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    train: bool = False


@dataclass(frozen=True, slots=True)
class Forced(Command):
    """Carry out a command without asking about unsaved changes."""

    command: Command


@dataclass(frozen=True, slots=True)
class Recover(Command):
    """Open a document that a crash left behind, or throw it away."""

    file: Path
    discard: bool = False


@dataclass(frozen=True, slots=True)
class ShowWelcome(Command):
    """Show or leave the welcome screen."""

    show: bool = True


# Data and training


@dataclass(frozen=True, slots=True)
class UseData(Command):
    """Load a data set; "" leaves the chosen one."""

    text: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FitToData(Command):
    """Change the ends of the network so that it takes the data: input shape, width of the last layer."""


@dataclass(frozen=True, slots=True)
class Configure(Command):
    """Change how the next run is to be trained; changes of one gesture (a drag) are one undo."""

    changes: Mapping[str, Any]
    gesture: str | None = None


@dataclass(frozen=True, slots=True)
class UseConfig(Command):
    """Train the next run just so."""

    config: TrainConfig


@dataclass(frozen=True, slots=True)
class Train(Command):
    """Start a new run of the open document on the chosen data; a live run is stopped first."""


@dataclass(frozen=True, slots=True)
class Turn(Command):
    """Turn a knob: a request to the live run, else a change of what Train will start with.

    Args:
        key: The knob.
        value: Its new value.
        gesture: Shared by all values of one drag.
        widget: Which control it came from.
    """

    key: str
    value: KnobValue
    gesture: str | None = None
    widget: str | None = None


@dataclass(frozen=True, slots=True)
class Control(Command):
    """Go on, pause, stop or save; `steps` with "run" pauses after so many, with "extend" is the new total."""

    action: Literal["run", "pause", "stop", "save", "extend"]
    steps: int | None = None


@dataclass(frozen=True, slots=True)
class Reset(Command):
    """End the run, and make a new one from the same plan and seed, which waits for Run."""


@dataclass(frozen=True, slots=True)
class RevertToRun(Command):
    """Put the network of the run back onto the canvas."""


@dataclass(frozen=True, slots=True)
class LookAtModule(Command):
    """Look at a module of a network that was not drawn here.

    Args:
        path: Its path in the model; "" for the model itself.
    """

    path: str


@dataclass(frozen=True, slots=True)
class TrySample(Command):
    """Predict a sample of a split."""

    sample: int
    split: Literal["train", "validation", "test"] = "validation"


@dataclass(frozen=True, slots=True, eq=False)
class TryDrawing(Command):
    """Predict what was drawn: [C, H, W] from 0 to 1."""

    image: Any


# Runs


@dataclass(frozen=True, slots=True)
class OpenRun(Command):
    """Show a run in the panels."""

    folder: Path


@dataclass(frozen=True, slots=True)
class CloseRun(Command):
    """Take the run out of the panels; a live one is stopped first."""


@dataclass(frozen=True, slots=True)
class ResumeRun(Command):
    """Go on with a run from its files."""

    folder: Path
    steps: int | None = None


@dataclass(frozen=True, slots=True)
class DeleteRun(Command):
    """Delete a run with its checkpoints; whoever posts it has asked."""

    run_id: str


@dataclass(frozen=True, slots=True)
class RefreshRuns(Command):
    """Read the list of runs again."""


# The window


@dataclass(frozen=True, slots=True)
class ChangeSettings(Command):
    """Change the user's settings."""

    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer(Command):
    """Answer the question: which of its choices, from 0."""

    choice: int


@dataclass(frozen=True, slots=True)
class Watch(Command):
    """Say which panels can be seen, so that only what is seen is measured and made.

    Args:
        panels: Keys of the panels that were drawn in this frame.
        wants: What these panels need to be looked at in a run: "gradients", "node", "maps", "boundary", "prediction".
    """

    panels: frozenset[str]
    wants: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Tell(Command):
    """Write a line into the console, and show it for a moment."""

    text: str
    level: Literal["info", "warning", "error"] = "info"


@dataclass(frozen=True, slots=True)
class Screenshot(Command):
    """Write a picture of the window to a file."""

    path: Path


@dataclass(frozen=True, slots=True)
class Quit(Command):
    """Close the window; asks first when something would be lost."""
