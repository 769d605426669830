"""Who pumps a session: a tight loop, slices between the frames of a window, or one long-lived worker thread.

None of them can change the numbers. Under a window, short steps run in slices on the thread of the window, as many as
fit before the next frame is due. Steps of which few fit would leave much of each slice empty, so these run in a worker
thread; and what is no step and may take long, such as a validation or the end of a run, runs there too, which keeps
the window fluent. The change from one to the other happens between two pulses only, with hysteresis.
"""

from __future__ import annotations

import asyncio
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

from neuralforge.app.interrupts import deferred_interrupt
from neuralforge.workbench.status import Pulse

if TYPE_CHECKING:
    from neuralforge.train.session import TrainingSession

FRAME_SECS = 1 / 60
UI_SHARE = 0.5
TO_WORKER_SHARE = 0.13
"""Length of a step, as a part of what a frame leaves, above which steps move to the worker."""
TO_SLICES_SHARE = 0.09
"""The same, below which they come back."""
LATE_SECS = 0.0007
"""How much later than due a slice may end at full rate, so that less of it stays empty."""
LONG_SECS = 0.004
"""What takes longer than this and is no step goes to the worker."""
FIRST_PULSES = 3
"""These run on the worker, since nobody knows how long a step is, and the first one makes much ready."""
UNATTENDED_SECS = 0.05

Mode = Literal["auto", "slices", "worker"]


def run_to_end(session: TrainingSession) -> None:
    """Pump a session in a tight loop until it ends or pauses."""
    for pulse in session.steps():
        if pulse.kind == "paused":
            return


class FrameClock:
    """What the drivers must know of the window: when a frame was last drawn, and what it cost.

    The window calls `frame_done` after each frame. Everything here happens on the thread of the event loop.
    """

    def __init__(self) -> None:
        self.cost_secs = 0.0
        self.interval_secs = FRAME_SECS  # longer while the window is hidden
        self.frames = 0
        self._last_secs = time.monotonic()
        self._drawn = asyncio.Event()

    def frame_done(self, cost_secs: float) -> None:
        """Note a frame.

        Args:
            cost_secs: Time that drawing it took.
        """
        self._last_secs = time.monotonic() - cost_secs  # when it began: frames are due from start to start
        self.frames += 1
        self.cost_secs = 0.8 * self.cost_secs + 0.2 * cost_secs
        self._drawn.set()

    def due_secs(self) -> float:
        """Return when the next slice must end.

        A frame after the last one; but never so early that training gets less than its share beside slow frames.
        """
        share = self.cost_secs * UI_SHARE / (1 - UI_SHARE)
        return max(self._last_secs + self.interval_secs, time.monotonic() + share)

    @property
    def room_secs(self) -> float:
        """What a frame leaves to training: the rest of its time, and never less than training's share."""
        return max(self.interval_secs - self.cost_secs, self.cost_secs * UI_SHARE / (1 - UI_SHARE))

    async def next_frame(self, *, idle: bool = False) -> None:
        """Wait until a frame was really drawn, or, where nobody draws, for a moment.

        Args:
            idle: Whether there is nothing to do; else, where no frame was ever drawn, only others get their turn.
        """
        self._drawn.clear()
        # No timeout of asyncio's: it cancels the task for a moment, which whoever wants to end it would see.
        secs = UNATTENDED_SECS if self.frames or idle else 0.0
        unattended = asyncio.get_running_loop().call_later(secs, self._nobody_draws)
        try:
            await self._drawn.wait()
        finally:
            unattended.cancel()

    def _nobody_draws(self) -> None:
        self._last_secs = time.monotonic()
        self._drawn.set()


