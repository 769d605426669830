"""What `neuralforge.open` returns: the run and its window, as a cell holds them.

Everything that is asked here is a request in force at the next boundary between two steps, as if it had been asked in
the window, and it is written down the same way. Time passes for the run between cells, while a cell awaits `until`,
and in `wait`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from neuralforge.app.notebook.arguments import whole_number
from neuralforge.app.notebook.graph import GraphHandle
from neuralforge.app.notebook.held import Held
from neuralforge.app.notebook.inline import Card
from neuralforge.app.notebook.opening import Planning
from neuralforge.app.notebook.station import Station, tell
from neuralforge.app.rundesk import LiveRun
from neuralforge.errors import UserError
from neuralforge.graph.edits import Edit
from neuralforge.workbench import commands as do
from neuralforge.workbench.knobs import KnobBoard, KnobValue, Refused
from neuralforge.workbench.requests import Request
from neuralforge.workbench.status import RunState
from neuralforge.workbench.view import KnobsView

if TYPE_CHECKING:
    from torch import nn

_OVER: Final = ("completed", "stopped", "failed")
_SILENT_SECS: Final = 0.5


class RunFailed(RuntimeError):
    """The run that was waited for has failed; the message says why."""


class Handle(Held):
    """A network, its data, the run and the window.

    Args:
        station: The application.
        planning: Makes the plan that it was opened with; None where it was opened without network or data.
    """

    def __init__(self, station: Station, planning: Planning | None) -> None:
        super().__init__(station)
        self._planning = planning
        self._is_taken = planning is None
        self._preparing: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._stopped: LiveRun | None = None
        self._waiting: list[Request] = []
        self._again: LiveRun | None = None
        """The run that is begun again while the next one is being started."""
        self._error: Exception | None = None
        self._graph = GraphHandle(self._graph_view, self._edit)
        if planning is not None:
            station.loop.call(self._begin_preparing)

    # Controls

    def run(self, steps: int | None = None) -> Handle:
        """Train: begin a run, or go on with the one that is paused.

        Args:
            steps: Pause after so many steps; None trains to the end.

        Returns:
            The handle itself, so that `neuralforge.open(...).run()` is all one needs.

        Raises:
            UserError: When there is nothing to train, or the run refuses.
        """
        if steps is not None and (steps := whole_number("steps", steps)) < 1:
            raise Refused(f"At least 1 step can be run. Received: {steps!r}")
        if self.is_open and self._training is None and self._planning is None and not self._desktop.data.choice[0]:
            raise UserError("There is no data to train on: open it with data=..., or choose it in the window.")
        request = Request(action="run", steps=steps, actor="script", widget="notebook")
        if self._is_starting or (self._training is not None and self._training is not self._stopped):
            self._ask(request)
        else:
            self._start(request if steps is not None else None)
        return self

    def step(self, n: int = 1) -> None:
        """Make n steps, then pause; `await h.until(state="paused")` waits for them.

        Raises:
            UserError: When there is nothing to train, or n is less than 1.
        """
        self.run(steps=whole_number("n", n))

    def stop(self) -> None:
        """End the run at the next boundary; what is run then is a new one.

        Raises:
            UserError: When nothing is training.
        """
        super().stop()
        self._stopped = self._training

    def reset(self) -> None:
        """End the run, and make a new one from the same plan and seed, which waits for `run`.

        Raises:
            UserError: When there is no run to reset.
        """
        if self._is_starting:
            raise UserError("The run is being started.")
        if self._live is None:
            raise UserError("There is no run to reset; call run() first.")
        self._begin_start(self._desktop.training.reset(), again=self._live)

    # What there is

    @property
    def state(self) -> RunState | None:
        """State of the run; "ready" from when it is begun to its first step, and None before."""
        return "ready" if self._is_starting else super().state

    @property
    def graph(self) -> GraphHandle:
        """The network on the canvas, to be edited from code.

        Raises:
            UserError: When a module of the person's own is trained, which has none.
        """
        self._ready()
        if self._desktop.training.module_for(self._desktop.documents.editor) is not None:
            raise UserError("A module of your own is trained as it is: there is no graph of it to edit.")
        return self._graph

    @property
    def model(self) -> nn.Module:
        """The module that trains, for use while the run is paused.

        Between two cells it is the live one: what changes its weights changes the run, and no log knows of it.

        Raises:
            UserError: When there is no run, or it is training in its thread at this moment.
        """
        live = self._run
        if live is None and self._is_starting:
            raise UserError("The run is being started; await h.until(step=1), say, before its model is used.")
        if live is None:
            raise UserError("There is no run yet, so there is no model; call run(), or step().")
        if live.driver.on_worker and live.run.session.state == "running":
            raise UserError("The model is in use: pause the run first, and await h.until(state='paused').")
        return live.run.session.engine.model

    # Waiting

    async def until(
        self, *, step: int | None = None, epoch: int | None = None, state: RunState | None = None
    ) -> Handle:
        """Let the run go on until it has come somewhere, is over, or the window is closed.

        Args:
            step: Until so many steps are made.
            epoch: Until so many epochs are over.
            state: Until it is in that state, such as "paused".

        Returns:
            The handle.

        Raises:
            UserError: When what was asked for before could not be done; the run was not begun, say.
            RunFailed: When the run has failed.
        """
        self._check_goal(state, step=step, epoch=epoch)
        self._station.loop.refuse_elsewhere()
        await self._until(lambda: self._is_there(step, epoch, state))
        return self

    def wait(self, *, step: int | None = None, epoch: int | None = None, state: RunState | None = None) -> Handle:
        """Do as `until`, from ordinary code: at a prompt or in a script.

        With nothing said, it waits until the window is closed; without one that a person could close, until the run
        is over.

        Raises:
            UserError: As `until`; and in a notebook, where the loop runs already.
            RunFailed: When the run has failed.
        """
        loop = self._station.loop
        if (step, epoch, state) == (None, None, None) and self._station.is_in_hands:
            loop.wait(self._until(lambda: not self._station.is_in_hands))  # closed, or its display went away
            if not self.is_open:
                loop.wait(self._station.ended())
                self._raise_error()
                return self
        loop.wait(self.until(step=step, epoch=epoch, state=state))
        return self

    def _is_there(self, step: int | None, epoch: int | None, state: RunState | None) -> bool:
        self._raise_error()
        live = self._live
        if live is None or self._is_starting:
            if self._station.window is None and not self._is_starting and self._preparing_is_over():
                raise UserError("Nothing is training; call run() first.")
            return not self.is_open
        session = live.run.session
        if session.state == "failed":
            raise RunFailed(session.trouble or "The run has failed.")
        if live.fault is not None:
            raise RunFailed(f"The run has ended by a fault: {live.fault}") from live.fault
        over = session.state in _OVER and (live.task.done() or not self.is_open)
        if over or not self.is_open:
            return True
        if session.state == "paused" and session.trouble and state is None:
            raise UserError(f"The run is paused: {session.trouble}")
        is_reached = (
            (step is not None and session.step >= step)
            or (epoch is not None and session.progress().epoch > epoch)
            or (state is not None and session.state == state and not self._is_asking())
        )
        if not is_reached and session.state == "paused" and not self._is_asking() and self._is_alone:
            raise UserError("The run is paused, and without a window nothing can let it go on but h.run().")
        return is_reached

    @property
    def _is_alone(self) -> bool:
        """Whether nobody could let the run go on while this waits."""
        return self._station.loop.kind == "script" and not self._station.is_in_hands

    def _preparing_is_over(self) -> bool:
        return self._preparing is None or self._preparing.done()

    def _card(self) -> Card:
        if self._error is not None:
            return Card(title=self._name, facts=("open" if self.is_open else "closed",), trouble=str(self._error))
        if self._run is None and self._is_starting:
            return Card(title=self._name, facts=("starting",))
        return super()._card() if self._is_taken else Card(title=self._name, facts=("loading",))

    # Inside

    @property
    def _name(self) -> str:
        return super()._name if self._is_taken or self._planning is None else self._planning.name

    @property
    def _live(self) -> LiveRun | None:
        return self._desktop.live

    @property
    def _run(self) -> LiveRun | None:
        """The run; None while the next one is being started, of which there is nothing yet."""
        return None if self._is_starting else self._live

    @property
    def _training(self) -> LiveRun | None:
        live = self._live
        return live if live is not None and not live.ended else None

    @property
    def _is_starting(self) -> bool:
        return self._starting is not None and not self._starting.done()

    def _raise_error(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            if isinstance(error, UserError):
                error = error.with_traceback(None)  # of a task, and of another cell that has run into it
            raise error
        self._raise_error_of_window()

    def _begin_preparing(self) -> None:
        self._preparing = asyncio.get_running_loop().create_task(self._prepare())

    async def _prepare(self) -> None:
        planning = self._planning
        assert planning is not None
        try:
            await self._desktop.engine()
            planned = await asyncio.to_thread(planning.result)
        except Exception as error:  # one of our own is told of here already
            if not self._is_starting:  # else the start runs into it, too, and keeps it
                self._keep_error(error)
            if isinstance(error, UserError):
                self._desktop.console.say(str(error), "error")
            else:
                self._desktop.fault(error, "What was to be opened could not be")
            return
        self._take(planned)

    def _take(self, planned: Any) -> None:
        if not self._is_taken:
            self._is_taken = True
            self._desktop.take_plan(planned.plan, planned.view, planned.path)

    def _refuse_when_closed(self) -> None:
        if not self.is_open:
            if self._station.loop.loop.is_closed():
                self._station.loop.refuse_elsewhere()
            raise UserError("It is closed; open it again.")

    def _ready(self) -> None:
        """Have the plan on the canvas, here and now; a cell cannot let the loop go on."""
        if not self._is_taken and self._planning is not None:
            self._take(self._planning.result())

    def _start(self, then: Request | None) -> None:
        """Begin a run; `then` is asked for before its first step."""
        self._waiting = [] if then is None else [then]
        self._begin_start(self._begin_run(paused=then is not None))

    def _begin_start(self, work: Any, again: LiveRun | None = None) -> None:
        loop = self._station.loop
        try:
            self._refuse_when_closed()
            loop.refuse_elsewhere()
        except UserError:
            work.close()
            raise
        self._again = again
        self._error = None  # of what was asked for before; what begins now may fail before `call` returns
        self._starting = loop.call(lambda: asyncio.get_running_loop().create_task(self._started(work)))

    async def _begin_run(self, *, paused: bool) -> None:
        if self._preparing is not None:
            await asyncio.shield(self._preparing)
        self._ready()
        await self._desktop.train(paused=paused)

    async def _started(self, work: Any) -> None:
        try:
            await work
        except Exception as error:
            self._keep_error(error)
            self._waiting.clear()
            return
        finally:
            self._again = None
        live = self._training
        waiting, self._waiting = self._waiting, []
        for request in waiting:
            try:
                if live is not None:
                    self._asked.append(live.ask(request))
            except UserError as error:
                self._keep_error(error)

    def _keep_error(self, error: Exception) -> None:
        """Keep an error for the next call to raise; where none comes soon, say it below the cell."""
        self._error = error
        if self._station.loop.kind != "script":
            asyncio.get_running_loop().call_later(_SILENT_SECS, self._tell_error, error)

    def _tell_error(self, error: Exception) -> None:
        if self._error is error:
            tell(str(error))

    def _ask(self, request: Request) -> None:
        if self._is_starting:
            self._waiting.append(request)
        else:
            super()._ask(request)

    def _knobs_view(self) -> KnobsView:
        self._ready()
        desktop, training = self._desktop, self._desktop.training
        of_next = desktop.documents.editor, desktop.documents.task(desktop.data.info)
        if not self._is_starting:
            return training.knobs(*of_next)
        view = training.next_knobs(*of_next) if self._again is None else self._again.first_knobs()
        asked = {key: value for request in self._waiting for key, value in request.changes.items()}
        return replace(view, values={**view.values, **asked})

    def _turn(self, key: str, value: KnobValue) -> None:
        self._refuse_when_closed()
        view = self._knobs_view()
        if self._training is not None and not self._is_starting:
            self._ask(Request(changes={key: value}, actor="script", widget="notebook"))
            return
        board = KnobBoard({knob.key: knob for knob in view.knobs}, view.absent, view.values, {})
        checked = board.check({key: value})[key]
        if self._is_starting:
            self._waiting.append(Request(changes={key: checked}, actor="script", widget="notebook"))
        else:
            self._station.loop.call(lambda: self._desktop.perform(do.Turn(key, checked, widget="notebook")))

    def _graph_view(self) -> Any:
        editor = self._desktop.documents.editor
        return editor.document, editor.inference

    def _edit(self, edit: Edit) -> None:
        self._refuse_when_closed()
        self._station.loop.call(lambda: self._desktop.perform(do.Apply(edit)))
