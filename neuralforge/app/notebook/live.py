"""What `neuralforge.live` returns: a loop of the person's own, with knobs, a log and a window around it."""

from __future__ import annotations

import asyncio
import math
import sys
import threading
import time
from collections.abc import (
    Callable,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from neuralforge.app.notebook.arguments import NoAttribute, plain_number, whole_number
from neuralforge.app.notebook.cells import watch_cells, watch_errors
from neuralforge.app.notebook.held import LOOK_SECS, Held
from neuralforge.app.notebook.own_source import text_of_caller
from neuralforge.app.notebook.station import Station
from neuralforge.app.notebook.turns import Pass, Running
from neuralforge.app.ownrun import OwnRun
from neuralforge.errors import UserError
from neuralforge.workbench.knobs import KnobValue
from neuralforge.workbench.requests import Request
from neuralforge.workbench.view import KnobsView

if TYPE_CHECKING:
    from torch import nn

    from neuralforge.train.own_loop import OwnLoop

T = TypeVar("T")
R = TypeVar("R")

Place = tuple[FrameType, int]
"""A frame, and the instruction that it was at."""

_OWN: Final = ("pass_number",)
"""Attributes that are not knobs."""

_NO_WINDOW_SECS: Final = 0.05
"""How often what goes on beside a loop gets its turn where no window asks for one."""


class Live(Held):
    """A loop of one's own: `for x, y in live(loader)`, or `async for` in a notebook.

    A turn of the loop is a step. Before each turn the knobs that were turned are written to the optimizer, and a pause
    or a stop takes effect; `live.log(loss=loss)` writes down the numbers of the turn. Nothing else of the loop changes.

    In a plain `for`, and between the turns of an `async for`, frames are drawn by the loop itself, so turns of 300 ms
    leave the window three frames a second. `live.run(function)` makes the turns in a thread of their own, and the
    window keeps its rate.

    Args:
        station: The application.
        run: The run.

    Attributes:
        pass_number: Which pass is gone through, or was last.
    """

    _nothing_trains = "This run is over; begin another one with neuralforge.live(...)."

    def __init__(self, station: Station, run: OwnRun) -> None:
        super().__init__(station)
        self.pass_number = 0
        self._own = run
        self._session: OwnLoop = run.run.session
        self.__dict__["log"] = self._session.log  # called in each turn: without a step in between
        self._thread = threading.get_ident()
        self._cell = _current_task()  # that of the cell that runs, or of who has made this
        self._cells = watch_cells(before=self._note_cell)
        self._waits = 0  # how many wait for the thread, from ordinary code
        self._running: Running[Any] | None = None
        self._is_in_pass = False
        self._pass_thread = 0
        self._entered_at = 0
        self._has_told = False  # of the stop that it would not go on after
        self._left_by: tuple[Place, ...] = ()  # where the code around a turn that was left stood
        self._errors = watch_errors(self._after_code)
        station.on_close += [self._errors.leave, *([self._cells.leave] if self._cells is not None else [])]

    # The loop

    def __call__(self, loader: Iterable[T]) -> Pass[T]:
        """Go over some data once.

        Args:
            loader: What gives the batches: a DataLoader, a list, any iterable.

        Returns:
            What gives the same batches, for `for` and for `async for`.

        Raises:
            UserError: When this loop is gone through already.
        """
        return Pass(self, loader)

    def log(self, values: Mapping[str, object] | None = None, /, **named: object) -> None:
        """Write down numbers of the present step: `live.log(loss=loss, accuracy=hits / len(x))`.

        Args:
            values: Name -> number, for names such as "validation/loss".
            **named: Name -> number; `loss` is the series "train/loss". Numbers, or tensors of one element.

        Raises:
            UserError: When a name or a value cannot be written down.
        """
        self._session.log(values, **named)

    def knob(
        self, key: str, value: KnobValue, low: float | None = None, high: float | None = None, doc: str = ""
    ) -> None:
        """Declare a knob of one's own, which is read as an attribute: `live.temperature`.

        Args:
            key: Its name, an identifier.
            value: Its first value: a number, or True or False.
            low: Least value.
            high: Greatest value.
            doc: What it does.

        Raises:
            UserError: When the name or the bounds cannot be.
        """
        if not isinstance(key, str):
            raise UserError(f"A knob has a name, such as 'temperature'. Received: {key!r:.80}")
        if hasattr(type(self), key) or key in self.__dict__:
            raise UserError(f"A knob cannot be named {key}: that is a method of the loop itself.")
        self._session.knob(key, plain_number(value), plain_number(low), plain_number(high), doc=doc)

    def __getattr__(self, key: str) -> KnobValue:
        if key.startswith("_"):
            raise AttributeError(key)
        values = self._session.board.values
        if key in values:
            return values[key]
        raise AttributeError(f"There is no knob {key!r}. There are: {', '.join(values)}.")

    def __setattr__(self, key: str, value: Any) -> None:
        if key.startswith("_") or key in _OWN:
            object.__setattr__(self, key, value)
        elif key in (board := self._session.board).values or key in board.absent:
            self.knobs[key] = value
        elif hasattr(type(self), key):
            raise NoAttribute(f"live.{key} cannot be written.")
        else:
            raise NoAttribute(f"There is no knob {key!r:.80}; declare it with live.knob({key!r:.80}, ...).")

    @property
    def model(self) -> nn.Module:
        """The model that trains."""
        return self._session.model

    def resume(self, steps: int | None = None) -> None:
        """Go on after a pause.

        Args:
            steps: Pause again after so many steps.

        Raises:
            UserError: When the run is over.
        """
        self._control("run", None if steps is None else whole_number("steps", steps))

    def step(self, n: int = 1) -> None:
        """Make n steps, then pause.

        Raises:
            UserError: When the run is over, or n is less than 1.
        """
        self._control("run", whole_number("n", n))

    def close(self) -> None:
        """End the run and close the window. A loop that still goes on leaves at its next boundary."""
        super().close()
        if not self._own.in_thread:
            self._own.end_now()

    # Loops in a thread

    def run(self, function: Callable[[], R]) -> Running[R]:
        """Call a function, which goes through this loop, in a thread of its own, so that the window keeps its rate.

        The thread has the present number of intra-op threads; what else torch keeps for each thread (grad mode, the
        default device) is as in a new one. Of anything that the function shares with other cells, one must take care
        oneself.

        Args:
            function: What goes through the loop.

        Returns:
            Its result, to be awaited in a notebook (`await live.run(train)`), or waited for with `wait()` in a script.
            When the wait is interrupted, the loop pauses.

        Raises:
            UserError: When the loop is gone through already.
        """
        self._refuse_a_second()
        if not callable(function):
            raise UserError(f"live.run() takes a function that goes through the loop. Received: {function!r:.80}")
        import torch

        threads = torch.get_num_threads()
        self._own.in_thread = True

        def work() -> R:
            torch.set_num_threads(threads)
            try:
                return function()
            except BaseException as error:
                self.note_failure(error)
                raise
            finally:
                self._own.in_thread = False

        self._running = running = Running(self, work)
        return running

    def _refuse_a_second(self) -> None:
        if self._own.in_thread:
            paused = self.state == "paused"
            how = ", paused: live.resume() lets it go on, live.stop() ends it." if paused else ": live.stop() ends it."
            raise UserError(f"This loop still goes on in its thread{how}")
        if self._is_in_pass and self._session.state == "running":
            raise UserError("This loop is gone through already: one `for` at a time.")

    # Held

    @property
    def _run(self) -> OwnRun:
        return self._own

    def _knobs_view(self) -> KnobsView:
        return self._own.knobs()

    def _take_in(self) -> None:
        if threading.get_ident() == self._pass_thread:
            self._session.write_rows()
        super()._take_in()

    def _ask(self, request: Request) -> None:
        super()._ask(request)
        if not (self._is_in_pass or self._own.in_thread or self.is_elsewhere):
            self._session.settle()

    def _turn(self, key: str, value: KnobValue) -> None:
        self._ask(Request(changes={key: value}, actor="script", widget="notebook"))

    async def until(self, *, step: int | None = None, state: str | None = None) -> Live:
        """Wait until the loop has come somewhere, while it goes on in a thread or another task.

        Args:
            step: Until so many steps are made.
            state: Until it is in that state, such as "paused".

        Returns:
            The loop.
        """
        self._check_goal(state, step=step)
        await self._until(
            lambda: (
                self._own.ended
                or (self._running is not None and self._running.done)
                or (step is not None and self.steps >= step)
                or (state is not None and self.state == state and not self._is_asking())
            )
        )
        return self

    def wait(self, *, step: int | None = None, state: str | None = None) -> Live:
        """Do as `until`, from ordinary code: at a prompt or in a script, while the loop goes on in its thread.

        With nothing said, it waits until the window is closed; without one, until the loop in its thread is over.

        Raises:
            UserError: In a notebook, where one awaits `until`; or nothing goes on that could be waited for.
        """
        station, running = self._station, self._running
        with self.waiting():
            if (step, state) != (None, None):
                nothing_goes_on = running is None or running.done
                if nothing_goes_on and not station.is_in_hands and station.loop.kind == "script":
                    what = "live.run(function) makes turns in a thread"
                    raise UserError(f"Nothing goes on that could be waited for: {what}.")
                station.loop.wait(self.until(step=step, state=state))
            elif station.is_in_hands:
                station.loop.wait(self._until(lambda: not station.is_in_hands))
            elif running is not None:
                station.loop.wait(self._until(lambda: running.done))
        self._raise_error_of_window()
        return self

    # For the passes

    def _note_cell(self) -> None:
        self._cell = _current_task()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Note that ordinary code waits for the loop in its thread, and so cannot let it go on."""
        self._waits += 1
        try:
            yield
        finally:
            self._waits -= 1

    def _after_code(self, error: BaseException | None) -> None:
        """Hear how a cell has ended, or what exception nobody has caught; it may have come out of the loop."""
        frames, self._left_by = self._left_by, ()
        if error is not None and not self._own.in_thread and _has_passed(error, frames):
            self.note_failure(error)

    def _after_task(self, task: asyncio.Task[Any]) -> None:
        """Hear how a task has ended that had left the loop in a turn."""
        if not task.cancelled():
            self._after_code(task.exception())

    def note_failure(self, error: BaseException) -> None:
        """Write down that a turn was left by an exception, or by an interrupt."""
        self._is_in_pass = False
        self._session.leave_pass()
        if isinstance(error, KeyboardInterrupt | asyncio.CancelledError):
            self._session.interrupted()
        elif not isinstance(error, GeneratorExit):
            self._session.fail(error)

    @property
    def is_in_pass(self) -> bool:
        """Whether a loop is being gone through."""
        return self._is_in_pass

    def enter(self, loader: object) -> OwnLoop:
        """Begin to go over data.

        Raises:
            UserError: When the loop is gone through already, or another event loop runs here than that of a window.
        """
        if self._station.is_drawn and not self.is_elsewhere:
            self._station.loop.refuse_elsewhere()  # nobody would draw it while the loop is paused
        if not self._own.in_thread or not self.is_elsewhere:
            self._refuse_a_second()
        batches = None
        with suppress(TypeError):  # a DataLoader over an IterableDataset has a `__len__`, and no length
            batches = len(loader)  # type: ignore[arg-type]
        self._session.begin_pass(batches)
        self._session.in_pass = True
        if self.is_elsewhere:
            self._session.due_secs = math.inf  # the window is drawn by its own thread
        elif self._session.due_secs == math.inf:
            self._session.due_secs = 0.0
        self._entered_at, self._pass_thread = self._session.step, threading.get_ident()
        self._own.note_source(text_of_caller())
        self._is_in_pass, self._left_by = True, ()
        self.pass_number += 1
        return self._session

    def leave(self) -> None:
        """End to go over data; say so where a loop made no turn because of a stop."""
        self._is_in_pass = False
        session = self._session
        session.leave_pass()
        if session.step != self._entered_at:
            self._has_told = False
        elif session.state == "stopped" and not (session.ended or self._has_told or self._own.in_thread):
            self._has_told = True
            print("The loop was stopped, so it makes no turns; live.resume() lets it go on.")

    def break_off(self) -> None:
        """Leave the loop in a turn: it counts where it has logged something, since that is what a turn ends with.

        Whether by a `break` or by an exception is known when the code around the loop has ended. To be called by what
        the loop has let go of.
        """
        self._is_in_pass = False
        self._left_by = tuple((frame, frame.f_lasti) for frame in _frames(sys._getframe(2)))
        if self._session.has_logged:
            self._session.step_done()
        self._session.leave_pass()
        with suppress(RuntimeError):  # there is no event loop
            task = asyncio.current_task()
            if task is not None:
                task.add_done_callback(self._after_task)

    @property
    def is_elsewhere(self) -> bool:
        """Whether this is another thread than that of the window."""
        return threading.get_ident() != self._thread

    def go_on(self) -> None:
        """Find when the next frame is due; after all else had its turn, which may have drawn one that took long."""
        clock = self._desktop.clock
        due_secs = clock.due_secs() if self._station.is_drawn else time.monotonic() + _NO_WINDOW_SECS
        self._session.due_secs = due_secs

    def give_turn(self) -> None:
        """Let the window draw a frame, and what goes on beside have its turn, from ordinary code."""
        if self.is_elsewhere:
            return
        loop = self._station.loop
        if loop.is_running or loop.is_beside_another:
            self._station.frame()  # nothing else of the loop can go on
        else:
            loop.call(lambda: None)  # the window's own task draws, once
        self.go_on()

    def wait_a_moment(self) -> None:
        """Wait for a request, from ordinary code.

        Raises:
            UserError: When nobody could ask for anything.
        """
        self.refuse_to_wait_for_nobody()
        self._session.wait_for_request(LOOK_SECS)
        self.give_turn()

    def refuse_to_wait_for_nobody(self) -> None:
        """Raise UserError where a paused loop would wait for ever: without a window, and with no other code to come."""
        if not self._station.is_open:
            return  # it is being ended
        if self.is_elsewhere:
            is_alone = self._station.loop.kind == "script" and self._waits > 0
        else:  # in a task of its own it has others beside it
            is_alone = _current_task() is self._cell or self._session.trouble is not None
        if is_alone and not self._station.is_drawn and self._session.state == "paused" and not self._is_asking():
            why = f": {self._session.trouble}" if self._session.trouble else "."
            raise UserError(f"The loop is paused, and without a window nothing can let it go on but live.resume(){why}")


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # there is no event loop
        return None


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield a frame and those around it."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def _has_passed(error: BaseException, places: tuple[Place, ...]) -> bool:
    """Tell whether an exception left code just where the loop was left: after a `break` it would be another place."""
    found: dict[FrameType, int] = {}
    step = error.__traceback__
    while step is not None:
        found[step.tb_frame], step = step.tb_lasti, step.tb_next
    return next((found[frame] == place for frame, place in places if frame in found), False)
