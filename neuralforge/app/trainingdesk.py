"""Training behind the window: the configuration of the next run, the run in the panels, and the runs on the disk.

One thing at a time: starting, resuming, opening, closing and deleting wait for each other, so that there are never two
runs that train.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralforge.app.beside import Beside
from neuralforge.app.console import Console
from neuralforge.app.drivers import FrameClock, Mode
from neuralforge.app.errands import list_runs
from neuralforge.app.rundesk import LiveRun, OpenedRun, begin, go_on, read_run
from neuralforge.errors import UserError
from neuralforge.graph.datainfo import Task
from neuralforge.workbench import commands as do
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.editor import Editor
from neuralforge.workbench.knobs import KnobBoard, Refused
from neuralforge.workbench.requests import Request
from neuralforge.workbench.view import KnobsView, RunsView

if TYPE_CHECKING:
    from neuralforge.train.launch import Plan


class TrainingDesk:
    """The run in the panels, and how the next one is to be trained.

    Args:
        runs_dir: Folder of all runs.
        clock: Tells the trainer when frames are due.
        mode: How the trainer is pumped.
        console: Where to tell of what happened.
        beside: For what takes longer than a frame.

    Attributes:
        config: How the next run is to be trained.
        run: The run in the panels.
        runs: The runs on the disk; None until they were asked for.
    """

    def __init__(self, runs_dir: Path, clock: FrameClock, mode: Mode, console: Console, beside: Beside) -> None:
        self.config = TrainConfig()
        self.run: LiveRun | OpenedRun | None = None
        self.runs: RunsView | None = None
        self._runs_dir = runs_dir
        self._clock = clock
        self._mode = mode
        self._console = console
        self._beside = beside
        self._alone = asyncio.Lock()
        self._reading = 0
        self._known: dict[Path, Any] = {}
        self._knobs = KnobsView()
        self._knobs_for: tuple[object, ...] | None = None

    @property
    def live(self) -> LiveRun | None:
        """The run, if this window trains it or has trained it just now."""
        return self.run if isinstance(self.run, LiveRun) else None

    @property
    def training(self) -> LiveRun | None:
        """The run, if it is not over."""
        live = self.live
        return live if live is not None and not live.ended else None

    # The configuration and the knobs

    def configure(self, changes: Mapping[str, Any]) -> None:
        """Change how the next run is to be trained.

        Raises:
            UserError: When a value does not fit; nothing is changed then.
        """
        values = {key: tuple(v) if isinstance(v, list) else v for key, v in self.config.to_json().items()}
        if changes.get("steps") is not None:
            values["epochs"] = None
        if changes.get("epochs") is not None:
            values["steps"] = None
        if "optimizer" in changes and "lr" not in changes:
            values["lr"] = None  # the usual one of the new optimizer
        self.config = TrainConfig(**{**values, **dict(changes)})

    def knobs(self, editor: Editor, task: Task | None) -> KnobsView:
        """Return what can be turned: of the live run, or else of the run that Train would start."""
        live = self.training
        if live is not None:
            return live.knobs()
        key = (editor.document.graph, self.config, task)
        if self._knobs_for is None or any(a is not b for a, b in zip(key, self._knobs_for, strict=True)):
            self._knobs_for = key
            self._knobs = self._board(editor, task)
        return self._knobs

    def _board(self, editor: Editor, task: Task | None) -> KnobsView:
        if editor.inference.issues or not editor.document.graph.nodes:
            return KnobsView()  # a network that cannot be trained has no knobs yet
        usual = "cross_entropy" if task in (None, "classification", "segmentation") else "mse"
        loss = usual if self.config.loss == "auto" else self.config.loss
        try:
            board = KnobBoard.for_run(self.config, loss, editor.document.graph, editor.inference)
        except Refused:  # all of it is frozen, say; Train tells
            return KnobsView()
        values = dict(board.values)
        return KnobsView(knobs=tuple(board.knobs.values()), values=values, in_force=values, absent=board.absent)

    # The live run

    def turn(self, turn: do.Turn) -> bool:
        """Ask the live run for another value of a knob; return False where there is none to ask."""
        live = self.training
        if live is not None:
            live.turn(turn.key, turn.value, turn.gesture, turn.widget)
        return live is not None

    def control(self, request: Request) -> None:
        """Ask the live run to go on, pause, stop, save or go further.

        Raises:
            UserError: When there is none, or it refuses.
        """
        live = self.training
        if live is None:
            raise UserError("Nothing is training; press Train first.")
        live.ask(request)

    def try_out(self, command: do.TrySample | do.TryDrawing) -> None:
        """Ask for a prediction.

        Raises:
            UserError: When there is no network here to ask, or the question does not fit it.
        """
        live = self.live
        if live is None or live.run.watch is None:
            raise UserError("There is no trained network here to try; train one first.")
        from neuralforge.train.glimpse import Drawn, SampleOf

        if isinstance(command, do.TrySample):
            live.run.watch.ask(SampleOf(command.split, command.sample))
        else:
            live.run.watch.ask(Drawn(command.image))

    def look(self, wants: frozenset[str], selection: frozenset[str]) -> None:
        """Tell the trainer what can be seen, so that only that is measured.

        Args:
            wants: What is to be looked at, see `neuralforge.train.watch`.
            selection: The selected nodes.
        """
        live = self.live
        watch = live.run.watch if live is not None else None
        if live is None or watch is None:
            return
        if wants != watch.wants:
            watch.wants = wants
        node = next(iter(selection)) if len(selection) == 1 else None
        if node is not None and node != watch.node and node in live.document.graph.nodes:
            watch.node = node

    # Starting and ending

    async def start(self, plan: Plan | Callable[[], Awaitable[Plan]], *, requests: tuple[Request, ...] = ()) -> None:
        """Start a run; one that is live is stopped first, but only when the new one can be started.

        Args:
            plan: The plan, or what makes it once it is this run's turn.
            requests: Changes at later steps.

        Raises:
            UserError: When the plan does not work out.
        """
        async with self._alone:
            await self._start(await plan() if callable(plan) else plan, requests)

    async def _start(self, plan: Plan, requests: tuple[Request, ...] = (), paused: bool = False) -> None:
        from neuralforge.train import launch

        await asyncio.to_thread(launch.check, plan)
        await self._end(stop=True)
        live = await begin(plan, self._clock, self._ended, requests=requests, paused=paused, mode=self._mode)
        self.run = live
        self._console.say(f"Run {live.run.log.run_id} is recorded in {live.run.folder}", notice=False)

    async def reset(self) -> None:
        """End the run, and make a new one from the same plan and seed, which waits.

        Raises:
            UserError: When the run was not started in this window.
        """
        async with self._alone:
            live = self.live
            if live is None or live.run.plan is None:
                raise UserError("Only a run that was started in this window can be reset; train a new one.")
            await self._start(live.run.plan, paused=True)

    async def resume(self, folder: Path, steps: int | None) -> LiveRun:
        """Go on with a run from its files.

        Raises:
            UserError: When that cannot be done, or another run is training.
        """
        async with self._alone:
            self._refuse_while_training("gone on with")
            self.run = live = await go_on(folder, self._clock, self._ended, steps=steps)
            return live

    async def open(self, folder: Path) -> OpenedRun:
        """Show a run from its files.

        Raises:
            UserError: When it cannot be read, or another run is training.
        """
        async with self._alone:
            self._refuse_while_training("opened")
            self.run = opened = await asyncio.to_thread(read_run, folder)
            return opened

    async def close(self) -> None:
        """Take the run out of the panels; a live one is stopped first."""
        async with self._alone:
            await self._end(stop=True)
            self.run = None

    async def delete(self, run_id: str) -> None:
        """Delete a run with its checkpoints.

        Raises:
            UserError: When it is training, or there is no such run.
        """
        from neuralforge.runs.store import RunStore

        async with self._alone:
            if self.run is not None and self.run.view(False).run_id == run_id:
                if self.training is not None:
                    raise UserError(f"Run {run_id} is training; stop it before it is deleted.")
                self.run = None  # before its files go
            folder = await asyncio.to_thread(RunStore(self._runs_dir).delete, run_id)
        self._console.say(f"Deleted: {folder}")
        await self.read_runs()

    async def read_runs(self) -> None:
        """Read the list of runs."""
        self._reading += 1
        number = self._reading
        runs = await asyncio.to_thread(list_runs, self._runs_dir, self._known)
        if number == self._reading:  # one that was begun later knows better, whichever is there first
            self.runs = runs

    async def end(self) -> None:
        """Pause a run that trains, so that it can be gone on with."""
        await self._end(stop=False)

    async def _end(self, *, stop: bool) -> None:
        live = self.live
        if live is not None:
            trouble = await live.end(stop=stop)
            if trouble:
                self._console.say(trouble, "error")

    def _refuse_while_training(self, what: str) -> None:
        if self.training is not None:
            raise UserError(f"A run is training; stop it before another is {what}.")

    def _ended(self, live: LiveRun) -> None:
        session = live.run.session
        if session.state == "failed" or live.fault is not None:
            self._console.say(session.trouble or f"The run has failed: {live.fault}", "error")
        elif session.ended:
            how = {"completed": "is finished", "stopped": "was stopped"}.get(session.state, session.state)
            text = f"{live.document.name} {how} after {session.step:,} steps."
            self._console.say(*((f"{text} {session.trouble}", "error") if session.trouble else (text,)))
        if self.runs is not None:
            self._beside.start(self.read_runs())
