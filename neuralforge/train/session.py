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
from neuralforge.train.boundary import Steered
from neuralforge.train.checkpoint import Snapshot
from neuralforge.train.desk import Desk, Place
from neuralforge.train.devices import default_threads
from neuralforge.train.engine import Engine, NonFinite
from neuralforge.train.hashing import weights_sha256
from neuralforge.train.keeper import Keeper
from neuralforge.train.recorder import History, Recorder
from neuralforge.train.schedules import factor, is_constant
from neuralforge.workbench.knobs import KnobValue
from neuralforge.workbench.status import Ahead, Progress, Pulse, RunState

_MAX_IN_FLIGHT = 2


class StepFailed(RuntimeError):
    """A step raised; the run has ended as failed and its log is whole. The cause is chained."""


class TrainingSession(Steered):
    """One run, from its first step to its end.

    Args:
        engine: What it computes with.
        recorder: Where it writes.
        keeper: Writes its checkpoints; None writes none.
        history: Record of steps that are to be gone over again, on resume and replay.
        paused: Whether it waits for "run" before the first step.

    Attributes:
        may_look: Whether the next update may be followed by a look into the network, if one is due. Whoever pumps the
            session between frames says so.
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
        desk = Desk(engine.board, history.next_gesture() if history else 1)
        super().__init__(desk, recorder, keeper, paused=paused)
        self.engine = engine
        self.may_look = True
        self.config = engine.config
        self.threads = self.config.threads or default_threads()
        self._history = history
        self._asked: dict[int, list[Event]] = {}
        self._retrace_until = 0
        self._limit_steps = self.config.steps
        self._limit_epochs = self.config.epochs
        self._end_as: RunState | None = None
        self._best_loss = math.inf
        self._bad_validations = 0
        self._validated_at = 0
        self._scored: dict[str, int] = {}
        self._unsettled = False
        self._update_from: tuple[int, int] | None = None
        self._evaluating = False
        self._loss = self._metric = math.nan
        self._constant_factor = is_constant(self.config)
        self._in_flight: deque[tuple[int, Tensor, float, float]] = deque()
        self._thread = 0
        self._step_secs = 0.0
        self._on_cpu = engine.device.type == "cpu"
        if history is not None:
            self._start_retracing(history, after=0)

    # Where it is: safe from any thread

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
        epoch, cursor = self._update_from or (order.epoch, order.cursor)  # an update that is begun is not made
        left = batches_in_epoch(n - cursor, size) if cursor < n else 0
        return self.step + left + ((self._limit_epochs or 0) - epoch) * per_epoch

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
                        self.engine.watch.service(self, paced=False)
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
        self._pause_if_due()
        self._control_asked = False
        following = self.step + 1
        if following <= self._retrace_until or self._asked:
            self._retrace(self._asked.pop(following, ()))
            if following <= self._retrace_until and self.state != "paused":
                return
        self._take_mail()

    def _place(self) -> Place:
        order = self.engine.order
        return Place(self.step, order.epoch + 1, 0) if order.at_end else Place(self.step, order.epoch, order.cursor)

    def _apply(self, changes: Mapping[str, KnobValue]) -> None:
        self.engine.levers.apply(changes, self.board.values)

    def _stop(self) -> None:
        self._end_as = "stopped"
        self.state = "running"

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
            self._write_knob_rows(number)
        if self._on_cpu:
            self._loss, self._metric = loss, metric
            self.recorder.row(number, loss, metric, base, lr)
        else:
            self._in_flight.append((number, torch.stack((loss, metric)), base, lr))
            self._land(_MAX_IN_FLIGHT)
        self._step_secs += 0.1 * (time.monotonic() - began_secs - self._step_secs)
        if self.may_look and self.engine.watch is not None:
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

    # The end, and what comes before it

    def _nonfinite(self, step: int, where: str) -> None:
        self._pause_by_rule("nonfinite", f"The loss of step {step} is not finite; it began {where}.")

    def _finish(self, state: RunState) -> Iterator[Pulse]:
        self._land(0)
        if len(self.engine.validation) and self._validated_at != self.step and self.step:
            yield from self._validate(final=True)
        if self.config.test and len(self.engine.test) and self.step:
            yield from self._evaluate("test")
        self.end(state)

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
            self._bring_into_force(checked)
