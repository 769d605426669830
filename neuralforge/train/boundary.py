"""The boundary between two steps: what every session does with what is asked of it, whoever makes the steps.

Requests queue from any thread. Before a step they are decided on, brought into force and written down, in this order:
the optimizer and the layers have the new values first, and no step is made before the log has the events. What the
disk refuses stays in memory and is tried again.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from contextlib import suppress

import torch

from neuralforge.runs.errors import RunLogError
from neuralforge.runs.events import Event
from neuralforge.train.checkpoint import Snapshot
from neuralforge.train.desk import Decision, Desk, Place
from neuralforge.train.keeper import Keeper, Written
from neuralforge.train.recorder import Recorder
from neuralforge.workbench.knobs import KnobBoard, KnobValue, Refused
from neuralforge.workbench.requests import Request, Ticket
from neuralforge.workbench.status import RunState


class Steered(ABC):
    """A session that is steered at one boundary; what its steps are is said by those who derive from it.

    Args:
        desk: Where requests arrive.
        recorder: Where it writes.
        keeper: Writes its checkpoints; None writes none.
        paused: Whether it waits for "run" before the first step.

    Attributes:
        state: Its state.
        step: Steps made.
        trouble: Why it is paused or has failed, if it is because of a problem.
        metrics: Last value of each series that does not belong to a step, for example "validation/accuracy".
        weights_sha256: Digest of the weights at the end, see `neuralforge.train.hashing`.
    """

    def __init__(self, desk: Desk, recorder: Recorder, keeper: Keeper | None, *, paused: bool) -> None:
        self.recorder = recorder
        self.keeper = keeper
        self.state: RunState = "paused" if paused else "ready"
        self.step = 0
        self.trouble: str | None = None
        self.metrics: dict[str, float] = {}
        self.weights_sha256: str | None = None
        self._desk = desk
        self._wake = threading.Event()
        self._pause_after: int | None = None
        self._closed = False
        self._control_asked = False
        self._knob_rows: dict[str, float] = {}
        self._decided: deque[Decision] = deque()
        self._to_record: deque[Event] = deque()
        self._to_list: deque[Written] = deque()

    # Requests: safe from any thread

    def request(self, request: Request) -> Ticket:
        """Ask for something at the next boundary, or at a later one.

        Args:
            request: Changes of knobs, or a control.

        Returns:
            A ticket that tells what becomes of it.

        Raises:
            Refused: When it cannot be carried out; nothing was changed, and the refusal is written down.
        """
        if self._closed:
            raise Refused("Nothing can be asked of this run any more: it is over.")
        try:
            return self._desk.post(request, self.step)
        finally:
            self._control_asked = self._control_asked or request.action is not None
            self._wake.set()

    def repost(self, event: Event) -> None:
        """Take up again a request for a later step that was queued when the run was interrupted."""
        self._desk.repost(event)

    def wait_for_request(self, timeout_secs: float | None = None) -> bool:
        """Wait, while paused, until something is asked; for drivers with a thread of their own."""
        woken = self._wake.wait(timeout_secs)
        self._wake.clear()
        return woken

    @property
    def board(self) -> KnobBoard:
        """The knobs with their values; change them by requests alone."""
        return self._desk.board

    # What the steps are

    @abstractmethod
    def current_sha256(self) -> str:
        """Return the digest of the weights as they are now, see `neuralforge.train.hashing`."""

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """Copy everything that is needed to go on from here."""

    @abstractmethod
    def _place(self) -> Place:
        """Return where the session stands."""

    @abstractmethod
    def _apply(self, changes: Mapping[str, KnobValue]) -> None:
        """Bring changes that are on the board into force."""

    @abstractmethod
    def _stop(self) -> None:
        """Carry out "stop"."""

    @abstractmethod
    def _extend(self, steps: int) -> None:
        """Carry out "extend"."""

    @abstractmethod
    def _land(self, keep: int) -> None:
        """Write the rows of steps that the device has finished; wait until at most `keep` are under way."""

    @abstractmethod
    def _abandon_update(self) -> None:
        """Forget a step that was begun and is not made."""

    # The boundary

    def _pause_if_due(self) -> None:
        """Pause where "run" was asked for so many steps and they have been made."""
        if self._pause_after is not None and self.step >= self._pause_after and self.state == "running":
            self._pause_after = None
            self._become("paused")

    def _take_mail(self) -> None:
        """Decide on what was asked, bring it into force and write it down."""
        if self._desk.has_mail(self.step + 1):
            for decision in self._desk.drain(self._place()):
                self._to_record.extend(decision.events)
                self._decided.append(decision)
        while self._decided:  # the disk may refuse in the middle; the rest is then carried out at the next try
            self._carry_out(self._decided.popleft())
        if self._to_record:
            self._record_events()
        if self.keeper is not None and (self.keeper.busy or self._to_list):
            self._note_written(wait=False)

    def _carry_out(self, decision: Decision) -> None:
        if not decision.granted:
            return
        request = decision.request
        if decision.changes:
            self._bring_into_force(decision.changes)
            return
        match request.action:
            case "run":
                self._pause_after = self.step + request.steps if request.steps else None
                self.trouble = None
                self._become("running")
            case "pause":
                self._become("paused")
            case "stop":
                self._stop()
            case "save":
                self._save("periodic")
            case "extend":
                self._extend(request.steps or 0)

    def _bring_into_force(self, changes: Mapping[str, KnobValue]) -> None:
        """Carry changes that are on the board to where they work; the next row has them (lr is in every row)."""
        self._apply(changes)
        self._knob_rows.update({key: float(value) for key, value in changes.items() if key != "lr"})

    def _write_knob_rows(self, step: int) -> None:
        for key, value in self._knob_rows.items():
            self.recorder.scalar(f"knob/{key}", step, value)
        self._knob_rows = {}

    def _record_events(self) -> None:
        """Write events down; what the disk refuses is tried again before the next step, and no step is made before."""
        while self._to_record:
            self.recorder.event(self._to_record[0])
            self._to_record.popleft()

    def _note(self, key: str, why: str, *, actor: str = "engine", operation: str = "notice") -> None:
        """Write down an event that nobody asked for."""
        place = self._place()
        self._to_record.append(
            Event(
                operation=operation,
                key=key,
                actor=actor,
                requested_at_step=self.step,
                applied_step=self.step + 1,
                epoch=place.epoch,
                sample_cursor=place.cursor,
                phase="train",
                why=why,
            )
        )
        self._record_events()

    # States

    def _become(self, state: RunState) -> None:
        if state == self.state:
            return
        if state == "paused":
            self._land(0)
        self.state = state
        self.recorder.status(state)
        if state == "paused":
            self.recorder.flush()

    def _pause_by_rule(self, key: str, trouble: str) -> None:
        """Pause because of what the numbers say."""
        self.trouble = trouble
        self._note(key, trouble, actor="rule")
        self._become("paused")

    def _pause(self, trouble: str) -> None:
        """Pause because the disk refuses."""
        self.trouble = trouble
        self.state = "paused"

    # Checkpoints

    def _save(self, kind: str) -> None:
        if self.keeper is None:
            return
        snapshot = self.snapshot()
        weights = (tensor for name, tensor in snapshot.tensors.items() if name.startswith("model."))
        if all(bool(torch.isfinite(tensor).all()) for tensor in weights):
            self.keeper.save(snapshot, kind)
        else:  # the older checkpoints, which are good, stay the newest
            self.keeper.save_best()
            self.trouble = self.trouble or f"The weights after step {self.step} are not finite, so they were not saved."

    def _note_written(self, *, wait: bool) -> None:
        """List the checkpoints that have reached the disk."""
        assert self.keeper is not None
        while self._to_list or self.keeper.busy:
            try:
                if not self._to_list:
                    written = self.keeper.collect(wait=wait)
                    if written is None:
                        return
                    self._to_list.append(written)
                self.recorder.checkpoint(*self._to_list[0])
                kind = self._to_list.popleft().kind
                self.keeper.prune(kind)
            except OSError as error:
                trouble = f"A checkpoint could not be written ({error.strerror or error}); the older ones are whole."
                self.trouble = trouble
                self._note("checkpoint", trouble)

    # The end

    def end(self, state: RunState) -> None:
        """End the work on the run: save, close the log, let go of the folder.

        Args:
            state: "completed" or "stopped"; or "paused", to go on later from the files alone.

        Raises:
            RunLogError: The disk refuses; nothing has ended, and it may be tried again.
        """
        self._abandon_update()
        self._land(0)
        self._closed = True  # from here on requests are refused, so that none is taken and never answered
        try:
            self._end(state)
        except BaseException:
            self._closed = False
            raise

    def _end(self, state: RunState) -> None:
        self._dismiss("The run was just ending.")
        self._record_events()
        if self.keeper is not None:
            self._save_last()
            self._note_written(wait=True)
        self.weights_sha256 = self._last_sha256()
        try:
            self.recorder.close(state, self.step, self.weights_sha256)
        except RunLogError as error:
            if self.recorder.is_open:
                raise
            self.trouble = str(error)  # the journal has everything; the file is completed when it is opened again
        self.state = state
        if self.keeper is not None:
            self.keeper.close()

    def _save_last(self) -> None:
        """Write the checkpoint that the run can be gone on with from."""
        if self.step:
            self._save("last")

    def _last_sha256(self) -> str | None:
        """Return the digest that the log is closed with."""
        return self.current_sha256()

    def _dismiss(self, why: str) -> None:
        """Refuse what waits to be decided on; there is no boundary any more."""
        for decision in self._desk.dismiss(self._place(), why):
            self._to_record.extend(decision.events)

    def _fail(self, error: Exception) -> None:
        """End as failed, with as much in the log as the device and the disk still give."""
        self.trouble = failure(self.step + 1, error)
        self.state, self._closed = "failed", True
        weights = None
        with suppress(Exception):  # a device that has failed may give nothing more
            self._land(0)
            weights = self.current_sha256()
        try:
            self._dismiss("The run has just failed.")
            self._note("failed", self.trouble)
            if self.keeper is not None:
                self._note_written(wait=True)
            self.recorder.close("failed", self.step, weights)
        except Exception as second:
            self.trouble = f"{self.trouble} {second}"
            self.recorder.abandon()
        finally:
            if self.keeper is not None:
                self.keeper.close()


def failure(step: int, error: BaseException) -> str:
    """Return the sentence for a step that raised."""
    memory = isinstance(error, torch.OutOfMemoryError) or "memory" in str(error).lower()
    hint = " The device is out of memory: try a smaller batch_size." if memory else ""
    return f"Step {step} failed: {type(error).__name__}: {str(error)[:500]}.{hint}"
