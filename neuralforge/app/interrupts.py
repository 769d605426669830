"""Interrupts (Ctrl+C) that wait for the end of a frame."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def deferred_interrupt() -> Iterator[None]:
    """Let an interrupt (SIGINT) that arrives meanwhile take effect afterwards.

    In the middle of a frame it would leave Dear ImGui's stacks half way, and the node editor beyond repair.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    if before is None or getattr(before, "__module__", "") == "asyncio.unix_events":
        yield  # not ours to put back, or the event loop defers it already
        return
    arrived = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal arrived
        arrived = True

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if arrived:
            signal.raise_signal(signal.SIGINT)
