"""The session of a loop that a person writes: the same boundary, knobs and log, around steps made elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Literal

import safetensors.torch
import torch
from torch import nn

from neuralforge.errors import UserError
from neuralforge.runs.errors import RunLogError
from neuralforge.train.boundary import Steered, failure
from neuralforge.train.checkpoint import Snapshot, take_tensors
from neuralforge.train.desk import Desk, Place
from neuralforge.train.hashing import weights_sha256
from neuralforge.train.keeper import Keeper
from neuralforge.train.loop_log import LoopRecorder
from neuralforge.train.loop_numbers import LoopNumbers
from neuralforge.train.loop_watch import LoopWatch
from neuralforge.train.own_levers import Bounds, OwnLevers
from neuralforge.workbench.knobs import Knob, KnobValue, Refused, bounded
from neuralforge.workbench.requests import Request, Ticket
from neuralforge.workbench.status import Progress, RunState

Turn = Literal["go", "wait", "end"]

_MAX_KEY: Final = 100
_FULL_SECS: Final = 0.05
"""How often the boundary does all that it does, however short the turns; in between it looks whether there is need."""
_NEVER: Final = 1 << 62


class OwnLoop(Steered):
    """A run whose steps are the turns of a loop that somebody else makes.

    The loop calls `begin_pass` before it goes over its data, then `before_step` until that says "go", makes its turn,
    in which it may `log`, and calls `step_done`. A turn that is not finished counts for nothing: what it has logged is
    dropped, and the next turn has its number. All of this happens on one thread at a time; requests, and what only
    reads, are safe from any thread.

    Knobs write to the optimizer at the boundary, so that they are in force in the whole turn. What the person's own
    code writes there, a scheduler of PyTorch say, is taken over at the next boundary: the board and the rows have what
    is in force, without an event. So a scheduler that multiplies the present value (`StepLR`, `ExponentialLR`,
    `CosineAnnealingLR`, `ReduceLROnPlateau`) goes on from a value that was asked for; one that works the value out
    from the beginning (`LambdaLR`, `OneCycleLR`, `CyclicLR`) overwrites it when it steps next.

    A knob that stands for all parameter groups since they agreed in the beginning is read from the first of them, and
    written to all.

    A stop ends the loop and leaves the log open, so that what follows the loop may still be logged; "run" takes it
    back, and `end` makes it final. The sample cursor of an event is the number of turns made in the pass.

    Args:
        model: What trains.
        optimizer: Its optimizer.
        bounds: Bounds of numbers of the optimizer that are to be knobs, by name: "lr", "momentum", "beta1" and the
            like; "lr_0" is that of the first parameter group. None is the learning rate.
        recorder: Where it writes.
        keeper: Writes checkpoints when they are asked for; None has none.
        paused: Whether it waits for "run" before the first turn.

    Raises:
        UserError: When the optimizer does not have what is named, or bounds are none.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        bounds: Bounds,
        recorder: LoopRecorder,
        keeper: Keeper | None = None,
        *,
        paused: bool = False,
    ) -> None:
        self._levers = OwnLevers(optimizer, bounds)
        impossible = {"extend": "A loop of your own ends where your code ends it, so it cannot be extended."}
        if keeper is None:
            impossible["save"] = "There is no place to save to: this loop has no folder of its own."
        super().__init__(Desk(self._levers.board, impossible=impossible), recorder, keeper, paused=paused)
        self.model = model
        self.optimizer = optimizer
        self.epoch = 0
        self.watch: LoopWatch | None = None
        """Looks at sampled turns."""
        self._batches = 0
        self._before_pass = 0
        self._begins_pass = False
        self._goes_on_with_pass = False
        self._in_turn = False
        self.in_pass = False
        """Whether the data is still gone over, as whoever goes round says; a run that ends then is not complete."""
        self._numbers = LoopNumbers(recorder, knobs_lr="lr" in self.board.knobs)
        self.metrics = self._numbers.metrics
        self._lr: float | None = self._levers.lr()
        self._loss = math.nan
        self._is_nonfinite = False
        self._full_secs = 0.0
        self.due_secs = math.inf
        """When whoever goes round the loop has something else to do, by `time.monotonic`."""
        self._is_plain = False
        """Whether nothing but the next turn is to come, as far as anybody has said: its boundary may be a short one."""
        self._at_secs = self._gap_secs = 0.0  # of the last whole boundary, and how long after another one comes
        self._knob_rows = {key: float(value) for key, value in self.board.values.items() if key != "lr"}

    # Requests: safe from any thread

    def request(self, request: Request) -> Ticket:
        """Ask for something, see `Steered.request`."""
        try:
            return super().request(request)
        finally:
            self._is_plain = False

    # Knobs

    def knob(
        self,
        key: str,
        value: KnobValue,
        low: float | None = None,
        high: float | None = None,
        *,
        title: str = "",
        doc: str = "",
    ) -> None:
        """Declare a knob of the loop's own, which the loop reads by `value`.

        Declaring it again changes its bounds, and leaves the value where that lies within them.

        Args:
            key: Its name: letters, digits and underscores.
            value: Its first value; a bool makes a switch, a whole number with whole bounds a whole knob.
            low: Least value; none for a switch.
            high: Greatest value; none for a switch.
            title: What a panel shows; "" makes one of the key.
            doc: What it does.

        Raises:
            UserError: When it cannot be.
        """
        if self._closed:
            raise Refused("No knob can be added to this run any more: it is over.")
        if not (key.isidentifier() and key.isascii() and len(key) <= _MAX_KEY):
            raise UserError(f"A knob is named with letters, digits and underscores. Received: {key!r:.80}")
        if self._levers.owns(key):
            raise UserError(f"{key} is a number of the optimizer: give its bounds where the loop is made.")
        knob = _declared(key, value, low, high, title, doc)
        first = knob.check(value)
        with suppress(Refused):
            first = knob.check(self.board.values.get(key, first))
        self.board.declare(knob, first)
        self._knob_rows[key] = float(first)
        self._is_plain = False

    def value(self, key: str) -> KnobValue:
        """Return the value of a knob that is in force.

        Raises:
            Refused: When there is none of that key.
        """
        self.board.find(key)
        return self.board.values[key]

    # The loop's side

    def begin_pass(self, batches: int | None = None) -> None:
        """Say that the loop begins to go over its data.

        After an interruption this goes on, since it was the loop that somebody began anew.

        Args:
            batches: Turns that it will take; None where that is not known.

        Raises:
            Refused: When the run is over.
        """
        if self._closed:
            raise Refused("This run is over; begin another one for another loop.")
        self._abandon_update()
        self._begins_pass, self._batches = True, batches or 0
        if self._goes_on_with_pass and self.state == "paused":
            self._goes_on_with_pass = False
            with suppress(RunLogError):  # said at the boundary, which does the same
                self._become("running")

    def leave_pass(self) -> None:
        """Say that the data is no longer gone over, and write what waits."""
        self.in_pass = False
        self.write_rows()

    def write_rows(self) -> None:
        """Write the rows that short turns have left to be written later, on the thread of the loop."""
        try:
            self._write_due()
        except RunLogError as error:
            self._pause(str(error))

    def settle(self) -> None:
        """Decide between two loops on what was asked, on the thread of the loop; within a turn, do nothing."""
        if self._closed or self._in_turn:
            return
        try:
            self._take_mail()
        except RunLogError as error:
            self._pause(str(error))

    def before_step(self) -> Turn:
        """Bring into force what was asked, and say what the loop is to do.

        Returns:
            "go": make a turn; "wait": ask again later, since it is paused; "end": leave the loop.
        """
        if self._is_plain and not self._in_turn and self._levers.is_untouched():
            self._in_turn = True
            return "go"
        if self._closed:
            return "end"
        if self._in_turn:
            self._abandon_update()
        try:
            return self._boundary(time.monotonic())
        except RunLogError as error:
            # What was not written is still in memory, so the run may go on when there is room again.
            self._pause(str(error))
            return "end" if self.state == "stopped" else "wait"

    def _boundary(self, now_secs: float) -> Turn:
        if self.state in ("ready", "failed"):
            self.trouble = None
            self._become("running")
        self._pause_if_due()
        changed = self._levers.follow()
        if changed:
            self._knob_rows.update({key: float(value) for key, value in changed.items() if key != "lr"})
        self._control_asked = False
        self._is_plain = True  # before the mail is taken: what comes from now on makes it false
        self._take_mail()
        if self.state != "running":
            self.recorder.tick(now_secs, 0.0)
            self._at_secs, self._is_plain = now_secs, False
            return "wait" if self.state == "paused" else "end"
        self._write_due()  # the disk had refused it
        self.recorder.tick(now_secs, max(self._gap_secs, _FULL_SECS))
        if self._begins_pass:  # what went on before it was no turn
            self._begins_pass = False
            self.epoch, self._before_pass = self.epoch + 1, self.step
        else:
            self._gap_secs += 0.1 * (now_secs - self._at_secs - self._gap_secs)
        self._lr = self._levers.lr()
        if self.watch is not None:
            self.watch.before_turn(self.step + 1)
            if self.watch.is_looking:  # also where that turn shows nothing: then the look is still due
                self._is_plain = False
        if self._pause_after is not None or self._knob_rows or self._desk.has_mail(_NEVER):
            self._is_plain = False
        self._at_secs, self._full_secs = now_secs, now_secs + _FULL_SECS
        self._in_turn = True
        return "go"

    def log(self, values: Mapping[str, object] | None = None, /, **named: object) -> None:
        """Log numbers of the present turn; outside of a turn, of the last one.

        A tensor on a device is not waited for. A number that is logged twice in a turn has the later value. After the
        end of the run nothing is logged.

        Args:
            values: Name -> number; for names such as "validation/loss", which are series as they are. A plain name
                such as `loss` is the series "train/loss".
            **named: The same for plain names.

        Raises:
            UserError: When the log cannot hold a name or a value.
        """
        if values is None and self._in_turn:  # as most are
            self._numbers.put(named)
            return
        if self._closed:
            return
        if values is not None:
            if not isinstance(values, Mapping):
                kind = type(values).__name__
                raise UserError(f"A log takes numbers by their names, such as loss=loss. Received: {kind}")
            named = {**values, **named}
        if self._in_turn:
            self._numbers.put(named)
            return
        with suppress(RunLogError):  # said below, which does the same
            self._land(0)
        self._numbers.put_after(self.step, named)
        try:
            self._land(0)
        except RunLogError as error:  # what the disk refuses is written when there is room again
            self._pause(str(error))

    @property
    def has_logged(self) -> bool:
        """Whether something was logged in the present turn."""
        return self._in_turn and self._numbers.has_any

    def step_done(self) -> bool:
        """Say that a turn was made. After a short one its row is written with those that follow.

        Returns:
            Whether `due_secs` has come.
        """
        if not self._in_turn:
            return False
        self._in_turn = False
        self.step += 1
        may_wait = self._numbers.finish(self.step, self._lr)
        now_secs = time.monotonic()
        if now_secs >= self._full_secs or not (may_wait and self._is_plain):
            self._settle_turns()
        return now_secs >= self.due_secs

    def _settle_turns(self) -> None:
        """Do what short turns leave to be done later."""
        self._is_plain = False
        if self.watch is not None:
            self.watch.after_turn()
        try:
            self._write_due()
            if self._knob_rows:
                self._write_knob_rows(self.step)
        except RunLogError as error:
            self._pause(str(error))

    def fail(self, error: BaseException) -> None:
        """Note that a turn raised. The next one goes on.

        Args:
            error: What it raised.
        """
        if self._closed:
            return
        trouble = failure(self.step + 1, error)
        self._leave("failed", trouble)
        self.state, self.trouble = "failed", trouble

    def interrupted(self) -> None:
        """Note that somebody has interrupted the loop from outside: it pauses, until it is begun anew."""
        if self._closed:
            return
        goes_on = self._goes_on_with_pass or self.state == "running"
        self._leave("interrupted", f"The loop was interrupted in step {self.step + 1}.")
        self._goes_on_with_pass = goes_on
        if self.state != "stopped":
            self.state = "paused"

    def _leave(self, key: str, why: str) -> None:
        """Write down why a turn was left, and that the loop stands still."""
        self._abandon_update()
        try:
            with suppress(RuntimeError):  # a device that has failed may give nothing more
                self._land(0)
            self._note(key, why)
            self.recorder.status("paused")
            self.recorder.flush()
        except RunLogError:
            pass  # what could not be written is tried again at the next boundary, which says so

    # Where it is: safe from any thread

    @property
    def ended(self) -> bool:
        """Whether the run is over. One that is stopped or has failed is not, until `end` was called."""
        return self._closed

    @property
    def outcome(self) -> Literal["completed", "stopped", "failed"]:
        """How the run would end now: as it is, or completed where the loop has run to its own end."""
        if self.state == "failed":
            return "failed"
        return "completed" if self.state == "running" and not (self._in_turn or self.in_pass) else "stopped"

    def progress(self) -> Progress:
        """Return where the run is; nobody knows how long it will be."""
        batch = 0 if self._begins_pass else self._batch
        epoch = max(1, self.epoch + self._begins_pass)
        metrics = dict(self.metrics)
        return Progress(self.state, self.step, 0, epoch, 0.0, self._loss, metrics, self.trouble, batch, self._batches)

    def current_sha256(self) -> str:
        """Return the digest of the weights as they are now, see `neuralforge.train.hashing`."""
        return weights_sha256(self.model)

    @property
    def _batch(self) -> int:
        return self.step - self._before_pass

    # Rows

    def _land(self, keep: int) -> None:
        self._write_usual()
        while len(self._numbers) > keep:
            self._see(*self._numbers.write_next())

    def _write_due(self) -> None:
        self._write_usual()
        while self._numbers.waiting() > 0:
            self._see(*self._numbers.write_next())

    def _write_usual(self) -> None:
        last = self._numbers.write_usual()
        if last is not None:
            self._see(*last)

    def _see(self, step: int, loss: float | None) -> None:
        """Take in the loss of a step, if it was logged; the first in a row that is not finite pauses the loop."""
        if loss is None:
            return
        self._loss = loss
        if math.isfinite(loss):
            self._is_nonfinite = False
        elif not self._is_nonfinite:
            self._is_nonfinite = True
            self._pause_by_rule("nonfinite", f"The loss of step {step} is not finite.")

    # States

    def _become(self, state: RunState) -> None:
        self._goes_on_with_pass = self._is_plain = False
        if state == "paused" and self.state == "stopped":
            return  # a loop that has ended waits for nothing
        super()._become(state)

    def _pause(self, trouble: str) -> None:
        self.trouble, self._is_plain = trouble, False
        if self.state != "stopped":
            self.state = "paused"

    def _stop(self) -> None:
        self.state = "stopped"
        self._land(0)
        self.recorder.status("paused")  # as long as the log is open, it may go on
        self.recorder.flush()

    def _extend(self, steps: int) -> None:
        raise AssertionError("the desk refuses it")

    def _place(self) -> Place:
        return Place(self.step, self.epoch + 1, 0) if self._begins_pass else Place(self.step, self.epoch, self._batch)

    def _apply(self, changes: Mapping[str, KnobValue]) -> None:
        self._levers.apply(changes)

    def _abandon_update(self) -> None:
        self._in_turn = self._is_plain = False
        self._numbers.forget()
        if self.watch is not None:
            self.watch.after_turn()

    def end(self, state: RunState | None = None) -> None:
        """End the run: close the log, let go of the folder.

        Args:
            state: "completed", "stopped" or "failed"; None takes `outcome`.

        Raises:
            RunLogError: The disk refuses; nothing has ended, and it may be tried again.
        """
        super().end(state or self.outcome)

    def _save_last(self) -> None:
        """Write nothing: a loop of one's own cannot be gone on with from files."""

    def _last_sha256(self) -> str | None:
        try:
            return self.current_sha256()
        except (RuntimeError, TypeError, ValueError):  # weights that are not there yet, or lie in no plain memory
            return None

    # Checkpoints

    def _save(self, kind: str) -> None:
        try:
            super()._save(kind)
        except UserError as error:
            if isinstance(error, RunLogError):
                raise
            self.trouble = str(error)
            self._note("checkpoint", self.trouble)

    def snapshot(self) -> Snapshot:
        """Copy model, optimizer and knobs.

        Raises:
            UserError: When a checkpoint cannot hold them.
        """
        self._land(0)
        try:
            tensors = take_tensors(self.model, self.optimizer)
            safetensors.torch.save({str(t.dtype): torch.empty(0, dtype=t.dtype) for t in tensors.values()})
        except (RuntimeError, ValueError, KeyError, NotImplementedError) as error:
            raise UserError(f"The model cannot be saved: {type(error).__name__}: {str(error)[:200]}.") from None
        state = {
            "step": self.step,
            "epoch": self.epoch,
            "cursor": self._batch,
            "values": dict(self.board.values),
            "metrics": dict(self.metrics),
            "numbers": [self._loss, math.nan],
            "bad_validations": 0,
            "validated_at": 0,
            "limit_steps": None,
            "limit_epochs": None,
            "scaler": None,
            "best_loss": None,
            "stopped_early": False,
        }
        return Snapshot(tensors, state)


def _declared(key: str, value: KnobValue, low: float | None, high: float | None, title: str, doc: str) -> Knob:
    if isinstance(value, bool):
        if low is not None or high is not None:
            raise UserError(f"{key} is true or false, so it has no bounds.")
        return Knob(key=key, title=title or key.replace("_", " ").capitalize(), kind="bool", doc=doc)
    if not isinstance(value, int | float):
        raise UserError(f"A knob is a number, or true or false. Received for {key}: {value!r:.80}")
    if low is None or high is None:
        raise UserError(f"{key} needs its bounds, low and high.")
    if not (isinstance(low, int | float) and isinstance(high, int | float)):
        raise UserError(f"The bounds of {key}, low and high, are numbers. Received: {low!r:.80}, {high!r:.80}")
    whole = all(isinstance(number, int) for number in (value, low, high))
    return bounded(key, low, high, kind="int" if whole else "float", title=title, doc=doc)
