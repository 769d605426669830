"""What a session tells while it runs: immutable values, safe to read from any thread."""

from __future__ import annotations

from typing import Literal, NamedTuple

RunState = Literal["ready", "running", "paused", "completed", "stopped", "failed", "interrupted"]
"""A run is "ready" until its first step is begun, and "interrupted" where its files tell that its writer has died."""

PulseKind = Literal["step", "batch", "validation", "paused"]

Ahead = Literal["step", "validation", "long"]
"""What comes before the next pulse: a step or a batch of one, a part of a validation, or what may take long."""


class Pulse(NamedTuple):
    """A sign of life of the session: its driver may draw a frame after each.

    Args:
        kind: "step" after an update; "batch" between the batches of one update; "validation" after a part of a
            validation; "paused" while the session waits for a request.
        step: Number of updates made.
        loss: Loss of the last update, NaN where it is not known yet.
    """

    kind: PulseKind
    step: int
    loss: float = float("nan")


class Progress(NamedTuple):
    """Where a run is.

    Args:
        state: Its state.
        step: Updates made.
        total_steps: Updates to be made; an estimate where the run ends by epochs and the batch size may change.
        epoch: Epoch of the next sample, from 1.
        fraction: Part of the run that is done, from 0 to 1.
        loss: Loss of the last update.
        metrics: Last value of each series, for example "validation/accuracy".
        trouble: Why the run is paused or failed, if it is because of a problem.
        batch: Updates made in this epoch, counted with the batch size that is in force.
        batches: Updates of this whole epoch, counted so; 0 where that is not known.
    """

    state: RunState
    step: int
    total_steps: int
    epoch: int
    fraction: float
    loss: float
    metrics: dict[str, float]
    trouble: str | None
    batch: int = 0
    batches: int = 0
