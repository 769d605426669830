"""The arithmetic of a run: model, optimizer, data and loss, one update at a time.

Legend of tensor names: x inputs, y targets, both with the batch first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from neuralforge.data.order import EpochOrder, next_batch_size
from neuralforge.data.prepare import Prepared
from neuralforge.data.seeds import derive_seed
from neuralforge.data.tensors import TensorData
from neuralforge.errors import UserError
from neuralforge.train.checkpoint import put_tensors, take_tensors
from neuralforge.train.devices import generators_of, pick_device, precisions
from neuralforge.train.levers import Levers, make_optimizer
from neuralforge.train.losses import Criterion
from neuralforge.train.subject import Kept, Origin, Subject, Terms
from neuralforge.workbench.config import TrainConfig

if TYPE_CHECKING:
    from neuralforge.train.watch import Watch

_STEP_STRIDE = 0x9E3779B97F4A7C15
"""Spreads successive steps over the seeds: 2**64 divided by the golden ratio (Knuth, TAOCP 3, 6.4)."""


class NonFinite(ArithmeticError):
    """The loss of a batch is NaN or infinite; nothing was updated. The message says where it began."""


class Engine:
    """Everything that a step computes with.

    Args:
        origin: Where the network comes from.
        prepared: The data.
        config: How to train.

    Raises:
        UserError: When the network does not fit the data, or the device does not have what is asked.
    """

    def __init__(self, origin: Origin, prepared: Prepared, config: TrainConfig) -> None:
        terms = _terms(prepared, config)
        self.config = config
        self.prepared = prepared
        self.device = terms.device
        self.criterion = terms.criterion
        self.subject: Subject = origin.make(terms)
        self.document = self.subject.document
        self.board = self.subject.board
        self.watch: Watch | None = None
        """Looks at the run between steps; it is called here with each update, and by the session after it."""

        self.model = self.subject.model
        self.forward: Callable[[Tensor], Tensor] = self._forward_of_a_copy if self.subject.writes_input else self.model
        """Goes forward; what it is given stays as it is."""
        self.optimizer = make_optimizer(config, self.model)
        if not self.optimizer.param_groups[0]["params"]:
            raise UserError("The network has nothing to train.")
        self.levers = Levers(self.model, self.optimizer, self.subject.parts, self.subject.live)
        self.levers.apply(self.board.values, self.board.values)

        self.train = TensorData.from_prepared(prepared, "train", self.device)
        self.validation = TensorData.from_prepared(prepared, "validation", self.device)
        self.test = TensorData.from_prepared(prepared, "test", self.device)
        self.order = EpochOrder(config.seed, len(self.train), epoch=1)

        self._autocast_dtype = _autocast_dtype(config, self.device)
        scaled = self._autocast_dtype is torch.float16
        self.scaler = torch.amp.GradScaler(self.device.type) if scaled else None
        self._on_cpu = self.device.type == "cpu"
        self._generators = generators_of(self.device)
        self._random_base = derive_seed(config.seed, "forward")
        self._loss: Any = 0.0
        self._hits: Any = 0.0
        self._count = 0
        self._statistics = list(self.subject.moving)
        self._statistics_before = [torch.empty_like(buffer) for buffer in self._statistics]
        self._in_update = False
        self._step = 0

    def sizes(self) -> list[int]:
        """Return the sizes of the batches of the next update: several with accumulation, all of one epoch."""
        values = self.board.values
        batch_size, accumulation = int(values["batch_size"]), int(values["accumulation"])
        n = len(self.train)
        cursor = 0 if self.order.at_end else self.order.cursor
        if accumulation == 1:
            return [next_batch_size(cursor, n, batch_size)]
        found: list[int] = []
        while len(found) < accumulation and cursor < n:
            found.append(next_batch_size(cursor, n, batch_size))
            cursor += found[-1]
        return found

    def batch(self, step: int, number: int, size: int, total: int) -> None:
        """Go forward and backward over the next batch of an update.

        Args:
            step: The update, from 1.
            number: Which batch of it, from 0.
            size: Samples to take.
            total: Samples of the whole update.

        Raises:
            NonFinite: Where the loss can be looked at before the update without waiting for the device (CPU) and
                is not finite.
        """
        if number == 0:
            self._loss, self._hits, self._count = 0.0, 0.0, 0
            if self._statistics:  # a forward pass changes them, even one whose update is not made
                torch._foreach_copy_(self._statistics_before, self._statistics)
            self._in_update, self._step = True, step
        x, y = self.train.batch(self.order.take(size))
        with self._randomness(step, number, self.subject.draws):
            if self._autocast_dtype is None:
                output = self.forward(x)
                loss = self.criterion(output, y, self.board.values.get("label_smoothing", 0.0))
            else:
                with self._autocast():
                    output = self.forward(x)
                    loss = self.criterion(output.float(), y, self.board.values.get("label_smoothing", 0.0))
        share = size / total
        if self._on_cpu:
            value = loss.item()
            if not math.isfinite(value):
                raise NonFinite(self._where_nonfinite(step, number, x))
            self._loss += value * share
            self._hits += self.criterion.hits_on_cpu(output, y)
        else:
            self._loss = self._loss + loss.detach() * share
            self._hits = self._hits + self.criterion.hits(output, y)
        self._count += self.criterion.count(y)
        if share != 1.0:
            loss = loss * share
        if self.scaler is not None:
            loss = self.scaler.scale(loss)
        loss.backward()  # type: ignore[no-untyped-call]

    def update(self, lr: float) -> tuple[Any, Any]:
        """Apply the gradients of the batches.

        Args:
            lr: Learning rate in force.

        Returns:
            Loss and metric of the update: numbers on the CPU, scalar tensors elsewhere.
        """
        watching = self.watch is not None and self.watch.before_update()
        self.levers.group["lr"] = lr
        clip = self.board.values["clip_norm"]
        if self.scaler is not None:
            if clip:
                self.scaler.unscale_(self.optimizer)
                nn.utils.clip_grad_norm_(self.model.parameters(), clip)
            self.scaler.step(self.optimizer)
            self.scaler.update()
        else:
            if clip:
                nn.utils.clip_grad_norm_(self.model.parameters(), clip)
            self.optimizer.step()
        if watching and self.watch is not None:
            self.watch.after_update(self._step)
        self.optimizer.zero_grad()
        self._in_update = False
        return self._loss, self._hits / self._count

    def abandon_update(self, epoch: int, cursor: int) -> None:
        """Forget the batches of an update that is not made, and go back to where it began."""
        self.optimizer.zero_grad()
        if self._in_update and self._statistics:
            torch._foreach_copy_(self._statistics, self._statistics_before)
        self._in_update = False
        self.order = EpochOrder(self.config.seed, len(self.train), epoch=epoch, cursor=cursor)

    @contextmanager
    def _drawing(self, seed: int) -> Iterator[None]:
        before = [generator.get_state() for generator in self._generators]
        for generator in self._generators:
            generator.manual_seed(seed)
        try:
            yield
        finally:
            for generator, state in zip(self._generators, before, strict=True):
                generator.set_state(state)

    def _randomness(self, step: int, number: int, draws: bool) -> AbstractContextManager[None]:
        """Make what a forward pass draws a function of seed, step and batch, and leave no trace outside.

        Whatever else draws from the global generator between or beside steps cannot change the numbers.
        """
        if not draws:
            return nullcontext()
        return self._drawing((self._random_base + step * _STEP_STRIDE + number) % (1 << 63))

    def _forward_of_a_copy(self, x: Tensor) -> Tensor:
        output: Tensor = self.model(x.clone())
        return output

    def _autocast(self) -> AbstractContextManager[Any]:
        dtype = self._autocast_dtype
        return nullcontext() if dtype is None else torch.autocast(self.device.type, dtype)

    def _where_nonfinite(self, step: int, number: int, x: Tensor) -> str:
        with self._randomness(step, number, self.subject.draws):
            return self.subject.inside.first_nonfinite(x)

    @contextmanager
    def _evaluating(self, number: int = 0) -> Iterator[None]:
        """Go forward in evaluation mode and without gradients, and leave everything as it was."""
        kept = Kept(self.subject.restless) if self.subject.restless else None
        self.model.eval()
        try:
            with torch.no_grad(), self._randomness(0, number, self.subject.draws_in_evaluation):
                yield
        finally:
            self.levers.training_mode()
            if kept is not None:
                kept.put_back()

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Let something look at the model between steps: evaluation mode, no gradients, the precision of the run."""
        with self._evaluating(), self._autocast():
            yield

    def evaluate(self, data: TensorData) -> Iterator[tuple[float, float] | None]:
        """Evaluate a split, part by part, between steps.

        Args:
            data: The split; not empty.

        Yields:
            None after each part but the last, then (loss, metric). The loss is without label smoothing.
        """
        total, hits, count, seen = 0.0, 0.0, 0, 0
        for number, (x, y) in enumerate(data.batches(self.config.batch_size)):
            with self._evaluating(number):
                with self._autocast():
                    output = self.forward(x)
                total += float(self.criterion(output.float(), y)) * len(x)
                hits += float(self.criterion.hits(output, y))
            count += self.criterion.count(y)
            seen += len(x)
            if seen < len(data):
                yield None
        yield total / seen, hits / count

    def tensors(self) -> dict[str, Tensor]:
        """Copy everything that a snapshot holds."""
        return take_tensors(self.model, self.optimizer)

    def state(self) -> dict[str, Any]:
        """Return the small things that a snapshot holds: place in the data, knobs, gradient scale."""
        return {
            "epoch": self.order.epoch,
            "cursor": self.order.cursor,
            "values": dict(self.board.values),
            "scaler": self.scaler.state_dict() if self.scaler is not None else None,
        }

    def restore(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Go back to what `tensors` and `state` returned.

        Raises:
            UserError: When they belong to another network.
        """
        if state["cursor"] > len(self.train):
            raise UserError("The checkpoint belongs to a run with more data than this one has.")
        self._in_update = False
        put_tensors(tensors, self.model, self.optimizer)
        self.abandon_update(state["epoch"], state["cursor"])
        values = {key: self.board.find(key).check(value) for key, value in state["values"].items()}
        self.board.commit(values)
        self.levers.apply(values, self.board.values)
        if self.scaler is not None and state["scaler"] is not None:
            self.scaler.load_state_dict(state["scaler"])


def check_engine(origin: Origin, prepared: Prepared, config: TrainConfig) -> None:
    """Find out whether an engine could be made, without making it and without drawing a number.

    Args:
        origin: Where the network comes from.
        prepared: The data.
        config: How to train.

    Raises:
        UserError: When the network does not fit the data, or the device does not have what is asked.
    """
    origin.check(_terms(prepared, config))


def _terms(prepared: Prepared, config: TrainConfig) -> Terms:
    device = pick_device(config.device)
    _autocast_dtype(config, device)
    criterion = Criterion(config.loss, prepared.info, prepared.preprocessing)
    return Terms(prepared=prepared, criterion=criterion, config=config, device=device)


def _autocast_dtype(config: TrainConfig, device: torch.device) -> torch.dtype | None:
    if config.precision not in precisions(device):
        there = ", ".join(precisions(device))
        raise UserError(f"{device.type} cannot train in {config.precision}. There is: {there}.")
    return None if config.precision == "float32" else getattr(torch, config.precision)
