"""The numbers that a loop logs by name, on their way from the person's code to the rows of the log."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import KeysView, Mapping
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from neuralforge.errors import UserError
from neuralforge.runs.header import is_series_name
from neuralforge.train.loop_log import LoopRecorder

LOSS: Final = "train/loss"
_MAX_IN_FLIGHT: Final = 2
_OWN_GROUPS: Final = ("knob", "effective")


class _Sent(NamedTuple):
    """A number on its way from a device; `event` says when it has arrived, None where reading it waits by itself."""

    number: Tensor
    event: torch.cuda.Event | None

    def read(self) -> float:
        if self.event is not None:
            self.event.synchronize()
        return float(self.number)


_Row = tuple[int, dict[str, Any], float | None, bool]
"""Step, what was logged in it, the learning rate that was in force (None where the optimizer has none), and whether
this was logged in a turn or after it."""


class LoopNumbers:
    """Takes numbers by name and writes them as rows.

    The names that come back in the first two turns are logged together with the learning rate, in one channel; a turn
    that lacks one of them has NaN there. All others are series of their own.

    Args:
        recorder: Where they are written.
        knobs_lr: Whether the learning rate is a knob.

    Attributes:
        metrics: Last value of each series that is not of the group "train".
    """

    def __init__(self, recorder: LoopRecorder, *, knobs_lr: bool) -> None:
        self.metrics: dict[str, float] = {}
        self._recorder = recorder
        self._lr_names = ("knob/lr", "effective/lr") if knobs_lr else ("effective/lr",)
        self._known: dict[str, str] = {}
        self._now: dict[str, Any] = {}
        self._from_device = False
        self._rows: deque[_Row] = deque()
        self._usual: deque[tuple[int, dict[str, float], float | None]] = deque()
        """Step, numbers and learning rate of turns as most are, older than all that stand in `_rows`."""
        self._names: tuple[str, ...] | None = None
        self._usual_keys: KeysView[str] | None = None
        """The same where there is a channel: not where turns have neither a name in common nor a learning rate."""
        self._lr_count = 0
        self._alone_at: dict[str, int] = {}

    def put(self, values: Mapping[str, object]) -> None:
        """Take numbers of the turn that is being made; of one name the last.

        Raises:
            UserError: When the log cannot hold a name or a value.
        """
        known, now = self._known, self._now
        for name, value in values.items():
            series = known.get(name) or self._series(name)
            now[series] = value if type(value) is float else self._number(name, value)

    @property
    def has_any(self) -> bool:
        """Whether the turn that is being made has a number."""
        return bool(self._now)

    def forget(self) -> None:
        """Drop the numbers of a turn that is not made."""
        self._now = {}

    def finish(self, step: int, lr: float | None) -> bool:
        """Take that the turn was made; its row waits to be written.

        Args:
            step: Its number.
            lr: Learning rate in it; None where there is none.

        Returns:
            Whether the row may wait: one like most, of a finite loss.
        """
        now, self._now = self._now, {}
        if now.keys() != self._usual_keys or self._rows or self._from_device:
            self._rows.append((step, now, lr, True))
            return False
        self._usual.append((step, now, lr))
        return math.isfinite(now.get(LOSS, 0.0))

    def write_usual(self) -> tuple[int, float | None] | None:
        """Write rows that wait, those of turns that were like most.

        Returns:
            Step and loss of the last of them, None for a loss that was not logged; None where none waited.
        """
        rows, write, names, lr_count = self._usual, self._recorder.row, self._names or (), self._lr_count
        step, loss = 0, None
        while rows:
            step, values, lr = rows.popleft()
            loss = values.get(LOSS)
            write(step, *[values[name] for name in names], *(math.nan if lr is None else lr,) * lr_count)
        return (step, loss) if step else None

    def put_after(self, step: int, values: Mapping[str, object]) -> None:
        """Take numbers after a turn, for its step; all rows before must have been written.

        Args:
            step: The last turn that was made.
            values: Name -> number.

        Raises:
            UserError: When the log cannot hold a name or a value, or has one for this step.
        """
        if not step:
            raise UserError("Nothing can be logged before the first step: the log counts them from 1.")
        found = {self._known.get(name) or self._series(name): self._number(name, v) for name, v in values.items()}
        for series in found:
            is_taken = any(series in there and number == step for number, there, _, _ in self._rows)
            if is_taken or series in (self._names or ()) or self._alone_at.get(series) == step:
                raise UserError(f"{series} has a value for step {step} already.")
        self._alone_at.update(dict.fromkeys(found, step))
        self._rows.append((step, found, None, False))

    # Names and numbers

    def _series(self, name: str) -> str:
        """Return the series of a name that was not logged before."""
        series = name if "/" in name else f"train/{name}"
        if not is_series_name(series):
            wanted = "letters, digits and `_ . -`, in a group or not: `loss`, `validation/loss`"
            raise UserError(f"A number is named with {wanted}. Received: {name!r:.80}")
        if series.partition("/")[0] in _OWN_GROUPS:
            raise UserError(f"{name} cannot be logged: the rows of the knobs are written by themselves.")
        self._known[name] = series
        return series

    def _number(self, name: str, value: object) -> Any:
        """Return a number; one on a device is sent on its way."""
        if isinstance(value, Tensor):
            if value.is_cpu and value.numel() == 1 and type(found := value.item()) is not complex:
                return float(found)
            if not value.is_cpu and value.numel() == 1 and not value.is_complex():
                self._from_device = True
                return _send(value.detach())
            received = f"a tensor of {list(value.shape)}"
        elif isinstance(value, int | float):
            return float(value)
        else:
            item = getattr(value, "item", None)
            number = item() if callable(item) and getattr(value, "size", 0) == 1 else None  # of NumPy
            if isinstance(number, int | float):
                return float(number)
            received = f"{value!r:.80}"
        raise UserError(f"{name} must be one number. Received: {received}")

    # Rows

    def waiting(self) -> int:
        """Return how many rows are due to be written, besides those of `write_usual`.

        Those of the last turns may wait for a device, and that of the first one for the second, which tells which names
        come back.
        """
        if self._from_device:
            return len(self._rows) - _MAX_IN_FLIGHT
        return len(self._rows) if self._names is not None or len(self._rows) > 1 else 0

    def __len__(self) -> int:
        """Return how many rows are not written, besides those of `write_usual`."""
        return len(self._rows)

    def write_next(self) -> tuple[int, float | None]:
        """Write the oldest row, after `write_usual`; what the disk refuses of it stays.

        Returns:
            Its step and loss; None where none was logged.

        Raises:
            RunLogError: The log cannot be written.
        """
        step, values, lr, is_turn = self._rows[0]
        if self._from_device:
            for series, value in values.items():
                if type(value) is _Sent:
                    values[series] = value.read()
        if self._names is None:
            self._declare()
        loss = values.get(LOSS)
        names = self._names if is_turn and self._names else ()
        numbers = [values.get(name, math.nan) for name in names]
        if len(values) > len(names) or any(name not in values for name in names):
            self._write_alone(step, values, names)
        if is_turn and (names or self._lr_count):
            self._recorder.row(step, *numbers, *(math.nan if lr is None else lr,) * self._lr_count)
        self._rows.popleft()
        return step, loss

    def _write_alone(self, step: int, values: dict[str, Any], names: tuple[str, ...]) -> None:
        """Write the series that are not in the channel of the rows."""
        for series in [series for series in values if series not in names]:
            self._recorder.scalar(series, step, values[series])
            self._alone_at[series] = step
            if not series.startswith("train/"):
                self.metrics[series] = values[series]
            del values[series]

    def _declare(self) -> None:
        """Declare the channel of the rows: the names that all turns so far have, and the learning rate."""
        turns = [values for _, values, _, is_turn in self._rows if is_turn]
        names = tuple(name for name in turns[0] if name.startswith("train/") and all(name in turn for turn in turns))
        lr_names = () if self._rows[0][2] is None else self._lr_names
        if names or lr_names:
            self._recorder.declare((*names, *lr_names))
            self._usual_keys = dict.fromkeys(names).keys()
        self._names, self._lr_count = names, len(lr_names)


def _send(value: Tensor) -> _Sent:
    """Send a number from a device on its way: as it is now, whatever is done to the tensor later."""
    if not value.is_cuda:
        return _Sent(value.clone(), None)
    number = torch.empty(value.shape, dtype=value.dtype, pin_memory=True)
    number.copy_(value, non_blocking=True)
    event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    event.record(torch.cuda.current_stream(value.device))
    return _Sent(number, event)
