"""Whose event loop the application lives on when it is opened from Python.

A notebook has a loop that runs all the time: the application becomes tasks of it. IPython's prompt can run a loop while
it waits for a line. At the plain prompt Python calls a hook while it waits, and that runs a loop of our own; a script
runs it in `wait`. In each of them time passes for the application only while its loop runs.
"""

from __future__ import annotations

import _thread
import asyncio
import atexit
import ctypes
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import FrameType
from typing import Any, Final, Literal, TypeVar

from neuralforge.app.interrupts import deferred_interrupt
from neuralforge.errors import UserError

T = TypeVar("T")

LoopKind = Literal["running", "ipython", "prompt", "script"]

_POLL_SECS: Final = 0.02
_HAND_ON_SECS: Final = 0.02
"""So much later the prompt reads again."""
_EXIT_SECS: Final = 10.0
"""So long the interpreter waits at its exit for a run to be paused."""


class Loop:
    """An event loop, and how to get onto it from ordinary code.

    Args:
        loop: The loop.
        kind: Who runs it: it runs already, IPython's prompt does, Python's prompt does, or nobody but `wait`.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, kind: LoopKind) -> None:
        self.loop = loop
        self.kind = kind
        self._thread = threading.get_ident()

    @property
    def is_running(self) -> bool:
        """Whether the loop runs around this very call."""
        try:
            return asyncio.get_running_loop() is self.loop
        except RuntimeError:
            return False

    @property
    def is_elsewhere(self) -> bool:
        """Whether this is another thread than that of the loop."""
        return threading.get_ident() != self._thread

    @property
    def is_beside_another(self) -> bool:
        """Whether another loop than this one runs around this very call, so that this one cannot."""
        try:
            return asyncio.get_running_loop() is not self.loop
        except RuntimeError:
            return False

    def refuse_elsewhere(self) -> None:
        """Refuse what belongs to the thread of the loop alone, and where that runs another loop, to nobody.

        Raises:
            UserError: When this is another thread, the loop has ended, or another one runs around this call.
        """
        if self.is_elsewhere:
            raise UserError("Only the thread that opened the window can do this; from another one, use log and knobs.")
        if self.loop.is_closed():
            raise UserError("The event loop that this was opened on has ended; open it again.")
        if self.is_beside_another:
            where = "open it and use it within the same asyncio.run(...)"
            raise UserError(f"This was opened on another event loop than the one that runs here: {where}.")

    def call(self, function: Callable[[], T]) -> T:
        """Call a function on the loop and return its result; for what begins tasks.

        Where the loop does not run, what waits on it has its turn meanwhile, and an interrupt waits until afterwards.

        Raises:
            UserError: As `refuse_elsewhere`.
        """
        if self.is_running:
            return function()
        self.refuse_elsewhere()

        async def called() -> T:
            return function()

        with deferred_interrupt():  # raised on the loop it would end whichever task has its turn
            return self.loop.run_until_complete(called())

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run the loop until something is done, and return its result.

        Ctrl+C cancels the work and raises KeyboardInterrupt, and leaves everything else on the loop whole.

        Raises:
            UserError: When the loop runs already, as it does in a notebook; and as `refuse_elsewhere`.
        """
        if self.is_running:
            work.close()
            instead = "write `await h.until(...)` there, or await what live.run(...) returns"
            raise UserError(f"The event loop runs already, as it does in a notebook: {instead}.")
        try:
            self.refuse_elsewhere()
        except UserError:
            work.close()
            raise
        task = self.loop.create_task(work)
        interrupted = False

        def interrupt() -> None:
            nonlocal interrupted
            interrupted = True
            task.cancel()

        handled = False
        with suppress(NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
            before = signal.getsignal(signal.SIGINT)
            self.loop.add_signal_handler(signal.SIGINT, interrupt)
            handled = True
        try:
            return self.loop.run_until_complete(task)
        except asyncio.CancelledError:
            if interrupted:
                raise KeyboardInterrupt from None
            raise
        finally:
            if handled:
                self.loop.remove_signal_handler(signal.SIGINT)
                if before is not None:
                    signal.signal(signal.SIGINT, before)


def find_loop() -> Loop:
    """Find the loop that the application can live on, given where this is called from."""
    with suppress(RuntimeError):
        return Loop(asyncio.get_running_loop(), "running")
    shell = _terminal_shell()
    if shell is not None:
        from IPython.core.async_helpers import get_asyncio_loop

        loop = get_asyncio_loop()  # type: ignore[no-untyped-call]
        shell.loop_runner = Loop(loop, "ipython").wait  # its own lets an interrupt hit any task, and the cell lives on
        if not shell.simple_prompt:
            shell.enable_gui("asyncio")
            return Loop(loop, "ipython")
    else:
        loop = _LOOPS.own()
    if shell is None and not (hasattr(sys, "ps1") or sys.flags.interactive):
        return Loop(loop, "script")
    _LOOPS.hook(loop)
    return Loop(loop, "prompt")


def _terminal_shell() -> Any:
    """Return IPython's shell in a terminal; None elsewhere."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    shell = get_ipython()
    return shell if hasattr(shell, "simple_prompt") else None


def before_exit(call: Callable[[], None]) -> None:
    """Have something called at the exit of the interpreter, while threads and pools of them still work."""
    register = getattr(threading, "_register_atexit", atexit.register)  # `atexit` itself comes after their end
    register(call)


def run_at_exit(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
    """Run a loop until a task is done, or for a while: what a run has written down until then is kept in any case."""
    end_secs = loop.time() + _EXIT_SECS
    while not task.done() and loop.time() < end_secs:
        with suppress(RuntimeError):  # somebody's call to stop the loop was left over
            loop.run_until_complete(asyncio.wait({task}, timeout=end_secs - loop.time()))


class _Loops:
    """The loop of our own, and Python's hook that runs it: there is one of each in a process."""

    def __init__(self) -> None:
        self._own: asyncio.AbstractEventLoop | None = None
        self._hooked: asyncio.AbstractEventLoop | None = None
        self._callback: Any = None  # Python keeps a bare pointer to it
        self._interrupted = False

    def own(self) -> asyncio.AbstractEventLoop:
        """Return the loop of our own."""
        if self._own is None or self._own.is_closed():
            self._own = asyncio.new_event_loop()
        return self._own

    def hook(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have Python run a loop while its prompt waits for a line."""
        self._hooked = loop
        if self._callback is None:
            self._callback = ctypes.CFUNCTYPE(ctypes.c_int)(self._while_waiting)
            self._set_hook(on=True)

    def _set_hook(self, *, on: bool) -> None:
        place = ctypes.c_void_p.in_dll(ctypes.pythonapi, "PyOS_InputHook")
        place.value = ctypes.cast(self._callback, ctypes.c_void_p).value if on else None

    def _while_waiting(self) -> int:
        """Run the loop until there is something to read. Nothing may be raised through Python's own C code."""
        loop = self._hooked
        if loop is not None and not (loop.is_closed() or loop.is_running()) and asyncio.all_tasks(loop):
            self._run(loop)
        if self._interrupted:
            self._interrupt_prompt()
        return 0

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        def interrupt(_number: int, _frame: FrameType | None) -> None:
            self._interrupted = True
            loop.call_soon_threadsafe(loop.stop)

        before = signal.signal(signal.SIGINT, interrupt)
        try:
            _until_readable(loop)
        except Exception as error:
            sys.stderr.write(f"neuralforge: {error!r}\n")
        finally:
            signal.signal(signal.SIGINT, before)

    def _interrupt_prompt(self) -> None:
        """Interrupt the prompt where it reads: it hears of a signal there, if no hook is called first."""
        self._interrupted = False
        self._set_hook(on=False)

        def interrupt(number: int, frame: FrameType | None) -> None:
            self._set_hook(on=True)
            signal.signal(signal.SIGINT, before)
            if callable(before):
                before(number, frame)

        before = signal.signal(signal.SIGINT, interrupt)
        threading.Timer(_HAND_ON_SECS, _interrupt_main).start()


def _interrupt_main() -> None:
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main()


def _until_readable(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until the standard input has something to read."""
    try:
        loop.add_reader(sys.stdin.fileno(), loop.stop)
    except NotImplementedError:  # Windows waits for no console
        _until_key(loop)
        return
    try:
        loop.run_forever()
    finally:
        loop.remove_reader(sys.stdin.fileno())


def _until_key(loop: asyncio.AbstractEventLoop) -> None:
    import msvcrt

    def look() -> None:
        if msvcrt.kbhit():  # type: ignore[attr-defined]
            loop.stop()
        else:
            loop.call_later(_POLL_SECS, look)

    loop.call_soon(look)
    loop.run_forever()


_LOOPS: Final = _Loops()
