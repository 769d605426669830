"""Makes a picture that changes as a network learns, beside the frames, so that no frame has to wait for it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

AWHILE_SECS: Final = 0.5


class Painter:
    """One picture, painted anew on a thread of its own whenever what it is made from has changed.

    What is newest when the thread is free is painted next; what came in between is left out. All calls come from the
    thread of the window.
    """

    def __init__(self) -> None:
        self._stamp: tuple[Any, ...] | None = None
        self._picture: Picture | None = None
        self._asked: tuple[tuple[Any, ...], Future[Picture]] | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._seen_secs = -math.inf

    def of(self, stamp: tuple[Any, ...], paint: Callable[[], Picture], *, at_once: bool) -> Picture:
        """Return the picture, or the one before it while it is being made.

        Args:
            stamp: What it depends on; compared by equality, which begins with identity.
            paint: Makes it, from values that nobody writes to and without drawing.
            at_once: Make it here and now where it is not ready, as happens anyway with the first one, and with the
                first one in a while.

        Raises:
            Exception: What `paint` raised.
        """
        now_secs = time.monotonic()
        at_once = at_once or now_secs > self._seen_secs + AWHILE_SECS
        self._seen_secs = now_secs
        self._take(stamp, wait=at_once)
        if self._picture is None or (at_once and stamp != self._stamp):
            self._asked = None  # what is under way is older
            self._stamp, self._picture = stamp, paint()
        elif stamp != self._stamp and self._asked is None:
            if self._thread is None:
                self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="neuralforge-painter")
            self._asked = stamp, self._thread.submit(paint)
        return self._picture

    def _take(self, stamp: tuple[Any, ...], *, wait: bool) -> None:
        """Take over what the thread has made, and wait for it if it is just what is wanted."""
        if self._asked is None:
            return
        made_for, picture = self._asked
        if picture.done() or (wait and made_for == stamp):
            self._asked = None
            self._stamp, self._picture = made_for, picture.result()

    def forget(self) -> None:
        """Let go of the picture and of the thread."""
        self._stamp = self._picture = self._asked = None
        if self._thread is not None:
            self._thread.shutdown(wait=False)
            self._thread = None
