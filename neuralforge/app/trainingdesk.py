"""Training behind the window: the configuration of the next run, the run in the panels, and the runs on the disk.

One thing at a time: starting, resuming, opening, closing and deleting wait for each other, so that there are never two
runs that train.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralforge.app.beside import Beside
from neuralforge.app.console import Console
from neuralforge.app.drivers import FrameClock, Mode
from neuralforge.app.errands import list_runs
from neuralforge.app.looker import Looker, Means, job_of
from neuralforge.app.ownrun import OwnRun
from neuralforge.app.rundesk import LiveRun, OpenedRun, begin, go_on, read_run
from neuralforge.app.steeredrun import SteeredRun
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
    from neuralforge.train.own_module import OwnModule


class TrainingDesk:
    """The run in the panels, and how the next one is to be trained.

    Args:
        runs_dir: Folder of all runs.
        clock: Tells the trainer when frames are due.
        mode: How the trainer is pumped.
        console: Where to tell of what happened.
        beside: For what takes longer than a frame.
        engine: Waits until torch is loaded.

    Attributes:
        config: How the next run is to be trained.
        run: The run in the panels.
        runs: The runs on the disk; None until they were asked for.
    """

    def __init__(
        self,
        runs_dir: Path,
        clock: FrameClock,
        mode: Mode,
        console: Console,
        beside: Beside,
        engine: Callable[[], Awaitable[None]],
    ) -> None:
        self.config = TrainConfig()
        self.run: SteeredRun | OpenedRun | None = None
        self.runs: RunsView | None = None
        self._runs_dir = runs_dir
        self._clock = clock
        self._mode = mode
        self._console = console
        self._beside = beside
        self._means = Means(engine=engine, beside=beside, console=console)
        self._alone = asyncio.Lock()
        self._module: str | None = None
        self._own: tuple[OwnModule, int] | None = None
        self._reading = 0
        self._known: dict[Path, Any] = {}
        self._knobs = KnobsView()
        self._knobs_for: tuple[object, ...] | None = None

    @property
    def live(self) -> SteeredRun | None:
        """The run, if it can be steered here or could be just now."""
        return self.run if isinstance(self.run, SteeredRun) else None

    @property
    def training(self) -> SteeredRun | None:
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
        return live.knobs() if live is not None else self.next_knobs(editor, task)

    def next_knobs(self, editor: Editor, task: Task | None) -> KnobsView:
        """Return what could be turned in the run that Train would start."""
        module = self.module_for(editor)
        key = (editor.document.graph, self.config, task, module)
        if self._knobs_for is None or any(a is not b for a, b in zip(key, self._knobs_for, strict=True)):
            self._knobs_for = key
            self._knobs = self._board(editor, task, module)
        return self._knobs

    def take_module(self, module: OwnModule | None, editor: Editor) -> None:
        """Take a network that was not drawn here as what is trained next, for as long as the canvas stays empty.

        Args:
            module: The network; None for none.
            editor: Its document is open, which is empty.
        """
        self._own = (module, editor.opened) if module is not None else None

    def module_for(self, editor: Editor) -> OwnModule | None:
        """Return the network that is trained in place of what is on the canvas; None where that is trained."""
        if self._own is None or self._own[1] != editor.opened or editor.document.graph.nodes:
            return None
        return self._own[0]

    def _board(self, editor: Editor, task: Task | None, module: OwnModule | None) -> KnobsView:
        if module is None and (editor.inference.issues or not editor.document.graph.nodes):
            return KnobsView()  # a network that cannot be trained has no knobs yet
        usual = "cross_entropy" if task in (None, "classification", "segmentation") else "mse"
        loss = usual if self.config.loss == "auto" else self.config.loss
        try:
            if module is not None:
                board = module.board(self.config, loss)
            else:
                board = KnobBoard.for_run(self.config, loss, editor.document.graph, editor.inference)
        except Refused:  # all of it is frozen, say; Train tells
            return KnobsView()
        values = dict(board.values)
        return KnobsView(knobs=tuple(board.knobs.values()), values=values, in_force=values, absent=board.absent)

    # The live run

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
        run = self.run
        if isinstance(run, OpenedRun) and run.looker is not None:
            run.looker.try_out(command)
        elif isinstance(run, LiveRun) and run.run.watch is not None:
            run.run.watch.ask(job_of(command))
        else:
            raise UserError("There is no trained network here to try; train one first.")

    def look_at_module(self, path: str) -> None:
        """Choose the module that is looked at in a network that was not drawn here."""
        self._module = path

    def look(self, wants: frozenset[str], selection: frozenset[str]) -> None:
        """Tell what can be seen of the run, so that only that is measured; once a frame.

        Args:
            wants: What is to be looked at, see `neuralforge.train.watch`.
            selection: The selected nodes.
        """
        run = self.run
        if run is None:
            return
        node = next(iter(selection)) if len(selection) == 1 else None
        if not run.document.graph.nodes:  # it was not drawn here: its modules are chosen by themselves
            node = self._module
        elif node not in run.document.graph.nodes:
            node = None
        if isinstance(run, OpenedRun):
            if run.looker is not None:
                run.looker.look(wants, node)
            return
        watch = run.run.watch
        if watch is None:
            return
        if wants != watch.wants:
            watch.wants = wants
        if node is not None and node != watch.node:
            watch.node = node

    # Starting and ending

    async def start(
        self,
        plan: Plan | Callable[[], Awaitable[Plan]],
        *,
        requests: tuple[Request, ...] = (),
        paused: bool = False,
    ) -> None:
        """Start a run; one that is live is stopped first, but only when the new one can be started.

        Args:
            plan: The plan, or what makes it once it is this run's turn.
            requests: Changes at later steps.
            paused: Whether it waits before its first step.

        Raises:
            UserError: When the plan does not work out.
        """
        async with self._alone:
            await self._start(await plan() if callable(plan) else plan, requests, paused)

    async def _start(self, plan: Plan, requests: tuple[Request, ...] = (), paused: bool = False) -> None:
        from neuralforge.train import launch

        await asyncio.to_thread(launch.check, plan)
        await self._end(stop=True)
        async with self._undisturbed():
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
            if not isinstance(live, LiveRun) or live.run.plan is None:
                raise UserError("Only a run that was started in this window can be reset; train a new one.")
            await self._start(live.run.plan, paused=True)

    def show(self, run: OwnRun) -> None:
        """Show a run whose steps are made elsewhere; there must be no other one that trains."""
        assert self.training is None
        self.run = run

    async def resume(self, folder: Path, steps: int | None) -> LiveRun:
        """Go on with a run from its files.

        Raises:
            UserError: When that cannot be done, or another run is training.
        """
        async with self._alone:
            self._refuse_while_training("gone on with")
            async with self._undisturbed():
                self.run = live = await go_on(folder, self._clock, self._ended, steps=steps)
            return live

    async def open(self, folder: Path) -> OpenedRun:
        """Show a run from its files.

        Raises:
            UserError: When it cannot be read, or another run is training.
        """
        async with self._alone:
            self._refuse_while_training("opened")
            opened = await asyncio.to_thread(read_run, folder)
            opened.looker = Looker(opened.folder, self._means)
            async with self._undisturbed():
                self.run = opened
            return opened

    async def close(self) -> None:
        """Take the run out of the panels; a live one is stopped first."""
        async with self._alone:
            await self._end(stop=True)
            async with self._undisturbed():
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
                async with self._undisturbed():
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
        """Pause a run that trains, so that it can be gone on with; look no longer into one that was opened."""
        await self._end(stop=False)
        if isinstance(self.run, OpenedRun) and self.run.looker is not None:
            await self.run.looker.halt()

    async def _end(self, *, stop: bool) -> None:
        live = self.live
        if live is not None:
            trouble = await live.end(stop=stop)
            if trouble:
                self._console.say(trouble, "error")

    @asynccontextmanager
    async def _undisturbed(self) -> AsyncIterator[None]:
        """Keep looks into an opened run away while it is let go of, or another network is built.

        Initial weights are drawn from torch's one generator, which two threads must not set at once.
        """
        looker = self.run.looker if isinstance(self.run, OpenedRun) else None
        if looker is not None:
            await looker.halt()
        try:
            yield
        finally:
            if looker is not None:  # the run stays in the panels where another cannot be started
                looker.go_on()

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
