"""Going round a loop of one's own: the passes over its data, for `for` and for `async for`, and loops in a thread."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator
from contextlib import suppress
from types import AsyncGeneratorType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from neuralforge.app.notebook.held import LOOK_SECS
from neuralforge.errors import UserError

if TYPE_CHECKING:
    from neuralforge.app.notebook.live import Live

T = TypeVar("T")
R = TypeVar("R")

_ROUNDS_TO_FRAME: Final = 3
"""Rounds of the event loop until a due frame is drawn: the timer of the window's task, the task, and back."""


class Pass(Generic[T]):
    """One way over some data.

    Args:
        live: The loop.
        loader: What gives the batches.
    """

    def __init__(self, live: Live, loader: Iterable[T]) -> None:
        self._live = live
        self._loader = loader

    def __len__(self) -> int:
        return len(self._loader)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[T]:
        live, loader = self._live, self._loader
        session, elsewhere = live.enter(loader), live.is_elsewhere
        before, done = session.before_step, session.step_done
        try:
            for item in loader:
                while (said := before()) != "go":
                    if said == "end":
                        return
                    live.wait_a_moment()
                yield item
                if done() and not elsewhere:
                    live.give_turn()
        except GeneratorExit:
            live.break_off()
            raise
        except UserError:
            raise
        except BaseException as error:  # an interrupt between two turns, or the loader raised
            if not elsewhere:  # else it is noted where the thread ends
                live.note_failure(error)
            raise
        finally:
            live.leave()

    def __aiter__(self) -> AsyncIterator[T]:
        return _Turns(self._live, cast("AsyncGeneratorType[T, None]", self._turns()))

    async def _turns(self) -> AsyncGenerator[T, None]:
        live, loader = self._live, self._loader
        session = live.enter(loader)
        number = live.pass_number
        before, done = session.before_step, session.step_done
        try:
            for item in loader:
                while (said := before()) != "go":
                    if said == "end":
                        live.leave()
                        return
                    live.refuse_to_wait_for_nobody()
                    await asyncio.sleep(LOOK_SECS)
                yield item
                if done():
                    for _ in range(_ROUNDS_TO_FRAME):
                        await asyncio.sleep(0)
                    live.go_on()
            live.leave()
        except GeneratorExit:  # it comes late: another pass may have begun
            raise
        except UserError:
            live.leave()
            raise
        except BaseException as error:  # the cell was interrupted, or the loader raised
            if live.is_in_pass and live.pass_number == number:  # not one that was let go of long ago
                live.note_failure(error)
            raise


class _Turns(Generic[T]):
    """The turns of an `async for`. It is let go of where the loop is left; asyncio ends a generator only later.

    Args:
        live: The loop.
        turns: What gives the batches.
    """

    __slots__ = ("_live", "_turns")

    def __init__(self, live: Live, turns: AsyncGeneratorType[T, None]) -> None:
        self._live = live
        self._turns = turns

    def __aiter__(self) -> _Turns[T]:
        return self

    def __anext__(self) -> Awaitable[T]:
        return self._turns.__anext__()

    def __del__(self) -> None:
        if self._turns.ag_frame is not None and self._live.is_in_pass:
            self._live.break_off()


class Running(Generic[R]):
    """A function in a thread of its own, with its result.

    Args:
        live: The loop that it goes through.
        work: The function.
    """

    def __init__(self, live: Live, work: Callable[[], R]) -> None:
        self._live = live
        self._done = threading.Event()
        self._result: R
        self._error: BaseException | None = None
        self._is_awaited = False
        self._work = work
        self._thread = threading.Thread(target=self._carry_out, name="neuralforge-own-loop", daemon=True)
        self._thread.start()

    def _carry_out(self) -> None:
        try:
            self._result = self._work()
        except BaseException as error:
            self._error = error
            if not self._is_awaited:
                sys.stderr.write(f"neuralforge: the loop in its thread has ended: {type(error).__name__}: {error}\n")
        finally:
            self._done.set()

    @property
    def done(self) -> bool:
        """Whether the function has returned."""
        return self._done.is_set()

    def __await__(self) -> Generator[Any, None, R]:
        self._is_awaited = True
        return self._wait().__await__()

    async def _wait(self) -> R:
        try:
            while not self._done.is_set():
                await asyncio.sleep(LOOK_SECS)
        except BaseException:
            with suppress(UserError):
                self._live.pause()
            raise
        if self._error is not None:
            raise self._error
        return self._result

    def wait(self) -> R:
        """Wait for the result, from ordinary code: at a prompt or in a script.

        Raises:
            UserError: In a notebook, where one awaits.
        """
        self._is_awaited = True
        with self._live.waiting():
            return self._live._station.loop.wait(self._wait())
