"""Interrupts (Ctrl+C) that wait for the end of a frame, or of a slice of training."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import asyncio
import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def deferred_interrupt(*, to_loop: bool = False) -> Iterator[None]:
    """Let an interrupt (SIGINT) that arrives meanwhile take effect afterwards.

    In the middle of a frame it would leave Dear ImGui's stacks half way, and the node editor beyond repair; in the
    middle of a step it would leave the run half way.

    Args:
        to_loop: Whether it is handed to the running event loop, for code that is a task of it: raised within the task
            it would end the task, and whoever waits at the loop would not hear of it. Around one of these another one
            may stand: that one hears of it at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # The module below `signal`, which looks each handler up in an enumeration: thirty times the cost, thrice a frame.
    before = _signal.getsignal(signal.SIGINT)
    if before is None or getattr(before, "__module__", "") == "asyncio.unix_events":
        yield  # not ours to put back, or the event loop defers it already
        return
    arrived = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal arrived
        arrived = True

    _signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        _signal.signal(signal.SIGINT, before)
        if arrived and to_loop and getattr(before, "__module__", "") != __name__:
            asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGINT)
        elif arrived:
            signal.raise_signal(signal.SIGINT)