class Driver:
    """Pumps one session under an event loop.

    Args:
        session: The session.
        clock: Tells when frames are due.
        mode: "auto" chooses by the length of a step; the other two are fixed. May be changed between two pulses.

    Attributes:
        on_worker: Whether steps run on the worker.
        step_secs: Smoothed time from one pulse of a step to the next.
        switches: How often steps went from one to the other.
    """

    def __init__(self, session: TrainingSession, clock: FrameClock, mode: Mode = "auto") -> None:
        self.session = session
        self.clock = clock
        self.mode = mode
        self.step_secs = 0.0
        self.on_worker = mode == "worker"
        self.switches = 0
        self._pulses_until_known = FIRST_PULSES
        self._validation_secs = math.inf  # of the longest part of late; the first one may take any time
        self._steps: Iterator[Pulse] = session.steps()
        self._worker: _Worker | None = None
        self._hand_back = threading.Event()

    async def run(self) -> None:
        """Pump until the session ends.

        Raises:
            StepFailed: When a step raised.
        """
        self._hand_back.clear()
        try:
            while not self.session.ended:
                if self.on_worker or self._is_long_ahead():
                    if self._worker is None:
                        self._worker = _Worker()
                    finished = await self._worker.run(self._pump_on_worker)
                else:
                    finished = await self._pump_in_slices()
                if finished:
                    return
        finally:
            self._hand_back.set()
            if self._worker is not None:
                worker, self._worker = self._worker, None
                await asyncio.shield(asyncio.to_thread(worker.close))  # not on the loop: a step may take long

    def _next(self) -> Pulse | None:
        ahead = self.session.ahead()
        began_secs = time.perf_counter()
        pulse = next(self._steps, None)
        took_secs = time.perf_counter() - began_secs
        if ahead == "validation":
            known_secs = self._validation_secs if math.isfinite(self._validation_secs) else 0.0
            self._validation_secs = max(took_secs, 0.9 * known_secs)
        elif ahead == "step" and pulse is not None and pulse.kind != "paused":
            self.step_secs += (0.1 if self._pulses_until_known <= 0 else 1.0) * (took_secs - self.step_secs)
            self._pulses_until_known -= 1
        return pulse

    def _prefers_worker(self) -> bool:
        """Return whether steps should run on the worker: by what a frame leaves to them, and where they run now."""
        if self.mode != "auto":
            return self.mode == "worker"
        share = TO_SLICES_SHARE if self.on_worker else TO_WORKER_SHARE
        return self.step_secs > share * self.clock.room_secs

    def _goes_to_worker(self) -> bool:
        """Decide where steps run from now on, and return whether that is the worker."""
        wanted = self._prefers_worker()
        if wanted != self.on_worker:
            self.on_worker = wanted
            self.switches += 1
        return wanted

    def _is_long_ahead(self) -> bool:
        """Return whether what comes next would hold up the frames."""
        if self.mode != "auto":
            return False
        ahead = self.session.ahead()
        if ahead == "step":
            return self._pulses_until_known > 0 and self.session.state != "paused"
        return ahead == "long" or (ahead == "validation" and self._validation_secs > LONG_SECS)

    async def _pump_in_slices(self) -> bool:
        """Pump between frames; return whether the session is over, or else what comes next is for the worker."""
        while True:
            with deferred_interrupt(to_loop=True):
                finished = self._pump_slice(self.clock.due_secs())
            if finished is not None:
                return finished
            await self.clock.next_frame(idle=self.session.state == "paused")

    def _pump_slice(self, due_secs: float) -> bool | None:
        """Pump until a frame is due; return whether the session is over, or else None to go on after the frame."""
        self.session.may_look = True  # a look takes longer than a step, and must not be in the way of the next frame
        while True:
            pulse = self._next()
            if pulse is None:
                return True
            if pulse.kind == "step":
                self.session.may_look = False
            if self._is_long_ahead():
                return False
            if pulse.kind == "paused":
                return None
            if time.monotonic() + self.step_secs > due_secs + self._late_secs():
                return False if self._goes_to_worker() else None

    def _late_secs(self) -> float:
        """Return how late a slice may end: where nobody's hands are on the window, as late as leaves no time unused."""
        if self.clock.interval_secs > FRAME_SECS:
            return self.step_secs
        return min(LATE_SECS, self.step_secs / 2)

    def _pump_on_worker(self) -> bool:
        """Pump without looking at frames; return whether the session is over, or else what comes next is for slices."""
        self.session.may_look = True
        while not self._hand_back.is_set():
            pulse = self._next()
            if pulse is None:
                return True
            if not self._goes_to_worker() and not self._is_long_ahead():
                return False
            if pulse.kind == "paused":
                self.session.wait_for_request(UNATTENDED_SECS)
        return True


class _Worker:
    """One thread that carries out one job after the other for an event loop."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="neuralforge-steps", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    async def run(self, job: Callable[[], bool]) -> bool:
        """Carry out a job on the thread and return its result."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()

        def carry_out() -> None:
            try:
                result = job()
            except BaseException as error:
                loop.call_soon_threadsafe(_settle, done, None, error)
            else:
                loop.call_soon_threadsafe(_settle, done, result, None)

        self._jobs.put(carry_out)
        return await done

    def close(self) -> None:
        """End the thread after its present job."""
        self._jobs.put(None)
        self._thread.join()


def _settle(future: asyncio.Future[bool], result: bool | None, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(bool(result))
