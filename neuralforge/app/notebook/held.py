"""What a run in a cell has, whoever makes its steps."""

from __future__ import annotations

import asyncio
import math
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Final, get_args

from neuralforge.app.notebook.arguments import NoAttribute, whole_number
from neuralforge.app.notebook.events import Events
from neuralforge.app.notebook.inline import Card, html_of
from neuralforge.app.notebook.knobs import Knobs
from neuralforge.app.notebook.metrics import Metrics
from neuralforge.app.notebook.picture import Picture, temporary_file
from neuralforge.app.notebook.station import Station
from neuralforge.app.picturefile import picture_file
from neuralforge.app.steeredrun import SteeredRun
from neuralforge.errors import UserError
from neuralforge.runs.reader import RunReader
from neuralforge.ui.numbers import count, number
from neuralforge.workbench.knobs import KnobValue
from neuralforge.workbench.requests import ControlAction, Request, Ticket
from neuralforge.workbench.status import RunState
from neuralforge.workbench.view import KnobsView

LOOK_SECS: Final = 0.005


class Held(ABC):
    """A run and its window, as a cell holds them.

    Args:
        station: The application.
    """

    def __init__(self, station: Station) -> None:
        self._station = station
        self._desktop = station.desktop
        self._asked: list[Ticket] = []
        self._knobs = Knobs(self._knobs_view, self._turn)

    _nothing_trains: ClassVar[str] = "Nothing is training; call run() first."
    _called: ClassVar[str] = "h"

    @property
    @abstractmethod
    def _run(self) -> SteeredRun | None:
        """The run; None as long as there is none."""

    @abstractmethod
    def _knobs_view(self) -> KnobsView:
        """Return what can be turned."""

    @abstractmethod
    def _turn(self, key: str, value: KnobValue) -> None:
        """Turn a knob."""

    @property
    def is_open(self) -> bool:
        """Whether the window is open; without a display, whether it was not closed."""
        return self._station.is_open

    @property
    def knobs(self) -> Knobs:
        """The knobs, of the run or of the one that is next: `knobs.lr = 3e-4`."""
        return self._knobs

    @property
    def state(self) -> RunState | None:
        """State of the run; None before there is one."""
        run = self._run
        return run.run.session.state if run is not None else None

    @property
    def steps(self) -> int:
        """Steps that were made."""
        run = self._run
        return run.run.session.step if run is not None else 0

    @property
    def metrics(self) -> Metrics:
        """The numbers of the run so far, as arrays: `metrics["train/loss"].values`, or `metrics.frame()`."""
        run = self._run
        if run is None:
            return Metrics({})
        self._take_in()
        return Metrics.of(run.feed.book)

    def _take_in(self) -> None:
        """Take in what the run has written so far."""
        if self._run is not None:
            self._run.tick()

    @property
    def events(self) -> Events:
        """What was changed and what happened so far, oldest first: a tuple of `Event`."""
        run = self._run
        return Events(run.events() if run is not None else ())

    @property
    def run_log(self) -> RunReader:
        """The log of the run, read from its files; what is newer than a second may not be there yet.

        Raises:
            UserError: When there is no run yet.
        """
        run = self._run
        if run is None:
            raise UserError("The run is being started." if self.state else "There is no run yet, so there is no log.")
        return RunReader(run.run.folder)

    def pause(self) -> None:
        """Pause at the next boundary.

        Raises:
            UserError: When nothing is training.
        """
        self._control("pause")

    def stop(self) -> None:
        """End the run at the next boundary.

        Raises:
            UserError: When nothing is training.
        """
        self._control("stop")

    def close(self) -> None:
        """Close the window."""
        self._station.close()

    def screenshot(self, path: str | Path | None = None) -> Picture:
        """Take a picture of the window as it is now, which a cell shows.

        Without a display it is drawn off screen.

        Args:
            path: PNG file to write, in a folder that is made where it is missing; None keeps none.

        Raises:
            UserError: When there are no pixels here, or it is no PNG file that can be written.
        """
        file = picture_file(path) if path is not None else temporary_file()
        try:
            return Picture.read(self._station.picture(file), keep=path is not None)
        finally:
            if path is None:
                shutil.rmtree(file.parent, ignore_errors=True)

    def _raise_error_of_window(self) -> None:
        """Raise what has ended the window, once."""
        error, self._station.error = self._station.error, None
        if error is not None:
            raise RuntimeError(f"The window has ended: {type(error).__name__}: {error}") from error

    def __setattr__(self, key: str, value: Any) -> None:
        if not key.startswith("_"):
            raise NoAttribute(self._why_not_set(key))
        super().__setattr__(key, value)

    def _why_not_set(self, key: str) -> str:
        """Return why an attribute cannot be written, with what to write instead where it is the name of a knob."""
        view = KnobsView()
        with suppress(UserError):  # there is no network yet
            view = self._knobs_view()
        if key in view.values or key in view.absent:
            return f"{key} is a knob: write {self._called}.knobs.{key} = ..."
        if hasattr(type(self), key):
            return f"{self._called}.{key} cannot be written."
        return f"There is no {key!r:.80} to write. Knobs are {', '.join(view.values) or 'not there yet'}."

    @staticmethod
    def _check_goal(state: str | None, **goals: object) -> None:
        for name, goal in goals.items():
            if goal is not None:
                whole_number(name, goal)
        if state is not None and state not in get_args(RunState):
            raise UserError(f"state is one of {', '.join(get_args(RunState))}. Received: {state!r:.80}")

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            await asyncio.sleep(LOOK_SECS)

    def _control(self, action: ControlAction, steps: int | None = None) -> None:
        self._ask(Request(action=action, steps=steps, actor="script", widget="notebook"))

    def _ask(self, request: Request) -> None:
        run = self._run
        if run is None or run.ended:
            raise UserError(self._nothing_trains)
        self._asked.append(run.ask(request))

    def _is_asking(self) -> bool:
        """Return whether something that was asked for is not decided yet; the state is one of before, then."""
        self._asked = [ticket for ticket in self._asked if ticket.status == "queued" and not ticket.request.at_step]
        return bool(self._asked)

    def _repr_html_(self) -> str:
        return html_of(self._card())

    def __repr__(self) -> str:
        card = self._card()
        return " | ".join((card.title, *card.facts, *((card.trouble,) if card.trouble else ())))

    @property
    def _name(self) -> str:
        """What is opened, before there is a run."""
        return self._desktop.documents.editor.document.name

    def _card(self) -> Card:
        run = self._run
        if run is None:
            name = self._name
            return Card(title=name, facts=("open" if self.is_open else "closed", "not trained yet"))
        self._take_in()
        view = run.view(False)
        progress = view.progress
        last = {name: value for name, value in Metrics.of(view.series).last.items() if not name.startswith("knob/")}
        of = f" of {count(progress.total_steps)}" if progress.total_steps else ""
        facts = [
            "between loops" if view.between_loops else progress.state,
            f"step {count(progress.step)}{of}",
            *(f"{name} {number(value)}" for name, value in last.items() if math.isfinite(value)),
            f"run {view.run_id}",
            *(() if self.is_open else ("closed",)),
        ]
        return Card(
            title=view.name,
            facts=tuple(facts),
            book=view.series,
            events=view.events,
            trouble=view.trouble or "",
        )
