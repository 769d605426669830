"""What goes on beside the frames: tasks of the event loop, each with a few words for the status bar."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from neuralforge.app.console import Console
from neuralforge.errors import UserError


class Beside:
    """The tasks of a window; what goes wrong in one is told, and harms no other.

    Args:
        console: Where refusals are told.
        fault: Takes what is a fault of our own, with what was being done.
    """

    def __init__(self, console: Console, fault: Callable[[BaseException, str], None]) -> None:
        self._console = console
        self._fault = fault
        self._tasks: dict[asyncio.Task[None], str] = {}

    def start(self, work: Coroutine[Any, Any, object], words: str = "") -> asyncio.Task[None]:
        """Begin something.

        Args:
            work: What.
            words: What the status bar says meanwhile, such as "Loading digits"; "" says nothing.
        """

        async def guarded() -> None:
            try:
                await work
            except UserError as error:
                self._console.say(str(error), "error")
            except Exception as error:
                self._fault(error, words or "Something beside the window failed")

        task = asyncio.get_running_loop().create_task(guarded())
        self._tasks[task] = words
        task.add_done_callback(lambda done: self._tasks.pop(done, None))
        task.add_done_callback(lambda done: work.close())  # cancelled before it began, it was never awaited
        return task

    @property
    def words(self) -> tuple[str, ...]:
        """What goes on that is worth telling."""
        return tuple(words for words in self._tasks.values() if words)

    async def settled(self, *others: asyncio.Task[None]) -> None:
        """Wait until nothing goes on that is worth telling, nor any of some others."""
        while left := [task for task, words in self._tasks.items() if words or task in others]:
            await asyncio.wait(left)

    async def end(self) -> None:
        """Cancel everything and wait for it."""
        left = list(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
