"""Schedules: pure functions from progress to a factor on the base learning rate.

Progress is the part of the run that is done, from 0 to 1, over a horizon that the configuration fixes. The knob stays
the base, so a schedule never overwrites what a hand has set.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neuralforge.workbench.config import TrainConfig

ONE_CYCLE_RISE = 0.3
ONE_CYCLE_START = 1 / 25
ONE_CYCLE_END = ONE_CYCLE_START / 1e4


def factor(config: TrainConfig, progress: float) -> float:
    """Return the factor in force.

    Args:
        config: Gives the schedule and its parameters.
        progress: Part of the run that is done, from 0 to 1.

    Returns:
        The factor. `step`: gamma to the number of milestones passed. `cosine`: half a cosine from 1 to min_factor
        (Loshchilov and Hutter, "SGDR", 2017, without restarts). `one_cycle`: from 1/25 up to 1 over the first 30 %,
        then down to 4e-6, both as half cosines (Smith and Topin, "Super-Convergence", 2018, with the defaults of
        PyTorch; momentum is left to its knob). `warmup` multiplies each by a straight rise from 0.
    """
    progress = min(max(progress, 0.0), 1.0)
    value = 1.0
    if config.schedule == "step":
        value = config.gamma ** sum(progress >= milestone for milestone in config.milestones)
    elif config.schedule == "cosine":
        value = _half_cosine(1.0, config.min_factor, progress)
    elif config.schedule == "one_cycle":
        if progress < ONE_CYCLE_RISE:
            value = _half_cosine(ONE_CYCLE_START, 1.0, progress / ONE_CYCLE_RISE)
        else:
            value = _half_cosine(1.0, ONE_CYCLE_END, (progress - ONE_CYCLE_RISE) / (1 - ONE_CYCLE_RISE))
    if progress < config.warmup:
        value *= progress / config.warmup
    return value


def planned_lr(
    config: TrainConfig, total_steps: int, points: int, horizon_steps: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Give the factor over a run that is still to come, for a line in a plot.

    Args:
        config: Gives the schedule and its parameters.
        total_steps: Updates of the whole run.
        points: About how many points the line is to have; a few more where the schedule turns or drops.
        horizon_steps: Updates over which the schedule stretches; where nothing is said, those of the configuration,
            or all of them where it counts in epochs. They differ where a run was extended.

    Returns:
        Steps, int64 [P], rising, from 1 to `total_steps`; and the factor in force in each, float64 [P].
    """
    horizon = max(1, horizon_steps or config.steps or total_steps)
    turns = [config.warmup]
    if config.schedule == "step":
        turns += config.milestones
    elif config.schedule == "one_cycle":
        turns.append(ONE_CYCLE_RISE)
    # In step s the part of s - 1 updates is done. The step at a turn and its neighbours keep the corner sharp.
    corners = [1 + round(turn * horizon) + offset for turn in (*turns, 1.0) for offset in (-1, 0, 1)]
    even = np.linspace(1, total_steps, max(2, points)).round()
    steps = np.unique(np.concatenate([even, corners])).astype(np.int64)
    steps = steps[(steps >= 1) & (steps <= total_steps)]
    return steps, np.array([factor(config, (step - 1) / horizon) for step in steps.tolist()])


def is_constant(config: TrainConfig) -> bool:
    """Tell whether the factor is 1 all along."""
    return config.schedule == "constant" and config.warmup == 0


def _half_cosine(start: float, end: float, part: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * part)) / 2
