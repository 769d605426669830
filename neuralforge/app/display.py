"""The live display of a training in a terminal, and the table at its end."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Column, Table
from rich.text import Text

from neuralforge.app.output import number_text
from neuralforge.app.terminal import console
from neuralforge.train.session import TrainingSession
from neuralforge.workbench.status import Pulse

REFRESH_SECS = 0.1
PLAIN_SECS = 10.0
_BLOCKS = "▁▂▃▄▅▆▇█"


class _Rest(ProgressColumn):
    """Rate and time left."""

    def __init__(self) -> None:
        super().__init__(table_column=Column(no_wrap=True))

    def render(self, task: Task) -> Text:
        """Return the text for a moment."""
        rate = task.speed or 0.0
        text = f"{rate:,.0f} steps/s" if rate >= 10 else f"{rate:.2f} steps/s"
        left = (task.total - task.completed) / rate if rate and task.total else 0.0
        return Text(f"{text}, {_duration(left)} left" if left else text, style="dim")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds + 0.5), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


class Display:
    """Shows progress on standard error: live on a terminal, a line now and then elsewhere.

    Args:
        session: The session.
        folder: Folder of the run.
        notes: Decisions about the network that the user should know.
    """

    def __init__(self, session: TrainingSession, folder: Path, notes: Iterable[str] = ()) -> None:
        self._session = session
        self._folder = folder
        self._notes = tuple(notes)
        self._console = console(stderr=True)
        self._is_wide = self._console.width >= 100
        self._progress: Progress | None = None
        self._next_secs = 0.0
        self._losses: list[float] = []

    def __enter__(self) -> Display:
        session, engine = self._session, self._session.engine
        counts = "/".join(str(len(part)) for part in (engine.train, engine.validation, engine.test))
        count = sum(parameter.numel() for parameter in engine.model.parameters())
        self._console.print(
            f"{engine.document.name} on {engine.prepared.info.name}: "
            f"{count:,} parameters, {counts} samples (train/validation/test)\n"
            f"{engine.config.optimizer}, {engine.criterion.key}, {engine.device}, "
            f"{session.threads} thread{'s' if session.threads != 1 else ''}"
        )
        for note in self._notes:
            self._console.print(f"Note: {note}", soft_wrap=not self._console.is_terminal)
        self._console.print(f"Run: {self._folder}", soft_wrap=True)
        if self._console.is_terminal:
            whole = Column(no_wrap=True)
            self._progress = Progress(
                BarColumn(bar_width=16 if self._is_wide else 8),
                TextColumn("{task.completed}/{task.total}", table_column=whole),
                _Rest(),
                TextColumn("{task.fields[numbers]}", table_column=Column(no_wrap=True, overflow="ellipsis")),
                console=self._console,
                refresh_per_second=10,
            )
            self._progress.start()
            self._task = self._progress.add_task(
                "training", total=session.total_steps(), completed=session.step, numbers=""
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._show()
            self._progress.stop()

    def update(self, pulse: Pulse) -> None:
        """Take note of a pulse; shows something only now and then."""
        now_secs = time.monotonic()
        if now_secs < self._next_secs:
            return
        if self._progress is not None:
            self._next_secs = now_secs + REFRESH_SECS
            self._losses.append(pulse.loss)
            self._show()
        else:
            if self._next_secs:
                session = self._session
                print(f"step {session.step}/{session.total_steps()}: {self._numbers()}", file=sys.stderr, flush=True)
            self._next_secs = now_secs + PLAIN_SECS

    def _show(self) -> None:
        assert self._progress is not None
        session = self._session
        self._progress.update(
            self._task,
            completed=session.step,
            total=session.total_steps(),
            description=session.state,
            numbers=f"{self._numbers()}  {_sparkline(self._losses[-12:])}" if self._is_wide else self._numbers(),
        )

    def _numbers(self) -> str:
        session = self._session
        parts = [f"loss {number_text(session.progress().loss)}"]
        for name, value in session.progress().metrics.items():
            group, _, what = name.partition("/")
            if group == "validation" and what != "loss":
                parts.append(f"val {what if self._is_wide else what[:3]} {number_text(value)}")
        return "  ".join(parts)

    def table(self, steps: int, seconds: float) -> None:
        """Print the table at the end, on standard output.

        Args:
            steps: Updates that were made in this process.
            seconds: Time that they took.
        """
        session = self._session
        values = session.final_metrics()
        columns = sorted({name.partition("/")[2] for name in values}, key=lambda what: (what != "loss", what))
        out = console()
        table = Table("", *columns, box=None, pad_edge=False)
        for column in table.columns[1:]:
            column.justify = "right"
        for group in ("train", "validation", "test"):
            row = [values.get(f"{group}/{what}") for what in columns]
            if any(value is not None for value in row):
                table.add_row(group, *(number_text(value) if value is not None else "" for value in row))
        out.print(table)
        rate = f"{steps / seconds:,.1f} steps/s" if seconds else ""
        out.print(f"\n{session.state} after {session.step} steps ({seconds:.1f} s, {rate})")
        out.print(f"weights {session.weights_sha256}\nrun     {self._folder.name}", soft_wrap=True)


def _sparkline(values: list[float]) -> str:
    finite = [value for value in values if value == value and abs(value) != float("inf")]
    if len(finite) < 2 or max(finite) == min(finite):
        return ""
    low, span = min(finite), max(finite) - min(finite)
    return "".join(_BLOCKS[int(7 * (value - low) / span)] for value in finite)
