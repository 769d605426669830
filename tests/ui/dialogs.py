"""The dialogs of the window over a console, and what they are tried with: data, lines of the log, files."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from neuralforge.app.starts import bare
from neuralforge.ui.dialogs import Dialogs
from neuralforge.ui.local import Local
from neuralforge.ui.panels.console import ConsolePanel
from neuralforge.workbench.commands import Answer, Command
from neuralforge.workbench.view import DataChoice, Level, LogLine
from tests.ui.hands import view_of
from tests.ui.standin import StandIn, stage

DATA = (
    DataChoice(key="digits", title="Handwritten digits", summary="Small pictures."),
    DataChoice(key="csv", title="CSV file", summary="A table.", kind="file"),
    DataChoice(key="folder", title="Folder of images", summary="One folder a class.", kind="file"),
)


class DialogGui(StandIn):
    """The dialogs over a console, and nothing else."""

    def __init__(self) -> None:
        super().__init__(view_of(data_choices=DATA, starting_points=bare()), [ConsolePanel])
        self.dialogs = Dialogs(self.kit, lambda: False)

    def ask(self, command: Local) -> None:
        assert self.dialogs.take(command)

    def put(self, **parts: Any) -> None:
        self.view = replace(self.view, **parts)

    def draw_panels(self) -> None:
        self.panel.draw(self.view, self.post)
        self.dialogs.draw(self.view, self.post, "build")

    def do(self, command: Command) -> None:
        if isinstance(command, Answer):
            self.put(question=None)
        super().do(command)

    def before_exit(self) -> None:
        super().before_exit()
        self.dialogs.forget()


dialog_stage = stage(DialogGui)


def said(*texts: tuple[Level, str]) -> tuple[LogLine, ...]:
    """Return a log."""
    return tuple(
        LogLine(number=at, time_text="12:00:00", level=level, text=text) for at, (level, text) in enumerate(texts, 1)
    )


def made_folder() -> Path:
    """A folder with networks, data, a run, and names that nobody should give."""
    home = Path(tempfile.mkdtemp(prefix="neuralforge-files-"))
    for name in ("one.nf.json", "two.nf.json", "table.csv", "notes.txt", ".hidden.nf.json"):
        (home / name).write_text("{}")
    (home / "line\nbreak.nf.json").write_text("{}")
    (home / ("long" * 60 + ".nf.json")).write_text("{}")
    with open(os.path.join(os.fsencode(home), b"bytes\xff\xfe.nf.json"), "w") as file:
        file.write("{}")
    (home / "gone.nf.json").symlink_to(home / "nowhere")
    (home / "sub").mkdir()
    (home / "sub" / "three.nf.json").write_text("{}")
    (home / "a run").mkdir()
    (home / "a run" / "run.h5").write_text("")
    return home
