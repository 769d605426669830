"""Looks into the network of a run that was opened from its files, as a trainer lets one look into a live run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from neuralforge.app.beside import Beside
from neuralforge.app.console import Console
from neuralforge.errors import UserError
from neuralforge.workbench import commands as do
from neuralforge.workbench.view import DataView

if TYPE_CHECKING:
    from neuralforge.train.glimpse import Drawn, SampleOf
    from neuralforge.train.specimen import Specimen
    from neuralforge.train.watch import Watch

GAP_SECS: Final = 0.1
"""Between looks at a network that does not train."""
_MOST_AT_ONCE: Final = 8
"""Looks taken in one go; there are fewer kinds."""


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a looker needs of the application.

    Args:
        engine: Waits until torch is loaded.
        beside: For what takes longer than a frame.
        console: Where refusals are told.
    """

    engine: Callable[[], Awaitable[None]]
    beside: Beside
    console: Console


class Looker:
    """Builds the network of a run when it is first to be looked at, and looks at it in a thread.

    Args:
        folder: Folder of the run.
        means: What it needs of the application.

    Attributes:
        problem: Why there is nothing to look at; "" while there may be.
        data: The data that the run was trained on, split as it was; None until the network is there.
    """

    def __init__(self, folder: Path, means: Means) -> None:
        self.problem = ""
        self.data: DataView | None = None
        self._folder = folder
        self._means = means
        self._specimen: Specimen | None = None
        self._question: do.TrySample | do.TryDrawing | None = None
        self._task: asyncio.Task[None] | None = None
        self._making: asyncio.Future[tuple[Specimen, DataView]] | None = None
        self._looking: asyncio.Future[None] | None = None
        self._due_secs = 0.0
        self._told = ""
        self._is_halted = False
        self._loop = asyncio.get_running_loop()

    @property
    def watch(self) -> Watch | None:
        """What was seen; None until the network is there."""
        return self._specimen.watch if self._specimen is not None else None

    def look(self, wants: frozenset[str], node: str | None) -> None:
        """Take the looks that are wanted, if they were not taken; once a frame, and almost free when all were.

        Args:
            wants: What is to be looked at, see `neuralforge.train.watch`.
            node: The selected node, if the network has it.
        """
        specimen = self._specimen
        if specimen is None:
            if wants:
                self._begin()
            return
        watch = specimen.watch
        if wants != watch.wants:
            watch.wants = wants
        if node is not None and node != watch.node:
            watch.node = node
        now_secs = time.monotonic()
        if self._is_halted or now_secs < self._due_secs or not (self._looking is None or self._looking.done()):
            return
        if watch.trouble is not None and watch.trouble != self._told:
            self._told = watch.trouble
            self._means.console.say(watch.trouble, "warning")
        if watch.is_due(specimen.step):
            self._due_secs = now_secs + GAP_SECS
            self._looking = self._loop.run_in_executor(None, self._take_looks, specimen)

    def try_out(self, command: do.TrySample | do.TryDrawing) -> None:
        """Ask for a prediction; where the network is not there yet, the last question is put to it when it is.

        Raises:
            UserError: When there is no network to ask, or the question does not fit it.
        """
        if self.problem:
            raise UserError(self.problem)
        if self._specimen is None:
            self._question = command
            self._begin()
        else:
            self._specimen.watch.ask(job_of(command))

    async def halt(self) -> None:
        """Wait until no thread reads the run or builds its network, and begin no other one until `go_on`."""
        self._is_halted = True
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        busy = [future for future in (task, self._making, self._looking) if future is not None]
        await asyncio.gather(*busy, return_exceptions=True)
        self._making = self._looking = None

    def go_on(self) -> None:
        """Let looks be taken again after `halt`."""
        self._is_halted = False

    def _begin(self) -> None:
        if self._task is None and not self.problem and not self._is_halted:
            self._loop.call_soon_threadsafe(self._start)

    def _start(self) -> None:
        if self._task is None and not self._is_halted:
            self._task = self._means.beside.start(self._make(), "Loading the network of the run")

    async def _make(self) -> None:
        await self._means.engine()
        self._making = self._loop.run_in_executor(None, _open, self._folder)
        try:
            specimen, self.data = await asyncio.shield(self._making)
        except UserError as error:  # the panels say it where the looks would be
            self.problem = str(error)
            return
        except Exception as error:
            self.problem = f"The network of this run cannot be loaded: {type(error).__name__}: {str(error)[:300]}"
            raise
        self._specimen = specimen
        if self._question is not None:
            try:
                specimen.watch.ask(job_of(self._question))
            except UserError as error:
                self._means.console.say(str(error), "error")

    def _take_looks(self, specimen: Specimen) -> None:
        for _ in range(_MOST_AT_ONCE):
            if self._is_halted or not specimen.watch.is_due(specimen.step):
                return
            specimen.watch.service(specimen)


def job_of(command: do.TrySample | do.TryDrawing) -> SampleOf | Drawn:
    """Return what a command asks of the network; torch must be loaded."""
    from neuralforge.train.glimpse import Drawn, SampleOf

    if isinstance(command, do.TrySample):
        return SampleOf(command.split, command.sample)
    return Drawn(command.image)


def _open(folder: Path) -> tuple[Specimen, DataView]:
    """Build the network of a run, and describe its data with the splits that it was trained on."""
    from neuralforge.app.preview import describe
    from neuralforge.train.specimen import open_specimen

    specimen = open_specimen(folder)
    engine, source = specimen.engine, specimen.data
    shown = describe(specimen.raw, source.text, dict(source.options), engine.config)
    splits = engine.prepared.splits
    counts = {"train": len(splits.train), "validation": len(splits.validation), "test": len(splits.test)}
    return specimen, replace(shown, splits=counts, reference=(source.text, dict(source.options)))
