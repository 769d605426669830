"""A training session: a plain generator of steps, steered at one boundary.

`steps()` knows neither asyncio nor a window. Whoever pumps it cannot change the numbers: they depend on the document,
the data, the configuration, and the requests with the steps in which they came into force.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from neuralforge.data.order import batches_in_epoch
from neuralforge.runs.errors import RunLogError
from neuralforge.runs.events import Event
from neuralforge.train.checkpoint import Snapshot
from neuralforge.train.desk import Decision, Desk, Place
from neuralforge.train.devices import default_threads
from neuralforge.train.engine import Engine, NonFinite
from neuralforge.train.hashing import weights_sha256
from neuralforge.train.keeper import Keeper, Written
from neuralforge.train.recorder import History, Recorder
from neuralforge.train.schedules import factor, is_constant
from neuralforge.workbench.knobs import Refused
from neuralforge.workbench.requests import Request, Ticket
from neuralforge.workbench.status import Ahead, Progress, Pulse, RunState

_MAX_IN_FLIGHT = 2


class StepFailed(RuntimeError):
    """A step raised; the run has ended as failed and its log is whole. The cause is chained."""


class TrainingSession:
    """One run, from its first step to its end.

    Args:
        engine: What it computes with.
        recorder: Where it writes.
        keeper: Writes its checkpoints; None writes none.
        history: Record of steps that are to be gone over again, on resume and replay.
        paused: Whether it waits for "run" before the first step.
    """

    def __init__(
        self,
        engine: Engine,
        recorder: Recorder,
        keeper: Keeper | None = None,
        history: History | None = None,
        *,
        paused: bool = False,
    ) -> None:
        self.engine = engine
        self.config = engine.config
        self.recorder = recorder
        self.keeper = keeper
        self.state: RunState = "paused" if paused else "ready"
        self.step = 0
        self.trouble: str | None = None
        self.metrics: dict[str, float] = {}
        self.weights_sha256: str | None = None
        self.threads = self.config.threads or default_threads()
        self._history = history
        self._asked: dict[int, list[Event]] = {}
        self._retrace_until = 0
        self._desk = Desk(engine.board, history.next_gesture() if history else 1)
        self._wake = threading.Event()
        self._limit_steps = self.config.steps
        self._limit_epochs = self.config.epochs
        self._pause_after: int | None = None
        self._end_as: RunState | None = None
        self._best_loss = math.inf
        self._bad_validations = 0
        self._validated_at = 0
        self._scored: dict[str, int] = {}
        self._unsettled = False
        self._update_from: tuple[int, int] | None = None
        self._closed = False
        self._control_asked = False
        self._evaluating = False
        self._loss = self._metric = math.nan
        self._constant_factor = is_constant(self.config)
        self._knob_rows: dict[str, float] = {}
        self._decided: deque[Decision] = deque()
        self._to_record: deque[Event] = deque()
        self._to_list: deque[Written] = deque()
        self._in_flight: deque[tuple[int, Tensor, float, float]] = deque()
        self._thread = 0
        self._step_secs = 0.0
        self._on_cpu = engine.device.type == "cpu"
        if history is not None:
            self._start_retracing(history, after=0)

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

    def wait_for_request(self, timeout_secs: float | None = None) -> bool:
        """Wait, while paused, until something is asked; for drivers with a thread of their own."""
        woken = self._wake.wait(timeout_secs)
        self._wake.clear()
        return woken

    @property
    def board(self) -> Any:
        """The knobs with their values; change them by requests alone."""
        return self.engine.board

    @property
    def ended(self) -> bool:
        """Whether the run is over."""
        return self.state in ("completed", "stopped", "failed")

    def progress(self) -> Progress:
        """Return where the run is; safe from any thread."""
        return Progress(
            self.state,
            self.step,
            self.total_steps(),
            min(self.engine.order.epoch + self.engine.order.at_end, self._limit_epochs or 1 << 62),
            self._fraction(),
            self._loss,
            dict(self.metrics),
            self.trouble,
            *self._batches(),
        )

    def final_metrics(self) -> dict[str, float]:
        """Return the last loss and metric of each split, by the names of their series."""
        train = {"train/loss": self._loss, f"train/{self.engine.criterion.metric_name}": self._metric}
        return {**(train if self.step else {}), **self.metrics}

    def total_steps(self) -> int:
        """Return the number of updates of the whole run; an estimate where it ends by epochs."""
        if self._limit_steps is not None:
            return self._limit_steps
        values, n = self.board.values, len(self.engine.train)
        size = int(values["batch_size"] * values["accumulation"])
        per_epoch = batches_in_epoch(n, size)
        order = self.engine.order
        left = batches_in_epoch(n - order.cursor, size) if order.cursor < n else 0
        return self.step + left + ((self._limit_epochs or 0) - order.epoch) * per_epoch

    def _batches(self) -> tuple[int, int]:
        """Return the updates made in this epoch and those of the whole of it, as if all had the size now in force."""
        values, n, order = self.board.values, len(self.engine.train), self.engine.order
        size = int(values["batch_size"] * values["accumulation"])
        epoch, cursor = self._update_from or (order.epoch, order.cursor)  # an update that is begun is not made
        if cursor < n:
            made = -(-cursor // size)
            return made, made + batches_in_epoch(n - cursor, size)
        per_epoch = batches_in_epoch(n, size)
        is_last = self._limit_epochs is not None and epoch >= self._limit_epochs
        return (per_epoch if is_last else 0), per_epoch

    def ahead(self) -> Ahead:
        """Tell what comes before the next pulse, so that a driver may choose where to do it; almost free."""
        if self._control_asked or self._end_as is not None:
            return "long"
        if self._update_from is not None:  # in the middle of an update
            return "step"
        if self._done() and self.state == "running":
            return "long"
        if self._unsettled:
            if self.keeper is not None and self.keeper.due(self.step):
                return "long"
            if self._evaluating or self._validation_due():
                return "validation"
        return "step"

    # The generator

    def steps(self) -> Iterator[Pulse]:
        """Train. Each pulse is a place where a driver may do something else, for as long as it likes.

        Yields:
            A pulse after each update, between the batches of one update, between the parts of a validation, and
            over and over while paused (a driver waits for a request then).

        Raises:
            StepFailed: When a step raised. The run has ended as "failed" and its log is whole.
        """
        pulses = self._pulses()
        self._take_thread()
        try:
            for pulse in pulses:
                yield pulse
                if self._closed:
                    return
                self._take_thread()
        except Exception as error:
            self._fail(error)
            raise StepFailed(self.trouble) from error
        finally:
            pulses.close()

    def _take_thread(self) -> None:
        """Make the present thread compute as the run does; it may be another, or have been used, after any pulse."""
        thread = threading.get_ident()
        if thread != self._thread or torch.get_num_threads() != self.threads:  # a new thread inherits nothing
            self._thread = thread
            torch.set_num_threads(self.threads)
        if not torch.is_grad_enabled():
            torch.set_grad_enabled(True)

    def _pulses(self) -> Generator[Pulse, None, None]:
        if self.step == 0:
            self._knob_rows = {key: float(value) for key, value in self.board.values.items() if key != "lr"}
        begun = False
        while not self._closed:
            try:
                if not begun:
                    begun = True
                    if self.state == "ready":
                        self._become("running")
                    elif self.state == "paused":
                        self.recorder.status("paused")
                if self._unsettled:
                    yield from self._settle()
                    if self._end_as is not None:  # stopped early: the end is another matter than the validation
                        yield Pulse("validation", self.step, self._loss)
                self._boundary()
                if self.state == "paused":
                    self.recorder.tick(time.monotonic(), 0.0)
                    if self.engine.watch is not None:
                        self.engine.watch.service(self)
                    yield Pulse("paused", self.step, self._loss)
                elif self._end_as is not None or self._done():
                    yield from self._finish(self._end_as or "completed")
                else:
                    yield from self._one_step()
            except RunLogError as error:
                # What was not written is still in memory, so the run may go on when there is room again.
                self._pause(str(error))
                yield Pulse("paused", self.step, self._loss)

    def _boundary(self) -> None:
        """Bring into force what was asked, before the next forward pass."""
        if self._pause_after is not None and self.step >= self._pause_after and self.state == "running":
            self._pause_after = None
            self._become("paused")
        self._control_asked = False
        following = self.step + 1
        if following <= self._retrace_until or self._asked:
            self._retrace(self._asked.pop(following, ()))
            if following <= self._retrace_until and self.state != "paused":
                return
        if self._desk.has_mail(following):
            for decision in self._desk.drain(self._place()):
                self._to_record.extend(decision.events)
                self._decided.append(decision)
        while self._decided:  # the disk may refuse in the middle; the rest is then carried out at the next try
            self._carry_out(self._decided.popleft())
        if self._to_record:
            self._record_events()
        if self.keeper is not None and (self.keeper.busy or self._to_list):
            self._note_written(wait=False)

    def _record_events(self) -> None:
        """Write events down; what the disk refuses is tried again before the next step, and no step is made before."""
        while self._to_record:
            self.recorder.event(self._to_record[0])
            self._to_record.popleft()

    def _place(self) -> Place:
        order = self.engine.order
        return Place(self.step, order.epoch + 1, 0) if order.at_end else Place(self.step, order.epoch, order.cursor)

    def _carry_out(self, decision: Decision) -> None:
        if not decision.granted:
            return
        request = decision.request
        if decision.changes:
            self.engine.levers.apply(decision.changes, self.board.values)
            for key, value in decision.changes.items():
                if key != "lr":
                    self._knob_rows[key] = float(value)
            return
        match request.action:
            case "run":
                self._pause_after = self.step + request.steps if request.steps else None
                self.trouble = None
                self._become("running")
            case "pause":
                self._become("paused")
            case "stop":
                self._end_as = "stopped"
                self.state = "running"
            case "save":
                self._save("periodic")
            case "extend":
                self._extend(request.steps or 0)

    def _extend(self, steps: int) -> None:
        self._limit_steps, self._limit_epochs = steps, None
        if self._end_as == "completed":  # stopped early: whoever extends the run wants it to go on
            self._end_as, self._bad_validations = None, 0

    def _one_step(self) -> Iterator[Pulse]:
        began_secs = time.monotonic()
        self.recorder.tick(began_secs, self._step_secs)
        engine, number = self.engine, self.step + 1
        self._update_from = engine.order.epoch, engine.order.cursor
        base = self.board.values["lr"]
        lr = base if self._constant_factor else base * factor(self.config, self._fraction())
        sizes = engine.sizes()
        total = sum(sizes)
        try:
            for index, size in enumerate(sizes):
                engine.batch(number, index, size, total)
                if index + 1 < len(sizes):
                    yield Pulse("batch", self.step, self._loss)
            loss, metric = engine.update(lr)
        except NonFinite as error:
            self._abandon_update()
            self._nonfinite(number, str(error))
            return
        except BaseException:
            self._abandon_update()
            raise
        self.step, self._update_from, self._unsettled = number, None, True
        if self._knob_rows:
            for key, value in self._knob_rows.items():
                self.recorder.scalar(f"knob/{key}", number, value)
            self._knob_rows = {}
        if self._on_cpu:
            self._loss, self._metric = loss, metric
            self.recorder.row(number, loss, metric, base, lr)
        else:
            self._in_flight.append((number, torch.stack((loss, metric)), base, lr))
            self._land(_MAX_IN_FLIGHT)
        self._step_secs += 0.1 * (time.monotonic() - began_secs - self._step_secs)
        if self.engine.watch is not None:
            self.engine.watch.service(self)
        yield Pulse("step", number, self._loss)

    def _abandon_update(self) -> None:
        """Forget an update that was begun and is not made."""
        if self._update_from is not None:
            self.engine.abandon_update(*self._update_from)
            self._update_from = None

    def _settle(self) -> Iterator[Pulse]:
        """Do what is due after an update. Whatever cuts this short, it is done before the next one."""
        if self._validation_due() and self._validated_at != self.step:
            yield from self._validate()
        if self.keeper is not None and self.keeper.due(self.step):
            self._save("periodic")
        self._unsettled = False

    def _land(self, keep: int) -> None:
        """Write the rows of updates that the device has finished; wait until at most `keep` are under way."""
        while len(self._in_flight) > keep:
            number, numbers, base, lr = self._in_flight.popleft()
            loss, metric = numbers.tolist()
            self._loss, self._metric = loss, metric
            self.recorder.row(number, loss, metric, base, lr)
            if not math.isfinite(loss) and self.state == "running":
                self._nonfinite(number, "seen after the update, since the device computes ahead")

    def _fraction(self) -> float:
        """Return the part of the run that is done, over the horizon that the configuration fixes."""
        if self.config.steps is not None:
            return min(1.0, self.step / self.config.steps)
        order, n = self.engine.order, len(self.engine.train)
        return min(1.0, (order.epoch - 1 + order.cursor / n) / (self.config.epochs or 1))

    def _done(self) -> bool:
        if self._limit_steps is not None:
            return self.step >= self._limit_steps
        order = self.engine.order
        return order.epoch >= (self._limit_epochs or 0) and order.at_end

    # Validation, best weights, early stopping

    def _validation_due(self) -> bool:
        if not len(self.engine.validation):
            return False
        every = self.config.validation_every
        return self.step % every == 0 if every else self.engine.order.at_end

    def _validate(self, *, final: bool = False) -> Iterator[Pulse]:
        """Validate; count for early stopping unless it is the one at the end, which an extended run does not have."""
        self._land(0)
        loss, _ = yield from self._evaluate("validation")
        better = loss < self._best_loss
        if not final:
            self._validated_at = self.step
            self._bad_validations = 0 if better else self._bad_validations + 1
        if better:
            self._best_loss = self._best_loss if final else loss
            if self.keeper is not None:
                self.keeper.hold_best(self.snapshot())
        elif not final and self.config.patience and self._bad_validations >= self.config.patience:
            why = f"the validation loss has not improved for {self._bad_validations} validations"
            self._end_as = "completed"
            self._note("stop", why, actor="rule", operation="control")

    def _evaluate(self, split: str) -> Generator[Pulse, None, tuple[float, float]]:
        self._evaluating = True
        try:
            for result in self.engine.evaluate(getattr(self.engine, split)):
                if result is None:
                    with suppress(RunLogError):  # said before the next step, which does the same
                        self.recorder.tick(time.monotonic(), 0.0)
                    yield Pulse("validation", self.step, self._loss)
                else:
                    names = (f"{split}/loss", f"{split}/{self.engine.criterion.metric_name}")
                    for name, value in zip(names, result, strict=True):
                        self.metrics[name] = value
                        if self._scored.get(split) != self.step:
                            self.recorder.scalar(name, self.step, value)
                    self._scored[split] = self.step
                    return result
        finally:
            self._evaluating = False
        raise AssertionError("an evaluation ended without a result")

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

    def _pause(self, trouble: str) -> None:
        self.trouble = trouble
        self.state = "paused"

    def _note(self, key: str, why: str, *, actor: str = "engine", operation: str = "notice") -> None:
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

    def _nonfinite(self, step: int, where: str) -> None:
        self.trouble = f"The loss of step {step} is not finite; it began {where}."
        self._note("nonfinite", self.trouble, actor="rule")
        self._become("paused")

    def _finish(self, state: RunState) -> Iterator[Pulse]:
        self._land(0)
        if len(self.engine.validation) and self._validated_at != self.step and self.step:
            yield from self._validate(final=True)
        if self.config.test and len(self.engine.test) and self.step:
            yield from self._evaluate("test")
        self.end(state)

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
        for decision in self._desk.dismiss(self._place(), "The run was just ending."):
            self._to_record.extend(decision.events)
        self._record_events()
        if self.keeper is not None:
            if self.step:
                self._save("last")
            self._note_written(wait=True)
        self.weights_sha256 = weights_sha256(self.engine.model)
        try:
            self.recorder.close(state, self.step, self.weights_sha256)
        except RunLogError as error:
            if self.recorder.is_open:
                raise
            self.trouble = str(error)  # the journal has everything; the file is completed when it is opened again
        self.state = state
        if self.keeper is not None:
            self.keeper.close()

    def _fail(self, error: Exception) -> None:
        memory = isinstance(error, torch.OutOfMemoryError) or "memory" in str(error).lower()
        hint = " The device is out of memory: try a smaller batch_size." if memory else ""
        self.trouble = f"Step {self.step + 1} failed: {type(error).__name__}: {str(error)[:500]}.{hint}"
        self.state, self._closed = "failed", True
        weights = None
        with suppress(Exception):  # a device that has failed may give nothing more
            self._land(0)
            weights = weights_sha256(self.engine.model)
        try:
            for decision in self._desk.dismiss(self._place(), "The run has just failed."):
                self._to_record.extend(decision.events)
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

    def current_sha256(self) -> str:
        """Return the digest of the weights as they are now, see `neuralforge.train.hashing`."""
        return weights_sha256(self.engine.model)

    # Snapshots

    def snapshot(self) -> Snapshot:
        """Copy everything that is needed to go on from here."""
        self._land(0)
        state = {
            **self.engine.state(),
            "step": self.step,
            "best_loss": self._best_loss if math.isfinite(self._best_loss) else None,
            "bad_validations": self._bad_validations,
            "validated_at": self._validated_at,
            "limit_steps": self._limit_steps,
            "limit_epochs": self._limit_epochs,
            "stopped_early": self._end_as == "completed",
            "numbers": [self._loss, self._metric],
            "metrics": dict(self.metrics),
        }
        return Snapshot(self.engine.tensors(), state)

    def restore(self, snapshot: Snapshot) -> None:
        """Go to where a snapshot was taken. Before the first step, or between two.

        Raises:
            UserError: When the snapshot belongs to another network.
        """
        state: Mapping[str, Any] = snapshot.state
        self.engine.restore(dict(snapshot.tensors), dict(state))
        self.step = state["step"]
        self._best_loss = math.inf if state["best_loss"] is None else state["best_loss"]
        self._bad_validations = state["bad_validations"]
        self._validated_at = state["validated_at"]
        self._limit_steps, self._limit_epochs = state["limit_steps"], state["limit_epochs"]
        self._end_as = "completed" if state["stopped_early"] else None
        self._loss, self._metric = state["numbers"]
        self.metrics = dict(state["metrics"])
        self._unsettled = self._validation_due() and self._validated_at != self.step
        if self._history is not None:
            self._start_retracing(self._history, after=self.step)

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

    # Going over recorded steps

    def _start_retracing(self, history: History, after: int) -> None:
        self._asked = history.requests(after)
        self._retrace_until = history.last_step

    def _retrace(self, events: list[Event] | tuple[Event, ...]) -> None:
        """Bring into force what the record says; nothing of it is written again."""
        changes: dict[str, Any] = {}
        for event in events:
            if event.operation == "set":
                changes[event.key] = event.new
            else:
                self._extend(int(event.new or 0))
        if changes:
            checked = self.board.check(changes)
            self.board.commit(checked)
            self._knob_rows.update({key: float(value) for key, value in checked.items() if key != "lr"})
            self.engine.levers.apply(checked, self.board.values)

    def repost(self, event: Event) -> None:
        """Take up again a request for a later step that was queued when the run was interrupted."""
        self._desk.repost(event)
